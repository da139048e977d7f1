package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A prometheus is a running Prometheus. It has all its files in a directory of its own, and neither uses nor disturbs
// one that the system runs.
type prometheus struct {
	url string
}

// prometheusConfig has the address of the target in place of bookings.internal:8080. docs/guide/metrics.md shows a part of it.
const prometheusConfig = `
global:
  scrape_interval: 250ms
scrape_configs:
  - job_name: bookings
    static_configs:
      - targets: ["bookings.internal:8080"]
`

// programs of Debian's package prometheus.
func needPrometheus(t *testing.T) {
	t.Helper()
	for _, program := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s: apt-get install prometheus", program)
		}
	}
}

// supervisor runs a program, $@, until standard input is at its end: the test wants that, or is no more, however it ended.
const supervisor = `"$@" & pid=$!
read -r never
kill -KILL $pid
wait $pid`

// startPrometheus starts a Prometheus that scrapes /metrics of the target, such as http://127.0.0.1:80, until the test ends.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	needPrometheus(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := strings.Replace(prometheusConfig, "bookings.internal:8080", strings.TrimPrefix(target, "http://"), 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Another process may take the port that was free. Prometheus then ends.
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		var log bytes.Buffer
		cmd := exec.Command("/bin/sh", "-c", supervisor, "sh", "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
			"--web.listen-address="+address, "--enable-feature=exemplar-storage", "--log.level=warn")
		cmd.Dir, cmd.Stderr = dir, &log
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := func() {
			stdin.Close()
			_ = cmd.Wait() // it was killed
		}
		p := &prometheus{"http://" + address}
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			resp, err := http.Get(p.url + "/-/ready")
			if err != nil {
				continue
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				t.Cleanup(stop)
				return p
			}
		}
		stop()
		t.Logf("Prometheus does not start:\n%s", log.String())
	}
	t.Fatal("no Prometheus")
	return nil
}

// get reads data of Prometheus's HTTP API.
func (p *prometheus) get(t *testing.T, path string, query url.Values, data any) {
	t.Helper()
	resp, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status != "success" {
		t.Fatalf("%s %v: %s", path, query, answer.Error)
	}
}

// A promSample is an element of an instant vector.
type promSample struct {
	Metric map[string]string
	Value  promValue
}

type promValue float64

func (v *promValue) UnmarshalJSON(text []byte) error {
	var pair [2]any
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(fmt.Sprint(pair[1]), 64)
	*v = promValue(f)
	return err
}

// query returns the value of an expression now, which must be an instant vector.
func (p *prometheus) query(t *testing.T, expr string) []promSample {
	t.Helper()
	var data struct{ Result []promSample }
	p.get(t, "/api/v1/query", url.Values{"query": {expr}}, &data)
	return data.Result
}

// waitFor waits until an expression has the value.
func (p *prometheus) waitFor(t *testing.T, expr string, want float64) {
	t.Helper()
	until(t, fmt.Sprint(expr, " is ", want), func() bool {
		got := p.query(t, expr)
		return len(got) == 1 && float64(got[0].Value) == want
	})
}

// promtool runs promtool and returns its output. It must succeed.
func promtool(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	needPrometheus(t)
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

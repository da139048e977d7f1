package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/traceship"
)

func TestMain(m *testing.M) {
	m.Run()
	os.RemoveAll(commandDir)
}

var commandDir string // set by commandFile

// commandFile builds the command once for all tests, and returns its file.
var commandFile = sync.OnceValues(func() (file string, err error) {
	if commandDir, err = os.MkdirTemp("", "slogtrace-command"); err != nil {
		return "", err
	}
	file = filepath.Join(commandDir, "slogtrace")
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Dir = filepath.Join("..", "cmd", "slogtrace")
	cmd.Env = append(os.Environ(), "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return file, nil
})

// A ran is what the command wrote.
type ran struct {
	stdout, stderr string
	code           int
}

// withoutStores is the environment without the variables of the command.
func withoutStores() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SLOGTRACE_") })
}

// command runs the command with an environment that names no store.
func command(t testing.TB, env []string, args ...string) ran {
	t.Helper()
	file, err := commandFile()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file, args...)
	cmd.Env = append(withoutStores(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// A stream is what a command writes while it runs.
type stream struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *stream) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *stream) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startCommand starts the command with an environment that names no store.
func startCommand(t testing.TB, env []string, args ...string) (cmd *exec.Cmd, stdout, stderr *stream) {
	t.Helper()
	file, err := commandFile()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr = new(stream), new(stream)
	cmd = exec.CommandContext(t.Context(), file, args...)
	cmd.Env = append(withoutStores(), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout, stderr
}

// awaitLines waits until there are so many lines, for 20 seconds at most.
func awaitLines(t testing.TB, o *stream, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); strings.Count(o.String(), "\n") < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %d lines in:\n%s", n, o)
		}
	}
}

// compareTail compares the messages of what tail has written, in any order.
func compareTail(t testing.TB, stdout string, want []string, stderr string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(stdout) {
		got = append(got, decoded[struct{ Msg string }](t, line).Msg)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n(-want +got):\n%s", stderr, diff)
	}
}

// decoded is a value of JSON.
func decoded[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %.1000s", err, text)
	}
	return v
}

// A stored is a log in a file and in VictoriaLogs.
type stored struct {
	file string
	from string // for --from
	text []byte
}

// shipmentNamed is the number of a shipment.
func shipmentNamed(t testing.TB, name string) int {
	t.Helper()
	i := slices.IndexFunc(shipments, func(s shipmentKind) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("no shipment %q", name)
	}
	return i
}

// storeLog makes a log of traces, and sends it to a node as a shipment does.
func storeLog(t testing.TB, n *victorialogs.Node, tenant string, shipment int, o loggen.Options) stored {
	t.Helper()
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, o); err != nil {
		t.Fatal(err)
	}
	return storeLines(t, n, tenant, shipment, log.Bytes())
}

// storeLines sends lines to a node as a shipment does.
func storeLines(t testing.TB, n *victorialogs.Node, tenant string, shipment int, lines []byte) stored {
	t.Helper()
	sendLines(t, n, tenant, shipments[shipment], lines)
	return storedAt(t, strings.Replace(n.URL, "http:", "victorialogs:", 1)+"?tenant="+tenant, lines)
}

// sendLines sends lines to a node, and makes them visible.
func sendLines(t testing.TB, n *victorialogs.Node, tenant string, shipment shipmentKind, lines []byte) {
	t.Helper()
	opts := shipment.opts
	opts.Headers = map[string]string{"AccountID": tenant}
	w, err := traceship.NewWriter(n.URL+shipment.path, &opts)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
		if w.Stats().Waiting > 5000 {
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.Flush(t)
}

// storedAt writes the lines of a store to a file, too.
func storedAt(t testing.TB, from string, lines []byte) stored {
	t.Helper()
	s := stored{file: filepath.Join(t.TempDir(), "app.log"), from: from, text: lines}
	if err := os.WriteFile(s.file, lines, 0o666); err != nil {
		t.Fatal(err)
	}
	return s
}

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// storeQuestions are commands whose answers must be the same from a file and from a store.
var storeQuestions = []string{
	"ls", "ls --error", "ls --op POST*", "ls --op calendar.reserve --min 10ms", "ls --service payments --max 3ms", "ls --sort duration --limit 5",
	"ls --where http.response.status_code>=500", "ls --where attempt=2", "ls --where error~timed", "ls --grep timed.out", "ls --where state=open",
	"ls --since 2026-03-01T09:15:02Z --until 2026-03-01T09:15:03Z", "ls --error --since 2026-03-01T09:15:01Z", "ls --where level=WARN", "ls --min 1h",
	"stats", "stats --by service", "stats --by op,error", "stats --by http.route", "stats --error", "stats --op calendar.*", "stats --self", "stats --min 5ms --by kind",
	"stats --since 2026-03-01T09:15:02Z --until 2026-03-01T09:15:04Z", "stats --where http.response.status_code=200",
	"errors", "errors --sort last", "errors --op payment.*", "errors --since 2026-03-01T09:15:02Z", "errors --grep declined",
	"stats --traces", "stats --every 1s", "stats --lines --by level", "stats --where root.service=booking-api", "errors --new-since 2026-03-01T09:15:04Z",
	"show --tree --limit 3", "show --error --limit 2", "show --op webhook.deliver --limit 2",
}

// sinceAll makes the time of a question that of all lines.
const sinceAll = "2026-02-28"

// Every command gives the same answer from VictoriaLogs as from the file with the same lines, in each layout.
func TestStoreSameAnswers(t *testing.T) {
	t.Parallel()
	n := victorialogs.Start(t)
	for tenant, name := range []string{"JSONLines", "JSONLines with the line", "Loki, whole", "Splunk"} {
		t.Run(name, func(t *testing.T) {
			s := storeLog(t, n, string(rune('1'+tenant)), shipmentNamed(t, name), loggen.Options{Traces: 120, Seed: uint64(tenant)})
			for i, q := range storeQuestions { // each as text and as JSON, but not in each layout
				args := strings.Fields(q)
				if (i+tenant)%2 == 1 {
					args = append(args, "--json")
				}
				compareStore(t, s, args...)
			}
			var ids []struct{ Trace string }
			list := command(t, nil, "ls", "--json", s.file)
			if err := json.Unmarshal([]byte(list.stdout), &ids); err != nil || len(ids) < 100 {
				t.Fatalf("%d ids, %v", len(ids), err)
			}
			for _, id := range ids[:3] {
				compareStore(t, s, "show", id.Trace)
				compareStore(t, s, "show", "--json", id.Trace[:9])
				compareStore(t, s, "show", "--tree", strings.ToUpper(id.Trace[:12]))
			}
		})
	}
}

// compareStore compares the answer from a file with that from a store. The JSON of show has attributes: it is compared with the
// keys of each object in order.
func compareStore(t *testing.T, s stored, args ...string) {
	t.Helper()
	if !slices.Contains(args, "--since") {
		args = append(args, "--since", sinceAll)
	}
	file := command(t, nil, append(args, s.file)...)
	store := command(t, []string{"SLOGTRACE_FROM=" + s.from}, args...)
	got, want := store.stdout, file.stdout
	if slices.Contains(args, "--json") && args[0] == "show" {
		got, want = withoutPlaces(t, got), withoutPlaces(t, want)
	}
	if diff := cmp.Diff(want, got); diff != "" || store.code != file.code {
		t.Errorf("%s: exit code %d, want %d, %s\n(-file +store):\n%.3000s", args, store.code, file.code, store.stderr, diff)
	}
}

// withoutPlaces returns JSON with sorted keys, and without the file and the line of log lines.
func withoutPlaces(t *testing.T, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				strip(e)
			}
		case map[string]any:
			if _, ok := v["event"]; ok {
				delete(v, "file")
				delete(v, "line")
			}
			for _, e := range v {
				strip(e)
			}
		}
	}
	strip(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Lines of equal time are neither lost nor read twice, whatever the windows are.
func TestStoreExact(t *testing.T) {
	t.Parallel()
	const lines, same = 100_000, 500
	n := victorialogs.Start(t)
	var log bytes.Buffer
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for i := range lines {
		fmt.Fprintf(&log, `{"time":%q,"level":"INFO","msg":"span end","trace":"%032x","span":"%016x","op":"op %d","start":%[1]q,"duration_ms":%d.5,"service":"s%d"}`+"\n",
			begin.Add(time.Duration(i/same)*time.Millisecond).Format(time.RFC3339Nano), i/10+1, i+1, i%7, i%1000, i%8)
	}
	s := storeLines(t, n, "0", 0, log.Bytes())
	for _, window := range []string{"0", "7ms"} {
		args := []string{"--since", "2026-03-01T09:15:00Z", "--until", "2026-03-01T09:15:01Z"}
		flags := []string{"--window", window, "--explain", "--from", s.from}
		for _, q := range []string{"stats --by op,service --json", "ls --op op* --sort spans --limit 50 --json"} {
			file := command(t, nil, slices.Concat(strings.Fields(q), args, []string{s.file})...)
			store := command(t, nil, slices.Concat(strings.Fields(q), args, flags)...)
			if diff := cmp.Diff(file.stdout, store.stdout); diff != "" || store.code != 0 || strings.Contains(store.stderr, "duplicate") {
				t.Errorf("%s, windows of %s: code %d\n%.2000s\n(-file +store):\n%.2000s", q, window, store.code, store.stderr, diff)
			}
		}
	}
}

// A cluster with a dead node gives no answer, unless that is wanted; then it is said which node is missing.
func TestStoreDeadNode(t *testing.T) {
	c := victorialogs.StartCluster(t, 2)
	var s stored
	for i := range 40 { // in small portions, which go to one node each
		s = storeLog(t, c.Front, "0", 0, loggen.Options{Traces: 3, Seed: uint64(i)})
	}
	time.Sleep(2 * time.Second)
	for _, n := range c.Nodes() {
		n.Flush(t)
	}
	spans := func(r ran) (count float64) {
		var groups []struct{ Count float64 }
		if err := json.Unmarshal([]byte(r.stdout), &groups); err != nil {
			t.Fatalf("%v: %s", err, r.stderr)
		}
		for _, g := range groups {
			count += g.Count
		}
		return count
	}
	args := []string{"stats", "--json", "--since", sinceAll, "--from", s.from}
	all := command(t, nil, args...)
	if all.code != 0 || all.stderr != "" {
		t.Fatal(all)
	}
	dead := strings.TrimPrefix(c.Storage[1].URL, "http://")
	c.Storage[1].Stop(t)
	if r := command(t, nil, args...); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, dead) {
		t.Errorf("a dead node: %+v", r)
	}
	r := command(t, nil, append(args, "--partial")...)
	if r.code != 0 || spans(r) <= 0 || spans(r) >= spans(all) || strings.Count(r.stderr, "the answer lacks lines: ") != 1 || !strings.Contains(r.stderr, dead) {
		t.Errorf("--partial: %v of %v spans, code %d, %s", spans(r), spans(all), r.code, r.stderr)
	}
	c.Storage[1].Restart(t)
	if r := command(t, nil, append(args, "--partial")...); r.stderr != "" || r.stdout != all.stdout {
		t.Errorf("--partial with all nodes: %s", r.stderr)
	}
}

// A query that VictoriaLogs ends in mid-stream is asked again for less time.
func TestStoreTimeLimit(t *testing.T) {
	n := victorialogs.Start(t, "-search.maxQueryDuration=300ms")
	s := storeLog(t, n, "0", 1, loggen.Options{Size: 40 << 20, Seed: 1})
	since := []string{"--since", sinceAll}
	all := command(t, nil, slices.Concat([]string{"check", "--json", "--from", s.from}, since)...)
	var report struct{ Records int }
	if err := json.Unmarshal([]byte(all.stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, all.stderr)
	}
	if want := bytes.Count(s.text, []byte("\n")); report.Records != want {
		t.Errorf("%d records, want %d; %s", report.Records, want, all.stderr)
	}
	if log := n.Log(t); !strings.Contains(log, "couldn't be executed in") {
		t.Errorf("no query was ended:\n%s", log)
	}
}

// Ctrl-C ends the query in the store, too.
func TestStoreInterrupt(t *testing.T) {
	n := victorialogs.Start(t)
	s := storeLog(t, n, "0", 1, loggen.Options{Size: 60 << 20, Seed: 1})
	file, err := commandFile()
	if err != nil {
		t.Fatal(err)
	}
	var cmd *exec.Cmd
	ended := make(chan error, 1)
	start := func() {
		cmd = exec.CommandContext(t.Context(), file, "ls", "--grep", "a.*b.*c.*d=", "--since", sinceAll, "--from", s.from)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(cmd)
	}
	start()
	for deadline := time.Now().Add(time.Minute); n.Metric(t, "vl_concurrent_select_current") == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no query was seen")
		}
		select {
		case <-ended: // all of its queries were between two looks
			start()
		default:
		}
	}
	cmd.Process.Signal(os.Interrupt)
	begin := time.Now()
	<-ended
	for n.Metric(t, "vl_concurrent_select_current") > 0 && time.Since(begin) < 10*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the query ran for %v", took)
	}
}

// tail shows each line once while lines come, through a restart of the store. At first no line has the member that it asks for.
func TestStoreTail(t *testing.T) {
	t.Parallel()
	n := victorialogs.Start(t)
	from := strings.Replace(n.URL, "http:", "victorialogs:", 1)
	cmd, stdout, stderr := startCommand(t, nil, "tail", "--json", "-n", "0", "--delay", "2s", "--where", "error=tail", "--from", from)
	time.Sleep(3 * time.Second) // it has begun
	var want []string
	send := func(count int) {
		var b bytes.Buffer
		at := time.Now().UTC().Format(time.RFC3339Nano)
		for range count { // of equal time
			msg := fmt.Sprintf("line %d", len(want))
			want = append(want, msg)
			fmt.Fprintf(&b, `{"time":%q,"msg":%q,"error":"tail","level":"INFO"}`+"\n", at, msg)
		}
		fmt.Fprintf(&b, `{"time":%q,"msg":"other","run":"another","level":"INFO"}`+"\n", at)
		storeLines(t, n, "0", 0, b.Bytes())
	}
	for range 4 {
		send(50)
		time.Sleep(300 * time.Millisecond)
	}
	n.Sync(t)
	n.Restart(t)
	send(50)
	time.Sleep(7 * time.Second)
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	compareTail(t, stdout.String(), want, stderr.String())
}

// A line that mentions another trace's id counts once, if the ids of both are asked for by different queries.
func TestStoreOtherTraces(t *testing.T) {
	t.Parallel()
	n := victorialogs.Start(t)
	const traces = 1200 // their ids do not fit in one query, and a list of so many counts each copy of a line
	var log bytes.Buffer
	for i := range traces {
		at := time.Date(2026, 3, 1, 9, 15, 0, i*1000, time.UTC).Format(time.RFC3339Nano)
		fmt.Fprintf(&log, `{"time":%q,"level":"WARN","msg":"as in %032x","trace":"%032x","span":"%016x","op":"a"}`+"\n", at, 1+(i+traces/2)%traces, i+1, i+1)
		fmt.Fprintf(&log, `{"time":%q,"level":"ERROR","msg":"span end","trace":"%032x","span":"%016x","op":"a","start":%[1]q,"duration_ms":1.5,"error":"no","service":"s"}`+"\n", at, i+1, i+1)
	}
	for tenant, name := range []string{"JSONLines", "JSONLines with the line", "Loki, whole"} {
		i := slices.IndexFunc(shipments, func(s shipmentKind) bool { return s.name == name })
		s := storeLines(t, n, fmt.Sprint(tenant+1), i, log.Bytes())
		if name != "Loki, whole" { // a line that is text, without which the others are not searched as text
			text := slices.IndexFunc(shipments, func(s shipmentKind) bool { return s.name == "Loki, whole" })
			s = storeLines(t, n, fmt.Sprint(tenant+1), text, []byte(`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"x","trace":"ff","span":"1"}`+"\n"))
			s.file = filepath.Join(t.TempDir(), "all.log")
			if err := os.WriteFile(s.file, append(slices.Clone(log.Bytes()), s.text...), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		compareStore(t, s, "ls", "--error", "--json")
		compareStore(t, s, "errors")
	}
}

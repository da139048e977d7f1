package interop

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/tracelog"
)

// bookingLogs are the logs of the booking example that the command's own tests read.
const bookingLogs = "../cmd/slogtrace/testdata/booking"

// loggedTraces reads the logs of a directory.
func loggedTraces(t *testing.T, dir string) []*tracelog.Trace {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("log files %v, %v", names, err)
	}
	var entries []tracelog.Entry
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = tracelog.Scan(bytes.NewReader(text), name, func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
			t.Fatal(err)
		}
	}
	return tracelog.Assemble(entries)
}

// What slogtrace export sends is what the log says, by the Collector's own decoder. The same is checked with Jaeger.
func TestExportCollector(t *testing.T) {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	checkExport(t, server.URL, c.trace)
}

// checkExport exports the booking example's logs to an endpoint. Its traces are in the store what they are in the logs.
func checkExport(t *testing.T, endpoint string, get fetch) {
	t.Helper()
	output(t, "export", "otlp", "--endpoint", endpoint, bookingLogs)
	n := 0
	for _, trace := range loggedTraces(t, bookingLogs) {
		want := make(map[string]storedSpan)
		for _, s := range trace.All() {
			l := loggedSpan(t, s)
			l.Events = nil
			want[s.ID] = l
			n++
		}
		if diff := cmp.Diff(want, storedSpans(get(trace.ID, len(want)))); diff != "" {
			t.Errorf("trace %s (-log +store):\n%s", trace.ID, diff)
		}
	}
	if n != 51 {
		t.Errorf("%d spans", n)
	}
}

// output returns what the command writes. It must not fail.
func output(t *testing.T, args ...string) string {
	t.Helper()
	r := command(t, nil, args...)
	if r.code != 0 {
		t.Fatalf("slogtrace %v: exit code %d, %s", args, r.code, r.stderr)
	}
	return r.stdout
}

// needProgram skips the test without a program of the system.
func needProgram(t *testing.T, name, install string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("there is no %s: %s", name, install)
	}
}

// hostileLog is a log whose names have a meaning in other languages.
const hostileLog = `{"msg":"span end","trace":"t","span":"a","op":"x","start":"2026-03-01T09:15:00Z","duration_ms":9,"service":"\"]; n0 -> n9 \\N <b>&amp;"}
{"msg":"span end","trace":"t","span":"b","parent":"a","op":"y","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":5,"service":"\"]; n0 -> n9 \\N <b>&amp;","peer.service":"end } %%{init: {}}%% \u0060x\u0060 #quot; \u202e"}
{"msg":"span end","trace":"t","span":"c","parent":"a","op":"z","start":"2026-03-01T09:15:00Z","duration_ms":5,"service":"subgraph click style","queued_ms":5}
`

// Graphviz reads the DOT of slogtrace map: as many nodes and edges as the map has, with their texts.
func TestMapGraphviz(t *testing.T) {
	needProgram(t, "dot", "apt-get install graphviz")
	hostile := filepath.Join(t.TempDir(), "hostile.log")
	if err := os.WriteFile(hostile, []byte(hostileLog), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		log          string
		nodes, edges int
		labels       []string
	}{
		{bookingLogs, 5, 5, []string{"booking-api", "payments", "8 calls, 2 errors, p95 16.92ms, waited p95 805.2ms, 0.0 %"}},
		{hostile, 4, 3, []string{`"]; n0 -> n9 \\N <b>&amp;`, "end } %%{init: {}}%% `x` #quot; \\\\u202e", "subgraph click style"}}, // a backslash is two
	} {
		cmd := exec.CommandContext(t.Context(), "dot", "-Tjson0")
		cmd.Stdin = strings.NewReader(output(t, "map", "--format", "dot", test.log))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("dot: %v\n%s", err, stderr.String())
		}
		var graph struct{ Objects, Edges []struct{ Label string } }
		if err := json.Unmarshal(out, &graph); err != nil {
			t.Fatal(err)
		}
		if len(graph.Objects) != test.nodes || len(graph.Edges) != test.edges {
			t.Errorf("%d nodes and %d edges, want %d and %d", len(graph.Objects), len(graph.Edges), test.nodes, test.edges)
		}
		labels := map[string]bool{}
		for _, o := range append(graph.Objects, graph.Edges...) {
			labels[o.Label] = true
		}
		for _, want := range test.labels {
			if !labels[want] {
				t.Errorf("no label %q in %v", want, labels)
			}
		}
	}
}

// Mermaid's own parser reads the flowchart of slogtrace map.
func TestMapMermaid(t *testing.T) {
	needProgram(t, "node", "apt-get install nodejs npm")
	if _, err := os.Stat("stores/node_modules/mermaid"); err != nil {
		t.Skip("there is no Mermaid: in interop/stores, npm install")
	}
	hostile := filepath.Join(t.TempDir(), "hostile.log")
	if err := os.WriteFile(hostile, []byte(hostileLog), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		log   string
		nodes []string
		edges int
	}{
		{bookingLogs, []string{"entry", "booking-api", "booking-worker", "calendar", "payments"}, 5},
		{hostile, []string{`"]; n0 -> n9 \N <b>&amp;`, "end } %%{init: {}}%% `x` #quot; \\u202e", "entry", "subgraph click style"}, 3},
	} {
		cmd := exec.CommandContext(t.Context(), "node", "mermaid.mjs")
		cmd.Dir = "stores"
		cmd.Stdin = strings.NewReader(output(t, "map", "--format", "mermaid", test.log))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("mermaid: %v\n%s", err, stderr.String())
		}
		var chart struct {
			Nodes []string
			Edges []struct{ From, To, Text string }
		}
		if err := json.Unmarshal(out, &chart); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, want := map[string]bool{}, map[string]bool{}
		for _, n := range chart.Nodes {
			got[n] = true
		}
		for _, n := range test.nodes {
			want[n] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || len(chart.Edges) != test.edges {
			t.Errorf("%d edges; nodes (-map +Mermaid):\n%s", len(chart.Edges), diff)
		}
	}
}

// lnav reads logs with the format file: it finds the time, level and trace of each line, and all keys in SQL.
func TestExportLnav(t *testing.T) {
	needProgram(t, "lnav", "apt-get install lnav")
	home := t.TempDir()
	formats := filepath.Join(home, ".lnav", "formats", "installed")
	if err := os.MkdirAll(formats, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(formats, "slogtrace.json"), []byte(output(t, "export", "lnav")), 0o644); err != nil {
		t.Fatal(err)
	}
	ask := func(query string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "lnav", "-n", "-c", ";"+query, "-c", ":write-csv-to -",
			filepath.Join(bookingLogs, "api.log"), filepath.Join(bookingLogs, "worker.log"))
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "TERM=dumb")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || strings.Contains(stderr.String(), "error") {
			t.Fatalf("lnav: %v\n%s", err, stderr.String())
		}
		return strings.ReplaceAll(string(out), "\r", "")
	}
	for query, want := range map[string]string{
		"SELECT count(*) FROM slogtrace_log":                                                                                          "count(*)\n68\n",
		"SELECT count(DISTINCT trace), count(DISTINCT log_opid) FROM slogtrace_log":                                                   "count(DISTINCT trace),count(DISTINCT log_opid)\n6,6\n",
		"SELECT count(*) FROM slogtrace_log WHERE log_level = 'error'":                                                                "count(*)\n4\n",
		"SELECT op, count(*), max(duration_ms) FROM slogtrace_log WHERE log_body = 'span end' AND op = 'webhook.deliver' GROUP BY op": "op,count(*),max(duration_ms)\nwebhook.deliver,7,1.067\n",
		"SELECT log_time, log_body FROM slogtrace_log WHERE log_body = 'request refused'":                                             "log_time,log_body\n2026-03-01 09:15:12.878,request refused\n",
	} {
		if got := ask(query); got != want {
			t.Errorf("%s: got\n%swant\n%s", query, got, want)
		}
	}
}

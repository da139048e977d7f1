package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A columnTable has the members of lines as columns.
type columnTable struct {
	names []string
	types map[string]string
}

// columnsOf chooses the columns for lines: nanoseconds as UInt64, and what lines may lack as Nullable.
func columnsOf(t testing.TB, lines []byte) columnTable {
	t.Helper()
	c := columnTable{types: map[string]string{}}
	for line := range bytes.Lines(lines) {
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		for key, value := range members {
			typ := "Nullable(String)"
			switch n, isNumber := value.(float64); {
			case key == "time", key == ownNames["time"]:
				typ = "UInt64"
			case key == "start", key == ownNames["start"]:
				typ = "Nullable(UInt64)"
			case key == "trace", key == "level", key == "msg", key == ownNames["trace"]:
				typ = "String"
			case isNumber && (n != float64(int64(n)) || c.types[key] == "Nullable(Float64)" || key == "duration_ms"):
				typ = "Nullable(Float64)"
			case isNumber:
				typ = "Nullable(Int64)"
			}
			if _, there := c.types[key]; !there {
				c.names = append(c.names, key)
			}
			c.types[key] = typ
		}
	}
	slices.Sort(c.names) // as attributes of the same line are compared
	return c
}

// definition is the columns in SQL.
func (c columnTable) definition() string {
	var parts []string
	for _, name := range c.names {
		parts = append(parts, fmt.Sprintf("`%s` %s", name, c.types[name]))
	}
	return strings.Join(parts, ", ")
}

// rows are lines with their times in nanoseconds, for JSONEachRow.
func (c columnTable) rows(t testing.TB, lines []byte) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	for line := range bytes.Lines(lines) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"time", "start", ownNames["time"], ownNames["start"]} {
			var at time.Time
			if json.Unmarshal(members[key], &at) == nil {
				members[key] = fmt.Append(nil, at.UnixNano())
			}
		}
		row, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(row, '\n'))
	}
	return &b
}

// storeColumns makes a table with the members of lines as columns, and returns it.
func storeColumns(t testing.TB, s *clickhouse.Server, name string, lines []byte) stored {
	t.Helper()
	c := columnsOf(t, lines)
	order := "time, trace"
	if c.types["time"] == "" {
		order = "`" + ownNames["time"] + "`, `" + ownNames["trace"] + "`"
	}
	s.Exec(t, "create table "+name+" ("+c.definition()+") engine = MergeTree partition by tuple() order by ("+order+")", nil)
	s.Exec(t, "insert into "+name+" format JSONEachRow", c.rows(t, lines))
	return storedAt(t, clickhouseAddress(s, name), lines)
}

func clickhouseAddress(s *clickhouse.Server, table string) string {
	return strings.Replace(s.URL, "http:", "clickhouse:", 1) + "/default/" + table
}

func generated(t testing.TB, o loggen.Options) []byte {
	t.Helper()
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, o); err != nil {
		t.Fatal(err)
	}
	return log.Bytes()
}

// Every command gives the same answer from ClickHouse as from the file with the same lines.
func TestClickHouseSameAnswers(t *testing.T) {
	t.Parallel()
	server := clickhouse.Start(t)
	lines := generated(t, loggen.Options{Traces: 120})
	t.Run("columns", func(t *testing.T) { compareAnswers(t, storeColumns(t, server, "logs", lines), 0) })
	if everyLayout { // hard lines are in the same layout
		t.Run("lines", func(t *testing.T) { compareAnswers(t, storeText(t, server, "texts", lines), 1) })
	}
	t.Run("hard lines", func(t *testing.T) {
		compareAnswers(t, storeText(t, server, "hard", generated(t, loggen.Options{Traces: 120, Hard: true})), 0)
	})
}

// everyLayout is true with the build tag long.
var everyLayout bool

// storeText makes a table with whole lines and the times that readers find in them, and returns it.
func storeText(t testing.TB, s *clickhouse.Server, name string, lines []byte) stored {
	t.Helper()
	times := make(map[int]int64)
	if _, err := tracelog.ScanLines(bytes.NewReader(lines), "", nil, func(e tracelog.Entry) { times[e.Line] = e.Time.UnixNano() }); err != nil {
		t.Fatal(err)
	}
	var rows bytes.Buffer
	var last int64
	number := 0
	for line := range bytes.Lines(lines) {
		number++
		if at, ok := times[number]; ok && at > 0 {
			last = at
		}
		row, err := json.Marshal(map[string]any{"time": last, "body": strings.TrimSuffix(string(line), "\n")})
		if err != nil {
			t.Fatal(err)
		}
		rows.Write(append(row, '\n'))
	}
	s.Exec(t, "create table "+name+" (time UInt64, body String) engine = MergeTree partition by tuple() order by time", nil)
	s.Exec(t, "insert into "+name+" format JSONEachRow", &rows)
	return storedAt(t, clickhouseAddress(s, name)+"?line=body", lines)
}

// The table of the questions in docs/queries, on the newest ClickHouse.
func TestClickHouseNewest(t *testing.T) {
	t.Parallel()
	server := startChdb(t)
	lines := generated(t, loggen.Options{Traces: 120, Seed: 1})
	for _, statement := range questions(t, "clickhouse")[0] {
		server.Exec(t, statement, nil)
	}
	server.Exec(t, "insert into logs (line) format JSONAsString", bytes.NewReader(lines))
	compareAnswers(t, storedAt(t, clickhouseAddress(server, "logs"), lines), 1)
}

// The tables and the commands of docs/guide/stores.md.
func TestClickHouseGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/guide/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := regexp.MustCompile("(?s)<!-- table of .*? -->\n```sql\n(.*?)\n```").FindAllSubmatch(guide, -1)
	inserts := regexp.MustCompile(`curl --data-binary @app.log 'http://localhost:8123/\?query=([^&']*)&?(.*)'`).FindAllSubmatch(guide, -1)
	if len(tables) != 2 || len(inserts) != 2 {
		t.Fatalf("%d tables and %d inserts, want 2", len(tables), len(inserts))
	}
	server := startChdb(t)
	lines := generated(t, loggen.Options{Traces: 40, Seed: 3})
	for i, name := range []string{"logs", "spans"} {
		server.Exec(t, string(tables[i][1]), nil)
		statement, err := url.QueryUnescape(string(inserts[i][1]))
		if err != nil {
			t.Fatal(err)
		}
		server.Exec(t, statement, bytes.NewReader(lines), string(inserts[i][2]))
		s := storedAt(t, clickhouseAddress(server, name), lines)
		for _, q := range []string{"ls --error", "stats --by http.route", "errors --op payment.*", "show --tree --limit 3", "ls --where http.response.status_code>=500"} {
			compareStore(t, s, strings.Fields(q)...)
		}
	}
}

// collectorTable is the table for logs of OpenTelemetry's Collector, without its indexes.
const collectorTable = "create table otel_logs (Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8, " +
	"SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String), Body String, " +
	"ResourceSchemaUrl LowCardinality(String), ResourceAttributes Map(LowCardinality(String), String), ScopeName String, " +
	"LogAttributes Map(LowCardinality(String), String)) engine = MergeTree order by (ServiceName, Timestamp)"

// The table of OpenTelemetry's Collector has attributes in a map, as text.
func TestClickHouseCollector(t *testing.T) {
	t.Parallel()
	server := startChdb(t)
	server.Exec(t, collectorTable, nil)
	lines := generated(t, loggen.Options{Traces: 40, Seed: 4})
	var rows bytes.Buffer
	for line := range bytes.Lines(lines) {
		members := membersOf(t, line)
		row := map[string]any{"ResourceAttributes": map[string]string{"host.name": "h"}}
		for column, key := range map[string]string{
			"Timestamp": "time", "TraceId": "trace", "SpanId": "span", "SeverityText": "level", "ServiceName": "service", "Body": "msg",
		} {
			row[column] = members[key]
			delete(members, key)
		}
		attrs := make(map[string]string)
		for key, value := range members {
			attrs[key] = fmt.Sprint(value)
		}
		row["LogAttributes"] = attrs
		if err := json.NewEncoder(&rows).Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	server.Exec(t, "insert into otel_logs format JSONEachRow", &rows, "date_time_input_format=best_effort")
	s := storedAt(t, clickhouseAddress(server, "otel_logs"), lines)
	for _, q := range []string{"ls --json", "ls --op POST* --min 5ms", "ls --where attempt=2", "ls --grep timed", "stats --by http.route", "errors", "show --tree --limit 3"} {
		compareStore(t, s, strings.Fields(q)...)
	}
}

// startChdb starts ClickHouse in a process of Node.js, with a part of the interface of a server.
func startChdb(t testing.TB) *clickhouse.Server {
	t.Helper()
	if _, err := os.Stat("stores/node_modules"); err != nil {
		t.Skip("no databases for Node.js: run npm install --no-package-lock in interop/stores")
	}
	cmd := exec.Command("node", "serve.mjs")
	cmd.Dir = "stores"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &stderr)
		}
	})
	var port int
	if _, err := fmt.Fscan(stdout, &port); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return &clickhouse.Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
}

// A shard of a Distributed table that does not answer is an error, or with --partial a message.
func TestClickHouseDeadShard(t *testing.T) {
	t.Parallel()
	servers := clickhouse.StartCluster(t, 2)
	lines := generated(t, loggen.Options{Traces: 120, Seed: 2})
	c := columnsOf(t, lines)
	for _, s := range servers {
		s.Exec(t, "create table part ("+c.definition()+") engine = MergeTree partition by tuple() order by (time, trace)", nil)
	}
	servers[0].Exec(t, "create table logs as part engine = Distributed(shards, default, part, cityHash64(trace))", nil)
	servers[0].Exec(t, "insert into logs format JSONEachRow", c.rows(t, lines), "insert_distributed_sync=1")
	s := storedAt(t, clickhouseAddress(servers[0], "logs"), lines)
	for _, q := range []string{"ls", "errors --json", "stats", "ls --where http.response.status_code>=500"} {
		compareStore(t, s, strings.Fields(q)...)
	}
	servers[1].Kill(t)
	args := []string{"stats", "--lines", "--since", sinceAll, "--from", s.from}
	got := command(t, nil, args...)
	if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, servers[1].Native()) {
		t.Errorf("%+v, want an error that names %s", got, servers[1].Native())
	}
	got = command(t, nil, append(args, "--partial")...)
	if got.code != 0 || got.stdout == "" || !strings.Contains(got.stderr, "lacks lines") || !strings.Contains(got.stderr, servers[1].Native()) {
		t.Errorf("%+v, want a message that names %s", got, servers[1].Native())
	}
}

// A user who may change neither data nor settings can be used, and credentials come from the environment.
func TestClickHouseReader(t *testing.T) {
	t.Parallel()
	server := clickhouse.Start(t)
	s := storeColumns(t, server, "logs", generated(t, loggen.Options{Traces: 20}))
	file := command(t, nil, "ls", "--since", sinceAll, s.file)
	args := []string{"ls", "--since", sinceAll, "--from", s.from}
	got := command(t, []string{"SLOGTRACE_USER=reader", "SLOGTRACE_PASSWORD=secret"}, args...)
	if diff := cmp.Diff(file.stdout, got.stdout); diff != "" || got.code != 0 {
		t.Errorf("exit code %d, %s\n%s", got.code, got.stderr, diff)
	}
	got = command(t, []string{"SLOGTRACE_USER=reader", "SLOGTRACE_PASSWORD=guess"}, args...)
	if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "credentials come from") || strings.Contains(got.stderr, "guess") {
		t.Errorf("%+v, want an error about credentials", got)
	}
}

// What users write is text to the server, whatever it is.
func TestClickHouseHostile(t *testing.T) {
	t.Parallel()
	server := clickhouse.Start(t)
	s := storeColumns(t, server, "logs", generated(t, loggen.Options{Traces: 20}))
	whole := storeText(t, server, "texts", s.text)
	for _, value := range []string{`') or 1 = 1 or ('`, `\') or 1 = 1 --`, "\\", "`", `"`, "a\nb", "{x:String}", "/* ", "%", "日本\u2028", "\xff"} {
		for _, s := range []stored{s, whole} {
			compareStore(t, s, "ls", "--op", value)
			compareStore(t, s, "ls", "--where", "room="+value)
			compareStore(t, s, "ls", "--where", value+"=1")
		}
	}
	if n := strings.TrimSpace(server.Exec(t, "select count() from logs", nil)); n == "0" {
		t.Error("no lines are left")
	}
}

// compareAnswers asks every question, half of them for JSON: the odd or the even ones.
func compareAnswers(t *testing.T, s stored, odd int) {
	t.Helper()
	for i, q := range storeQuestions {
		args := strings.Fields(q)
		if i%2 == odd {
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
}

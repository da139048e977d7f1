package interop

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/docs/queries"
	"github.com/slogtrace/slogtrace/interop/internal/postgres"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A row is one of an answer, by column.
type row map[string]any

func (r row) text(column string) string {
	switch v := r[column].(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

func (r row) number(t *testing.T, column string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(r.text(column), 64)
	if err != nil {
		t.Errorf("column %s: %v in %v", column, err, r)
	}
	return n
}

// questions returns the statements of a store's questions, by number.
func questions(t *testing.T, store string) (all [9][]string) {
	t.Helper()
	for _, s := range queries.Stores() {
		if s.Name != store {
			continue
		}
		for _, q := range s.Questions {
			n := q.Title[0] - '0'
			for statement := range strings.SplitSeq(q.Text, ";\n") {
				all[n] = append(all[n], strings.TrimSuffix(statement, ";"))
			}
		}
	}
	return all
}

// A flowLog is the log of bookings, and what tracelog reads in it.
type flowLog struct {
	dir     string
	files   []string
	traces  []*tracelog.Trace
	booking string // of one flow
}

// newFlowLog runs the booking example, and adds lines about what does not happen there.
func newFlowLog(t *testing.T) *flowLog {
	t.Helper()
	l := &flowLog{dir: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "go", "run", "../examples/booking", "-dir", l.dir, "-speed", "50").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "more.log"), moreLines(time.Now()), 0o666); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.files, err = filepath.Glob(filepath.Join(l.dir, "*.log")); err != nil {
		t.Fatal(err)
	}
	var entries []tracelog.Entry
	for _, name := range l.files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		src, err := tracelog.Scan(f, name, func(e tracelog.Entry) { entries = append(entries, e) })
		f.Close()
		if err != nil || src.Bad > 0 {
			t.Fatalf("%s: %v, %d bad lines", name, err, src.Bad)
		}
	}
	l.traces = tracelog.Assemble(entries)
	for _, e := range entries {
		if ref, ok := e.Attr("booking.reference"); ok && e.Event == tracelog.EventEnd && e.Op == "webhook.deliver" {
			l.booking, _ = strconv.Unquote(string(ref))
		}
	}
	if l.booking == "" {
		t.Fatal("no booking has a webhook")
	}
	return l
}

// moreLines returns the spans of other services: what happened hours ago, jobs that nobody has begun, circuit breakers, and a
// span that was written although its trace is not sampled.
func moreLines(now time.Time) []byte {
	var b bytes.Buffer
	n := 0
	span := func(trace int, ago, took time.Duration, op, more string) (id string) {
		n++
		id = fmt.Sprintf("%016x", 0xabc0+n)
		start := now.Add(-ago).UTC()
		level := "INFO"
		if strings.Contains(more, `"error":`) {
			level = "ERROR"
		}
		fmt.Fprintf(&b, `{"time":%q,"level":%q,"msg":"span end","trace":"%032x","span":%q,"op":%q,"start":%q,"duration_ms":%v%s}`+"\n",
			start.Add(took).Format(time.RFC3339Nano), level, 0xabc000+trace, id, op, start.Format(time.RFC3339Nano), float64(took.Microseconds())/1000, more)
		return id
	}
	for i := range 40 { // p95 needs some
		parent := span(i, time.Duration(2+i%3)*time.Hour, time.Duration(100+7*i)*time.Millisecond, "GET /rooms", `,"kind":"server"`)
		span(i, time.Duration(2+i%3)*time.Hour-50*time.Millisecond, time.Duration(3*i*i)*time.Millisecond, "db.select", `,"parent":"`+parent+`","service":"rooms"`)
	}
	span(50, 3*time.Hour, time.Second, "GET /old", `,"error":"long ago"`)
	span(51, time.Minute, time.Second, "GET /new", `,"error":""`) // failed without a text
	span(52, 50*time.Minute, 40*time.Minute, "GET /rooms", `,"error":"not sampled","sampled":false`)
	begun := span(53, time.Minute, time.Millisecond, "mail.enqueue", `,"kind":"producer"`)
	span(53, time.Second, time.Millisecond, "mail.send", `,"kind":"consumer","queued_ms":59000.5,"parent":"`+begun+`"`)
	span(54, 2*time.Minute, time.Millisecond, "mail.enqueue", `,"kind":"producer"`)
	span(55, 3*time.Minute, time.Millisecond, "sms.enqueue", `,"kind":"producer"`)
	span(56, time.Minute, time.Millisecond, "mail.enqueue", `,"kind":"producer","error":"queue full"`)
	breaker := func(ago time.Duration, name, state string) {
		span(60+n, ago, time.Millisecond, "calendar.reserve", `,"kind":"client","circuit_breaker.name":"`+name+`","circuit_breaker.state":"`+state+`"`)
	}
	breaker(5*time.Minute, "calendar", "closed")
	breaker(4*time.Minute, "calendar", "open")
	breaker(5*time.Minute, "bank", "open")
	breaker(4*time.Minute, "bank", "closed")
	breaker(9*time.Minute, "mail", "half_open")
	return b.Bytes()
}

// A logStore answers questions about the lines of a flowLog. It returns the rows of each question from 1 to 8.
type logStore func(t *testing.T, l *flowLog) [9][]row

// The questions have the answers of tracelog.
func TestQueries(t *testing.T) {
	l := newFlowLog(t)
	for name, ask := range map[string]logStore{"DuckDB": askDuckDB, "ClickHouse": askClickHouse, "PostgreSQL": askPostgres, "VictoriaLogs": askVictoriaLogs} {
		t.Run(name, func(t *testing.T) { l.check(t, ask(t, l)) })
	}
}

// in returns the statements of a question about this log.
func (l *flowLog) in(statements []string) []string {
	for i, s := range statements {
		statements[i] = strings.NewReplacer("b-000000000000", l.booking, "logs/*.log", l.dir+"/*.log").Replace(s)
	}
	return statements
}

func askDuckDB(t *testing.T, l *flowLog) (answers [9][]row) {
	return askNode(t, l, "duckdb", nil)
}

func askClickHouse(t *testing.T, l *flowLog) (answers [9][]row) {
	var load []string
	for _, name := range l.files {
		load = append(load, "insert into logs (line) select * from file('"+name+"', 'JSONAsString')")
	}
	return askNode(t, l, "clickhouse", load)
}

// askNode asks a database that runs in Node.js. load is run after question 0.
func askNode(t *testing.T, l *flowLog, database string, load []string) (answers [9][]row) {
	if _, err := os.Stat("stores/node_modules"); err != nil {
		t.Skip("no databases for Node.js: run npm install --no-package-lock in interop/stores")
	}
	var statements []string
	var number []int
	for n, texts := range questions(t, database) {
		for _, s := range l.in(texts) {
			statements, number = append(statements, s), append(number, n)
		}
		if n == 0 {
			for _, s := range load {
				statements, number = append(statements, s), append(number, n)
			}
		}
	}
	input, err := json.Marshal(statements)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs", database)
	cmd.Dir, cmd.Stdin = "stores", bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var all [][]row
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	for i, rows := range all {
		answers[number[i]] = append(answers[number[i]], rows...)
	}
	return answers
}

func askPostgres(t *testing.T, l *flowLog) (answers [9][]row) {
	db, err := sql.Open("pgx", postgres.Shared(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	for n, texts := range questions(t, "postgresql") {
		for _, s := range l.in(texts) {
			answers[n] = append(answers[n], pgRows(t, ctx, db, s)...)
		}
		for _, name := range l.files {
			if n > 0 {
				break
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				if _, err := db.ExecContext(ctx, "insert into logs values ($1)", line); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return answers
}

func pgRows(t *testing.T, ctx context.Context, db *sql.DB, query string) (all []row) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		r := row{}
		for i, name := range columns {
			r[name] = values[i]
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return all
}

// ends yields the spans that have an end.
func (l *flowLog) ends(yield func(*tracelog.Trace, *tracelog.Span) bool) {
	for _, tr := range l.traces {
		for _, s := range tr.All() {
			if s.EndRecord != nil && !yield(tr, s) {
				return
			}
		}
	}
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }

// check compares the answers with those of tracelog. Rows are compared in the order of the answer where it has one.
func (l *flowLog) check(t *testing.T, answers [9][]row) {
	t.Helper()
	for n := 1; n < 9; n++ {
		if len(answers[n]) == 0 {
			t.Errorf("question %d has no answer", n)
		}
	}
	same := func(n int, got, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("question %d (-tracelog +store):\n%s", n, diff)
		}
	}
	lines := func(n int, columns ...string) (got []string) {
		for _, r := range answers[n] {
			var texts []string
			for _, c := range columns {
				texts = append(texts, r.text(c))
			}
			got = append(got, strings.Join(texts, "|"))
		}
		return got
	}
	started := func(spans []*tracelog.Span) {
		slices.SortFunc(spans, func(a, b *tracelog.Span) int { return a.Start.Compare(b.Start) })
	}

	// 1. All operations of a flow.
	var spans []*tracelog.Span
	for _, tr := range l.traces {
		if slices.ContainsFunc(mentions(tr), func(e *tracelog.Entry) bool {
			ref, _ := e.Attr("booking.reference")
			return string(ref) == strconv.Quote(l.booking)
		}) {
			for _, s := range tr.All() {
				spans = append(spans, s)
			}
		}
	}
	started(spans)
	var want []string
	for _, s := range spans {
		kind := s.Kind
		if kind == "" {
			kind = "internal"
		}
		want = append(want, strings.Join([]string{s.EndRecord.Trace, s.Service, s.Op, kind, fmt.Sprint(millis(s.Duration)), s.Error}, "|"))
	}
	for i := range answers[1] { // VictoriaLogs has no value in place of one that is absent
		if answers[1][i].text("kind") == "" {
			answers[1][i]["kind"] = "internal"
		}
	}
	same(1, lines(1, "trace", "service", "op", "kind", "duration_ms", "error"), want)

	// 2. Failed calls of the calendar.
	spans, want = nil, nil
	roots := map[*tracelog.Span]*tracelog.Span{}
	for tr, s := range l.ends {
		if s.Op == "calendar.reserve" && s.Failed {
			spans = append(spans, s)
			roots[s] = tr.Root()
		}
	}
	started(spans)
	for _, s := range spans {
		root := roots[s]
		want = append(want, strings.Join([]string{s.EndRecord.Trace, s.Error, fmt.Sprint(millis(s.Duration)), root.Service, root.Op, root.Error}, "|"))
	}
	same(2, lines(2, "trace", "error", "duration_ms", "root_service", "root", "root_error"), want)

	// 3. From end to end, per hour.
	hours := map[string][]float64{}
	for _, tr := range l.traces {
		var start, end time.Time
		for _, s := range tr.All() {
			if s.EndRecord == nil || s.Weight == 0 {
				continue
			}
			if start.IsZero() || s.Start.Before(start) {
				start = s.Start
			}
			if s.End.After(end) {
				end = s.End
			}
		}
		if !start.IsZero() {
			hour := start.Truncate(time.Hour).Format("2006-01-02 15")
			hours[hour] = append(hours[hour], millis(end.Sub(start)))
		}
	}
	for _, r := range answers[3] {
		hour := hourOf(r["hour"])
		if n := int(r.number(t, "flows")); n != len(hours[hour]) {
			t.Errorf("question 3: %d flows at %s, want %d", n, hour, len(hours[hour]))
			continue
		}
		between(t, 3, r, "p95_ms", 0.95, hours[hour])
		delete(hours, hour)
	}
	if len(hours) > 0 {
		t.Errorf("question 3: no answer for %v", hours)
	}

	// 4. Failed traces of the last hour. Sorted here by id: the order of the answer is of times that a store may round.
	want = nil
	for _, tr := range l.traces {
		var failed []*tracelog.Span
		for _, s := range tr.All() {
			if s.EndRecord != nil && s.Failed && time.Since(s.Start) < time.Hour {
				failed = append(failed, s)
			}
		}
		if len(failed) > 0 {
			started(failed)
			want = append(want, fmt.Sprintf("%s|%d|%s|%s", tr.ID, len(failed), failed[0].Op, failed[0].Error))
		}
	}
	got := lines(4, "trace", "failed_spans", "first_op", "first_error")
	slices.Sort(got)
	slices.Sort(want)
	same(4, got, want)

	// 5 and 7. Operations and waiting jobs.
	durations, waits, failures := map[string][]float64{}, map[string][]float64{}, map[string]int{}
	for _, s := range l.ends {
		if s.Weight == 0 {
			continue
		}
		durations[s.Op] = append(durations[s.Op], millis(s.Duration))
		if s.Failed {
			failures[s.Op]++
		}
		if _, ok := s.EndRecord.Attr("queued_ms"); s.Queued > 0 || ok {
			waits[s.Op] = append(waits[s.Op], millis(s.Queued))
		}
	}
	check := func(n int, count string, all map[string][]float64) {
		last := math.Inf(1)
		for _, r := range answers[n] {
			op := r.text("op")
			if got := int(r.number(t, count)); got != len(all[op]) {
				t.Errorf("question %d: %d of %s, want %d", n, got, op, len(all[op]))
				continue
			}
			between(t, n, r, "p95_ms", 0.95, all[op])
			if got, want := r.number(t, "max_ms"), slices.Max(all[op]); got != want {
				t.Errorf("question %d: %s took %v at most, want %v", n, op, got, want)
			}
			if p := r.number(t, "p95_ms"); p > last {
				t.Errorf("question %d: %s is after a quicker one", n, op)
			} else {
				last = p
			}
			if n == 5 {
				between(t, n, r, "p50_ms", 0.5, all[op])
				if got := int(r.number(t, "failed")); got != failures[op] {
					t.Errorf("question 5: %d of %s failed, want %d", got, op, failures[op])
				}
			}
		}
		if len(answers[n]) != min(20, len(all)) {
			t.Errorf("question %d: %d operations, want %d", n, len(answers[n]), min(20, len(all)))
		}
	}
	check(5, "spans", durations)
	check(7, "jobs", waits)

	// 6. Jobs that nobody has begun.
	spans, want = nil, nil
	for _, s := range l.ends {
		if s.Kind == "producer" && !s.Failed && len(s.Children) == 0 {
			spans = append(spans, s)
		}
	}
	started(spans)
	for _, s := range spans {
		want = append(want, s.EndRecord.Trace+"|"+s.ID+"|"+s.Op)
	}
	same(6, lines(6, "trace", "span", "op"), want)

	// 8. Circuit breakers.
	same(8, lines(8, "breaker", "state"), []string{"calendar|open", "mail|half_open"})
}

// mentions returns all lines of a trace.
func mentions(tr *tracelog.Trace) (all []*tracelog.Entry) {
	for i := range tr.Logs {
		all = append(all, &tr.Logs[i])
	}
	for _, s := range tr.All() {
		if s.EndRecord != nil {
			all = append(all, s.EndRecord)
		}
		for i := range s.Logs {
			all = append(all, &s.Logs[i])
		}
	}
	return all
}

// hourOf returns the hour of a time as a store writes it.
func hourOf(v any) string {
	if at, ok := v.(time.Time); ok {
		return at.UTC().Format("2006-01-02 15")
	}
	s, _ := v.(string)
	return strings.Replace(s[:min(13, len(s))], "T", " ", 1)
}

// between reports a percentile that is not between the two values around it. The least times that stores have are microseconds.
func between(t *testing.T, n int, r row, column string, p float64, values []float64) {
	t.Helper()
	slices.Sort(values)
	last := float64(len(values) - 1)
	low, high := values[int(p*last)], values[int(min(last, p*float64(len(values))))]
	if got := r.number(t, column); got < low-0.001 || got > high+0.001 {
		t.Errorf("question %d: %s is %v, want %v to %v: %v", n, column, got, low, high, r)
	}
}

func askVictoriaLogs(t *testing.T, l *flowLog) (answers [9][]row) {
	node := victorialogs.Start(t)
	lines := 0
	for _, name := range l.files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(data, []byte("\n"))
		resp, err := http.Post(node.URL+"/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", "application/stream+json", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	node.Flush(t)
	node.Await(t, "*", lines)
	for n, texts := range questions(t, "victorialogs") {
		for _, q := range l.in(texts) {
			for _, line := range node.Query(t, q) {
				r := row{}
				for name, value := range line {
					r[name] = value
				}
				answers[n] = append(answers[n], r)
			}
		}
	}
	return answers
}

package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/export"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// read assembles the traces of a log.
func read(t testing.TB, log []byte) []*tracelog.Trace {
	t.Helper()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	return tracelog.Assemble(entries)
}

// fixtures yields the traces of each of tracelog's fixtures.
func fixtures(t testing.TB) map[string][]*tracelog.Trace {
	logs := map[string][]*tracelog.Trace{}
	for file, f := range fixture.All(t, "../testdata/*.txtar") {
		logs[file] = read(t, f.Log())
	}
	return logs
}

// written returns what a Writer makes of traces.
func written(t testing.TB, open func(io.Writer, *export.Options) *export.Writer, opts *export.Options, traces ...*tracelog.Trace) ([]byte, export.Counts) {
	t.Helper()
	var b bytes.Buffer
	w := open(&b, opts)
	for _, tr := range traces {
		if err := w.Trace(tr); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.Counts()
}

// A fact is what every format must say of a span.
type fact struct {
	Op, Service, Kind, Error string
	Failed                   bool
	Start                    time.Time
	Lasted, Queued           time.Duration
	Weight                   float64
	Above                    string // the operations above it
}

// factsOf returns those of the spans that can be exported.
func factsOf(t *tracelog.Trace) (facts []fact) {
	for _, s := range t.All() {
		if s.External || s.Start.IsZero() {
			continue
		}
		f := fact{Op: s.Op, Service: s.Service, Kind: s.Kind, Error: s.Error, Failed: s.Failed, Start: s.Start, Lasted: s.Duration, Queued: s.Queued, Weight: s.Weight}
		if s.State != tracelog.Ended {
			_, end := s.Interval()
			f.Lasted = end.Add(-s.Shift).Sub(s.Start)
		}
		for above := s.Parent; above != nil; above = above.Parent {
			if !above.External && !above.Start.IsZero() {
				f.Above += above.Op + " < "
			}
		}
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b fact) int {
		return strings.Compare(a.Start.Format(time.RFC3339Nano)+a.Above+a.Op, b.Start.Format(time.RFC3339Nano)+b.Above+b.Op)
	})
	return facts
}

// A span of OTLP has at most 128 lines as events. The others are counted, here and in the span.
func TestOTLPManyLines(t *testing.T) {
	log := []byte(`{"time":"2026-03-01T09:15:01Z","msg":"span end","trace":"t","span":"a","op":"x","start":"2026-03-01T09:15:00Z","duration_ms":1000}` + "\n")
	for i := range 200 {
		log = fmt.Appendf(log, `{"time":"2026-03-01T09:15:00.5Z","msg":"again","trace":"t","span":"a","n":%d}`+"\n", i)
	}
	lines, counts := written(t, export.NewOTLP, &export.Options{Logs: true}, read(t, log)...)
	if want := (export.Counts{Traces: 1, Spans: 1, Lines: 128, LinesLeftOut: 72}); counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
	if !bytes.Contains(lines, []byte(`"droppedEventsCount":72`)) || bytes.Count(lines, []byte(`"again"`)) != 128 {
		t.Errorf("%s", lines)
	}
}

// What we read of the OTLP that we write is the same tree, to the nanosecond.
func TestOTLPRead(t *testing.T) {
	spans := 0
	for file, traces := range fixtures(t) {
		for _, tr := range traces {
			want := factsOf(tr)
			if len(want) == 0 {
				continue
			}
			lines, counts := written(t, export.NewOTLP, nil, tr)
			if counts.Spans != len(want) {
				t.Errorf("%s %s: %d spans, want %d", file, tr.ID, counts.Spans, len(want))
			}
			spans += len(want)
			again := read(t, lines)
			if len(again) != 1 {
				t.Fatalf("%s %s: %d traces", file, tr.ID, len(again))
			}
			broken := slices.ContainsFunc(tr.Problems, func(p tracelog.Problem) bool {
				return p.Kind == tracelog.ConflictingRecords || p.Kind == tracelog.CycleBroken
			})
			if diff := cmp.Diff(want, factsOf(again[0])); diff != "" && !broken {
				t.Errorf("%s %s (-log +OTLP):\n%s", file, tr.ID, diff)
			}
		}
	}
	if spans < 100 {
		t.Errorf("only %d spans", spans)
	}
}

// A trace with many spans is many lines, which are one trace.
func TestOTLPLines(t *testing.T) {
	var log strings.Builder
	for i := range 2000 {
		log.WriteString(`{"msg":"span end","trace":"0af7651916cd43dd8448eb211c80319c","span":"` + strconv.FormatInt(1<<60+int64(i), 16) +
			`","op":"x","start":"2026-03-01T09:15:00Z","duration_ms":1,"service":"s` + strconv.Itoa(i%3) + `"}` + "\n")
	}
	lines, counts := written(t, export.NewOTLP, nil, read(t, []byte(log.String()))...)
	if n := bytes.Count(lines, []byte("\n")); n != 4 || counts.Spans != 2000 || counts.Traces != 1 {
		t.Errorf("%d lines, %+v", n, counts)
	}
	if again := read(t, lines); len(again) != 1 || again[0].Spans != 2000 || len(again[0].Services) != 3 {
		t.Errorf("%d traces of %d spans", len(again), again[0].Spans)
	}
}

const everything = `{"time":"2026-03-01T09:15:00.1Z","level":"WARN","msg":"asking","trace":"order 7","span":"first","op":"charge","attempt":1}
{"time":"2026-03-01T09:15:00.2Z","level":"ERROR","msg":"span end","trace":"order 7","span":"first","op":"charge","parent":"00f067aa0ba902b7","kind":"client","start":"2026-03-01T09:15:00.000000001Z","duration_ms":200.5,"error":"declined","stack":"f\n\tf.go:1\n","links":[{"trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7"}],"queued_ms":12.5,"sample_rate":0.3,"service":"api","error.type":"timeout","http":{"status":500,"headers":{"a":[1,"b"]}},"n":12345678901234567890,"x":1.5,"on":true,"none":null,"n":7,"e":{}}
{"time":"2026-03-01T09:15:00.3Z","level":"INFO","msg":"span start","trace":"order 7","span":"second","op":"open","parent":"first","sampled":false}
{"time":"2026-03-01T09:15:00.3Z","level":"INFO","msg":"outside","trace":"order 7"}
{"msg":"no time at all","trace":"order 7","span":"third"}
`

// Everything that a record can say is in the OTLP of its span.
func TestOTLPMembers(t *testing.T) {
	lines, counts := written(t, export.NewOTLP, &export.Options{Logs: true}, read(t, []byte(everything))...)
	if want := (export.Counts{Traces: 1, Spans: 2, Lines: 1, Unfinished: 1, LeftOut: 1}); counts != want {
		t.Errorf("got %+v, want %+v", counts, want)
	}
	const want = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"api"}}]},"scopeSpans":[{"scope":{},"spans":[` +
		`{"traceId":"0fc89f8ae19394b48debd6353bb9ad33","spanId":"a7937b64b8caa58f","parentSpanId":"00f067aa0ba902b7","flags":1,"name":"charge","kind":3,` +
		`"startTimeUnixNano":"1772356500000000001","endTimeUnixNano":"1772356500200500001","attributes":[` +
		`{"key":"error.type","value":{"stringValue":"timeout"}},` +
		`{"key":"http.status","value":{"intValue":"500"}},` +
		`{"key":"http.headers.a","value":{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"b"}]}}},` +
		`{"key":"x","value":{"doubleValue":1.5}},{"key":"on","value":{"boolValue":true}},{"key":"none","value":{}},` +
		`{"key":"n","value":{"intValue":"7"}},{"key":"e","value":{"kvlistValue":{"values":[]}}},` +
		`{"key":"queued_ms","value":{"doubleValue":12.5}},{"key":"sample_rate","value":{"doubleValue":0.3}},` +
		`{"key":"slogtrace.trace","value":{"stringValue":"order 7"}},{"key":"slogtrace.span","value":{"stringValue":"first"}}],` +
		`"events":[{"name":"asking","timeUnixNano":"1772356500100000000","attributes":[{"key":"level","value":{"stringValue":"WARN"}},{"key":"attempt","value":{"intValue":"1"}}]},` +
		`{"name":"exception","timeUnixNano":"1772356500200500001","attributes":[{"key":"exception.message","value":{"stringValue":"declined"}},` +
		`{"key":"exception.type","value":{"stringValue":"timeout"}},{"key":"exception.stacktrace","value":{"stringValue":"f\n\tf.go:1\n"}}]}],` +
		`"links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7"}],"status":{"code":2,"message":"declined"}}]}]},` +
		`{"resource":{},"scopeSpans":[{"scope":{},"spans":[` +
		`{"traceId":"0fc89f8ae19394b48debd6353bb9ad33","spanId":"16367aacb67a4a01","parentSpanId":"a7937b64b8caa58f","name":"open","kind":1,` +
		`"startTimeUnixNano":"1772356500300000000","endTimeUnixNano":"1772356500300000000","attributes":[` +
		`{"key":"sampled","value":{"boolValue":false}},{"key":"slogtrace.state","value":{"stringValue":"open"}},` +
		`{"key":"slogtrace.trace","value":{"stringValue":"order 7"}},{"key":"slogtrace.span","value":{"stringValue":"second"}}]}]}]}]}` + "\n"
	if diff := cmp.Diff(want, string(lines)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Zipkin's spans have what the log has, in microseconds.
func TestZipkin(t *testing.T) {
	type span struct {
		TraceID, ID, ParentID, Name, Kind string
		Timestamp, Duration               int64
		LocalEndpoint, RemoteEndpoint     struct{ ServiceName string }
		Annotations                       []struct {
			Timestamp int64
			Value     string
		}
		Tags map[string]string
	}
	for file, traces := range fixtures(t) {
		text, counts := written(t, export.NewZipkin, nil, traces...)
		var spans []span
		if err := json.Unmarshal(text, &spans); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var want []fact
		for _, tr := range traces {
			want = append(want, factsOf(tr)...)
		}
		if len(spans) != len(want) || counts.Spans != len(want) {
			t.Fatalf("%s: %d spans, %+v, want %d", file, len(spans), counts, len(want))
		}
		for _, s := range spans {
			if len(s.TraceID) != 32 || len(s.ID) != 16 || len(s.ParentID)%16 != 0 || s.Duration < 1 {
				t.Errorf("%s: %+v", file, s)
			}
			if !slices.ContainsFunc(want, func(f fact) bool {
				_, failed := s.Tags["error"]
				return f.Op == s.Name && f.Service == s.LocalEndpoint.ServiceName && strings.EqualFold(f.Kind, s.Kind) && failed == f.Failed &&
					s.Timestamp == f.Start.UnixMicro() && s.Duration == max(1, f.Start.Add(f.Lasted).UnixMicro()-f.Start.UnixMicro())
			}) {
				t.Errorf("%s: not in the log: %+v", file, s)
			}
		}
	}
	text, _ := written(t, export.NewZipkin, &export.Options{Logs: true}, read(t, []byte(everything))...)
	var spans []span
	if err := json.Unmarshal(text, &spans); err != nil {
		t.Fatal(err)
	}
	first := spans[0]
	want := map[string]string{
		"error": "declined", "error.type": "timeout", "stack": "f\n\tf.go:1\n", "links": "4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7",
		"http.status": "500", "http.headers.a": `[1,"b"]`, "n": "7", "x": "1.5", "on": "true", "none": "null", "e": "{}",
		"queued_ms": "12.5", "sample_rate": "0.3", "slogtrace.trace": "order 7", "slogtrace.span": "first",
	}
	if diff := cmp.Diff(want, first.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if len(first.Annotations) != 1 || first.Annotations[0].Value != "asking" || first.Annotations[0].Timestamp != 1772356500100000 {
		t.Errorf("%+v", first.Annotations)
	}
}

// A row of CSV has what the log has, whatever text that is, and each row is one line.
func TestCSV(t *testing.T) {
	for file, traces := range fixtures(t) {
		text, _ := written(t, export.NewCSV, &export.Options{Columns: []string{"booking"}}, traces...)
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var want int
		for _, tr := range traces {
			want += len(factsOf(tr))
		}
		if len(rows) != want+1 || bytes.Count(text, []byte("\n")) != want+1 {
			t.Errorf("%s: %d rows, %d lines, want %d", file, len(rows), bytes.Count(text, []byte("\n")), want+1)
		}
		for _, row := range rows[1:] {
			var attrs map[string]json.RawMessage
			if err := json.Unmarshal([]byte(row[len(row)-1]), &attrs); err != nil || attrs["booking"] != nil {
				t.Errorf("%s: attrs %s: %v", file, row[len(row)-1], err)
			}
		}
	}
	const hostile = `{"msg":"span end","trace":"=1+1","span":"-1","op":"@cmd|' /C calc'!A0","start":"2026-03-01T09:15:00.000000001Z","duration_ms":0.5,"error":"a\nb,\"c\"\u001b[31m","booking":"+a","wide":"＝1","more":"\u202e\ue000\ud83c\udf89"}`
	// No column is there twice.
	columns := []string{"booking", "trace", "wide", "booking", "attrs"}
	text, _ := written(t, export.NewCSV, &export.Options{Columns: columns}, read(t, []byte(hostile))...)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"trace": "'=1+1", "span": "-1", "op": "'@cmd|' /C calc'!A0", "start": "2026-03-01T09:15:00.000000001Z", "duration_ms": "0.5", "self_ms": "0.5",
		"state": "ended", "failed": "true", "error": `a\nb,"c"\x1b[31m`, "booking": "'+a", "wide": "'＝1", "attrs": `{"more":"\u202e\ue000\ud83c\udf89"}`,
	}
	got := map[string]string{}
	for i, name := range rows[0] {
		if slices.Index(rows[0], name) != i {
			t.Errorf("two columns %s", name)
		}
		if cell := rows[1][i]; cell != "" {
			got[name] = cell
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Without a trace, a document is valid all the same.
func TestNothing(t *testing.T) {
	for name, test := range map[string]struct {
		open func(io.Writer, *export.Options) *export.Writer
		want string
	}{
		"otlp": {export.NewOTLP, ""}, "zipkin": {export.NewZipkin, "[\n]\n"}, "chrome": {export.NewChrome, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n]}\n"},
		"csv": {export.NewCSV, "trace,span,parent,op,kind,service,start,duration_ms,self_ms,state,failed,error,queued_ms,sample_rate,attrs\n"},
	} {
		if got, _ := written(t, test.open, nil); string(got) != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// An error of the writer below is returned.
func TestWriteError(t *testing.T) {
	full := errors.New("full")
	traces := read(t, []byte(everything))
	for _, open := range []func(io.Writer, *export.Options) *export.Writer{export.NewOTLP, export.NewZipkin, export.NewChrome, export.NewCSV} {
		w := open(failing{full}, nil)
		if err := errors.Join(w.Trace(traces[0]), w.Close()); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

func TestLnavFormat(t *testing.T) {
	var format map[string]json.RawMessage
	if err := json.Unmarshal([]byte(export.LnavFormat()), &format); err != nil {
		t.Fatal(err)
	}
	if keys := slices.Sorted(maps.Keys(format)); !slices.Equal(keys, []string{"$schema", "slogtrace_log"}) {
		t.Error(keys)
	}
}

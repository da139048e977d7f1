package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// What a Collector has of a trace, by its own decoder. The same is checked with Jaeger, if the tests have the tag long.

func TestOTLPBooking(t *testing.T) {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	checkBooking(t, server.URL, c.trace)
}

func TestOTLPSpans(t *testing.T) {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	checkSpans(t, server.URL, c.trace)
}

// trace is a fetch. Spans of other traces are left out.
func (c *collector) trace(id string, _ int) ptrace.Traces {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := ptrace.NewTraces()
	for _, req := range c.traces {
		for _, resource := range req.Traces().ResourceSpans().All() {
			copied := all.ResourceSpans().AppendEmpty()
			resource.CopyTo(copied)
			for _, scope := range copied.ScopeSpans().All() {
				scope.Spans().RemoveIf(func(s ptrace.Span) bool { return s.TraceID().String() != id })
			}
		}
	}
	return all
}

// VictoriaLogs takes OTLP as protobuf only. Here the Collector's own code translates it.
func TestOTLPLogs(t *testing.T) {
	logs := victorialogs.Start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/logs" {
			return
		}
		req := plogotlp.NewExportRequest()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = req.UnmarshalJSON(body)
		}
		var resp *http.Response
		if err == nil {
			if body, err = req.MarshalProto(); err == nil {
				resp, err = http.Post(logs.URL+"/insert/opentelemetry/v1/logs", "application/x-protobuf", bytes.NewReader(body))
			}
		}
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Error(resp.Status)
		}
	}))
	defer server.Close()
	checkLogs(t, server.URL, logs)
}

// A storedSpan is a span as a store has it, or as the log has it.
type storedSpan struct {
	Service, Parent, Name, Kind string
	Start                       time.Time
	Duration                    time.Duration
	Status, Message             string
	Attrs                       map[string]any
	Links                       []string
	Exception                   map[string]any // nil: none
	Events                      []storedEvent
}

// A storedEvent is a log line that became an event.
type storedEvent struct {
	At    time.Time
	Name  string
	Attrs map[string]any
}

// storedSpans returns the spans of a trace, by id.
func storedSpans(traces ptrace.Traces) map[string]storedSpan {
	spans := make(map[string]storedSpan)
	for _, resource := range traces.ResourceSpans().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				kind := strings.ToLower(s.Kind().String())
				if s.Kind() == ptrace.SpanKindInternal {
					kind = ""
				}
				stored := storedSpan{
					Service: service.Str(), Parent: s.ParentSpanID().String(), Name: s.Name(), Kind: kind,
					Start: s.StartTimestamp().AsTime(), Duration: s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()),
					Status: s.Status().Code().String(), Message: s.Status().Message(), Attrs: raw(s.Attributes()),
				}
				for _, l := range s.Links().All() {
					stored.Links = append(stored.Links, l.TraceID().String()+" "+l.SpanID().String())
				}
				for _, e := range s.Events().All() {
					if e.Name() == "exception" {
						stored.Exception = raw(e.Attributes())
						continue
					}
					stored.Events = append(stored.Events, storedEvent{e.Timestamp().AsTime(), e.Name(), raw(e.Attributes())})
				}
				spans[s.SpanID().String()] = stored
			}
		}
	}
	return spans
}

// raw returns attributes with all numbers in one type: in the log's JSON 5.0 is 5.
func raw(attrs pcommon.Map) map[string]any { return oneType(attrs.AsRaw()).(map[string]any) }

func oneType(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case map[string]any:
		for key := range v {
			v[key] = oneType(v[key])
		}
	case []any:
		for i := range v {
			v[i] = oneType(v[i])
		}
	}
	return v
}

// loggedSpan returns what the log says of a span.
func loggedSpan(t *testing.T, s *tracelog.Span) storedSpan {
	t.Helper()
	kind := s.Kind
	stored := storedSpan{
		Service: s.Service, Parent: s.ParentID, Name: s.Op, Kind: kind, Start: s.Start, Duration: s.Duration, Status: "Unset",
		Attrs: make(map[string]any),
	}
	flatAll(t, stored.Attrs, s.Attrs)
	for _, l := range s.Logs {
		attrs := map[string]any{"level": l.Level}
		flatAll(t, attrs, l.Attrs())
		// Lines of another process, or after the end, are no events of the span.
		if attrs["pid"] == stored.Attrs["pid"] && !l.Time.After(s.End.Add(time.Microsecond)) {
			stored.Events = append(stored.Events, storedEvent{l.Time, l.Message, attrs})
		}
	}
	if s.Queued != 0 {
		stored.Attrs["queued_ms"] = float64(s.Queued) / 1e6
	}
	for _, l := range s.Links {
		stored.Links = append(stored.Links, l.Trace+" "+l.Span)
	}
	if s.Failed {
		stored.Status, stored.Message = "Error", s.Error
		stored.Exception = map[string]any{"exception.message": s.Error}
		if kind, ok := stored.Attrs["error.type"]; ok {
			stored.Exception["exception.type"] = kind
		}
		if s.Stack != "" {
			stored.Exception["exception.stacktrace"] = s.Stack
		}
	}
	return stored
}

func flatAll(t *testing.T, to map[string]any, attrs []tracelog.Attr) {
	t.Helper()
	for _, a := range attrs {
		var v any
		if err := json.Unmarshal(a.Value, &v); err != nil {
			t.Fatal(err)
		}
		flat(to, a.Key, v)
	}
}

func flat(attrs map[string]any, key string, v any) {
	if members, ok := v.(map[string]any); ok {
		for k, v := range members {
			flat(attrs, key+"."+k, v)
		}
		return
	}
	attrs[key] = v
}

// A fetch returns a trace from a store. It waits until the store has that many spans of it.
type fetch func(id string, spans int) ptrace.Traces

// checkBooking runs the booking example, whose two processes send their spans to endpoint. Its traces are in the store what they are in
// its log files: span by span, with the log lines as events.
func checkBooking(t *testing.T, endpoint string, get fetch) {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "booking"), "./examples/booking")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(dir, "booking"), "-dir", filepath.Join(dir, "logs"), "-speed", "10")
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	names, err := filepath.Glob(filepath.Join(dir, "logs", "*.log"))
	if err != nil || len(names) != 2 {
		t.Fatalf("log files %v, %v", names, err)
	}
	var entries []tracelog.Entry
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tracelog.Scan(file, name, func(e tracelog.Entry) { entries = append(entries, e) })
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	n, events := 0, 0
	for _, trace := range tracelog.Assemble(entries) {
		want := make(map[string]storedSpan)
		for _, s := range trace.All() {
			if s.State == tracelog.Ended {
				want[s.ID] = loggedSpan(t, s)
				events += len(want[s.ID].Events)
			}
		}
		got := storedSpans(get(trace.ID, len(want)))
		for id, s := range got {
			s.Duration = s.Duration.Round(time.Microsecond) // as in the log
			got[id] = s
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trace %s (-log +store):\n%s", trace.ID, diff)
		}
		n += len(want)
	}
	if n < 50 || events < 5 {
		t.Errorf("%d spans with %d events", n, events)
	}
}

// checkSpans checks what the booking example does not have, or the log has only in part: nanoseconds, tracestate, flags, values of each type, a panic.
func checkSpans(t *testing.T, endpoint string, get fetch) {
	t.Helper()
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: endpoint, Logs: traceotlp.LogEvents, Resource: []slog.Attr{slog.String("service.name", "booking")}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	multi := slog.NewMultiHandler(h, slogtrace.ECS.NewJSONHandler(&log, nil)) // ECS has nanoseconds
	logger := slog.New(multi)
	tracer := slogtrace.NewTracer(multi, nil)
	remote := slogtrace.SpanContext{TraceID: slogtrace.TraceID{0xaa, 1}, SpanID: slogtrace.SpanID{0xbb, 2}, Flags: slogtrace.FlagSampled, State: "vendor=x"}
	cause := slogtrace.SpanContext{TraceID: slogtrace.TraceID{9}, SpanID: slogtrace.SpanID{8}, Flags: slogtrace.FlagSampled, State: "a=b,c=d"}
	ctx, root := tracer.Start(slogtrace.ContextWithRemoteSpanContext(t.Context(), remote), "POST /bookings", slogtrace.KindServer)
	flags := map[string]uint32{}
	for i, kind := range []slog.Attr{slogtrace.KindClient, slogtrace.KindProducer, slogtrace.KindConsumer} {
		kindCtx, s := tracer.Start(ctx, fmt.Sprintf("é \"%d\"\n", i), kind, slogtrace.Link(cause), slogtrace.Link(root.SpanContext()),
			slog.Int64("int", -1<<62), slog.Float64("float", 0.1), slog.Bool("yes", true), slog.String("text", "\u2028\x00😀"),
			slog.Any("list", []any{1, "a", true}), slog.Group("g", slog.Group("h", "x", 1)), slog.Duration("d", time.Second), slog.Time("at", time.Unix(1, 5).UTC()))
		logger.InfoContext(kindCtx, "an event", "i", i)
		s.Fail(fmt.Errorf("%d: %w", i, io.ErrUnexpectedEOF))
		s.End()
		flags[s.SpanContext().SpanID.String()] = uint32(s.SpanContext().Flags)
	}
	func() {
		defer func() { _ = recover() }()
		_, s := tracer.Start(ctx, "panics")
		defer s.End()
		panic("boom")
	}()
	root.End()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(&log, "", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]storedSpan)
	for _, s := range tracelog.Assemble(entries)[0].All() {
		if s.State == tracelog.Ended {
			l := loggedSpan(t, s)
			l.Service = "booking"
			want[s.ID] = l
		}
	}
	traces := get(remote.TraceID.String(), len(want))
	if diff := cmp.Diff(want, storedSpans(traces)); diff != "" || len(want) != 5 {
		t.Errorf("%d spans (-log +store):\n%s", len(want), diff)
	}
	for _, resource := range traces.ResourceSpans().All() {
		for _, s := range resource.ScopeSpans().At(0).Spans().All() {
			if s.TraceState().AsRaw() != remote.State {
				t.Errorf("%s: tracestate %q", s.Name(), s.TraceState().AsRaw())
			}
			f, isKind := flags[s.SpanID().String()]
			if !isKind {
				continue
			}
			if s.Flags() != f || s.Links().At(0).TraceState().AsRaw() != cause.State || s.Links().At(0).Flags() != uint32(cause.Flags) {
				t.Errorf("%s: flags %d, want %d; link %q %d", s.Name(), s.Flags(), f, s.Links().At(0).TraceState().AsRaw(), s.Links().At(0).Flags())
			}
			if first := s.Events().At(0); first.Name() != "an event" || s.Events().Len() != 2 {
				t.Errorf("%s: %d events, the first is %s", s.Name(), s.Events().Len(), first.Name())
			}
			if v, _ := s.Attributes().Get("int"); v.Type() != pcommon.ValueTypeInt || v.Int() != -1<<62 {
				t.Errorf("int is %s %s", v.Type(), v.AsString())
			}
		}
	}
}

// checkLogs sends log records to endpoint, which sends them on to VictoriaLogs, as protobuf. They come back to the nanosecond.
func checkLogs(t *testing.T, endpoint string, logs *victorialogs.Node) {
	t.Helper()
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: endpoint, Resource: []slog.Attr{slog.String("service.name", "booking")}})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	multi := slog.NewMultiHandler(h, slogtrace.NewJSONHandler(&file, nil))
	tracer, log := slogtrace.NewTracer(multi, nil), slog.New(multi)
	ctx, span := tracer.Start(t.Context(), "book")
	const lines = 300
	for i := range lines {
		log.WarnContext(ctx, "seat \"held\"\n😀", "seq", i, slog.Group("g", "x", i, "y", "z"), "yes", true, "f", 0.5)
	}
	log.Info("outside", "seq", lines)
	span.End()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []victorialogs.Line
	_, err = tracelog.Scan(&file, "", func(e tracelog.Entry) {
		if e.Event != tracelog.EventLog {
			return
		}
		l := victorialogs.Line{"_time": e.Time.Format(time.RFC3339Nano), "_msg": e.Message, "severity_text": e.Level, "severity_number": map[string]string{"INFO": "9", "WARN": "13"}[e.Level], "trace_id": e.Trace, "span_id": e.Span}
		attrs := make(map[string]any)
		flatAll(t, attrs, e.Attrs())
		for key, v := range attrs {
			l[key] = fmt.Sprint(v)
		}
		maps.DeleteFunc(l, func(_, value string) bool { return value == "" })
		want = append(want, l)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := logs.Await(t, "* | sort by (seq)", len(want))
	for _, l := range got {
		for key := range l { // of the resource and the scope
			if _, own := want[0][key]; !own {
				delete(l, key)
			}
		}
	}
	bySeq := func(a, b victorialogs.Line) int { return strings.Compare(a["seq"], b["seq"]) }
	slices.SortFunc(want, bySeq)
	slices.SortFunc(got, bySeq)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != lines+1 {
		t.Errorf("%d lines (-log +VictoriaLogs):\n%s", len(want), diff)
	}
}

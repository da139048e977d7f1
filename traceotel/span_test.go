package traceotel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotel"
	"github.com/slogtrace/slogtrace/tracetest"
)

// Spans of both interfaces are in one tree, in either order.
func TestTree(t *testing.T) {
	tracetest.SequentialIDs(t)
	rec := tracetest.Record(t)
	provider := traceotel.NewTracerProvider(nil)
	tracer := provider.Tracer("")
	ctx, a := slogtrace.Start(t.Context(), "a")
	ctx, b := tracer.Start(ctx, "b", trace.WithAttributes(attribute.Int("n", 1)))
	ctx, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	deep, c := tracer.Start(ctx, "c")
	_, d := slogtrace.Start(slogtrace.With(deep, slog.Int("with", 1)), "d")
	_, e := tracer.Start(trace.ContextWithSpan(context.Background(), b), "e")
	_, f := slogtrace.Start(trace.ContextWithSpan(deep, b), "f")
	_, root := tracer.Start(deep, "root", trace.WithNewRoot())
	slog.InfoContext(deep, "in c")
	if got := slogtrace.SpanFromContext(deep); got.Op() != "c" {
		t.Errorf("the current span is %v", got)
	}
	for _, s := range []interface{ End(...trace.SpanEndOption) }{c, e, b, root} {
		s.End()
	}
	for _, s := range []*slogtrace.Span{d, f, a} {
		s.End()
	}
	want := "a\n└─ b  n=1\n   ├─ c\n   │  └─ d  with=1\n   ├─ e\n   └─ f\n\nroot\n"
	if got := rec.Tree(); got != want {
		t.Errorf("want:\n%s\ngot:\n%s", want, got)
	}
}

// A span that slogtrace began, as OpenTelemetry's.
func TestSpanOfSlogtrace(t *testing.T) {
	rec := tracetest.NewRecorder()
	traceotel.NewTracerProvider(nil)
	ctx, own := slogtrace.NewTracer(rec, nil).Start(t.Context(), "own")
	s := trace.SpanFromContext(ctx)
	s.SetAttributes(attribute.Int("n", 1))
	s.SetName("renamed")
	s.AddEvent("event")
	s.AddLink(trace.Link{SpanContext: linkedTo})
	s.SetStatus(codes.Error, "bad")
	if !s.IsRecording() || trace.SpanFromContext(ctx) != s {
		t.Error("it does not record, or is another one the second time")
	}
	_, child := s.TracerProvider().Tracer("x").Start(ctx, "child")
	child.End()
	own.End()
	if s.IsRecording() {
		t.Error("it records after its end")
	}
	s.End()
	got := lines(t, rec)
	if len(got) != 3 || got[0]["msg"] != "event" || got[1]["op"] != "child" || got[1]["parent"] != own.SpanContext().SpanID.String() ||
		got[2]["op"] != "renamed" || got[2]["n"] == nil || got[2]["error"] != "bad" || got[2]["links"] == nil {
		t.Errorf("%s", rec.Lines())
	}
}

// A remote parent is a span that does not record.
func TestRemote(t *testing.T) {
	rec := tracetest.NewRecorder()
	tracer := traceotel.NewTracerProvider(slogtrace.NewTracer(rec, nil)).Tracer("lib")
	remote := slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}, Flags: slogtrace.FlagSampled, State: "a=b,c=d"}
	ctx := slogtrace.ContextWithRemoteSpanContext(t.Context(), remote)
	s := trace.SpanFromContext(ctx)
	sc := s.SpanContext()
	if s.IsRecording() || !sc.IsRemote() || !sc.IsSampled() || sc.TraceID() != trace.TraceID(remote.TraceID) || sc.SpanID() != trace.SpanID(remote.SpanID) ||
		sc.TraceState().String() != remote.State {
		t.Errorf("%v", sc)
	}
	s.SetAttributes(attribute.Int("n", 1))
	s.AddEvent("event")
	s.SetStatus(codes.Error, "bad")
	s.RecordError(io.EOF)
	s.SetName("x")
	s.End()
	_, child := tracer.Start(ctx, "child")
	if got := child.SpanContext(); got.TraceID() != sc.TraceID() || got.TraceState().String() != remote.State || got.IsRemote() {
		t.Errorf("%v", got)
	}
	child.End()
	if got := lines(t, rec); len(got) != 1 || got[0]["parent"] != remote.SpanID.String() || got[0]["parent_kind"] != nil {
		t.Errorf("%s", rec.Lines())
	}
}

// OpenTelemetry's own remote parent is one for us too.
func TestRemoteOfOpenTelemetry(t *testing.T) {
	rec := tracetest.NewRecorder()
	traceotel.NewTracerProvider(nil)
	state, err := trace.ParseTraceState("a=b")
	if err != nil {
		t.Fatal(err)
	}
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), linkedTo.WithTraceState(state))
	ctx, s := slogtrace.NewTracer(rec, nil).Start(ctx, "op")
	if sc := s.SpanContext(); sc.TraceID != slogtrace.TraceID(linkedTo.TraceID()) || sc.State != "a=b" || sc.IsSampled() {
		t.Errorf("%+v", sc)
	}
	if got := trace.SpanContextFromContext(ctx); got.TraceState().String() != "a=b" || got.SpanID() != trace.SpanID(s.SpanContext().SpanID) {
		t.Errorf("%v", got)
	}
	s.Fail(io.EOF)
	s.End()
	if got := lines(t, rec); len(got) != 1 || got[0]["parent"] != linkedSpan || got[0]["parent_kind"] != nil || got[0]["sampled"] != false {
		t.Errorf("%s", rec.Lines())
	}
}

// In a trace that is not sampled, spans record since they may fail, but their events are dropped.
func TestNotSampled(t *testing.T) {
	tracer, rec := newTracer(&slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0)})
	ctx, s := tracer.Start(t.Context(), "fails")
	_, fine := tracer.Start(ctx, "fine")
	if !s.IsRecording() || s.SpanContext().IsSampled() {
		t.Error("it does not record, or is sampled")
	}
	fine.AddEvent("event")
	fine.End()
	s.AddEvent("event")
	s.RecordError(io.EOF)
	s.SetStatus(codes.Error, "EOF")
	s.End()
	if got := lines(t, rec); len(got) != 1 || asJSON(t, got[0]["otel.dropped_events_count"]) != "2" || got[0]["error"] != "EOF" || got[0]["sampled"] != false {
		t.Errorf("%s", rec.Lines())
	}
	tracer, rec = newTracer(&slogtrace.TracerOptions{Sampler: slogtrace.Disabled()})
	_, s = tracer.Start(t.Context(), "op")
	if s.IsRecording() {
		t.Error("a disabled Tracer records")
	}
	s.AddEvent("event")
	s.RecordError(io.EOF)
	s.End()
	if len(rec.Lines()) > 0 {
		t.Errorf("%s", rec.Lines())
	}
}

// Flags and tracestate of a sampled trace: OpenTelemetry's samplers see the threshold.
func TestSampled(t *testing.T) {
	tracer, _ := newTracer(&slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0.999)})
	for range 100 {
		ctx, s := tracer.Start(t.Context(), "op")
		if sc := s.SpanContext(); sc.IsSampled() {
			_, child := tracer.Start(ctx, "child")
			if ot := sc.TraceState().Get("ot"); !strings.HasPrefix(ot, "th:") || child.SpanContext().TraceState().Get("ot") != ot || !sc.TraceFlags().IsRandom() {
				t.Errorf("%v", sc)
			}
			return
		}
	}
	t.Error("no trace is sampled")
}

func TestScope(t *testing.T) {
	rec := tracetest.NewRecorder()
	tracer := traceotel.NewTracerProvider(slogtrace.NewTracer(rec, nil)).Tracer("lib", trace.WithInstrumentationVersion("v1.2.3"),
		trace.WithInstrumentationAttributes(attribute.Int("a", 1), attribute.Int("", 2)), trace.WithSchemaURL("https://example.com"))
	_, s := tracer.Start(t.Context(), "op", trace.WithAttributes(attribute.Int("n", 1)))
	s.End()
	got := lines(t, rec)[0]
	if got["otel.scope.name"] != "lib" || got["otel.scope.version"] != "v1.2.3" || asJSON(t, got["otel.scope.a"]) != "1" || got["n"] == nil {
		t.Errorf("%s", rec.Lines())
	}
}

// Without a provider, OpenTelemetry's API wraps our spans in spans that do nothing. They do not hide ours.
func TestNoProvider(t *testing.T) {
	rec := tracetest.NewRecorder()
	traceotel.NewTracerProvider(nil)
	tracer := slogtrace.NewTracer(rec, nil)
	ctx, s := tracer.Start(t.Context(), "outer")
	wrapped, other := noop.NewTracerProvider().Tracer("x").Start(ctx, "wrapped")
	if other.IsRecording() {
		t.Error("it records")
	}
	if got := slogtrace.SpanFromContext(wrapped); got != s {
		t.Errorf("the current span is %v", got)
	}
}

func TestNilContext(t *testing.T) {
	tracer, rec := newTracer(nil)
	var none context.Context
	ctx, s := tracer.Start(none, "op")
	if ctx == nil || trace.SpanFromContext(ctx) != s {
		t.Error("no context")
	}
	s.End()
	traceotel.Propagator().Inject(none, nil)
	if len(lines(t, rec)) != 1 {
		t.Errorf("%s", rec.Lines())
	}
}

// The context of a span passes on what the one it was made from has.
func TestContext(t *testing.T) {
	tracer, _ := newTracer(nil)
	type key struct{}
	parent, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), time.Hour)
	ctx, _ := tracer.Start(parent, "op")
	_, isSpan := any(ctx).(interface{ SetName(string) })
	if d, ok := ctx.Deadline(); !ok || time.Until(d) > time.Hour || ctx.Value(key{}) != "v" || ctx.Err() != nil || isSpan {
		t.Errorf("%v", ctx)
	}
	if text := fmt.Sprint(ctx); !strings.Contains(text, "Start(op)") {
		t.Error(text)
	}
	cancel()
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Error(ctx.Err())
	}
}

// A deferred End records a panic, which goes on. An ended span does not touch it, so that the outer one has its stack.
func TestPanic(t *testing.T) {
	for _, early := range []bool{false, true} {
		tracer, rec := newTracer(nil)
		func() {
			defer func() {
				if p := recover(); p != "boom" {
					t.Errorf("the panic goes on as %v", p)
				}
			}()
			ctx, outer := tracer.Start(t.Context(), "outer")
			defer outer.End()
			_, s := tracer.Start(ctx, "op")
			defer s.End()
			if early {
				s.End()
			}
			panic("boom")
		}()
		for i, l := range lines(t, rec) {
			inner := i == 0
			hasStack := strings.HasPrefix(text(l["stack"]), "github.com/slogtrace/slogtrace/traceotel_test.TestPanic")
			if failed := l["error"] == "panic: boom"; failed != (!inner || !early) || hasStack != (inner != early) {
				t.Errorf("ended before: %t: %s", early, rec.Lines())
			}
		}
	}
}

func TestRecordErrorStack(t *testing.T) {
	tracer, rec := newTracer(nil)
	_, s := tracer.Start(t.Context(), "op")
	s.RecordError(panics{}, trace.WithStackTrace(true))
	s.RecordError(&slogtraceError{})
	got := lines(t, rec)
	if text, _ := got[0]["exception.message"].(string); !strings.Contains(text, "PANIC") {
		t.Errorf("%s", rec.Lines())
	}
	if text, _ := got[0]["exception.stacktrace"].(string); !strings.Contains(text, "TestRecordErrorStack") ||
		got[0]["exception.type"] != "github.com/slogtrace/slogtrace/traceotel_test.panics" || got[1]["exception.type"] != "*traceotel_test.slogtraceError" {
		t.Errorf("%s", rec.Lines())
	}
}

type panics struct{}

func (panics) Error() string { panic("no text") }

type slogtraceError struct{}

func (*slogtraceError) Error() string { return "x" }

// An event's level is asked for, and IsFailure about the recorded error.
func TestTracerOptions(t *testing.T) {
	var b strings.Builder
	h := slogtrace.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})
	missing := errors.New("redis: nil")
	tracer := traceotel.NewTracerProvider(slogtrace.NewTracer(h, &slogtrace.TracerOptions{
		Level: slog.LevelWarn, IsFailure: func(err error) bool { return !errors.Is(err, missing) },
	})).Tracer("lib")
	_, s := tracer.Start(t.Context(), "get")
	s.AddEvent("not enabled")
	s.RecordError(missing)
	s.SetStatus(codes.Error, missing.Error())
	s.End()
	if got := b.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"msg":"exception"`) || strings.Contains(got, `"error":`) {
		t.Error(got)
	}
}

// All methods are safe for concurrent use, and so are tracers and providers.
func TestConcurrent(t *testing.T) {
	rec := tracetest.NewRecorder()
	provider := traceotel.NewTracerProvider(slogtrace.NewTracer(rec, nil))
	ctx, s := provider.Tracer("lib").Start(t.Context(), "op")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, child := provider.Tracer("lib").Start(ctx, "child")
			s.SetAttributes(attribute.Int("n", i), attribute.Int("", 1))
			s.SetName("op")
			s.AddEvent("event")
			s.AddLink(trace.Link{SpanContext: linkedTo})
			s.RecordError(io.EOF)
			s.SetStatus(codes.Error, "EOF")
			s.SpanContext()
			s.IsRecording()
			trace.SpanFromContext(slogtrace.With(ctx, slog.Int("i", i))).SetAttributes(attribute.Int("m", i))
			child.End()
		})
	}
	wg.Wait()
	for range 4 {
		wg.Go(func() { s.End() })
		wg.Go(func() { s.SetAttributes(attribute.Int("late", 1)); s.SetStatus(codes.Ok, "") })
	}
	wg.Wait()
	got := lines(t, rec)
	last := got[len(got)-1]
	if len(got) != 8+8+8+1 || asJSON(t, last["otel.dropped_attributes_count"]) != "8" {
		t.Errorf("%d records:\n%s", len(got), rec.Lines())
	}
}

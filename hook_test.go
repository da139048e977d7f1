package slogtrace_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A samplerFunc is a Sampler that is a function.
type samplerFunc func(slogtrace.SampleInput) bool

func (f samplerFunc) Sample(in slogtrace.SampleInput) (bool, float64) { return f(in), 1 }

// A decision without ids counts for the trace that begins, also through With, and for no other.
func TestContinueDecision(t *testing.T) {
	for _, s := range []hook.Sampling{hook.Defer, hook.Deny, hook.Accept} {
		asked := 0
		says := s == hook.Deny // the opposite
		tracer := slogtrace.NewTracer(tracetest.NewRecorder(), &slogtrace.TracerOptions{
			Sampler: samplerFunc(func(slogtrace.SampleInput) bool { asked++; return says }),
		})
		sampled := func(ctx context.Context) (context.Context, bool) {
			ctx, span := tracer.Start(ctx, "op")
			return ctx, span.SpanContext().IsSampled()
		}
		before := hook.Continue(t.Context(), [16]byte{}, [8]byte{1}, s) // a single id does not count
		before = slogtrace.With(before, slog.Int("n", 1))
		if slogtrace.SpanContextFromContext(before).IsValid() {
			t.Error("there is a trace")
		}
		ctx, got := sampled(before)
		if want := s == hook.Accept; s != hook.Defer && got != want {
			t.Errorf("%v: sampled %t", s, got)
		}
		if asked != 0 != (s == hook.Defer) {
			t.Errorf("%v: the Sampler was asked %d times", s, asked)
		}
		// In a trace that has begun it does not count.
		if _, child := sampled(hook.Continue(ctx, [16]byte{}, [8]byte{}, hook.Deny)); child != got {
			t.Errorf("%v: child sampled %t", s, child)
		}
		for _, detached := range []context.Context{slogtrace.Detach(ctx), slogtrace.Detach(before)} {
			if _, got := sampled(detached); got != says {
				t.Errorf("%v: a detached trace is sampled %t", s, got)
			}
		}
	}
}

// Ids without a decision leave it to the Sampler, which sees the trace id. With a decision it is not asked.
func TestContinueIDs(t *testing.T) {
	trace, parent := slogtrace.TraceID{1}, slogtrace.SpanID{2}
	for _, s := range []hook.Sampling{hook.Defer, hook.Deny, hook.Accept} {
		for _, says := range []bool{false, true} {
			var asked []slogtrace.TraceID
			tracer := slogtrace.NewTracer(tracetest.NewRecorder(), &slogtrace.TracerOptions{
				Sampler: samplerFunc(func(in slogtrace.SampleInput) bool { asked = append(asked, in.TraceID); return says }),
			})
			ctx, span := tracer.Start(hook.Continue(t.Context(), trace, parent, s), "op")
			_, child := tracer.Start(ctx, "child")
			want := s == hook.Accept || s == hook.Defer && says
			if sc := child.SpanContext(); sc.TraceID != trace || sc.IsSampled() != want || span.SpanContext().IsSampled() != want {
				t.Errorf("%v, Sampler says %t: %+v", s, says, sc)
			}
			if (len(asked) == 1 && asked[0] == trace) != (s == hook.Defer) || len(asked) > 1 {
				t.Errorf("%v: asked about %v", s, asked)
			}
		}
	}
}

// EndPanic ends the span as End would have done. A second end does not count.
func TestEndPanic(t *testing.T) {
	rec := tracetest.NewRecorder()
	ctx, span := slogtrace.NewTracer(rec, nil).Start(t.Context(), "op")
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("panic goes on as %v", p)
			}
			span.End()
		}()
		defer func() { hook.EndPanic(ctx, recover()) }()
		panic("boom")
	}()
	entries := rec.Entries()
	if len(entries) != 1 || entries[0].Error != "panic: boom" || !strings.HasPrefix(entries[0].Stack, "github.com/slogtrace/slogtrace_test.TestEndPanic") {
		t.Errorf("%s", rec.Lines())
	}
}

// With only one valid id a new trace begins, and the context keeps what it had.
func TestContinueHalf(t *testing.T) {
	for name, ids := range map[string]struct {
		trace [16]byte
		span  [8]byte
	}{"no span": {trace: [16]byte{1}}, "no trace": {span: [8]byte{1}}, "neither": {}} {
		rec := tracetest.NewRecorder()
		tracer := slogtrace.NewTracer(rec, nil)
		ctx := slogtrace.With(t.Context(), slog.Int("n", 1))
		for _, s := range []hook.Sampling{hook.Deny, hook.Accept} {
			_, span := tracer.Start(hook.Continue(ctx, ids.trace, ids.span, s), "op")
			if sc := span.SpanContext(); !sc.IsValid() || sc.TraceID == ids.trace || sc.IsSampled() != (s == hook.Accept) {
				t.Errorf("%s: %+v", name, sc)
			}
			span.End()
		}
		if entries := rec.Entries(); len(entries) != 1 || entries[0].Parent != "" || !bytes.Contains(rec.Lines(), []byte(`"n":1`)) {
			t.Errorf("%s: %s", name, rec.Lines())
		}
	}
}

// Without a decision and without a Sampler, the span is sampled.
func TestContinueWithoutSampler(t *testing.T) {
	_, span := slogtrace.NewTracer(tracetest.NewRecorder(), nil).Start(hook.Continue(t.Context(), [16]byte{1}, [8]byte{2}, hook.Defer), "op")
	if sc := span.SpanContext(); sc.TraceID != (slogtrace.TraceID{1}) || !sc.IsSampled() {
		t.Errorf("%+v", sc)
	}
}

// Under has another span as the current one, and With, baggage and Tracer as they were.
func TestUnder(t *testing.T) {
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, nil)
	parent, outer := tracer.Start(t.Context(), "outer")
	ctx, other := tracer.Start(slogtrace.With(t.Context(), slog.String("who", "ann")), "other")
	ctx, err := slogtrace.WithBaggage(ctx, "tenant", "t1")
	if err != nil {
		t.Fatal(err)
	}
	got, child := slogtrace.Start(hook.Under(ctx, parent), "child")
	if child.SpanContext().TraceID != outer.SpanContext().TraceID || slogtrace.SpanFromContext(ctx) != other {
		t.Error("the child is not in the trace of outer, or ctx was changed")
	}
	child.End()
	if line := string(rec.Lines()); !strings.Contains(line, `"parent":"`+outer.SpanContext().SpanID.String()) ||
		!strings.Contains(line, `"who":"ann"`) || !strings.Contains(line, `"tenant":"t1"`) {
		t.Error(line)
	}
	for _, plain := range []context.Context{t.Context(), got} {
		if under := hook.Under(plain, t.Context()); under != plain {
			t.Error("there is no span to be under, and the context is another")
		}
	}
	if slogtrace.SpanFromContext(hook.Under(t.Context(), parent)) != outer {
		t.Error("a context without a span has none under outer")
	}
}

func TestBackdate(t *testing.T) {
	rec := tracetest.NewRecorder()
	ctx, span := slogtrace.NewTracer(rec, nil).Start(t.Context(), "late")
	start := time.Now().Add(-time.Hour)
	hook.Backdate(ctx, start)
	hook.Backdate(t.Context(), start) // no span: nothing to do
	span.End()
	if line := string(rec.Lines()); !strings.Contains(line, `"start":"`+start.UTC().Format(time.RFC3339Nano)) || !strings.Contains(line, `"duration_ms":3600`) {
		t.Error(line)
	}
}

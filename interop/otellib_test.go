package interop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotel"
	slogtracetest "github.com/slogtrace/slogtrace/tracetest"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// An otelUser is a program that traces with slogtrace, and whose libraries trace with OpenTelemetry's API. Nothing global is set.
type otelUser struct {
	rec        *slogtracetest.Recorder
	tracer     *slogtrace.Tracer
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
}

// newOTelUser returns a program. Nil options are the defaults.
func newOTelUser(opts *slogtrace.TracerOptions) *otelUser {
	rec := slogtracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, opts)
	return &otelUser{rec, tracer, traceotel.NewTracerProvider(tracer), traceotel.Propagator()}
}

// in runs f in a span of slogtrace's.
func (u *otelUser) in(ctx context.Context, op string, f func(ctx context.Context)) {
	ctx, span := u.tracer.Start(ctx, op)
	defer span.End()
	f(ctx)
}

// check wants the traces of the log so far, and nothing wrong in them: all spans ended, no parent missing, one root each.
// A line is a span: its op, its kind, those of its attributes whose keys are given, and its error.
// The lines below it that begin with a dot are its log lines.
func (u *otelUser) check(t *testing.T, want string, keys ...string) {
	t.Helper()
	var b strings.Builder
	for _, e := range u.rec.Entries() {
		if e.Trace == "" {
			t.Errorf("outside any trace: %s", e.Raw)
		}
	}
	for _, trace := range u.rec.Traces() {
		if len(trace.Roots) != 1 || len(trace.Logs) > 0 || len(trace.Problems) > 0 {
			t.Errorf("trace %s: %d roots, %d lines outside its spans, problems %v", trace.ID, len(trace.Roots), len(trace.Logs), trace.Problems)
		}
		for depth, s := range trace.All() {
			writeSpan(&b, strings.Repeat("  ", depth), s, keys)
		}
	}
	if got := b.String(); got != want {
		t.Errorf("traces:\n%s\nwant:\n%s\n(-want +got):\n%s", got, want, cmp.Diff(want, got))
	}
}

func writeSpan(b *strings.Builder, indent string, s *tracelog.Span, keys []string) {
	b.WriteString(indent + s.Op)
	if s.Kind != "" {
		b.WriteString(" [" + s.Kind + "]")
	}
	for _, a := range s.Attrs {
		if slices.Contains(keys, a.Key) {
			fmt.Fprintf(b, " %s=%s", a.Key, a.Value)
		}
	}
	for _, l := range s.Links {
		b.WriteString(" link")
		if l.Trace != s.EndRecord.Trace {
			b.WriteString(" to another trace")
		}
	}
	if s.Failed {
		b.WriteString(" ✗ " + s.Error)
	}
	b.WriteByte('\n')
	for i := range s.Logs {
		b.WriteString(indent + "  · " + s.Logs[i].Message)
		for _, a := range s.Logs[i].Attrs() {
			if a.Key == "exception.message" || slices.Contains(keys, a.Key) {
				fmt.Fprintf(b, " %s", a.Value)
			}
		}
		b.WriteByte('\n')
	}
}

package traceotel

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// dropped counts what has no form in a record.
type dropped struct{ attributes, events, links, linkAttributes int }

// count adds d to the span of ctx. The keys are those of OpenTelemetry's "Transformation to non-OTLP Formats",
// and one like them.
func (d dropped) count(ctx context.Context) {
	if d == (dropped{}) {
		return
	}
	for _, c := range [...]struct {
		key string
		n   int
	}{
		{"otel.dropped_attributes_count", d.attributes},
		{"otel.dropped_events_count", d.events},
		{"otel.dropped_links_count", d.links},
		{"otel.dropped_link_attributes_count", d.linkAttributes},
	} {
		if c.n > 0 {
			hook.Count(ctx, c.key, c.n)
		}
	}
}

// link returns l as slogtrace's. It counts what that leaves out. A link with nothing in it is none.
func (d *dropped) link(l trace.Link) (_ slog.Attr, ok bool) {
	d.linkAttributes += len(l.Attributes)
	sc := l.SpanContext
	if !sc.IsValid() {
		if len(l.Attributes) > 0 || sc.TraceState().Len() > 0 {
			d.links++
		}
		return slog.Attr{}, false
	}
	return slogtrace.Link(slogtrace.SpanContext{
		TraceID: slogtrace.TraceID(sc.TraceID()), SpanID: slogtrace.SpanID(sc.SpanID()),
		Flags: slogtrace.Flags(sc.TraceFlags()), State: sc.TraceState().String(),
	}), true
}

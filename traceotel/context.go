package traceotel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// spanKey is the context key under which OpenTelemetry has its current span. It is not exported, so a context that
// is asked for it has to tell.
var spanKey = func() any {
	p := &probe{Context: context.Background()}
	trace.SpanFromContext(p)
	return p.key
}()

// A probe is a context that remembers the last key it was asked for.
type probe struct {
	context.Context
	key any
}

func (p *probe) Value(key any) any {
	p.key = key
	return nil
}

// share makes slogtrace's contexts answer for OpenTelemetry's spans, and slogtrace see them.
var share = sync.OnceFunc(func() {
	hook.SetForeign(hook.Foreign{
		Key:  spanKey,
		Span: func(ctx context.Context) any { return newSpan(ctx, &provider{}) },
		Look: look,
	})
})

// look implements hook.Foreign.
func look(v any) (ours context.Context, id hook.ForeignSpan) {
	switch s := v.(type) {
	case *span:
		return s.own.ctx, id
	case trace.Span:
		sc := s.SpanContext()
		if !sc.IsValid() {
			return nil, id
		}
		id.Trace, id.Span, id.Flags, id.Remote = sc.TraceID(), sc.SpanID(), byte(sc.TraceFlags()), sc.IsRemote()
		if sc.TraceState().Len() > 0 {
			id.State = sc.TraceState().String()
		}
		if s, ok := s.(interface{ Name() string }); ok { // the SDK's spans have it
			id.Op = s.Name()
		}
	}
	return nil, id
}

// A spanContext is a context in which a span is the current one. It is part of the span, so that both are one allocation.
// It is not the span itself, so that a context has no methods of spans.
type spanContext struct {
	ctx  context.Context // of slogtrace's span
	span *span
}

func (c *spanContext) Deadline() (time.Time, bool) { return c.ctx.Deadline() }
func (c *spanContext) Done() <-chan struct{}       { return c.ctx.Done() }
func (c *spanContext) Err() error                  { return c.ctx.Err() }
func (c *spanContext) String() string              { return fmt.Sprint(c.ctx) }

func (c *spanContext) Value(key any) any {
	if key == spanKey {
		return c.span
	}
	return c.ctx.Value(key)
}

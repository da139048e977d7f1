package slogtrace

import (
	"context"
	"fmt"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

func init() { hook.Register(core{}) }

// core implements the functions that package hook offers to other packages.
type core struct{}

func (core) Inject(ctx context.Context) (traceparent, tracestate, baggage string) {
	c := currentOf(ctx)
	baggage = c.env.baggage().line()
	if !c.inTrace() {
		return "", "", baggage
	}
	var mem [w3c.TraceparentLen]byte
	return string(c.ids().AppendTraceparent(mem[:0], byte(c.flags()))), c.env.state, baggage
}

func (core) Extract(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	b, bagErr := parseBaggage(baggage...)
	s := sender{bag: b}
	var err error
	switch len(traceparent) {
	case 1:
		var flags byte
		if flags, err = s.ids.SetTraceparent(traceparent[0]); err == nil {
			s.flags = Flags(flags)
			s.state, err = w3c.ParseTracestate(tracestate...)
			return s.on(ctx), w3c.JoinErrors(err, bagErr)
		}
	case 0:
	default:
		// W3C Trace Context Level 2, 3.2: more than one header counts as none.
		err = fmt.Errorf("slogtrace: traceparent: want one header line, got %d", len(traceparent))
	}
	// If there is no baggage to add or to remove, nothing of ours may come into the context.
	if len(baggage) > 0 && (b != nil || currentOf(ctx).env.baggage() != nil) {
		ctx = withBaggage(ctx, currentOf(ctx), b)
	}
	return ctx, w3c.JoinErrors(err, bagErr)
}

func (core) Continue(ctx context.Context, trace [16]byte, span [8]byte, s hook.Sampling) context.Context {
	if TraceID(trace).IsValid() && SpanID(span).IsValid() {
		var from sender // without baggage: the message's comes later, by Extract, and ctx's does not belong to it
		from.ids.Set(trace, span)
		if s == hook.Accept {
			from.flags = FlagSampled
		}
		ctx = from.on(ctx)
		currentOf(ctx).remote.undecided = s == hook.Defer
		return ctx
	}
	c := currentOf(ctx)
	if s == hook.Defer || c.inTrace() { // no trace begins inside one that is decided
		return ctx
	}
	var e env
	if c.env != nil {
		e = *c.env
	}
	e.decided = s
	return &scopeContext{Context: ctx, env: e.shared()}
}

func (core) EndPanic(ctx context.Context, value any) {
	if s := SpanFromContext(ctx); s != nil {
		s.end(time.Now(), nil, value)
	}
	panicAgain(value)
}

func (core) Rename(ctx context.Context, last *string, op string) *string {
	s := SpanFromContext(ctx)
	if s == nil {
		return last
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) || s.renamed() != last {
		return last
	}
	s.extra().op.Store(&op)
	return &op
}

func (core) Under(ctx, parent context.Context) context.Context {
	s := SpanFromContext(parent)
	if s == nil {
		return ctx
	}
	e := currentOf(ctx).env
	if e == nil {
		e = s.env
	}
	return &scopeContext{Context: ctx, env: e, span: s}
}

func (core) Backdate(ctx context.Context, start time.Time) {
	if s := SpanFromContext(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.start = start
	}
}

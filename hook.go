package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

func init() { hook.Register(new(core)) }

// core implements the functions that package hook offers to other packages.
type core struct{}

func (*core) Inject(ctx context.Context) (traceparent, tracestate, baggage string) {
	c := currentOf(ctx)
	baggage = c.env.baggage().line()
	if !c.inTrace() {
		return "", "", baggage
	}
	var mem [w3c.TraceparentLen]byte
	return string(c.ids().AppendTraceparent(mem[:0], byte(c.flags()))), c.env.state, baggage
}

func (*core) Extract(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error) {
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

func (*core) Continue(ctx context.Context, trace [16]byte, span [8]byte, s hook.Sampling) context.Context {
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

func (*core) EndPanic(ctx context.Context, value any) {
	if s := SpanFromContext(ctx); s != nil {
		s.end(time.Now(), nil, value)
	}
	panicAgain(value)
}

func (*core) Rename(ctx context.Context, last *string, op string) *string {
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

func (*core) Under(ctx, parent context.Context) context.Context {
	s := SpanFromContext(parent)
	if s == nil {
		return ctx
	}
	e := currentOf(ctx).env
	if e == nil {
		e = s.env
	}
	return &scopeContext{Context: ctx, env: e, span: s, sets: true}
}

func (*core) Backdate(ctx context.Context, start time.Time) {
	if s := SpanFromContext(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.start = start
	}
}

func (*core) Start(ctx context.Context, in hook.Start) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	if in.NewRoot {
		ctx = Detach(ctx)
	}
	c := currentOf(ctx)
	t, _ := in.Tracer.(*Tracer)
	if t == nil {
		t = c.env.tracerOrDefault()
	}
	s := &Span{parent: ctx, env: c.env, op: opOrUnnamed(in.Op), start: in.At}
	if in.At.IsZero() {
		s.start = time.Now()
	}
	if areSimple(in.Attrs) {
		s.attrs = in.Attrs
	} else {
		s.takeAttrs(in.Attrs)
	}
	s.kind = uint8(max(slices.Index(spanKinds[:], spanKind(in.Kind)), 0))
	for _, l := range in.Links {
		s.addLink(l)
	}
	t.begin(s, &c, 3)
	return (*spanContext)(s)
}

func (*core) End(ctx context.Context, at time.Time, panicked any) {
	if s := SpanFromContext(ctx); s != nil {
		if at.IsZero() {
			at = time.Now()
		}
		s.end(at, nil, panicked)
	}
	if panicked != nil {
		panicAgain(panicked)
	}
}

func (*core) Ended(ctx context.Context) bool {
	s := SpanFromContext(ctx)
	return s == nil || s.is(ended)
}

func (*core) Recording(ctx context.Context) bool {
	s := SpanFromContext(ctx)
	return s != nil && !s.is(ended) && !s.env.tracer.disabled
}

func (*core) AddLink(ctx context.Context, l slog.Attr) {
	if s := SpanFromContext(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.is(ended) {
			s.addLink(l)
		}
	}
}

func (*core) Count(ctx context.Context, key string, n int) {
	s := SpanFromContext(ctx)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) {
		return
	}
	total := int64(n)
	for _, a := range s.attrs {
		if a.Key == key && a.Value.Kind() == slog.KindInt64 {
			total += a.Value.Int64()
		}
	}
	s.add([]slog.Attr{slog.Int64(key, total)})
}

func (*core) RecordError(ctx context.Context, err error) {
	if s := SpanFromContext(ctx); s != nil && err != nil {
		s.setStatus(func(t *status) { t.recorded = err })
	}
}

func (*core) SetStatus(ctx context.Context, code hook.Status, description string) {
	if s := SpanFromContext(ctx); s != nil && code != hook.Unset {
		s.setStatus(func(t *status) {
			if t.code != hook.OK {
				t.code, t.description = code, description
			}
		})
	}
}

func (*core) SetForeign(f hook.Foreign) { foreign.CompareAndSwap(nil, &f) }

func (*core) AddsIDs(h slog.Handler) bool { return readsMarks(h) }

func (*core) ContextAttrs(ctx context.Context) []slog.Attr {
	c := currentOf(ctx)
	return c.attrs()
}

func (*core) IsMark(a slog.Attr) bool { return isMark(a) }

// Package hook lets packages that make spans for other libraries, such as tracehttp, use functions that package slogtrace
// does not export. Package slogtrace registers itself before main begins.
//
// Modules with versions of their own import it. They may be built with other versions of the root module. So it only grows:
// no function here changes its meaning or its signature.
package hook

import (
	"context"
	"log/slog"
	"time"
)

// A Core implements the functions of this package. Only package slogtrace has one.
type Core interface {
	Inject(ctx context.Context) (traceparent, tracestate, baggage string)
	Extract(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error)
	Continue(ctx context.Context, trace [16]byte, span [8]byte, s Sampling) context.Context
	EndPanic(ctx context.Context, value any)
	Rename(ctx context.Context, last *string, op string) *string
	Under(ctx, parent context.Context) context.Context
	Backdate(ctx context.Context, start time.Time)
	Start(ctx context.Context, s Start) context.Context
	End(ctx context.Context, at time.Time, panicked any)
	Ended(ctx context.Context) bool
	Recording(ctx context.Context) bool
	AddLink(ctx context.Context, link slog.Attr)
	Count(ctx context.Context, key string, n int)
	RecordError(ctx context.Context, err error)
	SetStatus(ctx context.Context, s Status, description string)
	SetForeign(f Foreign)
	AddsIDs(h slog.Handler) bool
	ContextAttrs(ctx context.Context) []slog.Attr
	IsMark(a slog.Attr) bool
}

var core Core

// Register sets the Core, once, before main begins.
func Register(c Core) {
	if core != nil {
		panic("hook: Register called twice")
	}
	core = c
}

// Inject returns the headers for a message sent under ctx, each as one line, or "".
// There can be baggage without a trace.
func Inject(ctx context.Context) (traceparent, tracestate, baggage string) { return core.Inject(ctx) }

// Extract returns ctx continued by a message. Each argument has the lines of one of its headers, in order.
// With a valid traceparent the message's baggage replaces ctx's, even if the message has none.
// Without one it does so only if there are lines of baggage. To ignore the baggage of an untrusted sender, pass no lines.
// The context can be used even if there is an error. The error names, in one line, what was not valid and left out.
func Extract(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error) {
	return core.Extract(ctx, traceparent, tracestate, baggage)
}

// A Sampling is the caller's decision about its trace. Unlike traceparent, B3 can leave it open, or carry nothing else.
type Sampling uint8

const (
	Defer  Sampling = iota // the Sampler decides
	Deny                   // not sampled
	Accept                 // sampled
)

// Continue is Extract for headers other than traceparent, such as B3's. It removes the baggage:
// pass the message's to Extract afterwards. If an id is zero, only the decision counts,
// for the trace that begins under ctx.
func Continue(ctx context.Context, trace [16]byte, span [8]byte, s Sampling) context.Context {
	return core.Continue(ctx, trace, span, s)
}

// EndPanic ends the current span of ctx, failed with a panic of the given value, and panics with that value again.
// Call it in the deferred function that recovered the value. It never returns.
func EndPanic(ctx context.Context, value any) { core.EndPanic(ctx, value) }

// Rename renames the current span of ctx to op, unless it has been renamed with SetOp.
// last is the result of the previous Rename of that span, nil at first.
func Rename(ctx context.Context, last *string, op string) *string { return core.Rename(ctx, last, op) }

// Under returns ctx with the current span of parent as its own: the attributes, baggage and Tracer stay ctx's.
func Under(ctx, parent context.Context) context.Context { return core.Under(ctx, parent) }

// Backdate sets the start of the current span of ctx. Call it before anybody else has that span.
func Backdate(ctx context.Context, start time.Time) { core.Backdate(ctx, start) }

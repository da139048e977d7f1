package hook

import (
	"context"
	"log/slog"
	"time"
)

// The functions in this file are for another library's interface over slogtrace's spans, such as OpenTelemetry's.
// Where one takes the context of a span, that span is the current one of ctx. Without a span it does nothing.
// All but Start are safe for concurrent use.

// Start describes a span that is about to begin. New fields may follow.
type Start struct {
	Tracer  any         // a *slogtrace.Tracer; nil: that of the context, or the default one
	Op      string      // "" becomes "unnamed"
	Kind    string      // "server", "client", "producer" or "consumer"; others are internal
	Attrs   []slog.Attr // belong to the span from here on
	Links   []slog.Attr // from slogtrace.Link
	At      time.Time   // zero: now
	NewRoot bool        // a new trace begins, as below slogtrace.Detach
}

// StartSpan begins a span and returns its context. If Tracer options ask for the source, it is that of the call
// of the function that called StartSpan. ctx may be nil.
func StartSpan(ctx context.Context, s Start) context.Context { return core.Start(ctx, s) }

// EndSpan ends the span of ctx. A zero at means now. If panicked is not nil, the span fails with that panic, and EndSpan panics
// with it again. Call it then in the deferred function that recovered the value.
func EndSpan(ctx context.Context, at time.Time, panicked any) { core.End(ctx, at, panicked) }

// Ended reports whether the span of ctx has ended, or there is none.
func Ended(ctx context.Context) bool { return core.Ended(ctx) }

// Recording reports whether the span of ctx has not ended and may be written. A span of a trace that is not sampled may be:
// it is written if it fails.
func Recording(ctx context.Context) bool { return core.Recording(ctx) }

// AddLink adds a link, from slogtrace.Link, to the span of ctx.
func AddLink(ctx context.Context, link slog.Attr) { core.AddLink(ctx, link) }

// Count adds n to the attribute key of the span of ctx, a number.
func Count(ctx context.Context, key string, n int) { core.Count(ctx, key, n) }

// RecordError tells the span of ctx about an error without failing it. If its status becomes an error that says the same,
// err itself fails it.
func RecordError(ctx context.Context, err error) { core.RecordError(ctx, err) }

// A Status is the status of a span in OpenTelemetry's sense.
type Status uint8

const (
	Unset Status = iota
	Error        // the span fails when it ends, unless the status becomes OK
	OK           // final: later statuses are ignored
)

// SetStatus sets the status of the span of ctx. The description is the error's text.
// A call of slogtrace's own Fail or End with an error fails the span whatever the status is, and so does a panic.
func SetStatus(ctx context.Context, s Status, description string) {
	core.SetStatus(ctx, s, description)
}

// A Foreign is another tracing library whose spans share contexts with slogtrace's. Of the spans of both in one context,
// the one that was put in last is the current one.
type Foreign struct {
	// Key is the context key of the library's current span.
	Key any

	// Span returns the value of Key that stands for a span or remote parent of slogtrace. ctx is its context.
	// Span is called with ctx directly below the caller, and mostly once per ctx. It must not call ctx.Value(Key).
	Span func(ctx context.Context) any

	// Look returns what a value of Key is: for one that stands for a span of slogtrace, the context that Span was called with
	// or that StartSpan returned, otherwise the identity of the library's span. v is not nil.
	Look func(v any) (ours context.Context, id ForeignSpan)
}

// A ForeignSpan is the identity of a span of another library. New fields may follow.
type ForeignSpan struct {
	Trace  [16]byte
	Span   [8]byte
	Flags  byte   // of traceparent
	State  string // tracestate
	Op     string // "" if not known
	Remote bool   // it is in another process
}

// SetForeign sets the other library, for the rest of the program. Only the first call counts.
func SetForeign(f Foreign) { core.SetForeign(f) }

// AddsIDs reports whether h is a handler of slogtrace that writes ids, or passes records on to one that does.
func AddsIDs(h slog.Handler) bool { return core.AddsIDs(h) }

// Ours is an argument of methods that only this module can have, since users cannot name it.
type Ours struct{}

package slogtrace

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/errtype"
)

// WithTrace returns err with the SpanContext of ctx attached, so that whoever handles it further up,
// where the context is another one, can say which trace to look at.
// The error reads as before and unwraps to err.
// It returns err itself if that is nil, carries a SpanContext already, or if ctx has none.
func WithTrace(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := TraceOf(err); ok {
		return err
	}
	sc := SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return err
	}
	return &traceError{err, sc}
}

// TraceOf returns the SpanContext that [WithTrace] attached to err or to an error that err wraps.
func TraceOf(err error) (SpanContext, bool) {
	if e, ok := errors.AsType[*traceError](err); ok {
		return e.sc, true
	}
	return SpanContext{}, false
}

type traceError struct {
	error
	sc SpanContext
}

func (e *traceError) Unwrap() error { return e.error }

// Wraps makes it an errtype.Wrapper.
func (e *traceError) Wraps() {}

// ErrorTrace returns the ids of the span that [WithTrace] attached to err, as the attributes trace and span.
// Use it where the error is logged outside of its trace, so that the line belongs to the trace all the same:
//
//	slog.Error("job failed", "err", err, slogtrace.ErrorTrace(err))
//
// In a trace the line has ids already, and these are attr.trace and attr.span.
// It is empty, and no handler writes it, if err carries no SpanContext.
// For a preset use the method of that name of its [Format].
func ErrorTrace(err error) slog.Attr { return Format{}.ErrorTrace(err) }

// ErrorTrace is the function [ErrorTrace] with f's names and forms.
func (f Format) ErrorTrace(err error) slog.Attr {
	sc, ok := TraceOf(err)
	if !ok {
		return slog.Attr{}
	}
	c := format{Format: f}
	return slog.Attr{Value: slog.GroupValue(
		slog.String(cmp.Or(f.Trace, defaultFormat.Trace), c.traceText(sc.TraceID.String())),
		slog.String(cmp.Or(f.Span, defaultFormat.Span), c.spanText(sc.SpanID.String())),
	)}
}

// ErrorType returns the attribute error.type of OpenTelemetry's semantic conventions: what kind of error err is.
// It is "panic" for what [Span.End] recovered, "timeout" or "canceled" where the error says that, "EOF",
// else the Go type of err, "*net.OpError". What [fmt.Errorf] and [WithTrace] wrap counts, not they.
// It is empty, and no handler writes it, where that type says nothing: those of [errors.New], [errors.Join] and fmt.Errorf.
//
// A Tracer without [TracerOptions.ErrorAttrs] gives it to each failed span. Call it in an ErrorAttrs of your own to keep it.
// err must not be nil.
func ErrorType(err error) slog.Attr {
	if _, ok := err.(*panicError); ok {
		return slog.String(errtype.Key, "panic")
	}
	switch kind := errtype.Of(err); kind {
	case "*errors.errorString", "*errors.joinError", "*fmt.wrapErrors":
		return slog.Attr{}
	default:
		return slog.String(errtype.Key, kind)
	}
}

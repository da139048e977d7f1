package slogtrace

import (
	"context"
	"errors"
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

package slogtrace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"

	"github.com/slogtrace/slogtrace/internal/errtype"
)

// WithTrace returns err with the SpanContext of ctx attached, so that a caller further up, which has another context,
// can tell which trace to look at.
// The error text stays the same, and the result unwraps to err.
// It returns err itself if err is nil or already carries a SpanContext, or if ctx has none.
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

// TraceOf returns the SpanContext that [WithTrace] attached to err or to an error that err wraps,
// and whether there is one.
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
// Use it to log the error outside of its trace, so that the line still belongs to the trace:
//
//	slog.Error("job failed", "err", err, slogtrace.ErrorTrace(err))
//
// In a trace the line already has ids, and these are written as attr.trace and attr.span.
// If err carries no SpanContext, the attribute is empty and no handler writes it.
// For a preset use the method of the same name of its [Format].
func ErrorTrace(err error) slog.Attr { return Format{}.ErrorTrace(err) }

// ErrorTrace is the function [ErrorTrace] with the names and forms of f.
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
// It is "panic" for a panic that [Span.End] recovered, "timeout" or "canceled" if the error is one, "EOF",
// and otherwise the Go type of err, such as "*net.OpError".
// For errors of [fmt.Errorf] and [WithTrace] it is the type of the wrapped error.
// The attribute is empty, and no handler writes it, if the type means nothing:
// that of [errors.New], [errors.Join] and fmt.Errorf.
//
// A Tracer without [TracerOptions.ErrorAttrs] adds it to each failed span. To keep it, call it in your own ErrorAttrs.
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

// A panicError is the error of a span whose End recovered a panic.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Unwrap returns the value that panicked, if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

const maxStackFrames = 32

// panicAgain continues a panic that a span has reported.
//
//go:noinline
func panicAgain(value any) { panic(value) }

var panicAgainEntry = reflect.ValueOf(panicAgain).Pointer()

// panicStack returns the stack of the panic that is being recovered from, innermost call first.
// It has the form of runtime/debug.Stack, without the frames above the panic and without addresses.
// It is "" if an inner span's End continued the panic: that span has the stack.
func panicStack() string {
	pcs := make([]uintptr, 128)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var b strings.Builder
	inPanic, n := false, 0
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			// All frames so far are ours. A panic during a panic leaves more gopanic frames: the innermost counts.
			inPanic = true
		case !inPanic, n == 0 && strings.HasPrefix(f.Function, "runtime."):
			// The runtime's own frames between a fault and gopanic.
		case n == maxStackFrames:
			b.WriteString("...\n")
			return b.String()
		case n == 0 && f.Entry == panicAgainEntry:
			return ""
		case f.Function != "":
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
			n++
		}
		if !more {
			return b.String()
		}
	}
}

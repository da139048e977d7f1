package slogtrace

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// A panicError is the error of a span that a panic went through.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Unwrap returns the value that panicked, if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

const maxStackFrames = 32

// panicAgain goes on with a panic that a span has reported.
//
//go:noinline
func panicAgain(value any) { panic(value) }

var panicAgainEntry = reflect.ValueOf(panicAgain).Pointer()

// panicStack returns the stack of the panic that is being recovered from, innermost call first,
// in the form of runtime/debug.Stack but without what lies above the panic, and without addresses.
// It is "" if the end of another, inner span passed the panic on: that one has the stack.
func panicStack() string {
	pcs := make([]uintptr, 128)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var b strings.Builder
	inPanic, n := false, 0
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			// Everything so far was us. A panic during a panic leaves more of these: the innermost counts.
			inPanic = true
		case !inPanic, n == 0 && strings.HasPrefix(f.Function, "runtime."):
			// The runtime's own way from a fault to gopanic.
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

package slogtrace

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

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

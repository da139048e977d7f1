// Package errtype says of an error what records say of it: its text, and its kind for the attribute error.type
// of OpenTelemetry's semantic conventions.
package errtype

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Key is the attribute's key.
const Key = "error.type"

// Of returns "timeout" for a deadline or an error whose Timeout method returns true, "canceled", or "EOF", since their types
// mean little. For other errors it returns the Go type, such as "*net.OpError".
// If err comes from fmt.Errorf or is a [Wrapper], that is the type of the error that it wraps.
func Of(err error) string {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF"
	}
	return reflect.TypeOf(unwrapped(err)).String()
}

// A Wrapper is an error that wraps another one and is not a kind of error itself.
type Wrapper interface {
	error
	Unwrap() error
	Wraps()
}

var fmtWrapper = reflect.TypeOf(fmt.Errorf("%w", io.EOF))

// unwrapped returns the first error in err's chain that is not a wrapper.
func unwrapped(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, ok := err.(Wrapper); !ok && reflect.TypeOf(err) != fmtWrapper {
			return err
		}
		err = inner
	}
}

// Text returns err's message, or a text about the panic if err.Error panics.
func Text(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return err.Error()
}

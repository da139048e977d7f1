package errtype

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
)

type noted struct{ error }

func (n noted) Unwrap() error { return n.error }
func (noted) Wraps()          {}

type owned struct{ error }

func (o owned) Unwrap() error { return o.error }

func TestOf(t *testing.T) {
	plain := errors.New("plain")
	for _, test := range []struct {
		err  error
		want string
	}{
		{plain, "*errors.errorString"},
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", &net.OpError{Err: plain})), "*net.OpError"},
		{fmt.Errorf("%w, %w", plain, io.EOF), "EOF"},
		{fmt.Errorf("%w, %w", plain, plain), "*fmt.wrapErrors"},
		{errors.Join(plain, plain), "*errors.joinError"},
		{noted{fmt.Errorf("a: %w", noted{plain})}, "*errors.errorString"},
		{owned{plain}, "errtype.owned"},
		{fmt.Errorf("a: %w", context.Canceled), "canceled"},
		{fmt.Errorf("a: %w", context.DeadlineExceeded), "timeout"},
		{&net.DNSError{IsTimeout: true}, "timeout"},
		{os.ErrDeadlineExceeded, "timeout"},
		{&net.DNSError{}, "*net.DNSError"},
		{io.ErrUnexpectedEOF, "EOF"},
	} {
		if got := Of(test.err); got != test.want {
			t.Errorf("%T %v: %s, want %s", test.err, test.err, got, test.want)
		}
	}
}

type panics struct{}

func (panics) Error() string { panic("no text") }

func TestText(t *testing.T) {
	for want, err := range map[string]error{"EOF": io.EOF, "!PANIC: no text": panics{}} {
		if got := Text(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

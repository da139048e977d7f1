package w3c

import (
	"fmt"
	"strconv"
)

// A fixedError depends on nothing in the input, so making one does not allocate.
type fixedError string

func (e fixedError) Error() string { return "slogtrace: " + string(e) }

const (
	errZeroTraceID            fixedError = "trace id: want one that is not zero, got 32 zeros"
	errZeroSpanID             fixedError = "span id: want one that is not zero, got 16 zeros"
	errZeroTraceparentTraceID fixedError = "traceparent: want a trace id that is not zero, got 32 zeros"
	errZeroTraceparentSpanID  fixedError = "traceparent: want a parent id that is not zero, got 16 zeros"
	errVersionFF              fixedError = "traceparent: want a version below ff, got ff"
)

// A lengthError reports that thing has the wrong length.
type lengthError struct {
	thing     string
	want, got int
}

func (e *lengthError) Error() string {
	return fmt.Sprintf("slogtrace: %s: want %d bytes, got %d", e.thing, e.want, e.got)
}

// A byteError reports one wrong byte, so that its text is short whatever the input.
type byteError struct {
	thing, want string
	at          int
	got         byte
}

func (e *byteError) Error() string {
	return fmt.Sprintf("slogtrace: %s: want %s at byte %d, got %s",
		e.thing, e.want, e.at, strconv.QuoteToASCII(string([]byte{e.got})))
}

const wantHexDigit = "a lower-case hex digit"

// digitError returns the error for the first byte of s that is not a lower-case hex digit. There must be one.
func digitError(thing, s string) error {
	for i := range len(s) {
		if hexValues[s[i]] == notHex {
			return &byteError{thing, wantHexDigit, i, s[i]}
		}
	}
	return nil
}

// JoinErrors is errors.Join for one line.
func JoinErrors(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

// QuoteShort quotes s for an error: on one line, in ASCII.
// Of a long s it keeps only the beginning, and adds the length of the rest.
func QuoteShort(s string) string {
	const most = 40
	if len(s) <= most {
		return strconv.QuoteToASCII(s)
	}
	return fmt.Sprintf("%s and %d bytes more", strconv.QuoteToASCII(s[:most]), len(s)-most)
}

// TrimOWS removes optional white space (RFC 9110, 5.6.3) from both ends.
// strings.TrimSpace would also remove other white space.
func TrimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

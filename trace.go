package slogtrace

import (
	"fmt"
	"strconv"
)

// A TraceID names a trace: all spans of one operation, in every service that it passes through.
// The zero TraceID is no valid id and prints "" (W3C Trace Context Level 2, 3.2.2.3).
type TraceID [16]byte

// A SpanID names a span within its trace.
// The zero SpanID is no valid id and prints "" (W3C Trace Context Level 2, 3.2.2.4, where it is called parent-id).
type SpanID [8]byte

// Flags are the trace-flags of a span (W3C Trace Context Level 2, 3.2.2.5).
// They are bits: test one with &, not with ==.
type Flags uint8

const (
	// FlagSampled says that the caller may have written the span (3.2.2.5.1).
	FlagSampled Flags = 1 << iota
	// FlagRandom says that at least the last 7 bytes of the trace id are random (3.2.2.5.2).
	// It belongs to the trace: whoever continues the trace hands it on as it came.
	FlagRandom

	knownFlags = FlagSampled | FlagRandom
)

// A SpanContext is the identity of a span: what another process needs to know to continue its trace.
type SpanContext struct {
	TraceID TraceID
	SpanID  SpanID
	Flags   Flags
	State   string // the tracestate header: what other tracing systems added, handed on as it came
}

// ParseTraceID parses 32 lower-case hex digits that are not all zero.
func ParseTraceID(s string) (TraceID, error) {
	var id TraceID
	if len(s) != 2*len(id) {
		return TraceID{}, &lengthError{"trace id", 2 * len(id), len(s)}
	}
	var text [2 * len(id)]byte
	copy(text[:], s)
	switch valid, zero := checkHex(text[:]); {
	case !valid:
		return TraceID{}, digitError("trace id", s)
	case zero:
		return TraceID{}, errZeroTraceID
	}
	decodeHex(id[:], text[:])
	return id, nil
}

// IsValid reports whether id is not zero.
func (id TraceID) IsValid() bool { return id != TraceID{} }

// String returns id as 32 lower-case hex digits, or "" if it is zero.
func (id TraceID) String() string {
	if !id.IsValid() {
		return ""
	}
	var buf [2 * len(id)]byte
	return string(appendHex(buf[:0], id[:]))
}

// AppendText appends what String returns. The error is always nil.
func (id TraceID) AppendText(b []byte) ([]byte, error) {
	if !id.IsValid() {
		return b, nil
	}
	return appendHex(b, id[:]), nil
}

// MarshalText returns what String returns. The error is always nil.
func (id TraceID) MarshalText() ([]byte, error) {
	return id.AppendText(make([]byte, 0, 2*len(id)))
}

// UnmarshalText reads what MarshalText writes: "" is the zero TraceID, anything else is as in [ParseTraceID].
// On error id stays as it was.
func (id *TraceID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = TraceID{}
		return nil
	}
	parsed, err := ParseTraceID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// ParseSpanID parses 16 lower-case hex digits that are not all zero.
func ParseSpanID(s string) (SpanID, error) {
	var id SpanID
	if len(s) != 2*len(id) {
		return SpanID{}, &lengthError{"span id", 2 * len(id), len(s)}
	}
	var text [2 * len(id)]byte
	copy(text[:], s)
	switch valid, zero := checkHex(text[:]); {
	case !valid:
		return SpanID{}, digitError("span id", s)
	case zero:
		return SpanID{}, errZeroSpanID
	}
	decodeHex(id[:], text[:])
	return id, nil
}

// IsValid reports whether id is not zero.
func (id SpanID) IsValid() bool { return id != SpanID{} }

// String returns id as 16 lower-case hex digits, or "" if it is zero.
func (id SpanID) String() string {
	if !id.IsValid() {
		return ""
	}
	var buf [2 * len(id)]byte
	return string(appendHex(buf[:0], id[:]))
}

// AppendText appends what String returns. The error is always nil.
func (id SpanID) AppendText(b []byte) ([]byte, error) {
	if !id.IsValid() {
		return b, nil
	}
	return appendHex(b, id[:]), nil
}

// MarshalText returns what String returns. The error is always nil.
func (id SpanID) MarshalText() ([]byte, error) {
	return id.AppendText(make([]byte, 0, 2*len(id)))
}

// UnmarshalText reads what MarshalText writes: "" is the zero SpanID, anything else is as in [ParseSpanID].
// On error id stays as it was.
func (id *SpanID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = SpanID{}
		return nil
	}
	parsed, err := ParseSpanID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// IsValid reports whether sc names a span: whether neither of its ids is zero.
func (sc SpanContext) IsValid() bool { return sc.TraceID.IsValid() && sc.SpanID.IsValid() }

// IsSampled reports whether FlagSampled is set.
func (sc SpanContext) IsSampled() bool { return sc.Flags&FlagSampled != 0 }

// The version 00 form of traceparent, and where its fields begin (W3C Trace Context Level 2, 3.2.2):
//
//	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
const (
	traceparentLen = 55
	traceIDAt      = 3
	spanIDAt       = 36
	flagsAt        = 53
)

// Traceparent returns the value of the traceparent header that makes sc the parent, in version 00.
// It is "" if sc is not valid. Of Flags only FlagSampled and FlagRandom are written:
// all others must be zero (W3C Trace Context Level 2, 3.2.2.5.3).
func (sc SpanContext) Traceparent() string {
	var buf [traceparentLen]byte
	return string(sc.appendTraceparent(buf[:0]))
}

// appendTraceparent appends what Traceparent returns.
func (sc SpanContext) appendTraceparent(b []byte) []byte {
	if !sc.IsValid() {
		return b
	}
	b = append(b, "00-"...)
	b = appendHex(b, sc.TraceID[:])
	b = append(b, '-')
	b = appendHex(b, sc.SpanID[:])
	return append(b, '-', '0', '0'+byte(sc.Flags&knownFlags))
}

// ParseTraceparent parses the value of a traceparent header (W3C Trace Context Level 2, 3.2).
//
//   - Version 00 is exactly 55 bytes. Of a higher version the first 55 are read,
//     and nothing or a dash must follow (3.2.4). Version ff is refused.
//   - Hex digits are lower case. A trace id or parent id of zero is refused.
//   - Unknown flags are dropped, so that they are not forwarded.
//   - Spaces and tabs around the value are ignored, as HTTP does; no other white space is.
//
// A repeated header is not valid: whoever reads it decides that, ParseTraceparent sees one line.
// State is left empty. ParseTraceparent does not allocate on success,
// nor for a value that is absent, too short or has an id of zero.
// An error is short whatever the input was, and on one line.
func ParseTraceparent(s string) (SpanContext, error) {
	var ids hexIDs
	flags, err := ids.setTraceparent(s)
	if err != nil {
		return SpanContext{}, err
	}
	return SpanContext{TraceID: ids.trace(), SpanID: ids.span(), Flags: flags}, nil
}

// setTraceparent is ParseTraceparent for those who want the ids as text, as they came. On error they are of no use.
func (h *hexIDs) setTraceparent(s string) (Flags, error) {
	s = trimOWS(s)
	if len(s) < traceparentLen {
		return 0, traceparentLengthError(len(s))
	}
	p := s[:traceparentLen]
	copy(h.traceText(), p[traceIDAt:spanIDAt-1])
	copy(h.spanText(), p[spanIDAt:flagsAt-1])
	isTrace, noTrace := checkHex(h.traceText())
	isSpan, noSpan := checkHex(h.spanText())
	version, isVersion := hexByte(p[0], p[1])
	flags, isFlags := hexByte(p[flagsAt], p[flagsAt+1])
	switch {
	case !isVersion || p[traceIDAt-1] != '-' || !isTrace || p[spanIDAt-1] != '-' || !isSpan || p[flagsAt-1] != '-' || !isFlags:
		return 0, traceparentByteError(p)
	case version == 0xff:
		return 0, errVersionFF
	case version == 0 && len(s) != traceparentLen:
		return 0, traceparentLengthError(len(s))
	case len(s) > traceparentLen && s[traceparentLen] != '-':
		return 0, &byteError{"traceparent", `"-" or nothing`, traceparentLen, s[traceparentLen]}
	case noTrace:
		return 0, errZeroTraceparentTraceID
	case noSpan:
		return 0, errZeroTraceparentSpanID
	}
	return Flags(flags) & knownFlags, nil
}

// hexByte returns the byte of two lower-case hex digits.
func hexByte(hi, lo byte) (b byte, ok bool) {
	h, l := hexValues[hi], hexValues[lo]
	return h<<4 | l, (h|l)&notHex == 0
}

// trimOWS cuts optional white space (RFC 9110, 5.6.3) off both ends.
// strings.TrimSpace would also cut what is no white space to HTTP.
func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// A fixedError needs nothing of the input, so making one does not allocate.
type fixedError string

func (e fixedError) Error() string { return "slogtrace: " + string(e) }

const (
	errZeroTraceID            fixedError = "trace id: want one that is not zero, got 32 zeros"
	errZeroSpanID             fixedError = "span id: want one that is not zero, got 16 zeros"
	errZeroTraceparentTraceID fixedError = "traceparent: want a trace id that is not zero, got 32 zeros"
	errZeroTraceparentSpanID  fixedError = "traceparent: want a parent id that is not zero, got 16 zeros"
	errVersionFF              fixedError = "traceparent: want a version below ff, got ff"
)

// A traceparentLengthError is the length that came.
// It is a number because the runtime boxes small ones without an allocation.
type traceparentLengthError int

func (e traceparentLengthError) Error() string {
	return fmt.Sprintf("slogtrace: traceparent: want %d bytes, got %d", traceparentLen, int(e))
}

// A lengthError says that thing has another length than it should have.
type lengthError struct {
	thing     string
	want, got int
}

func (e *lengthError) Error() string {
	return fmt.Sprintf("slogtrace: %s: want %d bytes, got %d", e.thing, e.want, e.got)
}

// A byteError is about one byte of the input, so that its text is short whatever the input was.
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

// digitError is the error for the first byte of s that is no lower-case hex digit; there must be one.
func digitError(thing, s string) error {
	for i := range len(s) {
		if hexValues[s[i]] == notHex {
			return &byteError{thing, wantHexDigit, i, s[i]}
		}
	}
	return nil
}

// traceparentByteError is the error for the first byte of h, the 55 bytes, that does not fit; there must be one.
func traceparentByteError(h string) error {
	for i := range len(h) {
		switch i {
		case traceIDAt - 1, spanIDAt - 1, flagsAt - 1:
			if h[i] != '-' {
				return &byteError{"traceparent", `"-"`, i, h[i]}
			}
		default:
			if hexValues[h[i]] == notHex {
				return &byteError{"traceparent", wantHexDigit, i, h[i]}
			}
		}
	}
	return nil
}

// joinErrors is errors.Join for one line.
func joinErrors(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

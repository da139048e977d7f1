// Package w3c implements the formats of W3C Trace Context Level 2 (traceparent, tracestate), of W3C Baggage,
// and of the sampling thresholds that OpenTelemetry keeps in a tracestate.
//
// Users of package slogtrace see its errors: each is one short line, whatever the input.
package w3c

import (
	"fmt"
)

// The length of a traceparent in version 00, and the positions of its fields (W3C Trace Context Level 2, 3.2.2):
//
//	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
const (
	TraceparentLen = 55
	traceIDAt      = 3
	spanIDAt       = 36
	flagsAt        = 53
)

// knownFlags are the flags of version 00, sampled and random (3.2.2.5). All others must be zero.
const knownFlags = 1 | 2

// AppendTraceparent appends the traceparent of the span h, in version 00.
func (h *IDs) AppendTraceparent(b []byte, flags byte) []byte {
	b = append(b, "00-"...)
	b = append(append(b, h.TraceText()...), '-')
	return append(append(b, h.SpanText()...), '-', '0', '0'+flags&knownFlags)
}

// ParseTraceID parses 32 lower-case hex digits that are not all zero.
func ParseTraceID(s string) (id [16]byte, err error) {
	err = parseID(id[:], s, "trace id", errZeroTraceID)
	return id, err
}

// ParseSpanID parses 16 lower-case hex digits that are not all zero.
func ParseSpanID(s string) (id [8]byte, err error) {
	err = parseID(id[:], s, "span id", errZeroSpanID)
	return id, err
}

// parseID parses s into id. On error id does not change.
func parseID(id []byte, s, thing string, errZero error) error {
	if len(s) != 2*len(id) {
		return &lengthError{thing, 2 * len(id), len(s)}
	}
	var mem [32]byte
	text := mem[:copy(mem[:], s)]
	switch valid, zero := CheckHex(text); {
	case !valid:
		return digitError(thing, s)
	case zero:
		return errZero
	}
	DecodeHex(id, text)
	return nil
}

// SetTraceparent sets h to the ids in the value of a traceparent header, by the rules of slogtrace.ParseTraceparent,
// and returns the known flags. On error h must not be used.
func (h *IDs) SetTraceparent(s string) (flags byte, err error) {
	s = TrimOWS(s)
	if len(s) < TraceparentLen {
		return 0, traceparentLengthError(len(s))
	}
	p := s[:TraceparentLen]
	copy(h.TraceText(), p[traceIDAt:spanIDAt-1])
	copy(h.SpanText(), p[spanIDAt:flagsAt-1])
	isTrace, noTrace := CheckHex(h.TraceText())
	isSpan, noSpan := CheckHex(h.SpanText())
	version, isVersion := hexByte(p[0], p[1])
	bits, isFlags := hexByte(p[flagsAt], p[flagsAt+1])
	switch {
	case !isVersion || p[traceIDAt-1] != '-' || !isTrace || p[spanIDAt-1] != '-' || !isSpan || p[flagsAt-1] != '-' || !isFlags:
		return 0, traceparentByteError(p)
	case version == 0xff:
		return 0, errVersionFF
	case version == 0 && len(s) != TraceparentLen:
		return 0, traceparentLengthError(len(s))
	case len(s) > TraceparentLen && s[TraceparentLen] != '-':
		return 0, &byteError{"traceparent", `"-" or nothing`, TraceparentLen, s[TraceparentLen]}
	case noTrace:
		return 0, errZeroTraceparentTraceID
	case noSpan:
		return 0, errZeroTraceparentSpanID
	}
	return bits & knownFlags, nil
}

// hexByte returns the byte with the given lower-case hex digits.
func hexByte(hi, lo byte) (b byte, ok bool) {
	h, l := hexValues[hi], hexValues[lo]
	return h<<4 | l, (h|l)&notHex == 0
}

// traceparentByteError returns the error for the first wrong byte of h, which must have 55 bytes. There must be one.
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

// A traceparentLengthError is the length that was found.
// It is a number because the runtime boxes small ones without an allocation.
type traceparentLengthError int

func (e traceparentLengthError) Error() string {
	return fmt.Sprintf("slogtrace: traceparent: want %d bytes, got %d", TraceparentLen, int(e))
}

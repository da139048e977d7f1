package slogtrace

import "github.com/slogtrace/slogtrace/internal/w3c"

// A TraceID identifies a trace: all spans of one operation, in every service that it passes through.
// The zero TraceID is not valid and prints as "" (W3C Trace Context Level 2, 3.2.2.3).
type TraceID [16]byte

// A SpanID identifies a span within its trace.
// The zero SpanID is not valid and prints as "" (W3C Trace Context Level 2, 3.2.2.4, where it is called parent-id).
type SpanID [8]byte

// Flags are the trace-flags of a span (W3C Trace Context Level 2, 3.2.2.5).
// They are bits: test one with &, not with ==.
type Flags uint8

const (
	// FlagSampled means that the caller may have written the span (3.2.2.5.1).
	FlagSampled Flags = 1 << iota
	// FlagRandom means that at least the last 7 bytes of the trace id are random (3.2.2.5.2).
	// It belongs to the trace: whoever continues the trace must pass it on unchanged.
	FlagRandom

	knownFlags = FlagSampled | FlagRandom
)

// A SpanContext is the identity of a span: what another process needs to know to continue its trace.
type SpanContext struct {
	TraceID TraceID
	SpanID  SpanID
	Flags   Flags
	State   string // the tracestate header: entries of other tracing systems, and the threshold of a Sampler such as Ratio
}

// ParseTraceID parses 32 lower-case hex digits that are not all zero.
func ParseTraceID(s string) (TraceID, error) {
	return w3c.ParseTraceID(s)
}

// IsValid reports whether id is not zero.
func (id TraceID) IsValid() bool { return id != TraceID{} }

// String returns id as 32 lower-case hex digits, or "" if it is zero.
func (id TraceID) String() string {
	if !id.IsValid() {
		return ""
	}
	var buf [2 * len(id)]byte
	return string(w3c.AppendHex(buf[:0], id[:]))
}

// AppendText appends what String returns. The error is always nil.
func (id TraceID) AppendText(b []byte) ([]byte, error) {
	if !id.IsValid() {
		return b, nil
	}
	return w3c.AppendHex(b, id[:]), nil
}

// MarshalText returns what String returns. The error is always nil.
func (id TraceID) MarshalText() ([]byte, error) {
	return id.AppendText(make([]byte, 0, 2*len(id)))
}

// UnmarshalText reads what MarshalText writes: "" is the zero TraceID, anything else is parsed as by [ParseTraceID].
// On error id does not change.
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
	return w3c.ParseSpanID(s)
}

// IsValid reports whether id is not zero.
func (id SpanID) IsValid() bool { return id != SpanID{} }

// String returns id as 16 lower-case hex digits, or "" if it is zero.
func (id SpanID) String() string {
	if !id.IsValid() {
		return ""
	}
	var buf [2 * len(id)]byte
	return string(w3c.AppendHex(buf[:0], id[:]))
}

// AppendText appends what String returns. The error is always nil.
func (id SpanID) AppendText(b []byte) ([]byte, error) {
	if !id.IsValid() {
		return b, nil
	}
	return w3c.AppendHex(b, id[:]), nil
}

// MarshalText returns what String returns. The error is always nil.
func (id SpanID) MarshalText() ([]byte, error) {
	return id.AppendText(make([]byte, 0, 2*len(id)))
}

// UnmarshalText reads what MarshalText writes: "" is the zero SpanID, anything else is parsed as by [ParseSpanID].
// On error id does not change.
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

// IsValid reports whether neither id of sc is zero.
func (sc SpanContext) IsValid() bool { return sc.TraceID.IsValid() && sc.SpanID.IsValid() }

// IsSampled reports whether FlagSampled is set.
func (sc SpanContext) IsSampled() bool { return sc.Flags&FlagSampled != 0 }

// Traceparent returns the value of the traceparent header that makes sc the parent, in version 00.
// It is "" if sc is not valid. Of the flags it contains only FlagSampled and FlagRandom:
// all others must be zero (W3C Trace Context Level 2, 3.2.2.5.3).
func (sc SpanContext) Traceparent() string {
	var buf [w3c.TraceparentLen]byte
	return string(sc.appendTraceparent(buf[:0]))
}

// appendTraceparent appends what Traceparent returns.
func (sc SpanContext) appendTraceparent(b []byte) []byte {
	if !sc.IsValid() {
		return b
	}
	var ids w3c.IDs
	ids.Set(sc.TraceID, sc.SpanID)
	return ids.AppendTraceparent(b, byte(sc.Flags))
}

// ParseTraceparent parses the value of a traceparent header (W3C Trace Context Level 2, 3.2).
//
//   - In version 00 the value is exactly 55 bytes. In a higher version the first 55 are read,
//     and they must be followed by nothing or a dash (3.2.4). Version ff is an error.
//   - Hex digits are lower case. A trace id or parent id of zero is an error.
//   - Unknown flags are dropped, so that they are not forwarded.
//   - Spaces and tabs around the value are ignored, as in HTTP. No other white space is.
//
// A repeated header is not valid. The caller must check that: ParseTraceparent gets one line.
// State is left empty. ParseTraceparent does not allocate on success,
// or for a value that is absent, too short or has an id of zero.
// An error is one short line, whatever the input.
func ParseTraceparent(s string) (SpanContext, error) {
	var ids w3c.IDs
	flags, err := ids.SetTraceparent(s)
	if err != nil {
		return SpanContext{}, err
	}
	return SpanContext{TraceID: ids.Trace(), SpanID: ids.Span(), Flags: Flags(flags)}, nil
}

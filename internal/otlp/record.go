package otlp

import (
	"log/slog"
	"math"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Span is what AppendSpan writes (opentelemetry.proto.trace.v1.Span). Attributes and events are text that
// [AppendAttr] and [AppendEvent] have made, without the brackets around them.
type Span struct {
	Trace         [16]byte
	ID, Parent    [8]byte // Parent is zero on a root
	State         string  // tracestate
	Flags         uint32
	Name          string
	Kind          int // as [Kind] returns it
	Start, End    time.Time
	Attrs         []byte
	Events        []byte
	DroppedEvents int
	Links         []Link
	Failed        bool
	Message       string // of the error
}

// A Link is a link of a span.
type Link struct {
	Trace [16]byte
	Span  [8]byte
	State string
	Flags uint32
}

// AppendSpan appends s.
func AppendSpan(b []byte, s *Span) []byte {
	b = appendIDs(append(b, '{'), s.Trace, s.ID)
	if s.State != "" {
		b = append(b, `,"traceState":`...)
		b = jsontext.AppendString(b, s.State)
	}
	if s.Parent != [8]byte{} {
		b = append(b, `,"parentSpanId":"`...)
		b = w3c.AppendHex(b, s.Parent[:])
		b = append(b, '"')
	}
	b = appendNumber(b, `,"flags":`, int64(s.Flags))
	b = append(b, `,"name":`...)
	b = jsontext.AppendString(b, s.Name)
	b = appendNumber(b, `,"kind":`, int64(s.Kind))
	b = appendNanos(b, `,"startTimeUnixNano":"`, s.Start)
	b = appendNanos(b, `,"endTimeUnixNano":"`, s.End)
	b = appendList(b, `,"attributes":[`, s.Attrs)
	b = appendList(b, `,"events":[`, s.Events)
	b = appendNumber(b, `,"droppedEventsCount":`, int64(s.DroppedEvents))
	if len(s.Links) > 0 {
		b = append(b, `,"links":[`...)
		for i, l := range s.Links {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendIDs(append(b, '{'), l.Trace, l.Span)
			if l.State != "" {
				b = append(b, `,"traceState":`...)
				b = jsontext.AppendString(b, l.State)
			}
			b = appendNumber(b, `,"flags":`, int64(l.Flags))
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	if s.Failed {
		b = append(b, `,"status":{"code":2`...)
		if s.Message != "" {
			b = append(b, `,"message":`...)
			b = jsontext.AppendString(b, s.Message)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// AppendEvent appends an event of a span, with a comma before it unless b is empty.
func AppendEvent(b []byte, at time.Time, name string, attrs []byte) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(b, `{"name":`...)
	b = jsontext.AppendString(b, name)
	b = appendNanos(b, `,"timeUnixNano":"`, at)
	b = appendList(b, `,"attributes":[`, attrs)
	return append(b, '}')
}

// AppendException is AppendEvent for an error (OpenTelemetry Semantic Conventions, "Exceptions on spans"). errorType and stack
// may be "".
func AppendException(b []byte, at time.Time, message, errorType, stack string) []byte {
	attrs := AppendAttr(nil, Attr{Key: "exception.message", Value: slog.StringValue(message)})
	if errorType != "" {
		attrs = AppendAttr(attrs, Attr{Key: "exception.type", Value: slog.StringValue(errorType)})
	}
	if stack != "" {
		attrs = AppendAttr(attrs, Attr{Key: "exception.stacktrace", Value: slog.StringValue(stack)})
	}
	return AppendEvent(b, at, "exception", attrs)
}

// Kind returns OTLP's number of a span kind. Any other text is internal.
func Kind(kind string) int {
	switch kind {
	case "server":
		return 2
	case "client":
		return 3
	case "producer":
		return 4
	case "consumer":
		return 5
	}
	return 1
}

// A Log is what AppendLog writes (opentelemetry.proto.logs.v1.LogRecord).
type Log struct {
	Time, Observed time.Time // Time may be zero
	Severity       int       // 1 to 24
	Level          string
	Body           string
	Attrs          []byte
	Trace          [16]byte // zero outside of a trace
	Span           [8]byte
	Flags          uint32
}

// AppendLog appends l.
func AppendLog(b []byte, l *Log) []byte {
	b = append(b, `{"severityText":`...)
	b = jsontext.AppendString(b, l.Level)
	b = appendNanos(b, `,"observedTimeUnixNano":"`, l.Observed)
	b = appendNanos(b, `,"timeUnixNano":"`, l.Time)
	b = appendNumber(b, `,"severityNumber":`, int64(l.Severity))
	b = append(b, `,"body":{"stringValue":`...)
	b = jsontext.AppendString(b, l.Body)
	b = append(b, '}')
	b = appendList(b, `,"attributes":[`, l.Attrs)
	if l.Trace != [16]byte{} {
		b = appendIDs(append(b, ','), l.Trace, l.Span)
		b = appendNumber(b, `,"flags":`, int64(l.Flags))
	}
	return append(b, '}')
}

// appendIDs appends both ids, in hex.
func appendIDs(b []byte, trace [16]byte, span [8]byte) []byte {
	b = append(b, `"traceId":"`...)
	b = w3c.AppendHex(b, trace[:])
	b = append(b, `","spanId":"`...)
	b = w3c.AppendHex(b, span[:])
	return append(b, '"')
}

// appendNumber appends n after key unless it is 0.
func appendNumber(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return jsontext.AppendInt(append(b, key...), n)
}

// appendNanos appends t after key, which ends with a quote, unless t is not representable: before 1970, or after 2262.
func appendNanos(b []byte, key string, t time.Time) []byte {
	if t.Unix() < 0 || t.Unix() >= math.MaxInt64/int64(time.Second) {
		return b
	}
	b = append(b, key...)
	var text [24]byte
	n := jsontext.PutUint(&text, uint64(t.UnixNano()))
	b = append(b, text[:n]...)
	return append(b, '"')
}

func appendList(b []byte, key string, list []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, key...)
	b = append(b, list...)
	return append(b, ']')
}

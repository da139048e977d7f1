package slogtrace

import (
	"fmt"
	"log/slog"
	"time"
)

// A kind is the value of [KindServer] and its like: a type of its own, so that a user's attribute "kind" stays the user's.
type kind string

// The kinds of span, to be passed to [Start] among the attributes. Without one a span is internal.
// They say on which side of a message a span is, after OpenTelemetry's SpanKind.
// Anywhere but in the call of Start they are ordinary attributes, and so are links.
var (
	KindServer   = slog.Any("kind", kind("server"))
	KindClient   = slog.Any("kind", kind("client"))
	KindProducer = slog.Any("kind", kind("producer"))
	KindConsumer = slog.Any("kind", kind("consumer"))
)

// kinds are all of them. A Span holds the place of its own.
var kinds = [...]kind{"", "server", "client", "producer", "consumer"}

type link SpanContext

func (l link) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", l.TraceID.String()), slog.String("span", l.SpanID.String()))
}

// Link returns an attribute that tells [Start] of a span which the new one has to do with although it is not its child:
// the message that a batch began with, the first try of a job. A sc that is not valid adds nothing.
func Link(sc SpanContext) slog.Attr { return slog.Any("link", link(sc)) }

// A linkValue is a link as it stands in a record.
type linkValue struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

func newLinkValue(f *format, sc SpanContext) linkValue { // which is valid
	return linkValue{f.traceText(sc.TraceID.String()), f.spanText(sc.SpanID.String())}
}

func (v linkValue) String() string { return v.Trace + "/" + v.Span }

type event uint8

const (
	eventNone event = iota
	eventLog
	eventStart
	eventEnd
)

func (e event) message() string {
	if e == eventStart {
		return spanStartMessage
	}
	return spanEndMessage
}

func isSpanMessage(msg string) bool { return msg == spanEndMessage || msg == spanStartMessage }

// millis returns d in milliseconds, rounded to microseconds.
func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1000
}

// errorText returns err's message, and says so where there is none to be had.
func errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return err.Error()
}

const (
	spanStartMessage = "span start"
	spanEndMessage   = "span end"
)

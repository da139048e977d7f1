package slogtrace

import (
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace/internal/redact"
)

// A spanKind is the value of [KindServer] and the others.
// It has its own type, so that a user's attribute "kind" stays the user's.
type spanKind string

// The kinds of span: pass one to [Start] among the attributes. Without one a span is internal.
// A kind tells on which side of a message a span is, as OpenTelemetry's SpanKind does.
// In all other places kinds and links are ordinary attributes.
var (
	KindServer   = slog.Any("kind", spanKind("server"))
	KindClient   = slog.Any("kind", spanKind("client"))
	KindProducer = slog.Any("kind", spanKind("producer"))
	KindConsumer = slog.Any("kind", spanKind("consumer"))
)

// spanKinds are all kinds. A Span holds an index into them.
var spanKinds = [...]spanKind{"", "server", "client", "producer", "consumer"}

type link SpanContext

func (l link) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", l.TraceID.String()), slog.String("span", l.SpanID.String()))
}

// KeptByRedact makes a link a [redact.Kept].
func (link) KeptByRedact(redact.Ours) {}

// Link returns an attribute that links the span begun by [Start] to sc, a span that is related but is not its parent:
// the message that a batch began with, or the first try of a job. If sc is not valid, it adds nothing.
func Link(sc SpanContext) slog.Attr { return slog.Any("link", link(sc)) }

// A linkValue is a link as written in a record.
type linkValue struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

func newLinkValue(f *format, sc SpanContext) linkValue { // sc must be valid
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

const (
	spanStartMessage = "span start"
	spanEndMessage   = "span end"
)

package slogtrace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Carrier takes a trace through a JSON payload to work that is done later or elsewhere.
// Embed it in the payload, set it where the work is ordered, and continue from it where the work is done:
//
//	type Job struct {
//		slogtrace.Carrier
//		Booking string `json:"booking"`
//	}
//
//	job := Job{Carrier: slogtrace.NewCarrier(ctx), Booking: id}
//	…
//	ctx, err := job.Carrier.Context(ctx)
//	ctx, span := slogtrace.Start(ctx, "deliver webhook")
//
// A Carrier has only string fields and no method of any well-known interface.
// So it changes nothing else about the payload, and no text in its fields makes the payload's Unmarshal fail.
// The zero Carrier carries nothing. A Carrier is a value: copy it.
// If a field of the payload has the name of one of the Carrier's fields or methods, it hides that one:
// write job.Carrier.Op then.
// A payload with its own MarshalJSON must write the carrier itself: see [InjectJSON].
//
// A retry that continues from the same Carrier stays in the trace, as a sibling of the first try. Its queued_ms
// counts from the time when the work was ordered. To give a retry its own trace, use [Detach] and [Link].
//
// Embed a Carrier only in payloads that your own services write and read. Do not take one from a public request body.
// In a message that is signed and sent to somebody else, a carrier leaks ids and the baggage, and makes equal payloads
// differ: keep it beside the signed body or use [StripJSON], and keep it out of content hashes and idempotency keys.
type Carrier struct {
	Traceparent string `json:"traceparent,omitempty"`   // W3C Trace Context Level 2, 3.2
	Tracestate  string `json:"tracestate,omitempty"`    // W3C Trace Context Level 2, 3.3
	Baggage     string `json:"trace_baggage,omitempty"` // W3C Baggage, 3.3
	Op          string `json:"trace_op,omitempty"`      // the producer's op, on records before the consumer's first Start
	Sent        string `json:"trace_sent,omitempty"`    // RFC 3339 with nanoseconds, UTC
}

// NewCarrier returns a Carrier of ctx's current span or remote parent, its baggage and the current time.
// It is zero if ctx has no trace, even if it has baggage.
func NewCarrier(ctx context.Context) Carrier {
	c := currentOf(ctx)
	if !c.inTrace() {
		return Carrier{}
	}
	sc := c.spanContext()
	return Carrier{
		Traceparent: sc.Traceparent(),
		Tracestate:  sc.State,
		Baggage:     c.env.baggage().line(),
		Op:          cutOp(c.op()),
		Sent:        time.Now().UTC().Format(time.RFC3339Nano),
	}
}

// SpanContext returns the identity of the span that c was made from. It is zero, without an error, if c carries no trace.
// A tracestate that is not valid is dropped, and the error names it. The ids and flags stay.
func (c Carrier) SpanContext() (SpanContext, error) {
	if c.Traceparent == "" {
		return SpanContext{}, nil
	}
	sc, err := ParseTraceparent(c.Traceparent)
	if err != nil {
		return SpanContext{}, carrierError(err)
	}
	sc.State, err = w3c.ParseTracestate(c.Tracestate)
	if err != nil {
		return sc, carrierError(err)
	}
	return sc, nil
}

// maxCarriedOp limits the bytes of an op that comes from outside and may appear on many records.
const maxCarriedOp = 256

// Context returns a context that continues the trace of c: the next Start makes a child of the span that c was made from,
// and records before it carry that span's ids and op. If ctx already has a span, the trace of c is put on top of it,
// as with [ContextWithRemoteSpanContext]. The baggage is that of c, even if c has none.
//
// The first span started under it reports how long the work has waited since c was made (queued_ms).
//
// Context never fails the work. If c carries no trace, it returns ctx and no error.
// If the traceparent is not valid, it returns ctx itself and an error.
// If another field is not valid, it returns a context that continues the trace without it, and an error that names it.
// From the baggage it drops only the members that are not valid or too many; the error counts them.
func (c Carrier) Context(ctx context.Context) (context.Context, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	sc, err := c.SpanContext()
	if !sc.IsValid() {
		return ctx, err
	}
	s := sender{flags: sc.Flags, state: sc.State}
	s.ids.Set(sc.TraceID, sc.SpanID)
	var bagErr, opErr, sentErr error
	s.bag, bagErr = parseBaggage(c.Baggage)
	if bagErr != nil {
		bagErr = fmt.Errorf("slogtrace: carrier: trace_%s", strings.TrimPrefix(bagErr.Error(), "slogtrace: "))
	}
	s.op, opErr = parseOp(c.Op)
	s.sent, sentErr = parseSent(c.Sent)
	return s.on(ctx), errors.Join(err, bagErr, opErr, sentErr)
}

// cutOp returns op in valid UTF-8 and at most maxCarriedOp bytes.
func cutOp(op string) string {
	op = strings.ToValidUTF8(op[:min(len(op), maxCarriedOp+utf8.UTFMax)], "\ufffd")
	n := min(len(op), maxCarriedOp)
	for n < len(op) && n > 0 && !utf8.RuneStart(op[n]) {
		n--
	}
	return op[:n]
}

// parseOp returns op in a form that is allowed on records.
func parseOp(op string) (string, error) {
	if len(op) > maxCarriedOp {
		return cutOp(op), fmt.Errorf("slogtrace: carrier: trace_op: want at most %d bytes, got %d; cut there", maxCarriedOp, len(op))
	}
	return cutOp(op), nil
}

// parseSent parses the time at which a carrier was made. It is zero if s is empty.
func parseSent(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	const longest = len("2006-01-02T15:04:05.999999999+00:00")
	if len(s) <= longest {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("slogtrace: carrier: trace_sent: want a time as in RFC 3339, got %s", w3c.QuoteShort(s))
}

// carrierError returns err with the prefix of a Carrier's errors.
func carrierError(err error) error {
	return fmt.Errorf("slogtrace: carrier: %s", strings.TrimPrefix(err.Error(), "slogtrace: "))
}

package tracehttp

import (
	"context"
	"net/http"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// Inject sets the headers that continue the trace of ctx at the receiver of a message:
// traceparent and tracestate (W3C Trace Context Level 2, 3.2 and 3.3) and baggage (W3C Baggage, 3).
// What h has of the former two, in lower case too, is replaced, and removed if ctx has none, B3's included,
// so that h never names another trace. A baggage that h has stays where ctx has none.
//
// It is for messages that no http.RoundTripper sends, to services of your own: a queue's headers, gRPC's metadata.
// To strangers send no baggage: delete it from h. The keys are in canonical form ("Traceparent"), which gRPC refuses:
// its metadata needs them in lower case, so inject into a header of its own and copy that. A nil h is left alone.
func Inject(ctx context.Context, h http.Header) {
	if h == nil {
		return
	}
	traceparent, tracestate, baggage := hook.Inject(orBackground(ctx))
	set(h, traceparent, tracestate)
	if baggage != "" {
		setBaggage(h, baggage)
	}
}

func setBaggage(h http.Header, baggage string) {
	delete(h, "baggage")
	h["Baggage"] = []string{baggage}
}

// lowerHeaders are those that say which trace it is, in lower case. On their way they are the same as in canonical form,
// and a traceparent that comes twice is none.
var lowerHeaders = [...]string{"traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"}

// set replaces what h says of a trace.
func set(h http.Header, traceparent, tracestate string) {
	ours := 0
	if traceparent != "" {
		h["Traceparent"] = []string{traceparent}
		ours++
	}
	if tracestate != "" {
		h["Tracestate"] = []string{tracestate}
		ours++
	}
	if len(h) == ours {
		return // as in a message that has no headers of its own: nothing is left to remove
	}
	if traceparent == "" {
		delete(h, "Traceparent")
	}
	if tracestate == "" {
		delete(h, "Tracestate")
	}
	for _, key := range b3Headers {
		delete(h, key)
	}
	for _, key := range lowerHeaders {
		delete(h, key)
	}
}

// Extract returns ctx continued by the headers that a message came with: the next [slogtrace.Start] makes a child of
// the span that sent it. It reads traceparent and tracestate, else b3, else X-B3-…, as [NewHandler] says, and baggage.
// Keys are in canonical form or, all of them, in lower case, as HTTP/2 and gRPC have them.
//
// It returns a context that can be used also with an error, which says, on one line, what was not valid and left out.
// There is no error where there are no headers.
//
// It is for messages from your own services. From strangers take nothing, baggage least of all: delete it from h before.
func Extract(ctx context.Context, h http.Header) (context.Context, error) {
	traceparent, canonical := h["Traceparent"]
	if canonical && len(h) == 1 && len(traceparent) > 0 {
		return hook.Extract(orBackground(ctx), traceparent, nil, nil) // as in a message that has no headers of its own
	}
	get := getter{h, !canonical}
	if !canonical {
		traceparent = get.lines("Traceparent", "traceparent")
	}
	return extract(orBackground(ctx), get, traceparent, get.lines("Baggage", "baggage"))
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// A getter looks headers up.
type getter struct {
	h     http.Header
	lower bool // keys may be in lower case
}

func (g getter) lines(canonical, lower string) []string {
	v, ok := g.h[canonical]
	if !ok && g.lower {
		v = g.h[lower]
	}
	return v
}

// extract continues ctx. B3 is looked at only where there is no traceparent: one that is not valid,
// or repeated, restarts the trace (W3C Trace Context Level 2, 4.3).
func extract(ctx context.Context, get getter, traceparent, baggage []string) (context.Context, error) {
	if len(traceparent) > 0 {
		return hook.Extract(ctx, traceparent, get.lines("Tracestate", "tracestate"), baggage)
	}
	ctx, err := extractB3(ctx, get)
	if len(baggage) > 0 {
		var baggageErr error
		if ctx, baggageErr = hook.Extract(ctx, nil, nil, baggage); err == nil {
			err = baggageErr
		}
	}
	return ctx, err
}

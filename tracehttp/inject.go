package tracehttp

import (
	"context"
	"net/http"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// Inject sets headers, so that the receiver of a message can continue the trace of ctx:
// traceparent and tracestate (W3C Trace Context Level 2, 3.2 and 3.3) and baggage (W3C Baggage, 3).
// It replaces h's own traceparent and tracestate, or removes them if ctx has none, even in lower case,
// and removes B3 headers, so that h never names another trace. If ctx has no baggage, h's baggage stays.
//
// Use it for messages to your own services that no http.RoundTripper sends: a queue's headers, gRPC's metadata.
// Send no baggage to strangers: delete it from h. The keys are in canonical form ("Traceparent"), which gRPC refuses:
// its metadata needs lower case, so inject into a separate header and copy it. If h is nil, Inject does nothing.
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

// lowerHeaders are the headers that name a trace, in lower case. On the wire they equal the canonical form,
// and receivers ignore a repeated traceparent.
var lowerHeaders = [...]string{"traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"}

// set replaces the trace headers in h.
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
		return // a message with no headers of its own: nothing to remove
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

// Extract returns ctx continued by the headers of a message: the next [slogtrace.Start] makes a child of
// the span that sent it. It reads traceparent and tracestate, or else b3, or else X-B3-…, by the rules of [NewHandler],
// and baggage. Keys must be in canonical form, or all of them in lower case, as in HTTP/2 and gRPC.
//
// The context can be used even if there is an error. The error names, on one line, what was not valid and left out.
// Absent headers are not an error.
//
// Use it for messages from your own services. Take nothing from strangers, least of all baggage: delete it from h before.
func Extract(ctx context.Context, h http.Header) (context.Context, error) {
	traceparent, canonical := h["Traceparent"]
	if canonical && len(h) == 1 && len(traceparent) > 0 {
		return hook.Extract(orBackground(ctx), traceparent, nil, nil) // the fast path: a message with no headers of its own
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

// A getter looks up headers.
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

// extract continues ctx. It reads B3 only if there is no traceparent: one that is not valid or is repeated
// restarts the trace (W3C Trace Context Level 2, 4.3).
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

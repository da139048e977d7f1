package tracehttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/tracehttp"
)

func TestInject(t *testing.T) {
	stale := func() http.Header {
		return http.Header{"Traceparent": {"x"}, "Tracestate": {"x"}, "B3": {"x"}, "X-B3-Traceid": {"x"}, "Other": {"1"}, "Baggage": {"k=v"}}
	}
	h := stale()
	tracehttp.Inject(t.Context(), h)
	if len(h) != 2 || h.Get("Other") != "1" || h.Get("Baggage") != "k=v" {
		t.Errorf("without a trace: %v", h)
	}
	ctx, err := tracehttp.Extract(t.Context(), http.Header{"traceparent": {parent}, "tracestate": {"a=1", "b=2"}})
	if err != nil {
		t.Fatal(err)
	}
	h = stale()
	tracehttp.Inject(ctx, h)
	if len(h) != 4 || h.Get("Traceparent") != parent || h.Get("Tracestate") != "a=1,b=2" {
		t.Errorf("%v", h)
	}
	h.Add("Traceparent", "more") // must not reach the neighbour
	if h.Get("Tracestate") != "a=1,b=2" {
		t.Errorf("%v", h)
	}
	// Keys in lower case, as in gRPC's metadata, are the same headers.
	ctx, _ = slogtrace.WithBaggage(ctx, "k", "ours")
	h = http.Header{"traceparent": {"x"}, "tracestate": {"x"}, "b3": {"x"}, "x-b3-traceid": {"x"}, "x-b3-sampled": {"x"}, "other": {"1"}, "baggage": {"k=v"}}
	tracehttp.Inject(ctx, h)
	if len(h) != 4 || h.Get("Baggage") != "k=ours" {
		t.Errorf("%v", h)
	}
	tracehttp.Inject(ctx, nil)
	var none http.Header
	var noContext context.Context
	if ctx, err := tracehttp.Extract(noContext, none); ctx == nil || err != nil {
		t.Error(ctx, err)
	}
}

// A repeated traceparent is an error, and B3 does not stand in for it.
func TestExtractErrors(t *testing.T) {
	for _, h := range []http.Header{
		{"Traceparent": {"x"}}, {"Traceparent": {parent, parent}}, {"Traceparent": {parent}, "Tracestate": {"="}}, {"B3": {"x"}}, {"X-B3-Sampled": {"x"}},
	} {
		ctx, err := tracehttp.Extract(t.Context(), h)
		if err == nil || ctx == nil {
			t.Errorf("%v: %v", h, err)
		}
		wantTrace := len(h["Tracestate"]) > 0
		if got := slogtrace.SpanContextFromContext(ctx).IsValid(); got != wantTrace {
			t.Errorf("%v: in a trace: %t", h, got)
		}
	}
}

// discard is a ResponseWriter that allocates nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func wantAllocs(t *testing.T, name string, want float64, f func()) {
	t.Helper()
	racetest.SkipAllocs(t)
	if got := testing.AllocsPerRun(200, f); got > want {
		t.Errorf("%s: %v allocations, want at most %v", name, got, want)
	}
}

func TestAllocs(t *testing.T) {
	tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(sink{}, nil), nil)
	mux := http.NewServeMux()
	mux.Handle("GET /bookings/list", serveWith(nothing))
	h := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer})
	w := http.ResponseWriter(discard{http.Header{}})
	r := httptest.NewRequest("GET", "/bookings/list", nil)
	// The writer, the span, its attributes, the request with the new context, the id in the response.
	wantAllocs(t, "a request", 5, func() { h.ServeHTTP(w, r) })
	r.Header["Traceparent"] = []string{parent}
	wantAllocs(t, "a request of a trace", 6, func() { h.ServeHTTP(w, r) })
	off := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer, NoTraceHeader: true})
	wantAllocs(t, "a request without X-Trace-Id", 5, func() { off.ServeHTTP(w, r) })

	rt := tracehttp.NewTransport(base(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil }), &tracehttp.TransportOptions{Tracer: tracer})
	// The response itself, the span, its attributes, the request, its headers (two), the traceparent, the values, url.full.
	wantAllocs(t, "a round trip", 9, func() { rt.RoundTrip(r) })

	out := http.Header{}
	ctx, _ := tracer.Start(t.Context(), "op")
	wantAllocs(t, "Inject", 2, func() { tracehttp.Inject(ctx, out) })
	wantAllocs(t, "Extract", 1, func() { tracehttp.Extract(t.Context(), out) })
	b3 := http.Header{"B3": {traceA + "-" + spanA + "-1"}}
	wantAllocs(t, "Extract of B3", 1, func() { tracehttp.Extract(t.Context(), b3) })
}

type sink struct{}

func (sink) Write(p []byte) (int, error) { return len(p), nil }

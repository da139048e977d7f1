package tracehttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/headers"
)

// Baggage is taken where the option says so, of requests that are continued, and nowhere else.
func TestHandlerBaggage(t *testing.T) {
	var taken []string
	extract := headers.Extract
	t.Cleanup(func() { headers.Extract = extract })
	headers.Extract = func(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error) {
		taken = append(taken, baggage...)
		return extract(ctx, traceparent, tracestate, nil)
	}
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, test := range []struct {
		opts HandlerOptions
		want []string
	}{
		{HandlerOptions{}, nil},
		{HandlerOptions{Baggage: true}, []string{"a=1", "b=2"}},
		{HandlerOptions{Baggage: true, Trust: func(*http.Request) Trust { return Link }}, nil},
		{HandlerOptions{Baggage: true, Trust: func(*http.Request) Trust { return Ignore }}, nil},
		{HandlerOptions{Trust: func(*http.Request) Trust { return Continue }}, nil},
	} {
		for _, h := range []http.Header{{}, {"Traceparent": {parent}}, {"B3": {"1"}}} {
			taken = nil
			r := httptest.NewRequest("GET", "/", nil)
			r.Header = h
			h["Baggage"] = []string{"a=1", "b=2"}
			test.opts.Tracer = slogtrace.NewTracer(nil, &slogtrace.TracerOptions{Sampler: never{}})
			NewHandler(http.NotFoundHandler(), &test.opts).ServeHTTP(httptest.NewRecorder(), r)
			if !slices.Equal(taken, test.want) {
				t.Errorf("%+v, %v: taken %q, want %q", test.opts, h, taken, test.want)
			}
		}
	}
	taken = nil
	Extract(t.Context(), http.Header{"baggage": {"a=1"}})
	if !slices.Equal(taken, []string{"a=1"}) {
		t.Errorf("Extract took %q", taken)
	}
}

type never struct{}

func (never) Sample(slogtrace.SampleInput) (bool, float64) { return false, 1 }

// Baggage is sent to the hosts that the option names, by the URL, not by the Host header.
func TestTransportBaggage(t *testing.T) {
	inject := headers.Inject
	t.Cleanup(func() { headers.Inject = inject })
	headers.Inject = func(ctx context.Context) (string, string, string) {
		traceparent, tracestate, _ := inject(ctx)
		return traceparent, tracestate, "k=v"
	}
	var sent http.Header
	hosts := []string{"API.internal", "db.internal:81", "*.Corp", "", "*", "*evil", "::1"}
	rt := NewTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return &http.Response{StatusCode: 200}, nil
	}), &TransportOptions{BaggageHosts: hosts, Tracer: slogtrace.NewTracer(nil, &slogtrace.TracerOptions{Sampler: never{}})})
	hosts[3] = "copied.example"
	for host, want := range map[string]string{
		"api.internal": "k=v", "api.INTERNAL:8080": "k=v", "db.internal:81": "k=v", "db.internal": "", "db.internal:82": "",
		"a.corp": "k=v", "a.b.corp:1": "k=v", "corp": "", "acorp": "", "a.corp.example": "", "example.com": "", "": "",
		"evil": "", "notevil": "", "xapi.internal": "", "api.internal.example": "", "copied.example": "", "[::1]:80": "k=v",
	} {
		_, err := rt.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: host}, Host: "api.internal"})
		if got := sent.Get("Baggage"); got != want || err != nil || sent.Get("Traceparent") == "" {
			t.Errorf("%q: got %q, %v, want %q", host, got, err, want)
		}
	}
	h := http.Header{}
	Inject(t.Context(), h)
	if h.Get("Baggage") != "k=v" {
		t.Error(h)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

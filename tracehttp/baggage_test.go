package tracehttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/slogtrace/slogtrace"
)

// Baggage is taken only with the option, and only from requests whose trace is continued.
func TestHandlerBaggage(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, test := range []struct {
		opts HandlerOptions
		want []string
	}{
		{HandlerOptions{}, nil},
		{HandlerOptions{Baggage: true}, []string{"a=1", "b=2"}},
		{HandlerOptions{Baggage: true, Trust: func(*http.Request) Trust { return TrustLink }}, nil},
		{HandlerOptions{Baggage: true, Trust: func(*http.Request) Trust { return TrustIgnore }}, nil},
		{HandlerOptions{Trust: func(*http.Request) Trust { return TrustContinue }}, nil},
	} {
		for _, h := range []http.Header{{}, {"Traceparent": {parent}}, {"B3": {"1"}}, {"B3": {parent[3:52] + "-1"}}} {
			var taken []string
			r := httptest.NewRequest("GET", "/", nil)
			r.Header = h
			h["Baggage"] = []string{"a=1", "b=2;p"}
			test.opts.Tracer = slogtrace.NewTracer(nil, &slogtrace.TracerOptions{Sampler: never{}})
			NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { taken = baggageOf(r.Context()) }), &test.opts).
				ServeHTTP(httptest.NewRecorder(), r)
			if !slices.Equal(taken, test.want) {
				t.Errorf("%+v, %v: taken %q, want %q", test.opts, h, taken, test.want)
			}
		}
	}
	ctx, err := Extract(t.Context(), http.Header{"baggage": {"a=1"}})
	if taken := baggageOf(ctx); !slices.Equal(taken, []string{"a=1"}) || err != nil {
		t.Errorf("Extract took %q, %v", taken, err)
	}
}

// Continuing a message's trace replaces the context's baggage with the message's, whatever header names the trace.
func TestExtractReplacesBaggage(t *testing.T) {
	ctx, err := slogtrace.WithBaggage(t.Context(), "local", "1")
	if err != nil {
		t.Fatal(err)
	}
	const ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
	for _, h := range []http.Header{
		{"Traceparent": {"00-" + ids + "-01"}},
		{"B3": {ids + "-1"}},
		{"X-B3-Traceid": {ids[:32]}, "X-B3-Spanid": {ids[33:]}},
	} {
		for _, lines := range [][]string{nil, {"a=1"}} {
			h["Baggage"] = lines
			got, err := Extract(ctx, h)
			if taken := baggageOf(got); !slices.Equal(taken, lines) || err != nil {
				t.Errorf("%v: baggage %q, %v, want %q", h, taken, err, lines)
			}
		}
	}
}

func baggageOf(ctx context.Context) (members []string) {
	for key, value := range slogtrace.Baggage(ctx) {
		members = append(members, key+"="+value)
	}
	return members
}

type never struct{}

func (never) Sample(slogtrace.SampleInput) (bool, float64) { return false, 1 }

// Baggage is sent to the hosts that the option names. The URL counts, not the Host header.
func TestTransportBaggage(t *testing.T) {
	ctx, err := slogtrace.WithBaggage(t.Context(), "k", "v")
	if err != nil {
		t.Fatal(err)
	}
	var sent http.Header
	hosts := []string{"API.internal", "db.internal:81", "*.Corp", "", "*", "*evil", "::1", "port.example:80", "[::2]:80", "[::3]"}
	rt := NewTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return &http.Response{StatusCode: 200}, nil
	}), &TransportOptions{BaggageHosts: hosts, Tracer: slogtrace.NewTracer(nil, &slogtrace.TracerOptions{Sampler: never{}})})
	hosts[3] = "copied.example"
	for host, want := range map[string]string{
		"api.internal": "k=v", "api.INTERNAL:8080": "k=v", "db.internal:81": "k=v", "db.internal": "", "db.internal:82": "",
		"a.corp": "k=v", "a.b.corp:1": "k=v", "corp": "", "acorp": "", "a.corp.example": "", "example.com": "", "": "",
		"evil": "", "notevil": "", "xapi.internal": "", "api.internal.example": "", "copied.example": "", "[::1]:80": "k=v",
		"port.example": "k=v", "port.example:80": "k=v", "port.example:81": "", "[::1]": "k=v", "[::2]": "k=v", "[::2]:81": "", "[::3]": "k=v",
		"[2001:db8::1%x.corp]": "", "[2001:db8::1%.corp]:1": "", // the zone of an address is not a name
	} {
		r := &http.Request{URL: &url.URL{Scheme: "http", Host: host}, Host: "api.internal"}
		_, err := rt.RoundTrip(r.WithContext(ctx))
		if got := sent.Get("Baggage"); got != want || err != nil || sent.Get("Traceparent") == "" {
			t.Errorf("%q: got %q, %v, want %q", host, got, err, want)
		}
	}
	h := http.Header{}
	Inject(ctx, h)
	if h.Get("Baggage") != "k=v" {
		t.Error(h)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

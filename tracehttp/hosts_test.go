package tracehttp_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// Ids go to the hosts that the option names. The URL counts. A request to any other host has a span and none of the headers,
// whoever set them.
func TestTraceHosts(t *testing.T) {
	ctx, err := slogtrace.WithBaggage(t.Context(), "k", "v")
	if err != nil {
		t.Fatal(err)
	}
	ctx, err = tracehttp.Extract(ctx, http.Header{"Traceparent": {parent}, "Tracestate": {"a=1"}, "Baggage": {"k=v"}})
	if err != nil {
		t.Fatal(err)
	}
	full := []string{"B3", "Baggage", "Traceparent", "Tracestate", "X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid", "X-Mine"}
	named := []string{"API.internal", "db.internal:81", "*.Corp", "port.example:443"}
	for _, test := range []struct {
		hosts []string
		url   string
		sent  bool
	}{
		{nil, "http://anywhere/", true},
		{[]string{}, "http://api.internal/", false},
		{[]string{""}, "http://api.internal/", false},
		{named, "http://api.internal/", true},
		{named, "http://API.INTERNAL:8080/", true},
		{named, "http://db.internal:81/", true},
		{named, "http://db.internal/", false},
		{named, "https://a.b.corp/", true},
		{named, "https://corp/", false},
		{named, "https://evilcorp/", false},
		{named, "https://a.corp.evil/", false},
		{named, "https://port.example/", true},
		{named, "http://port.example/", false},
		{named, "http://api.internal.evil/", false},
		{named, "http://api.internal@evil/", false},
	} {
		for _, own := range []bool{false, true} {
			var sent http.Header
			rt, rec := newTransport(t, base(func(r *http.Request) (*http.Response, error) {
				sent = r.Header
				return answerWith(200, nil)(r)
			}), tracehttp.TransportOptions{TraceHosts: test.hosts, BaggageHosts: []string{"anywhere", "api.internal", "db.internal", "*.corp", "corp", "evil", "port.example", "evilcorp"}, B3: true, B3Multi: true})
			req, _ := http.NewRequestWithContext(ctx, "GET", test.url, nil)
			req.Host = "api.internal" // does not count
			req.Header.Set("X-Mine", "1")
			if own {
				for _, key := range []string{"traceparent", "Tracestate", "B3", "X-B3-Traceid", "x-b3-flags", "Baggage", "baggage"} {
					req.Header[key] = []string{"stale"}
				}
			}
			before := len(req.Header)
			if _, err := rt.RoundTrip(req); err != nil {
				t.Fatal(err)
			}
			want := []string{"X-Mine"}
			if test.sent {
				want = full
			}
			if got := slices.Sorted(maps.Keys(sent)); !slices.Equal(got, want) || len(req.Header) != before {
				t.Errorf("%q, %s: sent %q, want %q", test.hosts, test.url, got, want)
			}
			span(t, rec).has(t, map[string]string{"trace": traceA, "parent": spanA, "kind": "client"})
		}
	}
}

// The options are copied, and nil still differs from empty.
func TestTraceHostsCopied(t *testing.T) {
	var sent http.Header
	hosts := []string{"a"}
	rt, _ := newTransport(t, base(func(r *http.Request) (*http.Response, error) { sent = r.Header; return answerWith(200, nil)(r) }), tracehttp.TransportOptions{TraceHosts: hosts})
	hosts[0] = "b"
	for url, want := range map[string]bool{"http://a/": true, "http://b/": false} {
		get(t, rt, t.Context(), url)
		if got := sent.Get("Traceparent") != ""; got != want {
			t.Errorf("%s: sent %t", url, got)
		}
	}
	rt.RoundTrip(&http.Request{Method: "GET"}) // without a URL: base must refuse it
	if sent.Get("Traceparent") != "" {
		t.Errorf("sent %q to nowhere", sent)
	}
}

// For each round trip of a redirect its own host counts.
func TestTraceHostsRedirect(t *testing.T) {
	var at []string
	outside := httptest.NewServer(serveWith(func(w http.ResponseWriter, r *http.Request) {
		at = append(at, "outside "+r.Header.Get("Traceparent")+r.Header.Get("X-Request-Id"))
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	}))
	defer outside.Close()
	inside := httptest.NewServer(serveWith(func(w http.ResponseWriter, r *http.Request) {
		at = append(at, "inside "+r.Header.Get("Traceparent")+r.Header.Get("X-Request-Id"))
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}))
	defer inside.Close()
	u, _ := url.Parse(inside.URL)
	rt, rec := newTransport(t, nil, tracehttp.TransportOptions{TraceHosts: []string{u.Host}})
	c := &http.Client{Transport: rt}
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		req, _ := http.NewRequestWithContext(r.Context(), "GET", inside.URL+"?to="+url.QueryEscape(outside.URL+"?to="+url.QueryEscape(inside.URL)), nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
	}), nil)
	do(t, s.Client(), "GET", s.URL, "X-Request-Id: r-1")
	got := spans(t, rec, 3)
	want := []string{
		"inside 00-" + got[0].text("trace") + "-" + got[0].text("span") + "-03r-1", "outside ",
		"inside 00-" + got[2].text("trace") + "-" + got[2].text("span") + "-03r-1",
	}
	if !slices.Equal(at, want) {
		t.Errorf("got  %q\nwant %q", at, want)
	}
}

// A proxy to a stranger passes on no trace header of its client.
func TestTraceHostsProxy(t *testing.T) {
	var sent http.Header
	stranger := httptest.NewServer(serveWith(func(w http.ResponseWriter, r *http.Request) { sent = r.Header.Clone() }))
	defer stranger.Close()
	target, _ := url.Parse(stranger.URL)
	rt, _ := newTransport(t, nil, tracehttp.TransportOptions{TraceHosts: []string{}})
	front := newSite(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: rt}, nil)
	do(t, front.Client(), "GET", front.URL, "Traceparent: "+parent, "Tracestate: a=1", "B3: 1", "Baggage: k=v", "X-Request-Id: r-1", "X-Mine: 1")
	for key, values := range sent {
		switch key {
		case "Traceparent", "Tracestate", "B3", "Baggage", "X-Request-Id":
			t.Errorf("sent %s: %q", key, values)
		}
	}
	if sent.Get("X-Mine") != "1" {
		t.Errorf("%q", sent)
	}
}

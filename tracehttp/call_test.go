package tracehttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

// between is a RoundTripper that is not ours.
type between struct{ next http.RoundTripper }

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(r.Clone(r.Context()))
}

// withDefault runs f and then restores http.DefaultTransport.
func withDefault(t *testing.T, f func()) {
	t.Helper()
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	f()
}

// The line that traces all clients does not make a loop, and each request is traced once, whatever is around it.
func TestDefaultTransport(t *testing.T) {
	rec := tracetest.Record(t)
	var sent http.Header
	s := httptest.NewServer(serveWith(func(w http.ResponseWriter, r *http.Request) { sent = r.Header.Clone() }))
	defer s.Close()
	ours := func(b http.RoundTripper) http.RoundTripper { return tracehttp.NewTransport(b, nil) }
	for name, set := range map[string]func() http.RoundTripper{
		"nil": func() http.RoundTripper { http.DefaultTransport = ours(nil); return nil },
		"twice": func() http.RoundTripper {
			http.DefaultTransport = ours(nil)
			http.DefaultTransport = ours(nil)
			return nil
		},
		"a client of its own": func() http.RoundTripper { http.DefaultTransport = ours(nil); return ours(nil) },
		"around it":           func() http.RoundTripper { http.DefaultTransport = between{ours(nil)}; return nil },
		"within it":           func() http.RoundTripper { http.DefaultTransport = ours(between{http.DefaultTransport}); return nil },
		"around, then ours":   func() http.RoundTripper { http.DefaultTransport = between{ours(nil)}; return ours(nil) },
		"ours, others, ours": func() http.RoundTripper {
			http.DefaultTransport = ours(between{between{ours(between{ours(nil)})}})
			return ours(between{http.DefaultTransport})
		},
		"explicitly": func() http.RoundTripper { return ours(ours(ours(nil))) },
		"before":     func() http.RoundTripper { rt := ours(nil); http.DefaultTransport = rt; return rt },
	} {
		t.Run(name, func(t *testing.T) {
			withDefault(t, func() {
				c := &http.Client{Transport: set()}
				for range 2 {
					rec.Reset()
					do(t, c, "GET", s.URL+"/x?y=1")
					l := span(t, rec)
					l.has(t, map[string]string{"kind": "client", "url.full": s.URL + "/x", "http.response.status_code": "200"})
					if got := sent["Traceparent"]; len(got) != 1 || !strings.Contains(got[0], l.text("span")) {
						t.Errorf("sent %q, want the span %s", got, l.text("span"))
					}
				}
				c.CloseIdleConnections()
			})
		})
	}
	// A transport made before keeps its base.
	withDefault(t, func() {
		rec.Reset()
		c := &http.Client{Transport: ours(nil)}
		http.DefaultTransport = base(func(*http.Request) (*http.Response, error) { panic("not this one") })
		do(t, c, "GET", s.URL)
		span(t, rec)
	})
}

// The outermost transport's options count, except that hosts to which an inner one does not send ids do not get them.
func TestTransportInTransport(t *testing.T) {
	var sent http.Header
	inner, innerRec := newTransport(t, base(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return answerWith(200, nil)(r)
	}), tracehttp.TransportOptions{TraceHosts: []string{"*.internal"}, Op: func(*http.Request) string { return "inner" }})
	for name, test := range map[string]struct {
		b     http.RoundTripper
		hosts []string
		want  map[string]bool
	}{
		"found":           {inner, nil, map[string]bool{"http://a.internal/": true, "http://b/": false}},
		"found, named":    {inner, []string{"b"}, map[string]bool{"http://a.internal/": false, "http://b/": true}},
		"between":         {between{inner}, nil, map[string]bool{"http://a.internal/": true, "http://b/": false}},
		"between, named":  {between{inner}, []string{"b"}, map[string]bool{"http://a.internal/": false, "http://b/": false}},
		"between, around": {between{between{inner}}, []string{"b", "a.internal"}, map[string]bool{"http://a.internal/": true, "http://b/": false}},
	} {
		rt, rec := newTransport(t, test.b, tracehttp.TransportOptions{TraceHosts: test.hosts, B3: true, Op: func(*http.Request) string { return "outer" }})
		for url, want := range test.want {
			rec.Reset()
			get(t, rt, t.Context(), url)
			span(t, rec).has(t, map[string]string{"op": "outer"})
			if got := sent.Get("Traceparent") != ""; got != want || (sent.Get("B3") != "") != want {
				t.Errorf("%s, %s: sent %q, want it %t", name, url, sent, want)
			}
		}
	}
	spans(t, innerRec, 0)
}

// A request that a RoundTripper between two of ours sends on its own is another request, or has its own span.
func TestTransportBetween(t *testing.T) {
	var urls []string
	innerBase := base(func(r *http.Request) (*http.Response, error) {
		urls = append(urls, r.Method+" "+r.URL.String()+" "+r.Header.Get("Traceparent"))
		return answerWith(200, nil)(r)
	})
	rec := tracetest.NewRecorder()
	opts := &tracehttp.TransportOptions{Tracer: slogtrace.NewTracer(rec, nil)}
	inner := tracehttp.NewTransport(innerBase, opts)
	rt := tracehttp.NewTransport(base(func(r *http.Request) (*http.Response, error) {
		token, _ := http.NewRequestWithContext(r.Context(), "GET", "http://auth/token", nil)
		inner.RoundTrip(token)
		again := r.Clone(r.Context())
		again.Method = "HEAD"
		inner.RoundTrip(again)
		moved := r.Clone(r.Context())
		moved.URL.Host = "replica-2"
		inner.RoundTrip(moved)
		slogtrace.Do(r.Context(), "try", func(ctx context.Context) error {
			_, err := inner.RoundTrip(r.WithContext(ctx))
			return err
		})
		return inner.RoundTrip(r)
	}), opts)
	get(t, rt, t.Context(), "http://h/x?y=1")
	got := spans(t, rec, 6) // four of inner, the try, the outer one
	outer := got[5].text("span")
	for i, l := range got {
		parent := outer
		switch i {
		case 3:
			parent = got[4].text("span")
		case 5:
			parent = ""
		}
		l.has(t, map[string]string{"parent": parent})
	}
	if len(urls) != 5 || !strings.HasPrefix(urls[4], "GET http://h/x?y=1 ") || !strings.Contains(urls[4], outer) {
		t.Errorf("%q", urls)
	}
	for i, u := range urls[:4] {
		if !strings.Contains(u, got[i].text("span")) {
			t.Errorf("%s is not of %v", u, got[i])
		}
	}
}

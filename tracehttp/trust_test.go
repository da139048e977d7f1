package tracehttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

func TestHandlerRequestID(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		slogtrace.Logger(r.Context()).Info("inside")
		_, span := slogtrace.Start(r.Context(), "child")
		span.End()
	}), nil)
	for _, id := range []string{"", "r-1", "two words", strings.Repeat("x", 128), strings.Repeat("x", 129), "ä", "tab\tbed", "~!"} {
		s.rec.Reset()
		want := id
		if len(id) > 128 || id == "ä" || id == "tab\tbed" {
			want = ""
		}
		resp, _ := do(t, s.Client(), "GET", s.URL, "X-Request-Id: "+id)
		if got := resp.Header.Get("X-Request-Id"); got != want {
			t.Errorf("%q is echoed as %q", id, got)
		}
		spans(t, s.rec, 2)
		n := 0
		for _, l := range linesOf(t, s.rec) {
			if l["level"] == "DEBUG" {
				n++
				continue
			}
			l.has(t, map[string]string{"request_id": want})
		}
		if (n == 1) != (want != id) || n > 1 {
			t.Errorf("%q: %d lines at level Debug", id, n)
		}
	}
	s.rec.Reset()
	resp, _ := do(t, s.Client(), "GET", s.URL, "X-Request-Id: a", "X-Request-Id: b")
	if _, ok := resp.Header["X-Request-Id"]; ok {
		t.Error("one of two ids is echoed")
	}
}

func TestHandlerTraceHeader(t *testing.T) {
	for name, opts := range map[string]*tracehttp.HandlerOptions{
		"X-Trace-Id": {}, "X-Correlation": {TraceHeader: "x-correlation"}, "": {NoTraceHeader: true, TraceHeader: "X-Trace-Id"},
	} {
		s := newSite(t, serveWith(nothing), opts)
		resp, _ := do(t, s.Client(), "GET", s.URL)
		trace := span(t, s.rec).text("trace")
		found := []string{}
		for key, v := range resp.Header {
			if v[0] == trace {
				found = append(found, key)
			}
		}
		if name == "" && len(found) > 0 || name != "" && !slices.Equal(found, []string{name}) {
			t.Errorf("%q: the trace id is in %q", name, found)
		}
	}
}

// A traced proxy in front of a traced service answers with each of the two headers once, and with its own values.
func TestProxyHeaders(t *testing.T) {
	for _, trust := range []tracehttp.Trust{tracehttp.TrustContinue, tracehttp.TrustIgnore} {
		behind := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Other"] = []string{"1", "2"}
		}), &tracehttp.HandlerOptions{Trust: func(*http.Request) tracehttp.Trust { return trust }})
		target, _ := url.Parse(behind.URL)
		rt, _ := newTransport(t, nil, tracehttp.TransportOptions{})
		front := newSite(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: rt}, nil)
		resp, _ := do(t, front.Client(), "GET", front.URL, "X-Request-Id: r-1")
		want := []string{span(t, front.rec).text("trace")}
		if got := resp.Header["X-Trace-Id"]; !slices.Equal(got, want) {
			t.Errorf("X-Trace-Id: got %q, want %q", got, want)
		}
		if got := resp.Header["X-Request-Id"]; !slices.Equal(got, []string{"r-1"}) || len(resp.Header["X-Other"]) != 2 {
			t.Errorf("got %q", resp.Header)
		}
	}
}

// TrustIgnore does not even link.
func TestTrust(t *testing.T) {
	b3 := "B3: " + traceA + "-" + spanA + "-0"
	for name, test := range map[string]struct {
		trust   tracehttp.Trust
		headers []string
		want    map[string]string
		fresh   bool
	}{
		"continue":           {tracehttp.TrustContinue, []string{"Traceparent: " + parent}, map[string]string{"trace": traceA, "parent": spanA, "links": ""}, false},
		"continue repeated":  {tracehttp.TrustContinue, []string{"Traceparent: " + parent, "Traceparent: " + parent}, map[string]string{"parent": ""}, true},
		"continue malformed": {tracehttp.TrustContinue, []string{"Traceparent: x", b3}, map[string]string{"parent": "", "sampled": ""}, true},
		"continue b3":        {tracehttp.TrustContinue, []string{b3}, map[string]string{"trace": traceA, "parent": spanA, "sampled": "false"}, false},
		"link":               {tracehttp.TrustLink, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": "[map[span:" + spanA + " trace:" + traceA + "]]"}, true},
		"link unsampled":     {tracehttp.TrustLink, []string{b3}, map[string]string{"parent": "", "sampled": "", "links": "[map[span:" + spanA + " trace:" + traceA + "]]"}, true},
		"link nothing":       {tracehttp.TrustLink, nil, map[string]string{"parent": "", "links": ""}, true},
		"link decision":      {tracehttp.TrustLink, []string{"B3: 0"}, map[string]string{"parent": "", "links": "", "sampled": ""}, true},
		"ignore":             {tracehttp.TrustIgnore, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": ""}, true},
		"unknown":            {99, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var state string
			// It fails, so that it is written even if it is not sampled.
			s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
				state = slogtrace.SpanContextFromContext(r.Context()).State
				w.WriteHeader(500)
			}), &tracehttp.HandlerOptions{Trust: func(r *http.Request) tracehttp.Trust {
				if r.URL.Path != "/p" {
					t.Error("not the request")
				}
				return test.trust
			}})
			do(t, s.Client(), "GET", s.URL+"/p", append(test.headers, "Tracestate: a=1", "Tracestate: b=2")...)
			l := span(t, s.rec)
			l.has(t, test.want)
			if test.fresh == (l.text("trace") == traceA) {
				t.Errorf("trace %s", l.text("trace"))
			}
			want := ""
			if name == "continue" {
				want = "a=1,b=2"
			}
			if state != want {
				t.Errorf("tracestate %q, want %q", state, want)
			}
		})
	}
}

// A flood of headers, and nonsense in them, costs at most one line, and the client gets its response.
func TestHandlerFlood(t *testing.T) {
	flood := func(name, value string, n int) (h []string) {
		for range n {
			h = append(h, name+": "+value)
		}
		return h
	}
	for name, headers := range map[string][]string{
		"traceparents": flood("Traceparent", parent, 2000),
		"tracestates":  append(flood("Tracestate", "a=1", 2000), "Traceparent: "+parent),
		"long state":   {"Traceparent: " + parent, "Tracestate: a=" + strings.Repeat("x", 100_000)},
		"b3":           flood("B3", "nonsense", 2000),
		"multi":        append(flood("X-B3-Sampled", "x", 1000), flood("X-B3-Traceid", "y", 1000)...),
		"baggage":      flood("Baggage", "k=v", 2000),
		"request ids":  append(flood("X-Request-Id", "k=v", 2000), "Traceparent: \x01x"),
		"all":          {"Traceparent: x", "X-Request-Id: " + strings.Repeat("x", 9999), "Tracestate: ;;"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := tracetest.NewRecorder()
			h := tracehttp.NewHandler(serveWith(nothing), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil), Baggage: true})
			r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			for _, header := range headers {
				key, value, _ := strings.Cut(header, ": ")
				r.Header.Add(key, value)
			}
			h.ServeHTTP(w, r)
			if w.Code != 200 || w.Body.Len() > 0 {
				t.Errorf("status %d, body %q", w.Code, w.Body)
			}
			span(t, rec)
			lines := linesOf(t, rec)
			if len(lines) > 2 {
				t.Errorf("%d lines", len(lines)-1)
			}
			if name != "baggage" && len(lines) != 2 {
				t.Error("nothing is said")
			}
			if l := lines[0]; len(lines) == 2 {
				l.has(t, map[string]string{"level": "DEBUG", "msg": "request headers not taken", "op": "GET"})
				if len(l.text("err")) > 500 || strings.Contains(l.text("err"), "\n") {
					t.Error(l.text("err"))
				}
			}
		})
	}
}

// The caller's sampling decision counts, with and without ids. If it left the decision open, the Sampler is asked.
func TestSampling(t *testing.T) {
	ids := traceA + "-" + spanA
	for _, test := range []struct {
		header       string
		asked        bool
		sampled      bool // if the Sampler says no
		sampledByYes bool
	}{
		{"Traceparent: 00-" + ids + "-01", false, true, true},
		{"Traceparent: 00-" + ids + "-00", false, false, false},
		{"B3: " + ids + "-1", false, true, true},
		{"B3: " + ids + "-0", false, false, false},
		{"B3: " + ids + "-d", false, true, true},
		{"B3: " + ids, true, false, true},
		{"B3: 0", false, false, false},
		{"B3: 1", false, true, true},
		{"B3: d", false, true, true},
		{"X-B3-Flags: 1", false, true, true},
		{"X-B3-Sampled: 0", false, false, false},
		{"B3: x", true, false, true},
		{"X-Nothing: 1", true, false, true},
	} {
		for _, yes := range []bool{false, true} {
			sampler := &answer{yes: yes}
			rec := tracetest.NewRecorder()
			var flags slogtrace.Flags
			next := serveWith(func(w http.ResponseWriter, r *http.Request) {
				_, child := slogtrace.Start(r.Context(), "child")
				flags = child.SpanContext().Flags
				child.End()
				// For a new trace the caller's decision does not count.
				_, other := slogtrace.Start(slogtrace.Detach(r.Context()), "other")
				if got := other.SpanContext().IsSampled(); got != yes {
					t.Errorf("%s: a detached trace is sampled: %t, want %t", test.header, got, yes)
				}
			})
			s := newSite(t, next, &tracehttp.HandlerOptions{
				Tracer: slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: sampler}),
			})
			do(t, s.Client(), "GET", s.URL, test.header, "X-Request-Id: 1") // With is called between the decision and the span
			want := test.sampled
			if yes {
				want = test.sampledByYes
			}
			if got := flags&slogtrace.FlagSampled != 0; got != want {
				t.Errorf("%s, Sampler says %t: sampled %t", test.header, yes, got)
			}
			wantAsked := 1 // by the detached trace
			if test.asked {
				wantAsked = 2
			}
			if sampler.asked != wantAsked {
				t.Errorf("%s: the Sampler was asked %d times, want %d", test.header, sampler.asked, wantAsked)
			}
			for _, l := range linesOf(t, rec) {
				if rate := l.text("sample_rate"); l["op"] == "GET" && l["msg"] == "span end" && (rate != "") != test.asked {
					t.Errorf("%s: sample_rate %q", test.header, rate)
				}
			}
		}
	}
}

type answer struct {
	yes   bool
	asked int
}

func (a *answer) Sample(slogtrace.SampleInput) (bool, float64) { a.asked++; return a.yes, 0.5 }

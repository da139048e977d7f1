package tracehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

var generated = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// twoIDs are the usual two. The first is generated if it is missing.
var twoIDs = []tracehttp.RequestID{{Generate: true}, {Header: "x-correlation-id"}}

// Each id is on all records and in the response, once, whatever middleware and handlers are inside.
func TestRequestIDs(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/items/{id}", func(w http.ResponseWriter, r *http.Request) {
		slogtrace.Logger(r.Context()).Info("inside")
		_, span := slogtrace.Start(r.Context(), "child")
		span.End()
	})
	inner := func(next http.Handler) http.Handler {
		return tracehttp.NewHandler(next, &tracehttp.HandlerOptions{RequestIDs: []tracehttp.RequestID{{Key: "other", Generate: true}, {Header: "X-Other", Generate: true}}})
	}
	long := strings.Repeat("x", 129)
	for name, test := range map[string]struct {
		ids     []tracehttp.RequestID
		headers []string
		want    map[string]string // by key; "*" for one that is generated
		debug   bool
	}{
		"default":              {nil, []string{"X-Request-Id: r-1", "X-Correlation-Id: c-1"}, map[string]string{"request_id": "r-1"}, false},
		"default, absent":      {nil, nil, nil, false},
		"default, empty":       {nil, []string{"X-Request-Id: "}, nil, false},
		"none":                 {[]tracehttp.RequestID{}, []string{"X-Request-Id: r-1"}, nil, false},
		"two":                  {twoIDs, []string{"X-Request-Id: r-1", "X-Correlation-Id: c-1"}, map[string]string{"request_id": "r-1", "correlation_id": "c-1"}, false},
		"generated":            {twoIDs, nil, map[string]string{"request_id": "*"}, false},
		"generated for a bad":  {twoIDs, []string{"X-Request-Id: " + long}, map[string]string{"request_id": "*"}, true},
		"a bad second":         {twoIDs, []string{"X-Request-Id: r-1", "X-Correlation-Id: ä"}, map[string]string{"request_id": "r-1"}, true},
		"two bad":              {[]tracehttp.RequestID{{}, {Header: "X-B"}}, []string{"X-Request-Id: ä", "X-B: " + long}, nil, true},
		"repeated":             {nil, []string{"X-Request-Id: a", "X-Request-Id: b"}, nil, true},
		"key":                  {[]tracehttp.RequestID{{Key: "rid"}}, []string{"X-Request-Id: r-1"}, map[string]string{"rid": "r-1"}, false},
		"a key of ours":        {[]tracehttp.RequestID{{Key: "trace"}}, []string{"X-Request-Id: r-1"}, map[string]string{"attr.trace": "r-1"}, false},
		"another header":       {[]tracehttp.RequestID{{Header: "cf-ray"}}, []string{"Cf-Ray: r-1"}, map[string]string{"cf_ray": "r-1"}, false},
		"baggage":              {[]tracehttp.RequestID{{Baggage: true, Generate: true}}, nil, map[string]string{"request_id": "*"}, false},
		"no token for baggage": {[]tracehttp.RequestID{{Key: "request id", Baggage: true}}, []string{"X-Request-Id: r-1"}, map[string]string{"request id": "r-1"}, true},
		"hostile":              {nil, []string{`X-Request-Id: ","trace":"0000`}, map[string]string{"request_id": `","trace":"0000`}, false},
	} {
		for kind, h := range map[string]http.Handler{
			"mux": mux, "middleware": under(mux, auth, clone, inner), "timeout": under(mux, timeout, inner),
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				eachProtocol(t, h, &tracehttp.HandlerOptions{RequestIDs: test.ids}, func(t *testing.T, s *site) {
					resp, _ := do(t, s.Client(), "GET", s.URL+"/items/1", test.headers...)
					spans(t, s.rec, 2)
					keys := []string{"request_id", "correlation_id", "rid", "attr.trace", "cf_ray", "other", "request id", "b"}
					first := map[string]string{}
					debug := 0
					for _, l := range linesOf(t, s.rec) {
						if l["level"] == "DEBUG" {
							debug++
						}
						for _, key := range keys {
							got, want := l.text(key), test.want[key]
							if want == "*" && generated.MatchString(got) {
								if first[key] == "" {
									first[key] = got
								}
								want = first[key]
							}
							if got != want {
								t.Errorf("%s: got %q, want %q in %v", key, got, want, l)
							}
						}
					}
					if want := map[bool]int{true: 1}[test.debug]; debug != want {
						t.Errorf("%d lines at level Debug, want %d", debug, want)
					}
					for header, key := range map[string]string{"X-Request-Id": "request_id", "X-Correlation-Id": "correlation_id", "X-Other": "", "X-B": ""} {
						want := test.want[key]
						if want == "*" {
							want = first[key]
						}
						if header == "X-Request-Id" && want == "" {
							for _, k := range []string{"rid", "attr.trace", "request id"} {
								want += test.want[k]
							}
						}
						if got := resp.Header[header]; len(got) > 1 || resp.Header.Get(header) != want {
							t.Errorf("%s: %q in the answer, want %q", header, got, want)
						}
					}
				})
			})
		}
	}
}

// Generated ids differ, also if many requests come at once.
func TestRequestIDsGenerated(t *testing.T) {
	s := newSite(t, serveWith(nothing), &tracehttp.HandlerOptions{RequestIDs: twoIDs})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				do(t, s.Client(), "GET", s.URL)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, l := range spans(t, s.rec, 100) {
		seen[l.text("request_id")] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d ids for 100 requests", len(seen))
	}
}

// No header value gets past the limits, or becomes more than one header when sent.
func FuzzRequestID(f *testing.F) {
	for _, seed := range []string{"", "r-1", "a\r\nSet-Cookie: x=1", "ä", "\x00", "\x7f", " ", strings.Repeat("x", 128), strings.Repeat("x", 129)} {
		f.Add(seed)
	}
	ok := regexp.MustCompile(`^[ -~]{1,128}$`)
	f.Fuzz(func(t *testing.T, id string) {
		rec := tracetest.NewRecorder()
		h := tracehttp.NewHandler(serveWith(nothing), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)})
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header["X-Request-Id"] = []string{id}
		h.ServeHTTP(w, r)
		want := ""
		if ok.MatchString(id) {
			want = id
		}
		lines := linesOf(t, rec)
		if got := lines[len(lines)-1].text("request_id"); got != want || w.Header().Get("X-Request-Id") != want {
			t.Errorf("%q: got %q, in the answer %q", id, got, w.Header())
		}
	})
}

// The ids are sent with requests made under the request's context, and with no others.
func TestRequestIDsSent(t *testing.T) {
	var sent http.Header
	behind := httptest.NewServer(serveWith(func(w http.ResponseWriter, r *http.Request) { sent = r.Header.Clone() }))
	defer behind.Close()
	other := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(other, nil)
	for name, test := range map[string]struct {
		hosts []string
		own   []string
		want  map[string]string
	}{
		"all":              {nil, nil, map[string]string{"X-Request-Id": "r-1", "X-Correlation-Id": "c-1"}},
		"named":            {[]string{"127.0.0.1"}, nil, map[string]string{"X-Request-Id": "r-1", "X-Correlation-Id": "c-1"}},
		"others":           {[]string{"api.internal"}, nil, map[string]string{}},
		"none":             {[]string{}, nil, map[string]string{}},
		"its own":          {nil, []string{"X-Request-Id: mine"}, map[string]string{"X-Request-Id": "mine", "X-Correlation-Id": "c-1"}},
		"its own, others":  {[]string{}, []string{"X-Request-Id: mine"}, map[string]string{"X-Request-Id": "mine"}},
		"passed on":        {nil, []string{"X-Request-Id: r-1"}, map[string]string{"X-Request-Id": "r-1", "X-Correlation-Id": "c-1"}},
		"passed on, other": {[]string{}, []string{"X-Request-Id: r-1"}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: tracer, TraceHosts: test.hosts})}
			call := serveWith(func(w http.ResponseWriter, r *http.Request) {
				ctx, span := slogtrace.Start(r.Context(), "child")
				defer span.End()
				req, _ := http.NewRequestWithContext(ctx, "GET", behind.URL, nil)
				for _, h := range test.own {
					key, value, _ := strings.Cut(h, ": ")
					req.Header.Set(key, value)
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			})
			s := newSite(t, under(call, auth, timeout, traced), &tracehttp.HandlerOptions{RequestIDs: twoIDs})
			do(t, s.Client(), "GET", s.URL, "X-Request-Id: r-1", "X-Correlation-Id: c-1")
			for _, header := range []string{"X-Request-Id", "X-Correlation-Id"} {
				if got := sent[header]; len(got) > 1 || sent.Get(header) != test.want[header] {
					t.Errorf("%s: got %q, want %q", header, got, test.want[header])
				}
			}
		})
	}
	// Without a request there are no ids.
	c := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: tracer})}
	do(t, c, "GET", behind.URL)
	if _, ok := sent["X-Request-Id"]; ok {
		t.Errorf("%q", sent)
	}
}

// A request that a handler makes within its own request has that request's id, even with Generate.
func TestRequestIDInherited(t *testing.T) {
	opts := &tracehttp.HandlerOptions{RequestIDs: twoIDs}
	inner := tracehttp.NewHandler(serveWith(nothing), opts)
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		for _, id := range []string{"", "own"} {
			sub := httptest.NewRequest("GET", "/sub", nil).WithContext(r.Context())
			if id != "" {
				sub.Header.Set("X-Request-Id", id)
			}
			inner.ServeHTTP(httptest.NewRecorder(), sub)
		}
	}), opts)
	do(t, s.Client(), "GET", s.URL)
	got := spans(t, s.rec, 3)
	if id := got[2].text("request_id"); got[0].text("request_id") != id || got[1].text("request_id") != "own" || !generated.MatchString(id) {
		t.Error(got)
	}
}

// With Baggage the id is on the lines of a worker, and of a service that gets it from the baggage alone.
func TestRequestIDBaggage(t *testing.T) {
	ids := []tracehttp.RequestID{{Generate: true, Baggage: true}}
	var job []byte
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		job, _ = json.Marshal(struct{ slogtrace.Carrier }{slogtrace.NewCarrier(r.Context())})
	}), &tracehttp.HandlerOptions{RequestIDs: ids})
	do(t, s.Client(), "GET", s.URL)
	id := span(t, s.rec).text("request_id")
	if !generated.MatchString(id) {
		t.Fatalf("id %q", id)
	}

	var carried struct{ slogtrace.Carrier }
	if err := json.Unmarshal(job, &carried); err != nil {
		t.Fatal(err)
	}
	ctx, err := carried.Carrier.Context(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rec := tracetest.NewRecorder()
	ctx, work := slogtrace.NewTracer(rec, nil).Start(ctx, "work")
	defer work.End()
	slogtrace.Logger(ctx).Info("in the worker")
	linesOf(t, rec)[0].has(t, map[string]string{"msg": "in the worker", "request_id": id})

	next := newSite(t, serveWith(nothing), &tracehttp.HandlerOptions{RequestIDs: ids, Baggage: true})
	c := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{BaggageHosts: []string{"127.0.0.1"}, Tracer: slogtrace.NewTracer(slog.DiscardHandler, nil)})}
	req, _ := http.NewRequestWithContext(ctx, "GET", next.URL, nil)
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if l := span(t, next.rec); l.text("request_id") != id || resp.Header.Get("X-Request-Id") != id {
		t.Errorf("%v, %q", l, resp.Header)
	}
}

// The whole: tail over redaction over JSON, with request ids, routes and a client within.
func TestRequestIDsThroughHandlers(t *testing.T) {
	var mu sync.Mutex
	var b bytes.Buffer
	out := lockedWriter{&mu, &b}
	tail := slogtrace.NewTailHandler(slogtrace.NewRedactHandler(slogtrace.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}), nil), nil)
	tracer := slogtrace.NewTracer(tail, nil)
	behind := newSite(t, serveWith(nothing), nil)
	client := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: tracer})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/{id}", func(w http.ResponseWriter, r *http.Request) {
		slogtrace.Logger(r.Context()).Debug("inside", "password", "hunter2")
		req, _ := http.NewRequestWithContext(r.Context(), "GET", behind.URL, nil)
		if resp, err := client.Do(req); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if r.PathValue("id") == "bad" {
			tracehttp.Error(w, r, 500, errors.New("no database"))
		}
	})
	s := newSite(t, under(mux, auth, timeout, traced), &tracehttp.HandlerOptions{Tracer: tracer, RequestIDs: twoIDs})
	do(t, s.Client(), "POST", s.URL+"/login/good", "X-Correlation-Id: c-1")
	do(t, s.Client(), "POST", s.URL+"/login/bad", "X-Correlation-Id: c-2")
	s.Close()

	var lines []line
	for text := range bytes.Lines(b.Bytes()) {
		if !json.Valid(text) || bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("%s", text)
		}
		for _, key := range []string{`"request_id":`, `"correlation_id":`} {
			if n := bytes.Count(text, []byte(key)); n != 1 {
				t.Errorf("%s stands %d times in %s", key, n, text)
			}
		}
		var l line
		json.Unmarshal(text, &l)
		lines = append(lines, l)
	}
	// Of the good request only the span ends; of the bad one all records.
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprint(l["correlation_id"], " ", l["msg"], " ", l["op"]))
	}
	slices.Sort(got)
	want := []string{
		"c-1 span end GET", "c-1 span end POST /login/{id}",
		"c-2 inside POST /login/{id}", "c-2 span end GET", "c-2 span end POST /login/{id}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	sent := spans(t, behind.rec, 2)
	for i, l := range sent {
		id := l.text("request_id")
		if !generated.MatchString(id) || !slices.ContainsFunc(lines, func(c line) bool { return c.text("request_id") == id && c.text("trace") == l.text("trace") }) {
			t.Errorf("call %d came with the id %q", i, id)
		}
	}
}

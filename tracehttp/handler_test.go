package tracehttp_test

// Bugs were planted, one at a time, and found by:
//
//	103 taken for the status                          TestHandlerStatus
//	a name that somebody set is set over              TestHandlerOpOfOthers
//	OPTIONS * has a route                             TestHandlerOptionsStar
//	http.ErrAbortHandler fails the span, is swallowed TestHandlerPanic
//	the stack of a panic twice                        TestHandlerPanicStack
//	two spans for a handler in a handler              TestHandlerNested
//	the server's own deadline is the client's doing   TestHandlerDeadline
//	Ignore links                                      TestTrust
//	a repeated traceparent falls back to B3           TestExtractErrors, TestHandlerFlood
//	the whole query is logged                         TestHandlerAllowLists
//	With forgets a decision without ids               TestSampling
//	ids without a decision do not ask the Sampler     TestSampling
//	a hijack is not noticed                           TestUpgrade, TestHijackThroughWrapper
//	the values of a request's headers are shared      TestTransportHeaders
//	B3 of another trace is forwarded                  TestInject, TestTransportHeaders
//	http.NoBody leaves the span open                  TestTransportStatus
//	the body after a 101 cannot be written to         TestUpgrade
//	errors of the body are lost                       TestTransportBody
//	64 bits are padded on the right                   FuzzB3Single, TestB3Fallback
//	debug gives way to X-B3-Sampled: 0                TestB3Vectors
//	the error behind a 500 goes to the client         TestError

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

func TestHandlerOp(t *testing.T) {
	inner := ""
	h := serveWith(func(w http.ResponseWriter, r *http.Request) { inner = slogtrace.SpanFromContext(r.Context()).Op() })
	mux := http.NewServeMux()
	mux.Handle("GET /bookings/{id}", h)
	mux.Handle("/any/{x}", h)
	mux.Handle("POST example.com/host", h)
	mux.Handle("/tree/", h)
	mux.Handle("/sub/", http.StripPrefix("/sub", h))
	wrapped := serveWith(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) })
	opaque := serveWith(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r.WithContext(r.Context())) })
	tests := []struct {
		method, host, path string
		op, route          string
	}{
		{"GET", "", "/bookings/7", "GET /bookings/{id}", "/bookings/{id}"},
		{"HEAD", "", "/bookings/7", "HEAD /bookings/{id}", "/bookings/{id}"},
		{"PUT", "", "/any/1", "PUT /any/{x}", "/any/{x}"},
		{"POST", "example.com", "/host", "POST /host", "/host"},
		{"BREW", "", "/any/1", "HTTP /any/{x}", "/any/{x}"},
		{"BREW", "", "/nowhere", "HTTP", ""},
		{"GET", "", "/nowhere", "GET", ""},
		{"DELETE", "", "/bookings/7", "DELETE", ""},  // 405
		{"GET", "", "/tree", "GET /tree/", "/tree/"}, // redirect
		{"GET", "", "/sub/x", "GET /sub/", "/sub/"},
	}
	for _, test := range tests {
		t.Run(test.method+test.path, func(t *testing.T) {
			for kind, next := range map[string]http.Handler{"mux": mux, "wrapped": wrapped, "opaque": opaque} {
				rec := tracetest.NewRecorder()
				inner = ""
				h := tracehttp.NewHandler(next, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)})
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(test.method, "http://"+cmp.Or(test.host, "h")+test.path, nil))
				method, _, _ := strings.Cut(test.op, " ")
				op, route, inside := test.op, test.route, method
				switch kind {
				case "mux":
					inside = test.op
				case "opaque": // the pattern is on a request that the handler does not see
					op, route = method, ""
				}
				span(t, rec).has(t, map[string]string{"op": op, "http.route": route})
				if inner != "" && inner != inside {
					t.Errorf("%s: op inside %q, want %q", kind, inner, inside)
				}
			}
		})
	}
}

// A span that was renamed keeps its name, a pattern known before counts, and one set by other routers too.
func TestHandlerOpOfOthers(t *testing.T) {
	rec := tracetest.NewRecorder()
	opts := &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}
	serve := func(h http.Handler) line {
		rec.Reset()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x/1", nil))
		return span(t, rec)
	}
	renamed := serveWith(func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "/x/{id}"
		slogtrace.SpanFromContext(r.Context()).SetOp("mine")
	})
	serve(tracehttp.NewHandler(renamed, opts)).has(t, map[string]string{"op": "mine", "http.route": "/x/{id}"})
	router := serveWith(func(w http.ResponseWriter, r *http.Request) { r.Pattern = "/x/{id}" })
	serve(tracehttp.NewHandler(router, opts)).has(t, map[string]string{"op": "GET /x/{id}", "http.route": "/x/{id}"})
	mux := http.NewServeMux()
	mux.Handle("GET /x/{n}", tracehttp.NewHandler(serveWith(nothing), opts))
	serve(mux).has(t, map[string]string{"op": "GET /x/{n}", "http.route": "/x/{n}"})
}

// What the mux does not route has no route, even if a pattern matches everything.
func TestHandlerOptionsStar(t *testing.T) {
	rec := tracetest.NewRecorder()
	mux := http.NewServeMux()
	mux.Handle("/", serveWith(nothing))
	r := httptest.NewRequest("OPTIONS", "*", nil)
	w := httptest.NewRecorder()
	tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}).ServeHTTP(w, r)
	span(t, rec).has(t, map[string]string{"op": "OPTIONS", "http.route": "", "http.response.status_code": "400", "url.path": "*"})
}

func TestHandlerNested(t *testing.T) {
	rec := tracetest.NewRecorder()
	opts := &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}
	h := tracehttp.NewHandler(tracehttp.NewHandler(serveWith(nothing), opts), opts)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Also with somebody's wrapper between.
	mid := serveWith(func(w http.ResponseWriter, r *http.Request) {
		tracehttp.NewHandler(serveWith(nothing), opts).ServeHTTP(wrapper{w}, r)
	})
	tracehttp.NewHandler(mid, opts).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	spans(t, rec, 2)
}

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestHandlerAttributes(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }), nil)
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	do(t, s.Client(), "POST", s.URL+"/a%2Fb%20c?token=secret", "User-Agent: spy", "Cookie: a=b", "Authorization: Basic x")
	l := span(t, s.rec)
	delete(l, "start")
	delete(l, "time")
	delete(l, "duration_ms")
	delete(l, "trace")
	delete(l, "span")
	want := []string{
		"http.request.method=POST", "http.response.status_code=201", "kind=server", "level=INFO", "msg=span end",
		"network.protocol.version=1.1", "op=POST", "server.address=" + host, "server.port=" + port,
		"url.path=/a%2Fb%20c", "url.scheme=http",
	}
	var got []string
	for _, k := range slices.Sorted(maps.Keys(l)) {
		got = append(got, k+"="+l.text(k))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestHandlerAddress(t *testing.T) {
	for host, want := range map[string][2]string{
		"example.com": {"example.com", ""}, "example.com:8080": {"example.com", "8080"}, "[::1]:80": {"::1", "80"},
		"[::1]": {"::1", ""}, "x:": {"x:", ""}, "x:99999": {"x:99999", ""}, "x:0": {"x:0", ""}, "": {"", ""},
		strings.Repeat("x", 300): {strings.Repeat("x", 252) + "…", ""},
	} {
		rec := tracetest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		tracehttp.NewHandler(serveWith(nothing), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}).ServeHTTP(httptest.NewRecorder(), r)
		span(t, rec).has(t, map[string]string{"server.address": want[0], "server.port": want[1]})
	}
}

// Texts that strangers choose are bounded.
func TestHandlerBounds(t *testing.T) {
	s := newSite(t, serveWith(nothing), &tracehttp.HandlerOptions{RequestHeaders: []string{"x-many", "user-agent"}, Query: []string{"q"}})
	long := strings.Repeat("ä", 3000)
	headers := []string{"User-Agent: " + strings.Repeat("u", 5000)}
	for range 20 {
		headers = append(headers, "X-Many: "+strings.Repeat("m", 2000))
	}
	do(t, s.Client(), strings.Repeat("M", 100), s.URL+"/"+long+"?q="+strings.Repeat("q", 5000), headers...)
	l := span(t, s.rec)
	l.has(t, map[string]string{"http.request.method": "_OTHER", "http.request.method_original": strings.Repeat("M", 29) + "…"})
	for _, key := range []string{"url.path", "user_agent.original", "url.query"} {
		if v := l.text(key); len(v) != 1024 || !strings.HasSuffix(v, "…") {
			t.Errorf("%s: %d bytes", key, len(v))
		}
	}
	many, _ := l["http.request.header.x-many"].([]any)
	if len(many) != 9 || many[8] != "and 12 more" {
		t.Errorf("got %d of a repeated header", len(many))
	}
}

func TestHandlerAllowLists(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Etag", "e") }), &tracehttp.HandlerOptions{
		RequestHeaders: []string{"user-agent", "X-Tenant", "X-None"}, ResponseHeaders: []string{"ETag"}, Query: []string{"page", "a b"},
	})
	do(t, s.Client(), "GET", s.URL+"/?page=2&token=secret&page=3&a+b=1&%70age=4&%zz", "User-Agent: me", "X-Tenant: t1", "Cookie: c=d")
	l := span(t, s.rec)
	l.has(t, map[string]string{
		"user_agent.original": "me", "http.request.header.x-tenant": "[t1]", "http.response.header.etag": "[e]",
		"url.query": "page=2&page=3&a+b=1&%70age=4", "http.request.header.x-none": "", "http.request.header.user-agent": "",
	})
	if text := string(s.rec.Lines()); strings.Contains(text, "secret") || strings.Contains(text, "c=d") {
		t.Error(text)
	}
}

func TestHandlerStatus(t *testing.T) {
	tests := map[string]struct {
		f      func(w http.ResponseWriter, r *http.Request)
		method string
		want   map[string]string
	}{
		"none":     {nothing, "GET", map[string]string{"http.response.status_code": "200", "error": "", "level": "INFO"}},
		"implicit": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x"); w.WriteHeader(500) }, "GET", map[string]string{"http.response.status_code": "200", "error": ""}},
		"flushed":  {func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) }, "GET", map[string]string{"http.response.status_code": "200"}},
		"twice":    {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); w.WriteHeader(500) }, "GET", map[string]string{"http.response.status_code": "404", "error": ""}},
		"hints": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(100)
			w.WriteHeader(204)
		}, "GET", map[string]string{"http.response.status_code": "204"}},
		"hints only": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) }, "GET", map[string]string{"http.response.status_code": "200"}},
		"304":        {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) }, "GET", map[string]string{"http.response.status_code": "304", "http.aborted": ""}},
		// Writing a body where there may be none is no sign of an absent client.
		"304 with body": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304); io.WriteString(w, "x") }, "GET", map[string]string{"http.response.status_code": "304", "http.aborted": ""}},
		"too long": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1")
			io.WriteString(w, "xx")
		}, "GET", map[string]string{"http.aborted": ""}},
		"head": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }, "HEAD", map[string]string{"http.response.status_code": "200", "http.aborted": "", "http.request.method": "HEAD"}},
		"4xx":  {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 499) }, "GET", map[string]string{"http.response.status_code": "499", "error": "", "error.type": "", "level": "INFO"}},
		"5xx":  {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, "GET", map[string]string{"http.response.status_code": "503", "error": "503 Service Unavailable", "error.type": "503", "level": "ERROR"}},
		"599":  {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 599) }, "GET", map[string]string{"error": "599"}},
		"own error": {func(w http.ResponseWriter, r *http.Request) {
			slogtrace.SpanFromContext(r.Context()).Fail(errors.New("disk full"))
			w.WriteHeader(507)
		}, "GET", map[string]string{"error": "disk full", "error.type": "507"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, serveWith(test.f), nil)
			req, _ := http.NewRequest(test.method, s.URL, nil)
			if resp, err := s.Client().Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			span(t, s.rec).has(t, test.want)
		})
	}
}

func TestHandlerPanic(t *testing.T) {
	tests := map[string]struct {
		f    func(w http.ResponseWriter, r *http.Request)
		want map[string]string
	}{
		"value":        {func(http.ResponseWriter, *http.Request) { panic("boom") }, map[string]string{"http.response.status_code": "500", "error": "panic: boom", "error.type": "panic", "level": "ERROR", "http.aborted": ""}},
		"written":      {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); panic("boom") }, map[string]string{"http.response.status_code": "201", "error": "panic: boom"}},
		"bad status":   {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(7) }, map[string]string{"http.response.status_code": "500", "error": "panic: invalid WriteHeader code 7"}},
		"uncomparable": {func(http.ResponseWriter, *http.Request) { panic([]int{1}) }, map[string]string{"error": "panic: [1]"}},
		"abort":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, map[string]string{"http.response.status_code": "", "error": "", "level": "INFO", "http.aborted": "handler", "stack": "", "error.type": ""}},
		"abort late":   {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); panic(http.ErrAbortHandler) }, map[string]string{"http.response.status_code": "200", "error": "", "http.aborted": "handler"}},
		"abort 502":    {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502); panic(http.ErrAbortHandler) }, map[string]string{"http.response.status_code": "502", "error": "502 Bad Gateway", "http.aborted": "handler"}},
		"goexit":       {func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() }, map[string]string{"http.response.status_code": "", "error": "", "http.aborted": "handler"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newUnstarted(serveWith(test.f), nil)
			var panicked any
			traced := s.Config.Handler
			s.Config.Handler = serveWith(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if panicked = recover(); panicked != nil {
						panic(http.ErrAbortHandler)
					}
				}()
				traced.ServeHTTP(w, r)
			})
			s.Start()
			resp, err := s.Client().Get(s.URL)
			if err == nil {
				resp.Body.Close()
			}
			l := span(t, s.rec)
			s.Close()
			l.has(t, test.want)
			switch isAbort := panicked == any(http.ErrAbortHandler); {
			case strings.HasPrefix(name, "abort") != isAbort:
				t.Errorf("the panic went on as %v", panicked)
			case strings.HasPrefix(l.text("error"), "panic") && !strings.Contains(l.text("stack"), "tracehttp_test.TestHandlerPanic"):
				t.Errorf("stack: %s", l.text("stack"))
			}
		})
	}
}

// The stack of a panic is on the innermost span only, also if that is ours and a middleware outside has a span too.
func TestHandlerPanicStack(t *testing.T) {
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, nil)
	h := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) {
		_, span := slogtrace.Start(r.Context(), "inner")
		defer span.End()
		panic("boom")
	}), nil)
	call := func(h http.Handler) {
		defer func() { recover() }()
		ctx, span := tracer.Start(t.Context(), "outer")
		defer span.End()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	}
	stacks := func() (with []string) {
		for _, l := range linesOf(t, rec) {
			if l.text("stack") != "" {
				with = append(with, l.text("op"))
			}
		}
		rec.Reset()
		return with
	}
	call(h)
	if got := stacks(); !slices.Equal(got, []string{"inner"}) {
		t.Errorf("stacks on %q", got)
	}
	call(tracehttp.NewHandler(serveWith(func(http.ResponseWriter, *http.Request) { panic("boom") }), nil))
	if got := stacks(); !slices.Equal(got, []string{"GET"}) {
		t.Errorf("stacks on %q", got)
	}
}

// A client that goes away is told apart, whether the handler sees it by its context or by a write that fails.
func TestHandlerClientGone(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for name, f := range map[string]func(w http.ResponseWriter, r *http.Request){
			"context": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"write": func(w http.ResponseWriter, r *http.Request) {
				for {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			},
			"body": func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
			"500":  func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); w.WriteHeader(500) },
		} {
			t.Run(name, func(t *testing.T) {
				started := make(chan bool, 1)
				s := newUnstarted(serveWith(func(w http.ResponseWriter, r *http.Request) { started <- true; f(w, r) }), nil)
				s.EnableHTTP2 = http2
				if http2 {
					s.StartTLS()
				} else {
					s.Start()
				}
				defer s.Close()
				ctx, cancel := context.WithCancel(t.Context())
				var body io.Reader
				if name == "body" {
					pr, pw := io.Pipe()
					context.AfterFunc(ctx, func() { pw.CloseWithError(context.Canceled) })
					body = pr
				}
				req, _ := http.NewRequestWithContext(ctx, "POST", s.URL, body)
				go func() { <-started; time.Sleep(20 * time.Millisecond); cancel() }()
				if resp, err := s.Client().Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				l := span(t, s.rec)
				want := map[string]string{"http.aborted": "client", "error": "", "http.response.status_code": ""}
				switch name {
				case "write":
					want["http.response.status_code"] = "200"
				case "500":
					want["http.response.status_code"], want["error"] = "500", "500 Internal Server Error"
				}
				l.has(t, want)
			})
		}
	}
}

// A deadline that the server set itself is not the client's doing.
func TestHandlerDeadline(t *testing.T) {
	rec := tracetest.NewRecorder()
	h := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	span(t, rec).has(t, map[string]string{"http.aborted": "", "http.response.status_code": "200"})
}

func TestHandlerTimeoutHandler(t *testing.T) {
	slow := serveWith(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := newSite(t, http.TimeoutHandler(slow, 5*time.Millisecond, ""), nil)
	do(t, s.Client(), "GET", s.URL)
	span(t, s.rec).has(t, map[string]string{"http.response.status_code": "503", "error": "503 Service Unavailable", "http.aborted": ""})
}

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

func TestTrust(t *testing.T) {
	b3 := "B3: " + traceA + "-" + spanA + "-0"
	for name, test := range map[string]struct {
		trust   tracehttp.Trust
		headers []string
		want    map[string]string
		fresh   bool
	}{
		"continue":           {tracehttp.Continue, []string{"Traceparent: " + parent}, map[string]string{"trace": traceA, "parent": spanA, "links": ""}, false},
		"continue repeated":  {tracehttp.Continue, []string{"Traceparent: " + parent, "Traceparent: " + parent}, map[string]string{"parent": ""}, true},
		"continue malformed": {tracehttp.Continue, []string{"Traceparent: x", b3}, map[string]string{"parent": "", "sampled": ""}, true},
		"continue b3":        {tracehttp.Continue, []string{b3}, map[string]string{"trace": traceA, "parent": spanA, "sampled": "false"}, false},
		"link":               {tracehttp.Link, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": "[map[span:" + spanA + " trace:" + traceA + "]]"}, true},
		"link unsampled":     {tracehttp.Link, []string{b3}, map[string]string{"parent": "", "sampled": "", "links": "[map[span:" + spanA + " trace:" + traceA + "]]"}, true},
		"link nothing":       {tracehttp.Link, nil, map[string]string{"parent": "", "links": ""}, true},
		"link decision":      {tracehttp.Link, []string{"B3: 0"}, map[string]string{"parent": "", "links": "", "sampled": ""}, true},
		"ignore":             {tracehttp.Ignore, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": ""}, true},
		"unknown":            {99, []string{"Traceparent: " + parent}, map[string]string{"parent": "", "links": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var state string
			// It fails, so that it is written also where it is not sampled.
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

// A flood of headers, and nonsense in them, costs one line at most, and the client gets what it asked for.
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

// What the caller decided about sampling counts, with ids and without; where it left that to us, the Sampler is asked.
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
				// A trace of its own has nothing to do with the caller's decision.
				_, other := slogtrace.Start(slogtrace.Detach(r.Context()), "other")
				if got := other.SpanContext().IsSampled(); got != yes {
					t.Errorf("%s: a detached trace is sampled: %t, want %t", test.header, got, yes)
				}
			})
			s := newSite(t, next, &tracehttp.HandlerOptions{
				Tracer: slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: sampler}),
			})
			do(t, s.Client(), "GET", s.URL, test.header, "X-Request-Id: 1") // With stands between the decision and the span
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

// The Tracer is the option's, else that of the context, else the default one.
func TestHandlerTracer(t *testing.T) {
	def := tracetest.Record(t)
	own, inContext := tracetest.NewRecorder(), tracetest.NewRecorder()
	ctx, outer := slogtrace.NewTracer(inContext, nil).Start(t.Context(), "outer")
	defer outer.End()
	serve := func(ctx context.Context, opts *tracehttp.HandlerOptions) {
		tracehttp.NewHandler(serveWith(nothing), opts).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	}
	serve(ctx, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(own, nil)})
	span(t, own)
	serve(ctx, nil)
	span(t, inContext)
	serve(t.Context(), nil)
	span(t, def)
}

func TestHandlerNilNext(t *testing.T) {
	rec := tracetest.NewRecorder()
	w := httptest.NewRecorder()
	tracehttp.NewHandler(nil, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}).ServeHTTP(w, httptest.NewRequest("GET", "/nowhere", nil))
	if w.Code != 404 {
		t.Error(w.Code)
	}
}

// Options are copied, and headers of the answer stay the handler's to change.
func TestHandlerCopies(t *testing.T) {
	rec := tracetest.NewRecorder()
	opts := &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil), Query: []string{"a"}, RequestHeaders: []string{"X-A"}}
	h := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Trace-Id", "more")
		w.Header().Del("X-Request-Id")
	}), opts)
	opts.Query[0], opts.RequestHeaders[0], opts.Tracer = "b", "X-B", nil
	r, w := httptest.NewRequest("GET", "/?a=1&b=2", nil), httptest.NewRecorder()
	r.Header["X-A"], r.Header["X-B"], r.Header["X-Request-Id"] = []string{"1"}, []string{"2"}, []string{"3"}
	h.ServeHTTP(w, r)
	span(t, rec).has(t, map[string]string{"url.query": "a=1", "http.request.header.x-a": "[1]", "http.request.header.x-b": ""})
	if got := w.Header()["X-Trace-Id"]; len(got) != 2 || w.Header().Get("X-Request-Id") != "" {
		t.Errorf("%v", w.Header())
	}
}

// Many requests at once, for -race.
func TestHandlerConcurrent(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{n}", func(w http.ResponseWriter, r *http.Request) {
		slogtrace.Logger(r.Context()).LogAttrs(r.Context(), slog.LevelInfo, "inside")
		io.WriteString(w, r.PathValue("n"))
	})
	s := newSite(t, mux, nil)
	c := &http.Client{Transport: tracehttp.NewTransport(s.Client().Transport, &tracehttp.TransportOptions{Tracer: slogtrace.NewTracer(s.rec, nil)})}
	done := make(chan bool)
	for range 4 {
		go func() {
			defer func() { done <- true }()
			for range 25 {
				do(t, c, "GET", s.URL+"/7", "X-Request-Id: 1")
			}
		}()
	}
	for range 4 {
		<-done
	}
	spans(t, s.rec, 200)
}

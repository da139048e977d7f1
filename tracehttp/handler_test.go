package tracehttp_test

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
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

// A renamed span keeps its name. A pattern known before counts, and so does one set by other routers.
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

// A request that the mux does not route has no route, even if a pattern matches everything.
func TestHandlerOptionsStar(t *testing.T) {
	rec := tracetest.NewRecorder()
	mux := http.NewServeMux()
	mux.Handle("/", serveWith(nothing))
	r := httptest.NewRequest("OPTIONS", "*", nil)
	w := httptest.NewRecorder()
	tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}).ServeHTTP(w, r)
	span(t, rec).has(t, map[string]string{"op": "OPTIONS", "http.route": "", "http.response.status_code": "400", "url.path": "*"})
}

// A traced handler in a traced handler makes one span.
func TestHandlerNested(t *testing.T) {
	rec := tracetest.NewRecorder()
	opts := &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}
	h := tracehttp.NewHandler(tracehttp.NewHandler(serveWith(nothing), opts), opts)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Also with another wrapper between.
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

// Texts that strangers choose are limited.
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

// Of a query only what is allowed is logged.
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

// The Tracer is the option's, or else the context's, or else the default one.
// The attributes are those of the request that came, whatever the handler changes in it, on time or later.
func TestHandlerRequestChanged(t *testing.T) {
	done := make(chan bool)
	change := serveWith(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			<-r.Context().Done()
			defer close(done)
		}
		r.Method, r.Host, r.URL.Path, r.URL.RawQuery = "PUT", "other", "/other", "page=2"
		r.Header.Set("X-Tenant", "other")
	})
	mux := http.NewServeMux()
	mux.Handle("/", change)
	mux.Handle("/late", http.TimeoutHandler(change, time.Millisecond, "late"))
	rec := tracetest.NewRecorder()
	h := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{
		Tracer: slogtrace.NewTracer(rec, nil), RequestHeaders: []string{"X-Tenant"}, Query: []string{"page"},
	})
	for _, path := range []string{"/", "/late"} {
		rec.Reset()
		r := httptest.NewRequest("BREW", "http://h"+path+"?page=1", nil)
		r.Header.Set("X-Tenant", "t1")
		h.ServeHTTP(httptest.NewRecorder(), r)
		span(t, rec).has(t, map[string]string{
			"http.request.method_original": "BREW", "server.address": "h", "url.path": path, "url.query": "page=1", "http.request.header.x-tenant": "[t1]",
		})
	}
	<-done
}

// A Sampler sees what is known at the start, and so does the start record of a request that crashes the process.
func TestAttributesAtStart(t *testing.T) {
	var sampled []slog.Attr
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, &slogtrace.TracerOptions{LogStart: true, Sampler: samplerFunc(func(in slogtrace.SampleInput) bool {
		sampled = slices.Clone(in.Attrs)
		return true
	})})
	check := func(want map[string]string) {
		t.Helper()
		start := linesOf(t, rec)[0]
		start.has(t, want)
		for key, v := range want {
			if !slices.ContainsFunc(sampled, func(a slog.Attr) bool { return a.Key == key && a.Value.String() == v }) {
				t.Errorf("%s is not in %v", key, sampled)
			}
		}
		rec.Reset()
	}
	mux := http.NewServeMux()
	mux.Handle("GET /x/{id}", serveWith(nothing))
	h := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://h:81/x/1", nil))
	check(map[string]string{"http.request.method": "GET", "http.route": "/x/{id}", "url.scheme": "http", "url.path": "/x/1", "server.address": "h", "server.port": "81"})
	rt := tracehttp.NewTransport(answerWith(200, nil), &tracehttp.TransportOptions{Tracer: tracer})
	get(t, rt, t.Context(), "http://h/x/1")
	check(map[string]string{"http.request.method": "GET", "url.full": "http://h/x/1", "server.address": "h", "server.port": "80"})
}

type samplerFunc func(slogtrace.SampleInput) bool

func (f samplerFunc) Sample(in slogtrace.SampleInput) (bool, float64) { return f(in), 1 }

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

// Options are copied, and the handler can still change the response's headers.
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
	servers, inside := map[string]bool{}, 0
	for _, l := range spans(t, s.rec, 200) {
		if l.text("kind") == "server" {
			servers[l.text("span")] = true
		}
	}
	for _, l := range linesOf(t, s.rec) {
		if l["msg"] == "inside" && servers[l.text("span")] && l.text("op") == "GET /{n}" {
			inside++
		}
	}
	if len(servers) != 100 || inside != 100 {
		t.Errorf("%d server spans with %d lines, want 100 of each", len(servers), inside)
	}
}

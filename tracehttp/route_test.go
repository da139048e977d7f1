package tracehttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

type userKey struct{}

// auth does what most middleware for authentication does: it puts a user into a copy of the request.
func auth(next http.Handler) http.Handler {
	return serveWith(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "ann")))
	})
}

// clone is middleware that copies all of the request.
func clone(next http.Handler) http.Handler {
	return serveWith(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.Clone(r.Context())) })
}

// hide is middleware whose ResponseWriter has no Unwrap.
func hide(next http.Handler) http.Handler {
	return serveWith(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

func limit(next http.Handler) http.Handler   { return http.MaxBytesHandler(next, 1<<20) }
func timeout(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "late") }
func strip(next http.Handler) http.Handler   { return http.StripPrefix("/api", next) }

// override is middleware for clients that can only GET and POST.
func override(next http.Handler) http.Handler {
	return serveWith(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context())
		r.Method = http.MethodPut
		next.ServeHTTP(w, r)
	})
}

// traced is the handler directly around a mux.
func traced(next http.Handler) http.Handler { return tracehttp.NewHandler(next, nil) }

// under returns h inside middleware. The first one is the outermost.
func under(h http.Handler, middleware ...func(http.Handler) http.Handler) http.Handler {
	for i := len(middleware) - 1; i >= 0; i-- {
		h = middleware[i](h)
	}
	return h
}

// catchAll returns a mux with h for everything.
func catchAll(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	return mux
}

// eachProtocol calls f with a server for each protocol, started.
func eachProtocol(t *testing.T, next http.Handler, opts *tracehttp.HandlerOptions, f func(t *testing.T, s *site)) {
	t.Helper()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) {
			s := newUnstarted(next, opts)
			if s.EnableHTTP2 = http2; http2 {
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			f(t, s)
		})
	}
}

// A request has one server span, with its route, whatever is between the two handlers. Records inside have the name.
func TestRouteBehindMiddleware(t *testing.T) {
	inside := make(chan string, 1)
	show := serveWith(func(w http.ResponseWriter, r *http.Request) {
		inside <- slogtrace.SpanFromContext(r.Context()).Op()
		io.WriteString(w, "ok")
	})
	mux := http.NewServeMux()
	mux.Handle("/items/{id}", show)
	other := serveWith(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) })
	for name, test := range map[string]struct {
		h       http.Handler
		op, op2 string // at the end, and inside
	}{
		"the mux itself":                 {mux, "GET /items/{id}", "GET /items/{id}"},
		"auth":                           {auth(mux), "GET", "GET"},
		"auth, traced":                   {under(mux, auth, traced), "GET /items/{id}", "GET /items/{id}"},
		"a mux, auth":                    {catchAll(auth(mux)), "GET /", "GET /"},
		"a mux, auth, traced":            {catchAll(under(mux, auth, traced)), "GET /items/{id}", "GET /items/{id}"},
		"clone":                          {under(mux, clone, traced), "GET /items/{id}", "GET /items/{id}"},
		"limit":                          {under(mux, limit, traced), "GET /items/{id}", "GET /items/{id}"},
		"timeout":                        {under(mux, timeout, traced), "GET /items/{id}", "GET /items/{id}"},
		"hide":                           {under(mux, hide, traced), "GET /items/{id}", "GET /items/{id}"},
		"strip":                          {under(mux, strip, traced), "GET /items/{id}", "GET /items/{id}"},
		"strip, timeout":                 {under(mux, strip, timeout, traced), "GET /items/{id}", "GET /items/{id}"},
		"override, timeout":              {under(mux, override, timeout, traced), "GET /items/{id}", "GET /items/{id}"},
		"clone, timeout":                 {under(mux, clone, timeout, traced), "GET /items/{id}", "GET /items/{id}"},
		"clone, strip":                   {under(mux, clone, strip, traced), "GET /items/{id}", "GET /items/{id}"},
		"all":                            {under(mux, auth, clone, limit, timeout, auth, traced), "GET /items/{id}", "GET /items/{id}"},
		"traced thrice":                  {under(mux, traced, auth, traced, hide, traced), "GET /items/{id}", "GET /items/{id}"},
		"a router that calls the mux":    {under(other, auth, traced), "GET /items/{id}", "GET"},
		"such a router, hidden":          {under(other, timeout, traced), "GET /items/{id}", "GET"},
		"such a router below a mux":      {catchAll(under(other, auth, traced)), "GET /items/{id}", "GET /"},
		"a mux that has nothing, traced": {under(http.NewServeMux(), auth, traced), "GET", ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachProtocol(t, test.h, nil, func(t *testing.T, s *site) {
				path := "/items/4711"
				if strings.Contains(name, "strip") {
					path = "/api" + path
				}
				resp, body := do(t, s.Client(), "GET", s.URL+path)
				_, route, _ := strings.Cut(test.op, " ")
				status := "200"
				if test.op2 == "" {
					status = "404"
				} else if got := <-inside; got != test.op2 || body != "ok" {
					t.Errorf("the op inside is %q, want %q; body %q", got, test.op2, body)
				}
				l := span(t, s.rec)
				l.has(t, map[string]string{"op": test.op, "http.route": route, "url.path": path, "http.response.status_code": status})
				if got := resp.Header["X-Trace-Id"]; len(got) != 1 || got[0] != l.text("trace") {
					t.Errorf("X-Trace-Id: %q", got)
				}
			})
		})
	}
}

// Of several routes the innermost counts, even if the outer ones are known later.
func TestRouteInnermost(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /items/{id}", serveWith(nothing))
	middle := catchAll(under(mux, auth, traced))
	call := serveWith(func(w http.ResponseWriter, r *http.Request) { middle.ServeHTTP(w, r) }) // "/" is known when it is done
	s := newSite(t, under(call, traced, auth, traced), nil)
	do(t, s.Client(), "GET", s.URL+"/items/1")
	span(t, s.rec).has(t, map[string]string{"op": "GET /items/{id}", "http.route": "/items/{id}"})
	s = newSite(t, call, nil)
	do(t, s.Client(), "GET", s.URL+"/items/1")
	span(t, s.rec).has(t, map[string]string{"op": "GET /items/{id}", "http.route": "/items/{id}"})
}

// SetRoute wins over a route that is found, and a name that SetOp gave over both.
func TestSetRoute(t *testing.T) {
	set := func(route string) http.Handler {
		return serveWith(func(w http.ResponseWriter, r *http.Request) {
			ctx, child := slogtrace.Start(r.Context(), "child")
			defer child.End()
			tracehttp.SetRoute(ctx, route)
			if op := child.Op(); op != "child" {
				t.Errorf("the child is %q", op)
			}
		})
	}
	first := func(f func(r *http.Request)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return serveWith(func(w http.ResponseWriter, r *http.Request) { f(r); next.ServeHTTP(w, r) })
		}
	}
	mine := first(func(r *http.Request) { slogtrace.SpanFromContext(r.Context()).SetOp("mine") })
	sameName := first(func(r *http.Request) { slogtrace.SpanFromContext(r.Context()).SetOp("GET") })
	early := first(func(r *http.Request) { tracehttp.SetRoute(r.Context(), "/all/of/{it}") })
	mux := http.NewServeMux()
	mux.Handle("GET /items/{id}", serveWith(nothing))
	setting := http.NewServeMux()
	setting.Handle("GET /items/{id}", set("/better"))
	long := "/" + strings.Repeat("x", 2000)
	for name, test := range map[string]struct {
		h                 http.Handler
		method, op, route string
	}{
		"template":                 {set("/x/{id}"), "GET", "GET /x/{id}", "/x/{id}"},
		"of echo":                  {set("/x/:id"), "POST", "POST /x/:id", "/x/:id"},
		"relative":                 {set("x/:id"), "GET", "GET x/:id", "x/:id"},
		"pattern":                  {set("GET /x/{id}"), "HEAD", "HEAD /x/{id}", "/x/{id}"},
		"pattern with a host":      {set("GET example.com/x"), "GET", "GET /x", "/x"},
		"with a space":             {set("/x/{id:[a-z ]+}"), "GET", "GET /x/{id:[a-z ]+}", "/x/{id:[a-z ]+}"},
		"no path":                  {set("GET x"), "GET", "GET", ""},
		"empty":                    {set(""), "GET", "GET", ""},
		"unknown method":           {set("/x"), "BREW", "HTTP /x", "/x"},
		"long":                     {set(long), "GET", "GET " + long[:1021] + "…", long[:1021] + "…"},
		"behind middleware":        {under(set("/x"), clone, timeout), "GET", "GET /x", "/x"},
		"wins over a pattern":      {setting, "GET", "GET /better", "/better"},
		"wins over one inside":     {under(mux, early, auth, traced), "GET", "GET /all/of/{it}", "/all/of/{it}"},
		"wins over one found late": {under(serveWith(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) }), early), "GET", "GET /all/of/{it}", "/all/of/{it}"},
		"the last one counts":      {under(set("/x"), early), "GET", "GET /x", "/x"},
		"SetOp before":             {under(set("/x"), mine), "GET", "mine", "/x"},
		"SetOp before a mux":       {under(mux, mine, traced), "GET", "mine", "/items/{id}"},
		"SetOp between":            {under(set("/x"), early, mine), "GET", "mine", "/x"},
		"SetOp of what it was":     {under(set("/x"), sameName), "GET", "GET", "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, test.h, nil)
			do(t, s.Client(), test.method, s.URL+"/items/1")
			var l line
			for _, c := range linesOf(t, s.rec) {
				if c["kind"] == "server" {
					l = c
				}
			}
			l.has(t, map[string]string{"op": test.op, "http.route": test.route})
		})
	}
	// After the span's end it is too late.
	var late context.Context
	serve := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) { late = r.Context() }), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(tracetest.NewRecorder(), nil)})
	serve.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	tracehttp.SetRoute(late, "/late")
	if op := slogtrace.SpanFromContext(late).Op(); op != "GET" {
		t.Errorf("the span that has ended is %q now", op)
	}
	// Without a request nothing happens.
	var none context.Context
	tracehttp.SetRoute(none, "/x")
	tracehttp.SetRoute(t.Context(), "/x")
	rec := tracetest.NewRecorder()
	ctx, own := slogtrace.NewTracer(rec, nil).Start(t.Context(), "own")
	tracehttp.SetRoute(ctx, "/x")
	own.End()
	span(t, rec).has(t, map[string]string{"op": "own", "http.route": ""})
}

// If the name is set at the same time, SetOp wins, and nobody sees half of it.
func TestSetRouteConcurrent(t *testing.T) {
	for range 300 {
		rec := tracetest.NewRecorder()
		h := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) {
			var wg sync.WaitGroup
			span := slogtrace.SpanFromContext(r.Context())
			for i := range 4 {
				wg.Go(func() { tracehttp.SetRoute(r.Context(), fmt.Sprintf("/%d", i)) })
			}
			wg.Go(func() { span.SetOp("mine") })
			wg.Go(func() { _ = fmt.Sprint(r.Context()) })
			wg.Wait()
			tracehttp.SetRoute(r.Context(), "/last")
		}), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)})
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		span(t, rec).has(t, map[string]string{"op": "mine", "http.route": "/last"})
	}
}

// A handler that http.TimeoutHandler has given up goes on. It finds and sets routes while the outer span ends, and later.
func TestRouteTooLate(t *testing.T) {
	type givenUp struct{}
	var wg sync.WaitGroup
	mux := http.NewServeMux()
	mux.HandleFunc("/items/{id}", func(w http.ResponseWriter, r *http.Request) {
		defer wg.Done()
		// Were it to return as soon as the time is over, its answer might still be taken.
		<-r.Context().Value(givenUp{}).(chan struct{})
		for range 100 {
			tracehttp.SetRoute(r.Context(), "/late")
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/", nothing)
		traced(mux).ServeHTTP(w, r.Clone(context.WithoutCancel(r.Context())))
	})
	late := func(next http.Handler) http.Handler {
		next = http.TimeoutHandler(next, time.Millisecond, "late")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			done := make(chan struct{})
			defer close(done)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), givenUp{}, done)))
		})
	}
	s := newSite(t, under(mux, late, traced), nil)
	for range 20 {
		wg.Add(1)
		resp, _ := do(t, s.Client(), "GET", s.URL+"/items/1")
		if resp.StatusCode != 503 {
			t.Error(resp.Status)
		}
	}
	wg.Wait()
	for _, l := range spans(t, s.rec, 20) {
		l.has(t, map[string]string{"kind": "server", "http.response.status_code": "503"})
		// The timeout may come before the route is known.
		if op := l.text("op"); op != "GET" && op != "GET /items/{id}" && op != "GET /late" {
			t.Errorf("op %q", op)
		}
	}
}

// A request that a handler makes under its own request's context is a separate request, with its route on its own span.
func TestRequestInRequest(t *testing.T) {
	make := map[string]func(r *http.Request) *http.Request{
		"NewRequest": func(r *http.Request) *http.Request {
			sub, _ := http.NewRequestWithContext(r.Context(), "GET", "/items/1", nil)
			sub.Header = r.Header // for the cookies
			return sub
		},
		"httptest": func(r *http.Request) *http.Request {
			return httptest.NewRequest("GET", "/items/1", nil).WithContext(r.Context())
		},
		"Clone": func(r *http.Request) *http.Request {
			sub := r.Clone(r.Context())
			sub.Method, sub.URL.Path = "GET", "/items/1"
			return sub
		},
	}
	for name, make := range make {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
			h := under(mux, auth, traced)
			batch := http.NewServeMux()
			batch.HandleFunc("/batch", func(w http.ResponseWriter, r *http.Request) {
				var wg sync.WaitGroup
				for range 2 {
					sub := make(r)
					wg.Go(func() {
						w := httptest.NewRecorder()
						h.ServeHTTP(w, sub)
						if w.Code != http.StatusTeapot || w.Header().Get("X-Trace-Id") == "" {
							t.Error(w.Code, w.Header())
						}
					})
				}
				wg.Wait()
			})
			s := newSite(t, batch, nil)
			for _, method := range []string{"GET", "POST"} {
				s.rec.Reset()
				do(t, s.Client(), method, s.URL+"/batch")
				got := spans(t, s.rec, 3)
				got[2].has(t, map[string]string{"op": method + " /batch", "http.route": "/batch", "http.response.status_code": "200"})
				for _, l := range got[:2] {
					l.has(t, map[string]string{"op": "GET /items/{id}", "kind": "server", "parent": got[2].text("span"), "http.response.status_code": "418"})
				}
			}
		})
	}
	// So is a request that a client sends within the process, though it looks like the one that came.
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, nil)
	second := tracehttp.NewHandler(serveWith(nothing), &tracehttp.HandlerOptions{Tracer: tracer})
	within := tracehttp.NewTransport(base(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		second.ServeHTTP(w, r)
		return w.Result(), nil
	}), &tracehttp.TransportOptions{Tracer: tracer})
	first := tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) {
		if resp, err := get(t, within, r.Context(), "http://h/x"); err == nil {
			resp.Body.Close()
		}
	}), &tracehttp.HandlerOptions{Tracer: tracer})
	r, _ := http.NewRequest("GET", "http://h/x", nil)
	first.ServeHTTP(httptest.NewRecorder(), r)
	got := spans(t, rec, 3)
	got[0].has(t, map[string]string{"kind": "server", "parent": got[1].text("span")})
	got[1].has(t, map[string]string{"kind": "client", "parent": got[2].text("span")})

	// With the same ResponseWriter it is the same exchange, whatever the request is.
	mux := http.NewServeMux()
	mux.HandleFunc("GET /new", nothing)
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		traced(mux).ServeHTTP(w, make["NewRequest"](r))
	}), nil)
	do(t, s.Client(), "GET", s.URL+"/old")
	span(t, s.rec).has(t, map[string]string{"http.response.status_code": "404"})
}

// The outermost handler records how a request ends, and panics go through all handlers.
func TestNestedOutcome(t *testing.T) {
	for name, test := range map[string]struct {
		f    func(w http.ResponseWriter, r *http.Request)
		want map[string]string
	}{
		"status": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) }, map[string]string{"http.response.status_code": "502", "error": "502 Bad Gateway"}},
		"panic":  {func(http.ResponseWriter, *http.Request) { panic("boom") }, map[string]string{"http.response.status_code": "500", "error": "panic: boom", "error.type": "panic"}},
		"abort":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, map[string]string{"http.response.status_code": "", "error": "", "http.aborted": "handler"}},
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("/items/{id}", test.f)
		late := serveWith(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) })
		for kind, h := range map[string]http.Handler{
			"mux": under(mux, auth, traced), "timeout": under(mux, timeout, traced), "called": under(late, auth, traced),
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				eachProtocol(t, h, nil, func(t *testing.T, s *site) {
					if resp, err := s.Client().Get(s.URL + "/items/1"); err == nil {
						resp.Body.Close()
					}
					l := span(t, s.rec)
					l.has(t, test.want)
					l.has(t, map[string]string{"op": "GET /items/{id}", "http.route": "/items/{id}"})
					if (l.text("stack") != "") != (name == "panic") {
						t.Errorf("stack: %q", l.text("stack"))
					}
				})
			})
		}
	}
	// Hijacked: the route can be set before and after.
	s := newSite(t, under(serveWith(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		tracehttp.SetRoute(r.Context(), "/socket")
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		go func() { tracehttp.SetRoute(r.Context(), "/socket") }()
	}), auth, traced), nil)
	if resp, err := s.Client().Get(s.URL); err == nil {
		resp.Body.Close()
	}
	span(t, s.rec).has(t, map[string]string{"op": "GET /socket", "http.response.status_code": "101"})
}

// An error of another trace puts that trace into the response, even if middleware hides the ResponseWriter.
func TestErrorBehindTimeout(t *testing.T) {
	other, _ := tracehttp.Extract(context.Background(), http.Header{"Traceparent": {parent}})
	s := newSite(t, timeout(serveWith(func(w http.ResponseWriter, r *http.Request) {
		tracehttp.Error(w, r, 409, slogtrace.WithTrace(other, io.EOF))
	})), &tracehttp.HandlerOptions{TraceHeader: "X-Trace"})
	resp, _ := do(t, s.Client(), "GET", s.URL)
	if got := resp.Header["X-Trace"]; len(got) != 1 || got[0] != traceA {
		t.Errorf("%q", resp.Header)
	}
}

// A Sampler always sees the path. It sees the route only if the handler is directly around the mux, as in the doc of PerOp.
func TestPerOp(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", nothing)
	perOp := slogtrace.PerOp(map[string]slogtrace.Sampler{"GET /health": slogtrace.Ratio(0)}, nil)
	byPath := healthless{slogtrace.Ratio(1)}
	for name, test := range map[string]struct {
		h       http.Handler
		sampler slogtrace.Sampler
		want    int
	}{
		"the mux":       {mux, perOp, 0},
		"auth, traced":  {under(mux, auth, traced), perOp, 1},
		"auth, by path": {under(mux, auth), byPath, 0},
	} {
		rec := tracetest.NewRecorder()
		s := newSite(t, test.h, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: test.sampler})})
		do(t, s.Client(), "GET", s.URL+"/health")
		s.Close()
		if got := len(linesOf(t, rec)); got != test.want {
			t.Errorf("%s: %d spans, want %d", name, got, test.want)
		}
	}
}

// A Sampler may use its context in any way. There is no span in it yet.
func TestSetRouteBySampler(t *testing.T) {
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: samplerFunc(func(in slogtrace.SampleInput) bool {
		tracehttp.SetRoute(in.Context, "/x")
		return true
	})})
	s := newSite(t, serveWith(nothing), &tracehttp.HandlerOptions{Tracer: tracer})
	do(t, s.Client(), "GET", s.URL)
	span(t, rec).has(t, map[string]string{"op": "GET", "http.route": "/x"})
}

// If a mux passes the rest to a handler around itself, they do not call each other forever.
func TestHandlerOfItsOwnMux(t *testing.T) {
	own := func(middleware ...func(http.Handler) http.Handler) func(rec *tracetest.Recorder) http.Handler {
		return func(rec *tracetest.Recorder) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /known", nothing)
			mux.Handle("/", under(tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)}), middleware...))
			return mux
		}
	}
	around := func(middleware ...func(http.Handler) http.Handler) func(rec *tracetest.Recorder) http.Handler {
		return func(rec *tracetest.Recorder) http.Handler {
			return tracehttp.NewHandler(own(middleware...)(rec), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(rec, nil)})
		}
	}
	for name, test := range map[string]struct {
		h     func(rec *tracetest.Recorder) http.Handler
		known int // spans of what the mux has
	}{
		"bare": {own(), 0}, "auth": {own(auth), 0}, "clone": {own(clone), 0}, "timeout": {own(timeout), 0},
		"as the server's handler": {around(), 1}, "so, with auth": {around(auth), 1}, "so, with all": {around(clone, limit, timeout), 1},
	} {
		t.Run(name, func(t *testing.T) {
			rec := tracetest.NewRecorder()
			s := httptest.NewServer(test.h(rec))
			defer s.Close()
			for _, path := range []string{"/", "/nowhere", "/a/b"} {
				rec.Reset()
				if resp, _ := do(t, s.Client(), "GET", s.URL+path); resp.StatusCode != 404 {
					t.Errorf("%s: %s", path, resp.Status)
				}
				span(t, rec).has(t, map[string]string{"http.response.status_code": "404", "kind": "server", "url.path": path})
			}
			rec.Reset()
			if resp, _ := do(t, s.Client(), "GET", s.URL+"/known"); resp.StatusCode != 200 {
				t.Error(resp.Status)
			}
			spans(t, rec, test.known)
		})
	}
	// Two muxes may have the same pattern.
	s := newSite(t, catchAll(under(catchAll(serveWith(nothing)), auth, traced)), nil)
	if resp, _ := do(t, s.Client(), "GET", s.URL+"/x"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	// A handler that serves another path through the whole again is not a loop.
	mux := http.NewServeMux()
	var whole http.Handler
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if to, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
			r = r.Clone(r.Context())
			r.URL.Path = to
			whole.ServeHTTP(w, r)
		}
	})
	whole = traced(mux)
	s = newSite(t, whole, nil)
	if resp, _ := do(t, s.Client(), "GET", s.URL+"/old/old/old/new"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}

// A nil handler means http.DefaultServeMux, in both places.
func TestDefaultServeMux(t *testing.T) {
	before := http.DefaultServeMux
	defer func() { http.DefaultServeMux = before }()
	http.DefaultServeMux = http.NewServeMux()
	rec := tracetest.Record(t)
	http.HandleFunc("GET /known", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s := httptest.NewServer(tracehttp.NewHandler(nil, nil))
	defer s.Close()
	do(t, s.Client(), "GET", s.URL+"/known")
	span(t, rec).has(t, map[string]string{"op": "GET /known", "http.response.status_code": "418"})

	http.Handle("/", tracehttp.NewHandler(nil, nil))
	plain := httptest.NewServer(nil)
	defer plain.Close()
	for _, s := range []*httptest.Server{s, plain} {
		rec.Reset()
		if resp, _ := do(t, s.Client(), "GET", s.URL+"/nowhere"); resp.StatusCode != 404 {
			t.Error(resp.Status)
		}
		span(t, rec).has(t, map[string]string{"http.response.status_code": "404"})
	}
}

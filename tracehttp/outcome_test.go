package tracehttp_test

import (
	"context"
	"errors"
	"io"
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

// 103 and the like are not the status.
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
		// Writing a body where none is allowed does not mean that the client is gone.
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

// http.ErrAbortHandler is no failure, and goes on as any panic does.
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

// Only the innermost span has the stack of a panic, also if that is ours and a middleware outside has a span too.
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

// A client that goes away is recognised, whether by the handler's context or by a write that fails.
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

// Over HTTP/2 a response that is too long, or has a body where none is allowed, does not count as the client's fault.
func TestHandlerTooLong(t *testing.T) {
	for path, length := range map[string]string{"/long": "1", "/empty": ""} {
		s := newUnstarted(serveWith(func(w http.ResponseWriter, r *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			} else {
				w.WriteHeader(http.StatusNoContent)
			}
			if _, err := io.WriteString(w, "more"); err == nil {
				t.Errorf("%s: written", path)
			}
		}), nil)
		s.EnableHTTP2 = true
		s.StartTLS()
		if resp, err := s.Client().Get(s.URL + path); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		s.Close()
		span(t, s.rec).has(t, map[string]string{"http.aborted": "", "network.protocol.version": "2"})
	}
}

// A deadline that the server itself set does not count as the client's fault.
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

package tracehttp_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

type plain struct{ *httptest.ResponseRecorder }

func (p plain) only() http.ResponseWriter { return struct{ http.ResponseWriter }{p.ResponseRecorder} }

type canFlush struct{}

func (canFlush) Flush() {}

type canHijack struct{}

func (canHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.ErrUnsupported
}

type canReadFrom struct{}

func (canReadFrom) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

type canPush struct{}

func (canPush) Push(string, *http.PushOptions) error { return http.ErrNotSupported }

// The writer can do what the original can, and has no other methods.
func TestWriterInterfaces(t *testing.T) {
	w := plain{httptest.NewRecorder()}.only()
	type rw = http.ResponseWriter
	for _, original := range []http.ResponseWriter{
		w,
		struct {
			rw
			canFlush
		}{w, canFlush{}},
		struct {
			rw
			canHijack
		}{w, canHijack{}},
		struct {
			rw
			canReadFrom
		}{w, canReadFrom{}},
		struct {
			rw
			canFlush
			canHijack
		}{rw: w},
		struct {
			rw
			canFlush
			canReadFrom
		}{rw: w},
		struct {
			rw
			canHijack
			canReadFrom
		}{rw: w},
		struct {
			rw
			canFlush
			canHijack
			canReadFrom
		}{rw: w},
		struct {
			rw
			canFlush
			canPush
		}{rw: w},
	} {
		called := false
		tracehttp.NewHandler(serveWith(func(w http.ResponseWriter, r *http.Request) {
			called = true
			for _, i := range []reflect.Type{reflect.TypeFor[http.Flusher](), reflect.TypeFor[http.Hijacker](), reflect.TypeFor[io.ReaderFrom](), reflect.TypeFor[http.Pusher]()} {
				if want, got := reflect.TypeOf(original).Implements(i), reflect.TypeOf(w).Implements(i); want != got {
					t.Errorf("%T: %v: got %t, want %t", original, i, got, want)
				}
			}
			if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() != original {
				t.Error("Unwrap")
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			if f, ok := w.(io.ReaderFrom); ok {
				if n, err := f.ReadFrom(strings.NewReader("abc")); n != 3 || err != nil {
					t.Error(n, err)
				}
			}
			if f, ok := w.(http.Hijacker); ok {
				if _, _, err := f.Hijack(); !errors.Is(err, errors.ErrUnsupported) {
					t.Error(err)
				}
			}
			if f, ok := w.(http.Pusher); ok {
				if err := f.Push("/", nil); err != http.ErrNotSupported {
					t.Error(err)
				}
			}
		}), &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(tracetest.NewRecorder(), nil)}).ServeHTTP(original, httptest.NewRequest("GET", "/", nil))
		if !called {
			t.Fatal("not called")
		}
	}
}

// All methods of http.ResponseController work on real connections of both protocols.
func TestResponseController(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		done := make(chan struct{})
		s := newUnstarted(serveWith(func(w http.ResponseWriter, r *http.Request) {
			defer close(done)
			c := http.NewResponseController(w)
			if err := errors.Join(c.SetReadDeadline(time.Now().Add(time.Minute)), c.SetWriteDeadline(time.Now().Add(time.Minute)), c.Flush(), c.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
			if _, _, err := c.Hijack(); (err != nil) != http2 {
				t.Errorf("HTTP/2 %t: hijack: %v", http2, err)
			} else if err == nil {
				if _, err := w.Write([]byte("x")); err != http.ErrHijacked {
					t.Error(err)
				}
			}
		}), nil)
		s.EnableHTTP2 = http2
		s.StartTLS()
		resp, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		<-done // a body closed while the handler flushes closes the stream of HTTP/2 under it
		resp.Body.Close()
		version := "1.1"
		if http2 {
			version = "2"
		}
		span(t, s.rec).has(t, map[string]string{"http.response.status_code": "200", "url.scheme": "https", "network.protocol.version": version, "error": ""})
		s.CloseClientConnections()
		s.Config.Close()
	}
}

// Events arrive one by one while the handler runs, and the span lasts until it returns.
func TestServerSentEvents(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		next := make(chan bool)
		s := newUnstarted(serveWith(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 3 {
				io.WriteString(w, "data: tick\n\n")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-next
			}
		}), nil)
		s.EnableHTTP2 = http2
		s.StartTLS()
		resp, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for range 3 {
			if !lines.Scan() || lines.Text() != "data: tick" || !lines.Scan() {
				t.Fatal(lines.Text(), lines.Err())
			}
			if n := len(linesOf(t, s.rec)); n != 0 {
				t.Error("the span ended early")
			}
			next <- true
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		span(t, s.rec).has(t, map[string]string{"http.response.status_code": "200", "http.aborted": ""})
		s.Close()
	}
}

// A file is sent by the original's ReadFrom, which may use sendfile.
func TestWriterFile(t *testing.T) {
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }), nil)
	if _, body := do(t, s.Client(), "GET", s.URL); len(body) != 1<<20 {
		t.Errorf("%d bytes", len(body))
	}
	span(t, s.rec).has(t, map[string]string{"http.response.status_code": "200"})
}

// An inner hijacker behind another wrapper is found, and its use is noticed.
func TestHijackThroughWrapper(t *testing.T) {
	traced := newUnstarted(serveWith(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}), nil)
	h := traced.Config.Handler
	traced.Config.Handler = serveWith(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapper{w}, r) })
	traced.Start()
	defer traced.Close()
	if resp, err := traced.Client().Get(traced.URL); err == nil {
		resp.Body.Close()
	}
	span(t, traced.rec).has(t, map[string]string{"http.response.status_code": "101"})
}

// After a hijack, nothing that the handler writes to the ResponseWriter is sent.
func TestWriteAfterHijack(t *testing.T) {
	for _, status := range []string{"101", "200"} {
		s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
			if status == "200" {
				w.WriteHeader(200)
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			http.Error(w, "failed later", 500)
		}), nil)
		if resp, err := s.Client().Get(s.URL); err == nil {
			resp.Body.Close()
		}
		span(t, s.rec).has(t, map[string]string{"http.response.status_code": status, "error": "", "http.aborted": ""})
	}
}

package traceotlp

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
)

// The next request comes when Retry-After has asked for it, in seconds or as a date, and not before. Only one request is under way.
func TestRetryAfter(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "40" },
		"a date":  func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Duration
				start := time.Now()
				h, _ := newFaulty(t, Options{Delay: -1, Logs: LogNothing}, func() fault {
					if at = append(at, time.Since(start)); len(at) < 3 {
						return answer(503, header(), "")
					}
					return nil
				})
				_, span := slogtrace.NewTracer(h, nil).Start(t.Context(), "s")
				span.End()
				if err := h.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				diff(t, "requests at", at, []time.Duration{0, 40 * time.Second, 80 * time.Second})
			})
		})
	}
}

// While the receiver refuses connections, as many records wait as the queue takes. All of them arrive; the others are counted.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue, more = 1000, 234
		start := time.Now()
		h, r := newFaulty(t, Options{MaxQueue: queue, MaxBatch: 100}, func() fault {
			if time.Since(start) < time.Minute {
				return refused
			}
			return nil
		})
		tracer := slogtrace.NewTracer(h, nil)
		for i := range queue + more {
			_, span := tracer.Start(t.Context(), "s")
			span.End()
			if i%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		err := h.Shutdown(t.Context())
		want := fmt.Sprintf("traceotlp: traces: %d lost: %[1]d queue full; last error: %v", more, syscall.ECONNREFUSED)
		diff(t, "Shutdown", fmt.Sprint(err), want)
		if got, _ := arrivals(r); len(got) != queue || h.Stats().Spans.Delivered != queue {
			t.Errorf("%d spans came, want %d: %+v", len(got), queue, h.Stats().Spans)
		}
	})
}

// What the receiver took before the connection broke comes again: at least once. It is counted once.
func TestTakenTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *Handler
		var r *receiver
		var n atomic.Int32
		takes := func(req *http.Request) (*http.Response, error) {
			r.ServeHTTP(httptest.NewRecorder(), req)
			return nil, syscall.ECONNRESET
		}
		h, r = newFaulty(t, Options{MaxBatch: 10}, func() fault {
			if n.Add(1)%3 == 0 {
				return takes
			}
			return nil
		})
		tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
		for i := range 300 {
			ctx, span := tracer.Start(t.Context(), "s")
			log.InfoContext(ctx, fmt.Sprint(i))
			span.End()
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		checkArrivals(t, h, r, 300, 20)
		if s := h.Stats(); len(r.spans())+len(r.logs()) <= 600 || s.Spans.Retries+s.Logs.Retries == 0 {
			t.Errorf("nothing came twice: %+v", s)
		}
	})
}

// A receiver that takes a part of a batch has the rest of it counted, exactly.
func TestPartialSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newFaulty(t, Options{MaxBatch: 7, Logs: LogNothing}, func() fault { return nil })
		kept := 0
		r.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			rejected := len(r.requests) % 4
			spans := spansOf(r.requests[len(r.requests)-1])
			rejected = min(rejected, spans)
			kept += spans - rejected
			fmt.Fprintf(w, `{"partialSuccess":{"rejectedSpans":"%d","errorMessage":"too old"}}`, rejected)
			return true
		}
		tracer := slogtrace.NewTracer(h, nil)
		for range 500 {
			_, span := tracer.Start(t.Context(), "s")
			span.End()
		}
		if err := h.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "rejected") {
			t.Error(err)
		}
		s := h.Stats().Spans
		if s.Delivered != uint64(kept) || s.Delivered+s.Dropped["rejected"] != 500 || s.Dropped["rejected"] == 0 || s.Retries != 0 {
			t.Errorf("the receiver kept %d: %+v", kept, s)
		}
	})
}

func spansOf(r request) int { return len((&receiver{requests: []request{r}}).spans()) }

// A rude server treats each connection worse than HTTP allows, for some time.
type rude struct {
	net.Listener
	left atomic.Int32 // connections that it treats so
	how  func(net.Conn)
}

func (l *rude) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.left.Add(-1) < 0 {
			return c, err
		}
		l.how(c)
		c.Close()
	}
}

// readRequest reads what comes, up to the end of the header.
func readRequest(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }

// Over real connections: what is no HTTP, what is cut, and what is closed, comes again until it is taken.
func TestRudeServers(t *testing.T) {
	reset := func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	for name, how := range map[string]func(net.Conn){
		"closes":        func(net.Conn) {},
		"resets":        reset,
		"resets midway": func(c net.Conn) { readRequest(c); reset(c) },
		"closes midway": readRequest,
		"garbage":       func(c net.Conn) { readRequest(c); io.WriteString(c, "\x00\xff garbage\r\n\r\n") },
		"a banner":      func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n"); readRequest(c) },
		"half an answer": func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
		},
		"a wrong chunk": func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		},
		"an endless header": func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			for range 20 << 4 {
				if _, err := io.WriteString(c, strings.Repeat("x", 64<<10)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			bad := &rude{Listener: l, how: how}
			bad.left.Store(2)
			r := new(receiver)
			server := &http.Server{Handler: r}
			go server.Serve(bad)
			defer server.Close()
			h, err := NewHandler(&Options{Endpoint: "http://" + l.Addr().String(), MaxBatch: 50})
			if err != nil {
				t.Fatal(err)
			}
			tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
			for i := range 200 {
				ctx, span := tracer.Start(t.Context(), "s")
				log.InfoContext(ctx, fmt.Sprint(i))
				span.End()
			}
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			checkArrivals(t, h, r, 200, 1)
			if s := h.Stats(); s.Spans.Retries+s.Logs.Retries != 2 {
				t.Errorf("retries: %+v", s)
			}
		})
	}
}

// A server dies with requests under way, and one with the same address starts later: nothing is lost.
func TestServerDies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	r := new(receiver)
	server := &http.Server{Handler: r}
	go server.Serve(l)
	h, err := NewHandler(&Options{Endpoint: "http://" + address, MaxBatch: 20, Delay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
	write := func(from, to int) {
		for i := from; i < to; i++ {
			ctx, span := tracer.Start(t.Context(), "s")
			log.InfoContext(ctx, fmt.Sprint(i))
			span.End()
			if i%50 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	write(0, 300)
	var writer sync.WaitGroup
	writer.Go(func() { write(300, 900) })
	server.Close()
	writer.Wait()
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	server = &http.Server{Handler: r}
	go server.Serve(l)
	defer server.Close()
	write(900, 1200)
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	checkArrivals(t, h, r, 1200, 2) // what was under way may be there twice
	if s := h.Stats(); s.Spans.Retries+s.Logs.Retries == 0 {
		t.Errorf("the server did not die: %+v", s)
	}
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
)

// httpJobs is that of net/http.
func httpJobs() []job {
	return []job{{
		name: "http", title: "a request through a client's transport and a server's handler: what they add to net/http",
		notes: []string{
			"The ratio is that of the overhead: the time of bare net/http in the same round is first subtracted from both. The other columns include it.",
			"The transport calls the handler, an http.ServeMux with one route, in the same goroutine. So bare is small, and the difference is not lost in it. " +
				"The cost of the added headers on a connection is not included.",
			"Two spans are reported. slogtrace writes them as lines. otelhttp exports them, and its metrics are off.",
		},
		tools: []tool{bareHTTP, otelHTTP, oursHTTP(oursJSON), oursHTTP(oursHandler)},
		bare:  bareHTTP.name,
		subjects: func(t tool) []subject {
			return []subject{{t.name, otelHTTP.name, func(s *session) work {
				w := each(s.exchange)
				w.check = s.exchanged
				return w
			}}}
		},
		want: want{ends: 2, roots: 1, end: map[string]string{"http.request.method": "GET", "http.response.status_code": "200"}},
	}}
}

var (
	bareHTTP = tool{
		name: "net/http alone",
		open: func(*sink) (*session, error) {
			x := newExchange(context.Background(), func(h http.Handler) http.Handler { return h }, func(rt http.RoundTripper) http.RoundTripper { return rt })
			s := x.session()
			// It leaves nothing behind.
			s.exchanged = func() error {
				if x.served == 0 || x.read != x.served*len(answer) {
					return fmt.Errorf("want %d bytes per request, got %d for %d", len(answer), x.read, x.served)
				}
				return nil
			}
			return s, nil
		},
	}

	otelHTTP = tool{
		name: "otelhttp, no-op exporter", peer: "otelhttp", ends: endsExported, ids: keys{trace: "trace_id", span: "span_id"},
		open: func(sk *sink) (*session, error) {
			o := newOtel(new(countingExporter), sk)
			p := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}) // as its documentation says
			opts := []otelhttp.Option{otelhttp.WithTracerProvider(o.provider), otelhttp.WithPropagators(p)}
			x := newExchange(p.Extract(context.Background(), propagation.HeaderCarrier(o.remote)),
				func(h http.Handler) http.Handler { return otelhttp.NewHandler(h, "server", opts...) },
				func(rt http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(rt, opts...) })
			s := x.session()
			s.flush = func() { _ = o.provider.ForceFlush(context.Background()) }
			s.exported = o.exporter.count.Load
			s.close = func() {
				x.cancel()
				_ = o.provider.Shutdown(context.Background())
			}
			return s, nil
		},
	}
)

// oursHTTP returns t for this job.
func oursHTTP(t tool) tool {
	open := t.judged.open
	t.slog, t.judged = false, nil // there are no lines but those of the spans
	t.open = func(sk *sink) (*session, error) {
		tracer := slogtrace.NewTracer(open(sk.lines, &sk.opts), nil)
		remote, err := slogtrace.ParseTraceparent(remoteText)
		if err != nil {
			return nil, err
		}
		x := newExchange(slogtrace.ContextWithRemoteSpanContext(context.Background(), remote),
			func(h http.Handler) http.Handler {
				return tracehttp.NewHandler(h, &tracehttp.HandlerOptions{Tracer: tracer, Baggage: true})
			},
			func(rt http.RoundTripper) http.RoundTripper {
				return tracehttp.NewTransport(rt, &tracehttp.TransportOptions{Tracer: tracer})
			})
		return x.session(), nil
	}
	return t
}

const answer = `{"id":"b-4711","state":"confirmed"}`

// An exchange is a client and a server without a network between them. What net/http has to make anew for each request
// is used again where nobody can tell, so that little is left of what the job does not measure.
type exchange struct {
	transport http.RoundTripper
	handler   http.Handler
	sent      *http.Request // by the client
	got       http.Request  // by the server
	resp      http.Response
	w         responseWriter
	body      strings.Reader // of the response
	buf       [512]byte

	cancel       func()
	served, read int
	failed       error
}

// newExchange returns one whose client calls within ctx.
func newExchange(ctx context.Context, server func(http.Handler) http.Handler, client func(http.RoundTripper) http.RoundTripper) *exchange {
	x := new(exchange)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bookings/{id}", func(w http.ResponseWriter, _ *http.Request) {
		x.served++
		w.Header()["Content-Type"] = jsonType
		if _, err := io.WriteString(w, answer); err != nil {
			x.failed = err
		}
	})
	x.handler, x.transport = server(mux), client(x)

	x.sent, _ = http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/bookings/b-4711?full=1", nil)
	x.sent.Header = http.Header{"Accept": jsonType, "User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"}}

	// As a server hands it to its handler.
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	base := context.WithValue(context.Background(), http.ServerContextKey, new(http.Server))
	base, x.cancel = context.WithCancel(context.WithValue(base, http.LocalAddrContextKey, local))
	r := &http.Request{
		Method: http.MethodGet, URL: x.sent.URL, RequestURI: x.sent.URL.RequestURI(), Host: x.sent.URL.Host, RemoteAddr: "127.0.0.1:54321",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	x.got = *r.WithContext(base)
	x.resp = http.Response{StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(answer))}
	x.w.header = http.Header{}
	return x
}

var jsonType = []string{"application/json"}

func (x *exchange) session() *session { return &session{exchange: x.do, close: x.cancel} }

// do is what a client does.
func (x *exchange) do() {
	resp, err := x.transport.RoundTrip(x.sent)
	if err != nil {
		x.failed = err
		return
	}
	for err == nil {
		var n int
		n, err = resp.Body.Read(x.buf[:])
		x.read += n
	}
	if err != io.EOF {
		x.failed = err
	}
	_ = resp.Body.Close()
}

// RoundTrip is what is between the two.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	clear(x.w.header)
	x.w.status = 0
	x.got.Header = r.Header
	x.handler.ServeHTTP(&x.w, &x.got)
	if x.w.status != http.StatusOK || x.failed != nil {
		return nil, errors.Join(fmt.Errorf("status %d", x.w.status), x.failed)
	}
	x.body.Reset(answer)
	x.resp.Header, x.resp.Body, x.resp.Request = x.w.header, (*responseBody)(x), r
	return &x.resp, nil
}

// A responseBody is the body that the client reads.
type responseBody exchange

func (b *responseBody) Read(p []byte) (int, error) { return b.body.Read(p) }
func (b *responseBody) Close() error               { return nil }

// A responseWriter can do what net/http's for HTTP/1 can, as instrumentations look for that.
type responseWriter struct {
	header http.Header
	status int
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}

func (w *responseWriter) WriteString(s string) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(s), nil
}

func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.WriteHeader(http.StatusOK)
	return io.Copy(io.Discard, r)
}

func (w *responseWriter) Flush()            { w.WriteHeader(http.StatusOK) }
func (w *responseWriter) FlushError() error { w.Flush(); return nil }

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

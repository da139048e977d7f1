package tracehttp_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A base is a RoundTripper that is a function.
type base func(*http.Request) (*http.Response, error)

func (f base) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answerWith(status int, body io.ReadCloser) base {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: body, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}, nil
	}
}

// A testBody reads text, then err.
type testBody struct {
	io.Reader
	err, closeErr error
	closed        int
}

func newBody(text string, err error) *testBody {
	return &testBody{Reader: strings.NewReader(text), err: err}
}

func (b *testBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && b.err != nil {
		err = b.err
	}
	return n, err
}
func (b *testBody) Close() error { b.closed++; return b.closeErr }

func newTransport(t *testing.T, b http.RoundTripper, opts tracehttp.TransportOptions) (http.RoundTripper, *tracetest.Recorder) {
	rec := tracetest.NewRecorder()
	opts.Tracer = slogtrace.NewTracer(rec, nil)
	return tracehttp.NewTransport(b, &opts), rec
}

func get(t *testing.T, rt http.RoundTripper, ctx context.Context, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rt.RoundTrip(req)
}

func count(t *testing.T, rec *tracetest.Recorder) int { t.Helper(); return len(linesOf(t, rec)) }

func TestTransportAttributes(t *testing.T) {
	rt, rec := newTransport(t, answerWith(200, http.NoBody), tracehttp.TransportOptions{
		RequestHeaders: []string{"x-tenant"}, ResponseHeaders: []string{"etag"}, Query: []string{"page"},
	})
	req, _ := http.NewRequest("POST", "https://user:pass@api.example/a%2Fb?page=1&token=secret#frag", nil)
	req.Header.Set("X-Tenant", "t1")
	req.Header.Set("Authorization", "Bearer secret")
	rt.RoundTrip(req)
	l := span(t, rec)
	for _, key := range []string{"start", "time", "duration_ms", "trace", "span"} {
		delete(l, key)
	}
	want := []string{
		"http.request.header.x-tenant=[t1]", "http.request.method=POST", "http.response.status_code=200", "kind=client",
		"level=INFO", "msg=span end", "network.protocol.version=1.1", "op=POST", "server.address=api.example",
		"server.port=443", "url.full=https://api.example/a%2Fb", "url.query=page=1",
	}
	var got []string
	for _, k := range slices.Sorted(maps.Keys(l)) {
		got = append(got, k+"="+l.text(k))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for u, want := range map[string]map[string]string{
		"http://h/":        {"server.port": "80", "server.address": "h"},
		"http://h:81/":     {"server.port": "81"},
		"http://[::1]:81/": {"server.port": "81", "server.address": "::1", "url.full": "http://[::1]:81/"},
		"x://h/":           {"server.port": ""},
	} {
		rec.Reset()
		get(t, rt, t.Context(), u)
		span(t, rec).has(t, want)
	}
	rec.Reset()
	rt.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: "h", Opaque: "//user:pass@h/?secret"}})
	span(t, rec).has(t, map[string]string{"url.full": "http://h", "op": "GET"})
}

func TestTransportOp(t *testing.T) {
	rt, rec := newTransport(t, answerWith(200, nil), tracehttp.TransportOptions{Op: func(r *http.Request) string { return r.Header.Get("Op") }})
	for _, test := range []struct{ method, op, want string }{{"PUT", "PUT /x", "PUT /x"}, {"PUT", "", "PUT"}, {"BREW", "", "HTTP"}} {
		rec.Reset()
		req, _ := http.NewRequest(test.method, "http://h/", nil)
		req.Header.Set("Op", test.op)
		rt.RoundTrip(req)
		span(t, rec).has(t, map[string]string{"op": test.want})
	}
}

// The headers of the caller's request are not changed, nor is B3 of another trace passed on.
func TestTransportHeaders(t *testing.T) {
	var sent http.Header
	var current slogtrace.SpanContext
	b := base(func(r *http.Request) (*http.Response, error) {
		sent, current = r.Header, slogtrace.SpanContextFromContext(r.Context())
		r.Header.Add("X-Mine", "base's") // a base must not do that, but the request must not change
		return answerWith(200, nil)(r)
	})
	ctx, _ := tracehttp.Extract(t.Context(), http.Header{"Traceparent": {parent}, "Tracestate": {"a=1"}})
	for _, test := range []struct {
		opts tracehttp.TransportOptions
		want []string
	}{
		{tracehttp.TransportOptions{}, []string{"Baggage", "Traceparent", "Tracestate", "X-Mine"}},
		{tracehttp.TransportOptions{B3: true}, []string{"B3", "Baggage", "Traceparent", "Tracestate", "X-Mine"}},
		{tracehttp.TransportOptions{B3Multi: true}, []string{"Baggage", "Traceparent", "Tracestate", "X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid", "X-Mine"}},
	} {
		rt, rec := newTransport(t, b, test.opts)
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://h/", nil)
		mine := append(make([]string, 0, 4), "user's")
		req.Header = http.Header{
			"Traceparent": {"stale"}, "Tracestate": {"stale=1"}, "B3": {"stale"}, "X-B3-Parentspanid": {"stale"}, "traceparent": {"stale"}, "X-Mine": mine, "Baggage": {"user=1"},
		}
		before := req.Header.Clone()
		rt.RoundTrip(req)
		if got := slices.Sorted(maps.Keys(sent)); !slices.Equal(got, test.want) {
			t.Errorf("%+v: sent %q, want %q", test.opts, got, test.want)
		}
		l := span(t, rec)
		want := "00-" + traceA + "-" + l.text("span") + "-01"
		if sent.Get("Traceparent") != want || sent.Get("Tracestate") != "a=1" || l.text("parent") != spanA || sent.Get("Baggage") != "user=1" {
			t.Errorf("sent %v, want traceparent %s", sent, want)
		}
		if current.SpanID.String() != l.text("span") {
			t.Error("base's context is not the span's")
		}
		if strings.Contains(fmt.Sprint(sent), "stale") {
			t.Errorf("stale headers: %v", sent)
		}
		if fmt.Sprint(req.Header) != fmt.Sprint(before) || mine[:2][1] != "" || req.Context() != ctx {
			t.Errorf("the request was changed: %v", req.Header)
		}
	}
	// A trace without a tracestate does not keep another's. A request without headers gets some.
	rt, _ := newTransport(t, b, tracehttp.TransportOptions{})
	rt.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: "h"}, Header: http.Header{"Tracestate": {"stale=1"}}})
	if _, ok := sent["Tracestate"]; ok {
		t.Error("a stale tracestate")
	}
	rt.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: "h"}})
	if sent.Get("Traceparent") == "" {
		t.Error("no headers")
	}
}

// The span ends with the body, once, whatever ends the body.
func TestTransportBody(t *testing.T) {
	broken := errors.New("connection reset")
	for name, test := range map[string]struct {
		body *testBody
		use  func(io.ReadCloser)
		want map[string]string
	}{
		"read":        {newBody("abc", nil), func(b io.ReadCloser) { io.Copy(io.Discard, b) }, map[string]string{"error": "", "error.type": ""}},
		"closed":      {newBody("abc", nil), func(b io.ReadCloser) { b.Close() }, map[string]string{"error": ""}},
		"part":        {newBody("abc", nil), func(b io.ReadCloser) { b.Read(make([]byte, 1)); b.Close() }, map[string]string{"error": ""}},
		"broken":      {newBody("abc", broken), func(b io.ReadCloser) { io.Copy(io.Discard, b) }, map[string]string{"error": "connection reset", "error.type": "*errors.errorString", "http.response.status_code": "200"}},
		"cut":         {newBody("abc", io.ErrUnexpectedEOF), func(b io.ReadCloser) { io.Copy(io.Discard, b) }, map[string]string{"error": "unexpected EOF", "error.type": "EOF"}},
		"close fails": {&testBody{Reader: strings.NewReader(""), closeErr: broken}, func(b io.ReadCloser) { b.Close() }, map[string]string{"error": "connection reset"}},
		"canceled":    {newBody("abc", context.Canceled), func(b io.ReadCloser) { io.Copy(io.Discard, b) }, map[string]string{"error": "context canceled", "error.type": "canceled"}},
		"late":        {newBody("abc", context.DeadlineExceeded), func(b io.ReadCloser) { io.Copy(io.Discard, b) }, map[string]string{"error.type": "timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			rt, rec := newTransport(t, answerWith(200, test.body), tracehttp.TransportOptions{})
			resp, err := get(t, rt, t.Context(), "http://h/")
			if err != nil {
				t.Fatal(err)
			}
			if count(t, rec) != 0 {
				t.Error("the span ended before the body")
			}
			if _, ok := resp.Body.(io.Writer); ok {
				t.Error("a body that cannot be written to claims otherwise")
			}
			test.use(resp.Body)
			resp.Body.Close()
			resp.Body.Read(make([]byte, 1))
			if test.body.closed == 0 {
				t.Error("the body was not closed")
			}
			span(t, rec).has(t, test.want)
		})
	}
}

// Closing a body from another goroutine, to stop its reader, is not a failure.
func TestTransportBodyClosedWhileRead(t *testing.T) {
	body := &stoppable{stop: make(chan bool), read: make(chan bool)}
	rt, rec := newTransport(t, answerWith(200, body), tracehttp.TransportOptions{})
	resp, _ := get(t, rt, t.Context(), "http://h/")
	go func() {
		defer close(body.read)
		if _, err := resp.Body.Read(make([]byte, 1)); err != io.ErrClosedPipe {
			t.Errorf("got %v", err)
		}
	}()
	resp.Body.Close()
	span(t, rec).has(t, map[string]string{"error": "", "error.type": "", "http.response.status_code": "200"})
}

// A stoppable body is read until it is closed. Close returns when the read is over.
type stoppable struct{ stop, read chan bool }

func (s *stoppable) Read([]byte) (int, error) { <-s.stop; return 0, io.ErrClosedPipe }
func (s *stoppable) Close() error             { close(s.stop); <-s.read; return nil }

// An answer without a body ends the span at once.
func TestTransportStatus(t *testing.T) {
	for status, want := range map[int]map[string]string{
		200: {"error": ""}, 304: {"error": ""}, 399: {"error": ""},
		400: {"error": "400 Bad Request", "error.type": "400", "level": "ERROR"}, 404: {"error": "404 Not Found"}, 503: {"error": "503 Service Unavailable"},
	} {
		for _, body := range []io.ReadCloser{nil, http.NoBody} {
			rt, rec := newTransport(t, answerWith(status, body), tracehttp.TransportOptions{})
			get(t, rt, t.Context(), "http://h/")
			span(t, rec).has(t, want)
		}
	}
}

func TestTransportError(t *testing.T) {
	for _, test := range []struct {
		err  error
		want map[string]string
	}{
		{errors.New("no route"), map[string]string{"error": "no route", "error.type": "*errors.errorString", "http.response.status_code": "", "level": "ERROR"}},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, map[string]string{"error.type": "*net.OpError"}},
		{fmt.Errorf("x: %w", context.Canceled), map[string]string{"error.type": "canceled", "error": "x: context canceled"}},
		{context.DeadlineExceeded, map[string]string{"error.type": "timeout"}},
		{&net.DNSError{IsTimeout: true}, map[string]string{"error.type": "timeout"}},
		{io.EOF, map[string]string{"error.type": "EOF"}},
	} {
		rt, rec := newTransport(t, base(func(*http.Request) (*http.Response, error) { return nil, test.err }), tracehttp.TransportOptions{})
		if _, err := get(t, rt, t.Context(), "http://h/"); err != test.err {
			t.Errorf("got %v, want %v", err, test.err)
		}
		span(t, rec).has(t, test.want)
	}
	// Neither a response nor an error is not a success. No RoundTripper may return that.
	none, noneRec := newTransport(t, base(func(*http.Request) (*http.Response, error) { return nil, nil }), tracehttp.TransportOptions{})
	if resp, err := get(t, none, t.Context(), "http://h/"); resp != nil || err != nil {
		t.Error(resp, err)
	}
	span(t, noneRec).has(t, map[string]string{"error": "tracehttp: base returned neither a response nor an error", "error.type": "_OTHER"})
	// A base that panics does not leave the span open.
	def := tracetest.Record(t)
	rt, rec := newTransport(t, base(func(*http.Request) (*http.Response, error) { panic("boom") }), tracehttp.TransportOptions{})
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("panic: %v", p)
			}
		}()
		slogtrace.Do(t.Context(), "outer", func(ctx context.Context) error { get(t, rt, ctx, "http://h/"); return nil })
	}()
	l := span(t, rec)
	l.has(t, map[string]string{"error": "panic: boom"})
	outer := span(t, def)
	if l.text("stack") == "" || outer.text("stack") != "" {
		t.Errorf("the stack is not on the innermost span only: %v", outer)
	}
}

// The span lasts as long as the body does.
func TestTransportDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newBody("", nil)
		slow.Reader = sleeper(3 * time.Second)
		rt, rec := newTransport(t, base(func(r *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return answerWith(200, slow)(r)
		}), tracehttp.TransportOptions{})
		resp, _ := get(t, rt, t.Context(), "http://h/")
		io.Copy(io.Discard, resp.Body)
		time.Sleep(time.Hour)
		resp.Body.Close()
		span(t, rec).has(t, map[string]string{"duration_ms": "5000"})
	})
}

type sleeper time.Duration

func (s sleeper) Read([]byte) (int, error) { time.Sleep(time.Duration(s)); return 0, io.EOF }

// Each round trip of a chain of redirects is a sibling span, and a client's timeout is recognised.
func TestTransportClient(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/2":
		default:
			http.Redirect(w, r, "/"+string(r.URL.Path[1]+1), http.StatusFound)
		}
	}), nil)
	rt, rec := newTransport(t, s.Client().Transport, tracehttp.TransportOptions{})
	c := &http.Client{Transport: rt}
	ctx, root := slogtrace.NewTracer(rec, nil).Start(t.Context(), "root")
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/0", nil)
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	root.End()
	client, server := spans(t, rec, 4), spans(t, s.rec, 3)
	for i, l := range client[:3] {
		l.has(t, map[string]string{"parent": client[3].text("span"), "url.full": fmt.Sprintf("%s/%d", s.URL, i)})
		server[i].has(t, map[string]string{"parent": l.text("span"), "trace": l.text("trace")})
	}
	rec.Reset()
	c.Timeout = 30 * time.Millisecond
	if resp, err = c.Get(s.URL + "/slow"); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	span(t, rec).has(t, map[string]string{"error.type": "timeout"})
}

type idler struct {
	base
	closed int
}

func (i *idler) CloseIdleConnections() { i.closed++ }

func TestTransportCloseIdleConnections(t *testing.T) {
	b := &idler{}
	(&http.Client{Transport: tracehttp.NewTransport(b, nil)}).CloseIdleConnections()
	(&http.Client{Transport: tracehttp.NewTransport(base(nil), nil)}).CloseIdleConnections()
	if b.closed != 1 {
		t.Error(b.closed)
	}
}

// After 101 Switching Protocols the body is the connection, on both sides.
func TestUpgrade(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack() // as WebSocket libraries do
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		text, _ := buf.ReadString('\n')
		io.WriteString(conn, "echo "+text)
	}), nil)
	rt, rec := newTransport(t, s.Client().Transport, tracehttp.TransportOptions{})
	req, _ := http.NewRequest("GET", s.URL, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	rw, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatal("the body cannot be written to")
	}
	io.WriteString(rw, "hello\n")
	text, _ := bufio.NewReader(rw).ReadString('\n')
	if text != "echo hello\n" {
		t.Errorf("%q", text)
	}
	rw.Close()
	span(t, rec).has(t, map[string]string{"http.response.status_code": "101", "error": ""})
	span(t, s.rec).has(t, map[string]string{"http.response.status_code": "101", "error": "", "http.aborted": ""})
}

// One side of an upgraded connection can end before the other, through a reverse proxy too.
func TestUpgradeCloseWrite(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		text, _ := io.ReadAll(buf)
		conn.Write(append([]byte("echo "), text...))
	}), nil)
	rt, rec := newTransport(t, s.Client().Transport, tracehttp.TransportOptions{})
	target, _ := url.Parse(s.URL)
	front := newSite(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: rt, ErrorLog: quiet}, nil)
	req, _ := http.NewRequest("GET", front.URL, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	rt2, rec2 := newTransport(t, front.Client().Transport, tracehttp.TransportOptions{})
	resp, err := rt2.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.WriteString(resp.Body.(io.Writer), "hello")
	if err := resp.Body.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); string(text) != "echo hello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for _, rec := range []*tracetest.Recorder{rec, rec2} {
		span(t, rec).has(t, map[string]string{"http.response.status_code": "101", "error": ""})
	}
	// A body that cannot do it returns an error, as net/http's own does.
	rt, _ = newTransport(t, answerWith(101, struct{ io.ReadWriteCloser }{}), tracehttp.TransportOptions{})
	resp, _ = get(t, rt, t.Context(), "http://h/")
	if err := resp.Body.(interface{ CloseWrite() error }).CloseWrite(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v", err)
	}
}

// A WebSocket (RFC 6455): the handshake of 1.3, a masked frame there (5.3) and one back.
func TestWebSocket(t *testing.T) {
	s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
		var frame [2 + 4 + 5]byte
		if _, err := io.ReadFull(buf, frame[:]); err != nil || frame[0] != 0x81 || frame[1] != 0x80|5 {
			t.Errorf("frame % x, %v", frame, err)
			return
		}
		text := frame[6:]
		for i := range text {
			text[i] ^= frame[2+i%4]
		}
		conn.Write(append([]byte{0x81, 5}, text...))
	}), nil)
	rt, rec := newTransport(t, s.Client().Transport, tracehttp.TransportOptions{})
	req, _ := http.NewRequest("GET", s.URL, nil)
	for key, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(key, value)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.StatusCode != 101 {
		t.Errorf("%d, accept %q", resp.StatusCode, got)
	}
	conn := resp.Body.(io.ReadWriteCloser)
	conn.Write([]byte{0x81, 0x80 | 5, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1})
	frame := make([]byte, 7)
	if _, err := io.ReadFull(conn, frame); err != nil || string(frame) != "\x81\x05hello" {
		t.Errorf("%q, %v", frame, err)
	}
	conn.Close()
	span(t, rec).has(t, map[string]string{"http.response.status_code": "101", "error": ""})
	span(t, s.rec).has(t, map[string]string{"http.response.status_code": "101", "error": "", "http.aborted": ""})
}

// A nil base is http.DefaultTransport.
func TestTransportNilBase(t *testing.T) {
	s := httptest.NewServer(serveWith(nothing))
	defer s.Close()
	rt, rec := newTransport(t, nil, tracehttp.TransportOptions{})
	do(t, &http.Client{Transport: rt}, "GET", s.URL)
	span(t, rec)
}

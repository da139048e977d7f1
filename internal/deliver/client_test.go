package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// post sends a body to a server that answers with handler.
func post(t *testing.T, opts ClientOptions, path string, handler http.HandlerFunc) ([]byte, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	c, err := NewClient(server.URL+path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return c.Post(ctx, []byte("body"))
}

func TestClient(t *testing.T) {
	var got *http.Request
	var body []byte
	answer, err := post(t, ClientOptions{Header: http.Header{"Content-Type": {"application/json"}, "X-Key": {"secret"}}}, "/v1/traces?a=b",
		func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, "thanks")
		})
	check(t, "answer", string(answer), "thanks")
	check(t, "error", err, nil)
	check(t, "request", got.Method+" "+got.RequestURI+" "+got.Header.Get("Content-Type")+" "+got.Header.Get("X-Key"), "POST /v1/traces?a=b application/json secret")
	check(t, "body", string(body), "body")

	for range 2 { // the second time with a used compressor
		_, err = post(t, ClientOptions{Gzip: true}, "", func(_ http.ResponseWriter, r *http.Request) {
			check(t, "encoding", r.Header.Get("Content-Encoding"), "gzip")
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body, _ = io.ReadAll(z)
		})
		check(t, "error", err, nil)
		check(t, "compressed body", string(body), "body")
	}
}

// Each status means delivered, later, smaller or never.
func TestStatus(t *testing.T) {
	for _, test := range []struct {
		status int
		header string // Retry-After
		body   string
		want   string // the error
		retry  bool
		after  time.Duration
	}{
		{200, "", "", "", false, 0},
		{204, "", "", "", false, 0},
		{301, "", "", "status 301", false, 0},
		{400, "", " bad\x1b[31m id\n", "status 400: bad [31m id", false, 0},
		{401, "", "", "status 401", false, 0},
		{404, "", "no such path", "status 404: no such path", false, 0},
		{408, "", "", "status 408", false, 0},
		{413, "", "", "too large: status 413", false, 0},
		{429, "7", "", "status 429", true, 7 * time.Second},
		{429, "-7", "", "status 429", true, 0},
		{500, "", "", "status 500", false, 0},
		{502, "", "", "status 502", true, 0},
		{503, "soon", "", "status 503", true, 0},
		{503, "99999999999999999999", "", "status 503", true, 0},
		{504, "1", strings.Repeat("x", 10_000), "status 504: " + strings.Repeat("x", 300), true, time.Second},
	} {
		_, err := post(t, ClientOptions{}, "", func(w http.ResponseWriter, _ *http.Request) {
			if test.header != "" {
				w.Header().Set("Retry-After", test.header)
			}
			w.WriteHeader(test.status)
			io.WriteString(w, test.body)
		})
		check(t, "error", errorText(err), test.want)
		var retry *RetryError
		if got := errors.As(err, &retry); got != test.retry || got && retry.After != test.after {
			t.Errorf("%d: retry %t %v, want %t after %v", test.status, got, retry, test.retry, test.after)
		}
		if got := errors.Is(err, ErrTooLarge); got != (test.status == 413) {
			t.Errorf("%d: too large is %t", test.status, got)
		}
		if err != nil && !test.retry && test.status != 413 {
			check(t, "reason", reasonOf(err), strings.SplitN(test.want, ":", 2)[0])
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, " 3 ": 3 * time.Second, "1.5": 0, "0x10": 0, "+3": 0,
		"Sun, 01 Mar 2026 09:16:00 GMT":  time.Minute,
		"Sunday, 01-Mar-26 09:16:00 GMT": time.Minute,
		"Sun Mar  1 09:16:00 2026":       time.Minute,
		"Sun, 01 Mar 2026 09:14:00 GMT":  0,
	} {
		check(t, text, retryAfter(text, now), want)
	}
}

// What is secret goes to the one server and into no error.
func TestSecrets(t *testing.T) {
	const secret = "hunter2"
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the redirect was followed, with %v", r.Header) }))
	defer other.Close()
	_, err := post(t, ClientOptions{Header: http.Header{"Authorization": {secret}}}, "", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	check(t, "a redirect", reasonOf(err), "status 307")

	dead := deadAddress(t)
	for _, u := range []string{"http://user:" + secret + "@" + dead, "http://" + dead + "/?key=" + secret, "http://" + secret + ".invalid:99999/"} {
		c, err := NewClient(u, ClientOptions{Header: http.Header{"X-Key": {secret}}})
		if err == nil {
			_, err = c.Post(t.Context(), nil)
		}
		if err == nil || strings.Contains(err.Error(), secret) && !strings.Contains(u, secret+".invalid") {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range []string{"", "localhost:4318", "ftp://" + secret + "@host", "http://", "http://h\x00st?" + secret, "http://[::1?" + secret, ":" + secret} {
		if _, err := NewClient(u, ClientOptions{}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", u, err)
		}
	}

	_, err = NewClient("http://user:"+secret+"@"+dead, ClientOptions{})
	check(t, "a password in the URL", err, nil)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		check(t, "basic auth", user+" "+password, "user "+secret)
	}))
	defer server.Close()
	c, err := NewClient(strings.Replace(server.URL, "://", "://user:"+secret+"@", 1), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Post(t.Context(), nil)
	check(t, "error", err, nil)
}

// deadAddress returns an address on which nobody listens.
func deadAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Every failure of the connection means later.
func TestConnection(t *testing.T) {
	isRetry := func(what string, err error) {
		t.Helper()
		var retry *RetryError
		if !errors.As(err, &retry) {
			t.Errorf("%s: got %v, want an error that says later", what, err)
		}
	}
	c, err := NewClient("http://"+deadAddress(t), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Post(t.Context(), nil)
	isRetry("refused", err)

	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, answer)
			conn.Close()
		}
	}
	for _, answer := range []string{"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"} {
		_, err := post(t, ClientOptions{}, "", hijack(answer))
		isRetry("answer "+answer, err)
	}

	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	c, err = NewClient(server.URL, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Post(ctx, nil)
	isRetry("no answer", err)
}

// Of an answer without end only its beginning is read.
func TestLongAnswer(t *testing.T) {
	answer, err := post(t, ClientOptions{}, "", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	check(t, "error", err, nil)
	check(t, "bytes", len(answer), maxAnswer)
}

// A traced default transport does not trace the delivery.
func TestDefaultTransport(t *testing.T) {
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	http.DefaultTransport = roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("http.DefaultTransport was used")
		return nil, errors.New("never")
	})
	_, err := post(t, ClientOptions{}, "", func(http.ResponseWriter, *http.Request) {})
	check(t, "error", err, nil)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A lateReader is a transport that answers at once and reads the body later, as net/http's does when a server answers early.
type lateReader struct{ body io.ReadCloser }

func (l *lateReader) RoundTrip(req *http.Request) (*http.Response, error) {
	l.body = req.Body
	first := make([]byte, 4)
	if _, err := io.ReadFull(l.body, first); err != nil {
		return nil, err
	}
	return httptest.NewRecorder().Result(), nil
}

// After Post the memory of the body is the caller's, whatever the transport still does with it.
func TestBodyReleased(t *testing.T) {
	transport := new(lateReader)
	c, err := NewClient("http://receiver", ClientOptions{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("body of the first request")
	if _, err := c.Post(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	copy(body, "BODY OF ANOTHER REQUEST!!")
	late, err := io.ReadAll(transport.body)
	if len(late) > 0 || !errors.Is(err, errReleased) {
		t.Errorf("read %q, %v", late, err)
	}
}

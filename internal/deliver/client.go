package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Client posts batches to one URL. It is safe for concurrent use.
//
// Its connections are its own: it never uses [http.DefaultTransport], which may write spans, and these would be sent too.
// It follows no redirect, so what its headers contain goes to no other server.
type Client struct {
	url     string
	header  http.Header
	gzip    bool
	http    *http.Client
	writers sync.Pool // of *gzip.Writer
}

// ClientOptions are options for [NewClient].
type ClientOptions struct {
	Header http.Header // of each request, such as Content-Type and Authorization
	Gzip   bool        // compress bodies, as fast as possible
	TLS    *tls.Config // nil: the system's roots

	// Transport sends the requests. Nil, the normal case: one of the Client's own.
	Transport http.RoundTripper
}

// NewClient returns a client that posts to the http or https URL u.
func NewClient(u string, opts ClientOptions) (*Client, error) {
	parsed, err := url.Parse(u)
	if err != nil {
		return nil, fmt.Errorf("%w", withoutURL(err))
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return nil, fmt.Errorf("want a URL like https://host/path, got scheme %q and host %q", parsed.Scheme, parsed.Host)
	}
	header := opts.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if user := parsed.User; user != nil {
		password, _ := user.Password()
		req := http.Request{Header: header}
		if header.Get("Authorization") == "" {
			req.SetBasicAuth(user.Username(), password)
		}
		parsed.User = nil
	}
	if opts.Gzip {
		header.Set("Content-Encoding", "gzip")
	}
	transport := opts.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			TLSClientConfig:       opts.TLS,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          2,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,

			MaxResponseHeaderBytes: 256 << 10, // its default is 10 MB, more than the whole queue
		}
	}
	return &Client{
		url: parsed.String(), header: header, gzip: opts.Gzip,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// maxAnswer is how much is read of an answer. The rest of it is dropped, with the connection.
const maxAnswer = 1 << 20

// Post posts body and returns the answer if its status is 2xx. Its errors are those that [Options.Send] returns.
// They never contain the URL or a header. When Post has returned, body is the caller's again.
func (c *Client) Post(ctx context.Context, body []byte) (answer []byte, err error) {
	if c.gzip {
		if body, err = c.compress(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header = c.header.Clone()
	shared := &sharedBody{data: body}
	defer shared.release()
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return &bodyReader{shared: shared}, nil }
	req.Body = &bodyReader{shared: shared}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &RetryError{Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &RetryError{Err: withoutURL(err)}
	}
	if resp.StatusCode/100 == 2 {
		return answer, nil
	}
	return nil, statusError(resp, answer)
}

// A sharedBody is the body of one request. A transport may still read it when RoundTrip has returned, because a server
// may answer before it has the whole request ("RoundTripper" in package net/http). Whoever posts may then have put something else there.
type sharedBody struct {
	mu       sync.Mutex
	data     []byte
	released bool
}

var errReleased = errors.New("the request is over")

func (s *sharedBody) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.released = nil, true
}

// A bodyReader reads a sharedBody, until that is released. It is used by one goroutine.
type bodyReader struct {
	shared *sharedBody
	offset int
}

func (r *bodyReader) Read(p []byte) (int, error) {
	r.shared.mu.Lock()
	defer r.shared.mu.Unlock()
	switch {
	case r.shared.released:
		return 0, errReleased
	case r.offset == len(r.shared.data):
		return 0, io.EOF
	}
	n := copy(p, r.shared.data[r.offset:])
	r.offset += n
	return n, nil
}

func (*bodyReader) Close() error { return nil }

// CloseIdle closes connections that are not in use.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

func (c *Client) compress(body []byte) ([]byte, error) {
	w, _ := c.writers.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	}
	defer c.writers.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// withoutURL removes the URL, which may have a key in its query, from an error of package net/url or net/http.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// A StatusError is an answer other than 2xx.
type StatusError struct {
	Status int
	Text   string // what the answer says, cut
}

func (e *StatusError) Error() string {
	if e.Text == "" {
		return e.Reason()
	}
	return e.Reason() + ": " + e.Text
}

// Reason returns "status 400".
func (e *StatusError) Reason() string { return "status " + strconv.Itoa(e.Status) }

// statusError returns the error for an answer other than 2xx. It says whether to send the batch again, in halves, or never.
func statusError(resp *http.Response, answer []byte) error {
	err := &StatusError{Status: resp.StatusCode, Text: clean(strings.TrimSpace(string(answer[:min(len(answer), 1000)])))}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &RetryError{After: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Err: err}
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// retryAfter reads the header Retry-After: seconds or a date (RFC 9110, 10.2.3). What is not valid, or past, is 0.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

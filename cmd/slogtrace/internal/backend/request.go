package backend

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxErrorText is how much is read of an answer that is an error.
const maxErrorText = 4 << 10

// Post posts a form and returns the body of the answer, which the caller must close. An answer other than 200 is an error:
// an [AwayError] if waiting may help, a [CutError] if the store had no time for the query.
func (a *Access) Post(ctx context.Context, path string, form url.Values, header http.Header) (io.ReadCloser, error) {
	u := *a.URL
	u.Path += path
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.post(ctx, &u, form.Encode(), header)
}

// PostText posts a text, with parameters in the URL, as Post does a form.
func (a *Access) PostText(ctx context.Context, params url.Values, text string) (io.ReadCloser, error) {
	u := *a.URL
	u.Path += "/"
	u.RawQuery = params.Encode()
	return a.post(ctx, &u, text, http.Header{"Content-Type": {"text/plain; charset=utf-8"}})
}

// idleLimit is how long a store may be silent before the request ends, because the server hangs, or something in between.
const idleLimit = 2 * time.Minute

// An idleError means that a store was silent for that long.
type idleError time.Duration

func (e idleError) Error() string { return "no answer for " + time.Duration(e).String() }

func (a *Access) post(ctx context.Context, u *url.URL, body string, header http.Header) (io.ReadCloser, error) {
	alive, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(a.idle, func() { cancel(idleError(a.idle)) })
	answer := &idleReader{limit: a.idle, ctx: alive, cancel: cancel, timer: timer}
	req, err := http.NewRequestWithContext(alive, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
		answer.stop()
		return nil, err
	}
	for key, values := range a.Header {
		req.Header[key] = values
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		answer.stop()
		return nil, connectionError(ctx, answer.explain(err))
	}
	timer.Stop()
	answer.body = resp.Body
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusOK && kind == "text/html":
		err = errors.New("the answer is a page in HTML: this is not the address of a log store, or something in between asks for a login")
	case resp.StatusCode == http.StatusOK:
		return answer, nil
	default:
		text, _ := io.ReadAll(io.LimitReader(answer, maxErrorText))
		err = statusError(resp, bytes.TrimSpace(text))
	}
	answer.Close()
	return nil, err
}

// An idleReader is the body of an answer. It ends the request if a Read takes longer than the limit.
type idleReader struct {
	body   io.ReadCloser
	limit  time.Duration
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (r *idleReader) Read(b []byte) (int, error) {
	r.timer.Reset(r.limit)
	n, err := r.body.Read(b)
	r.timer.Stop()
	return n, r.explain(err)
}

func (r *idleReader) Close() error {
	err := r.body.Close()
	r.stop()
	return err
}

func (r *idleReader) stop() {
	r.timer.Stop()
	r.cancel(nil)
}

// explain returns the idleError that is the cause of an error, or else the error.
func (r *idleReader) explain(err error) error {
	if idle := idleError(0); err != nil && err != io.EOF && errors.As(context.Cause(r.ctx), &idle) {
		return idle
	}
	return err
}

// connectionError returns the error of a request without its URL.
func connectionError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w (%s can name certificates to trust)", err, EnvCAFile)
	}
	if op := new(net.OpError); errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &AwayError{err}
	}
	return err
}

// statusError returns the error of an answer that is not 200.
func statusError(resp *http.Response, text []byte) error {
	err := fmt.Errorf("status %d: %s", resp.StatusCode, text)
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return fmt.Errorf("status %d: a redirect to %q, which is not followed", resp.StatusCode, resp.Header.Get("Location"))
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w (credentials come from %s and %s, or %s)", err, EnvUser, EnvPasswordFile, EnvTokenFile)
	case http.StatusTooManyRequests:
		return &AwayError{err}
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &CutError{err}
	}
	return err
}

package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
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

func (a *Access) post(ctx context.Context, u *url.URL, body string, header http.Header) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
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
		return nil, connectionError(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorText))
	return nil, statusError(resp, bytes.TrimSpace(text))
}

// connectionError returns the error of a request without its URL.
func connectionError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
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

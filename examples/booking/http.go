package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// This file is what HTTP takes beyond tracehttp.NewHandler: a client call with a span of its own name, and errors.

var client = &http.Client{Timeout: time.Minute}

// call posts in to a service of ours, in a span named op, and reads the answer into out unless that is nil.
func call(ctx context.Context, op, url string, in, out any) (err error) {
	ctx, span := slogtrace.Start(ctx, op, slogtrace.KindClient)
	defer span.End(&err)

	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	tracehttp.Inject(ctx, req.Header) // tracehttp.NewTransport would add a span with the method for a name
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	span.SetAttrs(slog.Int("http.response.status_code", resp.StatusCode))
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		e := &httpError{Status: resp.StatusCode, Text: http.StatusText(resp.StatusCode)}
		_ = json.Unmarshal(answer, e) // if it says more, good
		return e
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

const maxBody = 1 << 16

// An httpError is an error as it goes over the wire: what the caller may know, and the trace that knows the rest.
type httpError struct {
	Status int    `json:"-"`
	Text   string `json:"error"`
	Trace  string `json:"trace,omitempty"`
}

func (e *httpError) Error() string { return e.Text }

// A handler is an http.Handler that may fail.
type handler func(w http.ResponseWriter, r *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	if err == nil {
		return
	}
	answer := httpError{Status: http.StatusInternalServerError, Text: "something went wrong on our side"}
	if e, ok := errors.AsType[*httpError](err); ok {
		answer = *e
	}
	ctx := r.Context()
	if answer.Status >= 500 {
		slogtrace.SpanFromContext(ctx).Fail(err) // the span says what happened, the answer does not
	}
	// An error may come from another trace than the request's: that one is worth more to whoever asks.
	sc, ok := slogtrace.TraceOf(err)
	if !ok {
		sc = slogtrace.SpanContextFromContext(ctx)
	}
	answer.Trace = sc.TraceID.String()
	w.Header().Set("X-Trace-Id", answer.Trace)
	slogtrace.Logger(ctx).Warn("request refused", "status", answer.Status, "err", err)
	_ = writeJSON(w, answer.Status, answer) // if the client is gone, nobody misses it
}

func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		return &httpError{Status: http.StatusBadRequest, Text: "not the JSON that is expected here: " + err.Error()}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

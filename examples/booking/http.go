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

// This file is the part of HTTP that tracehttp.NewHandler does not cover: a client call in a span of a given name, and errors.

var client = &http.Client{Timeout: time.Minute}

// call posts in to a service of ours, in a span named op. It reads the response into out, unless out is nil.
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
	tracehttp.Inject(ctx, req.Header) // tracehttp.NewTransport would add a span, named after the method
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
		_ = json.Unmarshal(answer, e) // if it is no such JSON, e keeps the status text
		return e
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

const maxBody = 1 << 16

// An httpError is an error as it is sent: what the caller may know, and the trace that has the rest.
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
		slogtrace.SpanFromContext(ctx).Fail(err) // the span has the cause, the response does not
	}
	// An error may come from another trace than the request's. Then that trace is the more useful one.
	sc, ok := slogtrace.TraceOf(err)
	if !ok {
		sc = slogtrace.SpanContextFromContext(ctx)
	}
	answer.Trace = sc.TraceID.String()
	w.Header().Set("X-Trace-Id", answer.Trace)
	slogtrace.Logger(ctx).Warn("request refused", "status", answer.Status, "err", err)
	_ = writeJSON(w, answer.Status, answer) // it fails only if the client is gone
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

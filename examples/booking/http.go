package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace"
)

// This file is what it takes to trace HTTP by hand: two middlewares and a client call.

// joinTrace continues the trace that a request's headers name.
// It is for our own services only: from the public take nothing, or strangers choose the trace you write into.
func joinTrace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v := r.Header["Traceparent"]; len(v) == 1 {
			if sc, err := slogtrace.ParseTraceparent(v[0]); err == nil {
				sc.State = strings.Join(r.Header["Tracestate"], ",") // it may come in several lines
				r = r.WithContext(slogtrace.ContextWithRemoteSpanContext(r.Context(), sc))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// traced makes a span of each request, named after the pattern of mux that it matches.
func traced(start startFunc, mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := r.Method
		if _, pattern := mux.Handler(r); pattern != "" {
			op = pattern // "POST /bookings"
		}
		ctx, span := start(r.Context(), op, slogtrace.KindServer)
		defer span.End()
		w.Header().Set("X-Trace-Id", span.SpanContext().TraceID.String())
		sw := &statusWriter{w, http.StatusOK}
		mux.ServeHTTP(sw, r.WithContext(ctx))
		span.SetAttrs(slog.Int("status", sw.status))
		if sw.status >= 500 {
			span.Fail(fmt.Errorf("%d %s", sw.status, http.StatusText(sw.status)))
		}
	})
}

// A startFunc is slogtrace.Start or a Tracer's.
type startFunc = func(ctx context.Context, op string, attrs ...slog.Attr) (context.Context, *slogtrace.Span)

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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
	sc := span.SpanContext()
	req.Header.Set("Traceparent", sc.Traceparent())
	if sc.State != "" {
		req.Header.Set("Tracestate", sc.State)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	span.SetAttrs(slog.Int("status", resp.StatusCode))
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

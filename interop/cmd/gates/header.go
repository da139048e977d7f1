package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// headerJobs are those of the W3C headers.
func headerJobs() []job {
	return []job{{
		name: "J3", title: "traceparent out and in through http.Header",
		notes: []string{"The floor is OpenTelemetry. The header is used again, as that of a request is its client's."},
		tools: []tool{
			{name: otelContext, peer: "OpenTelemetry SDK", open: noSession},
			{name: "slogtrace", open: noSession},
			datadog,
		},
		subjects: func(t tool) []subject {
			open := map[string]func(*session) work{otelContext: otelHeader, "slogtrace": oursHeader, datadog.name: datadogHeader}[t.name]
			return []subject{{t.name, otelContext, open}}
		},
	}}
}

const otelContext = "OpenTelemetry TraceContext"

func noSession(*sink) (*session, error) { return new(session), nil }

// inject and extract are what a client and a server do with this project's API.
func inject(ctx context.Context, h http.Header) {
	sc := slogtrace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	h["Traceparent"] = []string{sc.Traceparent()}
	if sc.State != "" {
		h["Tracestate"] = []string{sc.State}
	}
}

func extract(ctx context.Context, h http.Header) context.Context {
	v := h["Traceparent"]
	if len(v) != 1 {
		return ctx
	}
	sc, err := slogtrace.ParseTraceparent(v[0])
	if err != nil {
		return ctx
	}
	if state := h["Tracestate"]; len(state) > 0 {
		// It is the carrier that knows which states are valid.
		if with, err := (slogtrace.Carrier{Traceparent: v[0], Tracestate: strings.Join(state, ",")}).SpanContext(); err == nil {
			sc = with
		}
	}
	return slogtrace.ContextWithRemoteSpanContext(ctx, sc)
}

func oursHeader(*session) work {
	remote, _ := slogtrace.ParseTraceparent(remoteText)
	ctx := slogtrace.ContextWithRemoteSpanContext(context.Background(), remote)
	h := http.Header{}
	var got context.Context
	w := each(func() {
		inject(ctx, h)
		got = extract(context.Background(), h)
	})
	w.check = func() error {
		if h.Get("traceparent") != remoteText || slogtrace.SpanContextFromContext(got).Traceparent() != remoteText {
			return errors.New("the header did not go out and in")
		}
		return nil
	}
	return w
}

func otelHeader(*session) work {
	p := propagation.TraceContext{}
	ctx := p.Extract(context.Background(), propagation.MapCarrier{"traceparent": remoteText})
	h := http.Header{}
	var got context.Context
	w := each(func() {
		p.Inject(ctx, propagation.HeaderCarrier(h))
		got = p.Extract(context.Background(), propagation.HeaderCarrier(h))
	})
	w.check = func() error {
		sc := trace.SpanContextFromContext(got)
		if h.Get("traceparent") != remoteText || sc.TraceID().String() != traceText || sc.SpanID().String() != parentText {
			return errors.New("the header did not go out and in")
		}
		return nil
	}
	return w
}

package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// headerJobs are those of the W3C headers.
func headerJobs() []job {
	return []job{{
		name: "J3", title: "traceparent out and in through http.Header",
		notes: []string{
			"The floor is OpenTelemetry. Each op uses the same header again.",
			"slogtrace also looks for baggage and B3, which are absent. OpenTelemetry's second row also looks for baggage.",
		},
		tools: []tool{
			{name: otelContext, peer: "OpenTelemetry SDK", open: noSession},
			{name: otelBoth, peer: "OpenTelemetry SDK", open: noSession},
			{name: "slogtrace", open: noSession},
			datadog,
		},
		subjects: func(t tool) []subject {
			open := map[string]func(*session) work{
				otelContext:  otelHeader(propagation.TraceContext{}),
				otelBoth:     otelHeader(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
				"slogtrace":  oursHeader,
				datadog.name: datadogHeader,
			}[t.name]
			return []subject{{t.name, otelContext, open}}
		},
	}}
}

const (
	otelContext = "OpenTelemetry TraceContext"
	otelBoth    = "OpenTelemetry TraceContext and Baggage"
)

func noSession(*sink) (*session, error) { return new(session), nil }

func oursHeader(*session) work {
	remote, _ := slogtrace.ParseTraceparent(remoteText)
	ctx := slogtrace.ContextWithRemoteSpanContext(context.Background(), remote)
	h := http.Header{}
	var got context.Context
	w := each(func() {
		tracehttp.Inject(ctx, h)
		got, _ = tracehttp.Extract(context.Background(), h)
	})
	w.check = func() error {
		if h.Get("traceparent") != remoteText || slogtrace.SpanContextFromContext(got).Traceparent() != remoteText {
			return errors.New("the header did not go out and in")
		}
		return nil
	}
	return w
}

func otelHeader(p propagation.TextMapPropagator) func(*session) work {
	return func(*session) work {
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
}

package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotel"
	"go.opentelemetry.io/otel/propagation"
)

// apiJobs measures OpenTelemetry's API over slogtrace against the API over its SDK: the same calls.
// traceotel makes slogtrace's contexts answer for OpenTelemetry's spans, for the rest of the process.
func apiJobs() []job {
	return []job{{
		name: "otelapi", title: "start and end of a child with 2 attributes through OpenTelemetry's API, reported",
		notes: []string{
			"traceotel writes a line. The SDK exports the span and writes no line.",
			"The calls are the same. Of the allocations, 4 are the caller's and the API's: the options, the attributes and a copy of them.",
		},
		tools: []tool{otelBatch, apiJSON, apiHandler},
		subjects: func(t tool) []subject {
			return []subject{{t.name, otelBatch.name, func(s *session) work { return each(func() { s.child(2) }) }}}
		},
		want:    want{ends: 1, end: endAttrs},
		changes: true,
	}}
}

var apiGates = []gate{
	{"otelapi", "traceotel over " + own, 0.70, 7, nil},
}

var (
	apiJSON    = throughAPI(oursJSON)
	apiHandler = throughAPI(oursHandler)
)

// throughAPI returns a tool of ours whose spans are made through OpenTelemetry's API.
func throughAPI(t tool) tool {
	h := t.judged.open
	return tool{
		name: "traceotel over " + t.name, ids: oursKeys, ends: endsAreSpans,
		open: func(sk *sink) (*session, error) {
			provider := traceotel.NewTracerProvider(slogtrace.NewTracer(h(sk.lines, &sk.opts), nil))
			o := &otelTracer{tracer: provider.Tracer("gates"), remote: http.Header{"Traceparent": {remoteText}}}
			outer := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(o.remote))
			ctx, span := o.tracer.Start(outer, op)
			sc := span.SpanContext()
			return &session{
				logger: slog.New(slog.DiscardHandler), ctx: ctx, at: ids{sc.TraceID().String(), sc.SpanID().String()},
				child: func(int) { o.child2(ctx) },
			}, nil
		},
	}
}

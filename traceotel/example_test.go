package traceotel_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotel"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A library that traces with OpenTelemetry's API writes slogtrace spans.
func ExampleNewTracerProvider() {
	rec := tracetest.NewRecorder()
	slogtrace.SetDefault(slogtrace.NewTracer(rec, nil))
	defer slogtrace.SetDefault(nil)

	// In main, usually by otel.SetTracerProvider:
	provider := traceotel.NewTracerProvider(nil)

	// In the library, usually from otel.GetTracerProvider:
	tracer := provider.Tracer("example.com/cache")
	query := func(ctx context.Context) {
		_, span := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("db.system.name", "redis")))
		defer span.End()
	}

	ctx, span := slogtrace.Start(context.Background(), "book")
	query(ctx)
	span.End()
	fmt.Print(rec.Tree())
	// Output:
	// book
	// └─ GET  kind=client db.system.name=redis otel.scope.name=example.com/cache
}

// Beside the SDK, records have the ids of its spans.
func ExampleNewHandler() {
	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	logger := slog.New(traceotel.NewHandler(slog.NewJSONHandler(os.Stdout, withoutTime)))

	// A context with a span of the SDK's.
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x4b, 0xf9}, SpanID: trace.SpanID{0x1f},
	}))
	logger.WithGroup("cart").InfoContext(ctx, "paid", "euros", 129)
	// Output:
	// {"level":"INFO","msg":"paid","trace":"4bf90000000000000000000000000000","span":"1f00000000000000","cart":{"euros":129}}
}

func ExamplePropagator() {
	headers := propagation.MapCarrier{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "baggage": "tenant=t1"}
	ctx := traceotel.Propagator().Extract(context.Background(), headers)
	fmt.Println(slogtrace.SpanContextFromContext(ctx).TraceID)
	for key, value := range slogtrace.Baggage(ctx) {
		fmt.Println(key, value)
	}
	// Output:
	// 4bf92f3577b34da6a3ce929d0e0e4736
	// tenant t1
}

// Start and end of a child with two attributes.
func BenchmarkChild(b *testing.B) {
	h := slogtrace.NewJSONHandler(discard{}, nil)
	tracer := traceotel.NewTracerProvider(slogtrace.NewTracer(h, nil)).Tracer("lib")
	ctx, _ := tracer.Start(b.Context(), "root")
	b.ReportAllocs()
	for b.Loop() {
		_, s := tracer.Start(ctx, "child", trace.WithAttributes(attribute.String("a", "x"), attribute.Int("b", 1)))
		s.End()
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

package traceotlp_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// Lines go to standard output, and spans and logs to a Collector.
func ExampleNewHandler() {
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: "http://localhost:4318"})
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.SetDefault(slog.New(slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), h)))

	// … the program …

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		fmt.Println(err) // names what was lost
	}
	// Output:
}

// Jaeger keeps spans and no logs, so log lines become events of their span.
func ExampleNewHandler_jaeger() {
	h, err := traceotlp.NewHandler(&traceotlp.Options{
		Endpoint: "http://localhost:4318",
		Resource: []slog.Attr{slog.String("service.name", "bookings")},
		Logs:     traceotlp.LogEvents,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.SetDefault(slog.New(slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), h)))

	// … the program …

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
}

// The environment says where records go, and who sends them: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, …
func ExampleHandler_Stats() {
	h, err := traceotlp.NewHandler(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	stats := h.Stats()
	fmt.Println(stats.Spans.Delivered, stats.Spans.Dropped, stats.Logs.Dropped, stats.Spans.LastError, stats.Ignored)

	if err := h.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 0 map[] map[]  []
}

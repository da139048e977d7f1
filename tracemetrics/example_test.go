package tracemetrics_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracemetrics"
	"github.com/slogtrace/slogtrace/traceotlp"
	"github.com/slogtrace/slogtrace/traceship"
)

// printCounts prints the counts of spans as Prometheus reads them.
func printCounts(h http.Handler, names ...string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		for _, name := range names {
			if strings.HasPrefix(line, name) && !strings.HasSuffix(line, " 0\n") {
				fmt.Print(line)
			}
		}
	}
}

// Lines go to standard output, and Prometheus reads the metrics.
func Example() {
	metrics := tracemetrics.NewHandler(nil)
	h := slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), metrics)
	slog.SetDefault(slog.New(h))
	http.Handle("/metrics", metrics)
	// Output:
}

func ExampleNewHandler() {
	metrics := tracemetrics.NewHandler(&tracemetrics.Options{
		Labels: append(tracemetrics.DefaultLabels(), tracemetrics.Label{Attr: "booking.source", Max: 20}),
	})
	tracer := slogtrace.NewTracer(metrics, nil)
	for i := range 4 {
		_, span := tracer.Start(context.Background(), "book", slog.String("booking.source", "web"))
		switch i {
		case 0:
			span.Fail(errors.New("sold out"))
		case 1:
			span.Fail(fmt.Errorf("ask the bank: %w", context.DeadlineExceeded))
		}
		span.End()
	}
	printCounts(metrics, "slogtrace_spans_total", "slogtrace_span_errors_total")
	// Output:
	// slogtrace_spans_total{op="book",kind="internal",booking_source="web",outcome="ok"} 2
	// slogtrace_spans_total{op="book",kind="internal",booking_source="web",outcome="error"} 1
	// slogtrace_spans_total{op="book",kind="internal",booking_source="web",outcome="timeout"} 1
	// slogtrace_span_errors_total{op="book",kind="internal",booking_source="web",error_type="_OTHER"} 1
	// slogtrace_span_errors_total{op="book",kind="internal",booking_source="web",error_type="timeout"} 1
}

// A span counts for those of its trace's kind that are not sampled.
func ExampleHandler_Handle() {
	metrics := tracemetrics.NewHandler(nil)
	always := slogtrace.NewTracer(metrics, &slogtrace.TracerOptions{Sampler: everyFourth{}})
	for range 8 {
		_, span := always.Start(context.Background(), "poll")
		span.End()
	}
	printCounts(metrics, "slogtrace_spans_total")
	// Output:
	// slogtrace_spans_total{op="poll",kind="internal",outcome="ok"} 32
}

// everyFourth tells that each of its traces is one of four.
type everyFourth struct{}

func (everyFourth) Sample(slogtrace.SampleInput) (bool, float64) { return true, 0.25 }

// A call through a circuit breaker says what state it was in.
func ExampleHandler_ServeHTTP() {
	metrics := tracemetrics.NewHandler(nil)
	tracer := slogtrace.NewTracer(metrics, nil)
	_, span := tracer.Start(context.Background(), "payment.charge", slogtrace.KindClient,
		slog.String("circuit_breaker.name", "payments"), slog.String("circuit_breaker.state", "open"))
	span.End()

	server := httptest.NewServer(metrics)
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.Header.Get("Content-Type"))
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "slogtrace_circuit_breaker_open") {
			fmt.Print(line)
		}
	}
	// Output:
	// text/plain; version=0.0.4; charset=utf-8
	// slogtrace_circuit_breaker_open{circuit_breaker_name="payments"} 1
}

func ExampleHandler_ExportTracer() {
	metrics := tracemetrics.NewHandler(nil)
	tracer := slogtrace.NewTracer(metrics, &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0)})
	metrics.ExportTracer("", tracer.Stats)

	_, span := tracer.Start(context.Background(), "book")
	span.End()
	printCounts(metrics, "slogtrace_tracer")
	// Output:
	// slogtrace_tracer_unwritten_spans_total{reason="withheld"} 1
}

func ExampleHandler_ExportTail() {
	metrics := tracemetrics.NewHandler(nil)
	tail := slogtrace.NewTailHandler(slogtrace.NewJSONHandler(os.Stdout, nil), &slogtrace.TailOptions{PassLevel: slog.LevelError})
	metrics.ExportTail("", tail.Stats)
	tracer := slogtrace.NewTracer(slog.NewMultiHandler(tail, metrics), nil)

	_, span := tracer.Start(context.Background(), "book")
	span.End()
	printCounts(metrics, "slogtrace_spans_total", "slogtrace_tail_roots_total")
	// Output:
	// slogtrace_spans_total{op="book",kind="internal",outcome="ok"} 1
	// slogtrace_tail_roots_total{verdict="dropped"} 1
}

func ExampleHandler_ExportOTLP() {
	metrics := tracemetrics.NewHandler(nil)
	otlp, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: "http://localhost:4318"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer otlp.Shutdown(context.Background())
	metrics.ExportOTLP("", otlp.Stats)
	slog.SetDefault(slog.New(slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), otlp, metrics)))
	// Output:
}

func ExampleHandler_ExportShip() {
	metrics := tracemetrics.NewHandler(nil)
	store, err := traceship.NewWriter("http://localhost:9428/insert/jsonline?_time_field=time&_msg_field=msg", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Shutdown(context.Background())
	metrics.ExportShip("", store.Stats)
	h := slogtrace.NewJSONHandler(io.MultiWriter(os.Stdout, store), nil)
	slog.SetDefault(slog.New(slog.NewMultiHandler(h, metrics)))
	// Output:
}

// The counts are among those of package expvar, at /debug/vars.
func ExampleHandler_String() {
	metrics := tracemetrics.NewHandler(&tracemetrics.Options{Labels: []tracemetrics.Label{}})
	expvar.Publish("spans", metrics)
	fmt.Println(expvar.Get("spans"))
	// Output:
	// {"series":[],"overflow_spans":{"circuit_breaker_name":0,"error_type":0,"op":0,"series":0},"unsampled_spans":0}
}

// Each label has a limit. What is over it is still counted.
func ExampleLabel() {
	metrics := tracemetrics.NewHandler(&tracemetrics.Options{Labels: []tracemetrics.Label{{Attr: "customer", Max: 2}}})
	tracer := slogtrace.NewTracer(metrics, nil)
	for _, customer := range []string{"acme", "initech", "hooli", "umbrella", "acme"} {
		_, span := tracer.Start(context.Background(), "book", slog.String("customer", customer))
		span.End()
	}
	printCounts(metrics, "slogtrace_spans_total", "slogtrace_metrics_overflow")
	// Output:
	// slogtrace_spans_total{op="book",kind="internal",customer="_OTHER",outcome="ok"} 2
	// slogtrace_spans_total{op="book",kind="internal",customer="acme",outcome="ok"} 2
	// slogtrace_spans_total{op="book",kind="internal",customer="initech",outcome="ok"} 1
	// slogtrace_metrics_overflow_spans_total{limit="customer"} 2
}

func ExampleDefaultLabels() {
	for _, l := range tracemetrics.DefaultLabels() {
		fmt.Println(l.Attr)
	}
	// Output:
	// service
	// http.route
	// server.address
	// db.system.name
	// db.operation.name
	// messaging.destination.name
	// task
	// webhook
}

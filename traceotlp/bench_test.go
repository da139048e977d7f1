package traceotlp

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// idle is a transport that answers and does nothing else.
type idle struct{}

func (idle) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// A span with two attributes is two allocations, its own and its attributes': the schema's attributes are never made, and
// what the span becomes is in memory that is used again.
func TestSpanAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	h, err := NewHandler(&Options{Endpoint: "http://receiver.invalid", Transport: idle{}, Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Shutdown(context.Background())
	tracer := slogtrace.NewTracer(h, nil)
	ctx, root := tracer.Start(t.Context(), "root")
	defer root.End()
	const spans = 500 // fewer than a batch
	batch := func() {
		for range spans {
			_, span := tracer.Start(ctx, "charge", slog.String("booking", "b-4711"), slog.Int("amount", 12900))
			span.End()
		}
		if err := h.Flush(ctx); err != nil {
			t.Error(err)
		}
	}
	if got := testing.AllocsPerRun(5, batch) / spans; got > 2.2 {
		t.Errorf("%.2f allocations a span, want 2", got)
	}
}

// A span with two attributes, until its batch has been handed to the transport.
func BenchmarkSpan(b *testing.B) {
	h, err := NewHandler(&Options{Endpoint: "http://receiver.invalid", Transport: idle{}})
	if err != nil {
		b.Fatal(err)
	}
	tracer := slogtrace.NewTracer(h, nil)
	ctx, root := tracer.Start(context.Background(), "root")
	defer root.End()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, span := tracer.Start(ctx, "charge", slog.String("booking", "b-4711"), slog.Int("amount", 12900))
		span.End()
		if i%2048 == 2047 {
			if err := h.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := h.Shutdown(ctx); err != nil {
		b.Fatal(err)
	}
}

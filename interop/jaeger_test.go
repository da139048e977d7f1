//go:build long

package interop

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/jaeger"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// The traces of the booking example are in Jaeger, as /api/v3/traces has them, what they are in its log files.
func TestJaegerBooking(t *testing.T) {
	server := jaeger.Start(t, "")
	checkBooking(t, server.OTLP, func(id string, spans int) ptrace.Traces { return server.Trace(t, id, spans) })
}

// So is what the booking example does not have.
func TestJaegerSpans(t *testing.T) {
	server := jaeger.Start(t, "")
	checkSpans(t, server.OTLP, func(id string, spans int) ptrace.Traces { return server.Trace(t, id, spans) })
}

// Log records go through a pipeline of Jaeger's, as protobuf, to VictoriaLogs.
func TestJaegerLogs(t *testing.T) {
	logs := victorialogs.Start(t)
	server := jaeger.Start(t, logs.URL+"/insert/opentelemetry/v1/logs")
	checkLogs(t, server.OTLP, logs)
}

// Without a pipeline for logs Jaeger answers 404 to them: they are dropped under that name and not sent again. Spans are not affected.
func TestJaegerWithoutLogs(t *testing.T) {
	server := jaeger.Start(t, "")
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: server.OTLP})
	if err != nil {
		t.Fatal(err)
	}
	tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
	ctx, span := tracer.Start(t.Context(), "book")
	log.InfoContext(ctx, "one")
	log.InfoContext(ctx, "two")
	span.Fail(errors.New("no seat"))
	span.End()
	err = h.Shutdown(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "traceotlp: logs: 2 lost: 2 status 404") {
		t.Errorf("Shutdown: %v", err)
	}
	s := h.Stats()
	if s.Logs.Dropped["status 404"] != 2 || s.Logs.Retries != 0 || s.Spans.Delivered != 1 {
		t.Errorf("%+v", s)
	}
	if got := storedSpans(server.Trace(t, span.SpanContext().TraceID.String(), 1)); len(got) != 1 {
		t.Errorf("spans: %v", got)
	}
}

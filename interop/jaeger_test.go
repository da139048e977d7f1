//go:build long

package interop

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/jaeger"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotlp"
)

func init() { everyLayout = true }

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

// What slogtrace export sends of a log is in Jaeger what the log says, to the nanosecond.
func TestJaegerExport(t *testing.T) {
	server := jaeger.Start(t, "")
	checkExport(t, server.OTLP, func(id string, spans int) ptrace.Traces { return server.Trace(t, id, spans) })
}

// So is what it writes for Zipkin, in the microseconds and texts that this format has.
func TestJaegerZipkin(t *testing.T) {
	server := jaeger.Start(t, "")
	spans := output(t, "export", "zipkin", bookingLogs)
	resp, err := http.Post(server.Zipkin+"/api/v2/spans", "application/json", strings.NewReader(spans))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp.Status)
	}
	n := 0
	for _, trace := range loggedTraces(t, bookingLogs) {
		want := make(map[string]storedSpan)
		for _, s := range trace.All() {
			l := loggedSpan(t, s)
			start, end := s.Start.Truncate(time.Microsecond), s.End.Truncate(time.Microsecond)
			want[s.ID] = storedSpan{Service: l.Service, Parent: l.Parent, Name: l.Name, Kind: l.Kind, Start: start, Duration: max(end.Sub(start), time.Microsecond), Status: l.Status, Message: l.Message}
			n++
		}
		got := storedSpans(server.Trace(t, trace.ID, len(want)))
		for id, s := range got {
			if route, logged := s.Attrs["http.route"], attrText(trace, id, "http.route"); logged != "" && route != logged {
				t.Errorf("span %s: route %v, want %s", id, route, logged)
			}
			s.Attrs = nil
			got[id] = s
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trace %s (-log +Jaeger):\n%s", trace.ID, diff)
		}
	}
	if n != 51 {
		t.Errorf("%d spans", n)
	}
}

// attrText returns the text of an attribute of a span.
func attrText(t *tracelog.Trace, span, key string) string {
	for _, s := range t.All() {
		for _, a := range s.Attrs {
			if s.ID == span && a.Key == key {
				return a.Text()
			}
		}
	}
	return ""
}

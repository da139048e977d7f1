package interop

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// A collector decodes requests as OpenTelemetry's Collector does.
type collector struct {
	mu     sync.Mutex
	t      *testing.T
	traces []ptraceotlp.ExportRequest
	logs   []plogotlp.ExportRequest
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	asJSON := r.Header.Get("Content-Type") == "application/json"
	switch r.URL.Path {
	case "/v1/traces":
		req := ptraceotlp.NewExportRequest()
		if asJSON {
			err = req.UnmarshalJSON(body)
		} else {
			err = req.UnmarshalProto(body)
		}
		c.traces = append(c.traces, req)
	case "/v1/logs":
		req := plogotlp.NewExportRequest()
		err = req.UnmarshalJSON(body)
		c.logs = append(c.logs, req)
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		c.t.Errorf("%s: %v\n%s", r.URL.Path, err, body)
	}
	if asJSON {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	}
}

func (c *collector) spans() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, req := range c.traces {
		n += req.Traces().SpanCount()
	}
	return n
}

// What the Collector's own decoder finds in spans and logs is what was logged.
func TestOTLPDecoder(t *testing.T) {
	c := &collector{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: server.URL, Resource: []slog.Attr{slog.String("service.name", "api")}})
	if err != nil {
		t.Fatal(err)
	}
	tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
	cause := slogtrace.SpanContext{TraceID: slogtrace.TraceID{9}, SpanID: slogtrace.SpanID{8}, State: "a=b"}
	parent, root := tracer.Start(t.Context(), "root")
	at := time.Now()
	ctx, span := tracer.Start(parent, "é\x00\xff", slogtrace.KindConsumer, slogtrace.Link(cause),
		slog.Int64("min", math.MinInt64), slog.Uint64("max", math.MaxUint64), slog.Float64("nan", math.NaN()), slog.Float64("inf", math.Inf(1)),
		slog.Any("list", []any{1, "a", nil, []string{"x"}}), slog.Any("map", map[string]any{"k": map[string]int{"n": 1}}),
		slog.Any("bytes", []byte("\x00\xfe")), slog.Bool("yes", true), slog.String("text", "\u2028\"\\\xf0"), slog.Any("nil", nil))
	log.Log(ctx, slog.LevelDebug+5, "line\nbreak", "d", time.Second)
	span.Fail(fmt.Errorf("a: %w", net.ErrClosed))
	span.End()
	root.End()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	resource := c.traces[0].Traces().ResourceSpans().At(0)
	name, _ := resource.Resource().Attributes().Get("service.name")
	got := resource.ScopeSpans().At(0).Spans().At(0)
	sc := span.SpanContext()
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"service.name", name.Str(), "api"},
		{"trace id", [16]byte(got.TraceID()), [16]byte(sc.TraceID)},
		{"span id", [8]byte(got.SpanID()), [8]byte(sc.SpanID)},
		{"parent", [8]byte(got.ParentSpanID()), [8]byte(root.SpanContext().SpanID)},
		{"name", got.Name(), "é\x00\ufffd"},
		{"kind", got.Kind().String(), "Consumer"},
		{"status", got.Status().Code().String() + " " + got.Status().Message(), "Error a: use of closed network connection"},
		{"link", fmt.Sprint(got.Links().At(0).TraceID(), got.Links().At(0).SpanID(), got.Links().At(0).TraceState().AsRaw()), fmt.Sprint(cause.TraceID, cause.SpanID, "a=b")},
		{"event", got.Events().At(0).Name(), "exception"},
		{"flags", got.Flags(), uint32(sc.Flags)},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.what, diff)
		}
	}
	if start, end := got.StartTimestamp().AsTime(), got.EndTimestamp().AsTime(); start.Before(at) || end.Before(start) || end.After(time.Now()) {
		t.Errorf("times: %v to %v", start, end)
	}
	attrs := got.Attributes().AsRaw()
	if f, ok := attrs["nan"].(float64); !ok || !math.IsNaN(f) {
		t.Errorf("nan is %v", attrs["nan"])
	}
	delete(attrs, "nan")
	delete(attrs, "error.type")
	want := map[string]any{
		"min": int64(math.MinInt64), "max": "18446744073709551615", "inf": math.Inf(1), "list": []any{int64(1), "a", nil, []any{"x"}},
		"map": map[string]any{"k": map[string]any{"n": int64(1)}}, "bytes": []byte("\x00\xfe"), "yes": true, "text": "\u2028\"\\\ufffd", "nil": nil,
	}
	if diff := cmp.Diff(want, attrs); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	line := c.logs[0].Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	if line.Body().Str() != "line\nbreak" || line.SeverityNumber() != 10 || line.SeverityText() != "INFO+1" ||
		line.TraceID() != pcommon.TraceID(sc.TraceID) || line.SpanID() != pcommon.SpanID(sc.SpanID) {
		t.Errorf("log record: %+v", line)
	}
	if diff := cmp.Diff(map[string]any{"d": int64(time.Second)}, line.Attributes().AsRaw()); diff != "" {
		t.Errorf("attributes of the log record (-want +got):\n%s", diff)
	}
}

// If the endpoint refuses connections for a second, we lose nothing. OpenTelemetry's exporter loses all spans, and
// its Shutdown returns no error: if this part fails, it has become better.
func TestOTLPRefused(t *testing.T) {
	const spans = 10
	refuseForASecond := func(start func(endpoint string), end func()) (arrived int) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		start(address)
		time.Sleep(time.Second)
		c := &collector{t: t}
		if l, err = net.Listen("tcp", address); err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: c}
		go server.Serve(l)
		defer server.Close()
		end()
		return c.spans()
	}
	ctx := t.Context()

	var h *traceotlp.Handler
	arrived := refuseForASecond(func(address string) {
		var err error
		if h, err = traceotlp.NewHandler(&traceotlp.Options{Endpoint: "http://" + address, Delay: -1}); err != nil {
			t.Fatal(err)
		}
		tracer := slogtrace.NewTracer(h, nil)
		for range spans {
			_, span := tracer.Start(ctx, "s")
			span.End()
		}
	}, func() {
		if err := h.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	if arrived != spans {
		t.Errorf("%d of %d spans arrived", arrived, spans)
	}

	var provider *sdk.TracerProvider
	arrived = refuseForASecond(func(address string) {
		exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(address), otlptracehttp.WithInsecure())
		if err != nil {
			t.Fatal(err)
		}
		provider = sdk.NewTracerProvider(sdk.WithBatcher(exporter, sdk.WithBatchTimeout(time.Millisecond)))
		tracer := provider.Tracer("test")
		for range spans {
			_, span := tracer.Start(ctx, "s")
			span.End()
		}
	}, func() {
		if err := provider.Shutdown(ctx); err != nil {
			t.Logf("the SDK's Shutdown: %v", err)
		}
	})
	if arrived != 0 {
		t.Errorf("with OpenTelemetry's exporter %d of %d spans arrived; it used to lose all", arrived, spans)
	}
}

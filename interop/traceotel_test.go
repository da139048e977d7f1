package interop

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotel"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A beside is a program that has both the SDK and slogtrace.
type beside struct {
	exported *tracetest.InMemoryExporter // the backend
	provider *sdktrace.TracerProvider
	log      bytes.Buffer
	logger   *slog.Logger
	tracer   *slogtrace.Tracer
}

func newBeside(opts ...sdktrace.TracerProviderOption) *beside {
	b := &beside{exported: tracetest.NewInMemoryExporter()}
	b.provider = sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(b.exported))...)
	b.logger = slog.New(traceotel.NewHandler(slog.NewJSONHandler(&b.log, nil)))
	b.tracer = slogtrace.NewTracer(b.logger.Handler(), nil)
	return b
}

// entries returns the lines of the log.
func (b *beside) entries(t *testing.T) []tracelog.Entry {
	t.Helper()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(b.log.Bytes()), "log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	return entries
}

// One request has one trace id, in the log and in the backend, whichever middleware is outermost. The line's span is the current one.
func TestOneTraceID(t *testing.T) {
	for name, around := range map[string]func(b *beside, h http.Handler) http.Handler{
		"otelhttp": func(b *beside, h http.Handler) http.Handler { return b.otelhttp(h) },
		"otelhttp around tracehttp": func(b *beside, h http.Handler) http.Handler {
			return b.otelhttp(tracehttp.NewHandler(h, &tracehttp.HandlerOptions{Tracer: b.tracer}))
		},
		"tracehttp around otelhttp": func(b *beside, h http.Handler) http.Handler {
			return tracehttp.NewHandler(b.otelhttp(h), &tracehttp.HandlerOptions{Tracer: b.tracer})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBeside()
			handler := around(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b.logger.WithGroup("g").InfoContext(r.Context(), "handled", "k", "v")
				_, span := b.tracer.Start(r.Context(), "work")
				span.End()
			}))
			for range 3 {
				b.exported.Reset()
				b.log.Reset()
				handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
				spans := b.exported.GetSpans()
				if len(spans) != 1 {
					t.Fatalf("%d spans in the backend", len(spans))
				}
				id := spans[0].SpanContext.TraceID().String()
				known := map[string]bool{spans[0].SpanContext.SpanID().String(): true}
				entries := b.entries(t)
				for _, e := range entries {
					if e.Event == tracelog.EventEnd {
						known[e.Span] = true
					}
				}
				for _, e := range entries {
					if e.Trace != id || !known[e.Span] || e.Parent != "" && !known[e.Parent] || bytes.Count(e.Raw, []byte(`"trace"`)) != 1 {
						t.Errorf("the backend has trace %s, the log %s", id, e.Raw)
					}
				}
				if parent := spans[0].Parent; parent.IsValid() && !known[parent.SpanID().String()] {
					t.Errorf("the backend's span has parent %s", parent.SpanID())
				}
				if want := strings.Count(name, "tracehttp") + 2; len(entries) != want {
					t.Errorf("want %d lines, got\n%s", want, &b.log)
				}
			}
		})
	}
}

func (b *beside) otelhttp(h http.Handler) http.Handler {
	return otelhttp.NewHandler(h, "request", otelhttp.WithTracerProvider(b.provider), otelhttp.WithPropagators(propagation.TraceContext{}))
}

// The SDK's child of our span, and our child of the SDK's. Sampling and tracestate go along.
func TestChildrenOfEachOther(t *testing.T) {
	for _, sampled := range []bool{true, false} {
		b := newBeside(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())))
		rate := 0.0
		if sampled {
			rate = 1 - 1e-9
		}
		tracer := slogtrace.NewTracer(b.logger.Handler(), &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(rate)})
		ctx, ours := tracer.Start(t.Context(), "ours")
		ctx, theirs := b.provider.Tracer("lib").Start(ctx, "theirs")
		_, below := slogtrace.Start(ctx, "below")
		sc := theirs.SpanContext()
		if got := fromOTel(sc); got.TraceID != ours.SpanContext().TraceID || got.IsSampled() != sampled || got.State != ours.SpanContext().State {
			t.Errorf("theirs %+v\nours   %+v", got, ours.SpanContext())
		}
		if got := below.SpanContext(); got.TraceID != ours.SpanContext().TraceID || got.IsSampled() != sampled || got.State != ours.SpanContext().State {
			t.Errorf("below %+v\nours  %+v", got, ours.SpanContext())
		}
		below.Fail(errors.New("no")) // so it is written in either case, and the spans above it
		below.End()
		theirs.End()
		ours.End()
		entries := b.entries(t)
		if len(entries) != 2 || entries[0].Parent != sc.SpanID().String() || entries[0].ParentKind != "external" || entries[1].ParentKind != "" || entries[1].Op != "ours" {
			t.Errorf("%s", &b.log)
		}
		spans := b.exported.GetSpans()
		if len(spans) > 0 != sampled {
			t.Fatalf("%d spans in the backend", len(spans))
		}
		if sampled && spans[0].Parent.SpanID() != trace.SpanID(ours.SpanContext().SpanID) {
			t.Errorf("its parent is %v", spans[0].Parent)
		}
	}
}

// A span that the SDK does not sample is a parent too: it has ids, and its children here are not sampled either.
func TestParentNotSampled(t *testing.T) {
	b := newBeside(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, theirs := b.provider.Tracer("lib").Start(t.Context(), "theirs")
	_, ours := b.tracer.Start(ctx, "ours")
	if got := ours.SpanContext(); got.IsSampled() || trace.TraceID(got.TraceID) != theirs.SpanContext().TraceID() {
		t.Errorf("%+v", got)
	}
}

// A lineProcessor is a span processor of the SDK that writes its spans as slogtrace's lines, so that a log alone has the whole trace.
// It is a recipe: copy it.
//
//	sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(lineProcessor{handler}), …)
type lineProcessor struct{ handler slog.Handler }

func (lineProcessor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (lineProcessor) Shutdown(context.Context) error                  { return nil }
func (lineProcessor) ForceFlush(context.Context) error                { return nil }

func (p lineProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	r := slog.NewRecord(s.EndTime(), slog.LevelInfo, "span end", 0)
	sc := s.SpanContext()
	r.AddAttrs(slog.String("trace", sc.TraceID().String()), slog.String("span", sc.SpanID().String()), slog.String("op", s.Name()))
	if s.Parent().IsValid() {
		r.AddAttrs(slog.String("parent", s.Parent().SpanID().String()))
	}
	if kind := s.SpanKind(); kind != trace.SpanKindInternal {
		r.AddAttrs(slog.String("kind", kind.String()))
	}
	r.AddAttrs(slog.String("start", s.StartTime().UTC().Format(time.RFC3339Nano)),
		slog.Float64("duration_ms", float64(s.EndTime().Sub(s.StartTime()).Microseconds())/1000))
	if s.Status().Code == codes.Error {
		r.Level = slog.LevelError
		r.AddAttrs(slog.String("error", s.Status().Description))
	}
	for _, kv := range s.Attributes() {
		r.AddAttrs(slog.Any(string(kv.Key), kv.Value.AsInterface()))
	}
	if p.handler.Enabled(context.Background(), r.Level) {
		_ = p.handler.Handle(context.Background(), r)
	}
}

// With the recipe, the log has the SDK's spans too, and the trace is one tree.
func TestLineProcessor(t *testing.T) {
	b := newBeside()
	b.provider.RegisterSpanProcessor(lineProcessor{b.logger.Handler()})
	ctx, root := b.provider.Tracer("lib").Start(t.Context(), "GET /", trace.WithSpanKind(trace.SpanKindServer))
	ctx, ours := b.tracer.Start(ctx, "charge")
	b.logger.InfoContext(ctx, "line")
	_, leaf := b.provider.Tracer("lib").Start(ctx, "query", trace.WithAttributes(attribute.Int("rows", 3)))
	leaf.SetStatus(codes.Error, "no rows")
	leaf.End()
	ours.End()
	root.End()
	traces := tracelog.Assemble(b.entries(t))
	if len(traces) != 1 || len(traces[0].Problems) > 0 {
		t.Fatalf("%s", &b.log)
	}
	var ops []string
	for depth, s := range traces[0].All() {
		ops = append(ops, strings.Repeat(" ", depth)+s.Op+s.Error)
		if s.ParentElsewhere() {
			t.Errorf("the parent of %s is not found", s.Op)
		}
	}
	if want := []string{"GET /", " charge", "  queryno rows"}; !slices.Equal(ops, want) {
		t.Errorf("want %q, got %q\n%s", want, ops, &b.log)
	}
	if rows := traces[0].Roots[0].Children[0].Children[0].Attrs; len(rows) != 1 || string(rows[0].Value) != "3" {
		t.Errorf("%v", rows)
	}
	if traces[0].Roots[0].Kind != "server" {
		t.Errorf("kind %q", traces[0].Roots[0].Kind)
	}
}

// traceotel's provider through otelhttp itself: both ends are ours, without the SDK.
func TestOTelHTTPWithoutSDK(t *testing.T) {
	var log bytes.Buffer
	h := slogtrace.NewJSONHandler(&log, nil)
	provider := traceotel.NewTracerProvider(slogtrace.NewTracer(h, nil))
	opts := []otelhttp.Option{otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(traceotel.Propagator())}
	server := httptest.NewServer(otelhttp.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slog.New(h).InfoContext(r.Context(), "handled")
		w.WriteHeader(http.StatusServiceUnavailable)
	}), "serve", opts...))
	defer server.Close()
	client := http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, opts...)}
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	server.Close() // the server's span has ended
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(log.Bytes()), "log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	traces := tracelog.Assemble(entries)
	if len(traces) != 1 || len(traces[0].Roots) != 1 || len(traces[0].Problems) > 0 {
		t.Fatalf("%s", &log)
	}
	client1 := traces[0].Roots[0]
	if client1.Kind != "client" || !client1.Failed || len(client1.Children) != 1 {
		t.Fatalf("%s", &log)
	}
	if s := client1.Children[0]; s.Kind != "server" || !s.Failed || len(s.Logs) != 1 {
		t.Errorf("%s", &log)
	}
}

// A library that has its tracer from before SetTracerProvider gets ours; so does one that asks later.
func TestTraceotelGlobal(t *testing.T) {
	var log bytes.Buffer
	before := otel.Tracer("before")
	otel.SetTracerProvider(traceotel.NewTracerProvider(slogtrace.NewTracer(slogtrace.NewJSONHandler(&log, nil), nil)))
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })
	ctx, outer := before.Start(t.Context(), "outer")
	_, inner := otel.Tracer("after").Start(ctx, "inner")
	inner.End()
	outer.End()
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"otel.scope.name":"before"`) ||
		!strings.Contains(got, `"parent":"`+outer.SpanContext().SpanID().String()) {
		t.Error(got)
	}
}

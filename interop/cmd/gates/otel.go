package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// OpenTelemetry's SDK, with the small handler that its users write: it adds the ids to the record.
var (
	otelBatch = tool{
		name: "OpenTelemetry SDK, no-op exporter", peer: "OpenTelemetry SDK", slog: true, judged: judgedOTel,
		ids: keys{trace: "trace_id", span: "span_id", inGroup: true}, ends: endsExported,
		open: func(sk *sink) (*session, error) {
			o := newOtel(new(countingExporter), sk)
			return o.session(slog.New(judgedOTel.open(sk.lines, &sk.opts))), nil
		},
	}

	otelStdout = tool{
		name: "OpenTelemetry SDK, stdouttrace", peer: "OpenTelemetry SDK", slog: true, judged: judgedOTel,
		ids: keys{trace: "trace_id", span: "span_id", inGroup: true}, ends: endsExported, decodeSpans: decodeStdoutSpans,
		open: func(sk *sink) (*session, error) {
			e, err := stdouttrace.New(stdouttrace.WithWriter(sk.spans))
			if err != nil {
				return nil, err
			}
			o := newOtel(&countingExporter{next: e}, sk)
			return o.session(slog.New(judgedOTel.open(sk.lines, &sk.opts))), nil
		},
	}
)

type otelHandler struct{ slog.Handler }

func (h otelHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h otelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return otelHandler{h.Handler.WithAttrs(attrs)}
}

func (h otelHandler) WithGroup(name string) slog.Handler {
	return otelHandler{h.Handler.WithGroup(name)}
}

func enterOTel(ctx context.Context, sc slogtrace.SpanContext) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(sc.TraceID), SpanID: trace.SpanID(sc.SpanID), TraceFlags: trace.TraceFlags(sc.Flags),
	}))
}

// otelTracer is a provider of its own: nothing global is set.
type otelTracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *countingExporter
	remote   http.Header
}

func newOtel(e *countingExporter, sk *sink) *otelTracer {
	e.seen = sk.seen
	p := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithBatcher(e, sdktrace.WithBlocking()), // or spans would be dropped when the queue is full
	)
	return &otelTracer{p, p.Tracer("gates"), e, http.Header{"Traceparent": {remoteText}}}
}

func (o *otelTracer) session(l *slog.Logger) *session {
	outer := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(o.remote))
	ctx, span := o.tracer.Start(outer, op)
	sc := span.SpanContext()
	return &session{
		logger: l, ctx: ctx, at: ids{sc.TraceID().String(), sc.SpanID().String()},
		fresh: func() context.Context {
			ctx, _ := o.tracer.Start(outer, op)
			return ctx
		},
		debug: debugs(l, ctx),
		child: func(attrs int) {
			switch attrs {
			case 0:
				o.child(ctx)
			case 2:
				o.child2(ctx)
			case 10:
				o.child10(ctx)
			}
		},
		request:  func(log logFunc) { o.request(l, log) },
		flush:    func() { _ = o.provider.ForceFlush(context.Background()) },
		exported: o.exporter.count.Load,
		close:    func() { _ = o.provider.Shutdown(context.Background()) },
	}
}

func (o *otelTracer) child(ctx context.Context) {
	_, span := o.tracer.Start(ctx, op)
	defer span.End()
}

func (o *otelTracer) child2(ctx context.Context) {
	_, span := o.tracer.Start(ctx, op, trace.WithAttributes(attribute.String("booking", booking), attribute.Int("amount", amount)))
	defer span.End()
}

var otelAttrs10 = []attribute.KeyValue{
	attribute.String("booking", booking), attribute.Int("amount", amount), attribute.Bool("ok", true), attribute.String("currency", "EUR"),
	attribute.String("provider", provider), attribute.Int("attempt", attempt), attribute.Float64("fee", 1.25), attribute.Int("wait", 3),
	attribute.Int("seats", 3), attribute.String("channel", "web"),
}

func (o *otelTracer) child10(ctx context.Context) {
	_, span := o.tracer.Start(ctx, op, trace.WithAttributes(otelAttrs10...))
	defer span.End()
}

func (o *otelTracer) request(l *slog.Logger, log logFunc) {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(o.remote))
	ctx, span := o.tracer.Start(ctx, root, trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	log(l, ctx)
	log(l, ctx)
	for _, op := range &steps {
		o.step(ctx, op, l, log)
	}
}

func (o *otelTracer) step(ctx context.Context, op string, l *slog.Logger, log logFunc) {
	ctx, span := o.tracer.Start(ctx, op, trace.WithAttributes(attribute.String("booking", booking), attribute.Int("amount", amount)))
	defer span.End()
	log(l, ctx)
	log(l, ctx)
}

// countingExporter counts spans and passes them on, if there is somebody to pass them to.
type countingExporter struct {
	next  sdktrace.SpanExporter
	count atomic.Int64
	seen  *seen
}

func (e *countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.count.Add(int64(len(spans)))
	if e.next != nil {
		return e.next.ExportSpans(ctx, spans)
	}
	if e.seen == nil {
		return nil
	}
	e.seen.mu.Lock()
	defer e.seen.mu.Unlock()
	for _, s := range spans {
		attrs := map[string]string{}
		for _, a := range s.Attributes() {
			attrs[string(a.Key)] = a.Value.String()
		}
		e.seen.exported = append(e.seen.exported, span{
			ids{s.SpanContext().TraceID().String(), s.SpanContext().SpanID().String()}, s.Parent().SpanID().String(), attrs,
		})
	}
	return nil
}

func (e *countingExporter) Shutdown(ctx context.Context) error {
	if e.next != nil {
		return e.next.Shutdown(ctx)
	}
	return nil
}

func decodeStdoutSpans(text []byte) ([]span, error) {
	var spans []span
	type context struct{ TraceID, SpanID string }
	for b := range bytes.Lines(text) {
		var s struct {
			SpanContext, Parent context
			Attributes          []otelAttr
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, fmt.Errorf("%w in %s", err, b)
		}
		spans = append(spans, span{ids{s.SpanContext.TraceID, s.SpanContext.SpanID}, s.Parent.SpanID, otelAttrs(s.Attributes)})
	}
	return spans, nil
}

// otelAttr is an attribute as the exporters for standard output write it.
type otelAttr struct {
	Key   string
	Value struct {
		Type  string
		Value json.RawMessage
	}
}

func otelAttrs(list []otelAttr) map[string]string {
	attrs := map[string]string{}
	for _, a := range list {
		a.addTo(attrs, "")
	}
	return attrs
}

func (a otelAttr) addTo(attrs map[string]string, prefix string) {
	var members []otelAttr
	if a.Value.Type == "MAP" && json.Unmarshal(a.Value.Value, &members) == nil {
		for _, m := range members {
			m.addTo(attrs, prefix+a.Key+".")
		}
		return
	}
	attrs[prefix+a.Key] = strings.Trim(string(a.Value.Value), `"`)
}

package traceotel

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// NewTracerProvider returns a TracerProvider whose spans are slogtrace's: see the package comment. Register it with
// otel.SetTracerProvider, or pass it to a library's WithTracerProvider option.
//
// The spans belong to t. If t is nil, the usual case, they belong to the Tracer of the context, or to the default one
// when a span begins, as with [slogtrace.Start].
//
// It is safe for concurrent use, and so are its tracers and spans. Methods that a later version of OpenTelemetry's API adds
// do nothing.
func NewTracerProvider(t *slogtrace.Tracer) trace.TracerProvider {
	share()
	return &provider{tracer: t}
}

type provider struct {
	noop.TracerProvider
	tracer *slogtrace.Tracer
}

// The keys of a scope are those of OpenTelemetry's "Transformation to non-OTLP Formats".
const (
	scopeKey        = "otel.scope."
	scopeNameKey    = scopeKey + "name"
	scopeVersionKey = scopeKey + "version"
)

func (p *provider) Tracer(name string, opts ...trace.TracerOption) trace.Tracer {
	cfg := trace.NewTracerConfig(opts...)
	t := &tracer{provider: p}
	if name != "" {
		t.scope = append(t.scope, slog.String(scopeNameKey, name))
	}
	if v := cfg.InstrumentationVersion(); v != "" {
		t.scope = append(t.scope, slog.String(scopeVersionKey, v))
	}
	set := cfg.InstrumentationAttributes()
	for _, kv := range set.ToSlice() {
		kv.Key = scopeKey + kv.Key
		t.scope, _ = appendAttr(t.scope, kv)
	}
	return t
}

// A tracer makes spans for one instrumentation scope.
type tracer struct {
	noop.Tracer
	provider *provider
	scope    []slog.Attr
}

func (t *tracer) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	if c, ok := ctx.(*spanContext); ok {
		ctx = c.ctx // its span answers for itself
	}
	cfg := trace.NewSpanStartConfig(opts...)
	in := hook.Start{Op: name, At: cfg.Timestamp(), NewRoot: cfg.NewRoot()}
	if t.provider.tracer != nil {
		in.Tracer = t.provider.tracer
	}
	n := len(cfg.Attributes()) + len(t.scope)
	switch kind := cfg.SpanKind(); kind {
	case trace.SpanKindServer, trace.SpanKindClient, trace.SpanKindProducer, trace.SpanKindConsumer:
		in.Kind = kind.String()
		n += 3 // room for the attributes of the outcome
	}
	var left dropped
	if n > 0 {
		in.Attrs = make([]slog.Attr, 0, n)
		in.Attrs, left.attributes = appendAttrs(in.Attrs, cfg.Attributes())
		in.Attrs = append(in.Attrs, t.scope...)
	}
	for _, l := range cfg.Links() {
		if link, ok := left.link(l); ok {
			in.Links = append(in.Links, link)
		}
	}
	s := newSpan(hook.StartSpan(ctx, in), t.provider)
	left.count(s.own.ctx)
	return &s.own, s
}

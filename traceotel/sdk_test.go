package traceotel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotel"
	"github.com/slogtrace/slogtrace/tracetest"
)

// An sdkSpan is a span of another implementation of the API. It cannot be compared.
type sdkSpan struct {
	noop.Span
	sc trace.SpanContext
	_  []int
}

func (s sdkSpan) SpanContext() trace.SpanContext { return s.sc }
func (s sdkSpan) Name() string                   { return "of the SDK" }

// startSDK makes a child of ctx's current span, as the SDK does.
func startSDK(ctx context.Context, id byte) context.Context {
	cfg := trace.SpanContextConfig{TraceID: trace.TraceID{9: 0x77}, SpanID: trace.SpanID{id}, TraceFlags: trace.FlagsSampled}
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() {
		cfg.TraceID, cfg.TraceFlags, cfg.TraceState = parent.TraceID(), parent.TraceFlags(), parent.TraceState()
	}
	return trace.ContextWithSpan(ctx, sdkSpan{sc: trace.NewSpanContext(cfg)})
}

// The module needs OpenTelemetry's API and not its SDK.
func TestNoSDK(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mod), "/sdk") || strings.Contains(string(mod), "replace") {
		t.Errorf("%s", mod)
	}
}

// A trace goes through spans of both kinds in any order, with one id.
func TestBesideSDK(t *testing.T) {
	rec := tracetest.NewRecorder()
	h := traceotel.NewHandler(rec)
	tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
	ctx := startSDK(t.Context(), 1)
	log.InfoContext(ctx, "line")
	ctx, own := tracer.Start(ctx, "own")
	inner := startSDK(ctx, 2)
	log.InfoContext(inner, "line")
	_, below := tracer.Start(inner, "below")
	below.End()
	own.End()
	var ids []string
	for _, l := range lines(t, rec) {
		if l["trace"] != "00000000000000000077000000000000" {
			t.Errorf("%v", l)
		}
		ids = append(ids, strings.Join([]string{l["op"].(string), l["span"].(string), text(l["parent"]), text(l["parent_kind"])}, " "))
	}
	want := []string{
		"of the SDK 0100000000000000  ",
		"of the SDK 0200000000000000  ",
		"below " + below.SpanContext().SpanID.String() + " 0200000000000000 external",
		"own " + own.SpanContext().SpanID.String() + " 0100000000000000 external",
	}
	if !slices.Equal(ids, want) {
		t.Errorf("want %q,\ngot %q", want, ids)
	}
	if got := slogtrace.SpanContextFromContext(inner); got.SpanID != (slogtrace.SpanID{2}) {
		t.Errorf("%v", got)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// The ids of the SDK's span are at the root, once, in any group and with any attributes.
func TestHandlerIDs(t *testing.T) {
	for name, h := range map[string]func(io.Writer) slog.Handler{
		"slog": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"ours": func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
		"several": func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(slogtrace.NewJSONHandler(w, nil), slog.NewJSONHandler(io.Discard, nil))
		},
		"twice": func(w io.Writer) slog.Handler { return traceotel.NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		logger := slog.New(traceotel.NewHandler(h(&b)))
		ctx := startSDK(slogtrace.With(t.Context(), slog.Int("with", 1)), 1)
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, log := range []*slog.Logger{
			logger, logger.With("a", 1), logger.WithGroup("g"), logger.With("a", 1).WithGroup("g").With("b", 2), logger.WithGroup("g").WithGroup("h"),
		} {
			for range 5 { // from the third record of a span on, a handler may bind the ids
				b.Reset()
				log.InfoContext(derived, "m", "k", "v", "trace", "mine")
				var got map[string]any
				if err := json.Unmarshal(b.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				if got["trace"] != "00000000000000000077000000000000" || got["span"] != "0100000000000000" || got["op"] != "of the SDK" ||
					got["with"] != 1.0 || strings.Count(b.String(), `"0100000000000000"`) != 1 || !strings.Contains(b.String(), `"mine"`) {
					t.Errorf("%s: %s", name, b.String())
				}
			}
		}
		b.Reset()
		logger.Info("m")
		if strings.Contains(b.String(), "trace") {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}

func TestHandlerKit(t *testing.T) {
	tracetest.TestHandler(t, func(w io.Writer) slog.Handler { return traceotel.NewHandler(slog.NewJSONHandler(w, nil)) })
	tracetest.TestHandler(t, func(w io.Writer) slog.Handler { return traceotel.NewHandler(slogtrace.NewJSONHandler(w, nil)) })
}

// One of our handlers stays as it is, with its Format.
func TestHandlerFormat(t *testing.T) {
	var b bytes.Buffer
	own := slogtrace.OTel.NewJSONHandler(&b, nil)
	h := traceotel.NewHandler(own)
	if h != slog.Handler(own) {
		t.Errorf("%T", h)
	}
	slog.New(h).InfoContext(startSDK(t.Context(), 1), "m")
	if got := b.String(); !strings.Contains(got, `"trace_id":"00000000000000000077000000000000","span_id":"0100000000000000"`) || !strings.Contains(got, `"trace_flags":"01"`) {
		t.Error(got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil handler is taken")
		}
	}()
	traceotel.NewHandler(nil)
}

func TestPropagator(t *testing.T) {
	p := traceotel.Propagator()
	if got := p.Fields(); !slices.Equal(got, []string{"traceparent", "tracestate", "baggage"}) {
		t.Errorf("%q", got)
	}
	tracer := slogtrace.NewTracer(slog.DiscardHandler, nil)
	remote := slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}, Flags: slogtrace.FlagSampled, State: "a=b"}
	ctx, err := slogtrace.WithBaggage(slogtrace.ContextWithRemoteSpanContext(t.Context(), remote), "tenant", "t 1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, s := tracer.Start(ctx, "op")
	out := propagation.MapCarrier{}
	p.Inject(ctx, out)
	if out["traceparent"] != s.SpanContext().Traceparent() || out["tracestate"] != "a=b" || out["baggage"] != "tenant=t%201" {
		t.Errorf("%v", out)
	}
	in := p.Extract(t.Context(), out)
	if got := slogtrace.SpanContextFromContext(in); got != s.SpanContext() {
		t.Errorf("%v", got)
	}
	if sc := trace.SpanContextFromContext(in); !sc.IsRemote() || sc.SpanID() != trace.SpanID(s.SpanContext().SpanID) {
		t.Errorf("%v", sc)
	}
	for k, v := range slogtrace.Baggage(in) {
		if k != "tenant" || v != "t 1" {
			t.Errorf("%s=%s", k, v)
		}
	}

	// The SDK's span is sent if it is the current one.
	out = propagation.MapCarrier{}
	p.Inject(startSDK(ctx, 7), out)
	if !strings.Contains(out["traceparent"], "-0700000000000000-") || out["tracestate"] != "a=b" || out["baggage"] != "tenant=t%201" {
		t.Errorf("%v", out)
	}
	// So is ours by OpenTelemetry's own propagator.
	out = propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, out)
	if out["traceparent"] != s.SpanContext().Traceparent() || out["tracestate"] != "a=b" {
		t.Errorf("%v", out)
	}
	// Nothing to say.
	out = propagation.MapCarrier{}
	p.Inject(t.Context(), out)
	if len(out) > 0 || p.Extract(t.Context(), out) != t.Context() {
		t.Errorf("%v", out)
	}
	// Repeated headers: a second traceparent makes both invalid, baggage is joined.
	h := http.Header{"Traceparent": {remote.Traceparent(), remote.Traceparent()}, "Baggage": {"a=1", "b=2"}}
	in = p.Extract(t.Context(), propagation.HeaderCarrier(h))
	n := 0
	for range slogtrace.Baggage(in) {
		n++
	}
	if slogtrace.SpanContextFromContext(in).IsValid() || n != 2 {
		t.Errorf("%v, %d members", slogtrace.SpanContextFromContext(in), n)
	}
}

// Both kinds of baggage leave in one header; slogtrace's wins.
func TestPropagatorBaggage(t *testing.T) {
	other, err := baggage.Parse("tenant=other,region=eu;p=1")
	if err != nil {
		t.Fatal(err)
	}
	ctx := baggage.ContextWithBaggage(t.Context(), other)
	out := propagation.MapCarrier{}
	traceotel.Propagator().Inject(ctx, out)
	if b, err := baggage.Parse(out["baggage"]); err != nil || b.Len() != 2 {
		t.Errorf("%v", out)
	}
	ctx, err = slogtrace.WithBaggage(ctx, "tenant", "ours")
	if err != nil {
		t.Fatal(err)
	}
	both := propagation.NewCompositeTextMapPropagator(propagation.Baggage{}, traceotel.Propagator())
	both.Inject(ctx, out)
	if out["baggage"] != "tenant=ours,region=eu;p=1" {
		t.Errorf("%v", out)
	}
	if in := both.Extract(context.Background(), out); baggage.FromContext(in).Len() != 2 {
		t.Errorf("%v", baggage.FromContext(in))
	}
}

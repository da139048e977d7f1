package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// An otherSpan is a span of another library. It cannot be compared, like some of OpenTelemetry's.
type otherSpan struct {
	id   hook.ForeignSpan
	ours context.Context
	_    func()
}

type otherKey struct{}

// setOther sets another library for one test.
func setOther(t *testing.T) {
	hook.SetForeign(hook.Foreign{
		Key:  otherKey{},
		Span: func(ctx context.Context) any { return &otherSpan{ours: ctx} },
		Look: func(v any) (context.Context, hook.ForeignSpan) {
			switch s := v.(type) {
			case *otherSpan:
				return s.ours, s.id
			case otherSpan:
				return s.ours, s.id
			}
			return nil, hook.ForeignSpan{}
		},
	})
	t.Cleanup(func() { foreign.Store(nil) })
}

// withOther puts a span of the other library into ctx.
func withOther(ctx context.Context, id hook.ForeignSpan) context.Context {
	return context.WithValue(ctx, otherKey{}, otherSpan{id: id})
}

var otherID = hook.ForeignSpan{Trace: [16]byte{7, 9: 0xff}, Span: [8]byte{8}, Flags: 1, Op: "other"}

// childOf returns the identity of a child of ctx's current span in the other library, which asks ctx under its own key.
func childOf(t *testing.T, ctx context.Context, span byte) hook.ForeignSpan {
	t.Helper()
	o, ok := ctx.Value(otherKey{}).(*otherSpan)
	if !ok {
		t.Fatal("the other library finds no span of ours")
	}
	sc := SpanContextFromContext(o.ours)
	return hook.ForeignSpan{Trace: sc.TraceID, Span: [8]byte{span}, Flags: byte(sc.Flags), State: sc.State}
}

// Every context of ours answers the other library's key with what is current in it.
func TestForeignKey(t *testing.T) {
	setOther(t)
	ctx, span := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "a")
	_, other := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "b")
	remote := ContextWithRemoteSpanContext(ctx, SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}})
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	bag, err := WithBaggage(derived, "k", "v")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		want SpanContext
	}{
		"none":     {t.Context(), SpanContext{}},
		"span":     {ctx, span.SpanContext()},
		"derived":  {derived, span.SpanContext()},
		"With":     {With(derived, slog.Int("n", 1)), span.SpanContext()},
		"baggage":  {bag, span.SpanContext()},
		"remote":   {remote, SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}}},
		"Detach":   {Detach(ctx), SpanContext{}},
		"detached": {With(Detach(remote), slog.Int("n", 1)), SpanContext{}},
		"Under":    {hook.Under(ctx, (*spanContext)(other)), other.SpanContext()},
		"decided":  {hook.Continue(t.Context(), [16]byte{}, [8]byte{}, hook.Deny), SpanContext{}},
	} {
		v := test.ctx.Value(otherKey{})
		o, ok := v.(*otherSpan)
		if ok != test.want.IsValid() {
			t.Errorf("%s: %v", name, v)
			continue
		}
		if !ok {
			continue
		}
		if got := SpanContextFromContext(o.ours); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if again := test.ctx.Value(otherKey{}); again != v {
			t.Errorf("%s: another value the second time", name)
		}
	}
	if v := ctx.Value("key"); v != nil {
		t.Errorf("another key has %v", v)
	}
}

// The span that was put in last is the current one, whichever library it is of.
func TestForeignOrder(t *testing.T) {
	setOther(t)
	tracer := NewTracer(slog.DiscardHandler, nil)
	base := With(t.Context(), slog.Int("n", 1))
	ours, span := tracer.Start(base, "ours")
	derive := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		t.Cleanup(cancel)
		return ctx
	}
	other := SpanContext{TraceID: TraceID(otherID.Trace), SpanID: SpanID(otherID.Span), Flags: FlagSampled}
	afterOther, below := tracer.Start(withOther(ours, otherID), "below")
	remote := SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}}
	wrapped := context.WithValue(withOther(t.Context(), otherID), otherKey{}, ours.Value(otherKey{}))
	same := hook.ForeignSpan{Trace: span.SpanContext().TraceID, Span: span.SpanContext().SpanID}
	for name, test := range map[string]struct {
		ctx  context.Context
		want SpanContext
		span *Span
	}{
		"other":                      {withOther(t.Context(), otherID), other, nil},
		"other on ours":              {derive(withOther(derive(ours), otherID)), other, nil},
		"other on With":              {withOther(base, otherID), other, nil},
		"With on other on ours":      {With(withOther(ours, otherID), slog.Int("n", 2)), other, nil},
		"derived With on other":      {derive(With(withOther(ours, otherID), slog.Int("n", 2))), other, nil},
		"ours on other":              {derive(afterOther), below.SpanContext(), below},
		"remote on other":            {derive(ContextWithRemoteSpanContext(withOther(ours, otherID), remote)), remote, nil},
		"other on remote":            {derive(withOther(ContextWithRemoteSpanContext(ours, remote), otherID)), other, nil},
		"detached from other":        {derive(Detach(withOther(ours, otherID))), SpanContext{}, nil},
		"other, detached":            {derive(withOther(Detach(ours), otherID)), other, nil},
		"ours as the other's":        {derive(wrapped), span.SpanContext(), span},
		"ours as the other's, With":  {With(wrapped, slog.Int("n", 3)), span.SpanContext(), span},
		"ours, wrapped by the other": {withOther(ours, same), span.SpanContext(), span},
		"no ids":                     {withOther(ours, hook.ForeignSpan{Trace: [16]byte{1}}), span.SpanContext(), span},
		"remote as the other's": {
			context.WithValue(ours, otherKey{}, ContextWithRemoteSpanContext(t.Context(), remote).Value(otherKey{})), remote, nil,
		},
	} {
		if got := SpanContextFromContext(test.ctx); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if got := SpanFromContext(test.ctx); got != test.span {
			t.Errorf("%s: span %v, want %v", name, got, test.span)
		}
		_, child := tracer.Start(test.ctx, "child")
		if child.parentID != test.want.SpanID || test.want.IsValid() && child.SpanContext().TraceID != test.want.TraceID {
			t.Errorf("%s: the child is one of %v", name, child.parentID)
		}
		var carried string
		if test.want.IsValid() {
			carried = test.want.Traceparent()
		}
		if got := NewCarrier(test.ctx).Traceparent; got != carried {
			t.Errorf("%s: carrier %s, want %s", name, got, carried)
		}
		if got, _, _ := hook.Inject(test.ctx); got != carried {
			t.Errorf("%s: header %s, want %s", name, got, carried)
		}
	}
}

// Log records have the ids of the other library's span, with the attributes of the context.
func TestForeignRecords(t *testing.T) {
	setOther(t)
	for name, h := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"redacted": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewJSONHandler(w, nil), &RedactOptions{Keys: []string{"who"}})
		},
	} {
		var b bytes.Buffer
		log := slog.New(h(&b))
		ctx, err := WithBaggage(With(t.Context(), slog.String("who", "ann")), "tenant", "t1")
		if err != nil {
			t.Fatal(err)
		}
		tracer := NewTracer(log.Handler(), nil)
		mine, _ := tracer.Start(ctx, "mine")
		ctx = withOther(mine, otherID)
		log.WithGroup("g").InfoContext(ctx, "in", "k", 1)
		log.InfoContext(With(ctx, slog.Int("deep", 1)), "in")
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		for i, line := range lines {
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			who := "ann"
			if name == "redacted" {
				who = "[redacted]"
			}
			if got["trace"] != TraceID(otherID.Trace).String() || got["span"] != SpanID(otherID.Span).String() || got["op"] != "other" ||
				got["tenant"] != "t1" || !strings.EqualFold(got["who"].(string), who) || i == 1 && got["deep"] != 1.0 {
				t.Errorf("%s: %s", name, line)
			}
		}
		if len(lines) != 2 {
			t.Errorf("%s: %d lines", name, len(lines))
		}
	}
}

// A span below one of the other library says so. One below a remote parent does not, whichever library put it in.
func TestParentKind(t *testing.T) {
	setOther(t)
	remote := otherID
	remote.Remote = true
	for name, h := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"ECS":         func(w io.Writer) slog.Handler { return ECS.NewJSONHandler(w, nil) },
	} {
		for id, want := range map[*hook.ForeignSpan]string{&otherID: "external", &remote: ""} {
			var b bytes.Buffer
			var info SpanInfo
			tracer := NewTracer(seeSpans{h(&b), func(i SpanInfo) { info = i }}, &TracerOptions{LogStart: true})
			ctx, span := tracer.Start(withOther(t.Context(), *id), "op", slog.String("parent_kind", "mine"))
			_, child := tracer.Start(ctx, "child")
			child.End()
			if b.Len() == 0 || info.ParentKind != "" {
				t.Errorf("%s: child: %+v", name, info)
			}
			span.End()
			if info.ParentKind != want {
				t.Errorf("%s: %q, want %q", name, info.ParentKind, want)
			}
			for line := range strings.Lines(b.String()) {
				var got map[string]any
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Fatal(err)
				}
				kind, _ := got["parent_kind"].(string)
				isChild := strings.Contains(line, `"child"`)
				if isChild && kind != "" || !isChild && (kind != want || got["attr.parent_kind"] != "mine") {
					t.Errorf("%s: want %q: %s", name, want, line)
				}
			}
		}
	}
}

// A seeSpans passes on records and the content of those of spans.
type seeSpans struct {
	slog.Handler
	see func(SpanInfo)
}

func (h seeSpans) Handle(ctx context.Context, r slog.Record) error {
	if info, ok := SpanOf(r); ok {
		h.see(info)
	}
	return h.Handler.Handle(ctx, r)
}

// The trace's sampling goes through the other library, with the tracestate and the rate.
func TestForeignSampling(t *testing.T) {
	setOther(t)
	start := func(ctx context.Context, s Sampler) *Span {
		_, span := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: s}).Start(ctx, "op")
		return span
	}
	unsampled := otherID
	unsampled.Flags = 0
	rated := otherID
	rated.State = "ot=th:8,a=b"
	bad := otherID
	bad.State = "=,="
	if s := start(withOther(t.Context(), unsampled), nil); s.flags != 0 {
		t.Errorf("flags %v", s.flags)
	}
	if s := start(withOther(t.Context(), unsampled), IgnoreParent(nil)); s.flags&FlagSampled == 0 {
		t.Error("IgnoreParent is not asked")
	}
	if s := start(withOther(t.Context(), rated), nil); s.env.rate != 0.5 || s.SpanContext().State != "ot=th:8,a=b" {
		t.Errorf("rate %g, state %q", s.env.rate, s.SpanContext().State)
	}
	if s := start(withOther(t.Context(), bad), nil); s.env.rate != 0 || s.SpanContext().State != "" {
		t.Errorf("rate %g, state %q", s.env.rate, s.SpanContext().State)
	}
	// A rate that does not travel stays with the trace in this process.
	ctx, _ := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: rateOf(0.25)}).Start(t.Context(), "root")
	if s := start(withOther(ctx, childOf(t, ctx, 1)), nil); s.env.rate != 0.25 {
		t.Errorf("rate %g", s.env.rate)
	}
	if s := start(withOther(ctx, otherID), nil); s.env.rate != 0 {
		t.Errorf("rate %g in another trace", s.env.rate)
	}
	// Ours as a span of the other library's, in a context of another trace.
	ctx = context.WithValue(withOther(With(t.Context(), slog.Int("n", 1)), rated), otherKey{}, ctx.Value(otherKey{}))
	if s := start(With(ctx, slog.Int("n", 2)), nil); s.env.rate != 0.25 || s.env.state != "" {
		t.Errorf("rate %g, state %q", s.env.rate, s.env.state)
	}
}

type rateOf float64

func (r rateOf) Sample(SampleInput) (bool, float64) { return true, float64(r) }

// Spans of the other library between two of ours do not part them: they have one root, and a failure marks both.
func TestForeignBetween(t *testing.T) {
	setOther(t)
	var b bytes.Buffer
	tracer := NewTracer(NewJSONHandler(&b, nil), &TracerOptions{Sampler: Ratio(0)})
	ctx, outer := tracer.Start(t.Context(), "outer")
	between := withOther(ctx, childOf(t, ctx, 1))
	between = withOther(between, hook.ForeignSpan{Trace: outer.SpanContext().TraceID, Span: [8]byte{2}})
	_, inner := tracer.Start(With(between, slog.Int("n", 1)), "inner")
	if inner.localRoot() != outer || inner.localParent() != outer || len(inner.SpanContext().State) > 0 {
		t.Errorf("root %v, parent %v", inner.localRoot(), inner.localParent())
	}
	inner.Fail(errors.New("no"))
	inner.End()
	outer.End()
	if got := b.String(); strings.Count(got, "span end") != 2 || strings.Contains(got, "links") ||
		!strings.Contains(got, fmt.Sprintf(`"parent":"%s","start"`, SpanID{2})) {
		t.Error(got)
	}
	// In a trace that the other library began, it is a root of its own.
	_, apart := tracer.Start(withOther(ctx, otherID), "apart")
	if apart.localRoot() != apart || apart.localParent() != nil || apart.rare.Load().links != nil {
		t.Errorf("root %v, parent %v", apart.localRoot(), apart.localParent())
	}
	// A remote parent that the other library put on top links back, as ours does.
	remote := otherID
	remote.Remote = true
	_, linked := tracer.Start(withOther(ctx, remote), "linked")
	if links := linked.rare.Load().links; len(links) != 1 || links[0] != outer.SpanContext() {
		t.Errorf("links %v", links)
	}
}

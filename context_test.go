package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type contextKey struct{}

// A span's context is like its parent's except for the span.
func TestSpanContextIsAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), contextKey{}, "value"))
		parent, cancelDeadline := context.WithTimeout(parent, time.Hour)
		defer cancelDeadline()
		wrap := map[string]func(context.Context) context.Context{
			"Start":  func(ctx context.Context) context.Context { ctx, _ = Start(ctx, "op"); return ctx },
			"With":   func(ctx context.Context) context.Context { return With(ctx, slog.Int("n", 1)) },
			"Remote": func(ctx context.Context) context.Context { return ContextWithRemoteSpanContext(ctx, testSpanContext) },
			"Detach": func(ctx context.Context) context.Context { ctx, _ = Start(ctx, "op"); return Detach(ctx) },
			"Carrier": func(ctx context.Context) context.Context {
				ctx, _ = Carrier{Traceparent: testTraceparent}.Context(ctx)
				return ctx
			},
		}
		ctxs := map[string]context.Context{}
		for name, f := range wrap {
			ctx := f(parent)
			ctxs[name] = ctx
			want, _ := parent.Deadline()
			if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
				t.Errorf("%s: Deadline = %v, %v, want %v", name, got, ok, want)
			}
			if ctx.Value(contextKey{}) != "value" || ctx.Value("other") != nil {
				t.Errorf("%s: values are lost", name)
			}
			if ctx.Err() != nil {
				t.Errorf("%s: Err = %v", name, ctx.Err())
			}
			// A child's own deadline and cancellation stay the child's.
			child, cancelChild := context.WithTimeout(ctx, time.Minute)
			ctxs[name+", child"] = child
			short, cancelShort := context.WithTimeout(ctx, time.Second)
			cancelShort()
			if short.Err() == nil || ctx.Err() != nil {
				t.Errorf("%s: cancelling a child: %v, %v", name, short.Err(), ctx.Err())
			}
			defer cancelChild()
			done := make(chan bool, 1)
			context.AfterFunc(ctx, func() { done <- true })
			defer func() {
				if !<-done {
					t.Errorf("%s: AfterFunc was not called", name)
				}
			}()
		}
		cancel(cause)
		for name, ctx := range ctxs {
			select {
			case <-ctx.Done():
			default:
				t.Errorf("%s: not done after its parent was cancelled", name)
			}
			if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
				t.Errorf("%s: Err = %v, Cause = %v", name, ctx.Err(), context.Cause(ctx))
			}
		}
	})
}

// Package context recognises the canceller below our contexts, so a child needs no goroutine to wait for it.
func TestSpanContextCancelStartsNoGoroutine(t *testing.T) {
	const n = 100
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx, s := Start(parent, "op")
	ctx = With(ContextWithRemoteSpanContext(ctx, testSpanContext), slog.Int("n", 1))
	ctx, _ = Start(ctx, "below")
	_ = s
	before := runtime.NumGoroutine()
	for range n {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		_ = ctx
	}
	if got := runtime.NumGoroutine() - before; got > n/2 {
		t.Errorf("%d children of a span's context started %d goroutines", n, got)
	}
	// A context that cannot be cancelled stays so.
	ctx, _ = Start(context.Background(), "op")
	if ctx.Done() != nil {
		t.Error("a span over Background can be done")
	}
}

func TestContextString(t *testing.T) {
	ctx, s := Start(context.Background(), "op")
	if got := fmt.Sprint(ctx); !strings.Contains(got, "op") || len(got) > 100 {
		t.Errorf("fmt.Sprint(ctx) = %q", got)
	}
	// Package context prints a chain by its Stringers: it must not print our fields, which others may be changing.
	ctx, cancel := context.WithCancel(With(ctx, slog.String("a", "b")))
	defer cancel()
	want := fmt.Sprintf("%v", ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 100 {
			s.SetAttrs(slog.Int(fmt.Sprint(i), i))
		}
	})
	for range 100 {
		if got := fmt.Sprintf("%v", ctx); got != want {
			t.Fatalf("while attributes are set it prints as %q, before as %q", got, want)
		}
	}
	wg.Wait()
	if got := fmt.Sprintf("%v", ctx); got != want {
		t.Errorf("with attributes it prints as %q, before as %q", got, want)
	}
}

// The last one put into the context counts.
func TestContextLastCounts(t *testing.T) {
	remote2 := testSpanContext
	remote2.SpanID = SpanID{1}
	tr := NewTracer(slog.DiscardHandler, nil)
	bg := context.Background()
	local, s := tr.Start(bg, "op")
	sc := s.SpanContext()
	put := ContextWithRemoteSpanContext
	child, childSpan := Start(put(local, testSpanContext), "child")
	type key struct{}
	tests := []struct {
		name string
		ctx  context.Context
		span *Span
		want SpanContext
	}{
		{"nothing", bg, nil, SpanContext{}},
		{"With", With(bg, slog.Int("n", 1)), nil, SpanContext{}},
		{"span", local, s, sc},
		{"With over a span", With(local, slog.Int("n", 1)), s, sc},
		{"a value over a span", context.WithValue(local, key{}, 1), s, sc},
		{"WithoutCancel", context.WithoutCancel(local), s, sc},
		{"remote", put(bg, testSpanContext), nil, testSpanContext},
		{"remote over a span", put(local, testSpanContext), nil, testSpanContext},
		{"With over remote over a span", With(put(local, testSpanContext), slog.Int("n", 1)), nil, testSpanContext},
		{"remote over remote", put(put(local, testSpanContext), remote2), nil, remote2},
		{"span over remote", child, childSpan, childSpan.SpanContext()},
		{"a remote that is not valid", put(local, SpanContext{TraceID: TraceID{1}}), s, sc},
		{"Detach", Detach(local), nil, SpanContext{}},
		{"Detach over remote", Detach(put(local, testSpanContext)), nil, SpanContext{}},
		{"remote over Detach", put(Detach(local), testSpanContext), nil, testSpanContext},
		{"With over Detach", With(Detach(local), slog.Int("n", 1)), nil, SpanContext{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SpanFromContext(tt.ctx); got != tt.span {
				t.Errorf("SpanFromContext = %v, want %v", got.Op(), tt.span.Op())
			}
			if diff := cmp.Diff(tt.want, SpanContextFromContext(tt.ctx)); diff != "" {
				t.Errorf("SpanContextFromContext: -want +got:\n%s", diff)
			}
			_, next := Start(tt.ctx, "next")
			if tt.want.IsValid() && next.SpanContext().TraceID != tt.want.TraceID {
				t.Errorf("next trace = %v, want %v", next.SpanContext().TraceID, tt.want.TraceID)
			}
			if !tt.want.IsValid() && (next.SpanContext().TraceID == sc.TraceID || next.SpanContext().TraceID == testSpanContext.TraceID) {
				t.Error("the next span continues a trace")
			}
			if next.parentID != tt.want.SpanID {
				t.Errorf("next parent = %v, want %v", next.parentID, tt.want.SpanID)
			}
			if NewCarrier(tt.ctx).Traceparent != tt.want.Traceparent() {
				t.Errorf("NewCarrier = %v", NewCarrier(tt.ctx))
			}
		})
	}
	if put(local, SpanContext{}) != local {
		t.Error("a SpanContext that is not valid does not return ctx itself")
	}
	if Detach(bg) != bg {
		t.Error("Detach outside a trace does not return ctx itself")
	}
}

// New roots set FlagRandom and FlagSampled; children copy what the parent has.
func TestContextFlags(t *testing.T) {
	tr := NewTracer(slog.DiscardHandler, nil)
	ctx, root := tr.Start(context.Background(), "root")
	if got := root.SpanContext().Flags; got != FlagSampled|FlagRandom {
		t.Errorf("root: flags %02x, want 03", got)
	}
	if tp := root.SpanContext().Traceparent(); !strings.HasSuffix(tp, "-03") {
		t.Errorf("root: %s", tp)
	}
	_, detached := Start(Detach(ContextWithRemoteSpanContext(ctx, SpanContext{TraceID: TraceID{1}, SpanID: SpanID{1}})), "detached")
	if got := detached.SpanContext().Flags; got != FlagSampled|FlagRandom {
		t.Errorf("detached: flags %02x, want 03", got)
	}
	none := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: spanSampler(func(SampleInput) (bool, float64) { return false, 0.1 })})
	_, unsampled := none.Start(context.Background(), "root")
	if got := unsampled.SpanContext().Flags; got != FlagRandom {
		t.Errorf("unsampled root: flags %02x, want 02", got)
	}
	for _, f := range []Flags{0, FlagSampled, FlagRandom, FlagSampled | FlagRandom, 0xff, 0x80} {
		sc := testSpanContext
		sc.Flags = f
		ctx := ContextWithRemoteSpanContext(context.Background(), sc)
		for i := range 3 {
			var s *Span
			ctx, s = tr.Start(ctx, "child")
			if got, want := s.SpanContext().Flags, f&(FlagSampled|FlagRandom); got != want {
				t.Errorf("flags %02x, child %d: %02x, want %02x", f, i, got, want)
			}
		}
	}
}

// tracestate is checked wherever it enters. An invalid one is dropped as a whole; the traceparent is kept.
func TestContextTracestate(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"vendor=a,other=b", "vendor=a,other=b"},
		{" vendor=a ,, other=b", "vendor=a,other=b"},
		{"vendor=a,BAD", ""},
		{"vendor=a\r\nX-Evil: 1", ""},
		{strings.Repeat("a=b,", 40), ""},
		{strings.Repeat("x", 1<<20), ""},
	} {
		sc := testSpanContext
		sc.State = tt.in
		remote := ContextWithRemoteSpanContext(context.Background(), sc)
		carried, err := Carrier{Traceparent: testTraceparent, Tracestate: tt.in}.Context(context.Background())
		if wantErr := tt.want == "" && tt.in != ""; (err != nil) != wantErr {
			t.Errorf("Carrier.Context with tracestate %.40q: %v", tt.in, err)
		}
		for _, ctx := range []context.Context{remote, carried} {
			want := testSpanContext
			want.State = tt.want
			if diff := cmp.Diff(want, SpanContextFromContext(ctx)); diff != "" {
				t.Errorf("tracestate %.40q: -want +got:\n%s", tt.in, diff)
			}
			// It goes on with the trace, through With, spans and other Tracers, and out again.
			ctx, a := Start(With(ctx, slog.Int("n", 1)), "a")
			ctx, b := NewTracer(slog.DiscardHandler, nil).Start(With(ctx, slog.Int("n", 2)), "b")
			if a.SpanContext().State != tt.want || b.SpanContext().State != tt.want || NewCarrier(ctx).Tracestate != tt.want {
				t.Errorf("tracestate %.40q: %q, %q, %q", tt.in, a.SpanContext().State, b.SpanContext().State, NewCarrier(ctx).Tracestate)
			}
			// And ends with it.
			_, c := Start(Detach(ctx), "c")
			if got := c.SpanContext().State; got != "" {
				t.Errorf("a new trace has tracestate %q", got)
			}
		}
	}
}

// Under a remote parent without a local span, records carry trace, span and the carrier's op if known.
func TestRemoteRecords(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		var b bytes.Buffer
		log := slog.New(NewJSONHandler(&b, nil))
		local, s := NewTracer(NewJSONHandler(&b, nil), nil).Start(With(context.Background(), slog.String("tenant", "t1")), "server")
		remote := ContextWithRemoteSpanContext(local, testSpanContext)
		log.InfoContext(remote, "remote")
		carried, err := Carrier{Traceparent: testTraceparent, Op: "enqueue"}.Context(local)
		if err != nil {
			t.Fatal(err)
		}
		log.InfoContext(carried, "carried")
		Logger(carried).Info("logger")
		_ = s
		const line = `{"time":"2000-01-01T00:00:00Z","level":"INFO","msg":"%s","trace":"` + testTraceText + `","span":"` + testSpanText + `"%s,"tenant":"t1"}`
		want := []string{
			fmt.Sprintf(line, "remote", ""),
			fmt.Sprintf(line, "carried", `,"op":"enqueue"`),
			fmt.Sprintf(line, "logger", `,"op":"enqueue"`),
		}
		if diff := cmp.Diff(want, spanLines(&b)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// With attributes and the Tracer stay under a remote parent and after Detach.
func TestContextKeepsWithAndTracer(t *testing.T) {
	h, other := new(spanRecorder), new(spanRecorder)
	SetDefault(NewTracer(other, nil))
	defer SetDefault(nil)
	ctx, _ := NewTracer(h, nil).Start(context.Background(), "root")
	ctx = With(ctx, slog.Int("n", 1))
	for name, ctx := range map[string]context.Context{
		"Remote": ContextWithRemoteSpanContext(ctx, testSpanContext),
		"Detach": Detach(ctx),
		"both":   Detach(ContextWithRemoteSpanContext(ctx, testSpanContext)),
		"Carrier": func() context.Context {
			ctx, _ := Carrier{Traceparent: testTraceparent}.Context(ctx)
			return ctx
		}(),
	} {
		_, s := Start(ctx, name)
		s.End()
		if got := spanOps(h.spans(t)); len(got) != 1 || got[0] != name {
			t.Errorf("%s: the context's Tracer wrote %v", name, got)
		}
		c := currentOf(ctx)
		if got := fmt.Sprint(c.attrs()); got != "[n=1]" {
			t.Errorf("%s: With = %v, want n=1", name, got)
		}
	}
	if got := other.spans(t); got != nil {
		t.Errorf("the default Tracer wrote %+v", got)
	}
}

// Detach and Link: a retry in its own trace, with a link to where it came from.
func TestDetachLink(t *testing.T) {
	h := new(spanRecorder)
	ctx, first := NewTracer(h, nil).Start(context.Background(), "first")
	cause := SpanContextFromContext(ctx)
	_, retry := Start(Detach(ctx), "retry", Link(cause))
	retry.End()
	info, _ := h.one(t)
	if info.Parent.IsValid() || info.TraceID == cause.TraceID {
		t.Errorf("retry is no root of its own: %+v", info)
	}
	if diff := cmp.Diff([]SpanContext{first.SpanContext()}, info.Links); diff != "" {
		t.Errorf("links: -want +got:\n%s", diff)
	}
}

// Each direct child of a remote parent links to the span that the remote parent hides, and no other span does.
func TestHiddenLink(t *testing.T) {
	h := new(spanRecorder)
	local, server := NewTracer(h, nil).Start(context.Background(), "server")
	remote := With(ContextWithRemoteSpanContext(local, testSpanContext), slog.Int("n", 1))
	ctx, a := Start(remote, "a", Link(SpanContext{TraceID: TraceID{1}, SpanID: SpanID{1}}))
	_, below := Start(ctx, "below")
	_, b := Start(remote, "b")
	self, c := Start(ContextWithRemoteSpanContext(local, server.SpanContext()), "c")
	_ = self
	_, d := Start(ContextWithRemoteSpanContext(Detach(local), testSpanContext), "d")
	for _, s := range []*Span{a, below, b, c, d} {
		s.End()
	}
	hidden := server.SpanContext()
	want := map[string][]SpanContext{
		"a":     {{TraceID: TraceID{1}, SpanID: SpanID{1}}, hidden},
		"below": nil,
		"b":     {hidden},
		"c":     nil, // it would link to its own parent
		"d":     nil, // Detach was asked to forget
	}
	got := map[string][]SpanContext{}
	for _, s := range h.spans(t) {
		got[s.Op] = s.Links
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links: -want +got:\n%s", diff)
	}
}

// One remote context may be shared by many goroutines.
func TestRemoteConcurrent(t *testing.T) {
	h := new(spanRecorder)
	local, _ := NewTracer(h, nil).Start(context.Background(), "server")
	ctx, err := Carrier{Traceparent: testTraceparent, Sent: "1999-12-31T23:59:57Z"}.Context(local)
	if err != nil {
		t.Fatal(err)
	}
	var lines lockedBuffer
	log := slog.New(NewHandler(slog.NewJSONHandler(&lines, nil)))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				_, s := Start(With(ctx, slog.Int("n", 1)), "op")
				log.InfoContext(ctx, "hello")
				s.End()
			}
		})
	}
	wg.Wait()
	if n := strings.Count(lines.String(), `"msg":"hello","trace":"`+testTraceText+`","span":"`+testSpanText+`"}`+"\n"); n != 8*20 {
		t.Errorf("%d lines with the remote parent's ids, want %d", n, 8*20)
	}
	queued := 0
	spans := h.spans(t)
	if len(spans) != 8*20 {
		t.Errorf("%d spans, want %d", len(spans), 8*20)
	}
	for _, s := range spans {
		if s.HasQueued {
			queued++
		}
		if len(s.Links) != 1 {
			t.Errorf("links = %v", s.Links)
		}
	}
	if queued != 1 {
		t.Errorf("%d spans have queued_ms, want the first only", queued)
	}
}

func TestStartContexts(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ctx := range map[string]context.Context{
		"nil":        nil,
		"background": context.Background(),
		"cancelled":  cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			h := new(spanRecorder)
			ctx2, s := NewTracer(h, nil).Start(ctx, "op")
			if ctx2 == nil || s == nil {
				t.Fatalf("Start = %v, %v", ctx2, s)
			}
			if SpanFromContext(ctx2) != s {
				t.Error("SpanFromContext is not the span")
			}
			if ctx != nil && !errors.Is(ctx2.Err(), ctx.Err()) {
				t.Errorf("Err = %v, want %v", ctx2.Err(), ctx.Err())
			}
			err := ctx2.Err()
			s.End(&err)
			if got := h.spans(t); len(got) != 1 || got[0].Parent.IsValid() {
				t.Errorf("got %+v, want one root", got)
			}
		})
	}
	for name, f := range map[string]func(context.Context) context.Context{
		"With":   func(ctx context.Context) context.Context { return With(ctx, slog.Int("n", 1)) },
		"With()": func(ctx context.Context) context.Context { return With(ctx) },
		"Detach": Detach,
		"Remote": func(ctx context.Context) context.Context { return ContextWithRemoteSpanContext(ctx, testSpanContext) },
		"Remote, invalid": func(ctx context.Context) context.Context {
			return ContextWithRemoteSpanContext(ctx, SpanContext{})
		},
		"Carrier": func(ctx context.Context) context.Context { ctx, _ = Carrier{}.Context(ctx); return ctx },
	} {
		if ctx := f(nil); ctx == nil || ctx.Err() != nil {
			t.Errorf("%s of a nil context = %v", name, ctx)
		}
	}
	if s := SpanFromContext(noContext); s != nil {
		t.Errorf("SpanFromContext(noContext) = %v", s)
	}
	if sc := SpanContextFromContext(noContext); sc != (SpanContext{}) {
		t.Errorf("SpanContextFromContext(noContext) = %v", sc)
	}
	if c := NewCarrier(noContext); c != (Carrier{}) {
		t.Errorf("NewCarrier(noContext) = %v", c)
	}
	if err := WithTrace(noContext, errSpanCard); err != errSpanCard {
		t.Errorf("WithTrace(noContext, err) = %v", err)
	}
	if Logger(noContext) == nil {
		t.Error("Logger(noContext) = nil")
	}
}

// Siblings derived from one With must not overwrite each other.
func TestWithSiblings(t *testing.T) {
	base := With(context.Background(), slog.Int("a", 1), slog.Int("b", 2), slog.Int("c", 3))
	var ctxs []context.Context
	for i := range 8 {
		ctxs = append(ctxs, With(base, slog.Int("own", i), slog.Int("b", i)))
	}
	for i, ctx := range ctxs {
		c := currentOf(ctx)
		want := fmt.Sprintf("[a=1 b=%d c=3 own=%d]", i, i)
		if got := fmt.Sprint(c.attrs()); got != want {
			t.Errorf("With %d = %s, want %s", i, got, want)
		}
	}
	c := currentOf(base)
	if got := fmt.Sprint(c.attrs()); got != "[a=1 b=2 c=3]" {
		t.Errorf("base = %s", got)
	}
}

// Contexts and spans can be printed while they are in use.
func TestPrintWhileInUse(t *testing.T) {
	var lines lockedBuffer
	l := slog.New(NewHandler(slog.NewJSONHandler(&lines, nil)))
	ctx, span := Start(t.Context(), "op")
	for _, ctx := range []context.Context{ctx, With(ctx, slog.Int("a", 1)), Detach(ctx)} {
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 50 {
				l.With("x", 1).InfoContext(ctx, "m")
				span.SetAttrs(slog.Int("n", 1))
				span.SetOp("other")
			}
		})
		wg.Go(func() {
			for range 50 {
				if got := fmt.Sprintf("%v %+v %v", ctx, ctx, span); strings.Count(got, ".Start(op)")+strings.Count(got, ".Start(other)") != 2 || !strings.Contains(got, span.SpanContext().TraceID.String()) {
					t.Errorf("printed as %q", got)
				}
			}
		})
		wg.Wait()
	}
	all, inTrace, below := strings.Count(lines.String(), `"msg":"m","x":1`), strings.Count(lines.String(), `"span":"`+span.SpanContext().SpanID.String()+`"`), strings.Count(lines.String(), `"a":1}`)
	if all != 3*50 || inTrace != 2*50 || below != 50 {
		t.Errorf("%d lines, %d in the span, %d with the attribute, want 150, 100 and 50", all, inTrace, below)
	}
	if got := fmt.Sprint(span); !strings.Contains(got, "other") || !strings.Contains(got, span.SpanContext().TraceID.String()) {
		t.Errorf("a span prints as %q", got)
	}
}

// A span links to the local span that a remote parent hides, also below a second remote parent, but not to its own parent.
func TestHiddenSpan(t *testing.T) {
	a, span := Start(t.Context(), "local")
	b, _ := Start(t.Context(), "b")
	c, _ := Start(t.Context(), "c")
	links := func(remotes ...context.Context) []SpanContext {
		ctx := a
		for _, r := range remotes {
			ctx = ContextWithRemoteSpanContext(ctx, SpanContextFromContext(r))
		}
		_, s := Start(ctx, "child")
		return s.info(eventEnd).Links
	}
	local := []SpanContext{span.SpanContext()}
	if diff := cmp.Diff(local, links(b)); diff != "" {
		t.Errorf("one remote parent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(local, links(b, c)); diff != "" {
		t.Errorf("two (-want +got):\n%s", diff)
	}
	if got := links(a); got != nil {
		t.Errorf("itself as its remote parent: links %v", got)
	}
	if got := links(b, a); got != nil {
		t.Errorf("itself on top of another: links %v", got)
	}
}

// Each of several first spans below one remote parent has an environment of its own.
func TestRemoteSiblingsKeepTheirOwn(t *testing.T) {
	var one, two bytes.Buffer
	t1, t2 := NewTracer(NewJSONHandler(&one, nil), nil), NewTracer(NewJSONHandler(&two, nil), nil)
	remote := ContextWithRemoteSpanContext(context.Background(), SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
	_, s1 := t1.Start(With(remote, slog.String("user", "first")), "op")
	_, s2 := t2.Start(With(remote, slog.String("user", "second")), "op")
	s1.End()
	s2.End()
	if !strings.Contains(one.String(), `"user":"first"`) || !strings.Contains(two.String(), `"user":"second"`) {
		t.Errorf("got:\n%s%s", &one, &two)
	}
}

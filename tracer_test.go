package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTracerLevels(t *testing.T) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	opts := &TracerOptions{Level: level, ErrorLevel: slog.LevelWarn, LogStart: true}
	h := &spanRecorder{level: slog.LevelDebug}
	tr := NewTracer(h, opts)
	*opts = TracerOptions{Level: slog.LevelError} // options are copied

	levels := func() (got []string) {
		for _, r := range h.records {
			got = append(got, r.Message+" "+r.Level.String())
		}
		h.records = nil
		return got
	}
	_, s := tr.Start(context.Background(), "op")
	s.End()
	_, s = tr.Start(context.Background(), "op")
	level.Set(slog.LevelInfo)
	s.Fail(errSpanCard)
	s.End()
	_, s = tr.Start(context.Background(), "op")
	s.End()
	want := []string{
		"span start DEBUG", "span end DEBUG",
		"span start DEBUG", "span end WARN",
		"span start INFO", "span end INFO",
	}
	if diff := cmp.Diff(want, levels()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	tr = NewTracer(h, nil)
	_, s = tr.Start(context.Background(), "op")
	s.End()
	_, s = tr.Start(context.Background(), "op")
	s.Fail(errSpanCard)
	s.End()
	if diff := cmp.Diff([]string{"span end INFO", "span end ERROR"}, levels()); diff != "" {
		t.Errorf("defaults: -want +got:\n%s", diff)
	}
	if got := tr.Stats(); got != (TracerStats{}) {
		t.Errorf("Stats = %+v", got)
	}
}

// The handler's Enabled is called with the span's context. Records that it refuses are counted.
func TestTracerRefused(t *testing.T) {
	h := &tracerHandler{Handler: &spanRecorder{level: slog.LevelWarn}}
	tr := NewTracer(h, &TracerOptions{LogStart: true})
	ctx, s := tr.Start(context.Background(), "op")
	s.End()
	s.End()
	_, failed := Start(ctx, "failed")
	failed.Fail(errSpanCard)
	failed.End()
	if got, want := tr.Stats(), (TracerStats{Refused: 3}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	rec := h.Handler.(*spanRecorder)
	if info, _ := rec.one(t); info.Op != "failed" || !info.Ended {
		t.Errorf("recorded %+v", info)
	}
	if want := []*Span{s, s, failed, failed, failed}; !cmp.Equal(want, h.asked, cmp.Comparer(func(a, b *Span) bool { return a == b })) {
		t.Errorf("Enabled or Handle was called with other contexts than the spans': %d calls", len(h.asked))
	}
}

// A tracerHandler records the span of the context it is called with.
type tracerHandler struct {
	slog.Handler
	asked []*Span
}

func (h *tracerHandler) Enabled(ctx context.Context, l slog.Level) bool {
	h.asked = append(h.asked, SpanFromContext(ctx))
	return h.Handler.Enabled(ctx, l)
}

func (h *tracerHandler) Handle(ctx context.Context, r slog.Record) error {
	h.asked = append(h.asked, SpanFromContext(ctx))
	return h.Handler.Handle(ctx, r)
}

func TestTracerIsFailure(t *testing.T) {
	notFound := errors.New("not found")
	h := new(spanRecorder)
	tr := NewTracer(h, &TracerOptions{IsFailure: func(err error) bool {
		if err == nil {
			t.Error("IsFailure was asked about nil")
		}
		return !errors.Is(err, notFound)
	}})
	var none error
	for _, tt := range []struct {
		name string
		do   func(context.Context, *Span)
		want error
	}{
		{"nil", func(_ context.Context, s *Span) { s.Fail(nil); s.End(&none, nil) }, nil},
		{"End", func(_ context.Context, s *Span) { e := notFound; s.End(&e) }, nil},
		{"Fail, End", func(_ context.Context, s *Span) { s.Fail(notFound); e := errSpanCard; s.End(&e) }, errSpanCard},
		{"wrapped", func(_ context.Context, s *Span) { s.Fail(fmt.Errorf("a: %w", notFound)); s.End() }, nil},
		{"the first of several that counts", func(_ context.Context, s *Span) { e, f := notFound, errSpanCard; s.End(&e, &f) }, errSpanCard},
	} {
		ctx, s := tr.Start(context.Background(), "op")
		tt.do(ctx, s)
		if info, _ := h.one(t); info.Err != tt.want {
			t.Errorf("%s: Err = %v, want %v", tt.name, info.Err, tt.want)
		}
	}
	// Do still returns the error.
	ctx, s := tr.Start(context.Background(), "root")
	if err := Do(ctx, "op", func(context.Context) error { return notFound }); err != notFound {
		t.Errorf("Do = %v", err)
	}
	// A panic always fails its span.
	func() {
		defer func() { _ = recover() }()
		defer s.End()
		panic(notFound)
	}()
	infos := h.spans(t)
	if infos[0].Err != nil || !errors.Is(infos[1].Err, notFound) {
		t.Errorf("recorded %+v", infos)
	}
}

// IsFailure may use the span: it is not called under a lock of ours.
func TestTracerIsFailureUsesSpan(t *testing.T) {
	var s *Span
	h := new(spanRecorder)
	tr := NewTracer(h, &TracerOptions{IsFailure: func(err error) bool {
		s.SetAttrs(slog.String("class", err.Error()))
		s.SetOp("renamed")
		if err != errSpanCard {
			s.Fail(errSpanCard)
		}
		return true
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, s = tr.Start(context.Background(), "op")
		s.Fail(errSpanCard)
		err := errors.New("other")
		s.End(&err)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("deadlock")
	}
	info, attrs := h.one(t)
	if info.Err != errSpanCard || info.Op != "renamed" || fmt.Sprint(attrs) != "[class=card declined]" {
		t.Errorf("recorded %+v, %v", info, attrs)
	}
}

// AddSource gives the position of the call of Start, or of Do.
func TestTracerAddSource(t *testing.T) {
	var b bytes.Buffer
	opts := &slog.HandlerOptions{AddSource: true}
	for name, h := range map[string]slog.Handler{
		"own":      NewJSONHandler(&b, opts),
		"wrapped":  NewHandler(slog.NewJSONHandler(&b, opts)),
		"stranger": slog.NewJSONHandler(&b, opts),
	} {
		tr := NewTracer(h, &TracerOptions{AddSource: true, LogStart: true})
		SetDefault(tr)
		defer SetDefault(nil)
		here := func() string {
			_, file, line, _ := runtime.Caller(1)
			return fmt.Sprint(filepath.Base(file), ":", line)
		}
		for _, tt := range []struct {
			name  string
			start func() string
		}{
			{"Tracer.Start", func() string { _, s := tr.Start(context.Background(), "op"); s.End(); return here() }},
			{"Start", func() string { _, s := Start(context.Background(), "op"); s.End(); return here() }},
			{"defer End", func() string {
				_, s := Start(context.Background(), "op")
				at := here()
				defer s.End()
				return strings.Replace(at, fmt.Sprint(":", tracerLine(at)), fmt.Sprint(":", tracerLine(at)-1), 1)
			}},
			{"Do", func() (at string) {
				_ = Do(context.Background(), "op", func(context.Context) error { at = here(); return nil })
				return at
			}},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				b.Reset()
				want := tt.start()
				lines := spanLines(&b)
				if len(lines) != 2 {
					t.Fatalf("%d lines, want 2", len(lines))
				}
				for _, line := range lines {
					m := recordDecode(t, []byte(line))
					src, _ := m["source"].(map[string]any)
					file, _ := src["file"].(string)
					if got := fmt.Sprint(filepath.Base(file), ":", src["line"]); got != want {
						t.Errorf("%v: source = %s, want %s", m["msg"], got, want)
					}
				}
			})
		}
	}
	// Without AddSource a span record has none, whatever the handler wants.
	b.Reset()
	_, s := NewTracer(slog.NewJSONHandler(&b, opts), nil).Start(context.Background(), "op")
	s.End()
	if m := recordDecode(t, b.Bytes()); m["source"] != nil && len(m["source"].(map[string]any)) != 0 {
		t.Errorf("got %s", b.Bytes())
	}
}

func tracerLine(at string) (n int) {
	_, _ = fmt.Sscanf(at[strings.LastIndexByte(at, ':')+1:], "%d", &n)
	return n
}

// tracerDefault makes h slog's default handler until the test ends.
func tracerDefault(t *testing.T, h slog.Handler) {
	old, w, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(old)
		log.SetOutput(w)
		log.SetFlags(flags)
	})
	slog.SetDefault(slog.New(h))
}

// A nil handler means that of slog.Default at the time of each record.
func TestTracerNilHandler(t *testing.T) {
	a, b := new(spanRecorder), new(spanRecorder)
	tracerDefault(t, a)
	tr := NewTracer(nil, &TracerOptions{LogStart: true})
	_, s := tr.Start(context.Background(), "op")
	slog.SetDefault(slog.New(b))
	s.End()
	if got := a.spans(t); len(got) != 1 || got[0].Ended {
		t.Errorf("first default got %+v", got)
	}
	if got := b.spans(t); len(got) != 1 || !got[0].Ended {
		t.Errorf("second default got %+v", got)
	}
	// So does the initial Tracer.
	_, s = Start(context.Background(), "op")
	s.End()
	if got := b.spans(t); len(got) != 1 {
		t.Errorf("second default got %+v", got)
	}
}

var tracerInitialHandler = slog.Default().Handler()

// A span record carries its ids exactly once even if slog.Default has no handler of ours.
func TestTracerStrangers(t *testing.T) {
	ids := func(s *Span) []string {
		return []string{"trace", s.SpanContext().TraceID.String(), "span", s.SpanContext().SpanID.String(), "op", "charge"}
	}
	var b bytes.Buffer
	replace := func(_ []string, a slog.Attr) slog.Attr { return a }
	for name, h := range map[string]slog.Handler{
		"initial":         tracerInitialHandler,
		"text":            slog.NewTextHandler(&b, nil),
		"json":            slog.NewJSONHandler(&b, nil),
		"json, replace":   slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: replace}),
		"json With":       slog.NewJSONHandler(&b, nil).WithAttrs([]slog.Attr{slog.String("service", "x")}),
		"own":             NewJSONHandler(&b, nil),
		"own, replace":    NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: replace}),
		"own over own":    NewHandler(NewHandler(NewJSONHandler(&b, nil))),
		"wrapped":         NewHandler(slog.NewJSONHandler(&b, nil)),
		"multi, stranger": slog.NewMultiHandler(slog.NewJSONHandler(&b, nil)),
		"multi, wrapped":  NewHandler(slog.NewMultiHandler(NewHandler(slog.NewTextHandler(&b, nil)))),
		"multi, own":      slog.NewMultiHandler(NewJSONHandler(&b, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			b.Reset()
			tracerDefault(t, h)
			if name == "initial" {
				log.SetOutput(&b)
			}
			ctx, s := Start(With(context.Background(), slog.String("tenant", "t1")), "charge", slog.Int("amount", 12))
			s.End()
			line := b.String()
			if n := strings.Count(line, "\n"); n != 1 {
				t.Fatalf("%d lines: %s", n, line)
			}
			for _, id := range append(ids(s), "tenant", "t1", "amount", "duration_ms", "start") {
				want := 1
				if id == "start" || id == "span" {
					line = strings.Replace(line, "span end", "", 1)
				}
				if n := strings.Count(line, id); n != want {
					t.Errorf("%s stands %d times, want %d: %s", id, n, want, line)
				}
			}
			_ = ctx
		})
	}
}

// The context's Tracer counts, or else the default one.
func TestSetDefault(t *testing.T) {
	def, own := new(spanRecorder), new(spanRecorder)
	SetDefault(NewTracer(def, nil))
	defer SetDefault(nil)
	tr := NewTracer(own, nil)

	_, s := Start(context.Background(), "default")
	s.End()
	_, s = Start(With(context.Background(), slog.Int("n", 1)), "default, With")
	s.End()
	ctx, s := tr.Start(context.Background(), "own")
	_, below := Start(With(ctx, slog.Int("n", 1)), "below")
	below.End()
	s.End()
	// Another Tracer below continues the same trace.
	other := new(spanRecorder)
	ctx, o := NewTracer(other, nil).Start(ctx, "other")
	_, below = Start(ctx, "below other")
	below.End()
	o.End()
	if diff := cmp.Diff([]string{"default", "default, With"}, spanOps(def.spans(t))); diff != "" {
		t.Errorf("default: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"below", "own"}, spanOps(own.spans(t))); diff != "" {
		t.Errorf("own: -want +got:\n%s", diff)
	}
	got := other.spans(t)
	if diff := cmp.Diff([]string{"below other", "other"}, spanOps(got)); diff != "" {
		t.Errorf("other: -want +got:\n%s", diff)
	}
	if got[1].TraceID != s.SpanContext().TraceID || got[1].Parent != s.SpanContext().SpanID {
		t.Errorf("other: %+v", got[1])
	}

	tracerDefault(t, other)
	SetDefault(nil)
	_, s = Start(context.Background(), "initial")
	s.End()
	if diff := cmp.Diff([]string{"initial"}, spanOps(other.spans(t))); diff != "" {
		t.Errorf("SetDefault(nil): -want +got:\n%s", diff)
	}
}

// A span reports to the Tracer that started it, also if SetDefault comes in between,
// and whether or not there are With attributes.
func TestSetDefaultBetween(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"plain":  context.Background(),
		"With":   With(context.Background(), slog.Int("n", 1)),
		"remote": ContextWithRemoteSpanContext(context.Background(), testSpanContext),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := new(spanRecorder), new(spanRecorder)
			SetDefault(NewTracer(a, &TracerOptions{LogStart: true}))
			defer SetDefault(nil)
			_, s := Start(ctx, "op")
			SetDefault(NewTracer(b, nil))
			s.End()
			if n := len(a.spans(t)); n != 2 {
				t.Errorf("the Tracer that started the span wrote %d of its 2 records", n)
			}
		})
	}
}

// As in slog.Logger, nobody gets a handler's error. A handler's panic goes on in its caller.
func TestTracerBadHandlers(t *testing.T) {
	tr := NewTracer(tracerBadHandler{err: errSpanCard}, nil)
	if err := Do(tracerContext(tr), "op", func(context.Context) error { return nil }); err != nil {
		t.Errorf("Do = %v", err)
	}

	tr = NewTracer(tracerBadHandler{panics: true}, nil)
	_, s := tr.Start(context.Background(), "op")
	func() {
		defer func() {
			if p := recover(); p != "handler" {
				t.Errorf("recovered %v", p)
			}
		}()
		s.End()
	}()
	// The span has ended, and nothing is locked.
	s.End()
	s.SetAttrs(slog.Int("n", 1))
	s.Fail(errSpanCard)
	if err := s.info(eventEnd).Err; err != nil {
		t.Errorf("Err = %v", err)
	}
}

type tracerBadHandler struct {
	slog.Handler
	err    error
	panics bool
}

func (h tracerBadHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h tracerBadHandler) Handle(context.Context, slog.Record) error {
	if h.panics {
		panic("handler")
	}
	return h.err
}

func tracerContext(tr *Tracer) context.Context {
	ctx, _ := tr.Start(context.Background(), "root")
	return ctx
}

// The Sampler is asked at the start of a span that begins a trace, and not if a parent has decided.
func TestTracerSamplerAsked(t *testing.T) {
	type contextKey struct{}
	var asked []string
	h := new(spanRecorder)
	tr := NewTracer(h, &TracerOptions{Sampler: spanSampler(func(in SampleInput) (bool, float64) {
		asked = append(asked, fmt.Sprint(in.Op, in.Attrs, in.Context.Value(contextKey{}), in.TraceID.IsValid()))
		return true, 1
	})})
	base := context.WithValue(context.Background(), contextKey{}, "v")
	ctx, s := tr.Start(base, "", slog.Int("n", 1), KindServer, Link(testSpanContext))
	_, _ = Start(ctx, "child")
	_, _ = tr.Start(ctx, "child")
	_, _ = tr.Start(ContextWithRemoteSpanContext(ctx, testSpanContext), "remote")
	_, _ = Start(Detach(ctx), "detached")
	s.End()
	if info, _ := h.one(t); info.SampleRate != 1 {
		t.Errorf("rate = %v, want 1", info.SampleRate)
	}
	if diff := cmp.Diff([]string{"unnamed[n=1]vtrue", "detached[]vtrue"}, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A new trace inherits no sample_rate, and a rate that is none counts as 1.
func TestTracerSampleRate(t *testing.T) {
	for _, tt := range []struct{ rate, want float64 }{
		{1, 1}, {0.25, 0.25}, {1e-9, 1e-9},
		{0, 1}, {-1, 1}, {2, 1}, {math.NaN(), 1}, {math.Inf(1), 1}, {math.Inf(-1), 1},
	} {
		var b bytes.Buffer
		rec := new(spanRecorder)
		tr := NewTracer(slog.NewMultiHandler(NewJSONHandler(&b, nil), rec), &TracerOptions{
			Sampler: spanSampler(func(SampleInput) (bool, float64) { return true, tt.rate }),
		})
		ctx, s := tr.Start(With(context.Background(), slog.Int("n", 1)), "root")
		ctx, child := Start(With(ctx, slog.Int("m", 1)), "child")
		_, other := NewTracer(tr.handler, nil).Start(ctx, "another Tracer's")
		// A remote trace and a new one have other rates, which we do not know.
		_, remote := NewTracer(tr.handler, nil).Start(ContextWithRemoteSpanContext(ctx, testSpanContext), "remote")
		_, fresh := NewTracer(tr.handler, nil).Start(Detach(ctx), "fresh")
		for _, s := range []*Span{s, child, other, remote, fresh} {
			s.End()
		}
		for i, info := range rec.spans(t) {
			want := tt.want
			if i > 2 {
				want = 1
			}
			if info.SampleRate != want {
				t.Errorf("rate %v: %s: SampleRate = %v, want %v", tt.rate, info.Op, info.SampleRate, want)
			}
		}
		for i, line := range spanLines(&b) {
			if has := strings.Contains(line, "sample_rate"); has != (tt.want != 1 && i <= 2) {
				t.Errorf("rate %v: %s", tt.rate, line)
			}
		}
	}
}

// Traces that the Sampler refuses are withheld and counted. All records still have ids.
func TestTracerWithheld(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		var b bytes.Buffer
		h := NewJSONHandler(&b, nil)
		tr := NewTracer(h, &TracerOptions{
			LogStart: true,
			Sampler:  spanSampler(func(SampleInput) (bool, float64) { return false, 0.25 }),
		})
		ctx, root := tr.Start(context.Background(), "root")
		ctx, child := Start(ctx, "child")
		slog.New(h).InfoContext(ctx, "hello")
		child.End()
		_, failing := Start(ctx, "failing")
		failing.Fail(errSpanCard)
		failing.End()
		root.End()
		const trace = `"trace":"` + spanTrace1 + `"`
		want := []string{
			`{"time":"2000-01-01T00:00:00Z","level":"INFO","msg":"hello",` + trace + `,"span":"0000000000000004","op":"child"}`,
			`{"time":"2000-01-01T00:00:00Z","level":"ERROR","msg":"span end",` + trace + `,"span":"0000000000000005","op":"failing",` +
				`"parent":"0000000000000004","start":"2000-01-01T00:00:00Z","duration_ms":0,"error":"card declined","sample_rate":0.25,"sampled":false}`,
			`{"time":"2000-01-01T00:00:00Z","level":"INFO","msg":"span end",` + trace + `,"span":"` + spanSpan3 + `","op":"root",` +
				`"start":"2000-01-01T00:00:00Z","duration_ms":0,"sample_rate":0.25,"sampled":false}`,
		}
		if diff := cmp.Diff(want, spanLines(&b)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// Three starts and the end of child, which had ended when its child failed.
		if got, want := tr.Stats(), (TracerStats{Withheld: 4}); got != want {
			t.Errorf("Stats = %+v, want %+v", got, want)
		}
	})
}

// A remote parent's unsampled flag counts. With a failed span its open ancestors are written, and no other spans.
func TestTracerRemoteUnsampled(t *testing.T) {
	unsampled := testSpanContext
	unsampled.Flags = FlagRandom
	h := new(spanRecorder)
	tr := NewTracer(h, &TracerOptions{Sampler: spanSampler(func(SampleInput) (bool, float64) {
		t.Error("the Sampler was asked under a remote parent")
		return true, 1
	})})
	ctx := ContextWithRemoteSpanContext(context.Background(), unsampled)
	if SpanContextFromContext(ctx).IsSampled() {
		t.Error("the remote parent is sampled")
	}

	ctx, grandparent := tr.Start(ctx, "grandparent")
	ctx, gone := Start(ctx, "gone")
	gone.End()
	ctx, parent := Start(With(ctx, slog.Int("n", 1)), "parent")
	_, sibling := Start(ctx, "sibling")
	ctx, failing := Start(ctx, "failing")
	_, below := Start(ctx, "below")
	failing.Fail(errSpanCard)
	for _, s := range []*Span{below, failing, sibling, parent, grandparent} {
		if s.SpanContext().IsSampled() {
			t.Errorf("%s is sampled", s.Op())
		}
		s.End()
	}
	got := h.spans(t)
	if diff := cmp.Diff([]string{"failing", "parent", "grandparent"}, spanOps(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, info := range got {
		if info.IsSampled() || info.Flags != FlagRandom || info.TraceID != testSpanContext.TraceID || !info.Ended {
			t.Errorf("recorded %+v", info)
		}
		if failed := info.Err != nil; failed != (info.Op == "failing") {
			t.Errorf("%s: Err = %v", info.Op, info.Err)
		}
	}
	if got, want := tr.Stats(), (TracerStats{Withheld: 3}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	if SpanFromContext(ctx) != failing {
		t.Error("SpanFromContext is not the failing span")
	}

	// For an error that does not count, no span is written.
	h2 := new(spanRecorder)
	tr = NewTracer(h2, &TracerOptions{IsFailure: func(error) bool { return false }})
	_, s := tr.Start(ContextWithRemoteSpanContext(context.Background(), unsampled), "op")
	s.Fail(errSpanCard)
	s.End()
	if got := h2.spans(t); got != nil || tr.Stats() != (TracerStats{Withheld: 1}) {
		t.Errorf("wrote %+v, Stats = %+v", got, tr.Stats())
	}
	// For a panic they are.
	func() {
		defer func() { _ = recover() }()
		_, s := tr.Start(ContextWithRemoteSpanContext(context.Background(), unsampled), "op")
		defer s.End()
		panic("boom")
	}()
	if got := h2.spans(t); len(got) != 1 {
		t.Errorf("a panic wrote %+v", got)
	}
}

// Stats may be called at any time, and nothing is lost.
func TestTracerStatsConcurrent(t *testing.T) {
	const goroutines, each = 8, 100
	var n atomic.Int64
	tr := NewTracer(&spanRecorder{level: slog.LevelError}, &TracerOptions{
		Sampler: spanSampler(func(SampleInput) (bool, float64) { return n.Add(1)%2 == 0, 0.5 }),
	})
	SetDefault(tr)
	defer SetDefault(nil)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			last := TracerStats{}
			for range each {
				_, s := Start(context.Background(), "op")
				s.End()
				now := tr.Stats()
				if now.Withheld < last.Withheld || now.Refused < last.Refused {
					t.Errorf("Stats went from %+v to %+v", last, now)
				}
				last = now
				NewTracer(nil, nil).Stats()
			}
		})
	}
	wg.Wait()
	if got, want := tr.Stats(), (TracerStats{Withheld: goroutines * each / 2, Refused: goroutines * each / 2}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}

// SetDefault may be called while spans start.
func TestSetDefaultConcurrent(t *testing.T) {
	defer SetDefault(nil)
	rec := new(spanRecorder) // of all the Tracers
	SetDefault(NewTracer(rec, nil))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				SetDefault(NewTracer(rec, nil))
				_, s := Start(With(context.Background(), slog.Int("n", 1)), "op")
				s.End()
			}
		})
	}
	wg.Wait()
	seen := map[SpanID]bool{}
	for _, info := range rec.spans(t) {
		if seen[info.SpanID] || !info.Ended {
			t.Errorf("recorded %+v", info)
		}
		seen[info.SpanID] = true
	}
	if len(seen) != 4*50 {
		t.Errorf("%d spans were recorded, want %d", len(seen), 4*50)
	}
}

// Records that a handler fails to write are counted.
func TestStatsLost(t *testing.T) {
	tracer := NewTracer(NewJSONHandler(failingWriter{}, nil), nil)
	_, s := tracer.Start(t.Context(), "op")
	s.End()
	if diff := cmp.Diff(TracerStats{Lost: 1}, tracer.Stats()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// The source position of the call of Start gets through each of our handlers.
func TestTracerAddSourceThroughOurs(t *testing.T) {
	var out bytes.Buffer
	sink := NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true})
	for name, h := range map[string]slog.Handler{
		"JSONHandler":   sink,
		"Handler":       NewHandler(slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true})),
		"RedactHandler": NewRedactHandler(NewHandler(slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true})), nil),
		"over JSON":     NewRedactHandler(sink, nil),
		"TailHandler":   NewTailHandler(sink, nil),
	} {
		out.Reset()
		_, s := NewTracer(h, &TracerOptions{AddSource: true}).Start(context.Background(), "op")
		s.End()
		if !bytes.Contains(out.Bytes(), []byte("TestTracerAddSourceThroughOurs")) {
			t.Errorf("%s: no source in %s", name, out.Bytes())
		}
	}
}

// A failed span has the attributes of its error, except under keys that it already has. Of several errors the first counts.
func TestTracerErrorAttrs(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errSpanCard}
	category := func(err error) []slog.Attr {
		return []slog.Attr{slog.String("category", err.Error()), slog.Any("", valuerOf(slog.GroupValue(ErrorType(err))))}
	}
	own := slog.String("error.type", "own")
	for _, test := range []struct {
		name  string
		attrs func(error) []slog.Attr
		end   func(*Span)
		want  string
	}{
		{"none", nil, func(s *Span) { s.End() }, "[]"},
		{"End", nil, func(s *Span) { err := fmt.Errorf("x: %w", WithTrace(t.Context(), dial)); s.End(&err) }, "[error.type=*net.OpError]"},
		{"a type that says nothing", nil, func(s *Span) { s.Fail(errSpanCard) }, "[]"},
		{"Fail", nil, func(s *Span) { s.Fail(context.Canceled) }, "[error.type=canceled]"},
		{"the first counts", nil, func(s *Span) { s.Fail(dial); s.Fail(context.Canceled) }, "[error.type=*net.OpError]"},
		{"panic", nil, func(s *Span) { defer func() { _ = recover() }(); defer s.End(); panic(dial) }, "[error.type=panic]"},
		{"the span's own", nil, func(s *Span) { s.SetAttrs(own); s.Fail(dial) }, "[error.type=own]"},
		{"the span's own, later", nil, func(s *Span) { s.Fail(dial); s.SetAttrs(own) }, "[error.type=own]"},
		{"option", category, func(s *Span) { s.Fail(dial) }, "[category=dial: card declined error.type=*net.OpError]"},
		{"option, in part the span's own", category, func(s *Span) { s.SetAttrs(own); s.Fail(dial) }, "[error.type=own category=dial: card declined]"},
		{"no attributes", func(error) []slog.Attr { return nil }, func(s *Span) { s.Fail(dial) }, "[]"},
		{"the option panics", func(error) []slog.Attr { panic(1) }, func(s *Span) { s.Fail(dial) }, "[]"},
		{"the error panics", nil, func(s *Span) { s.Fail((*nilError)(nil)) }, "[error.type=*slogtrace.nilError]"},
	} {
		h := new(spanRecorder)
		_, span := NewTracer(h, &TracerOptions{ErrorAttrs: test.attrs}).Start(t.Context(), "op")
		test.end(span)
		span.End()
		info, attrs := h.one(t)
		if fmt.Sprint(attrs) != test.want || (info.Err == nil) != (test.name == "none") {
			t.Errorf("%s: %v, error %v, want %s", test.name, attrs, info.Err, test.want)
		}
	}
}

// A nilError's Error method panics.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// If IsFailure panics, the span still ends, and a panic that is going on is not hidden.
func TestIsFailurePanics(t *testing.T) {
	var b bytes.Buffer
	var calls atomic.Int32
	tracer := NewTracer(NewJSONHandler(&b, nil), &TracerOptions{IsFailure: func(error) bool { calls.Add(1); panic("in IsFailure") }})
	func() {
		defer func() {
			if p := recover(); p != "the real one" {
				t.Errorf("recovered %v", p)
			}
		}()
		err := errors.New("returned")
		_, span := tracer.Start(t.Context(), "op")
		defer span.End(&err)
		panic("the real one")
	}()
	_, span := tracer.Start(t.Context(), "op")
	span.Fail(errors.New("returned"))
	span.End()
	if n := strings.Count(b.String(), `"span end"`); n != 2 || calls.Load() != 2 ||
		!strings.Contains(b.String(), `"error":"panic: the real one"`) || !strings.Contains(b.String(), `"error":"returned"`) {
		t.Errorf("%d ends, %d calls: %s", n, calls.Load(), b.String())
	}
}

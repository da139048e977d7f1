package slogtrace

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
)

// heapOf returns by how many bytes the live heap is larger for what work returns.
func heapOf(work func() any) int64 {
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // a sync.Pool's memory survives one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	kept := work()
	after := heap()
	runtime.KeepAlive(kept)
	return after - before
}

// A tailLoad is what a program does with each of its roots, which stay open.
type tailLoad struct {
	name string
	log  func(i int, ctx context.Context, log *slog.Logger)
}

var tailLoads = []tailLoad{
	{"one line", func(_ int, ctx context.Context, log *slog.Logger) { log.DebugContext(ctx, "m") }},
	{"string attributes", func(i int, ctx context.Context, log *slog.Logger) {
		id := fmt.Sprint("customer-", i)
		log.LogAttrs(ctx, slog.LevelDebug, "m", slog.String("id", id), slog.String("text", strings.Repeat(id, 20)))
	}},
	{"ten string attributes", func(i int, ctx context.Context, log *slog.Logger) {
		attrs := make([]slog.Attr, 0, 10)
		for k := range 10 {
			attrs = append(attrs, slog.String("key", fmt.Sprint("customer-", i, k)))
		}
		log.LogAttrs(ctx, slog.LevelDebug, "m", attrs...)
	}},
	{"a long message", func(i int, ctx context.Context, log *slog.Logger) {
		log.DebugContext(ctx, strings.Repeat(fmt.Sprint(i), 100))
	}},
	{"a group", func(i int, ctx context.Context, log *slog.Logger) {
		log.DebugContext(ctx, "m", slog.Group("g", "a", strings.Repeat(fmt.Sprint(i), 30), slog.Group("h", "b", fmt.Sprint(i))))
	}},
	{"a struct", func(i int, ctx context.Context, log *slog.Logger) {
		type name struct{ first, last string }
		log.DebugContext(ctx, "m", "who", struct {
			Name [3]name
			Age  int
		}{Name: [3]name{{strings.Repeat(fmt.Sprint(i), 30), "b"}}})
	}},
	{"a LogValuer", func(i int, ctx context.Context, log *slog.Logger) {
		log.DebugContext(ctx, "m", "v", valuerFunc(func() slog.Value { return slog.StringValue(strings.Repeat(fmt.Sprint(i), 100)) }))
	}},
	{"three lines", func(i int, ctx context.Context, log *slog.Logger) {
		for range 3 {
			log.DebugContext(ctx, "m", "i", i)
		}
	}},
	{"a logger for each line", func(i int, ctx context.Context, log *slog.Logger) {
		log.With("id", strings.Repeat(fmt.Sprint(i), 10)).WithGroup("g").DebugContext(ctx, "m")
	}},
	{"a context for each line", func(i int, ctx context.Context, log *slog.Logger) {
		for range 2 {
			log.DebugContext(With(ctx, slog.String("with", strings.Repeat(fmt.Sprint(i), 30))), "m")
		}
	}},
	{"a span that ended", func(i int, ctx context.Context, log *slog.Logger) {
		ctx, span := Start(ctx, "child", slog.String("id", strings.Repeat(fmt.Sprint(i), 30)))
		log.DebugContext(ctx, "m")
		span.SetAttrs(slog.String("late", strings.Repeat(fmt.Sprint(i), 30)))
		span.End()
	}},
	{"a span that ended below With", func(i int, ctx context.Context, log *slog.Logger) {
		ctx = With(ctx, slog.String("with", strings.Repeat(fmt.Sprint(i), 50)))
		ctx, span := Start(ctx, "child")
		log.DebugContext(ctx, "m")
		span.End()
	}},
	{"a span that failed", func(i int, ctx context.Context, _ *slog.Logger) {
		_, span := Start(ctx, "child", slog.Any("i", i))
		span.SetOp("renamed")
		span.Fail(errSpanCard)
		span.End()
	}},
}

// run opens n roots with h, and returns what keeps them.
func (l *tailLoad) run(h slog.Handler, n int, opts *TracerOptions) any {
	tr, log := NewTracer(h, opts), slog.New(h)
	roots := make([]*Span, n)
	for i := range roots {
		var ctx context.Context
		ctx, roots[i] = tr.Start(background, "root")
		l.log(i, ctx, log)
	}
	return []any{roots, h}
}

// nothing is a handler that is enabled, and keeps nothing.
type nothing struct{ slog.Handler }

func (nothing) Enabled(context.Context, slog.Level) bool { return true }
func (h nothing) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h nothing) WithGroup(string) slog.Handler          { return h }

var noHandler = nothing{slog.DiscardHandler}

// HeldBytes is what a TailHandler adds to the live heap, whatever is held: at least half of it, at most twice as much.
func TestTailHandlerHeldBytes(t *testing.T) {
	const n = 300
	for _, load := range tailLoads {
		for _, sampled := range []bool{true, false} {
			if !sampled && !strings.HasPrefix(load.name, "a span") {
				continue
			}
			opts := &TracerOptions{Sampler: rate{sampled, 1}}
			without := heapOf(func() any { return load.run(noHandler, n, opts) })
			for _, next := range []slog.Handler{NewJSONHandler(io.Discard, debugLevel), noHandler} {
				var held int64
				took := heapOf(func() any {
					h := NewTailHandler(next, nil)
					kept := load.run(h, n, opts)
					held = h.Stats().HeldBytes
					return kept
				}) - without
				if held < took/2 || held > 2*took || took < 200*n {
					t.Errorf("%s, sampled %t, around %T: %d bytes in all, HeldBytes is %d", load.name, sampled, next, took, held)
				}
			}
		}
	}
}

// The bounds hold for what many roots take that stay open.
func TestTailHandlerManyRoots(t *testing.T) {
	// An eighth of the test with build tag long.
	checkManyRoots(t, 50_000, &TailOptions{MaxBytes: defaultMaxBytes / 8})
}

func checkManyRoots(t *testing.T, n int, opts *TailOptions) {
	for _, load := range tailLoads[:2] {
		without := heapOf(func() any { return load.run(noHandler, n, nil) })
		for _, next := range []slog.Handler{NewJSONHandler(io.Discard, debugLevel), noHandler} {
			var stats TailStats
			most := int64(0)
			took := heapOf(func() any {
				h := NewTailHandler(next, opts)
				kept := load.run(h, n, nil)
				stats, most = h.Stats(), int64(h.tail.opts.MaxBytes)
				return kept
			}) - without
			if took > 2*most || stats.HeldBytes > most || stats.HeldBytes < took/2 {
				t.Errorf("%s, around %T: %d bytes where MaxBytes is %d, HeldBytes is %d", load.name, next, took, most, stats.HeldBytes)
			}
			if stats.Held+stats.Kept != int64(n) || stats.OverBytes != stats.Kept || stats.Held < int64(n)/8 {
				t.Errorf("%s, around %T: of %d roots: %+v", load.name, next, n, stats)
			}
		}
	}
}

// A root keeps at most 32 bytes for a TailHandler that holds nothing of it.
func TestTailHandlerLeavesLittle(t *testing.T) {
	const n, bytes = 20_000, 16 << 20
	load := tailLoads[0]
	without := heapOf(func() any { return load.run(noHandler, n, nil) })
	for _, test := range []struct {
		name string
		opts TailOptions
		do   func(*TailHandler, []*Span)
	}{
		{"flushed", TailOptions{MaxBytes: bytes}, func(h *TailHandler, _ []*Span) { _ = h.Flush(background) }},
		{"too many bytes", TailOptions{MaxRootBytes: 1, MaxBytes: bytes}, func(*TailHandler, []*Span) {}},
		{"too many bytes in all", TailOptions{MaxBytes: 1}, func(*TailHandler, []*Span) {}},
		{"ended, dropped", TailOptions{MaxBytes: bytes}, func(_ *TailHandler, roots []*Span) {
			for _, s := range roots {
				s.settle()
			}
		}},
		{"ended, kept", TailOptions{Share: 1, MaxBytes: bytes}, func(_ *TailHandler, roots []*Span) {
			for _, s := range roots {
				s.settle()
			}
		}},
	} {
		for _, next := range []slog.Handler{NewJSONHandler(io.Discard, debugLevel), noHandler} {
			took := heapOf(func() any {
				h := NewTailHandler(next, &test.opts)
				kept := load.run(h, n, nil)
				test.do(h, kept.([]any)[0].([]*Span))
				if s := h.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.Kept+s.Dropped != n {
					t.Errorf("%s: %+v", test.name, s)
				}
				return kept
			}) - without
			// A share of MaxBytes is kept for roots to come.
			if most := int64(32*n + bytes/freeShare + 32<<10); took > most {
				t.Errorf("%s, around %T: %d bytes, want at most %d", test.name, next, took, most)
			}
		}
	}
	if n := sizeFor[tailState](); n > 32 {
		t.Errorf("%d bytes for each root", n)
	}
}

// What is used again is small, and refers to nothing.
func TestHeldBufferReset(t *testing.T) {
	for _, test := range []struct {
		name string
		b    heldBuffer
		kept bool
	}{
		{"text", heldBuffer{text: make([]byte, 1, maxHeldText)}, true},
		{"too much text", heldBuffer{text: make([]byte, 1, maxHeldText+1)}, false},
		{"records", heldBuffer{records: []heldRecord{maxHeldItems - 1: {ctx: background}}}, true},
		{"too many records", heldBuffer{records: []heldRecord{maxHeldItems: {}}}, false},
		{"spans", heldBuffer{spans: []heldSpan{maxHeldItems - 1: {span: new(Span)}}}, true},
		{"too many spans", heldBuffer{spans: []heldSpan{maxHeldItems: {}}}, false},
	} {
		b := test.b
		b.full, b.env, b.n, b.bytes = [][]byte{nil}, &noEnv, 1, 1
		b.reset()
		if (b.capacity() > 0) != test.kept || len(b.text)+len(b.records)+len(b.spans)+len(b.full)+b.n+b.bytes > 0 || b.env != nil {
			t.Errorf("%s: %d bytes: %+v", test.name, b.capacity(), b)
		}
		for _, r := range b.records[:cap(b.records)] {
			if r.ctx != nil {
				t.Errorf("%s: a record refers to something", test.name)
			}
		}
		for _, s := range b.spans[:cap(b.spans)] {
			if s.span != nil {
				t.Errorf("%s: a span refers to something", test.name)
			}
		}
	}
}

package slogtrace

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// Reused memory is small and refers to nothing.
func TestHeldBufferReset(t *testing.T) {
	for _, test := range []struct {
		name string
		b    heldBuffer
		kept bool
	}{
		{"items", heldBuffer{items: make([]heldItem, 1, maxHeldItems)}, true},
		{"too many items", heldBuffer{items: make([]heldItem, 1, maxHeldItems+1)}, false},
		{"text", heldBuffer{text: make([]byte, 1, maxHeldText)}, true},
		{"too much text", heldBuffer{text: make([]byte, 1, maxHeldText+1)}, false},
		{"records", heldBuffer{records: []heldRecord{maxHeldItems - 1: {ctx: background}}}, true},
		{"too many records", heldBuffer{records: []heldRecord{maxHeldItems: {}}}, false},
		{"spans", heldBuffer{spans: []heldSpan{maxHeldItems - 1: {spanReport: spanReport{span: new(Span)}}}}, true},
		{"too many spans", heldBuffer{spans: []heldSpan{maxHeldItems: {}}}, false},
	} {
		b := test.b
		b.full, b.env, b.n, b.bytes = [][]byte{nil}, &noEnv, 1, 1
		b.reset()
		if (b.capacity() > 0) != test.kept || len(b.items)+len(b.text)+len(b.records)+len(b.spans)+len(b.full)+b.n+b.bytes > 0 || b.env != nil {
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

// Text doubles up to a limit and then grows by pieces. Each byte of its memory counts.
func TestHeldBufferText(t *testing.T) {
	add := func(h *held, n int) []byte {
		line := []byte(strings.Repeat("x", n-1) + "\n")
		h.addLine(line, slog.LevelDebug, aLine)
		return line
	}
	h := new(held)
	add(h, 100)
	if n := cap(h.text); n < 100 || n > 112 {
		t.Errorf("room for %d bytes where there are 100", n)
	}
	h = new(held)
	room, grown := 0, 0
	for i := range 3000 {
		n := 100
		if i == 1000 {
			n = 2 * maxHeldText
		}
		add(h, n)
		if len(h.text) == 0 || i != 1000 && i != 1001 && len(h.full) < 2 && cap(h.text) > maxHeldText {
			t.Fatalf("line %d: room for %d bytes", i, cap(h.text))
		}
		if cap(h.text) != room {
			room, grown = cap(h.text), grown+1
		}
		size := cap(h.items)*heldItemSize + cap(h.full)*sliceSize
		for _, text := range append(h.full[:len(h.full):len(h.full)], h.text) {
			size += cap(text)
		}
		if size != h.size {
			t.Fatalf("line %d: %d bytes, counted %d", i, size, h.size)
		}
	}
	if unused := h.size - cap(h.items)*heldItemSize - 2999*100 - 2*maxHeldText; unused > 2*maxHeldText || grown > 20 || len(h.full) < 9 {
		t.Errorf("%d bytes are not used, %d texts, grown %d times", unused, len(h.full), grown)
	}
}

// heapOf returns how many bytes the result of work adds to the live heap. It works in a bubble, in which no time passes:
// nothing becomes too old however slow the machine is, and the timer of a TailHandler does not keep it beyond the bubble.
func heapOf(t *testing.T, work func() any) (size int64) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // a sync.Pool's memory survives one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	synctest.Test(t, func(*testing.T) {
		before := heap()
		kept := work()
		size = heap() - before
		runtime.KeepAlive(kept)
	})
	return size
}

// A tailLoad is the work in each root of a program. The roots stay open.
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

// run opens n roots with h, and returns a value that keeps them alive.
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

// nothing is a handler that is enabled and keeps nothing.
type nothing struct{ slog.Handler }

func (nothing) Enabled(context.Context, slog.Level) bool { return true }
func (h nothing) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h nothing) WithGroup(string) slog.Handler          { return h }

var noHandler = nothing{slog.DiscardHandler}

// HeldBytes is close to what a TailHandler adds to the live heap, whatever is held: at least half of it, at most twice as much.
func TestTailHandlerHeldBytes(t *testing.T) {
	const n = 300
	for _, load := range tailLoads {
		for _, sampled := range []bool{true, false} {
			if !sampled && !strings.HasPrefix(load.name, "a span") {
				continue
			}
			opts := &TracerOptions{Sampler: rate{sampled, 1}}
			without := heapOf(t, func() any { return load.run(noHandler, n, opts) })
			for _, next := range []slog.Handler{NewJSONHandler(io.Discard, debugLevel), noHandler} {
				var held int64
				took := heapOf(t, func() any {
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

// The limits hold for many roots that stay open.
func TestTailHandlerManyRoots(t *testing.T) {
	// An eighth of the test with build tag long.
	checkManyRoots(t, 50_000, &TailOptions{MaxBytes: defaultMaxBytes / 8})
}

func checkManyRoots(t *testing.T, n int, opts *TailOptions) {
	for _, load := range tailLoads[:2] {
		without := heapOf(t, func() any { return load.run(noHandler, n, nil) })
		for _, next := range []slog.Handler{NewJSONHandler(io.Discard, debugLevel), noHandler} {
			var stats TailStats
			most := int64(0)
			took := heapOf(t, func() any {
				h := NewTailHandler(next, opts)
				kept := load.run(h, n, nil)
				stats, most = h.Stats(), int64(h.tail.opts.MaxBytes)
				return kept
			}) - without
			t.Logf("%s, around %T: %d roots: %.1f MB of live heap, HeldBytes %.1f MB, MaxBytes %.1f MB, %d let through", load.name, next, n,
				float64(took)/1e6, float64(stats.HeldBytes)/1e6, float64(most)/1e6, stats.OverBytes)
			if took > 2*most || stats.HeldBytes > most || stats.HeldBytes < took/2 {
				t.Errorf("%s, around %T: %d bytes where MaxBytes is %d, HeldBytes is %d", load.name, next, took, most, stats.HeldBytes)
			}
			if stats.Held+stats.Kept != int64(n) || stats.OverBytes != stats.Kept || stats.Held < int64(n)/8 {
				t.Errorf("%s, around %T: of %d roots: %+v", load.name, next, n, stats)
			}
		}
	}
}

// For a TailHandler that holds nothing of it, a root keeps at most 32 bytes.
func TestTailHandlerLeavesLittle(t *testing.T) {
	const n, bytes = 20_000, 16 << 20
	load := tailLoads[0]
	without := heapOf(t, func() any { return load.run(noHandler, n, nil) })
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
			took := heapOf(t, func() any {
				h := NewTailHandler(next, &test.opts)
				kept := load.run(h, n, nil)
				test.do(h, kept.([]any)[0].([]*Span))
				if s := h.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.Kept+s.Dropped != n {
					t.Errorf("%s: %+v", test.name, s)
				}
				return kept
			}) - without
			// A share of MaxBytes is kept for reuse.
			if most := int64(32*n + bytes/freeShare + 32<<10); took > most {
				t.Errorf("%s, around %T: %d bytes, want at most %d", test.name, next, took, most)
			}
		}
	}
	if n := sizeFor[tailState](); n > 32 {
		t.Errorf("%d bytes for each root", n)
	}
}

// The memory kept for reuse may be its whole share, and not a byte more.
func TestTailHandlerKeepsMemory(t *testing.T) {
	kept := func(maxBytes int) int {
		h := NewTailHandler(noHandler, &TailOptions{MaxBytes: maxBytes})
		tailSizeOf(h, h, nil, func(ctx context.Context, _ *Tracer, log *slog.Logger) { log.DebugContext(ctx, "m") })
		return h.tail.freeBytes
	}
	n := kept(0)
	if n < heldSize+heldRecordSize || kept(freeShare*n) != n || kept(freeShare*n-1) != 0 {
		t.Errorf("of %d bytes %d are kept with room for them, %d with room for one less", n, kept(freeShare*n), kept(freeShare*n-1))
	}
}

// tailSize returns how many bytes a TailHandler holds for work in a root, and in a context of it.
func tailSize(opts *TracerOptions, work func(ctx context.Context, tr *Tracer, log *slog.Logger)) int {
	h := NewTailHandler(noHandler, nil)
	return tailSizeOf(h, h, opts, work)
}

// tailSizeOf is tailSize for h, which passes records on to outer.
func tailSizeOf(h *TailHandler, outer slog.Handler, opts *TracerOptions, work func(ctx context.Context, tr *Tracer, log *slog.Logger)) int {
	tr := NewTracer(outer, opts)
	ctx, root := tr.Start(background, "root")
	work(ctx, tr, slog.New(outer))
	n := int(h.Stats().HeldBytes)
	root.End()
	return n
}

// Everything held counts once, with the memory that it takes.
func TestTailHandlerSizes(t *testing.T) {
	const debug = slog.LevelDebug
	x := strings.Repeat("x", 100)
	type inner struct{ A, B string }
	type things struct {
		First  string
		N      int
		Many   [2]inner
		Counts [3]int
		Grid   [1][2]string
		To     *inner
		List   []string
	}
	boxed := things{x, 1, [2]inner{{x, "b"}, {"a", "bc"}}, [3]int{}, [1][2]string{{x, ""}}, &inner{x, x}, []string{x}}
	records := func(n int, ctx context.Context, log *slog.Logger) {
		for range n {
			log.DebugContext(ctx, "m")
		}
	}
	attr := attrSize + len("a") + len(x)
	a := slog.String("a", x)
	with := scopeSize + envSize + attr
	for _, test := range []struct {
		name    string
		records int
		more    int // than so many records "m" of the root take
		work    func(ctx context.Context, log *slog.Logger)
	}{
		{"a message", 1, 99, func(ctx context.Context, log *slog.Logger) { log.DebugContext(ctx, x) }},
		{"a string", 1, 101, func(ctx context.Context, log *slog.Logger) { log.LogAttrs(ctx, debug, "m", a) }},
		{"a number", 1, 3, func(ctx context.Context, log *slog.Logger) { log.DebugContext(ctx, "m", "key", 1) }},
		{"seven attributes", 1, 7 + 2*attrSize, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, "m", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7)
		}},
		{"a message and seven attributes, one of them a group", 1, 99 + 7 + 2*attrSize + attr, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, x, "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, slog.GroupAttrs("g", a))
		}},
		{"groups", 1, 4 + 2*attrSize + attr, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, "m", slog.Group("g", "n", 1, slog.GroupAttrs("h", a)), "b", true)
		}},
		{"a struct", 1, 1 + sizeFor[things]() + 3*len(x) + 4, func(ctx context.Context, log *slog.Logger) { log.DebugContext(ctx, "m", "s", boxed) }},
		{"a struct in a group", 1, 1 + attrSize + 1 + sizeFor[things]() + 3*len(x) + 4, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, "m", slog.Group("g", "s", boxed))
		}},
		{"what is behind a pointer", 1, 3, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, "m", "p", &boxed, "m", map[string]string{x: x}, "0", any(nil))
		}},
		{"a slice", 1, 1 + sliceSize, func(ctx context.Context, log *slog.Logger) { log.DebugContext(ctx, "m", "s", []string{x}) }},
		{"LogValuers", 1, 2*1 + len(x) + attr, func(ctx context.Context, log *slog.Logger) {
			log.DebugContext(ctx, "m", "v", valuerOf(slog.StringValue(x)), "g", valuerOf(slog.GroupValue(a)))
		}},
		{"a span", 2, spanSize + attr, func(ctx context.Context, log *slog.Logger) {
			ctx, _ = Start(ctx, "child", a)
			records(2, ctx, log)
		}},
		{"a span that was renamed", 1, spanSize + rareSize, func(ctx context.Context, log *slog.Logger) {
			ctx, s := Start(ctx, "child")
			s.SetOp("renamed")
			records(1, ctx, log)
		}},
		{"a span below others", 1, 3*spanSize + 2*attr, func(ctx context.Context, log *slog.Logger) {
			ctx, _ = Start(ctx, "child", a)
			ctx, _ = Start(ctx, "its child", a)
			ctx, _ = Start(ctx, "and its")
			records(1, ctx, log)
		}},
		{"two spans below one", 2, 3*spanSize + attr, func(ctx context.Context, log *slog.Logger) {
			ctx, _ = Start(ctx, "child", a)
			for range 2 {
				ctx, _ := Start(ctx, "its child")
				records(1, ctx, log)
			}
		}},
		{"a span below With", 2, spanSize + with, func(ctx context.Context, log *slog.Logger) {
			ctx, _ = Start(With(ctx, a), "child")
			records(2, ctx, log)
		}},
		{"With", 2, with, func(ctx context.Context, log *slog.Logger) { records(2, With(ctx, a), log) }},
		{"With twice", 2, 2 * with, func(ctx context.Context, log *slog.Logger) {
			records(1, With(ctx, a), log)
			records(1, With(ctx, a), log)
		}},
		{"With of a LogValuer", 1, 2*with - len(x), func(ctx context.Context, log *slog.Logger) {
			records(1, With(ctx, slog.Any("a", valuerOf(a.Value))), log)
		}},
		{"a logger", 2, boundSize + attr, func(ctx context.Context, log *slog.Logger) { records(2, ctx, log.With(a)) }},
		{"a logger of a logger", 2, 2*boundSize + 2*attr + 1, func(ctx context.Context, log *slog.Logger) {
			log = log.With(a)
			records(1, ctx, log)
			records(1, ctx, log.WithGroup("g"))
		}},
	} {
		for _, sampled := range []bool{true, false} {
			opts := &TracerOptions{Sampler: rate{sampled, 1}}
			got := tailSize(opts, func(ctx context.Context, _ *Tracer, log *slog.Logger) { test.work(ctx, log) })
			got -= tailSize(opts, func(ctx context.Context, _ *Tracer, log *slog.Logger) { records(test.records, ctx, log) })
			if got != test.more {
				t.Errorf("%s, sampled %t: %d bytes, want %d", test.name, sampled, got, test.more)
			}
		}
	}
}

// So do span records, in each way in which they come. In a bubble the texts of times are as long each time.
func TestTailHandlerSpanSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := strings.Repeat("x", 5*pinnedUnit-attrSize-len("a")) // so that nothing of a is rounded down
		a, late := slog.String("a", x), slog.String("late", x)
		attrs := 2*attrSize + len("a"+"late") + 2*len(x)
		valued := slog.Any("a", valuerOf(slog.StringValue(x)))
		// child ends a span, which may have a record held.
		child := func(attr slog.Attr, logs bool) func(context.Context, *Tracer, *slog.Logger) {
			return func(ctx context.Context, _ *Tracer, log *slog.Logger) {
				ctx, child := Start(ctx, "child", attr)
				if logs {
					log.DebugContext(ctx, "m")
				}
				child.SetAttrs(late)
				child.End()
			}
		}
		record := func(ctx context.Context, _ *Tracer, log *slog.Logger) {
			log.DebugContext(ctx, "m")
			child(a, false)(ctx, nil, log)
		}
		multi := func(work func(context.Context, *Tracer, *slog.Logger)) int {
			h := NewTailHandler(noHandler, nil)
			return tailSizeOf(h, slog.NewMultiHandler(h), nil, work)
		}
		lines := NewTailHandler(NewJSONHandler(io.Discard, debugLevel), nil)
		first := len("trace") + 32
		schema := 6*attrSize + first + len("span") + 16 + len("op"+"child") + len("parent") + 16 + len("start"+"2000-01-01T00:00:00Z") + len("duration_ms")
		for _, test := range []struct {
			name      string
			got, want int
		}{
			{"alone", tailSize(nil, child(a, false)), heldSize + heldSpanSize + heldItemSize + spanSize + attrs},
			{"of lines", tailSizeOf(lines, lines, nil, child(a, false)), heldSize + heldSpanSize + heldItemSize + spanSize + attrs},
			{"after a record", tailSize(nil, child(a, true)), tailSize(nil, record)},
			{"resolved", tailSize(nil, child(valued, true)), tailSize(nil, record) + spanSize + attrSize + len("a")},
			{"from a stranger", multi(child(a, false)), heldSize + heldRecordSize + heldItemSize + len("span end") + schema + sizeFor[mark]() + attrs - 2*attrSize + spanSize + attrs},
			{"from a stranger, after a record", multi(child(a, true)), multi(record)},
			{"of a logger's handler", tailSize(nil, func(ctx context.Context, _ *Tracer, log *slog.Logger) {
				_, child := NewTracer(log.With(a).Handler(), nil).Start(ctx, "child", a)
				child.SetAttrs(late)
				child.End()
			}), tailSize(nil, child(a, false)) + boundSize + attrSize + len("a") + len(x) + scopeSize + envSize},
		} {
			if test.got != test.want {
				t.Errorf("%s: %d bytes, want %d", test.name, test.got, test.want)
			}
		}
	})
}

// Each TailHandler counts what it holds, whatever others hold for the same spans.
func TestTailHandlersCountForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := func(ctx context.Context, _ *Tracer, log *slog.Logger) {
			ctx, child := Start(ctx, "child", slog.String("a", strings.Repeat("x", 10_000)))
			log.DebugContext(ctx, "m")
			child.SetAttrs(slog.String("late", strings.Repeat("x", 1000)))
			child.End()
		}
		alone := NewTailHandler(noHandler, nil)
		want := tailSizeOf(alone, slog.NewMultiHandler(alone), nil, work)
		for _, before := range []int{0, 1, 5, 27} {
			h := NewTailHandler(noHandler, nil)
			var all []slog.Handler
			for range before {
				all = append(all, NewTailHandler(noHandler, &TailOptions{MaxRootBytes: 1})) // it lets through at once
			}
			if got := tailSizeOf(h, slog.NewMultiHandler(append(all, h)...), nil, work); got != want {
				t.Errorf("behind %d others: %d bytes, alone %d", before, got, want)
			}
		}
	})
}

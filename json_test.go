package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

func startTestSpan(attrs ...slog.Attr) (context.Context, *Span) {
	return NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op", attrs...)
}

// compareWithSlog compares what both handlers do outside a trace.
func compareWithSlog(t *testing.T, opts *slog.HandlerOptions, do func(slog.Handler)) {
	t.Helper()
	var want, got bytes.Buffer
	do(slog.NewJSONHandler(&want, opts))
	do(NewJSONHandler(&got, opts))
	if diff := cmp.Diff(normalStacks(want.String()), normalStacks(got.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func handle(t *testing.T, h slog.Handler, ctx context.Context, attrs ...slog.Attr) {
	t.Helper()
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(ctx, r); err != nil {
		t.Error(err)
	}
}

type countingWriter struct {
	writes int
	buf    bytes.Buffer
	err    error
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.writes++
	w.buf.Write(b)
	return len(b), w.err
}

// A line is one Write, and the writer's error is the caller's.
func TestJSONHandlerWrites(t *testing.T) {
	ctx, _ := startTestSpan()
	var w countingWriter
	h := NewJSONHandler(&w, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
	for n, ctx := range []context.Context{context.Background(), ctx, With(ctx, slog.Int("w", 1))} {
		handle(t, h, ctx, slog.String("long", strings.Repeat("x", 50_000)), slog.Any("any", []int{1}))
		if w.writes != n+1 || strings.Count(w.buf.String(), "\n") != n+1 {
			t.Errorf("after %d records: %d writes", n+1, w.writes)
		}
	}
	w.err = io.ErrShortWrite
	for _, ctx := range []context.Context{context.Background(), ctx} {
		if err := h.Handle(ctx, slog.Record{}); err != io.ErrShortWrite {
			t.Errorf("want the writer's error, got %v", err)
		}
	}
}

// TestJSONHandlerConcurrent: lines never interleave, whichever of a family of handlers writes them.
func TestJSONHandlerConcurrent(t *testing.T) {
	var w countingWriter // the handler's lock guards it
	base := NewJSONHandler(&w, nil)
	const workers, lines = 8, 50
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			ctx, span := NewTracer(base, nil).Start(context.Background(), fmt.Sprint("op", i), slog.Int("worker", i))
			log := slog.New(base.WithAttrs([]slog.Attr{slog.Int("trace", i)}))
			for j := range lines {
				log.WithGroup("g").InfoContext(ctx, "m", "j", j, "any", []int{j}, "text", strings.Repeat("é\"", j))
			}
			span.End()
		})
	}
	wg.Wait()
	seen := make(map[string]int)
	for line := range strings.Lines(w.buf.String()) {
		var rec struct {
			Op, Msg string
			Trace   string
			User    int `json:"attr.trace"`
			G       struct{ J int }
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		seen[fmt.Sprint(rec.Msg, rec.Op, rec.User, rec.G.J)]++
	}
	if len(seen) != workers*(lines+1) || w.writes != workers*(lines+1) {
		t.Errorf("want %d different lines, got %d in %d writes", workers*(lines+1), len(seen), w.writes)
	}
}

// TestJSONHandlerSiblings derives many loggers from each of several parents before it uses any.
func TestJSONHandlerSiblings(t *testing.T) {
	ctx, span := startTestSpan()
	ids := fmt.Sprintf(`"trace":"%s","span":"%s","op":"op",`, span.SpanContext().TraceID, span.SpanContext().SpanID)
	for depth := range 9 {
		for _, reserved := range []string{"k", "trace"} {
			var b bytes.Buffer
			var parent slog.Handler = NewJSONHandler(&b, nil)
			var text, textInSpan string
			for i := range depth { // of every length, so that some slice has spare capacity
				key := fmt.Sprint(reserved, i)
				parent = parent.WithAttrs([]slog.Attr{slog.Int(key, i), slog.Int("attr.trace", i)})
				text += fmt.Sprintf(`"%s":%d,"attr.trace":%d,`, key, i, i)
			}
			textInSpan = text
			named := reserved
			if reserved == "trace" {
				named = "attr.trace"
				if depth > 0 {
					named = "attr.attr.trace"
				}
			}
			var siblings []slog.Handler
			var want, wantInSpan []string
			add := func(h slog.Handler, text, inSpan string) {
				siblings = append(siblings, h)
				want, wantInSpan = append(want, text), append(wantInSpan, inSpan)
			}
			for i := range 6 {
				x := strings.Repeat("x", i)
				h := parent.WithAttrs([]slog.Attr{slog.String(reserved, x)})
				add(h, fmt.Sprintf(`%s"%s":"%s","r":1}`, text, reserved, x), fmt.Sprintf(`%s"%s":"%s","r":1}`, textInSpan, named, x))
				g := parent.WithGroup("g" + x)
				add(g, fmt.Sprintf(`%s"g%s":{"r":1}}`, text, x), fmt.Sprintf(`%s"g%s":{"r":1}}`, textInSpan, x))
				// Groups within groups, of which each level has siblings.
				open, end := "", "}"
				for d := range 5 {
					for j := range 2 {
						name := fmt.Sprint("s", d, j)
						add(g.WithGroup(name), fmt.Sprintf(`%s"g%s":{%s"%s":{"r":1}%s}`, text, x, open, name, end), fmt.Sprintf(`%s"g%s":{%s"%s":{"r":1}%s}`, textInSpan, x, open, name, end))
						add(g.WithGroup(name).WithAttrs([]slog.Attr{slog.Int("trace", j)}),
							fmt.Sprintf(`%s"g%s":{%s"%s":{"trace":%d,"r":1}%s}`, text, x, open, name, j, end), fmt.Sprintf(`%s"g%s":{%s"%s":{"trace":%d,"r":1}%s}`, textInSpan, x, open, name, j, end))
					}
					g = g.WithGroup(fmt.Sprint("d", d))
					open, end = fmt.Sprintf(`%s"d%d":{`, open, d), end+"}"
				}
			}
			for i, h := range siblings {
				b.Reset()
				handle(t, h, context.Background(), slog.Int("r", 1))
				if diff := cmp.Diff(`{"level":"INFO","msg":"m",`+want[i]+"\n", b.String()); diff != "" {
					t.Errorf("sibling %d (-want +got):\n%s", i, diff)
				}
				b.Reset()
				handle(t, h, ctx, slog.Int("r", 1))
				if diff := cmp.Diff(`{"level":"INFO","msg":"m",`+ids+wantInSpan[i]+"\n", b.String()); diff != "" {
					t.Errorf("sibling %d in a span (-want +got):\n%s", i, diff)
				}
			}
		}
	}
}

// TestJSONHandlerMulti: the standard MultiHandler passes one slice to all its children, and one of them changes it.
func TestJSONHandlerMulti(t *testing.T) {
	ctx, _ := startTestSpan()
	var first, second bytes.Buffer
	attrs := []slog.Attr{slog.Int("trace", 1), slog.Any("", valuer{slog.GroupValue(slog.Int("span", 2))}), slog.Group("g", "op", 3)}
	multi := slog.NewMultiHandler(NewJSONHandler(&first, nil), scribbler{}, NewJSONHandler(&second, nil).WithGroup("h"))
	before := slices.Clone(attrs)
	h := multi.WithAttrs(attrs)
	handle(t, h, ctx, slog.Int("r", 1))
	checkRoot(t, "first", &first, "trace", "span", "op", "attr.trace", "attr.span", "g", "r")
	checkRoot(t, "second", &second, "trace", "span", "op", "h")
	before[0].Key = "scribbled" // by the scribbler alone
	if !slices.EqualFunc(attrs, before, func(a, b slog.Attr) bool { return a.Key == b.Key && a.Value.Kind() == b.Value.Kind() }) {
		t.Errorf("want %v, got %v", before, attrs)
	}
}

type scribbler struct{ slog.Handler }

func (scribbler) Enabled(context.Context, slog.Level) bool   { return false }
func (s scribbler) WithAttrs(attrs []slog.Attr) slog.Handler { attrs[0].Key = "scribbled"; return s }

// The source is where the user called; the fast way through a line must not forget it.
func TestJSONHandlerSource(t *testing.T) {
	ctx, _ := startTestSpan()
	for _, ctx := range []context.Context{context.Background(), ctx} {
		var b bytes.Buffer
		_, file, line, _ := runtime.Caller(0)
		slog.New(NewJSONHandler(&b, &slog.HandlerOptions{AddSource: true})).InfoContext(ctx, "m")
		var got struct{ Source slog.Source }
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := slog.Source{Function: "github.com/slogtrace/slogtrace.TestJSONHandlerSource", File: file, Line: line + 1}
		if diff := cmp.Diff(want, got.Source); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The level is asked at each record, not when the handler is made or derived.
func TestJSONHandlerLevel(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	opts := &slog.HandlerOptions{Level: level}
	h := NewJSONHandler(&b, opts)
	child := slog.New(h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g"))
	opts.Level = slog.LevelError // options are copied
	ctx, _ := startTestSpan()
	for _, at := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelDebug - 4} {
		level.Set(at)
		for l := slog.Level(-9); l < 10; l++ {
			b.Reset()
			child.Log(ctx, l, "m")
			if got, want := b.Len() > 0, l >= at; got != want {
				t.Errorf("level %v, record at %v: written is %v", at, l, got)
			}
		}
	}
	none := NewJSONHandler(&b, &slog.HandlerOptions{})
	if none.Enabled(ctx, slog.LevelDebug) || !none.Enabled(ctx, slog.LevelInfo) {
		t.Error("a nil Level must mean Info")
	}
}

func TestJSONHandlerReceiver(t *testing.T) {
	h := NewJSONHandler(io.Discard, nil)
	if h.WithGroup("") != slog.Handler(h) || h.WithAttrs(nil) != slog.Handler(h) || h.WithAttrs([]slog.Attr{}) != slog.Handler(h) {
		t.Error("nothing to add, but not the receiver")
	}
}

// TestJSONHandlerSlog runs the standard library's tests of handlers.
func TestJSONHandlerSlog(t *testing.T) {
	inSpan, _ := startTestSpan()
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "span": inSpan, "With": With(inSpan, slog.Int("w", 1))} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				b.Reset()
				return &contextHandler{NewJSONHandler(&b, nil), ctx}
			}, func(t *testing.T) map[string]any {
				var m map[string]any
				if err := json.Unmarshal(b.Bytes(), &m); err != nil {
					t.Fatal(err)
				}
				if _, ok := m["trace"]; ok != (name != "plain") {
					t.Errorf("trace id in the line is %v", ok)
				}
				return m
			})
		})
	}
}

// A line needs no memory of its own: the buffer of another line serves again.
func TestJSONHandlerAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	ctx, _ := startTestSpan()
	std := slog.New(slog.NewJSONHandler(io.Discard, nil))
	ours := slog.New(NewJSONHandler(io.Discard, nil))
	bind := func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("trace", 2, "c", "d") }
	now, text, number := time.Now(), "a text of some length", 4711
	attrs := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("text", text), slog.Int("number", number), slog.Time("at", now))
		}
	}
	boxed := func(l *slog.Logger, ctx context.Context) func() {
		return func() { l.InfoContext(ctx, "m", "text", text, "number", number, "took", time.Duration(number)) }
	}
	slogs := testing.AllocsPerRun(200, boxed(std, ctx))
	for _, test := range []struct {
		name string
		want float64
		f    func()
	}{
		{"LogAttrs in a span", 0, attrs(ours, ctx)},
		{"LogAttrs outside", 0, attrs(ours, context.Background())},
		{"LogAttrs in a group", 0, attrs(bind(ours), ctx)},
		{"LogAttrs below With", 0, attrs(ours, With(ctx, slog.Int("with", 1)))},
		{"InfoContext in a span", slogs, boxed(ours, ctx)},
		{"InfoContext outside", slogs, boxed(ours, context.Background())},
		{"InfoContext in a group", slogs, boxed(bind(ours), ctx)},
		{"float, escapes", 0, func() {
			ours.LogAttrs(ctx, slog.LevelInfo, "m\n", slog.Float64("f", 1e-9), slog.String("s\"", "\u2028\xff"), slog.Duration("d", 1))
		}},
	} {
		if got := testing.AllocsPerRun(200, test.f); got > test.want {
			t.Errorf("%s: want %v allocations, got %v", test.name, test.want, got)
		}
	}
}

func TestJSONHandlerSpanAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	tracer := NewTracer(NewJSONHandler(io.Discard, nil), nil)
	parent, _ := tracer.Start(context.Background(), "parent")
	text, number := "text", 4711
	for _, test := range []struct {
		name string
		want float64
		f    func()
	}{
		{"no attributes", 1, func() {
			_, span := tracer.Start(parent, "child")
			span.End()
		}},
		{"two attributes", 2, func() {
			_, span := tracer.Start(parent, "child", slog.String("text", text), slog.Int("number", number))
			span.End()
		}},
	} {
		if got := testing.AllocsPerRun(200, test.f); got > test.want {
			t.Errorf("%s: want %v allocations, got %v", test.name, test.want, got)
		}
	}
}

// BenchmarkJSONHandler compares the handler with slog's with the ids already bound, which is the floor of the gates in
// DESIGN.md. The names of the sub-benchmarks are job and call, then sink=ours or sink=slog.
func BenchmarkJSONHandler(b *testing.B) {
	tracer := NewTracer(NewJSONHandler(io.Discard, nil), nil)
	ctx, span := tracer.Start(context.Background(), "charge")
	sc := span.SpanContext()
	ours := slog.New(NewJSONHandler(io.Discard, nil))
	std := slog.New(slog.NewJSONHandler(io.Discard, nil)).With("trace", sc.TraceID.String(), "span", sc.SpanID.String(), "op", "charge")
	plain := slog.New(slog.NewJSONHandler(io.Discard, nil))
	group := func(l *slog.Logger) *slog.Logger { return l.WithGroup("booking").With("id", "b-4711", "seats", 3) }
	background := context.Background()

	args := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.InfoContext(ctx, "payment authorised", "booking", "b-4711", "amount", 1299, "provider", "stripe")
		}
	}
	attrs := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.LogAttrs(ctx, slog.LevelInfo, "payment authorised", slog.String("booking", "b-4711"), slog.Int("amount", 1299), slog.String("provider", "stripe"))
		}
	}
	start := time.Now()
	for _, bench := range []struct {
		name string
		f    func()
	}{
		{"job=J1/call=InfoContext/sink=ours", args(ours, ctx)},
		{"job=J1/call=InfoContext/sink=slog", args(std, ctx)},
		{"job=J1/call=LogAttrs/sink=ours", attrs(ours, ctx)},
		{"job=J1/call=LogAttrs/sink=slog", attrs(std, ctx)},
		{"job=J1g/call=InfoContext/sink=ours", args(group(ours), ctx)},
		{"job=J1g/call=InfoContext/sink=slog", args(group(std), ctx)},
		{"job=J2/call=StartEnd/sink=ours", func() {
			_, span := tracer.Start(ctx, "authorise", slog.String("provider", "stripe"), slog.Int("amount", 1299))
			span.End()
		}},
		{"job=J2/call=StartEnd/sink=slog", func() {
			std.LogAttrs(ctx, slog.LevelInfo, spanEndMessage, slog.String("parent", "00f067aa0ba902b7"), slog.Time("start", start),
				slog.Float64("duration_ms", 1.234), slog.String("provider", "stripe"), slog.Int("amount", 1299))
		}},
		{"job=plain/call=InfoContext/sink=ours", args(ours, background)},
		{"job=plain/call=InfoContext/sink=slog", args(plain, background)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.f()
			}
		})
	}
}

// asked counts the calls of its methods.
type asked struct{ value, json, err int }

type (
	askedValue struct{ n *asked }
	askedJSON  struct{ n *asked }
	askedError struct{ n *asked }
)

func (a askedValue) LogValue() slog.Value        { a.n.value++; return slog.IntValue(a.n.value) }
func (a askedJSON) MarshalJSON() ([]byte, error) { a.n.json++; return []byte("1"), nil }
func (a askedError) Error() string               { a.n.err++; return "e" }

// A record that turns out late not to be ordinary is written a second time, but its values' methods are called once.
func TestJSONHandlerAsksOnce(t *testing.T) {
	for _, last := range []slog.Attr{slog.Int("n", 1), slog.String("trace", "mine"), slog.Group("", slog.Int("op", 1)), {Value: slog.AnyValue(valuer{slog.GroupValue(slog.Int("x", 1))})}} {
		for _, group := range []string{"", "g"} {
			var n asked
			var buf bytes.Buffer
			h := NewJSONHandler(&buf, nil)
			ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op")
			values := []slog.Attr{slog.String("s", "x"), slog.Any("v", askedValue{&n}), slog.Any("j", askedJSON{&n}),
				slog.Any("e", askedError{&n}), slog.Group("in", slog.Any("v", askedValue{&n}))}
			for range values { // each of them is once the first to be called
				n = asked{}
				values = append(values[1:], values[0])
				slog.New(h).WithGroup(group).LogAttrs(ctx, slog.LevelInfo, "m", append(slices.Clip(values), last)...)
				if want := (asked{value: 2, json: 1, err: 1}); n != want {
					t.Errorf("last %v in group %q: asked %+v times, want %+v: %s", last, group, n, want, &buf)
				}
			}
		}
	}
}

// dropsContext is another handler that passes records on under a context of its own.
type dropsContext struct{ slog.Handler }

func (d dropsContext) Handle(_ context.Context, r slog.Record) error {
	return d.Handler.Handle(context.Background(), r)
}

// A span record is known by its message where its context is lost.
func TestJSONHandlerSpanWithoutContext(t *testing.T) {
	var buf bytes.Buffer
	for _, logStart := range []bool{false, true} {
		_, s := NewTracer(dropsContext{OTel.NewJSONHandler(&buf, nil)}, &TracerOptions{LogStart: logStart}).Start(context.Background(), "op", slog.String("error", "mine"))
		s.End()
	}
	for line := range strings.Lines(buf.String()) {
		if !strings.Contains(line, `"trace_id":"`) || !strings.Contains(line, `"attr.error":"mine"`) || strings.Contains(line, `"trace":`) {
			t.Errorf("a span record under a foreign context is not written by the handler's Format: %s", line)
		}
	}
}

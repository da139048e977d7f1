package slogtrace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// A new op counts from the next record on, also for handlers that were derived under the old one.
func TestHandlerSetOp(t *testing.T) {
	for _, rig := range rigs() {
		bufs, ws := outputs(len(rig.formats))
		base := rig.ours(ws, nil)
		for _, h := range []slog.Handler{base, base.WithGroup("g")} {
			ctx, span := testSpan(t.Context(), "op0")
			for i := range 15 {
				op := fmt.Sprintf("op%d", i/5%2) // and back again
				span.SetOp(op)
				if err := h.Handle(ctx, testRecord(slog.Int("x", i))); err != nil {
					t.Fatal(err)
				}
				for o, b := range bufs {
					line := take(b)
					got := parseMembers(t, line, rig.text)
					for key, val := range idsUnder(rig.formats[o], span.SpanContext(), op) {
						if diff := cmp.Diff([]string{val}, valuesOf(got, key)); diff != "" {
							t.Errorf("%s: record %d: %s (-want +got):\n%s", rig.name, i, key, diff)
						}
					}
				}
			}
		}
	}
}

// Handlers of two contexts at once, and of more loggers than a context caches.
func TestHandlerManyLoggers(t *testing.T) {
	var b bytes.Buffer
	base := NewHandler(slog.NewJSONHandler(&b, nil))
	var hs []slog.Handler
	for i := range 3 * maxBoundHandlers {
		h := base.WithAttrs([]slog.Attr{slog.Int("logger", i)})
		if i%2 == 1 {
			h = h.WithGroup("g")
		}
		hs = append(hs, h)
	}
	ctx1, s1 := testSpan(t.Context(), "one")
	ctx2, s2 := testSpan(t.Context(), "two")
	for range 4 {
		for i, h := range hs {
			for n, ctx := range []context.Context{ctx1, ctx2, With(ctx1, slog.Int("w", 1)), With(ctx2, slog.Int("w", 2))} {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				s := []*Span{s1, s2}[n%2]
				want := idsUnder(Format{}, s.SpanContext(), s.Op())
				want["logger"] = fmt.Sprint(i)
				want["w"] = []string{"", "", "1", "2"}[n]
				checkRootKeys(t, take(&b), want)
			}
		}
	}
	if n := s1.bound.latest.Load().count; n != maxBoundHandlers {
		t.Errorf("%d handlers are remembered for one span, want %d", n, maxBoundHandlers)
	}
}

// The inner handler has the ids bound from the third record of a span on. With groups open, it has them from the first on.
func TestHandlerBinds(t *testing.T) {
	ctx, span := testSpan(t.Context(), "op")
	root := NewHandler(slog.DiscardHandler)
	for _, c := range []struct {
		h  *Handler
		at int
	}{{root, 3}, {root.WithGroup("g").(*Handler), 1}} {
		for n := 1; n <= 5; n++ {
			if err := c.h.Handle(ctx, testRecord()); err != nil {
				t.Fatal(err)
			}
			if got := span.bound.of(&c.h.id, "op").derived.Load() != nil; got != (n >= c.at) {
				t.Errorf("after record %d: that the ids are bound is %v, want it from record %d on", n, got, c.at)
			}
		}
	}
}

// Several of our handlers get the same record and the same attributes, as from MultiHandler, which copies neither.
func TestHandlerSharesWithAttrs(t *testing.T) {
	var b1, b2 bytes.Buffer
	h := slog.NewMultiHandler(NewHandler(&treeHandler{out: &b1}), OTel.NewHandler(&treeHandler{out: &b2}), NewHandler(&treeHandler{out: io.Discard}))
	ctx, _ := testSpan(t.Context(), "op")
	for _, d := range []slog.Handler{
		h.WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
		h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
	} {
		for range 4 {
			if err := d.Handle(ctx, testRecord(slog.Int("x", 3))); err != nil {
				t.Fatal(err)
			}
			for _, line := range [][]byte{take(&b1), take(&b2)} {
				for _, want := range []string{`trace":1`, `"a":2`, `"x":3`} {
					if n := bytes.Count(line, []byte(want)); n != 1 {
						t.Errorf("%s stands %d times, want once:\n%s", want, n, line)
					}
				}
			}
		}
	}
}

// Later changes of the slice given to WithAttrs do not reach the handler.
func TestHandlerKeepsItsOwnAttrs(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "op")
	attrs := []slog.Attr{slog.Int("a", 1)}
	h := NewHandler(slog.NewJSONHandler(&b, nil)).WithGroup("g").WithAttrs(attrs)
	attrs[0] = slog.Int("a", 2)
	for range 4 {
		if err := h.Handle(ctx, testRecord()); err != nil {
			t.Fatal(err)
		}
		if line := string(take(&b)); !strings.Contains(line, `"g":{"a":1}`) {
			t.Errorf("the attribute changed: %s", line)
		}
	}
}

// A changing value of With is written as it is at each record, not as it was at the third.
func TestWithChangingValue(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"in a group":  func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)).WithGroup("g") },
	} {
		var b bytes.Buffer
		l := slog.New(mk(&b))
		n := new(struct{ N int })
		ctx, _ := Start(t.Context(), "op")
		ctx = With(ctx, slog.Group("now", slog.Any("n", n)))
		for i := range 6 {
			n.N = i
			b.Reset()
			l.InfoContext(ctx, "m")
			if want := fmt.Sprintf(`"n":{"N":%d}`, i); !strings.Contains(b.String(), want) {
				t.Errorf("%s: record %d lacks %s: %s", name, i, want, b.String())
			}
		}
	}
}

type keepsLast struct {
	slog.Handler
	last *slog.Record
}

func (k keepsLast) Handle(_ context.Context, r slog.Record) error { *k.last = r; return nil }
func (k keepsLast) WithGroup(string) slog.Handler                 { return k }
func (k keepsLast) WithAttrs([]slog.Attr) slog.Handler            { return k }

// A record that a handler keeps does not keep what was derived for other loggers of the same span.
func TestKeptRecordKeepsNoLogger(t *testing.T) {
	var last slog.Record
	freed := make(chan bool, 1)
	func() {
		h := NewHandler(keepsLast{slog.DiscardHandler, &last})
		ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op")
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(int) { freed <- true }, 0)
		slog.New(onlyEnabled{h}).WithGroup("g").With("big", big).InfoContext(ctx, "gone")
		slog.New(onlyEnabled{h}).InfoContext(ctx, "kept")
	}()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(&last)
			return
		case <-time.After(time.Millisecond):
		}
	}
	t.Errorf("record %q keeps another logger's attributes", last.Message)
}

// onlyEnabled makes the discarding handler take records.
type onlyEnabled struct{ slog.Handler }

func (onlyEnabled) Enabled(context.Context, slog.Level) bool { return true }
func (o onlyEnabled) WithGroup(n string) slog.Handler        { return onlyEnabled{o.Handler.WithGroup(n)} }
func (o onlyEnabled) WithAttrs(a []slog.Attr) slog.Handler {
	return onlyEnabled{o.Handler.WithAttrs(a)}
}

// The op of a cached handler is read once. If it were renamed between two readings,
// later records would carry the wrong one.
func TestHandlerSetOpConcurrent(t *testing.T) {
	n := 3000
	if racetest.Enabled || testing.Short() {
		n = 300
	}
	for range n {
		var buf lockedBuffer
		l := slog.New(NewHandler(slog.NewJSONHandler(&buf, nil)))
		ctx, s := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "A")
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 30 {
				s.SetOp("B")
				s.SetOp("A")
			}
		})
		for range 2 {
			wg.Go(func() { l.InfoContext(ctx, "x") })
		}
		wg.Wait()
		buf.Reset()
		l.InfoContext(ctx, "y")
		if want := fmt.Sprintf(`"op":%q`, s.Op()); !strings.Contains(buf.String(), want) {
			t.Fatalf("want %s in %s", want, buf.String())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// However many loggers are derived below one span, it keeps only a few of their handlers.
func TestBoundCacheIsBounded(t *testing.T) {
	ctx, s := Start(t.Context(), "op")
	base := slog.New(NewHandler(slog.NewJSONHandler(io.Discard, nil)))
	most := 0
	for i := range 20 {
		base.With("i", i).InfoContext(ctx, "x")
		most = max(most, int(s.bound.latest.Load().count))
	}
	if most != maxBoundHandlers {
		t.Errorf("the span kept %d handlers, want %d at most", most, maxBoundHandlers)
	}
}

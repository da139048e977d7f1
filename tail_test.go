package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tailTest does work with each arrangement of a TailHandler and compares what was written, before and after Close.
func tailTest(t *testing.T, opts TailOptions, want []string, work func(*TailHandler, *Tracer, *slog.Logger)) {
	t.Helper()
	for _, a := range tailArrangements {
		var buf bytes.Buffer
		h, tail := a.open(&buf, &opts)
		work(tail, NewTracer(h, nil), slog.New(h))
		if diff := cmp.Diff(want, tailTexts(buf.Bytes())); diff != "" {
			t.Errorf("%s: -want +got:\n%s", a.name, diff)
		}
		if err := tail.Close(); err != nil {
			t.Errorf("%s: Close: %v", a.name, err)
		}
		checkTailMemory(t, a.name, tail.tail)
		if tail.tail.first != nil || tail.tail.last != nil {
			t.Errorf("%s: roots are kept in the list", a.name)
		}
	}
}

var background = context.Background()

// Flush lets through what is held, unless its context is done. After Close nothing is held any more.
func TestTailHandlerFlush(t *testing.T) {
	want := []string{"a1", "b1", "a2", "b2", "c1", "d1", "d2", "end a"}
	tailTest(t, TailOptions{}, want, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
		a, sa := tr.Start(background, "a")
		b, _ := tr.Start(background, "b")
		log.DebugContext(a, "a1")
		log.DebugContext(b, "b1")
		canceled, cancel := context.WithCancel(background)
		cancel()
		if err := h.Flush(canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("Flush under a cancelled context: %v", err)
		}
		if s := h.Stats(); s.Held != 2 || s.Flushed != 0 {
			t.Errorf("%+v", s)
		}
		if err := h.WithGroup("g").(*TailHandler).Flush(background); err != nil {
			t.Error(err)
		}
		if s := h.Stats(); s.Held != 0 || s.Flushed != 2 || s.Kept != 2 {
			t.Errorf("%+v", s)
		}
		log.DebugContext(a, "a2")
		log.DebugContext(b, "b2")
		c, _ := tr.Start(background, "c")
		log.DebugContext(c, "c1")
		for range 2 {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
		d, _ := tr.Start(background, "d")
		log.DebugContext(d, "d1")
		log.DebugContext(d, "d2")
		sa.End()
		if s := h.Stats(); s.Held != 0 || s.Flushed != 3 || s.Kept != 8 {
			t.Errorf("%+v", s)
		}
	})
}

// Two handlers that get the same records do not mix them, and each gives its own verdict.
func TestTailHandlersDoNotMix(t *testing.T) {
	var one, two bytes.Buffer
	h := slog.NewMultiHandler(
		NewTailHandler(NewJSONHandler(&one, debugLevel), &TailOptions{KeepLevel: slog.LevelWarn}),
		NewTailHandler(NewHandler(slog.NewJSONHandler(&two, debugLevel)), &TailOptions{PassLevel: slog.LevelWarn}))
	ctx, root := NewTracer(h, nil).Start(background, "root")
	slog.New(h).DebugContext(ctx, "d")
	slog.New(h).WarnContext(ctx, "w")
	root.End()
	if diff := cmp.Diff([]string{"d", "w", "end root"}, tailTexts(one.Bytes())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"w"}, tailTexts(two.Bytes())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTailHandlerBasics(t *testing.T) {
	h := NewTailHandler(NewJSONHandler(io.Discard, debugLevel), nil)
	if h.WithGroup("") != slog.Handler(h) || h.WithAttrs(nil) != slog.Handler(h) {
		t.Error("nothing is something else")
	}
	if !h.Enabled(background, slog.LevelDebug) || h.Enabled(background, slog.LevelDebug-1) {
		t.Error("Enabled does not say what the next handler says")
	}
	opts := TailOptions{MaxRootBytes: -1, MaxBytes: -1, MaxAge: -1, Slow: -1}
	if got := newTail(&opts).opts; got.MaxRootBytes != 1<<20 || got.MaxBytes != 64<<20 || got.MaxAge != time.Minute {
		t.Errorf("defaults: %+v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewTailHandler(nil, nil)
}

// Any number of goroutines may log in one root, in many, while they end, and while everything is flushed:
// nothing is lost, and the records of one goroutine stay in order.
func TestTailHandlerConcurrent(t *testing.T) {
	const roots, workers, records = 20, 4, 50
	for _, a := range tailArrangements {
		for _, keep := range []bool{true, false} {
			var buf bytes.Buffer
			o := &TailOptions{MaxRootBytes: 20_000, MaxBytes: 200_000, PassLevel: slog.LevelInfo, MaxAge: time.Millisecond}
			if keep {
				o.Share = 1
			}
			h, tail := a.open(&buf, o)
			tr, log := NewTracer(h, nil), slog.New(h)
			var wg sync.WaitGroup
			var overtaken [roots]atomic.Bool // a record waited in vain until others had left, and may have overtaken them
			for r := range roots {
				ctx, root := tr.Start(background, "root")
				do := func(call func()) {
					began := time.Now()
					if call(); time.Since(began) >= maxTailWait {
						overtaken[r].Store(true)
					}
				}
				for w := range workers {
					log := log.With("root", r, "worker", w)
					wg.Go(func() {
						for i := range records {
							level := slog.LevelDebug
							if i%10 == 0 {
								level = slog.LevelInfo
							}
							do(func() { log.Log(ctx, level, "m", "i", i) })
							if w == 0 && i == records/2 {
								do(func() { root.End() })
							}
						}
						_, late := Start(ctx, "late")
						do(func() { late.End() })
					})
				}
			}
			for range 3 {
				wg.Go(func() { _ = tail.Flush(background); _ = tail.Stats() })
			}
			wg.Wait()
			_ = tail.Close()
			s := tail.Stats()
			const all = roots * (workers*(records+1) + 1)
			if s.Kept+s.Passed+s.Dropped != all || s.Held != 0 || s.HeldBytes != 0 || keep && s.Kept != all {
				t.Errorf("%s: of %d records: %+v", a.name, all, s)
			}
			last, infos := map[[2]int]int{}, 0
			for b := range bytes.Lines(buf.Bytes()) {
				var l struct {
					Msg, Level      string
					Root, Worker, I int
				}
				if err := json.Unmarshal(b, &l); err != nil {
					t.Fatalf("%v: %s", err, b)
				}
				if l.Level == "INFO" {
					infos++
				}
				if l.Msg != "m" {
					continue
				}
				key := [2]int{l.Root, l.Worker}
				if before, ok := last[key]; (ok && l.I <= before || keep && l.I != last[key]+1 && l.I != 0) && !overtaken[l.Root].Load() {
					t.Fatalf("%s: %d after %d", a.name, l.I, before)
				}
				last[key] = l.I
			}
			if want := roots * (workers*(records/10+1) + 1); infos != want {
				t.Errorf("%s: %d records that pass, want %d", a.name, infos, want)
			}
		}
	}
}

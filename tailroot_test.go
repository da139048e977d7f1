package slogtrace

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A failure in the root or below it, or a level that is reached, keeps all of it. Else what is below PassLevel is dropped.
func TestTailHandlerVerdicts(t *testing.T) {
	all := []string{"d", "i", "w", "end child", "end root"}
	for _, test := range []struct {
		name string
		opts TailOptions
		work func(root, child *Span)
		want []string
	}{
		{"nothing special", TailOptions{}, func(_, _ *Span) {}, []string{"i", "w", "end child", "end root"}},
		{"a higher level passes", TailOptions{PassLevel: slog.LevelWarn}, func(_, _ *Span) {}, []string{"w"}},
		{"none passes", TailOptions{PassLevel: slog.LevelError}, func(_, _ *Span) {}, nil},
		{"the root failed", TailOptions{}, func(root, _ *Span) { root.Fail(errSpanCard) }, all},
		{"the child failed", TailOptions{PassLevel: slog.LevelError}, func(_, child *Span) { child.Fail(errSpanCard) }, all},
		{"a level", TailOptions{KeepLevel: slog.LevelWarn}, func(_, _ *Span) {}, all},
		{"the span records' level", TailOptions{KeepLevel: slog.LevelInfo}, func(_, _ *Span) {}, all},
		{"all are shared", TailOptions{PassLevel: slog.LevelWarn, Share: 1}, func(_, _ *Span) {}, all},
		{"more than all", TailOptions{PassLevel: slog.LevelWarn, Share: 7}, func(_, _ *Span) {}, all},
		{"less than none", TailOptions{PassLevel: slog.LevelWarn, Share: -1}, func(_, _ *Span) {}, []string{"w"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tailTest(t, test.opts, test.want, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
				ctx, root := tr.Start(background, "root")
				log.DebugContext(ctx, "d")
				ctx2, child := Start(ctx, "child")
				log.With("a", 1).InfoContext(ctx2, "i")
				log.WithGroup("g").WarnContext(ctx2, "w", "b", 1)
				test.work(root, child)
				child.End()
				if s := h.Stats(); s.Held != 4 || s.HeldBytes <= 0 || s.Kept+s.Passed+s.Dropped > 0 {
					t.Errorf("before the end: %+v", s)
				}
				root.End()
			})
		})
	}
}

// A root ends for us whatever happens to its record.
func TestTailHandlerWithoutSpanRecords(t *testing.T) {
	for _, test := range []struct {
		name string
		opts TracerOptions
		fail bool
		want []string
	}{
		{"not sampled", TracerOptions{Sampler: rate{false, 0.5}}, false, nil},
		{"not sampled, failed", TracerOptions{Sampler: rate{false, 0.5}}, true, []string{"d", "end root 1 in 2"}},
		{"level refused", TracerOptions{Level: slog.LevelDebug - 1, ErrorLevel: slog.LevelDebug - 1}, false, nil},
		{"level refused, failed", TracerOptions{Level: slog.LevelDebug - 1, ErrorLevel: slog.LevelDebug - 1}, true, []string{"d"}},
		{"no failure", TracerOptions{IsFailure: func(error) bool { return false }}, true, nil},
	} {
		for _, a := range tailArrangements {
			var buf bytes.Buffer
			h, tail := a.open(&buf, &TailOptions{PassLevel: slog.LevelError})
			ctx, root := NewTracer(h, &test.opts).Start(background, "root")
			slog.New(h).DebugContext(ctx, "d")
			if test.fail {
				root.Fail(errSpanCard)
			}
			root.End()
			if diff := cmp.Diff(test.want, tailTexts(buf.Bytes())); diff != "" {
				t.Errorf("%s: %s: -want +got:\n%s", test.name, a.name, diff)
			}
			if s := tail.Stats(); s.KeptRoots+s.DroppedRoots != 1 || s.Held != 0 {
				t.Errorf("%s: %s: %+v", test.name, a.name, s)
			}
		}
	}
	// It may also be reported to another handler.
	var buf bytes.Buffer
	h := NewTailHandler(NewJSONHandler(&buf, debugLevel), nil)
	ctx, root := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
	slog.New(h).DebugContext(ctx, "d")
	root.Fail(errSpanCard)
	root.End()
	if got := tailTexts(buf.Bytes()); !slices.Equal(got, []string{"d"}) {
		t.Errorf("wrote %q", got)
	}
}

// rate is a Sampler that always returns the same.
type rate struct {
	sampled bool
	rate    float64
}

func (r rate) Sample(SampleInput) (bool, float64) { return r.sampled, r.rate }

// A root is slow from the given duration on, that included.
func TestTailHandlerSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := TailOptions{Slow: time.Second}
		tailTest(t, opts, []string{"end quick", "d2", "end slow"}, func(_ *TailHandler, tr *Tracer, log *slog.Logger) {
			ctx, quick := tr.Start(background, "quick")
			log.DebugContext(ctx, "d1")
			time.Sleep(time.Second - time.Nanosecond)
			quick.End()
			ctx, slow := tr.Start(background, "slow")
			log.DebugContext(ctx, "d2")
			time.Sleep(time.Second)
			slow.End()
		})
	})
}

// Each root has its own verdict, also within one trace.
func TestTailHandlerRoots(t *testing.T) {
	want := []string{"outside", "remote", "under remote", "d2", "end second", "end third", "end first"}
	tailTest(t, TailOptions{}, want, func(_ *TailHandler, tr *Tracer, log *slog.Logger) {
		remote := SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled}
		log.DebugContext(background, "outside")
		ctx := ContextWithRemoteSpanContext(background, remote)
		log.DebugContext(ctx, "remote")
		first, s1 := tr.Start(ctx, "first")
		log.DebugContext(first, "d1")
		ctx = ContextWithRemoteSpanContext(first, remote)
		log.DebugContext(ctx, "under remote")
		second, s2 := tr.Start(ctx, "second")
		log.DebugContext(second, "d2")
		third, s3 := tr.Start(Detach(second), "third")
		log.DebugContext(third, "d3")
		s2.Fail(errSpanCard)
		s2.End()
		s3.End()
		s1.End()
	})
}

// The verdict holds for what comes after it. A failure then keeps what comes later and counts what is gone as late.
func TestTailHandlerLate(t *testing.T) {
	opts := TailOptions{PassLevel: slog.LevelWarn}
	for _, test := range []struct {
		name string
		fail func(context.Context, *slog.Logger, *Span)
		want []string
	}{
		{"a span fails", func(_ context.Context, _ *slog.Logger, s *Span) { s.Fail(errSpanCard) }, []string{"w", "d4", "end child"}},
		{"a level", func(ctx context.Context, l *slog.Logger, _ *Span) { l.ErrorContext(ctx, "e") }, []string{"w", "e", "d4", "end child"}},
		{"nothing", func(context.Context, *slog.Logger, *Span) {}, []string{"w"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tailTest(t, opts, test.want, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
				ctx, root := tr.Start(background, "root")
				log.DebugContext(ctx, "d1")
				ctx, child := Start(ctx, "child")
				root.End()
				log.DebugContext(ctx, "d2")
				_, other := Start(ctx, "started after the root's end")
				other.End()
				log.WarnContext(ctx, "w")
				if s := h.Stats(); s.Dropped != 4 || s.Passed != 1 || s.Late != 0 {
					t.Errorf("before: %+v", s)
				}
				test.fail(ctx, log, child)
				log.DebugContext(ctx, "d4")
				child.End()
				want := TailStats{Kept: int64(len(test.want) - 1), Passed: 1, Dropped: 4, Late: 4, DroppedRoots: 1}
				if test.name == "nothing" {
					want.Kept, want.Dropped, want.Late = 0, 6, 0
				}
				got := h.Stats()
				if want.DroppedBytes = got.DroppedBytes; got.DroppedBytes <= 0 {
					t.Error("no bytes were dropped")
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("stats: -want +got:\n%s", diff)
				}
			})
		})
	}
}

// If there is too much, that does not wait forever either: it overtakes the waiting records. A verdict to drop holds for it too.
func TestTailHandlerReentrantTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The size of a record differs between machines. There is room for the records of the root, but not for twice as many.
		h := NewTailHandler(slog.DiscardHandler, nil)
		ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
		for i := range 20 {
			_ = h.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, fmt.Sprint("m", i), 0))
		}
		room := int(h.Stats().HeldBytes)
		for _, fails := range []bool{true, false} {
			var buf bytes.Buffer
			var log *slog.Logger
			again := func(ctx context.Context, msg string) {
				for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
					log.Log(ctx, level, fmt.Sprintf("again %s %v", msg, level))
				}
			}
			h := NewTailHandler(babbler{NewJSONHandler(&buf, debugLevel), again}, &TailOptions{MaxRootBytes: room})
			log = slog.New(h)
			ctx, root := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
			for i := range 20 {
				log.InfoContext(ctx, fmt.Sprint("m", i))
			}
			if s := h.Stats(); s.Held != 20 {
				t.Errorf("%+v", s)
			}
			want := TailStats{Passed: 40, Dropped: 20, DroppedRoots: 1}
			if fails {
				root.Fail(errSpanCard)
				want = TailStats{Kept: 60, KeptRoots: 1}
			}
			began := time.Now()
			root.End()
			if waited := time.Since(began); waited != maxTailWait {
				t.Errorf("waited %v", waited)
			}
			got, texts := h.Stats(), tailTexts(buf.Bytes())
			got.DroppedBytes = 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("stats: -want +got:\n%s", diff)
			}
			if n := len(texts); n != int(want.Kept+want.Passed) {
				t.Errorf("%d lines", n)
			}
			own := slices.DeleteFunc(texts, func(s string) bool { return strings.HasPrefix(s, "again") })
			for i, s := range own {
				if s != fmt.Sprint("m", i) {
					t.Errorf("out of order: %q", own)
				}
			}
		}
	})
}

// Dropped records also count as late if a record that no longer fits shows that the root must be kept.
func TestTailHandlerLateTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log *slog.Logger
		kept := 0
		again := func(ctx context.Context, msg string) {
			if kept++; kept > 1 {
				return
			}
			for range 30 {
				log.InfoContext(ctx, "again")
			}
			log.ErrorContext(ctx, "again")
		}
		h := NewTailHandler(babbler{noHandler, again}, nil)
		log = slog.New(h)
		ctx, root := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
		for range 10 {
			log.DebugContext(ctx, "m")
		}
		for range 10 {
			log.InfoContext(ctx, "m")
		}
		h.tail.opts.MaxRootBytes = int(h.Stats().HeldBytes)
		root.End()
		log.DebugContext(ctx, "m")
		got := h.Stats()
		got.DroppedBytes = 0
		got.Kept, got.Passed = got.Kept+got.Passed, 0
		if diff := cmp.Diff(TailStats{Kept: 42, Dropped: 10, Late: 10, DroppedRoots: 1}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// A sleeper takes some time for each record, and ends the goroutine at one of them.
type sleeper struct {
	nothing
	takes int
	last  int
}

func (s *sleeper) Handle(context.Context, slog.Record) error {
	time.Sleep(10 * time.Millisecond)
	if s.takes++; s.takes == s.last {
		runtime.Goexit()
	}
	return nil
}

func (s *sleeper) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s *sleeper) WithGroup(string) slog.Handler      { return s }

// A goroutine that waits for room goes on as soon as there is some: when held records are taken, and when all are let through.
func TestTailHandlerMakesRoom(t *testing.T) {
	for _, test := range []struct {
		name  string
		last  int
		fails bool
		until time.Duration // a record that is too much waits
		want  TailStats
	}{
		{"what was held before is through", 0, true, 200 * time.Millisecond, TailStats{Kept: 41, KeptRoots: 1}},
		{"what was held before is dropped", 0, false, 200 * time.Millisecond, TailStats{Passed: 41, DroppedRoots: 1}},
		{"a handler ends the goroutine", 10, true, 100 * time.Millisecond, TailStats{Kept: 41, KeptRoots: 1, Lost: 30}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The bound is reached by the 20th record.
				log := func(h *TailHandler, ctx context.Context) {
					_ = h.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0))
				}
				probe := NewTailHandler(noHandler, nil)
				ctx, _ := NewTracer(noHandler, nil).Start(background, "root")
				for range 20 {
					log(probe, ctx)
				}
				h := NewTailHandler(&sleeper{last: test.last}, &TailOptions{MaxRootBytes: int(probe.Stats().HeldBytes)})
				ctx, root := NewTracer(noHandler, nil).Start(background, "root")
				for range 20 {
					log(h, ctx)
				}
				// One byte less, so that it is full with as many records as are being let through.
				h.tail.opts.MaxRootBytes--
				if test.fails {
					root.Fail(errSpanCard)
				}
				began := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() { root.End() })
				synctest.Wait()
				for range 20 {
					log(h, ctx)
				}
				if waited := time.Since(began); waited != 0 {
					t.Errorf("waited %v although there was room", waited)
				}
				var flushed time.Duration
				wg.Go(func() { _ = h.Flush(background); flushed = time.Since(began) })
				log(h, ctx)
				waited := time.Since(began)
				wg.Wait()
				if test.last > 0 {
					waited -= 10 * time.Millisecond // it is passed on at once
				}
				if waited != test.until {
					t.Errorf("waited %v, want %v", waited, test.until)
				}
				if want := max(test.until, time.Duration(test.want.Kept+test.want.Passed-1)*10*time.Millisecond); test.last == 0 && flushed < want {
					t.Errorf("Flush returned after %v", flushed)
				}
				got := h.Stats()
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

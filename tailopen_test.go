package slogtrace

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What exceeds a bound is let through, the oldest root first, and so is a root that is too old.
func TestTailHandlerBounds(t *testing.T) {
	long := strings.Repeat("x", 1000)
	t.Run("bytes of a root", func(t *testing.T) {
		tailTest(t, TailOptions{MaxRootBytes: 4000}, []string{"d", "d", "d", "d", "d", "end root"}, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
			ctx, root := tr.Start(background, "root")
			for h.Stats().OverRootBytes == 0 {
				log.DebugContext(ctx, "d", "long", long)
				if s := h.Stats(); s.HeldBytes > 4000 {
					t.Errorf("%d bytes are held", s.HeldBytes)
				}
			}
			for h.Stats().Kept < 5 {
				log.DebugContext(ctx, "d", "long", long)
			}
			root.End()
			if s := h.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.OverRootBytes != 1 || s.KeptRoots+s.DroppedRoots+s.OverBytes != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
	t.Run("bytes in all", func(t *testing.T) {
		tailTest(t, TailOptions{MaxBytes: 8000}, []string{"d", "end root"}, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
			var roots []*Span
			for h.Stats().OverBytes == 0 {
				ctx, root := tr.Start(background, "root")
				roots = append(roots, root)
				log.DebugContext(ctx, "d", "long", long)
			}
			if n := len(roots); n < 4 || n > 9 {
				t.Errorf("%d roots", n)
			}
			roots[len(roots)-1].End()
			if s := h.Stats(); s.Held != int64(len(roots)-1) || s.OverBytes != 1 || s.OverRootBytes != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
	t.Run("age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			want := []string{"a1", "a2", "b1", "b2", "end c", "end b", "end a", "d1"}
			tailTest(t, TailOptions{MaxAge: time.Minute}, want, func(h *TailHandler, tr *Tracer, log *slog.Logger) {
				a, sa := tr.Start(background, "a")
				log.DebugContext(a, "a1")
				time.Sleep(30 * time.Second)
				b, sb := tr.Start(background, "b")
				log.DebugContext(b, "b1")
				time.Sleep(30*time.Second - time.Nanosecond)
				synctest.Wait()
				if s := h.Stats(); s.Held != 2 || s.OverAge != 0 {
					t.Errorf("before a minute: %+v", s)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if s := h.Stats(); s.Held != 1 || s.OverAge != 1 {
					t.Errorf("after a minute: %+v", s)
				}
				log.DebugContext(a, "a2")
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if s := h.Stats(); s.Held != 0 || s.OverAge != 2 {
					t.Errorf("after a minute and a half: %+v", s)
				}
				log.DebugContext(b, "b2")
				time.Sleep(time.Hour) // the timer has nothing left to do, and must begin again
				c, sc := tr.Start(background, "c")
				log.DebugContext(c, "c1")
				sc.End()
				sb.End()
				sa.End()
				d, _ := tr.Start(background, "d")
				log.DebugContext(d, "d1")
				time.Sleep(time.Minute)
				synctest.Wait()
				if s := h.Stats(); s.Held != 0 || s.OverAge != 3 {
					t.Errorf("at the end: %+v", s)
				}
			})
		})
	})
}

// A bound is the limit of what may be held.
func TestTailHandlerBoundsAreExact(t *testing.T) {
	held := func(opts *TailOptions) TailStats {
		h := NewTailHandler(NewJSONHandler(io.Discard, debugLevel), opts)
		ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
		_ = h.Handle(ctx, slog.NewRecord(time.Unix(0, 0), slog.LevelDebug, "m", 0))
		return h.Stats()
	}
	n := int(held(nil).HeldBytes)
	for _, opts := range []TailOptions{{MaxBytes: n}, {MaxRootBytes: n}} {
		if s := held(&opts); s.Held != 1 || s.OverBytes+s.OverRootBytes != 0 {
			t.Errorf("%d bytes: %+v", n, s)
		}
	}
	if s := held(&TailOptions{MaxBytes: n - 1}); s.OverBytes != 1 {
		t.Errorf("a byte too much: %+v", s)
	}
	if s := held(&TailOptions{MaxRootBytes: n - 1}); s.OverRootBytes != 1 {
		t.Errorf("a byte too much: %+v", s)
	}
}

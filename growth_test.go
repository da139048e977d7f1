//go:build unix

package slogtrace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the CPU time that this process has used.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// medianCPU returns the median CPU time of ten calls of each of fs, which take turns. Nothing is collected while they run.
func medianCPU(t testing.TB, fs ...func()) []time.Duration {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	times := make([][10]time.Duration, len(fs))
	for i := range 10 {
		for j, f := range fs {
			runtime.GC()
			before := cpuTime(t)
			f()
			times[j][i] = cpuTime(t) - before
		}
	}
	medians := make([]time.Duration, len(fs))
	for j := range fs {
		slices.Sort(times[j][:])
		medians[j] = (times[j][4] + times[j][5]) / 2
	}
	return medians
}

// wantLinear reports an error if f takes more than three times as long when n doubles, by the median of ten.
// It doubles n three times: work that is quadratic takes 64 times as long then, and a busy machine cannot hide it.
func wantLinear(t *testing.T, n int, f func(n int)) {
	t.Helper()
	m := medianCPU(t, func() { f(n) }, func() { f(8 * n) })
	if m[1] > 3*3*3*m[0] {
		t.Errorf("%v for %d, %v for %d: more than three times as long for each doubling", m[0], n, m[1], 8*n)
	}
}

// No span and no context takes more than linear time for many attributes, or for a deep chain that fails.
func TestGrowth(t *testing.T) {
	if raceEnabled {
		t.Skip("race: the detector takes its own time")
	}
	keys := make([]slog.Attr, 4_000)
	for i := range keys {
		keys[i] = slog.Int(fmt.Sprintf("key%d", i), i)
	}
	for _, test := range []struct {
		name string
		n    int
		f    func(n int)
	}{
		{"SetAttrs, all at once", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			s.SetAttrs(keys[:n]...)
		}},
		{"SetAttrs, one by one", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			for i := range n {
				s.SetAttrs(keys[i])
			}
		}},
		{"SetAttrs, again and again", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			s.SetAttrs(keys[:n/2]...)
			for i := range n {
				s.SetAttrs(keys[i/2])
			}
		}},
		{"Start", 500, func(n int) { Start(t.Context(), "op", keys[:n]...) }},
		{"With", 500, func(n int) { With(t.Context(), keys[:n]...) }},
		{"a failing chain that is not sampled", 200, func(n int) {
			tr := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: Ratio(0)})
			err := errors.New("down")
			var fail func(ctx context.Context, n int) error
			fail = func(ctx context.Context, n int) (failed error) {
				if n == 0 {
					return err
				}
				ctx, s := tr.Start(ctx, "op")
				defer s.End(&failed)
				return fail(ctx, n-1)
			}
			_ = fail(t.Context(), n)
		}},
	} {
		t.Run(test.name, func(t *testing.T) { wantLinear(t, test.n, test.f) })
	}
}

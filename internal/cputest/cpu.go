//go:build unix

package cputest

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Time returns the CPU time that this process has used.
func Time(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Medians returns the median CPU time of ten calls of each of fs, which take turns. Nothing is collected while they run.
func Medians(t testing.TB, fs ...func()) []time.Duration {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	times := make([][10]time.Duration, len(fs))
	for i := range 10 {
		for j, f := range fs {
			runtime.GC()
			before := Time(t)
			f()
			times[j][i] = Time(t) - before
		}
	}
	medians := make([]time.Duration, len(fs))
	for j := range fs {
		slices.Sort(times[j][:])
		medians[j] = (times[j][4] + times[j][5]) / 2
	}
	return medians
}

// WantLinear reports an error if f takes more than three times as long when n doubles, by the median of ten.
// It doubles n three times: work that is quadratic takes 64 times as long then, and a busy machine cannot hide it.
// It measures up to five times, since a busy machine slows some measurements: the least ratio counts.
// It repeats f until the clock's grain does not count.
func WantLinear(t *testing.T, n int, f func(n int)) {
	t.Helper()
	repeat := 1
	for ; repeat < 1024; repeat *= 2 {
		start := Time(t)
		for range repeat {
			f(n)
		}
		if Time(t)-start > 2*time.Millisecond {
			break
		}
	}
	times := func(n int) func() {
		return func() {
			for range repeat {
				f(n)
			}
		}
	}
	const most = 3 * 3 * 3 // for three doublings
	least := math.Inf(1)
	for round := 0; round < 5 && least > most; round++ {
		m := Medians(t, times(n), times(8*n))
		least = min(least, float64(m[1])/float64(m[0]))
	}
	if least > most {
		t.Errorf("%.1f times as long for %d as for %d: more than three times as long for each doubling", least, 8*n, n)
	}
	t.Logf("%.1f times as long for eight times as much", least)
}

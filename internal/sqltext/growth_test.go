//go:build unix

package sqltext

import (
	"runtime/debug"
	"slices"
	"strings"
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

// Reading takes time in proportion to the text: twice the text takes at most three times as long, so eight times 27.
func TestReadGrowth(t *testing.T) {
	if raceEnabled {
		t.Skip("race: the detector takes its own time")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, part := range []string{"(", "a(", "'a',", "\\'", "''", "/*", "$a$", "\"", "\"\"", "IN (1,", "VALUES (1),", "(1),", "FROM t,", "--\n", "[", "[]", "`", "#\n", "."} {
		for _, d := range []Dialect{DialectOf("postgresql"), DialectOf("sqlite"), {}} {
			var took [2][10]time.Duration
			for i := range 10 {
				for j, n := range []int{maxRead / 8, maxRead} {
					text := "VALUES " + strings.Repeat(part, n/len(part))
					before := cpuTime(t)
					for range 6 {
						Read(text, d)
					}
					took[j][i] = cpuTime(t) - before
				}
			}
			slices.Sort(took[0][:])
			slices.Sort(took[1][:])
			if small, large := took[0][5], took[1][5]; large > 27*max(small, 100*time.Microsecond) {
				t.Errorf("%q: %v for an eighth of the text, %v for all of it", part, small, large)
			}
		}
	}
}

package tell

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A bar is there after a while, on a terminal only, and gone before anything else is written.
func TestProgress(t *testing.T) {
	log := strings.Repeat("{\"msg\":\"x\"}\n", 100_000)
	for _, terminal := range []bool{true, false} {
		var stderr strings.Builder
		at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
		s := New(&stderr, terminal, func() time.Time { at = at.Add(patience); return at }) // reading is slow
		s.StartProgress(int64(len(log)))
		for part := range slices.Chunk([]byte(log), 10_000) {
			s.Progress().Add(len(part))
		}
		s.Talk("done")
		s.StopProgress()
		bar, rest, ok := strings.Cut(stderr.String(), "slogtrace: done\n")
		if !ok || terminal != strings.Contains(bar, "reading") || strings.Contains(rest, "reading") {
			t.Errorf("terminal %t: stderr %q", terminal, stderr.String())
		}
		if terminal && !strings.HasSuffix(bar, "\r") {
			t.Errorf("the bar is still there: %q", bar)
		}
	}
}

package tell

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

// If everything is read twice, the bar says so, and begins again. A little more than everything is not twice.
func TestProgressAgain(t *testing.T) {
	var stderr strings.Builder
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	s := New(&stderr, true, func() time.Time { at = at.Add(patience); return at })
	s.StartProgress(1000)
	for range 52 {
		s.Progress().Add(20)
	}
	if bar := stderr.String(); strings.Contains(bar, "again") || !strings.Contains(bar, " 99% ") {
		t.Errorf("after 1040 of 1000 bytes: %q", bar)
	}
	stderr.Reset()
	s.Progress().Add(460)
	if bar := stderr.String(); !strings.Contains(bar, "reading again  50% ") {
		t.Errorf("in the midst of the second time: %q", bar)
	}
}

// What is waited for is there after a second, until something has been read or nothing is waited for.
func TestWaiting(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var stderr strings.Builder
			s := New(&stderr, terminal, time.Now)
			wrote := func() string { // since the last time
				s.mu.Lock()
				defer s.mu.Unlock()
				defer stderr.Reset()
				return stderr.String()
			}
			s.StartWaiting("a store")
			time.Sleep(tick / 2) // from here on between two ticks
			if text := wrote(); text != "" {
				t.Errorf("at once: %q", text)
			}
			time.Sleep(2 * tick)
			if text, want := wrote(), "\r\x1b[Kwaiting for a store, 1 s\r\x1b[Kwaiting for a store, 2 s"; terminal && text != want || !terminal && text != "" {
				t.Errorf("terminal %t: %q, want %q", terminal, text, want)
			}
			s.StartCount(100, "lines") // nothing is there to be drawn
			time.Sleep(2 * tick)
			if text := wrote(); strings.HasSuffix(text, "waiting for a store, 4 s") != terminal {
				t.Errorf("with a bar: %q", text)
			}
			s.Talk("done")
			if text := wrote(); text != map[bool]string{true: clearLine}[terminal]+"slogtrace: done\n" {
				t.Errorf("with a message: %q", text)
			}
			time.Sleep(tick)
			s.Progress().Add(50)
			s.StopProgress()
			wrote()
			time.Sleep(3 * tick)
			if text := wrote(); text != "" {
				t.Errorf("after the end: %q", text)
			}
		})
	}
}

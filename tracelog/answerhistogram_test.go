package tracelog

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHistogram(t *testing.T) {
	of := func(ds ...time.Duration) *Stat {
		var s Stat
		for _, d := range ds {
			s.Add(d, false, 1)
		}
		return &s
	}
	var heavy Stat
	heavy.Add(time.Millisecond, false, 1)
	heavy.Add(time.Second, false, 8)
	many := of()
	for i := range maxExact + 1 {
		many.Add(time.Duration(1+i%2*999999)*time.Microsecond, false, 1)
	}
	for _, tt := range []struct {
		name     string
		s        *Stat
		width    int
		from, to time.Duration
		want     string
	}{
		{"nothing", of(), 5, 0, 0, "     "},
		{"one", of(5), 5, 0, 0, "█    "},
		{"all alike", of(5, 5, 5), 3, 0, 0, "█  "},
		{"zeros", of(0, 0), 3, 0, 0, "█  "},
		{"decades", of(1e3, 1e4, 1e5, 1e6), 4, 0, 0, "████"},
		{"log scale", of(1e3, 1e4, 1e4, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6), 4, 0, 0, "▁▂ █"},
		{"never blank", of(append(make([]time.Duration, 1000), time.Second)...), 2, 0, 0, "█▁"},
		{"weights", &heavy, 4, 0, 0, "▁  █"},
		{"a shared scale", of(2e5, 2e5), 6, 1e3, 1e9, "  █   "},
		{"beyond the scale", of(1, 1e9, 1e9), 4, 1e3, 1e6, "▄  █"},
		{"a scale that is none", of(1, 10), 4, 1e6, 1e3, "█   "},
		{"a sketch", many, 6, 0, 0, "█    █"},
		{"no width", of(1), 0, 0, 0, ""},
	} {
		if got := tt.s.Histogram(tt.width, tt.from, tt.to); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A histogram of any width shows all values.
func TestHistogramWidths(t *testing.T) {
	for name, next := range distributions {
		r := rand.New(rand.NewPCG(5, 5))
		var s Stat
		for range 1000 {
			s.Add(next(r), false, 1)
		}
		for _, width := range []int{1, 2, 7, 80, 1000, 5000} {
			h := s.Histogram(width, 0, 0)
			if n := utf8.RuneCountInString(h); n != min(width, 1000) || !strings.Contains(h, "█") {
				t.Errorf("%s: %d columns, want %d: %q", name, n, width, h)
			}
		}
	}
}

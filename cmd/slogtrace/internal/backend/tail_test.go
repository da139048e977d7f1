package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// A lateStore has lines that become visible some time after their time. Many have the same time.
type lateStore struct {
	fakeStore
	visible []time.Time // of the line with the same index in times
	down    [2]time.Time
}

func (f *lateStore) between(q *Query) (lines []int) {
	for _, i := range f.fakeStore.between(q) {
		if !f.visible[i].After(time.Now()) {
			lines = append(lines, i)
		}
	}
	rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

func (f *lateStore) Count(_ context.Context, q *Query, step time.Duration) ([]Bucket, error) {
	counts := make(map[time.Time]int)
	for _, i := range f.between(q) {
		counts[f.times[i].Truncate(step)]++
	}
	var all []Bucket
	for at, n := range counts {
		all = append(all, Bucket{at, n})
	}
	return all, nil
}

func (f *lateStore) Lines(_ context.Context, q *Query, w io.Writer) (Sum, error) {
	if now := time.Now(); now.After(f.down[0]) && now.Before(f.down[1]) {
		return Sum{}, &AwayError{errors.New("connection refused")}
	}
	lines := f.between(q)
	for _, i := range lines {
		fmt.Fprintf(w, `{"time":%q,"msg":"line %d"}`+"\n", f.times[i].Format(time.RFC3339Nano), i)
	}
	return Sum{Lines: len(lines)}, nil
}

// Each line that comes in time is shown once, in spite of equal times and of a store that is away for a while. Those that come
// too late are counted.
func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay, lines = 5 * time.Second, 3000
		f := &lateStore{}
		begin := time.Now().UTC()
		f.down = [2]time.Time{begin.Add(40 * time.Second), begin.Add(70 * time.Second)}
		want, late := make(map[int]bool), 0
		for i := range lines {
			at := begin.Add(time.Duration(i/30) * time.Second)
			lag := rand.N(2*delay - 2*time.Second)
			if i%500 == 499 {
				lag = 3 * delay
				if !at.Add(2*delay).After(f.down[0]) || at.After(f.down[1]) { // else it comes before the store is back
					late++
				} else {
					lag = 0
				}
			}
			if lag < 2*delay {
				want[i] = true
			}
			f.times, f.visible = append(f.times, at), append(f.visible, at.Add(lag))
		}
		s, told := newSource(&f.fakeStore)
		s.Store, s.pause = f, nil
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Second)
		defer cancel()
		seen := make(map[int]int)
		tail := &Tail{
			Source: s, Files: &input.Files{Tell: s.Tell}, Parts: new(query.Parts), Follow: true, Delay: delay,
			Line: func(l *input.Line) error {
				i, err := strconv.Atoi(strings.TrimPrefix(l.Message, "line "))
				seen[i]++
				return err
			},
			Idle: func() error { return nil },
		}
		tail.Parts.Since = begin
		if err := tail.Run(ctx, time.Now); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if seen[i] != 1 {
				t.Errorf("line %d was shown %d times", i, seen[i])
			}
		}
		if len(seen) != len(want) {
			t.Errorf("%d lines, want %d", len(seen), len(want))
		}
		told2 := told.String()
		counted := 0
		for line := range strings.Lines(told2) {
			var n int
			if _, err := fmt.Sscanf(line, "slogtrace: fake://store: %d lines came more than 10s late", &n); err == nil {
				counted += n
			}
		}
		if counted != late || late == 0 || strings.Count(told2, "waiting for it") != 1 || strings.Count(told2, ": back") != 1 {
			t.Errorf("%d late lines counted, want %d:\n%s", counted, late, told2)
		}
	})
}

// It begins with so many lines, those of equal time in any order, and shows none of those before them later.
func TestTailBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &lateStore{}
		begin := time.Now().UTC()
		for i := range 100 {
			at := begin.Add(time.Duration(i/10-9) * time.Second)
			f.times, f.visible = append(f.times, at), append(f.visible, at)
		}
		s, _ := newSource(&f.fakeStore)
		s.Store = f
		for _, test := range []struct{ lines, want int }{{7, 7}, {25, 25}, {0, 0}, {-1, 100}, {1000, 100}} {
			for _, follow := range []bool{false, true} {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				var got []string
				tail := &Tail{
					Source: s, Files: &input.Files{Tell: s.Tell}, Parts: new(query.Parts), Lines: test.lines, Follow: follow, Delay: time.Second,
					Line: func(l *input.Line) error { got = append(got, l.Time.Format(time.RFC3339)); return nil },
					Idle: func() error { return nil },
				}
				time.Sleep(2 * time.Second)
				if err := tail.Run(ctx, time.Now); err != nil {
					t.Fatal(err)
				}
				cancel()
				if len(got) != test.want || !slices.IsSorted(got) {
					t.Errorf("-n %d, follow %t: %d lines", test.lines, follow, len(got))
				}
			}
		}
	})
}

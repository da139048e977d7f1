package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

var begin = time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)

// A fakeStore has lines at times. It ends queries early.
type fakeStore struct {
	times   []time.Time // sorted
	most    int         // a query for more lines is ended in the middle; 0: none is
	away    int         // how many requests fail
	failed  error       // each request fails so
	queries int
	missing error
	ended   int // how many questions about what is missing end early
}

func (*fakeStore) Name() string                                { return "fake://store" }
func (*fakeStore) MaxIDs(context.Context, *Query) (int, error) { return 10, nil }
func (*fakeStore) Text(_ context.Context, q *Query) (string, error) {
	return fmt.Sprint("from ", q.From), nil
}
func (f *fakeStore) TracesText(ctx context.Context, q *Query) (string, error) { return f.Text(ctx, q) }
func (f *fakeStore) Traces(context.Context, *Query, func(string) bool) error  { return nil }

func (f *fakeStore) Missing(context.Context) error {
	if f.ended > 0 {
		f.ended--
		return &CutError{io.ErrUnexpectedEOF}
	}
	return f.missing
}

func (f *fakeStore) between(q *Query) (lines []int) {
	for i, t := range f.times {
		if !t.Before(q.From) && t.Before(q.To) {
			lines = append(lines, i)
		}
	}
	return lines
}

func (f *fakeStore) Count(_ context.Context, q *Query, step time.Duration) ([]Bucket, error) {
	var all []Bucket
	for _, i := range f.between(q) {
		if at := f.times[i].Truncate(step); len(all) > 0 && all[len(all)-1].From.Equal(at) {
			all[len(all)-1].Lines++
		} else {
			all = append(all, Bucket{at, 1})
		}
	}
	return all, f.failed
}

func (f *fakeStore) Lines(_ context.Context, q *Query, w io.Writer) (Sum, error) {
	f.queries++
	if f.away > 0 {
		f.away--
		return Sum{}, &AwayError{errors.New("connection refused")}
	}
	if f.failed != nil {
		return Sum{}, f.failed
	}
	lines := f.between(q)
	cut := f.most > 0 && len(lines) > f.most
	if cut {
		lines = lines[:rand.N(f.most)]
	}
	for _, i := range lines {
		fmt.Fprintln(w, i)
	}
	if cut {
		return Sum{}, &CutError{errors.New("the query took too long")}
	}
	return Sum{Lines: len(lines)}, nil
}

func newSource(f *fakeStore) (*Source, *bytes.Buffer) {
	var told bytes.Buffer
	return &Source{Store: f, Tell: tell.New(&told, false, time.Now), pause: func(context.Context, time.Duration) {}}, &told
}

// readAll returns the lines that a Source reads.
func readAll(t *testing.T, s *Source, counted bool) ([]string, error) {
	t.Helper()
	files := input.Files{Spooled: 1000, Tell: s.Tell}
	defer files.Close()
	buf := files.NewBuffer()
	_, err := s.read(t.Context(), &Query{From: begin, To: begin.Add(time.Hour)}, counted, buf)
	var all []string
	r := files.OpenBuffer(t.Context(), "test", buf)
	defer r.Close()
	r.EachFile(func(f *input.File) error {
		f.Lines(func(l input.Line) { all = append(all, strings.TrimSpace(string(l.Text))) })
		return nil
	})
	return all, err
}

// Whatever the store cuts off, each line is read once. Many lines have the same time.
func TestReadResumes(t *testing.T) {
	for range 20 {
		f := &fakeStore{most: 60}
		for i := range 2000 {
			f.times = append(f.times, begin.Add(time.Duration(rand.N(100))*time.Duration(1+rand.N(2)*i)))
		}
		slices.SortFunc(f.times, time.Time.Compare)
		same := 0 // most lines of one time, which no window can divide
		for i, n := 1, 1; i < len(f.times); i++ {
			if n++; !f.times[i].Equal(f.times[i-1]) {
				n = 1
			}
			same = max(same, n)
		}
		f.most = max(f.most, same)
		s, _ := newSource(f)
		got, err := readAll(t, s, rand.N(2) == 0)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for _, l := range got {
			if seen[l] {
				t.Fatalf("line %s is there twice", l)
			}
			seen[l] = true
		}
		if len(seen) != len(f.times) {
			t.Fatalf("%d lines, want %d", len(seen), len(f.times))
		}
	}
}

// A query that was cut off tells that others for as many lines would be, too.
func TestReadHalvesOthers(t *testing.T) {
	f := &fakeStore{most: 60}
	for i := range 330 {
		f.times = append(f.times, begin.Add(time.Duration(i)*time.Second))
	}
	s, _ := newSource(f)
	files := input.Files{Tell: s.Tell}
	a := &asking{source: s, query: new(Query), lines: f.Lines}
	for i := 0; i < len(f.times); i += 100 {
		w := window{begin.Add(time.Duration(i) * time.Second), begin.Add(time.Duration(i+100) * time.Second), min(100, len(f.times)-i) * 1000}
		a.todo = append(a.todo, w)
	}
	for len(a.todo) > 0 {
		if err := a.next(t.Context(), files.NewBuffer()); err != nil {
			t.Fatal(err)
		}
	}
	if f.queries != 1+3*2+1 || a.sum.Lines != len(f.times) {
		t.Errorf("%d lines, %d queries: want the first in vain, two for each window of 100 lines, and one for the last", a.sum.Lines, f.queries)
	}
}

func TestReadFails(t *testing.T) {
	broken := errors.New("broken")
	times := []time.Time{begin, begin, begin, begin.Add(1)}
	for name, test := range map[string]struct {
		store     fakeStore
		max       int
		want      string
		lines     int
		mostAsked int
	}{
		"away for a while":           {fakeStore{times: times, away: 3}, 0, "", 4, 4},
		"away":                       {fakeStore{times: times, away: 9}, 0, "fake://store: connection refused", 0, 4},
		"broken":                     {fakeStore{times: times, failed: broken}, 0, "fake://store: broken", 0, 1},
		"too much at one time":       {fakeStore{times: times, most: 2}, 0, "fake://store: the query took too long", 0, 60},
		"more lines than are wanted": {fakeStore{times: times}, 3, "fake://store: 4 lines, more than --max-lines 3: narrow the question", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newSource(&test.store)
			s.MaxLines = test.max
			got, err := readAll(t, s, true)
			if err == nil && test.want != "" || err != nil && (test.want == "" || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(got) != test.lines || test.store.queries > test.mostAsked {
				t.Errorf("%d lines, want %d; %d queries", len(got), test.lines, test.store.queries)
			}
		})
	}
}

// With --partial, what does not answer is told, once.
func TestPartial(t *testing.T) {
	f := &fakeStore{missing: errors.New("cannot connect to node 2")}
	s, told := newSource(f)
	files := input.Files{Tell: s.Tell}
	fetch := func() {
		if err := s.Fetch(t.Context(), &Plan{}, &noParts, begin, begin.Add(1), files.NewBuffer()); err != nil {
			t.Fatal(err)
		}
	}
	if fetch(); told.Len() > 0 {
		t.Errorf("without --partial: %s", told)
	}
	s.Partial = true
	if fetch(); told.String() != "slogtrace: fake://store: the answer lacks lines: cannot connect to node 2\n" {
		t.Errorf("told %q", told)
	}
	// That the connection ends while it is asked says nothing about what is missing.
	f.missing, f.ended = nil, 1
	told.Reset()
	if fetch(); told.Len() > 0 || f.ended != 0 {
		t.Errorf("after an answer that was cut off: %q", told)
	}
	f.ended = 100
	if fetch(); !strings.Contains(told.String(), "the answer lacks lines: unexpected EOF") {
		t.Errorf("all answers were cut off: %q", told)
	}
}

func TestPack(t *testing.T) {
	var buckets []Bucket
	for i := range 10 {
		buckets = append(buckets, Bucket{begin.Add(time.Duration(i) * time.Second), windowLines / 3})
	}
	buckets[5].Lines = 3 * windowLines
	slices.Reverse(buckets)
	end := begin.Add(10 * time.Second)
	var sizes []time.Duration
	at := begin
	for _, w := range pack(begin, end, buckets, windowLines) {
		if !w.from.Equal(at) {
			t.Errorf("a window begins at %v, want %v", w.from, at)
		}
		at = w.to
		sizes = append(sizes, w.to.Sub(w.from)/time.Second)
	}
	if want := []time.Duration{3, 2, 1, 3, 1}; !slices.Equal(sizes, want) || !at.Equal(end) {
		t.Errorf("windows of %v seconds, want %v", sizes, want)
	}
}

// A burst of lines in a long time is read in windows, too.
func TestWindowsOfBurst(t *testing.T) {
	f := &burstStore{from: begin.Add(20*24*time.Hour + 7*time.Minute), lines: 6 * windowLines}
	s, _ := newSource(&f.fakeStore)
	s.Store = f
	q := &Query{From: begin, To: begin.Add(100 * 24 * time.Hour)}
	windows, err := s.windows(t.Context(), q, windowLines)
	if err != nil {
		t.Fatal(err)
	}
	at := q.From
	for _, w := range windows {
		if n := f.between(w.from, w.to); n > windowLines*11/10 || !w.from.Equal(at) {
			t.Errorf("%v to %v: %d lines, want about %d at most; the one before ends at %v", w.from, w.to, n, windowLines, at)
		}
		at = w.to
	}
	if !at.Equal(q.To) || f.counts > 20 {
		t.Errorf("%d windows end at %v, after %d queries", len(windows), at, f.counts)
	}
}

// A burstStore has many lines in a minute, one each some time.
type burstStore struct {
	fakeStore
	from   time.Time
	lines  int
	counts int
}

func (f *burstStore) between(from, to time.Time) int {
	index := func(at time.Time) int {
		return min(max(0, int(float64(at.Sub(f.from))/float64(time.Minute)*float64(f.lines))), f.lines)
	}
	return index(to) - index(from)
}

func (f *burstStore) Count(_ context.Context, q *Query, step time.Duration) ([]Bucket, error) {
	f.counts++
	var all []Bucket
	for at := q.From.Truncate(step); at.Before(q.To); at = at.Add(step) {
		from, to := at, at.Add(step)
		if from.Before(q.From) {
			from = q.From
		}
		if to.After(q.To) {
			to = q.To
		}
		if n := f.between(from, to); n > 0 {
			all = append(all, Bucket{at, n})
		}
	}
	return all, nil
}

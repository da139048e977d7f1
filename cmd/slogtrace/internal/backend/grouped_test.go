package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// A fakeGrouper has ends of spans at its times.
type fakeGrouper struct {
	fakeStore
	lines    int   // in each half of the time, if it is not 0
	alike    int   // how many come as one line
	cut      int   // how many queries end early
	asked    int   // how often it is asked whether they are distinct
	seen     []int // how many there are, each time; nil: all
	twice    bool
	distinct error
}

func (f *fakeGrouper) Count(ctx context.Context, q *Query, step time.Duration) ([]Bucket, error) {
	if f.lines == 0 {
		return f.fakeStore.Count(ctx, q, step)
	}
	return []Bucket{{q.From, f.lines}, {q.From.Add(10 * time.Minute), f.lines}}, nil
}

func (f *fakeGrouper) Groups(context.Context, *Query, time.Time, time.Time) (Groups, error) {
	return f, nil
}
func (f *fakeGrouper) Texts() []string { return []string{"count them"} }

func (f *fakeGrouper) Ends(_ context.Context, from, to time.Time, w io.Writer) (sum Sum, err error) {
	if f.cut > 0 {
		f.cut--
		io.WriteString(w, "half of ")
		return Sum{}, &CutError{errors.New("the query took too long")}
	}
	for part := range slices.Chunk(f.between(&Query{From: from, To: to}), f.alike) {
		fmt.Fprintf(w, `{"%s":"%d","op":"a"}`+"\n", CopiesKey, len(part))
		sum.Add(Sum{Lines: 1, Ends: len(part)})
	}
	return sum, nil
}

func (f *fakeGrouper) Distinct(context.Context) (int, bool, error) {
	n := len(f.times)
	if f.asked < len(f.seen) {
		n = f.seen[f.asked]
	}
	f.asked++
	return n, !f.twice, f.distinct
}

func (f *fakeGrouper) Unfinished(_ context.Context, w io.Writer) (Sum, error) {
	fmt.Fprintln(w, "a start")
	return Sum{Lines: 1}, nil
}

func TestGrouped(t *testing.T) {
	var many []time.Time
	for i := range 1000 {
		many = append(many, begin.Add(time.Duration(i)*time.Second))
	}
	for _, test := range []struct {
		name     string
		change   func(*fakeGrouper, *Plan)
		want     bool
		asked    int
		distinct bool
	}{
		{"usual", func(*fakeGrouper, *Plan) {}, true, 1, true},
		{"cut", func(f *fakeGrouper, _ *Plan) { f.cut = 3 }, true, 1, true},
		{"few alike", func(f *fakeGrouper, _ *Plan) { f.alike = 1 }, false, -1, false},
		{"twice", func(f *fakeGrouper, _ *Plan) { f.twice = true }, false, 1, false},
		{"more came", func(f *fakeGrouper, _ *Plan) { f.seen = []int{900} }, true, 2, true},
		{"fewer than were read", func(f *fakeGrouper, _ *Plan) { f.seen = []int{900, 900} }, false, 2, false},
		{"an error", func(f *fakeGrouper, _ *Plan) { f.distinct = errors.New("no memory") }, false, 1, false},
		{"many", func(f *fakeGrouper, _ *Plan) { f.lines = maxDistinct/2 + 1 }, true, 0, false},
		{"a start is asked for", func(_ *fakeGrouper, p *Plan) { p.Fields = []string{"start"} }, false, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeGrouper{fakeStore: fakeStore{times: many}, alike: 10}
			plan := &Plan{Ends: true, Grouped: true, Fields: []string{"op"}}
			test.change(f, plan)
			s, _ := newSource(&f.fakeStore)
			s.Store = f
			files := input.Files{Spooled: 1000, Tell: s.Tell}
			defer files.Close()
			ends, starts := files.NewBuffer(), files.NewBuffer()
			g, err := s.Grouped(t.Context(), plan, &noParts, begin, begin.Add(time.Hour), ends, starts)
			if err != nil || (g != nil) != test.want || g != nil && g.Distinct != test.distinct || test.asked >= 0 && f.asked != test.asked {
				t.Fatalf("%+v, %v; asked %d times", g, err, f.asked)
			}
			if !test.want {
				if ends.Size() != 0 || starts.Size() != 0 {
					t.Errorf("%d and %d bytes were left", ends.Size(), starts.Size())
				}
				return
			}
			text, _ := io.ReadAll(io.NewSectionReader(ends, 0, ends.Size()))
			copies := 0
			for line := range strings.Lines(string(text)) {
				copies += Copies([]byte(line))
			}
			if copies != len(many) || test.distinct && starts.Size() != int64(len("a start\n")) {
				t.Errorf("%d ends, want %d, in\n%.300s", copies, len(many), text)
			}
		})
	}
}

func TestCopies(t *testing.T) {
	for line, want := range map[string]int{
		`{"slogtrace.copies":"12","op":"a"}`:                 12,
		`{"op":"a"}`:                                         1,
		`{"op":"a","slogtrace.copies":"12"}`:                 1,
		`{"op":"a","error":"{\"slogtrace.copies\":\"12\"}"}`: 1,
		`{"slogtrace.copies":"soon"}`:                        1,
	} {
		if got := Copies([]byte(line)); got != want {
			t.Errorf("%s: %d, want %d", line, got, want)
		}
	}
}

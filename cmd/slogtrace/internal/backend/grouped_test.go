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

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// A fakeGrouper has ends of spans at its times, each with an id of its number.
type fakeGrouper struct {
	fakeStore
	lines    int           // in each half of the time, if it is not 0
	alike    int           // how many come as one line
	cut      int           // how many queries end early
	id       func(int) int // in the place of another one's
	long     string        // what the ids of spans begin with
	trace    func(int) int // nil: all spans are of one trace
	starts   []int         // the spans that have a start; they may have no end
	seen     []int         // how many ends there are, each time that ids are asked for; nil: all
	broken   error         // after some ids
	noStarts error         // in their place
	wait     bool          // groups come only when nobody wants them

	asked   int        // how often for ids of ends
	written [][]string // the spans whose starts were asked for, if they have no end
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

func (f *fakeGrouper) Ends(ctx context.Context, from, to time.Time, w io.Writer) (sum Sum, err error) {
	if f.wait {
		<-ctx.Done()
		return Sum{}, ctx.Err()
	}
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

func (f *fakeGrouper) IDs(_ context.Context, want *IDs, fn func(id []byte) error) error {
	spans := f.between(&Query{From: want.From, To: want.To})
	switch {
	case want.Starts:
		spans = f.starts
	case f.asked < len(f.seen):
		spans = spans[:f.seen[f.asked]]
	}
	if !want.Starts {
		f.asked++
	}
	for i, span := range spans {
		if f.broken != nil && i == 10 {
			return f.broken
		}
		trace := 0
		if f.trace != nil {
			trace = f.trace(span)
		}
		if f.id != nil {
			span = f.id(span)
		}
		id := fmt.Sprintf("%s%d", f.long, span)
		if want.Traces {
			id += fmt.Sprintf(",%032d", trace)
		}
		if span < 0 {
			id = ""
		}
		if err := fn([]byte(id)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeGrouper) Unfinished(_ context.Context, spans []string, w io.Writer) (Sum, error) {
	f.written = append(f.written, spans)
	fmt.Fprintln(w, "a start")
	return Sum{Lines: 1}, f.noStarts
}

func TestGrouped(t *testing.T) {
	var many []time.Time
	for i := range 1000 {
		many = append(many, begin.Add(time.Duration(i)*time.Second))
	}
	const none = -1 // of ids
	one := func(of, id int) func(int) int {
		return func(i int) int {
			if i == of {
				return id
			}
			return i
		}
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
		{"twice", func(f *fakeGrouper, _ *Plan) { f.id = one(999, 0) }, false, 2, false},
		{"twice, which is known first", func(f *fakeGrouper, _ *Plan) { f.id, f.wait = one(999, 0), true }, false, 2, false},
		{"the same span of two traces", func(f *fakeGrouper, _ *Plan) { f.id, f.trace = one(999, 0), one(999, 5) }, true, 2, true},
		{"the same short ids in each trace", func(f *fakeGrouper, _ *Plan) {
			f.long, f.id, f.trace = "", func(i int) int { return i % 10 }, func(i int) int { return i / 10 }
		}, true, 2, true},
		{"a short id", func(f *fakeGrouper, _ *Plan) { f.long = "" }, true, 2, true},
		{"no ids", func(f *fakeGrouper, _ *Plan) { f.id = one(999, none) }, false, 1, false},
		{"no ids of one, and short ones", func(f *fakeGrouper, _ *Plan) { f.long, f.id = "", one(999, none) }, false, 2, false},
		{"two windows", func(f *fakeGrouper, _ *Plan) { f.lines = maxDistinct/2 - 1 }, true, 2, true},
		{"twice, in two windows", func(f *fakeGrouper, _ *Plan) { f.lines, f.id = maxDistinct/2-1, one(999, 0) }, false, 4, false},
		{"more came", func(f *fakeGrouper, _ *Plan) { f.seen = []int{900} }, true, 2, true},
		{"more came, one of them twice", func(f *fakeGrouper, _ *Plan) { f.seen, f.id = []int{900}, one(999, 0) }, false, 3, false},
		{"more came, one of them without ids", func(f *fakeGrouper, _ *Plan) { f.seen, f.id = []int{900}, one(999, none) }, false, 2, false},
		{"fewer than were read", func(f *fakeGrouper, _ *Plan) { f.seen = []int{900, 900} }, false, 2, false},
		{"an error", func(f *fakeGrouper, _ *Plan) { f.broken = &CutError{errors.New("no time")} }, false, 1, false},
		{"an error after the ids", func(f *fakeGrouper, _ *Plan) { f.noStarts = &CutError{errors.New("no time")} }, false, 1, false},
		{"many", func(f *fakeGrouper, _ *Plan) { f.lines = maxDistinct/2 + 1 }, true, 0, false},
		{"a start is asked for", func(_ *fakeGrouper, p *Plan) { p.Fields = []string{"start"} }, false, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeGrouper{fakeStore: fakeStore{times: many}, alike: 10, long: longName, starts: []int{5, 1005}}
			plan := ended
			test.change(f, &plan)
			g, ends, starts := groupedOf(t, f, &plan)
			if (g != nil) != test.want || g != nil && g.Distinct != test.distinct || test.asked >= 0 && f.asked != test.asked {
				t.Fatalf("%+v; asked %d times", g, f.asked)
			}
			if !test.want {
				if ends != "" || starts != "" {
					t.Errorf("this was left:\n%.300s\n%.300s", ends, starts)
				}
				return
			}
			copies := 0
			for line := range strings.Lines(ends) {
				copies += Copies([]byte(line))
			}
			if copies != len(many) || test.distinct && starts != "a start\n" {
				t.Errorf("%d ends, want %d; starts %q; in\n%.300s", copies, len(many), starts, ends)
			}
		})
	}
}

// groupedOf returns what Grouped returns and writes.
func groupedOf(t *testing.T, f *fakeGrouper, plan *Plan) (g *Grouped, ends, starts string) {
	t.Helper()
	s, _ := newSource(&f.fakeStore)
	s.Store = f
	files := input.Files{Spooled: 1000, Tell: s.Tell}
	defer files.Close()
	bufs := [2]*input.Buffer{files.NewBuffer(), files.NewBuffer()}
	g, err := s.Grouped(t.Context(), plan, &noParts, begin, begin.Add(time.Hour), bufs[0], bufs[1])
	if err != nil {
		t.Fatal(err)
	}
	var texts [2]string
	for i, buf := range bufs {
		text, _ := io.ReadAll(io.NewSectionReader(buf, 0, buf.Size()))
		texts[i] = string(text)
	}
	return g, texts[0], texts[1]
}

// The store is asked for the starts of spans without an end, for each once. If there are many, it finds out which.
func TestUnfinished(t *testing.T) {
	ids := func(from, n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprint(longName, from+i))
		}
		return list
	}
	numbers := func(from, n int) (list []int) {
		for i := range n {
			list = append(list, from+i)
		}
		return list
	}
	for name, test := range map[string]struct {
		starts []int
		want   [][]string
	}{
		"none":               {nil, nil},
		"of spans with ends": {[]int{1, 1, 2, 9}, nil},
		"one":                {[]int{1, 17}, [][]string{ids(17, 1)}},
		"without ids":        {[]int{-1}, nil},
		"often":              {append(numbers(10, 9), numbers(10, 9)...), [][]string{ids(10, 9)}},
		"in two queries":     {append(numbers(10, 15), numbers(10, 15)...), [][]string{ids(10, 10), ids(20, 5)}},
		"just not many":      {numbers(10, 80), [][]string{ids(10, 10), ids(20, 10), ids(30, 10), ids(40, 10), ids(50, 10), ids(60, 10), ids(70, 10), ids(80, 10)}},
		"many":               {numbers(10, 81), [][]string{nil}},
	} {
		f := tenEnds(test.starts)
		g, _, starts := groupedOf(t, f, &ended)
		if diff := cmp.Diff(test.want, f.written); g == nil || diff != "" || strings.Count(starts, "\n") != len(test.want) {
			t.Errorf("%s: %v, starts %q; asked for (-want +got):\n%s", name, g, starts, diff)
		}
	}
	// Span 7 of another trace has an end.
	f := tenEnds([]int{3, 17})
	f.long, f.id, f.trace = "", func(i int) int { return i % 10 }, func(i int) int { return i / 10 }
	g, _, _ := groupedOf(t, f, &ended)
	if diff := cmp.Diff([][]string{{"7"}}, f.written); g == nil || diff != "" {
		t.Errorf("short ids: %v; asked for (-want +got):\n%s", g, diff)
	}
}

var ended = Plan{Ends: true, Grouped: true, Fields: []string{"op"}}

// tenEnds has the ends of spans 0 to 9, and some starts.
func tenEnds(starts []int) *fakeGrouper {
	return &fakeGrouper{fakeStore: fakeStore{times: slices.Repeat([]time.Time{begin}, 10)}, alike: 10, long: longName, starts: starts}
}

const longName = "span with number "

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

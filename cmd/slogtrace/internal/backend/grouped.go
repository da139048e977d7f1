package backend

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// CopiesKey is the first member of a line that is several ends of spans, and says how many, as text.
const CopiesKey = "slogtrace.copies"

// Copies returns how many ends of spans a line is: see [Groups].
func Copies(line []byte) int {
	text, ok := bytes.CutPrefix(line, []byte(`{"`+CopiesKey+`":"`))
	if !ok {
		return 1
	}
	n, err := strconv.Atoi(string(text[:max(0, bytes.IndexByte(text, '"'))]))
	if err != nil {
		return 1
	}
	return n
}

const (
	// firstLines is about how many lines are searched to find out whether many are alike.
	firstLines = 100_000
	// maxDistinct is of how many ends it is found out whether they are distinct. Of files, package tracelog remembers as many.
	maxDistinct = 6_000_000
)

// A Grouped says how the ends of spans were read, if those that are alike came as one line.
type Grouped struct {
	Distinct bool // each is there once; else there are too many to know
}

// Grouped writes the ends of spans that a plan needs to buf, those that are alike as one line, and to starts those of spans
// without an end. It returns nil, and has written nothing, if the lines themselves must be read: the store does not know which are
// alike, few are, or some are there twice. Errors of the store are for those who read the lines then: this one is that of ctx.
func (s *Source) Grouped(ctx context.Context, plan *Plan, p *query.Parts, from, to time.Time, buf, starts *input.Buffer) (*Grouped, error) {
	grouper, ok := s.Store.(Grouper)
	if !ok || s.Shape != nil || s.Window > 0 || p.Grep != nil || asksForOne(plan, p) {
		return nil, nil
	}
	q := &Query{From: from, To: to.Add(margin), Cond: candidates(p, nil), Fields: plan.fields(p)}
	groups, err := grouper.Groups(ctx, q, from, to)
	if groups == nil || err != nil {
		return nil, ctx.Err()
	}
	s.Tell.StartWaiting(s.Store.Name())
	defer s.Tell.StopProgress()
	before, err := s.missing(ctx)
	if err != nil {
		return nil, err
	}
	if s.Explain {
		for _, text := range groups.Texts() {
			s.Tell.Talk("query: %s", text)
		}
	}
	g, err := s.grouped(ctx, groups, q, buf, starts)
	if g == nil || err != nil {
		return nil, cmp.Or(ctx.Err(), buf.Truncate(0), starts.Truncate(0))
	}
	return g, s.tellMissing(ctx, before)
}

// asksForOne reports whether a plan needs members in which spans differ that are otherwise alike.
func asksForOne(plan *Plan, p *query.Parts) bool {
	one := func(key string) bool { return slices.Contains([]string{"trace", "span", "start", "time"}, key) }
	return slices.ContainsFunc(plan.Fields, one) || slices.ContainsFunc(p.Where, func(c query.Condition) bool { return one(c.Key) })
}

// grouped reads groups. While it does, it finds out whether the ends are distinct, and which spans have none.
func (s *Source) grouped(ctx context.Context, groups Groups, q *Query, buf, starts *input.Buffer) (*Grouped, error) {
	all := *s // it may read more lines than are allowed, since few of them come
	all.MaxLines, all.Explain = 0, false
	counted := *q
	counted.Cond = both(Test{Key: "msg", Op: In, Values: spanMessages[:1]}, q.Cond)
	a, err := all.ask(ctx, &counted, true, math.MaxInt)
	if err != nil || len(a.todo) == 0 {
		return nil, err
	}
	a.lines = func(ctx context.Context, q *Query, w io.Writer) (Sum, error) {
		return groups.Ends(ctx, q.From, q.To, w)
	}
	windows := slices.Clone(a.todo)
	total := 0
	for _, w := range windows {
		total += w.lines
	}
	known := total <= maxDistinct
	if !known {
		_, n, err := s.count(ctx, &counted, q.To.Sub(q.From))
		known = err == nil && n <= maxDistinct
	}
	if first := a.todo[0]; first.lines > firstLines {
		middle := first.from.Add(time.Duration(float64(first.to.Sub(first.from)) * firstLines / float64(first.lines)))
		a.todo = slices.Replace(a.todo, 0, 1, window{first.from, middle, firstLines}, window{middle, first.to, first.lines - firstLines})
	}

	ctx, stop := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop()
	var ids *idSet // of the ends
	var failed error
	if known {
		asking.Go(func() {
			if ids, failed = distinctIDs(ctx, groups, windows); failed == nil {
				failed = s.unfinished(ctx, groups, ids, windows, q, starts)
			}
			if failed != nil { // the lines must be read
				stop()
			}
		})
	}
	for len(a.todo) > 0 {
		if err := a.next(ctx, buf); err != nil {
			return nil, err
		}
		if a.sum.Lines > a.sum.Ends/2 {
			return nil, nil
		}
	}
	asking.Wait()
	if known && failed == nil && ids.n < a.sum.Ends { // some of them came later
		ids, failed = distinctIDs(ctx, groups, windows)
	}
	if known && (failed != nil || ids.n < a.sum.Ends) {
		return nil, failed
	}
	return &Grouped{known}, nil
}

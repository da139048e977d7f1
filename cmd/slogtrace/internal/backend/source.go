package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A Source reads lines of a store for a command.
type Source struct {
	Store    Store
	Tell     *tell.Teller
	Shape    *tracelog.Shape // of the lines, if flags say it
	MaxLines int             // refuse to read more; 0: no limit
	Window   time.Duration   // of one query; 0: as the number of lines suggests
	Partial  bool            // go on without the parts of the store that do not answer
	Explain  bool            // tell the queries
	Attrs    bool            // attributes are shown: tell once if their values came back as text

	pause func(ctx context.Context, d time.Duration) // nil: wait
	lines int                                        // read so far
	total Sum                                        // of what was read

	narrowed *Query // found the traces that were read, if only these were read
}

// hidden reports whether lines have a record inside, of which stores see nothing, so that all must be read.
func (s *Source) hidden() bool { return s.Shape != nil && s.Shape.Record != "" }

const (
	// windowLines is how many lines a query should return.
	windowLines = 500_000
	// searchedLines is how many lines a query with a condition should search: it returns only some of them.
	searchedLines = 4_000_000
)

// A window is a time of which one query asks.
type window struct {
	from, to time.Time
	lines    int // about how many there are
}

// windows counts the lines in the time of a query, refuses too many, and returns windows of it, of at most so many lines. To
// count those for which a condition holds takes a store nearly as long as to return them, so that is done only if there are too
// many without it.
func (s *Source) windows(ctx context.Context, q *Query, most int) ([]window, error) {
	step := max(q.To.Sub(q.From)/200, time.Millisecond).Truncate(time.Millisecond)
	if s.Window > 0 {
		step = max(s.Window, q.To.Sub(q.From)/maxBuckets)
	}
	all := *q
	all.Cond = nil
	counted := &all
	size := searchedLines
	if q.Cond == nil {
		size = windowLines
	}
	if s.Window == 0 { // one window may do, and then its size is all there is to know
		_, total, err := s.count(ctx, counted, q.To.Sub(q.From))
		switch {
		case err == nil && total <= min(size, most) && s.tooMany(total) == nil:
			s.Tell.StartCount(total, "lines")
			return []window{{q.From, q.To, total}}, nil
		case err != nil && !isCut(err):
			return nil, err
		}
	}
	buckets, total, err := s.count(ctx, counted, step)
	if err == nil && s.tooMany(total) != nil {
		size = windowLines
		if q.Cond != nil {
			counted = q
			buckets, total, err = s.count(ctx, counted, step)
		}
	}
	size = min(size, most)
	if isCut(err) { // even to count takes too long, so read in small windows without knowing
		return split(q.From, q.To, 200), nil
	}
	if err == nil {
		err = s.tooMany(total)
	}
	if err != nil {
		return nil, err
	}
	s.Tell.StartCount(total, "lines")
	if s.Window > 0 {
		return each(q, buckets, step), nil
	}
	if buckets, err = s.refine(ctx, counted, buckets, step, size); err != nil {
		return nil, err
	}
	return pack(q.From, q.To, buckets, size), nil
}

func isCut(err error) bool { return errors.As(err, new(*CutError)) }

// count counts the lines of a query in steps of its time, and in all.
func (s *Source) count(ctx context.Context, q *Query, step time.Duration) (buckets []Bucket, total int, err error) {
	err = s.patient(ctx, func() (err error) {
		buckets, err = s.Store.Count(ctx, q, step)
		return err
	})
	for _, b := range buckets {
		total += b.Lines
	}
	return buckets, total, err
}

// refine counts again in smaller steps where a step has more than size lines: they may be close together in a long time.
func (s *Source) refine(ctx context.Context, q *Query, buckets []Bucket, step time.Duration, size int) ([]Bucket, error) {
	finer := (step / 200).Truncate(time.Millisecond)
	if finer == 0 {
		return buckets, nil
	}
	var all []Bucket
	for _, b := range buckets {
		part := *q
		if part.From.Before(b.From) {
			part.From = b.From
		}
		if end := b.From.Add(step); end.Before(part.To) {
			part.To = end
		}
		if b.Lines <= size || !part.From.Before(part.To) {
			all = append(all, b)
			continue
		}
		inner, _, err := s.count(ctx, &part, finer)
		if isCut(err) {
			all = append(all, b)
			continue
		}
		if err == nil {
			inner, err = s.refine(ctx, &part, inner, finer, size)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

// maxBuckets limits the windows that --window can make.
const maxBuckets = 1_000_000

// each makes a window of each bucket that has lines.
func each(q *Query, buckets []Bucket, step time.Duration) []window {
	var all []window
	for _, b := range buckets {
		w := window{b.From, b.From.Add(step), b.Lines}
		if w.from.Before(q.From) {
			w.from = q.From
		}
		if w.to.After(q.To) {
			w.to = q.To
		}
		if b.Lines > 0 && w.from.Before(w.to) {
			all = append(all, w)
		}
	}
	return all
}

// pack cuts a time into windows of at most so many lines. A bucket that has more is a window.
func pack(from, to time.Time, buckets []Bucket, most int) []window {
	slices.SortFunc(buckets, func(a, b Bucket) int { return a.From.Compare(b.From) })
	var all []window
	n := 0
	for _, b := range buckets {
		if n > 0 && n+b.Lines > most && b.From.After(from) && b.From.Before(to) {
			all = append(all, window{from, b.From, n})
			from, n = b.From, 0
		}
		n += b.Lines
	}
	return append(all, window{from, to, n})
}

// tooMany returns an error if n lines more than those that have been read are too many.
func (s *Source) tooMany(n int) error {
	if s.MaxLines == 0 || s.lines+n <= s.MaxLines {
		return nil
	}
	return fmt.Errorf("%d lines, more than --max-lines %d: narrow the question, for example with --since, --op or --query, or allow more", s.lines+n, s.MaxLines)
}

// split cuts a time into n windows of equal size.
func split(from, to time.Time, n int) []window {
	size := to.Sub(from)/time.Duration(n) + 1
	var all []window
	for from.Before(to) {
		end := from.Add(size)
		if end.After(to) {
			end = to
		}
		all = append(all, window{from, end, 0})
		from = end
	}
	return all
}

// read writes the lines of a query to buf. It counts them before if counted is set.
func (s *Source) read(ctx context.Context, q *Query, counted bool, buf *input.Buffer) (Sum, error) {
	if counted {
		defer s.Tell.StartWaiting(s.Store.Name()) // for what comes after it
	}
	a, err := s.ask(ctx, q, counted, math.MaxInt)
	for err == nil && len(a.todo) > 0 {
		err = a.next(ctx, buf)
	}
	return a.sum, err
}

// An asking is a query under way.
type asking struct {
	source *Source
	query  *Query
	lines  func(context.Context, *Query, io.Writer) (Sum, error) // Store.Lines, or what writes other lines
	todo   []window
	sum    Sum // of the windows that were read
}

// ask explains a query and returns its windows. It counts lines if counted is set; then a window has at most so many, if they
// do not have nearly the same time.
func (s *Source) ask(ctx context.Context, q *Query, counted bool, most int) (*asking, error) {
	a := &asking{source: s, query: q, lines: s.Store.Lines}
	if !q.From.Before(q.To) {
		return a, nil
	}
	if s.Explain {
		text, err := s.Store.Text(ctx, q)
		if err != nil {
			return a, s.named(err)
		}
		s.Tell.Talk("query: %s", text)
	}
	if !counted {
		a.todo = []window{{q.From, q.To, 0}}
		return a, nil
	}
	var err error
	a.todo, err = s.windows(ctx, q, most)
	return a, s.named(err)
}

// next writes the lines of a window to buf, or cuts the window if it has too many for the store.
func (a *asking) next(ctx context.Context, buf *input.Buffer) error {
	w := a.todo[0]
	part := *a.query
	part.From, part.To = w.from, w.to
	got, err := a.source.readWindow(ctx, &part, a.lines, buf)
	switch {
	case err == nil:
		a.todo = a.todo[1:]
		a.sum.Add(got)
		a.source.Tell.Progress().Add(w.lines)
	case isCut(err) && w.to.Sub(w.from) > 1 && len(a.todo) < maxWindows:
		var rest []window
		for i, other := range a.todo { // others with as many lines would be cut off, too, if it is because of them
			if i == 0 || w.lines > cutLines && other.lines >= w.lines*9/10 {
				rest = append(rest, other.halves()...)
			} else {
				rest = append(rest, other)
			}
		}
		a.todo = rest
	default:
		return a.source.named(err)
	}
	return nil
}

// halves cuts a window, unless it is too short.
func (w window) halves() []window {
	middle := w.from.Add(w.to.Sub(w.from) / 2)
	if middle.Equal(w.from) {
		return []window{w}
	}
	return []window{{w.from, middle, w.lines / 2}, {middle, w.to, w.lines - w.lines/2}}
}

// cutLines are so few that the store would answer a query for as many, if it had nothing else to do.
const cutLines = 50_000

// maxWindows limits the windows into which queries that end too early are cut.
const maxWindows = 10_000

// readWindow writes the lines of one query to buf, all or none.
func (s *Source) readWindow(ctx context.Context, q *Query, lines func(context.Context, *Query, io.Writer) (Sum, error), buf *input.Buffer) (sum Sum, err error) {
	before := buf.Size()
	err = s.patient(ctx, func() error {
		if err := buf.Truncate(before); err != nil {
			return err
		}
		sum, err = lines(ctx, q, buf)
		return err
	})
	if err != nil {
		return Sum{}, errors.Join(err, buf.Truncate(before))
	}
	s.lines += sum.Lines
	s.total.Add(sum)
	if s.Attrs && s.total.Retyped > 0 {
		s.Attrs = false
		s.Tell.Talk("%s: values came back as text: what looks like a number, true, false or a list is read as one", s.Store.Name())
	}
	return sum, s.tooMany(0)
}

// attempts is how often a store is asked that is away.
const attempts = 4

// patient calls ask until the store is not away, a few times.
func (s *Source) patient(ctx context.Context, ask func() error) error {
	for attempt := 0; ; attempt++ {
		err := ask()
		if away := new(AwayError); !errors.As(err, &away) || attempt == attempts-1 || ctx.Err() != nil {
			return err
		}
		if s.pause != nil {
			s.pause(ctx, time.Duration(attempt))
		} else {
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond << attempt):
			}
		}
	}
}

// named puts the name of the store before an error.
func (s *Source) named(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", s.Store.Name(), err)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/compare"
)

// A diffRequest has the values of the flags of slogtrace diff.
type diffRequest struct {
	filter query.Filter
	before query.Time
	a, b   query.Filter
	opts   compare.Options
	change percent
	over   riseLimits
	limit  int
	names  []string // of the files of each side, if they have one each
}

func (s *session) diff() *cobra.Command {
	q := &diffRequest{change: 0.05}
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER | diff --before TIME [FILE...] | diff --a EXPR --b EXPR [FILE...] | diff ID ID [FILE...]",
		Short: "Compare two sets of traces: what became slower, fails more, is new",
		Long: `Compare two sets of traces: which operations became slower or faster, fail more, wait longer, are called more or
less often, are new or gone, and where the time of the roots went.

BEFORE and AFTER are files, globs or directories. With --before, the traces of all FILEs whose root began before that
time are compared with the others. With --a and --b, those with a span that matches all --a are compared with those with a span
that matches all --b. Two IDs compare two single traces.

Operations are matched by their path from the root. A difference is reported only if it is more than chance explains: that
is tested for traces, not spans, and corrected for the number of tests. ~ is noise. The same input always gives the
same answer.
The other flags choose traces: those with a span that matches all of them.

--fail-over also makes the exit code 1 if no operation has enough traces to tell whether it became slower: nothing was
checked then. If some have too few, standard error reports how many.`,
		Example: `  slogtrace diff monday.log tuesday.log
  slogtrace diff --before 2026-03-01T14:05:00Z logs/           before and after a deployment
  slogtrace diff --a version=1.4 --b version=1.5 logs/
  slogtrace diff --fail-over p95=10% main.log branch.log       for CI: exit code 1
  slogtrace diff 4bf92f 8b7712 app.log                         two single traces`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.runDiff(cmd.Context(), args, q) },
	}
	flags := cmd.Flags()
	q.before.Register(flags, "before", "compare the traces that began before this `time` with the others: 2h ago, or 2026-03-01T09:15:00Z", s.now)
	q.a.RegisterWhere(flags, "a", "`key=value`: the traces before are those with such a span; a condition as for --where; may be repeated")
	q.b.RegisterWhere(flags, "b", "`key=value`: the traces after, likewise")
	flags.Var(&q.change, "min-change", "report only changes of at least this `percentage`")
	flags.Var(&q.over, "fail-over", "exit with 1 if the p50, p95 or p99 of an operation rose by more: `p95=10%`; may be repeated")
	flags.IntVar(&q.limit, "limit", 0, "show only the first `N` operations")
	flags.Uint64Var(&q.opts.Seed, "seed", 0, "the `number` from which random permutations are made")
	q.filter.Register(flags, s.now)
	return cmd
}

func (s *session) runDiff(ctx context.Context, args []string, q *diffRequest) error {
	if q.opts.MinChange = float64(q.change); q.opts.MinChange == 0 {
		q.opts.MinChange = -1
	}
	var data compare.Data
	if err := s.readSides(ctx, args, q, &data); err != nil {
		return err
	}
	for _, side := range []compare.Side{compare.Before, compare.After} {
		if data.Traces(side) == 0 {
			return fmt.Errorf("no trace %s", q.nameOf(side))
		}
	}
	report, err := data.Compare(ctx, &q.opts)
	if err != nil {
		return err
	}
	for side, left := range report.Left {
		s.leftOut(left.Unfinished, 0)
		if left.Unsampled > 0 {
			s.Talk("%s %s left out: written only because of a failure, not sampled", tell.Plural(left.Unsampled, "trace"), compare.Side(side))
		}
		if left.Dropped > 0 {
			s.Talk("%s %s left out: too many operations", tell.Plural(left.Dropped, "span"), compare.Side(side))
		}
		if left.Untimed > 0 {
			s.Talk("%s %s: %s. All of its time counts as the root's own", tell.Plural(left.Untimed, "trace"), compare.Side(side), noStart)
		}
	}
	rows := report.Rows
	if q.limit > 0 {
		rows = rows[:min(q.limit, len(rows))]
	}
	write := s.writeDiff
	if s.json {
		write = s.diffJSON
	}
	if err := write(report, rows); err != nil {
		return err
	}
	few, err := q.over.check(report)
	if few > 0 && err == nil {
		s.Talk("--fail-over: %s of %d with too few traces to tell", tell.Plural(few, "operation"), len(report.Rows))
	}
	return err
}

// readSides reads the traces of both sides, by one of the four ways to name them.
func (s *session) readSides(ctx context.Context, args []string, q *diffRequest, data *compare.Data) error {
	split := !q.a.Empty() || !q.b.Empty()
	switch {
	case !q.before.IsZero() && split:
		return usagef("--before: not with --a and --b")
	case q.a.Empty() != q.b.Empty():
		return usagef("want both --a and --b")
	case !q.before.IsZero():
		return s.readTraces(ctx, args, q, data, func(t *sidedTrace) []compare.Side {
			switch {
			case t.start.IsZero():
				return nil
			case t.start.Before(q.before.Time):
				return []compare.Side{compare.Before}
			}
			return []compare.Side{compare.After}
		})
	case split:
		return s.readTraces(ctx, args, q, data, func(t *sidedTrace) (sides []compare.Side) {
			if t.matches&matchesA != 0 {
				sides = append(sides, compare.Before)
			}
			if t.matches&matchesB != 0 {
				sides = append(sides, compare.After)
			}
			return sides
		})
	}
	ids, files := splitIDs(args)
	switch {
	case len(ids) == 2 && (len(files) > 0 || len(args) == 2):
		return s.readPair(ctx, ids, files, q, data)
	case len(args) == 2 && args[0] == "-" && args[1] == "-":
		return usagef("standard input can be only one of the two sets of traces")
	case len(args) != 2:
		return usagef("want two sets of traces: BEFORE and AFTER, two IDs, --before, or --a and --b")
	}
	q.names = args
	for i, side := range []compare.Side{compare.Before, compare.After} {
		err := s.readTraces(ctx, args[i:i+1], q, data, func(*sidedTrace) []compare.Side { return []compare.Side{side} })
		var nothing nothingError
		if errors.As(err, &nothing) {
			return fmt.Errorf("%s: %w", q.nameOf(side), err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// nameOf returns a side with its file, if it has one of its own.
func (q *diffRequest) nameOf(side compare.Side) string {
	if len(q.names) == 0 {
		return side.String()
	}
	return side.String() + ", in " + q.names[side]
}

// A nothingError says why there is no trace.
type nothingError struct{ error }

// A sidedTrace is what decides to which side a trace belongs.
type sidedTrace struct {
	start   time.Time // of its root; zero if it is not known
	matches uint8     // whether a span matches the filter, --a and --b
}

const (
	matchesFilter = 1 << iota
	matchesA
	matchesB
)

// readTraces reads the traces that the filter chooses, and adds each to the side that it belongs to.
func (s *session) readTraces(ctx context.Context, files []string, q *diffRequest, data *compare.Data, sides func(*sidedTrace) []compare.Side) error {
	s.plan(backend.Plan{Whole: true, Spans: !q.a.AsksForTree() && !q.b.AsksForTree(), Fields: slices.Concat(q.a.Keys(), q.b.Keys(), backend.SchemaFields)})
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return err
	}
	defer r.Close()
	chosen, neither, both := 0, 0, 0
	side := func(t *sidedTrace) (compare.Side, bool) {
		if t.matches&matchesFilter == 0 {
			return 0, false
		}
		chosen++
		switch of := sides(t); len(of) {
		case 0:
			neither++
		case 1:
			return of[0], true
		default:
			both++
		}
		return 0, false
	}
	read := readTimings
	if slices.ContainsFunc([]*query.Filter{&q.filter, &q.a, &q.b}, func(f *query.Filter) bool { return f.AsksForText() || f.AsksForTree() }) {
		read = readWholeSides
	}
	switch err := read(r, q, data, side); {
	case err != nil:
		return err
	case chosen > 0:
	case r.Records > 0 && q.filter.Empty():
		return nothingError{errors.New("no span records found: see slogtrace check")}
	case r.Records > 0:
		return nothingError{errors.New("no trace matches")}
	default:
		if err := r.Nothing(); err != tell.ErrTold {
			return nothingError{err}
		}
		return tell.ErrTold
	}
	if neither > 0 {
		s.Talk("%s left out: on neither side", tell.Plural(neither, "trace"))
	}
	if both > 0 {
		s.Talk("%s left out: on both sides", tell.Plural(both, "trace"))
	}
	return nil
}

// readTimings reads traces without their texts.
func readTimings(r *input.Reading, q *diffRequest, data *compare.Data, side func(*sidedTrace) (compare.Side, bool)) error {
	all := q.filter.Empty() && q.a.Empty()
	by := func(r *tracelog.Record) ([]byte, bool) {
		if all {
			return nil, false
		}
		return []byte{q.matches(func(f *query.Filter) bool { return f.Record(r, false) })}, true
	}
	_, err := r.Timings(by, func(t *tracelog.Timing) {
		trace := sidedTrace{}
		if all {
			trace.matches = matchesFilter
		}
		for i := range t.Spans {
			if key := t.Name(t.Spans[i].Key); key != "" {
				trace.matches |= key[0]
			}
		}
		if root := t.Root(); root >= 0 && t.Spans[root].Timed {
			trace.start = time.Unix(0, t.Spans[root].Start)
		}
		if of, ok := side(&trace); ok {
			data.AddTiming(of, t)
		}
	})
	return err
}

// readWholeSides reads whole traces: filters need the lines of their spans, or the spans around them.
func readWholeSides(r *input.Reading, q *diffRequest, data *compare.Data, side func(*sidedTrace) (compare.Side, bool)) error {
	records := q.filter.SpanRecords()
	o, err := r.Outlines(q.filter.May, records)
	if err != nil {
		return err
	}
	opts := tracelog.TracesOptions{ScanOptions: tracelog.ScanOptions{Filter: records}}
	return r.Traces(o, opts, func(sum *tracelog.Outline) bool { return sum.Matched > 0 }, func(t *tracelog.Trace) {
		trace := sidedTrace{}
		whole := q.matches(func(f *query.Filter) bool { return f.Whole(t) })
		for _, span := range t.All() {
			trace.matches |= whole & q.matches(func(f *query.Filter) bool { return f.Span(span) })
		}
		if root := t.Root(); root != nil {
			trace.start = root.Start
		}
		if of, ok := side(&trace); ok {
			data.Add(of, t)
		}
	})
}

// matches returns which of the filters choose a span.
func (q *diffRequest) matches(chooses func(*query.Filter) bool) (matches uint8) {
	for i, f := range []*query.Filter{&q.filter, &q.a, &q.b} {
		if chooses(f) {
			matches |= 1 << i
		}
	}
	return matches
}

// readPair reads two single traces.
func (s *session) readPair(ctx context.Context, ids, files []string, q *diffRequest, data *compare.Data) error {
	q.opts.Single = true
	wanted := []query.Wanted{query.NewWanted(ids[0]), query.NewWanted(ids[1])}
	s.plan(backend.Plan{Wanted: wanted, Whole: true, Fields: backend.SchemaFields})
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return err
	}
	defer r.Close()
	for i, id := range ids {
		t, err := find(ctx, r, &wanted[i])
		if err != nil {
			return err
		}
		if !hasSpan(t, &q.filter) {
			return fmt.Errorf("trace %s: no span matches the flags", id)
		}
		data.Add(compare.Side(i), t)
		if data.Traces(compare.Side(i)) == 0 {
			return fmt.Errorf("trace %s: no span to compare", id)
		}
	}
	return nil
}

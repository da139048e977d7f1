package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// splitIDs separates ids from files.
func splitIDs(args []string) (ids, files []string) {
	for _, arg := range args {
		if arg == "-" || strings.ContainsAny(arg, `./\*?[`) && !query.IsResource(arg) {
			files = append(files, arg)
		} else if _, err := os.Stat(arg); err == nil {
			files = append(files, arg)
		} else {
			ids = append(ids, arg)
		}
	}
	return ids, files
}

// choose reads the traces with the ids, or, without ids, the traces that the filter chooses, up to limit. Attrs means that
// attributes will be shown.
func (s *session) choose(ctx context.Context, ids, files []string, f *query.Filter, limit int, attrs bool) ([]*tracelog.Trace, error) {
	var want []query.Wanted
	for _, id := range ids {
		if id == "" {
			return nil, usagef("want the id of a trace, got an empty text")
		}
		want = append(want, query.NewWanted(id))
	}
	s.plan(backend.Plan{Wanted: want, Whole: true, Attrs: attrs})
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if len(want) == 0 {
		return s.chosen(r, f, limit)
	}
	var traces []*tracelog.Trace
	for _, w := range want {
		t, err := find(ctx, r, &w)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			s.tellNotFound(err)
		case !slices.ContainsFunc(traces, func(other *tracelog.Trace) bool { return other.ID == t.ID }) && f.Trace(t):
			traces = append(traces, t)
		}
	}
	if len(traces) == 0 {
		if !s.Failed() {
			s.Fail("the trace does not match the flags")
		}
		return nil, tell.ErrTold
	}
	return traces, nil
}

// chosen reads the first traces that the filter chooses.
func (s *session) chosen(r *input.Reading, f *query.Filter, limit int) ([]*tracelog.Trace, error) {
	o, err := r.Outlines(f.May, nil)
	if err != nil {
		return nil, err
	}
	if o.Len() == 0 {
		return nil, r.Nothing()
	}
	may := func(sum *tracelog.Outline) bool { return sum.Matched > 0 }
	var found []*tracelog.Trace // without their spans
	for sum := range o.All(may) {
		found = append(found, &tracelog.Trace{ID: sum.ID, Start: sum.Start})
	}
	if limit > 0 && len(found) > limit && !f.Empty() {
		found = nil
		err := r.Traces(o, tracelog.TracesOptions{}, may, func(t *tracelog.Trace) {
			if f.Trace(t) {
				found = append(found, &tracelog.Trace{ID: t.ID, Start: t.Start})
			}
		})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(found, compareTraces)
	}
	if limit > 0 && len(found) > limit {
		s.Talk("%d of %s: --limit 0 shows all", limit, tell.Plural(len(found), "trace"))
		found = found[:limit]
	}
	ids := make(map[string]bool)
	for _, t := range found {
		ids[t.ID] = true
	}
	traces, err := readWhole(r, o, func(sum *tracelog.Outline) bool { return ids[sum.ID] })
	if err != nil {
		return nil, err
	}
	traces = slices.DeleteFunc(traces, func(t *tracelog.Trace) bool { return !f.Trace(t) })
	if len(traces) == 0 {
		return nil, fmt.Errorf("no trace matches (%d read)", o.Len())
	}
	return traces, nil
}

// readWhole reads traces with the numbers of their lines, and returns them in order.
func readWhole(r *input.Reading, o *tracelog.Outlines, keep func(*tracelog.Outline) bool) ([]*tracelog.Trace, error) {
	var traces []*tracelog.Trace
	err := r.Traces(o, tracelog.TracesOptions{Lines: true}, keep, func(t *tracelog.Trace) { traces = append(traces, t) })
	slices.SortFunc(traces, compareTraces)
	return traces, err
}

// find reads the trace that is wanted.
func find(ctx context.Context, r *input.Reading, w *query.Wanted) (*tracelog.Trace, error) {
	if w.Half != "" {
		return search(r, w)
	}
	var found *tracelog.Found
	var last atomic.Int64 // the latest time that was seen
	err := r.Pass(func(in []tracelog.Input) (_ []tracelog.Source, err error) {
		o := r.Options(func(r *tracelog.Record) bool {
			latest(&last, r.Time())
			return true
		})
		found, err = tracelog.FindTrace(ctx, in, w.Forms, &o)
		return nil, err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found.Candidates) > 0:
		return search(r, w)
	case found.ID == "":
		return nil, fmt.Errorf("trace %s: not found", w.Text)
	}
	t := tracelog.Assemble(found.Entries)[0]
	if hasOpen(t) {
		latest(&last, r.Last())
		t.AsOf(time.Unix(0, last.Load()).UTC())
	}
	return t, nil
}

// hasOpen reports whether a span of the trace began and did not end.
func hasOpen(t *tracelog.Trace) bool {
	for _, s := range t.All() {
		if s.State == tracelog.Open || s.State == tracelog.Abandoned {
			return true
		}
	}
	return false
}

func latest(last *atomic.Int64, at time.Time) {
	if at.IsZero() {
		return
	}
	for old := last.Load(); at.UnixNano() > old && !last.CompareAndSwap(old, at.UnixNano()); old = last.Load() {
	}
}

// search looks at all ids.
func search(r *input.Reading, w *query.Wanted) (*tracelog.Trace, error) {
	o, err := r.Outlines(nil, func(r *tracelog.Record) bool { _, may := w.Match(string(r.Trace())); return may })
	if err != nil {
		return nil, err
	}
	var ids []string
	for sum := range o.All(nil) {
		if is, _ := w.Match(sum.ID); is {
			ids = []string{sum.ID}
			break
		}
		ids = append(ids, sum.ID)
	}
	traces, err := readWhole(r, o, func(sum *tracelog.Outline) bool {
		return slices.Contains(ids[:min(len(ids), mostCandidates)], sum.ID)
	})
	switch {
	case err != nil:
		return nil, err
	case len(traces) == 0:
		return nil, fmt.Errorf("trace %s: not found", w.Text)
	case len(ids) > 1:
		return nil, ambiguousError{w.Text, slices.Sorted(o.IDs()), traces}
	}
	return traces[0], nil
}

// An ambiguousError lists the traces whose ids have the wanted beginning.
type ambiguousError struct {
	text   string
	ids    []string          // of all of them, in order
	traces []*tracelog.Trace // the first of them
}

func (e ambiguousError) Error() string {
	return fmt.Sprintf("trace %s: ambiguous, %d begin so", e.text, len(e.ids))
}

// mostCandidates limits the traces that an ambiguousError lists.
const mostCandidates = 20

// tellNotFound reports an error of find.
func (s *session) tellNotFound(err error) {
	s.Fail("%v", err)
	var ambiguous ambiguousError
	if !errors.As(err, &ambiguous) {
		return
	}
	short := term.ShortIDs(ambiguous.ids, slices.Values(ambiguous.ids))
	for _, t := range ambiguous.traces {
		fmt.Fprintf(s.stderr, "  %s  %s  %s\n", draw.Text(short(t.ID), 80), s.timestamp(t.Start), draw.Text(rootOp(t), 80))
	}
	if more := len(ambiguous.ids) - len(ambiguous.traces); more > 0 {
		fmt.Fprintf(s.stderr, "  … and %d more\n", more)
	}
}

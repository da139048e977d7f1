package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/tracelog"
)

// rootOp returns the operation of the root, for people.
func rootOp(t *tracelog.Trace) string {
	if root := t.Root(); root != nil {
		return opText(root.Op)
	}
	return "(no span)"
}

// opText returns the name of an operation, for people.
func opText(op string) string { return cmp.Or(op, "(no op)") }

// compareTraces is the order of [tracelog.Assemble].
func compareTraces(a, b *tracelog.Trace) int {
	return cmp.Or(compareStarts(a.Start, b.Start), strings.Compare(a.ID, b.ID))
}

// compareStarts orders times. The zero time, which means unknown, is last.
func compareStarts(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

// formatCount formats a sum of weights. Most are whole numbers.
func formatCount(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return strconv.FormatFloat(float64(int(x*10+0.5))/10, 'f', -1, 64)
}

// mostInOrder limits the lines of the traces that eachTrace holds to put them in order.
const mostInOrder = 100_000

// eachTrace calls fn with each trace that the filter chooses and, if there are any in want, that has one of these ids. It is an
// error if there is no such trace. An error of fn ends it. If inOrder is set and the traces have at most mostInOrder lines, they
// come in order of their start. Otherwise they come as they end in the log, and from a store in no order.
func (s *session) eachTrace(ctx context.Context, files []string, f *query.Filter, want []query.Wanted, inOrder bool, fn func(*tracelog.Trace) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.plan(backend.Plan{Wanted: want, Whole: true, Attrs: true})
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return err
	}
	defer r.Close()
	outlines, err := r.Outlines(f.May, nil)
	if err != nil {
		return err
	}
	if outlines.Len() == 0 {
		return r.Nothing()
	}
	may := func(sum *tracelog.Outline) bool {
		return sum.Matched > 0 && (len(want) == 0 || slices.ContainsFunc(want, func(w query.Wanted) bool {
			_, may := w.Match(sum.ID)
			return may
		}))
	}
	if inOrder {
		lines := 0
		for sum := range outlines.All(may) {
			lines += sum.Spans + sum.Starts + sum.Logs
		}
		inOrder = lines <= mostInOrder
	}
	chosen := false
	var held []*tracelog.Trace
	var failed error
	err = r.Traces(outlines, tracelog.TracesOptions{}, may, func(t *tracelog.Trace) {
		if failed != nil || !f.Trace(t) {
			return
		}
		chosen = true
		if inOrder {
			held = append(held, t)
		} else if failed = fn(t); failed != nil {
			cancel() // nobody needs the rest
		}
	})
	slices.SortFunc(held, compareTraces)
	for _, t := range held {
		if err == nil && failed == nil {
			failed = fn(t)
		}
	}
	if err = cmp.Or(failed, err); err == nil && !chosen {
		return fmt.Errorf("no trace matches (%d read)", outlines.Len())
	}
	return err
}

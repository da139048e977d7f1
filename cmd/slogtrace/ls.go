package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

var lsOrders = []string{"start", "duration", "spans", "errors"}

func (s *session) ls() *cobra.Command {
	var f query.Filter
	order := choice{value: "start", of: lsOrders}
	var limit int
	cmd := &cobra.Command{
		Use:     "ls [FILE...]",
		Aliases: []string{"list"},
		Short:   "List traces, one on a line",
		Long: `List traces, one on a line: its start (UTC), its duration, the number of its spans and of those that failed, the
shortest unique beginning of its id, its root operation, its services, and its first error. A duration after > is that
of a trace with a span that has not ended: how long it had been open at the last record of the input.

A trace is listed if one of its spans, or one of its lines, matches all of the flags.
Lines never match --min and --max. If no span of a trace has an end record, because its logger writes none, a line at
level Error or above counts as the failure of its span.`,
		Example: `  slogtrace ls --error --since 1h app.log
  slogtrace ls --where state=open --sort duration app.log
  slogtrace ls --op 'POST /bookings' --min 500ms --sort duration --limit 10 logs/
  slogtrace ls --where 'http.response.status_code>=500' --where customer=acme 'logs/*.log.gz'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.list(cmd.Context(), args, &f, order.value, limit)
		},
	}
	f.Register(cmd.Flags(), s.now)
	cmd.Flags().Var(&order, "sort", "by start (the newest last), duration, spans or errors (the greatest first)")
	cmd.Flags().IntVar(&limit, "limit", 0, "list only `N` traces: the newest, or the first in that order")
	completeChoice(cmd, "sort", lsOrders)
	return cmd
}

// A listed is a trace in a list.
type listed struct {
	summary
	op   string // for people
	took time.Duration
	open time.Duration // for how long a span has been open; 0 if none is
}

// lasted returns how long the trace took, or has been taking.
func (l *listed) lasted() time.Duration { return max(l.took, l.open) }

// duration is lasted for people.
func (l *listed) duration() string {
	if l.open > 0 {
		return ">" + draw.Duration(l.lasted())
	}
	return draw.Duration(l.took)
}

func newListed(t *tracelog.Trace) listed {
	sum := summarize(t)
	l := listed{sum, rootOp(t), time.Duration(math.Round(sum.Duration * float64(time.Millisecond))), t.OpenFor()}
	if n := len(t.Roots); n > 1 {
		l.op += fmt.Sprintf(" +%d", n-1)
	}
	return l.withParent()
}

// withParent returns l with what its operation says of the root's parent.
func (l listed) withParent() listed {
	if l.External {
		l.op += " (parent in another system)"
	}
	return l
}

func outlined(o *tracelog.Outline) listed {
	l := listed{summary: summaryOf(o), op: opText(o.Op), took: o.End.Sub(o.Start)}
	if o.Errors > 0 && o.Error == "" && o.ErrorOp == "" { // there were too many to keep them all
		l.Error = "(see slogtrace show)"
	}
	return l.withParent()
}

// maxDetailed is how many traces are read a second time for details that outlines lack, if the outlines are nearly enough.
const maxDetailed = 1000

func (s *session) list(ctx context.Context, files []string, f *query.Filter, order string, limit int) error {
	if os.Getenv("GOGC") == "" {
		// Nearly all of the heap is outlines, which have no pointers, so collecting garbage is cheap: do it when the heap has
		// grown by a quarter. Memory that nobody touches costs nothing, and prevents collections while the heap is small.
		defer debug.SetGCPercent(debug.SetGCPercent(25))
		defer runtime.KeepAlive(make([]byte, 64<<20))
	}
	s.plan(backend.Plan{Whole: true, Fields: backend.SchemaFields})
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return err
	}
	defer r.Close()
	o, err := r.Outlines(f.May, nil)
	if err != nil {
		return err
	}
	if o.Len() == 0 {
		return r.Nothing()
	}
	// Outlines are enough if the filter asks for little, or if there are many traces.
	may := func(sum *tracelog.Outline) bool { return sum.Matched > 0 && (!f.AsksForErrors() || query.MayFail(sum)) }
	var list []listed
	all := o.Matched(may)
	held := order != "start" || limit > 0 // traces that are already in order can be written as they come
	for sum := range all {
		list = append(list, outlined(&sum))
		if len(list) > maxDetailed && !(f.Outlines() && held) {
			break
		}
	}
	many := len(list) > maxDetailed
	outlines := f.Outlines()
	var odd map[string]*listed
	if many && outlines {
		if odd, outlines, err = listOdd(r, o, f, all); err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(l listed) bool { other, ok := odd[l.Trace]; return ok && other == nil })
		for i := range list {
			if l := odd[list[i].Trace]; l != nil {
				list[i] = *l
			}
		}
	}
	if many && outlines && !held {
		s.talkOfMany()
		return s.writeList(func(yield func(*listed) bool) {
			for sum := range all {
				l, ok := odd[sum.ID]
				if !ok {
					other := outlined(&sum)
					l = &other
				}
				if l != nil && !yield(l) {
					return
				}
			}
		}, s.from.source.IDs(ctx, o.IDs()))
	}
	if many && outlines {
		list = sortList(list, order, limit)
		many = len(list) > maxDetailed
	}
	if many && outlines {
		s.talkOfMany()
	} else {
		var detailed []listed
		if !many {
			ids := make(map[string]bool)
			for i := range list {
				ids[list[i].Trace] = true
			}
			may = func(sum *tracelog.Outline) bool { return ids[sum.ID] }
		}
		err := r.Traces(o, tracelog.TracesOptions{}, may, func(t *tracelog.Trace) {
			if f.Trace(t) {
				detailed = append(detailed, newListed(t))
			}
		})
		if err != nil {
			return err
		}
		slices.SortFunc(detailed, func(a, b listed) int {
			return cmp.Or(compareStarts(a.Start, b.Start), strings.Compare(a.Trace, b.Trace))
		})
		list = sortList(detailed, order, limit)
	}
	if len(list) == 0 {
		return fmt.Errorf("no trace matches (%d read)", o.Len())
	}
	return s.writeList(func(yield func(*listed) bool) {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}, s.from.source.IDs(ctx, o.IDs()))
}

func (s *session) talkOfMany() {
	s.Talk("more than %d traces: unfinished spans are listed only in traces with more starts than ends (--limit %[1]d lists all of them)", maxDetailed)
}

// listOdd reads the traces whose outlines are not enough: those with more starts than ends, those at the edges of the
// filter's time, and, with --error, those without any end. Of a trace that the filter does not choose, odd has nil.
// If there are more than maxDetailed, it reads none, and ok is false if outlines cannot tell which traces match.
func listOdd(r *input.Reading, o *tracelog.Outlines, f *query.Filter, all iter.Seq[tracelog.Outline]) (odd map[string]*listed, ok bool, err error) {
	odd = make(map[string]*listed)
	ok = true
	n := 0
	for sum := range all {
		unsure := !f.Within(&sum) || f.AsksForErrors() && sum.Spans == 0
		if !unsure && sum.Starts <= sum.Spans {
			continue
		}
		ok = ok && !unsure
		if n++; n <= maxDetailed {
			odd[sum.ID] = nil
		}
	}
	if n == 0 || n > maxDetailed {
		return nil, ok, nil
	}
	isOdd := func(sum *tracelog.Outline) bool {
		_, ok := odd[sum.ID]
		return ok
	}
	err = r.Traces(o, tracelog.TracesOptions{}, isOdd, func(t *tracelog.Trace) {
		if f.Trace(t) {
			l := newListed(t)
			odd[t.ID] = &l
		}
	})
	return odd, true, err
}

// sortList sorts traces, which must be in order of their start, and keeps at most limit of them, if that is not 0.
// By start it keeps the newest ones, which come last, near the prompt.
func sortList(list []listed, by string, limit int) []listed {
	if limit < 1 || limit > len(list) {
		limit = len(list)
	}
	key := func(l *listed) int64 { return int64(l.lasted()) }
	switch by {
	case "start":
		return list[len(list)-limit:]
	case "spans":
		key = func(l *listed) int64 { return int64(l.Spans) }
	case "errors":
		key = func(l *listed) int64 { return int64(l.Errors) }
	}
	slices.SortStableFunc(list, func(a, b listed) int { return cmp.Compare(key(&b), key(&a)) })
	return list[:limit]
}

// writeList writes a table, or JSON. ids are those of all traces. It iterates over the list several times.
func (s *session) writeList(list iter.Seq[*listed], ids iter.Seq[string]) error {
	if s.json {
		return term.WriteSeq(s.out, func(yield func(*summary) bool) {
			for l := range list {
				if !yield(&l.summary) {
					return
				}
			}
		})
	}
	var own []string
	for l := range list {
		own = append(own, l.Trace)
	}
	slices.Sort(own)
	short := term.ShortIDs(own, ids)
	stamp := len("2006-01-02 15:04:05.000")
	if s.width > 0 && s.width < wideEnough {
		stamp = len("2006-01-02 15:04:05")
	}
	return s.writeTable(func(yield func([]term.Cell) bool) {
		if !yield([]term.Cell{
			{Text: "START (" + s.zoneName() + ")", Style: term.Dim, Fixed: true}, {Text: "DURATION", Style: term.Dim, Right: true, Fixed: true}, {Text: "SPANS", Style: term.Dim, Right: true, Fixed: true},
			{Text: "ERRORS", Style: term.Dim, Right: true, Fixed: true}, {Text: "TRACE", Style: term.Dim, Fixed: true}, {Text: "OP", Style: term.Dim},
			{Text: "SERVICES", Style: term.Dim}, {Text: "FIRST ERROR", Style: term.Dim},
		}) {
			return
		}
		for l := range list {
			errs, first := term.Cell{}, term.Cell{}
			if l.Errors > 0 {
				errs = term.Cell{Text: strconv.Itoa(l.Errors), Style: term.Red, Right: true}
				first = term.Untrusted(term.Red, "✗ "+cmp.Or(l.Error, "failed"), 200)
			}
			if !yield([]term.Cell{
				{Text: clipTime(s.timestamp(l.Start), stamp)}, {Text: l.duration(), Right: true},
				{Text: strconv.Itoa(l.Spans), Right: true}, errs,
				term.Untrusted(term.TraceStyle(l.Trace), short(l.Trace), 80), term.Untrusted(term.Bold, l.op, 60),
				term.Untrusted(term.Cyan, strings.Join(l.Services, ", "), 60), first,
			}) {
				return
			}
		}
	})
}

// wideEnough is how many columns a terminal must have for milliseconds in a list.
const wideEnough = 100

// clipTime shortens a timestamp to a size.
func clipTime(text string, size int) string { return text[:min(len(text), size)] }

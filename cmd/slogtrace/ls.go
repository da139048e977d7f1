package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/tracelog"
)

var lsOrders = []string{"start", "duration", "spans", "errors"}

func (s *session) ls() *cobra.Command {
	var f filter
	order := choice{value: "start", of: lsOrders}
	var limit int
	cmd := &cobra.Command{
		Use:     "ls [FILE...]",
		Aliases: []string{"list"},
		Short:   "List traces, one on a line",
		Long: `List traces, one on a line: when it began (UTC), how long it took, how many spans it has and how many
of them failed, the shortest beginning of its id that is unique, its root operation, services, and first error.

A trace is listed if one of its spans, or one of its lines, matches all of the flags together.
Lines never match --error, --min and --max.`,
		Example: `  slogtrace ls --error --since 1h app.log
  slogtrace ls --op 'POST /bookings' --min 500ms --sort duration --limit 10 logs/
  slogtrace ls --where 'http.response.status_code>=500' --where customer=acme 'logs/*.log.gz'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := s.load(cmd.Context(), args, nil)
			if err != nil {
				return err
			}
			traces := slices.DeleteFunc(slices.Clone(all), func(t *tracelog.Trace) bool { return !f.trace(t) })
			if len(traces) == 0 {
				return fmt.Errorf("none of %s matches", plural(len(all), "trace"))
			}
			traces = sortTraces(traces, order.value, limit)
			if s.json {
				return writeArray(s, summaries(traces))
			}
			return s.writeList(traces, shortIDs(all))
		},
	}
	f.register(cmd.Flags(), s.now)
	cmd.Flags().Var(&order, "sort", "by start (the newest last), duration, spans or errors (the greatest first)")
	cmd.Flags().IntVar(&limit, "limit", 0, "list only `N` traces: the newest, or the first in that order")
	completeChoice(cmd, "sort", lsOrders)
	return cmd
}

// sortTraces orders traces, which are in order of their start, and leaves no more than limit, if that is not 0.
// By start the newest are last, near the prompt, and stay.
func sortTraces(traces []*tracelog.Trace, by string, limit int) []*tracelog.Trace {
	if limit < 1 || limit > len(traces) {
		limit = len(traces)
	}
	key := func(t *tracelog.Trace) int64 { return int64(t.Duration()) }
	switch by {
	case "start":
		return traces[len(traces)-limit:]
	case "spans":
		key = func(t *tracelog.Trace) int64 { return int64(t.Spans) }
	case "errors":
		key = func(t *tracelog.Trace) int64 { return int64(t.Errors) }
	}
	slices.SortStableFunc(traces, func(a, b *tracelog.Trace) int { return cmp.Compare(key(b), key(a)) })
	return traces[:limit]
}

func summaries(traces []*tracelog.Trace) []tracelog.Summary {
	list := make([]tracelog.Summary, len(traces))
	for i, t := range traces {
		list[i] = tracelog.Summarize(t)
	}
	return list
}

func (s *session) writeList(traces []*tracelog.Trace, short map[string]string) error {
	rows := [][]cell{{
		{text: "START (UTC)", style: dim}, {text: "DURATION", style: dim, right: true}, {text: "SPANS", style: dim, right: true},
		{text: "ERRORS", style: dim, right: true}, {text: "TRACE", style: dim}, {text: "OP", style: dim},
		{text: "SERVICES", style: dim}, {text: "FIRST ERROR", style: dim},
	}}
	for _, t := range traces {
		sum := tracelog.Summarize(t)
		errs, first := cell{}, cell{}
		if sum.Errors > 0 {
			errs = cell{strconv.Itoa(sum.Errors), red, true}
			first = untrusted(red, "✗ "+cmp.Or(sum.Error, "failed"), 200)
		}
		op := rootOp(t)
		if n := len(t.Roots); n > 1 {
			op += fmt.Sprintf(" +%d", n-1)
		}
		rows = append(rows, []cell{
			{text: timestamp(t.Start)}, {text: tracelog.FormatDuration(t.Duration()), right: true},
			{text: strconv.Itoa(t.Spans), right: true}, errs,
			untrusted(traceStyle(t.ID), short[t.ID], 80), untrusted(bold, op, 60),
			untrusted(cyan, strings.Join(t.Services, ", "), 60), first,
		})
	}
	return s.writeTable(rows, s.width)
}

// timestamp is a moment for people, in UTC.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}

// rootOp is what a trace is about.
func rootOp(t *tracelog.Trace) string {
	if root := t.Root(); root != nil {
		return cmp.Or(root.Op, "(no op)")
	}
	return "(no span)"
}

// A choice is a flag with few values.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "order" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("want " + strings.Join(c.of[:len(c.of)-1], ", ") + " or " + c.of[len(c.of)-1])
	}
	c.value = s
	return nil
}

func completeChoice(cmd *cobra.Command, flag string, of []string) {
	cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp))
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/tracelog"
)

var errorsOrders = []string{"count", "last", "op"}

func (s *session) errors() *cobra.Command {
	var f filter
	order := choice{value: "count", of: errorsOrders}
	var limit int
	cmd := &cobra.Command{
		Use:   "errors [FILE...]",
		Short: "Group failures by operation and message",
		Long: `Group failures by operation and message, in which numbers, ids and quoted text count as the same:
how often, when first and last (UTC), an example, and traces to show.

A failure counts where it happened: a span whose error repeats that of a span below it does not count again.
Of the spans that match all of the flags those count that failed.`,
		Example: `  slogtrace errors --since 1h logs/
  slogtrace errors --op 'payment.*' --sort last app.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			groups, short, err := s.errorGroups(cmd, args, &f)
			if err != nil {
				return err
			}
			switch order.value {
			case "last":
				slices.SortStableFunc(groups, func(a, b tracelog.ErrorGroup) int { return b.Last.Compare(a.Last) })
			case "op":
				slices.SortStableFunc(groups, func(a, b tracelog.ErrorGroup) int { return strings.Compare(a.Op, b.Op) })
			}
			if limit > 0 {
				groups = groups[:min(limit, len(groups))]
			}
			if s.json {
				return writeArray(s, groups)
			}
			return s.writeErrors(groups, short)
		},
	}
	flags := cmd.Flags()
	flags.Var(&order, "sort", "by count, last (the greatest first) or op")
	flags.IntVar(&limit, "limit", 0, "show only the first `N` groups")
	f.register(flags, s.now)
	completeChoice(cmd, "sort", errorsOrders)
	return cmd
}

// errorGroups reads traces and groups their failures. It also returns the short ids of the traces.
func (s *session) errorGroups(cmd *cobra.Command, files []string, f *filter) ([]tracelog.ErrorGroup, map[string]string, error) {
	traces, err := s.load(cmd.Context(), files, f.spanRecords())
	if err != nil {
		return nil, nil, err
	}
	spans := 0
	var grouper tracelog.ErrorGrouper
	for _, t := range traces {
		for _, span := range t.All() {
			if record(span) != nil {
				spans++
			}
			span.Failed = span.Failed && f.span(span) // what was not asked for did not fail
		}
		grouper.Add(t)
	}
	if grouper.Dropped > 0 {
		s.talk("%s left out, of more groups than can be kept", plural(grouper.Dropped, "failure"))
	}
	groups := grouper.Groups()
	switch {
	case len(groups) > 0:
		return groups, shortIDs(traces), nil
	case spans == 0:
		return nil, nil, errors.New("no span records found: see slogtrace check")
	}
	return nil, nil, fmt.Errorf("none of %s failed and matches", plural(spans, "span"))
}

func (s *session) writeErrors(groups []tracelog.ErrorGroup, short map[string]string) error {
	p := painter(s.colored())
	width := len("COUNT")
	for _, g := range groups {
		width = max(width, len(formatCount(g.Weighted)))
	}
	indent := strings.Repeat(" ", width+2)
	for i, g := range groups {
		if i > 0 {
			s.out.WriteByte('\n')
		}
		message := cmp.Or(tracelog.Printable(g.Message, 500), "failed")
		fmt.Fprintf(s.out, "%*s  %s  %s\n", width, formatCount(g.Weighted), p.paint(bold, tracelog.Printable(g.Op, 100)), p.paint(red, message))
		if g.Example != g.Message {
			fmt.Fprintf(s.out, "%se.g. %s\n", indent, tracelog.Printable(g.Example, 500))
		}
		when := timestamp(g.First)
		if !g.Last.Equal(g.First) {
			when += " to " + timestamp(g.Last)
		}
		var ids []string
		for _, id := range g.Traces {
			ids = append(ids, p.paint(traceStyle(id), tracelog.Printable(short[id], 80)))
		}
		fmt.Fprintf(s.out, "%s%s  show %s\n", indent, p.paint(dim, when), strings.Join(ids, " "))
	}
	return nil
}

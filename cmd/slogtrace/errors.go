package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

var errorsOrders = []string{"count", "last", "op"}

func (s *session) errors() *cobra.Command {
	var f query.Filter
	order := choice{value: "count", of: errorsOrders}
	var newSince query.Time
	var limit int
	cmd := &cobra.Command{
		Use:   "errors [FILE...]",
		Short: "Group failures by operation and message",
		Long: `Group failures by operation and message: how often each happened, when first and last (UTC), an example, and traces
to show. Messages that differ only in numbers, ids or quoted text are the same.

With --new-since it shows only groups whose first failure in the input is not before that time. So the input must reach
further back.

errors counts the failed spans that match all of the flags. A failure counts where it happened: a span that repeats the
error of a span below it does not count again.`,
		Example: `  slogtrace errors --since 1h logs/
  slogtrace errors --op 'payment.*' --sort last app.log
  slogtrace errors --new-since 2026-03-01T09:00:00Z logs/    what fails only since the deploy`,
		RunE: func(cmd *cobra.Command, args []string) error {
			groups, all, first, err := s.errorGroups(cmd, args, &f)
			if err != nil {
				return err
			}
			if !newSince.IsZero() {
				if !first.Before(newSince.Time) {
					s.Talk("the input begins %s, not before --new-since: every failure in it is new", s.timestamp(first))
				}
				if groups, err = s.newGroups(groups, newSince.Time); err != nil {
					return err
				}
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
				return s.errorsJSON(groups)
			}
			return s.writeErrors(groups, all)
		},
	}
	flags := cmd.Flags()
	newSince.Register(flags, "new-since", "show only failures that first happened at this `time` or later", s.now)
	flags.Var(&order, "sort", "by count, last (the greatest first) or op")
	flags.IntVar(&limit, "limit", 0, "show only the first `N` groups")
	f.Register(flags, s.now)
	completeChoice(cmd, "sort", errorsOrders)
	return cmd
}

// errorGroups reads traces and groups their failures. It also returns the ids of all traces, and when the first one began.
func (s *session) errorGroups(cmd *cobra.Command, files []string, f *query.Filter) ([]tracelog.ErrorGroup, iter.Seq[string], time.Time, error) {
	var first time.Time
	s.plan(backend.Plan{Whole: true, Failures: true, Spans: true, Fields: append(tracelog.PeerKeys(), backend.SchemaFields...)})
	r, err := s.files.Open(cmd.Context(), files, true)
	if err != nil {
		return nil, nil, first, err
	}
	defer r.Close()
	records := f.SpanRecords()
	o, err := r.Outlines(query.SaysFailure, records)
	if err != nil {
		return nil, nil, first, err
	}
	if o.Len() == 0 && (r.Records == 0 || records == nil) {
		return nil, nil, first, r.Nothing()
	}
	spans := 0
	failed := false
	for sum := range o.All(nil) {
		spans += sum.Spans
		failed = failed || query.MayFail(&sum)
		if first.IsZero() || !sum.Start.IsZero() && sum.Start.Before(first) {
			first = sum.Start
		}
	}
	var traces []*tracelog.Trace
	if failed {
		opts := tracelog.TracesOptions{ScanOptions: tracelog.ScanOptions{Filter: records}}
		err := r.Traces(o, opts, query.MayFail, func(t *tracelog.Trace) {
			if failed := failures(t, f); failed.Errors > 0 && f.Whole(t) {
				traces = append(traces, failed)
			}
		})
		if err != nil {
			return nil, nil, first, err
		}
	}
	slices.SortFunc(traces, compareTraces)
	var grouper tracelog.ErrorGrouper
	for _, t := range traces {
		grouper.Add(t)
	}
	if grouper.Dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(grouper.Dropped, "failure"))
	}
	groups := grouper.Groups()
	switch {
	case len(groups) > 0:
		return groups, s.from.source.IDs(cmd.Context(), o.IDs()), first, nil
	case spans == 0 && o.Len() == 0:
		return nil, nil, first, errors.New("no span records found: see slogtrace check")
	}
	return nil, nil, first, fmt.Errorf("no failed span matches (%d read)", spans)
}

// newGroups returns the groups that have no failure before a time.
func (s *session) newGroups(groups []tracelog.ErrorGroup, since time.Time) ([]tracelog.ErrorGroup, error) {
	all, unknown := len(groups), 0
	groups = slices.DeleteFunc(groups, func(g tracelog.ErrorGroup) bool {
		if g.First.IsZero() {
			unknown++
		}
		return g.First.Before(since)
	})
	if unknown > 0 {
		s.Talk("%s left out: no failure of them has a time", tell.Plural(unknown, "group"))
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("no failure is new since %s (%s before)", s.timestamp(since), tell.Plural(all-unknown, "group"))
	}
	return groups, nil
}

// failures returns the tree of the spans that failed and match. The spans have only what is needed to group them.
func failures(t *tracelog.Trace, f *query.Filter) *tracelog.Trace {
	small := &tracelog.Trace{ID: t.ID, Start: t.Start}
	var above []*tracelog.Span // by depth: the failed span there, else the nearest one above it
	for depth, s := range t.All() {
		above = above[:depth]
		var parent *tracelog.Span
		if depth > 0 {
			parent = above[depth-1]
		}
		if s.Failed && f.Span(s) { // a span that does not match counts as one that did not fail
			kept := &tracelog.Span{
				Op: strings.Clone(s.Op), Error: strings.Clone(s.Error), Failed: true, End: s.End,
				Weight: s.Weight, Parent: parent,
			}
			if peer := s.Peer(); peer != "" {
				name, _ := json.Marshal(peer)
				kept.Kind, kept.Attrs = s.Kind, []tracelog.Attr{{Key: "peer.service", Value: name}}
			}
			if s.EndRecord != nil && s.End.IsZero() {
				kept.EndRecord = &tracelog.Entry{Time: s.EndRecord.Time}
			}
			if s.EndRecord == nil && s.StartRecord != nil {
				kept.StartRecord = &tracelog.Entry{Time: s.StartRecord.Time}
			}
			for i := range s.Logs {
				if e := &s.Logs[i]; s.EndRecord == nil && query.IsError(e.Level) { // whose time counts
					kept.Logs = []tracelog.Entry{{Time: e.Time, Level: strings.Clone(e.Level)}}
					break
				}
			}
			if parent == nil {
				small.Roots = append(small.Roots, kept)
			} else {
				parent.Children = append(parent.Children, kept)
			}
			small.Errors++
			parent = kept
		}
		above = append(above, parent)
	}
	return small
}

func (s *session) writeErrors(groups []tracelog.ErrorGroup, all iter.Seq[string]) error {
	p := s.painter()
	var own []string
	for _, g := range groups {
		own = append(own, g.Traces...)
	}
	slices.Sort(own)
	short := term.ShortIDs(slices.Compact(own), all)
	width := len("COUNT")
	for _, g := range groups {
		width = max(width, len(formatCount(g.Weighted)))
	}
	indent := strings.Repeat(" ", width+2)
	for i, g := range groups {
		if i > 0 {
			s.out.WriteByte('\n')
		}
		message := cmp.Or(draw.Text(g.Message, 500), "failed")
		op := p.Paint(term.Bold, draw.Text(opText(g.Op), 100))
		if len(g.Peers) > 0 {
			op += " to " + p.Paint(term.Cyan, draw.Text(strings.Join(g.Peers, ", "), 100))
		}
		fmt.Fprintf(s.out, "%*s  %s  %s\n", width, formatCount(g.Weighted), op, p.Paint(term.Red, message))
		if g.Example != g.Message {
			fmt.Fprintf(s.out, "%se.g. %s\n", indent, draw.Text(g.Example, 500))
		}
		when := s.timestamp(g.First)
		if !g.Last.Equal(g.First) {
			when += " to " + s.timestamp(g.Last)
		}
		var ids []string
		for _, id := range g.Traces {
			ids = append(ids, p.Paint(term.TraceStyle(id), draw.Text(short(id), 80)))
		}
		fmt.Fprintf(s.out, "%s%s  show %s\n", indent, p.Paint(term.Dim, when), strings.Join(ids, " "))
	}
	return nil
}

func (s *session) errorsJSON(groups []tracelog.ErrorGroup) error {
	elements := make([]errorGroupJSON, len(groups))
	for i, g := range groups {
		elements[i] = errorGroupJSON(g)
	}
	return term.WriteArray(s.out, elements)
}

// An errorGroupJSON is an element of what errors --json writes.
type errorGroupJSON struct {
	Op       string    `json:"op"`
	Message  string    `json:"message"`
	Example  string    `json:"example"`
	Count    int       `json:"count"`
	Weighted float64   `json:"weighted"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Peers    []string  `json:"peers,omitempty"`
	Traces   []string  `json:"traces"`
}

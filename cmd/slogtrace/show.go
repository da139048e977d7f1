package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A shownJSON is an element of what show --json writes: the trace with its spans as a tree.
type shownJSON struct {
	summary
	Tree []spanJSON `json:"tree"`
	Logs []lineJSON `json:"logs"` // those that name no span
}

// A spanJSON is a span with the spans below it.
type spanJSON struct {
	Span       string         `json:"span"`
	Parent     string         `json:"parent,omitempty"`
	ParentKind string         `json:"parent_kind,omitempty"`
	Op         string         `json:"op"`
	Kind       string         `json:"kind,omitempty"`
	Service    string         `json:"service,omitempty"`
	State      string         `json:"state"`           // of tracelog.State
	Level      string         `json:"level,omitempty"` // of its record, unless it is the usual one: ERROR if it failed, else INFO
	Start      term.TimeJSON  `json:"start"`
	Time       *term.TimeJSON `json:"time,omitempty"` // of the record of an ended span, if it is more than a microsecond from the start plus the duration
	DurationMS *float64       `json:"duration_ms"`    // null if it has not ended
	QueuedMS   float64        `json:"queued_ms,omitempty"`
	SampleRate float64        `json:"sample_rate,omitempty"`
	Sampled    *bool          `json:"sampled,omitempty"` // false for a span that was written because it failed
	Failed     bool           `json:"failed"`
	Error      string         `json:"error,omitempty"`
	Stack      string         `json:"stack,omitempty"`
	Attrs      term.AttrsJSON `json:"attrs"`
	Links      []linkJSON     `json:"links,omitempty"`
	Logs       []lineJSON     `json:"logs"`
	Children   []spanJSON     `json:"children"`
}

type linkJSON struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

// deepest limits how deep show --json nests spans. It leaves out the spans below, and says so.
const deepest = 1000

func (s *session) show() *cobra.Command {
	var f query.Filter
	var ids []string
	var opts showOptions
	var limit int
	cmd := &cobra.Command{
		Use:   "show [ID...] [FILE...]",
		Short: "Show traces as waterfalls",
		Long: `Show traces as waterfalls: the tree of spans, and when each of them ran, on a common axis.
Bars are thick on the critical path, where the time of the trace went. A shaded part is time in a queue.

ID is the beginning of a trace id. An argument with a dot or a slash, or with the name of a file, is a FILE: use --trace
if that is wrong. An ID may also be upper case, Datadog's decimal, X-Ray's 1-xxxxxxxx-… or a whole traceparent.
Without an ID, show shows all traces with a span or a line that matches the flags, as ls does.`,
		Example: `  slogtrace show 4bf92f app.log
  slogtrace show --logs --attrs 4bf92f 'logs/*.log'
  slogtrace show --error --since 15m --tree app.log
  slogtrace show --svg 4bf92f app.log > trace.svg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, files := splitIDs(args)
			ids = append(ids, named...)
			traces, err := s.choose(cmd.Context(), ids, files, &f, limit, s.json || opts.attrs || opts.logs)
			if err != nil {
				return err
			}
			switch {
			case s.json && opts.svg:
				return usagef("want --json or --svg, not both")
			case s.json:
				return s.showJSON(traces)
			case opts.svg && len(traces) > 1:
				return usagef("--svg shows one trace, and %d match: name one", len(traces))
			}
			for i, t := range traces {
				if i > 0 {
					s.out.WriteByte('\n')
				}
				if err := s.writeTrace(t, opts); err != nil {
					return err
				}
			}
			return nil
		},
		ValidArgsFunction: s.completeIDs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&ids, "trace", nil, "the trace whose id begins with `ID`; may be repeated")
	flags.BoolVar(&opts.logs, "logs", false, "show log lines, each below its span")
	flags.BoolVar(&opts.attrs, "attrs", false, "show the attributes of spans")
	flags.BoolVar(&opts.stacks, "stacks", false, "show the stacks of panics")
	flags.BoolVar(&opts.tree, "tree", false, "show the tree without bars")
	flags.BoolVar(&opts.svg, "svg", false, "write a picture of one trace: SVG, for a page or a report")
	flags.BoolVar(&opts.ascii, "ascii", false, "draw bars with ASCII only")
	flags.IntVar(&opts.width, "width", 0, "how many `columns` wide; default the terminal's, else 100")
	flags.IntVar(&limit, "limit", 100, "without an ID, show only the first `N` traces; 0: all")
	f.Register(flags, s.now)
	return cmd
}

// splitIDs separates ids from files.
func splitIDs(args []string) (ids, files []string) {
	for _, arg := range args {
		if arg == "-" || strings.ContainsAny(arg, `./\*?[`) && !query.IsTraceparent(arg) {
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
		want = append(want, query.NewWanted(id))
	}
	s.plan(backend.Plan{Wanted: want, Whole: true}, attrs)
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

type showOptions struct {
	logs, attrs, stacks, tree, ascii, svg bool

	width int
}

// writeTrace shows one trace.
func (s *session) writeTrace(t *tracelog.Trace, o showOptions) error {
	if o.svg {
		return draw.SVG(s.out, t, &draw.Options{Width: o.width, Location: s.zone(), Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks})
	}
	width := cmp.Or(o.width, s.width)
	if o.tree {
		return draw.Tree(s.out, t, &draw.Options{
			Width: width, Color: bool(s.painter()), Location: s.zone(), Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks,
		})
	}
	return draw.Waterfall(s.out, t, &draw.Options{
		Width: width, Color: bool(s.painter()), Location: s.zone(), ASCII: o.ascii, Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks,
	})
}

func (s *session) showJSON(traces []*tracelog.Trace) error {
	shown := make([]shownJSON, len(traces))
	for i, t := range traces {
		cut := 0
		shown[i] = shownJSON{summarize(t), spansJSON(t.Roots, 1, &cut), linesJSON(t.Logs)}
		if cut > 0 {
			s.Fail("trace %s: %s below level %d left out", t.ID, tell.Plural(cut, "span"), deepest)
		}
	}
	return term.WriteArray(s.out, shown)
}

func spansJSON(spans []*tracelog.Span, level int, cut *int) []spanJSON {
	list := make([]spanJSON, 0, len(spans))
	for _, s := range spans {
		j := spanJSON{
			Span: s.ID, Parent: s.ParentID, ParentKind: s.ParentKind, Op: s.Op, Kind: s.Kind, Service: s.Service, State: s.State.String(),
			Start: term.TimeJSON(s.Start), QueuedMS: query.Millis(s.Queued), Failed: s.Failed, Error: s.Error, Stack: s.Stack,
			Attrs: s.Attrs, Logs: linesJSON(s.Logs),
		}
		if s.State == tracelog.Ended {
			ms := exactMillis(s.Duration)
			j.DurationMS = &ms
		}
		if e := query.EntryOf(s); e != nil {
			if j.SampleRate = e.SampleRate; e.Level != usualLevel(s) {
				j.Level = e.Level
			}
			if e.Unsampled {
				j.Sampled = new(bool)
			}
			if s.State == tracelog.Ended && !e.Time.IsZero() && e.Time.Sub(s.Start.Add(s.Duration)).Abs() > time.Microsecond {
				at := term.TimeJSON(e.Time)
				j.Time = &at
			}
		}
		for _, l := range s.Links {
			j.Links = append(j.Links, linkJSON(l))
		}
		if level < deepest {
			j.Children = spansJSON(s.Children, level+1, cut)
		} else {
			j.Children = []spanJSON{}
			below := tracelog.Trace{Roots: s.Children}
			for range below.All() {
				*cut++
			}
		}
		list = append(list, j)
	}
	return list
}

// usualLevel is the level of a span's record, unless TracerOptions set another one.
func usualLevel(s *tracelog.Span) string {
	if s.Failed {
		return "ERROR"
	}
	return "INFO"
}

func linesJSON(entries []tracelog.Entry) []lineJSON {
	list := make([]lineJSON, 0, len(entries))
	for i := range entries {
		list = append(list, newLineJSON(&entries[i]))
	}
	return list
}

// plainID matches an id that is one harmless word to a shell.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// completeIDs completes the ids of the traces in the files already named: slogtrace show app.log <TAB>.
func (s *session) completeIDs(cmd *cobra.Command, args []string, start string) ([]cobra.Completion, cobra.ShellCompDirective) {
	_, files := splitIDs(args)
	if len(files) == 0 || slices.ContainsFunc(files, input.IsOnce) {
		return nil, cobra.ShellCompDirectiveDefault // file names
	}
	s.NoProgress()
	r, err := s.files.Open(cmd.Context(), files, false)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	defer r.Close()
	o, err := r.Outlines(nil, func(r *tracelog.Record) bool { return strings.HasPrefix(string(r.Trace()), start) })
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var ids []cobra.Completion
	for sum := range o.All(nil) {
		if plainID.MatchString(sum.ID) {
			ids = append(ids, cobra.CompletionWithDesc(sum.ID, draw.Text(cmp.Or(sum.Op, "(no op)"), 40)))
		}
	}
	return ids, cobra.ShellCompDirectiveDefault
}

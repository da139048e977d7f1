package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A shownJSON is an element of what show --json writes: the trace with its spans as a tree.
type shownJSON struct {
	tracelog.Summary
	Tree []spanJSON `json:"tree"`
	Logs []lineJSON `json:"logs"` // those that name no span
}

// A spanJSON is a span with what is below it.
type spanJSON struct {
	Span       string     `json:"span"`
	Parent     string     `json:"parent,omitempty"`
	Op         string     `json:"op"`
	Kind       string     `json:"kind,omitempty"`
	Service    string     `json:"service,omitempty"`
	State      string     `json:"state"` // of tracelog.State
	Start      timeJSON   `json:"start"`
	DurationMS *float64   `json:"duration_ms"` // null if it has not ended
	QueuedMS   float64    `json:"queued_ms,omitempty"`
	Failed     bool       `json:"failed"`
	Error      string     `json:"error,omitempty"`
	Stack      string     `json:"stack,omitempty"`
	Attrs      attrsJSON  `json:"attrs"`
	Links      []linkJSON `json:"links,omitempty"`
	Logs       []lineJSON `json:"logs"`
	Children   []spanJSON `json:"children"`
}

type linkJSON struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

// deepest is how many levels of spans show --json nests; what is below them it leaves out, and says so.
const deepest = 1000

func (s *session) show() *cobra.Command {
	var f filter
	var ids []string
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show [ID...] [FILE...]",
		Short: "Show traces as waterfalls",
		Long: `Show traces as waterfalls: the tree of spans, and on a common axis when each of them ran.
Bars are thick on the critical path, which is where the time of the trace went; shaded is time in a queue.

ID is the beginning of a trace's id, unless there is a file of that name, or it has a dot or a slash in it;
use --trace to be sure. Upper case, Datadog's decimal, X-Ray's 1-xxxxxxxx-… and a whole traceparent are understood.
Without an ID all traces are shown that have a span or a line that matches the flags, as with ls.`,
		Example: `  slogtrace show 4bf92f app.log
  slogtrace show --logs --attrs 4bf92f 'logs/*.log'
  slogtrace show --error --since 15m --tree app.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, files := splitIDs(args)
			ids = append(ids, named...)
			traces, err := s.choose(cmd.Context(), ids, files, &f)
			if err != nil {
				return err
			}
			if s.json {
				return s.showJSON(traces)
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
	flags.StringArrayVar(&ids, "trace", nil, "the trace whose `ID` begins so; may be repeated")
	flags.BoolVar(&opts.logs, "logs", false, "show log lines, each below its span")
	flags.BoolVar(&opts.attrs, "attrs", false, "show the attributes of spans")
	flags.BoolVar(&opts.stacks, "stacks", false, "show the stacks of panics")
	flags.BoolVar(&opts.tree, "tree", false, "show the tree without bars")
	flags.BoolVar(&opts.ascii, "ascii", false, "draw bars with ASCII only")
	flags.IntVar(&opts.width, "width", 0, "how many `columns` wide; default the terminal's, else 100")
	f.register(flags, s.now)
	return cmd
}

// splitIDs tells ids from files.
func splitIDs(args []string) (ids, files []string) {
	for _, arg := range args {
		if arg == "-" || strings.ContainsAny(arg, `./\*?[`) && !traceparent.MatchString(arg) {
			files = append(files, arg)
		} else if _, err := os.Stat(arg); err == nil {
			files = append(files, arg)
		} else {
			ids = append(ids, arg)
		}
	}
	return ids, files
}

// choose reads the traces that are wanted by id, or else those that the filter chooses.
func (s *session) choose(ctx context.Context, ids, files []string, f *filter) ([]*tracelog.Trace, error) {
	if len(ids) == 0 {
		all, err := s.load(ctx, files, nil)
		if err != nil {
			return nil, err
		}
		traces := slices.DeleteFunc(slices.Clone(all), func(t *tracelog.Trace) bool { return !f.trace(t) })
		if len(traces) == 0 {
			return nil, fmt.Errorf("none of %s matches", plural(len(all), "trace"))
		}
		return traces, nil
	}
	var want []wanted
	for _, id := range ids {
		want = append(want, newWanted(id))
	}
	// Most lines are of other traces; one answer a trace is enough.
	known := make(map[string]bool)
	candidates, err := s.load(ctx, files, func(e *tracelog.Entry) bool {
		may, ok := known[e.Trace]
		if !ok {
			may = slices.ContainsFunc(want, func(w wanted) bool { _, may := w.match(e.Trace); return may })
			known[e.Trace] = may
		}
		return may
	})
	if err != nil {
		return nil, err
	}
	var traces []*tracelog.Trace
	for _, w := range want {
		t, err := w.choose(candidates)
		switch {
		case err != nil:
			s.tell(err)
		case !slices.Contains(traces, t) && f.trace(t):
			traces = append(traces, t)
		}
	}
	if len(traces) == 0 {
		if !s.failed {
			s.fail("the trace does not match the flags")
		}
		return nil, errTold
	}
	return traces, nil
}

type showOptions struct {
	logs, attrs, stacks, tree, ascii bool

	width int
}

// writeTrace shows one trace.
func (s *session) writeTrace(t *tracelog.Trace, o showOptions) error {
	width := cmp.Or(o.width, s.width)
	if o.tree {
		return tracelog.WriteTree(s.out, t, &tracelog.TreeOptions{
			Width: width, Color: s.colored(), Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks,
		})
	}
	return tracelog.WriteWaterfall(s.out, t, &tracelog.WaterfallOptions{
		Width: width, Color: s.colored(), ASCII: o.ascii, Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks,
	})
}

func (s *session) showJSON(traces []*tracelog.Trace) error {
	sums := summaries(traces)
	shown := make([]shownJSON, len(traces))
	for i, t := range traces {
		cut := 0
		shown[i] = shownJSON{sums[i], spansJSON(t.Roots, 1, &cut), linesJSON(t.Logs)}
		if cut > 0 {
			s.fail("trace %s: %s below level %d left out", t.ID, plural(cut, "span"), deepest)
		}
	}
	return writeArray(s, shown)
}

func spansJSON(spans []*tracelog.Span, level int, cut *int) []spanJSON {
	list := make([]spanJSON, 0, len(spans))
	for _, s := range spans {
		j := spanJSON{
			Span: s.ID, Parent: s.ParentID, Op: s.Op, Kind: s.Kind, Service: s.Service, State: s.State.String(),
			Start: timeJSON(s.Start), QueuedMS: millis(s.Queued), Failed: s.Failed, Error: s.Error, Stack: s.Stack,
			Attrs: s.Attrs, Logs: linesJSON(s.Logs),
		}
		if s.State == tracelog.Ended {
			ms := millis(s.Duration)
			j.DurationMS = &ms
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

func linesJSON(entries []tracelog.Entry) []lineJSON {
	list := make([]lineJSON, 0, len(entries))
	for i := range entries {
		list = append(list, newLineJSON(&entries[i]))
	}
	return list
}

// plainID is an id that a shell takes as one harmless word.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// completeIDs completes the ids of traces in the files that are named already: slogtrace show app.log <TAB>.
func (s *session) completeIDs(_ *cobra.Command, args []string, start string) ([]cobra.Completion, cobra.ShellCompDirective) {
	_, files := splitIDs(args)
	if len(files) == 0 || slices.Contains(files, "-") {
		return nil, cobra.ShellCompDirectiveDefault // file names
	}
	s.stderrTerm = false
	traces, err := s.load(context.Background(), files, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var ids []cobra.Completion
	for _, t := range traces {
		if strings.HasPrefix(t.ID, start) && plainID.MatchString(t.ID) {
			ids = append(ids, cobra.CompletionWithDesc(t.ID, tracelog.Printable(rootOp(t), 40)))
		}
	}
	return ids, cobra.ShellCompDirectiveDefault
}

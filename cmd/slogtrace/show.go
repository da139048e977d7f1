package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

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
if that is wrong. An ID may also be upper case, Datadog's decimal, X-Ray's 1-xxxxxxxx-…, Google's projects/P/traces/…
or a whole traceparent.
Without an ID, show shows all traces with a span or a line that matches the flags, as ls does.

Five or more siblings that look alike are one row, ×3000, with the sum of their durations: those of one operation apart
from numbers and ids in it, service and state, with children that look alike. What failed is not in one row with what
did not. A time in which no span runs is shortened if it is more than ten times as long as those in which one does: the
axis has ╱ there. --all shows everything. --json always has the whole trace.`,
		Example: `  slogtrace show 4bf92f app.log
  slogtrace show --logs --attrs 4bf92f 'logs/*.log'
  slogtrace show --failed 4bf92f app.log         the paths to what failed
  slogtrace show --depth 3 --all 4bf92f app.log
  slogtrace show --error --since 15m --tree app.log
  slogtrace show --svg 4bf92f app.log > trace.svg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			// Nearly all of the heap is the traces, until the end: garbage is collected when it is less than half of that.
			switch {
			case opts.depth < 1 && cmd.Flags().Changed("depth"):
				return usagef("--depth %d: want 1 or more", opts.depth)
			case s.json && opts.svg:
				return usagef("want --json or --svg, not both")
			case opts.svg && (opts.tree || opts.ascii):
				return usagef("--svg: not with --tree and --ascii")
			}
			defer keepLean(40)()
			named, files := splitIDs(args)
			ids = append(ids, named...)
			traces, err := s.choose(cmd.Context(), ids, files, &f, limit, s.json || opts.attrs || opts.logs)
			if err != nil {
				return err
			}
			switch {
			case s.json:
				return s.showJSON(traces)
			case opts.svg && len(traces) > 1:
				return usagef("--svg shows one trace, and %d match: name one", len(traces))
			}
			if opts.failed {
				if traces = slices.DeleteFunc(traces, func(t *tracelog.Trace) bool { return t.Errors == 0 }); len(traces) == 0 {
					return errors.New("no span failed")
				}
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
	flags.BoolVar(&opts.failed, "failed", false, "show only the spans that failed, and those above them")
	flags.IntVar(&opts.depth, "depth", 0, "show only `N` levels of spans")
	flags.BoolVar(&opts.all, "all", false, "show alike siblings, and long times without a span, as they are")
	flags.BoolVar(&opts.stacks, "stacks", false, "show the stacks of panics")
	flags.BoolVar(&opts.tree, "tree", false, "show the tree without bars")
	flags.BoolVar(&opts.svg, "svg", false, "write a picture of one trace: SVG, for a page or a report")
	flags.BoolVar(&opts.ascii, "ascii", false, "draw bars with ASCII only")
	flags.IntVar(&opts.width, "width", 0, "how many `columns` wide; default the terminal's, else 100")
	flags.IntVar(&limit, "limit", 100, "without an ID, show only the first `N` traces; 0: all")
	f.Register(flags, s.now)
	return cmd
}

type showOptions struct {
	logs, attrs, stacks, tree, ascii, svg, all, failed bool

	width, depth int
}

// writeTrace shows one trace.
func (s *session) writeTrace(t *tracelog.Trace, o showOptions) error {
	if !o.attrs && !o.logs && !o.svg {
		forgetLines(t)
	}
	opts := &draw.Options{
		Width: o.width, Color: bool(s.painter()), Location: s.zone(), ASCII: o.ascii, Logs: o.logs, Attrs: o.attrs, Stacks: o.stacks,
		Fold: !o.all, Depth: o.depth, Failed: o.failed,
	}
	if o.svg {
		return draw.SVG(s.out, t, opts)
	}
	opts.Width = cmp.Or(o.width, s.width)
	if o.tree {
		return draw.Tree(s.out, t, opts)
	}
	return draw.Waterfall(s.out, t, opts)
}

// plainID reports whether an id is one harmless word to a shell.
func plainID(id string) bool {
	harmless := func(r rune) bool {
		return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || r == '_' || r == '-'
	}
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool { return !harmless(r) })
}

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
		if plainID(sum.ID) {
			ids = append(ids, cobra.CompletionWithDesc(sum.ID, draw.Text(opText(sum.Op), 40)))
		}
	}
	return ids, cobra.ShellCompDirectiveDefault
}

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/follow"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

func (s *session) tail() *cobra.Command {
	var f query.Filter
	t := tailer{session: s, filter: &f}
	var lines int
	var live bool
	cmd := &cobra.Command{
		Use:   "tail [FILE...]",
		Short: "Follow files or standard input, readable",
		Long: `Follow files, or standard input, and write their lines for people to read: time (UTC), level, the beginning of
the trace's id in a colour of its own, service, operation and message; a span's end with its duration and error.

First come the last lines that are there, those of several files in order of time. A file is followed through rotation
(renamed and created anew, or copied and truncated), and with a directory or a quoted glob so are files that appear
later, from their beginning. What is no record, such as a panic, is written as it is.
The flags choose among the lines, each by itself.`,
		Example: `  myservice | slogtrace tail
  slogtrace tail --error -n 0 api.log worker.log
  slogtrace tail --since 10m --follow=false 'logs/*.log'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("since") && !cmd.Flags().Changed("lines") {
				lines = -1
			}
			return t.run(cmd.Context(), args, lines, live)
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&lines, "lines", "n", 10, "how many lines to begin with, of each file; -1: all, as with --since")
	flags.BoolVarP(&live, "follow", "f", true, "go on, as the files grow; --follow=false ends where they do now")
	flags.BoolVar(&t.attrs, "attrs", false, "show the attributes of spans, too")
	f.Register(flags, s.now)
	return cmd
}

// A tailer writes lines.
type tailer struct {
	*session
	filter *query.Filter
	attrs  bool

	written int
	day     string
	level   int // width of that column
	service int // likewise
}

func (t *tailer) run(ctx context.Context, args []string, lines int, live bool) error {
	t.outlet.stop = nil // to interrupt it is to end it: what was read is written
	following := follow.Tail{Files: &t.files, Tell: t.Teller, Lines: lines, Follow: live, Line: t.line, Idle: t.out.Flush}
	if err := following.Run(ctx, args); err != nil {
		return err
	}
	if t.written == 0 && ctx.Err() == nil {
		if t.Failed() {
			return tell.ErrTold
		}
		return errors.New("no line matches")
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/follow"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
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
			if f.AsksForTree() {
				return usagef("--where about other spans or the trace: not with tail, which reads each line by itself")
			}
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
	flags.DurationVar(&t.delay, "delay", 5*time.Second, "of a store, show lines when they are so old: later ones may be missed")
	f.Register(flags, s.now)
	return cmd
}

// A tailer writes lines.
type tailer struct {
	*session
	filter *query.Filter
	attrs  bool
	delay  time.Duration // of the lines of a store

	written int
	day     string
	level   int // width of that column
	service int // likewise
}

func (t *tailer) run(ctx context.Context, args []string, lines int, live bool) error {
	t.outlet.stop = nil // an interrupt is the usual end of tail: it still writes what it has read
	if err := t.follow(ctx, args, lines, live); err != nil {
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

// follow reads files, or a store.
func (t *tailer) follow(ctx context.Context, args []string, lines int, live bool) error {
	if t.from.source == nil {
		following := follow.Tail{Files: &t.files, Tell: t.Teller, Lines: lines, Follow: live, Line: t.line, Idle: t.out.Flush}
		return following.Run(ctx, args)
	}
	if len(args) > 0 {
		return usagef("--from and %q: want one of them", args[0])
	}
	t.from.source.Attrs = true
	parts := t.filter.Parts()
	polling := backend.Tail{
		Source: t.from.source, Files: &t.files, Parts: &parts, Lines: lines, Follow: live, Delay: t.delay, Line: t.line, Idle: t.out.Flush,
	}
	return polling.Run(ctx, t.now)
}

func (t *tailer) line(l *input.Line) error {
	if l.Unreadable {
		return t.unreadable(l)
	}
	e := &l.Entry
	if !t.filter.Line(e) {
		return nil
	}
	t.written++
	if t.json {
		j := newLineJSON(e)
		j.Line = 0
		return term.WriteJSON(t.out, j)
	}
	p := t.painter()
	var b strings.Builder
	t.date(e.Time, p, &b)
	clock := strings.Repeat(" ", 12)
	if !e.Time.IsZero() {
		clock = e.Time.In(t.zone()).Format("15:04:05.000")
	}
	b.WriteString(p.Paint(term.Dim, clock))
	b.WriteByte(' ')
	level := draw.Text(cmp.Or(e.Level, "-"), 10)
	t.level = max(t.level, len("ERROR"), len([]rune(level)))
	b.WriteString(p.Paint(levelStyle(e.Level), pad(level, t.level)))
	b.WriteByte(' ')
	short := cmp.Or(term.CutID(e.Trace, term.ShortestID), "-")
	b.WriteString(p.Paint(term.TraceStyle(e.Trace), pad(draw.Text(short, term.ShortestID+4), term.ShortestID)))
	if e.Service != "" || t.service > 0 {
		name := draw.Text(e.Service, 20)
		t.service = max(t.service, len([]rune(name)))
		b.WriteByte(' ')
		b.WriteString(p.Paint(term.Cyan, pad(name, t.service)))
	}
	b.WriteByte(' ')
	op := draw.Text(e.Op, 60)
	attrs := e.Attrs()
	switch e.Event {
	case tracelog.EventEnd:
		mark, st := "■ ", term.Bold
		if e.Failed {
			mark, st = "✗ ", term.Red
		}
		b.WriteString(p.Paint(st, mark+op) + " " + draw.Duration(e.Duration))
		if e.Failed {
			b.WriteString("  " + p.Paint(term.Red, draw.Text(cmp.Or(e.Error, "failed"), 300)))
		}
		if !t.attrs {
			attrs = nil
		}
	case tracelog.EventStart:
		b.WriteString(p.Paint(term.Dim, "▸ ") + p.Paint(term.Bold, op))
		if !t.attrs {
			attrs = nil
		}
	default:
		if op != "" {
			b.WriteString(p.Paint(term.Dim, op+":") + " ")
		}
		b.WriteString(draw.Text(e.Message, 1000))
	}
	for i, a := range attrs {
		if b.WriteString("  "); i == 30 {
			b.WriteString(p.Paint(term.Dim, "…"))
			break
		}
		b.WriteString(p.Paint(term.Dim, draw.Text(a.Key, 60)+"=") + draw.Value(a, 200))
	}
	_, err := t.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// unreadable writes a line that is not a record. It may be part of a panic.
func (t *tailer) unreadable(l *input.Line) error {
	if !t.filter.Text(l.Text) {
		return nil
	}
	t.written++
	text := string(l.Text)
	if t.json {
		return term.WriteJSON(t.out, lineJSON{Msg: text, Event: "unreadable", File: l.File})
	}
	text = strings.ReplaceAll(text, "\t", "    ")
	_, err := t.out.WriteString(t.painter().Paint(term.Dim, draw.Text(text, 1000)) + "\n")
	return err
}

// date writes a line if another day begins.
func (t *tailer) date(at time.Time, p term.Painter, b *strings.Builder) {
	if at.IsZero() {
		return
	}
	if day := at.In(t.zone()).Format(time.DateOnly); day != t.day {
		t.day = day
		b.WriteString(p.Paint(term.Dim, "── "+day+" "+t.zoneName()+" ──") + "\n")
	}
}

func levelStyle(level string) term.Style {
	switch l, _ := tracelog.ParseLevel(level); {
	case l >= slog.LevelError:
		return term.Red
	case l >= slog.LevelWarn:
		return term.Yellow
	case l < slog.LevelInfo:
		return term.Dim
	}
	return ""
}

// pad fills text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}

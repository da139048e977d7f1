package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A report is what check found, and what check --json writes.
type report struct {
	Files []fileReport `json:"files"`

	Records    int      `json:"records"`
	Ends       int      `json:"span_ends"`
	Starts     int      `json:"span_starts"`
	Logs       int      `json:"log_lines"`       // in a trace, of no span's start or end
	NoTrace    int      `json:"without_trace"`   // records that carry no trace id
	NoTime     int      `json:"without_time"`    // records whose time is not known
	NoService  int      `json:"without_service"` // records in a trace that name no service
	Duplicates int      `json:"duplicates"`      // records that are there once more than once
	From       timeJSON `json:"from"`
	To         timeJSON `json:"to"`

	// Schemas are how many records carry ids under whose names, as tracelog.Entry.Schema says.
	Schemas map[string]int `json:"schemas"`

	// Open and Abandoned are how many spans began and did not end: lately, or longer ago than tracelog.Patience.
	Open      int `json:"open_spans"`
	Abandoned int `json:"abandoned_spans"`

	Traces     int           `json:"traces"`
	Complete   int           `json:"complete"`
	Incomplete []shortcoming `json:"incomplete"`
	Advice     []string      `json:"advice"`
}

// A fileReport is about the lines of one file.
type fileReport struct {
	File       string    `json:"file"`
	Lines      int       `json:"lines"`
	Records    int       `json:"records"`
	Joined     int       `json:"joined"` // lines that are a record with the next one, which a container runtime cut
	Blank      int       `json:"blank"`
	Unreadable int       `json:"unreadable"`
	Examples   []badLine `json:"examples"` // the first of those
}

type badLine struct {
	Line   int    `json:"line"`
	More   int    `json:"more,omitempty"` // how many lines behind it belong to it, as to a panic
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

// A shortcoming is one reason why traces are not complete.
type shortcoming struct {
	Reason   string    `json:"reason"`
	Meaning  string    `json:"meaning"`
	Traces   int       `json:"traces"`
	Spans    int       `json:"spans"`
	Examples []example `json:"examples"`
}

type example struct {
	Trace  string `json:"trace"`
	Span   string `json:"span"`
	Op     string `json:"op"`
	Parent string `json:"parent,omitempty"`

	start time.Time // of the trace
}

// mostExamples is how many examples check gives of anything.
const mostExamples = 5

func (s *session) check() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Say what is in log files and what is missing",
		Long: `Say what is in log files: how many lines carry ids and under whose names, what is unreadable, what is
there twice, which traces are not complete and why, and what to change.

It exits with 1 if no line carries the id of a trace.`,
		Example: `  slogtrace check app.log
  myservice | slogtrace check`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := s.examine(cmd.Context(), args)
			if err != nil {
				return err
			}
			if r.Traces == 0 {
				s.failed = true
			}
			if s.json {
				return s.writeJSON(r)
			}
			return s.writeReport(r)
		},
	}
}

// examine reads everything three times, so that no more than the traces are held that are under way:
// for its lines, for when each trace ends, and for the traces.
func (s *session) examine(ctx context.Context, args []string) (*report, error) {
	rd, err := s.reading(ctx, args, true)
	if err != nil {
		return nil, err
	}
	defer rd.close()
	rd.told = true // here, in another way
	r := &report{Schemas: map[string]int{}, Incomplete: []shortcoming{}, Advice: []string{}}
	if err := s.examineFiles(rd, r); err != nil {
		return nil, err
	}
	if len(r.Files) == 0 {
		return nil, errTold
	}
	if !slices.ContainsFunc(r.Files, func(f fileReport) bool { return f.Lines > 0 }) {
		return nil, errors.New("no lines to check")
	}
	o, err := rd.outlines(nil, nil)
	if err != nil {
		return nil, err
	}
	j := judge{report: r, found: make(map[string]*shortcoming)}
	if err := rd.traces(o, tracelog.TracesOptions{}, func(*tracelog.Outline) bool { return true }, j.trace); err != nil {
		return nil, err
	}
	j.finish()
	r.advise()
	return r, nil
}

func (s *session) examineFiles(rd *reading, r *report) error {
	s.startProgress(rd.total)
	defer s.stopProgress()
	for _, in := range rd.sources {
		texts := make(map[int]string) // of lines that are no record, by number
		src, err := s.examineFile(in, func(l line) {
			if !l.unreadable {
				r.add(&l.Entry)
			} else if len(texts) < 10*mostExamples {
				texts[l.Line] = string(l.text[:min(len(l.text), 200)])
			}
		})
		if rd.ctx.Err() != nil {
			return rd.ctx.Err()
		}
		in.err = cmp.Or(in.err, err)
		rd.settle(in)
		err = in.err
		if err == nil || src.Lines > 0 {
			file := fileReport{in.name, src.Lines, src.Records, src.Joined, src.Blank, src.Bad, []badLine{}}
			for _, b := range src.BadLines[:min(len(src.BadLines), mostExamples)] {
				file.Examples = append(file.Examples, badLine{b.Line, b.More, b.Reason, texts[b.Line]})
			}
			r.Files = append(r.Files, file)
		}
	}
	return nil
}

func (s *session) examineFile(in *source, fn func(line)) (tracelog.Source, error) {
	if in.plain != nil {
		in.plain.progress = s.progress
		return readLines(io.NewSectionReader(in.plain, 0, in.plain.size), in.name, fn)
	}
	f, err := in.open()
	if err != nil {
		return tracelog.Source{}, err
	}
	defer f.Close()
	return readLines(f, in.name, fn)
}

// add counts a record.
func (r *report) add(e *tracelog.Entry) {
	r.Records++
	if e.Time.IsZero() {
		r.NoTime++
	} else {
		if from := time.Time(r.From); from.IsZero() || e.Time.Before(from) {
			r.From = timeJSON(e.Time)
		}
		if e.Time.After(time.Time(r.To)) {
			r.To = timeJSON(e.Time)
		}
	}
	if e.Trace == "" {
		r.NoTrace++
		return
	}
	r.Schemas[cmp.Or(e.Schema, "unknown")]++
	if e.Service == "" {
		r.NoService++
	}
	switch e.Event {
	case tracelog.EventEnd:
		r.Ends++
	case tracelog.EventStart:
		r.Starts++
	default:
		r.Logs++
	}
}

// meanings say of each reason why a trace is not complete where to look.
var meanings = []struct{ reason, meaning string }{
	{"missing parent", "no line is of the span's parent: its service logs to files not named here, or its span records were not written, as when the handler's level is above Info"},
	{"parent without an end", "no line is of the span's parent, which is of the same process: it has not ended yet, or its process was killed, or its record was not written"},
	{"abandoned span", "it started and there is no end, although logs went on: its process crashed or was killed, or End was not called"},
	{"open span", "it started and there is no end yet: it may be running still"},
	{"no span record", "only log lines name the span: it has not ended yet, or it is of another service whose logs are not here, or its end record was not written"},
	{"parent cycle", "the span would be its own ancestor: ids were reused or made up"},
	{"conflicting records", "several records of the same span say different things: ids were reused, or End was called for two spans of one id"},
	{"several roots", "there are several spans without a parent: a context was not passed on, or work was begun with the trace's id by hand"},
}

// A judge says which traces are not complete, and why.
type judge struct {
	*report
	found map[string]*shortcoming
}

func (j *judge) trace(t *tracelog.Trace) {
	j.Traces++
	reasons := make(map[string]bool)
	note := func(reason string, s *tracelog.Span) {
		c := j.found[reason]
		if c == nil {
			c = &shortcoming{Reason: reason}
			j.found[reason] = c
		}
		c.Spans++
		if !reasons[reason] {
			reasons[reason] = true
			c.Traces++
			c.example(example{t.ID, s.ID, s.Op, s.ParentID, t.Start})
		}
	}
	t.AsOf(time.Time(j.To)) // of all records, also of those in no trace
	roots := 0
	j.Duplicates += t.Duplicates + copies(t.Logs)
	for _, span := range t.All() {
		j.Duplicates += copies(span.Logs)
		switch span.State {
		case tracelog.Abandoned:
			j.Abandoned++
			note("abandoned span", span)
		case tracelog.Open:
			j.Open++
			note("open span", span)
		case tracelog.Unfinished:
			note("no span record", span)
		}
		switch {
		case !span.MissingParent:
		case beginsElsewhere(span):
			note("missing parent", span)
		default:
			note("parent without an end", span)
		}
		if span.CycleBroken {
			note("parent cycle", span)
		}
		if span.ConflictingRecords {
			note("conflicting records", span)
		}
		if span.ParentID == "" && span.State != tracelog.Unfinished {
			if roots++; roots > 1 {
				note("several roots", span)
			}
		}
	}
	if len(reasons) == 0 {
		j.Complete++
	}
}

// beginsElsewhere reports whether the span's parent is of another process.
func beginsElsewhere(s *tracelog.Span) bool {
	return s.Kind == "server" || s.Kind == "consumer"
}

// example keeps the first traces, in whatever order they come.
func (c *shortcoming) example(e example) {
	i, _ := slices.BinarySearchFunc(c.Examples, e, func(a, b example) int {
		return cmp.Or(compareStarts(a.start, b.start), strings.Compare(a.Trace, b.Trace))
	})
	c.Examples = slices.Insert(c.Examples, i, e)
	c.Examples = c.Examples[:min(len(c.Examples), mostExamples)]
}

func (j *judge) finish() {
	for _, m := range meanings {
		if c := j.found[m.reason]; c != nil {
			c.Meaning = m.meaning
			j.Incomplete = append(j.Incomplete, *c)
		}
	}
}

func copies(logs []tracelog.Entry) int {
	n := 0
	for i := range logs {
		n += logs[i].Copies
	}
	return n
}

// advise says what to change.
func (r *report) advise() {
	advise := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	bad := 0
	for _, f := range r.Files {
		bad += f.Unreadable
	}
	inTrace := r.Records - r.NoTrace
	switch {
	case r.Records == 0:
		advise("no line is a record: log with slogtrace.NewJSONHandler, slog.NewJSONHandler or another handler that writes a record a line")
		return
	case inTrace == 0:
		advise("no record carries ids: wrap the handler with slogtrace.NewHandler or use slogtrace.NewJSONHandler, begin spans with slogtrace.Start, and log with InfoContext and its siblings")
		return
	}
	if r.Ends == 0 {
		advise("there are ids but no span ends, so no durations: begin spans with slogtrace.Start and End, and let the handler's level be Info or lower")
	}
	if 5*r.NoTrace > r.Records {
		advise("no trace id on %s: inside of spans log with a context (slog.InfoContext) or with slogtrace.Logger(ctx)", share(r.NoTrace, r.Records))
	}
	if 2*r.NoService > inTrace {
		advise("no service on %s in a trace: bind it to the default logger, With(\"service\", …)", share(r.NoService, inTrace))
	}
	if r.NoTime > 0 {
		advise("no time that can be read on %s: write it as RFC 3339, as slog does", share(r.NoTime, r.Records))
	}
	if bad > 0 {
		advise("%s no record: send panics and banners to another file, and write each line with one Write", isOrAre(bad, "line"))
	}
	if r.Duplicates > 0 {
		advise("%s there more than once: harmless, each counts once, but something sends them twice", isOrAre(r.Duplicates, "record"))
	}
	for _, c := range r.Incomplete {
		switch c.Reason {
		case "missing parent":
			advise("name the files of all services that take part: slogtrace check api.log worker.log, or a directory")
		case "parent without an end":
			advise("set TracerOptions.LogStart, so that spans that have not ended can be seen, and end each span: defer span.End(&err)")
		case "abandoned span":
			advise("call defer span.End(&err) right after Start, and end spans before the process exits")
		}
	}
}

func share(n, of int) string { return fmt.Sprintf("%d of %s", n, plural(of, "record")) }

func isOrAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return fmt.Sprintf("%d %ss are", n, noun)
}

func (s *session) writeReport(r *report) error {
	p := painter(s.colored())
	say := func(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
	for _, f := range r.Files {
		parts := []string{plural(f.Lines, "line"), plural(f.Records, "record")}
		if f.Blank > 0 {
			parts = append(parts, fmt.Sprintf("%d blank", f.Blank))
		}
		if f.Unreadable > 0 {
			parts = append(parts, p.paint(yellow, fmt.Sprintf("%d unreadable", f.Unreadable)))
		}
		say("%s: %s", p.paint(bold, tracelog.Printable(f.File, 0)), strings.Join(parts, ", "))
		more := f.Unreadable
		for _, b := range f.Examples {
			lines := fmt.Sprintf("line %d", b.Line)
			if b.More > 0 {
				lines += fmt.Sprintf(" and %d more", b.More)
			}
			say("  %s: %s: %s", lines, b.Reason, p.paint(dim, tracelog.Printable(b.Text, 100)))
			more -= 1 + b.More
		}
		if more > 0 {
			say("  … and %d more", more)
		}
	}
	if r.Records > 0 {
		say("")
		inTrace := r.Records - r.NoTrace
		row := func(name, format string, args ...any) { say("%-16s "+format, append([]any{name}, args...)...) }
		row("records", "%d, from %s to %s", r.Records, timestamp(time.Time(r.From)), timestamp(time.Time(r.To)))
		if inTrace > 0 {
			var schemas []string
			for _, name := range slices.SortedFunc(maps.Keys(r.Schemas), func(a, b string) int {
				return cmp.Or(cmp.Compare(r.Schemas[b], r.Schemas[a]), cmp.Compare(a, b))
			}) {
				schemas = append(schemas, fmt.Sprintf("%s %d", tracelog.Printable(name, 40), r.Schemas[name]))
			}
			row("with ids", "%d (%.0f %%): %s", inTrace, 100*float64(inTrace)/float64(r.Records), strings.Join(schemas, ", "))
			row("  span ends", "%d", r.Ends)
			row("  span starts", "%d", r.Starts)
			row("  log lines", "%d", r.Logs)
		}
		row("without ids", "%d", r.NoTrace)
		row("duplicates", "%d", r.Duplicates)
		if r.Open+r.Abandoned > 0 {
			row("not ended", "%s, %d of them abandoned", plural(r.Open+r.Abandoned, "span"), r.Abandoned)
		}
		row("traces", "%d, %d of them complete", r.Traces, r.Complete)
	}
	if len(r.Incomplete) > 0 {
		say("\n%s", p.paint(bold, "Why traces are not complete"))
		for _, c := range r.Incomplete {
			say("- %s, in %s: %s", p.paint(yellow, c.Reason), plural(c.Traces, "trace"), c.Meaning)
			for _, e := range c.Examples {
				text := fmt.Sprintf("trace %s  span %s  %s", tracelog.Printable(e.Trace, 80), tracelog.Printable(e.Span, 80), tracelog.Printable(cmp.Or(e.Op, "(no op)"), 60))
				if e.Parent != "" {
					text += "  parent " + tracelog.Printable(e.Parent, 80)
				}
				say("    %s", text)
			}
		}
	}
	if len(r.Advice) > 0 {
		say("\n%s", p.paint(bold, "What to change"))
		for _, a := range r.Advice {
			say("- %s", a)
		}
	} else {
		say("\nNothing to change.")
	}
	return nil
}

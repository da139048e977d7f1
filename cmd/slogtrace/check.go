package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/internal/limits"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A report is what check found, and what check --json writes.
type report struct {
	Files []fileReport `json:"files"`

	Records   int `json:"records"`
	Ends      int `json:"span_ends"`
	Starts    int `json:"span_starts"`
	Logs      int `json:"log_lines"`       // in a trace, of no span's start or end
	NoTrace   int `json:"without_trace"`   // records that carry no trace id
	NoTime    int `json:"without_time"`    // records whose time is not known
	NoService int `json:"without_service"` // records in a trace that name no service

	// Of NoTrace: those whose ids are in a group; those that hold a record with ids, as a store's wrapper does;
	// those of files without any record with ids, where the handler may not be wrapped; and the rest, which were logged
	// without a context, or outside of spans.
	InGroup    int `json:"ids_in_group"`
	InWrapper  int `json:"ids_in_wrapper"`
	NotWrapped int `json:"handler_not_wrapped"`
	NoContext  int `json:"without_context"`

	TinyRates  int           `json:"tiny_sample_rates"` // spans with a sample_rate below limits.MinSampleRate
	Orphans    int           `json:"consumer_roots"`    // spans of kind consumer that began a trace of their own, without a link
	OnceEach   int           `json:"operations_once"`   // operations that occur once and look as if there were an id in the name
	Duplicates int           `json:"duplicates"`        // records that are there once more than once
	From       term.TimeJSON `json:"from"`
	To         term.TimeJSON `json:"to"`

	// Schemas are how many records carry ids under whose names, as tracelog.Entry.Schema says.
	Schemas map[string]int `json:"schemas"`

	// Open and Abandoned are how many spans began and did not end: lately, or more than five minutes ago.
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
				s.SetFailed()
			}
			if s.json {
				return term.WriteJSON(s.out, r)
			}
			return s.writeReport(r)
		},
	}
}

// examine reads everything three times, so that no more than the traces are held that are under way:
// for its lines, for when each trace ends, and for the traces.
func (s *session) examine(ctx context.Context, args []string) (*report, error) {
	rd, err := s.files.Open(ctx, args, true)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	r := &report{Schemas: map[string]int{}, Incomplete: []shortcoming{}, Advice: []string{}}
	if err := examineFiles(ctx, rd, r); err != nil {
		return nil, err
	}
	if len(r.Files) == 0 {
		return nil, tell.ErrTold
	}
	if !slices.ContainsFunc(r.Files, func(f fileReport) bool { return f.Lines > 0 }) {
		return nil, errors.New("no lines to check")
	}
	o, err := rd.Outlines(nil, nil)
	if err != nil {
		return nil, err
	}
	j := judge{report: r, found: make(map[string]*shortcoming), ops: make(map[string]int)}
	if err := rd.Traces(o, tracelog.TracesOptions{}, func(*tracelog.Outline) bool { return true }, j.trace); err != nil {
		return nil, err
	}
	j.finish()
	r.advise()
	return r, nil
}

func examineFiles(ctx context.Context, rd *input.Reading, r *report) error {
	return rd.EachFile(func(f *input.File) error {
		texts := make(map[int]string) // of lines that are no record, by number
		before := *r
		src, err := f.Lines(func(l input.Line) {
			if !l.Unreadable {
				r.add(&l.Entry)
			} else if len(texts) < 10*mostExamples {
				texts[l.Line] = string(l.Text[:min(len(l.Text), 200)])
			}
		})
		if ctx.Err() != nil {
			return err
		}
		if bare := r.NoTrace - before.NoTrace - (r.InGroup - before.InGroup) - (r.InWrapper - before.InWrapper); r.Records-r.NoTrace == before.Records-before.NoTrace {
			r.NotWrapped += bare
		} else {
			r.NoContext += bare
		}
		if err == nil || src.Lines > 0 {
			report := fileReport{f.Name(), src.Lines, src.Records, src.Joined, src.Blank, src.Bad, []badLine{}}
			for _, b := range src.BadLines[:min(len(src.BadLines), mostExamples)] {
				report.Examples = append(report.Examples, badLine{b.Line, b.More, b.Reason, texts[b.Line]})
			}
			r.Files = append(r.Files, report)
		}
		return nil
	})
}

// add counts a record.
func (r *report) add(e *tracelog.Entry) {
	r.Records++
	if e.Time.IsZero() {
		r.NoTime++
	} else {
		if from := time.Time(r.From); from.IsZero() || e.Time.Before(from) {
			r.From = term.TimeJSON(e.Time)
		}
		if e.Time.After(time.Time(r.To)) {
			r.To = term.TimeJSON(e.Time)
		}
	}
	if e.Trace == "" {
		r.NoTrace++
		switch whereIDs(e) {
		case idsInGroup:
			r.InGroup++
		case idsInWrapper:
			r.InWrapper++
		}
		return
	}
	if e.SampleRate > 0 && e.SampleRate < limits.MinSampleRate {
		r.TinyRates++
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
	ops   map[string]int // how many spans have each op, of the first ones
}

// maxOps is how many operations are counted.
const maxOps = 100_000

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
		if _, ok := j.ops[span.Op]; ok || len(j.ops) < maxOps {
			j.ops[span.Op]++
		}
		if span.Kind == "consumer" && span.ParentID == "" && len(span.Links) == 0 {
			j.Orphans++
		}
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
		if span.ParentID == "" && span.State != tracelog.Unfinished {
			if roots++; roots > 1 {
				note("several roots", span)
			}
		}
	}
	for _, p := range t.Problems {
		switch p.Kind {
		case tracelog.MissingParent:
			if beginsElsewhere(p.Span) {
				note("missing parent", p.Span)
			} else {
				note("parent without an end", p.Span)
			}
		case tracelog.CycleBroken:
			note("parent cycle", p.Span)
		case tracelog.ConflictingRecords:
			note("conflicting records", p.Span)
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
	j.OnceEach = onceEach(j.ops)
}

func copies(logs []tracelog.Entry) int {
	n := 0
	for i := range logs {
		n += logs[i].Copies
	}
	return n
}

func (s *session) writeReport(r *report) error {
	p := s.painter()
	say := func(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
	for _, f := range r.Files {
		parts := []string{tell.Plural(f.Lines, "line"), tell.Plural(f.Records, "record")}
		if f.Blank > 0 {
			parts = append(parts, fmt.Sprintf("%d blank", f.Blank))
		}
		if f.Unreadable > 0 {
			parts = append(parts, p.Paint(term.Yellow, fmt.Sprintf("%d unreadable", f.Unreadable)))
		}
		say("%s: %s", p.Paint(term.Bold, draw.Text(f.File, 0)), strings.Join(parts, ", "))
		more := f.Unreadable
		for _, b := range f.Examples {
			lines := fmt.Sprintf("line %d", b.Line)
			if b.More > 0 {
				lines += fmt.Sprintf(" and %d more", b.More)
			}
			say("  %s: %s: %s", lines, b.Reason, p.Paint(term.Dim, draw.Text(b.Text, 100)))
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
		row("records", "%d, from %s to %s", r.Records, s.timestamp(time.Time(r.From)), s.timestamp(time.Time(r.To)))
		if inTrace > 0 {
			var schemas []string
			for _, name := range slices.SortedFunc(maps.Keys(r.Schemas), func(a, b string) int {
				return cmp.Or(cmp.Compare(r.Schemas[b], r.Schemas[a]), cmp.Compare(a, b))
			}) {
				schemas = append(schemas, fmt.Sprintf("%s %d", draw.Text(name, 40), r.Schemas[name]))
			}
			row("with ids", "%d (%.0f %%): %s", inTrace, 100*float64(inTrace)/float64(r.Records), strings.Join(schemas, ", "))
			row("  span ends", "%d", r.Ends)
			row("  span starts", "%d", r.Starts)
			row("  log lines", "%d", r.Logs)
		}
		row("without ids", "%d", r.NoTrace)
		row("duplicates", "%d", r.Duplicates)
		if r.Open+r.Abandoned > 0 {
			row("not ended", "%s, %d of them abandoned", tell.Plural(r.Open+r.Abandoned, "span"), r.Abandoned)
		}
		row("traces", "%d, %d of them complete", r.Traces, r.Complete)
	}
	if len(r.Incomplete) > 0 {
		say("\n%s", p.Paint(term.Bold, "Why traces are not complete"))
		for _, c := range r.Incomplete {
			say("- %s, in %s: %s", p.Paint(term.Yellow, c.Reason), tell.Plural(c.Traces, "trace"), c.Meaning)
			for _, e := range c.Examples {
				text := fmt.Sprintf("trace %s  span %s  %s", draw.Text(e.Trace, 80), draw.Text(e.Span, 80), draw.Text(cmp.Or(e.Op, "(no op)"), 60))
				if e.Parent != "" {
					text += "  parent " + draw.Text(e.Parent, 80)
				}
				say("    %s", text)
			}
		}
	}
	if len(r.Advice) > 0 {
		say("\n%s", p.Paint(term.Bold, "What to change"))
		for _, a := range r.Advice {
			say("- %s", a)
		}
	} else {
		say("\nNothing to change.")
	}
	return nil
}

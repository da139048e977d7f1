package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A report is what check found, and what check --json writes.
type report struct {
	Files []fileReport `json:"files"`

	Records   int `json:"records"`
	Ends      int `json:"span_ends"`
	Starts    int `json:"span_starts"`
	Logs      int `json:"log_lines"`       // records in a trace that are no span's start or end
	NoTrace   int `json:"without_trace"`   // records that carry no trace id
	NoTime    int `json:"without_time"`    // records whose time is not known
	NoService int `json:"without_service"` // records in a trace that name no service

	// The records of NoTrace: those whose ids are in a group; those that contain a record with ids, like a store's wrapper;
	// those in files without any ids, where the handler may not be wrapped; and the rest, which were logged without a
	// context, or outside of spans.
	InGroup    int `json:"ids_in_group"`
	InWrapper  int `json:"ids_in_wrapper"`
	NotWrapped int `json:"handler_not_wrapped"`
	NoContext  int `json:"without_context"`

	TinyRates  int           `json:"tiny_sample_rates"` // spans with a sample_rate below limits.MinSampleRate
	Orphans    int           `json:"consumer_roots"`    // spans of kind consumer that began a trace of their own, without a link
	OnceEach   int           `json:"operations_once"`   // operations that occur once and seem to have an id in their names
	Duplicates int           `json:"duplicates"`        // further copies of records
	From       term.TimeJSON `json:"from"`
	To         term.TimeJSON `json:"to"`

	// Schemas has the number of records with ids, by tracelog.Entry.Schema.
	Schemas map[string]int `json:"schemas"`

	// Open and Abandoned are how many spans began and did not end: lately, or more than five minutes ago.
	Open      int `json:"open_spans"`
	Abandoned int `json:"abandoned_spans"`

	Traces     int           `json:"traces"`
	Complete   int           `json:"complete"`
	External   int           `json:"external_parents,omitempty"` // traces with a span whose parent is in another system
	Incomplete []shortcoming `json:"incomplete"`
	Advice     []string      `json:"advice"`

	// Store is what a store says of its lines; nil if files were read.
	Store *storeReport `json:"store,omitempty"`

	found   []string // advice about files that are read with an option
	wrapper string   // a path of records inside of others
}

// A fileReport is about the lines of one file.
type fileReport struct {
	File       string    `json:"file"`
	Lines      int       `json:"lines"`
	Records    int       `json:"records"`
	Joined     int       `json:"joined"`           // lines of records on several lines, except the last of each
	Shared     int       `json:"shared,omitempty"` // records that have a line in common with one before them
	Blank      int       `json:"blank"`
	Unreadable int       `json:"unreadable"`
	Looks      string    `json:"looks,omitempty"` // what it looks like, if it has no ids where they are known
	Examples   []badLine `json:"examples"`        // the first of those
}

type badLine struct {
	Line   int    `json:"line"`
	More   int    `json:"more,omitempty"` // how many lines after it belong to it, as in a panic
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
		if f.Looks != "" {
			say("  looks like %s", f.Looks)
		}
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
		if r.External > 0 {
			row("parent in another system", "in %s", tell.Plural(r.External, "trace"))
		}
	}
	if r.Store != nil {
		s.writeStore(r.Store)
	}
	if len(r.Incomplete) > 0 {
		say("\n%s", p.Paint(term.Bold, "Why traces are not complete"))
		for _, c := range r.Incomplete {
			say("- %s, in %s: %s", p.Paint(term.Yellow, c.Reason), tell.Plural(c.Traces, "trace"), c.Meaning)
			for _, e := range c.Examples {
				text := fmt.Sprintf("trace %s  span %s  %s", draw.Text(e.Trace, 80), draw.Text(e.Span, 80), draw.Text(opText(e.Op), 60))
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

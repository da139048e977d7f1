package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/internal/limits"
	"github.com/slogtrace/slogtrace/tracelog"
)

// mostExamples limits the examples of each thing in a report.
const mostExamples = 5

func (s *session) check() *cobra.Command {
	var f query.Filter
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Say what is in log files and what is missing",
		Long: `Say what is in log files: how many lines have ids and in which schema, which lines are unreadable or duplicates,
which traces are not complete and why, and what to change. Of a store it also says how far back its lines go, and what
it has not kept as it was written.

It exits with 1 if no line has a trace id.`,
		Example: `  slogtrace check app.log
  myservice | slogtrace check`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.from.source == nil && (cmd.Flags().Changed("since") || cmd.Flags().Changed("until")) {
				return usagef("--since and --until: only with --from")
			}
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
	f.RegisterTime(cmd.Flags(), s.now)
	return cmd
}

// examine reads everything three times: for its lines, for when each trace ends, and for the traces. So it needs to hold
// only the traces that are under way.
func (s *session) examine(ctx context.Context, args []string) (*report, error) {
	s.plan(backend.Plan{Lines: true})
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
	if r.Store, err = s.from.examine(ctx, s.now()); err != nil {
		return nil, err
	}
	r.advise()
	return r, nil
}

func examineFiles(ctx context.Context, rd *input.Reading, r *report) error {
	return rd.EachFile(func(f *input.File) error {
		texts := make(map[int]string) // of lines that are not records, by number
		before := *r
		var look looker
		src, err := f.Lines(func(l input.Line) {
			if !l.Unreadable {
				r.add(&l.Entry)
				look.add(&l.Entry)
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
			report := fileReport{f.Name(), src.Lines, src.Records, src.Joined, src.Shared, src.Blank, src.Bad, "", []badLine{}}
			r.wrapper = cmp.Or(r.wrapper, mostOf(look.records))
			if look.listed > 0 || r.Records-r.NoTrace == before.Records-before.NoTrace {
				var advice string
				if src.Bad > 0 && len(look.roles["trace"])+len(look.records) == 0 {
					look.addUnread(f.Head(mostUnread))
				}
				if report.Looks, advice = look.words(f.Name()); advice == "" && src.Records == 0 {
					report.Looks, advice = wordsOfUnread(f.Name(), texts)
				}
				if advice != "" {
					r.found = append(r.found, advice)
				}
			}
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

// meanings say what each reason means, and where to look.
var meanings = []struct{ reason, meaning string }{
	{"missing parent", "no line belongs to the span's parent: its service logs to other files, or its span records were not written, for example because the handler's level is above Info"},
	{"parent without an end", "no line belongs to the span's parent, which ran in the same process: it has not ended yet, or its process was killed, or its record was not written"},
	{"abandoned span", "it started and did not end, although logs went on: its process crashed or was killed, or End was not called"},
	{"open span", "it started and has not ended yet: it may still be running"},
	{"no span record", "only log lines name the span: it has not ended yet, or it belongs to a service whose logs are not here, or its end record was not written"},
	{"parent cycle", "the span would be its own ancestor: ids were reused or invented"},
	{"conflicting records", "records of the same span differ: ids were reused, or End was called for two spans with one id"},
	{"several roots", "several spans have no parent: a context was not passed on, or code started work with the id of the trace itself"},
}

// A judge finds the traces that are not complete, and why.
type judge struct {
	*report
	found map[string]*shortcoming
	ops   map[string]int // how many spans have each op, for the first maxOps ops
}

// maxOps limits the operations that are counted.
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
	roots, external := 0, false
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
			if !span.External {
				note("no span record", span)
			}
		}
		external = external || span.External || span.ParentElsewhere()
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
	if external {
		j.External++
	}
	if len(reasons) == 0 {
		j.Complete++
	}
}

// beginsElsewhere reports whether the span's parent is in another process.
func beginsElsewhere(s *tracelog.Span) bool {
	return s.Kind == "server" || s.Kind == "consumer"
}

// example adds an example, and keeps those of the first traces, in whatever order they come.
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

package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/pprof/profile"
	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A stackJSON is an element of what flame --json writes.
type stackJSON struct {
	Stack  []frameJSON `json:"stack"` // the root first
	Self   float64     `json:"self_ms"`
	Spans  float64     `json:"spans"`
	Errors float64     `json:"errors"`
}

type frameJSON struct {
	Op      string `json:"op"`
	Service string `json:"service,omitempty"`
}

var flameFormats = []string{"folded", "pprof"}

func (s *session) flame() *cobra.Command {
	var f query.Filter
	format := choice{value: "folded", of: flameFormats}
	var output string
	cmd := &cobra.Command{
		Use:   "flame [FILE...]",
		Short: "Add up where the time went, as folded stacks or a pprof profile",
		Long: `Add up where the time of traces went: for each stack of operations, the time of the spans there that none of
their children covers. It adds up whole traces: those with a span or a line that matches all of the flags, as in ls.

Folded stacks are a line each, with microseconds, as flame graph tools read them. A profile is for go tool pprof, whose
-top, -http and -diff_base compare operations, and two logs. If traces are sampled, spans are weighted by 1/sample_rate.`,
		Example: `  slogtrace flame app.log > stacks.txt
  slogtrace flame --format pprof --op 'POST /bookings' -o new.pb.gz app.log
  go tool pprof -top new.pb.gz
  go tool pprof -http : -diff_base old.pb.gz new.pb.gz`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case s.json && cmd.Flags().Changed("format"):
				return usagef("want --json or --format, not both")
			case format.value == "pprof" && s.stdoutTerm && (output == "" || output == "-"):
				return usagef("a profile is binary: want -o FILE, or a pipe")
			}
			out, err := s.create(output, args)
			if err != nil {
				return err
			}
			st, err := s.readStacks(cmd.Context(), args, &f)
			if err == nil {
				err = s.writeStacks(out, st, format.value)
			}
			return out.done(err)
		},
	}
	flags := cmd.Flags()
	flags.Var(&format, "format", "the `form`: folded or pprof")
	flags.StringVarP(&output, "output", "o", "", "write to this `FILE`")
	f.Register(flags, s.now)
	completeChoice(cmd, "format", flameFormats)
	return cmd
}

// readStacks reads the traces that the filter chooses.
func (s *session) readStacks(ctx context.Context, files []string, f *query.Filter) (*tracelog.Stacks, error) {
	st := new(tracelog.Stacks)
	err := s.eachTrace(ctx, files, f, nil, false, func(t *tracelog.Trace) error {
		st.Add(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for range st.All() {
		if st.Folded > 0 {
			s.Talk("%s counted at the span above: too many stacks, or too deep", tell.Plural(st.Folded, "span"))
		}
		return st, nil
	}
	return nil, fmt.Errorf("no span has ended in %s: see slogtrace check", tell.Plural(st.Traces, "trace"))
}

func (s *session) writeStacks(out *output, st *tracelog.Stacks, format string) error {
	switch {
	case s.json:
		return term.WriteSeq(out.Writer, stacksJSON(st))
	case format == "pprof":
		p := profileOf(st)
		if err := p.CheckValid(); err != nil {
			return err
		}
		return p.Write(out)
	}
	return writeFolded(out, st)
}

// frameName is a frame in folded stacks and profiles, on one line.
func frameName(f tracelog.Frame) string {
	name := opText(f.Op)
	if f.Service != "" {
		name += " [" + f.Service + "]"
	}
	return draw.Text(name, 200)
}

// writeFolded writes a stack on each line: its frames, with ; between them, and microseconds. Those without time of their own are
// left out, and it is an error if that is all of them.
func writeFolded(w *output, st *tracelog.Stacks) error {
	written := false
	for stack, x := range st.All() {
		micros := x.Self.Round(time.Microsecond).Microseconds()
		if micros == 0 {
			continue
		}
		written = true
		for i, f := range stack {
			if i > 0 {
				w.WriteByte(';')
			}
			w.WriteString(strings.ReplaceAll(frameName(f), ";", ","))
		}
		if _, err := fmt.Fprintf(w, " %d\n", micros); err != nil {
			return err
		}
	}
	if !written {
		return fmt.Errorf("no span took a microsecond of its own in %s", tell.Plural(st.Traces, "trace"))
	}
	return nil
}

// profileOf makes a profile in which an operation of a service is a function, and the service its file.
func profileOf(st *tracelog.Stacks) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{
			{Type: "spans", Unit: "count"}, {Type: "errors", Unit: "count"}, {Type: "self", Unit: "nanoseconds"},
		},
		DefaultSampleType: "self",
		PeriodType:        &profile.ValueType{Type: "self", Unit: "nanoseconds"},
		Period:            1,
	}
	if !st.From.IsZero() {
		p.TimeNanos, p.DurationNanos = st.From.UnixNano(), int64(st.To.Sub(st.From))
	}
	locations := make(map[tracelog.Frame]*profile.Location)
	for stack, x := range st.All() {
		sample := &profile.Sample{Value: []int64{int64(math.Round(x.Spans)), int64(math.Round(x.Errors)), int64(x.Self)}}
		for i := len(stack) - 1; i >= 0; i-- { // a profile has the leaf first
			l := locations[stack[i]]
			if l == nil {
				id := uint64(len(p.Location) + 1)
				fn := &profile.Function{ID: id, Name: frameName(stack[i]), SystemName: frameName(stack[i]), Filename: draw.Text(stack[i].Service, 200)}
				l = &profile.Location{ID: id, Line: []profile.Line{{Function: fn}}}
				p.Function, p.Location = append(p.Function, fn), append(p.Location, l)
				locations[stack[i]] = l
			}
			sample.Location = append(sample.Location, l)
		}
		p.Sample = append(p.Sample, sample)
	}
	return p
}

func stacksJSON(st *tracelog.Stacks) func(yield func(stackJSON) bool) {
	return func(yield func(stackJSON) bool) {
		for stack, x := range st.All() {
			j := stackJSON{Self: exactMillis(x.Self), Spans: x.Spans, Errors: x.Errors}
			for _, f := range stack {
				j.Stack = append(j.Stack, frameJSON(f))
			}
			if !yield(j) {
				return
			}
		}
	}
}

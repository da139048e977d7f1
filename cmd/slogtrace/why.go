package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/compare"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

func (s *session) why() *cobra.Command {
	var f query.Filter
	slow := percentile(0.95)
	var limit int
	cmd := &cobra.Command{
		Use:   "why [FILE...]",
		Short: "Find what slow or failed traces have in common",
		Long: `Find which attributes slow traces have more often than others: values, numbers in a range, and that an attribute is
absent. A trace is slow if its root takes as long as the 95th percentile of all roots with the same operation, or longer.

With flags that choose spans, such as --error or --where, why compares the traces that have a span which matches all of them
with the rest instead. --since and --until choose which traces are compared.

The lift is how many times as frequent the chosen traces are among those with the attribute. The cause whose lift is surely
the greatest, by the lower end of its interval, comes first. What says the same of the same traces is on one line. Durations,
times, and ids that each trace has another one of are no candidates.`,
		Example: `  slogtrace why app.log                                 what slow traces have in common
  slogtrace why --error --since 1h logs/                what failed ones have
  slogtrace why --op 'db.*' --min 500ms logs/           those with a slow query
  slogtrace why --slow p99 app.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.runWhy(cmd.Context(), args, &f, float64(slow), limit)
		},
	}
	cmd.Flags().Var(&slow, "slow", "without other flags that choose spans: which traces are slow, from this `percentile` on")
	cmd.Flags().IntVar(&limit, "limit", 0, "show only the first `N` causes")
	f.Register(cmd.Flags(), s.now)
	return cmd
}

func (s *session) runWhy(ctx context.Context, files []string, f *query.Filter, slow float64, limit int) error {
	period, chosen := f.Split()
	o := &compare.CauseOptions{Skip: skipKeys(chosen)}
	if chosen.Empty() {
		o.Slow = slow
	}
	p, err := s.readPopulation(ctx, files, period, chosen)
	if err != nil {
		return err
	}
	r, err := p.Causes(ctx, o)
	if err != nil {
		return err
	}
	switch {
	case r.Traces == 0:
		return fmt.Errorf("too few traces to tell which are slow (%d read): want 20 with the same root", p.Traces())
	case r.Chosen == 0:
		return fmt.Errorf("no trace matches (%d read)", r.Traces)
	case r.Chosen == r.Traces:
		return fmt.Errorf("all of %s match: there is nothing to compare them with", tell.Plural(r.Traces, "trace"))
	}
	if r.Incomplete {
		s.Talk("too many different attributes: some are left out")
	}
	causes := r.Causes
	if limit > 0 {
		causes = causes[:min(limit, len(causes))]
	}
	if s.json {
		return s.whyJSON(r, causes)
	}
	s.writeWhy(r, causes, o.Slow)
	return nil
}

// readPopulation reads the traces with a span in the period.
func (s *session) readPopulation(ctx context.Context, files []string, period, chosen *query.Filter) (*compare.Population, error) {
	s.plan(backend.Plan{Whole: true, Spans: true, Attrs: true})
	if s.from.filter != nil {
		s.from.filter = period // the traces that are not chosen are needed too
	}
	r, err := s.files.Open(ctx, files, true)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	records := chosen.SpanRecords()
	o, err := r.Outlines(period.May, records)
	if err != nil {
		return nil, err
	}
	p := new(compare.Population)
	opts := tracelog.TracesOptions{ScanOptions: tracelog.ScanOptions{Filter: records}}
	err = r.Traces(o, opts, func(sum *tracelog.Outline) bool { return sum.Matched > 0 }, func(t *tracelog.Trace) {
		if hasSpan(t, period) {
			p.Add(t, hasSpan(t, chosen))
		}
	})
	switch {
	case err != nil:
		return nil, err
	case p.Traces() == 0 && r.Records == 0:
		return nil, r.Nothing()
	case p.Traces() == 0:
		return nil, errors.New("no trace matches")
	}
	return p, nil
}

// hasSpan reports whether the filter chooses a span of the trace, and the trace.
func hasSpan(t *tracelog.Trace, f *query.Filter) bool {
	if f.Empty() {
		return true
	}
	if !f.Whole(t) {
		return false
	}
	for _, span := range t.All() {
		if f.Span(span) {
			return true
		}
	}
	return false
}

// skipKeys returns which keys are no candidates: those that the filter asks for, and those that follow from a failure, if it asks
// for failures.
func skipKeys(f *query.Filter) func(string) bool {
	keys := f.Keys()
	return func(key string) bool {
		if slices.Contains(keys, key) {
			return true
		}
		first, _, _ := strings.Cut(key, ".")
		return f.AsksForErrors() && (first == "error" || first == "exception" || first == "err" || first == "level" || strings.HasSuffix(key, "status_code") || strings.HasSuffix(key, "status"))
	}
}

// writeWhy writes causes for people.
func (s *session) writeWhy(r *compare.CauseReport, causes []compare.Cause, slow float64) {
	p := s.painter()
	are := "match"
	if slow > 0 {
		are = "are slow"
	}
	fmt.Fprintf(s.out, "%d of %s %s (%s).", r.Chosen, tell.Plural(r.Traces, "trace"), are, percentOf(float64(r.Chosen)/float64(r.Traces)))
	if len(r.Causes) == 0 {
		fmt.Fprint(s.out, " No attribute sets them apart by more than chance.")
	}
	s.out.WriteString("\n\n")
	for _, c := range causes {
		fmt.Fprintf(s.out, "%s  %s of the %d with it %s (%d), %s times as often (95 %% interval %s … %s)\n", p.Paint(term.Bold, featureText(c.Feature)),
			percentOf(float64(c.ChosenWith)/float64(c.With)), c.With, are, c.ChosenWith, formatLift(c.Lift), formatLift(c.Low), formatLift(c.High))
		const most = 5
		var also []string
		for _, f := range c.Also[:min(most, len(c.Also))] {
			also = append(also, featureText(f))
		}
		if more := len(c.Also) - most; more > 0 {
			also = append(also, fmt.Sprintf("%d more", more))
		}
		if len(also) > 0 {
			fmt.Fprintf(s.out, "  the same: %s\n", strings.Join(also, ", "))
		}
		ids := make([]string, len(c.Examples))
		for i, id := range c.Examples {
			ids[i] = p.Paint(term.TraceStyle(id), draw.Text(id, 80))
		}
		fmt.Fprintf(s.out, "  show %s\n\n", strings.Join(ids, " "))
	}
	footer := fmt.Sprintf("%s tested by trace (Fisher's exact test), corrected together (Benjamini-Hochberg, %.0f %%).",
		tell.Plural(r.Candidates, "attribute"), 100*r.Alpha)
	if len(causes) > 0 {
		footer += " The\nintervals are corrected too. In order of their lower ends."
	}
	fmt.Fprintln(s.out, p.Paint(term.Dim, footer))
}

// featureText returns an attribute for people.
func featureText(f compare.Feature) string {
	key, value := draw.Text(f.Key, 100), draw.Text(f.Value, 200)
	switch f.Kind {
	case compare.Absent:
		return key + " absent"
	case compare.Present:
		return key + " present"
	case compare.InRange:
		return key + " " + value
	}
	return key + "=" + value
}

func formatLift(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// A percentile is a flag like p95. Its value is the share: 0.95.
type percentile float64

func (p *percentile) String() string { return fmt.Sprintf("p%g", 100*float64(*p)) }
func (p *percentile) Type() string   { return "percentile" }

func (p *percentile) Set(text string) error {
	var share percent
	if share.Set(strings.TrimPrefix(text, "p")) != nil || share <= 0 || share >= 1 {
		return errors.New("want a percentile like p95")
	}
	*p = percentile(share)
	return nil
}

// A causeJSON is an element of what why --json writes. docs/schema/why.json explains its members.
type causeJSON struct {
	featureJSON
	Lift     float64         `json:"lift"`
	Low      float64         `json:"low"`
	High     float64         `json:"high"`
	P        float64         `json:"p"`
	Q        float64         `json:"q"`
	Counts   causeCountsJSON `json:"counts"`
	Also     []featureJSON   `json:"also"`
	Examples []string        `json:"examples"`
}

type featureJSON struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
	Kind  string  `json:"kind"`
}

type causeCountsJSON struct {
	Traces     int `json:"traces"`
	Chosen     int `json:"chosen"`
	With       int `json:"with"`
	ChosenWith int `json:"chosen_with"`
}

func (s *session) whyJSON(r *compare.CauseReport, causes []compare.Cause) error {
	feature := func(f compare.Feature) featureJSON {
		j := featureJSON{Key: f.Key, Kind: [...]string{"value", "range", "absent", "present"}[f.Kind]}
		if f.Kind == compare.Equals || f.Kind == compare.InRange {
			j.Value = &f.Value
		}
		return j
	}
	list := make([]causeJSON, len(causes))
	for i, c := range causes {
		list[i] = causeJSON{
			featureJSON: feature(c.Feature), Lift: c.Lift, Low: c.Low, High: c.High, P: c.P, Q: c.Q,
			Counts: causeCountsJSON{r.Traces, r.Chosen, c.With, c.ChosenWith}, Also: []featureJSON{}, Examples: c.Examples,
		}
		for _, f := range c.Also {
			list[i].Also = append(list[i].Also, feature(f))
		}
	}
	return term.WriteArray(s.out, list)
}

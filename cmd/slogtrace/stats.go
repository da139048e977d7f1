package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/internal/limits"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// barWidth is how many characters a histogram has.
const barWidth = 20

var statsOrders = []string{"total", "count", "errors", "p50", "p95", "p99", "max", "name"}

func (s *session) stats() *cobra.Command {
	q := question{by: []string{"op"}}
	var every query.Every
	order := choice{value: "total", of: statsOrders}
	duplicates := choice{value: "once", of: []string{"once", "count"}}
	var limit int
	cmd := &cobra.Command{
		Use:   "stats [FILE...]",
		Short: "Count operations and how long they take",
		Long: `Count operations, or groups of spans by any attribute, and how long they take: how many there are and how many
failed, the 50th, 95th and 99th percentile and the maximum of their durations, the total, and the distribution of the
durations. Its axis is logarithmic and goes from the shortest to the longest duration of all.

stats counts the spans that match all of the flags and have ended. If traces are sampled, it weights each span by
1/sample_rate.

With --every it counts each interval of time separately, by when the spans began; hours and days are in UTC. Above the rows
of a group are sparklines, on one axis of time for all groups. An interval without any is left out.

With --traces it counts whole traces whose root matches the flags, by the root's keys: from the root's start to the last
end of any span. A trace failed if its root failed.

With --lines it counts log lines, by their message unless --by is given. Each copy of a line counts. An error is a line at
level Error or above.`,
		Example: `  slogtrace stats app.log
  slogtrace stats --by service,http.route --sort p99 logs/
  slogtrace stats --self --since 1h app.log      time spent in the operation itself, not in its children
  slogtrace stats --traces --every 1h app.log    how long requests take from end to end, by the hour
  slogtrace stats --lines --by msg,lock --grep 'lock not acquired' app.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.lines && !cmd.Flags().Changed("by") {
				q.by = []string{"msg"}
			}
			q.every, q.duplicates = time.Duration(every), duplicates.value == "count"
			if err := q.check(order.value, cmd.Flags().Changed("sort")); err != nil {
				return err
			}
			groups, err := s.groups(cmd.Context(), args, &q)
			if err != nil {
				return err
			}
			return s.answer(groups, &q, order.value, limit)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.by, "by", q.by, "group by these `keys`: op, service, kind, error or any attribute")
	flags.Var(&every, "every", "count each interval of this `duration` separately: 5m, 1h, 1d")
	flags.BoolVar(&q.self, "self", false, "count only the time of a span that none of its children covers")
	flags.BoolVar(&q.traces, "traces", false, "count whole traces, from the root's start to the last end of a span")
	flags.BoolVar(&q.lines, "lines", false, "count log lines; by default --by msg")
	flags.Var(&order, "sort", "by total, count, errors, p50, p95, p99, max (the greatest first) or name")
	flags.IntVar(&limit, "limit", 0, "show only the first `N` groups")
	flags.Var(&duplicates, "duplicates", "if the end of a span appears more than once: count it once, or count each copy")
	q.filter.Register(flags, s.now)
	completeChoice(cmd, "duplicates", duplicates.of)
	completeChoice(cmd, "sort", statsOrders)
	return cmd
}

// check returns an error if flags do not go together.
func (q *question) check(order string, sorted bool) error {
	switch {
	case len(q.by) == 0 || slices.Contains(q.by, ""):
		return usagef("--by: want keys, separated by commas")
	case len(distinctKeys(q.by)) < len(q.by):
		return usagef("--by %s: want each key once", strings.Join(q.by, ","))
	case q.self && q.traces:
		return usagef("want --self or --traces, not both")
	case q.lines && (q.self || q.traces || q.duplicates):
		return usagef("--lines: not with --self, --traces or --duplicates count")
	case q.lines && sorted && !slices.Contains([]string{"count", "errors", "name"}, order):
		return usagef("--sort %s: log lines have no durations, want count, errors or name", order)
	}
	return nil
}

func distinctKeys(keys []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(keys)))
}

// answer writes the first groups in an order.
func (s *session) answer(groups []*group, q *question, order string, limit int) error {
	if q.lines && order == "total" {
		order = "count"
	}
	if q.every > 0 {
		list := seriesOf(groups)
		slices.SortFunc(list, func(a, b *series) int { return compareGroups(&a.group, &b.group, order) })
		if limit > 0 {
			list = list[:min(limit, len(list))]
		}
		if !s.json {
			return s.writeSeries(list, q)
		}
		groups = nil
		for _, one := range list {
			groups = append(groups, one.parts...)
		}
	} else {
		slices.SortFunc(groups, func(a, b *group) int { return compareGroups(a, b, order) })
		if limit > 0 {
			groups = groups[:min(limit, len(groups))]
		}
	}
	switch {
	case s.json:
		list := make([]groupJSON, len(groups))
		for i, g := range groups {
			list[i] = groupJSON{q, g}
		}
		return term.WriteArray(s.out, list)
	case q.lines:
		return s.writeLineGroups(groups, q.by)
	}
	return s.writeGroups(groups, q.by)
}

// compareGroups compares two groups in one of statsOrders.
func compareGroups(a, b *group, order string) int {
	key := func(g *group) float64 { return float64(g.stat.Sum()) }
	quantile := func(q float64) func(*group) float64 {
		return func(g *group) float64 { return float64(g.stat.Quantile(q)) }
	}
	switch order {
	case "count":
		key = (*group).count
	case "errors":
		key = (*group).errors
	case "p50":
		key = quantile(0.5)
	case "p95":
		key = quantile(0.95)
	case "p99":
		key = quantile(0.99)
	case "max":
		key = quantile(1)
	case "name":
		key = func(*group) float64 { return 0 }
	}
	return cmp.Or(cmp.Compare(key(b), key(a)), slices.Compare(a.values, b.values))
}

func (s *session) writeGroups(groups []*group, by []string) error {
	low, high := groups[0].stat.Min(), groups[0].stat.Max()
	for _, g := range groups {
		low, high = min(low, g.stat.Min()), max(high, g.stat.Max())
	}
	var head []term.Cell
	for _, key := range by {
		head = append(head, term.Untrusted(term.Dim, strings.ToUpper(key), 40))
	}
	for _, name := range []string{"COUNT", "ERRORS", "P50", "P95", "P99", "MAX", "TOTAL"} {
		head = append(head, term.Cell{Text: name, Style: term.Dim, Right: true, Fixed: true})
	}
	rows := [][]term.Cell{head}
	exact := true
	for _, g := range groups {
		exact = exact && g.stat.Exact()
		var row []term.Cell
		for _, value := range g.shown(by) {
			row = append(row, term.Untrusted(term.Bold, value, 60))
		}
		row = append(row, term.Cell{Text: formatCount(g.stat.Count()), Right: true})
		if n := g.stat.Errors(); n > 0 {
			row = append(row, term.Cell{Text: formatCount(n), Style: term.Red, Right: true})
		} else {
			row = append(row, term.Cell{})
		}
		for _, q := range []float64{0.5, 0.95, 0.99, 1} {
			row = append(row, term.Cell{Text: draw.Duration(g.stat.Quantile(q)), Right: true})
		}
		rows = append(rows, append(row, term.Cell{Text: draw.Duration(g.stat.Sum()), Right: true}))
	}
	if width := s.barWidth(rows, len(by)); width > 0 {
		from, to := draw.Duration(low), draw.Duration(high)
		rows[0] = append(rows[0], term.Cell{Text: fmt.Sprintf("%s %*s", from, max(0, width-len([]rune(from))-1), to), Style: term.Dim, Fixed: true})
		for i, g := range groups {
			rows[i+1] = append(rows[i+1], term.Cell{Text: strings.TrimRight(g.stat.Histogram(width, low, high), " "), Style: term.Cyan})
		}
	}
	s.tellInexact(exact)
	return s.writeTable(slices.Values(rows))
}

func (s *session) tellInexact(exact bool) {
	if !exact {
		s.Talk("percentiles of groups with more than %d spans are within %g %%", limits.MaxExact, 100*limits.SketchError)
	}
}

// barWidth returns how wide the histograms after the other columns are. If the width of the terminal is not known, or if
// there is room, that is the constant barWidth. It is less if there is less room, and 0 if there is too little.
func (s *session) barWidth(rows [][]term.Cell, keys int) int {
	if s.width < 1 {
		return barWidth
	}
	const least, leastKey = 16, 16
	room := s.width
	for i := range rows[0] {
		widest := 0
		for _, row := range rows {
			widest = max(widest, term.Width(row[i].Text))
		}
		if i < keys {
			widest = min(widest, leastKey)
		}
		room -= widest + 2
	}
	if room < least {
		return 0
	}
	return min(room, barWidth)
}

// A groupJSON is an element of what stats --json writes: the keys of --by, then intervalJSON with --every, then
// figuresJSON, or lineCountJSON with --lines. A key that is the name of a figure is written as attr.KEY.
type groupJSON struct {
	question *question
	*group
}

func (g groupJSON) MarshalJSON() ([]byte, error) {
	var parts []any
	if every := g.question.every; every > 0 {
		parts = append(parts, g.interval(every))
	}
	if g.question.lines {
		parts = append(parts, lineCountJSON{g.lines, g.errorLines})
	} else {
		parts = append(parts, figuresOf(&g.stat))
	}
	var figures []byte
	for _, part := range parts {
		more, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		figures = append(append(figures, ','), more[1:len(more)-1]...)
	}
	var keys term.AttrsJSON
	for i, key := range g.question.by {
		value, err := json.Marshal(g.values[i])
		if err != nil {
			return nil, err
		}
		if bytes.Contains(figures, []byte(`,"`+key+`":`)) {
			key = "attr." + key
		}
		keys = append(keys, tracelog.Attr{Key: key, Value: value})
	}
	b, err := keys.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b = append(append(b[:len(b)-1], figures...), '}')
	return b, nil
}

// A figuresJSON has the figures of a Stat. Durations are in milliseconds.
type figuresJSON struct {
	Count     float64 `json:"count"`
	Errors    float64 `json:"errors"`
	Unsampled int     `json:"unsampled,omitempty"`
	Min       float64 `json:"min_ms"`
	Mean      float64 `json:"mean_ms"`
	P50       float64 `json:"p50_ms"`
	P90       float64 `json:"p90_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Sum       float64 `json:"sum_ms"`
	Exact     bool    `json:"exact"`
}

func figuresOf(s *tracelog.Stat) figuresJSON {
	sum := exactMillis(s.Sum())
	if s.Sum() == math.MaxInt64 { // more than a Duration can hold
		sum = exactMillis(s.Mean()) * s.Count()
	}
	return figuresJSON{
		Count: s.Count(), Errors: s.Errors(), Unsampled: s.Unsampled(),
		Min: exactMillis(s.Min()), Mean: exactMillis(s.Mean()),
		P50: exactMillis(s.Quantile(0.5)), P90: exactMillis(s.Quantile(0.9)), P95: exactMillis(s.Quantile(0.95)), P99: exactMillis(s.Quantile(0.99)),
		Max: exactMillis(s.Max()), Sum: sum,
		Exact: s.Exact(),
	}
}

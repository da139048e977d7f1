package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

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
	var f query.Filter
	by := []string{"op"}
	order := choice{value: "total", of: statsOrders}
	duplicates := choice{value: "once", of: []string{"once", "count"}}
	var self bool
	var limit int
	cmd := &cobra.Command{
		Use:   "stats [FILE...]",
		Short: "Count operations and how long they take",
		Long: `Count operations, or groups of spans by any attribute, and how long they take: how many there are and how many
failed, the 50th, 95th and 99th percentile and the maximum of their durations, the total, and the distribution of the
durations. Its axis is logarithmic and goes from the shortest to the longest duration of all.

stats counts the spans that match all of the flags and have ended. If traces are sampled, it weights each span by
1/sample_rate.`,
		Example: `  slogtrace stats app.log
  slogtrace stats --by service,http.route --sort p99 logs/
  slogtrace stats --self --since 1h app.log      time spent in the operation itself, not in its children`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(by) == 0 || slices.Contains(by, "") {
				return usagef("--by: want keys, separated by commas")
			}
			groups, err := s.groups(cmd.Context(), args, &f, by, self, duplicates.value == "count")
			if err != nil {
				return err
			}
			sortGroups(groups, order.value)
			if limit > 0 {
				groups = groups[:min(limit, len(groups))]
			}
			if s.json {
				list := make([]groupJSON, len(groups))
				for i, g := range groups {
					list[i] = groupJSON{by, g}
				}
				return term.WriteArray(s.out, list)
			}
			return s.writeGroups(groups, by)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&by, "by", by, "group by these `keys`: op, service, kind, error or any attribute")
	flags.Var(&order, "sort", "by total, count, errors, p50, p95, p99, max (the greatest first) or name")
	flags.IntVar(&limit, "limit", 0, "show only the first `N` groups")
	flags.BoolVar(&self, "self", false, "count only the time of a span that none of its children covers")
	flags.Var(&duplicates, "duplicates", "if the end of a span appears more than once: count it once, or count each copy")
	f.Register(flags, s.now)
	completeChoice(cmd, "duplicates", duplicates.of)
	completeChoice(cmd, "sort", statsOrders)
	return cmd
}

func sortGroups(groups []*group, by string) {
	key := func(g *group) float64 { return float64(g.stat.Sum()) }
	quantile := func(q float64) func(*group) float64 {
		return func(g *group) float64 { return float64(g.stat.Quantile(q)) }
	}
	switch by {
	case "count":
		key = func(g *group) float64 { return g.stat.Count() }
	case "errors":
		key = func(g *group) float64 { return g.stat.Errors() }
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
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(key(b), key(a)), slices.Compare(a.values, b.values))
	})
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
		for _, value := range g.values {
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
	if !exact {
		s.Talk("percentiles of groups with more than %d spans are within %g %%", limits.MaxExact, 100*limits.SketchError)
	}
	return s.writeTable(slices.Values(rows))
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

// A groupJSON is an element of what stats --json writes: the keys of --by, then figuresJSON.
type groupJSON struct {
	by []string
	*group
}

func (g groupJSON) MarshalJSON() ([]byte, error) {
	var keys term.AttrsJSON
	for i, key := range g.by {
		value, err := json.Marshal(g.values[i])
		if err != nil {
			return nil, err
		}
		keys = append(keys, tracelog.Attr{Key: key, Value: value})
	}
	b, err := keys.MarshalJSON()
	if err != nil {
		return nil, err
	}
	figures, err := json.Marshal(figuresOf(&g.stat))
	if err != nil {
		return nil, err
	}
	return append(append(b[:len(b)-1], ','), figures[1:]...), nil
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

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A series is the groups of several intervals that have the same values.
type series struct {
	group          // of all of them
	parts []*group // by start; without one they are last
}

// seriesOf makes series of groups.
func seriesOf(groups []*group) []*series {
	var list []*series
	byValues := make(map[string]*series)
	for _, g := range groups {
		key := strings.Join(g.values, "\x00")
		s := byValues[key]
		if s == nil {
			s = &series{group: group{values: g.values}}
			byValues[key] = s
			list = append(list, s)
		}
		s.merge(g)
		s.parts = append(s.parts, g)
	}
	for _, s := range list {
		slices.SortFunc(s.parts, func(a, b *group) int { return compareStarts(a.start, b.start) })
	}
	return list
}

// merge adds another group to a group.
func (g *group) merge(other *group) {
	g.stat.Merge(&other.stat)
	g.lines += other.lines
	g.errorLines += other.errorLines
}

// sparkWidth limits the columns of a sparkline.
const sparkWidth = 12

// An axis is the time that sparklines show.
type axis struct {
	first, last time.Time // of the intervals
	every       time.Duration
	columns     int
}

// newAxis returns the axis of all groups. It has no columns if no interval is known.
func newAxis(list []*series, every time.Duration) *axis {
	a := &axis{every: every}
	for _, s := range list {
		for _, g := range s.parts {
			if g.start.IsZero() {
				continue
			}
			if a.first.IsZero() || g.start.Before(a.first) {
				a.first = g.start
			}
			if g.start.After(a.last) {
				a.last = g.start
			}
		}
	}
	if !a.first.IsZero() {
		a.columns = int(min(int64(a.last.Sub(a.first)/every)+1, sparkWidth))
	}
	return a
}

// columnOf returns the column of an interval.
func (a *axis) columnOf(start time.Time) int {
	share := float64(start.Sub(a.first)) / (float64(a.last.Sub(a.first)) + 1)
	return min(int(share*float64(a.columns)), a.columns-1)
}

// sparklines draws the count, the errors and the percentiles of a series. A dot is an interval without any.
func (a *axis) sparklines(s *series) (count, errs string, quantiles []string) {
	columns := make([]group, a.columns)
	for _, g := range s.parts {
		if !g.start.IsZero() {
			columns[a.columnOf(g.start)].merge(g)
		}
	}
	line := func(of func(*group) float64) string {
		values := make([]float64, len(columns))
		for i := range columns {
			values[i] = of(&columns[i])
		}
		drawn := draw.Sparkline(values)
		if strings.TrimSpace(drawn) == "" {
			return ""
		}
		return strings.ReplaceAll(drawn, " ", "·")
	}
	for _, q := range intervalQuantiles {
		quantiles = append(quantiles, line(func(g *group) float64 { return float64(g.stat.Quantile(q)) }))
	}
	return line((*group).count), line((*group).errors), quantiles
}

var intervalQuantiles = []float64{0.5, 0.95, 0.99}

// writeSeries writes a table with a row for each interval. Above the rows of a series is one with its sparklines.
func (s *session) writeSeries(list []*series, q *question) error {
	names := strings.Join(q.by, ", ")
	head := []term.Cell{term.Untrusted(term.Dim, strings.ToUpper(names)+" / START ("+s.zoneName()+")", 60)}
	for _, name := range q.figures() {
		head = append(head, term.Cell{Text: name, Style: term.Dim, Right: true, Fixed: true})
	}
	rows := [][]term.Cell{head}
	a := newAxis(list, q.every)
	layout := intervalLayout(q.every)
	exact := true
	for _, one := range list {
		count, errs, quantiles := a.sparklines(one)
		row := []term.Cell{
			term.Untrusted(term.Bold, strings.Join(one.shown(q.by), ", "), 60),
			{Text: count, Style: term.Cyan, Right: true}, {}, {Text: errs, Style: term.Red, Right: true},
		}
		for _, line := range quantiles[:len(q.figures())-3] {
			row = append(row, term.Cell{Text: line, Style: term.Cyan, Right: true})
		}
		rows = append(rows, row)
		var last time.Time
		for _, g := range one.parts {
			exact = exact && g.stat.Exact()
			if n := int64(g.start.Sub(last) / q.every); !last.IsZero() && n > 1 {
				rows = append(rows, []term.Cell{{Text: fmt.Sprintf("  … %s without any", tell.Plural(int(n-1), "interval")), Style: term.Dim}})
			}
			start := "-"
			if last = g.start; !last.IsZero() {
				start = last.In(s.zone()).Format(layout)
			}
			rows = append(rows, g.intervalRow(start, q))
		}
	}
	s.tellInexact(exact)
	return s.writeTable(slices.Values(rows))
}

// figures are the headings of the columns of numbers.
func (q *question) figures() []string {
	all := []string{"COUNT", "RATE", "ERRORS", "P50", "P95", "P99"}
	if q.lines {
		return all[:3]
	}
	return all
}

// intervalRow is the row of a group.
func (g *group) intervalRow(start string, q *question) []term.Cell {
	row := []term.Cell{{Text: "  " + start}, {Text: formatCount(g.count()), Right: true}, {}, {}}
	if !g.start.IsZero() {
		row[2] = term.Cell{Text: formatRate(g.count() / q.every.Seconds()), Right: true}
	}
	if n := g.errors(); n > 0 {
		row[3] = term.Cell{Text: formatCount(n), Style: term.Red, Right: true}
	}
	for _, x := range intervalQuantiles[:len(q.figures())-3] {
		row = append(row, term.Cell{Text: draw.Duration(g.stat.Quantile(x)), Right: true})
	}
	return row
}

// intervalLayout is how the starts of intervals are shown.
func intervalLayout(every time.Duration) string {
	switch {
	case every%(24*time.Hour) == 0:
		return time.DateOnly
	case every%time.Minute == 0:
		return "2006-01-02 15:04"
	case every%time.Second == 0:
		return time.DateTime
	}
	return "2006-01-02 15:04:05.000"
}

// formatRate formats a number of events per second, in a unit in which it is not small.
func formatRate(perSecond float64) string {
	switch {
	case perSecond >= 1:
		return formatSmall(perSecond) + "/s"
	case perSecond*60 >= 1:
		return formatSmall(perSecond*60) + "/min"
	}
	return formatSmall(perSecond*3600) + "/h"
}

// formatSmall formats a number with three digits, or more before the point.
func formatSmall(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// An intervalJSON is what an element of stats --json has with --every, besides groupJSON.
type intervalJSON struct {
	Start     *time.Time `json:"start"` // null if it is not known
	PerSecond *float64   `json:"per_second"`
}

func (g *group) interval(every time.Duration) intervalJSON {
	if g.start.IsZero() {
		return intervalJSON{}
	}
	rate := g.count() / every.Seconds()
	return intervalJSON{&g.start, &rate}
}

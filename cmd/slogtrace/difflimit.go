package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog/compare"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A percent is a flag like 5%. Its value is the share: 0.05.
type percent float64

func (p *percent) String() string { return strconv.FormatFloat(100*float64(*p), 'g', 6, 64) + "%" }
func (p *percent) Type() string   { return "percentage" }

func (p *percent) Set(s string) error {
	x, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	if err != nil || !(x >= 0) || math.IsInf(x, 0) {
		return errors.New("want a percentage like 5%")
	}
	*p = percent(x / 100)
	return nil
}

// riseLimits are the values of --fail-over.
type riseLimits []riseLimit

// A riseLimit is how much a quantile may rise.
type riseLimit struct {
	quantile string
	rise     percent
}

func (l *riseLimits) String() string {
	var texts []string
	for _, x := range *l {
		texts = append(texts, x.quantile+"="+x.rise.String())
	}
	return strings.Join(texts, ",")
}

func (l *riseLimits) Type() string { return "limit" }

func (l *riseLimits) Set(s string) error {
	quantile, rise, ok := strings.Cut(s, "=")
	var x riseLimit
	if !ok || x.rise.Set(rise) != nil || quantile != "p50" && quantile != "p95" && quantile != "p99" {
		return errors.New("want p50, p95 or p99, = and a percentage: p95=10%")
	}
	x.quantile = quantile
	*l = append(*l, x)
	return nil
}

// check returns an error if an operation that became slower exceeds a limit, or if no operation has enough traces to tell.
// Few is how many operations of both sides have too few.
func (l riseLimits) check(r *compare.Report) (few int, err error) {
	if len(l) == 0 {
		return 0, nil
	}
	checked, need := 0, 0 // need is the least number of traces with which one would be
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case min(row.Traces[0], row.Traces[1]) == 0: // it is new or gone
			continue
		case row.Need > 0:
			few++
			if need == 0 || row.Need < need {
				need = row.Need
			}
			continue
		}
		checked++
		for _, x := range l {
			if err := x.check(row); err != nil {
				return few, err
			}
		}
	}
	switch {
	case checked > 0:
		return few, nil
	case few > 0:
		return few, fmt.Errorf("--fail-over: too few traces to tell whether an operation became slower: want %d with it on each side", need)
	}
	return few, errors.New("--fail-over: no operation is on both sides")
}

// check returns an error if an operation became slower and exceeds the limit.
func (x *riseLimit) check(row *compare.Row) error {
	q := row.P50
	switch x.quantile {
	case "p95":
		q = row.P95
	case "p99":
		q = row.P99
	}
	if !slices.Contains(row.Changes, compare.Slower) || q.Change() <= float64(x.rise) {
		return nil
	}
	return fmt.Errorf("%s: %s rose by %.0f %%, more than %s: %s to %s", draw.Text(row.Op, 100), x.quantile,
		100*q.Change(), &x.rise, draw.Duration(q.Before), draw.Duration(q.After))
}

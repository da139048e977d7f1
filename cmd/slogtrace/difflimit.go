package main

import (
	"errors"
	"fmt"
	"math"
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

// check returns an error if an operation that became slower exceeds a limit.
func (l riseLimits) check(r *compare.Report) error {
	for _, x := range l {
		for _, row := range r.Rows {
			slower := false
			for _, change := range row.Changes {
				slower = slower || change == compare.Slower
			}
			q := row.P50
			switch x.quantile {
			case "p95":
				q = row.P95
			case "p99":
				q = row.P99
			}
			if slower && q.Change() > float64(x.rise) {
				return fmt.Errorf("%s: %s rose by %.0f %%, more than %s: %s to %s", draw.Text(row.Op, 100), x.quantile,
					100*q.Change(), &x.rise, draw.Duration(q.Before), draw.Duration(q.After))
			}
		}
	}
	return nil
}

package compare

import (
	"fmt"
	"testing"
)

// The gates: how often a comparison alarms without a change, and how often it finds one. This is a part of them with few runs;
// gateslong_test.go has all.

// A gate is a number of comparisons of planned traces with fixed seeds.
type gate struct {
	plan
	runs    int
	options Options
}

// compared compares what the plan makes of a seed.
func (g gate) compared(seed uint64) *Report {
	g.options.changesOnly = true
	return compared(g.data(seed), &g.options)
}

// nulls returns in which share of the runs any operation has a change.
func (g gate) nulls() float64 {
	alarms := 0
	for seed := range uint64(g.runs) {
		if r := g.compared(seed); r.Rows[0].Change != Same {
			alarms++
		}
	}
	return float64(alarms) / float64(g.runs)
}

// power returns in which share of the runs the operation that takes longer by a factor is found, and is named first.
func (g gate) power(factor float64) (found, first float64) {
	op := g.ops / 2
	g.planted = slowerBy(op, factor)
	for seed := range uint64(g.runs) {
		r := g.compared(seed)
		for i, row := range r.Rows {
			if row.Op == fmt.Sprintf("op%03d", op) && row.Change == Slower {
				found++
				if i == 0 {
					first++
				}
			}
		}
	}
	return found / float64(g.runs), first / float64(g.runs)
}

// An alarm without a change comes in at most Alpha of the runs, and does come: a test that never alarms is no test.
func TestNulls(t *testing.T) {
	for name, g := range map[string]gate{
		"one span in a trace":  {plan: plan{traces: 60, ops: 20, sd: 0.53, icc: 0.4}, runs: 200},
		"five spans":           {plan: plan{traces: 40, ops: 8, calls: 5, sd: 0.53, icc: 0.4}, runs: 200},
		"exact":                {plan: plan{traces: 20, ops: 8, sd: 0.53, icc: 0.4}, runs: 200},
		"rare operations":      {plan: plan{traces: 60, ops: 30, presence: 0.1, sd: 0.53, icc: 0.4}, runs: 200},
		"without a least size": {plan: plan{traces: 60, ops: 20, sd: 0.1, icc: 0.4}, runs: 200, options: Options{MinChange: -1}},
	} {
		if testing.Short() {
			g.runs = 10
			g.nulls()
			continue
		}
		if share := g.nulls(); share > 0.05+0.02 || share < 0.005 {
			t.Errorf("%s: %.3f of %d comparisons without a change alarm", name, share, g.runs)
		}
	}
}

// With so few runs a share of 0.96, which gateslong_test.go finds, is below 0.8 once in 160 times.
func TestPower(t *testing.T) {
	for _, tt := range []struct {
		traces int
		factor float64
	}{{300, 1.3}, {500, 1.2}} {
		g := gate{plan: plan{traces: tt.traces, ops: 200, sd: 0.53, icc: 0.4}, runs: 10}
		if testing.Short() {
			g.runs = 4
		}
		if found, first := g.power(tt.factor); !testing.Short() && min(found, first) < 0.8 {
			t.Errorf("%d traces, factor %v: found in %.2f, first in %.2f of %d runs", tt.traces, tt.factor, found, first, g.runs)
		}
	}
}

// The gates leave out what no change depends on.
func TestChangesOnly(t *testing.T) {
	p := plan{traces: 600, ops: 10, calls: 2, sd: 0.53, icc: 0.4, planted: slowerBy(3, 1.3)}
	whole, quick := compared(p.data(1), nil), compared(p.data(1), &Options{changesOnly: true})
	for i := range whole.Rows {
		if a, b := whole.Rows[i], quick.Rows[i]; a.Op != b.Op || a.Change != b.Change || a.P != b.P || a.Q != b.Q || a.Share != b.Share {
			t.Errorf("%s %s is %s %s", a.Change, a.Op, b.Change, b.Op)
		}
	}
	if whole.Rows[0].Change != Slower {
		t.Errorf("%s %s", whole.Rows[0].Change, whole.Rows[0].Op)
	}
}

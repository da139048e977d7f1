package compare

import (
	"cmp"
	"math"
	"slices"
)

// order is that in which the changes of a row are named.
var order = []Change{New, Gone, Failing, Slower, Queued, More, Fewer, Faster}

// decide corrects all tests together and sets the changes of each row.
func (c *comparison) decide() {
	var ps []float64
	for _, r := range c.rows {
		for _, h := range r.tests {
			ps = append(ps, h.test.p)
		}
	}
	qs := adjust(ps)
	for _, r := range c.rows {
		r.Row.Need = c.need(r, len(ps))
		q := make(map[Change]int)
		for i, h := range r.tests {
			r.P, r.Q = min(r.P, h.test.p), min(r.Q, qs[i])
			if h.large && qs[i] <= c.Alpha {
				r.Changes = append(r.Changes, h.change)
				q[h.change] = i
			}
		}
		slices.SortFunc(r.Changes, func(a, b Change) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
		if len(r.Changes) > 0 {
			r.Change, r.Need = r.Changes[0], 0
			if i, ok := q[r.Change]; ok {
				r.P, r.Q = r.tests[i].test.p, qs[i]
			}
		}
		qs = qs[len(r.tests):]
	}
}

// need returns how many traces must have the operation of a row for a test to find something, if fewer have.
func (c *comparison) need(r *comparedRow, tests int) int {
	if c.Single {
		return 0
	}
	least := c.Alpha / float64(max(1, tests))
	need := 1
	if min(r.Traces[0], r.Traces[1]) == 0 { // all traces with it are on one side with a probability of 2⁻ⁿ, twice
		for math.Ldexp(2, -need) > least {
			need++
		}
		if max(r.Traces[0], r.Traces[1]) >= need {
			return 0
		}
		return need
	}
	for math.Exp(-logChoose(2*need, need))/slowerShare > least { // all those after are slower
		need++
	}
	if min(r.Traces[0], r.Traces[1]) >= need {
		return 0
	}
	return need
}

package compare

import (
	"cmp"
	"slices"
)

// merge returns the causes among what was found, the best first, each with those that say the same.
func (c *causes) merge(found []*candidate, candidates int) []Cause {
	kind := func(d *candidate) int { // of those that are as good, attributes first, and values
		if d.Key == "op" {
			return 9
		}
		return int(d.Kind)
	}
	slices.SortStableFunc(found, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.low, a.low), cmp.Compare(kind(a), kind(b)))
	})
	found = found[:min(len(found), maxFound)]
	narrow := make([]bool, len(found)) // a part of a cause that applies to more traces
	for i, part := range found {
		if c.ctx.Err() != nil {
			return nil
		}
		for j, whole := range found {
			narrow[i] = narrow[i] || i != j && c.isPart(part, whole, c.alpha/float64(candidates))
		}
	}
	explained := make([]bool, len(c.chosen)) // by a better cause
	var out []Cause
	var leaders []*candidate
	for i, d := range found {
		if narrow[i] || c.ctx.Err() != nil {
			continue
		}
		if at := c.explainedBy(d, leaders, explained); at >= 0 {
			out[at].Also = append(out[at].Also, d.Feature)
			continue
		}
		cause := Cause{Feature: d.Feature, Lift: d.lift, Low: d.low, High: d.high, P: d.p, Q: d.q, With: d.support, ChosenWith: d.among, Examples: c.examples(d)}
		out, leaders = append(out, cause), append(leaders, d)
		for _, t := range d.traces {
			explained[t] = true
		}
	}
	for i, d := range found {
		if narrow[i] && len(leaders) > 0 {
			at := c.nearest(d, leaders)
			out[at].Also = append(out[at].Also, d.Feature)
		}
	}
	return out
}

// maxFound limits how many of the best candidates are compared with each other.
const maxFound = 200

// isPart reports whether nearly all traces with one feature have another one too, without being chosen more often than the others
// that have it: the customer of a slow tenant who is the slowest by chance.
func (c *causes) isPart(part, whole *candidate, alpha float64) bool {
	if part.with >= whole.with {
		return false
	}
	has := make([]bool, len(c.chosen))
	for _, i := range whole.traces {
		has[i] = true
	}
	shared, sharedChosen := 0.0, 0.0
	for _, i := range part.traces {
		if has[i] {
			shared += c.scale * c.weights[i]
			if c.chosen[i] {
				sharedChosen += c.scale * c.weights[i]
			}
		}
	}
	if shared < 0.9*part.with || hypergeometricTail(round(whole.with), round(whole.chosen), round(shared), round(sharedChosen)) <= alpha {
		return false
	}
	// The rest of the whole must be a cause without the part.
	return hypergeometricTail(round(c.all-shared), round(c.allChosen-sharedChosen), round(whole.with-shared), round(whole.chosen-sharedChosen)) <= alpha
}

// explainedBy returns which of better causes a candidate belongs to: without their traces it is none. It returns −1 if it is
// a cause of its own.
func (c *causes) explainedBy(d *candidate, leaders []*candidate, explained []bool) int {
	if len(leaders) == 0 {
		return -1
	}
	var all, allChosen, with, chosen float64
	for i, w := range c.weights {
		if !explained[i] {
			all += c.scale * w
			if c.chosen[i] {
				allChosen += c.scale * w
			}
		}
	}
	for _, i := range d.traces {
		if !explained[i] {
			with += c.scale * c.weights[i]
			if c.chosen[i] {
				chosen += c.scale * c.weights[i]
			}
		}
	}
	if hypergeometricTail(round(all), round(allChosen), round(with), round(chosen)) <= c.alpha/10 {
		return -1
	}
	return c.nearest(d, leaders)
}

// nearest returns the leader with which a candidate shares most chosen traces.
func (c *causes) nearest(d *candidate, leaders []*candidate) int {
	best, most := 0, -1
	for at, leader := range leaders {
		has := make([]bool, len(c.chosen))
		for _, i := range leader.traces {
			has[i] = c.chosen[i]
		}
		shared := 0
		for _, i := range d.traces {
			if has[i] {
				shared++
			}
		}
		if shared > most {
			best, most = at, shared
		}
	}
	return best
}

// examples returns the ids of the slowest chosen traces with a feature.
func (c *causes) examples(d *candidate) []string {
	const most = 3
	traces := c.population.traces
	var list []int32
	for _, i := range d.traces {
		if c.inside[i] && c.chosen[i] {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int32) int { return cmp.Compare(traces[j].duration, traces[i].duration) })
	var ids []string
	for _, i := range list[:min(most, len(list))] {
		ids = append(ids, traces[i].id)
	}
	return ids
}

package compare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CauseOptions are the options of [Population.Causes].
type CauseOptions struct {
	// Slow chooses the traces whose root takes as long as this quantile of all roots with the same operation, or longer.
	// 0 means those that were chosen when they were added.
	Slow float64
	// Alpha is the share of reported causes that may be wrong; 0 means 0.05.
	Alpha float64
	// Skip reports whether a key is no candidate. Nil means none.
	Skip func(key string) bool
}

// A CauseReport is what chosen traces have in common.
type CauseReport struct {
	Traces, Chosen int
	Causes         []Cause // the best first
	Candidates     int     // how many were tested
	Alpha          float64
	Incomplete     bool // there are more keys than are kept
}

// A Cause is an attribute that chosen traces have more often than others.
type Cause struct {
	Feature
	Also []Feature // what says the same of the same traces, or of a part of them

	// Lift is how many times as frequent chosen traces are among those with the attribute as among all. Low and High are
	// an interval of it: of all causes, a share of Alpha at most misses its lift, in the mean.
	Lift, Low, High float64
	P, Q            float64

	With       int      // traces with the attribute
	ChosenWith int      // of them, the chosen ones
	Examples   []string // their ids, up to three; the slowest first
}

// A Feature is an attribute of a trace: that of any of its spans.
type Feature struct {
	Key   string
	Value string // "≥ 10" for a range of numbers
	Kind  FeatureKind
}

// A FeatureKind is what a Feature says of its key.
type FeatureKind uint8

const (
	Equals  FeatureKind = iota // a span has the value
	InRange                    // a span has a number in the range
	Absent                     // no span has the key
	Present                    // a span has the key, with one of many values
)

// candidate is a feature and the traces that have it.
type candidate struct {
	Feature
	traces         []int32
	with, chosen   float64 // how many, by weight, and of them the chosen ones
	p, q           float64
	low, high      float64
	lift           float64
	support, among int
}

// minSlow is how many traces of a root's operation there must be to tell which ones are slow.
const minSlow = 20

// Causes tells which attributes set the chosen traces apart from the rest. A nil o means defaults, and the traces chosen when
// they were added.
//
// Every attribute of any span is a candidate: its values, that it is absent, and for numbers whether they are great or small.
// Those that follow from durations and times are not, nor are ids, which each trace has another one of. Fisher's exact test
// compares how many traces have it, corrected by the procedure of Benjamini and Hochberg. The cause with the greatest
// lower bound of its lift comes first. One that explains no chosen traces besides those of a better one is merged into it.
func (p *Population) Causes(o *CauseOptions) *CauseReport {
	if o == nil {
		o = new(CauseOptions)
	}
	p.sort()
	c := &causes{population: p, alpha: cmp.Or(o.Alpha, 0.05), chosen: make([]bool, len(p.traces)), inside: make([]bool, len(p.traces))}
	c.choose(o.Slow)
	r := &CauseReport{Alpha: c.alpha, Incomplete: p.full}
	for i, in := range c.inside {
		if in {
			r.Traces++
			if c.chosen[i] {
				r.Chosen++
			}
		}
	}
	if r.Chosen == 0 || r.Chosen == r.Traces {
		return r
	}
	list := c.candidates(o.Skip)
	r.Candidates = len(list)
	r.Causes = c.merge(c.judge(list), len(list))
	return r
}

// causes is a search under way.
type causes struct {
	population     *Population
	alpha          float64
	inside, chosen []bool
	weights        []float64
	scale          float64 // of sums of weights, to those of traces that tell as much
	all, allChosen float64
}

// choose decides which traces are compared, and which of them are the chosen ones.
func (c *causes) choose(slow float64) {
	traces := c.population.traces
	if slow == 0 {
		for i := range traces {
			c.inside[i], c.chosen[i] = true, traces[i].chosen
		}
	} else {
		roots := make(map[string][]int)
		for i := range traces {
			if traces[i].ended {
				roots[traces[i].root] = append(roots[traces[i].root], i)
			}
		}
		for _, list := range roots {
			slices.SortFunc(list, func(i, j int) int {
				return cmp.Or(cmp.Compare(traces[i].duration, traces[j].duration), cmp.Compare(i, j))
			})
			all, sum := 0.0, 0.0
			for _, i := range list {
				all += traces[i].weight
			}
			limit := traces[list[len(list)-1]].duration
			for _, i := range list {
				if sum += traces[i].weight; sum >= slow*all {
					limit = traces[i].duration
					break
				}
			}
			if len(list) < minSlow || limit == traces[list[0]].duration {
				continue
			}
			for _, i := range list {
				c.inside[i], c.chosen[i] = true, traces[i].duration >= limit
			}
		}
	}
	sum, squares := 0.0, 0.0
	c.weights = make([]float64, len(traces))
	for i := range traces {
		if w := traces[i].weight; c.inside[i] {
			c.weights[i] = w
			sum += w
			squares += w * w
		}
	}
	if squares > 0 {
		c.scale = sum / squares
	}
	for i, w := range c.weights {
		c.all += c.scale * w
		if c.chosen[i] {
			c.allChosen += c.scale * w
		}
	}
}

// candidates returns all features that could be found to be a cause.
func (c *causes) candidates(skip func(string) bool) []*candidate {
	var list []*candidate
	add := func(f Feature, traces []int32) {
		d := &candidate{Feature: f, traces: traces}
		for _, i := range traces {
			d.with += c.scale * c.weights[i]
			if c.inside[i] {
				d.support++
			}
			if c.inside[i] && c.chosen[i] {
				d.chosen += c.scale * c.weights[i]
				d.among++
			}
		}
		n, s, k := round(c.all), round(c.allChosen), round(d.with)
		if k == 0 || k == n || hypergeometricTail(n, s, k, min(s, k)) > c.alpha {
			return // no division of the traces could make it a cause
		}
		list = append(list, d)
	}
	for name, k := range c.population.keys {
		if skip != nil && skip(name) || k.spans > 0 && float64(k.follows) >= 0.9*float64(k.spans) {
			continue
		}
		repeated := 0
		for value, traces := range k.values {
			if len(traces) > 1 {
				repeated += len(traces)
				add(Feature{name, value, Equals}, traces)
			}
		}
		if name == "op" {
			continue
		}
		absent := complement(k.traces, len(c.population.traces))
		add(Feature{name, "", Absent}, absent)
		if 2*repeated < len(k.traces) {
			add(Feature{name, "", Present}, k.traces)
		}
		c.ranges(name, k, add)
	}
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value))
	})
	return list
}

// rangeShares are the shares of the traces with a number that are below the limits of ranges.
var rangeShares = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99}

// ranges adds, for a key with numbers, the traces with great ones and those with small ones.
func (c *causes) ranges(name string, k *key, add func(Feature, []int32)) {
	if len(k.numbers) < minSlow {
		return
	}
	for _, great := range []bool{true, false} {
		value := func(n number) float64 {
			if great {
				return n.most
			}
			return n.least
		}
		sorted := make([]float64, len(k.numbers))
		for i, n := range k.numbers {
			sorted[i] = value(n)
		}
		slices.Sort(sorted)
		last := math.NaN()
		for _, share := range rangeShares {
			limit := sorted[int(share*float64(len(sorted)))]
			if limit == last || limit == sorted[0] {
				continue
			}
			last = limit
			f := Feature{name, "≥ " + formatNumber(limit), InRange}
			if !great {
				f.Value = "< " + formatNumber(limit)
			}
			var traces []int32
			for _, n := range k.numbers {
				if (value(n) >= limit) == great {
					traces = append(traces, n.trace)
				}
			}
			add(f, traces)
		}
	}
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// complement returns the numbers below n that are not in a sorted list.
func complement(list []int32, n int) []int32 {
	var rest []int32
	for i := range int32(n) {
		if len(list) > 0 && list[0] == i {
			list = list[1:]
			continue
		}
		rest = append(rest, i)
	}
	return rest
}

func round(x float64) int { return int(math.Round(x)) }

// judge tests all candidates and returns those that are found. Their intervals are corrected too (Benjamini and Yekutieli
// 2005): of all of them, a share of alpha at most misses its lift in the mean.
func (c *causes) judge(list []*candidate) (found []*candidate) {
	n, s := round(c.all), round(c.allChosen)
	ps := make([]float64, len(list))
	for i, d := range list {
		d.p = hypergeometricTail(n, s, round(d.with), round(d.chosen))
		d.lift = d.chosen / d.with * c.all / c.allChosen
		ps[i] = d.p
	}
	for i, q := range adjust(ps) {
		if list[i].q = q; q <= c.alpha && list[i].lift > 1 {
			found = append(found, list[i])
		}
	}
	alpha := c.alpha * float64(len(found)) / float64(len(list))
	for _, d := range found {
		d.low, d.high = liftInterval(n, s, round(d.with), round(d.chosen), alpha)
	}
	return found
}

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
		for j, whole := range found {
			narrow[i] = narrow[i] || i != j && c.isPart(part, whole, c.alpha/float64(candidates))
		}
	}
	explained := make([]bool, len(c.chosen)) // by a better cause
	var out []Cause
	var leaders []*candidate
	for i, d := range found {
		if narrow[i] {
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
		if narrow[i] {
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

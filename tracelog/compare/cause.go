package compare

import (
	"cmp"
	"context"
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
//
// If ctx is done first, Causes soon returns the context's error and no report.
func (p *Population) Causes(ctx context.Context, o *CauseOptions) (*CauseReport, error) {
	if o == nil {
		o = new(CauseOptions)
	}
	p.sort()
	c := &causes{ctx: ctx, population: p, alpha: cmp.Or(o.Alpha, 0.05), chosen: make([]bool, len(p.traces)), inside: make([]bool, len(p.traces))}
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
	if r.Chosen > 0 && r.Chosen < r.Traces {
		list := c.candidates(o.Skip)
		r.Candidates = len(list)
		r.Causes = c.merge(c.judge(list), len(list))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// causes is a search under way.
type causes struct {
	ctx            context.Context // once it is done, all that takes long ends, with any result
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
		if c.ctx.Err() != nil {
			break
		}
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
		if c.ctx.Err() != nil {
			break
		}
		d.low, d.high = liftInterval(n, s, round(d.with), round(d.chosen), alpha)
	}
	return found
}

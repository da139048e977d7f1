package compare

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	replicates   = 500
	confidence   = 0.95
	normalAt     = 1.959963984540054 // the quantile of the normal distribution for that confidence
	maxBootstrap = 20_000            // traces of both sides; for more, intervals are cluster-robust
)

// interval returns an interval of how much the quantile q has changed, from before to after, in nanoseconds.
//
// It is the percentile interval of a bootstrap: each replicate draws traces again, with all of their spans, because the
// spans of a trace have much in common. If there are more than maxBootstrap traces, the interval is cluster-robust: see
// robustChange.
//
// If few traces have most of the spans, draws lie further from the estimate than a standard error tells. Then they are
// made again with a wider window.
func (s *sample) interval(q float64, seed uint64) (low, high float64) {
	for width := windowWidth; ; width *= 4 {
		a, b := s.newQuantileBootstrap(Before, q, width), s.newQuantileBootstrap(After, q, width)
		if !a.draws {
			return robustChange(a, b)
		}
		random := rand.New(rand.NewPCG(seed, math.Float64bits(q)))
		changes := make([]float64, replicates)
		for i := range changes {
			x := a.draw(random)
			changes[i] = b.draw(random) - x
		}
		if a.beyond+b.beyond <= maxBeyond || width > widestWindow {
			return percentiles(changes)
		}
	}
}

// percentiles returns the interval that has the middle share of values, which it sorts.
func percentiles(values []float64) (low, high float64) {
	slices.Sort(values)
	at := func(q float64) float64 { // of n values in order, number i has a share of i/(n+1) below it
		whole, part := math.Modf(q*float64(len(values)+1) - 1)
		v := values[int(whole)]
		return v + part*(values[int(whole)+1]-v)
	}
	return at((1 - confidence) / 2), at((1 + confidence) / 2)
}

// A quantileBootstrap draws the quantile of one side again and again. Each draw gives each trace a random weight: how
// often it was drawn, which is Poisson-distributed.
//
// Only the spans near the quantile matter one by one: those of the window. Traces without a span there matter by how
// many they are. The number of all times that n traces are drawn is Poisson-distributed too, around n.
type quantileBootstrap struct {
	q, estimate float64
	draws       bool    // there are few enough traces; else the rest is empty
	low, high   float64 // the ends of a cluster-robust interval
	window      []windowSpan
	inside      []windowCell
	outside     []windowGroup

	first, last bool // the window has the first span, and the last one
	beyond      int  // draws whose quantile is outside of the window
}

// A windowSpan is a span in the window: its duration and the number of its trace among the inside.
type windowSpan struct {
	duration float64
	trace    int
}

// A windowCell is a trace with spans in the window.
type windowCell struct {
	below, all float64 // its weight times how many spans it has below the window, and in all
	weight     float64
	drawn      float64
}

// A windowGroup is the traces without a span in the window that have as many spans below it, and in all.
type windowGroup struct{ below, all, traces float64 }

const (
	windowWidth  = 4.5  // standard errors to each side: a draw lies beyond once in 100,000 times, if traces have about as many spans
	widestWindow = 1000 // which has all spans
	maxBeyond    = 2    // draws of all replicates that may lie beyond: too few to move an end of the interval by much
	fewTraces    = 100  // a group of fewer traces is drawn one by one
)

func (s *sample) newQuantileBootstrap(side Side, q, width float64) *quantileBootstrap {
	b := &quantileBootstrap{q: q, estimate: s.quantile(side, q), draws: s.cells[0]+s.cells[1] <= maxBootstrap}
	keys := s.sides[side]
	first, n := s.cellsOf(side)
	count := s.count(keys)
	deviation := s.deviation(side, q, b.estimate) / count
	at := func(share float64) int { // the first span above a share of all
		if s.equal {
			return min(max(int(share*count), 0), len(keys)-1)
		}
		sum := 0.0
		for i, k := range keys {
			if sum += s.weight[k.cell()]; sum > share*count {
				return i
			}
		}
		return len(keys) - 1
	}
	b.low = min(b.estimate, keys[at(q-normalAt*deviation)].duration())
	b.high = max(b.estimate, keys[min(at(q+normalAt*deviation)+1, len(keys)-1)].duration())
	if !b.draws {
		return b
	}
	const margin = 3 // spans
	from := max(0, at(q-width*deviation)-margin)
	to := min(len(keys), at(q+width*deviation)+margin+1)
	b.first, b.last = from == 0, to == len(keys)

	number := make([]int, n) // of each trace among the inside, from 1
	for _, k := range keys[from:to] {
		c := k.cell()
		if number[c-first] == 0 {
			w := s.weight[c]
			b.inside = append(b.inside, windowCell{all: w * float64(s.spans[c]), weight: w})
			number[c-first] = len(b.inside)
		}
		b.window = append(b.window, windowSpan{k.duration(), number[c-first] - 1})
	}
	below := make([]float64, n)
	for _, k := range keys[:from] {
		below[k.cell()-first] += s.weight[k.cell()]
	}
	groups := make(map[windowGroup]float64)
	for i := range below {
		all := s.weight[first+i] * float64(s.spans[first+i])
		if number[i] > 0 {
			b.inside[number[i]-1].below = below[i]
		} else {
			groups[windowGroup{below: below[i], all: all}]++
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(groups), compareGroups) {
		if g.traces = groups[g]; g.traces >= fewTraces {
			b.outside = append(b.outside, g)
			continue
		}
		for range int(g.traces) {
			b.inside = append(b.inside, windowCell{below: g.below, all: g.all})
		}
	}
	return b
}

// deviation returns the standard error of how many spans are below the quantile q, from the sums of each trace (cluster-robust).
func (s *sample) deviation(side Side, q, estimate float64) float64 {
	keys := s.sides[side]
	first, n := s.cellsOf(side)
	isBelow, _ := slices.BinarySearchFunc(keys, estimate, func(k spanKey, estimate float64) int {
		if k.duration() <= estimate {
			return -1
		}
		return 1
	})
	variance := 0.0
	if s.equal && len(keys) == n { // each trace has one span
		variance = float64(isBelow)*(1-q)*(1-q) + float64(n-isBelow)*q*q
	} else {
		below := make([]float64, n)
		for _, k := range keys[:isBelow] {
			below[k.cell()-first] += s.weight[k.cell()]
		}
		for i := range below {
			x := below[i] - q*s.weight[first+i]*float64(s.spans[first+i])
			variance += x * x
		}
	}
	if n > 1 {
		variance *= float64(n) / float64(n-1)
	}
	return math.Sqrt(variance)
}

// draw returns the quantile of traces that are drawn again.
func (b *quantileBootstrap) draw(random *rand.Rand) float64 {
	sum, all := 0.0, 0.0
	for i := range b.outside {
		g := &b.outside[i]
		drawn := max(0, math.Round(g.traces+math.Sqrt(g.traces)*random.NormFloat64()))
		sum += drawn * g.below
		all += drawn * g.all
	}
	bits := uint64(0)
	for i := range b.inside {
		if i&7 == 0 {
			bits = random.Uint64()
		}
		c := &b.inside[i]
		drawn := poisson[bits&0xff]
		bits >>= 8
		c.drawn = drawn * c.weight
		sum += drawn * c.below
		all += drawn * c.all
	}
	target := b.q * all
	last := b.window[0].duration
	if sum > target { // the quantile is below the window
		if !b.first {
			b.beyond++
		}
		return last
	}
	for i := range b.window {
		drawn, duration := b.inside[b.window[i].trace].drawn, b.window[i].duration
		if sum+drawn > target {
			return last + (target-sum)/drawn*(duration-last)
		}
		if drawn > 0 {
			sum, last = sum+drawn, duration
		}
	}
	if !b.last {
		b.beyond++
	}
	return last
}

// poisson is how often a trace is drawn, for each of 256 equally probable cases: Poisson-distributed with the mean 1.
var poisson = func() (table [256]float64) {
	i := 0
	for drawn, cases := range []int{95, 93, 47, 16, 4, 1} {
		for range cases {
			table[i] = float64(drawn)
			i++
		}
	}
	return table
}()

// robustChange returns an interval of the difference of two quantiles. Each has an interval from the cluster-robust
// standard error of the share of spans below it (Woodruff 1952). The two become one by the distances of their ends from the
// estimates (Donner and Zou 2012).
func robustChange(a, b *quantileBootstrap) (low, high float64) {
	d := b.estimate - a.estimate
	return d - math.Hypot(b.estimate-b.low, a.high-a.estimate), d + math.Hypot(b.high-b.estimate, a.estimate-a.low)
}

func compareGroups(a, b windowGroup) int {
	return cmp.Or(cmp.Compare(a.below, b.below), cmp.Compare(a.all, b.all))
}

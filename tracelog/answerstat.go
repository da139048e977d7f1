package tracelog

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// A Stat holds the statistics of a group of durations, such as those of all spans with one op. The zero value is
// empty.
//
// Up to 65,536 durations are kept and quantiles are exact. With one more it changes to a sketch, whose quantiles have
// a relative error of less than 0.1 %. The results depend only on what was added, neither on the order nor on how it
// was merged, except for the last bits of Sum and Mean.
//
// Memory is 8 bytes for each duration, or 16 once one was added with a weight other than 1, so at most 1 MB (and as
// much again while it grows). A sketch has 220 KB.
//
// A Stat is not safe for concurrent use: give each goroutine its own and merge them. Quantile counts as writing.
type Stat struct {
	n         int
	unsampled int
	count     sum
	errors    sum
	sum       sum
	min, max  time.Duration

	values  []time.Duration
	weights []float64 // of values; nil while all are 1
	sorted  bool
	sketch  *sketch
}

const maxExact = limits.MaxExact

// Add adds a duration that represents weight spans; see [Span.Weight]. If the weight is not above 0, only Unsampled
// counts it. A weight over 1e9 counts as 1e9, a negative duration as 0.
//
// It allocates while memory grows, then no more.
func (s *Stat) Add(d time.Duration, failed bool, weight float64) {
	if !(weight > 0) {
		s.unsampled++
		return
	}
	d, weight = max(d, 0), min(weight, maxWeight)
	if s.n == 0 || d < s.min {
		s.min = d
	}
	s.max = max(s.max, d)
	s.n++
	s.count.add(weight)
	s.sum.add(weight * float64(d))
	if failed {
		s.errors.add(weight)
	}
	s.put(d, weight)
}

func (s *Stat) put(d time.Duration, weight float64) {
	if s.sketch != nil {
		s.sketch[sketchIndex(int64(d))] += weight
		return
	}
	if len(s.values) == maxExact {
		s.blur()
		s.sketch[sketchIndex(int64(d))] += weight
		return
	}
	if weight != 1 && s.weights == nil {
		s.weights = make([]float64, len(s.values), max(cap(s.values), 8))
		for i := range s.weights {
			s.weights[i] = 1
		}
	}
	s.sorted = false
	s.values = append(s.values, d)
	if s.weights != nil {
		s.weights = append(s.weights, weight)
	}
}

// blur changes to a sketch.
func (s *Stat) blur() {
	s.sketch = new(sketch)
	for i, d := range s.values {
		s.sketch[sketchIndex(int64(d))] += s.weight(i)
	}
	s.values, s.weights = nil, nil
}

func (s *Stat) weight(i int) float64 {
	if s.weights == nil {
		return 1
	}
	return s.weights[i]
}

// Merge adds everything that was added to another Stat. The other Stat does not change. It may be nil.
func (s *Stat) Merge(o *Stat) {
	if o == nil {
		return
	}
	s.unsampled += o.unsampled
	if o.n == 0 {
		return
	}
	if s.n == 0 || o.min < s.min {
		s.min = o.min
	}
	s.max = max(s.max, o.max)
	s.n += o.n
	s.count.merge(o.count)
	s.sum.merge(o.sum)
	s.errors.merge(o.errors)
	if s.n > maxExact && s.sketch == nil {
		s.blur()
	}
	if o.sketch != nil {
		for i, w := range o.sketch {
			s.sketch[i] += w
		}
		return
	}
	for i := range len(o.values) { // the length at the start: o may be s
		s.put(o.values[i], o.weight(i))
	}
}

// N is how many durations were added with a weight, each counted as one.
func (s *Stat) N() int { return s.n }

// Unsampled is how many durations were added without a weight. No other result includes them.
func (s *Stat) Unsampled() int { return s.unsampled }

// Count is the sum of all weights, to six decimals. It estimates how many spans there were before sampling.
func (s *Stat) Count() float64 { return sixDecimals(s.count.value()) }

// Errors is the sum of the weights of the failed spans, to six decimals.
func (s *Stat) Errors() float64 { return sixDecimals(s.errors.value()) }

func sixDecimals(x float64) float64 {
	if x > 1e9 {
		return math.Round(x)
	}
	return math.Round(x*1e6) / 1e6
}

// A sum adds numbers that are not negative and records what rounding has lost (Neumaier's summation): three times
// 1/0.3 is 10, and a million parts give the same in any order.
type sum struct{ x, lost float64 }

func (s *sum) add(x float64) {
	total := s.x + x
	if s.x >= x {
		s.lost += s.x - total + x
	} else {
		s.lost += x - total + s.x
	}
	s.x = total
}

func (s *sum) merge(o sum) {
	s.add(o.x)
	s.lost += o.lost
}

func (s *sum) value() float64 { return s.x + s.lost }

// Sum is the sum of all durations, each times its weight; at most 292 years.
func (s *Stat) Sum() time.Duration { return toDuration(s.sum.value()) }

// Mean is Sum divided by Count; 0 if there are none.
func (s *Stat) Mean() time.Duration {
	if s.n == 0 {
		return 0
	}
	return toDuration(s.sum.value() / s.count.value())
}

// Min and Max are exact. They are 0 if there are none.
func (s *Stat) Min() time.Duration { return s.min }

// Max is described at Min.
func (s *Stat) Max() time.Duration { return s.max }

// Exact reports whether all durations are kept, so that quantiles are exact.
func (s *Stat) Exact() bool { return s.sketch == nil }

// Quantile returns the duration below which a share q of all durations is, as SQL's quantile_cont does. Of n
// durations in order, numbered from 0, it is the one at q×(n−1), interpolated linearly between its two neighbours.
// A duration of weight w counts as w equal ones. q is clamped to [0, 1]. Quantile is 0 if there are no durations.
//
// It sorts what was added since the last call.
func (s *Stat) Quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	if !(q > 0) {
		return s.min
	}
	if q >= 1 {
		return s.max
	}
	at := q * max(s.count.value()-1, 0)
	below := math.Floor(at)
	low, high := s.at(below)
	d := float64(low) + (at-below)*float64(high-low)
	return min(max(toDuration(d), s.min), s.max)
}

// at returns the durations number i and i+1 in order, counted by weight. A duration is number i if it covers the
// middle between i and i+1, so that the order in which weights were added up does not matter.
func (s *Stat) at(i float64) (low, high time.Duration) {
	low, high = s.max, s.max
	if s.sketch == nil {
		s.sort()
		if s.weights == nil {
			n := int(i)
			return s.values[n], s.values[min(n+1, len(s.values)-1)]
		}
		n, before := reach(s.weights, 0, 0, i+0.5)
		if n < len(s.values) {
			low = s.values[n]
		}
		if n, _ = reach(s.weights, n, before, i+1.5); n < len(s.values) {
			high = s.values[n]
		}
		return low, high
	}
	n, before := reach(s.sketch[:], 0, 0, i+0.5)
	if n < len(s.sketch) {
		low = time.Duration(sketchValue(n))
	}
	if n, _ = reach(s.sketch[:], n, before, i+1.5); n < len(s.sketch) {
		high = time.Duration(sketchValue(n))
	}
	return low, max(low, high)
}

// reach returns the first index from n on at which the sum of weights exceeds x, and the sum before it.
func reach(weights []float64, n int, before, x float64) (int, float64) {
	for ; n < len(weights); n++ {
		if before+weights[n] > x {
			break
		}
		before += weights[n]
	}
	return n, before
}

func (s *Stat) sort() {
	if s.sorted {
		return
	}
	s.sorted = true
	if s.weights == nil {
		slices.Sort(s.values)
		return
	}
	type weighted struct {
		d time.Duration
		w float64
	}
	all := make([]weighted, len(s.values))
	for i, d := range s.values {
		all[i] = weighted{d, s.weights[i]}
	}
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.w, b.w)) })
	for i, v := range all {
		s.values[i], s.weights[i] = v.d, v.w
	}
}

// toDuration rounds nanoseconds to a Duration, within its limits.
func toDuration(ns float64) time.Duration {
	if ns = math.Round(ns); ns < math.MaxInt64 {
		return time.Duration(ns)
	}
	return math.MaxInt64
}

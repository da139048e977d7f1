package compare

import (
	"math"
	"slices"
)

// A spanKey is a span of a path: the bits of its duration, which are in the order of durations, and the number of its cell.
// Cells of after come after those of before.
type spanKey uint64

func keyOf(duration float32, cell int) spanKey {
	return spanKey(math.Float32bits(duration))<<32 | spanKey(cell)
}

func (k spanKey) duration() float64 { return float64(math.Float32frombits(uint32(k >> 32))) }
func (k spanKey) cell() int         { return int(uint32(k)) }

// A sample is the spans of one path on both sides.
type sample struct {
	sides  [2][]spanKey // each sorted by duration
	cells  [2]int       // the cells of each side, which are as many traces
	spans  []int32      // of each cell
	weight []float64    // of each cell; the mean of each side is 1
	equal  bool         // all weights are 1
	factor [2]float64   // by which to multiply weights for those of the log
}

// newSample gathers the spans of a path. values chooses what of a column: its durations or its waits.
func newSample(sets *[2]set, path int32, values func(*column) []float32) *sample {
	s := new(sample)
	room := 0
	for side := range sets {
		if int(path) < len(sets[side].columns) {
			room += len(sets[side].columns[path].cells)
		}
	}
	s.spans, s.weight = make([]int32, 0, room), make([]float64, 0, room)
	for side := range sets {
		set := &sets[side]
		if int(path) >= len(set.columns) {
			continue
		}
		c := &set.columns[path]
		at := values(c)
		keys := make([]spanKey, len(c.durations))
		first, next := len(s.spans), 0
		for i := range c.cells {
			cell := &c.cells[i]
			for range cell.spans {
				d := float32(0)
				if at != nil {
					d = at[next]
				}
				keys[next] = keyOf(d, first+i)
				next++
			}
			s.spans = append(s.spans, cell.spans)
			s.weight = append(s.weight, float64(set.traces[cell.trace].weight))
		}
		keys = sortKeys(keys)
		s.sides[side], s.cells[side] = keys, len(c.cells)
		if len(c.cells) > 0 {
			s.factor[side] = normalize(s.weight[first:])
		}
	}
	s.equal = !slices.ContainsFunc(s.weight, func(w float64) bool { return w != 1 })
	return s
}

// sortKeys sorts keys whose cells are in order, by duration. It may use the memory of the argument for something else.
func sortKeys(keys []spanKey) []spanKey {
	const few, bits = 1000, 11
	if len(keys) < few {
		slices.Sort(keys)
		return keys
	}
	// By the bits of the durations, the lowest ones first (radix sort). Each round leaves the order of equal ones.
	sorted := make([]spanKey, len(keys))
	for shift := 32; shift < 64; shift += bits {
		var next [1 << bits]int // where the next key with these bits comes
		for _, k := range keys {
			next[k>>shift%(1<<bits)]++
		}
		sum := 0
		for i, n := range next {
			next[i], sum = sum, sum+n
		}
		for _, k := range keys {
			to := &next[k>>shift%(1<<bits)]
			sorted[*to] = k
			*to++
		}
		keys, sorted = sorted, keys
	}
	return keys
}

// normalize divides weights by their mean, which it returns. Weights that are all the same are 1 then, as if there were none.
func normalize(weights []float64) float64 {
	sum, equal := 0.0, true
	for _, w := range weights {
		sum += w
		equal = equal && w == weights[0]
	}
	mean := sum / float64(len(weights))
	if equal {
		mean = weights[0]
	}
	for i := range weights {
		weights[i] /= mean
	}
	return mean
}

// scores returns for each cell the mean of the scores of its spans. The score of a span is the normal quantile of its rank
// among the spans of both sides (van der Waerden 1952). So a test finds as much as one of the logarithms of durations
// would where these are normally distributed, and outliers do not decide it. Spans of the same duration have the
// same rank: the mean of theirs. A span of weight 2 counts as two.
func (s *sample) scores() []float64 {
	scores := make([]float64, len(s.spans))
	a, b := s.sides[0], s.sides[1]
	all := s.count(a) + s.count(b)
	below := 0.0
	for len(a)+len(b) > 0 {
		i, j := 0, 0
		least := spanKey(math.MaxUint64)
		if len(a) > 0 {
			least = a[0] >> 32
		}
		if len(b) > 0 {
			least = min(least, b[0]>>32)
		}
		for i < len(a) && a[i]>>32 == least {
			i++
		}
		for j < len(b) && b[j]>>32 == least {
			j++
		}
		group := s.count(a[:i]) + s.count(b[:j])
		score := math.Sqrt2 * math.Erfinv(2*(below+group/2)/all-1)
		for _, k := range a[:i] {
			scores[k.cell()] += score
		}
		for _, k := range b[:j] {
			scores[k.cell()] += score
		}
		below += group
		a, b = a[i:], b[j:]
	}
	for i := range scores {
		scores[i] /= float64(s.spans[i])
	}
	return scores
}

// count is how many spans there are, by weight.
func (s *sample) count(keys []spanKey) float64 {
	if s.equal {
		return float64(len(keys))
	}
	count := 0.0
	for _, k := range keys {
		count += s.weight[k.cell()]
	}
	return count
}

// influence turns a value of each cell into what the cell adds to the mean of its side: its weight times the distance from
// the mean of all. So a test of plain means is one of weighted means. It changes the values.
func influence(values, weights []float64) []float64 {
	sum := 0.0
	for i, v := range values {
		sum += weights[i] * v
	}
	mean := sum / float64(len(values)) // the weights of each side have the mean 1
	for i, v := range values {
		values[i] = weights[i] * (v - mean)
	}
	return values
}

// quantile returns the duration below which a share q of the spans of a side is, as [tracelog.Stat.Quantile] does.
func (s *sample) quantile(side Side, q float64) float64 {
	keys := s.sides[side]
	if len(keys) == 0 {
		return 0
	}
	if s.equal && s.factor[side] == 1 {
		whole, part := math.Modf(q * float64(len(keys)-1))
		low := keys[int(whole)].duration()
		return low + part*(keys[min(int(whole)+1, len(keys)-1)].duration()-low)
	}
	factor := s.factor[side]
	count := s.count(keys)
	at := q * max(count*factor-1, 0) / factor
	i, before := 0, 0.0
	reach := func(x float64) float64 { // the first span at which the sum of weights exceeds x
		for ; i < len(keys)-1; i++ {
			w := s.weight[keys[i].cell()]
			if before+w > x {
				break
			}
			before += w
		}
		return keys[i].duration()
	}
	whole := math.Floor(at*factor) / factor
	low := reach(whole + 0.5/factor)
	high := reach(whole + 1.5/factor)
	return low + (at-whole)*factor*(high-low)
}

// mean returns the mean duration of the spans of a side.
func (s *sample) mean(side Side) float64 {
	sum := 0.0
	for _, k := range s.sides[side] {
		d := k.duration()
		if !s.equal {
			d *= s.weight[k.cell()]
		}
		sum += d
	}
	return sum / max(s.count(s.sides[side]), math.SmallestNonzeroFloat64)
}

// effective returns how many traces of equal weights would tell as much as the weighted ones of a side (Kish 1965).
func (s *sample) effective(side Side) float64 {
	if s.equal {
		return float64(s.cells[side])
	}
	first, n := s.cellsOf(side)
	return effectiveNumber(s.weight[first : first+n])
}

// cellsOf returns the first cell of a side, and how many it has.
func (s *sample) cellsOf(side Side) (first, n int) {
	if side == After {
		first = s.cells[0]
	}
	return first, s.cells[side]
}

func effectiveNumber(weights []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, w := range weights {
		sum += w
		squares += w * w
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}

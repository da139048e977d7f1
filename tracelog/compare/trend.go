package compare

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A rootHistory is the traces of a root on one side.
type rootHistory struct {
	side      Side
	root      string
	durations []float32 // in order of time
}

// trends compares the two halves of each side, by the durations of the roots of each operation.
func (c *comparison) trends() []Trend {
	var histories []rootHistory
	for side := range c.data.sets {
		durations := make(map[int32][]float32)
		for i := range c.data.sets[side].traces {
			if t := &c.data.sets[side].traces[i]; t.root != noPath && t.start != math.MaxInt64 {
				durations[t.root] = append(durations[t.root], t.duration)
			}
		}
		byName := func(a, b int32) int { return strings.Compare(c.data.paths.nodes[a].op, c.data.paths.nodes[b].op) }
		for _, root := range slices.SortedFunc(maps.Keys(durations), byName) {
			if d := durations[root]; len(d) >= 2*exactBelow {
				histories = append(histories, rootHistory{Side(side), c.data.paths.nodes[root].op, d})
			}
		}
	}
	found := make([]Trend, len(histories))
	tests := make([]hypothesis, len(histories)) // without a test where none could find anything
	c.each(len(histories), func(i int) { found[i], tests[i] = c.trendOf(&histories[i]) })
	if c.ctx.Err() != nil {
		return nil
	}
	made := slices.DeleteFunc(slices.Clone(tests), func(h hypothesis) bool { return h.test == nil })
	c.sample(made)
	var ps []float64
	for _, h := range made {
		ps = append(ps, h.test.p)
	}
	qs := adjust(ps) // of those too small to report, too
	var out []Trend
	for i, t := range found {
		h := tests[i]
		if h.test == nil {
			continue
		}
		if t.P = h.test.p; h.large && qs[0] <= c.Alpha {
			out = append(out, t)
		}
		qs = qs[1:]
	}
	return slices.Clip(out)
}

// trendOf compares the two halves of a side. Without a test of them it returns nothing.
func (c *comparison) trendOf(h *rootHistory) (Trend, hypothesis) {
	halves := halvesOf(h.durations)
	seed := c.Seed ^ hashID(h.root) ^ uint64(h.side)
	p := newPermutation(influence(halves.scores(), halves.weight), halves.cells[0], evenly, c.Alpha, seed)
	if p == nil {
		return Trend{}, hypothesis{}
	}
	first, second := halves.quantile(Before, 0.5), halves.quantile(After, 0.5)
	return Trend{Side: h.side, Root: h.root, First: time.Duration(first), Second: time.Duration(second)},
		hypothesis{large: math.Abs(relative(first, second)) >= c.MinChange, test: p}
}

// halvesOf makes a sample of one span for each trace, the first half of which is the side before.
func halvesOf(durations []float32) *sample {
	n := len(durations)
	s := &sample{factor: [2]float64{1, 1}, equal: true, spans: make([]int32, 0, n), weight: make([]float64, 0, n)}
	for side := range s.sides {
		s.sides[side] = make([]spanKey, 0, (n+1)/2)
	}
	for i, d := range durations {
		side := 2 * i / n
		s.sides[side] = append(s.sides[side], keyOf(d, i))
		s.cells[side]++
		s.spans, s.weight = append(s.spans, 1), append(s.weight, 1)
	}
	for side := range s.sides {
		s.sides[side] = sortKeys(s.sides[side])
	}
	return s
}

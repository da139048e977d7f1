package compare

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// trends compares the two halves of each side, by the durations of the roots of each operation.
func (c *comparison) trends() []Trend {
	var found []Trend
	var tests []hypothesis
	for side := range c.data.sets {
		durations := make(map[int32][]float32) // of each root, in order of time
		for i := range c.data.sets[side].traces {
			if t := &c.data.sets[side].traces[i]; t.root != noPath && t.start != math.MaxInt64 {
				durations[t.root] = append(durations[t.root], t.duration)
			}
		}
		byName := func(a, b int32) int { return strings.Compare(c.data.paths.nodes[a].op, c.data.paths.nodes[b].op) }
		for _, root := range slices.SortedFunc(maps.Keys(durations), byName) {
			d := durations[root]
			if len(d) < 2*exactBelow || c.ctx.Err() != nil {
				continue
			}
			op := c.data.paths.nodes[root].op
			halves := halvesOf(d)
			p := newPermutation(influence(halves.scores(), halves.weight), halves.cells[0], evenly, c.Alpha, c.Seed^hashID(op)^uint64(side))
			if p == nil {
				continue
			}
			first, second := halves.quantile(Before, 0.5), halves.quantile(After, 0.5)
			found = append(found, Trend{Side: Side(side), Root: op, First: time.Duration(first), Second: time.Duration(second)})
			tests = append(tests, hypothesis{large: math.Abs(relative(first, second)) >= c.MinChange, test: p})
		}
	}
	c.sample(tests)
	var ps []float64
	for i, h := range tests {
		found[i].P = h.test.p
		ps = append(ps, h.test.p)
	}
	qs := adjust(ps) // of those too small to report, too
	var out []Trend
	for i, t := range found {
		if tests[i].large && qs[i] <= c.Alpha {
			out = append(out, t)
		}
	}
	return slices.Clip(out)
}

// halvesOf makes a sample of one span for each trace, the first half of which is the side before.
func halvesOf(durations []float32) *sample {
	s := &sample{factor: [2]float64{1, 1}, equal: true}
	for i, d := range durations {
		side := 2 * i / len(durations)
		s.sides[side] = append(s.sides[side], keyOf(d, i))
		s.cells[side]++
		s.spans, s.weight = append(s.spans, 1), append(s.weight, 1)
	}
	for side := range s.sides {
		s.sides[side] = sortKeys(s.sides[side])
	}
	return s
}

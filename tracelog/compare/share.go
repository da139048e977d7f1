package compare

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// share computes how much of the change of the roots each operation has, and compares the roots.
func (c *comparison) share(r *Report) {
	type totals struct {
		traces         [2]int
		weight, length [2]float64
	}
	roots := make(map[int32]*totals)
	var all [2]float64
	for side := range c.data.sets {
		for i := range c.data.sets[side].traces {
			t := &c.data.sets[side].traces[i]
			if t.root == noPath {
				continue
			}
			sum := roots[t.root]
			if sum == nil {
				sum = new(totals)
				roots[t.root] = sum
			}
			w := float64(t.weight)
			sum.traces[side]++
			sum.weight[side] += w
			sum.length[side] += w * float64(t.duration)
			all[side] += w
		}
	}
	// The share of a root in the traffic of both sides. Each side counts as much as the other.
	traffic := func(t *totals) float64 {
		share := 0.0
		for side := range all {
			if all[side] > 0 {
				share += t.weight[side] / all[side] / 2
			}
		}
		return share
	}
	before, after := 0.0, 0.0
	paths := make([]int32, 0, len(roots))
	for path := range roots {
		paths = append(paths, path)
	}
	byName := func(a, b int32) int { return strings.Compare(c.data.paths.nodes[a].op, c.data.paths.nodes[b].op) }
	slices.SortFunc(paths, byName)
	for _, path := range paths {
		t := roots[path]
		root := Root{Op: c.data.paths.nodes[path].op, Traces: t.traces}
		for side := range all {
			root.Share[side] = t.weight[side] / max(all[side], math.SmallestNonzeroFloat64)
		}
		if t.traces[0] > 0 && t.traces[1] > 0 {
			for side := range all {
				root.Mean[side] = time.Duration(t.length[side] / t.weight[side])
			}
			before += traffic(t) * t.length[0] / t.weight[0]
			after += traffic(t) * t.length[1] / t.weight[1]
		}
		r.Roots = append(r.Roots, root)
	}
	slices.SortStableFunc(r.Roots, func(a, b Root) int {
		return cmp.Or(cmp.Compare(b.Traces[0]+b.Traces[1], a.Traces[0]+a.Traces[1]), cmp.Compare(a.Op, b.Op))
	})
	for i := range r.Roots[:min(len(r.Roots), maxSources)] {
		if c.changesOnly {
			break
		}
		if root := &r.Roots[i]; min(root.Traces[0], root.Traces[1]) > 0 && c.ctx.Err() == nil {
			root.Sources = c.sources(c.data.paths.number(noPath, root.Op))
		}
	}
	r.Whole = Whole{time.Duration(before), time.Duration(after)}

	for _, row := range c.rows {
		t := roots[c.data.paths.root(row.path)]
		if t == nil || t.traces[0] == 0 || t.traces[1] == 0 {
			continue // not like with like
		}
		for side := range c.data.sets {
			sum := 0.0
			for _, cell := range c.cells(Side(side), row.path) {
				sum += float64(c.data.sets[side].traces[cell.trace].weight) * float64(cell.own)
			}
			row.Own[side] = time.Duration(sum / t.weight[side])
			if side == 0 {
				sum = -sum
			}
			row.moved += traffic(t) * sum / t.weight[side]
		}
		if after != before {
			row.Share = row.moved / (after - before)
		}
	}
}

// mixed reports whether the roots' shares of the traffic differ by more than chance. It compares the shares of each root that
// has at least ten traces, with the normal approximation and a correction for their number.
func mixed(roots []Root, effective [2]float64, alpha float64) bool {
	const least = 10
	var ps []float64
	distance := 0.0
	for _, r := range roots {
		distance += math.Abs(r.Share[0]-r.Share[1]) / 2
		if r.Traces[0]+r.Traces[1] < least {
			continue
		}
		p := (r.Share[0]*effective[0] + r.Share[1]*effective[1]) / (effective[0] + effective[1])
		deviation := math.Sqrt(p * (1 - p) * (1/effective[0] + 1/effective[1]))
		if deviation > 0 {
			ps = append(ps, math.Erfc(math.Abs(r.Share[0]-r.Share[1])/deviation/math.Sqrt2))
		}
	}
	return distance >= 0.05 && len(ps) > 0 && slices.Min(adjust(ps)) <= alpha
}

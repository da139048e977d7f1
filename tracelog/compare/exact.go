package compare

import (
	"math"
	"slices"
)

// exactLevels is how many different scores an exact test distinguishes, beside 0. Ranks of fewer than exactBelow traces a
// side, ties included, are all different.
const exactLevels = 4 * exactBelow

// exactP returns the share of all choices of k scores whose sum is at least as far from the middle as that of the first k,
// in the direction of sign, or in either if sign is 0. It counts the choices by their sums, one score after the other
// (Streitberg and Röhmel 1986), so it needs none of the 10¹⁶ choices themselves.
func exactP(scores []int32, k, sign int) float64 {
	levels := exactScores(scores)
	chosen, all := 0, 0
	for i, x := range levels {
		all += x
		if i < k {
			chosen += x
		}
	}
	// ways[c][s] is how many choices of c scores have the sum s, divided by that of all choices of k at the end.
	largest := slices.Clone(levels)
	slices.Sort(largest)
	slices.Reverse(largest)
	size := 1
	for _, x := range largest[:k] {
		size += x
	}
	ways := make([][]float64, k+1)
	for c := range ways {
		ways[c] = make([]float64, size)
	}
	ways[0][0] = 1
	for i, x := range levels {
		for c := min(k, i+1); c > 0; c-- {
			to, from := ways[c][x:], ways[c-1]
			for s := range to {
				to[s] += from[s]
			}
		}
	}
	// Compare n·sum with k·all: both are whole numbers.
	n := len(levels)
	distance := n*chosen - k*all
	extreme, total := 0.0, 0.0
	for s, w := range ways[k] {
		total += w
		d := n*s - k*all
		switch {
		case sign == 0 && max(d, -d) >= max(distance, -distance),
			sign > 0 && d >= distance,
			sign < 0 && d <= distance:
			extreme += w
		}
	}
	return extreme / total
}

// exactScores scales scores to 0 … exactLevels. Scores at equal distances stay so.
func exactScores(scores []int32) []int {
	distinct := slices.Compact(slices.Sorted(slices.Values(scores)))
	least, most := float64(distinct[0]), float64(distinct[len(distinct)-1])
	step := most - least
	for i := 1; i < len(distinct); i++ {
		step = min(step, float64(distinct[i]-distinct[i-1]))
	}
	// If all are multiples of the least distance, to within rounding, that is the unit.
	unit := step
	for _, x := range distinct {
		if m := (float64(x) - least) / unit; math.Abs(m-math.Round(m)) > 0.01 {
			unit = 0
			break
		}
	}
	if unit == 0 || (most-least)/unit > exactLevels {
		unit = (most - least) / exactLevels
	}
	levels := make([]int, len(scores))
	for i, x := range scores {
		levels[i] = int(math.Round((float64(x) - least) / unit))
	}
	return levels
}

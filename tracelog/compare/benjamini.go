package compare

import (
	"cmp"
	"slices"
)

// adjust returns for each p the least false discovery rate at which its test is found, among all tests (Benjamini and
// Hochberg 1995).
func adjust(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(ps[j], ps[i]) })
	qs := make([]float64, len(ps))
	least := 1.0
	for n, i := range order {
		least = min(least, ps[i]*float64(len(ps))/float64(len(ps)-n))
		qs[i] = least
	}
	return qs
}

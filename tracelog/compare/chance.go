package compare

import "math"

// hypergeometricTail returns the probability that of k traces drawn from n, s of which are chosen, at least a are chosen ones:
// p of Fisher's exact test, which is that of all permutations of the choice.
func hypergeometricTail(n, s, k, a int) float64 {
	if a <= 0 {
		return 1
	}
	p := 0.0
	all := logChoose(n, k)
	for i := max(a, k-(n-s)); i <= min(k, s); i++ {
		term := math.Exp(logChoose(s, i) + logChoose(n-s, k-i) - all)
		p += term
		if i > a && term < 1e-18*p {
			break
		}
	}
	return min(1, p)
}

// liftInterval returns an interval of the lift, at the level 1 − alpha, where of k traces that have an attribute, out of n of which
// s are chosen, a are chosen ones. It is exact: it inverts Fisher's test. If chosen traces have the attribute with odds that
// are r times those of the others, the number of chosen ones among the k has Fisher's noncentral hypergeometric distribution.
// The ends are the lifts that are expected for the least and the greatest r at which a is not too improbable.
func liftInterval(n, s, k, a int, alpha float64) (low, high float64) {
	first, last := max(0, k-(n-s)), min(k, s)
	weights := make([]float64, last-first+1) // their logarithms
	for i := range weights {
		weights[i] = logChoose(s, first+i) + logChoose(n-s, k-first-i)
	}
	// at returns, for the logarithm of r, the probabilities of at least and of at most a, and the mean.
	at := func(logOdds float64) (least, most, mean float64) {
		top := math.Inf(-1)
		for i, w := range weights {
			top = max(top, w+float64(i)*logOdds)
		}
		sum := 0.0
		for i, w := range weights {
			p := math.Exp(w + float64(i)*logOdds - top)
			sum += p
			mean += p * float64(first+i)
			if first+i >= a {
				least += p
			}
			if first+i <= a {
				most += p
			}
		}
		return least / sum, most / sum, mean / sum
	}
	lift := func(beyond func(logOdds float64) bool) float64 { // beyond is true above a limit, which it finds
		below, above := -50.0, 50.0
		for range 60 {
			if middle := (below + above) / 2; beyond(middle) {
				above = middle
			} else {
				below = middle
			}
		}
		_, _, mean := at(above)
		return mean * float64(n) / (float64(k) * float64(s))
	}
	low = lift(func(x float64) bool { least, _, _ := at(x); return least > alpha/2 })
	high = lift(func(x float64) bool { _, most, _ := at(x); return most < alpha/2 })
	return low, high
}

package speed

import "slices"

// Values are what was measured, by round.
type Values []float64

// Median returns the median. There must be a value.
func (v Values) Median() float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	if len(v)%2 == 0 {
		return (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return v[len(v)/2]
}

// Ratio returns the median of the rounds' ratios.
func (v Values) Ratio(of Values) float64 {
	each := make(Values, len(v))
	for i, x := range v {
		each[i] = x / of[i]
	}
	return each.Median()
}

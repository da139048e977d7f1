package draw

import "math"

// Sparkline draws each number as one block character, whose height is the number's share of the greatest finite one. A number
// above 0 is never blank; +Inf has the full height. 0, negative numbers and NaN are blank.
func Sparkline(values []float64) string {
	highest := 0.0
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 1) { // not NaN
			highest = max(highest, v)
		}
	}
	columns := make([]rune, len(values))
	for i, v := range values {
		columns[i] = ' '
		if v > 0 {
			share := min(v/max(highest, math.SmallestNonzeroFloat64), 1)
			columns[i] = []rune("▁▂▃▄▅▆▇█")[max(0, int(math.Ceil(share*8))-1)]
		}
	}
	return string(columns)
}

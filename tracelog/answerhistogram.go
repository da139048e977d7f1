package tracelog

import (
	"math"
	"time"
)

// Histogram draws the distribution of the durations in width block characters. Each column is a step of a logarithmic
// scale from the first duration to the last. Its height is its share of the fullest column. A column that is not
// empty is never blank. If both from and to are 0, they are Min and Max. Durations outside them count in the first
// and the last column, so that groups can share a scale.
//
// It is blank if there are no durations, and "" if width is less than 1. Widths over 1000 count as 1000.
func (s *Stat) Histogram(width int, from, to time.Duration) string {
	if width < 1 {
		return ""
	}
	width = min(width, 1000)
	if from == 0 && to == 0 {
		from, to = s.min, s.max
	}
	scale := logScale{width: width, from: math.Log1p(float64(max(from, 0)))}
	if span := math.Log1p(float64(max(to, 0))) - scale.from; span > 0 {
		scale.steps = float64(width) / span
	}
	columns := make([]float64, width)
	if s.sketch == nil {
		for i, d := range s.values {
			columns[scale.column(d)] += s.weight(i)
		}
	} else {
		for i, w := range s.sketch {
			if w > 0 {
				d := time.Duration(sketchValue(i))
				columns[scale.column(min(max(d, s.min), s.max))] += w
			}
		}
	}
	highest := 0.0
	for _, c := range columns {
		highest = max(highest, c)
	}
	drawn := make([]rune, width)
	for i, c := range columns {
		drawn[i] = ' '
		if c > 0 {
			// The slack allows for the order in which weights were added up.
			drawn[i] = []rune("▁▂▃▄▅▆▇█")[max(0, int(math.Ceil(c/highest*8-1e-6))-1)]
		}
	}
	return string(drawn)
}

// A logScale maps a duration to one of width columns. If all durations are equal, they are in the first.
type logScale struct {
	width       int
	from, steps float64 // logarithms, so that 0 needs no special case
}

func (l *logScale) column(d time.Duration) int {
	x := (math.Log1p(float64(d)) - l.from) * l.steps
	return min(max(int(x), 0), l.width-1)
}

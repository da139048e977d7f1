package tracelog

import "github.com/slogtrace/slogtrace/internal/limits"

const (
	maxWeight     = limits.MaxWeight
	minSampleRate = limits.MinSampleRate
)

// Weight is the [Span.Weight] of the span whose record the entry is.
func (e *Entry) Weight() float64 { return weight(e.SampleRate, e.Unsampled) }

func weight(rate float64, unsampled bool) float64 {
	switch {
	case unsampled:
		return 0
	case rate > 0 && rate <= minSampleRate:
		return maxWeight
	case rate > 0 && rate <= 1:
		return 1 / rate
	}
	return 1
}

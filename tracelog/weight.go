package tracelog

// maxWeight keeps sums finite whatever a line says its sample rate is.
const maxWeight = 1e9

// MinSampleRate is the least rate that counts: one below it counts as this.
const MinSampleRate = 1 / maxWeight

// Weight is what [Span.Weight] says of the span that the entry is the record of.
func (e *Entry) Weight() float64 { return weight(e.SampleRate, e.Unsampled) }

func weight(rate float64, unsampled bool) float64 {
	switch {
	case unsampled:
		return 0
	case rate > 0 && rate <= MinSampleRate:
		return maxWeight
	case rate > 0 && rate <= 1:
		return 1 / rate
	}
	return 1
}

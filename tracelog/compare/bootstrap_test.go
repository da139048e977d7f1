package compare

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sampleOf returns the durations of one operation of a plan.
func (p plan) sampleOf(seed uint64) *sample {
	d := p.data(seed)
	path := d.paths.number(d.paths.number(noPath, "GET /"), "op000")
	d.sets[0].sort()
	d.sets[1].sort()
	return newSample(&d.sets, path, func(c *column) []float32 { return c.durations })
}

// coverage returns in which share of the runs the interval of a change by 20 % has the true change.
func (p plan) coverage(runs int, q float64, interval func(*sample) (low, high float64)) float64 {
	p.ops = 1
	p.planted = slowerBy(0, 1.2)
	truth := 0.2 * 1e6 * math.Exp(p.sd*math.Sqrt2*math.Erfinv(2*q-1))
	covered := 0
	for seed := range uint64(runs) {
		if low, high := interval(p.sampleOf(seed)); low <= truth && truth <= high {
			covered++
		}
	}
	return float64(covered) / float64(runs)
}

// An interval of 95 % has the true change in 93 to 97 % of the cases.
func TestCoverage(t *testing.T) {
	bootstrap := func(q float64) func(*sample) (low, high float64) {
		return func(s *sample) (low, high float64) { return s.interval(q, 1) }
	}
	robust := func(q float64) func(*sample) (low, high float64) {
		return func(s *sample) (low, high float64) {
			return robustChange(s.newQuantileBootstrap(Before, q), s.newQuantileBootstrap(After, q))
		}
	}
	for name, tt := range map[string]struct {
		plan
		quantiles []float64
		interval  func(float64) func(*sample) (low, high float64)
	}{
		"8 traces":                      {plan{traces: 8}, []float64{0.5}, bootstrap},
		"20 traces":                     {plan{traces: 20}, []float64{0.5}, bootstrap},
		"80 traces":                     {plan{traces: 80}, []float64{0.5, 0.95}, bootstrap},
		"200 traces of 5 spans":         {plan{traces: 200, calls: 5}, []float64{0.5, 0.95}, bootstrap},
		"400 traces of 3 spans":         {plan{traces: 400, calls: 3}, []float64{0.5, 0.95, 0.99}, bootstrap},
		"2000 traces of 2 spans":        {plan{traces: 2000, calls: 2}, []float64{0.5, 0.95, 0.99}, robust},
		"400 sampled traces of 3 spans": {plan{traces: 400, calls: 3, weight: someWeights}, []float64{0.5, 0.95}, bootstrap},
	} {
		for _, q := range tt.quantiles {
			runs := 1000
			if testing.Short() {
				runs = 5
			}
			tt.sd, tt.icc = 0.53, 0.4
			share := tt.coverage(runs, q, tt.interval(q))
			// If the share is truly 0.95, so many runs find one outside of this with a probability of 0.4 %.
			if !testing.Short() && (share < 0.93 || share > 0.97) {
				t.Errorf("%s, p%v: %.3f of %d intervals have the true change", name, 100*q, share, runs)
			}
			t.Logf("%s, p%v: %.3f", name, 100*q, share)
		}
	}
}

// someWeights is what two rates of sampling give.
func someWeights(r *rand.Rand) float64 {
	if r.IntN(2) == 0 {
		return 4
	}
	return 1
}

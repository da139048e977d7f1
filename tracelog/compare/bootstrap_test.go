package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sampleOf returns the durations of one operation of a plan.
func (p plan) sampleOf(seed uint64) *sample {
	d := p.data(seed)
	path := d.paths.number(d.paths.number(noPath, "GET /"), "op000")
	d.sort()
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

// largest limits the traces for which TestCoverage makes enough runs to judge. There is no limit with the build tag long.
var largest = 200

// An interval of 95 % has the true change in 93 to 97 % of the cases.
func TestCoverage(t *testing.T) {
	bootstrap := func(q float64) func(*sample) (low, high float64) {
		return func(s *sample) (low, high float64) { return s.interval(q, 1) }
	}
	robust := func(q float64) func(*sample) (low, high float64) {
		return func(s *sample) (low, high float64) {
			return robustChange(s.newQuantileBootstrap(Before, q, windowWidth), s.newQuantileBootstrap(After, q, windowWidth))
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
			if testing.Short() || tt.traces > largest {
				runs = 5
			}
			tt.sd, tt.icc = 0.53, 0.4
			share := tt.coverage(runs, q, tt.interval(q))
			// If the share is truly 0.95, so many runs find one outside of this with a probability of 0.4 %.
			if runs == 1000 && (share < 0.93 || share > 0.97) {
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

// The interval is that of a plain bootstrap, also if so few traces have most of the spans that a draw often has none of
// them. Of three, one draw in twenty has none: more than the share below an interval.
func TestUnevenInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var d Data
	path := d.paths.number(noPath, "op")
	var durations [2][][]float64 // of each trace
	for side := range d.sets {
		s := &d.sets[side]
		for i := range 200 {
			number, spans, scale := s.begin(traceRow{root: path, weight: 1, start: int64(i)}), 1, 1e6
			if side == int(Before) && i < 3 {
				spans, scale = 1000, 1e8
			}
			var trace []float64
			for range spans {
				x := scale * math.Exp(0.3*r.NormFloat64())
				trace = append(trace, x)
				s.add(number, path, visit{duration: float32(x)})
			}
			durations[side] = append(durations[side], trace)
		}
	}
	changes := make([]float64, 2000)
	for i := range changes {
		var quantiles [2]float64
		for side, traces := range durations {
			var drawn []float64
			for range traces {
				drawn = append(drawn, traces[r.IntN(len(traces))]...)
			}
			slices.Sort(drawn)
			quantiles[side] = drawn[len(drawn)*95/100]
		}
		changes[i] = quantiles[After] - quantiles[Before]
	}
	wantLow, wantHigh := percentiles(changes)
	low, high := newSample(&d.sets, path, func(c *column) []float32 { return c.durations }).interval(0.95, 1)
	if math.Abs(low-wantLow) > 0.1*math.Abs(wantLow) || math.Abs(high-wantHigh) > 2e6 {
		t.Errorf("%.4g … %.4g, want %.4g … %.4g", low, high, wantLow, wantHigh)
	}
}

// A few traces with most of the spans: often a draw has none of them, and its quantile is below the window.
func TestDrawBelowWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var d Data
	s := &d.sets[Before]
	path := d.paths.number(noPath, "op")
	for i := range 200 {
		number, spans, scale := s.begin(traceRow{root: path, weight: 1, start: int64(i)}), 1, 1e6
		if i%50 == 0 {
			spans, scale = 1000, 1e8
		}
		for range spans {
			s.add(number, path, visit{duration: float32(scale * math.Exp(r.NormFloat64()))})
		}
	}
	b := newSample(&d.sets, path, func(c *column) []float32 { return c.durations }).newQuantileBootstrap(Before, 0.95, windowWidth)
	below := 0
	for range 1000 {
		switch x := b.draw(r); {
		case !(x > 0 && x < 1e12):
			t.Fatalf("drew %v", x)
		case x == b.window[0].duration:
			below++
		}
	}
	if below == 0 {
		t.Error("no draw was below the window")
	}
}

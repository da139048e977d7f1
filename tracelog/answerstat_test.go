package tracelog

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quantileCont computes a quantile of sorted values by its definition.
func quantileCont(sorted []time.Duration, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return float64(sorted[low]) + (at-float64(low))*float64(sorted[high]-sorted[low])
}

var quantiles = []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1}

var distributions = map[string]func(r *rand.Rand) time.Duration{
	"uniform":     func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(time.Second))) },
	"lognormal":   func(r *rand.Rand) time.Duration { return time.Duration(math.Exp(15 + 2*r.NormFloat64())) },
	"exponential": func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * 1e7) },
	"pareto":      func(r *rand.Rand) time.Duration { return time.Duration(min(1e6/math.Pow(r.Float64(), 1.2), 9e18)) },
	"two humps": func(r *rand.Rand) time.Duration {
		if r.IntN(10) == 0 {
			return 30*time.Second + time.Duration(r.IntN(1e6))
		}
		return 300*time.Microsecond + time.Duration(r.IntN(1e5))
	},
	"constant":    func(*rand.Rand) time.Duration { return 12345678 },
	"nanoseconds": func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3)) },
	"everything":  func(r *rand.Rand) time.Duration { return time.Duration(r.Uint64() >> (1 + r.IntN(63))) },
}

func TestStatQuantiles(t *testing.T) {
	for name, next := range distributions {
		for _, n := range []int{1, 2, 3, 10, 1000, maxExact, maxExact + 1, 3 * maxExact} {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			var s Stat
			values := make([]time.Duration, n)
			for i := range values {
				values[i] = next(r)
				s.Add(values[i], false, 1)
			}
			slices.Sort(values)
			if exact := n <= maxExact; s.Exact() != exact {
				t.Errorf("%d values: exact is %v", n, !exact)
			}
			bound := 0.0
			if !s.Exact() {
				bound = sketchError
			}
			for _, q := range quantiles {
				want := quantileCont(values, q)
				// Half a nanosecond is Duration's own rounding; a float of that size has 53 bits.
				if got := float64(s.Quantile(q)); math.Abs(got-want) > want*(bound+1e-15)+0.5 {
					t.Errorf("%s, %d values: quantile %v is %v, want %v", name, n, q, got, want)
				}
			}
			if s.N() != n || s.Count() != float64(n) || s.Min() != values[0] || s.Max() != values[n-1] {
				t.Errorf("%s, %d values: %d, %v, from %v to %v", name, n, s.N(), s.Count(), s.Min(), s.Max())
			}
		}
	}
}

// figures are the results of a Stat. Durations are in milliseconds.
type figures struct {
	Count, Errors                           float64
	Unsampled                               int
	Min, Mean, P50, P90, P95, P99, Max, Sum float64
	Exact                                   bool
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func figuresOf(s *Stat) figures {
	q := func(q float64) float64 { return millis(s.Quantile(q)) }
	return figures{s.Count(), s.Errors(), s.Unsampled(), millis(s.Min()), millis(s.Mean()),
		q(0.5), q(0.9), q(0.95), q(0.99), millis(s.Max()), millis(s.Sum()), s.Exact()}
}

func TestStatEmpty(t *testing.T) {
	var s Stat
	s.Merge(nil)
	s.Merge(&Stat{})
	if s.Quantile(0.5) != 0 || s.Mean() != 0 || s.Count() != 0 || !s.Exact() || figuresOf(&s) != (figures{Exact: true}) {
		t.Errorf("%+v", figuresOf(&s))
	}
}

func TestStatOddities(t *testing.T) {
	var s Stat
	s.Add(-5, false, 1)
	s.Add(math.MaxInt64, true, math.Inf(1))
	s.Add(7, true, math.NaN())
	s.Add(7, true, 0)
	s.Add(7, true, -1)
	if s.N() != 2 || s.Min() != 0 || s.Max() != math.MaxInt64 || s.Count() != 1+maxWeight || s.Errors() != maxWeight ||
		s.Unsampled() != 3 || s.Sum() != math.MaxInt64 || s.Quantile(math.NaN()) != 0 || s.Quantile(2) != math.MaxInt64 {
		t.Errorf("%+v", figuresOf(&s))
	}
	for range maxExact {
		s.Add(math.MaxInt64, false, 1)
	}
	if s.Exact() || float64(s.Quantile(0.9)) < math.MaxInt64*(1-sketchError) {
		t.Errorf("%v", s.Quantile(0.9))
	}
}

// A value of weight 3 counts as three values.
func TestStatWeights(t *testing.T) {
	for _, n := range []int{1, 5, 100, maxExact/2 - 5, maxExact} {
		r := rand.New(rand.NewPCG(2, uint64(n)))
		var weighted, repeated Stat
		for range n {
			d, w := distributions["lognormal"](r), 1+r.IntN(3)
			weighted.Add(d, w == 2, float64(w))
			for range w {
				repeated.Add(d, w == 2, 1)
			}
		}
		if weighted.Count() != repeated.Count() || weighted.Errors() != repeated.Errors() {
			t.Errorf("%d values: %v and %v", n, figuresOf(&weighted), figuresOf(&repeated))
		}
		for _, q := range quantiles {
			a, b := weighted.Quantile(q), repeated.Quantile(q)
			bound := 0.0
			if !repeated.Exact() {
				bound = sketchError * float64(a)
			}
			if math.Abs(float64(a-b)) > bound {
				t.Errorf("%d values: quantile %v is %v weighted and %v repeated", n, q, a, b)
			}
		}
	}
}

// One span in a hundred fails, one trace in ten is sampled, and failed spans are written even if their trace is not sampled.
func TestStatSampling(t *testing.T) {
	for _, rate := range []float64{1, 0.5, 0.1, 0.01, 0.3} {
		var s Stat
		const spans = 300_000
		written := 0
		for i := range spans {
			failed := i%100 == 37
			// Whether a trace is sampled has nothing to do with whether it fails.
			sampled := math.Mod(float64(i)*math.Phi, 1) < rate
			if !sampled && !failed {
				continue
			}
			end := Entry{Event: EventEnd, Failed: failed, SampleRate: rate, Unsampled: !sampled}
			if rate == 1 {
				end.SampleRate = 0 // the rate is written only if it is below 1
			}
			written++
			s.Add(time.Millisecond, end.Failed, end.Weight())
		}
		if share := s.Errors() / s.Count(); math.Abs(share-0.01) >= 0.0004 {
			t.Errorf("rate %v: %.3f %% of %v fail", rate, 100*share, s.Count())
		}
		if math.Abs(s.Count()-spans) > spans/200 || s.N()+s.Unsampled() != written {
			t.Errorf("rate %v: %v spans, want %v; %d and %d of %d", rate, s.Count(), spans, s.N(), s.Unsampled(), written)
		}
	}
	for _, tt := range []struct {
		entry Entry
		want  float64
	}{
		{Entry{}, 1}, {Entry{SampleRate: 0.25}, 4}, {Entry{SampleRate: 0.25, Unsampled: true}, 0}, {Entry{Unsampled: true}, 0},
		{Entry{SampleRate: 1}, 1}, {Entry{SampleRate: -1}, 1}, {Entry{SampleRate: 7}, 1}, {Entry{SampleRate: math.NaN()}, 1},
	} {
		if got := tt.entry.Weight(); got != tt.want {
			t.Errorf("weight %v, want %v, of %+v", got, tt.want, tt.entry)
		}
		tt.entry.Trace, tt.entry.Span, tt.entry.Event = "t", "s", EventEnd
		if got := Assemble([]Entry{tt.entry})[0].Roots[0].Weight; got != tt.want {
			t.Errorf("weight %v, want %v, of the span of %+v", got, tt.want, tt.entry)
		}
	}
	if got := Assemble([]Entry{{Trace: "t", Span: "s"}})[0].Roots[0].Weight; got != 1 {
		t.Errorf("weight %v, want 1, of a span without a record", got)
	}
}

// The result is the same to the last bit for any order of the values, and for any split into parts.
func TestStatMerge(t *testing.T) {
	for _, n := range []int{10, 1000, maxExact, maxExact + 1} {
		for _, weights := range [][]float64{{1}, {1, 10}, {1 / 0.3, 1 / 0.7, 1}} {
			r := rand.New(rand.NewPCG(3, uint64(n)))
			type value struct {
				d      time.Duration
				failed bool
				w      float64
			}
			values := make([]value, n)
			for i := range values {
				values[i] = value{distributions["lognormal"](r), r.IntN(3) == 0, weights[r.IntN(len(weights))]}
			}
			var direct Stat
			for _, v := range values {
				direct.Add(v.d, v.failed, v.w)
			}
			want := figuresOf(&direct)
			for trial := range 3 {
				parts := make([]Stat, 1+3*trial)
				for _, v := range values {
					parts[r.IntN(len(parts))].Add(v.d, v.failed, v.w)
				}
				r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
				var all Stat
				for i := range parts {
					parts[i].Quantile(0.5) // sorts the values
					all.Merge(&parts[i])
				}
				got := figuresOf(&all)
				if math.Abs(got.Sum/want.Sum-1) < 1e-12 {
					got.Sum, got.Mean = want.Sum, want.Mean
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d values of weights %v in %d parts (-want +got):\n%s", n, weights, len(parts), diff)
				}
				if all.N() != n || all.Exact() != (n <= maxExact) {
					t.Errorf("%d values, exact %v", all.N(), all.Exact())
				}
			}
		}
	}
}

// More values may be added after a call of Quantile.
func TestStatGoesOn(t *testing.T) {
	for _, weight := range []float64{1, 2} {
		var s Stat
		for _, d := range []time.Duration{30, 10, 40, 20, 50} {
			s.Add(d, false, weight)
			s.Quantile(0.5)
		}
		if got := s.Quantile(0.5); got != 30 {
			t.Errorf("weight %v: %v, want 30", weight, got)
		}
	}
}

func TestStatMergeSelf(t *testing.T) {
	for _, n := range []int{3, maxExact/2 + 1, maxExact + 1} {
		var s, want Stat
		for i := range n {
			s.Add(time.Duration(i), i == 1, 2)
			want.Add(time.Duration(i), i == 1, 2)
			want.Add(time.Duration(i), i == 1, 2)
		}
		s.Merge(&s)
		if diff := cmp.Diff(figuresOf(&want), figuresOf(&s)); diff != "" {
			t.Errorf("%d values (-want +got):\n%s", n, diff)
		}
	}
}

func TestSketch(t *testing.T) {
	check := func(v int64) {
		i := sketchIndex(v)
		mid := sketchValue(i)
		if i < 0 || i >= sketchBuckets || sketchIndex(mid) != i || math.Abs(float64(mid)-float64(v)) > sketchError*float64(v) {
			t.Fatalf("%d is in bucket %d, whose middle is %d", v, i, mid)
		}
	}
	for v := range int64(5000) {
		check(v)
		if v < 2<<sketchBits && sketchValue(sketchIndex(v)) != v {
			t.Errorf("%d is not kept exactly", v)
		}
	}
	for shift := range 63 {
		for _, add := range []int64{-1, 0, 1} {
			check(max(0, int64(1)<<shift+add))
		}
	}
	check(math.MaxInt64)
	last := int64(-1)
	for i := range sketchBuckets {
		v := sketchValue(i)
		if sketchIndex(v) != i || v <= last {
			t.Fatalf("bucket %d: %d after %d", i, v, last)
		}
		last = v
	}
}

func TestStatAllocs(t *testing.T) {
	var exact, weighted, sketched Stat
	for range maxExact * 3 / 4 { // append has room for the rest
		exact.Add(5, false, 1)
		weighted.Add(5, false, 3)
	}
	for range maxExact + 1 {
		sketched.Add(5, false, 1)
	}
	for name, s := range map[string]*Stat{"exact": &exact, "weighted": &weighted, "sketched": &sketched} {
		d := time.Duration(0)
		if n := testing.AllocsPerRun(1000, func() { d += 12345; s.Add(d, false, 1) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if !exact.Exact() || !weighted.Exact() || sketched.Exact() {
		t.Error("not what the names say")
	}
}

func BenchmarkStatAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]time.Duration, 1<<12)
	for i := range values {
		values[i] = distributions["lognormal"](r)
	}
	for name, n := range map[string]int{"exact": 0, "sketch": maxExact + 1} {
		b.Run(name, func(b *testing.B) {
			var s Stat
			for range n {
				s.Add(1, false, 1)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if n == 0 && s.N() == maxExact {
					s = Stat{values: s.values[:0]}
				}
				s.Add(values[i&(len(values)-1)], false, 1)
				i++
			}
		})
	}
}

// Weights are bounded, so their sums are finite.
func TestSumsAreFinite(t *testing.T) {
	var s Stat
	s.Add(math.MaxInt64, true, math.MaxFloat64)
	s.Add(math.MaxInt64, true, math.MaxFloat64)
	if s.Count() != 2*maxWeight || s.Errors() != 2*maxWeight || s.Sum() != math.MaxInt64 || s.Mean() != math.MaxInt64 {
		t.Errorf("%+v", figuresOf(&s))
	}
}

func TestSampleRate(t *testing.T) {
	for text, want := range map[string]float64{"1": 1, "0.25": 4, "1e-9": 1e9, "1e-10": 1e9, "1e-400": 1e9, "0.0000e9": 1, "0": 1, "2": 1, "-1e-400": 1} {
		line := `{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":1,"sample_rate":` + text + `}`
		checkLine(t, []byte(line))
		entries, _ := scanAll(t, []byte(line))
		if got := entries[0].Weight(); got != want {
			t.Errorf("%s: weight %g, want %g", text, got, want)
		}
	}
}

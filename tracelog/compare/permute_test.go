package compare

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// allDivisions returns the share of all choices of k values for which extreme is true.
func allDivisions(n, k int, extreme func(chosen uint) bool) float64 {
	all, hits := 0, 0
	for chosen := range uint(1) << n {
		if bits.OnesCount(chosen) == k {
			all++
			if extreme(chosen) {
				hits++
			}
		}
	}
	return float64(hits) / float64(all)
}

// An exact p is what counting all divisions gives, with ties and without.
func TestExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		n := 2 + r.IntN(13)
		k := 1 + r.IntN(n-1)
		values := make([]float64, n)
		sum := 0.0
		for i := range values {
			values[i] = float64(r.IntN(1 + r.IntN(40)))
			sum += values[i]
		}
		distance := func(chosen uint) float64 {
			x := 0.0
			for i, v := range values {
				if chosen>>i&1 == 1 {
					x += v
				}
			}
			return x - float64(k)*sum/float64(n)
		}
		observed := distance(1<<k - 1)
		for sign := -1; sign <= 1; sign++ {
			want := allDivisions(n, k, func(chosen uint) bool {
				if sign == 0 {
					return math.Abs(distance(chosen)) >= math.Abs(observed)-1e-9
				}
				return float64(sign)*distance(chosen) >= float64(sign)*observed-1e-9
			})
			if got := exactP(scoresOf(values), k, sign); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%v, %d of them, sign %d: %v, want %v", values, k, sign, got, want)
			}
		}
	}
	// Wilcoxon's table: of two samples of 8, all of one below the other has the two-sided p of 2/12870.
	var ranks []float64
	for i := range 16 {
		ranks = append(ranks, float64(i))
	}
	if got, want := exactP(scoresOf(ranks), 8, 0), 2.0/12870; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
}

// Random permutations give the p of all of them.
func TestSampled(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 20 {
		n := 8 + r.IntN(8)
		k := 3 + r.IntN(n/2-2)
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(r.IntN(50))
			if i >= k {
				values[i] += 10
			}
		}
		for tail := range 2 {
			p := &permutation{scores: scoresOf(values), small: k, sign: -tail, random: 1}
			p.extreme = p.welch(p.sum())
			p.arrange(1)
			scores := scoresOf(values)
			want := allDivisions(n, k, func(chosen uint) bool {
				var sum, squares int64
				for i, x := range scores {
					if chosen>>i&1 == 1 {
						sum += int64(x)
						squares += int64(x) * int64(x)
					}
				}
				return p.welch(sum, squares) >= p.extreme
			})
			if p.leastP() > want+1e-9 {
				t.Errorf("%v, %d of them, tail %d: the least p is %v, but p is %v", values, k, tail, p.leastP(), want)
			}
			if b := p.bound(); tail == 0 && b < want-1e-9 {
				t.Errorf("%v, %d of them: bound %v, but p is %v", values, k, b, want)
			}
			hits := 0
			const n = 20_000
			for range n {
				sum, squares := p.choose()
				if p.welch(sum, squares) >= p.extreme {
					hits++
				}
			}
			if got, deviation := float64(hits)/n, math.Sqrt(want*(1-want)/n); math.Abs(got-want) > 4.5*deviation+1e-9 {
				t.Errorf("%v, %d of them, tail %d: %v, want %v", values, k, tail, got, want)
			}
		}
	}
}

// p is uniform where nothing has changed, although the spans of a trace have much in common, and although one side has other
// numbers of traces or of spans in each.
func TestUniform(t *testing.T) {
	runs := 1500
	if testing.Short() {
		runs = 20
	}
	for name, sides := range map[string][2]plan{
		"alike":                    {{traces: 100, calls: 5}, {traces: 100, calls: 5}},
		"more calls":               {{traces: 100}, {traces: 100, calls: 10}},
		"fewer traces":             {{traces: 300, calls: 2}, {traces: 40, calls: 2}},
		"fewer traces, more calls": {{traces: 300}, {traces: 40, calls: 10}},
		"fewer traces and calls":   {{traces: 300, calls: 10}, {traces: 40}},
		"exact":                    {{traces: 12, calls: 2}, {traces: 15, calls: 2}},
		"sampled otherwise":        {{traces: 200, calls: 2, weight: someWeights}, {traces: 100, calls: 2}},
	} {
		limits := []float64{0.01, 0.05, 0.2, 0.5}
		below := [2][]int{make([]int, len(limits)), make([]int, len(limits))}
		for seed := range uint64(runs) {
			d := new(Data)
			for side, p := range sides {
				p.ops, p.sd, p.icc = 1, 0.53, 0.4
				p.side(d, Side(side), seed)
			}
			s := newSample(&d.sets, d.paths.number(d.paths.number(noPath, "GET /"), "op000"), func(c *column) []float32 { return c.durations })
			for n, rise := range []float64{evenly, slowerShare} {
				test := newPermutation(influence(s.scores(), s.weight), s.cells[0], rise, 0.05, seed)
				test.sample(context.Background(), 2000, enoughHits)
				for i, limit := range limits {
					if test.p <= limit {
						below[n][i]++
					}
				}
			}
		}
		for n := range below {
			for i, limit := range limits {
				share, deviation := float64(below[n][i])/float64(runs), math.Sqrt(limit*(1-limit)/float64(runs))
				if math.Abs(share-limit) > 4*deviation {
					t.Errorf("%s, test %d: p is at most %v in %.4f of %d runs", name, n, limit, share, runs)
				}
			}
		}
	}
}

// Blocks have as many traces each, of one side, and no two that are near to each other.
func TestBlocks(t *testing.T) {
	for _, n := range [][3]int{{13, 20, 3}, {12, 12, 4}, {5, 9, 5}, {7, 7, 1}} {
		k, size := n[0], n[2]
		p := &permutation{small: k, scores: make([]int32, k+n[1])}
		for i := range p.scores {
			p.scores[i] = 1 << i
			if i >= k {
				p.scores[i] = 1 << (i - k)
			}
		}
		p.arrange(size)
		if want := k/size + n[1]/size; p.first != k/size || len(p.blocks) != want {
			t.Fatalf("%v: %d of %d blocks, want %d of %d", n, p.first, len(p.blocks), k/size, want)
		}
		seen := [2]int64{p.fixed.sum, 0}
		for i, b := range p.blocks {
			side := 0
			if i >= p.first {
				side = 1
			}
			if bits.OnesCount64(uint64(b.sum)) != size || seen[side]&b.sum != 0 {
				t.Errorf("%v: block %d is %b, others are %b", n, i, b.sum, seen[side])
			}
			if n[side]/size > 1 && b.sum&(b.sum<<1) != 0 {
				t.Errorf("%v: block %d has neighbours: %b", n, i, b.sum)
			}
			seen[side] |= b.sum
		}
		if seen[0] != 1<<k-1 || bits.OnesCount64(uint64(p.fixed.sum)) != k%size {
			t.Errorf("%v: blocks are %b, the rest %b", n, seen, p.fixed.sum)
		}
		for i := range p.scores {
			p.scores[i] = 1
		}
		p.arrange(size)
		if sum, squares := p.choose(); sum != int64(k) || squares != int64(k) {
			t.Errorf("%v: %d traces are chosen, %d by the sum of squares, want %d", n, sum, squares, k)
		}
	}
}

// p of many traces, which are permuted in blocks, is uniform where nothing has changed, and as small as with single traces where
// something has, even if all of it is in a few traces that are near to each other.
func TestManyTraces(t *testing.T) {
	const before, after = 6500, 9900
	if size := before / enoughBlocks; size < 3 {
		t.Fatalf("blocks have %d traces", size)
	}
	runs := 500
	if testing.Short() {
		runs = 20
	}
	r := rand.New(rand.NewPCG(3, 1))
	values := make([]float64, before+after)
	for name, value := range map[string]func() float64{
		"skewed": r.ExpFloat64,
		"rare": func() float64 {
			if r.IntN(500) == 0 {
				return 1
			}
			return 0
		},
	} {
		below := make(map[float64]int)
		for seed := range uint64(runs) {
			for i := range values {
				values[i] = value()
			}
			p := newPermutation(values, before, slowerShare, 0.05, seed)
			p.sample(context.Background(), 200, 200)
			for _, limit := range []float64{0.02, 0.1, 0.5} {
				if p.p <= limit {
					below[limit]++
				}
			}
		}
		for limit, n := range below {
			share, deviation := float64(n)/float64(runs), math.Sqrt(limit*(1-limit)/float64(runs))
			if share > limit+4*deviation || name != "rare" && share < limit-4*deviation { // few rare ones have few sums: p is greater
				t.Errorf("%s: p is at most %v in %.4f of %d runs", name, limit, share, runs)
			}
		}
	}
	clear(values)
	for i := range 8 { // all failures are after, within a moment
		values[before+5000+i] = 1
	}
	mean := 0.0
	const seeds = 20
	for seed := range uint64(seeds) {
		p := newPermutation(values, before, 1, 0.05, seed)
		p.sample(context.Background(), 20_000, enoughHits)
		mean += p.p / seeds
	}
	if want := math.Pow(float64(after)/(before+after), 8); mean < want/1.4 || mean > 1.4*want {
		t.Errorf("p is %v, want about %v", mean, want)
	}
}

// What could never be found is no test: it would only weaken the others.
func TestLeast(t *testing.T) {
	rare := make([]float64, 2000)
	rare[1999], rare[1998], rare[1997] = 1, 1, 1
	if newPermutation(rare, 1000, evenly, 0.05, 1) != nil {
		t.Error("three traces of 2000 are tested, all after: p is 1/8 at least")
	}
	for i := range 8 {
		rare[1999-i] = 1
	}
	mean := 0.0
	const seeds = 20
	for seed := range uint64(seeds) {
		p := newPermutation(rare, 1000, evenly, 0.05, seed)
		if p == nil {
			t.Fatal("eight traces are not tested")
		}
		p.sample(context.Background(), 20_000, enoughHits)
		mean += p.p / seeds
	}
	if want := math.Pow(2, -7); mean < want/1.4 || mean > 1.4*want { // ten extreme permutations tell a p to about a third
		t.Errorf("p is %v, want about %v", mean, want)
	}
	if newPermutation(make([]float64, 100), 50, evenly, 0.05, 1) != nil || newPermutation(make([]float64, 100), 0, evenly, 0.05, 1) != nil {
		t.Error("equal values, or one side only, are tested")
	}
}

// The example of Benjamini and Hochberg's paper of 1995, with its 15 p-values.
func TestAdjust(t *testing.T) {
	ps := []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1}
	found := 0
	for _, q := range adjust(ps) {
		if q <= 0.05 {
			found++
		}
	}
	if found != 4 {
		t.Errorf("%d are found, want 4", found)
	}
	if diff := cmp.Diff([]float64{0.03, 0.04, 0.04}, adjust([]float64{0.01, 0.04, 0.03}), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

package compare

import (
	"context"
	"math"
	"slices"
)

// A permutation tests whether the values of traces are exchangeable between the sides.
//
// The values are scaled to whole numbers, so that sums are exact and ties are ties. The statistic is the difference of the
// means divided by its standard error (Welch's t), because values may vary more on one side, as when one side has more
// spans in each trace. Then the test holds approximately even if only the means are the same (Janssen 1997).
//
// If both sides have fewer than exactBelow traces, p is exact: it counts, over all ways to divide the traces, those whose
// difference of the means is as great, without sampling any. See exact.go.
// Else p comes from random permutations. Sampling ends early when enough permutations were as extreme: p is then known
// well enough, and still valid (Besag and Clifford 1991). Of many traces not single ones are permuted, but blocks of them: see
// arrange.
type permutation struct {
	scores []int32
	all    total
	small  int     // the size of the smaller side, whose scores are the first ones
	fell   bool    // the mean is less after
	sign   int     // 0: two-sided; else the sign of the difference first − rest that is extreme
	share  float64 // of alpha that the direction of sign has: p is divided by it
	least  float64 // the least p that any division could have

	blocks []block // what is permuted: first of the smaller side
	first  int     // how many are of the smaller side
	fixed  block   // its traces that are in no block

	random  uint64 // the state of the generator
	extreme float64
	done    int // permutations
	hits    int // of them as extreme
	p       float64
	settled bool
	exact   bool
}

// slowerShare is the share of alpha for slower operations: what became slower is looked for, faster is good to know. evenly
// is that of a test in which both directions are alike.
const (
	slowerShare = 0.8
	evenly      = 0.5
)

const (
	exactBelow   = 30      // traces on each side
	enoughHits   = 10      // extreme permutations, which tell p to about a third
	enoughBlocks = 2000    // on the smaller side
	scoreLimit   = 1 << 20 // of scores
	plentyOther  = 64      // values that differ from the most frequent one: enough for any p
)

// newPermutation makes a test of values, those of before first. rise is the share of alpha that greater values after have: 1 if
// less values are not extreme, evenly if both directions are alike, slowerShare if they are not. It returns nil if no
// division of the traces could have a p of at most alpha.
func newPermutation(values []float64, before int, rise, alpha float64, seed uint64) *permutation {
	after := len(values) - before
	if before == 0 || after == 0 {
		return nil
	}
	p := &permutation{scores: scoresOf(values), small: before, share: 1, random: seed}
	up := -1            // sign, if greater values after are extreme
	if after < before { // the smaller side comes first
		slices.Reverse(p.scores)
		p.small, up = after, 1
	}
	sum, squares := p.sum()
	p.fell = float64(up)*(float64(sum)*p.all.n-p.all.sum*p.all.k) < 0
	switch rise {
	case 1:
		p.sign = up
		p.least = p.leastP()
	case evenly:
		p.least = p.leastP()
	default:
		// Two tests of one direction each, of which only that of the data's direction can have a small p. Whether there is a
		// test must not depend on that.
		p.sign = -up
		fall := p.leastP() / (1 - rise)
		p.sign, p.share = up, rise
		p.least = min(fall, p.leastP()/rise)
		if p.fell {
			p.sign, p.share = -up, 1-rise
		}
	}
	if p.least > alpha {
		return nil
	}
	if max(before, after) < exactBelow {
		p.settle(exactP(p.scores, p.small, p.sign))
		p.exact = true
		return p
	}
	p.extreme = p.welch(sum, squares)
	return p
}

// settle sets p, from that of the direction of the data.
func (p *permutation) settle(x float64) {
	p.p, p.settled = min(1, max(x, math.SmallestNonzeroFloat64)/p.share), true
}

// scoresOf scales values to whole numbers from 0 to scoreLimit.
func scoresOf(values []float64) []int32 {
	least, most := values[0], values[0]
	for _, v := range values {
		if v < least {
			least = v
		}
		if v > most {
			most = v
		}
	}
	scores := make([]int32, len(values))
	if most == least {
		return scores
	}
	for i, v := range values {
		scores[i] = int32((v-least)/(most-least)*scoreLimit + 0.5)
	}
	return scores
}

// A total is what all divisions of the traces have in common.
type total struct{ n, k, sum, squares float64 }

// sum sets all, and returns the sum of the first side's scores and that of their squares.
func (p *permutation) sum() (sum, squares int64) {
	first, rest := blockOf(p.scores[:p.small]), blockOf(p.scores[p.small:])
	p.all = total{float64(len(p.scores)), float64(p.small), float64(first.sum + rest.sum), float64(first.squares + rest.squares)}
	return first.sum, first.squares
}

// welch returns how extreme a division is, from the sums of its first side: t², with the sign of t in a one-sided test.
func (p *permutation) welch(sum, squares int64) float64 {
	t := &p.all
	k, rest := t.k, t.n-t.k
	m1, m2 := float64(sum)/k, (t.sum-float64(sum))/rest
	d := m1 - m2
	if d == 0 {
		return 0
	}
	v1 := float64(squares)/k - m1*m1
	v2 := (t.squares-float64(squares))/rest - m2*m2
	x := math.Inf(1)
	if v := v1/max(1, k-1) + v2/max(1, rest-1); v > 0 {
		x = d * d / v
	}
	if p.sign != 0 && d*float64(p.sign) < 0 {
		return -x
	}
	return x
}

// What is too small to be reported has a p that only counts for the correction of others: a rough one will do.
const (
	fewPermutations = 1000
	fewHits         = 3
)

// sample makes random permutations until there are n, or enough of them that are as extreme as the data, or until ctx is done.
// It makes none if a proven bound of p is below all that n can tell.
func (p *permutation) sample(ctx context.Context, n, enough int) {
	if p.settled {
		return
	}
	if bound := p.bound(); bound < 1/float64(n+1) {
		p.settle(bound)
		return
	}
	p.arrange(max(1, p.small/enoughBlocks))
	left := 0 // blocks until ctx is asked again
	for p.done < n && p.hits < enough {
		if left -= p.first; left < 0 {
			if ctx.Err() != nil {
				return
			}
			left = 1 << 16
		}
		p.done++
		sum, squares := p.choose()
		if p.welch(sum, squares) >= p.extreme {
			p.hits++
		}
	}
	if p.hits >= enough {
		p.settle(float64(p.hits) / float64(p.done))
	} else {
		p.settle(float64(p.hits+1) / float64(p.done+1))
	}
	p.blocks = nil
}

// A block is traces of one side that are permuted together: the sums of their scores.
type block struct{ sum, squares int64 }

func (b *block) add(x int32) {
	b.sum += int64(x)
	b.squares += int64(x) * int64(x)
}

func blockOf(scores []int32) (b block) {
	for _, x := range scores {
		b.add(x)
	}
	return b
}

// arrange makes blocks of size traces each. If traces are exchangeable, so are blocks, and p is as valid as with single
// traces: the permutations of blocks are a group. They tell as much if there are enough blocks, and take a fraction of the time.
//
// Traces that are near to each other are in different blocks: else a short outage would be in one block, which is on the
// side after in every second permutation. The last traces of a side, fewer than size, are in none and keep their side.
func (p *permutation) arrange(size int) {
	p.first = p.small / size
	p.blocks = make([]block, len(p.scores)/size) // one too many, if both sides together have size traces left
	p.blocks = p.blocks[:p.first+fill(p.blocks[p.first:], p.scores[p.small:], size)]
	fill(p.blocks[:p.first], p.scores[:p.small], size)
	p.fixed = blockOf(p.scores[p.first*size : p.small])
}

// fill adds the scores of a side to its blocks, and returns how many there are.
func fill(blocks []block, scores []int32, size int) int {
	n := len(scores) / size
	for from := 0; from < n*size; from += n {
		for i, x := range scores[from : from+n] {
			blocks[i].add(x)
		}
	}
	return n
}

// choose puts a random choice of blocks first, each with the same probability, and returns the sums of the side that has them.
func (p *permutation) choose() (sum, squares int64) {
	blocks, state := p.blocks, p.random
	left := uint64(len(blocks))
	bits := uint64(0)
	sum, squares = p.fixed.sum, p.fixed.squares
	for i := range p.first {
		if i&1 == 0 {
			bits = splitmix(&state)
		}
		// The product of 32 random bits and a number of blocks is uniform to within 2⁻³² times that number.
		j := i + int((bits&math.MaxUint32)*left>>32)
		bits >>= 32
		left--
		x := blocks[j]
		blocks[j] = blocks[i]
		blocks[i] = x
		sum += x.sum
		squares += x.squares
	}
	p.random = state
	return sum, squares
}

// splitmix returns the next random number of the generator SplitMix64 (Steele, Lea and Flood 2014).
func splitmix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bound returns a number that p does not exceed. Bernstein's inequality holds for sums of a sample without replacement
// (Hoeffding 1963, theorem 4): P(|m₁−m| ≥ e) ≤ 2·exp(−k·e² / (2·s² + 2/3·b·e)), where m₁ is the mean of the k
// chosen scores, m and s² are the mean and variance of all and b is the greatest deviation.
//
// A division with t² ≥ x has a difference of means d with d² ≥ x·n·s² / (r² + x·k·r/n), where r is the size of the
// greater side, because the variances within the sides add up to n·s² − d²·k·r/n. And m₁−m is d·r/n.
func (p *permutation) bound() float64 {
	x := p.extreme
	if x <= 0 {
		return 1
	}
	all := &p.all
	n, k, r := all.n, all.k, all.n-all.k
	mean := all.sum / n
	variance := all.squares/n - mean*mean
	if variance <= 0 {
		return 1
	}
	d := math.Sqrt(x * n * variance / (r*r + x*k*r/n))
	if math.IsInf(x, 1) {
		d = math.Sqrt(n * variance * n / (k * r))
	}
	e := d * r / n
	most := max(scoreLimit-mean, mean) // if scores differ, they have both ends
	return min(1, 2*math.Exp(-k*e*e/(2*variance+2.0/3*most*e)))
}

// leastP returns the least p that any division can have: that of the one with the greatest scores on one side. For speed
// it returns 0 if enough scores differ.
func (p *permutation) leastP() float64 {
	other := differing(p.scores)
	if other == 0 {
		return 1
	}
	if other >= plentyOther && p.small >= plentyOther {
		return 0
	}
	sorted := slices.Sorted(slices.Values(p.scores))
	k := p.small
	low := waysToTie(sorted, k)
	slices.Reverse(sorted)
	high := waysToTie(sorted, k)
	all := logChoose(len(sorted), k)
	switch {
	case p.sign > 0:
		return math.Exp(high - all)
	case p.sign < 0:
		return math.Exp(low - all)
	case 2*k == len(sorted): // the other sides of these divisions are as extreme
		return 2 * math.Exp(low-all)
	}
	return math.Exp(min(low, high) - all)
}

// differing returns how many scores differ from the most frequent one. Once it is known that plentyOther do, it may return
// any number that is not less.
func differing(scores []int32) int {
	const few = 64 * plentyOther
	if len(scores) > few {
		// If as many of a part differ from what more than half of it are, as many of all differ from whatever is most frequent.
		if n := differing(scores[:few]); n >= plentyOther {
			return n
		}
	}
	frequent, votes := int32(0), 0 // the score that more than half of the traces have, if there is one
	for _, x := range scores {
		switch {
		case votes == 0:
			frequent, votes = x, 1
		case x == frequent:
			votes++
		default:
			votes--
		}
	}
	other := 0
	for _, x := range scores {
		if x != frequent {
			other++
		}
	}
	return other
}

// waysToTie returns the logarithm of how many choices of k scores have the same scores as the first k of the sorted ones.
func waysToTie(sorted []int32, k int) float64 {
	cut := sorted[k-1]
	inside, tied := 0, 0
	for i, x := range sorted {
		if x == cut {
			tied++
			if i < k {
				inside++
			}
		}
	}
	return logChoose(tied, inside)
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

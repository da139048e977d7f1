package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// An allocated quantile: the traces whose root's duration is within width of it, as shares of all, tell what it consists of.
var allocated = []struct{ q, width float64 }{{0.5, 0.05}, {0.95, 0.025}}

const (
	minWindow         = 50  // traces near a quantile
	sourcesReplicates = 100 // of the bootstrap: the standard error is then known to 7 %
)

// sources tells where the change of quantiles of a root's duration comes from, by Euler's allocation: the sum of what
// operations take is the duration, so what each adds to a quantile is its mean in the traces near it.
func (c *comparison) sources(root int32) []Sources {
	var paths []int32
	for _, r := range c.rows {
		if c.data.paths.root(r.path) == root {
			paths = append(paths, r.path)
		}
	}
	slices.SortFunc(paths, func(a, b int32) int { return slices.Compare(c.data.paths.path(a), c.data.paths.path(b)) })
	var sides [2]rootTraces
	c.each(len(sides), func(side int) { sides[side] = c.data.sets[side].tracesOf(root) })
	windows := allocated
	if c.Single {
		windows = windows[:1] // there is one duration
	}
	all := make([]Sources, len(windows))
	for i, w := range windows {
		all[i].Q = w.q
		if need := int(math.Ceil(minWindow / (2 * w.width))); !c.Single && min(sides[0].effective, sides[1].effective) < need {
			all[i].Need = need
		}
	}
	means := make([][2]allocatedMeans, len(windows))
	c.each(2*len(windows), func(n int) {
		if i, side := n/2, n%2; all[i].Need == 0 {
			means[i][side] = c.meansOf(Side(side), &sides[side], paths, windows[i].q, windows[i].width)
		}
	})
	if c.ctx.Err() != nil {
		return nil
	}
	for i := range all {
		if all[i].Need == 0 {
			all[i].fill(c, paths, means[i])
		}
	}
	return all
}

// allocatedMeans are those of allocation.means on one side, and their variances.
type allocatedMeans struct{ estimates, variances []float64 }

func (c *comparison) meansOf(side Side, traces *rootTraces, paths []int32, q, width float64) allocatedMeans {
	a := c.newAllocation(side, traces, paths, q, width)
	m := allocatedMeans{estimates: a.estimate()}
	if m.variances = make([]float64, len(m.estimates)); !c.Single {
		m.variances = a.variances(c.Seed + uint64(side))
	}
	return m
}

// fill sets the parts.
func (out *Sources) fill(c *comparison, paths []int32, sides [2]allocatedMeans) {
	before, after := sides[0], sides[1]
	last := len(paths) + 2 // see allocation.means
	out.Before, out.After = time.Duration(before.estimates[last]), time.Duration(after.estimates[last])
	change := func(i int) (low, high time.Duration) {
		d := after.estimates[i] - before.estimates[i]
		e := normalAt * math.Sqrt(before.variances[i]+after.variances[i])
		return time.Duration(d - e), time.Duration(d + e)
	}
	out.Low, out.High = change(last)
	for i := range last {
		p := Part{Before: time.Duration(before.estimates[i]), After: time.Duration(after.estimates[i])}
		switch i - len(paths) {
		case 0:
			p.Kind = Rest
		case 1:
			p.Kind = AfterRoot
		default:
			p.Path = c.data.paths.path(paths[i])
		}
		p.Low, p.High = change(i)
		if p.Before != 0 || p.After != 0 {
			out.Parts = append(out.Parts, p)
		}
	}
	slices.SortStableFunc(out.Parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare((b.After-b.Before).Abs(), (a.After-a.Before).Abs()))
	})
}

// An allocation has the traces of one root and side whose root's duration can be near a quantile, in order of that, and
// how many others there are below and above them.
type allocation struct {
	q, width     float64
	below, above otherTraces
	durations    []float64
	weights      []float64
	own          [][]float32 // of each trace: the time of each path and, last, the time after the root's end
	drawn        []float64   // a scratch buffer
}

// otherTraces are traces that matter by their weight only.
type otherTraces struct{ weight, squares float64 }

// draw returns the weight of traces that are drawn again: each as often as a Poisson-distributed number says. There are
// none or so many that the sum is normally distributed.
func (o otherTraces) draw(random *rand.Rand) float64 {
	if o.weight == 0 {
		return 0
	}
	return max(0, o.weight+math.Sqrt(o.squares)*random.NormFloat64())
}

func othersOf(traces []traceRow, order []uint64) (o otherTraces) {
	for _, key := range order {
		w := float64(traces[uint32(key)].weight)
		o.weight += w
		o.squares += w * w
	}
	return o
}

// rootTraces are the traces of one root and side.
type rootTraces struct {
	order     []uint64 // the bits of the duration before the number, in order of that
	all       otherTraces
	effective int // how many traces of equal weights tell as much
}

func (s *set) tracesOf(root int32) (r rootTraces) {
	for i := range s.traces {
		if s.traces[i].root == root {
			r.order = append(r.order, uint64(math.Float32bits(s.traces[i].duration))<<32|uint64(i))
		}
	}
	slices.Sort(r.order)
	if r.all = othersOf(s.traces, r.order); len(r.order) > 0 {
		r.effective = int(math.Round(r.all.weight * r.all.weight / r.all.squares))
	}
	return r
}

func (c *comparison) newAllocation(side Side, root *rootTraces, paths []int32, q, width float64) *allocation {
	traces := c.data.sets[side].traces
	a := &allocation{q: q, width: width}
	order, all := root.order, root.all
	// A draw can shift the window by some standard errors.
	margin := width + 5*math.Sqrt(q*(1-q)*all.squares)/all.weight
	from, to := len(order)-1, len(order)
	sum := 0.0
	for n, key := range order {
		if sum += float64(traces[uint32(key)].weight); sum >= (q-margin)*all.weight {
			from = min(from, n)
		}
		if sum > (q+margin)*all.weight {
			to = n + 1
			break
		}
	}
	if from < fewTraces {
		from = 0
	}
	if len(order)-to < fewTraces {
		to = len(order)
	}
	a.below, a.above = othersOf(traces, order[:from]), othersOf(traces, order[to:])
	a.drawn = make([]float64, to-from)
	number := make([]int32, len(traces)) // of each trace among these, from 1
	own := make([]float32, (to-from)*(len(paths)+1))
	for n, key := range order[from:to] {
		trace := &traces[uint32(key)]
		number[uint32(key)] = int32(n) + 1
		a.durations, a.weights = append(a.durations, float64(trace.duration)), append(a.weights, float64(trace.weight))
		last := len(paths) + 1
		own[len(paths)] = trace.after
		a.own, own = append(a.own, own[:last:last]), own[last:]
	}
	for p, path := range paths {
		for _, cell := range c.cells(side, path) {
			if n := number[cell.trace]; n > 0 {
				a.own[n-1][p] = cell.own
			}
		}
	}
	return a
}

// means returns what each path adds, then the rest, the time after the root's end, and the quantile. Each trace has the weight
// of how often it was drawn, and so have those below and above.
func (a *allocation) means(below float64, drawn []float64, above float64) []float64 {
	all := below + above
	for _, w := range drawn {
		all += w
	}
	paths := len(a.own[0]) - 1
	out := make([]float64, paths+3)
	from, to := (a.q-a.width)*all, (a.q+a.width)*all
	sum, inside, durations := below, 0.0, 0.0
	// The quantile is as that of sample.quantile: between the spans at which the sum exceeds these.
	at := a.q * max(all-1, 0)
	low, high := math.Floor(at)+0.5, math.Floor(at)+1.5
	var atLow, atHigh float64
	for n, w := range drawn {
		if w == 0 {
			continue
		}
		before := sum
		sum += w
		if before <= low {
			atLow = a.durations[n]
		}
		if before <= high {
			atHigh = a.durations[n]
		}
		if before > to && before > high {
			break
		}
		// The part of the trace's weight that is in the window.
		part := min(sum, to) - max(before, from)
		if part <= 0 {
			continue
		}
		inside += part
		durations += part * a.durations[n]
		for p, own := range a.own[n] {
			out[p] += part * float64(own)
		}
	}
	out[paths+2] = atLow + (at-math.Floor(at))*(atHigh-atLow)
	if inside == 0 {
		return out
	}
	for p := range paths + 1 {
		out[p] /= inside
	}
	out[paths+1] = out[paths]
	out[paths] = out[paths+2] - durations/inside
	return out
}

func (a *allocation) estimate() []float64 { return a.means(a.below.weight, a.weights, a.above.weight) }

// variances returns the variance of each of the means, from a bootstrap over traces.
func (a *allocation) variances(seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, math.Float64bits(a.q)))
	var sum, squares []float64
	for range sourcesReplicates {
		bits := uint64(0)
		for i := range a.drawn {
			if i&7 == 0 {
				bits = random.Uint64()
			}
			a.drawn[i] = a.weights[i] * poisson[bits&0xff]
			bits >>= 8
		}
		means := a.means(a.below.draw(random), a.drawn, a.above.draw(random))
		if sum == nil {
			sum, squares = make([]float64, len(means)), make([]float64, len(means))
		}
		for i, m := range means {
			sum[i] += m
			squares[i] += m * m
		}
	}
	for i := range squares {
		mean := sum[i] / sourcesReplicates
		squares[i] = max(0, squares[i]/sourcesReplicates-mean*mean)
	}
	return squares
}

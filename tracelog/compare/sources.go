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
	sourcesReplicates = 200 // of the bootstrap: enough for a standard error
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
	var all []Sources
	for _, window := range allocated {
		var sides [2]*allocation
		out := Sources{Q: window.q}
		need := int(math.Ceil(minWindow / (2 * window.width)))
		for side := range sides {
			sides[side] = c.newAllocation(Side(side), root, paths, window.q, window.width)
			if len(sides[side].durations) < need {
				out.Need = need
			}
		}
		if c.Single {
			out.Need = 0
		}
		if out.Need == 0 {
			out.fill(c, paths, sides)
		}
		all = append(all, out)
		if c.Single {
			break // there is one duration
		}
	}
	return all
}

// fill sets the parts.
func (out *Sources) fill(c *comparison, paths []int32, sides [2]*allocation) {
	var estimates, variances [2][]float64
	for side, a := range sides {
		estimates[side] = a.estimate()
		variances[side] = make([]float64, len(estimates[side]))
		if !c.Single {
			variances[side] = a.variances(c.Seed + uint64(side))
		}
	}
	last := len(paths) + 2 // see allocation.means
	out.Before, out.After = time.Duration(estimates[0][last]), time.Duration(estimates[1][last])
	change := func(i int) (low, high time.Duration) {
		d := estimates[1][i] - estimates[0][i]
		e := normalAt * math.Sqrt(variances[0][i]+variances[1][i])
		return time.Duration(d - e), time.Duration(d + e)
	}
	out.Low, out.High = change(last)
	for i := range last {
		p := Part{Before: time.Duration(estimates[0][i]), After: time.Duration(estimates[1][i])}
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

// An allocation has the traces of one root and side, in order of the root's duration.
type allocation struct {
	q, width  float64
	durations []float64
	weights   []float64
	// own has for each trace from number first on, as far as they can be near the quantile, the time of each path and, last,
	// the time after the root's end.
	first int
	own   [][]float32
	drawn []float64 // a scratch buffer
}

func (c *comparison) newAllocation(side Side, root int32, paths []int32, q, width float64) *allocation {
	traces := c.data.sets[side].traces
	var order []int32
	for i := range traces {
		if traces[i].root == root {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(traces[i].duration, traces[j].duration), cmp.Compare(i, j))
	})
	a := &allocation{q: q, width: width, drawn: make([]float64, len(order))}
	weights := 0.0
	for _, i := range order {
		a.durations = append(a.durations, float64(traces[i].duration))
		a.weights = append(a.weights, float64(traces[i].weight))
		weights += float64(traces[i].weight)
	}
	if len(order) == 0 {
		return a
	}
	// A draw can shift the window by some standard errors.
	margin := width + 5*math.Sqrt(q*(1-q)/max(1, effectiveNumber(a.weights)))
	sum := 0.0
	a.first = len(order) - 1
	end := len(order)
	for n := range order {
		if sum += a.weights[n]; sum >= (q-margin)*weights {
			a.first = min(a.first, n)
		}
		if sum > (q+margin)*weights {
			end = n + 1
			break
		}
	}
	number := make(map[int32]int, end-a.first)
	for n, i := range order[a.first:end] {
		number[i] = n
		own := make([]float32, len(paths)+1)
		own[len(paths)] = traces[i].after
		a.own = append(a.own, own)
	}
	for p, path := range paths {
		for _, cell := range c.cells(side, path) {
			if n, ok := number[cell.trace]; ok {
				a.own[n][p] = cell.own
			}
		}
	}
	return a
}

// means returns what each path adds, then the rest, the time after the root's end, and the quantile. Each trace has the weight
// of how often it was drawn.
func (a *allocation) means(drawn []float64) []float64 {
	if len(a.own) == 0 {
		return nil
	}
	all := 0.0
	for _, w := range drawn {
		all += w
	}
	paths := len(a.own[0]) - 1
	out := make([]float64, paths+3)
	from, to, at := (a.q-a.width)*all, (a.q+a.width)*all, a.q*all
	sum, inside, durations := 0.0, 0.0, 0.0
	for n, w := range drawn {
		before := sum
		sum += w
		if before <= at {
			out[paths+2] = a.durations[n]
		}
		// The part of the trace's weight that is in the window.
		part := min(sum, to) - max(before, from)
		if part <= 0 || n < a.first || n-a.first >= len(a.own) {
			if before > to {
				break
			}
			continue
		}
		inside += part
		durations += part * a.durations[n]
		for p, own := range a.own[n-a.first] {
			out[p] += part * float64(own)
		}
	}
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

func (a *allocation) estimate() []float64 { return a.means(a.weights) }

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
		means := a.means(a.drawn)
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

package compare

import (
	"iter"
	"math"
	"slices"
)

// A ratioPart is what a trace adds to the two sums of a ratio: failed spans and spans, or spans and those above them.
type ratioPart struct{ top, bottom, weight float64 }

// ratioSums are the sums of the parts of one side.
type ratioSums struct {
	n           int
	top, bottom float64 // by weight
	factor      float64 // the mean weight
}

func ratioOf(parts iter.Seq[ratioPart]) (s ratioSums) {
	all, least, most := 0.0, math.Inf(1), 0.0
	for p := range parts {
		s.n++
		s.top += p.weight * p.top
		s.bottom += p.weight * p.bottom
		all += p.weight
		least, most = min(least, p.weight), max(most, p.weight)
	}
	if s.factor = all / float64(s.n); least == most {
		s.factor = most
	}
	return s
}

// ratio returns the ratio; 0 if there is none.
func (s *ratioSums) ratio() float64 {
	if s.bottom > 0 {
		return s.top / s.bottom
	}
	return 0
}

// testRatio tests whether a ratio differs between the sides. Each trace has as a value what it adds to the ratio of both: a test
// of the means of that compares the ratios.
func (c *comparison) testRatio(r *comparedRow, parts func(Side) iter.Seq[ratioPart], sums [2]ratioSums, rise, fall Change, large bool) {
	a, b := &sums[0], &sums[1]
	if c.Single || a.n == 0 || b.n == 0 {
		return
	}
	ratio := (a.top/a.factor + b.top/b.factor) / (a.bottom/a.factor + b.bottom/b.factor)
	values := make([]float64, 0, a.n+b.n)
	for side := range sums {
		factor := sums[side].factor
		for p := range parts(Side(side)) {
			values = append(values, p.weight/factor*(p.top-ratio*p.bottom))
		}
	}
	c.test(r, values, a.n, rise, fall, func(Change) bool { return large })
}

// compareFailures compares which share of the spans fails.
func (c *comparison) compareFailures(r *comparedRow) {
	if len(c.column(Before, r.path).failed)+len(c.column(After, r.path).failed) == 0 {
		return
	}
	parts := func(side Side) iter.Seq[ratioPart] { return c.failures(side, r.path) }
	var sums [2]ratioSums
	for side := range sums {
		for _, f := range c.column(Side(side), r.path).failed {
			r.Failed[side] += int(f.spans)
		}
		sums[side] = ratioOf(parts(Side(side)))
		r.Errors[side] = sums[side].ratio()
	}
	large := r.Errors[1] > r.Errors[0] && relative(r.Errors[0], r.Errors[1]) >= c.MinChange
	if c.Single && large && sums[0].n > 0 {
		r.Changes = append(r.Changes, Failing)
	}
	c.testRatio(r, parts, sums, Failing, "", large)
}

// failures yields the failed spans and the spans of each trace.
func (c *comparison) failures(side Side, path int32) iter.Seq[ratioPart] {
	return func(yield func(ratioPart) bool) {
		column, weights := c.column(side, path), c.weights[side]
		failed := column.failed
		for i := range column.cells {
			cell := &column.cells[i]
			p := ratioPart{bottom: float64(cell.spans), weight: weights[cell.trace]}
			if len(failed) > 0 && failed[0].trace == cell.trace {
				p.top = float64(failed[0].spans)
				failed = failed[1:]
			}
			if !yield(p) {
				return
			}
		}
	}
}

// compareCalls compares how many spans there are for each span above them. So if an operation is called more often, those that
// it calls in turn are not reported too.
func (c *comparison) compareCalls(r *comparedRow) {
	above := c.data.paths.nodes[r.path].parent
	for above >= 0 && (len(c.cells(Before, above)) == 0 || len(c.cells(After, above)) == 0) {
		above = c.data.paths.nodes[above].parent
	}
	if c.oneEach(Before, r.path, above) && c.oneEach(After, r.path, above) {
		for side := range r.Calls {
			r.Calls[side] = float64(min(1, len(c.cells(Side(side), r.path))))
		}
		return
	}
	parts := func(side Side) iter.Seq[ratioPart] { return c.calls(side, r.path, above) }
	var sums [2]ratioSums
	for side := range sums {
		sums[side] = ratioOf(parts(Side(side)))
		r.Calls[side] = sums[side].ratio()
	}
	rise, fall := More, Fewer
	if r.Traces[0] == 0 {
		rise = New
	}
	if r.Traces[1] == 0 {
		fall = Gone
	}
	if above == noPath && rise == More && fall == Fewer {
		return // a root: how often it occurs is the traffic
	}
	change := relative(r.Calls[0], r.Calls[1])
	large := math.Abs(change) >= c.MinChange && change != 0
	switch {
	case !c.Single || !large:
	case change > 0:
		r.Changes = append(r.Changes, rise)
	default:
		r.Changes = append(r.Changes, fall)
	}
	c.testRatio(r, parts, sums, rise, fall, large)
}

// oneEach reports whether each trace has as many spans of a path as of the path above.
func (c *comparison) oneEach(side Side, path, above int32) bool {
	own := c.cells(side, path)
	if above == noPath {
		return len(own) == len(c.weights[side]) && !slices.ContainsFunc(own, func(a cell) bool { return a.spans != 1 })
	}
	return slices.EqualFunc(own, c.cells(side, above), func(a, b cell) bool { return a.trace == b.trace && a.spans == b.spans })
}

// calls yields the spans of a path in each trace, and those of the path above. Above noPath there is one for each trace.
func (c *comparison) calls(side Side, path, above int32) iter.Seq[ratioPart] {
	return func(yield func(ratioPart) bool) {
		own, weights := c.cells(side, path), c.weights[side]
		add := func(trace int32, spans float64) bool {
			for len(own) > 0 && own[0].trace < trace {
				own = own[1:]
			}
			p := ratioPart{bottom: spans, weight: weights[trace]}
			if len(own) > 0 && own[0].trace == trace {
				p.top = float64(own[0].spans)
			}
			return yield(p)
		}
		if above == noPath {
			for trace := range weights {
				if !add(int32(trace), 1) {
					return
				}
			}
			return
		}
		for _, cell := range c.cells(side, above) {
			if !add(cell.trace, float64(cell.spans)) {
				return
			}
		}
	}
}

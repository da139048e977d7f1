package compare

import "math"

// compareFailures compares which share of the spans fails.
func (c *comparison) compareFailures(r *comparedRow) {
	if len(c.column(Before, r.path).failed)+len(c.column(After, r.path).failed) == 0 {
		return
	}
	before, all := len(c.cells(Before, r.path)), len(c.cells(Before, r.path))+len(c.cells(After, r.path))
	failed, spans, weights := make([]float64, 0, all), make([]float64, 0, all), make([]float64, 0, all)
	for side := range c.data.sets {
		column := c.column(Side(side), r.path)
		first, next := len(spans), 0
		sum, all := 0.0, 0.0
		for i := range column.cells {
			cell := &column.cells[i]
			w := float64(c.data.sets[side].traces[cell.trace].weight)
			f := 0.0
			if next < len(column.failed) && column.failed[next].trace == cell.trace {
				f = float64(column.failed[next].spans)
				r.Failed[side] += int(column.failed[next].spans)
				next++
			}
			sum += w * f
			all += w * float64(cell.spans)
			failed, spans, weights = append(failed, f), append(spans, float64(cell.spans)), append(weights, w)
		}
		if all > 0 {
			r.Errors[side] = sum / all
			normalize(weights[first:])
		}
	}
	large := r.Errors[1] > r.Errors[0] && relative(r.Errors[0], r.Errors[1]) >= c.MinChange
	if c.Single {
		if large && before > 0 {
			r.Changes = append(r.Changes, Failing)
		}
		return
	}
	c.test(r, ratioInfluence(failed, spans, weights), before, Failing, "", func(Change) bool { return large })
}

// ratioInfluence turns two numbers of each trace into what the trace adds to their ratio: a test of the means of that
// compares the ratios of the sides.
func ratioInfluence(top, bottom, weights []float64) []float64 {
	sum, all := 0.0, 0.0
	for i, w := range weights {
		sum += w * top[i]
		all += w * bottom[i]
	}
	ratio := sum / all
	out := make([]float64, len(top))
	for i, w := range weights {
		out[i] = w * (top[i] - ratio*bottom[i])
	}
	return out
}

// compareCalls compares how many spans there are for each span above them. So if an operation is called more often, those that
// it calls in turn are not reported too.
func (c *comparison) compareCalls(r *comparedRow) {
	above := c.data.paths.nodes[r.path].parent
	for above >= 0 && (len(c.cells(Before, above)) == 0 || len(c.cells(After, above)) == 0) {
		above = c.data.paths.nodes[above].parent
	}
	room := 0
	for side := range c.data.sets {
		if above == noPath {
			room += len(c.data.sets[side].traces)
		} else {
			room += len(c.cells(Side(side), above))
		}
	}
	calls, parents, weights := make([]float64, 0, room), make([]float64, 0, room), make([]float64, 0, room)
	before, even := 0, true
	for side := range c.data.sets {
		first := len(calls)
		traces := c.data.sets[side].traces
		own := c.cells(Side(side), r.path)
		sum, all := 0.0, 0.0
		add := func(trace int32, spans float64) {
			for len(own) > 0 && own[0].trace < trace {
				own = own[1:]
			}
			n := 0.0
			if len(own) > 0 && own[0].trace == trace {
				n = float64(own[0].spans)
			}
			w := float64(traces[trace].weight)
			sum += w * n
			all += w * spans
			even = even && n == spans
			calls, parents, weights = append(calls, n), append(parents, spans), append(weights, w)
		}
		if above == noPath {
			for i := range traces {
				add(int32(i), 1)
			}
		} else {
			for _, cell := range c.cells(Side(side), above) {
				add(cell.trace, float64(cell.spans))
			}
		}
		if all > 0 {
			r.Calls[side] = sum / all
			normalize(weights[first:])
		}
		if side == int(Before) {
			before = len(calls)
		}
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
	if even {
		return
	}
	change := relative(r.Calls[0], r.Calls[1])
	large := math.Abs(change) >= c.MinChange && change != 0
	if c.Single {
		if large && change > 0 {
			r.Changes = append(r.Changes, rise)
		} else if large {
			r.Changes = append(r.Changes, fall)
		}
		return
	}
	c.test(r, ratioInfluence(calls, parents, weights), before, rise, fall, func(Change) bool { return large })
}

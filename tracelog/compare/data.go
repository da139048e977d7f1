package compare

import (
	"cmp"
	"context"
	"slices"
)

// A Side is one of the two sets of traces.
type Side int

// The two sides.
const (
	Before Side = iota
	After
)

func (s Side) String() string {
	if s == Before {
		return "before"
	}
	return "after"
}

// Data holds what a comparison needs of two sets of traces: at most 20 bytes for each span and 150 for each trace.
// The zero value has no traces. It is not safe for concurrent use.
type Data struct {
	paths   pathTable
	sets    [2]set
	reducer reducer
}

// A set is the data of one side, by operation path.
type set struct {
	traces  []traceRow
	columns []column // by the number of the path
	sorted  bool

	unsampled, unfinished, dropped, untimed int
}

// A traceRow is the data of a trace that are not of an operation. Durations are in nanoseconds.
type traceRow struct {
	start    int64   // of its first span
	id       uint64  // a hash
	root     int32   // its path; noPath if the root has not ended
	weight   float32 // how many traces it represents
	duration float32 // of the root
	after    float32 // from the root's end to the last span's end
}

// A column has the finished spans of one path. Their durations are in the order of the cells.
type column struct {
	cells     []cell
	durations []float32
	queued    []float32 // as long as durations; nil if no span waited in a queue
	failed    []failure
}

// A cell is the spans of one trace and one path.
type cell struct {
	trace int32
	spans int32
	own   float32 // their time on the critical path of the trace
}

// A failure counts the failed spans of a cell.
type failure struct{ trace, spans int32 }

// A visit is what add keeps of a finished span. Times are in nanoseconds.
type visit struct {
	duration, own, queued float32
	failed                bool
}

// begin adds a trace and returns its number.
func (s *set) begin(row traceRow) int32 {
	s.sorted = false
	s.traces = append(s.traces, row)
	return int32(len(s.traces) - 1)
}

// add adds a span of the newest trace.
func (s *set) add(trace, path int32, v visit) {
	for int(path) >= len(s.columns) {
		s.columns = append(s.columns, column{})
	}
	c := &s.columns[path]
	if n := len(c.cells); n == 0 || c.cells[n-1].trace != trace {
		c.cells = append(c.cells, cell{trace: trace})
	}
	last := &c.cells[len(c.cells)-1]
	last.spans++
	last.own += v.own
	if v.queued > 0 && c.queued == nil {
		c.queued = make([]float32, len(c.durations), cap(c.durations))
	}
	c.durations = append(c.durations, v.duration)
	if c.queued != nil {
		c.queued = append(c.queued, v.queued)
	}
	if v.failed {
		if n := len(c.failed); n == 0 || c.failed[n-1].trace != trace {
			c.failed = append(c.failed, failure{trace: trace})
		}
		c.failed[len(c.failed)-1].spans++
	}
}

// weights returns the weight of each trace. Rows take much more memory, so what needs only weights is faster with these.
func (s *set) weights() []float64 {
	weights := make([]float64, len(s.traces))
	for i := range s.traces {
		weights[i] = float64(s.traces[i].weight)
	}
	return weights
}

// Traces returns how many traces a side has.
func (d *Data) Traces(side Side) int { return len(d.sets[side].traces) }

// sort puts the traces into an order that does not depend on the order in which they were added, so that the same traces
// always give the same answer.
func (d *Data) sort() {
	var places [2][]int32
	each(context.Background(), len(places), func(side int) { places[side] = d.sets[side].sortTraces() })
	before := len(d.sets[Before].columns)
	each(context.Background(), before+len(d.sets[After].columns), func(i int) {
		side := Before
		if i >= before {
			side, i = After, i-before
		}
		if place := places[side]; place != nil {
			d.sets[side].columns[i].sort(place)
		}
	})
}

// sortTraces returns where each trace comes; nil if they are in order.
func (s *set) sortTraces() (place []int32) {
	if s.sorted {
		return nil
	}
	s.sorted = true
	order := make([]int32, len(s.traces))
	for i := range order {
		order[i] = int32(i)
	}
	compare := func(i, j int32) int {
		a, b := &s.traces[i], &s.traces[j]
		if a.start != b.start {
			return cmp.Compare(a.start, b.start)
		}
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(i, j))
	}
	if slices.IsSortedFunc(order, compare) {
		return nil
	}
	slices.SortFunc(order, compare)
	place = make([]int32, len(order))
	traces := make([]traceRow, len(order))
	for n, i := range order {
		place[i], traces[n] = int32(n), s.traces[i]
	}
	s.traces = traces
	return place
}

// sort renumbers the traces of a column, and puts its cells into their order.
func (c *column) sort(place []int32) {
	first := make([]int32, len(c.cells)) // the first span of each cell
	order := make([]int32, len(c.cells))
	spans := int32(0)
	for i := range c.cells {
		first[i], order[i] = spans, int32(i)
		spans += c.cells[i].spans
		c.cells[i].trace = place[c.cells[i].trace]
	}
	if len(order) < len(place)/16 {
		slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(c.cells[i].trace, c.cells[j].trace) })
	} else { // each trace has one cell at most
		at := make([]int32, len(place))
		for i := range c.cells {
			at[c.cells[i].trace] = int32(i) + 1
		}
		order = order[:0]
		for _, i := range at {
			if i > 0 {
				order = append(order, i-1)
			}
		}
	}
	cells := make([]cell, len(c.cells))
	for n, i := range order {
		cells[n] = c.cells[i]
	}
	reorder := func(old []float32) []float32 {
		if old == nil {
			return nil
		}
		now := make([]float32, 0, len(old))
		for n, i := range order {
			if spans := cells[n].spans; spans == 1 {
				now = append(now, old[first[i]])
			} else {
				now = append(now, old[first[i]:first[i]+spans]...)
			}
		}
		return now
	}
	c.durations, c.queued, c.cells = reorder(c.durations), reorder(c.queued), cells
	for i := range c.failed {
		c.failed[i].trace = place[c.failed[i].trace]
	}
	slices.SortFunc(c.failed, func(a, b failure) int { return cmp.Compare(a.trace, b.trace) })
}

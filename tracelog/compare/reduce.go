package compare

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/internal/limits"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A reducer takes from a trace what a comparison needs. Its slices are reused.
type reducer struct {
	spans []reducedSpan // in the order of Trace.All
	paths []int32       // of each span
	own   []int64       // of each span: its time on the critical path
	first []int32       // the first child of each span; -1 if there is none
	next  []int32       // the next sibling, likewise
	work  []stretch
	below []stretch
}

// A reducedSpan is a span without what is not compared. Times are in nanoseconds.
type reducedSpan struct {
	parent           int32 // -1 for a root
	op               string
	start, end       int64 // [tracelog.Span.Interval]
	duration, queued int64
	weight           float64
	timed            bool // it has a start
	ended, failed    bool
}

// A stretch is a part of a span's interval.
type stretch struct {
	span       int32
	start, end int64
}

// Add adds a trace to a side. It keeps nothing of t.
//
// Spans that have not ended are left out. So are traces that are not sampled and were written only because of a failure:
// the sampled ones represent them, with their weights.
func (d *Data) Add(side Side, t *tracelog.Trace) {
	r := &d.reducer
	r.spans = r.spans[:0]
	var above []int32
	root := int32(-1)
	for depth, s := range t.All() {
		parent := int32(-1)
		if above = above[:depth]; depth > 0 {
			parent = above[depth-1]
		}
		above = append(above, int32(len(r.spans)))
		if s == t.Root() {
			root = int32(len(r.spans))
		}
		span := reducedSpan{
			parent: parent, op: s.Op, duration: int64(s.Duration), queued: int64(s.Queued), weight: s.Weight,
			ended: s.State == tracelog.Ended, failed: s.Failed,
		}
		if start, end := s.Interval(); !s.Start.IsZero() {
			// As in a Timing: a start that does not fit is not known, and such an end is the last moment.
			if span.start, span.timed = limits.Nanos(start); span.timed {
				span.end = math.MaxInt64
				if ns, ok := limits.Nanos(end); ok {
					span.end = ns
				}
			}
		}
		r.spans = append(r.spans, span)
	}
	d.reduce(side, t.ID, root)
}

// AddTiming is Add for a trace that was read as a Timing, which is several times as fast. A Timing does not have the spans
// that only log lines name. So the path of a span below one of these begins with its own operation.
func (d *Data) AddTiming(side Side, t *tracelog.Timing) {
	r := &d.reducer
	r.spans = r.spans[:0]
	for i := range t.Spans {
		s := &t.Spans[i]
		r.spans = append(r.spans, reducedSpan{
			parent: int32(s.Parent), op: t.Name(s.Op), start: s.Start, end: s.End, duration: int64(s.Duration), queued: int64(s.Queued),
			weight: s.Weight, timed: s.Timed, ended: s.Ended, failed: s.Failed,
		})
	}
	d.reduce(side, t.ID(), int32(t.Root()))
}

// reduce adds the trace whose spans are in the reducer.
func (d *Data) reduce(side Side, id string, root int32) {
	if root < 0 {
		return
	}
	r, s := &d.reducer, &d.sets[side]
	defer clear(r.spans) // of its texts
	row := traceRow{root: noPath, weight: 1, id: hashID(id), start: math.MaxInt64}
	if i := slices.IndexFunc(r.spans, func(s reducedSpan) bool { return s.ended }); i >= 0 {
		// All spans of a trace are sampled together.
		if row.weight = float32(r.spans[i].weight); row.weight == 0 {
			s.unsampled++
			return
		}
	}
	last := int64(math.MinInt64)
	for i := range r.spans {
		if span := &r.spans[i]; span.timed {
			row.start, last = min(row.start, span.start), max(last, span.end)
		}
	}
	if main := &r.spans[root]; main.ended {
		row.duration = float32(main.duration)
		if main.timed {
			row.after = float32(time.Unix(0, last).Sub(time.Unix(0, main.end))) // Sub does not overflow
		} else {
			s.untimed++
		}
	}
	r.criticalPath(root)
	number := s.begin(row)
	r.paths = r.paths[:0]
	for i := range r.spans {
		span := &r.spans[i]
		parent := int32(noPath)
		if span.parent >= 0 {
			parent = r.paths[span.parent]
		}
		path := d.paths.number(parent, span.op)
		r.paths = append(r.paths, path)
		switch {
		case path == lostPath:
			s.dropped++
		case !span.ended:
			s.unfinished++
		default:
			s.add(number, path, visit{float32(max(0, span.duration)), float32(r.own[i]), float32(max(0, span.queued)), span.failed})
			if int32(i) == root {
				s.traces[number].root = path
			}
		}
	}
}

// criticalPath sets how long each span is on the path of [tracelog.CriticalPath].
func (r *reducer) criticalPath(root int32) {
	n := len(r.spans)
	r.own = append(r.own[:0], make([]int64, n)...)
	r.first, r.next = r.first[:0], r.next[:0]
	for range n {
		r.first, r.next = append(r.first, -1), append(r.next, -1)
	}
	for i := int32(n) - 1; i >= 0; i-- {
		if p := r.spans[i].parent; p >= 0 {
			r.next[i], r.first[p] = r.first[p], i
		}
	}
	if main := &r.spans[root]; !main.timed {
		// What is known of the trace is how long it took.
		if main.ended {
			r.own[root] = max(0, main.duration)
		}
		return
	}
	// The part of a span that is on the path is the stretch that is left when those of its children are taken away,
	// from the last to the first. The order of the stretches themselves does not matter.
	r.work = append(r.work[:0], stretch{root, r.spans[root].start, r.spans[root].end})
	for len(r.work) > 0 {
		at := r.work[len(r.work)-1]
		r.work = r.work[:len(r.work)-1]
		r.below = r.below[:0]
		for c := r.first[at.span]; c >= 0; c = r.next[c] {
			child := stretch{c, max(r.spans[c].start, at.start), min(r.spans[c].end, at.end)}
			if r.spans[c].timed && child.start < child.end {
				r.below = append(r.below, child)
			}
		}
		// Of those that finished together, the one that ran longest was waited for.
		slices.SortStableFunc(r.below, func(a, b stretch) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(b.start, a.start)) })
		for _, child := range slices.Backward(r.below) {
			if child.end <= at.end {
				r.own[at.span] += at.end - child.end
				at.end = child.start
				r.work = append(r.work, child)
			}
		}
		r.own[at.span] += at.end - at.start
	}
}

// hashID is the hash FNV-1a: it is the same in every run.
func hashID(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}

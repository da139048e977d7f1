package tracelog

import (
	"cmp"
	"slices"
	"time"
)

// Root is the span that names the trace: the first root that has a record and no parent, else the first that has a
// record, else the first. It is nil if the trace has no spans.
func (t *Trace) Root() *Span {
	var best *Span
	rank := func(s *Span) int {
		switch {
		case s == nil:
			return 0
		case s.StartRecord == nil && s.EndRecord == nil:
			return 1
		case s.ParentID != "":
			return 2
		}
		return 3
	}
	for _, s := range t.Roots {
		if rank(s) > rank(best) {
			best = s
		}
	}
	return best
}

// ParentElsewhere reports whether the span is a root because its parent is a span of another tracing system, which is not
// in the logs. So nothing is missing. See [Span.ParentKind].
func (s *Span) ParentElsewhere() bool {
	return s.Parent == nil && s.ParentID != "" && s.ParentKind == externalParent && !s.cycleBroken
}

// SelfTime is how long a span itself was at work: its duration without the time in which any of its children ran. The
// part of a child's [Span.Interval] outside the span's does not count. It is 0 for a span without an end.
func SelfTime(s *Span) time.Duration {
	if s.State != Ended || s.Start.IsZero() {
		return 0
	}
	start, end := s.Interval()
	self := s.Duration
	covered := start // by the children so far
	for _, c := range childrenWithin(s.Children, start, end, func(a, b child) int { return a.start.Compare(b.start) }) {
		if c.end.After(covered) {
			if c.start.After(covered) {
				covered = c.start
			}
			self -= c.end.Sub(covered)
			covered = c.end
		}
	}
	return self
}

// A child is the part of a span within an interval.
type child struct {
	*Span
	start, end time.Time
}

// childrenWithin returns, in order, the children that run for some time in an interval.
func childrenWithin(spans []*Span, start, end time.Time, order func(a, b child) int) []child {
	if len(spans) == 0 {
		return nil
	}
	within := make([]child, 0, len(spans))
	for _, s := range spans {
		c := child{Span: s}
		c.start, c.end = s.Interval()
		if c.start.IsZero() {
			continue
		}
		if c.start.Before(start) {
			c.start = start
		}
		if c.end.After(end) {
			c.end = end
		}
		if c.start.Before(c.end) {
			within = append(within, c)
		}
	}
	slices.SortStableFunc(within, order)
	return within
}

// A Segment is a part of a critical path. During it, the trace waited for Span's own work.
type Segment struct {
	Span       *Span
	Start, End time.Time // as in [Span.Interval]
}

// CriticalPath returns where the time of a trace's Root went. Its segments follow one another without a gap from the
// root's start to its end. Each is work that the root waited for. Other work ran beside it.
//
// The path is found backwards from the root's end. The child that finished last was waited for last. After its end
// the path is the span's own; before it, the child's. Before the child's start it continues with the child that
// finished last before that. The part of a child outside its parent is ignored, so a child that outlives its parent
// counts as finishing with it.
//
// It is nil if the root has no times, or if its start is its end.
func CriticalPath(t *Trace) []Segment {
	root := t.Root()
	if root == nil {
		return nil
	}
	path := make([]Segment, 0, min(2*t.Spans, 1<<20)) // backwards
	add := func(s *Span, start, end time.Time) {
		if start.Before(end) {
			path = append(path, Segment{s, start, end})
		}
	}
	// A frame is a span whose path from start to end is wanted. The path after end is complete.
	type frame struct {
		span       *Span
		start, end time.Time
		children   []child // those that may have been waited for; the one that finished last is last
	}
	enter := func(s *Span, start, end time.Time) frame {
		return frame{s, start, end, childrenWithin(s.Children, start, end, func(a, b child) int {
			// Of those that finished together, the one that ran longest is last.
			return cmp.Or(a.end.Compare(b.end), b.start.Compare(a.start))
		})}
	}
	start, end := root.Interval()
	stack := []frame{enter(root, start, end)}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if len(f.children) == 0 {
			add(f.span, f.start, f.end)
			stack = stack[:len(stack)-1]
			continue
		}
		c := f.children[len(f.children)-1]
		f.children = f.children[:len(f.children)-1]
		if c.end.After(f.end) {
			continue // Another child was still running when this one finished, and that one was waited for.
		}
		add(f.span, c.end, f.end)
		f.end = c.start
		stack = append(stack, enter(c.Span, c.start, c.end))
	}
	slices.Reverse(path)
	return path
}

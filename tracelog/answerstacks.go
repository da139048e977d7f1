package tracelog

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// Stacks adds up where the time of traces went, by the operations above a span: what a flame graph shows. The zero value is empty.
// It is not safe for concurrent use.
type Stacks struct {
	Traces int

	// Folded is how many spans count as part of a span above them, because there are too many different stacks, or because the
	// stack is too deep.
	Folded int

	// From and To are the first and last moment of any trace.
	From, To time.Time

	root  stackNode
	nodes int
}

// A Frame is a level of a stack.
type Frame struct{ Op, Service string }

// A StackTime is what the spans with one stack have together. Each span counts with its Weight.
type StackTime struct {
	Self   time.Duration // SelfTime, without what children took
	Spans  float64       // that have ended
	Errors float64       // that failed
}

type stackNode struct {
	below map[Frame]*stackNode
	self  float64 // nanoseconds
	spans float64
	errs  float64
}

// Limits of Stacks.
const (
	maxStacks     = 200_000
	maxStackDepth = 1000
)

// Add adds the spans of a trace.
func (st *Stacks) Add(t *Trace) {
	st.Traces++
	if !t.Start.IsZero() && (st.From.IsZero() || t.Start.Before(st.From)) {
		st.From = t.Start
	}
	if t.End.After(st.To) {
		st.To = t.End
	}
	var path []*stackNode // by depth
	for depth, s := range t.All() {
		path = path[:depth]
		above := &st.root
		if depth > 0 {
			above = path[depth-1]
		}
		node := st.below(above, Frame{s.Op, s.Service}, depth)
		if node == above {
			st.Folded++
		}
		path = append(path, node)
		if s.State != Ended {
			continue
		}
		node.self += float64(SelfTime(s)) * s.Weight
		node.spans += s.Weight
		if s.Failed {
			node.errs += s.Weight
		}
	}
}

// below returns the node of a frame below another one, or that one itself if there may be no more.
func (st *Stacks) below(above *stackNode, f Frame, depth int) *stackNode {
	if n := above.below[f]; n != nil {
		return n
	}
	if depth > 0 && (st.nodes >= maxStacks || depth >= maxStackDepth) {
		return above
	}
	if above.below == nil {
		above.below = make(map[Frame]*stackNode)
	}
	n := new(stackNode)
	above.below[Frame{strings.Clone(f.Op), strings.Clone(f.Service)}] = n
	st.nodes++
	return n
}

// All yields each stack, its root first, with what its spans have. Stacks are in order of their frames. The slice is valid until
// the next one.
func (st *Stacks) All() iter.Seq2[[]Frame, StackTime] {
	type level struct {
		node   *stackNode
		frames []Frame // below it, that remain
	}
	enter := func(n *stackNode) level {
		frames := make([]Frame, 0, len(n.below))
		for f := range n.below {
			frames = append(frames, f)
		}
		slices.SortFunc(frames, func(a, b Frame) int {
			return cmp.Or(strings.Compare(a.Op, b.Op), strings.Compare(a.Service, b.Service))
		})
		return level{n, frames}
	}
	return func(yield func([]Frame, StackTime) bool) {
		levels := []level{enter(&st.root)}
		var stack []Frame
		for len(levels) > 0 {
			top := &levels[len(levels)-1]
			if len(top.frames) == 0 {
				levels = levels[:len(levels)-1]
				stack = stack[:max(0, len(stack)-1)]
				continue
			}
			f := top.frames[0]
			top.frames = top.frames[1:]
			n := top.node.below[f]
			stack = append(stack, f)
			if n.spans > 0 && !yield(stack, StackTime{toDuration(n.self), n.spans, n.errs}) {
				return
			}
			levels = append(levels, enter(n))
		}
	}
}

package compare

import (
	"slices"
	"strings"
)

const (
	maxPaths  = 20_000 // of both sides
	maxOpSize = 256    // bytes of an operation that are kept
	maxDepth  = 100    // operations of a path
)

// A pathTable numbers operation paths: the operations from a root down to a span.
type pathTable struct {
	nodes []pathNode
	roots children
}

// A pathNode is a path: that of the parent, and one operation more.
type pathNode struct {
	parent int32 // noPath for a root
	depth  int32 // 0 for a root
	op     string
	below  children
}

// children are the paths with one operation more than another one.
type children struct {
	list []int32
	byOp map[string]int32 // if there are many
}

const (
	noPath   = -1
	lostPath = -2 // of a span that came after maxPaths other paths
	fewPaths = 8  // of a list that is searched from its beginning
)

// number returns the number of a path, or lostPath. Spans that are deeper than maxDepth are siblings, so a path has at most maxDepth
// operations.
func (t *pathTable) number(parent int32, op string) int32 {
	if parent == lostPath {
		return lostPath
	}
	if len(op) > maxOpSize {
		op = strings.ToValidUTF8(op[:maxOpSize], "")
	}
	depth := int32(0)
	if parent >= 0 {
		if depth = t.nodes[parent].depth + 1; depth == maxDepth {
			parent, depth = t.nodes[parent].parent, maxDepth-1
		}
	}
	below := &t.roots
	if parent >= 0 {
		below = &t.nodes[parent].below
	}
	if len(below.list) <= fewPaths {
		for _, n := range below.list {
			if t.nodes[n].op == op {
				return n
			}
		}
	} else if n, ok := below.byOp[op]; ok {
		return n
	}
	if len(t.nodes) == maxPaths {
		return lostPath
	}
	op = strings.Clone(op)
	n := int32(len(t.nodes))
	below.list = append(below.list, n)
	t.nodes = append(t.nodes, pathNode{parent: parent, depth: depth, op: op}) // below is not valid any more
	if below = &t.roots; parent >= 0 {
		below = &t.nodes[parent].below
	}
	if len(below.list) > fewPaths {
		if below.byOp == nil {
			below.byOp = make(map[string]int32)
		}
		for _, n := range below.list[len(below.byOp):] {
			below.byOp[t.nodes[n].op] = n
		}
	}
	return n
}

// path returns the operations of a path, the root first.
func (t *pathTable) path(n int32) []string {
	var ops []string
	for ; n >= 0; n = t.nodes[n].parent {
		ops = append(ops, t.nodes[n].op)
	}
	slices.Reverse(ops)
	return ops
}

// root returns the path of the root above a path.
func (t *pathTable) root(n int32) int32 {
	for t.nodes[n].parent >= 0 {
		n = t.nodes[n].parent
	}
	return n
}

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
	find  map[pathNode]int32
}

// A pathNode is a path: that of the parent, and one operation more.
type pathNode struct {
	parent int32 // noPath for a root
	depth  int32 // 0 for a root
	op     string
}

const (
	noPath   = -1
	lostPath = -2 // of a span that came after maxPaths other paths
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
	node := pathNode{parent: parent, op: op}
	if parent >= 0 {
		if node.depth = t.nodes[parent].depth + 1; node.depth == maxDepth {
			node.parent, node.depth = t.nodes[parent].parent, maxDepth-1
		}
	}
	if n, ok := t.find[node]; ok {
		return n
	}
	if len(t.nodes) == maxPaths {
		return lostPath
	}
	if t.find == nil {
		t.find = make(map[pathNode]int32)
	}
	node.op = strings.Clone(op)
	n := int32(len(t.nodes))
	t.nodes = append(t.nodes, node)
	t.find[node] = n
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

package sqltext

import "bytes"

// lists knows which parentheses hold lists that are folded: those after IN and VALUES, and the tuples in them.
type lists struct {
	depth int // of parentheses
	stack [maxDepth]list
	prev  token // before the token that is read
}

// A list is a pair of parentheses, or all that is outside of them.
type list struct {
	begin      int  // in the output
	folds      bool // it is after IN or VALUES, or in such a list
	hasTuples  bool // VALUES was read in it, and what may follow are tuples
	groupBegin int  // the tuple read last; 0, 0 if what was read last is something else
	groupEnd   int
}

func (l *lists) top() *list {
	if l.depth >= maxDepth {
		return nil
	}
	return &l.stack[l.depth]
}

// folds reports whether values are folded here.
func (l *lists) folds() bool {
	t := l.top()
	return t != nil && l.depth > 0 && t.folds
}

func (l *lists) before(prev token) { l.prev = prev }

// word notes a keyword: tuples end with any.
func (l *lists) word(upper string) {
	if t := l.top(); t != nil && (upper == "VALUES" || t.hasTuples) {
		t.hasTuples = upper == "VALUES"
		t.groupBegin, t.groupEnd = 0, 0
	}
}

// open notes a parenthesis that was written at begin, perhaps after IN or VALUES.
func (l *lists) open(begin int, isList bool) {
	folds := isList
	if t := l.top(); t != nil {
		folds = folds || (t.folds || t.hasTuples) && (l.prev == comma || l.prev == open)
		if l.prev != comma {
			t.groupBegin, t.groupEnd = 0, 0
		}
	}
	l.depth++
	if t := l.top(); t != nil {
		*t = list{begin: begin, folds: folds}
	}
}

// close notes the end of the parentheses, which is that of out, and returns out without them if they are as those before.
func (l *lists) close(out []byte) []byte {
	if l.depth == 0 {
		return out
	}
	inner := l.top()
	l.depth--
	outer := l.top()
	if inner == nil || outer == nil || !inner.folds {
		return out
	}
	if outer.groupEnd > 0 && bytes.Equal(out[outer.groupBegin:outer.groupEnd], out[inner.begin:]) {
		return out[:outer.groupEnd]
	}
	outer.groupBegin, outer.groupEnd = inner.begin, len(out)
	return out
}

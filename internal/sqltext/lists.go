package sqltext

import "bytes"

// lists tells which parentheses hold lists to fold. These are lists after IN and VALUES, and the tuples in them.
type lists struct {
	depth int // number of open parentheses
	stack [maxDepth]list
	prev  token // the token before the one being read
}

// A list is a pair of parentheses, or, at depth 0, the whole text.
type list struct {
	begin      int  // where it begins in the output
	folds      bool // it is after IN or VALUES, or in such a list
	hasTuples  bool // VALUES was read in it, so that tuples may follow
	groupBegin int  // where the last tuple is in the output, if nothing but commas came after it
	groupEnd   int  // 0 if there is no such tuple
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

// word notes a keyword. Each keyword ends the tuples.
func (l *lists) word(upper string) {
	if t := l.top(); t != nil && (upper == "VALUES" || t.hasTuples) {
		t.hasTuples = upper == "VALUES"
		t.groupBegin, t.groupEnd = 0, 0
	}
}

// open notes a parenthesis that was written at begin. isList reports whether it is directly after IN or VALUES.
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

// close notes a closing parenthesis, at the end of out.
// It returns out, without this pair of parentheses if the tuple before has the same text.
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

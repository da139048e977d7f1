package tracelog

// A spanNode is an object of a tree of spans. Its members do not include the objects below it.
type spanNode struct {
	members  []member
	children []*spanNode
}

// spanNodes reads the objects of an array, which must be valid, each with those below it. It reads each byte once,
// however deep they are. Those below maxChildren are left out.
func spanNodes(array []byte) []*spanNode {
	if len(array) == 0 || array[0] != '[' {
		return nil
	}
	l := lexer{b: array}
	return l.spanNodes(0)
}

func (l *lexer) spanNodes(depth int) (nodes []*spanNode) {
	l.i++
	for l.space(); !l.peek(']'); l.space() {
		if l.peek('{') {
			nodes = append(nodes, l.spanNode(depth))
		} else {
			l.value()
		}
		if l.space(); l.peek(',') {
			l.i++
		}
	}
	l.i++
	return nodes
}

func (l *lexer) spanNode(depth int) *spanNode {
	n := new(spanNode)
	l.i++
	for l.space(); !l.peek('}'); l.space() {
		start := l.i
		l.str()
		key := plain(l.b[start+1 : l.i-1])
		l.space()
		l.i++ // the colon
		l.space()
		if (string(key) == "children" || string(key) == "subsegments") && l.peek('[') && depth < maxChildren {
			n.children = append(n.children, l.spanNodes(depth+1)...)
		} else {
			start = l.i
			l.value()
			value := l.b[start:l.i:l.i]
			if l.odd {
				value, l.odd = quoteNonFinite(value), false
			}
			n.members = append(n.members, member{key: key, value: value, slot: keySlot(key)})
		}
		if l.space(); l.peek(',') {
			l.i++
		}
	}
	l.i++
	return n
}

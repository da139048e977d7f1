package tracelog

// spanObject takes the ids of a line from its object "span", as Rust's tracing has them beside a message.
func (p *lineParser) spanObject(e *Entry) {
	i := p.first[slotSpan]
	if i == 0 || p.members[i-1].value[0] != '{' || p.messageMember() == nil && !p.isEvent() {
		return
	}
	in := p.idsIn(p.members[i-1].value)
	if in.Trace == "" {
		for j := range p.members {
			if m := &p.members[j]; string(m.key) == "spans" && m.value[0] == '[' {
				in = p.idsIn(m.value)
			}
		}
	}
	if in.Trace != "" {
		e.Trace, e.Span, e.Schema, e.Op = in.Trace, in.Span, in.Schema, in.Op
	}
}

// sibling returns the index of an object beside member i that has the ids of the record, as the span in the lines of
// Rust's tracing, or -1.
func (p *lineParser) sibling(i int) int {
	for j := range p.members {
		if m := &p.members[j]; j != i && m.outer == 0 && (m.value[0] == '{' || m.value[0] == '[') {
			if p.idsIn(m.value).Trace != "" {
				return j
			}
		}
	}
	return -1
}

// idsIn reads the ids in an object, or in the last object of an array that has some. There must be no message.
func (p *lineParser) idsIn(v []byte) (e Entry) {
	if v[0] == '[' {
		eachElement(v, func(element []byte) bool {
			if element[0] == '{' {
				if inner := p.idsIn(element); inner.Trace != "" {
					e = inner
				}
			}
			return true
		})
		return e
	}
	q := lineParser{in: p.in}
	q.members, _ = appendMembers(nil, v)
	q.index()
	if q.messageMember() != nil {
		q.reset()
		return Entry{}
	}
	q.fields(&e, q.preset())
	if e.Op == "" {
		for i := range q.members {
			if m := &q.members[i]; string(m.key) == "name" && m.value[0] == '"' {
				e.Op = p.in.string(plain(m.value[1 : len(m.value)-1]))
			}
		}
	}
	return e
}

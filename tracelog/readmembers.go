package tracelog

import (
	"bytes"
	"slices"
)

// index records the first member of each known key, and opens the objects that may contain others.
func (p *lineParser) index() {
	p.mask = 0
	nested := false
	for i := range p.members {
		m := &p.members[i]
		if m.slot == 0 {
			continue
		}
		if p.first[m.slot] == 0 {
			p.note(i, m)
		}
		nested = nested || nests[m.slot] && m.value[0] == '{'
	}
	if p.nested = nested; nested {
		for i := range p.members {
			if m := &p.members[i]; nests[m.slot] && m.value[0] == '{' {
				p.open(i)
			}
		}
	}
}

func (p *lineParser) note(i int, m *member) {
	p.first[m.slot] = int32(i + 1)
	c := m.value[0]
	if c == '"' || isDigit(c) && (p.isText || numberIDs[m.slot]) {
		if bit := m.slot.bit(); bit&idSlots == 0 || !isNoID(m.value) {
			p.mask |= bit
		} else {
			p.take(&p.members[i]) // it has no meaning
		}
	}
}

// open adds the known members of the object that is the i-th member.
func (p *lineParser) open(i int) {
	outer := p.members[i]
	n := len(p.members)
	p.members, _ = appendMembers(p.members, outer.value)
	var buf [64]byte
	kept := n
	for j := n; j < len(p.members); j++ {
		m := p.members[j]
		s := keySlot(append(append(append(buf[:0], outer.key...), '.'), m.key...))
		if s == 0 || p.first[s] != 0 {
			continue
		}
		m.slot, m.outer, m.nth = s, int32(i+1), int32(j-n)
		p.members[kept] = m
		p.note(kept, &m)
		kept++
	}
	p.members = p.members[:kept]
}

// close removes the members of objects, except those that name the program.
func (p *lineParser) close() {
	for i := range p.members {
		if m := &p.members[i]; m.outer != 0 && !slices.Contains(layouts[0].slots[fieldService], m.slot) {
			p.first[m.slot] = 0
		}
	}
}

func (p *lineParser) reset() {
	for i := range p.members {
		p.first[p.members[i].slot] = 0
	}
}

// take marks a member that is in a field.
func (p *lineParser) take(m *member) {
	m.taken = true
	if m.outer != 0 {
		p.members[m.outer-1].opened = true
	}
}

// find returns the first member of a field.
func (p *lineParser) find(f field) *member {
	for _, s := range p.head.narrow(p.layout, f) {
		if i := p.first[s]; i != 0 {
			return &p.members[i-1]
		}
	}
	return nil
}

// position implements placer.
func (p *lineParser) position(s slot) position {
	i := p.first[s]
	if i == 0 {
		return noPosition
	}
	m := &p.members[i-1]
	switch {
	case m.value[0] != '"' && !(p.isText && m.value[0] != '{' && m.value[0] != '[') && !numberIDs[s]:
		return noPosition
	case m.outer != 0:
		return rootPosition*position(m.outer-1) + position(m.nth) + 1
	}
	return rootPosition * position(i-1)
}

// firstSlots returns the slots of the first members, for headOf.
func (p *lineParser) firstSlots() (first [headSize]slot) {
	for i := range min(headSize, len(p.members)) {
		m := &p.members[i]
		if m.outer != 0 {
			break
		}
		switch c := m.value[0]; builtins[m.slot] {
		case fieldTime + 1:
			if c == '"' || isDigit(c) {
				first[i] = m.slot
			}
		case fieldLevel + 1, fieldMessage + 1:
			if c == '"' || p.isText {
				first[i] = m.slot
			}
		case fieldSource + 1:
			first[i] = m.slot
		}
	}
	return first
}

// hasTime reports whether the line has a key of a time.
func (p *lineParser) hasTime() bool {
	return slices.ContainsFunc(layouts[0].slots[fieldTime], func(s slot) bool { return p.first[s] != 0 })
}

// hasHead reports whether the line begins as log/slog's lines do. Such a line contains no other line, whatever its
// attributes are.
func (p *lineParser) hasHead() bool {
	h := headOf(p.firstSlots(), p.hasTime())
	return h.found()
}

// preset decides the schema of the line's names, and which of its first members are log/slog's.
func (p *lineParser) preset() *layout {
	p.head = headOf(p.firstSlots(), p.hasTime())
	mask := p.head.forget(p.mask)
	if mask&decisive == 0 {
		return &layouts[0]
	}
	if p.nested {
		// On lines of a Format only members of the root count.
		all := fullChoice(mask & decides)
		if l := all.written(p); l != nil {
			p.close()
			return l
		}
	}
	c := choiceOf(mask & decides)
	return c.resolve(p)
}

// isTextual reports whether a member is a string. A text line does not distinguish numbers and booleans from strings.
func (p *lineParser) isTextual(m *member) bool {
	c := m.value[0]
	return c == '"' || p.isText && c != '{' && c != '['
}

// textOf returns the text of a textual member.
func (p *lineParser) textOf(m *member) []byte {
	if m.value[0] == '"' {
		return plain(m.value[1 : len(m.value)-1])
	}
	return m.value
}

// bare returns a value without its quotes, if this preset or form puts quotes around everything, or if it is a number
// or a boolean in quotes: some stores answer with text only.
func (p *lineParser) bare(v []byte) []byte {
	if v[0] != '"' {
		return v
	}
	if text := v[1 : len(v)-1]; p.isText || p.layout.strings || isNumber(text) || string(text) == "true" || string(text) == "false" {
		return text
	}
	return v
}

// hasNoID reports whether one of the ids among the members means that there is no id.
func (p *lineParser) hasNoID() bool {
	for i := range p.members {
		if m := &p.members[i]; m.slot.bit()&idSlots != 0 && isNoID(m.value) {
			return true
		}
	}
	return false
}

// isNoID reports whether a value, of any key of an id, means that there is no id.
func isNoID(value []byte) bool {
	if value[0] == '"' {
		value = value[1 : len(value)-1]
		if bytes.IndexByte(value, '\\') >= 0 {
			value = plain(value)
		}
	}
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '0':
		if isTraceparent(value) {
			return isZeroID(value[3:35])
		}
		return isZeroID(value)
	case '1', 'R', 'S', 'p':
		trace, _ := traceID(idPlain, string(value))
		return isZeroID(trace)
	}
	return false
}

// add appends a member whose value is a text.
func (p *lineParser) add(key string, text []byte) {
	p.members = append(p.members, member{key: []byte(key), value: appendQuoted(nil, text), slot: slots[key]})
}

// messageMember returns the member that is the line's message, or nil.
func (p *lineParser) messageMember() *member {
	for _, s := range anySlots[fieldMessage] {
		if i := p.first[s]; i != 0 && p.members[i-1].value[0] == '"' {
			return &p.members[i-1]
		}
	}
	return nil
}

// hasField reports whether the line has a member with one of the field's names.
func (p *lineParser) hasField(f field) bool {
	for _, s := range anySlots[f] {
		if i := p.first[s]; i != 0 && p.members[i-1].value[0] != '{' {
			return true
		}
	}
	return false
}

// eachElement calls fn with each element of an array, which must be valid, until fn returns false.
func eachElement(array []byte, fn func(element []byte) bool) {
	l := lexer{b: array, i: 1}
	for l.space(); !l.peek(']'); l.space() {
		start := l.i
		if !l.value() || !fn(l.b[start:l.i:l.i]) {
			return
		}
		if l.space(); l.peek(',') {
			l.i++
		}
	}
}

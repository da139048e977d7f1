package tracelog

import (
	"bytes"
	"slices"
)

// A record may be inside of something else: in an object of a store's export, in a string of a shipper's line, in
// arrays of both. It is found by structure:
//
//   - An object is a record of its own if it has a message and, beside it, a trace id, a level or a time. Nothing is
//     searched for in a record, because a response body that was logged may look like one.
//   - Otherwise the record is the outermost one inside of the object: an object, or a string that is one.
//   - What is around it gives the fields that it lacks (the ids, the time, the level, the service), and becomes
//     attributes.
//
// A line with several records is in readmany.go.

// isOwn reports whether the object whose members have been indexed is a record of its own.
func (p *lineParser) isOwn() bool {
	if p.hasHead() {
		return true
	}
	m := p.messageMember()
	switch {
	case m == nil:
		return p.isSpan() || p.isEvent()
	case p.mask&traceSlots != 0, p.hasField(fieldLevel):
		return true
	}
	return len(m.value) > len(`""`) && !mayCarry(m.value) && !mentionsTrace(m.value) && !p.hasCompanion()
}

// mentionsTrace reports whether a message may be a line of text with ids, or of pairs.
func mentionsTrace(text []byte) bool {
	return bytes.Contains(text, []byte("trace")) || bytes.Contains(text, []byte("Trace")) || bytes.Contains(text, []byte("level="))
}

// isSpan reports whether the object is a span as stores of spans keep it: it has ids, a name and a duration.
func (p *lineParser) isSpan() bool {
	if p.mask&traceSlots == 0 || p.mask&spanSlots == 0 {
		return false
	}
	named, lasted := false, false
	for i := range p.members {
		switch m := &p.members[i]; string(m.key) {
		case "name", "op":
			named = named || m.value[0] == '"'
		case "duration_ms", "duration", "duration.ms", "event.duration":
			lasted = true
		}
	}
	return named && lasted
}

// unwrap reads the record inside of an object that is none. The object's members must have been indexed. If there is
// no record, it returns false, and p.members are as before.
func (p *lineParser) unwrap(object []byte, e *Entry) (verdict, bool) {
	if _, ok := p.tableIn(p.members); ok {
		p.reset()
		p.manyOf(object)
		return isMany, true
	}
	timed := p.hasField(fieldTime) || !p.at.IsZero()
	message := p.messageMember()
	if message != nil && len(message.value) == len(`""`) {
		message = nil
	}
	logger := isLogger(p.members, signsOf(p.members))
	leveled := isLeveled(p.members, timed)
	p.leveled = leveled || timed && isLevel(p.around.level)
	isText := leveled || p.leveled && !p.hasField(fieldTime) // the message
	best, at, records := site{}, -1, 0
	for i := range p.members {
		m := &p.members[i]
		if m.outer != 0 || message != nil && isText {
			break
		}
		if message != nil && m != message {
			continue // if anything has the record, it is the message
		}
		if logger && !loggerCarriers[string(m.key)] {
			continue
		}
		found := p.look(m.value, m.key, p.around.depth+1, p.around.strings, timed)
		if m.value[0] == '{' && found.isAt(p.around.depth+1) {
			records++
		}
		if found.before(best) {
			best, at = found, i
		}
	}
	best.many = best.many || records == len(p.members) && records > 1
	p.deep, p.leveled = p.deep[:0], false
	switch {
	case at < 0:
		if i := p.companion(); i >= 0 {
			p.merge(i)
			if p.fields(e, p.preset()); e.Level == "" {
				e.Level = statusIn(p.members)
			}
			return isRecord, true
		}
		return isRecord, false
	case best.many:
		p.reset()
		p.manyOf(object)
		return isMany, true
	}
	value := p.members[at].value
	p.surround(at)
	return p.inside(value, e), true
}

// surround keeps what the object says whose member i has the record.
func (p *lineParser) surround(i int) {
	s := &p.around
	ids := -1
	if p.mask&traceSlots == 0 {
		ids = p.sibling(i)
	}
	var of Entry
	var idsIn Entry
	if ids >= 0 {
		idsIn = p.idsIn(p.members[ids].value)
	}
	taken := p.fieldsOf(&of)
	kept := len(s.members)
	var key []byte
	for j := range p.members {
		m := p.members[j]
		switch {
		case m.outer != 0:
			continue
		case j == i:
			key = m.key
			continue
		}
		m.slot, m.taken, m.opened, m.around, m.field = 0, false, false, true, taken[j]
		if len(s.path) > 0 {
			m.key = append(bytes.Clone(s.path), m.key...)
		}
		s.members = append(s.members, m)
	}
	if service := serviceIn(s.members[kept:]); service != "" {
		p.service = p.in.string([]byte(service))
	}
	if of.Time.IsZero() && p.at.IsZero() {
		of.Time = timeIn(s.members[kept:])
	}
	if !of.Time.IsZero() {
		p.at = of.Time
	}
	if of.Level == "" {
		of.Level = statusIn(s.members[kept:])
	}
	if of.Level != "" {
		s.level = of.Level
	}
	if of.Trace == "" {
		of = idsIn
	}
	if of.Trace != "" {
		s.trace, _ = traceID(idPlain, of.Trace)
		s.span, s.op, s.schema = of.Span, of.Op, of.Schema
	}
	s.path = append(append(s.path, key...), '.')
}

// fieldsOf reads the fields of an object around the record. It returns, for each member, the field that it is in, plus
// one.
func (p *lineParser) fieldsOf(e *Entry) []field {
	used := p.around.used
	l := p.preset()
	p.fields(e, l)
	p.around.used = used
	in := make([]field, len(p.members))
	for _, f := range [...]field{fieldTime, fieldLevel, fieldTrace, fieldSpan, fieldService} {
		for _, s := range l.slots[f] {
			for j := range p.members {
				if m := &p.members[j]; m.slot == s && m.taken {
					in[j] = f + 1
				}
			}
		}
	}
	return in
}

// inside reads the value that has the record: an object, or a string with a line.
func (p *lineParser) inside(value []byte, e *Entry) verdict {
	*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
	p.around.depth++
	if value[0] == '{' {
		return p.object(value, e)
	}
	p.around.strings++
	return p.line(bytes.TrimRight(plain(value[1:len(value)-1]), "\r\n"), e)
}

// companion returns the index of an object that has the ids of the line, and more, of which the message and the time
// are beside it, as the attributes in Datadog's exports. It is -1 if there is none. A log line that only mentions ids,
// of whatever object, is not such a line: loggers write levels.
func (p *lineParser) companion() int {
	message := p.messageMember()
	if message == nil || p.hasField(fieldLevel) || p.mask&traceSlots != 0 {
		return -1
	}
	if !p.hasField(fieldTime) && timeIn(p.members).IsZero() {
		return -1
	}
	for i := range p.members {
		m := &p.members[i]
		if !isCompanion(*m) {
			continue
		}
		q := lineParser{in: p.in}
		q.members, _ = appendMembers(nil, m.value)
		q.index()
		text := q.messageMember()
		ids := q.mask&traceSlots != 0 && q.mask&spanSlots != 0
		if q.reset(); ids && (text == nil || bytes.Equal(plain(text.value), plain(message.value)) || p.isTextOf(message.value, m.value)) {
			return i
		}
	}
	return -1
}

// isTextOf reports whether a message is the line whose members a store has put into an object. Its ids are the same then.
func (p *lineParser) isTextOf(message, object []byte) bool {
	text := bytes.TrimSpace(plain(message[1 : len(message)-1]))
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	var said, e Entry
	q := lineParser{in: p.in}
	return q.parse(text, &said) == isRecord && q.parse(object, &e) == isRecord && said.Trace == e.Trace && said.Span == e.Span
}

// merge puts the members of the object that is member i before the others, and indexes them anew.
func (p *lineParser) merge(i int) {
	p.reset()
	inner, _ := appendMembers(nil, p.members[i].value)
	outer := slices.Clone(p.members)
	p.members = append(p.members[:0], inner...)
	for j := range outer {
		if m := outer[j]; j != i && m.outer == 0 {
			m.around, m.taken, m.opened = true, false, false
			p.members = append(p.members, m)
		}
	}
	p.index()
	if p.service == "" {
		p.service = serviceIn(p.members)
	}
	if p.at.IsZero() && !p.hasField(fieldTime) {
		p.at = timeIn(p.members)
	}
}

package tracelog

import (
	"bytes"
	"slices"
)

// Many loggers write what a record's context says into an object beside the level and the message:
//
//	{"level":"info","message":"seat held","time":"…","context":{"trace":"4bf9…","span":"00f0…","seat":"12A"}}
//	{"instant":{…},"level":"INFO","message":"seat held","contextMap":{"trace_id":"4bf9…","span_id":"00f0…"}}     log4j2
//	{"Timestamp":"…","LogLevel":"Information","Message":"seat held","Scopes":[{"TraceId":"4bf9…","SpanId":"00f0…"}]}   .NET
//
// The known members of such an object are read as if they were at the record's root. Anything may be logged, also a
// response body that has ids. It must not become a span, nor put the record into a trace. So:
//
//   - The object has one of the names that loggers use for this, see contextNames. Its keys are then those that the
//     program has chosen for the call or for its context, as they are at the root. Under the names of content, such as
//     data, payload, body, response, event and result, nothing is read, whatever it looks like: check says which option
//     reads it.
//   - The record has a message, and a level or a time. It has no id itself, and none is around it. The message remains
//     the record's, so the record of a span is one because its own message says so.
//   - The object has both ids, and has them itself, not in an object or string inside of it.
//   - It is not a record: it has no message, and neither a level nor a time if the record has one.
//   - If two objects have ids, they are the same ones.
var contextNames = map[string]bool{
	"attributes": true, "Attributes": true, "attrs": true, "fields": true, "properties": true, "Properties": true, "extra": true,
	"context": true, "Context": true, "ctx": true, "contextMap": true, "mdc": true, "metadata": true, "meta": true, scopesName: true,
}

// scopesName is the name of an array of objects, each with a text about itself, of which one may have the ids.
const scopesName = "Scopes"

// A contextObject has the ids of a record.
type contextObject struct {
	trace, span *member
	members     []member
}

// openContext adds the known members of the object that has the record's ids, if there is one. The members of the
// record must have been indexed.
func (p *lineParser) openContext() {
	if p.mask&(traceSlots|spanSlots) != 0 || p.around.trace != "" || p.isText || p.messageMember() == nil && !p.hasTemplate() && !p.isEvent() {
		return
	}
	at := -1
	var found contextObject
	for i := range p.members {
		m := &p.members[i]
		if m.outer != 0 || m.value[0] != '{' && m.value[0] != '[' || !contextNames[string(m.key)] {
			continue
		}
		c, ok := p.contextIn(m)
		switch {
		case !ok:
		case at < 0:
			at, found = i, c
		case !bytes.Equal(c.trace.value, found.trace.value) || !bytes.Equal(c.span.value, found.span.value):
			return
		}
	}
	if at < 0 || p.hasNoID() || !p.hasField(fieldLevel) && !p.hasField(fieldTime) && p.at.IsZero() {
		return
	}
	if p.members[at].value[0] == '[' {
		p.addKnown(*found.trace)
		p.addKnown(*found.span)
		return
	}
	for j := range found.members {
		if m := found.members[j]; m.slot != 0 && builtins[m.slot] != fieldMessage+1 {
			m.outer, m.nth = int32(at+1), int32(j)
			p.addKnown(m)
		}
	}
}

// addKnown adds a member, unless there is one of its name.
func (p *lineParser) addKnown(m member) {
	if p.first[m.slot] == 0 {
		p.members = append(p.members, m)
		p.note(len(p.members)-1, &m)
	}
}

// contextIn returns the object with ids that is the value of m, or in it.
func (p *lineParser) contextIn(m *member) (c contextObject, ok bool) {
	if m.value[0] == '{' {
		ms, _ := appendMembers(nil, m.value)
		return p.contextOf(ms, false)
	}
	if ms := foreignMembers(m.value); len(ms) > 0 { // an array of keys and values
		for i := range ms {
			ms[i].slot = keySlot(ms[i].key)
		}
		return p.contextOf(ms, false)
	}
	if string(m.key) != scopesName {
		return c, false
	}
	eachElement(m.value, func(element []byte) bool {
		c, ok = p.contextOf(foreignFields(element), true)
		return !ok
	})
	return c, ok
}

// contextOf returns an object that has both ids and is no record. It may have a text about itself if described is set.
func (p *lineParser) contextOf(ms []member, described bool) (c contextObject, ok bool) {
	c.members = ms
	for i := range ms {
		m := &ms[i]
		if m.slot == 0 {
			continue
		}
		isText := m.value[0] == '"'
		isID := isText && len(m.value) > len(`""`) || isDigit(m.value[0]) && numberIDs[m.slot]
		switch builtins[m.slot] {
		case fieldMessage + 1:
			if isText && !described {
				return c, false
			}
		case fieldLevel + 1, fieldTime + 1:
			if p.hasField(builtins[m.slot] - 1) {
				return c, false
			}
		}
		if !isID || isNoID(m.value) {
			continue
		}
		switch bit := m.slot.bit(); {
		case bit&traceSlots != 0 && c.trace == nil:
			c.trace = m
		case bit&spanSlots != 0 && c.span == nil:
			c.span = m
		}
	}
	return c, c.trace != nil && c.span != nil
}

// hasTemplate reports whether the record has Serilog's message without its values.
func (p *lineParser) hasTemplate() bool {
	return slices.ContainsFunc(p.members, func(m member) bool { return m.value[0] == '"' && m.outer == 0 && string(m.key) == templateName })
}

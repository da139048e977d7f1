package tracelog

import (
	"encoding/json"
	"sync"
)

// Attrs returns, in order, the members of the line that are in no field: what the user wrote. Two members with the
// same key are two attributes. Besides the fields, two things are left out: "source" if it is an object, and a
// backend's members beside the ids (trace_flags, ecs.version) on a line with its ids.
//
// If a field comes from an object, as in {"service":{"name":"api","version":"2"}}, the object's other members are
// attributes of their own, named with a dot: "service.version".
//
// The attributes of a text line are JSON too: numbers and booleans as they are, other values as strings. For a line
// within another one (container logs, the journal) they are those of the inner line.
//
// Attrs reads Raw on each call. The values may share its memory.
func (e *Entry) Attrs() []Attr {
	r := attrReaders.Get().(*attrReader)
	defer attrReaders.Put(r)
	return r.attrs(e.Raw)
}

// An attrReader reads attributes. Its parser is used again, since its members take more memory than most attributes.
type attrReader struct {
	parser lineParser
	keys   interner
}

var attrReaders = sync.Pool{New: func() any { return &attrReader{keys: make(interner)} }}

func (r *attrReader) attrs(line []byte) []Attr {
	p := &r.parser
	defer func() { clear(p.members) }() // they refer to the line
	var same Entry
	if p.parse(line, &same) != isRecord {
		return nil
	}
	n := 0
	for i := range p.members {
		if m := &p.members[i]; !m.taken && m.outer == 0 {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	attrs := make([]Attr, 0, n)
	for i := range p.members {
		m := &p.members[i]
		switch {
		case m.taken || m.outer != 0:
		case m.opened:
			attrs = p.appendRest(attrs, i)
		default:
			attrs = append(attrs, Attr{Key: r.keys.string(m.key), Value: m.value})
		}
	}
	return attrs
}

// Attr returns the first member of the line that has the key, whether or not it is in a field. The value is as on the
// line. If there is none, the key is a path: "req.user.id" is the member "id" of the object "req.user", else of the
// object "user" of "req".
//
// A key that OpenTelemetry has renamed, as http.method to http.request.method, is found under its other name if the
// line does not have the key itself.
//
// It reads Raw on each call. The value may share its memory.
func (e *Entry) Attr(key string) (json.RawMessage, bool) {
	p := lineParser{members: make([]member, 0, 16)}
	var same Entry
	if p.parse(e.Raw, &same) != isRecord {
		return nil, false
	}
	return lookupEither(p.members, key)
}

// appendRest appends, as attributes, the members of the i-th member's object that are in no field.
func (p *lineParser) appendRest(attrs []Attr, i int) []Attr {
	inner, _ := appendMembers(nil, p.members[i].value)
	for j := range p.members {
		if m := &p.members[j]; m.taken && m.outer == int32(i+1) {
			inner[m.nth].taken = true
		}
	}
	for j := range inner {
		if m := &inner[j]; !m.taken {
			attrs = append(attrs, Attr{Key: string(p.members[i].key) + "." + string(m.key), Value: m.value})
		}
	}
	return attrs
}

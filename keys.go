package slogtrace

import (
	"log/slog"
	"slices"
)

// A naming is what a handler knows of the keys at the root of its lines. Both handlers have one.
type naming struct {
	format *format
	keys   []string            // of the logger; the first group is the last of them
	moved  [recordKinds][]move // those of keys that are written under another
	groups int                 // how many are open
	filled bool                // attributes are bound in a group, so that it stands in every line
	bound  bool                // the ids came through WithAttrs, from a handler of ours further out
	ids    [3]string           // strings that the logger has under the keys of the trace, the span and the op
}

// namer returns a namer for what follows the logger's own root attributes in a record of kind k.
func (n *naming) namer(k recordKind) *namer {
	return &namer{reserved: n.format.reserved(k), keys: slices.Clip(n.keys), moved: slices.Clip(n.moved[k])}
}

// takeAttrs notes attrs as the logger's and returns what of them is to be bound.
func (n *naming) takeAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = resolveInline(attrs)
	if n.groups > 0 {
		// See inspect: here too a handler further out comes too late for the root.
		if slices.ContainsFunc(attrs, isMark) {
			attrs = slices.DeleteFunc(slices.Clone(attrs), isMark)
		}
		n.filled = n.filled || len(attrs) > 0
		return attrs
	}
	n.keys = appendRootKeys(slices.Clip(n.keys), attrs)
	n.bound = n.bound || slices.ContainsFunc(attrs, isMark)
	for _, a := range attrs {
		n.noteIDs(&n.ids, a)
	}
	return attrs
}

// noteIDs keeps in ids what a root attribute says under the keys of the trace, the span and the op.
func (n *naming) noteIDs(ids *[3]string, a slog.Attr) {
	switch v := a.Value; {
	case a.Key == "" && v.Kind() == slog.KindGroup:
		for _, a := range v.Group() {
			n.noteIDs(ids, a)
		}
	case v.Kind() != slog.KindString:
	case a.Key == n.format.Trace:
		ids[0] = v.String()
	case a.Key == n.format.Span:
		ids[1] = v.String()
	case a.Key == n.format.Op:
		ids[2] = v.String()
	}
}

// hasIDs reports whether ids are those of c: then a handler of ours further out wrote them,
// and one between us copied the attributes in such a way that the mark was lost.
// A user who writes the ids by hand does not write the op as well.
func hasIDs(ids *[3]string, c *current) bool {
	if !c.inTrace() || ids[2] != c.op() {
		return false
	}
	// In whatever form: the other's Format may have another than ours.
	hex := string(c.ids()[:])
	return isTraceText(ids[0], hex[:32]) && isSpanText(ids[1], hex[32:])
}

// takeGroup notes that the logger opened a group.
func (n *naming) takeGroup(name string) {
	if n.groups == 0 {
		n.keys = append(slices.Clip(n.keys), name)
	}
	n.groups++
}

// nameAttrs returns attrs, bound to the logger that n describes, under the keys they have in records of kind k,
// and whether any is another than the user's. It notes that in next, the logger to be.
func (n *naming) nameAttrs(next *naming, k recordKind, attrs []slog.Attr) (_ []slog.Attr, renamed bool) {
	names := n.namer(k)
	if n.groups > 0 || next.bound || !names.mustRename(attrs) {
		return attrs, false
	}
	attrs = names.rename(attrs)
	next.moved[k] = names.moved
	return attrs, true
}

// nameGroup is nameAttrs for a group that the logger opens.
func (n *naming) nameGroup(next *naming, k recordKind, name string) string {
	names := n.namer(k)
	if n.groups > 0 || next.bound || !names.mustMove(name) {
		return name
	}
	name = names.name(name)
	next.moved[k] = names.moved
	return name
}

// maxInlineAttrs is how many attributes of a record are looked at without an allocation.
const maxInlineAttrs = 8

// contents is what a record turned out to be.
type contents struct {
	kind    recordKind
	event   event
	marked  bool        // a handler of ours further out has added all that we would
	changed bool        // not the record's own attributes are to be written, but attrs
	attrs   []slog.Attr // those to be written, under the keys that they are to have; not set for an ordinary record
	moved   []move      // the root keys of logger and record that are written under another
}

// kindOf returns the kind of a log record under c.
func (n *naming) kindOf(c *current) recordKind {
	switch {
	case c.inTrace():
		return logRecord
	case c.env != nil:
		return freeRecord
	}
	return n.format.outside
}

// plainNames reports whether there is nothing in e and in the logger that a record of kind k might have to give way to,
// save the keys of the line itself.
func (n *naming) plainNames(e *env, k recordKind) bool {
	return len(e.attrs) == 0 && !n.bound && n.ids[0] == "" && len(n.moved[k]) == 0
}

// ordinary reports whether r, of kind k and without attributes of the context, needs no more than the ids:
// whether inspect would find nothing. Most records are ordinary.
func (n *naming) ordinary(r *slog.Record, k recordKind) bool {
	if n.bound || n.ids[0] != "" {
		return false
	}
	if n.groups > 0 {
		return hasKeys(r, &noKeys) // not at the root, so under any
	}
	return len(n.moved[k]) == 0 && hasKeys(r, n.format.reserved(k))
}

// hasKeys reports whether each attribute of r has a key, and none has a reserved one.
func hasKeys(r *slog.Record, reserved *keySet) bool {
	ok := true
	r.Attrs(func(a slog.Attr) bool {
		ok = a.Key != "" && (reserved.sums == 0 || !reserved.has(a.Key))
		return ok
	})
	return ok
}

// ordinarySpan reports whether the record of s needs no more than the schema's attributes and s's own,
// among which x, if it is not nil, has nothing to replace.
func (n *naming) ordinarySpan(s *Span, x *redactor) bool {
	if !n.plainNames(s.env, spanRecord) {
		return false
	}
	reserved := &noKeys
	if n.groups == 0 {
		reserved = n.format.reserved(spanRecord)
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		kind := a.Value.Kind()
		switch {
		case x != nil && isScalar(kind) && x.keys.isPlain(a.Key): // nor reserved
		case a.Key == "" || reserved.has(a.Key), kind == slog.KindGroup && len(a.Value.Group()) == 0, x != nil && !x.passesAttr(a):
			return false
		}
	}
	return true
}

// inspect looks at a record that is not ordinary before it is handled. c is what its context says;
// it is changed if r turns out to be the record of another span. mem is memory for attributes.
func (n *naming) inspect(c *current, r *slog.Record, mem []slog.Attr) contents {
	if n.bound {
		return contents{kind: freeRecord, marked: true}
	}
	attrs := appendRecord(mem, r)
	if s, e := n.ordinarySpanRecord(attrs); s != nil {
		*c = current{span: s, env: s.env}
		return contents{kind: spanRecord, event: e, changed: true, attrs: attrs[1:], moved: n.moved[spanRecord]}
	}
	m := n.marksIn(attrs, c)
	switch {
	case m.done:
		return contents{kind: freeRecord, marked: true}
	case m.span != nil:
		*c = current{span: m.span, env: m.span.env}
	}
	in := contents{kind: n.kindOf(c), event: m.event, attrs: attrs}
	if m.span != nil {
		in.kind = spanRecord
	}
	in.moved = n.moved[in.kind]
	if m.any {
		in.changed = true
		in.attrs = slices.DeleteFunc(in.attrs, isMark)
		for i, a := range in.attrs {
			in.attrs[i] = original(a)
		}
	}
	if n.groups == 0 {
		in = n.renamed(in)
	}
	return in
}

// marks are what is known of a record by the marks of ours among its attributes.
type marks struct {
	done  bool // an outer handler of ours has added all that we would
	any   bool // there are marks, and we add all of it ourselves
	span  *Span
	event event
}

// marksIn looks for marks in attrs, those of a record under c.
func (n *naming) marksIn(attrs []slog.Attr, c *current) (m marks) {
	names := n.namer(n.kindOf(c))
	suspicious := n.ids[0] != "" // there is an id, perhaps not by a user
	for _, a := range attrs {
		if a.Key != "" {
			suspicious = suspicious || names.mustMove(a.Key)
			continue
		}
		switch s, e, claimed := markOf(a); {
		case e == eventNone:
			suspicious = suspicious || names.concerns(a)
		case claimed && n.groups == 0:
			m.done = true
		default:
			// Where a group was opened before we were wrapped, what an outer handler added would end up
			// in that group. So we add it ourselves.
			m.any = true
			if s != nil {
				m.span, m.event = s, e
			}
		}
	}
	if suspicious && !m.done {
		ids := n.ids
		if n.groups == 0 {
			for _, a := range attrs {
				n.noteIDs(&ids, a)
			}
		}
		m.done = hasIDs(&ids, c)
	}
	return m
}

// renamed returns in with its root attributes under the keys that they have in the line.
func (n *naming) renamed(in contents) contents {
	if slices.ContainsFunc(in.attrs, hidesInline) {
		in.changed = true
		in.attrs = resolveInline(in.attrs)
	}
	if names := n.namer(in.kind); names.mustRename(in.attrs) {
		in.changed = true
		in.attrs = names.rename(in.attrs)
		in.moved = names.moved
	}
	return in
}

// ordinarySpanRecord returns the span of a record that comes straight from a Tracer and has no key that could
// need another name: escapeForStrangers has looked for those already, and marked them with a LogValuer.
func (n *naming) ordinarySpanRecord(attrs []slog.Attr) (*Span, event) {
	if n.format != defaultFormat || len(n.moved[spanRecord]) > 0 || len(attrs) == 0 || attrs[0].Key != "" || attrs[0].Value.Kind() != slog.KindLogValuer {
		return nil, eventNone
	}
	for _, a := range attrs[1:] {
		if a.Key == "" || a.Value.Kind() == slog.KindLogValuer {
			return nil, eventNone
		}
	}
	s, e, _ := markOf(attrs[0])
	return s, e
}

// contextAttrs returns what With and the baggage say in a record that in describes, under the keys that it has in the line.
// It gives way to the logger and the record: to the keys that the user wrote there and to those that they became.
// Where alone is true it is what they say in a record that does not speak of the same things.
func (n *naming) contextAttrs(c *current, in *contents, alone bool) []slog.Attr {
	with := c.attrs()
	if len(with) == 0 {
		return nil
	}
	keys, moved := n.keys, in.moved
	if n.groups > 0 && !n.filled && !alone && !slices.ContainsFunc(in.attrs, func(a slog.Attr) bool { return !isEmptyAttr(a) }) {
		// The group will not be written, so it stands in nobody's way.
		name := keys[len(keys)-1]
		if keys = keys[:len(keys)-1]; !slices.Contains(keys, name) {
			moved = slices.DeleteFunc(slices.Clone(moved), func(m move) bool { return m.from == name })
		}
	}
	return n.format.contextAttrs(c.env, in.kind, func(key string) bool {
		return slices.Contains(keys, key) ||
			slices.ContainsFunc(moved, func(m move) bool { return m.from == key || m.to == key }) ||
			n.groups == 0 && !alone && hasRootKey(in.attrs, key)
	})
}

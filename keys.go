package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/redact"
)

// A naming holds what a handler knows about the keys at the root of its lines. Handler and JSONHandler have one.
type naming struct {
	format *format
	keys   []string            // the logger's root keys; the first group is the last of them
	moved  [recordKinds][]move // the keys that are written under another name
	groups int                 // how many are open
	filled bool                // attributes are bound inside a group, so it appears in every line
	bound  bool                // the ids came through WithAttrs, from an outer handler of ours
	ids    [3]string           // strings that the logger has under the keys of trace, span and op
}

// namer returns a namer for the keys after the logger's own root attributes, in a record of kind k.
func (n *naming) namer(k recordKind) *namer {
	return &namer{reserved: n.format.reserved(k), kind: n.format.kindKey, keys: slices.Clip(n.keys), moved: slices.Clip(n.moved[k])}
}

// reserves reports whether a user's root attribute in a span's record must not have that key.
func (n *naming) reserves(key string) bool { return n.format.reserved(spanRecord).has(key) }

// takeAttrs notes attrs as the logger's and returns those to bind.
func (n *naming) takeAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = resolveInline(attrs)
	if n.groups > 0 {
		// See inspect: here too an outer handler comes too late for the root.
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

// noteIDs stores in ids the strings that a root attribute has under the keys of trace, span and op.
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

// hasIDs reports whether ids are those of c. If so, an outer handler of ours wrote them,
// and a handler between copied the attributes and lost the mark.
// A user who writes the ids as attributes does not write the op as well.
func hasIDs(ids *[3]string, c *current) bool {
	if !c.inTrace() || ids[2] != c.op() {
		return false
	}
	// In any form: the outer handler's Format may differ from ours.
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

// nameAttrs returns attrs under the keys that they have in records of kind k, and whether any key was renamed.
// n is the logger that attrs are bound to. nameAttrs notes the renamed keys in next, the new logger.
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

// maxInlineAttrs is the number of attributes of a record that are looked at without an allocation.
const maxInlineAttrs = 8

// contents is what inspect found in a record.
type contents struct {
	kind    recordKind
	event   event
	marked  bool        // an outer handler of ours has added everything that we would add
	changed bool        // write attrs instead of the record's own attributes
	attrs   []slog.Attr // to write, under their final keys; not set for an ordinary record
	moved   []move      // the root keys of logger and record that are written under another name
}

// kindOf returns the kind of a log record under c.
func (n *naming) kindOf(c *current) recordKind {
	switch {
	case c.inTrace():
		return tracedRecord
	case c.env != nil:
		return untracedRecord
	}
	return n.format.outside
}

// plainNames reports whether neither e nor the logger has a key that could concern a record of kind k,
// except the keys of the line itself.
func (n *naming) plainNames(e *env, k recordKind) bool {
	return len(e.attrs) == 0 && !n.bound && n.ids[0] == "" && len(n.moved[k]) == 0
}

// isOrdinary reports whether r, of kind k and without attributes of the context, needs only the ids:
// inspect would find nothing. Most records are ordinary.
func (n *naming) isOrdinary(r *slog.Record, k recordKind) bool {
	if n.bound || n.ids[0] != "" {
		return false
	}
	if n.groups > 0 {
		return hasKeys(r, &noKeys) // inside a group any key except "" will do
	}
	return len(n.moved[k]) == 0 && hasKeys(r, n.format.reserved(k))
}

// hasKeys reports whether all attributes of r have a key and none has a reserved one.
func hasKeys(r *slog.Record, reserved *keySet) bool {
	ok := true
	r.Attrs(func(a slog.Attr) bool {
		ok = a.Key != "" && (reserved.sums == 0 || !reserved.has(a.Key))
		return ok
	})
	return ok
}

// isOrdinarySpan reports whether the record of s needs only the schema's attributes and s's own,
// and x, if it is not nil, has nothing to replace in them.
func (n *naming) isOrdinarySpan(s *Span, x *redact.Redactor) bool {
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
		case x != nil && redact.IsScalar(kind) && x.IsPlain(a.Key): // not reserved either
		case a.Key == "" || reserved.has(a.Key), kind == slog.KindGroup && len(a.Value.Group()) == 0, x != nil && !x.PassesAttr(a):
			return false
		}
	}
	return true
}

// inspect looks at a record that is not ordinary before it is handled. c is its context.
// inspect changes c if r turns out to be the record of another span. mem is memory for attributes.
func (n *naming) inspect(c *current, r *slog.Record, mem []slog.Attr) contents {
	if n.bound {
		return contents{kind: untracedRecord, marked: true}
	}
	attrs := appendRecord(mem, r)
	if s, e := n.plainSpanRecord(attrs); s != nil {
		*c = current{span: s, env: s.env}
		return contents{kind: spanRecord, event: e, changed: true, attrs: attrs[1:], moved: n.moved[spanRecord]}
	}
	m := n.marksIn(attrs, c)
	switch {
	case m.done:
		return contents{kind: untracedRecord, marked: true}
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

// marks is what the marks among a record's attributes tell about it.
type marks struct {
	done  bool // an outer handler of ours has added everything that we would add
	any   bool // there are marks, and we add everything ourselves
	span  *Span
	event event
}

// marksIn looks for marks in attrs, the attributes of a record under c.
func (n *naming) marksIn(attrs []slog.Attr, c *current) (m marks) {
	names := n.namer(n.kindOf(c))
	suspicious := n.ids[0] != "" // there is an id, perhaps not the user's
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
			// If a group was opened before we were wrapped, the outer handler's attributes would end up
			// in that group. So we add them ourselves.
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

// renamed returns in with its root attributes under their final keys.
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

// plainSpanRecord returns the span of a record that comes straight from a Tracer and has no key to rename.
// escapeForStrangers has already looked for such keys and marked them with a LogValuer.
func (n *naming) plainSpanRecord(attrs []slog.Attr) (*Span, event) {
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

// contextAttrs returns the attributes of With and the baggage for the record in, under their keys in the line.
// They give way to attributes of the logger and the record, under the user's keys and under the renamed ones.
// If loggerOnly, they do so only to those of the logger: the record's own keys are ignored.
func (n *naming) contextAttrs(c *current, in *contents, loggerOnly bool) []slog.Attr {
	ctxAttrs := c.attrs()
	if len(ctxAttrs) == 0 {
		return nil
	}
	keys, moved := n.keys, in.moved
	if n.groups > 0 && !n.filled && !loggerOnly && !slices.ContainsFunc(in.attrs, func(a slog.Attr) bool { return !isEmptyAttr(a) }) {
		// The group will not be written, so its name is free.
		name := keys[len(keys)-1]
		if keys = keys[:len(keys)-1]; !slices.Contains(keys, name) {
			moved = slices.DeleteFunc(slices.Clone(moved), func(m move) bool { return m.from == name })
		}
	}
	return n.format.contextAttrs(c.env, in.kind, func(key string) bool {
		return slices.Contains(keys, key) ||
			slices.ContainsFunc(moved, func(m move) bool { return m.from == key || m.to == key }) ||
			n.groups == 0 && !loggerOnly && hasRootKey(in.attrs, key)
	})
}

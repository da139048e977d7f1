package slogtrace

import (
	"context"
	"log/slog"
	"slices"
)

// A Handler adds the ids of a record's context to what it passes on to another handler, of whatever make.
//
// The ids stand at the root of every record made in a span, exactly once, whatever groups are open,
// and with them the attributes of [With] and the baggage. Where nothing of this package is in the context, the inner handler
// gets what it would get without us. A root attribute of the user's under the key of an id becomes attr.<key>.
//
// Handlers may be nested, with others between: the outermost one adds the ids and those further in do not.
// (If one between rebuilds what is inside groups, that is known only where both of ours have the same [Format].)
type Handler struct {
	naming
	id    handlerID
	inner slog.Handler              // with all that With and WithGroup bound, for records outside a trace
	root  [recordKinds]slog.Handler // before the first group: where the ids are bound
	steps []step                    // what was bound from the first group on
	alike [recordKinds]bool         // root is that of plainRecord: nothing had to be renamed
}

// A step is a call of WithAttrs or WithGroup.
type step struct {
	group string
	attrs []slog.Attr
}

func (s step) bind(h slog.Handler) slog.Handler {
	if s.group != "" {
		return h.WithGroup(s.group)
	}
	return bindAttrs(h, s.attrs)
}

// bindAttrs binds attrs to h without giving them away: by slog's contract a handler owns what it is given.
func bindAttrs(h slog.Handler, attrs []slog.Attr) slog.Handler {
	return h.WithAttrs(slices.Clone(attrs))
}

// NewHandler returns a [Handler] that passes records on to inner,
// which must be as package testing/slogtest wants it, and may be any handler that is. It panics if inner is nil.
//
// Wrap first, open groups later: groups that are open on inner already stay, and the ids stand inside them.
// Inner may not be the handler that package slog begins with: once it were the default again,
// packages log and slog would call each other for ever, waiting for a lock of log's. If it is that handler,
// text lines go to what [log.Writer] returns now, at the levels for which that handler is enabled.
func NewHandler(inner slog.Handler) *Handler { return newHandler(inner, defaultFormat) }

func newHandler(inner slog.Handler, f *format) *Handler {
	if inner == nil {
		panic("slogtrace: NewHandler: want a handler, got nil") // as slog.New does: better here than at the first record
	}
	inner = notInitial(inner)
	h := &Handler{naming: naming{format: f}, inner: inner}
	for k := range h.root {
		h.root[k] = inner
		h.alike[k] = true
	}
	return h
}

// Enabled asks the inner handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

// WithAttrs returns a handler whose records carry attrs too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if isNothing(attrs) {
		return h
	}
	h2 := *h
	attrs = h2.takeAttrs(attrs)
	if len(attrs) == 0 {
		return h
	}
	h2.inner = bindAttrs(h.inner, attrs)
	if h.groups > 0 {
		h2.steps = append(slices.Clip(h.steps), step{attrs: slices.Clone(attrs)})
		return &h2
	}
	for k := range recordKinds {
		k := recordKind(k)
		named, renamed := h.nameAttrs(&h2.naming, k, attrs)
		named, emptied := withoutEmptyGroups(named)
		if h2.alike[k] = h.alike[k] && !renamed && !(emptied && k >= freeRecord); h2.alike[k] {
			h2.root[k] = h2.inner
		} else if len(named) > 0 {
			h2.root[k] = bindAttrs(h.root[k], named)
		}
	}
	return &h2
}

// withoutEmptyGroups returns attrs without the groups that nothing is left of, and whether there was any.
// slog's handlers leave such a group out but believe it open ever after: a comma too few, its name before all keys
// that follow and among the groups that ReplaceAttr is told of. That must not happen to the ids.
func withoutEmptyGroups(attrs []slog.Attr) (_ []slog.Attr, emptied bool) {
	if !slices.ContainsFunc(attrs, hasEmptyGroup) {
		return attrs, false
	}
	var out []slog.Attr
	for _, a := range attrs {
		if isEmptyAttr(a) {
			continue
		}
		if a.Value.Kind() == slog.KindGroup {
			group, _ := withoutEmptyGroups(a.Value.Group())
			a.Value = slog.GroupValue(group...)
		}
		out = append(out, a)
	}
	return out, true
}

func hasEmptyGroup(a slog.Attr) bool {
	return a.Value.Kind() == slog.KindGroup && len(a.Value.Group()) > 0 && (isEmptyAttr(a) || slices.ContainsFunc(a.Value.Group(), hasEmptyGroup))
}

// WithGroup returns a handler whose further attributes are members of a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.takeGroup(name)
	h2.inner = h.inner.WithGroup(name)
	h2.steps = append(slices.Clip(h.steps), step{group: name})
	for k := range recordKinds {
		h.nameGroup(&h2.naming, recordKind(k), name)
	}
	return &h2
}

// Handle passes r on with what its context adds.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	c := currentOf(ctx)
	if c.env == nil && !isSpanMessage(r.Message) {
		return h.inner.Handle(ctx, r)
	}
	if c.inTrace() && h.plainNames(c.env, logRecord) && h.ordinary(&r, logRecord) {
		return h.next(&c, &r).Handle(ctx, r)
	}
	return h.handleAny(ctx, &c, r)
}

// nextRedacted is next for a record that may not be ordinary, or in which x may have something to replace: then it returns nil.
func (h *Handler) nextRedacted(c *current, r *slog.Record, x *redactor) slog.Handler {
	if c.inTrace() && h.plainNames(c.env, logRecord) && // so there is no baggage either
		(x.isPlainRecord(r) || h.ordinary(r, logRecord) && x.passesRecord(r)) {
		return h.next(c, r)
	}
	return nil
}

// next returns the handler that takes r, a record such as most are: in a trace, with nothing to add but the ids,
// and nothing in their way. C is what its context says. The ids are bound to that handler, or added to r.
func (h *Handler) next(c *current, r *slog.Record) slog.Handler {
	op := c.op()
	if h.format.form == prefixForm {
		r.Message = withPrefix(c, op, r.Message)
	}
	b := c.bound.of(&h.id, op)
	if b == nil {
		b = h.newBound(c, &contents{kind: logRecord}, nil, op)
	}
	next := h.bindAdded(b, logRecord)
	if next == nil {
		next = h.root[logRecord]
		addFirst(r, b.group)
	}
	return next
}

// handleAny is Handle for any record that something of ours in its context or in itself says something about.
func (h *Handler) handleAny(ctx context.Context, c *current, r slog.Record) error {
	var mem [maxInlineAttrs]slog.Attr
	in := contents{kind: h.kindOf(c)}
	if len(c.attrs()) > 0 || !h.ordinary(&r, in.kind) {
		in = h.inspect(c, &r, mem[:0])
	}
	if in.marked {
		return h.inner.Handle(ctx, r)
	}
	if in.kind < logRecord && len(c.attrs()) == 0 {
		return h.inner.Handle(ctx, r)
	}
	op := ""
	if in.kind >= logRecord {
		op = c.op()
		if h.format.form == prefixForm {
			r.Message = withPrefix(c, op, r.Message)
		}
	}
	with := h.contextAttrs(c, &in, false)
	if in.event == eventNone && !in.changed && len(with) == len(h.contextAttrs(c, &in, true)) && !mayChange(with) {
		b := c.bound.of(&h.id, op)
		if b == nil {
			b = h.newBound(c, &in, with, op)
		}
		next := h.bindAdded(b, in.kind)
		if next == nil {
			next = h.root[in.kind]
			addFirst(&r, b.group)
		}
		return next.Handle(ctx, r)
	}
	// Seldom: what is added depends on the record itself, or is another thing each time.
	added := slog.Attr{Value: h.added(new(mark), nil, c, &in, with, op, c.text())}
	if !in.changed {
		in.attrs = appendRecord(mem[:0], &r)
	}
	first, next := []slog.Attr{added}, h.root[in.kind]
	if h.groups > 0 {
		first, next = nil, h.bind(in.kind, added)
		if in.event != eventNone {
			first = []slog.Attr{ghost(h.format, c.span, in.event)}
		}
	}
	if in.event != eventNone {
		r.Time = h.format.spanTime(in.event, c.span.start, r.Time)
	}
	setAttrs(&r, first, in.attrs)
	return next.Handle(ctx, r)
}

func (h *Handler) readsMarks() bool { return true }

// handleReport passes r on as the record that Handle would make of its record.
func (h *Handler) handleReport(from spanReport, x *redactor) (_ error, ok bool) {
	s := from.span
	if h.groups > 0 || !h.ordinarySpan(s, x) {
		return nil, false
	}
	c := current{span: s, env: s.env}
	in := contents{kind: spanRecord, event: from.event}
	op, msg := c.op(), from.event.message()
	if h.format.form == prefixForm {
		msg = withPrefix(&c, op, msg)
	}
	r := slog.NewRecord(h.format.spanTime(from.event, s.start, from.at), from.level, msg, from.pc)
	var mem struct { // at once
		mark  mark
		attrs [6]slog.Attr // what most spans have
	}
	r.AddAttrs(slog.Attr{Value: h.added(&mem.mark, mem.attrs[:0], &c, &in, nil, op, s.text())})
	r.AddAttrs(s.attrs...)
	return h.root[spanRecord].Handle((*spanContext)(s), r), true
}

// addFirst puts a group before the attributes of r.
// Behind the others it would be cheaper, but after a group that it wrote nothing of, slog.JSONHandler forgets a comma.
func addFirst(r *slog.Record, group slog.Value) {
	var mem [1 + maxInlineAttrs]slog.Attr
	setAttrs(r, appendRecord(append(mem[:0], slog.Attr{Value: group}), r))
}

// mayChange reports whether there is a value in attrs, or in a group there, that may be another for the next record.
func mayChange(attrs []slog.Attr) bool {
	return slices.ContainsFunc(attrs, func(a slog.Attr) bool {
		switch a.Value.Kind() {
		case slog.KindLogValuer, slog.KindAny:
			return true
		case slog.KindGroup:
			return mayChange(a.Value.Group())
		}
		return false
	})
}

// added returns what we put at the root of a record, as an inline group. m and attrs are memory for it; text is c's.
func (h *Handler) added(m *mark, attrs []slog.Attr, c *current, in *contents, with []slog.Attr, op string, text packed) slog.Value {
	*m = mark{format: h.format, event: eventLog}
	switch {
	case in.event != eventNone:
		m.span, m.event = c.span, in.event
		attrs = appendSpanAttrs(attrs, h.format, c.span, in.event, op, text)
	case in.kind >= logRecord:
		attrs = appendIDs(attrs, h.format, c, text, op)
	}
	if attrs = append(attrs, with...); len(attrs) == 0 {
		// All that the context says gave way. A handler of ours further in, with other names, must not think otherwise.
		return slog.AnyValue(m)
	}
	return markedGroup(attrs, m)
}

// bind returns the handler's whole chain with added at its root.
func (h *Handler) bind(k recordKind, added slog.Attr) slog.Handler {
	b := h.root[k].WithAttrs([]slog.Attr{added})
	for i, s := range h.steps {
		if i == 0 {
			s.group = h.firstGroup(k)
		}
		b = s.bind(b)
	}
	return b
}

// firstGroup returns the name that the first open group has in records of kind k.
func (h *Handler) firstGroup(k recordKind) string {
	name := h.steps[0].group
	for _, m := range h.moved[k] {
		if m.from == name {
			return m.to
		}
	}
	return name
}

// bindAdded returns the handler's chain for records of kind k with what b adds bound to it, nil if that is not worth while yet.
func (h *Handler) bindAdded(b *boundHandler, k recordKind) slog.Handler {
	if chain := b.chain.Load(); chain != nil {
		return *chain
	}
	if h.groups == 0 && b.uses.Add(1) < bindAtUse {
		return nil
	}
	// With groups open there is no other way to the root: in a group of the record's own, what inner handlers
	// add to records would end up outside of it.
	bound := h.bind(k, slog.Attr{Value: b.group})
	b.chain.Store(&bound)
	return bound
}

// newBound makes and remembers what h adds, under op, to a record that in describes and that has no say in it.
// op was read once: it may be another by now.
func (h *Handler) newBound(c *current, in *contents, with []slog.Attr, op string) *boundHandler {
	b := &boundHandler{by: &h.id, op: op}
	mem := new(struct { // apart from b: a record that is kept keeps it
		mark  mark
		attrs [4]slog.Attr
	})
	b.text = c.text()
	b.group = h.added(&mem.mark, mem.attrs[:0], c, in, with, op, b.text)
	c.bound.add(b)
	return b
}

// NewHandler is the function [NewHandler] with f's names and forms.
//
// It has a say in the ids and in span records only. What the inner handler calls time, level, message and source
// is that handler's business; those of package slog take f.ReplaceAttr for it.
func (f Format) NewHandler(inner slog.Handler) *Handler { return newHandler(inner, f.compile(false)) }

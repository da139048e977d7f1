package slogtrace

import (
	"context"
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/initial"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// A Handler adds the ids of a record's context to every record it passes to another [slog.Handler].
//
// The ids appear at the root of every record made in a span, exactly once, whatever groups are open,
// followed by the attributes of [With] and the baggage. If nothing of this package is in the context, the inner handler
// gets the same records as without a Handler. A root attribute of the user's under the key of an id becomes attr.<key>.
//
// Handlers may be nested, with other handlers between them: the outermost one adds the ids, the inner ones do not.
// (If a handler between them rebuilds the contents of groups, this works only if both Handlers have the same [Format].)
type Handler struct {
	naming
	id    handlerID
	inner slog.Handler              // with all calls of With and WithGroup made, for records outside a trace
	root  [recordKinds]slog.Handler // with those calls made that come before the first WithGroup: the ids are bound here
	steps []step                    // the calls from the first WithGroup on
	alike [recordKinds]bool         // root is that of slogRecord: no key was renamed
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

// bindAttrs binds a copy of attrs to h: by slog's contract a handler owns the slice that it gets.
func bindAttrs(h slog.Handler, attrs []slog.Attr) slog.Handler {
	return h.WithAttrs(slices.Clone(attrs))
}

// NewHandler returns a [Handler] that passes records to inner. It panics if inner is nil.
// inner may be any handler that passes the tests of package testing/slogtest.
//
// Wrap first, open groups later: groups that are already open on inner stay open, and the ids go inside them.
//
// If inner is the initial handler of package slog, text lines go to the current [log.Writer] instead,
// at the levels for which that handler is enabled. Passing records to it would not work:
// if the new handler became the default, packages log and slog would call each other forever, waiting for a lock of log's.
func NewHandler(inner slog.Handler) *Handler { return newHandler(inner, defaultFormat) }

func newHandler(inner slog.Handler, f *format) *Handler {
	if inner == nil {
		panic("slogtrace: NewHandler: want a handler, got nil") // as slog.New does: better here than at the first record
	}
	inner = initial.Replace(inner)
	h := &Handler{naming: naming{format: f}, inner: inner}
	for k := range h.root {
		h.root[k] = inner
		h.alike[k] = true
	}
	return h
}

// Enabled reports what the inner handler's Enabled reports.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

// WithAttrs returns a handler that adds attrs to every record.
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
		if h2.alike[k] = h.alike[k] && !renamed && !(emptied && k >= untracedRecord); h2.alike[k] {
			h2.root[k] = h2.inner
		} else if len(named) > 0 {
			h2.root[k] = bindAttrs(h.root[k], named)
		}
	}
	return &h2
}

// withoutEmptyGroups returns attrs without empty groups, and whether there were any.
// slog's handlers leave such a group out but then take it to be open: a comma is missing, and its name is put before all
// later keys and among the groups that ReplaceAttr gets. That must not happen to the ids.
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

// WithGroup returns a handler that puts later attributes into a group.
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

// Handle adds the ids and attributes of ctx to r and passes it to the inner handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	c := currentOf(ctx)
	if c.env == nil && !isSpanMessage(r.Message) {
		return h.inner.Handle(ctx, r)
	}
	if c.inTrace() && h.plainNames(c.env, tracedRecord) && h.isOrdinary(&r, tracedRecord) {
		return h.next(&c, &r).Handle(ctx, r)
	}
	return h.handleAny(ctx, &c, r)
}

// nextRedacted is next for any record. It returns nil if r is not ordinary or if x may have something to replace in it.
func (h *Handler) nextRedacted(c *current, r *slog.Record, x *redact.Redactor) slog.Handler {
	if c.inTrace() && h.plainNames(c.env, tracedRecord) && // so there is no baggage either
		(x.IsPlainRecord(r) || h.isOrdinary(r, tracedRecord) && x.PassesRecord(r)) {
		return h.next(c, r)
	}
	return nil
}

// next returns the handler for r, an ordinary record: one in a trace, with nothing to add except the ids
// and no key to rename. c is r's context. The ids are bound to the returned handler, or were added to r.
func (h *Handler) next(c *current, r *slog.Record) slog.Handler {
	op := c.op()
	if h.format.form == prefixForm {
		r.Message = withPrefix(c, op, r.Message)
	}
	b := c.bound.of(&h.id, op)
	if b == nil {
		b = h.newBound(c, &contents{kind: tracedRecord}, nil, op)
	}
	next := h.bindAdded(b, tracedRecord)
	if next == nil {
		next = h.root[tracedRecord]
		addFirst(r, b.group)
	}
	return next
}

// handleAny is Handle for any record whose context or contents involve this package.
func (h *Handler) handleAny(ctx context.Context, c *current, r slog.Record) error {
	var mem [maxInlineAttrs]slog.Attr
	in := contents{kind: h.kindOf(c)}
	if len(c.attrs()) > 0 || !h.isOrdinary(&r, in.kind) {
		in = h.inspect(c, &r, mem[:0])
	}
	if in.marked {
		return h.inner.Handle(ctx, r)
	}
	if in.kind < tracedRecord && len(c.attrs()) == 0 {
		return h.inner.Handle(ctx, r)
	}
	op := ""
	if in.kind >= tracedRecord {
		op = c.op()
		if h.format.form == prefixForm {
			r.Message = withPrefix(c, op, r.Message)
		}
	}
	ctxAttrs := h.contextAttrs(c, &in, false)
	if in.event == eventNone && !in.changed && len(ctxAttrs) == len(h.contextAttrs(c, &in, true)) && !mayChange(ctxAttrs) {
		b := c.bound.of(&h.id, op)
		if b == nil {
			b = h.newBound(c, &in, ctxAttrs, op)
		}
		next := h.bindAdded(b, in.kind)
		if next == nil {
			next = h.root[in.kind]
			addFirst(&r, b.group)
		}
		return next.Handle(ctx, r)
	}
	// The rare case: what is added depends on the record itself, or may differ each time.
	added := slog.Attr{Value: h.added(new(mark), nil, c, &in, ctxAttrs, op, c.texts())}
	if !in.changed {
		in.attrs = appendRecord(mem[:0], &r)
	}
	first, next := []slog.Attr{added}, h.root[in.kind]
	if h.groups > 0 {
		first, next = nil, h.bind(in.kind, added)
		if in.event != eventNone {
			first = []slog.Attr{unwrittenMark(h.format, c.span, in.event)}
		}
	}
	if in.event != eventNone {
		r.Time = h.format.spanTime(in.event, c.span.start, r.Time)
	}
	setRecordAttrs(&r, first, in.attrs)
	return next.Handle(ctx, r)
}

func (h *Handler) self() slog.Handler { return h }
func (h *Handler) readsMarks() bool   { return true }

// handleReport passes on the record that Handle would make of from's record.
func (h *Handler) handleReport(from spanReport, x *redact.Redactor) (_ error, ok bool) {
	s := from.span
	if h.groups > 0 || !h.isOrdinarySpan(s, x) {
		return nil, false
	}
	c := current{span: s, env: s.env}
	in := contents{kind: spanRecord, event: from.event}
	op, msg := c.op(), from.event.message()
	if h.format.form == prefixForm {
		msg = withPrefix(&c, op, msg)
	}
	r := slog.NewRecord(h.format.spanTime(from.event, s.start, from.at), from.level, msg, from.pc)
	var mem struct { // one allocation
		mark  mark
		attrs [6]slog.Attr // as many as most spans have
	}
	r.AddAttrs(slog.Attr{Value: h.added(&mem.mark, mem.attrs[:0], &c, &in, nil, op, s.texts())})
	r.AddAttrs(s.attrs...)
	return h.root[spanRecord].Handle((*spanContext)(s), r), true
}

// addFirst puts group before the attributes of r. Adding it behind them would be cheaper,
// but slog.JSONHandler forgets a comma after a group of which it wrote nothing.
func addFirst(r *slog.Record, group slog.Value) {
	var mem [1 + maxInlineAttrs]slog.Attr
	setRecordAttrs(r, appendRecord(append(mem[:0], slog.Attr{Value: group}), r))
}

// mayChange reports whether any value in attrs, also inside groups, may differ for the next record.
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

// added returns the attributes that h adds to a record, as an inline group. m and attrs are memory for it. texts are c's.
func (h *Handler) added(m *mark, attrs []slog.Attr, c *current, in *contents, ctxAttrs []slog.Attr, op string, texts spanTexts) slog.Value {
	*m = mark{format: h.format, event: eventLog}
	switch {
	case in.event != eventNone:
		m.span, m.event = c.span, in.event
		attrs = appendSpanAttrs(attrs, h.format, c.span, in.event, op, texts)
	case in.kind >= tracedRecord:
		attrs = appendIDs(attrs, h.format, c, texts, op)
	}
	if attrs = append(attrs, ctxAttrs...); len(attrs) == 0 {
		// All attributes of the context gave way. The mark tells inner Handlers with other names to add none either.
		return slog.AnyValue(m)
	}
	return markedGroup(attrs, m)
}

// bind returns the inner handler with added at the root, and with all calls of With and WithGroup made.
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

// firstGroup returns the name of the first open group in records of kind k.
func (h *Handler) firstGroup(k recordKind) string {
	name := h.steps[0].group
	for _, m := range h.moved[k] {
		if m.from == name {
			return m.to
		}
	}
	return name
}

// bindAdded returns the inner handler for records of kind k with b's group bound to it.
// It returns nil if binding does not pay yet.
func (h *Handler) bindAdded(b *boundHandler, k recordKind) slog.Handler {
	if derived := b.derived.Load(); derived != nil {
		return *derived
	}
	if h.groups == 0 && b.uses.Add(1) < bindAtUse {
		return nil
	}
	// With groups open, binding is the only way to the root. If the ids were put into a group of the record's own,
	// attributes that inner handlers add to records would end up outside of it.
	bound := h.bind(k, slog.Attr{Value: b.group})
	b.derived.Store(&bound)
	return bound
}

// newBound makes what h adds to records like in, and remembers it. What is added must not depend on the record itself.
// op was read once by the caller: the span's name may have changed since.
func (h *Handler) newBound(c *current, in *contents, ctxAttrs []slog.Attr, op string) *boundHandler {
	b := &boundHandler{by: &h.id, op: op}
	mem := new(struct { // apart from b: a record that is kept keeps it
		mark  mark
		attrs [4]slog.Attr
	})
	b.texts = c.texts()
	b.group = h.added(&mem.mark, mem.attrs[:0], c, in, ctxAttrs, op, b.texts)
	c.bound.add(b)
	return b
}

// NewHandler is the function [NewHandler] with the names and forms of f.
//
// f applies to the ids and to span records only. The inner handler names time, level, message and source.
// The handlers of package slog take f.ReplaceAttr for that.
func (f Format) NewHandler(inner slog.Handler) *Handler { return newHandler(inner, f.compile(false)) }

package slogtrace

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// A Handler adds the ids of a record's context to what it passes on to another handler, of whatever make.
//
// The ids stand at the root of every record made in a span, exactly once, whatever groups are open,
// and with them the attributes of [With]. Where nothing of this package is in the context, the inner handler
// gets what it would get without us. A root attribute of the user's under the key of an id becomes attr.<key>.
//
// Handlers may be nested, with others between: the outermost one adds the ids and those further in do not.
type Handler struct {
	naming
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
	if isInitialHandler(inner) {
		inner = newTextHandler(inner)
	}
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
		if h2.alike[k] = h.alike[k] && !renamed; h2.alike[k] {
			h2.root[k] = h2.inner
		} else {
			h2.root[k] = bindAttrs(h.root[k], named)
		}
	}
	return &h2
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
	var mem [maxInlineAttrs]slog.Attr
	in := contents{kind: kindOf(&c)}
	if len(c.with()) > 0 || !h.ordinary(&r, in.kind) {
		in = h.inspect(&c, &r, mem[:0])
	}
	if in.marked {
		return h.inner.Handle(ctx, r)
	}
	if in.kind < logRecord && len(c.with()) == 0 {
		return h.inner.Handle(ctx, r)
	}
	with := h.contextAttrs(&c, &in, false)
	if in.event == eventNone && !in.changed && len(with) == len(h.contextAttrs(&c, &in, true)) && !mayChange(with) {
		return h.handleBound(ctx, r, &c, &in, with)
	}
	// Seldom: what is added depends on the record itself, or is another thing each time.
	added := h.added(&c, &in, with)
	if !in.changed {
		in.attrs = appendRecord(mem[:0], &r)
	}
	first, next := added, h.root[in.kind]
	if h.groups > 0 {
		first, next = slog.Attr{}, h.bind(in.kind, added)
		if in.event != eventNone {
			first = ghost(c.span, in.event)
		}
	}
	setAttrs(&r, first, in.attrs)
	return next.Handle(ctx, r)
}

// setAttrs makes first, unless it is empty, and attrs the attributes of r, which may share memory with other records.
// Behind the others it would be cheaper to add, but after a group that it wrote nothing of, slog.JSONHandler forgets a comma.
func setAttrs(r *slog.Record, first slog.Attr, attrs []slog.Attr) {
	*r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if !isEmptyAttr(first) {
		r.AddAttrs(first)
	}
	r.AddAttrs(attrs...)
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

// added returns what we put at the root of a record, as one inline group.
func (h *Handler) added(c *current, in *contents, with []slog.Attr) slog.Attr {
	m := mark{claimed: true, event: eventLog}
	attrs := make([]slog.Attr, 0, 8+len(with))
	if in.kind >= logRecord {
		attrs = appendIDs(attrs, h.format, c)
	}
	if in.event != eventNone {
		m.span, m.event = c.span, in.event
		attrs = appendSpanAttrs(attrs, c.span, in.event)
	}
	if attrs = append(attrs, with...); len(attrs) == 0 {
		// All of With gave way. A handler of ours further in, with other names, must not think otherwise.
		return ghost(nil, eventLog)
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

// A boundCache holds, for one context, what handlers derived to add its ids with less work: the latest few of them,
// so that a logger derived for each record does not fill the memory.
type boundCache struct {
	latest atomic.Pointer[[]*boundHandler] // the slice is never changed
}

// A boundHandler is what one Handler adds under one context, and from some record on its chain with that bound to it.
type boundHandler struct {
	of    *Handler
	op    string                       // of the span then
	group slog.Attr                    // what is added, as one inline group
	chain atomic.Pointer[slog.Handler] // nil while it is not worth its cost
	uses  atomic.Int32
}

const (
	maxBoundHandlers = 8
	bindAtUse        = 3 // of a context and handler: to bind costs more than to add to the record, but once
)

func (b *boundCache) all() []*boundHandler {
	if p := b.latest.Load(); p != nil {
		return *p
	}
	return nil
}

func (b *boundCache) find(h *Handler, op string) *boundHandler {
	for _, e := range b.all() {
		if e.of == h && e.op == op {
			return e
		}
	}
	return nil
}

// add puts e first. Of two added at once one may be lost; it will be made again.
func (b *boundCache) add(e *boundHandler) {
	old := b.all()
	latest := append(make([]*boundHandler, 0, 1+len(old)), e)
	latest = append(latest, old[:min(len(old), maxBoundHandlers-1)]...)
	b.latest.Store(&latest)
}

// handleBound adds to r what does not depend on it.
func (h *Handler) handleBound(ctx context.Context, r slog.Record, c *current, in *contents, with []slog.Attr) error {
	cache, op := c.bound(), ""
	if in.kind >= logRecord {
		op = c.op()
	}
	e := cache.find(h, op)
	if e == nil {
		e = &boundHandler{of: h, op: op, group: h.added(c, in, with)}
		cache.add(e)
	}
	chain := e.chain.Load()
	if chain == nil && (h.groups > 0 || e.uses.Add(1) >= bindAtUse) {
		// With groups open there is no other way to the root.
		bound := h.bind(in.kind, e.group)
		chain = &bound
		e.chain.Store(chain)
	}
	if chain != nil {
		return (*chain).Handle(ctx, r)
	}
	var mem [maxInlineAttrs]slog.Attr
	setAttrs(&r, e.group, appendRecord(mem[:0], &r))
	return h.root[in.kind].Handle(ctx, r)
}

package slogtrace

import (
	"context"
	"log/slog"
	"slices"
)

// holdLine holds the line of r. If e is not eventNone, r is the record of s. It reports false if t holds nothing any more.
func (h *TailHandler) holdLine(t tailRoot, c *current, s *Span, e event, r *slog.Record) bool {
	mem := scratches.Get().(*scratch)
	line := h.lines.lineOf(mem, *c, *r)
	ok := false
	if t.mayWeigh(e, r.Level) {
		other := scratches.Get().(*scratch)
		weighed := h.lines.lineOf(other, *c, h.weigh(s, *r))
		ok = t.addLines(r.Level, line, weighed)
		other.free(weighed)
	} else {
		ok = t.addLines(r.Level, line, nil)
	}
	mem.free(line)
	return ok
}

// holdSpanLine is holdLine for r. It makes the line at once only if the line could be different later.
func (h *TailHandler) holdSpanLine(t tailRoot, r *spanReport) bool {
	if r.event == eventEnd && !r.span.is(failed) && h.lines.hasSpanLine(r.span, nil) && areValues(r.span.attrs) {
		return t.addSpan(heldSpan{h, *r})
	}
	mem := scratches.Get().(*scratch)
	line := h.lines.spanLineOf(mem, *r)
	ok := false
	if t.mayWeigh(r.event, r.level) {
		other := scratches.Get().(*scratch)
		weighed := h.lines.spanLineOf(other, h.tail.weighedReport(*r, true))
		ok = t.addLines(r.level, line, weighed)
		other.free(weighed)
	} else {
		ok = t.addLines(r.level, line, nil)
	}
	mem.free(line)
	return ok
}

// areValues reports whether attrs are always written the same way.
func areValues(attrs []slog.Attr) bool {
	for i := range attrs {
		switch attrs[i].Value.Kind() {
		case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
			return false
		}
	}
	return true
}

// mayWeigh reports whether a record is written differently if its trace is kept for its share. e is the record's event.
func (t tailRoot) mayWeigh(e event, level slog.Level) bool {
	return e != eventNone && level < t.tail.passLevel() && t.tail.opts.Share < 1 && t.tail.shares(t.span)
}

// addLines holds a line. weighed is its form for a trace kept for its share, or nil if that is the same.
func (t tailRoot) addLines(level slog.Level, line, weighed []byte) bool {
	h := t.begin(level)
	if h == nil {
		return false
	}
	if weighed == nil {
		h.addLine(line, level, aLine)
	} else {
		h.addLine(weighed, level, weighedLine)
		h.addLine(line, level, plainLine)
	}
	t.end()
	return true
}

// addSpan holds s.
func (t tailRoot) addSpan(s heldSpan) bool {
	size := s.h.pinnedSize() + t.spanRecordSize(s.span)
	h := t.begin(s.level)
	if h == nil {
		return false
	}
	h.addSpan(s, s.level, size)
	t.end()
	return true
}

// holdRecord is holdLine for a tail that holds records.
func (h *TailHandler) holdRecord(t tailRoot, ctx context.Context, c *current, r *slog.Record) bool {
	fixed := r
	size, plain := plainSize(r)
	if !plain {
		if recordHasValuer(r) {
			copied := *r
			setRecordAttrs(&copied, resolved(appendRecord(nil, r)))
			fixed = &copied
		}
		size = recordSize(fixed)
		if s, _ := spanOf(fixed); s != nil {
			size += t.spanRecordSize(s)
		}
	}
	size += h.pinnedSize()
	var op *string
	envBytes := 0 // size of c.env
	if c.span != nil {
		op = c.span.renamed()
		size += t.spanSize(c.span)
		if e := c.env.fixed(); e != c.env {
			ctx = &scopeContext{Context: ctx, env: e, span: c.span}
			size += scopeSize + e.size()
		}
		if c.env != c.span.env {
			envBytes = scopeSize + c.env.size()
		}
	}
	b := t.begin(r.Level)
	if b == nil {
		return false
	}
	if envBytes > 0 && b.env != c.env {
		b.env = c.env
		size += envBytes
	}
	to := b.addRecord(r.Level, size)
	to.h, to.ctx, to.op = h, ctx, op
	to.r = fixed.Clone()
	t.end()
	return true
}

// recordHasValuer is hasValuer for the attributes of r.
func recordHasValuer(r *slog.Record) (has bool) {
	r.Attrs(func(a slog.Attr) bool {
		has = hasValuer(a)
		return !has
	})
	return has
}

// holdSpan is holdRecord for r.
func (h *TailHandler) holdSpan(t tailRoot, r *spanReport) bool {
	fixed := *r
	fixed.span = r.span.fixed(r.event)
	return t.addSpan(heldSpan{h, fixed})
}

// fixed returns s, or a copy of it, whose start or end record (by e) does not change any more.
func (s *Span) fixed(e event) *Span {
	if s.isFixed(e) && !slices.ContainsFunc(s.attrs, hasValuer) {
		return s
	}
	c := s.snapshot()
	c.env, c.attrs = s.env.fixed(), resolved(c.attrs)
	return c
}

// isFixed reports whether the record of s for e, apart from s's own attributes, does not change any more. A start record may.
func (s *Span) isFixed(e event) bool {
	return e == eventEnd && !slices.ContainsFunc(s.env.attrs, hasValuer)
}

// hasValuer reports whether a contains a LogValuer of the user's, or a mark of ours that may still change.
func hasValuer(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindGroup:
		return slices.ContainsFunc(a.Value.Group(), hasValuer)
	case slog.KindLogValuer:
		switch m := a.Value.Any().(type) {
		case *endMark:
			return false
		case *mark:
			return m.mayChange() || hasValuer(slog.Attr{Value: m.value})
		}
		return true
	}
	return false
}

// mayChange reports whether m has a span, not yet written in a Format, whose record may still change.
func (m *mark) mayChange() bool { return m.span != nil && m.format == nil && !m.span.isFixed(m.event) }

// resolved returns a copy of attrs with each LogValuer resolved. Our marks stay marks.
func resolved(attrs []slog.Attr) []slog.Attr {
	out := slices.Clone(attrs)
	for i := range out {
		out[i].Value = resolvedValue(out[i].Value)
	}
	return out
}

func resolvedValue(v slog.Value) slog.Value {
	if v.Kind() == slog.KindLogValuer {
		switch m := v.Any().(type) {
		case *endMark:
			return v
		case *startMark:
			return slog.AnyValue((*startMark)((*Span)(m).snapshot()))
		case *mark:
			fixed := *m
			fixed.value = resolvedValue(m.value)
			if m.mayChange() {
				fixed.span = m.span.fixed(m.event)
			}
			return slog.AnyValue(&fixed)
		case *userAttr:
			return slog.AnyValue(&userAttr{m.Key, resolvedValue(m.Value)})
		}
		v = v.Resolve()
	}
	if v.Kind() == slog.KindGroup {
		return slog.GroupValue(resolved(v.Group())...)
	}
	return v
}

// fixed returns e, or a copy of it with each LogValuer resolved.
func (e *env) fixed() *env {
	if !slices.ContainsFunc(e.attrs, hasValuer) {
		return e
	}
	own := *e
	own.attrs = resolved(e.attrs)
	return &own
}

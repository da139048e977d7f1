package slogtrace

import (
	"log/slog"
	"slices"
)

// still returns s, or a copy of it, whose start or end record (by e) does not change any more.
func (s *Span) still(e event) *Span {
	if s.isStill(e) && !slices.ContainsFunc(s.attrs, hasValuer) {
		return s
	}
	c := s.snapshot()
	c.env, c.attrs = s.env.still(), resolved(c.attrs)
	return c
}

// isStill reports whether the record of s for e, apart from s's own attributes, does not change any more. A start record may.
func (s *Span) isStill(e event) bool {
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
			return m.isMoving() || hasValuer(slog.Attr{Value: m.value})
		}
		return true
	}
	return false
}

// isMoving reports whether m has a span, not yet written in a Format, whose record may still change.
func (m *mark) isMoving() bool { return m.span != nil && m.format == nil && !m.span.isStill(m.event) }

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
			still := *m
			still.value = resolvedValue(m.value)
			if m.isMoving() {
				still.span = m.span.still(m.event)
			}
			return slog.AnyValue(&still)
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

// still returns e, or a copy of it with each LogValuer resolved.
func (e *env) still() *env {
	if !slices.ContainsFunc(e.attrs, hasValuer) {
		return e
	}
	own := *e
	own.attrs = resolved(e.attrs)
	return &own
}

package slogtrace

import (
	"log/slog"
	"slices"
)

// still returns s, or a copy of it, that says the same for ever about its beginning or its end.
func (s *Span) still(e event) *Span {
	if s.isStill(e) && !slices.ContainsFunc(s.attrs, hasValuer) {
		return s
	}
	c := s.snapshot()
	c.env, c.attrs = s.env.still(), resolved(c.attrs)
	return c
}

// isStill reports whether s, apart from its own attributes, will say the same for ever: not if it has just begun.
func (s *Span) isStill(e event) bool {
	return e == eventEnd && !slices.ContainsFunc(s.env.attrs, hasValuer)
}

// hasValuer reports whether there is a LogValuer of the user's in a, or a mark of ours that may say something else later.
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

// isMoving reports whether a handler of ours would be told by m of a span that may say something else later.
func (m *mark) isMoving() bool { return m.span != nil && m.format == nil && !m.span.isStill(m.event) }

// resolved returns a copy of attrs in which each LogValuer is resolved, and our marks are still ours.
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

// still returns e, or a copy of it in which each LogValuer is resolved.
func (e *env) still() *env {
	if !slices.ContainsFunc(e.attrs, hasValuer) {
		return e
	}
	own := *e
	own.attrs = resolved(e.attrs)
	return &own
}

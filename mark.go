package slogtrace

import "log/slog"

// The first attribute of a span record for one of our own handlers has an empty key and one of these values:
// the span itself. They write the schema from it, by their Format. Others get a marked group: see markFor.
type (
	startMark Span
	endMark   Span
)

// LogValue returns the schema's attributes by the default names, should one of these go astray.
func (m *startMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventStart) }

// LogValue is that of startMark.
func (m *endMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventEnd) }

func (*startMark) unresolved() {}
func (*endMark) unresolved()   {}
func (*mark) unresolved()      {}

// markFor returns the value of the first attribute of a span record for a handler that reads marks, or not.
// One that does not gets a group at once, marked inside: not every handler that inlines groups
// without a name thinks of a LogValuer that turns out to be one.
func markFor(marked bool, s *Span, e event) slog.Value {
	if !marked {
		return strangersGroup(s, e)
	}
	if e == eventStart {
		return slog.AnyValue((*startMark)(s))
	}
	return slog.AnyValue((*endMark)(s))
}

// A mark stands for the first value in the inline group of attributes that our handlers add to a record,
// or bind to a handler, of somebody else's. A handler of ours further in recognises it and adds nothing.
// It is inside the group, not instead of it, so that the group is an ordinary one to everybody else.
type mark struct {
	value  slog.Value // the first one
	format *format    // of the handler of ours that made the group, by its names; nil if it was none
	span   *Span      // of a span record, else nil
	event  event
}

func (m *mark) LogValue() slog.Value { return m.value }

// markedGroup returns attrs, of which there must be one at least, as an inline group with the mark m, which it completes.
// It changes attrs.
func markedGroup(attrs []slog.Attr, m *mark) slog.Value {
	m.value = attrs[0].Value
	attrs[0].Value = slog.AnyValue(m)
	return slog.GroupValue(attrs...)
}

// ghost returns an attribute that is not written, but lets SpanOf see what the record is of,
// although the mark was bound to the handler, by f's names, because of a group.
func ghost(f *format, s *Span, e event) slog.Attr {
	return slog.Attr{Value: slog.AnyValue(&mark{format: f, span: s, event: e})}
}

// markOf returns what a, whose key is empty, stands for: eventNone if it is not ours,
// else the span, if it is of a span record, and whether a handler of ours has written it by its Format.
func markOf(a slog.Attr) (s *Span, e event, claimed bool) {
	switch a.Value.Kind() {
	case slog.KindLogValuer:
		switch m := a.Value.Any().(type) {
		case *endMark:
			return (*Span)(m), eventEnd, false
		case *startMark:
			return (*Span)(m), eventStart, false
		case *mark:
			return m.span, m.event, m.format != nil
		}
	case slog.KindGroup:
		if g := a.Value.Group(); len(g) > 0 && g[0].Value.Kind() == slog.KindLogValuer {
			if m, ok := g[0].Value.Any().(*mark); ok {
				return m.span, m.event, m.format != nil
			}
		}
	}
	return nil, eventNone, false
}

// isMark reports whether a is attributes of ours.
func isMark(a slog.Attr) bool {
	if a.Key != "" {
		return false
	}
	_, e, _ := markOf(a)
	return e != eventNone
}

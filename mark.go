package slogtrace

import (
	"log/slog"
	"time"
)

// The first attribute of a span record for a handler of ours has an empty key and one of these values:
// the span itself. The handler writes the schema from it, in its Format. Other handlers get a marked group: see markFor.
type (
	startMark Span
	endMark   Span
)

// LogValue returns the schema's attributes under the default names, in case the mark reaches another handler.
func (m *startMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventStart) }

// LogValue is that of startMark.
func (m *endMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventEnd) }

func (*startMark) unresolved() {}
func (*endMark) unresolved()   {}
func (*mark) unresolved()      {}

// markFor returns the value of the first attribute of a span record. marked reports whether the handler reads marks.
// If it does not, the value is a group with a mark inside. It is not a LogValuer that resolves to a group:
// not every handler that inlines groups without a name does so then.
func markFor(marked bool, s *Span, e event) slog.Value {
	if !marked {
		return strangersGroup(s, e)
	}
	if e == eventStart {
		return slog.AnyValue((*startMark)(s))
	}
	return slog.AnyValue((*endMark)(s))
}

// A mark replaces the first value in the inline group of attributes that our handlers add to a record
// or bind to another handler. An inner handler of ours recognises it and adds nothing.
// It is inside the group and not in place of it, so that the group is an ordinary one to all other handlers.
type mark struct {
	value  slog.Value // the first value of the group
	format *format    // of our handler that made the group, in its names; nil if none did
	span   *Span      // of a span record; otherwise nil
	event  event
}

func (m *mark) LogValue() slog.Value { return m.value }

// markedGroup returns attrs as an inline group with the mark m, and sets m.value. attrs must not be empty. It changes attrs.
func markedGroup(attrs []slog.Attr, m *mark) slog.Value {
	m.value = attrs[0].Value
	attrs[0].Value = slog.AnyValue(m)
	return slog.GroupValue(attrs...)
}

// ghost returns an attribute that is not written but lets SpanOf find the record's span.
// It is for records whose mark was bound to the handler, in f's names, because of an open group.
func ghost(f *format, s *Span, e event) slog.Attr {
	return slog.Attr{Value: slog.AnyValue(&mark{format: f, span: s, event: e})}
}

// markOf returns what is known from a, whose key must be empty. The event is eventNone if a is not ours.
// s is the span of a span record. claimed reports whether a handler of ours has written it in its Format.
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

// isMark reports whether a is a mark or holds attributes of ours.
func isMark(a slog.Attr) bool {
	if a.Key != "" {
		return false
	}
	_, e, _ := markOf(a)
	return e != eventNone
}

// SpanInfo is the content of a span record, for handlers that do more with it than write a line.
type SpanInfo struct {
	SpanContext
	Parent     SpanID // zero on a root
	Op         string
	Kind       string // server, client, producer, consumer; "" is internal
	Start      time.Time
	Duration   time.Duration // zero unless Ended
	Err        error         // nil unless the span failed
	Stack      string        // of a panic, on the innermost span
	Links      []SpanContext // do not change it
	Queued     time.Duration // how long the work waited; valid if HasQueued
	HasQueued  bool
	SampleRate float64 // 1 if every trace is sampled
	Ended      bool    // false in a record "span start"
}

// SpanOf reports whether r is a span record, and returns its content.
// r's first attribute holds the schema's attributes. All others are the span's own.
// The first one has an empty key. To read it yourself, resolve its value to a group, and then the values in that group.
// SpanOf recognises only records made in this process. To read lines back, use package tracelog.
func SpanOf(r slog.Record) (SpanInfo, bool) {
	span, e := spanOf(&r)
	if span == nil {
		return SpanInfo{}, false
	}
	return span.info(e), true
}

func spanOf(r *slog.Record) (span *Span, e event) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "" {
			span, e, _ = markOf(a)
		}
		return span == nil
	})
	return span, e
}

func (s *Span) info(e event) SpanInfo {
	info := SpanInfo{
		SpanContext: s.SpanContext(),
		Parent:      s.parentID,
		Op:          s.Op(),
		Kind:        string(spanKinds[s.kind]),
		Start:       s.start,
		SampleRate:  1,
		Ended:       e == eventEnd,
	}
	if s.env.rate != 0 {
		info.SampleRate = s.env.rate
	}
	if !info.Ended {
		info.Op = s.op // as in the record, even if the span was renamed later
	}
	if r := s.rare.Load(); r != nil {
		info.Links, info.Queued, info.HasQueued = r.links, r.queued, r.waited
		if info.Ended {
			info.Err, info.Stack = r.err, r.stack
		}
	}
	if info.Ended {
		info.Duration = s.duration
	}
	return info
}

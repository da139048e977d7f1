package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// shares reports whether the trace of s is in the kept share.
func (t *tail) shares(s *Span) bool { return t.share.has(s.ids.Trace(), s.env.state) }

// weighed returns a copy of s with the sample rate of a trace that was kept only for its share.
func (t *tail) weighed(s *Span) *Span {
	rate := t.opts.Share
	if rate >= 1 {
		return s
	}
	if head := s.env.rate; head != 0 {
		if w3c.Threshold(s.env.state) != "" {
			rate = min(rate, head) // the same random number decided both times
		} else {
			rate *= head
		}
	}
	s = s.snapshot()
	e := *s.env
	e.rate = rate
	s.env = &e
	return s
}

// weighedReport returns r. If weigh, its span is the weighed one.
func (t *tail) weighedReport(r spanReport, weigh bool) spanReport {
	if weigh {
		r.span = t.weighed(r.span)
	}
	return r
}

// weigh returns r, the record of s, with the sample_rate of a trace kept for its share.
// If another handler has bound the schema's attributes, because of a group, the record stays unchanged.
func (h *TailHandler) weigh(s *Span, r slog.Record) slog.Record {
	w := h.tail.weighed(s)
	if w == s {
		return r
	}
	attrs := appendRecord(nil, &r)
	for i, a := range attrs {
		if isMark(a) {
			attrs[i].Value = remarked(a.Value, w)
			break
		}
	}
	setRecordAttrs(&r, attrs)
	return r
}

// remarked returns v, the value of a span's mark, for s, a copy of the span with another sample_rate.
func remarked(v slog.Value, s *Span) slog.Value {
	if v.Kind() == slog.KindLogValuer {
		switch m := v.Any().(type) {
		case *startMark:
			return slog.AnyValue((*startMark)(s))
		case *endMark:
			return slog.AnyValue((*endMark)(s))
		case *mark:
			return slog.AnyValue(&mark{value: m.value, format: m.format, span: s, event: m.event})
		}
		return v
	}
	attrs := slices.Clone(v.Group())
	m := *attrs[0].Value.Any().(*mark)
	attrs[0].Value = m.value
	f := m.format
	if f == nil {
		f = defaultFormat
	}
	rate := slog.Float64(f.SampleRate, s.env.rate)
	if i := slices.IndexFunc(attrs, func(a slog.Attr) bool { return a.Key == rate.Key }); i >= 0 {
		attrs[i] = rate
	} else {
		attrs = append(attrs, rate)
	}
	m.span = s
	return markedGroup(attrs, &m)
}

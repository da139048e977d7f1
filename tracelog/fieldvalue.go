package tracelog

import (
	"bytes"
	"time"
)

// bare returns a value without its quotes, where this preset or form puts quotes around everything.
func (p *lineParser) bare(v []byte) []byte {
	if v[0] == '"' && (p.isText || p.layout.strings) {
		return v[1 : len(v)-1]
	}
	return v
}

// text reads the first string of a field. Those that are often the same are shared.
// On a text line, which does not tell them apart, numbers and booleans are strings too.
func (p *lineParser) text(f field, to *string, often bool) bool {
	for _, slot := range p.head.narrow(p.layout, f) {
		i := p.first[slot]
		if i == 0 {
			continue
		}
		m := &p.members[i-1]
		if !p.isTextual(m) && !(isDigit(m.value[0]) && numberIDs[slot]) {
			continue
		}
		s := p.textOf(m)
		p.take(m)
		if (f == fieldTrace || f == fieldSpan || f == fieldParent) && isNoID(m.value) {
			continue
		}
		if often {
			*to = p.in.string(s)
		} else {
			*to = string(s)
		}
		return true
	}
	return false
}

func (p *lineParser) time(f field, to *time.Time) bool {
	m := p.timeMember(f, to)
	if m != nil {
		p.take(m)
	}
	return m != nil
}

func (p *lineParser) timeMember(f field, to *time.Time) *member {
	for _, s := range p.head.narrow(p.layout, f) {
		i := p.first[s]
		if i == 0 {
			continue
		}
		m := &p.members[i-1]
		var t time.Time
		var ok bool
		switch c := m.value[0]; {
		case c == '"':
			text := plain(m.value[1 : len(m.value)-1])
			if t, ok = parseTime(text); !ok {
				t, ok = parseEpoch(text)
			}
		case isDigit(c):
			t, ok = parseEpoch(m.value)
		}
		if ok {
			*to = t
			return m
		}
	}
	return nil
}

func (p *lineParser) duration(f field, to *time.Duration) bool {
	m := p.durationMember(f, to)
	if m != nil {
		p.take(m)
	}
	return m != nil
}

func (p *lineParser) durationMember(f field, to *time.Duration) *member {
	for _, s := range p.layout.slots[f] {
		i := p.first[s]
		if i == 0 {
			continue
		}
		m := &p.members[i-1]
		unit := time.Millisecond
		if s == slotNanoseconds || s == slotGoDuration {
			unit = time.Nanosecond
		}
		d, ok := parseDuration(p.bare(m.value), unit)
		if !ok && s == slotGoDuration && m.value[0] == '"' {
			var err error
			d, err = time.ParseDuration(string(plain(m.value[1 : len(m.value)-1])))
			ok = err == nil && d >= 0
		}
		if ok {
			*to = d
			return m
		}
	}
	return nil
}

// links reads an array of objects that each name a trace and a span as some preset does; what else stands in the objects
// is left out. On a text line it is [trace/span trace/span], and a preset of strings may have the array in quotes.
func (p *lineParser) links(v []byte) ([]Link, bool) {
	var links []Link
	if v[0] == '"' && (p.isText || p.layout.strings) {
		v = bytes.TrimSpace(plain(v[1 : len(v)-1]))
		if len(v) < 2 || v[0] != '[' || v[len(v)-1] != ']' {
			return nil, false
		}
		if p.isText {
			for pair := range bytes.FieldsSeq(v[1 : len(v)-1]) {
				at := bytes.LastIndexByte(pair, '/') // the trace's may have some too
				if at <= 0 || at == len(pair)-1 {
					return nil, false
				}
				trace, _ := traceID(p.layout.ids, string(pair[:at]))
				links = appendLink(links, Link{trace, spanID(p.layout.ids, string(pair[at+1:]))})
			}
			return links, true
		}
		l := lexer{b: v}
		if !l.value() || l.i != len(v) {
			return nil, false
		}
	}
	if v[0] != '[' {
		return nil, false
	}
	var inner lineParser
	l := lexer{b: v, i: 1} // v is valid
	for l.space(); !l.peek(']'); l.space() {
		start := l.i
		l.value()
		var err *syntaxError
		if inner.members, err = appendMembers(inner.members[:0], l.b[start:l.i]); err != nil {
			return nil, false
		}
		var e Entry
		inner.index()
		inner.layout = inner.preset()
		inner.ids(&e)
		inner.reset()
		switch {
		case e.Trace != "" && e.Span != "":
			trace, _ := traceID(p.layout.ids, e.Trace)
			links = appendLink(links, Link{trace, spanID(p.layout.ids, e.Span)})
		case !inner.hasNoID():
			return nil, false
		}
		if l.space(); l.peek(',') {
			l.i++
		}
	}
	return links, true
}

// appendLink appends a link, unless one of its ids is none.
func appendLink(links []Link, l Link) []Link {
	if isZeroID(l.Trace) || isZeroID(l.Span) {
		return links
	}
	return append(links, l)
}

package tracelog

import (
	"cmp"
	"time"
)

// text reads the first string of a field. Values that are often the same are shared. On a text line, which does not
// distinguish them, numbers and booleans are strings too.
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

func (p *lineParser) ids(e *Entry) {
	var segment string
	if p.text(fieldTrace, &e.Trace, false) {
		found := e.Trace
		e.Schema = p.layout.name
		e.Trace, segment = traceID(p.layout.ids, found)
		if _, _, ok := xrayID(found); ok && p.layout.ids == idPlain {
			e.Schema = "xray"
		}
		segment = idOrNone(segment)
	}
	if p.text(fieldSpan, &e.Span, false) {
		e.Schema = cmp.Or(e.Schema, p.layout.name)
		e.Span = spanID(p.layout.spanIDs, e.Span)
		if i := p.first[slotTransaction]; i != 0 && p.layout.name == "ecs" {
			// On the root span of a service it repeats the span's id.
			if m := &p.members[i-1]; m.value[0] == '"' && string(plain(m.value[1:len(m.value)-1])) == e.Span {
				p.take(m)
			}
		}
	} else {
		e.Span = segment
	}
	if e.Trace == "" && !p.isText {
		p.spanObject(e)
	}
	if a := &p.around; e.Trace == "" && a.trace != "" {
		a.used[fieldTrace], a.used[fieldSpan] = true, e.Span == ""
		e.Trace, e.Span, e.Schema = a.trace, cmp.Or(e.Span, a.span), a.schema
	}
}

func (p *lineParser) level(e *Entry) {
	if p.text(fieldLevel, &e.Level, true) {
		return
	}
	// pino and bunyan write numbers.
	if m := p.find(fieldLevel); m != nil && len(m.value) == 2 && m.value[1] == '0' && m.value[0] >= '1' && m.value[0] <= '6' {
		e.Level = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}[m.value[0]-'1']
		p.take(m)
		return
	}
	if e.Level = p.around.level; e.Level != "" {
		p.around.used[fieldLevel] = true
	} else if p.around.depth > 0 {
		e.Level = statusIn(p.members)
	}
}

package tracelog

import "bytes"

// links reads an array of objects that each name a trace and a span as some preset does. Other members of the objects
// are left out. On a text line it is [trace/span trace/span]. Stores that answer with text have the array in quotes.
func (p *lineParser) links(v []byte) ([]Link, bool) {
	var links []Link
	if v[0] == '"' {
		v = bytes.TrimSpace(plain(v[1 : len(v)-1]))
		if len(v) < 2 || v[0] != '[' || v[len(v)-1] != ']' {
			return nil, false
		}
		if p.isText {
			for pair := range bytes.FieldsSeq(v[1 : len(v)-1]) {
				at := bytes.LastIndexByte(pair, '/') // the trace id may contain some too
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

// appendLink appends a link, unless one of its ids is a zero id.
func appendLink(links []Link, l Link) []Link {
	if isZeroID(l.Trace) || isZeroID(l.Span) {
		return links
	}
	return append(links, l)
}

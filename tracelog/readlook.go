package tracelog

import "bytes"

// A site is where in a value the outermost record is. The zero value means that there is none.
type site struct {
	depth int
	many  bool // it is in an array
}

// before reports whether one site is further out than another one.
func (a site) before(b site) bool { return a.depth > 0 && (b.depth == 0 || a.depth < b.depth) }

// look searches a member's value for records. Depth and strings are how many objects and strings have been entered
// if the value is. Timed means that a time is known from outside.
func (p *lineParser) look(v, key []byte, depth, strings int, timed bool) site {
	if depth > maxWrap {
		return site{}
	}
	switch v[0] {
	case '{':
		return p.lookInObject(v, depth, strings, timed)
	case '[':
		var found site
		eachElement(v, func(element []byte) bool {
			found = p.look(element, arrayKey, depth+1, strings, timed)
			return found.depth == 0
		})
		found.many = found.depth > 0
		return found
	case '"':
		return p.lookInString(v, key, depth, strings, timed)
	}
	return site{}
}

// arrayKey is the key of an element of an array, for look. It is a carrier.
var arrayKey = []byte("line")

func (p *lineParser) lookInString(v, key []byte, depth, strings int, timed bool) site {
	switch {
	case strings == maxStrings:
		return site{}
	case mayCarry(v):
		text := bytes.TrimSpace(cutEscapes(plain(v[1 : len(v)-1])))
		l := lexer{b: text}
		if len(text) == 0 || text[0] != '{' || !l.value() || l.i != len(text) {
			return site{}
		}
		return p.lookInObject(text, depth, strings+1, timed)
	case !carriers[string(key)] || len(v) < len(`"[trace:1]"`):
		return site{}
	}
	text := plain(v[1 : len(v)-1])
	if text = bytes.TrimRight(text, "\r\n"); bytes.IndexByte(text, '\n') >= 0 || !bytes.ContainsAny(text, "=:{") {
		return site{}
	}
	if p.scratch == nil {
		p.scratch = &lineParser{in: p.in}
	}
	q := p.scratch
	var e Entry
	q.begin()
	q.around.depth, q.around.strings = depth, strings+1
	if v := q.line(text, &e); v == isRecord && (e.Trace != "" || e.Level != "" && e.Message != "") || v == isMany {
		return site{depth: depth, many: v == isMany}
	}
	return site{}
}

func (p *lineParser) lookInObject(v []byte, depth, strings int, timed bool) (best site) {
	from := len(p.deep)
	p.deep, _ = appendMembers(p.deep, v)
	to := len(p.deep)
	defer func() { p.deep = p.deep[:from] }()
	switch s := signsOf(p.deep[from:to]); {
	case s.isRecord(timed), foreignOf(p.deep[from:to]) != notForeign:
		return site{depth: depth}
	case s.message && !s.carries:
		return site{} // a message without a time
	default:
		timed = timed || s.time
	}
	s := signsOf(p.deep[from:to])
	logger := isLogger(p.deep[from:to], s)
	for i := from; i < to; i++ {
		m := p.deep[i]
		if s.message && builtins[m.slot] != fieldMessage+1 || logger && !loggerCarriers[string(m.key)] {
			continue
		}
		if found := p.look(m.value, m.key, depth+1, strings, timed); found.before(best) {
			best = found
		}
	}
	return best
}

// isLogger reports whether an object without a message is the line of a logger, which may have left it out: it has a
// level and a time. Only objects and strings that loggers and shippers use for the record itself are looked at then,
// see loggerCarriers, because a response body may be beside them. Stores call the level severity or status.
func isLogger(ms []member, s signs) bool {
	if s.message || !s.level || !s.time {
		return false
	}
	for i := range ms {
		if m := &ms[i]; builtins[m.slot] == fieldLevel+1 && m.outer == 0 && m.slot != slotSeverity {
			return true
		}
	}
	return false
}

var loggerCarriers = map[string]bool{
	"fields": true, "attributes": true, "properties": true, "jsonPayload": true, "textPayload": true, "_source": true,
	"log": true, "line": true, "MESSAGE": true, "@message": true,
}

// signs are what tells whether an object is a record.
type signs struct {
	message, carries, trace, span, level, time bool
}

func signsOf(ms []member) (s signs) {
	for i := range ms {
		m := &ms[i]
		if m.slot == 0 {
			continue
		}
		c := m.value[0]
		switch builtins[m.slot] {
		case fieldTime + 1:
			s.time = s.time || c == '"' || isDigit(c)
		case fieldLevel + 1:
			s.level = s.level || c == '"' || isDigit(c)
		case fieldMessage + 1:
			if c == '"' && !s.message {
				s.message, s.carries = true, mayCarry(m.value)
			}
		}
		isID := c == '"' && len(m.value) > 2 && !isNoID(m.value) || isDigit(c) && numberIDs[m.slot]
		switch bit := m.slot.bit(); {
		case isID && bit&traceSlots != 0:
			s.trace = true
		case isID && bit&spanSlots != 0:
			s.span = true
		case c == '{' && nests[m.slot] && !s.trace:
			s.trace = hasNestedTrace(m)
		}
	}
	return s
}

// hasNestedTrace reports whether an object has a trace id whose key has a dot, as in {"trace":{"id":…}}.
func hasNestedTrace(m *member) bool {
	inner, _ := appendMembers(nil, m.value)
	for i := range inner {
		key := append(append(append(make([]byte, 0, 64), m.key...), '.'), inner[i].key...)
		if s := keySlot(key); s.bit()&traceSlots != 0 && (inner[i].value[0] == '"' || isDigit(inner[i].value[0])) {
			return true
		}
	}
	return false
}

// isRecord reports whether the object is a record. Timed means that its time may be outside.
func (s *signs) isRecord(timed bool) bool {
	switch {
	case s.message && (s.trace || s.level):
		return true
	case s.message:
		return (s.time || timed) && !s.carries
	}
	return s.trace && s.time
}

// carriers are the names of strings that contain a line of any form. Strings of other names are looked at only if
// they are objects.
var carriers = map[string]bool{
	"log": true, "message": true, "msg": true, "line": true, "body": true, "MESSAGE": true, "@message": true,
	"Body": true, "textPayload": true, "_raw": true, "raw": true, "text": true, "content": true, "_msg": true,
	"data": true, "payload": true, "event": true, "record": true,
}

// eachElement calls fn with each element of an array, which must be valid, until fn returns false.
func eachElement(array []byte, fn func(element []byte) bool) {
	l := lexer{b: array, i: 1}
	for l.space(); !l.peek(']'); l.space() {
		start := l.i
		if !l.value() || !fn(l.b[start:l.i:l.i]) {
			return
		}
		if l.space(); l.peek(',') {
			l.i++
		}
	}
}

package tracelog

import (
	"bytes"
	"time"
)

// maxObjects is how many braces of a line are tried as the beginning of an object.
const maxObjects = 4

// anyText reads a line that is text, of any form, and then an object: a record, or the fields of one whose message is
// in the text.
//
//	shop[4711] prefix: {"time":…,"msg":"seat held","trace":…}
//	2026-03-01T09:15:00.5Z	WARN	cart.go:12	stock is low	{"trace_id":…,"span_id":…}       zap's console encoder
//	2026-03-01 09:15:01 [info    ] order stored       {"trace_id":…,"span_id":…}             structlog
//	[0] kube.shop: [[1772356500.1,{}],{"log":"…"}]                                           fluent-bit's output to stdout
//
// Fields without ids are read only if the text has a time and a level. Nothing is searched for in fields, whatever they
// are: a response body that was logged may look like a record.
func (p *lineParser) anyText(line []byte, e *Entry) (verdict, bool) {
	end := bytes.TrimRight(line, " \t\r,;)'`")
	for _, nothing := range [...]string{" []", " {}"} { // Monolog writes them behind the fields
		if rest, ok := bytes.CutSuffix(end, []byte(nothing)); ok && bytes.HasSuffix(rest, []byte("}")) {
			end = rest
		}
	}
	if len(end) == 0 || end[len(end)-1] != '}' && end[len(end)-1] != ']' {
		return isBad, false
	}
	opens := end[len(end)-1] - 2 // in ASCII, '{' and '[' are two before their closing brackets
	from := 0
	for range maxObjects {
		i := bytes.IndexByte(end[from:], opens)
		if i < 0 {
			return isBad, false
		}
		i += from
		from = i + 1
		l := lexer{b: end, i: i}
		if !l.value() || l.i != len(end) {
			continue
		}
		return p.textAnd(bytes.TrimSpace(end[:i]), end[i:], e)
	}
	return isBad, false
}

// textAnd reads a line of text and a value behind it.
func (p *lineParser) textAnd(text, value []byte, e *Entry) (verdict, bool) {
	ms, _ := appendMembers(nil, value)
	s := signsOf(ms)
	isObject := value[0] == '{'
	isOwn := isObject && (s.isRecord(true) || foreignOf(ms) != notForeign)
	fields := isObject && !isOwn && s.trace && !s.time
	t := p.textLine(text)
	if isOwn && s.trace && !s.message && t.level != nil && len(t.message) > 0 && foreignOf(ms) == notForeign {
		fields = true // their time is among them, as winston writes them
	}
	if fields || !isOwn && t.isLine() {
		return isRecord, isObject && p.textAndFields(t, ms, e)
	}
	found := isOwn || p.look(value, nil, 1, p.around.strings, true).depth > 0
	if p.deep = p.deep[:0]; !found {
		return isRecord, isObject && p.textAndFields(t, ms, e)
	}
	if isLogged(text) {
		return isBad, false
	}
	if when, _, ok := cutTime(firstColumns(text)); ok {
		p.at = when
	}
	if isObject {
		return p.object(value, e), true
	}
	p.manyOf(value)
	return isMany, len(p.many) > 0
}

// isLogged reports whether text begins as a line of package log with a level and a message does, see plainLog. What
// follows is the end of that message then.
func isLogged(text []byte) bool {
	if len(text) < len("2006/01/02") || text[4] != '/' {
		return false
	}
	_, rest, ok := cutTime(text)
	if !ok {
		return false
	}
	_, rest, ok = cutLevelWord(rest)
	return ok && len(rest) > 0 && rest[len(rest)-1] != ':'
}

// A textLine is the text of a line before an object, in parts.
type textLine struct {
	at             time.Time
	stamped        bool // the time is in the text
	timed          bool // a time is known
	level, message []byte
	prefix         []byte // such as the name of the logger
}

// isLine reports whether the text is that of a whole line, so that only its fields can follow.
func (t *textLine) isLine() bool { return t.timed && t.level != nil && len(t.message) > 0 }

// textLine divides the text before an object.
func (p *lineParser) textLine(text []byte) (t textLine) {
	at, rest, stamped := cutTime(text)
	columns := bytes.Split(text, []byte("\t"))
	if len(columns) > 1 {
		if at, _, stamped = cutTime(columns[0]); stamped {
			columns = columns[1:]
		}
		rest = bytes.Join(columns, []byte("\t"))
	}
	if len(columns) > 1 {
		rest = columns[len(columns)-1]
		for _, column := range columns[:len(columns)-1] {
			if column = bytes.TrimSpace(column); t.level == nil && isLevel(string(column[:min(len(column), 16)])) {
				t.level = column
			} else if len(column) > 0 {
				t.prefix = append(append(t.prefix, column...), ' ')
			}
		}
	} else if h, behind := cutHead(text, p.at); h.level != nil {
		t.level, t.prefix, rest = h.level, h.prefix, behind
		if h.stamped {
			at, stamped = h.at, true
		}
	}
	if t.stamped = stamped; stamped {
		t.at = at
	}
	t.timed = stamped || !p.at.IsZero()
	t.message, t.prefix = bytes.TrimSpace(rest), bytes.TrimSpace(t.prefix)
	return t
}

// textAndFields reads a message with what is before it, and the other members of the record.
func (p *lineParser) textAndFields(t textLine, ms []member, e *Entry) bool {
	if s := signsOf(ms); !s.trace && (t.level == nil || !t.timed) {
		return false
	}
	p.members = p.members[:0]
	if t.level != nil {
		p.add("level", t.level)
	}
	p.add("msg", t.message)
	if len(t.prefix) > 0 {
		p.add("prefix", t.prefix)
	}
	p.members = append(p.members, ms...)
	if t.stamped {
		p.at = t.at
	}
	p.stamped = t.timed
	p.index()
	p.fields(e, p.preset())
	return true
}

package tracelog

import "bytes"

// maxObjects is how many braces of a line are tried as the beginning of an object.
const maxObjects = 4

// anyText reads a line that is text, of any form, and then an object: a record, or the fields of one whose message is
// in the text.
//
//	shop[4711] prefix: {"time":…,"msg":"seat held","trace":…}
//	2026-03-01T09:15:00.5Z	WARN	cart.go:12	stock is low	{"trace_id":…,"span_id":…}       zap's console encoder
//	2026-03-01 09:15:01 [info    ] order stored       {"trace_id":…,"span_id":…}             structlog
//
// Fields without ids are read only if the text has a time and a level.
func (p *lineParser) anyText(line []byte, e *Entry) (verdict, bool) {
	end := bytes.TrimRight(line, " \t\r,")
	if len(end) == 0 || end[len(end)-1] != '}' {
		return isBad, false
	}
	from := 0
	for range maxObjects {
		i := bytes.IndexByte(end[from:], '{')
		if i < 0 {
			return isBad, false
		}
		i += from
		from = i + 1
		l := lexer{b: end, i: i}
		if !l.value() || l.i != len(end) {
			continue
		}
		text, object := bytes.TrimSpace(end[:i]), end[i:]
		at := p.at
		if when, _, ok := cutTime(firstColumns(text)); ok {
			at = when
		}
		if p.look(object, nil, 1, p.around.strings, true).depth > 0 {
			p.deep = p.deep[:0]
			if isLogged(text) {
				return isBad, false
			}
			p.at = at
			return p.object(object, e), true
		}
		p.deep = p.deep[:0]
		return isRecord, p.textAndFields(text, object, e)
	}
	return isBad, false
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

// firstColumns returns text with spaces for tabs, as far as a time may reach.
func firstColumns(text []byte) []byte {
	return bytes.ReplaceAll(text[:min(len(text), 64)], []byte("\t"), []byte(" "))
}

// textAndFields reads a message with what is before it, and an object with the other members of the record.
func (p *lineParser) textAndFields(text, object []byte, e *Entry) bool {
	p.members = p.members[:0]
	at, rest, timed := cutTime(text)
	columns := bytes.Split(text, []byte("\t"))
	if len(columns) > 1 {
		if at, _, timed = cutTime(columns[0]); timed {
			columns = columns[1:]
		}
		rest = bytes.Join(columns, []byte("\t"))
	}
	var level, before []byte
	if len(columns) > 1 {
		rest = bytes.TrimSpace(columns[len(columns)-1])
		for _, column := range columns[:len(columns)-1] {
			if column = bytes.TrimSpace(column); level == nil && isLevel(string(column[:min(len(column), 16)])) {
				level = column
			} else if len(column) > 0 {
				before = append(append(before, column...), ' ')
			}
		}
	} else if word, behind, ok := cutLevelWord(rest); ok {
		level, rest = word, behind
	}
	var err *syntaxError
	ms, err := appendMembers(nil, object)
	if err != nil {
		return false
	}
	if s := signsOf(ms); !s.trace && (level == nil || !timed) {
		return false
	}
	if level != nil {
		p.add("level", level)
	}
	p.add("msg", bytes.TrimSpace(rest))
	if before = bytes.TrimSpace(before); len(before) > 0 {
		p.add("prefix", before)
	}
	p.members = append(p.members, ms...)
	if timed {
		p.at = at
	}
	p.stamped = timed
	p.index()
	p.fields(e, p.preset())
	return true
}

// cutLevelWord cuts the level that text begins with, with or without brackets: INFO, [info    ].
func cutLevelWord(text []byte) (level, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	if len(text) > 0 && text[0] == '[' {
		if end := bytes.IndexByte(text[:min(len(text), 24)], ']'); end > 0 {
			if word := bytes.TrimSpace(text[1:end]); isLevel(string(word)) {
				return word, bytes.TrimLeft(text[end+1:], " "), true
			}
		}
		return nil, text, false
	}
	n := bytes.IndexAny(text[:min(len(text), 17)], " \t")
	if n < 0 {
		n = min(len(text), 17)
	}
	if word := bytes.TrimRight(text[:n], ":"); isLevel(string(word)) {
		return word, bytes.TrimLeft(text[n:], " \t"), true
	}
	return nil, text, false
}

package tracelog

import (
	"bytes"
	"time"
)

// parse reads one line, without its newline, into e. It sets all fields except File, Line and Raw. Unless it returns
// isRecord, the content of e is meaningless. It keeps no reference to the line except in p.members, p.content and
// p.chunk.
//
// The first bytes of a line decide what it is: a JSON object, or something that may have prefixes.
func (p *lineParser) parse(line []byte, e *Entry) verdict {
	*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
	p.begin()
	v := p.line(line, e)
	if len(p.around.members) > 0 && v == isRecord {
		for i := range p.around.members {
			if m := &p.around.members[i]; m.field != 0 {
				m.taken = p.around.used[m.field-1]
			}
		}
		p.members = append(p.members, p.around.members...)
	}
	return v
}

// begin forgets the previous line.
func (p *lineParser) begin() {
	p.at, p.service, p.isText, p.wrapped, p.stamped = time.Time{}, "", false, false, false
	if cap(p.members) > 1<<16 {
		p.members = nil // of a line with millions of members
	}
	if p.around.depth > 0 || p.around.strings > 0 || len(p.around.members) > 0 || p.around.severity != "" || p.around.structured {
		p.around.reset()
	}
	p.around.used = [numFields]bool{} // a line with nothing around it sets it, too
}

func (p *lineParser) line(line []byte, e *Entry) verdict {
	line = cutEscapes(line)
	for n := 0; ; n++ {
		i := 0
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return isBlank
		}
		if line[i] == '[' && p.array(line[i:]) {
			return isMany
		}
		if rest, ok := cutArray(line[i:]); ok {
			if len(rest) == 0 {
				return isBlank
			}
			line, i = rest, 0
		}
		if line[i] == '{' {
			if rest, ok := p.cutLabels(line[i:]); ok {
				line = rest
				continue
			}
			return p.object(cutArrayEnd(line), e)
		}
		if line[i] == '"' && p.around.strings < maxStrings {
			if text, ok := quotedLine(line[i:]); ok {
				if p.around.strings++; bytes.IndexByte(text, '\n') >= 0 {
					return p.severalLines(text)
				}
				line = text
				continue
			}
		}
		if n == maxPrefixes {
			break
		}
		if c, ok := cutCRI(line[i:]); ok && c.partial {
			p.chunk = c
			return isPart
		}
		rest, ok := p.cutPrefix(line[i:])
		if !ok {
			break
		}
		line = rest
	}
	if p.form(line, e) {
		return isRecord
	}
	if v, ok := p.anyText(line, e); ok {
		return v
	}
	if p.fresh(e); p.plainLog(line, e) {
		return isRecord
	}
	if rest, ok := p.cutSternText(line); ok && (p.form(rest, e) || p.plainLog(rest, e)) {
		return isRecord
	}
	if p.fresh(e); p.pairsBehind(line, e) {
		return isRecord
	}
	if p.fresh(e); p.textAndPairs(line, e) {
		return isRecord
	}
	if p.fresh(e); p.pairsInside(line, e) {
		return isRecord
	}
	p.fresh(e)
	if rest, ok := unescaped(line); ok {
		return p.line(rest, e)
	}
	if p.around.structured {
		p.fresh(e)
		p.structuredText(line, e)
		return isRecord
	}
	p.content, p.cut = line, false
	if p.reason = notText(line); p.reason == "" {
		p.reason = reasonText
	}
	return isBad
}

// form reads a line of text that has ids in brackets, or only pairs.
func (p *lineParser) form(line []byte, e *Entry) bool {
	p.fresh(e)
	return p.bracketed(line, e) || p.logfmt(line, e)
}

// fresh forgets a form in which a line of text could not be read.
func (p *lineParser) fresh(e *Entry) {
	*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
	p.isText, p.stamped = false, false
}

// cutArray cuts the text before an object that is on a line of its own in an array: a bracket, a comma. If the line
// has nothing else, nothing is left.
func cutArray(line []byte) (rest []byte, ok bool) {
	switch line[0] {
	case '[', ',':
		if rest = bytes.TrimLeft(line[1:], " \t"); len(rest) > 0 && rest[0] == '{' {
			return rest, true
		}
	case ']':
	default:
		return line, false
	}
	switch string(bytes.TrimRight(line, " \t\r")) {
	case "[", "]", "],", ",", "[]": // the last is an answer without records
		return nil, true
	}
	return line, false
}

// cutArrayEnd cuts the text after such an object.
func cutArrayEnd(line []byte) []byte {
	rest := line
	for _, c := range [...]byte{',', ']'} {
		rest = bytes.TrimRight(rest, " \t\r")
		if n := len(rest); rest[n-1] == c {
			rest = rest[:n-1]
		}
	}
	if rest = bytes.TrimRight(rest, " \t\r"); rest[len(rest)-1] == '}' {
		return rest
	}
	return line
}

// object reads a line that is one JSON object.
func (p *lineParser) object(line []byte, e *Entry) verdict {
	var err *syntaxError
	if p.members, err = appendMembers(p.members[:0], line); err != nil {
		if err.reason == reasonObjects && p.concatenated(line) {
			return isMany
		}
		p.content, p.reason, p.cut = line, err.Error(), err.cut
		return isBad
	}
	if p.stamped = false; p.shaping && p.reshape(line) {
		return isMany
	}
	p.index()
	if p.mask&wrappers != 0 && !p.wrapped && !p.hasHead() {
		p.wrapped = true
		if p.first[slotJournal] != 0 {
			p.around.strings++
			return p.journal(line, e)
		}
		if c, ok := p.docker(); ok {
			p.reset()
			if c.partial {
				p.chunk = c
				return isPart
			}
			p.at, _ = parseTime(c.at)
			p.around.strings++
			return p.line(c.content, e)
		}
	}
	if len(p.members) == 1 && isAction(&p.members[0]) {
		p.reset()
		return isBlank
	}
	if p.around.depth < maxWrap && !p.hasHead() {
		if kind := foreignOf(p.members); kind != notForeign {
			p.reset()
			p.foreignLine(kind)
			return isMany
		}
		if !p.isOwn() {
			if v, ok := p.unwrap(line, e); ok {
				return v
			}
		}
	}
	p.openContext()
	p.fields(e, p.preset())
	return isRecord
}

// isAction reports whether the one member of a line is an action of Elasticsearch's bulk API. The record is on the next
// line. The action has only names with an underscore before them, or none.
func isAction(m *member) bool {
	switch string(m.key) {
	case "index", "create", "update", "delete":
	default:
		return false
	}
	if m.value[0] != '{' {
		return false
	}
	in, _ := appendMembers(nil, m.value)
	for i := range in {
		switch key := in[i].key; {
		case len(key) > 0 && key[0] == '_', string(key) == "routing", string(key) == "pipeline", string(key) == "require_alias":
		default:
			return false
		}
	}
	return true
}

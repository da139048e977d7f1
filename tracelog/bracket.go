package tracelog

import (
	"bytes"
	"cmp"
)

// bracketed reads a text line that has its ids in brackets:
//
//	2026-03-01 09:15:00.123 INFO api [trace:4bf9 span:00f0 op:POST /bookings] seat held
//
// Before them, a time and a level are known wherever they stand; what else is there is the attribute "prefix".
// Behind them is the message, to the end of the line. Only behind "span end" and "span start"
// may key=value pairs follow, so that text lines can have whole spans.
// Within the brackets each key is one of the names of the ids in a preset, and its value is a JSON string or lasts until the next one.
func (p *lineParser) bracketed(line []byte, e *Entry) bool {
	open := bytes.Index(line, []byte("[trace"))
	if open < 0 {
		return false
	}
	if inQuotes(line[:open]) {
		// It is a part of a value, if the line consists of pairs. See prefixed.
		if p.logfmt(line, e) {
			return true
		}
		*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
		p.isText = false
	}
	end := closing(line, open)
	if end < 0 {
		return false
	}
	p.members = p.members[:0]
	if !p.bracket(line[open+1 : end]) {
		return false
	}
	p.before(line[:open])
	message := bytes.TrimLeft(line[end+1:], " \t:")
	for _, m := range [...]string{messageStart, messageEnd} {
		rest, ok := bytes.CutPrefix(message, []byte(m+" "))
		if !ok {
			continue
		}
		n := len(p.members)
		if p.pairs(rest) {
			message = message[:len(m)]
		} else {
			p.members = p.members[:n]
		}
	}
	p.add("msg", message)
	p.isText = true
	p.index()
	p.fields(e, &layouts[0])
	e.Schema = "text"
	return true
}

// inQuotes reports whether text goes on inside of quotes.
func inQuotes(text []byte) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && quoted:
			i++
		}
	}
	return quoted
}

// prefixed reads ids in brackets at the start of the message, else in a member "prefix", of a line that has no id of a trace:
//
//	{"level":"INFO","msg":"[trace:4bf9 span:00f0 op:charge] asking the bank"}
//	{"level":"INFO","prefix":"[trace:4bf9 span:00f0 op:charge]","message":"asking the bank"}
//	level=INFO msg="[trace:4bf9 span:00f0 op:charge] asking the bank"
//
// The message is what stands behind them; in a member "prefix" there is nothing more.
func (p *lineParser) prefixed(e *Entry) {
	if rest, ok := p.opening(e, []byte(e.Message), false); ok {
		e.Message = p.in.string(rest)
		return
	}
	if i := p.first[slotPrefix]; i != 0 && p.members[i-1].value[0] == '"' {
		v := p.members[i-1].value
		if _, ok := p.opening(e, plain(v[1:len(v)-1]), true); ok {
			p.take(&p.members[i-1])
		}
	}
}

// opening takes the ids of e from the brackets that text begins with, and returns what stands behind them.
// If whole is set that must be nothing.
func (p *lineParser) opening(e *Entry, text []byte, whole bool) (rest []byte, ok bool) {
	if !bytes.HasPrefix(text, []byte("[trace")) {
		return nil, false
	}
	end := closing(text, 0)
	if end < 0 {
		return nil, false
	}
	rest = bytes.TrimPrefix(text[end+1:], []byte(":"))
	rest = bytes.TrimPrefix(rest, []byte(" "))
	if whole && len(rest) > 0 {
		return nil, false
	}
	n := len(p.members)
	if !p.bracket(text[1:end]) {
		p.members = p.members[:n]
		return nil, false
	}
	span := ""
	for i := n; i < len(p.members); i++ {
		m := &p.members[i]
		m.taken = true
		switch value := plain(m.value[1 : len(m.value)-1]); m.slot {
		case slotTrace:
			e.Trace, e.Span = traceID(idPlain, string(value)) // X-Ray's header has the span too
		case slotSpan:
			span = spanID(idPlain, string(value))
		case slotOp:
			e.Op = p.in.string(value)
		}
	}
	e.Span = cmp.Or(span, e.Span)
	e.Schema = "text"
	for i := range layouts {
		if l := &layouts[i]; l.strings && p.mask&l.tells == l.tells {
			p.layout = l
		}
	}
	return rest, true
}

// closing returns where the bracket that opens at i closes: the values may have brackets of their own.
func closing(line []byte, i int) int {
	depth := 0
	for ; i < len(line); i++ {
		switch line[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// The keys within brackets, and slogtrace's name for each.
var bracketKeys = map[string]string{
	"trace": "trace", "trace_id": "trace", "traceId": "trace", "trace.id": "trace", "traceID": "trace",
	"span": "span", "span_id": "span", "spanId": "span", "span.id": "span", "spanID": "span",
	"op": "op",
}

// bracket appends the ids between brackets. There must be a trace.
func (p *lineParser) bracket(b []byte) bool {
	n := len(p.members)
	key := ""
	from := 0 // of key's value
	seen := make(map[string]bool, 3)
	for i := 0; i <= len(b); i++ {
		// A word ends here.
		if i < len(b) && b[i] != ' ' {
			continue
		}
		start := bytes.LastIndexByte(b[:i], ' ') + 1
		word := b[start:i]
		name := ""
		at := bytes.IndexAny(word, ":=")
		if at > 0 {
			name = bracketKeys[string(word[:at])]
		}
		if name != "" && !seen[name] {
			seen[name] = true
			if key != "" {
				p.add(key, bytes.Trim(b[from:start], " ,"))
			}
			key, from = name, start+at+1
			if l := (lexer{b: b, i: from}); l.str() && (l.i == len(b) || b[l.i] == ' ' || b[l.i] == ',') {
				p.members = append(p.members, member{key: []byte(key), value: b[from:l.i:l.i], slot: slots[key]})
				key, i = "", l.i
			}
		}
	}
	if key != "" {
		p.add(key, bytes.Trim(b[from:], " ,"))
	}
	for i := n; i < len(p.members); i++ {
		if m := &p.members[i]; string(m.key) == "trace" && len(m.value) > len(`""`) {
			return true
		}
	}
	return false
}

// add appends a member whose value is a text.
func (p *lineParser) add(key string, text []byte) {
	p.members = append(p.members, member{key: []byte(key), value: appendQuoted(nil, text), slot: slots[key]})
}

// before reads what stands before the brackets.
func (p *lineParser) before(b []byte) {
	b = bytes.TrimSpace(b)
	if t, rest, ok := cutTime(b); ok {
		p.at, b = t, rest
	}
	rest := make([]byte, 0, len(b))
	level := false
	for word := range bytes.FieldsSeq(b) {
		if name := bytes.Trim(word, "[]():|"); !level && isLevel(string(name[:min(len(name), 16)])) {
			level = true
			p.add("level", name)
			continue
		}
		if len(rest) > 0 {
			rest = append(rest, ' ')
		}
		rest = append(rest, word...)
	}
	if len(rest) > 0 {
		p.add("prefix", rest)
	}
}

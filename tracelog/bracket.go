package tracelog

import "bytes"

// bracketed reads a text line that has its ids in brackets:
//
//	2026-03-01 09:15:00.123 INFO api [trace:4bf9 span:00f0 op:POST /bookings] seat held
//
// Before them, a time and a level are known wherever they stand; what else is there is the attribute "prefix".
// Behind them is the message, to the end of the line. Only behind "span end" and "span start"
// may key=value pairs follow, so that text lines can have whole spans.
// Within the brackets each key is one of the names of the ids in a preset, and its value lasts until the next one.
func (p *lineParser) bracketed(line []byte, e *Entry) bool {
	open := bytes.Index(line, []byte("[trace"))
	if open < 0 {
		return false
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
		}
	}
	if key == "" {
		return false
	}
	p.add(key, bytes.Trim(b[from:], " ,"))
	for i := range p.members {
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

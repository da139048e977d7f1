package tracelog

import (
	"bytes"
	"cmp"
)

// prefixed reads ids in brackets at the start of the message, or else in a member "prefix", on a line without a trace
// id:
//
//	{"level":"INFO","msg":"[trace:4bf9 span:00f0 op:charge] asking the bank"}
//	{"level":"INFO","prefix":"[trace:4bf9 span:00f0 op:charge]","message":"asking the bank"}
//	level=INFO msg="[trace:4bf9 span:00f0 op:charge] asking the bank"
//
// The message is the text after them. In a member "prefix" there must be no more text.
func (p *lineParser) prefixed(e *Entry) {
	if rest, ok := p.openingOf(e, []byte(e.Message), false); ok {
		e.Message = p.in.string(rest)
		return
	}
	if i := p.first[slotPrefix]; i != 0 && p.members[i-1].value[0] == '"' {
		v := p.members[i-1].value
		if _, ok := p.openingOf(e, plain(v[1:len(v)-1]), true); ok {
			p.take(&p.members[i-1])
		}
	}
}

// openingOf reads the ids of e from the brackets at the start of text, and returns the text after them. If whole is
// set, that must be empty. The other keys in the brackets become members of the line.
func (p *lineParser) openingOf(e *Entry, text []byte, whole bool) (rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '[' {
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
	foreign, ok := p.bracket(text[1:end])
	if !ok {
		p.members = p.members[:n]
		return nil, false
	}
	span := ""
	for i := n; i < len(p.members); i++ {
		m := &p.members[i]
		m.taken = true
		form := idPlain
		if m.slot == slotDatadogTrace || m.slot == slotDatadogSpan {
			form = idDatadog
		}
		switch value := string(plain(m.value[1 : len(m.value)-1])); m.slot {
		case slotTrace, slotDatadogTrace:
			if e.Trace == "" {
				e.Trace, e.Span = traceID(form, value) // X-Ray's header also contains the span
			}
		case slotSpan, slotDatadogSpan:
			span = cmp.Or(span, spanID(form, value))
		case slotOp:
			e.Op = p.in.string([]byte(value))
		}
	}
	e.Trace, e.Span = idOrNone(e.Trace), cmp.Or(idOrNone(span), idOrNone(e.Span))
	if e.Schema = ""; e.Trace != "" || e.Span != "" {
		e.Schema = "text"
	}
	p.members = append(p.members, foreign...)
	for i := n; i < len(p.members); i++ {
		if m := &p.members[i]; !m.taken && m.slot != 0 && p.first[m.slot] == 0 {
			p.first[m.slot] = int32(i + 1)
		}
	}
	for i := range layouts {
		if l := &layouts[i]; l.strings && p.mask&l.tells == l.tells {
			p.layout = l
		}
	}
	return rest, true
}

// closing returns where the bracket that opens at i closes. The values may contain brackets.
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

// bracketKeys maps the keys within brackets to the keys of a record.
var bracketKeys = map[string]string{
	"trace": "trace", "trace_id": "trace", "traceId": "trace", "trace.id": "trace", "traceID": "trace", "TraceId": "trace", "traceparent": "trace",
	"span": "span", "span_id": "span", "spanId": "span", "span.id": "span", "spanID": "span", "SpanId": "span",
	"dd.trace_id": "dd.trace_id", "dd.span_id": "dd.span_id",
	"op": "op",
}

// bracket appends the ids between brackets. There must be a trace id. An id has no spaces, and an op ends where the
// next key begins. Any value may be a JSON string. Only the first key of an id counts. Foreign are the other keys and
// values.
func (p *lineParser) bracket(b []byte) (foreign []member, ok bool) {
	key, known := "", false
	from := 0 // of key's value
	keep := func(value []byte) {
		m := member{key: []byte(key), value: value, slot: slots[key]}
		if !known {
			foreign = append(foreign, m)
			return
		}
		p.members = append(p.members, m)
		ok = ok || len(value) > len(`""`) && (key == "trace" || key == "dd.trace_id")
	}
	put := func(end int) {
		value := bytes.Trim(b[from:end], " ,")
		switch {
		case key == "":
		case !known:
			keep(bareText(value))
		default:
			if key != "op" {
				if i := bytes.IndexAny(value, " ,"); i >= 0 {
					value = value[:i]
				}
			}
			keep(appendQuoted(nil, value))
		}
	}
	seen := make(map[string]bool, 3)
	for start := 0; start < len(b); start++ {
		if start > 0 && b[start-1] != ' ' && b[start-1] != ',' {
			continue
		}
		n := keyLength(b[start:])
		if n == 0 {
			continue
		}
		name := bracketKeys[string(b[start:start+n])]
		switch {
		case name != "" && !seen[name]:
			seen[name] = true
			put(start)
			key, known = name, true
		case name == "" && (start == 0 || b[start-1] == ' '):
			put(start)
			key, known = string(b[start:start+n]), false
			if key == "resource.service.name" {
				key = "service"
			}
		default:
			continue
		}
		start += n
		from = start + 1
		if l := (lexer{b: b, i: from}); l.str() && (l.i == len(b) || b[l.i] == ' ' || b[l.i] == ',') {
			keep(b[from:l.i:l.i])
			key, start = "", l.i-1
		}
	}
	put(len(b))
	return foreign, ok
}

// keyLength returns the length of the key at the start of b, before a colon or an equals sign, or 0 if there is none.
// "http://x" and "std::map" have none.
func keyLength(b []byte) int {
	n := 0
	for n < len(b) && (isDigit(b[n]) && n > 0 || isLetter(b[n]) || b[n] == '_' || n > 0 && (b[n] == '.' || b[n] == '-')) {
		n++
	}
	if n == len(b) || b[n] != ':' && b[n] != '=' {
		return 0
	}
	if b[n] == ':' && n+1 < len(b) && (b[n+1] == '/' || b[n+1] == ':') {
		return 0
	}
	return n
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

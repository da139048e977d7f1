package tracelog

import "bytes"

// The structured data of a line of syslog (RFC 5424, 6.3) may have the ids of the record behind it:
//
//	<132>1 2026-03-01T09:15:00.5Z web1 api 4711 - [trace@32473 trace_id="4bf9…" span_id="00f0…"] stock is low
//
// An element has both ids, of 32 and 16 hex digits, or none. If several have ids, they are the same ones.

// cutStructured cuts the structured data. It keeps the ids in it for a record that has none.
func (p *lineParser) cutStructured(line []byte) (rest []byte, ok bool) {
	var trace, span string
	var bits uint64
	differ := false
	for len(line) > 0 && line[0] == '[' {
		var t, s []byte
		var of uint64
		if line, ok = eachParam(line, func(name, value []byte) {
			switch bit := keySlot(name).bit(); {
			case bit&traceSlots != 0 && t == nil:
				t, of = value, of|bit
			case bit&spanSlots != 0 && s == nil:
				s, of = value, of|bit
			}
		}); !ok {
			return nil, false
		}
		if len(t) != 32 || len(s) != 16 || !isHex(string(t)) || !isHex(string(s)) || idOrNone(string(t)) == "" || idOrNone(string(s)) == "" {
			continue
		}
		differ = differ || trace != "" && (trace != string(t) || span != string(s))
		trace, span, bits = string(t), string(s), of
	}
	if rest, ok = bytes.CutPrefix(line, []byte(" ")); ok && trace != "" && !differ {
		p.around.trace, p.around.span, p.around.schema, p.around.structured = trace, span, presetOf(bits).name, true
	}
	return rest, ok
}

// eachParam calls fn with the parameters of the element at the start of b. It returns what is behind the element. It is not ok if that is not
// one.
func eachParam(b []byte, fn func(name, value []byte)) (rest []byte, ok bool) {
	end := bytes.IndexAny(b, " ]")
	if end < len("[a") {
		return nil, false
	}
	for b = b[end:]; b[0] == ' '; {
		name, value, ok := bytes.Cut(b[1:], []byte(`="`))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, ` ]"=`) {
			return nil, false
		}
		n := 0
		for n < len(value) && value[n] != '"' {
			if value[n] == '\\' {
				n++
			}
			n++
		}
		if n+1 >= len(value) {
			return nil, false
		}
		fn(name, value[:n])
		b = value[n+1:]
	}
	return b[1:], b[0] == ']'
}

// severities are the levels of syslog.
var severities = [8]string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}

// structuredText reads a text of which only the structured data before it has the ids.
func (p *lineParser) structuredText(text []byte, e *Entry) {
	a := &p.around
	p.members, p.isText = p.members[:0], true
	e.Trace, e.Span, e.Schema = a.trace, a.span, a.schema
	e.Time, e.Level, e.Service, e.Message = p.at, a.severity, p.service, string(text)
}

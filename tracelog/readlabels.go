package tracelog

import "bytes"

// cutLabels cuts the labels of a stream, as Loki's tools write them before a line:
//
//	2026-03-01T09:15:00Z {app="shop", pod="shop-1"} {…}
//
// The labels are around the record. {} has none.
func (p *lineParser) cutLabels(line []byte) (rest []byte, ok bool) {
	if len(line) < 4 || line[1] != '}' && line[1] != '_' && !isLetter(line[1]) {
		return line, false // nearly always
	}
	var labels []member
	l := lexer{b: line, i: 1}
	for !l.peek('}') {
		start := l.i
		for l.i < len(line) && (isLetter(line[l.i]) || isDigit(line[l.i]) || line[l.i] == '_') {
			l.i++
		}
		key := line[start:l.i]
		if len(key) == 0 || !l.expect('=') {
			return line, false
		}
		if start = l.i; !l.str() {
			return line, false
		}
		labels = append(labels, member{key: key, value: line[start:l.i:l.i], around: true})
		if l.peek(',') {
			l.i++
			l.space()
		} else if !l.peek('}') {
			return line, false
		}
	}
	if rest = bytes.TrimLeft(line[l.i+1:], " \t"); len(rest) == 0 || len(rest) == len(line)-l.i-1 {
		return line, false
	}
	p.around.members = append(p.around.members, labels...)
	if service := serviceIn(labels); service != "" {
		p.service = service
	}
	return rest, true
}

package tracelog

import "bytes"

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
		if row := rowOf(v); row != nil {
			p.short.look(v, false)
			found := p.lookInObject(row, depth, strings, timed)
			found.many = found.depth > 0
			return found
		}
		if hasMetadata(v) {
			return site{depth: depth + 1, many: true}
		}
		var found site
		n := 0
		eachElement(v, func(element []byte) bool {
			found = p.look(element, arrayKey, depth+1, strings, timed)
			n++
			return found.depth == 0
		})
		p.short.look(v, found.depth > 0 && n == 1)
		found.many = found.depth > 0
		return found
	case '"':
		found := p.lookInString(v, key, depth, strings, timed)
		found.text = found.depth > 0 && mayCarry(v) && isLine(key)
		return found
	}
	return site{}
}

// hasMetadata reports whether an array is a time, a text and an object with ids, see metadata.
func hasMetadata(v []byte) bool {
	if len(v) < len(`["1772356500","",{"trace":"t"}]`) || v[1] != '"' || !isDigit(v[2]) || v[len(v)-2] != '}' {
		return false // nearly always
	}
	all := elementsOf(v)
	return len(all) == 3 && hasIDs(all[1], all[2])
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
		if len(text) == 0 || text[0] != '{' || !l.value() {
			return site{}
		}
		if l.i == len(text) {
			return p.lookInObject(text, depth, strings+1, timed)
		}
		for _, line := range linesOf(text) {
			if found := p.lookInObject(line, depth, strings+1, timed); found.depth > 0 {
				found.many = true
				return found
			}
		}
		return site{}
	case len(v) < len(`"[trace:1]"`) || !mayHoldLine(key, v):
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
		return site{depth: depth}
	}
	return site{}
}

func (p *lineParser) lookInObject(v []byte, depth, strings int, timed bool) (best site) {
	from := len(p.deep)
	p.deep, _ = appendMembers(p.deep, v)
	to := len(p.deep)
	defer func() { p.deep = p.deep[:from] }()
	leveled := p.leveled
	defer func() { p.leveled = leveled }()
	switch s := signsOf(p.deep[from:to]); {
	case s.isRecord(timed), s.message && timed && leveled && !s.time, foreignOf(p.deep[from:to]) != notForeign:
		return site{depth: depth}
	case s.message && !s.carries:
		return site{} // a message without a time
	default:
		timed = timed || s.time
	}
	if _, ok := p.tableIn(p.deep[from:to]); ok {
		return site{depth: depth, many: true}
	}
	s := signsOf(p.deep[from:to])
	logger := isLogger(p.deep[from:to], s)
	p.leveled = leveled || isLeveled(p.deep[from:to], timed)
	records := 0
	for i := from; i < to; i++ {
		m := p.deep[i]
		if s.message && builtins[m.slot] != fieldMessage+1 || logger && !loggerCarriers[string(m.key)] {
			continue
		}
		found := p.look(m.value, m.key, depth+1, strings, timed)
		if m.value[0] == '{' && found.isAt(depth+1) {
			records++
		}
		if found.before(best) {
			best = found
		}
	}
	best.many = best.many || records == to-from && records > 1
	return best
}

// tableIn returns the table in an object that is no record, if its rows have records.
func (p *lineParser) tableIn(ms []member) (table, bool) {
	p.short.table(ms)
	return tableOf(ms, func(row []byte) bool { return p.look(row, nil, 1, 0, false).depth > 0 })
}

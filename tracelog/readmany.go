package tracelog

import (
	"bytes"
	"slices"
)

// A line or a document may have several records: in arrays of a store's export, or as spans in another form. Each of
// them becomes a line of its own, in p.many, which is one JSON object with the record and what is around it. That line
// is the Raw of the record's Entry.

// manyOf puts the records in an object, or array, into p.many. They are the outermost ones.
func (p *lineParser) manyOf(v []byte) {
	p.many = p.many[:0]
	var b beside
	for i := range p.around.members {
		b.add(&p.around.members[i])
	}
	b.addText("time", timeText(p.at))
	if p.service != "" {
		b.addText("service", []byte(p.service))
	}
	p.walk(v, b, p.around.depth, p.around.strings, !p.at.IsZero())
	p.deep = p.deep[:0]
}

// each parses the lines in p.many, and calls fn with each that is a record. It returns their number.
func (p *lineParser) each(fn func(raw []byte, e *Entry)) int { return p.eachWithin(fn, maxWrap) }

// eachWithin is each for lines that contain further lines, at most depth levels deep.
func (p *lineParser) eachWithin(fn func(raw []byte, e *Entry), depth int) (n int) {
	lines, parse := p.many, p.parse
	if p.many = nil; p.shape != nil && !p.reshaped {
		parse = p.shaped
	}
	for _, line := range lines {
		var e Entry
		switch parse(line, &e) {
		case isRecord:
			n++
			fn(line, &e)
		case isMany: // a span or a record in another form, inside an object
			if depth > 0 {
				n += p.eachWithin(fn, depth-1)
			}
		}
	}
	return n
}

// array puts the records of a line that is an array into p.many. It returns false if there are none.
func (p *lineParser) array(line []byte) bool {
	l := lexer{b: line}
	if line = bytes.TrimRight(line, " \t\r,"); len(line) < 4 || line[len(line)-1] != ']' || !l.value() || l.i < len(line) {
		return false
	}
	if p.shaping && p.reshape(line) {
		return true
	}
	p.manyOf(line)
	return len(p.many) > 0
}

// severalLines puts the records of a text of several lines into p.many.
func (p *lineParser) severalLines(text []byte) verdict {
	p.manyOf(appendQuoted(nil, text))
	if len(p.many) == 0 {
		p.content, p.reason, p.cut = text, reasonText, false
		return isBad
	}
	return isMany
}

// concatenated puts the records of a line of several objects into p.many, as a delivery to files writes them that puts no
// newline between them, or as an array has them whose brackets are on other lines. It returns false unless there is one in each
// object.
func (p *lineParser) concatenated(line []byte) bool {
	array := make([]byte, 1, len(line)+len(line)/64+2)
	array[0] = '['
	n := 0
	l := lexer{b: line}
	for l.space(); l.i < len(line); l.comma() {
		start := l.i
		if line[start] != '{' || !l.value() {
			return false
		}
		if n++; n > 1 {
			array = append(array, ',')
		}
		array = append(array, line[start:l.i]...)
		found := p.look(line[start:l.i], arrayKey, 1, p.around.strings, false).depth > 0
		if p.deep = p.deep[:0]; !found && !p.shaping {
			return false
		}
	}
	array = append(array, ']')
	if p.shaping && p.reshape(array) {
		return true
	}
	p.manyOf(array)
	return len(p.many) > 0
}

// walk is look, and emits what it finds.
func (p *lineParser) walk(v []byte, b beside, depth, strings int, timed bool) {
	switch v[0] {
	case '[':
		if p.pair(v, b, depth, strings, timed) {
			return
		}
		if row := rowOf(v); row != nil {
			p.walkObject(row, b, depth, strings, timed)
			return
		}
		b.path = nil // an element's own members have their own names
		if p.short != nil && p.around.depth == 0 && p.short.walk(v, arrayPlace{beside: b, depth: depth, strings: strings, timed: timed}) {
			return
		}
		eachElement(v, func(element []byte) bool {
			if p.look(element, arrayKey, depth+1, strings, timed).depth > 0 {
				p.walk(element, b, depth+1, strings, timed)
			}
			return true
		})
	case '{':
		p.walkObject(v, b, depth, strings, timed)
	case '"':
		text := bytes.TrimSpace(plain(v[1 : len(v)-1]))
		if strings < maxStrings && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			if l := (lexer{b: text}); l.value() && l.i == len(text) {
				p.walk(text, b, depth, strings+1, timed)
				return
			}
			if lines := linesOf(text); lines != nil {
				b.path = nil
				for _, line := range lines {
					if p.look(line, arrayKey, depth+1, strings+1, timed).depth > 0 {
						p.walk(line, b, depth, strings+1, timed)
					}
				}
				return
			}
		}
		p.emit(v, b)
	}
}

func (p *lineParser) walkObject(v []byte, b beside, depth, strings int, timed bool) {
	ms, _ := appendMembers(nil, v)
	s := signsOf(ms)
	switch kind := foreignOf(ms); {
	case kind != notForeign:
		p.foreign(kind, ms, b.appendTo(nil, signs{time: true, level: true}))
		return
	case s.isRecord(timed), s.message && (!s.carries || timed && p.leveled && !s.time):
		p.emit(v, b)
		return
	}
	if t, ok := p.tableIn(ms); ok {
		t.each(func(row []byte) bool {
			if in := foreignFields(row); len(in) > 0 {
				p.emitWrapped(row, b, signsOf(in))
			}
			return true
		})
		return
	}
	timed = timed || s.time
	best, at := site{}, -1
	places, records := make([]site, len(ms)), 0
	logger := isLogger(ms, s)
	leveled := p.leveled
	p.leveled = leveled || isLeveled(ms, timed)
	defer func() { p.leveled = leveled }()
	for i := range ms {
		m := &ms[i]
		if s.message && builtins[m.slot] != fieldMessage+1 || logger && !loggerCarriers[string(m.key)] {
			continue // as in look
		}
		places[i] = p.look(m.value, m.key, depth+1, strings, timed)
		if m.value[0] == '{' && places[i].isAt(depth+1) {
			records++
		}
		if places[i].before(best) {
			best, at = places[i], i
		}
	}
	isList := records == len(ms) && records > 1
	switch {
	case at < 0:
	case isList:
		for i := range ms {
			p.walk(ms[i].value, b, depth+1, strings, timed)
		}
	case !best.many:
		p.emitWrapped(v, b, s)
	default:
		for i := range ms {
			if m := &ms[i]; places[i].many && (i == at || places[i].depth == best.depth) {
				p.walk(m.value, b.into(m.key, ms, i), depth+1, strings, timed)
			}
		}
	}
}

// pair emits the record of an array that is a time and a record, as in Loki's streams, ["1772356500500000000","…",{…}],
// and as fluent-bit writes it: [1772356500.5,{…}], [[1772356500.5,{…}],{…}].
func (p *lineParser) pair(v []byte, b beside, depth, strings int, timed bool) bool {
	var at, line, more []byte
	n := 0
	eachElement(v, func(element []byte) bool {
		switch n++; {
		case n == 1:
			at = element
		case n == 2:
			line = element
		case n == 3:
			more = element
		}
		return n < 4
	})
	if n != 2 && n != 3 || line[0] != '"' && line[0] != '{' || more != nil && more[0] != '{' {
		return false
	}
	if at[0] == '[' {
		if all := elementsOf(at); len(all) > 0 {
			at = all[0]
		}
	}
	_, isTime := parseEpoch([]byte(jsonText(at)))
	if !isTime && (line[0] != '"' || at[0] != '"' || len(bytes.Trim(at, `"0123456789`)) > 0) {
		return false
	}
	b.members = slices.Clip(b.members)
	if isTime && p.metadata(at, line, more, b, depth, strings) {
		return true
	}
	if more != nil {
		ms, _ := appendMembers(nil, more)
		for i := range ms {
			b.path = nil
			b.add(&ms[i])
		}
	}
	if isTime {
		b.addText("time", []byte(jsonText(at)))
	}
	b.key = arrayKey
	p.walk(line, b, depth+1, strings, timed)
	return true
}

// metadata emits a text of Loki whose ids are in its metadata, as those of log lines that came as OTLP:
//
//	["1772356500500000000","seat held",{"trace_id":"4bf9…","span_id":"00f0…","severity_text":"INFO"}]
func (p *lineParser) metadata(at, line, more []byte, b beside, depth, strings int) bool {
	if !hasIDs(line, more) || p.look(line, arrayKey, depth+1, strings, true).depth > 0 {
		return false
	}
	when, _ := parseEpoch([]byte(jsonText(at)))
	ms, _ := appendMembers(nil, more)
	w := newForeignLine(when, pickText(ms, []string{"severity_text", "level", "detected_level"}))
	w.raw("msg", line)
	for i := range ms {
		if f := builtins[ms[i].slot]; f == 0 || f > fieldMessage+1 {
			w.raw(string(ms[i].key), ms[i].value)
		}
	}
	if !w.seen["service_name"] && !w.seen["service.name"] {
		w.text("service", serviceIn(b.members))
	}
	w.b = append(w.b, b.appendTo(nil, signs{time: true, level: true})...)
	p.many = append(p.many, w.done())
	return true
}

// hasIDs reports whether a text has ids in the object behind it.
func hasIDs(line, more []byte) bool {
	if len(more) < len(`{"trace":"t"}`) || more[0] != '{' || line[0] != '"' {
		return false
	}
	ms, _ := appendMembers(nil, more)
	s := signsOf(ms)
	return s.trace && !s.message
}

// emit adds the line of a record: an object that is one, or a string.
func (p *lineParser) emit(v []byte, b beside) {
	switch {
	case len(b.members) > 0:
		key := b.key
		if v[0] == '"' && !mayHoldLine(key, v) || len(key) == 0 {
			key = arrayKey
		}
		line := append(appendQuoted(append(make([]byte, 0, len(v)+b.size+len(key)+8), '{'), key), ':')
		p.many = append(p.many, append(b.appendTo(append(line, v...), signs{}), '}'))
	case v[0] == '"':
		p.many = append(p.many, bytes.TrimRight(plain(v[1:len(v)-1]), "\r\n"))
	default:
		p.many = append(p.many, v)
	}
}

// emitWrapped adds the line of an object that has one record in it, which lineParser finds again.
func (p *lineParser) emitWrapped(v []byte, b beside, s signs) {
	if len(b.members) > 0 {
		v = append(b.appendTo(bytes.Clone(v[:len(v)-1]), s), '}')
	}
	p.many = append(p.many, v)
}

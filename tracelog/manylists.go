package tracelog

import "bytes"

// A line with several records mostly has them in one long array, as the answer of a store: the hits.hits[] of
// Elasticsearch, the values[] of each of Loki's streams[]. lineParser goes through such a line many times. Here it only
// parses a short copy of the line, see [shortened], in which the array has two elements. This gives the place of the array: what
// lineParser adds to each of its elements. Then each element becomes a line, and fastLine reads it. If it cannot, lineParser
// reads the element.

// minListed is how long a line, or an element, must be.
const minListed = 1 << 10

// hasList reports whether the line has its records in a long array. If so, emitMany reads that.
func (w *lineReader) hasList(b *block) bool {
	w.place = nil
	clear(w.lists[0].kept)
	start, end := w.record.from, w.record.from+len(w.line)
	if w.parser.shape != nil || len(w.line) < minListed || w.line[0] != '{' || w.lists[0].find(w.fast.marks, b.buf, start) != end {
		return false
	}
	return w.findPlace(b)
}

// hasKnown is hasList for a line whose list is known, and has valid elements.
func (w *lineReader) hasKnown(b *block, known *list) bool {
	if w.place = nil; known == nil || w.parser.shape != nil {
		return false
	}
	l := &w.lists[0]
	clear(l.kept)
	l.at, l.end, l.ends = known.at, known.end, append(l.ends[:0], known.ends...)
	return w.findPlace(b)
}

// findPlace sets the place of the line's list, and reports whether emitMany can read that.
func (w *lineReader) findPlace(b *block) bool {
	p, start := &w.parser, w.record.from
	w.place = w.placeOf(b.buf, 0, start, start+len(w.line), func(line []byte) bool { return p.parse(line, &w.entry) == isMany })
	return w.place != nil
}

// hasLongList is hasList for the line that begins at i, if it is long. Such a line need not be read as a record before.
func (w *lineReader) hasLongList(b *block, i int) (next int, ok bool) {
	if i+minKept > b.to || b.buf[i] != '{' || bytes.IndexByte(b.buf[i:i+minKept], '\n') >= 0 || beginsEntry(b.buf[i:i+minKept]) {
		return 0, false
	}
	end := i + minKept + bytes.IndexByte(b.buf[i+minKept:], '\n')
	w.line, w.record.from = b.buf[i:end], i
	return end + 1, len(w.line) <= maxLine && w.hasList(b)
}

// placeOf returns the place of the list of a level, which is in the object b[from:to]. It is nil if there is none, or if only
// lineParser can read the elements. Parse parses the short copy of the object.
func (w *lineReader) placeOf(b []byte, level, from, to int, parse func([]byte) bool) *listPlace {
	if w.lists[level].at == 0 {
		return nil
	}
	s := new(shortened)
	if w.shorten(s, b, level, from, to); 2*len(s.text) > to-from {
		return nil // reading it twice is not worth it
	}
	for _, at := range s.starts {
		s.arrays = append(s.arrays, &s.text[at])
	}
	p := &w.parser
	p.short, p.many = s, nil
	ok := parse(s.text)
	p.short, p.deep = nil, p.deep[:0]
	if !ok || s.odd || s.walked != 1 || len(p.many) > 0 {
		return nil
	}
	pl := &listPlace{arrayPlace: s.place}
	if pl.depth+2 <= maxWrap && pl.strings < maxStrings {
		from, to := w.lists[level].element(b, 0)
		if !w.find(b, level+1, from, to) && w.walkElement(b[from:to], pl) && len(p.many) == 1 {
			pl.form = pl.formOf(w.inner(), w.fast.marks, b, from, to, p.many[0])
		}
		p.many = nil
	}
	return pl
}

// shorten appends the object b[from:to], whose list is that of the level, with two elements of the list. These are shortened, too.
func (w *lineReader) shorten(s *shortened, b []byte, level, from, to int) {
	l := &w.lists[level]
	s.text = append(s.text, b[from:l.at]...)
	s.starts = append(s.starts, len(s.text))
	s.text = append(s.text, '[')
	for n := range min(2, len(l.ends)) {
		if n > 0 {
			s.text = append(s.text, ',')
		}
		from, to := l.element(b, n)
		if b[from] == '{' && w.find(b, level+1, from, to) {
			w.shorten(s, b, level+1, from, to)
		} else {
			s.text = append(s.text, b[from:to]...)
		}
	}
	s.text = append(s.text, b[l.end-1:to]...)
}

// find finds the list of an element, for a level.
func (w *lineReader) find(b []byte, level, from, to int) bool {
	if level == len(w.lists) || to-from < minListed {
		return false
	}
	l := &w.lists[level]
	if k, ok := l.kept[from]; ok {
		l.at, l.end, l.ends = k.at, k.end, append(l.ends[:0], k.ends...)
		return l.at > 0
	}
	return l.find(w.fast.marks, b, from) == to && l.at > 0
}

// emitList passes on the records of the list of a level, and returns their number.
func (w *lineReader) emitList(b *block, level int, pl *listPlace, number int) (n int) {
	l := &w.lists[level]
	in := w.inner()
	one := block{input: b.input, seq: b.seq}
	for i := range l.ends {
		from, to := l.element(b.buf, i)
		if pl.form != noForm {
			one.buf = in.buf
			ok := pl.read(in, &one, w.fast.marks, b.buf, from, to)
			if in.buf = one.buf; ok {
				in.emit(&one, number)
				n++
				continue
			}
		}
		if b.buf[from] == '{' && w.find(b.buf, level+1, from, to) {
			if next := w.placeOf(b.buf, level+1, from, to, func(element []byte) bool { return w.walkElement(element, pl) }); next != nil {
				n += w.emitList(b, level+1, next, number)
				continue
			}
		}
		if w.walkElement(b.buf[from:to], pl) {
			n += w.emitMany(b, number)
		}
	}
	return n
}

// walkElement lets lineParser put the records of an element into parser.many.
func (w *lineReader) walkElement(element []byte, pl *listPlace) bool {
	p := &w.parser
	p.begin()
	p.many = nil
	found := p.look(element, arrayKey, pl.depth+1, pl.strings, pl.timed)
	if p.deep = p.deep[:0]; found.depth == 0 {
		return false
	}
	p.walk(element, pl.beside, pl.depth+1, pl.strings, pl.timed)
	p.deep = p.deep[:0]
	return true
}

// A listPlace is the place of an array, and how the lines of its elements are made.
type listPlace struct {
	arrayPlace

	form           form
	prefix, suffix []byte // of the line of an element
	known          bool   // an element has been read whose record is behind the prefix
	around         around // the last inner record
}

// A form is how the line of an element is made.
type form uint8

const (
	noForm      form = iota
	ownRecord        // the element is the record: it becomes a member of an object, unless there is nothing beside the array
	innerRecord      // the element has the record in an object: it gets more members
	timeAndLine      // the element is an array of a time and a string, which is the record
)

// formOf returns the form in which in reads an element as the line.
func (pl *listPlace) formOf(in *lineReader, m marks, b []byte, from, to int, want []byte) form {
	none, both := pl.beside.appendTo(nil, signs{}), pl.beside.appendTo(nil, signs{time: true, level: true})
	for f := ownRecord; f <= timeAndLine; f++ {
		pl.form, pl.prefix, pl.suffix, pl.known = f, nil, none, false
		key := pl.beside.key
		switch {
		case f == innerRecord && !bytes.Equal(none, both):
			continue // the line depends on the element's members
		case f == timeAndLine || len(key) == 0:
			key = arrayKey
		}
		if f == timeAndLine || f == ownRecord && len(pl.beside.members) > 0 {
			pl.prefix = append(appendQuoted([]byte{'{'}, key), ':')
		}
		if pl.read(in, new(block), m, b, from, to) && bytes.Equal(in.line, want) {
			return f
		}
	}
	return noForm
}

// appendLine appends the line of the element b[from:to], and returns it and where the element's own text ends in it. It is nil
// if there is none in the place's form.
func (pl *listPlace) appendLine(out []byte, m marks, b []byte, from, to int) (line []byte, end int) {
	out = append(out, pl.prefix...)
	switch {
	case pl.form == timeAndLine:
		return pl.appendTimed(out, m, b, from, to)
	case b[from] != '{':
		return nil, 0
	case pl.form == innerRecord:
		to--
	}
	out = append(out, b[from:to]...)
	end = len(out)
	if out = append(out, pl.suffix...); pl.form == innerRecord || len(pl.prefix) > 0 {
		out = append(out, '}')
	}
	return out, end
}

// appendTimed is appendLine for a time and a line.
func (pl *listPlace) appendTimed(out []byte, m marks, b []byte, from, to int) (line []byte, end int) {
	at := skipSpace(b, from+1)
	if b[from] != '[' || b[at] != '"' {
		return nil, 0
	}
	i := m.next(at + 1)
	time := b[at+1 : i]
	if b[i] != '"' || !isEpoch(time) || pl.beside.size+len("time")+len(time)+2 > maxBeside {
		return nil, 0
	}
	if i = skipMark(b, i+1, ','); i < 0 || b[i] != '"' {
		return nil, 0
	}
	if out, i = m.appendText(out, b, i+1); i < 0 {
		return nil, 0
	}
	if i = skipSpace(b, i+1); b[i] != ']' {
		return nil, 0
	}
	for end = len(out); end > 0 && isSpace(out[end-1]); end-- {
	}
	out = out[:end]
	out = append(append(out, pl.suffix...), `,"time":"`...)
	return append(append(out, time...), `"}`...), end
}

// read reads an element in the place's form as a record of in. It returns false if only lineParser can read it.
func (pl *listPlace) read(in *lineReader, one *block, m marks, b []byte, from, to int) bool {
	line, end := pl.appendLine(one.buf[:0], m, b, from, to)
	if line == nil {
		return false
	}
	one.buf = append(line, '\n')
	one.to = len(one.buf)
	one.pad()
	in.fast.marks.mark(one.buf, 0, one.to)
	if pl.readAlike(in, one, end) {
		return true
	}
	if _, ok := in.quick(one, 0); !ok {
		return false
	}
	f, w, isOuter := &in.fast, &in.wrap, in.record.fast == &in.fast
	switch {
	case pl.form == innerRecord:
		if isOuter || w.entered <= 0 || w.entered >= end || f.noted <= 0 || f.escaped || !w.addsOnly(one.buf, f.notes[:f.noted], end) {
			return false
		}
		pl.around.learn(w, f, one.buf)
		return true
	case len(pl.prefix) == 0:
		return isOuter && len(in.record.trace) > 0 && f.text(in.record.layout, fieldMessage) != nil && w.isNative(one.buf, f)
	}
	// The element is the whole value: nothing that is in a string could have closed it.
	pl.known = !isOuter && w.entered == len(pl.prefix) && int(f.notes[0].to) == end && w.isNative(one.buf, &w.inner)
	return pl.known
}

// readAlike is read for an element that differs from one that was read in nothing else but its record, and in flat values around it.
func (pl *listPlace) readAlike(in *lineReader, one *block, end int) bool {
	if pl.form == innerRecord {
		return in.quickAlike(&pl.around, one, 0)
	}
	w, r := &in.wrap, &in.record
	w.entered, w.unescaped = -1, -1
	if !pl.known || one.to > maxLine || w.readInner(in.fast.marks, one.buf, len(pl.prefix)) != end || !w.fill(r, one.buf) ||
		w.inner.firstService(r.layout) == nil || !w.isNative(one.buf, &w.inner) {
		return false
	}
	in.line, r.from = one.buf[:one.to-1], 0
	return true
}

// quickAlike is quick for the line at the end of a block, which begins at start, if its record is in an object in which all else is
// as it was around the last record.
func (w *lineReader) quickAlike(a *around, b *block, start int) bool {
	if len(a.members) == 0 || b.to-start > maxLine {
		return false
	}
	w.wrap.entered, w.wrap.unescaped = -1, -1
	if w.fast.parse(b.buf, start) != b.to-1 || !a.isAlike(&w.wrap, &w.fast, b.buf) || !w.wrap.fill(&w.record, b.buf) || w.wrap.inner.firstService(w.record.layout) == nil {
		return false
	}
	w.line, w.record.from = b.buf[start:b.to-1], start
	return true
}

// addsOnly reports whether an object, which ends at end and has the record in it, is no record, list or table itself.
func (w *fastWrap) addsOnly(b []byte, notes []note, end int) bool {
	own, objects := 0, 0
	for i := range notes {
		n := &notes[i]
		if int(n.from) >= end {
			break
		}
		k := w.key(b, n)
		if k.foreign || k.columns || n.slot.bit()&traceSlots != 0 || builtins[n.slot] == fieldMessage+1 {
			return false
		}
		own++
		if n.kind == '{' {
			objects++
		}
	}
	return own == 1 || objects < own
}

// isNative reports whether a record cannot be one in another form.
func (w *fastWrap) isNative(b []byte, f *fastLine) bool {
	if f.noted < 0 || f.escaped {
		return false
	}
	for i := range f.notes[:f.noted] {
		n := &f.notes[i]
		switch n.keyEnd - n.key {
		case 2, 4, 8: // "@t", "body", "SpanName"
		case 0, 1, 3, 5, 6, 7:
			continue
		}
		if n.slot == 0 && w.key(b, n).foreign {
			return false
		}
	}
	return true
}

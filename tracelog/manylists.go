package tracelog

// A line with several records mostly has them in one long array, as the answer of a store: the hits.hits[] of
// Elasticsearch, the values[] of each of Loki's streams[]. lineParser goes through such a line many times. Here it only
// parses a short copy of the line, see [shortened], in which the array has two elements. This gives the place of the array: what
// lineParser adds to each of its elements. Then each element becomes a line, and fastLine reads it. If it cannot, lineParser
// reads the element.

// minListed is how long a line, or an element, must be.
const minListed = 1 << 10

// A listed is the longest array of an object, of those that are in no other array, and whose elements are all objects or all
// arrays.
type listed struct {
	at, end int     // of the array, with its brackets; if at is 0, there is none
	ends    []int32 // of the elements
	spare   []int32
}

// find searches the object that begins at i, and returns where it ends. It returns -1 if it is not valid, or nested deep.
func (l *listed) find(m marks, b []byte, i int) int {
	l.at, l.end, l.ends = 0, 0, l.ends[:0]
	if cap(l.ends)+cap(l.spare) > 1<<16 {
		l.ends, l.spare = nil, nil // of a line with very many
	}
	return l.object(m, b, i, 0)
}

func (l *listed) object(m marks, b []byte, i, depth int) int {
	if i = skipSpace(b, i+1); b[i] == '}' {
		return i + 1
	}
	for {
		if i = m.scanKey(b, i); i < 0 {
			return -1
		}
		switch {
		case b[i] == '{' && depth < maxWrap:
			i = l.object(m, b, i, depth+1)
		case b[i] == '[':
			i = l.array(m, b, i)
		default:
			i = m.scanValue(b, i)
		}
		if i < 0 {
			return -1
		}
		if i = skipSpace(b, i); b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if b[i] != '}' {
		return -1
	}
	return i + 1
}

func (l *listed) array(m marks, b []byte, at int) int {
	ends := l.spare[:0]
	i := skipSpace(b, at+1)
	first, alike := b[i], true
	if first == ']' {
		return i + 1
	}
	for {
		alike = alike && b[i] == first
		if i = m.scanValue(b, i); i < 0 {
			return -1
		}
		if alike {
			ends = append(ends, int32(i))
		}
		if i = skipSpace(b, i); b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if b[i] != ']' {
		return -1
	}
	i++
	if l.spare = ends; alike && (first == '{' || first == '[') && i-at > l.end-l.at {
		l.at, l.end = at, i
		l.ends, l.spare = ends, l.ends
	}
	return i
}

// element returns where element n is.
func (l *listed) element(b []byte, n int) (from, to int) {
	from = l.at + 1
	if n > 0 {
		from = skipSpace(b, int(l.ends[n-1])) + 1
	}
	return skipSpace(b, from), int(l.ends[n])
}

// hasList reports whether the line has its records in a long array. If so, emitMany reads that.
func (w *lineReader) hasList(b *block) bool {
	w.place = nil
	start, end := w.record.from, w.record.from+len(w.line)
	if w.parser.shape != nil || len(w.line) < minListed || w.line[0] != '{' || w.lists[0].find(w.fast.marks, b.buf, start) != end {
		return false
	}
	p := &w.parser
	w.place = w.placeOf(b.buf, 0, start, end, func(line []byte) bool { return p.parse(line, &w.entry) == isMany })
	return w.place != nil
}

// placeOf returns the place of the list of a level, which is in the object b[from:to]. It is nil if there is none, or if only
// lineParser can read the elements. Parse parses the short copy of the object.
func (w *lineReader) placeOf(b []byte, level, from, to int, parse func([]byte) bool) *arrayPlace {
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
	pl := &s.place
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
	return level < len(w.lists) && to-from >= minListed && w.lists[level].find(w.fast.marks, b, from) == to && w.lists[level].at > 0
}

// emitList passes on the records of the list of a level, and returns their number.
func (w *lineReader) emitList(b *block, level int, pl *arrayPlace, number int) (n int) {
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
func (w *lineReader) walkElement(element []byte, pl *arrayPlace) bool {
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

package tracelog

import "bytes"

// A shortened is a short copy of a line, or of an element, in which arrays have only their first two elements. What lineParser
// does with the rest does not depend on the other elements, as long as the first has a record and the array is in no table:
// an array has records if one of its elements has, and each element is read for itself.
type shortened struct {
	text   []byte
	starts []int   // of its arrays in text
	arrays []*byte // likewise; each but the first is in the one before it, or in a sibling of that

	place  arrayPlace // of the first array
	walked int        // how often the first array was reached
	odd    bool       // the result may not be that of the whole text
}

// has reports whether a value is one of the arrays. The receiver may be nil.
func (s *shortened) has(v []byte) bool {
	if s != nil {
		for _, array := range s.arrays {
			if array == &v[0] {
				return true
			}
		}
	}
	return false
}

// walk reports whether lineParser must not walk through an array.
func (s *shortened) walk(v []byte, pl arrayPlace) bool {
	if !s.has(v) {
		return false
	}
	s.place = pl
	s.walked++
	s.odd = s.odd || s.arrays[0] != &v[0]
	return true
}

// look notes whether the first element of an array has a record.
func (s *shortened) look(v []byte, first bool) {
	if !first && s.has(v) {
		s.odd = true
	}
}

// table notes that an object with an array of these may be a table.
func (s *shortened) table(ms []member) {
	if s == nil {
		return
	}
	has, onlyArrays := false, len(ms) > 1
	for i := range ms {
		m := &ms[i]
		has = has || s.has(m.value)
		onlyArrays = onlyArrays && m.value[0] == '['
	}
	if has && (onlyArrays || hasColumns(ms)) {
		s.odd = true
	}
}

// An arrayPlace is where an array is, and what lineParser adds to the records in it.
type arrayPlace struct {
	beside         beside
	depth, strings int
	timed          bool

	form           form
	prefix, suffix []byte // of the line of an element
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
func (pl *arrayPlace) formOf(in *lineReader, m marks, b []byte, from, to int, want []byte) form {
	none, both := pl.beside.appendTo(nil, signs{}), pl.beside.appendTo(nil, signs{time: true, level: true})
	for f := ownRecord; f <= timeAndLine; f++ {
		pl.form, pl.prefix, pl.suffix = f, nil, none
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
func (pl *arrayPlace) appendLine(out []byte, m marks, b []byte, from, to int) (line []byte, end int) {
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
func (pl *arrayPlace) appendTimed(out []byte, m marks, b []byte, from, to int) (line []byte, end int) {
	at := skipSpace(b, from+1)
	if b[from] != '[' || b[at] != '"' {
		return nil, 0
	}
	i := m.next(at + 1)
	time := b[at+1 : i]
	if _, ok := parseEpoch(time); !ok || b[i] != '"' || pl.beside.size+len("time")+len(time)+2 > maxBeside {
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
	out = bytes.TrimRight(out, " \t\r\n")
	end = len(out)
	out = append(append(out, pl.suffix...), `,"time":"`...)
	return append(append(out, time...), `"}`...), end
}

// read reads an element in the place's form as a record of in. It returns false if only lineParser can read it.
func (pl *arrayPlace) read(in *lineReader, one *block, m marks, b []byte, from, to int) bool {
	line, end := pl.appendLine(one.buf[:0], m, b, from, to)
	if line == nil {
		return false
	}
	one.buf = append(line, '\n')
	one.to = len(one.buf)
	one.pad()
	in.fast.marks.mark(one.buf, 0, one.to)
	if _, ok := in.quick(one, 0); !ok {
		return false
	}
	f, w, isOuter := &in.fast, &in.wrap, in.record.fast == &in.fast
	switch {
	case pl.form == innerRecord:
		return !isOuter && w.entered > 0 && w.entered < end && f.noted > 0 && !f.escaped && w.addsOnly(one.buf, f.notes[:f.noted], end)
	case len(pl.prefix) == 0:
		return isOuter && len(in.record.trace) > 0 && f.text(in.record.layout, fieldMessage) != nil && w.isNative(one.buf, f)
	}
	// The element is the whole value: nothing that is in a string could have closed it.
	return !isOuter && w.entered == len(pl.prefix) && int(f.notes[0].to) == end && w.isNative(one.buf, &w.inner)
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

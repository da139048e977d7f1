package tracelog

import (
	"bytes"
	"slices"
)

// A table may also be on many lines, with the names of its columns on the first one, as ClickHouse writes its formats
// JSONCompactEachRowWithNames and JSONCompactEachRowWithNamesAndTypes:
//
//	["time","level","msg","trace","span"]
//	["DateTime64(9)","String","String","String","String"]
//	["2026-03-01 09:15:00.500000000","INFO","seat held","4bf9…","00f0…"]
//
// Each row is read as an object. It is a table if the first row is, or has, a record. As for documents, the names are
// looked for in the first lines of an input only, and anywhere once there was a document or a table.
type rowLines struct {
	head  []heldLine // the names, and the types, if it is not yet known whether they are
	names [][]byte   // nil if there is no table
	next  [][]byte   // those in head
}

// nullText is ClickHouse's word for null, in formats in which every value is a string.
const nullText = `"ᴺᵁᴸᴸ"`

// takeRow takes a line that belongs to a table, or may be its head.
func (s *scanner) takeRow(line []byte, last bool) bool {
	r := &s.rows
	if len(r.head) == 0 && r.names == nil && (len(s.printed.held) > 0 || s.joiner.pending() || !s.mayBegin()) {
		return false
	}
	values := rowValues(line)
	switch {
	case values == nil:
		s.giveUpRows()
		return false
	case len(r.head) > 0:
		return s.secondRow(line, values, last)
	case len(values) == len(r.names) && !sameValues(values, r.names):
		s.row(values)
		return true
	case len(values) == len(r.names): // the names again
		s.blank()
		return true
	}
	return s.beginRows(line, values, last)
}

// beginRows takes a line that may have the names of columns.
func (s *scanner) beginRows(line []byte, values [][]byte, last bool) bool {
	r := &s.rows
	if r.next = columnNamesOf(values); r.next == nil {
		return false
	}
	r.head = append(r.head, heldLine{number: s.Lines, text: bytes.Clone(line), last: last})
	for i := range r.next {
		r.next[i] = bytes.Clone(r.next[i])
	}
	if last {
		s.giveUpRows()
	}
	return true
}

// secondRow reads a line behind one that may have the names of columns.
func (s *scanner) secondRow(line []byte, values [][]byte, last bool) bool {
	r := &s.rows
	switch {
	case len(values) != len(r.next):
	case len(r.head) == 1 && areTypes(values):
		if r.head = append(r.head, heldLine{number: s.Lines, text: bytes.Clone(line), last: last}); last {
			s.giveUpRows()
		}
		return true
	default:
		found := s.parser.look(rowObject(r.next, values), nil, 1, 0, false)
		if s.parser.deep = s.parser.deep[:0]; found.depth == 0 {
			break
		}
		for range r.head {
			s.blank()
		}
		s.documents = true
		r.names, r.next, r.head = r.next, nil, r.head[:0]
		s.row(values)
		return true
	}
	s.giveUpRows()
	return s.takeRow(line, last) // it may have the names of columns itself
}

// giveUpRows reads the lines one by one that are not the head of a table.
func (s *scanner) giveUpRows() {
	lines := s.Lines
	for _, h := range s.rows.head {
		s.Lines = h.number
		s.single(h.text, h.last)
	}
	s.Lines = lines
	s.rows.head, s.rows.next = s.rows.head[:0], nil
}

// row reads a row of the table.
func (s *scanner) row(values [][]byte) {
	line := rowObject(s.rows.names, values)
	switch {
	case s.lines != nil:
		s.afterRecord()
		s.lines.add(line, nil, s.Lines, wholeDocument)
	case !s.sniffs:
		s.readRow(line, s.Lines)
	}
}

// readRow reads the object of a row whose first line has the number.
func (s *scanner) readRow(object []byte, number int) {
	s.parser.reason, s.parser.content = reasonText, object
	if n := s.records(object, number, false); n > 0 {
		s.Shared += n - 1
		return
	}
	s.unread(number, object)
	s.bad(number, s.parser.reason, s.parser.content)
}

// rowValues returns the elements of a line that is an array of several, or nil.
func rowValues(line []byte) [][]byte {
	line = bytes.TrimRight(bytes.TrimSpace(line), ",")
	if len(line) < len("[1,2]") || line[0] != '[' || line[len(line)-1] != ']' {
		return nil // nearly always
	}
	if l := (lexer{b: line}); !l.value() || l.i < len(line) {
		return nil
	}
	if values := elementsOf(line); len(values) > 1 && len(values) <= maxColumns {
		return values
	}
	return nil
}

// columnNamesOf returns the texts of strings that may be the names of columns: they are different, and one is a name that
// records have.
func columnNamesOf(values [][]byte) (names [][]byte) {
	known := false
	for _, v := range values {
		if v[0] != '"' || len(v) == len(`""`) {
			return nil
		}
		name := plain(v[1 : len(v)-1])
		known = known || keySlot(name) != 0 || isLine(name)
		names = append(names, name)
	}
	sorted := slices.SortedFunc(slices.Values(names), bytes.Compare)
	if !known || len(slices.CompactFunc(sorted, bytes.Equal)) < len(names) {
		return nil
	}
	return names
}

// areTypes reports whether all values are names of types: String, DateTime64(9), Nullable(UInt8).
func areTypes(values [][]byte) bool {
	return !slices.ContainsFunc(values, func(v []byte) bool { return v[0] != '"' || !isType(v[1:len(v)-1]) })
}

func sameValues(values, names [][]byte) bool {
	return slices.EqualFunc(values, names, func(v, name []byte) bool {
		return v[0] == '"' && bytes.Equal(plain(v[1:len(v)-1]), name)
	})
}

func rowObject(names, values [][]byte) []byte {
	for i, v := range values {
		if string(v) == nullText {
			values[i] = nil
		}
	}
	t := table{names: names}
	return t.row(values)
}

// takeCSV takes a line that belongs to a table of CSV, or may be its head.
func (s *scanner) takeCSV(line []byte, last bool) bool {
	v := s.csv.take(&s.parser, line, s.Lines, last)
	if v == csvOther {
		return false
	}
	s.afterCSV(v)
	return true
}

// afterCSV counts, and reads, what the table of CSV has found.
func (s *scanner) afterCSV(v csvVerdict) {
	t := &s.csv
	switch r := &t.row; v {
	case csvFailed:
		held, lines := t.held, s.Lines
		*t = csvTable{state: csvNone}
		for _, h := range held {
			s.Lines = h.number
			s.next(h.text, h.last)
		}
		s.Lines = lines
	case csvBegins:
		for range len(t.held) - r.lines {
			s.blank()
		}
		t.held, s.documents = nil, true
		s.rowOfCSV()
	case csvRowEnds:
		s.rowOfCSV()
	case csvBlankLine:
		s.blank()
	case csvBlankRow:
		s.blank()
		s.Joined += r.lines - 1
	case csvBadRow:
		s.unread(r.first, r.head)
		s.bad(r.first, t.reason, nil)
		s.Joined += r.lines - 1
	}
}

// rowOfCSV reads a row that is complete.
func (s *scanner) rowOfCSV() {
	t := &s.csv
	r := &t.row
	var object []byte
	var b *documentBlock
	if s.lines != nil {
		b = s.lines.block(r.first)
		object = b.buf
	}
	from := len(object)
	object = t.columns.object(object, r)
	if len(object)-from > maxLine {
		s.afterCSV(t.bad(tooLong(0)))
		return
	}
	s.Joined += r.lines - 1
	switch {
	case s.lines != nil:
		s.afterRecord()
		b.buf = append(object, '\n')
		s.lines.keep(r.first, wholeDocument)
	case !s.sniffs:
		s.readRow(object, r.first)
	}
}

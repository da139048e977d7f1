package tracelog

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
)

// An input may be a table of CSV, as stores export it for spreadsheets, with commas, semicolons or tabs between the cells:
//
//	Date,Host,Service,Message
//	2026-03-01T09:15:00.500Z,web1,shop,"{""level"":""WARN"",""msg"":""cart is full"",""trace"":""4bf9…"",""span"":""00f0…""}"
//
// Each row is read as an object with the names of the columns, which are on the first line of the input that is not blank. Names
// alone are not enough: one is that of a message or a trace id, or the first row is, or has, a record; and the first row has
// as many cells. If there is one column, its cells are in quotes. All of the input is the table then, so that nothing in a cell can be taken for a line. What is no row is a bad
// line.
type csvTable struct {
	state     csvState
	separator byte
	held      []csvLine // before the first row has been read
	row       csvRow
	columns   *csvColumns
	certain   bool   // the names alone tell that it is a table of records
	reason    string // of a bad row
}

type csvState uint8

const (
	csvPossible csvState = iota // nothing has been read
	csvHeld                     // the names have
	csvRows
	csvBroken // there is no telling where rows begin
	csvNone
)

// A csvLine is one that may be of a table.
type csvLine struct {
	number int
	text   []byte
	last   bool // it has no newline
}

// A csvVerdict is what a line of a table has led to.
type csvVerdict uint8

const (
	csvMore      csvVerdict = iota // nothing yet
	csvOther                       // the line is not taken
	csvFailed                      // there is no table: what is held must be read line by line
	csvBegins                      // there is one, and its first row is complete
	csvRowEnds                     // a row is
	csvBlankRow                    // a row without a cell that has something
	csvBadRow                      // a row cannot be read, because of t.reason
	csvBlankLine                   // a blank line between rows
)

const (
	// maxColumns is how many columns a table may have with a row on each line.
	maxColumns = 1000
	// maxHeadRow is how long the first row of CSV may be if it has several lines.
	maxHeadRow = 1 << 20
)

const (
	reasonCells  = "CSV with more or fewer cells than the first line"
	reasonQuotes = "CSV with text behind a cell in quotes"
	reasonBroken = "behind a row of CSV in which quotes have a backslash: it must be a second quote"
	reasonUnread = "truncated: the input ends inside a cell in quotes"
)

// take takes a line with its number. The parser tells what is, or has, a record.
func (t *csvTable) take(p *lineParser, line []byte, number int, last bool) csvVerdict {
	switch t.state {
	case csvPossible:
		return t.names(p.shape, line, number, last)
	case csvHeld:
		return t.firstRow(p, line, number, last)
	case csvBroken:
		t.row.begin(number, line)
		t.row.lines, t.reason = 1, reasonBroken
		return csvBadRow
	case csvNone:
		return csvOther
	}
	return t.line(withoutReturn(line, last), number)
}

// withoutReturn returns a line without the carriage return at its end, which is left if the line is the last one and has no newline.
func withoutReturn(line []byte, last bool) []byte {
	if last {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return line
}

// names takes the first line that is not blank. It may have the names of columns.
func (t *csvTable) names(shape *Shape, line []byte, number int, last bool) csvVerdict {
	text := bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(text)) == 0 {
		return csvOther
	}
	t.hold(line, number, last)
	if sep := bytes.Trim(text, `"`); len(t.held) == 1 && !last && (string(sep) == "sep=," || string(sep) == "sep=;" || string(sep) == "sep=\t") {
		return csvMore // for Excel
	}
	for _, t.separator = range [...]byte{',', '\t', ';'} {
		if names := csvNames(text, t.separator); names != nil && t.areKnown(names, shape) && !last {
			t.columns, t.state = newCSVColumns(names, t.separator), csvHeld
			t.row.begin(0, nil)
			return csvMore
		}
	}
	return csvFailed
}

func (t *csvTable) hold(line []byte, number int, last bool) {
	t.held = append(t.held, csvLine{number, bytes.Clone(line), last})
}

// csvNames returns the cells of a line, if they may be the names of columns.
func csvNames(line []byte, separator byte) (names [][]byte) {
	var r csvRow
	if len(line) > 64<<10 || !r.line(line, separator) || r.open || len(r.ends) > maxColumns {
		return nil
	}
	for i := range r.ends {
		name := r.cell(i)
		if len(name) > 256 || bytes.ContainsAny(name, "\"{}=") || bytes.ContainsFunc(name, unicode.IsControl) || len(bytes.TrimSpace(name)) < len(name) {
			return nil
		}
		if len(name) == 0 {
			name = []byte("column") // pandas has no name for the numbers of the rows
		}
		names = append(names, name)
	}
	sorted := slices.SortedFunc(slices.Values(names), bytes.Compare)
	if len(slices.CompactFunc(sorted, bytes.Equal)) < len(names) {
		return nil
	}
	return names
}

// areKnown reports whether one of the names is that of a time, an id or a line, or in the shape. If it is one that records have for a
// message or a trace id, the table is certain.
func (t *csvTable) areKnown(names [][]byte, shape *Shape) (known bool) {
	t.certain = false
	for _, name := range names {
		if shape.hasColumn(string(name)) {
			known, t.certain = true, true
		}
		outer, inner, _ := bytes.Cut(name, []byte("."))
		if !csvObjects[string(outer)] {
			inner = nil
		}
		for _, name := range [...][]byte{schemaName(name), inner} {
			slot := keySlot(name)
			f := builtins[slot]
			says := f == fieldMessage+1 || carriers[string(name)] || loggerCarriers[string(name)] || slot.bit()&traceSlots != 0
			known = known || says || len(names) > 1 && (isLineName(name) || slot.bit()&spanSlots != 0 || f == fieldTime+1 || isDateName(name))
			t.certain = t.certain || says && len(names) > 1
		}
	}
	return known
}

// hasColumn reports whether a shape, which may be nil, has a path that begins with a column.
func (p *Shape) hasColumn(name string) bool {
	if p == nil || name == "" {
		return false
	}
	begins := func(path string) bool { return path == name || strings.HasPrefix(path, name+".") }
	for _, path := range p.Names {
		if begins(path) {
			return true
		}
	}
	return begins(p.Record)
}

// firstRow takes a line behind the names: a row, or a part of it, or ClickHouse's names of types.
func (t *csvTable) firstRow(p *lineParser, line []byte, number int, last bool) csvVerdict {
	t.hold(line, number, last)
	line = withoutReturn(line, last)
	r := &t.row
	if r.lines == 0 {
		if len(bytes.TrimSpace(line)) == 0 {
			if last {
				return csvFailed
			}
			return csvMore
		}
		r.begin(number, line)
	}
	switch {
	case r.lines == 0 && t.separator != '\t' && (line[0] == '{' || line[0] == '['): // JSON
		return csvFailed
	case !t.readLine(line), r.open && (last || r.size > maxHeadRow), !r.open && len(r.ends) != len(t.columns.names):
		return csvFailed
	case r.open:
		return csvMore
	case len(r.ends) == 1 && (len(r.head) == 0 || r.head[0] != '"'): // it may be any text
		return csvFailed
	case r.areTypes() && !last:
		r.begin(0, nil)
		return csvMore
	}
	if !t.certain {
		found := p.look(t.columns.object(nil, r), nil, 1, 0, false)
		if p.deep = p.deep[:0]; found.depth == 0 {
			return csvFailed
		}
	}
	t.state = csvRows
	return csvBegins
}

// readLine reads the next line of a row.
func (t *csvTable) readLine(line []byte) bool {
	if t.separator == '\t' && t.row.lines == 0 && t.row.tabbed(line, len(t.columns.names)) {
		return true
	}
	return t.row.line(line, t.separator)
}

// line takes a line behind the first row.
func (t *csvTable) line(line []byte, number int) csvVerdict {
	r := &t.row
	if !r.open {
		if len(bytes.TrimSpace(line)) == 0 {
			return csvBlankLine
		}
		r.begin(number, line)
	}
	if !t.readLine(line) {
		return t.bad(reasonQuotes)
	}
	if r.long = r.long || r.size > maxLine+1; r.long {
		r.text, r.ends = r.text[:0], r.ends[:0]
	}
	switch {
	case r.open:
		return csvMore
	case r.long:
		return t.bad(tooLong(0))
	case len(r.ends) != len(t.columns.names):
		return t.bad(reasonCells)
	case r.isBlank(), r.is(t.columns.names): // the names again
		return csvBlankRow
	}
	return csvRowEnds
}

// bad ends a row that cannot be read. If quotes are escaped with backslashes, those behind it are not read either: a cell might end
// where it does not, and what is in it could be taken for a row.
func (t *csvTable) bad(reason string) csvVerdict {
	t.reason = reason
	t.row.open, t.row.long = false, false
	if t.row.slash {
		t.state = csvBroken
	}
	return csvBadRow
}

// giant takes a part of a line that is too long: its beginning if number is not 0. Only whether a cell in quotes goes on is wanted.
func (t *csvTable) giant(part []byte, number int, ends bool) csvVerdict {
	r := &t.row
	if number > 0 {
		if !r.open {
			r.begin(number, part)
		}
		r.lines++
		r.text, r.ends = r.text[:0], r.ends[:0]
	}
	r.long = true
	if bytes.Count(part, []byte(`"`))%2 == 1 {
		r.open = !r.open
	}
	if ends && !r.open {
		return t.bad(tooLong(0))
	}
	return csvMore
}

// end ends the input.
func (t *csvTable) end() csvVerdict {
	switch {
	case t.state == csvPossible || t.state == csvHeld:
		return csvFailed
	case t.state == csvRows && t.row.open:
		return t.bad(reasonUnread)
	case t.state == csvRows && t.row.long:
		return t.bad(tooLong(0))
	}
	return csvMore
}

// areTypes reports whether all cells are names of types, as ClickHouse writes them.
func (r *csvRow) areTypes() bool {
	for i := range r.ends {
		if !isType(r.cell(i)) {
			return false
		}
	}
	return true
}

// isType reports whether a text is the name of a type of ClickHouse.
func isType(text []byte) bool {
	name, _, _ := bytes.Cut(text, []byte("("))
	switch string(bytes.TrimRight(name, "0123456789")) {
	case "String", "FixedString", "LowCardinality", "Nullable", "Map", "Array", "Tuple", "Nested", "DateTime", "Date", "Time", "UInt", "Int", "Float",
		"BFloat", "Decimal", "Bool", "UUID", "Enum", "IPv", "JSON", "Object", "Dynamic", "Variant", "SimpleAggregateFunction", "AggregateFunction":
		return true
	}
	return false
}

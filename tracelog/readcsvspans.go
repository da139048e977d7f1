package tracelog

import (
	"slices"
	"strings"
	"time"
)

// csvSpans reads the spans that package export writes as CSV, one in a row, and so the command's export csv.
type csvSpans struct {
	names  []string
	at     map[string]int
	commas bool // fractions are behind commas: a spreadsheet has written the table
}

// ownColumns tell such a table, and are no attributes.
var ownColumns = strings.Fields("trace span parent op kind service start duration_ms self_ms state failed error queued_ms sample_rate attrs")

// newCSVSpans returns nil if the names are those of another table.
func newCSVSpans(names [][]byte, commas bool) *csvSpans {
	s := &csvSpans{at: make(map[string]int), commas: commas}
	for i, name := range names {
		s.names = append(s.names, string(name))
		s.at[string(name)] = i
	}
	for _, name := range ownColumns {
		if _, ok := s.at[name]; !ok {
			return nil
		}
	}
	return s
}

// line returns the line of the record that a span is. A span that has not ended becomes its start.
func (s *csvSpans) line(r *csvRow) []byte {
	get := func(name string) string { return ownCell(r.cell(s.at[name])) }
	at, isTime := parseTime([]byte(get("start")))
	number := func(name string) []byte {
		cell := r.cell(s.at[name])
		if s.commas {
			cell = withPoint(cell)
		}
		return cell
	}
	lasted, ended := parseDuration(number("duration_ms"), time.Millisecond)
	failed := get("failed") == "true"
	level, message := "INFO", messageStart
	if ended {
		message = messageEnd
	}
	if failed {
		level = "ERROR"
	}
	if isTime && ended {
		at = at.Add(lasted)
	}
	w := newForeignLine(at, level)
	w.text("msg", message)
	for _, name := range [...]string{"trace", "span", "op", "parent", "kind"} {
		w.text(name, get(name))
	}
	if ended {
		w.text("start", get("start"))
	}
	for _, name := range [...]string{"duration_ms", "queued_ms", "sample_rate"} {
		if v := number(name); isNumber(v) {
			w.raw(name, v)
		}
	}
	if failed {
		w.raw("error", appendQuoted(nil, []byte(get("error"))))
	}
	w.text("service", get("service"))
	for i, name := range s.names {
		if v := ownCell(r.cell(i)); v != "" && !slices.Contains(ownColumns, name) {
			w.attr(name, appendQuoted(nil, []byte(v)))
		}
	}
	if attrs := r.cell(s.at["attrs"]); len(attrs) > 0 && attrs[0] == '{' && isWhole(attrs) {
		w.attrs(appendCompact(nil, attrs))
	}
	return w.done()
}

// ownCell returns the text of a cell without the quote that is before what a spreadsheet would take for a formula.
func ownCell(cell []byte) string {
	if rest, ok := strings.CutPrefix(string(cell), "'"); ok && strings.IndexAny(rest, "=+-@＝＋－＠") == 0 {
		return rest
	}
	return string(cell)
}

package tracelog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"time"
)

// csvColumns are the columns of a CSV table, and how rows become objects. Each cell is a string, because CSV has no types. An empty cell
// is no member, nor is a word for null, see isNoCell.
type csvColumns struct {
	names   [][]byte // as they are in the first row
	members []csvMember
	message int       // if not less than 0, the column whose text is the message, if it is not a line; see csvMember.plain
	own     *csvSpans // if not nil, the rows are spans as package export writes them
}

// A csvMember is a member of the objects: a cell, or an object of several.
type csvMember struct {
	key     []byte // as JSON, with the colon
	plain   []byte // likewise, the key in rows that have a message that is only a text; nil: the same
	cell    int
	kind    cellKind
	members []csvMember
}

type cellKind uint8

const (
	textCell   cellKind = iota
	lineCell            // it may be a line
	dockerCell          // of docker's json-file
	timeCell
	levelCell
	statusCell // it may be a level
	numberCell
	decimalCell // a number whose fraction may be behind a comma
	objectCell  // it may be JSON
)

// csvObjects are the names of objects whose members have columns of their own: jsonPayload.trace. Members of other objects keep a name
// with dots.
var csvObjects = func() map[string]bool {
	names := map[string]bool{"jsonPayload": true, "_source": true}
	for name := range contextNames {
		names[name] = name != scopesName
	}
	return names
}()

// csvJSON are the names of columns whose cells may be objects or arrays, as JSON or in ClickHouse's form.
var csvJSON = func() map[string]bool {
	names := map[string]bool{"labels": true, "kubernetes": true}
	for _, others := range [...][]string{foreignAttrs, foreignResource, foreignEvents, foreignLinks, {"ScopeAttributes", "references",
		"Events.Timestamp", "Events.Name", "Events.Attributes", "Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes"}} {
		for _, name := range others {
			names[name] = true
		}
	}
	for name := range contextNames {
		names[name] = true
	}
	return names
}()

// newCSVColumns returns the columns with these names, which are all different. Where semicolons are between cells, commas are in numbers.
func newCSVColumns(names [][]byte, separator byte) *csvColumns {
	c := &csvColumns{names: names, message: -1}
	if c.own = newCSVSpans(names, separator == ';'); c.own != nil {
		return c
	}
	has := make(map[string]bool)
	for _, name := range names {
		has[string(name)] = true
	}
	timed := slices.ContainsFunc(names, func(name []byte) bool { return builtins[keySlot(name)] == fieldTime+1 })
	isDocker := !slices.ContainsFunc(names, func(name []byte) bool {
		return !slices.Contains([]string{"log", "stream", "time", "attrs"}, string(name))
	})
	kindOf := func(name []byte) cellKind {
		kind := kindOfColumn(name)
		if kind == numberCell && separator == ';' {
			kind = decimalCell
		}
		return kind
	}
	groups := make(map[string]int)
	for i, name := range names {
		m := csvMember{cell: i}
		if schema := schemaName(name); !has[string(schema)] {
			has[string(schema)], name = true, schema
		}
		if !timed && isDateName(name) {
			timed, name = true, []byte("time")
		}
		if m.kind = kindOf(name); isDocker && string(name) == "log" {
			m.kind = dockerCell
		}
		outer, inner, ok := bytes.Cut(name, []byte("."))
		if !ok || !csvObjects[string(outer)] || has[string(outer)] {
			m.key = append(appendQuoted(nil, name), ':')
			c.members = append(c.members, m)
			continue
		}
		at, ok := groups[string(outer)]
		if !ok {
			at = len(c.members)
			groups[string(outer)] = at
			c.members = append(c.members, csvMember{key: append(appendQuoted(nil, outer), ':')})
		}
		m.key, m.kind = append(appendQuoted(nil, inner), ':'), kindOf(inner)
		c.members[at].members = append(c.members[at].members, m)
	}
	c.plainNames()
	return c
}

// textNames and levelNames are names of the message and the level that JSON lines have only in certain forms.
var (
	textNames  = [...]string{"content", "body", "text", "log"}
	levelNames = [...]string{"severity_text", "severityText", "SeverityText", "status", "Status", "loglevel", "log_level"}
)

// plainNames gives columns the names of the record schema whose names are others, for rows with a message that is only a text. If it may be a line
// with ids, it is left to be found.
func (c *csvColumns) plainNames() {
	find := func(is func(name string) bool) int {
		return slices.IndexFunc(c.members, func(m csvMember) bool {
			return m.members == nil && is(string(plain(m.key[1:len(m.key)-len(`":`)])))
		})
	}
	of := func(f field) func(string) bool {
		return func(name string) bool { return builtins[keySlot([]byte(name))] == f+1 }
	}
	text := find(func(name string) bool { return slices.Contains(textNames[:], name) })
	level := find(func(name string) bool { return slices.Contains(levelNames[:], name) })
	if text < 0 || find(of(fieldMessage)) >= 0 || c.members[text].kind == dockerCell {
		return
	}
	c.message = c.members[text].cell
	c.members[text].plain = []byte(`"msg":`)
	if level >= 0 && find(of(fieldLevel)) < 0 {
		c.members[level].plain, c.members[level].kind = []byte(`"level":`), statusCell
	}
}

// isText reports whether the row's message is only a text.
func (c *csvColumns) isText(r *csvRow) bool {
	if c.message < 0 {
		return false
	}
	text := bytes.TrimSpace(r.cell(c.message))
	return len(text) > 0 && text[0] != '{' && text[0] != '[' && text[len(text)-1] != '}' && !mentionsTrace(text)
}

// schemaName returns the name that records have for what a column's name for people means: trace_id for Trace ID, or for Datadog's
// @trace_id. For other names it returns the name itself.
func schemaName(name []byte) []byte {
	if keySlot(name) != 0 || isLine(name) || foreignKnown()[string(name)] || len(name) > 64 {
		return name
	}
	other := bytes.ReplaceAll(bytes.ToLower(bytes.TrimPrefix(name, []byte("@"))), []byte(" "), []byte("_"))
	if keySlot(other) == 0 && !carriers[string(other)] {
		return name
	}
	return other
}

// isDateName reports whether a name is that of a line's time, as in timeIn, and not that of a start or an end.
func isDateName(name []byte) bool {
	key := serviceKey(name)
	return isTimeName(key) && kindOfColumn(name) == timeCell && !bytes.Contains([]byte(key), []byte("start")) && !bytes.Contains([]byte(key), []byte("end")) &&
		!bytes.Contains([]byte(key), []byte("observed")) && !bytes.Contains([]byte(key), []byte("ingest"))
}

// kindOfColumn returns what the cells of a column may be.
func kindOfColumn(name []byte) cellKind {
	s := keySlot(name)
	switch f := builtins[s]; {
	case f == fieldTime+1:
		return timeCell
	case f == fieldLevel+1:
		return levelCell
	case csvJSON[string(name)]:
		return objectCell
	case f == fieldMessage+1, isLine(name):
		return lineCell
	}
	for i := range layouts {
		for _, f := range [...]field{fieldStart, fieldDuration, fieldQueued, fieldSampleRate} {
			switch {
			case !slices.Contains(layouts[i].slots[f], s) || s == 0:
			case f == fieldStart:
				return timeCell
			default:
				return numberCell
			}
		}
	}
	switch {
	case slices.Contains(foreignDuration, string(name)):
		return numberCell
	case isTimeName(serviceKey(name)):
		return timeCell
	}
	return textCell
}

// object returns the object of a row, appended to b.
func (c *csvColumns) object(b []byte, r *csvRow) []byte {
	if c.own != nil {
		return append(b, c.own.line(r)...)
	}
	return append(appendCells(append(b, '{'), c.members, r, c.isText(r)), '}')
}

func appendCells(b []byte, ms []csvMember, r *csvRow, isText bool) []byte {
	begin := len(b)
	for i := range ms {
		m := &ms[i]
		before := len(b)
		if before > begin {
			b = append(b, ',')
		}
		key := m.key
		if isText && m.plain != nil && (m.kind != statusCell || isLevel(string(r.cell(m.cell)))) {
			key = m.plain
		}
		b = append(b, key...)
		if m.members != nil {
			from := len(b) + 1
			if b = appendCells(append(b, '{'), m.members, r, false); len(b) == from {
				b = b[:before]
				continue
			}
			b = append(b, '}')
			continue
		}
		cell := r.cell(m.cell)
		if isNoCell(cell, m.kind) {
			b = b[:before]
			continue
		}
		b = m.kind.appendValue(b, cell)
	}
	return b
}

// isNoCell reports whether a cell means that there is no value: it is empty, null, as databases write that, or the - of Kibana.
func isNoCell(cell []byte, kind cellKind) bool {
	switch string(cell) {
	case "", `\N`, "ᴺᵁᴸᴸ":
		return true
	case "-", "null", "NULL":
		return kind != lineCell
	}
	return false
}

// appendValue appends a cell as JSON.
func (k cellKind) appendValue(b, cell []byte) []byte {
	switch k {
	case timeCell:
		if len(cell) < 40 && isLetter(cell[0]) {
			if t, err := time.Parse("Jan 2, 2006 @ 15:04:05", string(cell)); err == nil { // Kibana's form
				cell = t.AppendFormat(nil, time.RFC3339Nano)
			}
		}
	case decimalCell:
		cell = withPoint(cell)
		fallthrough
	case numberCell:
		if isGrouped(cell) {
			cell = bytes.ReplaceAll(cell, []byte(","), nil)
		}
	case levelCell:
		if isNumber(cell) {
			return append(b, cell...)
		}
	case dockerCell:
		if cell[len(cell)-1] != '\n' { // without it, docker's line would go on
			cell = append(cell, '\n')
		}
	case objectCell:
		if v := jsonCell(cell); v != nil {
			return appendCompact(b, v)
		}
	}
	return appendQuotedText(b, cell)
}

// withPoint returns a number with a point before its fraction, if it has one comma, and points only before that: 1.000,5.
func withPoint(cell []byte) []byte {
	if bytes.Count(cell, []byte(",")) != 1 || bytes.LastIndexByte(cell, '.') > bytes.IndexByte(cell, ',') {
		return cell
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(cell, []byte("."), nil), []byte(","), []byte("."))
}

// isGrouped reports whether a number has commas between its thousands, as Kibana writes them.
func isGrouped(cell []byte) bool {
	whole, fraction, _ := bytes.Cut(cell, []byte("."))
	if bytes.IndexByte(whole, ',') < 0 || bytes.IndexByte(fraction, ',') >= 0 {
		return false
	}
	for n := range bytes.SplitSeq(whole, []byte(",")) {
		if len(n) == 0 || len(n) > 3 {
			return false
		}
	}
	return isNumber(bytes.ReplaceAll(cell, []byte(","), nil))
}

// jsonCell returns a cell that is an object or an array, as JSON, or nil. ClickHouse writes both with single quotes: {'seat':'12A'}.
func jsonCell(cell []byte) []byte {
	if cell[0] != '{' && cell[0] != '[' {
		return nil
	}
	if isWhole(cell) {
		return cell
	}
	var out []byte
	for i := 0; i < len(cell); i++ {
		if cell[i] != '\'' {
			out = append(out, cell[i])
			continue
		}
		from := i + 1
		for i = from; i < len(cell) && cell[i] != '\''; i++ {
			if cell[i] == '\\' {
				i++
			}
		}
		if i >= len(cell) {
			return nil
		}
		out = appendQuoted(out, appendWithoutSlashes(nil, cell[from:i]))
	}
	if !isWhole(out) {
		return nil
	}
	return out
}

// isWhole reports whether a text is one value of JSON.
func isWhole(text []byte) bool {
	l := lexer{b: text}
	ok := l.value() && !l.odd
	l.space()
	return ok && l.i == len(text)
}

// appendQuotedText is appendQuoted for longer texts.
func appendQuotedText(b, text []byte) []byte {
	b = append(b, '"')
	i := 0
	for i+wordSize <= len(text) {
		x := load8(text, i)
		odd := ^(differ(x, '"') & differ(x, '\\') & (x&^highs + ones*(0x80-' ') | x)) & highs
		b = binary.LittleEndian.AppendUint64(b, x)
		if odd == 0 {
			i += wordSize
			continue
		}
		n := bits.TrailingZeros64(odd) >> 3
		b = appendEscaped(b[:len(b)-wordSize+n], text[i+n])
		i += n + 1
	}
	for _, c := range text[i:] {
		if c == '"' || c == '\\' || c < ' ' {
			b = appendEscaped(b, c)
		} else {
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendEscaped appends a byte that a JSON string has as an escape.
func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
}

package tracelog

import "slices"

// Stores answer with tables, too. Each row becomes an object with the names of the columns:
//
//	{"columns":[{"name":"time"},{"name":"trace"}],"rows":[["2026-03-01T09:15:00Z","4bf9…"]]}   a row after the other
//	{"fields":["_time","_raw"],"columns":[["2026-03-01T09:15:00Z"],["{…}"]]}                  a column after the other
//	{"time":["2026-03-01T09:15:00Z","2026-03-01T09:15:01Z"],"msg":["a","b"]}                   likewise
//	[{"field":"@message","value":"{…}"},{"field":"@logStream","value":"api"}]                 a row alone
//
// It is the structure that makes a table: as many names as values, and a record in one of the first rows.

// A table is the names of its columns, and its rows, or its columns if byColumn is set.
type table struct {
	names    [][]byte
	values   [][]byte
	byColumn bool
}

// tableOf returns the table in an object that is no record itself. isRecord tells whether a row is, or has, a record.
func tableOf(ms []member, isRecord func(row []byte) bool) (t table, ok bool) {
	if s := signsOf(ms); s.message || s.trace && s.time {
		return t, false
	}
	if t, ok = columnsOf(ms, isRecord); ok {
		return t, true
	}
	for i := range ms {
		switch m := &ms[i]; string(m.key) {
		case "columns", "fields", "schema", "meta": // as in hasColumns
			if t.names = columnNames(m.value); len(t.names) == 0 {
				continue
			}
		default:
			continue
		}
		for j := range ms {
			m := &ms[j]
			if j == i || m.value[0] != '[' {
				continue
			}
			switch t.byColumn = false; string(m.key) {
			case "columns":
				t.byColumn = true
			case "rows", "values", "data", "datarows":
			default:
				continue
			}
			if t.values = elementsOf(m.value); len(t.values) > 0 && t.values[0][0] == '[' && t.fits() && t.hasRecord(isRecord) {
				return t, true
			}
		}
	}
	return t, false
}

// hasColumns reports whether an object has a member that may be the names of a table's columns.
func hasColumns(ms []member) bool {
	return slices.ContainsFunc(ms, func(m member) bool {
		switch string(m.key) {
		case "columns", "fields", "schema", "meta":
			return true
		}
		return false
	})
}

// columnsOf returns the table in an object whose members are its columns.
func columnsOf(ms []member, isRecord func(row []byte) bool) (t table, ok bool) {
	if len(ms) < 2 {
		return t, false
	}
	for i := range ms {
		if ms[i].outer != 0 || ms[i].value[0] != '[' {
			return t, false // nearly always
		}
		t.names, t.values = append(t.names, ms[i].key), append(t.values, ms[i].value)
	}
	rows := 0
	for i, column := range t.values {
		if n := len(elementsOf(column)); i == 0 {
			rows = n
		} else if n != rows {
			return t, false
		}
	}
	t.byColumn = true
	return t, rows > 1 && t.hasRecord(isRecord)
}

// columnNames returns the names in an array of strings, or of objects with a name.
func columnNames(v []byte) (names [][]byte) {
	for _, element := range elementsOf(v) {
		if element[0] == '{' {
			element = pick(foreignFields(element), []string{"name"})
		}
		if len(element) == 0 || element[0] != '"' {
			return nil
		}
		names = append(names, plain(element[1:len(element)-1]))
	}
	return names
}

func (t *table) fits() bool {
	if t.byColumn {
		return len(t.values) == len(t.names)
	}
	return len(elementsOf(t.values[0])) == len(t.names)
}

// hasRecord reports whether one of the first rows is, or has, a record.
func (t *table) hasRecord(isRecord func(row []byte) bool) (found bool) {
	left := 10
	t.each(func(row []byte) bool {
		left--
		found = isRecord(row)
		return !found && left > 0
	})
	return found
}

// each calls fn with each row as an object, until fn returns false.
func (t *table) each(fn func(row []byte) bool) {
	if !t.byColumn {
		for _, row := range t.values {
			if !fn(t.row(elementsOf(row))) {
				return
			}
		}
		return
	}
	columns := make([][][]byte, len(t.values))
	rows := 0
	for i, column := range t.values {
		columns[i] = elementsOf(column)
		rows = max(rows, len(columns[i]))
	}
	for n := range rows {
		row := make([][]byte, len(columns))
		for i := range columns {
			row[i] = at(columns[i], n)
		}
		if !fn(t.row(row)) {
			return
		}
	}
}

func (t *table) row(values [][]byte) []byte {
	w := foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	for i, v := range values {
		if i < len(t.names) && len(v) > 0 && v[0] != 'n' {
			w.raw(string(t.names[i]), v)
		}
	}
	return w.done()
}

// rowOf returns the object of an array of names and values, or nil if it is none.
func rowOf(array []byte) []byte {
	var w *foreignLine
	eachElement(array, func(element []byte) bool {
		var name, value []byte
		ms := foreignFields(element)
		for i := range ms {
			switch m := &ms[i]; string(m.key) {
			case "field", "key", "name":
				name = m.value
			case "value":
				value = m.value
			}
		}
		if len(ms) != 2 || name == nil || name[0] != '"' || value == nil || value[0] == '{' || value[0] == '[' {
			w = nil
			return false
		}
		if w == nil {
			w = &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
		}
		w.raw(string(plain(name[1:len(name)-1])), value)
		return true
	})
	if w == nil {
		return nil
	}
	return w.done()
}

package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A table is what the store knows of its table.
type table struct {
	from    string // the table in SQL
	query   string // Store.Query
	time    column
	line    *column // has the whole lines, or nil: the columns are their members
	columns []column
	record  bool              // a line is a record, or has one in its text
	mapped  map[string]string // by --map
}

// A kind is what slogtrace makes of the values of a column.
type kind uint8

const (
	other    kind = iota // passed on as JSON
	text                 // String, Enum and the like
	whole                // integers, which may be in quotes in JSON
	number               // others
	truth                // Bool, or UInt8 as such
	nanos                // integers that are nanoseconds since 1970
	seconds              // DateTime
	fraction             // DateTime64
	texts                // Map(…, String): each key is a member
)

// A column is one of the table.
type column struct {
	name     string // in the table
	key      string // of the member that it has
	kind     kind
	fixed    bool // FixedString, whose values end in zero bytes
	enum     bool
	nullable bool
	scale    int // of fraction: digits of a second
}

func (c column) isTime() bool { return c.kind == nanos || c.kind == seconds || c.kind == fraction }

// described is a row of DESCRIBE TABLE.
type described struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	DefaultType string `json:"default_type"`
}

// table asks the server about the table, once.
func (s *Store) table(ctx context.Context) (*table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil {
		return s.known, nil
	}
	var all []described
	err := rowsOf(ctx, s, "describe table "+s.from(), false, func(d described) bool {
		if d.DefaultType != "EPHEMERAL" {
			all = append(all, d)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	t := &table{from: s.from(), query: s.Query, record: true}
	if s.shape != nil {
		t.mapped, t.record = s.shape.Names, s.shape.Record == ""
	}
	if err := t.read(all, s.options); err != nil {
		return nil, err
	}
	s.known = t
	return t, nil
}

// read chooses what the columns are.
func (t *table) read(all []described, o options) error {
	otel := collector(all)
	for _, d := range all {
		c := newColumn(d)
		if otel != nil {
			if c.key = otel[c.name]; c.key == "" && c.kind != texts {
				continue
			}
		}
		if d.Name == o.line || o.line == "" && d.Name == "line" && c.kind == text {
			t.line = &c
		}
		t.columns = append(t.columns, c)
	}
	slices.SortStableFunc(t.columns, func(a, b column) int { // what columns have comes before what maps have
		return cmp.Compare(a.kind/texts, b.kind/texts)
	})
	if o.line != "" && (t.line == nil || t.line.kind != text) {
		return fmt.Errorf("no column %q of text: want line=COLUMN with the lines", o.line)
	}
	return t.chooseTime(o.time)
}

// chooseTime chooses the column of a line's time: the one that the address names, or the first with a name for it.
func (t *table) chooseTime(wanted string) error {
	names := strings.Fields(schema.Common[schema.Time])
	if m := t.mapped["time"]; m != "" {
		names = append([]string{m}, names...)
	}
	if wanted != "" {
		names = []string{wanted}
	}
	for _, name := range names {
		for i := range t.columns {
			c := &t.columns[i]
			if c.name != name && c.key != name {
				continue
			}
			if c.kind == whole {
				c.kind = nanos
			}
			if !c.isTime() {
				continue
			}
			if !slices.Contains(backend.FieldNames("time", t.mapped), c.key) {
				c.key = "time"
			}
			t.time = *c
			return nil
		}
	}
	if wanted != "" {
		return fmt.Errorf("no column %q with a time: want UInt64 (nanoseconds), DateTime or DateTime64", wanted)
	}
	return fmt.Errorf("no column with the time, such as time: want UInt64 (nanoseconds), DateTime or DateTime64, or time=COLUMN in the address")
}

// spanFields are the members that lines of spans alone have.
var spanFields = map[string]schema.Field{
	"start": schema.Start, "event.start": schema.Start, "duration_ms": schema.Duration, "queued_ms": schema.Queued,
	"sample_rate": schema.SampleRate, "sampled": schema.Sampled,
}

// newColumn reads a type such as LowCardinality(Nullable(String)).
func newColumn(d described) column {
	c := column{name: d.Name, key: d.Name}
	typ := d.Type
	for {
		inner, ok := within(typ, "LowCardinality")
		if !ok {
			if inner, ok = within(typ, "Nullable"); ok {
				c.nullable = true
			}
		}
		if !ok {
			break
		}
		typ = inner
	}
	base, arguments, _ := strings.Cut(typ, "(")
	switch base {
	case "String", "UUID":
		c.kind = text
	case "FixedString":
		c.kind, c.fixed = text, true
	case "Enum8", "Enum16":
		c.kind, c.enum = text, true
	case "UInt8", "UInt16", "UInt32", "UInt64", "Int8", "Int16", "Int32", "Int64":
		c.kind = whole
	case "Float32", "Float64":
		c.kind = number
	case "Bool":
		c.kind = truth
	case "DateTime":
		c.kind = seconds
	case "DateTime64":
		c.kind = fraction
		digits := strings.FieldsFunc(arguments, func(r rune) bool { return r < '0' || r > '9' })
		if len(digits) > 0 {
			c.scale, _ = strconv.Atoi(digits[0])
		}
	case "Map":
		if _, value, ok := strings.Cut(strings.TrimSuffix(arguments, ")"), ","); ok && newColumn(described{Type: strings.TrimSpace(value)}).kind == text {
			c.kind = texts
		}
	}
	switch f, ok := spanFields[c.key]; {
	case ok && f == schema.Start && (typ == "UInt64" || typ == "Int64"):
		c.kind = nanos
	case ok && f == schema.Sampled && c.kind == whole:
		c.kind = truth
	}
	if base == "UUID" {
		c.enum = true // its text is made, as that of an Enum
	}
	return c
}

// within returns what is in the parentheses of a type of this name.
func within(typ, name string) (string, bool) {
	if inner, ok := strings.CutPrefix(typ, name+"("); ok {
		return strings.TrimSuffix(inner, ")"), true
	}
	return typ, false
}

// collector returns the members in the table for logs of OpenTelemetry's collector, or nil if it is not that table.
func collector(all []described) map[string]string {
	members := map[string]string{
		"Timestamp": "time", "TraceId": "trace", "SpanId": "span", "SeverityText": "level", "ServiceName": "service", "Body": "msg",
	}
	n := 0
	for _, d := range all {
		if members[d.Name] != "" || d.Name == "LogAttributes" {
			n++
		}
	}
	if n < len(members)+1 {
		return nil
	}
	return members
}

// named returns the columns that have a member. Exact reports that it is in no other column.
func (t *table) named(key string) (all []expr, exact bool) {
	exact = true
	for _, name := range backend.Names(key, t.mapped) {
		for _, c := range t.columns {
			switch {
			case c.kind == texts:
				all = append(all, expr{sql: ident(c.name) + "[" + quote(name) + "]", column: column{kind: text, key: name}})
			case c.key == name:
				all = append(all, c.expr())
			case c.kind == other && strings.HasPrefix(name, c.key+"."):
				exact = false // perhaps in an object
			}
		}
	}
	return all, exact
}

// An expr is an expression in SQL for the value of a member, with the column that it is of.
type expr struct {
	sql string
	column
}

// expr returns what conditions compare.
func (c column) expr() expr {
	e := expr{ident(c.name), c}
	switch {
	case c.fixed:
		e.sql = "toStringCutToZero(" + e.sql + ")"
	case c.enum:
		e.sql = "toString(" + e.sql + ")"
	}
	return e
}

// selected returns what queries select: the value of the column in a form that JSON has.
func (c column) selected() string {
	switch c.kind {
	case nanos, seconds, fraction:
		return c.nanoseconds()
	case text:
		return c.expr().sql
	}
	return ident(c.name)
}

// nanoseconds is a time as an integer.
func (c column) nanoseconds() string {
	switch c.kind {
	case seconds:
		return "toInt64(toUnixTimestamp(" + ident(c.name) + ")) * 1000000000"
	case fraction:
		return "toUnixTimestamp64Nano(" + ident(c.name) + ")"
	}
	return "toInt64(" + ident(c.name) + ")"
}

// decodeRow decodes a row whose columns have names.
func decodeRow(row []byte, v any) error {
	if len(row) == 0 || row[0] != '{' {
		return errNoRow
	}
	if err := json.Unmarshal(row, v); err != nil {
		return errNoRow
	}
	return nil
}

package clickhouse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A converter writes the rows of an answer as lines. A row is an object with the values of the columns, under the names
// 0, 1 and so on, in this order.
type converter struct {
	w       *bufio.Writer
	columns []column
	line    int            // the column that has the whole line, or -1
	batch   *backend.Batch // of whole lines, if those of certain traces are wanted
	time    int            // the column that has the time
	message int            // the column that has the message, or -1
	sum     backend.Sum

	values [][]byte
	out    []byte
	prefix []byte
}

// row writes one row. It returns errNoRow if it is something else.
func (c *converter) row(row []byte) error {
	if !c.cut(row) {
		return errNoRow
	}
	var at time.Time
	if ns, ok := integer(c.values[c.time]); ok {
		at = time.Unix(0, ns)
	}
	if c.line >= 0 {
		return c.whole(c.values[c.line], at)
	}
	span := c.message >= 0 && string(c.values[c.message]) == `"span end"`
	b := append(c.out[:0], '{')
	hasError, failed := false, false
	for i, col := range c.columns {
		before := len(b)
		if col.kind == texts {
			b = c.appendMembers(b, c.values[i])
			continue
		}
		b = col.appendMember(b, c.values[i], span)
		switch {
		case len(b) == before:
		case col.key == "error":
			hasError = true
		case col.key == "level":
			failed = string(c.values[i]) == `"ERROR"`
		}
	}
	if span && failed && !hasError { // its error was empty
		b = append(b, `"error":"",`...)
	}
	b = bytes.TrimSuffix(b, []byte{','})
	c.out = append(b, '}')
	return c.write(c.out, at)
}

// end writes what is held back.
func (c *converter) end() error {
	if c.batch != nil {
		if err := c.batch.Flush(); err != nil {
			return err
		}
	}
	return c.w.Flush()
}

func (c *converter) write(line []byte, at time.Time) error {
	c.sum.Lines++
	c.count(at)
	c.w.Write(line)
	return c.w.WriteByte('\n')
}

func (c *converter) count(at time.Time) {
	if at.IsZero() {
		return
	}
	if c.sum.First.IsZero() || at.Before(c.sum.First) {
		c.sum.First = at
	}
	if at.After(c.sum.Last) {
		c.sum.Last = at
	}
}

// whole writes a line that was kept as text. A line has no newline.
func (c *converter) whole(value []byte, at time.Time) error {
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return errNoRow
	}
	line := []byte(s)
	if bytes.ContainsAny(line, "\r\n") {
		var b bytes.Buffer
		if json.Compact(&b, line) == nil {
			line = b.Bytes()
		} else {
			line = bytes.Map(func(r rune) rune {
				if r == '\n' || r == '\r' {
					return ' '
				}
				return r
			}, line)
		}
	}
	if len(line) > 0 && line[0] == '{' && !json.Valid(line) {
		c.sum.CutOff++
	}
	if c.batch == nil {
		return c.write(line, at)
	}
	return c.batch.Add(line, at)
}

// cut sets values to those of a row.
func (c *converter) cut(row []byte) bool {
	c.values = c.values[:0]
	rest, ok := bytes.CutPrefix(row, []byte("{"))
	for i := range c.columns {
		c.prefix = strconv.AppendInt(append(c.prefix[:0], '"'), int64(i), 10)
		c.prefix = append(c.prefix, `":`...)
		if rest, ok = bytes.CutPrefix(rest, c.prefix); !ok {
			return false
		}
		n := valueLen(rest)
		if n <= 0 {
			return false
		}
		c.values = append(c.values, rest[:n])
		end := byte(',')
		if i == len(c.columns)-1 {
			end = '}'
		}
		if len(rest) == n || rest[n] != end {
			return false
		}
		rest = rest[n+1:]
	}
	return ok && len(rest) == 0
}

// valueLen returns the length of the value of JSON that b begins with, or 0.
func valueLen(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringLen(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return 0
}

// stringLen returns the length of the string that b begins with, quotes included, or 0.
func stringLen(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// integer reads an integer, which may be in quotes.
func integer(value []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(bytes.Trim(value, `"`)), 10, 64)
	return n, err == nil
}

// appendMember appends the column as a member, unless the row does not have it. A column that is not Nullable has zero
// values in such rows.
func (c column) appendMember(b, value []byte, span bool) []byte {
	if string(value) == "null" || string(value) == `""` && !c.nullable {
		return b
	}
	plain := bytes.Trim(value, `"`)
	if f, ok := spanFields[c.key]; ok && !c.nullable && !(f == schema.Duration && span) {
		if x, err := strconv.ParseFloat(string(plain), 64); err == nil && x == 0 {
			return b
		}
	}
	switch c.kind {
	case whole:
		value = plain
	case truth:
		value = strconv.AppendBool(nil, string(plain) == "1" || string(plain) == "true")
	case nanos, seconds, fraction:
		ns, ok := integer(value)
		if !ok {
			return b
		}
		value = time.Unix(0, ns).UTC().AppendFormat([]byte{'"'}, time.RFC3339Nano+`"`)
	}
	return append(append(appendKey(b, c.key), value...), ',')
}

func appendKey(b []byte, key string) []byte {
	quoted, err := json.Marshal(key)
	if err != nil {
		panic(fmt.Sprint("a string that is no JSON: ", err))
	}
	return append(append(b, quoted...), ':')
}

// appendMembers appends the keys of a map as members. Its values are text, so what looks like a number or a truth is one.
func (c *converter) appendMembers(b, object []byte) []byte {
	rest := bytes.TrimPrefix(object, []byte("{"))
	for len(rest) > 0 && rest[0] == '"' {
		n := stringLen(rest)
		key := rest[:n]
		if n == 0 || n == len(rest) || rest[n] != ':' {
			return b
		}
		rest = rest[n+1:]
		if n = valueLen(rest); n <= 0 {
			return b
		}
		value := rest[:n]
		if rest = rest[n:]; len(rest) > 0 {
			rest = rest[1:]
		}
		if string(value) == `""` || string(value) == "null" {
			continue
		}
		if plain := bytes.Trim(value, `"`); looksTyped(plain) && !backend.IsText(string(bytes.Trim(key, `"`))) {
			value = plain
			c.sum.Retyped++
		}
		b = append(append(append(append(b, key...), ':'), value...), ',')
	}
	return b
}

// looksTyped reports whether text is that of a number of JSON, or of true or false.
func looksTyped(text []byte) bool {
	switch {
	case len(text) == 0:
		return false
	case string(text) == "true", string(text) == "false":
		return true
	}
	return (text[0] == '-' || '0' <= text[0] && text[0] <= '9') && json.Valid(text)
}

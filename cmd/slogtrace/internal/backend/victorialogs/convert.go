package victorialogs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A converter writes the rows of an answer as lines of the record schema. VictoriaLogs has all values as strings, without
// those that are empty, and objects as members with dots in their names.
type converter struct {
	w     *bufio.Writer
	batch *backend.Batch // of lines that are kept as text, if those of certain traces are wanted
	sum   backend.Sum

	untimed bool // rows have a start or a time

	members     []member
	known       []knownName // of the members of the row before: most rows have the same ones
	first, last []byte      // the times of rows, as text
	line        []byte
	text        []byte // of a string without its escapes
}

// A member is one of a row: a name and a value as they are in the row, without the quotes.
type member struct {
	key, value []byte
	kind       kind
}

// A kind says what a member is, by its name.
type kind uint8

const (
	mayBeTyped kind = iota
	isText          // even if it looks like something else
	isError
	isLevel
	isTime
	isStart
	isMessage
	storeTime    // VictoriaLogs' own
	storeMessage // likewise
	storeStream  // not in the line
)

// A knownName is the name of a member, as a row has it: from its first quote to the one that begins the value.
type knownName struct {
	text []byte
	kind kind
}

func kindOf(key string) kind {
	switch key {
	case "_time":
		return storeTime
	case "_msg":
		return storeMessage
	case "_stream", "_stream_id":
		return storeStream
	case "time":
		return isTime
	case "start":
		return isStart
	case "msg":
		return isMessage
	case "error":
		return isError
	case "level":
		return isLevel
	}
	if backend.IsText(key) {
		return isText
	}
	return mayBeTyped
}

// learn returns kindOf the name of a row's member number i, and remembers it for the next row.
func (c *converter) learn(i int, key []byte) kind {
	k := kindOf(string(key))
	if i > maxKnown {
		return k
	}
	for len(c.known) <= i {
		c.known = append(c.known, knownName{})
	}
	text := append(append(c.known[i].text[:0], '"'), key...)
	c.known[i] = knownName{append(text, `":"`...), k}
	return k
}

// maxKnown limits the names that are kept.
const maxKnown = 100

// rows writes all rows of an answer.
func (c *converter) rows(r io.Reader) error {
	err := backend.EachRow(r, c.row)
	if err == nil && c.batch != nil {
		err = c.batch.Flush()
	}
	c.sum.First, c.sum.Last = instantOf(c.first), instantOf(c.last)
	if err != nil {
		return err
	}
	return c.w.Flush()
}

// withoutMessage begins what VictoriaLogs has as the message of a line that has none.
const withoutMessage = "missing _msg field"

// row writes one row.
func (c *converter) row(line []byte) error {
	if !c.cut(line) {
		return endedError(line)
	}
	var at, start, message []byte
	hasTime, hasMessage, hasError, failed := false, false, false, false
	for i := range c.members {
		m := &c.members[i]
		switch m.kind {
		case storeTime:
			at = m.value
		case storeMessage:
			message = m.value
		case isTime:
			hasTime = true
		case isStart:
			start = m.value
		case isMessage:
			hasMessage = true
		case isError:
			hasError = true
		case isLevel:
			failed = string(m.value) == "ERROR"
		}
	}
	if whole, ok := c.whole(message); ok {
		if c.batch != nil {
			return c.batch.Add(whole, instantOf(at))
		}
		return c.write(whole, at)
	}
	if c.untimed && !hasTime && !isInstant(start) {
		return errNoStart
	}
	b := append(c.line[:0], '{')
	if !hasTime && len(at) > 0 {
		b = appendText(b, []byte("time"), at)
	}
	if bytes.HasPrefix(message, []byte(withoutMessage)) {
		message = nil
	}
	if !hasMessage && len(message) > 0 {
		b = appendText(b, []byte("msg"), message)
	}
	for i := range c.members {
		m := &c.members[i]
		switch m.kind {
		case storeTime, storeMessage, storeStream:
			continue
		case mayBeTyped:
			if value, ok := c.typed(m.value); ok {
				c.sum.Retyped++
				b = append(append(append(b, '"'), m.key...), `":`...)
				b = append(append(b, value...), ',')
				continue
			}
		}
		b = appendText(b, m.key, m.value)
	}
	if failed && !hasError && string(message) == "span end" { // its error was empty
		b = append(b, `"error":"",`...)
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	c.line = append(b, '}')
	return c.write(c.line, at)
}

// errNoStart means that a line came without its time although its start is no time.
var errNoStart = errors.New("a start that is no time")

// isInstant reports whether text is a time as a span's start usually is.
func isInstant(text []byte) bool {
	const pattern = "0000-00-00T00:00:00"
	if len(text) <= len(pattern) || text[len(text)-1] != 'Z' {
		return false
	}
	for i, c := range text[:len(text)-1] {
		digit := '0' <= c && c <= '9'
		switch {
		case i < len(pattern) && pattern[i] != '0' && c != pattern[i]:
			return false
		case i < len(pattern) && pattern[i] == '0' && !digit:
			return false
		case i == len(pattern) && c != '.', i > len(pattern) && !digit:
			return false
		}
	}
	return true
}

// write writes a line. At is its time as VictoriaLogs has it.
func (c *converter) write(line, at []byte) error {
	c.sum.Lines++
	c.count(at)
	if _, err := c.w.Write(line); err != nil {
		return err
	}
	return c.w.WriteByte('\n')
}

// count notes the time of a row. All times end in Z, and have as many digits as they need: without the Z they are in order
// as text.
func (c *converter) count(at []byte) {
	at, ok := bytes.CutSuffix(at, []byte{'Z'})
	if !ok {
		return
	}
	if len(c.first) == 0 || bytes.Compare(at, c.first) < 0 {
		c.first = append(c.first[:0], at...)
	}
	if bytes.Compare(at, c.last) > 0 {
		c.last = append(c.last[:0], at...)
	}
}

// instantOf returns the time of a text; the zero time if it is none.
func instantOf(at []byte) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, string(bytes.TrimSuffix(at, []byte{'Z'}))+"Z")
	return t
}

func appendText(b, key, value []byte) []byte {
	b = append(append(append(b, '"'), key...), `":"`...)
	return append(append(b, value...), `",`...)
}

// builtins are the members of which a line has at least one.
var builtins = strings.Fields(strings.Join([]string{schema.Common[schema.Time], schema.Common[schema.Message], schema.Common[schema.Level]}, " "))

// whole returns the line in a message, if the message is one: a JSON object with a time, a level or a message.
func (c *converter) whole(message []byte) ([]byte, bool) {
	if len(message) < 2 || message[0] != '{' || !c.unquote(message) {
		return nil, false
	}
	if !json.Valid(c.text) {
		if bytes.HasPrefix(c.text, []byte(`{"time":"`)) { // as slog begins a line
			c.sum.CutOff++
		}
		return nil, false
	}
	c.oneLine()
	for _, key := range builtins {
		if bytes.Contains(c.text, fmt.Appendf(nil, "%q:", key)) {
			return c.text, true
		}
	}
	return nil, false
}

// typed reports whether a value is the text of a number, of true or false, or of a list, and returns that as JSON.
func (c *converter) typed(value []byte) ([]byte, bool) {
	switch b := value[0]; {
	case string(value) == "true", string(value) == "false":
		return value, true
	case b == '-' || '0' <= b && b <= '9':
		return value, isNumber(value)
	case b == '[':
		if !c.unquote(value) || !json.Valid(c.text) {
			return nil, false
		}
		c.oneLine()
		return c.text, true
	}
	return nil, false
}

// oneLine puts valid JSON in c.text on one line.
func (c *converter) oneLine() {
	if bytes.IndexByte(c.text, '\n') < 0 {
		return
	}
	var b bytes.Buffer
	json.Compact(&b, c.text)
	c.text = append(c.text[:0], b.Bytes()...)
}

// isNumber reports whether b is a number of JSON.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && '0' <= b[n] && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && '0' <= b[1] && b[1] <= '9' || !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// unquote leaves the text of a JSON string in c.text.
func (c *converter) unquote(value []byte) bool {
	if bytes.IndexByte(value, '\\') < 0 {
		c.text = append(c.text[:0], value...)
		return true
	}
	quoted := slices.Concat([]byte{'"'}, value, []byte{'"'})
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return false
	}
	c.text = append(c.text[:0], s...)
	return true
}

// cut sets members to those of a row, whose values are strings. It returns false if the row is something else.
func (c *converter) cut(row []byte) bool {
	c.members = c.members[:0]
	if len(row) < 2 || row[0] != '{' || row[len(row)-1] != '}' {
		return false
	}
	b := row[1:]
	if len(b) == 1 {
		return true
	}
	for i := 0; ; i++ {
		var m member
		if i < len(c.known) && len(c.known[i].text) > 0 && bytes.HasPrefix(b, c.known[i].text) {
			n := len(c.known[i].text)
			m.key, m.kind, b = b[1:n-len(`":"`)], c.known[i].kind, b[n-1:]
		} else {
			key, rest, ok := cutString(b)
			if !ok || len(rest) == 0 || rest[0] != ':' {
				return false
			}
			m.key, m.kind, b = key, c.learn(i, key), rest[1:]
		}
		var ok bool
		if m.value, b, ok = cutString(b); !ok || len(b) == 0 {
			return false
		}
		if len(m.value) > 0 {
			c.members = append(c.members, m)
		}
		switch {
		case b[0] == ',':
			b = b[1:]
		case b[0] == '}' && len(b) == 1:
			return true
		default:
			return false
		}
	}
}

// cutString returns the string at the beginning of b, without its quotes, and what is behind it.
func cutString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	b = b[1:]
	if i := bytes.IndexByte(b, '"'); i == 0 || i > 0 && b[i-1] != '\\' {
		return b[:i], b[i+1:], true
	}
	for i := 0; ; i++ {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return nil, nil, false
		}
		i += j
		n := 0
		for n < i && b[i-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return b[:i], b[i+1:], true
		}
	}
}

package victorialogs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A converter writes the rows of an answer as lines of the record schema. VictoriaLogs has all values as strings, without
// those that are empty, and objects as members with dots in their names.
type converter struct {
	w     io.Writer
	out   []byte         // lines that are not yet in w
	batch *backend.Batch // of lines that are kept as text, if those of certain traces are wanted
	sum   backend.Sum

	untimed bool // rows have a start or a time

	began string // if it is not empty, rows are groups of ends, of spans that began then if a row does not tell when

	members     []member
	ofKind      [kinds]int    // of each kind, the number of the last member, plus one
	known       [][]knownName // of the members of rows before, by their number: most rows have the same ones
	first, last []byte        // the times of rows, as text
	text        []byte        // of a string without its escapes
}

// A member is one of a row: its name begins at from, its value at value, both with their quotes, and it ends before to.
type member struct {
	from, value, to int
	kind            kind
}

// text returns the value as it is in the row, without its quotes.
func (m *member) text(row []byte) []byte { return row[m.value+1 : m.to-1] }

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
	durationMS
	isCopies // of a group
	isWhen   // likewise
	kinds    // how many there are
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
	case "duration_ms":
		return durationMS
	case backend.CopiesKey:
		return isCopies
	case whenKey:
		return isWhen
	}
	if backend.IsText(key) {
		return isText
	}
	return mayBeTyped
}

// recall returns the name with which the rest of a row begins, its member number i, or nil if it is not known.
func (c *converter) recall(i int, rest []byte) *knownName {
	if i >= len(c.known) {
		return nil
	}
	for j := range c.known[i] {
		if k := &c.known[i][j]; bytes.HasPrefix(rest, k.text) {
			return k
		}
	}
	return nil
}

// learn returns kindOf the name of a row's member number i, in its quotes, and remembers it for the next rows.
func (c *converter) learn(i int, name []byte) kind {
	k := kindOf(string(name[1 : len(name)-1]))
	if i >= maxKnown {
		return k
	}
	for len(c.known) <= i {
		c.known = append(c.known, nil)
	}
	if len(c.known[i]) == maxNames {
		c.known[i] = c.known[i][:0]
	}
	c.known[i] = append(c.known[i], knownName{append(bytes.Clone(name), `:"`...), k})
	return k
}

const (
	// maxKnown limits the members whose names are kept.
	maxKnown = 100
	// maxNames limits the names that are kept of the members with one number: a log has a few kinds of lines.
	maxNames = 4
)

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
	return c.flush()
}

var endMessage = []byte("span end")

// withoutMessage begins what VictoriaLogs has as the message of a line that has none.
const withoutMessage = "missing _msg field"

// row writes one row.
func (c *converter) row(line []byte) error {
	if !c.cut(line) {
		return endedError(line)
	}
	at, message := c.textOf(line, storeTime), c.textOf(line, storeMessage)
	if whole, ok := c.whole(message); ok {
		if c.batch != nil {
			return c.batch.Add(whole, instantOf(at))
		}
		return c.write(whole, at)
	}
	hasTime := c.ofKind[isTime] > 0
	if c.untimed && !hasTime && !(isInstant(c.textOf(line, isStart)) && isDuration(c.textOf(line, durationMS))) {
		return errUntimed
	}
	b := append(c.out, '{')
	if c.began != "" {
		var err error
		if b, err = c.group(b, line); err != nil {
			return err
		}
		message = endMessage
	}
	if !hasTime && len(at) > 0 {
		b = append(append(append(b, `"time":"`...), at...), `",`...)
	}
	if bytes.HasPrefix(message, []byte(withoutMessage)) {
		message = nil
	}
	if c.ofKind[isMessage] == 0 && len(message) > 0 {
		b = append(append(append(b, `"msg":"`...), message...), `",`...)
	}
	from, to := 0, -1 // of members that stay as they are, and are not yet in b
	copied := func() {
		if from < to {
			b = append(append(b, line[from:to]...), ',')
		}
	}
	for i := range c.members {
		m := &c.members[i]
		switch m.kind {
		case storeTime, storeMessage, storeStream, isCopies, isWhen:
			continue
		case mayBeTyped, durationMS:
			if value, ok := c.typed(m.text(line)); ok {
				copied()
				from, to = 0, -1
				c.sum.Retyped++
				b = append(append(append(b, line[m.from:m.value]...), value...), ',')
				continue
			}
		}
		if m.from != to+1 {
			copied()
			from = m.from
		}
		to = m.to
	}
	copied()
	if c.ofKind[isError] == 0 && bytes.Equal(message, endMessage) && string(c.textOf(line, isLevel)) == "ERROR" { // its error was empty
		b = append(b, `"error":"",`...)
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	c.out = append(b, '}')
	if bytes.Equal(message, endMessage) {
		c.sum.Ends++
	}
	return c.wrote(at)
}

// textOf returns the text of the row's last member of a kind, or nil.
func (c *converter) textOf(row []byte, k kind) []byte {
	if n := c.ofKind[k]; n > 0 {
		return c.members[n-1].text(row)
	}
	return nil
}

// errUntimed means that a line came without its time although its start is no time, or its duration is none.
var errUntimed = errors.New("a start that is no time, or a duration that is no number of milliseconds")

// isInstant reports whether text is a time as a span's start usually is.
func isInstant(text []byte) bool {
	const pattern = "0000-00-00T00:00:00"
	if len(text) <= len(pattern) || text[len(text)-1] != 'Z' {
		return false
	}
	for i, c := range text[:len(pattern)] {
		if pattern[i] == '0' && c-'0' > 9 || pattern[i] != '0' && c != pattern[i] {
			return false
		}
	}
	for i, c := range text[len(pattern) : len(text)-1] {
		if i == 0 && c != '.' || i > 0 && c-'0' > 9 {
			return false
		}
	}
	return true
}

// write writes a line. At is its time as VictoriaLogs has it.
func (c *converter) write(line, at []byte) error {
	c.out = append(c.out, line...)
	return c.wrote(at)
}

// wrote ends a line in c.out.
func (c *converter) wrote(at []byte) error {
	c.sum.Lines++
	c.count(at)
	c.out = append(c.out, '\n')
	if len(c.out) < maxOut {
		return nil
	}
	return c.flush()
}

// maxOut is about how many bytes are written at once.
const maxOut = 256 << 10

func (c *converter) flush() error {
	_, err := c.w.Write(c.out)
	c.out = c.out[:0]
	return err
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

// cut sets members to those of a row, whose values are strings. It returns false if the row is something else.
func (c *converter) cut(row []byte) bool {
	c.members, c.ofKind = c.members[:0], [kinds]int{}
	last := len(row) - 1
	if last < 1 || row[0] != '{' || row[last] != '}' {
		return false
	}
	if last == 1 {
		return true
	}
	for at, i := 1, 0; ; i++ {
		m := member{from: at}
		if k := c.recall(i, row[at:]); k != nil {
			m.kind, m.value = k.kind, at+len(k.text)-1
		} else {
			end := stringEnd(row, at)
			if end < 0 || row[end] != ':' {
				return false
			}
			m.kind, m.value = c.learn(i, row[at:end]), end+1
		}
		if m.to = stringEnd(row, m.value); m.to < 0 {
			return false
		}
		if m.to-m.value > len(`""`) {
			c.members = append(c.members, m)
			c.ofKind[m.kind] = len(c.members)
		}
		switch at = m.to + 1; {
		case row[m.to] == ',':
		case m.to == last:
			return true
		default:
			return false
		}
	}
}

// stringEnd returns where the string in b ends that begins at an index: behind its last quote, before the end of b. It returns -1
// if there is none.
func stringEnd(b []byte, at int) int {
	if at >= len(b) || b[at] != '"' {
		return -1
	}
	for i := at + 1; ; i++ {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 || i+j+1 == len(b) {
			return -1
		}
		i += j
		n := 0
		for b[i-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return i + 1
		}
	}
}

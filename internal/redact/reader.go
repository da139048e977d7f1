package redact

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file reads the JSON that methods write.

// marshalRaw returns the output of m, valid or not. ok is false if there is none.
func marshalRaw(m json.Marshaler) (raw []byte, ok bool) {
	defer func() {
		if recover() != nil {
			raw, ok = nil, false // encoding/json or slog will report it
		}
	}()
	raw, err := m.MarshalJSON()
	return raw, err == nil
}

// A jsonReader reads JSON that may be invalid, and copies it without white space.
type jsonReader struct {
	src    []byte
	i      int    // the position in src
	done   int    // how far src has been copied
	b      []byte // the copy
	spaced bool   // there is white space between done and i
	wide   bool   // there are bytes in src that are not ASCII
	bad    bool   // src is not valid
}

// maxJSONDepth is how deep encoding/json allows arrays and objects to be nested.
const maxJSONDepth = 10_000

// read starts reading src.
func (c *jsonReader) read(src []byte) {
	c.src, c.i, c.done, c.spaced, c.wide, c.bad = src, 0, 0, false, false, false
}

// flush copies what has been read but not yet copied.
func (c *jsonReader) flush() {
	c.copyTo(c.i)
	c.spaced = false
}

// copyTo copies what has been read but not yet copied, up to an index outside strings.
func (c *jsonReader) copyTo(end int) {
	from := c.done
	for i := from; c.spaced && i < end; {
		switch b := c.src[i]; {
		case b == '"':
			i = jsontext.StringEnd(c.src, i)
		case b <= ' ':
			c.b = append(c.b, c.src[from:i]...)
			for i++; i < end && c.src[i] <= ' '; i++ {
			}
			from = i
		default:
			i++
		}
	}
	c.b = append(c.b, c.src[from:end]...)
	c.done = end
}

// atEnd reports whether everything has been read, and encoding/json would write it unchanged.
func (c *jsonReader) atEnd() bool {
	c.next()
	return c.i == len(c.src) && (!c.wide || utf8.Valid(c.src) && !bytes.Contains(c.src, []byte("\u2028")) && !bytes.Contains(c.src, []byte("\u2029")))
}

// peek returns the next byte, or 0 at the end.
func (c *jsonReader) peek() byte {
	if c.i < len(c.src) {
		return c.src[c.i]
	}
	return 0
}

// next returns the next byte that is not white space, or 0 at the end.
func (c *jsonReader) next() byte {
	if b := c.peek(); b > ' ' { // its most frequent callers do this themselves, since it is not inlined
		return b
	}
	return c.space()
}

// space is next where there may be white space.
func (c *jsonReader) space() byte {
	src, start := c.src, c.i
	i := start
	for i < len(src) && (src[i] == ' ' || src[i] == '\t' || src[i] == '\n' || src[i] == '\r') {
		i++
	}
	c.i = i
	c.spaced = c.spaced || i > start
	if i == len(src) {
		return 0
	}
	return src[i]
}

// open enters an array or object, whose last byte is end, and reports whether it has any elements.
func (c *jsonReader) open(end byte) bool {
	c.i++
	if c.next() == end {
		c.i++
		return false
	}
	return true
}

// more continues after an element, and reports whether there is another one. If not, the position is after end.
func (c *jsonReader) more(end byte) bool {
	b := c.peek()
	if b <= ' ' {
		b = c.space()
	}
	switch b {
	case ',':
		c.i++
		return true
	case end:
		c.i++
	default:
		c.bad = true
	}
	return false
}

// skip reads a value. Like the other methods that read, it reports whether the value is valid.
func (c *jsonReader) skip(depth int) bool {
	if depth > maxJSONDepth {
		return false
	}
	switch c.next() {
	case '{':
		for more := c.open('}'); more; more = c.more('}') {
			if c.next() != '"' || !c.text() || !c.colon() || !c.skip(depth+1) {
				return false
			}
		}
		return !c.bad
	case '[':
		for more := c.open(']'); more; more = c.more(']') {
			if !c.skip(depth + 1) {
				return false
			}
		}
		return !c.bad
	case '"':
		return c.text()
	}
	return c.word()
}

func (c *jsonReader) colon() bool {
	if c.peek() != ':' && c.next() != ':' {
		return false
	}
	c.i++
	return true
}

// word reads a number, true, false or null. There must be no white space before it.
func (c *jsonReader) word() bool {
	switch c.peek() {
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	}
	return c.number()
}

func (c *jsonReader) literal(word string) bool {
	if !bytes.HasPrefix(c.src[c.i:], []byte(word)) {
		return false
	}
	c.i += len(word)
	return true
}

// text reads a string.
func (c *jsonReader) text() bool {
	src := c.src
	for i := c.i + 1; i < len(src); {
		if i+8 <= len(src) {
			odd := jsontext.Unsafe8(binary.LittleEndian.Uint64(src[i:]))
			if odd == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(odd) / 8
		}
		switch b := src[i]; {
		case b == '"':
			c.i = i + 1
			return true
		case b == '\\':
			n := escapeLen(src[i:])
			if n == 0 {
				return false
			}
			i += n
		case b < ' ':
			return false
		default:
			c.wide = c.wide || b >= utf8.RuneSelf
			i++
		}
	}
	return false
}

// escapeLen returns the length of the escape at the start of b, or 0 if it is not valid.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && isHexDigit(b[2]) && isHexDigit(b[3]) && isHexDigit(b[4]) && isHexDigit(b[5]) {
			return 6
		}
	}
	return 0
}

// number reads a number (RFC 8259, 6).
func (c *jsonReader) number() bool {
	if c.at('-') {
		c.i++
	}
	if c.at('0') {
		c.i++
	} else if !c.digits() {
		return false
	}
	if c.at('.') {
		c.i++
		if !c.digits() {
			return false
		}
	}
	if c.at('e') || c.at('E') {
		c.i++
		if c.at('+') || c.at('-') {
			c.i++
		}
		return c.digits()
	}
	return true
}

func (c *jsonReader) at(b byte) bool { return c.peek() == b }

// digits reads one or more digits.
func (c *jsonReader) digits() bool {
	i := c.i
	for i < len(c.src) && isDigit(c.src[i]) {
		i++
	}
	some := i > c.i
	c.i = i
	return some
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

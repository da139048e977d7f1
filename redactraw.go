package slogtrace

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"
)

// This file looks for secrets in the JSON that methods write.

// marshalRaw returns what m writes, valid or not. ok is false if it writes nothing.
func marshalRaw(m json.Marshaler) (raw []byte, ok bool) {
	defer func() {
		if recover() != nil {
			raw, ok = nil, false // encoding/json or slog will say so
		}
	}()
	raw, err := m.MarshalJSON()
	return raw, err == nil
}

// mayBeIn reports whether there may be something to replace in data, which need not be valid JSON:
// a key that says so, or a pair, or very many levels. It takes far less time than to write data anew.
func (x *redactor) mayBeIn(data []byte) bool {
	opened, values := 0, false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			opened++
		case '"':
			end := stringEnd(data, i)
			if end > len(data) {
				return false // nothing that could be written
			}
			quoted := data[i:end]
			i = end - 1
			for end < len(data) && (data[end] == ' ' || data[end] == '\t' || data[end] == '\n' || data[end] == '\r') {
				end++
			}
			if end == len(data) || data[end] != ':' {
				continue
			}
			if x.keys.ofJSON(quoted) != shown {
				return true
			}
			values = values || isPairValue(string(quoted[1:len(quoted)-1]))
		}
	}
	return values || opened > maxRedactDepth && nesting(data) > maxRedactDepth
}

// nesting returns how deep the arrays and objects in data are nested.
func nesting(data []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case '"':
			i = stringEnd(data, i) - 1
		}
	}
	return deepest
}

// stringEnd returns where the string that begins at i ends, and more than len(data) if it does not.
func stringEnd(data []byte, i int) int {
	const lo, hi = 0x0101010101010101, 0x8080808080808080
	for i++; i < len(data); {
		if i+8 <= len(data) {
			x := binary.LittleEndian.Uint64(data[i:])
			quote, escape := x^lo*'"', x^lo*'\\'
			ends := ((quote-lo)&^quote | (escape-lo)&^escape) & hi // the lowest bit is in the first of them
			if ends == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(ends) / 8
		}
		switch data[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
	return len(data) + 1
}

// compactJSON returns src without white space, which is what encoding/json makes of the JSON that a method writes,
// in a fraction of the time. It is src itself if there is no white space in it. ok is false if src is not valid,
// or unusual enough that encoding/json has to be asked.
func compactJSON(src []byte) (data []byte, ok bool) {
	c := compacter{src: src}
	if !c.value(0) {
		return nil, false
	}
	c.next()
	switch {
	case c.i < len(src):
		return nil, false
	case c.wide && (!utf8.Valid(src) || bytes.Contains(src, []byte("\u2028")) || bytes.Contains(src, []byte("\u2029"))):
		return nil, false
	case c.b == nil && c.done == 0:
		return src, true
	}
	return append(c.b, src[c.done:]...), true
}

// A compacter reads JSON that need not be valid, and copies it without white space.
type compacter struct {
	src  []byte
	i    int    // where it is in src
	done int    // how far src has been copied
	b    []byte // the copy, if there was white space
	wide bool   // there are bytes that are not ASCII
}

// next returns the next byte that is not white space, 0 at the end.
func (c *compacter) next() byte {
	if c.i < len(c.src) && c.src[c.i] > ' ' {
		return c.src[c.i]
	}
	return c.space()
}

// space is next where there may be white space.
func (c *compacter) space() byte {
	start := c.i
	for c.i < len(c.src) && (c.src[c.i] == ' ' || c.src[c.i] == '\t' || c.src[c.i] == '\n' || c.src[c.i] == '\r') {
		c.i++
	}
	if c.i > start {
		if c.b == nil {
			c.b = make([]byte, 0, len(c.src))
		}
		c.b = append(c.b, c.src[c.done:start]...)
		c.done = c.i
	}
	if c.i == len(c.src) {
		return 0
	}
	return c.src[c.i]
}

// value reads a value, and reports whether it is valid and not nested too deep.
func (c *compacter) value(depth int) bool {
	if depth > maxRedactDepth+1 {
		return false
	}
	switch c.next() {
	case '{':
		return c.elements('}', true, depth)
	case '[':
		return c.elements(']', false, depth)
	case '"':
		return c.text()
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	}
	return c.number()
}

// elements reads an object, whose elements have keys, or an array, from its first byte to its last one, end.
func (c *compacter) elements(end byte, keys bool, depth int) bool {
	c.i++
	if c.next() == end {
		c.i++
		return true
	}
	for {
		if keys {
			if c.next() != '"' || !c.text() || c.next() != ':' {
				return false
			}
			c.i++
		}
		if !c.value(depth + 1) {
			return false
		}
		switch c.next() {
		case ',':
			c.i++
		case end:
			c.i++
			return true
		default:
			return false
		}
	}
}

func (c *compacter) literal(word string) bool {
	if !bytes.HasPrefix(c.src[c.i:], []byte(word)) {
		return false
	}
	c.i += len(word)
	return true
}

// text reads a string.
func (c *compacter) text() bool {
	src := c.src
	for i := c.i + 1; i < len(src); {
		if i+8 <= len(src) {
			odd := unsafe8(binary.LittleEndian.Uint64(src[i:]))
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

// escapeLen returns the length of the escape that b begins with, 0 if it is not valid.
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
func (c *compacter) number() bool {
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

func (c *compacter) at(b byte) bool { return c.i < len(c.src) && c.src[c.i] == b }

// digits reads one digit or more.
func (c *compacter) digits() bool {
	start := c.i
	for c.i < len(c.src) && isDigit(c.src[c.i]) {
		c.i++
	}
	return c.i > start
}

package tracelog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// appendCompact appends JSON without its newlines, and without the blanks around them.
func appendCompact(out, text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 {
		from, to := withoutBlanks(text)
		return append(out, text[from:to]...)
	}
	c := compacter{out: out}
	c.add(text, -1)
	return c.out
}

// A compacter makes one line of several.
type compacter struct {
	out   []byte
	lines int // how many newlines were left out
	// glued is set if a newline was left out that did not follow a comma or an opening bracket, and that no closing bracket follows:
	// the end of a line and the beginning of the next one may have become one word.
	glued bool
}

// add appends the lines of text, up to the first of them that has no more blanks before it than indent. It returns where that line's
// bracket ends, or -1 if there is no such line, or if it is not the end of an object.
func (c *compacter) add(text []byte, indent int) (end int) {
	out := slices.Grow(c.out, len(text)+wordSize)
	j := len(out)
	out = out[:cap(out)]
	before := byte(',')
	for i := 0; i < len(text); {
		line := i
		for i = endOfBlanks(text, i); i < len(text) && isSpace(text[i]); i++ {
			if text[i] == '\n' {
				c.lines++
				line = i + 1
			}
		}
		if i == len(text) {
			break
		}
		first := text[i]
		if i-line <= indent {
			if c.out = append(out[:j], first); first != '}' {
				return -1
			}
			return i + 1
		}
		if !breaks[before] && first != '}' && first != ']' {
			c.glued = true
		}
		start := j
		for {
			if i+wordSize > len(text) {
				for i < len(text) && text[i] != '\n' {
					out[j] = text[i]
					i, j = i+1, j+1
				}
				break
			}
			x := load8(text, i)
			binary.LittleEndian.PutUint64(out[j:j+wordSize:j+wordSize], x)
			if m := ^differ(x, '\n') & highs; m != 0 {
				n := bits.TrailingZeros64(m) >> 3
				i, j = i+n, j+n
				break
			}
			i, j = i+wordSize, j+wordSize
		}
		for j > start && out[j-1] <= ' ' && isSpace(out[j-1]) {
			j--
		}
		before = out[j-1]
		if i < len(text) {
			i++
			c.lines++
		}
	}
	c.out = out[:j]
	return -1
}

// breaks is true for the bytes behind which a line of printed JSON ends, except for closing brackets and values.
var breaks = [256]bool{',': true, '{': true, '[': true}

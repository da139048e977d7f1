package tracelog

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// scanString returns the end of the string that begins at i, after its quote, or -1 if it is not valid.
//
// It is plain if it is ASCII without escapes, and so its own text.
func (m marks) scanString(b []byte, i int) (end int, plain bool) {
	i = m.next(i)
	if b[i] == '"' {
		return i, true
	}
	return m.scanRest(b, i)
}

// scanRest is scanString for a string that is not plain. i is the first mark.
func (m marks) scanRest(b []byte, i int) (end int, plain bool) {
	for {
		near, size := (*[padding]byte)(b[i:i+padding:i+padding]), markSize-i&7
		for w := m.from(i); w != 0; w &= w - 1 {
			at := bits.TrailingZeros64(w) & 63
			if isQuickEscape(near, at) {
				w &= w - 1 // the second byte, if its mark is in w
				size = max(size, at+2)
				continue
			}
			if near[at] == '"' {
				return i + at, false
			}
			if size = skipOdd(b[i:], at); size < 0 {
				return -1, false
			}
			break
		}
		i += size
	}
}

// appendText appends the text of the string that begins at i. It returns where the string ends, or -1 if it is not valid.
func (m marks) appendText(out, b []byte, i int) (text []byte, end int) {
	j := len(out)
	out = out[:cap(out)]
	for {
		if len(out)-j < padding {
			out = slices.Grow(out[:j], padding)
			out = out[:cap(out)]
		}
		from, to, isOdd := copyEscapes((*[padding]byte)(out[j:]), (*[padding]byte)(b[i:i+padding:i+padding]), m.from(i), markSize-i&7)
		if i, j = i+from, j+to; !isOdd {
			continue
		}
		if b[i] == '"' {
			return out[:j], i
		}
		if skipOdd(b, i) < 0 {
			return out[:j], -1
		}
		out, i = appendOdd(out[:j], b, i)
		j, out = len(out), out[:cap(out)]
	}
}

// copyEscapes copies the first size bytes of a string, whose marks are w, without the backslashes of quick escapes. It stops before
// anything else that has a mark. From is how many bytes it has read, perhaps one more than size, and to how many it has written.
//
// It does not call anything, and its few variables fit into registers: that makes it twice as fast.
func copyEscapes(out, b *[padding]byte, w uint64, size int) (from, to int, isOdd bool) {
	for {
		at := size
		if w != 0 {
			at = bits.TrailingZeros64(w)
		}
		for k := 0; ; k += 2 * wordSize { // it may copy some bytes more
			i, j := (from+k)&(2*markSize-1), (to+k)&(2*markSize-1) // which are less anyway
			src, dst := (*[2 * wordSize]byte)(b[i:i+2*wordSize]), (*[2 * wordSize]byte)(out[j:j+2*wordSize])
			binary.LittleEndian.PutUint64(dst[:], binary.LittleEndian.Uint64(src[:]))
			binary.LittleEndian.PutUint64(dst[wordSize:], binary.LittleEndian.Uint64(src[wordSize:]))
			if from+k+2*wordSize >= at {
				break
			}
		}
		to += at - from
		if w == 0 || !isQuickEscape(b, at&63) {
			return at, to, w != 0
		}
		from = at + 1 // the second byte is text
		size = max(size, at+2)
		w &= w - 1
		w &= w - 1 // the second byte, if its mark is in w
	}
}

// isQuickEscape reports whether there is an escape at i whose text is its second byte: one of those of JSON in a string. Both bytes
// have marks.
func isQuickEscape(b *[padding]byte, i int) bool {
	x := binary.LittleEndian.Uint16(b[i : i+2])
	return x == '\\'|'"'<<8 || x == '\\'|'\\'<<8
}

// skipOdd returns the end of what is at i in a string: another escape, or text that is not ASCII. It is -1 if it is not valid.
func skipOdd(b []byte, i int) int {
	switch c := b[i]; {
	case c >= utf8.RuneSelf:
		for i++; b[i] >= utf8.RuneSelf; i++ {
		}
		return i
	case c != '\\':
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if hex4(b[i+2:]) >= 0 {
			return i + 6
		}
	}
	return -1
}

// scanNumber returns the end of the number that begins at i, or -1 if it is not valid.
func scanNumber(b []byte, i int) int {
	// Most have a few digits and perhaps a point.
	x := load8(b, i)
	digits := (x&^highs + ones*(0x80-'0')) &^ (x&^highs + ones*(0x7f-'9')) &^ x & highs
	m := ^digits & highs
	n := bits.TrailingZeros64(m) >> 3
	if m != 0 && n > 0 && (b[i] != '0' || n == 1) {
		switch b[i+n] {
		case ',', '}':
			return i + n
		case '.':
			m &= m - 1
			if to := bits.TrailingZeros64(m) >> 3; m != 0 && to > n+1 && (b[i+to] == ',' || b[i+to] == '}') {
				return i + to
			}
		}
	}
	if b[i] == '-' {
		i++
	}
	if b[i] == '0' {
		i++
	} else {
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	if b[i] == '.' {
		i++
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	if b[i] == 'e' || b[i] == 'E' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	return i
}

// skipSpace stops at a newline, which a line does not contain.
func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipMark skips one byte and the spaces around it, and returns the index after them, or -1 if the byte is not there.
func skipMark(b []byte, i int, mark byte) int {
	if i = skipSpace(b, i); b[i] != mark {
		return -1
	}
	return skipSpace(b, i+1)
}

// scanValue returns the end of the value that begins at i and is not a string, or -1 if it is not valid, or nested
// deep. It keeps its own stack of the open brackets: a bit each, 1 for an object.
func (m marks) scanValue(b []byte, i int) int {
	const maxOpen = 60
	var objects uint64
	open := 0
	for {
		// A value begins here.
		switch c := b[i]; {
		case c == '"':
			if i, _ = m.scanString(b, i+1); i < 0 {
				return -1
			}
			i++
		case c == '-' || isDigit(c):
			if i = scanNumber(b, i); i < 0 {
				return -1
			}
		case c == 't' && string(b[i:i+4]) == "true", c == 'n' && string(b[i:i+4]) == "null":
			i += 4
		case c == 'f' && string(b[i:i+5]) == "false":
			i += 5
		case c == '{' || c == '[':
			if open == maxOpen {
				return -1
			}
			if i = skipSpace(b, i+1); b[i] == c+2 { // in ASCII, '}' and ']' are two after their opening brackets
				i++
				break
			}
			open++
			objects <<= 1
			if c == '{' {
				objects |= 1
				if i = m.scanKey(b, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			return -1
		}
		// A value has ended here: close everything that ends with it, up to the next value.
		for {
			if open == 0 {
				return i
			}
			i = skipSpace(b, i)
			if b[i] == ',' {
				i = skipSpace(b, i+1)
				if objects&1 != 0 {
					if i = m.scanKey(b, i); i < 0 {
						return -1
					}
				}
				break
			}
			if objects&1 != 0 && b[i] != '}' || objects&1 == 0 && b[i] != ']' {
				return -1
			}
			i++
			objects >>= 1
			open--
		}
	}
}

// scanKey returns where the value of the key that begins at i begins.
func (m marks) scanKey(b []byte, i int) int {
	if b[i] != '"' {
		return -1
	}
	if i, _ = m.scanString(b, i+1); i < 0 {
		return -1
	}
	if i = skipSpace(b, i+1); b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

package tracelog

import (
	"encoding/binary"
	"math/bits"
)

// A fastLine finds the known members of a JSON line and makes nothing of them. It takes the lines that it is sure of,
// whatever the order of their keys, and leaves all others to lineParser: those that are no valid object, above all.
// Where it takes a line, it says what lineParser would have said.
//
// Strings are looked at eight bytes at a time.
type fastLine struct {
	line    uint32 // the number of the line, so that members need not be cleared
	members [maxSlots]spot
	mask    uint64 // as in lineParser
	key     []byte // one that was escaped
	clock   *clock
	isText  bool // so that all values are strings
}

// A spot is where a value stands in the buffer: of a string, what is between its quotes.
type spot struct {
	line     uint32 // in which it stands
	from, to int32
	kind     byte // the value's first byte
	plain    bool // of a string: it is ASCII without escapes, and so its own text
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// padding is how many bytes a fastLine may look at behind the last newline.
const padding = 16

// stops marks, with its highest bit, the first byte of eight that a JSON string cannot simply contain: quote,
// backslash, control character. Bits above the lowest one that is set mean nothing.
func stops(x uint64) uint64 {
	quote, slash := x^ones*'"', x^ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & highs
}

// scanString returns where the string ends that begins, behind its quote, at i; -1 if that is no valid string.
//
// It is plain if it is ASCII without escapes, and so its own text.
func scanString(b []byte, i int) (end int, plain bool) {
	other := uint64(0)
	for {
		x := binary.LittleEndian.Uint64(b[i:])
		m := stops(x)
		if m == 0 {
			other |= x
			i += 8
			continue
		}
		other |= x & ((m ^ (m - 1)) >> 8)
		i += bits.TrailingZeros64(m) >> 3
		switch b[i] {
		case '"':
			return i, other&highs == 0
		case '\\':
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if hex(b[i+2]) < 0 || hex(b[i+3]) < 0 || hex(b[i+4]) < 0 || hex(b[i+5]) < 0 {
					return -1, false
				}
				i += 6
			default:
				return -1, false
			}
			other = highs
		default:
			return -1, false
		}
	}
}

// scanNumber returns where the number ends that begins at i; -1 if it is not valid.
func scanNumber(b []byte, i int) int {
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

// skipSpace stops at a newline, which is none within a line.
func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// parse reads the line that begins at i and ends with a newline; behind that, b has padding.
// It returns where the newline is, or -1 if it leaves the line to others.
func (f *fastLine) parse(b []byte, i int) int {
	f.begin()
	if b[i] != '{' {
		return -1
	}
	i++
	for {
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if b[i] != '"' {
			return -1 // an empty object, among others
		}
		i++
		// The key. Most have no more than eight bytes.
		start := i
		word := binary.LittleEndian.Uint64(b[i:])
		known := slot(0)
		if m := stops(word); m != 0 && b[i+bits.TrailingZeros64(m)>>3] == '"' && word&((m^(m-1))>>8)&highs == 0 {
			i += bits.TrailingZeros64(m) >> 3
			known = keySlot(b[start:i])
		} else {
			var ascii bool
			if i, ascii = scanString(b, i); i < 0 {
				return -1
			}
			key := b[start:i]
			if !ascii {
				f.key = appendPlain(f.key[:0], key)
				key = f.key
			}
			known = keySlot(key)
		}
		i++
		if b[i] != ':' {
			if i = skipSpace(b, i); b[i] != ':' {
				return -1
			}
		}
		i++
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		// The value.
		p := spot{line: f.line, from: int32(i), kind: b[i]}
		switch c := b[i]; {
		case c == '"':
			p.from++
			if i, p.plain = scanString(b, i+1); i < 0 {
				return -1
			}
			p.to = int32(i)
			i++
		case c == '-' || isDigit(c):
			if i = scanNumber(b, i); i < 0 {
				return -1
			}
			p.to = int32(i)
		default:
			if i = scanValue(b, i); i < 0 {
				return -1
			}
			p.to = int32(i)
		}
		if known != 0 {
			if p.kind == '{' && nests[known] {
				return -1 // there may be fields in it
			}
			if m := &f.members[known]; m.line != f.line {
				*m = p
				switch {
				case p.kind == '"':
					f.mask |= known.bit()
				case numberIDs[known]:
					return -1
				}
			}
		}
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if b[i] == ',' {
			i++
			continue
		}
		if b[i] != '}' {
			return -1
		}
		if i = skipSpace(b, i+1); b[i] != '\n' {
			return -1
		}
		return i
	}
}

// begin forgets the line before.
func (f *fastLine) begin() {
	if f.line++; f.line == 0 { // after four billion lines
		*f = fastLine{key: f.key, clock: f.clock, line: 1}
	}
	f.mask, f.isText = 0, false
}

// scanValue returns where the value ends that begins at i and is no string; -1 if it is not valid, or nested deep.
// It keeps its own stack, of the brackets still open: a bit each, 1 of an object.
func scanValue(b []byte, i int) int {
	const maxOpen = 60
	var objects uint64
	open := 0
	for {
		// Here a value begins.
		switch c := b[i]; {
		case c == '"':
			if i, _ = scanString(b, i+1); i < 0 {
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
			if i = skipSpace(b, i+1); b[i] == c+2 { // '}' and ']' are two behind their opening ones in ASCII
				i++
				break
			}
			open++
			objects <<= 1
			if c == '{' {
				objects |= 1
				if i = scanKey(b, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			return -1
		}
		// Here a value has ended: close what ends with it, up to the next value.
		for {
			if open == 0 {
				return i
			}
			i = skipSpace(b, i)
			if b[i] == ',' {
				i = skipSpace(b, i+1)
				if objects&1 != 0 {
					if i = scanKey(b, i); i < 0 {
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

// scanKey returns where the value begins whose key begins at i.
func scanKey(b []byte, i int) int {
	if b[i] != '"' {
		return -1
	}
	if i, _ = scanString(b, i+1); i < 0 {
		return -1
	}
	if i = skipSpace(b, i+1); b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

package tracelog

import "math/bits"

// scanString returns where the string ends that begins, behind its quote, at i; -1 if that is no valid string.
//
// It is plain if it is ASCII without escapes, and so its own text.
func (m marks) scanString(b []byte, i int) (end int, plain bool) {
	i = m.next(i)
	if b[i] == '"' {
		return i, true
	}
	return m.scanRest(b, i)
}

// scanRest is scanString of a string that is not plain. At i is the first mark.
func (m marks) scanRest(b []byte, i int) (end int, plain bool) {
	for {
		switch c := b[i]; {
		case c == '"':
			return i, false
		case c >= 0x80:
			for i++; b[i] >= 0x80; i++ {
			}
		case c != '\\':
			return -1, false
		default:
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if hex4(b[i+2:]) < 0 {
					return -1, false
				}
				i += 6
			default:
				return -1, false
			}
		}
		i = m.next(i)
	}
}

// scanNumber returns where the number ends that begins at i; -1 if it is not valid.
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

// skipSpace stops at a newline, which is none within a line.
func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipMark returns where something begins behind one byte and spaces around it; -1 if they are not there.
func skipMark(b []byte, i int, mark byte) int {
	if i = skipSpace(b, i); b[i] != mark {
		return -1
	}
	return skipSpace(b, i+1)
}

// scanValue returns where the value ends that begins at i and is no string; -1 if it is not valid, or nested deep.
// It keeps its own stack, of the brackets still open: a bit each, 1 of an object.
func (m marks) scanValue(b []byte, i int) int {
	const maxOpen = 60
	var objects uint64
	open := 0
	for {
		// Here a value begins.
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
			if i = skipSpace(b, i+1); b[i] == c+2 { // '}' and ']' are two behind their opening ones in ASCII
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
		// Here a value has ended: close what ends with it, up to the next value.
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

// scanKey returns where the value begins whose key begins at i.
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

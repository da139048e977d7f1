package tracelog

import "bytes"

// cutEscapes returns a line without the codes that colour text, move the cursor or erase on a terminal. Such codes
// are not part of any form of a line: a JSON string has no raw control characters. It does not change line. The codes
// are the control sequences of ECMA-48, 5.4, and those that tput writes besides them.
func cutEscapes(line []byte) []byte {
	i := bytes.IndexByte(line, '\x1b')
	if i < 0 {
		return line
	}
	out := append(make([]byte, 0, len(line)), line[:i]...)
	for i < len(line) {
		if n := escapeLength(line[i:]); n > 0 {
			i += n
			continue
		}
		next := bytes.IndexByte(line[i+1:], '\x1b')
		if next < 0 {
			next = len(line) - i - 1
		}
		out = append(out, line[i:i+1+next]...)
		i += 1 + next
	}
	return out
}

// escapeLength returns the length of the code at the start of b, or 0 if there is none.
func escapeLength(b []byte) int {
	if len(b) < 3 || b[0] != '\x1b' {
		return 0
	}
	switch b[1] {
	case '[': // parameters, intermediate bytes and a final one
		i := 2
		for i < len(b) && i < 64 && '0' <= b[i] && b[i] <= '?' {
			i++
		}
		for i < len(b) && i < 64 && ' ' <= b[i] && b[i] <= '/' {
			i++
		}
		if i < len(b) && '@' <= b[i] && b[i] <= '~' {
			return i + 1
		}
	case '(': // a set of characters, with which tput's sgr0 ends
		return 3
	}
	return 0
}

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

// unescaped returns a line with the codes that rsyslog has written as text, #033[36m, or false if it has none. In the text of the
// record they are cut, too.
func unescaped(line []byte) ([]byte, bool) {
	if !bytes.Contains(line, []byte("#033[")) {
		return line, false
	}
	return cutEscapes(bytes.ReplaceAll(line, []byte("#033"), []byte("\x1b"))), true
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
	case ']': // a title or a link, up to BEL or ESC \\
		for i := 2; i < len(b) && i < 2048; i++ {
			switch {
			case b[i] == '\x07':
				return i + 1
			case b[i] == '\x1b' && i+1 < len(b) && b[i+1] == '\\':
				return i + 2
			}
		}
	case '(': // a set of characters, with which tput's sgr0 ends
		return 3
	}
	return 0
}

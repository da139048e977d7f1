package tracelog

import "strconv"

// quotedText returns the quoted text as a JSON string. The text may be escaped as in Go or as in JSON. If it is
// neither, backslashes are taken literally.
func quotedText(q []byte) []byte {
	l := lexer{b: q}
	if l.str() && l.i == len(q) {
		return q
	}
	if s, err := strconv.Unquote(string(q)); err == nil {
		return appendQuoted(nil, []byte(s))
	}
	return appendQuoted(nil, q[1:len(q)-1])
}

// bareText returns a word without quotes as JSON: numbers and booleans as they are, all else as a string.
func bareText(w []byte) []byte {
	if isScalar(w) {
		return w
	}
	return appendQuoted(make([]byte, 0, len(w)+2), w)
}

func isScalar(w []byte) bool {
	if len(w) == 0 {
		return false
	}
	switch c := w[0]; {
	case c == 't' || c == 'f':
		return string(w) == "true" || string(w) == "false"
	case c == '-' || isDigit(c):
		return isNumber(w)
	}
	return false
}

// appendQuoted appends text as a JSON string. Invalid UTF-8 stays as it is, as in a line of JSON.
func appendQuoted(b, text []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

package tracelog

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested, including the line's own object. It is encoding/json's limit, so that
// every attribute here can be unmarshaled there.
const maxDepth = 10000

// A member is one member of a line's object. Both slices point into the line, except a key that had to be unescaped.
type member struct {
	key   []byte // unescaped
	value []byte // as it is on the line
	slot  slot   // which known key it is

	taken  bool  // its value is in a field of the Entry, or is not an attribute
	around bool  // it is of an object around the record
	field  field // then: the field that it is in, plus one, if the record has none itself
	opened bool  // so is the value of a member of this object
	outer  int32 // for a member of a member's object: that member's index plus one
	nth    int32 // and its index among the object's members
}

// reasonObjects is the reason of a line that has several objects, unless each of them is or has a record.
const reasonObjects = "more than one JSON object"

// A syntaxError describes why a line is not one JSON object.
type syntaxError struct {
	reason string
	at     int
	cut    bool // the line ends where something must follow
}

func (e *syntaxError) Error() string {
	switch {
	case e.cut:
		return "the line ends inside its JSON object"
	case e.at < 0:
		return e.reason
	}
	return e.reason + " at byte " + strconv.Itoa(e.at)
}

// A lexer validates JSON. Its methods move i after what they read, or set err and return false.
//
// It also accepts numbers that are not finite, as Python, Ruby and C's printf write them: NaN, -Infinity, inf.
type lexer struct {
	b   []byte
	i   int
	err *syntaxError
	odd bool // there was such a number, which is not JSON
}

// appendMembers appends the members of the one object that line must be, including duplicates. It accepts what
// encoding/json's Valid accepts, if it is an object: invalid UTF-8 within strings is accepted. Numbers that are not
// finite become strings, so that all values are JSON.
func appendMembers(ms []member, line []byte) ([]member, *syntaxError) {
	l := lexer{b: line}
	l.space()
	if l.i == len(l.b) || l.b[l.i] != '{' {
		return ms, &syntaxError{reason: "not a JSON object", at: -1}
	}
	l.i++
	l.space()
	if l.peek('}') {
		l.i++
	} else {
		for {
			start := l.i
			if !l.str() {
				return ms, l.err
			}
			key := plain(l.b[start+1 : l.i-1])
			if l.space(); !l.expect(':') {
				return ms, l.err
			}
			l.space()
			start = l.i
			if !l.value() {
				return ms, l.err
			}
			value := l.b[start:l.i:l.i]
			if l.odd {
				value, l.odd = quoteNonFinite(value), false
			}
			ms = append(ms, member{key: key, value: value, slot: keySlot(key)})
			l.space()
			if l.peek(',') {
				l.i++
				l.space()
				continue
			}
			if !l.expect('}') {
				return ms, l.err
			}
			break
		}
	}
	l.space()
	if l.i != len(l.b) {
		err := &syntaxError{reason: "text behind the JSON object", at: l.i}
		if l.comma(); l.peek('{') {
			err.reason = reasonObjects
		}
		return ms, err
	}
	return ms, nil
}

// comma skips a comma, and what may be around it.
func (l *lexer) comma() {
	if l.space(); l.peek(',') {
		l.i++
		l.space()
	}
}

func (l *lexer) fail(reason string) bool {
	l.err = &syntaxError{reason: reason, at: l.i, cut: l.i >= len(l.b)}
	return false
}

func (l *lexer) peek(c byte) bool { return l.i < len(l.b) && l.b[l.i] == c }

func (l *lexer) expect(c byte) bool {
	if !l.peek(c) {
		return l.fail("invalid JSON")
	}
	l.i++
	return true
}

func (l *lexer) space() {
	for l.i < len(l.b) && isSpace(l.b[l.i]) {
		l.i++
	}
}

// value reads one value of any kind. It keeps its own stack, of the open brackets.
func (l *lexer) value() bool {
	var buf [64]byte
	open := buf[:0]
	for {
		// A value begins here.
		if l.i >= len(l.b) {
			return l.fail("")
		}
		switch c := l.b[l.i]; {
		case c == '{' || c == '[':
			if len(open)+1 >= maxDepth {
				return l.fail("JSON nested too deep")
			}
			l.i++
			l.space()
			if l.peek(c + 2) { // in ASCII, '}' and ']' are two after their opening brackets
				l.i++
				break
			}
			open = append(open, c)
			if c == '{' && !l.key() {
				return false
			}
			continue
		case c == '"':
			if !l.str() {
				return false
			}
		case l.nonFinite():
		case c == '-' || isDigit(c):
			if !l.number() {
				return false
			}
		case c == 't':
			if !l.word("true") {
				return false
			}
		case c == 'f':
			if !l.word("false") {
				return false
			}
		case c == 'n':
			if !l.word("null") {
				return false
			}
		default:
			return l.fail("invalid JSON")
		}
		// A value has ended here: close everything that ends with it, up to the next value.
		for {
			if len(open) == 0 {
				return true
			}
			l.space()
			top := open[len(open)-1]
			if l.peek(',') {
				l.i++
				l.space()
				if top == '{' && !l.key() {
					return false
				}
				break
			}
			if !l.expect(top + 2) {
				return false
			}
			open = open[:len(open)-1]
		}
	}
}

// key reads a key of a nested object, and everything up to its value.
func (l *lexer) key() bool {
	if !l.str() {
		return false
	}
	l.space()
	if !l.expect(':') {
		return false
	}
	l.space()
	return true
}

func (l *lexer) word(w string) bool {
	for j := range len(w) {
		if !l.peek(w[j]) {
			return l.fail("invalid JSON")
		}
		l.i++
	}
	return true
}

// nonFinite reads a number that is not finite, if there is one.
func (l *lexer) nonFinite() bool {
	n := nonFiniteLength(l.b[l.i:])
	l.i += n
	l.odd = l.odd || n > 0
	return n > 0
}

// nonFiniteLength returns the length of the number at the start of b, or 0 if it is finite or not a number.
func nonFiniteLength(b []byte) int {
	sign := 0
	if b[0] == '-' || b[0] == '+' {
		sign = 1
	}
	if len(b) == sign || b[sign]|0x20 != 'n' && b[sign]|0x20 != 'i' {
		return 0 // nearly always
	}
	for _, word := range [...]string{"nan", "infinity", "inf"} {
		if hasFolded(b[sign:], []byte(word)) {
			return sign + len(word)
		}
	}
	return 0
}

// quoteNonFinite returns a value that has been read, with its numbers that are not finite in quotes.
func quoteNonFinite(v []byte) []byte {
	var out []byte
	l := lexer{b: v}
	for start := 0; l.i < len(v); start = l.i {
		if v[l.i] == '"' {
			l.str()
		} else if n := nonFiniteLength(v[l.i:]); n > 0 {
			l.i += n
			out = append(append(append(out, '"'), v[start:l.i]...), '"')
			continue
		} else {
			l.i++
		}
		out = append(out, v[start:l.i]...)
	}
	return out
}

// number reads -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
func (l *lexer) number() bool {
	if l.peek('-') {
		l.i++
	}
	if l.peek('0') {
		l.i++
	} else if !l.digits() {
		return false
	}
	if l.peek('.') {
		l.i++
		if !l.digits() {
			return false
		}
	}
	if l.peek('e') || l.peek('E') {
		l.i++
		if l.peek('+') || l.peek('-') {
			l.i++
		}
		return l.digits()
	}
	return true
}

func (l *lexer) digits() bool {
	start := l.i
	for l.i < len(l.b) && isDigit(l.b[l.i]) {
		l.i++
	}
	if l.i == start {
		return l.fail("invalid number")
	}
	return true
}

func (l *lexer) str() bool {
	if !l.expect('"') {
		return false
	}
	for {
		if l.i = endOfPlain(l.b, l.i); l.i >= len(l.b) {
			return l.fail("")
		}
		switch c := l.b[l.i]; {
		case c == '"':
			l.i++
			return true
		case c < ' ':
			return l.fail("raw control character in a string")
		case c == '\\':
			l.i++
			if l.i >= len(l.b) {
				return l.fail("")
			}
			switch l.b[l.i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				l.i++
			case 'u':
				l.i++
				for range 4 {
					if l.i >= len(l.b) || hex(l.b[l.i]) < 0 {
						return l.fail("invalid escape")
					}
					l.i++
				}
			default:
				return l.fail("invalid escape")
			}
		}
	}
}

// plain returns the text of a valid JSON string, given without its quotes. It returns s itself if nothing is escaped.
// As in encoding/json, each byte of invalid UTF-8, and each lone surrogate, becomes U+FFFD.
func plain(s []byte) []byte {
	if endOfASCII(s, 0) == len(s) {
		return s
	}
	return appendPlain(make([]byte, 0, len(s)+utf8.UTFMax), s)
}

// appendPlain appends the result of plain.
func appendPlain(out, s []byte) []byte {
	for i := 0; i < len(s); {
		start := i
		i = endOfASCII(s, i)
		out = append(out, s[start:i]...)
		if i < len(s) {
			out, i = appendOdd(out, s, i)
		}
	}
	return out
}

// appendOdd appends the character at i, which is escaped or not ASCII, and returns the index of the next one.
func appendOdd(out, s []byte, i int) ([]byte, int) {
	if s[i] != '\\' {
		r, n := utf8.DecodeRune(s[i:])
		return utf8.AppendRune(out, r), i + n
	}
	i += 2
	switch c := s[i-1]; c {
	case 'b':
		out = append(out, '\b')
	case 'f':
		out = append(out, '\f')
	case 'n':
		out = append(out, '\n')
	case 'r':
		out = append(out, '\r')
	case 't':
		out = append(out, '\t')
	case 'u':
		r := hex4(s[i:])
		i += 4
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if len(s) >= i+6 && s[i] == '\\' && s[i+1] == 'u' {
				pair = utf16.DecodeRune(r, hex4(s[i+2:]))
			}
			if pair != utf8.RuneError {
				i += 6
			}
			r = pair
		}
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		} else {
			out = utf8.AppendRune(out, r)
		}
	default:
		out = append(out, c)
	}
	return out, i
}

// hex4 reads four hexadecimal digits. It is less than 0 if they are not digits.
func hex4(s []byte) rune {
	s = s[:4]
	return hex(s[0])<<12 | hex(s[1])<<8 | hex(s[2])<<4 | hex(s[3])
}

// Package sqltext reads the text of queries. It removes the values, and finds the operation and the table.
package sqltext

import (
	"strings"
	"unicode/utf8"
)

const (
	MaxText  = 2048     // maximum bytes of a cleaned text
	MaxName  = 128      // maximum bytes of the name of a table
	maxRead  = 64 << 10 // only so many bytes of a text are read
	maxDepth = 64       // deeper parentheses are not examined
)

// A Reading is the result of Read.
type Reading struct {
	Text   string // the cleaned text, at most MaxText bytes of valid UTF-8
	Verb   string // the operation in upper case; "" if it is not a known one
	Table  string // the table of the operation, at most MaxName bytes; "" if it is not known
	Single bool   // the statement names no other table
}

// Read reads a query. It replaces literals with ?, drops comments, and folds lists after IN and VALUES to one element.
//
// It knows the literals of all databases, but not their grammars. It stops where databases disagree about
// where a literal begins, and the text ends there with "…". So a part of a literal is never in the text.
func Read(query string, d Dialect) Reading {
	l := lexer{in: query, d: d}
	if len(query) > maxRead {
		l.in = query[:maxRead]
		l.cut = true
	}
	for l.pos < len(l.in) && !l.stopped {
		l.next()
	}
	text := strings.TrimSuffix(string(l.out), ";")
	if l.stopped || l.cut {
		text += ellipsis
	}
	if len(text) > MaxText {
		text = Cut(text, MaxText)
	}
	r := Reading{Text: strings.ToValidUTF8(text, "\uFFFD"), Verb: l.shape.verb}
	if len(r.Text) > MaxText {
		r.Text = Cut(r.Text, MaxText)
	}
	r.Table, r.Single = l.shape.subject()
	return r
}

// A token is a kind of token.
type token uint8

const (
	none  token = iota
	value       // a literal or a parameter
	word
	comma
	open
	closed
	other
)

// A lexer reads one text.
type lexer struct {
	in      string
	pos     int
	d       Dialect
	out     []byte
	space   bool // white space was read before the next token
	last    token
	isList  bool // last is IN or VALUES
	held    bool // a comma in a list that is folded, not written yet
	stopped bool // the rest of the text is not read
	cut     bool // in is only the beginning of the text
	lists   lists
	shape   shape
}

// stop ends the reading, since the rest of the text may be part of a literal.
func (l *lexer) stop() { l.stopped = true }

// next reads one token.
func (l *lexer) next() {
	if len(l.out) > MaxText { // the end will be cut
		l.stop()
		return
	}
	c := l.in[l.pos]
	rest := l.in[l.pos:]
	switch {
	case c <= ' ', c == 0x7f:
		l.pos++
		l.space = true
	case c == '\'':
		l.quoted()
	case c == '"':
		l.doubleQuoted()
	case c == '`':
		l.backtick()
	case c == '[':
		l.bracket()
	case strings.HasPrefix(rest, "--"):
		l.dashes()
	case c == '#' && (l.d.hashComments || !l.d.known):
		l.lineComment(!l.d.known)
	case strings.HasPrefix(rest, "/*"):
		l.comment()
	case c == '$':
		l.dollar()
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]) && l.last != word && l.last != closed:
		l.number()
	case (c == '-' || c == '+') && len(rest) > 1 && isDigit(rest[1]) && (l.last == open || l.last == comma):
		l.pos++
		l.number()
	case isWordStart(c):
		l.word()
	case c == '?':
		l.pos++
		l.digits()
		l.value("?")
	case c == ':' && len(rest) > 1 && rest[1] == ':':
		l.pos += 2
		l.emit(other, "::")
	case (c == ':' || c == '@' || c == '%') && len(rest) > 1 && isWordStart(rest[1]):
		l.pos++
		n := l.wordLen()
		l.value(l.in[l.pos-1 : l.pos+n])
		l.pos += n
	default:
		l.punctuation(c)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isWordStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf
}

// wordLen returns the length of the word at pos.
func (l *lexer) wordLen() int {
	n := 0
	for l.pos+n < len(l.in) {
		if c := l.in[l.pos+n]; !isWordStart(c) && !isDigit(c) && c != '$' {
			break
		}
		n++
	}
	return n
}

// digits skips digits.
func (l *lexer) digits() {
	for l.pos < len(l.in) && isDigit(l.in[l.pos]) {
		l.pos++
	}
}

// dashes reads a comment that begins with two dashes.
func (l *lexer) dashes() {
	after := byte(' ')
	if l.pos+2 < len(l.in) {
		after = l.in[l.pos+2]
	}
	if l.d.known && l.d.looseDashes && after > ' ' {
		l.punctuation('-')
		return
	}
	l.lineComment(l.d.looseDashes && after > ' ')
}

// lineComment skips a comment. If doubtful, some databases read it as code. It stops then if the line contains a quote.
func (l *lexer) lineComment(doubtful bool) {
	line := l.in[l.pos:]
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	if doubtful && strings.ContainsAny(line, "'\"`$*") {
		l.stop()
		return
	}
	l.pos += len(line)
	l.space = true
}

// comment skips a comment.
func (l *lexer) comment() {
	if !l.d.nested && strings.HasPrefix(l.in[l.pos:], "/*!") { // MySQL executes the text in it
		l.stop()
		return
	}
	depth := 1
	for i := l.pos + 2; i+1 < len(l.in); i++ {
		switch l.in[i : i+2] {
		case "/*":
			if !l.d.known {
				l.stop()
				return
			}
			if l.d.nested {
				depth++
				i++
			}
		case "*/":
			i++
			if depth--; depth == 0 {
				l.pos = i + 1
				l.space = true
				return
			}
		}
	}
	l.stop()
}

// number reads a number of any form, with the letters directly after it.
func (l *lexer) number() {
	hex := strings.HasPrefix(l.in[l.pos:], "0x") || strings.HasPrefix(l.in[l.pos:], "0X")
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		if isDigit(c) || isWordStart(c) || c == '.' {
			l.pos++
			if !hex && (c == 'e' || c == 'E') && l.pos+1 < len(l.in) &&
				(l.in[l.pos] == '+' || l.in[l.pos] == '-') && isDigit(l.in[l.pos+1]) {
				l.pos++
			}
			continue
		}
		break
	}
	l.value("?")
}

// word reads a keyword or an identifier.
func (l *lexer) word() {
	n := l.wordLen()
	w := l.in[l.pos : l.pos+n]
	l.pos += n
	upper := ""
	if n <= 16 {
		upper = strings.ToUpper(w)
	}
	if l.pos < len(l.in) && l.in[l.pos] == '\'' && l.last != value {
		switch upper {
		case "Q", "NQ":
			if l.d.quoteQuotes {
				l.value("?")
				l.stop()
				return
			}
		case "E", "X", "B", "N":
			return // a prefix of the string
		}
	}
	l.shape.word(w, upper, l.lists.depth)
	l.emit(word, w)
	l.isList = upper == "IN" || upper == "VALUES" || upper == "VALUE"
	l.lists.word(upper)
}

// punctuation reads one character that does not begin another token.
func (l *lexer) punctuation(c byte) {
	l.pos++
	switch c {
	case ',':
		l.shape.comma(l.lists.depth)
		if l.last == value && l.lists.folds() {
			l.held, l.last, l.space = true, comma, false
			return
		}
		l.emit(comma, ",")
	case '(':
		at := l.emit(open, "(")
		l.lists.open(at, l.isList)
		l.shape.open(l.lists.depth)
	case ')':
		l.emit(closed, ")")
		l.out = l.lists.close(l.out)
		l.shape.close(l.lists.depth)
	default:
		l.emit(other, l.in[l.pos-1:l.pos])
		switch c {
		case ';':
			l.shape.end()
		case '.':
			l.shape.dot()
		default:
			l.shape.other()
		}
	}
	l.isList = false
}

// value writes a literal or a parameter, unless it is folded into the previous one.
func (l *lexer) value(text string) {
	if l.held {
		l.held, l.last, l.space = false, value, false
		return
	}
	l.emit(value, text)
	l.isList = false
	l.shape.other()
}

// emit writes a token and returns its position in the output.
func (l *lexer) emit(t token, text string) int {
	if l.held {
		l.held = false
		l.out = append(l.out, ',')
	}
	if l.space && len(l.out) > 0 {
		l.out = append(l.out, ' ')
	}
	l.space = false
	if t == open || t == comma {
		l.lists.before(l.last)
	}
	l.last = t
	at := len(l.out)
	l.out = append(l.out, text...)
	return at
}

const ellipsis = "…"

// Cut returns s if it has at most limit bytes. Otherwise it returns the beginning of s and an ellipsis, at most limit bytes in all.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := limit - len(ellipsis)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + ellipsis
}

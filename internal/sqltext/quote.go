package sqltext

import "strings"

// quoteEnd returns the position after the closing quote of a text in quotes that begins at from.
// ok is false if there is no closing quote, or if a backslash may have escaped it.
func (l *lexer) quoteEnd(from int, quote byte) (end int, ok bool) {
	for i := from; i < len(l.in); i++ {
		if l.in[i] != quote {
			continue
		}
		backslashes := 0
		for j := i - 1; j >= from && l.in[j] == '\\'; j-- {
			backslashes++
		}
		if backslashes%2 == 1 {
			return 0, false
		}
		if i+1 < len(l.in) && l.in[i+1] == quote {
			i++
			continue
		}
		return i + 1, true
	}
	return 0, false
}

// quoted reads a string.
func (l *lexer) quoted() {
	end, ok := l.quoteEnd(l.pos+1, '\'')
	if !l.d.known && strings.HasPrefix(l.in[l.pos:], "'''") { // one of BigQuery's strings, which may contain quotes
		ok = false
	}
	l.value("?")
	if !ok {
		l.stop()
		return
	}
	l.pos = end
}

// doubleQuoted reads a string or an identifier.
func (l *lexer) doubleQuoted() {
	if !l.d.doubleStrings {
		l.identifier('"')
		return
	}
	end, ok := l.quoteEnd(l.pos+1, '"')
	if !l.d.known && strings.HasPrefix(l.in[l.pos:], `"""`) {
		ok = false
	}
	l.value("?")
	if !ok {
		l.stop()
		return
	}
	l.pos = end
}

// identifier reads an identifier in the given quotes.
func (l *lexer) identifier(quote byte) {
	end, ok := l.quoteEnd(l.pos+1, quote)
	if !ok {
		l.stop()
		return
	}
	l.shape.name(l.in[l.pos+1:end-1], l.lists.depth)
	l.emit(word, l.in[l.pos:end])
	l.isList = false
	l.pos = end
}

// backtick reads an identifier in backticks.
func (l *lexer) backtick() {
	end, ok := l.quoteEnd(l.pos+1, '`')
	if !ok || l.d.known && !l.d.backticks || !l.d.known && strings.ContainsAny(l.in[l.pos:end], `'"`) {
		l.stop()
		return
	}
	l.identifier('`')
}

// bracket reads an identifier in brackets, or the bracket of an index.
func (l *lexer) bracket() {
	end := strings.IndexByte(l.in[l.pos:], ']')
	switch {
	case l.d.brackets && end < 0:
		l.stop()
	case l.d.brackets && strings.HasPrefix(l.in[l.pos+end:], "]]"):
		l.stop()
	case l.d.brackets:
		l.shape.name(l.in[l.pos+1:l.pos+end], l.lists.depth)
		l.emit(word, l.in[l.pos:l.pos+end+1])
		l.isList = false
		l.pos += end + 1
	case !l.d.known && (end < 0 || strings.ContainsAny(l.in[l.pos:l.pos+end], "'\"`")):
		l.stop()
	default:
		l.punctuation('[')
	}
}

// dollar reads a parameter, an amount, or a string in dollar quotes.
func (l *lexer) dollar() {
	rest := l.in[l.pos+1:]
	n := 0
	for n < len(rest) && (isWordStart(rest[n]) || isDigit(rest[n])) {
		n++
	}
	switch {
	case n < len(rest) && rest[n] == '$' && (n == 0 || !isDigit(rest[0])):
		l.value("?")
		tag := l.in[l.pos : l.pos+n+2]
		end := strings.Index(rest[n+1:], tag)
		if !l.d.dollarQuotes || end < 0 {
			l.stop()
			return
		}
		l.pos += len(tag) + end + len(tag)
	case n > 0 && isDigit(rest[0]) && l.d.dollarParams:
		l.pos++
		begin := l.pos - 1
		l.digits()
		l.value(l.in[begin:l.pos])
	case n > 0 && isDigit(rest[0]):
		l.pos++
		l.number()
	case n > 0:
		l.value(l.in[l.pos : l.pos+1+n])
		l.pos += 1 + n
	default:
		l.punctuation('$')
	}
}

package redact

import (
	"net/url"
	"strconv"
	"strings"
)

// A card number has 13 to 19 digits (ISO/IEC 7812-1; the shortest in use have 13).
const (
	minCard = 13
	maxCard = 19
)

// cards returns s with each card number in it replaced, and whether there was any. Its time is linear in the length
// of s.
//
// A card number is a sequence of digits, possibly in groups with up to three spaces and dashes between two of them.
// Its last digit must be correct by Luhn's formula (ISO/IEC 7812-1, annex B). It begins and ends where a group does,
// and is not part of a hexadecimal number, such as a trace id.
func (x *Redactor) cards(s string) (string, bool) {
	var b []byte
	done := 0
	var first, last hexRun // those of a number's first and last digit
	for i := 0; i+minCard <= len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		if n := cardLen(s[i:]); n > 0 {
			first.find(s, i)
			last.find(s, i+n-1)
			inHex := (first.start < i || last.end > i+n) && !first.letterBefore && !last.letterAfter
			if !inHex {
				b = append(append(b, s[done:i]...), x.text...)
				i += n
				done = i
				continue
			}
		}
		for i < len(s) && isDigit(s[i]) { // the rest of the group
			i++
		}
	}
	if done == 0 {
		return s, false
	}
	return string(append(b, s[done:]...)), true
}

// A hexRun is a run of hexadecimal digits in a text. It is cached while the numbers in it are judged, so that many
// numbers in one long run cost only one search for its ends.
type hexRun struct {
	start, end                int
	letterBefore, letterAfter bool
}

// find sets r to the run that contains s[i].
func (r *hexRun) find(s string, i int) {
	if r.start <= i && i < r.end {
		return
	}
	r.start, r.end = i, i+1
	for r.start > 0 && isHexDigit(s[r.start-1]) {
		r.start--
	}
	for r.end < len(s) && isHexDigit(s[r.end]) {
		r.end++
	}
	r.letterBefore = r.start > 0 && isLetter(s[r.start-1])
	r.letterAfter = r.end < len(s) && isLetter(s[r.end])
}

// cardLen returns the length of the longest card number at the start of s, or 0 if there is none.
func cardLen(s string) int {
	var digits [maxCard]byte
	n, found := 0, 0
	for i := 0; i < len(s); {
		for ; i < len(s) && isDigit(s[i]); i++ {
			if n == maxCard {
				return found
			}
			digits[n] = s[i] - '0'
			n++
		}
		if n >= minCard && isLuhn(digits[:n]) {
			found = i
		}
		gap := i
		for i < len(s) && (s[i] == ' ' || s[i] == '-') {
			i++
		}
		if i-gap > 3 || i == len(s) || !isDigit(s[i]) {
			return found
		}
	}
	return found
}

func isLuhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += int(d)
	}
	return sum%10 == 0
}

// headerKeys are those whose value in a text extends to the end of the line.
var headerKeys = newKeyNames([]string{"authorization", "cookie", "set cookie"})

// pairs returns s, the text of an error, with the values of named keys in it replaced:
//
//	key=value  key: value  "key":"value"  ?key=value&  map[key:value]  key=[…]  //user:value@host
func (x *Redactor) pairs(s string) string {
	var b []byte
	done := 0
	replace := func(from, to int) {
		b = append(append(b, s[done:from]...), x.text...)
		done = to
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '=':
		case s[i] == ':' && strings.HasPrefix(s[i:], "://"):
			if from, to := passwordIn(s, i+3); to > 0 {
				replace(from, to)
				i = to - 1
			} else {
				i += 2
			}
			continue
		case s[i] == ':':
		default:
			continue
		}
		key := keyBefore(s[done:i])
		h := x.namesText(key)
		if h == Shown {
			continue
		}
		from := i + 1
		for from < len(s) && strings.IndexByte("=:> \t", s[from]) >= 0 {
			from++
		}
		from, to := valueIn(s, from)
		if headerKeys.judge(key) != Shown {
			to = lineEnd(s, from)
		}
		if h == hidesStrings && (s[i] == ':' && from > i+1 && s[i-1] != '"' || isNumberText(s[from:to])) {
			continue // errors of a package auth begin with "auth: not found"
		}
		if to > from {
			replace(from, to)
		}
		i = max(i, to-1)
	}
	if done == 0 {
		return s
	}
	return string(append(b, s[done:]...))
}

// namesText returns the Hiding of the value after an equals sign or a colon. key is the text before it, up to two
// words.
func (x *Redactor) namesText(key string) Hiding {
	last := key[strings.LastIndexByte(key, ' ')+1:]
	if strings.IndexByte(last, '%') >= 0 { // in the query of a URL
		if unescaped, err := url.QueryUnescape(last); err == nil {
			last, key = unescaped, unescaped
		}
	}
	h := x.keys.judge(last)
	if h != hidesAll && len(last) < len(key) && x.keys.is(key) {
		return hidesAll
	}
	return h
}

// isNumberText reports whether s is a number, a boolean or a null value, as package fmt and JSON write them.
func isNumberText(s string) bool {
	switch s {
	case "true", "false", "null", "nil", "<nil>":
		return true
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// keyBefore returns the key at the end of s, possibly in quotes, and the word before it if there is one.
func keyBefore(s string) string {
	end := len(strings.TrimRight(s, " \t"))
	end = len(strings.TrimRight(s[:end], "\"'`\\"))
	start := end
	for word := range 2 {
		if word > 0 {
			if start == 0 || s[start-1] != ' ' {
				break
			}
			start--
		}
		for start > 0 && (isKeyByte(s[start-1]) || s[start-1] == '%') {
			start--
		}
	}
	return strings.TrimLeft(s[start:end], " ")
}

func isKeyByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || isDigit(c) || isLetter(c)
}

// valueIn returns the start and the end of the value that begins at i, without its quotes.
func valueIn(s string, i int) (from, to int) {
	if i == len(s) {
		return i, i
	}
	switch c := s[i]; c {
	case '"', '\'', '`':
		for to = i + 1; to < len(s) && s[to] != c; to++ {
			if s[to] == '\\' {
				to++
			}
		}
		return i + 1, min(to, len(s))
	case '\\': // a quoted text within a quoted text
		if i+1 < len(s) && s[i+1] == '"' {
			n := strings.Index(s[i+2:], `\"`)
			if n < 0 {
				return i + 2, len(s)
			}
			return i + 2, i + 2 + n
		}
	case '[', '{', '(':
		depth := 0
		for to = i; to < len(s); to++ {
			switch s[to] {
			case '[', '{', '(':
				depth++
			case ']', '}', ')':
				depth--
			}
			if depth == 0 {
				return i, to + 1
			}
		}
		return i, len(s)
	}
	to = wordEnd(s, i)
	switch strings.ToLower(s[i:to]) {
	case "bearer", "basic", "digest", "negotiate", "token":
		if next := to; next < len(s) && s[next] == ' ' {
			to = wordEnd(s, next+1)
		}
	}
	return i, to
}

func wordEnd(s string, i int) int {
	if n := strings.IndexAny(s[i:], " \t\r\n,;&\"'`)]}<>|"); n >= 0 {
		return i + n
	}
	return len(s)
}

func lineEnd(s string, i int) int {
	if n := strings.IndexAny(s[i:], "\r\n"); n >= 0 {
		return i + n
	}
	return len(s)
}

// passwordIn returns the range of the password in a URL whose authority begins at i (RFC 3986, 3.2.1). to is 0 if
// there is none.
func passwordIn(s string, i int) (from, to int) {
	end := len(s)
	if n := strings.IndexAny(s[i:], "/?# \t\r\n\"'`<>"); n >= 0 {
		end = i + n
	}
	at := strings.LastIndexByte(s[i:end], '@')
	colon := strings.IndexByte(s[i:end], ':')
	if colon < 0 || at <= colon+1 {
		return 0, 0
	}
	return i + colon + 1, i + at
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80 }

package tracelog

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFold is how many bytes of a text Fold looks at.
const maxFold = 500

// Fold removes from a message what differs from one time to the next, so that messages can be grouped:
//
//   - durations as Go writes them become #: "took 1.5s", "took 998ms" and "took 1m30s" are all "took #";
//   - numbers become #, with the points, commas and colons inside: "dial 10.0.0.7:5432" is "dial #".
//     So do IPv6 addresses: "dial [2001:db8::1]:443" is "dial #". So do the digits of a name: "seat 12A" is "seat #A";
//   - ids become <id>: UUIDs; 6 or more hexadecimal digits, some of them from 0 to 9 and some from a to f,
//     or any 16 or 32 of them, or any after 0x; words of 16 or more letters, digits and underscores that include
//     3 or more digits;
//   - the text between a pair of double, single or back quotes becomes …, unless the first follows a letter or digit,
//     as in "can't";
//   - any white space becomes one space.
//
// Only the first 500 bytes count; … replaces the rest. The result is untrusted text, as the message is.
func Fold(text string) string {
	cut := len(text) > maxFold
	if cut {
		text = text[:maxFold]
		for i := 1; i < utf8.UTFMax && i < len(text); i++ { // not within a rune
			if b := text[len(text)-i]; b >= utf8.RuneSelf {
				if utf8.RuneStart(b) && !utf8.FullRuneInString(text[len(text)-i:]) {
					text = text[:len(text)-i]
					break
				}
				continue
			}
			break
		}
	}
	var b strings.Builder
	b.Grow(len(text))
	inWord, space := false, false
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			space, inWord = true, false
			i += size
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		switch {
		case !inWord && (text[i] == '[' || text[i] == ':' || isHexDigit(text[i])) && addressLength(text[i:]) > 0:
			i += addressLength(text[i:])
			b.WriteByte('#')
			inWord = true
			continue
		case isWord(text[i]):
			end := i + 1
			for end < len(text) && isWord(text[end]) {
				end++
			}
			i = foldWord(&b, text, i, end, !inWord)
			inWord = true
			continue
		case (r == '"' || r == '\'' || r == '`') && !inWord:
			if end := closingQuote(text, i); end > 0 {
				b.WriteByte(text[i])
				b.WriteString("…")
				b.WriteByte(text[i])
				i = end
				inWord = false
				continue
			}
		}
		b.WriteString(text[i : i+size])
		inWord = unicode.IsLetter(r)
		i += size
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// closingQuote returns the index after the quote that closes the one at i, or 0 if there is none.
func closingQuote(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case s[i]:
			// An apostrophe within a word closes nothing.
			if s[i] != '\'' || j+1 == len(s) || !isWord(s[j+1]) {
				return j + 1
			}
		}
	}
	return 0
}

// foldWord writes the word s[i:end] and returns where to continue. An id starts no later than the word.
func foldWord(b *strings.Builder, s string, i, end int, whole bool) int {
	if whole {
		if isUUID(s[i:]) && (i+36 == len(s) || !isWord(s[i+36])) {
			b.WriteString("<id>")
			return i + 36
		}
		if isID(s[i:end]) {
			b.WriteString("<id>")
			return end
		}
	}
	if n := goDurationLength(s[i:]); whole && n > 0 {
		b.WriteByte('#')
		return i + n
	}
	for i < end {
		if !isDigit(s[i]) {
			b.WriteByte(s[i])
			i++
			continue
		}
		for i < len(s) && (isDigit(s[i]) || i+1 < len(s) && (s[i] == '.' || s[i] == ',' || s[i] == ':') && isDigit(s[i+1])) {
			i++
		}
		b.WriteByte('#')
	}
	return i
}

// goDurationLength returns the length of the duration at the start of s, as time.Duration.String writes it, or 0 if
// there is none.
func goDurationLength(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		start := n
		for n < len(s) && (isDigit(s[n]) || s[n] == '.' && n+1 < len(s) && isDigit(s[n+1])) {
			n++
		}
		unit := ""
		for _, u := range [...]string{"ns", "us", "µs", "μs", "ms", "s", "m", "h"} {
			if strings.HasPrefix(s[n:], u) {
				unit = u
				break
			}
		}
		if unit == "" {
			n = start
			break
		}
		n += len(unit)
	}
	if n == 0 || s[n-1] != 's' || n < len(s) && (isWord(s[n]) || s[n] >= utf8.RuneSelf) { // all end with a unit of seconds
		return 0
	}
	return n
}

// addressLength returns the length of the IPv6 address at the start of s, with its brackets, zone and port, or 0 if
// there is none.
func addressLength(s string) int {
	n := 0
	bracket := s[0] == '['
	if bracket {
		n++
	}
	start := n
	for n < len(s) && n-start < 64 && (isHexDigit(s[n]) || s[n] == ':' || s[n] == '.') {
		n++
	}
	addr := s[start:n]
	if !bracket { // a colon after it belongs to the text
		addr = strings.TrimRight(addr, ".")
		if strings.HasSuffix(addr, ":") && !strings.HasSuffix(addr, "::") {
			addr = addr[:len(addr)-1]
		}
		n = start + len(addr)
	}
	if strings.Count(addr, ":") < 2 || addr != "::" && !strings.ContainsAny(addr, "0123456789") { // as dead::beef
		return 0
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is6() {
		return 0
	}
	if n < len(s) && s[n] == '%' {
		for n++; n < len(s) && (isWord(s[n]) || s[n] == '-'); n++ {
		}
	}
	if !bracket {
		if n < len(s) && isWord(s[n]) {
			return 0
		}
		return n
	}
	if n == len(s) || s[n] != ']' {
		return 0
	}
	n++
	if n+1 < len(s) && s[n] == ':' && isDigit(s[n+1]) {
		for n++; n < len(s) && isDigit(s[n]); n++ {
		}
	}
	return n
}

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func isUUID(s string) bool {
	if len(s) < 36 {
		return false
	}
	for i := range 36 {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isID(w string) bool {
	digits, hex := 0, 0
	if w[0] == '0' && len(w) > 2 && w[1]|0x20 == 'x' {
		return strings.Trim(w[2:], "0123456789abcdefABCDEF") == ""
	}
	for i := range len(w) {
		if isDigit(w[i]) {
			digits++
		}
		if isHexDigit(w[i]) {
			hex++
		}
	}
	if hex == len(w) {
		return hex == 16 || hex == 32 || hex >= 6 && digits > 0 && digits < hex
	}
	return len(w) >= 16 && digits >= 3
}

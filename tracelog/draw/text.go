package draw

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A style is how a rune looks on a terminal with colours.
type style uint8

const (
	styleNone style = iota
	styleBold
	styleDim
	styleRed
	styleYellow
	styleCyan
)

var ansi = [...]string{
	styleBold: "\x1b[1m", styleDim: "\x1b[2m", styleRed: "\x1b[31m", styleYellow: "\x1b[33m", styleCyan: "\x1b[36m",
}

// A text is the columns of a line with their styles. Text from a log is added through visible or quoted only.
type text []column

type column struct {
	r     rune // filler in the second column of a wide rune
	style style
}

const filler rune = -1

func (t text) add(st style, s string) text {
	for _, r := range s {
		t = append(t, column{r, st})
		if isWide(r) {
			t = append(t, column{filler, st})
		}
	}
	return t
}

// isWide reports whether terminals use two columns for a rune: East Asian text, and pictures. Unicode's list of them
// is longer, but the missing ones are rare in logs.
func isWide(r rune) bool {
	if r < 0x1100 {
		return false
	}
	for _, w := range [...][2]rune{
		{0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec}, {0x2614, 0x2615}, {0x26a1, 0x26a1}, {0x2705, 0x2705}, {0x274c, 0x274c},
		{0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	} {
		if w[0] <= r && r <= w[1] {
			return true
		}
	}
	return false
}

// columns is how many columns s takes.
func columns(s string) int {
	n := utf8.RuneCountInString(s)
	if n < len(s) {
		for _, r := range s {
			if isWide(r) {
				n++
			}
		}
	}
	return n
}

// ascii replaces characters that are not ASCII, column by column.
func (t text) ascii() text {
	for i, c := range t {
		switch {
		case c.r == filler:
			t[i].r = '?'
		case c.r < utf8.RuneSelf:
		default:
			t[i].r = '?'
			if to, ok := inASCII[c.r]; ok {
				t[i].r = to
			}
		}
	}
	return t
}

// inASCII maps the runes that trees are drawn with to their ASCII replacements.
var inASCII = map[rune]rune{
	'│': '|', '├': '|', '└': '`', '─': '-', '·': '.', '…': '~', '⋯': '~', '×': 'x', '✗': 'x', 'µ': 'u', '»': '>',
	'█': '#', '▉': '#', '▊': '#', '▋': '#', '▌': '#', '▍': '#', '▎': '#', '▏': '#', '▐': '#', '▕': '#',
	'━': '=', '╸': '=', '╺': '=', '┄': '.', '░': ':', '╷': '|', '╱': '/',
}

// pad fills t up to a width.
func (t text) pad(width int) text {
	for len(t) < width {
		t = t.add(styleNone, " ")
	}
	return t
}

// trim cuts off trailing space.
func (t text) trim() text {
	for len(t) > 0 && t[len(t)-1].r == ' ' {
		t = t[:len(t)-1]
	}
	return t
}

// appendTo appends t as bytes, without its trailing space.
func (t text) appendTo(b []byte, color bool) []byte {
	t = t.trim()
	now := styleNone
	for _, c := range t {
		if color && c.style != now {
			if now != styleNone {
				b = append(b, "\x1b[0m"...)
			}
			now = c.style
			b = append(b, ansi[now]...)
		}
		if c.r != filler {
			b = utf8.AppendRune(b, c.r)
		}
	}
	if now != styleNone {
		b = append(b, "\x1b[0m"...)
	}
	return b
}

// wrap cuts t into lines no wider than width, at spaces if there are any.
func (t text) wrap(width int) []text {
	var lines []text
	for len(t) > width {
		cut := width
		for cut > width/3 && t[cut].r != ' ' {
			cut--
		}
		if t[cut].r != ' ' {
			cut = width
		}
		if t[cut].r == filler { // not within a rune
			cut--
		}
		lines = append(lines, t[:cut])
		for t = t[cut:]; len(t) > 0 && t[0].r == ' '; {
			t = t[1:]
		}
	}
	if len(t) > 0 || len(lines) == 0 {
		lines = append(lines, t)
	}
	return lines
}

// unbounded is a limit that no text reaches.
const unbounded = 1 << 30

// visible returns untrusted text as printable text on one line. It shows control characters, escape sequences, text
// direction marks and similar characters escaped, as a Go string would; [graphic.Text] decides which they are. Text
// longer than limit columns ends in an ellipsis.
func visible(s string, limit int) string {
	var b strings.Builder
	var seen graphic.Text
	n, fits := 0, 0 // columns so far; bytes of b that leave room for the ellipsis
	for len(s) > 0 {
		r, size, ok := seen.Next(s)
		shown := s[:size]
		if !ok {
			shown = escape(r, shown)
		}
		if n += columns(shown); n > limit {
			return b.String()[:fits] + "…"
		}
		b.WriteString(shown)
		if n < limit {
			fits = b.Len()
		}
		s = s[size:]
	}
	return b.String()
}

// escape writes a rune as in the source of a Go string.
func escape(r rune, text string) string {
	if r == utf8.RuneError && len(text) == 1 {
		return `\x` + string("0123456789abcdef"[text[0]>>4]) + string("0123456789abcdef"[text[0]&15])
	}
	s := strconv.QuoteRuneToASCII(r)
	return s[1 : len(s)-1]
}

// quoted is visible, in quotes if the text would not be one word.
func quoted(s string, limit int) string {
	var seen graphic.Text
	word := s != ""
	for rest := s; word && rest != ""; {
		r, size, ok := seen.Next(rest)
		word = ok && r > ' ' && r != '"' && r != '=' && r != '\\' && r != utf8.RuneError && !unicode.Is(unicode.Z, r)
		rest = rest[size:]
	}
	if word {
		return visible(s, limit)
	}
	n := 0
	for i := range s {
		if n++; n > limit {
			s = s[:i] + "…"
			break
		}
	}
	b := []byte{'"'}
	seen = graphic.Text{}
	for s != "" {
		r, size, ok := seen.Next(s)
		switch {
		case !ok:
			b = append(b, escape(r, s[:size])...)
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		default:
			b = append(b, s[:size]...)
		}
		s = s[size:]
	}
	return string(append(b, '"'))
}

// value shows an attribute's value.
func value(a tracelog.Attr, limit int) string {
	if len(a.Value) > 1 && a.Value[0] == '"' {
		return quoted(a.Text(), limit)
	}
	return visible(string(a.Value), limit)
}

// formatDuration writes d for people, with at most four digits if it is under a minute.
func formatDuration(d time.Duration) string {
	switch {
	case d < 0:
		if d == -d { // the minimum value
			d++
		}
		return "-" + formatDuration(-d)
	case d >= time.Hour:
		d = d.Round(time.Minute)
		return strconv.Itoa(int(d/time.Hour)) + "h" + two(d%time.Hour/time.Minute) + "m"
	case d >= time.Minute-5*time.Millisecond:
		d = d.Round(100 * time.Millisecond)
		if d >= time.Hour {
			return formatDuration(d)
		}
		return strconv.Itoa(int(d/time.Minute)) + "m" + two(d%time.Minute/time.Second) + "." +
			strconv.Itoa(int(d%time.Second/(100*time.Millisecond))) + "s"
	}
	// Each step keeps four digits.
	round := time.Duration(1)
	for d.Round(round) >= 10000*round {
		round *= 10
	}
	d = d.Round(round)
	switch {
	case d >= time.Second:
		return decimal(d, time.Second) + "s"
	case d >= time.Millisecond:
		return decimal(d, time.Millisecond) + "ms"
	case d >= time.Microsecond:
		return decimal(d, time.Microsecond) + "µs"
	case d == 0:
		return "0s"
	}
	return strconv.Itoa(int(d)) + "ns"
}

// decimal writes d in units, exactly.
func decimal(d, unit time.Duration) string {
	whole, rest := strconv.Itoa(int(d/unit)), d%unit
	if rest == 0 {
		return whole
	}
	digits := strconv.Itoa(int(unit + rest))[1:] // with leading zeros
	return whole + "." + strings.TrimRight(digits, "0")
}

func two(d time.Duration) string {
	if d < 10 {
		return "0" + strconv.Itoa(int(d))
	}
	return strconv.Itoa(int(d))
}

// count writes "1 span", "2 spans".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

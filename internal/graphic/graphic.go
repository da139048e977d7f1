// Package graphic decides which runes of untrusted text a terminal may show as they are.
//
// It refuses what strconv.IsGraphic refuses (control characters, marks of direction, invalid UTF-8), and also:
//
//   - runes that show nothing, or a blank that is not a space: U+034F, the Hangul fillers, U+2800, and the like
//   - variation selectors, except U+FE0F behind an emoji or within a keycap
//   - more than four combining marks on one base, and marks without a base: at the beginning of a text, on a refused rune,
//     on ASCII space and punctuation. They would change the text that a program writes around it
//
// U+200D, the zero width joiner, is kept between two emoji, which it joins to one; not behind a combining mark.
package graphic

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxMarks is the number of combining marks that are kept on one base.
const MaxMarks = 4

const (
	joiner   = '\u200d'
	selector = '\ufe0f' // requests the coloured form of an emoji
	keycap   = '\u20e3'
)

// A Text is the state after a part of a text was checked. The zero value is the beginning of a text.
type Text struct {
	base  base
	marks int // on the base
}

// A base is the kind of the rune before the current one and its marks.
type base uint8

const (
	noBase base = iota
	plainBase
	keyBase // may be the base of a keycap
	selectedKey
	emojiBase // a picture, with or without a skin colour
	selectedEmoji
)

// Next returns the first rune of rest, its size, and whether it may be shown.
// rest must begin where the last call's rune ended.
// For an empty rest the size is 0. For invalid UTF-8 the rune is utf8.RuneError and the size 1.
func (t *Text) Next(rest string) (r rune, size int, ok bool) {
	if rest == "" {
		return utf8.RuneError, 0, false
	}
	if c := rest[0]; c < utf8.RuneSelf {
		t.marks = 0
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			t.base = plainBase
		case '0' <= c && c <= '9', c == '#', c == '*':
			t.base = keyBase
		default:
			t.base = noBase
		}
		return rune(c), 1, c >= ' ' && c != 0x7f
	}
	r, size = utf8.DecodeRuneInString(rest)
	next := func() rune {
		r, _ := utf8.DecodeRuneInString(rest[size:])
		return r
	}
	switch {
	case r == selector && t.marks == 0 && (t.base == emojiBase || t.base == keyBase && next() == keycap):
		t.base++
		t.marks++ // it counts as a mark
		return r, size, true
	case r == joiner && (t.base == emojiBase && t.marks == 0 || t.base == selectedEmoji && t.marks == 1) && isEmoji(next()):
		return r, size, true
	case r == utf8.RuneError && size == 1, !strconv.IsGraphic(r), isHidden(r):
		if !unicode.Is(unicode.M, r) { // the escape shown in its place carries no marks
			t.base = noBase
		}
		return r, size, false
	case unicode.Is(unicode.M, r):
		t.marks++
		return r, size, t.base != noBase && t.marks <= MaxMarks
	case isSkin(r) && (t.base == emojiBase || t.base == selectedEmoji):
		t.base = emojiBase
	case isEmoji(r):
		t.base = emojiBase
	default:
		t.base = plainBase
	}
	t.marks = 0
	return r, size, true
}

// isHidden reports whether r, graphic for Unicode, shows nothing or only changes how other runes look.
func isHidden(r rune) bool {
	return r == '\u2800' || r == '\U0001d159' || // the blanks of Braille and of musical notes
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)
}

func isSkin(r rune) bool { return 0x1f3fb <= r && r <= 0x1f3ff }

func isEmoji(r rune) bool { return unicode.Is(pictures, r) }

// pictures are the runes with the property Extended_Pictographic of Unicode 15.
var pictures = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xa9, 0xa9, 1}, {0xae, 0xae, 1}, {0x203c, 0x203c, 1}, {0x2049, 0x2049, 1}, {0x2122, 0x2122, 1}, {0x2139, 0x2139, 1},
		{0x2194, 0x2199, 1}, {0x21a9, 0x21aa, 1}, {0x231a, 0x231b, 1}, {0x2328, 0x2328, 1}, {0x2388, 0x2388, 1},
		{0x23cf, 0x23cf, 1}, {0x23e9, 0x23f3, 1}, {0x23f8, 0x23fa, 1}, {0x24c2, 0x24c2, 1}, {0x25aa, 0x25ab, 1},
		{0x25b6, 0x25b6, 1}, {0x25c0, 0x25c0, 1}, {0x25fb, 0x25fe, 1}, {0x2600, 0x2605, 1}, {0x2607, 0x2612, 1},
		{0x2614, 0x2685, 1}, {0x2690, 0x2705, 1}, {0x2708, 0x2712, 1}, {0x2714, 0x2714, 1}, {0x2716, 0x2716, 1},
		{0x271d, 0x271d, 1}, {0x2721, 0x2721, 1}, {0x2728, 0x2728, 1}, {0x2733, 0x2734, 1}, {0x2744, 0x2744, 1},
		{0x2747, 0x2747, 1}, {0x274c, 0x274c, 1}, {0x274e, 0x274e, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1},
		{0x2763, 0x2767, 1}, {0x2795, 0x2797, 1}, {0x27a1, 0x27a1, 1}, {0x27b0, 0x27b0, 1}, {0x27bf, 0x27bf, 1},
		{0x2934, 0x2935, 1}, {0x2b05, 0x2b07, 1}, {0x2b1b, 0x2b1c, 1}, {0x2b50, 0x2b50, 1}, {0x2b55, 0x2b55, 1},
		{0x3030, 0x3030, 1}, {0x303d, 0x303d, 1}, {0x3297, 0x3297, 1}, {0x3299, 0x3299, 1},
	},
	R32: []unicode.Range32{
		{0x1f000, 0x1f0ff, 1}, {0x1f10d, 0x1f10f, 1}, {0x1f12f, 0x1f12f, 1}, {0x1f16c, 0x1f171, 1}, {0x1f17e, 0x1f17f, 1},
		{0x1f18e, 0x1f18e, 1}, {0x1f191, 0x1f19a, 1}, {0x1f1ad, 0x1f1e5, 1}, {0x1f201, 0x1f20f, 1}, {0x1f21a, 0x1f21a, 1},
		{0x1f22f, 0x1f22f, 1}, {0x1f232, 0x1f23a, 1}, {0x1f23c, 0x1f23f, 1}, {0x1f249, 0x1f3fa, 1}, {0x1f400, 0x1f53d, 1},
		{0x1f546, 0x1f64f, 1}, {0x1f680, 0x1f6ff, 1}, {0x1f774, 0x1f77f, 1}, {0x1f7d5, 0x1f7ff, 1}, {0x1f80c, 0x1f80f, 1},
		{0x1f848, 0x1f84f, 1}, {0x1f85a, 0x1f85f, 1}, {0x1f888, 0x1f88f, 1}, {0x1f8ae, 0x1f8ff, 1}, {0x1f90c, 0x1f93a, 1},
		{0x1f93c, 0x1f945, 1}, {0x1f947, 0x1faff, 1}, {0x1fc00, 0x1fffd, 1},
	},
	LatinOffset: 2,
}

// AppendJSON appends JSON in a form that a terminal can show. Characters that are not graphic, which can only be in strings, are
// escaped. The value stays the same, except for halves of characters: see [RepairSurrogates].
func AppendJSON(b, json []byte) []byte {
	start := len(b)
	if printableASCII(json) {
		b = append(b, json...)
		RepairSurrogates(b[start:])
		return b
	}
	var seen Text
	for rest := string(json); rest != ""; {
		r, size, ok := seen.Next(rest)
		switch {
		case r == '\n' || r == '\t': // between members
			b = append(b, rest[:size]...)
		case r == '\r': // also between members, but a terminal may not show it
			b = append(b, ' ')
		case r < 0x10000 && (r == utf8.RuneError || !ok):
			b = fmt.Appendf(b, `\u%04x`, r)
		case !ok:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = append(b, rest[:size]...)
		}
		rest = rest[size:]
	}
	RepairSurrogates(b[start:])
	return b
}

// RepairSurrogates replaces, in place, an escape that is half of a character, as in "\ud800", by that of U+FFFD. What such
// JSON means is open (RFC 8259, section 8.2), and many readers refuse it.
func RepairSurrogates(json []byte) {
	for {
		i := bytes.IndexByte(json, '\\')
		if i < 0 || i+2 > len(json) {
			return
		}
		json = json[i:]
		size := 2
		if first := escaped(json); first >= 0 {
			size = 6
			switch {
			case !utf16.IsSurrogate(first):
			case utf16.DecodeRune(first, escaped(json[size:])) != utf8.RuneError:
				size = 12
			default:
				copy(json, `\ufffd`)
			}
		}
		json = json[size:]
	}
}

// escaped returns the code that JSON begins with, written as \uXXXX, or -1.
func escaped(json []byte) rune {
	if len(json) < 6 || json[0] != '\\' || json[1] != 'u' {
		return -1
	}
	code, err := strconv.ParseUint(string(json[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(code)
}

// printableASCII reports whether b is graphic ASCII only. Most text is.
func printableASCII(b []byte) bool {
	for i := range len(b) {
		if b[i] < 0x20 || b[i] > 0x7e {
			return false
		}
	}
	return true
}

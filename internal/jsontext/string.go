package jsontext

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// AppendString appends s as a JSON string. Like slog, it does not escape for HTML.
func AppendString(b []byte, s string) []byte {
	return append(AppendInside(append(b, '"'), s), '"')
}

// AppendInside appends s as the inside of a JSON string, without the quotes.
// It copies and checks s a word at a time. At the first byte to escape it starts again, in appendEscaped.
func AppendInside(b []byte, s string) []byte {
	n := len(b)
	if cap(b)-n < len(s) {
		b = slices.Grow(b, len(s))
	}
	d := b[n : n+len(s)]
	switch {
	case len(s) >= 8:
		for i := 0; i+8 <= len(s); i += 8 {
			x := Load8(s[i:])
			if !safe8(x) {
				return appendEscaped(b, s)
			}
			binary.LittleEndian.PutUint64(d[i:], x)
		}
		x := Load8(s[len(s)-8:]) // overlaps the word before it
		if !safe8(x) {
			return appendEscaped(b, s)
		}
		binary.LittleEndian.PutUint64(d[len(d)-8:], x)
	case len(s) >= 4:
		x, y := Load4(s), Load4(s[len(s)-4:])
		if !safe8(uint64(x) | uint64(y)<<32) {
			return appendEscaped(b, s)
		}
		binary.LittleEndian.PutUint32(d, x)
		binary.LittleEndian.PutUint32(d[len(d)-4:], y)
	default:
		for i := range d {
			if !safeByte[s[i]] {
				return appendEscaped(b, s)
			}
			d[i] = s[i]
		}
	}
	return b[:n+len(s)]
}

func Load8(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }

func Load4(s string) uint32 { return binary.LittleEndian.Uint32([]byte(s[:4])) }

// safe8 reports whether a JSON string holds all eight bytes of x without an escape.
func safe8(x uint64) bool { return Unsafe8(x) == 0 }

// Unsafe8 finds the first of the eight bytes of x that may not appear in a JSON string as it is.
// The lowest bit set in the result is in that byte. The result is zero if there is none.
func Unsafe8(x uint64) uint64 {
	const lo, hi = 0x0101010101010101, 0x8080808080808080
	// A byte's high bit becomes set where the byte is below 0x20, a quote, a backslash or above 0x7f.
	// A borrow may also set bits in later bytes. That is harmless: the lowest bit counts.
	return (x | (x - lo*0x20) | ((x ^ lo*'"') - lo) | ((x ^ lo*'\\') - lo)) & hi
}

var safeByte = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEscaped appends s as the inside of a JSON string, with escapes.
// Each byte of invalid UTF-8 becomes InvalidUTF8. U+2028 and U+2029 are escaped, since JavaScript needs it.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', w3c.LowerHex[c>>4], w3c.LowerHex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[start:i]...), InvalidUTF8...)
			start = i + size
		} else if r == '\u2028' || r == '\u2029' {
			b = append(append(b, s[start:i]...), '\\', 'u', '2', '0', '2', w3c.LowerHex[r&15])
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

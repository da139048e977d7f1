package tracelog

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// differ sets the highest bit of each byte that is not c.
func differ(x uint64, c byte) uint64 {
	x ^= ones * uint64(c)
	return x&^highs + ^uint64(highs) | x
}

// keyMasks are masks of the first bytes of a word. The index is the number of bytes.
var keyMasks = func() (m [9]uint64) {
	for n := range m {
		m[n] = ^uint64(0) >> (64 - 8*n)
	}
	return m
}()

// wordSize is how many bytes are copied or compared at once.
const wordSize = 8

// load8 returns eight bytes of b. Slicing with a capacity of eight saves half of the instructions.
func load8(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// load4 returns four bytes of b.
func load4(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i : i+4 : i+4]) }

// endOfPlain returns the index, from i on, of the first byte in a string that may end it or is no text: a quote, a
// backslash, a control character. It is len(b) if there is none.
func endOfPlain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := load8(b, i)
		plain := differ(x, '"') & differ(x, '\\') & (x&^highs + ones*(0x80-' ') | x) & highs
		if plain != highs {
			return i + bits.TrailingZeros64(^plain&highs)>>3
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

// endOfBlanks returns the index, from i on, of the first byte that is neither a space nor a tab. It is len(b) if there is none.
func endOfBlanks(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := notSpaces(load8(b, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// endOfASCII returns the index, from i on, of the first byte that is a backslash or not ASCII. It is len(b) if there is
// none.
func endOfASCII(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := load8(b, i)
		if plain := differ(x, '\\') &^ x & highs; plain != highs {
			return i + bits.TrailingZeros64(^plain&highs)>>3
		}
	}
	for i < len(b) && b[i] != '\\' && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// notSpaces is differ for both, in a form that the compiler inlines.
func notSpaces(x uint64) uint64 {
	const low = ^uint64(highs)
	a, b := x^ones*' ', x^ones*'\t'
	return (a&low + low | a) & (b&low + low | b) & highs
}

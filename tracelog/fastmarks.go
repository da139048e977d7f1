package tracelog

import "math/bits"

// A marks has a bit for each byte of a buffer, the lowest of a byte for the first of eight. It is set if the byte
// cannot be in a JSON string that is its own text: a quote, a backslash, a control character, or a byte that is not
// ASCII. So strings and lines end where a bit is set, and the single bytes need not be looked at.
type marks []byte

// markSize is how many bytes are marked at once.
const markSize = 64

// padding is how many bytes after the last newline of a buffer may be read. scanRest looks at the bytes from any mark on as an array
// of so many.
const padding = 3 * markSize

// mark makes the marks of b[from:to], and of some bytes around it.
func (m *marks) mark(b []byte, from, to int) {
	first, end := from/markSize, (to+markSize-1)/markSize
	const size = markSize / 8
	if n := end*size + 8; len(*m) < n { // next reads eight bytes from any start
		*m = make([]byte, n+n/8)
	}
	if first < end {
		markBlocks((*m)[first*size:end*size], b[first*markSize:end*markSize])
	}
}

// next returns the index of the first marked byte from i on. There must be one in the marked range.
func (m marks) next(i int) int {
	for at, behind := i>>3, uint(i&7); ; at, behind, i = at+8, 0, (at+8)<<3 {
		if w := load8(m, at) >> (behind & 63); w != 0 {
			return i + bits.TrailingZeros64(w)
		}
	}
}

// from returns the marks of at least 57 bytes from i on, the lowest bit of the first.
func (m marks) from(i int) uint64 { return load8(m, i>>3) >> (uint(i) & 7) }

// markEach is markBlocks for all processors.
func markEach(to, from []byte) {
	for i := range to {
		x := load8(from, i*8)
		m := ^(differ(x, '"') & differ(x, '\\') & (x&^highs + ones*(0x80-' ')) &^ x) & highs
		// The highest bits of all bytes, side by side.
		to[i] = byte(m >> 7 * 0x0102040810204080 >> 56)
	}
}

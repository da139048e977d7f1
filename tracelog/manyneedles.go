package tracelog

import (
	"bytes"
	"encoding/binary"
)

// A needles finds, in a large text, the few places where one of several words may be, in capitals or not. It looks at
// four bytes at a time, and usually skips as many as the shortest word has (Wu and Manber, 1994).
type needles struct {
	words [][]byte // in small letters
	size  int      // of the shortest
	skip  [1 << skipBits]uint8
	pairs [1 << 16 / 64]uint64 // a bit for each pair of bytes that are adjacent in a word
}

func pair(a, b byte) (int, uint64) {
	n := uint(a|0x20)<<8 | uint(b|0x20)
	return int(n / 64), 1 << (n % 64)
}

func (n *needles) hasPair(a, b byte) bool {
	i, bit := pair(a, b)
	return n.pairs[i]&bit != 0
}

const skipBits = 12

// minNeedle is the length of the shortest word that can be searched for.
const minNeedle = 4

// maxNeedle is how many bytes of a word are searched for. A match of these makes a line a candidate.
const maxNeedle = 64

// newNeedles returns nil if a word is too short.
func newNeedles(words []string) *needles {
	n := &needles{size: 255}
	for _, w := range words {
		if len(w) < minNeedle {
			return nil
		}
		w = w[:min(len(w), maxNeedle)]
		n.size = min(n.size, len(w))
		folded := []byte(w)
		for i := range folded {
			folded[i] |= 0x20
		}
		n.words = append(n.words, folded)
		for i := range len(folded) - 1 {
			at, bit := pair(folded[i], folded[i+1])
			n.pairs[at] |= bit
		}
	}
	for i := range n.skip {
		n.skip[i] = uint8(n.size - minNeedle + 1)
	}
	for _, w := range n.words {
		for end := minNeedle; end <= n.size; end++ {
			s := &n.skip[gram(w[end-4:])]
			*s = min(*s, uint8(n.size-end))
		}
	}
	return n
}

// gram hashes the first four bytes, ignoring the bit that marks capitals.
func gram(b []byte) uint32 {
	return (binary.LittleEndian.Uint32(b) | 0x20202020) * 0x9e3779b1 >> (32 - skipBits)
}

// find returns the first index, from i on, where one of the words may begin, or -1 if there is none.
func (n *needles) find(b []byte, i int) int {
	for i += n.size - 4; i+4 <= len(b); {
		s := int(n.skip[gram(b[i:])])
		if s > 0 {
			i += s
			continue
		}
		start := i + 4 - n.size
		for _, w := range n.words {
			if hasFolded(b[start:], w) {
				return start
			}
		}
		i++
	}
	return -1
}

// findEscape returns the index, from i on, of the first escape that may represent a letter or a digit, or -1 if there
// is none. A line with such an escape may contain words that find does not see.
func findEscape(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 || i+n+1 == len(b) {
			return -1
		}
		switch i += n; b[i+1] {
		case '"', '\\', 'b', 'f', 'n', 'r', 't':
			i++ // not two: the second backslash of \\u may count within a string in a string
		default:
			return i
		}
	}
}

// findHiding returns the index, from i on, of the first escape that may be in one of the words, or -1 if there is
// none.
func (n *needles) findHiding(b []byte, i int) int {
	for {
		if i = findEscape(b, i); i < 0 {
			return -1
		}
		size, c := escaped(b[i:])
		next := i + size
		if c == '\\' {
			return i
		}
		if c != 0 && next < len(b) {
			before := i - 1
			for before >= 0 && b[before] == '\\' {
				before--
			}
			// An escape that is itself escaped could be anything.
			if b[next] == '\\' || n.hasPair(c, b[next]) || before >= 0 && n.hasPair(b[before], c) {
				return i
			}
		} else if c != 0 {
			return i
		}
		i++
	}
}

// mayHide reports whether one of the words may be hidden behind escapes in a line. *buf is its scratch space.
func (n *needles) mayHide(line []byte, buf *[]byte) bool {
	b, ok := appendUnescaped((*buf)[:0], line)
	*buf = b
	return !ok || n.find(b, 0) >= 0
}

// appendUnescaped replaces each escape that may represent a letter or a digit, in a string at any depth, by that
// character. It returns false if an escape represents a backslash, so that there may be more to replace.
func appendUnescaped(out, line []byte) ([]byte, bool) {
	for {
		i := findEscape(line, 0)
		if i < 0 {
			return append(out, line...), true
		}
		out = append(out, line[:i]...)
		for len(out) > 0 && out[len(out)-1] == '\\' { // of the enclosing string
			out = out[:len(out)-1]
		}
		n, c := escaped(line[i:])
		if c == '\\' {
			return out, false
		}
		out = append(out, c)
		line = line[i+n:]
	}
}

// escaped returns the length of the escape at the start of b and the character it represents. The length is 0 if that
// is not a letter or a digit. JSON has \u0061; Go's quotes also have \x61, \141 and \U00000061.
func escaped(b []byte) (n int, c byte) {
	digits, base := 0, rune(16)
	switch n = 2; {
	case b[1] == 'u':
		digits = 4
	case b[1] == 'U':
		digits = 8
	case b[1] == 'x':
		digits = 2
	case '0' <= b[1] && b[1] <= '7':
		n, digits, base = 1, 3, 8
	}
	r := rune(0)
	for i := range digits {
		d := rune(-1)
		if n+i < len(b) {
			d = hex(b[n+i])
		}
		if d < 0 || d >= base || r > 0xff {
			return n, 0
		}
		r = r*base + d
	}
	if r > 0x7f {
		return n + digits, 0
	}
	return n + digits, byte(r)
}

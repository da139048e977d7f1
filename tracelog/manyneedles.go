package tracelog

import (
	"bytes"
	"encoding/binary"
)

// Needles finds, in a lot of text, the few places where one of several words may be, in capitals or not.
// It looks at four bytes at a time, and mostly skips as many as the shortest word has (Wu and Manber, 1994).
type needles struct {
	words [][]byte // in small letters
	size  int      // of the shortest
	skip  [1 << skipBits]uint8
	pairs [1 << 16 / 64]uint64 // a bit for each two bytes that stand next to each other in a word
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

// minNeedle is the length of the shortest word that can be looked for.
const minNeedle = 4

// maxNeedle is how much of a word is looked for: what begins so is candidate enough.
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

// gram hashes the first four bytes, not minding the bit that tells capitals.
func gram(b []byte) uint32 {
	return (binary.LittleEndian.Uint32(b) | 0x20202020) * 0x9e3779b1 >> (32 - skipBits)
}

// find returns where, from i on, the first of the words may begin; -1 if none does.
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

// findEscape returns where, from i on, the first escape is that may stand for a letter or a digit; -1 if there is none.
// A line with one may have words in it that are not seen.
func findEscape(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 || i+n+1 == len(b) {
			return -1
		}
		switch i += n; b[i+1] {
		case '"', '\\', 'b', 'f', 'n', 'r', 't':
			i++ // not two: of \\u the second one may count within a string in a string
		default:
			return i
		}
	}
}

// findHiding returns where, from i on, the first escape is that may be in one of the words; -1 if there is none.
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
			// What is itself escaped could be anything.
			if b[next] == '\\' || n.hasPair(c, b[next]) || before >= 0 && n.hasPair(b[before], c) {
				return i
			}
		} else if c != 0 {
			return i
		}
		i++
	}
}

// mayHide reports whether one of the words may be in a line behind escapes. *buf is for its use.
func (n *needles) mayHide(line []byte, buf *[]byte) bool {
	b, ok := appendUnescaped((*buf)[:0], line)
	*buf = b
	return !ok || n.find(b, 0) >= 0
}

// appendUnescaped replaces whatever may stand for a letter or a digit, in whatever string within a string, by that.
// It reports false if something stands for a backslash, so that there may be more to replace.
func appendUnescaped(out, line []byte) ([]byte, bool) {
	for {
		i := findEscape(line, 0)
		if i < 0 {
			return append(out, line...), true
		}
		out = append(out, line[:i]...)
		for len(out) > 0 && out[len(out)-1] == '\\' { // of the string around
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

// escaped returns what the escape that b begins with stands for, and its length: 0 for what is no letter or digit.
// JSON has \u0061, Go's quotes have \x61, \141 and \U00000061 too.
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

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
}

const skipBits = 12

// minNeedle is the length of the shortest word that can be looked for.
const minNeedle = 4

// newNeedles returns nil if a word is too short.
func newNeedles(words []string) *needles {
	n := &needles{size: 255}
	for _, w := range words {
		if len(w) < minNeedle {
			return nil
		}
		n.size = min(n.size, len(w))
		folded := []byte(w)
		for i := range folded {
			folded[i] |= 0x20
		}
		n.words = append(n.words, folded)
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

func hasFolded(b, folded []byte) bool {
	if len(b) < len(folded) {
		return false
	}
	for i, c := range folded {
		if b[i]|0x20 != c {
			return false
		}
	}
	return true
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

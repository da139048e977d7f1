package tracelog

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A fastLine finds the known members of a JSON line and makes nothing of them. It takes the lines that it is sure of,
// whatever the order of their keys, and leaves all others to lineParser: those that are no valid object, above all.
// Where it takes a line, it says what lineParser would have said.
//
// Strings are looked at eight bytes at a time.
type fastLine struct {
	line    uint32 // the number of the line, so that members need not be cleared
	members [maxSlots]spot
	mask    uint64 // as in lineParser
	short   *shortKeys
	key     []byte // one that was escaped
	clock   *clock
	isText  bool      // so that all values are strings
	guesses [16]guess // by the key's place in the line
}

// A guess is the key, of up to seven bytes, that a line before had in some place: mostly it is there again,
// and then where its value begins need not be found out first.
type guess struct {
	word uint64 // the key with its closing quote, filled up with zeros; 0 if there is none, as no key is
	rest uint64 // what is filled up
	size uint8
	slot slot
}

// A spot is where a value stands in the buffer: of a string, what is between its quotes.
type spot struct {
	line     uint32 // in which it stands
	from, to int32
	kind     byte // the value's first byte
	plain    bool // of a string: it is ASCII without escapes, and so its own text
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// padding is how many bytes a fastLine may look at behind the last newline.
const padding = 16

// stops marks, with its highest bit, the first byte of eight that a JSON string cannot simply contain: quote,
// backslash, control character. Bits above the lowest one that is set mean nothing.
func stops(x uint64) uint64 {
	quote, slash := x^ones*'"', x^ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & highs
}

// scanString returns where the string ends that begins, behind its quote, at i; -1 if that is no valid string.
//
// It is plain if it is ASCII without escapes, and so its own text.
func scanString(b []byte, i int) (end int, plain bool) {
	other := uint64(0)
	for {
		x := binary.LittleEndian.Uint64(b[i:])
		m := stops(x)
		if m == 0 {
			other |= x
			i += 8
			continue
		}
		other |= x & ((m ^ (m - 1)) >> 8)
		i += bits.TrailingZeros64(m) >> 3
		switch b[i] {
		case '"':
			return i, other&highs == 0
		case '\\':
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if hex(b[i+2]) < 0 || hex(b[i+3]) < 0 || hex(b[i+4]) < 0 || hex(b[i+5]) < 0 {
					return -1, false
				}
				i += 6
			default:
				return -1, false
			}
			other = highs
		default:
			return -1, false
		}
	}
}

// scanNumber returns where the number ends that begins at i; -1 if it is not valid.
func scanNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if b[i] == '0' {
		i++
	} else {
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	if b[i] == '.' {
		i++
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	if b[i] == 'e' || b[i] == 'E' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		start := i
		for isDigit(b[i]) {
			i++
		}
		if i == start {
			return -1
		}
	}
	return i
}

// skipSpace stops at a newline, which is none within a line.
func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// parse reads the line that begins at i and ends with a newline; behind that, b has padding.
// It returns where the newline is, or -1 if it leaves the line to others.
func (f *fastLine) parse(b []byte, i int) int {
	f.begin()
	if b[i] != '{' {
		return -1
	}
	i++
	for at := 0; ; at++ {
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if b[i] != '"' {
			return -1 // an empty object, among others
		}
		i++
		// The key. Most have no more than eight bytes.
		start := i
		word := binary.LittleEndian.Uint64(b[i:])
		known := slot(0)
		if g := &f.guesses[at%len(f.guesses)]; word&^g.rest == g.word {
			i += int(g.size)
			known = g.slot
		} else if m := stops(word); m != 0 && b[i+bits.TrailingZeros64(m)>>3] == '"' && word&((m^(m-1))>>8)&highs == 0 {
			i += bits.TrailingZeros64(m) >> 3
			known = f.short.find(word & ((m ^ (m - 1)) >> 8))
			mask := m ^ (m - 1) // with the quote
			g.word, g.rest, g.size, g.slot = word&mask, ^mask, uint8(i-start), known
		} else {
			var ascii bool
			if i, ascii = scanString(b, i); i < 0 {
				return -1
			}
			key := b[start:i]
			if !ascii {
				f.key = appendPlain(f.key[:0], key)
				key = f.key
			}
			if len(key) > 0 && f.short.known[key[0]]>>min(len(key), 63)&1 != 0 {
				known = keySlot(key)
			}
		}
		i++
		if b[i] != ':' {
			if i = skipSpace(b, i); b[i] != ':' {
				return -1
			}
		}
		i++
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		// The value.
		c, from, ascii := b[i], i, false
		switch {
		case c == '"':
			from++
			if i, ascii = scanString(b, from); i < 0 {
				return -1
			}
		case c == '-' || isDigit(c):
			if i = scanNumber(b, i); i < 0 {
				return -1
			}
		default:
			if i = scanValue(b, i); i < 0 {
				return -1
			}
		}
		to := i
		if c == '"' {
			i++
		}
		if known != 0 {
			if c == '{' && nests[known] {
				return -1 // there may be fields in it
			}
			if m := &f.members[known]; m.line != f.line {
				// One by one: a spot that is made elsewhere and copied has the processor wait for its parts.
				m.line, m.from, m.to, m.kind, m.plain = f.line, int32(from), int32(to), c, ascii
				switch {
				case c == '"':
					f.mask |= known.bit()
				case numberIDs[known]:
					return -1
				}
			}
		}
		if b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if b[i] == ',' {
			i++
			continue
		}
		if b[i] != '}' {
			return -1
		}
		if i = skipSpace(b, i+1); b[i] != '\n' {
			return -1
		}
		return i
	}
}

// begin forgets the line before.
func (f *fastLine) begin() {
	if f.line++; f.line == 0 { // after four billion lines
		*f = fastLine{short: f.short, key: f.key, clock: f.clock, line: 1}
	}
	f.mask, f.isText = 0, false
}

// scanValue returns where the value ends that begins at i and is no string; -1 if it is not valid, or nested deep.
// It keeps its own stack, of the brackets still open: a bit each, 1 of an object.
func scanValue(b []byte, i int) int {
	const maxOpen = 60
	var objects uint64
	open := 0
	for {
		// Here a value begins.
		switch c := b[i]; {
		case c == '"':
			if i, _ = scanString(b, i+1); i < 0 {
				return -1
			}
			i++
		case c == '-' || isDigit(c):
			if i = scanNumber(b, i); i < 0 {
				return -1
			}
		case c == 't' && string(b[i:i+4]) == "true", c == 'n' && string(b[i:i+4]) == "null":
			i += 4
		case c == 'f' && string(b[i:i+5]) == "false":
			i += 5
		case c == '{' || c == '[':
			if open == maxOpen {
				return -1
			}
			if i = skipSpace(b, i+1); b[i] == c+2 { // '}' and ']' are two behind their opening ones in ASCII
				i++
				break
			}
			open++
			objects <<= 1
			if c == '{' {
				objects |= 1
				if i = scanKey(b, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			return -1
		}
		// Here a value has ended: close what ends with it, up to the next value.
		for {
			if open == 0 {
				return i
			}
			i = skipSpace(b, i)
			if b[i] == ',' {
				i = skipSpace(b, i+1)
				if objects&1 != 0 {
					if i = scanKey(b, i); i < 0 {
						return -1
					}
				}
				break
			}
			if objects&1 != 0 && b[i] != '}' || objects&1 == 0 && b[i] != ']' {
				return -1
			}
			i++
			objects >>= 1
			open--
		}
	}
}

// scanKey returns where the value begins whose key begins at i.
func scanKey(b []byte, i int) int {
	if b[i] != '"' {
		return -1
	}
	if i, _ = scanString(b, i+1); i < 0 {
		return -1
	}
	if i = skipSpace(b, i+1); b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

// shortKeys finds the known keys of up to seven bytes, which are most of those on a line, by one multiplication:
// as numbers they have a perfect hash.
type shortKeys struct {
	factor  uint64
	entries [1 << shortBits]struct {
		word uint64
		slot slot
	}

	known [256]uint64 // of all keys, by their first byte: a bit for each length
}

const shortBits = 8

// shortKeysOf makes it when it is first needed, behind the init functions that number the slots.
var shortKeysOf = sync.OnceValue(func() *shortKeys {
	for try := range uint64(1 << 20) {
		t := &shortKeys{factor: 0x9e3779b97f4a7c15 * (2*try + 1)}
		if t.add(slots) {
			return t
		}
	}
	panic("tracelog: shortBits is too small")
})

// add reports whether each key has a place of its own.
func (t *shortKeys) add(known map[string]slot) bool {
	for key, slot := range known {
		t.known[key[0]] |= 1 << min(len(key), 63)
		if len(key) > 7 {
			continue
		}
		var b [8]byte
		copy(b[:], key)
		word := binary.LittleEndian.Uint64(b[:])
		e := &t.entries[word*t.factor>>(64-shortBits)]
		if e.slot != 0 {
			return false
		}
		e.word, e.slot = word, slot
	}
	return true
}

// find returns the slot of a key, whose bytes are those of word, filled up with zeros; 0 if nothing is known of it.
func (t *shortKeys) find(word uint64) slot {
	if e := &t.entries[word*t.factor>>(64-shortBits)]; e.word == word {
		return e.slot
	}
	return 0
}

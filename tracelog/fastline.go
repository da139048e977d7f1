package tracelog

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A fastLine finds the known members of a JSON line without converting them. It accepts the lines that it can read
// reliably, in any order of their keys. It leaves all others to lineParser, above all those that are not valid
// objects. For a line that it accepts, its results are those of lineParser.
//
// Its marks show where strings end. One word of marks is usually enough for a key and its value. It has few
// instructions, and as few unpredictable branches as possible.
type fastLine struct {
	line    uint32 // the number of the line, so that members need not be cleared
	members [maxSlots]spot
	mask    uint64 // as in lineParser
	keys    *wordKeys
	key     []byte // the text of a key that was escaped
	clock   *clock
	escaped bool      // a key is, or is not ASCII
	nested  bool      // a value is an object or an array
	inside  bool      // what is read is not the whole line
	into    *fastWrap // reads the objects in which records have been; may be nil
	isText  bool      // so that all values are strings
	noted   int       // how many of notes belong to the line; -1 if there are too few notes
	notes   [maxNotes]note
	guesses [16]guess // by the key's position in the line
	choices [8]choice // of previous lines, by their masks
	head    head
	marks   marks // of the buffer
}

// A guess is the key, of up to seven bytes, that a previous line had at some position. It is usually there again, and
// then the start of its value is already known.
type guess struct {
	word uint64 // the key with its closing quote, padded with zeros
	mask uint64 // of the bytes that are not padding; see noGuesses
	size uint8
	slot slot
}

// A note is where a member of the line is in the buffer. For a string it is the range between its quotes.
type note struct {
	key, keyEnd int32
	from, to    int32
	slot        slot
	kind        byte // the value's first byte
	plain       bool // as in a spot
}

// maxNotes is how many members of a line are noted. It is a power of two.
const maxNotes = 64

// A spot is where a value is in the buffer. For a string it is the range between its quotes.
type spot struct {
	line     uint32 // the line that contains it
	from, to int32
	kind     byte   // the value's first byte
	plain    bool   // for a string: it is ASCII without escapes, and so its own text
	at       uint16 // its index among the line's members, from 0
}

// parse reads the line that begins at i and ends with a newline. After that, b must have padding. It returns the
// index of the newline, or -1 if it does not accept the line.
func (f *fastLine) parse(b []byte, i int) int {
	f.begin()
	if b[i] != '{' {
		return -1
	}
	i++
	if b[i] <= ' ' {
		i = skipSpace(b, i)
	}
	if b[i] != '"' {
		return -1 // an empty object, among others
	}
	for at := uint(0); ; at++ {
		// The key.
		i++
		known := slot(0)
		word := load8(b, i)
		note := &f.notes[at%maxNotes]
		note.key = int32(i)
		base, w := i, uint64(0) // marks from base on, the next of them that of the value's opening quote, if it has one
		c, from, to, ascii := byte('"'), 0, 0, false
		if g := &f.guesses[at%uint(len(f.guesses))]; word&g.mask == g.word {
			i += int(g.size)
			known = g.slot
			if load4(b, i)<<8 == '"'<<8|':'<<16|'"'<<24 {
				from = i + len(`":"`)
				if w = f.marks.from(from); w != 0 {
					to = from + bits.TrailingZeros64(w)
					ascii = b[to] == '"'
				}
			}
			if !ascii {
				base, w = i+1, f.marks.from(i+1)
			}
		} else {
			w = f.marks.from(i)
			n := uint(bits.TrailingZeros64(w))
			i += int(n)
			w &= w - 1
			if n < 8 && b[i] == '"' {
				known = f.keys.short.find(word & keyMasks[n])
				g.word, g.mask, g.size, g.slot = word&keyMasks[n+1], keyMasks[n+1], uint8(n), known
			} else if n <= 16 && b[i] == '"' {
				known = f.keys.long.find(word, load8(b, i-8), n)
			} else {
				if i, known = f.oddKey(b, base, f.marks.next(base)); i < 0 {
					return -1
				}
				base, w = i+1, f.marks.from(i+1)
			}
		}
		note.keyEnd, note.slot = int32(i), known
		if ascii {
			i = to + 1 // a text that directly follows the key that was guessed, as usual
		} else {
			// What is between the key and the value.
			i++
			if b[i] == ':' && b[i+1] > ' ' {
				i++
			} else if first, second, ok := twoBehindSpaces(b, i); ok && b[first] == ':' {
				w >>= uint(second-base) & 63 // which is less than 64; tabs are marked, too
				base, i = second, second
			} else if i = skipMark(b, i, ':'); i < 0 {
				return -1
			} else {
				base, w = i, f.marks.from(i)
			}
			// The value.
			c, from, to = b[i], i, i
			if c == '"' {
				from++
				w &= w - 1
				if to = base + bits.TrailingZeros64(w); w == 0 {
					to = f.marks.next(from)
				}
				if ascii = true; b[to] != '"' {
					if f.into != nil {
						to, ascii = f.into.enterText(f, b, b[note.key:note.keyEnd], from, to), false
					} else {
						to, ascii = f.marks.scanRest(b, to)
					}
					if to < 0 {
						return -1
					}
				}
				i = to + 1
			} else {
				if c == '-' || isDigit(c) {
					i = scanNumber(b, i)
				} else {
					f.nested = f.nested || c == '{' || c == '['
					if c == '{' && f.into != nil {
						i = f.into.enter(f, b, b[note.key:note.keyEnd], i)
					} else {
						i = f.marks.scanValue(b, i)
					}
				}
				if i < 0 || numberIDs[known] || c == '{' && nests[known] { // it may contain fields
					return -1
				}
				to = i
			}
		}
		note.from, note.to, note.kind, note.plain = int32(from), int32(to), c, ascii
		// Members of no slot have a spot too: skipping them would be an unpredictable branch.
		if m := &f.members[known]; m.line != f.line {
			// Field by field: if a spot were made elsewhere and copied, the processor would wait for its parts.
			m.line, m.from, m.to, m.kind, m.plain, m.at = f.line, int32(from), int32(to), c, ascii, uint16(at)
			if c == '"' {
				f.mask |= slotBits[known]
			}
			f.members[0].line = 0
		}
		if b[i] == ',' && b[i+1] == '"' {
			i++
			continue
		}
		if b[i] != '}' {
			if first, second, ok := twoBehindSpaces(b, i); ok && b[first] == ',' && b[second] == '"' {
				i = second
				continue
			}
			if j := skipMark(b, i, ','); j >= 0 && b[j] == '"' {
				i = j
				continue
			}
			if i = skipSpace(b, i); b[i] != '}' {
				return -1
			}
		}
		end := i + 1
		if i = skipSpace(b, end); b[i] != '\n' || at > maxAt {
			if b[i] == ',' && !f.inside { // of an array with a record on each line
				i = skipSpace(b, i+1)
			}
			if f.inside {
				i = end
			} else if b[i] != '\n' {
				return -1
			}
			if at > maxAt {
				return -1
			}
		}
		if at++; at > maxNotes {
			f.noted = -1
		} else {
			f.noted = int(at)
		}
		return i
	}
}

// oddKey returns where the key that begins at start ends, and its slot, or -1 if it is not valid. i is its first
// mark. It is for keys that are long or escaped.
func (f *fastLine) oddKey(b []byte, start, i int) (int, slot) {
	if b[i] == '"' {
		return i, keySlot(b[start:i])
	}
	if i, _ = f.marks.scanRest(b, i); i < 0 {
		return -1, 0
	}
	f.escaped = true
	f.key = appendWords(f.key[:0], b, start, i)
	return i, keySlot(f.key)
}

// appendWords is appendPlain of b[i:end]. After that, b must have padding.
func appendWords(out, b []byte, i, end int) []byte {
	for i < end {
		x := load8(b, i)
		odd := ^(differ(x, '\\') &^ x) & highs
		n := min(bits.TrailingZeros64(odd)>>3, end-i)
		out = binary.LittleEndian.AppendUint64(out, x)
		out = out[:len(out)-8+n]
		if i += n; n < 8 && i < end {
			out, i = appendOdd(out, b[:end], i)
		}
	}
	return out
}

// twoBehindSpaces returns the indexes of the first two of the next eight bytes that are neither a space nor a tab. It
// has no branches, because they would be unpredictable.
func twoBehindSpaces(b []byte, i int) (first, second int, ok bool) {
	m := notSpaces(load8(b, i))
	rest := m & (m - 1)
	return i + bits.TrailingZeros64(m)>>3, i + bits.TrailingZeros64(rest)>>3, rest != 0
}

// begin forgets the previous line.
func (f *fastLine) begin() {
	if f.line++; f.line == 0 { // after four billion lines
		*f = fastLine{keys: f.keys, key: f.key, clock: f.clock, marks: f.marks, inside: f.inside, into: f.into, line: 1}
		f.noGuesses()
	}
	f.mask, f.isText, f.escaped, f.nested = 0, false, false, false
}

// layout is lineParser's preset.
func (f *fastLine) layout() *layout {
	f.findHead()
	mask := f.mask
	if mask&decisive == 0 {
		return &layouts[0]
	}
	if mask = f.head.forget(mask) & decides; mask == 0 {
		return &layouts[0] // the zero choices have this mask
	}
	c := &f.choices[mask*0x9e3779b97f4a7c15>>61]
	if c.mask != mask {
		*c = choiceOf(mask)
	}
	if c.pairs == nil {
		return c.layout
	}
	return c.resolve(f)
}

// findHead sets the head. Most lines begin like the previous one.
func (f *fastLine) findHead() {
	h := &f.head
	t, l, m := &f.members[h[fieldTime]], &f.members[h[fieldLevel]], &f.members[h[fieldMessage]]
	if t.line == f.line && l.line == f.line && m.line == f.line && t.at == 0 && l.at == 1 && m.at == 2 &&
		t.kind == '"' && l.kind == '"' && m.kind == '"' {
		h[fieldSource] = 0
		return
	}
	var first [headSize]slot
	timed := false
	for _, s := range layouts[0].slots[fieldTime] {
		if m := &f.members[s]; m.line == f.line {
			timed = true
			if m.at == 0 && m.isTime() {
				first[0] = s
			}
		}
	}
	if first[0] == 0 && timed {
		*h = head{}
		return
	}
	for _, s := range builtinSlots {
		if m := &f.members[s]; m.line == f.line && m.at < headSize && (m.kind == '"' || builtins[s] == fieldSource+1) {
			first[m.at] = s
		}
	}
	*h = headOf(first, timed)
}

func (s *spot) isTime() bool { return s.kind == '"' || isDigit(s.kind) }

// position implements placer.
func (f *fastLine) position(s slot) position {
	if m := &f.members[s]; m.line == f.line && m.kind == '"' {
		return rootPosition * position(m.at)
	}
	return noPosition
}

// maxAt is the largest index of a member. A line with more is left to lineParser.
const maxAt = math.MaxUint16 - 1

// noGuesses sets guesses that match no key: of no bytes, and yet not 0.
func (f *fastLine) noGuesses() {
	for i := range f.guesses {
		f.guesses[i].word = 1
	}
}

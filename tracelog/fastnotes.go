package tracelog

// A note is where a member of the line is in the buffer. For a string it is the range between its quotes.
type note struct {
	key, keyEnd int32
	from, to    int32
	kind        byte // the value's first byte
	plain       bool // as in a spot
}

// maxNotes is how many members of a line can be noted. It is a power of two.
const maxNotes = 64

// all returns the notes of the members of the JSON line that parse has accepted in b. It is not ok if there are more than maxNotes.
// Few lines need them, so parse keeps only where the values end.
func (f *fastLine) all(b []byte) (notes []note, ok bool) {
	if f.count > maxNotes {
		return nil, false
	}
	notes = f.notes[:f.count]
	if f.noted {
		return notes, true
	}
	f.noted = true
	key := f.from
	for at := range notes {
		keyEnd, _ := f.marks.scanString(b, key)
		from := skipMark(b, keyEnd+1, ':')
		n := &notes[at]
		*n = note{int32(key), int32(keyEnd), int32(from), f.ends[at], b[from], false}
		end := int(n.to)
		if n.kind == '"' {
			n.from++
			n.plain = f.marks.next(from+1) == end
			end++
		}
		key = skipMark(b, end, ',') + 1
	}
	return notes, true
}

// slotOf returns the slot of a member's key.
func (f *fastLine) slotOf(b []byte, n *note) slot {
	if f.hasOddKey(n) {
		f.key = appendWords(f.key[:0], b, int(n.key), int(n.keyEnd))
		return keySlot(f.key)
	}
	return f.keys.find(b, int(n.key), int(n.keyEnd))
}

// hasOddKey reports whether a member's key is escaped, or not ASCII.
func (f *fastLine) hasOddKey(n *note) bool {
	return f.escaped && f.marks.next(int(n.key)) < int(n.keyEnd)
}

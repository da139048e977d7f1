package tracelog

import "bytes"

// An around is what was around the last record of a list, in an object with one record in it. In most lists it is the same
// around all records, but for texts and numbers.
type around struct {
	members []aroundMember // none if they are not known
	unlike  int            // how often in a row another one was not like the last one
}

type aroundMember struct {
	key    []byte
	record bool   // the value is the record
	value  []byte // nil if any other flat value would do
}

// learn remembers the members of the object that outer has read, in which w has found a record. It forgets all of them if one may have a
// meaning for the record that depends on its text.
func (a *around) learn(w *fastWrap, outer *fastLine, b []byte) {
	a.members = a.members[:0]
	if a.unlike++; a.unlike > 8 && a.unlike%64 != 0 {
		return // nearly all are different
	}
	for i := range outer.notes[:outer.noted] {
		n := &outer.notes[i]
		m := aroundMember{record: int(n.from) == w.entered}
		if !m.record && (n.slot != 0 || w.key(b, n).line) {
			a.members = a.members[:0]
			return
		}
		if m.key = bytes.Clone(b[n.key:n.keyEnd]); !m.record && !n.isFlat(b) {
			m.value = bytes.Clone(b[n.from:n.to])
		}
		a.members = append(a.members, m)
	}
}

// isAlike reports whether an object differs from the last one in nothing else but its record, and in flat values.
func (a *around) isAlike(w *fastWrap, outer *fastLine, b []byte) bool {
	if outer.noted != len(a.members) || outer.escaped {
		return false
	}
	for i := range a.members {
		m, n := &a.members[i], &outer.notes[i]
		if m.record != (int(n.from) == w.entered) || !bytes.Equal(b[n.key:n.keyEnd], m.key) {
			return false
		}
		switch {
		case m.record:
		case m.value == nil && !n.isFlat(b), m.value != nil && !bytes.Equal(b[n.from:n.to], m.value):
			return false
		}
	}
	a.unlike = 0
	return true
}

// isFlat reports whether nothing can be in a value: it is a number, a word, a string without quotes, or a short array of numbers and
// words.
func (n *note) isFlat(b []byte) bool {
	switch n.kind {
	case '{':
		return false
	case '[':
		return n.to-n.from < 128 && !bytes.ContainsAny(b[n.from+1:n.to], `{["`)
	}
	return n.kind != '"' || n.plain
}

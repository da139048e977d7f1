package tracelog

import (
	"bytes"
	"slices"
)

// maxBeside is how many bytes of what is around an array are repeated for each of its records. So the lines have
// no more than a constant multiple of the bytes of the whole.
const maxBeside = 2 << 10

// beside is what is around the records of an array.
type beside struct {
	members []member
	size    int    // of their texts
	path    []byte // of keys, each with a dot after it, from the innermost array on
	key     []byte // the last one
}

// into returns what is around the value of a key: also the object's other members.
func (b beside) into(key []byte, ms []member, at int) beside {
	b.members = slices.Clip(b.members)
	for i := range ms {
		if m := &ms[i]; i != at && m.value[0] != '[' {
			b.add(m)
		}
	}
	b.path = append(append(bytes.Clone(b.path), key...), '.')
	b.key = key
	return b
}

// add adds a member, unless there are too many.
func (b *beside) add(m *member) {
	n := len(b.path) + len(m.key) + len(m.value)
	if b.size+n > maxBeside {
		return
	}
	b.size += n
	key := append(bytes.Clone(b.path), m.key...)
	b.members = append(b.members, member{key: key, value: m.value, slot: keySlot(key)})
}

func (b *beside) addText(key string, text []byte) {
	if len(text) > 0 {
		path := b.path
		b.path = nil
		b.add(&member{key: []byte(key), value: appendQuoted(nil, text)})
		b.path = path
	}
}

// appendTo appends the members to those of an object, each with a comma before it. A member gets another name that
// could be taken for the record's id or message, or for a time or a level that the object has itself.
func (b *beside) appendTo(line []byte, s signs) []byte {
	for i := range b.members {
		m := &b.members[i]
		line = append(line, ',')
		f := builtins[m.slot]
		if m.slot.bit()&(traceSlots|spanSlots) != 0 || f == fieldMessage+1 || s.time && f == fieldTime+1 || s.level && f == fieldLevel+1 {
			line = appendQuoted(line, append([]byte("attr."), m.key...))
		} else {
			line = appendQuoted(line, m.key)
		}
		line = append(append(line, ':'), m.value...)
	}
	return line
}

package tracelog

import "time"

// A lineParser makes entries of lines, of whatever form. It remembers nothing from one line to the next
// but strings that are often the same. It is not for use by several goroutines; its zero value shares no strings.
type lineParser struct {
	in interner

	// Of the line that was parsed last, until the next one.
	members []member
	reason  string // of a bad line: why it is none. Holds nothing of the line's text
	cut     bool   // of a bad line: it ends inside its JSON object
	content []byte // of a bad line: without prefixes
	chunk   chunk  // of a part

	// What stands around the record, for fields that the record itself leaves open.
	at      time.Time
	service string

	wrapped bool            // the line stood inside another one
	isText  bool            // the members are those of a text line
	stamped bool            // the time is the record's own though no member has it, as in text of two forms
	first   [maxSlots]int32 // by slot: one more than the index of the first such member; all 0 between lines
	mask    uint64          // the slots of those that may be ids
	head    head
	nested  bool // some of the members are of objects of others
	layout  *layout
}

// A chunk is what one entry of a container's log holds: a line, or a part of it.
type chunk struct {
	at      []byte // a time
	stream  string // "stdout", "stderr"
	partial bool   // the line goes on in the stream's next entry
	content []byte // without a newline
}

// An interner keeps one copy of strings that come again and again. A nil one keeps none.
type interner map[string]string

func (in interner) string(b []byte) string {
	if s, ok := in[string(b)]; ok {
		return s
	}
	s := string(b)
	if in != nil && len(s) <= 64 && len(in) < 4096 {
		in[s] = s
	}
	return s
}

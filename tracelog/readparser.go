package tracelog

import "time"

// A lineParser makes entries from lines of any form. From one line to the next it remembers only strings that are
// often the same. It is not safe for concurrent use. Its zero value shares no strings.
type lineParser struct {
	in interner

	// Valid for the last line that was parsed, until the next one.
	members []member
	reason  string // for a bad line: why it is not a record. Contains nothing of the line's text
	cut     bool   // for a bad line: it ends inside its JSON object
	content []byte // for a bad line: the line without prefixes
	chunk   chunk  // for a part

	// Data around the record, for fields that the record itself does not have.
	at      time.Time
	service string

	wrapped  bool            // the line was inside an entry of a container's log or of the journal
	around   surrounding     // what else is around the record
	leveled  bool            // of look: an object around has the time and the level of the record
	deep     []member        // of look
	scratch  *lineParser     // likewise
	many     [][]byte        // if the line has several records: a line for each
	short    *shortened      // what is parsed is the text of this; may be nil
	shape    *Shape          // of lines that are parsed with shaped
	shaping  bool            // the line is one of these
	reshaped bool            // p.many are lines that the shape has made
	isText   bool            // the members are those of a text line
	stamped  bool            // the time is the record's own, although no member has it, as in text of two forms
	first    [maxSlots]int32 // by slot: one more than the index of the first such member; all 0 between lines
	mask     uint64          // the slots of members that may be ids
	head     head
	nested   bool // some of the members are inside objects of others
	layout   *layout
}

// A chunk is the content of one entry of a container's log: a line, or a part of it.
type chunk struct {
	at      []byte // a time
	stream  string // "stdout", "stderr"
	partial bool   // the line continues in the stream's next entry
	content []byte // without a newline
}

// An interner keeps one copy of repeated strings. A nil interner keeps none.
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

// A verdict is lineParser.parse's result for a line.
type verdict uint8

const (
	isRecord verdict = iota
	isBlank
	isPart // of a line that continues in a later one: p.chunk is this one's part; see [joiner]
	isMany // p.many are the lines of its records
	isBad
)

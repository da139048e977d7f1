package tracelog

import (
	"bytes"
	"time"
)

// A lineParser makes entries of lines, of whatever form. It remembers nothing from one line to the next
// but strings that are often the same. It is not for use by several goroutines; its zero value shares no strings.
type lineParser struct {
	in interner

	// Of the line that was parsed last, until the next one.
	members []member
	reason  string // of a bad line: why it is none. Holds nothing of the line's text
	cut     bool   // of a bad line: it ends inside its JSON object

	// What stands around the record, for fields that the record itself leaves open.
	at      time.Time
	service string

	isText bool            // the members are those of a text line
	first  [maxSlots]int32 // by slot: one more than the index of the first such member; all 0 between lines
	mask   uint64          // the slots of those that may be ids
	layout *layout
}

// A verdict is what lineParser.parse says of a line.
type verdict uint8

const (
	isRecord verdict = iota
	isBlank
	isBad
)

// parse reads one line, without its newline, into e: all fields but File, Line and Raw, which it leaves alone.
// Unless it returns isRecord, what it leaves in e is of no use. It keeps no reference to the line beyond p.members.
func (p *lineParser) parse(line []byte, e *Entry) verdict {
	*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
	p.at, p.service, p.isText = time.Time{}, "", false
	if blank(line) {
		return isBlank
	}
	return p.object(line, e)
}

// object reads a line that is one JSON object.
func (p *lineParser) object(line []byte, e *Entry) verdict {
	var err *syntaxError
	if p.members, err = appendMembers(p.members[:0], line); err != nil {
		p.reason, p.cut = err.Error(), err.cut
		return isBad
	}
	p.fill(e, nil)
	return isRecord
}

// blank reports whether a line holds nothing but space.
func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\r\n")) == 0 }

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

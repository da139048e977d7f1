package tracelog

// A lineParser makes entries of lines, of whatever form. It remembers nothing from one line to the next
// but strings that are often the same. It is not for use by several goroutines; its zero value shares no strings.
type lineParser struct {
	in interner

	// Of the line that was parsed last, until the next one.
	members []member // of a record
	reason  string   // of a bad line: why it is none. Holds nothing of the line's text
	cut     bool     // of a bad line: it ends inside its JSON object
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
	if blank(line) {
		return isBlank
	}
	var err *syntaxError
	if p.members, err = appendMembers(p.members[:0], line); err != nil {
		p.reason, p.cut = err.Error(), err.cut
		return isBad
	}
	e.fill(p.members, p.in)
	return isRecord
}

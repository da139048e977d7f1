package tracelog

import (
	"bytes"
	"slices"
)

// An object may be printed on many lines that all have a prefix, as those of several programs that alternate:
//
//	api-1  | {
//	web-1  | listening
//	api-1  |   "msg": "seat held"
//	api-1  | }
//
// The lines of an object are those with its prefix: the same text, except for times. It is read as one line with the
// prefix of its first line.
//
// While an object is open, all lines behind its first one are held. So records are passed on in the order of their
// lines, and lines that are no object after all are read as if none had been looked for.
type printedLines struct {
	held []heldLine // from the first line of the oldest object on that is open
	size int        // the bytes of held
	open []*printedObject
}

// A heldLine is a line that waits, without its newline.
type heldLine struct {
	number int
	text   []byte
	of     *printedObject // nil for a line of no object
	last   bool           // it has no newline
}

// A printedObject is an object whose lines have a prefix.
type printedObject struct {
	document
	prefix linePrefix
	is     printedState
	known  bool // the prefix has a known form, or a second line has it
	seen   int  // the number of its last line
	last   bool // that line has no newline
}

type printedState uint8

const (
	printedOpen   printedState = iota
	printedWhole               // it has ended and has not been read
	printedRead                // it has been read
	printedFailed              // its lines are read one by one
)

const (
	// maxApart is how many lines of others may be between two lines of an object.
	maxApart = 256
	// maxPrinted is how many objects may be open.
	maxPrinted = 32
	// maxLinePrefix is how long the prefix of such lines may be.
	maxLinePrefix = 512
)

// addPrinted takes a line into the object whose prefix it has. Text is the line without escape codes.
func (s *scanner) addPrinted(line, text []byte, last bool) bool {
	for _, o := range s.printed.open {
		rest, ok := o.prefix.cut(text)
		if !ok {
			continue
		}
		n := o.lexer.feed(rest)
		if o.lexer.want == docFailed || len(bytes.TrimSpace(rest[n:])) > 0 {
			s.endPrinted(o, printedFailed)
			s.release()
			return false // it may begin another object
		}
		o.text = appendCompact(o.text, rest)
		o.lines++
		o.known, o.seen, o.last = true, s.Lines, last
		s.hold(line, o, last)
		if o.lexer.want == docDone {
			s.endPrinted(o, printedWhole)
			s.release()
		}
		return true
	}
	return s.unprefixed(line, text, last)
}

// unprefixed looks at the line behind the first one of an object if the two do not have the same prefix. If it continues
// the object, only the first line has a prefix, and the object is a usual document. Else lines of others may be between
// them, unless the first line is any text that ends in a brace.
func (s *scanner) unprefixed(line, text []byte, last bool) bool {
	p := &s.printed
	if len(p.held) == 0 {
		return false
	}
	h := p.held[len(p.held)-1]
	o := h.of
	if o == nil || o.lines > 1 || o.is != printedOpen {
		return false
	}
	isEntry := bytes.HasPrefix(h.text, []byte(`{"`)) // which is a line of its own
	if text = bytes.TrimLeft(text, " \t"); !isEntry && len(text) > 0 && (text[0] == '"' || text[0] == '}') {
		p.held = p.held[:len(p.held)-1]
		p.size -= len(h.text)
		s.endPrinted(o, printedFailed)
		s.giveUpPrinted()
		opening := bytes.TrimSuffix(o.raw, []byte("\n"))
		blanks, _ := withoutBlanks(opening)
		if s.spare.begins(opening, blanks+o.start, o.first) {
			s.doc = &s.spare
			s.continues(line, last)
			return true
		}
	}
	if !o.known {
		s.endPrinted(o, printedFailed)
		s.release()
	}
	return false
}

// beginPrinted reports whether the line begins an object behind a prefix, and takes it.
func (s *scanner) beginPrinted(line, text []byte, last bool) bool {
	start := prefixedOpening(text)
	if start < 0 {
		return false
	}
	o := new(printedObject)
	if !o.begins(text, start, s.Lines) {
		return false
	}
	o.prefix = newLinePrefix(text[:start])
	o.known, o.seen, o.last = s.parser.isPrefix(text[:start+1]), s.Lines, last
	p := &s.printed
	if len(p.open) == maxPrinted {
		s.endPrinted(p.held[0].of, printedFailed)
		s.release()
	}
	p.open = append(p.open, o)
	s.hold(line, o, last)
	return true
}

// plainText returns a line without escape codes. An entry of docker's json-file becomes one in the form of CRI, which has
// a prefix. So does a line in another object, if it begins a printed object, or may belong to one.
func (s *scanner) plainText(line []byte) []byte {
	text := cutEscapes(line)
	if bytes.HasPrefix(text, []byte(`{"log":"`)) {
		if c, ok := s.parser.container(text); ok && !c.partial {
			return c.appendTo(nil)
		}
	}
	if len(s.printed.open) > 0 && len(text) > 0 && text[0] == '{' || opensEntry(text) {
		if entry := printedEntry(text); entry != nil {
			return entry
		}
	}
	return text
}

// prefixedOpening returns where the brace is at the end of a line that begins an object behind a text, or -1.
func prefixedOpening(text []byte) int {
	end := bytes.TrimRight(text, " \t\r")
	n := len(end) - 1
	if n < 1 || n > maxLinePrefix || end[n] != '{' || end[n-1] != ' ' && end[n-1] != '\t' && end[n-1] != ':' {
		return -1
	}
	switch before := bytes.TrimLeft(end[:n], " \t"); {
	case len(before) == 0:
		return -1
	case before[0] == '{', before[0] == '[', before[0] == ',':
		var l docLexer
		if rest, ok := cutArray(before); ok && len(rest) == 0 {
			return -1
		}
		if l.feed(before); l.want < docDone {
			return -1 // it is JSON
		}
	}
	return n
}

// isPrefix reports whether a line that ends in a brace has nothing else but prefixes of known forms.
func (p *lineParser) isPrefix(line []byte) bool {
	p.begin()
	for range maxPrefixes {
		if line = bytes.TrimLeft(line, " \t"); len(line) <= 1 {
			return true
		}
		if c, ok := cutCRI(line); ok && c.partial {
			return false
		}
		if rest, ok := p.cutLabels(line); line[0] == '{' && ok {
			line = rest
			continue
		}
		rest, ok := p.cutPrefix(line)
		if !ok {
			return false
		}
		line = rest
	}
	return false
}

// hold keeps a line until those before it have been read.
func (s *scanner) hold(line []byte, o *printedObject, last bool) {
	p := &s.printed
	p.held = append(p.held, heldLine{number: s.Lines, text: bytes.Clone(line), of: o, last: last})
	p.size += len(line)
	for _, o := range slices.Clone(p.open) {
		if s.Lines-o.seen > maxApart || p.size > maxLine && o == p.held[0].of {
			s.endPrinted(o, printedFailed)
			s.release()
		}
	}
}

func (s *scanner) endPrinted(o *printedObject, is printedState) {
	o.is = is
	s.printed.open = slices.DeleteFunc(s.printed.open, func(other *printedObject) bool { return other == o })
}

// endOfPrinted gives up the objects that are open if the line was the last one, and has no newline.
func (s *scanner) endOfPrinted(last bool) {
	if last {
		s.giveUpPrinted()
	}
}

// giveUpPrinted reads the lines one by one of all objects that are open.
func (s *scanner) giveUpPrinted() {
	for len(s.printed.open) > 0 {
		s.endPrinted(s.printed.open[0], printedFailed)
	}
	s.release()
}

// release reads what is held, up to an object that is open.
func (s *scanner) release() {
	p := &s.printed
	lines := s.Lines
	n := 0
	for n < len(p.held) && (p.held[n].of == nil || p.held[n].of.is != printedOpen) {
		h := &p.held[n]
		n++
		p.size -= len(h.text)
		s.Lines = h.number
		if o := h.of; o != nil && o.is == printedWhole {
			o.is = printedRead
			s.doc = &o.document
			if !s.document(o.last) {
				o.is = printedFailed
			}
			s.doc = nil
		}
		if h.of == nil || h.of.is == printedFailed {
			s.single(h.text, h.last)
		}
	}
	p.held = slices.Delete(p.held, 0, n)
	s.Lines = lines
}

// single reads a line that is not of a document.
func (s *scanner) single(line []byte, last bool) {
	switch {
	case !s.mayBegin() || s.joiner.pending() || len(bytes.TrimSpace(line)) == 0:
	case bytes.IndexByte(line, '{') >= 0:
		s.intro += 1 + len(line)/longIntro
	default:
		s.banner++
	}
	s.whole(line, last)
}

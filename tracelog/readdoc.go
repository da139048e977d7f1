package tracelog

import "bytes"

// A document is JSON on many lines: objects that are printed on several lines each, alone or in an array; or one object
// with everything in it, as a store's answer. A document is read as if it were on one line, which then has one record
// or several. If it is long, the elements of its outermost array are read in parts.
//
// Documents are looked for in the first lines of an input only, so that usual logs can be read by all cores, from any
// line on. Once there was a document, there may be more of them anywhere.
type document struct {
	lexer  docLexer
	text   []byte // so far, from the beginning of the first line on
	start  int    // of the JSON in text
	first  int    // the number of the first line
	lines  int
	parts  int // how many parts of it have been read
	shared int // records of those parts
}

const (
	// maxIntro is how many lines that are not blank an input may begin with, before its first document.
	maxIntro = 20
	// maxPart is how long a document can become before a part of it is read.
	maxPart = 8 << 20
	// maxRetried is how many lines are read one by one if what they seemed to begin is not JSON.
	maxRetried = 100
)

// A docLexer finds where a JSON value ends that arrives in pieces. It checks the structure, not the form of numbers
// and words, which lineParser does.
type docLexer struct {
	stack   []byte // the open brackets
	want    docWant
	escaped bool // in a string, behind a backslash
	word    bool // in a number or a word

	// For the outermost array: its depth in the stack, from 1 on, where it begins behind its bracket, and where its last
	// complete element ends. They are 0 if there is none. at counts all bytes.
	array, head, last int
	at                int
}

type docWant uint8

const (
	wantValue docWant = iota
	wantValueOrEnd
	wantKey
	wantKeyOrEnd
	wantColon
	wantCommaOrEnd
	inString
	inKey
	docDone
	docFailed
)

// feed reads more of the value, up to its end. It returns how many bytes belong to it. Afterwards, want may be docDone
// or docFailed.
func (d *docLexer) feed(b []byte) int {
	for i, c := range b {
		if d.next(c); d.want >= docDone {
			d.at += i + 1
			return i + 1
		}
		if d.want == wantCommaOrEnd && d.array > 0 && len(d.stack) == d.array && !d.word && (c == '}' || c == ']' || c == '"') {
			d.last = d.at + i + 1
		}
		if d.array == 0 && c == '[' && d.want == wantValueOrEnd {
			d.array, d.head = len(d.stack), d.at+i+1
		}
		if d.array > len(d.stack) {
			d.array, d.head, d.last = 0, 0, 0 // it has ended; there may be another
		}
	}
	d.at += len(b)
	return len(b)
}

func (d *docLexer) next(c byte) {
	if d.want == inString || d.want == inKey {
		switch {
		case d.escaped:
			d.escaped = false
		case c == '\\':
			d.escaped = true
		case c == '"' && d.want == inKey:
			d.want = wantColon
		case c == '"':
			d.want = wantCommaOrEnd
		case c < ' ':
			d.want = docFailed
		}
		return
	}
	if d.word {
		if c >= '0' && c <= '9' || isLetter(c) || c == '.' || c == '-' || c == '+' {
			return
		}
		d.word = false
	}
	if isSpace(c) || c == '\n' {
		return
	}
	switch d.want {
	case wantColon:
		if d.want = docFailed; c == ':' {
			d.want = wantValue
		}
		return
	case wantKey, wantKeyOrEnd:
		switch {
		case c == '"':
			d.want = inKey
		case c == '}' && d.want == wantKeyOrEnd:
			d.pop()
		default:
			d.want = docFailed
		}
		return
	case wantCommaOrEnd:
		top := d.stack[len(d.stack)-1]
		switch {
		case c == top+2: // in ASCII, '}' and ']' are two after their opening brackets
			d.pop()
		case c == ',' && top == '{':
			d.want = wantKey
		case c == ',':
			d.want = wantValue
		default:
			d.want = docFailed
		}
		return
	}
	switch {
	case c == ']' && d.want == wantValueOrEnd:
		d.pop()
	case c == '{' || c == '[':
		if len(d.stack) >= maxDepth {
			d.want = docFailed
			return
		}
		d.stack = append(d.stack, c)
		if d.want = wantKeyOrEnd; c == '[' {
			d.want = wantValueOrEnd
		}
	case len(d.stack) == 0:
		d.want = docFailed // documents are objects and arrays
	case c == '"':
		d.want = inString
	case isDigit(c) || isLetter(c) || c == '-' || c == '+':
		d.word, d.want = true, wantCommaOrEnd
	default:
		d.want = docFailed
	}
}

func (d *docLexer) pop() {
	d.stack = d.stack[:len(d.stack)-1]
	if d.want = wantCommaOrEnd; len(d.stack) == 0 {
		d.want = docDone
	}
}

// opening returns where in a line the JSON begins that may be a document, or -1.
func opening(line []byte) int {
	i := 0
	for i < len(line) && isSpace(line[i]) {
		i++
	}
	if i == len(line) {
		return -1
	}
	if rest, ok := cutArray(line[i:]); ok {
		if len(rest) == 0 {
			return -1
		}
		return len(line) - len(rest)
	}
	if line[i] == '{' || line[i] == '[' {
		return i
	}
	// Behind a prefix, it must be the end of the line.
	end := bytes.TrimRight(line, " \t\r")
	if n := len(end); n > 1 && end[n-1] == '{' && (end[n-2] == ' ' || end[n-2] == '\t' || end[n-2] == ':') {
		return n - 1
	}
	return -1
}

// begins reports whether a line begins a document, and takes it. The JSON of the line begins at start.
func (d *document) begins(line []byte, start, number int) bool {
	d.begin(start, number)
	d.lexer.feed(line[start:])
	if d.lexer.want >= docDone {
		return false
	}
	d.text = append(append(d.text[:0], line...), '\n')
	d.lexer.at++
	return true
}

func (d *document) begin(start, number int) {
	*d = document{lexer: docLexer{stack: d.lexer.stack[:0]}, text: d.text[:0], start: start, first: number, lines: 1}
	if cap(d.text) > maxPart {
		d.text = nil
	}
}

// compact returns JSON on one line.
func compact(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		out = append(out, bytes.Trim(line, " \t\r\n")...)
	}
	return out
}

// part returns the JSON up to the last complete element of the outermost array, as a document of its own, and keeps the
// rest. It returns nil if there is no such element.
func (d *document) part() []byte {
	l := &d.lexer
	if l.array == 0 || l.last == 0 || l.head > maxBeside*8 {
		return nil
	}
	last, head := d.start+l.last, d.start+l.head
	part := compact(d.text[:last])
	for i := l.array - 1; i >= 0; i-- {
		part = append(part, l.stack[i]+2)
	}
	rest := append(bytes.Clone(d.text[:head]), afterComma(d.text[last:])...)
	l.at, l.last = len(rest)-d.start, 0
	d.text = rest
	d.parts++
	return part
}

// afterComma cuts the comma behind an element.
func afterComma(b []byte) []byte {
	rest := bytes.TrimLeft(b, " \t\r\n")
	if len(rest) > 0 && rest[0] == ',' {
		return rest[1:]
	}
	return b
}

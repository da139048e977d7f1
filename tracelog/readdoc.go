package tracelog

import (
	"bytes"
	"slices"
)

// A document is JSON on many lines: objects that are printed on several lines each, alone or in an array; or one object
// with everything in it, as a store's answer. A document is read as if it were on one line, which then has one record
// or several. If it is long, the elements of its outermost array are read in parts.
//
// Documents are looked for in the first lines of an input only, so that usual logs can be read by all cores, from any
// line on. Once there was a document, there may be more of them anywhere.
type document struct {
	lexer   docLexer
	text    []byte // so far, on one line, from the beginning of the first line on
	raw     []byte // its lines so far, each with a newline; nil once a part of it has been read
	size    int    // how many bytes came that are in text
	start   int    // of the JSON in text
	first   int    // the number of the first line
	lines   int
	behind  bool // it begins behind another document, on a line that counts for that one
	parts   int  // how many parts of it have been read
	shared  int  // records of those parts
	untimed bool // it is no record, and has none
	loose   int  // where the text ends that takeLines has not taken: numbers, words and escapes behind it are valid
}

const (
	// maxIntro is how many lines with a brace an input may begin with, before its first document, and maxBanner how many other
	// lines that are not blank. Databases and web servers write many lines of text when they start.
	maxIntro = 20
	// longIntro is how many bytes of a line with a brace count as a further line: it takes time to see that a line is no document.
	longIntro = 64 << 10
	maxBanner = 200
	// maxPart is how long a document can become before a part of it is read. The parts behind the first one are of nextPart: then they
	// fit into the cache of a core.
	maxPart  = 8 << 20
	nextPart = 1 << 20
	// maxSniffed is how long a document must be to be believed before its end.
	maxSniffed = 1 << 20
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

	arrays []openArray
	at     int // counts all bytes
}

// An openArray is an array that has begun and not ended.
type openArray struct {
	depth int   // in the stack, from 1 on
	head  int   // where it begins, behind its bracket
	last  int   // where its last complete element ends; 0 if there is none
	ends  []int // where the elements end, since head or the last part, if it is the outermost
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
	for i := 0; i < len(b); i++ {
		if d.want == inString || d.want == inKey {
			if !d.escaped {
				for i = endOfPlain(b, i); i+1 < len(b) && b[i] == '\\'; {
					i = endOfPlain(b, i+2)
				}
				if i == len(b) {
					break
				}
			}
		} else if isSpace(b[i]) {
			d.word = false
			i = endOfBlanks(b, i+1) - 1
			continue
		} else if d.want == wantKey || d.want == wantKeyOrEnd {
			if n := plainMember(b[i:]); n > 0 {
				i += n - 1
				d.want = wantKey
				continue
			}
		}
		c := b[i]
		if d.next(c); d.want >= docDone {
			d.at += i + 1
			return i + 1
		}
		d.note(c, d.at+i+1)
	}
	d.at += len(b)
	return len(b)
}

// note notes where arrays begin, and where their elements end, when c has been read. At is the place behind it.
func (d *docLexer) note(c byte, at int) {
	switch {
	case c == '[' && d.want == wantValueOrEnd:
		d.arrays = append(d.arrays, openArray{depth: len(d.stack), head: at})
	case len(d.arrays) == 0 || d.want != wantCommaOrEnd || d.word:
	default:
		top := &d.arrays[len(d.arrays)-1]
		if top.depth > len(d.stack) { // it has ended
			d.arrays = d.arrays[:len(d.arrays)-1]
			if len(d.arrays) == 0 {
				return
			}
			top = &d.arrays[len(d.arrays)-1]
		}
		if top.depth == len(d.stack) && (c == '}' || c == ']' || c == '"') {
			if top.last = at; len(d.arrays) == 1 {
				top.ends = append(top.ends, top.last)
			}
		}
	}
}

// feedLine is feed for a line. The blanks around it are not in the document's text.
func (d *docLexer) feedLine(line []byte) int {
	from, to := withoutBlanks(line)
	n := d.feed(line[:from])
	if d.at -= n; d.want < docDone {
		n += d.feed(line[from:to])
	}
	if d.want < docDone {
		n += d.feed(line[to:])
		d.at -= len(line) - to
	}
	return n
}

// withoutBlanks returns where a line without the blanks around it begins and ends.
func withoutBlanks(line []byte) (from, to int) {
	for to = len(line); to > 0 && isSpace(line[to-1]); to-- {
	}
	for from = endOfBlanks(line[:to], 0); from < to && isSpace(line[from]); from++ {
	}
	return from, to
}

// plainMember returns the length of a member of the most usual form at the beginning of b, "key": "text", with its comma. It is 0
// if there is no such member.
func plainMember(b []byte) int {
	if b[0] != '"' {
		return 0
	}
	i := endOfPlain(b, 1)
	if i+len(`": "",`) > len(b) || b[i] != '"' || b[i+1] != ':' {
		return 0
	}
	if i += 2; b[i] == ' ' {
		i++
	}
	if b[i] != '"' {
		return 0
	}
	if i = endOfPlain(b, i+1); i+1 >= len(b) || b[i] != '"' || b[i+1] != ',' {
		return 0
	}
	return i + 2
}

// isWordByte is true for the bytes of numbers and words.
var isWordByte = func() (is [256]bool) {
	for c := range is {
		is[c] = isDigit(byte(c)) || isLetter(byte(c)) || c == '.' || c == '-' || c == '+'
	}
	return is
}()

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
		if isWordByte[c] {
			return
		}
		d.word = false
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
	from, _ := withoutBlanks(line)
	d.begin(start-from, number)
	d.lexer.feedLine(line[start:])
	if d.lexer.want >= docDone {
		return false
	}
	d.addLine(line)
	return true
}

func (d *document) begin(start, number int) {
	*d = document{lexer: docLexer{stack: d.lexer.stack[:0], arrays: d.lexer.arrays[:0]}, text: d.text[:0], raw: d.raw[:0], start: start, first: number, lines: 1}
	if cap(d.text) > 2*maxPart { // more than roomOfPart makes
		d.text = nil
	}
	if cap(d.raw) > 2*maxPart {
		d.raw = nil
	}
}

// addLine adds a line to the text.
func (d *document) addLine(line []byte) {
	from, to := withoutBlanks(line)
	d.text = append(roomOfPart(d.text), line[from:to]...)
	d.loose = len(d.text)
	if d.parts == 0 {
		d.raw = append(append(roomOfPart(d.raw), line...), '\n')
	}
	d.size += len(line) + 1
}

// roomOfPart returns text that has become long with room for a part at least: it does not grow in small steps.
func roomOfPart(text []byte) []byte {
	if len(text) > maxPart/8 && cap(text) < maxPart {
		return slices.Grow(text, maxPart+maxPart/8-len(text))
	}
	return text
}

// limit returns how long the document can become before a part of it is read.
func (d *document) limit() int {
	if a := d.lexer.arrays; d.parts > 0 && len(a) > 0 && a[0].last > 0 {
		return nextPart
	}
	return maxPart
}

// part returns the JSON up to the last complete element of the outermost array, and the brackets that make it a document of its
// own. The document still has it: see cut, whose argument is n. If the document is too long otherwise, it is an array inside
// of that: the outer one may have a single element. It returns nil if there is no such element.
func (d *document) part() (part, brackets []byte, n int) {
	l := &d.lexer
	n = slices.IndexFunc(l.arrays, func(a openArray) bool { return a.last > 0 })
	if n < 0 || n > 0 && d.size <= maxLine || l.arrays[n].head > maxBeside*8 {
		return nil, nil, 0
	}
	for i := l.arrays[n].depth - 1; i >= 0; i-- {
		brackets = append(brackets, l.stack[i]+2)
	}
	return d.text[:d.start+l.arrays[n].last], brackets, n
}

// list returns where the complete elements of the outermost array are in its part, if they are objects, and have no loose text. Else it
// is nil.
func (d *document) list() *list {
	l := &d.lexer
	if d.start > 0 || len(l.arrays) == 0 || d.loose > l.arrays[0].head || len(l.arrays[0].ends) == 0 {
		return nil
	}
	a := &l.arrays[0]
	found := &list{at: a.head - 1, end: a.last + 1, ends: make([]int32, len(a.ends))}
	from := a.head
	for i, end := range a.ends {
		if d.text[from] != '{' {
			return nil
		}
		found.ends[i] = int32(end)
		from = end + 1
	}
	return found
}

// objects returns the complete elements of a document that is an array. There are none if one of them is not an object.
func (d *document) objects() [][]byte {
	l := &d.lexer
	if len(l.arrays) == 0 || l.arrays[0].head > 1 || len(l.arrays[0].ends) == 0 {
		return nil
	}
	a := &l.arrays[0]
	all := make([][]byte, 0, len(a.ends))
	from := a.head
	for _, end := range a.ends {
		element := bytes.TrimLeft(afterComma(d.text[d.start+from:d.start+end]), " \t\r\n")
		if element[0] != '{' {
			return nil
		}
		all = append(all, element)
		from = end
	}
	return all
}

// cut removes the complete elements of an open array.
func (d *document) cut(n int) {
	l := &d.lexer
	a := &l.arrays[n]
	rest := append(d.text[:d.start+a.head], afterComma(d.text[d.start+a.last:])...)
	removed := len(d.text) - len(rest)
	if d.loose > d.start+a.last {
		d.loose -= removed
	} else {
		d.loose = min(d.loose, d.start+a.head)
	}
	l.at -= removed
	a.last, a.ends = 0, a.ends[:0]
	for i := n + 1; i < len(l.arrays); i++ {
		inner := &l.arrays[i]
		if inner.head -= removed; inner.last > 0 {
			inner.last -= removed
		}
	}
	d.text, d.raw, d.size = rest, nil, len(rest)
	d.parts++
}

// afterComma cuts the comma behind an element.
func afterComma(b []byte) []byte {
	rest := bytes.TrimLeft(b, " \t\r\n")
	if len(rest) > 0 && rest[0] == ',' {
		return rest[1:]
	}
	return b
}

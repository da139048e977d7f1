package tracelog

import (
	"bytes"
	"slices"
)

// beginGiant begins to read a line as a document that is too long for one line. It returns false if it is none.
func (s *scanner) beginGiant(line []byte) bool {
	if s.csv.state == csvRows {
		s.Lines++
		s.afterCSV(s.csv.giant(line, s.Lines, false))
		return true
	}
	if s.doc != nil || !s.mayBegin() || s.csv.state == csvBroken {
		return false
	}
	s.afterCSV(s.csv.end())
	s.giveUpPrinted()
	s.giveUpRows()
	start := bytes.IndexByte(line[:min(len(line), 64)], '[') // of an array of records
	if start < 0 || len(bytes.TrimSpace(line[:start])) > 0 {
		if start = opening(line); start < 0 {
			return false
		}
	}
	d := &s.spare
	d.begin(start, s.Lines+1)
	if d.lexer.feed(line[start:]); d.lexer.want >= docDone || len(d.lexer.arrays) == 0 {
		return false
	}
	d.text, d.size, d.loose = line, len(line), len(line)
	if s.doc = d; s.partOf() {
		s.Lines++
		return true
	}
	s.doc, d.text = nil, nil
	return false
}

// feedGiant reads more of the line.
func (s *scanner) feedGiant(part []byte) {
	if s.csv.state == csvRows {
		s.afterCSV(s.csv.giant(part, 0, part[len(part)-1] == '\n'))
		return
	}
	d := s.doc
	if d == nil {
		return // it was no document, or has ended
	}
	n := d.lexer.feed(part)
	d.text = append(roomOfPart(d.text), part[:n]...)
	d.size += n
	d.loose = len(d.text)
	switch {
	case d.lexer.want == docDone:
		s.document(false)
	case d.lexer.want == docFailed, s.cutLong():
		s.failed(nil, false)
	}
}

// cutLong reads a part of a document that has become long. Of an array of objects, workers get smaller parts. It reports
// whether the document is too long, and has no such part.
func (s *scanner) cutLong() (tooLong bool) {
	d := s.doc
	if s.lines != nil && d.size > 4*s.lines.chunk && s.passObjects() {
		s.documents = true
		d.cut(0)
	}
	return d.size > d.limit() && !s.partOf() && d.size > maxLine
}

// mayBegin reports whether a document may begin on the next line.
func (s *scanner) mayBegin() bool {
	return s.documents || s.intro < maxIntro && s.banner < maxBanner || len(s.printed.held) > 0 || len(s.rows.head) > 0
}

// lineOrDocument is line where a document may begin or continue.
func (s *scanner) lineOrDocument(line []byte, size int, last bool) {
	s.Lines++
	whole := line
	if line = withoutNewline(line, last); line == nil {
		if whole != nil && s.csv.state == csvRows {
			s.afterCSV(s.csv.giant(whole, s.Lines, true))
			return
		}
		s.afterCSV(s.csv.end())
		if s.doc != nil {
			s.failed(nil, false)
		}
		s.giveUpPrinted()
		s.giveUpRows()
		s.unread(s.Lines, s.head)
		s.bad(s.Lines, tooLong(size), nil)
		return
	}
	s.next(line, last)
}

// next reads a line, or takes it into a document.
func (s *scanner) next(line []byte, last bool) {
	if s.doc != nil {
		s.continues(line, last)
		return
	}
	if s.csv.state != csvNone && s.takeCSV(line, last) || s.takeRow(line, last) {
		return
	}
	if s.mayBegin() {
		text := s.plainText(line)
		if s.addPrinted(line, text, last) {
			s.endOfPrinted(last)
			return
		}
		if !s.joiner.pending() && s.begins(line, text, last) {
			return
		}
	}
	if len(s.printed.held) > 0 {
		s.hold(line, nil, last)
		s.endOfPrinted(last)
		return
	}
	s.single(line, last)
}

// begins reports whether the line begins a document, and takes it. Text is the line without escape codes.
func (s *scanner) begins(line, text []byte, last bool) bool {
	if s.beginPrinted(line, text, last) {
		s.endOfPrinted(last)
		return true
	}
	start := opening(text)
	if start < 0 || s.ahead.isWhole(text[start:]) || !s.spare.begins(text, start, s.Lines) {
		return false
	}
	s.giveUpPrinted()
	if s.doc = &s.spare; last {
		s.endOfDocument(true)
	}
	return true
}

// takeLines takes lines of the document that has begun, many at once, and returns how many bytes they have: those at the beginning
// of b. It leaves lines that must be read one by one. The result is the same.
func (s *scanner) takeLines(b []byte) (n int) {
	d := s.doc
	if n = s.takeRecords(b); n > 0 {
		return n
	}
	limit := d.limit()
	switch {
	case s.sniffs:
		limit = maxSniffed
	case s.lines != nil && len(d.lexer.arrays) > 0 && d.lexer.arrays[0].head == 1:
		limit = min(limit, 4*s.lines.chunk)
	}
	b = b[:max(0, min(len(b), limit-d.size))]
	end := bytes.LastIndexByte(b[:min(len(b), s.ahead.reach)], '\n')
	if end < 0 {
		end = bytes.IndexByte(b, '\n') // a long line
	}
	if b = b[:end+1]; len(b) == 0 {
		return 0
	}
	buf, m := s.ahead.marked(b)
	n = d.takeLines(m, buf, len(b))
	if s.ahead.reach = minReach; n == len(b) {
		s.ahead.reach = min(2*len(b), maxReach)
	}
	lines := bytes.Count(b[:n], []byte("\n"))
	d.lines += lines
	s.Lines += lines
	return n
}

// takeRecords takes records that are printed on many lines each, one after the other, from the document that has begun on. It
// returns how many bytes their lines have, from the document's second line on.
//
// It takes an object whose first line has only its bracket, and whose last line has the closing one at the same place. If fastLine
// reads it on one line, it is a valid object, and thus the one that docLexer would find.
func (s *scanner) takeRecords(b []byte) (n int) {
	d := s.doc
	if s.lines == nil || d.lines > 1 || d.behind || s.parser.shape != nil || s.lines.missed > maxMissed && d.first%maxMissed != 0 {
		return 0
	}
	opening := d.raw
	if len(d.text) != 1 || len(opening) < 2 || string(opening[len(opening)-2:]) != "{\n" {
		return 0
	}
	indent := len(opening) - 2
	s.lines.missed++
	for from, first := 0, d.first; ; from, first = n+len(opening), s.Lines+1 {
		end, lines := s.lines.takeTimed(b[from:], indent, first)
		if end < 0 {
			break
		}
		n, s.Lines = from+end, first+lines
		s.Joined += lines
		s.afterRecord()
		s.doc, s.documents, s.lines.missed = nil, true, 0
		if !bytes.HasPrefix(b[n:], opening) {
			break
		}
	}
	return n
}

// continues takes a line into the document.
func (s *scanner) continues(line []byte, last bool) {
	d := s.doc
	d.lines++
	text := cutEscapes(line)
	n, taken := 0, !last && s.ahead.takeLine(d, text)
	if !taken {
		n = d.lexer.feedLine(text)
	}
	switch d.lexer.want {
	case docDone:
		before := len(d.text)
		d.text = appendCompact(d.text, text[:n])
		if !s.document(last) {
			d.text = d.text[:before]
			s.failed(line, last)
			return
		}
		s.restOf(text[n:], last)
		return
	case docFailed:
		s.failed(line, last)
		return
	}
	if !taken {
		d.addLine(text)
	}
	if s.sniffs && d.size > maxSniffed {
		s.documents = true
		return
	}
	if s.cutLong() {
		if d.parts == 0 {
			s.unread(d.first, d.raw)
		} else {
			s.unread(d.first, d.text)
		}
		s.bad(d.first, tooLong(0), nil)
		s.Joined += d.lines - 1
		s.doc = nil
		return
	}
	if last {
		s.endOfDocument(true)
	}
}

// restOf reads what is on a line behind a document: nothing, or a comma and the beginning of the next one.
func (s *scanner) restOf(rest []byte, last bool) {
	if rest = bytes.Trim(rest, " \t\r,]"); len(rest) == 0 {
		return
	}
	if start := opening(rest); start >= 0 && s.spare.begins(rest, start, s.Lines) {
		s.doc = &s.spare
		s.doc.lines, s.doc.behind = 0, true // its first line counts for the document before
		if last {
			s.endOfDocument(true)
		}
		return
	}
	s.share(rest, last)
}

// share reads a part of a line that counts already.
func (s *scanner) share(rest []byte, last bool) {
	before := s.tally
	before.BadLines = slices.Clone(s.BadLines)
	s.whole(rest, last)
	after := s.Source
	s.tally = before
	s.Records, s.Joined, s.Shared = after.Records, after.Joined, after.Shared+after.Records-before.Records
	if s.Records > before.Records {
		s.afterRecord()
	}
}

// document reads a document that is complete. It returns false if its lines must be read one by one.
func (s *scanner) document(last bool) bool {
	d := s.doc
	if s.lines != nil {
		return s.pass(d)
	}
	line := appendCompact(nil, d.text)
	if d.parts == 0 && d.lines > 1 && s.parser.untimed(line) {
		d.untimed = true
		return false
	}
	s.documents = true
	if s.doc = nil; s.sniffs {
		return true
	}
	if d.parts > 0 {
		d.shared += s.records(line, d.first, true)
		s.Shared += d.shared - 1
		s.Joined += d.lines - 1
		return true
	}
	s.afterRecord() // a document that is no record is a finding of its own, as it is where workers read it
	s.read(line, d.first, last)
	s.afterRecord()
	s.Joined += d.lines - 1
	return true
}

// pass is document for workers, who get the document on one line.
func (s *scanner) pass(d *document) bool {
	if d.parts > 0 {
		if !s.passObjects() {
			s.lines.addPart(d.text, nil, d.first, nil)
		}
		s.Shared-- // the records of the parts, which are counted later, but one
	} else {
		from := s.lines.put(d.text, nil, d.first)
		switch {
		case d.lines > 1 && s.lines.isLongList(from):
			s.lines.keep(d.first, wholeDocument)
		case d.lines > 1 && s.lines.emitTimed(from, d.first):
		case d.lines > 1 && s.parser.untimed(s.lines.line(from)):
			s.lines.drop(from)
			d.untimed = true
			return false
		case s.parser.isPartOfLine(s.lines.line(from)): // which is joined here
			s.lines.drop(from)
			s.Joined++
			s.joiner.add(&s.parser.chunk, d.first)
		default:
			s.lines.keep(d.first, wholeDocument)
		}
	}
	s.doc, s.documents = nil, true
	s.afterRecord()
	s.Joined += d.lines - 1
	return true
}

// passObjects passes the complete elements of a document that is an array of objects. It reports whether there are any.
func (s *scanner) passObjects() bool {
	if s.lines == nil || s.parser.shape != nil {
		return false
	}
	objects := s.doc.objects()
	for _, object := range objects {
		s.lines.add(object, nil, s.doc.first, elementOfArray)
	}
	return len(objects) > 0
}

// records reads the records of a part of a document, and returns their number.
func (s *scanner) records(line []byte, number int, rest bool) int {
	e := Entry{File: s.File, Line: number}
	switch s.parser.shaped(line, &e) {
	case isMany:
		return s.parser.each(func(raw []byte, e *Entry) {
			e.File, e.Line, e.Raw = s.File, number, bytes.Clone(raw)
			s.record()
			s.fn(*e)
		})
	case isRecord:
		if rest && e.Trace == "" { // what is left of an object whose array has been read
			return 0
		}
		s.record()
		e.Raw = bytes.Clone(line)
		s.fn(e)
		return 1
	}
	return 0
}

// partOf reads a part of the document. It returns false if there is none that could be read.
func (s *scanner) partOf() bool {
	d := s.doc
	if s.passObjects() {
		s.documents = true
		d.cut(0)
		return true
	}
	part, brackets, n := d.part()
	if part == nil {
		return false
	}
	s.documents = true
	switch {
	case s.sniffs:
	case s.lines != nil:
		s.lines.addPart(part, brackets, d.first, d.list())
	default:
		d.shared += s.records(append(appendCompact(nil, part), brackets...), d.first, true)
	}
	d.cut(n)
	return true
}

// endOfDocument reads a document that the end of the input has cut off: its elements so far. Last means that its last
// line has no newline.
func (s *scanner) endOfDocument(last bool) {
	d := s.doc
	switch {
	case d.lines == 0: // what is cut off begins on the last line of another document
		s.doc = nil
		return
	case d.lines < 2 && d.parts == 0, !s.partOf() && d.parts == 0:
		s.failed(nil, last)
		return
	}
	s.doc = nil
	s.unread(s.Lines, nil)
	s.bad(s.Lines, truncated, nil)
	s.Shared += d.shared
	s.Joined += max(0, d.lines-1)
}

// failed reads the lines one by one that are not a document. The last one, which may be nil, is not in its text.
func (s *scanner) failed(line []byte, last bool) {
	d := s.doc
	s.doc = nil
	if d.parts > 0 {
		s.Shared += d.shared
		s.Joined += max(0, d.lines-1)
		s.unread(s.Lines, line)
		s.bad(s.Lines, "invalid JSON in a document of many lines", line)
		return
	}
	number, total, each := d.first, s.Lines, d.lines <= maxRetried && !d.untimed
	for l := range bytes.Lines(bytes.Clone(d.raw)) {
		s.Lines = number
		final := line == nil && number == total
		if number == d.first && d.behind {
			s.share(bytes.TrimSuffix(l, []byte("\n")), last && final)
		} else if number == d.first || !each {
			s.single(bytes.TrimSuffix(l, []byte("\n")), last && final)
		} else {
			s.next(bytes.TrimSuffix(l, []byte("\n")), last && final)
		}
		number++
	}
	s.Lines = total
	if line != nil {
		s.next(line, last)
	}
}

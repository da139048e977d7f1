package tracelog

import (
	"bufio"
	"bytes"
	"io"
	"slices"
)

// maxText is how many bytes of a bad line are passed on.
const maxText = 4096

// scan reads lines from r until its end, or until stop, which is asked after each line, returns true.
func (s *scanner) scan(r io.Reader, stop func() bool) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte // the line so far, if it is longer than in's buffer
	size := 0       // its length, dropped bytes included
	giant := false  // it is too long, and may be a document
	for {
		if s.doc != nil && !giant && size == 0 {
			if b, _ := in.Peek(in.Buffered()); len(b) > 0 {
				in.Discard(s.takeLines(b)) // which are there
			}
		}
		part, err := in.ReadSlice('\n')
		size += len(part)
		if giant {
			s.feedGiant(part)
		}
		if err == bufio.ErrBufferFull {
			// Two bytes more than maxLine may be a newline.
			switch {
			case giant:
			case size <= maxLine+2:
				if cap(long)-len(long) < len(part) {
					long = slices.Grow(long, len(long)+len(part)) // append would grow it in small steps
				}
				long = append(long, part...)
			case long != nil && s.beginGiant(append(long, part...)):
				giant, long = true, nil
			default:
				if long != nil {
					s.head = append(s.head[:0], long[:maxText]...)
				}
				long = nil
			}
			continue
		}
		if size > 0 && !giant {
			line := part
			if size > len(part) {
				if size <= maxLine+2 || s.csv.state == csvRows { // which wants the quotes of a line that is too long
					line = append(long, part...)
				} else {
					line = nil
				}
			}
			if s.doc != nil || s.mayBegin() {
				s.lineOrDocument(line, size, err != nil)
			} else {
				s.line(line, size, err != nil)
			}
		}
		giant = false
		if long, size = long[:0], 0; cap(long) > mostKept {
			long = nil
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case stop != nil && stop():
			return nil
		}
	}
}

type scanner struct {
	tally
	fn     func(Entry)
	parser lineParser
	joiner joiner

	doc       *document      // the one that has begun; nil if none has
	ahead     ahead          // of its lines
	spare     document       // reused
	documents bool           // there was one
	sniffs    bool           // only documents is wanted
	printed   printedLines   // objects that have begun behind prefixes
	rows      rowLines       // a table that has a row on each line
	csv       csvTable       // a table of CSV
	lines     *documentLines // if not nil, workers read the documents
	intro     int            // lines with a brace so far, up to maxIntro and more; see longIntro
	banner    int            // other lines that are not blank, up to maxBanner and more

	unreadable func(line int, text []byte) // may be nil
	head       []byte                      // of a line that is too long
}

// line reads one line. It is nil if it is too long, whatever its size. Last means that it has no newline.
func (s *scanner) line(line []byte, size int, last bool) {
	s.Lines++
	if line = withoutNewline(line, last); line == nil {
		s.unread(s.Lines, s.head)
		s.bad(s.Lines, tooLong(size), nil)
		return
	}
	s.whole(line, last)
}

// withoutNewline returns a line without its newline, or nil if it is too long.
func withoutNewline(line []byte, last bool) []byte {
	if !last && line != nil {
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	}
	if len(line) > maxLine {
		return nil
	}
	return line
}

// whole reads a line that is not too long, or a part of one, together with the parts it continues.
func (s *scanner) whole(line []byte, last bool) {
	if s.joiner.pending() {
		if whole, ok := s.joiner.end(&s.parser, line); ok {
			if whole == nil {
				s.unread(s.Lines, line)
				s.bad(s.Lines, tooLong(0), nil)
				return
			}
			line = whole
		}
	}
	s.read(line, s.Lines, last)
}

func (s *scanner) read(line []byte, number int, last bool) {
	if s.sniffs { // only a part of a line matters, behind which no document begins
		if mayBeEntry(line) {
			if c, ok := s.parser.container(line); ok && c.partial {
				s.joiner.add(&c, number)
			}
		}
		return
	}
	e := Entry{File: s.File, Line: number}
	switch s.parser.shaped(line, &e) {
	case isRecord:
		s.record()
		e.Raw = bytes.Clone(line)
		s.fn(e)
	case isBlank:
		s.blank()
	case isMany:
		n := s.parser.each(func(raw []byte, e *Entry) {
			e.File, e.Line, e.Raw = s.File, number, bytes.Clone(raw)
			s.record()
			s.fn(*e)
		})
		if n == 0 {
			s.unread(number, line)
			s.bad(number, reasonText, line)
		}
		s.Shared += max(0, n-1)
	case isPart:
		s.Joined++
		s.joiner.add(&s.parser.chunk, number)
	case isBad:
		reason := s.parser.reason
		if last && s.parser.cut {
			reason = truncated
		}
		s.unread(number, line)
		s.bad(number, reason, s.parser.content)
	}
}

// unread passes on a line that is not a record.
func (s *scanner) unread(number int, line []byte) {
	if s.unreadable != nil {
		s.unreadable(number, line[:min(len(line), maxText)])
	}
}

// finish reads what the runtime cut and never ended. A program's last line may be without a newline; docker writes
// that as a part.
func (s *scanner) finish() {
	s.afterCSV(s.csv.end())
	for s.doc != nil { // what is no document may be lines that begin others
		s.endOfDocument(false)
	}
	s.giveUpPrinted()
	s.giveUpRows()
	for _, j := range s.joiner.streams {
		s.Joined--
		if j.line == nil {
			s.bad(j.last, tooLong(j.size), nil)
			continue
		}
		s.read(j.line, j.last, true)
	}
	s.joiner.streams = nil
}

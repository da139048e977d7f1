package tracelog

import (
	"bufio"
	"bytes"
	"io"
)

// Scan reads lines from r until its end and calls fn for each line that is a record, in order.
// File is what the entries and the Source are to say about where they come from; Scan does not open it.
// What a record may look like is told in the package's comment, under "What is read".
//
// A line that is no record never stops Scan: it is counted, and the first ones are described, in the Source.
// A JSON object is a record whatever it says: lines of other programs have no Trace, and the rest of what could be read.
// A line of text is one only if it has one of the forms that are known. A line of more than 16 MiB is none.
//
// The error is the reader's, io.EOF excepted; the Source then tells what was read before it,
// and the line that was being read counts as the last one.
func Scan(r io.Reader, file string, fn func(Entry)) (Source, error) {
	s := scanner{tally: tally{Source: Source{File: file}}, fn: fn, parser: lineParser{in: make(interner)}}
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte // the line so far, where it is longer than in's buffer
	size := 0       // its length, dropped bytes included
	for {
		part, err := in.ReadSlice('\n')
		size += len(part)
		if err == bufio.ErrBufferFull {
			// Two bytes more than maxLine may be a newline.
			if size <= maxLine+2 {
				long = append(long, part...)
			} else {
				long = nil
			}
			continue
		}
		if size > 0 {
			line := part
			if size > len(part) {
				if size <= maxLine+2 {
					line = append(long, part...)
				} else {
					line = nil
				}
			}
			s.line(line, size, err != nil)
		}
		if long, size = long[:0], 0; cap(long) > 1<<20 {
			long = nil
		}
		if err != nil {
			s.finish()
			if err == io.EOF {
				err = nil
			}
			return s.Source, err
		}
	}
}

type scanner struct {
	tally
	fn     func(Entry)
	parser lineParser
	joiner joiner
}

// line reads one line. It is nil if it is too long, whatever its size; last means that it has no newline.
func (s *scanner) line(line []byte, size int, last bool) {
	s.Lines++
	if !last && line != nil {
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	}
	if line == nil || len(line) > maxLine {
		s.bad(s.Lines, tooLong(size), nil)
		return
	}
	s.whole(line, last)
}

// whole reads a line that is not too long, or of which it is a part, with those that it goes on.
func (s *scanner) whole(line []byte, last bool) {
	if s.joiner.pending() {
		if whole, ok := s.joiner.end(&s.parser, line); ok {
			if whole == nil {
				s.bad(s.Lines, tooLong(0), nil)
				return
			}
			line = whole
		}
	}
	s.read(line, s.Lines, last)
}

func (s *scanner) read(line []byte, number int, last bool) {
	e := Entry{File: s.File, Line: number}
	switch s.parser.parse(line, &e) {
	case isRecord:
		s.record()
		e.Raw = bytes.Clone(line)
		s.fn(e)
	case isBlank:
		s.blank()
	case isPart:
		s.Joined++
		s.joiner.add(&s.parser.chunk, number)
	case isBad:
		reason := s.parser.reason
		if last && s.parser.cut {
			reason = truncated
		}
		s.bad(number, reason, s.parser.content)
	}
}

// finish reads what the runtime cut and never ended. A program's last line may be without a newline,
// which docker writes as a part.
func (s *scanner) finish() {
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

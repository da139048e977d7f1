package tracelog

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// MaxLine is the length in bytes of the longest line that Scan reads as a record.
// A longer one is counted as bad and skipped, and never held in memory.
const MaxLine = 16 << 20

// maxBadLines is how many bad lines a Source describes.
const maxBadLines = 100

// A Source is what Scan found in one file. Lines = Records + Bad + Blank.
type Source struct {
	File    string
	Lines   int // a last one without a newline included
	Records int
	Blank   int // lines with nothing on them
	Bad     int // lines that are no record

	// BadLines are the first 100 of the bad lines, in order.
	BadLines []BadLine
}

// A BadLine says why a line is no record. Reason holds nothing of the line's text.
type BadLine struct {
	Line   int // 1-based
	Reason string
}

// Scan reads lines from r until its end and calls fn for each line that is one JSON object, in order.
// File is what the entries and the Source are to say about where they come from; Scan does not open it.
//
// A line that is no JSON object never stops Scan: it is counted, and the first ones are described, in the Source.
// An object is a record whatever it says: lines of other programs have no Trace, and the rest of what could be read.
//
// The error is the reader's, io.EOF excepted; the Source then tells what was read before it,
// and the line that was being read counts as the last one.
func Scan(r io.Reader, file string, fn func(Entry)) (Source, error) {
	s := scanner{src: Source{File: file}, fn: fn, parse: lineParser{in: make(interner)}}
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte // the line so far, where it is longer than in's buffer
	size := 0       // its length, dropped bytes included
	for {
		part, err := in.ReadSlice('\n')
		size += len(part)
		if err == bufio.ErrBufferFull {
			// Two bytes more than MaxLine may be a newline.
			if size <= MaxLine+2 {
				long = append(long, part...)
			} else {
				long = nil
			}
			continue
		}
		if size > 0 {
			line := part
			if size > len(part) {
				if size <= MaxLine+2 {
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
		if err == io.EOF {
			return s.src, nil
		}
		if err != nil {
			return s.src, err
		}
	}
}

type scanner struct {
	src   Source
	fn    func(Entry)
	parse lineParser
}

// line reads one line. It is nil if it is too long, whatever its size; last means that it has no newline.
func (s *scanner) line(line []byte, size int, last bool) {
	s.src.Lines++
	if !last && line != nil {
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	}
	if line == nil || len(line) > MaxLine {
		s.bad(fmt.Sprintf("longer than %d MiB: %d bytes", MaxLine>>20, size))
		return
	}
	e := Entry{File: s.src.File, Line: s.src.Lines}
	switch s.parse.parse(line, &e) {
	case isRecord:
		s.src.Records++
		e.Raw = bytes.Clone(line)
		s.fn(e)
	case isBlank:
		s.src.Blank++
	case isBad:
		if last && s.parse.cut {
			s.bad("truncated: the input ends inside this line's JSON object")
		} else {
			s.bad(s.parse.reason)
		}
	}
}

func (s *scanner) bad(reason string) {
	s.src.Bad++
	if len(s.src.BadLines) < maxBadLines {
		s.src.BadLines = append(s.src.BadLines, BadLine{Line: s.src.Lines, Reason: reason})
	}
}

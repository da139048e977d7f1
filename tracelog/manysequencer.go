package tracelog

import (
	"slices"
	"sync"
)

// A sequencer combines, block by block in order, what can only be determined in order: how many lines there are,
// which bad lines are one finding, and lines that a container's runtime cut. Its result is that of Scan.
type sequencer struct {
	mu      sync.Mutex
	waiting map[int]report // those after a block that has not been read
	first   []int          // of each block: the number of its first line
	scanner scanner
	input   *Input
	emit    func(*Record) // passes on a record that is not read by a worker
}

// A report is everything in a block except the records that have been passed on.
type report struct {
	lines, records, blanks int
	shared                 int // of the records, those that share a line with one before them
	events                 []event
	between                uint8 // sawRecord and sawBlank, since the last event
}

// An event is a line that is not a record, or not by itself.
type event struct {
	line   int   // number in its block, from 0
	before uint8 // sawRecord and sawBlank, since the event before
	looks  looks
	last   bool // the line has no newline
	reason string
	piece  []byte // for a part of a line, or its end: all of it; reason is then empty
}

const (
	sawRecord = 1 << iota
	sawBlank
)

func (r *report) add(e event) {
	e.line, e.before = r.lines, r.between
	r.between = 0
	r.events = append(r.events, e)
}

// addMany adds a line with n records, which may be none.
func (r *report) addMany(n int, line []byte) {
	if n == 0 {
		r.add(event{reason: reasonText, looks: looksOf(reasonText, line)})
		return
	}
	r.records += n
	r.shared += n - 1
	r.between |= sawRecord
}

func (s *sequencer) init(in *Input, filter func(*Record) bool, newFunc func() func(*Record)) {
	s.waiting = make(map[int]report)
	s.scanner = scanner{tally: tally{Source: Source{File: in.Name}}, parser: lineParser{in: make(interner)}}
	var fn func(*Record)
	s.input, s.emit = in, func(r *Record) {
		if fn == nil {
			fn = newFunc()
		}
		if filter == nil || filter(r) {
			fn(r)
		}
	}
	// Lines that were cut become records here.
	record := Record{input: in, parser: new(lineParser), clock: new(clock)}
	s.scanner.fn = func(e Entry) {
		seq, _ := slices.BinarySearch(s.first, e.Line+1)
		seq-- // the block that contains the line
		record.line, record.seq, record.number = e.Raw, seq, e.Line-s.first[seq]
		record.take(&e)
		s.emit(&record)
	}
}

// submit takes the report of a block.
func (s *sequencer) submit(seq int, r report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq != len(s.first) {
		s.waiting[seq] = r
		return
	}
	for ok := true; ok; r, ok = s.waiting[len(s.first)] {
		delete(s.waiting, len(s.first))
		s.put(&r)
	}
}

func (s *sequencer) put(r *report) {
	t := &s.scanner.tally
	base := t.Lines
	s.first = append(s.first, base+1)
	for i := range r.events {
		e := &r.events[i]
		s.after(e.before)
		if e.piece != nil {
			t.Lines = base + e.line + 1
			s.scanner.whole(e.piece, e.last)
			continue
		}
		t.badAs(base+e.line+1, e.reason, e.looks)
	}
	s.after(r.between)
	t.Lines = base + r.lines
	t.Records += r.records
	t.Blank += r.blanks
	t.Shared += r.shared
}

func (s *sequencer) after(between uint8) {
	if between&sawRecord != 0 {
		s.scanner.afterRecord()
	}
	if between&sawBlank != 0 {
		s.scanner.afterBlank()
	}
}

// finish reads the rest: after an error, also blocks that follow a missing one.
func (s *sequencer) finish() {
	for len(s.waiting) > 0 {
		if r, ok := s.waiting[len(s.first)]; ok {
			delete(s.waiting, len(s.first))
			s.put(&r)
		} else {
			s.first = append(s.first, s.scanner.Lines+1)
		}
	}
	s.scanner.finish()
}

package tracelog

import (
	"bytes"
	"context"
	"io"
)

// ScanRecords reads all lines of the inputs, several at once. It calls fn for each line that is a record and that the
// options' Filter accepts. Each worker has its own function, which newFunc returns. That function is called by one
// goroutine at a time, with some of the lines of each input, in order. What the functions gather may be merged when
// ScanRecords has returned. There may be more such functions than workers.
//
// The Sources are those that [Scan] returns for each input. The error names the inputs that could not be read to
// their end, or is ctx's. The Sources then cover what was read. If a reader returns neither bytes nor an error a
// hundred times in a row, or an [io.ReaderAt] does so once, reading it ends with [io.ErrNoProgress].
//
// It holds a few buffers for each worker, of 256 KiB or of the longest line if that is more.
func ScanRecords(ctx context.Context, inputs []Input, o *ScanOptions, newFunc func() func(*Record)) ([]Source, error) {
	sequencers, err := scanRecords(ctx, inputs, o, newFunc)
	sources := make([]Source, len(inputs))
	for i := range sequencers {
		sources[i] = sequencers[i].scanner.Source
	}
	return sources, err
}

func scanRecords(ctx context.Context, inputs []Input, o *ScanOptions, newFunc func() func(*Record)) ([]sequencer, error) {
	if o == nil {
		o = new(ScanOptions)
	}
	sequencers := make([]sequencer, len(inputs))
	for i := range sequencers {
		sequencers[i].init(&inputs[i], o.Filter, newFunc)
		sequencers[i].scanner.parser.shape = o.Shape
	}
	err := readBlocks(ctx, inputs, o, func() blockReader {
		r := newLineReader(inputs, o.Filter, newFunc())
		r.parser.shape = o.Shape
		return &recordReader{lineReader: r, sequencers: sequencers}
	}, func(i int, r io.Reader, workers []blockReader) error {
		return sequencers[i].scanDocument(i, r, workers, o.chunkSize())
	})
	for i := range sequencers {
		sequencers[i].finish()
	}
	return sequencers, err
}

// A lineReader makes records of lines.
type lineReader struct {
	inputs []Input
	filter func(*Record) bool
	fn     func(*Record)

	record Record
	fast   fastLine
	wrap   fastWrap
	parser lineParser
	clock  clock
	entry  Entry

	line   []byte // the line that was read last, without its newline; nil if it is too long
	reason string // for a bad line
	looks  looks

	many *lineReader // of the records of a line with several
	buf  []byte      // for a line of many

	lists [4]listed  // of the line, and of elements in elements
	place *listPlace // of the line's list; nil if it is not read as one
}

func newLineReader(inputs []Input, filter func(*Record) bool, fn func(*Record)) *lineReader {
	w := &lineReader{inputs: inputs, filter: filter, fn: fn, parser: lineParser{in: make(interner)}}
	w.fast.keys = wordKeysOf()
	w.fast.noGuesses()
	w.record.parser, w.record.clock, w.fast.clock = &w.parser, &w.clock, &w.clock
	w.wrap.init(w.fast.keys, &w.clock)
	w.fast.into = &w.wrap
	w.lists[0].kept = make(map[int]list)
	for i := 1; i < len(w.lists); i++ {
		w.lists[i-1].inner, w.lists[i].kept = &w.lists[i], w.lists[0].kept
	}
	return w
}

// quick reads the line that begins at start as a record, if it has one of the usual forms, and returns where the next
// line begins. Otherwise it only sets line.
func (w *lineReader) quick(b *block, start int) (next int, ok bool) {
	end := -1
	if w.wrap.entered, w.wrap.unescaped = -1, -1; w.parser.shape == nil {
		end = w.fast.parse(b.buf, start)
	}
	fast := end >= 0 && end-start < maxLine
	if end < 0 {
		end = start + bytes.IndexByte(b.buf[start:], '\n')
	}
	w.line = b.buf[start:end]
	w.record.from = start
	if n := len(w.line); n > 0 && w.line[n-1] == '\r' && !b.last(end+1) {
		w.line = w.line[:n-1]
	}
	if fast {
		return end + 1, w.record.fill(&w.fast, b.buf) || w.wrap.inside(&w.record, &w.fast, b.buf)
	}
	if len(w.line) > maxLine {
		size := end + 1 - start
		if b.last(end + 1) {
			size-- // its newline was added
		}
		w.line, w.reason, w.looks = nil, tooLong(size), 0
		return end + 1, false
	}
	switch to := start + len(w.line); {
	case w.parser.shape != nil:
	case start == to || b.buf[start] == '{':
	case isDigit(b.buf[start]) && w.fast.parseBracket(b.buf, start, to), w.fast.parseText(b.buf, start, to):
		return end + 1, w.record.fill(&w.fast, b.buf)
	case w.wrap.behind(w.fast.marks, b.buf, start, to):
		return end + 1, w.wrap.fill(&w.record, b.buf) && w.wrap.inner.firstService(w.record.layout) != nil
	}
	return end + 1, false
}

// last reports whether the line before next is the input's last one and has no newline.
func (b *block) last(next int) bool { return b.cut && next == b.to }

// slow reads the line of the block that quick could not.
func (w *lineReader) slow(b *block, last bool) verdict {
	if w.line == nil {
		return isBad
	}
	if w.hasList(b) {
		return isMany
	}
	v := w.parser.shaped(w.line, &w.entry)
	switch v {
	case isRecord:
		w.record.take(&w.entry)
		w.record.parsed = true
	case isBad:
		w.reason, w.looks = w.parser.reason, looksOf(w.parser.reason, w.parser.content)
		if last && w.parser.cut {
			w.reason = truncated
		}
	}
	return v
}

// emit passes the record on.
func (w *lineReader) emit(b *block, number int) {
	r := &w.record
	r.input, r.line, r.seq, r.number = &w.inputs[b.input], w.line, b.seq, number
	if w.filter == nil || w.filter(r) {
		w.fn(r)
	}
}

// inner returns the reader of the records of a line with several.
func (w *lineReader) inner() *lineReader {
	if w.many == nil {
		w.many = newLineReader(w.inputs, w.filter, w.fn)
	}
	return w.many
}

// emitMany passes on the records of a line with several, and returns their number.
func (w *lineReader) emitMany(b *block, number int) (n int) {
	if pl := w.place; pl != nil {
		w.place = nil
		return w.emitList(b, 0, pl, number)
	}
	in, lines, reshaped := w.inner(), w.parser.many, w.parser.reshaped
	w.parser.many, in.parser.shape = nil, w.parser.shape
	one := block{input: b.input, seq: b.seq, buf: in.buf}
	for _, line := range lines {
		if one.set(line); bytes.IndexByte(line, '\n') < 0 {
			in.fast.marks.mark(one.buf, 0, one.to)
			if _, ok := in.quick(&one, 0); ok {
				in.emit(&one, number)
				n++
				continue
			}
		}
		in.parser.many, in.parser.reshaped = [][]byte{line}, reshaped
		n += in.parser.each(func(raw []byte, e *Entry) {
			in.entry, in.line = *e, raw
			in.record.take(&in.entry)
			in.record.parsed = true
			in.emit(&one, number)
		})
	}
	in.buf = one.buf
	return n
}

// A recordReader reads all lines of its blocks.
type recordReader struct {
	*lineReader
	sequencers []sequencer
}

func (w *recordReader) read(b *block) {
	var r report
	w.fast.marks.mark(b.buf, b.from, b.to)
	// Whether lines of the container's stdout and stderr may continue ones of earlier blocks.
	pending := [2]bool{b.seq > 0, b.seq > 0}
	w.wrap.joining = pending
	i := b.from
	if next, ok := w.hasLongList(b, i); ok { // in the midst of a block, long lines are few
		i = next
		r.addMany(w.emitMany(b, 0), w.line)
		r.lines++
	}
	for ; i < b.to; r.lines++ {
		next, ok := w.quick(b, i)
		i = next
		if ok {
			r.records++
			r.between |= sawRecord
			w.emit(b, r.lines)
			continue
		}
		last := b.last(next)
		if stream, part, ok := w.piece(pending); ok {
			pending[stream] = part
			w.wrap.joining = pending
			r.add(event{piece: bytes.Clone(w.line), last: last})
			continue
		}
		switch w.slow(b, last) {
		case isRecord:
			r.records++
			r.between |= sawRecord
			w.emit(b, r.lines)
		case isMany:
			r.addMany(w.emitMany(b, r.lines), w.line)
		case isBlank:
			r.blanks++
			r.between |= sawBlank
		case isPart:
			pending[streamOf(&w.parser.chunk)] = true
			w.wrap.joining = pending
			r.add(event{piece: bytes.Clone(w.line), last: last})
		case isBad:
			r.add(event{reason: w.reason, looks: w.looks})
		}
	}
	if b.long > 0 {
		r.add(event{reason: tooLong(b.long)})
		r.lines++
	}
	w.sequencers[b.input].submit(b.seq, r)
}

func streamOf(c *chunk) int {
	if c.stream == "stderr" {
		return 1
	}
	return 0
}

// piece reports whether the line belongs to a container's stream that is pending, and whether it continues.
func (w *lineReader) piece(pending [2]bool) (stream int, part, ok bool) {
	if !pending[0] && !pending[1] || !mayBeEntry(w.line) {
		return 0, false, false
	}
	for i, name := range streamNames {
		if pending[i] && bytes.Contains(w.line, name) {
			if c, ok := w.parser.container(w.line); ok && pending[streamOf(&c)] {
				return streamOf(&c), c.partial, true
			}
			break
		}
	}
	return 0, false, false
}

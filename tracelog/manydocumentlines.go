package tracelog

import (
	"bytes"
	"sync"
)

// A documentLines passes documents to workers, many at once, each on one line. Its methods are called by the goroutine that
// takes the input apart; workers only use what mu protects.
type documentLines struct {
	s     *sequencer
	input int
	chunk int // how large a block is
	next  *documentBlock
	full  chan *documentBlock
	free  chan *documentBlock
	wg    sync.WaitGroup

	reader *lineReader // of emitTimed
	timed  int         // how many records that has found
	missed int         // documents in a row that takeRecords did not take
	around around      // the last record that emitTimed passed on

	mu      sync.Mutex
	records int // how many the workers have found
	shared  int // of these, those that share a line of the input with others
	blank   int // documents that only say what is done with the next one
	empty   []emptyDocument
}

// A documentBlock is a block with documents, or parts of them.
type documentBlock struct {
	block
	first int // the number of the first document's first line
	of    []documentOf
}

// A documentOf is what a line of a documentBlock is.
type documentOf struct {
	number int // of the document's first line in the input, counted from the block's first
	kind   documentKind
	list   *list // the elements of a part; nil if they must be looked for
}

// maxMissed is how many documents in a row may be no record as takeRecords takes it before it does not try most of them.
const maxMissed = 8

type documentKind uint8

const (
	wholeDocument documentKind = iota
	elementOfArray
	partOfObject // elements of an array, with what is around it
)

// An emptyDocument has no record.
type emptyDocument struct {
	line   int
	reason string
	looks  looks
}

func newDocumentLines(s *sequencer, input int, workers []blockReader, chunk int) *documentLines {
	d := &documentLines{s: s, input: input, chunk: chunk, full: make(chan *documentBlock), free: make(chan *documentBlock, len(workers)+1)}
	d.reader = newLineReader([]Input{{}}, nil, nil)
	d.reader.parser.shape = s.scanner.parser.shape
	for range cap(d.free) {
		d.free <- new(documentBlock)
	}
	for _, w := range workers {
		d.wg.Go(func() {
			for b := range d.full {
				w.(*recordReader).readDocuments(b, d)
				d.free <- b
			}
		})
	}
	return d
}

// add adds the JSON of a document whose first line has the number. Brackets are at its end.
func (d *documentLines) add(json, brackets []byte, number int, kind documentKind) {
	d.put(json, brackets, number)
	d.keep(number, kind)
}

// addPart adds a part of a document. The list is where it is in the part; it may be nil.
func (d *documentLines) addPart(json, brackets []byte, number int, l *list) {
	from := d.put(json, brackets, number)
	if l != nil {
		l.at, l.end = l.at+from, l.end+from
		for i := range l.ends {
			l.ends[i] += int32(from)
		}
	}
	b := d.next
	b.of = append(b.of, documentOf{number - b.first, partOfObject, l})
	d.sendFull()
}

// put is add for a document that may be dropped: keep must follow, or drop. It returns where the document begins in the next
// block.
func (d *documentLines) put(json, brackets []byte, number int) (from int) {
	b := d.block(number)
	from = len(b.buf)
	b.buf = append(append(appendCompact(b.buf, json), brackets...), '\n')
	return from
}

// block returns the block for the document whose first line has the number.
func (d *documentLines) block(number int) *documentBlock {
	b := d.next
	if b == nil {
		b = <-d.free
		if cap(b.buf) > mostKept {
			b.buf = nil
		}
		*b = documentBlock{block: block{input: d.input, seq: len(d.s.first), buf: b.buf[:0]}, first: number, of: b.of[:0]}
		d.s.first = append(d.s.first, number)
		d.next = b
	}
	return b
}

func (d *documentLines) keep(number int, kind documentKind) {
	b := d.next
	b.of = append(b.of, documentOf{number: number - b.first, kind: kind})
	d.sendFull()
}

// sendFull sends the block if it is full.
func (d *documentLines) sendFull() {
	if len(d.next.buf) >= d.chunk {
		d.send()
	}
}

func (d *documentLines) drop(from int) { d.next.buf = d.next.buf[:from] }

// line returns the last document, which begins at from.
func (d *documentLines) line(from int) []byte { return d.next.buf[from : len(d.next.buf)-1] }

func (d *documentLines) send() {
	if b := d.next; b != nil {
		d.next = nil
		b.to = len(b.buf)
		b.pad()
		d.full <- b
	}
}

// lastBlock returns a block that has the last document, which begins at from, for reader.
func (d *documentLines) lastBlock(from int) block {
	one := block{buf: d.next.buf, to: len(d.next.buf)}
	one.pad()
	d.next.buf = one.buf[:one.to]
	d.reader.fast.marks.mark(one.buf, from, one.to)
	return one
}

// isLongList reports whether the last document, which begins at from, has many records in a list. It is the fast way to tell that
// of most long documents.
func (d *documentLines) isLongList(from int) bool {
	if len(d.next.buf)-from < minKept {
		return false
	}
	one := d.lastBlock(from)
	_, ok := d.reader.hasLongList(&one, from)
	return ok
}

// emitTimed passes on the last document, which begins at from, if it is quickly seen to be a record with a time. It is not left
// to a worker, who would read it again.
func (d *documentLines) emitTimed(from, number int) bool {
	one := d.lastBlock(from)
	w := d.reader
	w.wrap.joining = [2]bool{}
	r := &w.record
	if alike := w.quickAlike(&d.around, &one, from); !alike {
		if _, ok := w.quick(&one, from); !ok {
			return false
		}
		if d.around.members = d.around.members[:0]; r.fast == &w.wrap.inner && w.wrap.entered > from {
			d.around.learn(&w.wrap, &w.fast, one.buf)
		}
	}
	if r.Time().IsZero() {
		return false
	}
	r.input, r.line, r.seq, r.number = d.s.input, w.line, d.next.seq, number-d.next.first
	d.s.emit(r)
	d.timed++
	d.drop(from)
	return true
}

// takeTimed is emitTimed for an object that is printed on many lines, with as many blanks before its brackets as indent. Text is what
// follows the line with the opening bracket. It returns where the line behind the object begins, and how many newlines are
// before that. It is -1 if only docLexer can tell where the object ends.
func (d *documentLines) takeTimed(text []byte, indent, number int) (next, lines int) {
	b := d.block(number)
	from := len(b.buf)
	c := compacter{out: append(b.buf, '{')}
	end := c.add(text, indent)
	b.buf = append(c.out, '\n')
	if end >= 0 && !c.glued {
		for next = end; next < len(text) && (text[next] == ',' || text[next] == '\r'); next++ {
		}
		if next < len(text) && text[next] == '\n' && d.emitTimed(from, number) {
			return next + 1, c.lines + 1
		}
	}
	d.drop(from)
	return -1, 0
}

// close waits until everything has been read, and counts it.
func (d *documentLines) close() {
	d.send()
	close(d.full)
	d.wg.Wait()
	t := &d.s.scanner.tally
	t.Records += d.records + d.timed
	t.Blank += d.blank
	t.Shared += d.shared
	for _, e := range d.empty {
		t.afterRecord()
		t.badAs(e.line, e.reason, e.looks)
	}
}

// readDocuments reads the documents of a block.
func (w *recordReader) readDocuments(b *documentBlock, d *documentLines) {
	w.fast.marks.mark(b.buf, b.from, b.to)
	w.wrap.joining = [2]bool{}
	records, shared, blank := 0, 0, 0
	var empty []emptyDocument
	i := 0
	for _, of := range b.of {
		v, ok := isRecord, false
		if of.kind == partOfObject { // which may be longer than any line
			end := i + bytes.IndexByte(b.buf[i:], '\n')
			w.line, w.record.from, i = b.buf[i:end], i, end+1
			if w.hasKnown(&b.block, of.list) {
				v = isMany
			}
		} else if next, isList := w.hasLongList(&b.block, i); isList {
			i, v = next, isMany
		} else {
			i, ok = w.quick(&b.block, i)
		}
		if !ok && v == isRecord {
			v = w.slow(&b.block, false)
		}
		n := 0
		switch v {
		case isRecord:
			if n = 1; of.kind != wholeDocument && len(w.record.Trace()) == 0 && !w.isElement(of.kind) {
				n = 0
				break
			}
			w.emit(&b.block, of.number)
		case isMany:
			n = w.emitMany(&b.block, of.number)
		case isBlank:
			if of.kind == wholeDocument {
				blank++
			}
			continue
		case isBad:
			if of.kind == wholeDocument { // of a document in parts, what is wrong is said once, at its end
				empty = append(empty, emptyDocument{b.first + of.number, w.reason, w.looks})
			}
			continue
		}
		records += n
		switch {
		case of.kind != wholeDocument:
			shared += n
		case n > 0:
			shared += n - 1
		default:
			empty = append(empty, emptyDocument{b.first + of.number, reasonText, looksOf(reasonText, w.line)})
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records += records
	d.blank += blank
	d.shared += shared
	d.empty = append(d.empty, empty...)
}

// isElement reports whether the line, which is without a trace id, counts as a record of an array. Else it is
// something beside records, or what is left of an object whose array has been read.
func (w *recordReader) isElement(kind documentKind) bool {
	if kind != elementOfArray {
		return false
	}
	found := w.parser.look(bytes.TrimSpace(w.line), arrayKey, 1, 0, false)
	w.parser.deep = w.parser.deep[:0]
	return found.depth > 0
}

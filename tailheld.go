package slogtrace

import (
	"encoding/binary"
	"iter"
	"log/slog"
	"slices"
	"time"
)

// A held holds the records of one root until they are let through. The root's lock guards it.
type held struct {
	heldBuffer
	root    tailRoot
	after   phase         // the phase that follows releasing
	reached bool          // a record that was held had KeepLevel
	stuck   bool          // waiting for room was in vain
	room    chan struct{} // closed when there is some again; nil if nobody waits
	done    chan struct{} // closed when all is let through; nil if nobody waits
	size    int           // bytes, by the measure of TailOptions.MaxRootBytes
	counted int           // of them, in tail.bytes

	// guarded by tail.mu
	since        time.Time
	older, newer *held
}

// account counts in tail.bytes what h has grown by.
func (h *held) account() {
	if n := h.size - h.counted; n != 0 {
		h.root.tail.bytes.Add(int64(n))
		h.counted = h.size
	}
}

// isFull reports whether as much is held as may be.
func (h *held) isFull() bool { return h.size > h.root.tail.opts.MaxRootBytes }

// makeRoom wakes those that wait in hasRoom.
func (h *held) makeRoom() {
	if h.room != nil {
		close(h.room)
		h.room = nil
	}
}

// take takes the records out of h. They stay counted until letThrough has passed them on.
func (h *held) take() heldBuffer {
	b := h.heldBuffer
	b.bytes = h.counted - heldSize
	h.heldBuffer = heldBuffer{}
	h.size, h.counted = heldSize, heldSize
	return b
}

// A heldBuffer is a number of records in the order in which they came. The text has an entry for each:
// its kind, level and size, and if it is a line, the line. The others are the next of records or spans.
type heldBuffer struct {
	text    []byte
	full    [][]byte // the entries before those of text
	records []heldRecord
	spans   []heldSpan
	env     *env // of With's context: the latest that is counted
	n       int  // lines, records and spans
	bytes   int  // that are counted, once it is taken
}

// A heldItem is a held record in one of its forms: line, record or span.
type heldItem struct {
	entryHead
	line   []byte
	record *heldRecord
	span   *heldSpan
}

// items returns what is held, in the order in which it came.
func (b *heldBuffer) items() iter.Seq[heldItem] {
	return func(yield func(heldItem) bool) {
		records, spans := b.records, b.spans
		for i := range len(b.full) + 1 {
			text := b.text
			if i < len(b.full) {
				text = b.full[i]
			}
			for len(text) > 0 {
				var item heldItem
				item.entryHead, text = cutEntryHead(text)
				switch item.kind {
				case aRecord:
					item.record, records = &records[0], records[1:]
				case aSpan:
					item.span, spans = &spans[0], spans[1:]
				default:
					item.line, text = text[:item.size], text[item.size:]
				}
				if !yield(item) {
					return
				}
			}
		}
	}
}

type heldKind uint8

const (
	aLine       heldKind = iota
	plainLine            // a line that counts unless the trace is kept for its share
	weighedLine          // and the one that counts then: it is before it
	aRecord
	aSpan
)

// An entryHead is the beginning of an entry.
type entryHead struct {
	kind  heldKind
	level slog.Level
	size  int // of a line, its length; else the memory that the record takes
}

const maxEntryHead = 1 + 2*binary.MaxVarintLen64

func (e entryHead) append(b []byte) []byte {
	b = binary.AppendVarint(append(b, byte(e.kind)), int64(e.level))
	return binary.AppendUvarint(b, uint64(e.size))
}

// cutEntryHead returns the head at the beginning of text and what follows it.
func cutEntryHead(text []byte) (entryHead, []byte) {
	level, n := binary.Varint(text[1:])
	size, m := binary.Uvarint(text[1+n:])
	return entryHead{heldKind(text[0]), slog.Level(level), int(size)}, text[1+n+m:]
}

const (
	// The text grows by doubling to maxHeldText. Then another begins, so that at most that much of it is unused.
	maxHeldText = 32 << 10

	maxHeldItems = 256 // records, and spans, that fit into memory that is used again
)

// addLine adds a line.
func (h *held) addLine(line []byte, level slog.Level, k heldKind) {
	h.addEntry(entryHead{k, level, len(line)}, line)
	if k != weighedLine {
		h.n++
	}
}

// addRecord adds a record, which the caller must write, that refers to size bytes.
func (h *held) addRecord(level slog.Level, size int) *heldRecord {
	room := cap(h.records)
	h.records = append(h.records, heldRecord{})
	h.size += (cap(h.records)-room)*heldRecordSize + size
	h.addEntry(entryHead{aRecord, level, heldRecordSize + size}, nil)
	h.n++
	return &h.records[len(h.records)-1]
}

// addSpan adds the record that a span says all of, and that refers to size bytes.
func (h *held) addSpan(s heldSpan, level slog.Level, size int) {
	room := cap(h.spans)
	h.spans = append(h.spans, s)
	h.size += (cap(h.spans)-room)*heldSpanSize + size
	h.addEntry(entryHead{aSpan, level, heldSpanSize + size}, nil)
	h.n++
}

func (h *held) addEntry(e entryHead, line []byte) {
	var mem [maxEntryHead]byte
	head := e.append(mem[:0])
	if n := len(head) + len(line); n > cap(h.text)-len(h.text) {
		h.size += h.growText(n)
	}
	h.text = append(append(h.text, head...), line...)
}

// growText makes room for n bytes more. At first it is for no more than that: many roots have one line.
// It returns by how much memory b has grown.
func (b *heldBuffer) growText(n int) int {
	before := cap(b.text)
	switch {
	case len(b.text) == 0:
		b.text = slices.Grow([]byte(nil), n)
	case len(b.text)+n > maxHeldText:
		before = cap(b.full) * sliceSize
		b.full = append(b.full, b.text)
		b.text = slices.Grow([]byte(nil), max(n, maxHeldText))
		return cap(b.text) + cap(b.full)*sliceSize - before
	default:
		more := slices.Grow([]byte(nil), min(max(2*before, len(b.text)+n), maxHeldText))
		b.text = append(more, b.text...)
	}
	return cap(b.text) - before
}

// reset forgets the records of b, and keeps memory for others.
func (b *heldBuffer) reset() {
	if cap(b.text) > maxHeldText || cap(b.records) > maxHeldItems || cap(b.spans) > maxHeldItems {
		*b = heldBuffer{}
		return
	}
	clear(b.records)
	clear(b.spans)
	*b = heldBuffer{text: b.text[:0], records: b.records[:0], spans: b.spans[:0]}
}

// capacity returns how much memory there is in b, which is reset.
func (b *heldBuffer) capacity() int {
	return cap(b.text) + cap(b.records)*heldRecordSize + cap(b.spans)*heldSpanSize
}

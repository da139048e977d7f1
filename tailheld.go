package slogtrace

import (
	"encoding/binary"
	"iter"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"time"
)

// A held buffers the records of one root until they are let through. The root's lock guards it.
type held struct {
	heldBuffer
	root    tailRoot
	after   phase         // the phase that follows releasing
	reached bool          // a held record reached KeepLevel
	stuck   bool          // a wait for room was in vain
	room    chan struct{} // closed when there is room again; nil if nobody waits
	done    chan struct{} // closed when everything is let through; nil if nobody waits
	size    int           // bytes, counted as for TailOptions.MaxRootBytes
	counted int           // the part of size that is in tail.bytes

	// Guarded by tail.mu.
	since        time.Time
	older, newer *held
}

// account adds the growth of h to tail.bytes.
func (h *held) account() {
	if n := h.size - h.counted; n != 0 {
		h.root.tail.bytes.Add(int64(n))
		h.counted = h.size
	}
}

// isFull reports whether h holds more than it may.
func (h *held) isFull() bool { return h.size > h.root.tail.opts.MaxRootBytes }

// makeRoom wakes the goroutines that wait in hasRoom.
func (h *held) makeRoom() {
	if h.room != nil {
		close(h.room)
		h.room = nil
	}
}

// take takes the records out of h. Their bytes stay counted until letThrough has passed them on.
func (h *held) take() heldBuffer {
	b := h.heldBuffer
	b.bytes = h.counted - heldSize
	h.heldBuffer = heldBuffer{}
	h.size, h.counted = heldSize, heldSize
	return b
}

// A heldBuffer holds records in the order in which they came. The text has an entry for each:
// kind, level and size, and for a line also the line. For other kinds the record is the next in records or spans.
type heldBuffer struct {
	text    []byte
	full    [][]byte // full texts, whose entries come before those of text
	records []heldRecord
	spans   []heldSpan
	env     *env // the last env that was counted, for the context of With
	n       int  // number of lines, records and spans
	bytes   int  // counted bytes, once the buffer is taken
}

// A heldItem is a held record in one of its forms: line, record or span.
type heldItem struct {
	entryHead
	line   []byte
	record *heldRecord
	span   *heldSpan
}

// items returns the items of b in the order in which they came.
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
	plainLine            // the line, unless the trace is kept for its share
	weighedLine          // the same line for a trace kept for its share; comes before plainLine
	aRecord
	aSpan
)

// An entryHead is the beginning of an entry.
type entryHead struct {
	kind  heldKind
	level slog.Level
	size  int // length of a line; for others the memory that the record takes
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
	// The text grows by doubling up to maxHeldText. Then a new text begins, so that at most that much is unused.
	maxHeldText = 32 << 10

	maxHeldItems = 256 // largest number of records, and of spans, in memory that is kept for reuse
)

// addLine adds a line.
func (h *held) addLine(line []byte, level slog.Level, k heldKind) {
	h.addEntry(entryHead{k, level, len(line)}, line)
	if k != weighedLine {
		h.n++
	}
}

// addRecord adds a record that refers to size bytes. The caller must fill it in.
func (h *held) addRecord(level slog.Level, size int) *heldRecord {
	room := cap(h.records)
	h.records = append(h.records, heldRecord{})
	h.size += (cap(h.records)-room)*heldRecordSize + size
	h.addEntry(entryHead{aRecord, level, heldRecordSize + size}, nil)
	h.n++
	return &h.records[len(h.records)-1]
}

// addSpan adds a span record that is kept as its span and refers to size bytes.
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

// growText makes room for n more bytes. The first time it makes no more room than that: many roots have one line.
// It returns how much memory b has grown by.
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

// reset removes the records of b and keeps its memory for other records, unless that is too large.
func (b *heldBuffer) reset() {
	if cap(b.text) > maxHeldText || cap(b.records) > maxHeldItems || cap(b.spans) > maxHeldItems {
		*b = heldBuffer{}
		return
	}
	clear(b.records)
	clear(b.spans)
	*b = heldBuffer{text: b.text[:0], records: b.records[:0], spans: b.spans[:0]}
}

// capacity returns the memory of b, which must be reset.
func (b *heldBuffer) capacity() int {
	return cap(b.text) + cap(b.records)*heldRecordSize + cap(b.spans)*heldSpanSize
}

// Memory that our own types take, in bytes.
var (
	heldSize       = sizeFor[held]() + sizeFor[tailState]()
	heldRecordSize = sizeFor[heldRecord]()
	heldSpanSize   = sizeFor[heldSpan]()
	spanSize       = sizeFor[Span]()
	rareSize       = sizeFor[rare]()
	envSize        = sizeFor[env]()
	scopeSize      = sizeFor[scopeContext]()
	attrSize       = sizeFor[slog.Attr]()
	sliceSize      = sizeFor[[]byte]()

	// A handler that With or WithGroup made, with its next handler, which is taken to be as large as one of ours.
	boundSize = sizeFor[TailHandler]() + sizeFor[Handler]()
)

func sizeFor[T any]() int { return int(reflect.TypeFor[T]().Size()) }

// attrsSize returns the memory that attrs take, in bytes. All sizes here are in bytes.
func attrsSize(attrs []slog.Attr) (size int) {
	for _, a := range attrs {
		size += attrSize + referredSize(a)
	}
	return size
}

// referredSize returns the memory that a refers to. Data that a value reaches by pointer, map or slice is not counted.
func referredSize(a slog.Attr) int { return len(a.Key) + valueSize(a.Value) }

func valueSize(v slog.Value) int {
	switch v.Kind() {
	case slog.KindString:
		return len(v.String())
	case slog.KindGroup:
		return attrsSize(v.Group())
	case slog.KindAny:
		return boxedSize(v.Any())
	case slog.KindLogValuer:
		switch m := v.Any().(type) {
		case *mark: // its span is counted by spanRecordSize
			return sizeFor[mark]() + valueSize(m.value)
		case *userAttr:
			return sizeFor[userAttr]() + referredSize(slog.Attr(*m))
		}
	}
	return 0
}

// boxedSize returns the memory that v takes outside of its interface.
func boxedSize(v any) int {
	if v == nil {
		return 0
	}
	x := reflect.ValueOf(v)
	switch x.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return 0 // stored in the interface itself
	}
	return int(x.Type().Size()) + stringsSize(x)
}

// stringsSize returns the length of the strings in x.
func stringsSize(x reflect.Value) (size int) {
	switch x.Kind() {
	case reflect.String:
		size = x.Len()
	case reflect.Struct:
		for i := range x.NumField() {
			size += stringsSize(x.Field(i))
		}
	case reflect.Array:
		if hasStrings(x.Type().Elem()) {
			for i := range x.Len() {
				size += stringsSize(x.Index(i))
			}
		}
	}
	return size
}

func hasStrings(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if hasStrings(t.Field(i).Type) {
				return true
			}
		}
	case reflect.Array:
		return hasStrings(t.Elem())
	}
	return false
}

// pinnedUnit is the unit of Span.pinned, in bytes.
const pinnedUnit = 32

// spanSize returns the memory of s and its ancestors, except those that t's tail has counted before,
// and marks them as counted.
// The root does not count: it is open, and its records are not held longer than that.
func (t tailRoot) spanSize(s *Span) (size int) {
	bit := t.countedBit()
	for s != nil && s.root != nil && !s.is(bit) && s.state.Or(bit)&bit == 0 {
		size += spanSize
		if s.rare.Load() != nil {
			size += rareSize
		}
		s.mu.Lock()
		attrs := attrsSize(s.attrs)
		if s.pinned == 0 {
			s.pinned = uint16(min(attrs/pinnedUnit, math.MaxUint16))
		}
		s.mu.Unlock()
		size += attrs
		parent := s.localParent()
		if parent != nil && parent.env != s.env {
			size += scopeSize + s.env.size()
		}
		s = parent
	}
	return size
}

// spanRecordSize is spanSize for a span record. It also counts attributes set since the first record of s was held.
func (t tailRoot) spanRecordSize(s *Span) int {
	if size := t.spanSize(s); size > 0 || s.root == nil {
		return size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, attrsSize(s.attrs)-int(s.pinned)*pinnedUnit)
}

// countedBit returns the bit of Span.state that means that t's tail has counted the span.
// The 28th and later TailHandlers of a root share one bit.
func (t *tailState) countedBit() uint32 {
	bit := uint32(counted)
	for other := t.next; other != nil && bit < 1<<31; other = other.next {
		bit <<= 1
	}
	return bit
}

// size returns the memory that e takes.
func (e *env) size() int { return envSize + attrsSize(e.attrs) }

// recordSize returns the memory that r refers to.
func recordSize(r *slog.Record) int {
	size := len(r.Message) + max(0, r.NumAttrs()-inlineAttrs)*attrSize
	r.Attrs(func(a slog.Attr) bool {
		size += referredSize(a)
		return true
	})
	return size
}

// plainSize is recordSize for a plain record: one without groups and LogValuers.
func plainSize(r *slog.Record) (size int, plain bool) {
	size, plain = len(r.Message)+max(0, r.NumAttrs()-inlineAttrs)*attrSize, true
	r.Attrs(func(a slog.Attr) bool {
		size += len(a.Key)
		switch a.Value.Kind() {
		case slog.KindString:
			size += len(a.Value.String())
		case slog.KindAny:
			size += boxedSize(a.Value.Any())
		case slog.KindGroup, slog.KindLogValuer:
			plain = false
		}
		return plain
	})
	return size, plain
}

const inlineAttrs = 5 // number of attributes inside a slog.Record itself

// pinnedSize returns the memory of h if h is derived and this is its first held record; otherwise 0.
func (h *TailHandler) pinnedSize() int {
	if h.bound == 0 || h.counted.Load() || h.counted.Swap(true) {
		return 0
	}
	return h.bound
}

package slogtrace

import (
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

// A heldBuffer holds items in the order in which they came.
type heldBuffer struct {
	items   []heldItem
	text    []byte       // the lines of items
	full    [][]byte     // full texts, whose lines come before those of text
	records []heldRecord // those of items
	spans   []heldSpan   // those of items
	env     *env         // the last env that was counted, for the context of With
	n       int          // number of lines, records and spans
	bytes   int          // counted bytes, once the buffer is taken
}

// A heldItem is a line, a record or a span in the queue of a heldBuffer, which has its contents.
type heldItem struct {
	kind  heldKind
	level slog.Level
	size  int // length of a line; for others the memory that the record takes
}

type heldKind uint8

const (
	aLine       heldKind = iota
	plainLine            // the line, unless the trace is kept for its share
	weighedLine          // the same line for a trace kept for its share; comes before plainLine
	aRecord
	aSpan
)

// cutLine removes the first line, of n bytes, from b and returns it.
func (b *heldBuffer) cutLine(n int) (line []byte) {
	from := &b.text
	if len(b.full) > 0 {
		from = &b.full[0]
	}
	line, *from = (*from)[:n], (*from)[n:]
	if len(b.full) > 0 && len(b.full[0]) == 0 {
		b.full = b.full[1:]
	}
	return line
}

const (
	// The text grows by doubling up to maxHeldText. Then a new text begins, so that at most that much is unused.
	maxHeldText = 32 << 10

	maxHeldItems = 256 // largest number of items, of records and of spans in memory that is kept for reuse
)

// add adds an item, which takes size more bytes than the queue.
func (h *held) add(item heldItem, size int) {
	room := cap(h.items)
	h.items = append(h.items, item)
	h.size += (cap(h.items)-room)*heldItemSize + size
	if item.kind != weighedLine {
		h.n++
	}
}

// addLine adds a line.
func (h *held) addLine(line []byte, level slog.Level, k heldKind) {
	size := 0
	if len(line) > cap(h.text)-len(h.text) {
		size = h.growText(len(line))
	}
	h.text = append(h.text, line...)
	h.add(heldItem{k, level, len(line)}, size)
}

// addRecord adds a record that refers to size bytes. The caller must fill it in.
func (h *held) addRecord(level slog.Level, size int) *heldRecord {
	room := cap(h.records)
	h.records = append(h.records, heldRecord{})
	h.add(heldItem{aRecord, level, heldRecordSize + size}, (cap(h.records)-room)*heldRecordSize+size)
	return &h.records[len(h.records)-1]
}

// addSpan adds a span record that is kept as its span and refers to size bytes.
func (h *held) addSpan(s heldSpan, level slog.Level, size int) {
	room := cap(h.spans)
	h.spans = append(h.spans, s)
	h.add(heldItem{aSpan, level, heldSpanSize + size}, (cap(h.spans)-room)*heldSpanSize+size)
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

// reset removes the items of b and keeps its memory for others, unless that is too large.
func (b *heldBuffer) reset() {
	if max(cap(b.text)-maxHeldText, cap(b.items)-maxHeldItems, cap(b.records)-maxHeldItems, cap(b.spans)-maxHeldItems) > 0 {
		*b = heldBuffer{}
		return
	}
	clear(b.records)
	clear(b.spans)
	*b = heldBuffer{items: b.items[:0], text: b.text[:0], records: b.records[:0], spans: b.spans[:0]}
}

// capacity returns the memory of b, which must be reset.
func (b *heldBuffer) capacity() int {
	return cap(b.items)*heldItemSize + cap(b.text) + cap(b.records)*heldRecordSize + cap(b.spans)*heldSpanSize
}

// Memory that our own types take, in bytes.
var (
	heldSize       = sizeFor[held]() + sizeFor[tailState]()
	heldItemSize   = sizeFor[heldItem]()
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

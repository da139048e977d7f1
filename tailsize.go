package slogtrace

import (
	"log/slog"
	"math"
	"reflect"
)

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

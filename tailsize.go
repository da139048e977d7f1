package slogtrace

import (
	"log/slog"
	"math"
	"reflect"
)

// What a value, or what we hold, takes of memory.
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

	// Of a handler that With or WithGroup made, and of the next one about as much as one of ours.
	boundSize = sizeFor[TailHandler]() + sizeFor[Handler]()
)

func sizeFor[T any]() int { return int(reflect.TypeFor[T]().Size()) }

// attrsSize returns how much memory attrs take.
func attrsSize(attrs []slog.Attr) (size int) {
	for _, a := range attrs {
		size += attrSize + referredSize(a)
	}
	return size
}

// referredSize returns how much memory a refers to. What a value reaches by pointer, map or slice is not counted.
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
		case *mark: // what it says of a span, spanRecordSize counts
			return sizeFor[mark]() + valueSize(m.value)
		case *userAttr:
			return sizeFor[userAttr]() + referredSize(slog.Attr(*m))
		}
	}
	return 0
}

// boxedSize returns how much memory v takes in an interface.
func boxedSize(v any) int {
	if v == nil {
		return 0
	}
	x := reflect.ValueOf(v)
	switch x.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return 0 // the interface has it
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

// spanSize returns how much memory s and its ancestors take that t's tail has not counted, and counts it.
// A root is open, and what is held of it does not outlive that.
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

// spanRecordSize is spanSize for a span record: attributes that came after a record of s was held count too.
func (t tailRoot) spanRecordSize(s *Span) int {
	if size := t.spanSize(s); size > 0 || s.root == nil {
		return size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, attrsSize(s.attrs)-int(s.pinned)*pinnedUnit)
}

// countedBit returns the bit of Span.state which says that t's tail has counted the span.
// The 28th of a root's TailHandlers and those after it share one.
func (t *tailState) countedBit() uint32 {
	bit := uint32(counted)
	for other := t.next; other != nil && bit < 1<<31; other = other.next {
		bit <<= 1
	}
	return bit
}

// size returns how much memory e takes.
func (e *env) size() int { return envSize + attrsSize(e.attrs) }

// recordSize returns how much memory r refers to.
func recordSize(r *slog.Record) int {
	size := len(r.Message) + max(0, r.NumAttrs()-inlineAttrs)*attrSize
	r.Attrs(func(a slog.Attr) bool {
		size += referredSize(a)
		return true
	})
	return size
}

// plainSize is recordSize for a record that is plain: without groups and LogValuers.
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

const inlineAttrs = 5 // that a slog.Record has in itself

// pinnedSize returns how much memory h takes, if it is derived and no record has been held with it.
func (h *TailHandler) pinnedSize() int {
	if h.bound == 0 || h.counted.Load() || h.counted.Swap(true) {
		return 0
	}
	return h.bound
}

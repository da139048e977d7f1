package slogtrace

import (
	"log/slog"
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
		case *startMark:
			return (*Span)(m).recordSize()
		case *endMark:
			return (*Span)(m).recordSize()
		case *mark:
			size := sizeFor[mark]() + valueSize(m.value)
			if m.span != nil {
				size += m.span.recordSize()
			}
			return size
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

// recordSize returns how much memory a record of s holds on to: that of s, if no tail has counted it, and of its attributes.
func (s *Span) recordSize() int {
	if s.root == nil {
		return 0 // it is open, and what is held of it does not outlive that
	}
	return s.pinnedSize() + s.attrsSize()
}

// pinnedSize returns how much memory s takes without its attributes, if no tail has counted it; it is counted then.
func (s *Span) pinnedSize() int {
	if s.root == nil || s.is(counted) || s.state.Or(counted)&counted != 0 {
		return 0
	}
	size := spanSize
	if s.rare.Load() != nil {
		size += rareSize
	}
	if p := s.localParent(); p != nil && p.env != s.env {
		size += scopeSize + s.env.size()
	}
	return size
}

func (s *Span) attrsSize() int {
	if !s.is(ended) {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	return attrsSize(s.attrs)
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

package slogtrace

import (
	"log/slog"
	"reflect"
)

var (
	heldRecordSize = int(reflect.TypeFor[heldItem]().Size() + reflect.TypeFor[heldRecord]().Size())
	heldSpanSize   = int(reflect.TypeFor[heldItem]().Size() + reflect.TypeFor[heldSpan]().Size() + reflect.TypeFor[Span]().Size())
)

// sizeOf returns about how much memory the record of s holds on to. If s is running, nobody may change its attributes.
func sizeOf(s *Span) int {
	size := heldSpanSize
	for _, a := range s.attrs {
		n, _ := measure(a)
		size += n + attrSize
	}
	return size
}

var attrSize = int(reflect.TypeFor[slog.Attr]().Size())

// measure returns about how much memory a holds on to, and whether there is a LogValuer of the user's in it.
func measure(a slog.Attr) (size int, valuers bool) {
	switch a.Value.Kind() {
	case slog.KindString:
		size = len(a.Value.String())
	case slog.KindGroup:
		for _, a := range a.Value.Group() {
			n, v := measure(a)
			size, valuers = size+n+attrSize, valuers || v
		}
	case slog.KindLogValuer:
		switch m := a.Value.Any().(type) {
		case *endMark:
		case *mark:
			size, valuers = measure(slog.Attr{Value: m.value})
			valuers = valuers || m.isMoving()
		default:
			valuers = true
		}
	}
	return size, valuers
}

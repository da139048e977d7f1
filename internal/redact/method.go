package redact

import "reflect"

// This file determines which methods of values encoding/json and package fmt call.

// marshalerOf returns v, or a pointer to it, if encoding/json writes it by a method. Otherwise it returns nil.
func marshalerOf(v reflect.Value, info *typeInfo) any {
	if !info.marshals && !info.texts || !v.CanInterface() {
		return nil
	}
	if m := info.jsonMethod.of(v); m != nil {
		return m
	}
	if m := info.streamMethod.of(v); m != nil {
		return m
	}
	if m := info.textMethod.of(v); m != nil {
		return m
	}
	return info.appendMethod.of(v)
}

// A methodOwner tells which values have the methods of an interface.
type methodOwner uint8

const (
	nobody    methodOwner = iota
	byPointer             // only a pointer to a value has them
	byValue
)

// of returns v, or a pointer to it, as a value that has the methods, as encoding/json does. Otherwise it returns nil.
func (o methodOwner) of(v reflect.Value) any {
	switch {
	case o == nobody:
		return nil
	case v.CanAddr() && v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface: // nothing is copied
		return v.Addr().Interface()
	case o == byValue:
		return v.Interface()
	}
	return nil
}

// ownerOf returns the owner of the methods of iface in t.
func ownerOf(t, iface reflect.Type) methodOwner {
	switch {
	case t.Implements(iface):
		return byValue
	case reflect.PointerTo(t).Implements(iface):
		return byPointer
	}
	return nobody
}

// methodsOf returns v, or a pointer to it, as a value that has the methods of iface, as encoding/json does. Otherwise
// it returns nil.
func methodsOf(v reflect.Value, iface reflect.Type) any {
	switch {
	case v.Type().Implements(iface):
		return v.Interface()
	case v.CanAddr() && reflect.PointerTo(v.Type()).Implements(iface):
		return v.Addr().Interface()
	}
	return nil
}

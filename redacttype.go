package slogtrace

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// This file says of which types a value may have something in it that a redactor replaces.

var (
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	errorType         = reflect.TypeFor[error]()
	secretType        = reflect.TypeFor[Secret]()
	slogAttrType      = reflect.TypeFor[slog.Attr]()
	slogValueType     = reflect.TypeFor[slog.Value]()
	printerTypes      = []reflect.Type{reflect.TypeFor[fmt.Formatter](), reflect.TypeFor[fmt.Stringer](), errorType, textMarshalerType}
)

// mayHold reports whether there may be something to replace in values of type t.
func (x *redactor) mayHold(t reflect.Type) bool {
	if known, ok := x.types.Load(t); ok {
		return known.(bool)
	}
	holds := x.holds(t, nil)
	x.types.Store(t, holds)
	return holds
}

// holds is mayHold for a type that is part of those of the path.
func (x *redactor) holds(t reflect.Type, path []reflect.Type) bool {
	if slices.Contains(path, t) {
		return false // nothing but what the others hold
	}
	path = append(path, t)
	switch {
	case t == slogAttrType, t == slogValueType:
		return true
	case t == secretType:
		return false // it hides itself
	case x.minds && (t.Implements(errorType) || reflect.PointerTo(t).Implements(errorType)):
		return true
	case t.Implements(jsonMarshalerType), reflect.PointerTo(t).Implements(jsonMarshalerType):
		return true
	case t.Implements(textMarshalerType), reflect.PointerTo(t).Implements(textMarshalerType):
		if x.cardNumbers {
			return true
		}
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.String:
		return x.cardNumbers
	case reflect.Pointer, reflect.Array:
		return x.holds(t.Elem(), path)
	case reflect.Slice:
		return x.holds(t.Elem(), path) || x.cardNumbers && t.Elem().Kind() == reflect.Uint8
	case reflect.Map:
		switch t.Key().Kind() {
		case reflect.String, reflect.Interface:
			return true
		}
		return t.Key().Implements(textMarshalerType) || x.holds(t.Key(), path) || x.holds(t.Elem(), path)
	case reflect.Struct:
		info := x.structInfo(t)
		return info.hidden || slices.ContainsFunc(info.fields, func(f structField) bool { return f.secret || x.holds(f.typ, path) })
	}
	return false
}

// isPrinter reports whether package fmt, or a text handler, prints values of type t, or pointers to them, by a method.
func isPrinter(t reflect.Type) bool {
	return slices.ContainsFunc(printerTypes, func(iface reflect.Type) bool {
		return t.Implements(iface) || reflect.PointerTo(t).Implements(iface)
	})
}

// prints reports whether package fmt may print something to replace of a value of type t by going through it.
// Such values are not read: they are not meant to be, and their owner may be writing them. So where it takes the value to tell,
// guess says whether it may.
func (x *redactor) prints(t reflect.Type, guess bool, path []reflect.Type) bool {
	if slices.Contains(path, t) {
		return false
	}
	path = append(path, t)
	switch {
	case t == secretType:
		return true // no method of it is called
	case t == slogAttrType, t == slogValueType:
		return guess
	}
	switch t.Kind() {
	case reflect.Interface:
		return guess
	case reflect.String:
		return guess && x.cardNumbers
	case reflect.Array:
		return x.prints(t.Elem(), guess, path)
	case reflect.Slice:
		return x.prints(t.Elem(), guess, path) || guess && x.cardNumbers && t.Elem().Kind() == reflect.Uint8
	case reflect.Map:
		return guess && t.Key().Kind() == reflect.String || x.prints(t.Key(), guess, path) || x.prints(t.Elem(), guess, path)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); x.keys.in(f.Name) || x.prints(f.Type, guess, path) {
				return true
			}
		}
	}
	return false
}

// structInfo is what is known of a struct type.
type structInfo struct {
	fields []structField // those that encoding/json writes, in its order
	hidden bool          // in the others there may be something to replace
}

type structField struct {
	name                        string // as encoding/json writes it
	index                       []int
	typ                         reflect.Type
	omitEmpty, omitZero, quoted bool
	tagged                      bool
	secret                      bool // it, or the struct that is embedded here, has a name of the redactor's
}

func (x *redactor) structInfo(t reflect.Type) *structInfo {
	if known, ok := x.structs.Load(t); ok {
		return known.(*structInfo)
	}
	info := new(structInfo)
	all := x.appendFields(nil, info, t, nil, false, []reflect.Type{t}, !isPrinter(t))
	// Of several fields with one name the least nested counts, then the tagged one; if that leaves several, none.
	for i, f := range all {
		wins := !slices.ContainsFunc(all, func(g structField) bool {
			return g.name == f.name && (len(g.index) < len(f.index) || len(g.index) == len(f.index) && g.tagged && !f.tagged)
		})
		for j, g := range all {
			if j != i && g.name == f.name && len(g.index) == len(f.index) && g.tagged == f.tagged {
				wins = false
			}
		}
		if wins {
			info.fields = append(info.fields, f)
		} else {
			info.hidden = info.hidden || f.secret || x.prints(f.typ, !isPrinter(t), nil)
		}
	}
	x.structs.Store(t, info)
	return info
}

// appendFields appends the fields of t and of what is embedded in it, by the rules of encoding/json, and notes in info
// what that leaves out. index leads to t, and path has the types on the way.
func (x *redactor) appendFields(fields []structField, info *structInfo, t reflect.Type, index []int, secret bool, path []reflect.Type, guess bool) []structField {
	for i := range t.NumField() {
		sf := t.Field(i)
		f := structField{name: sf.Name, index: append(slices.Clip(index), i), typ: sf.Type, secret: secret || x.keys.in(sf.Name)}
		embedded := sf.Type
		if sf.Anonymous && embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		tag := sf.Tag.Get("json")
		shown := tag != "-" && (sf.IsExported() || sf.Anonymous && embedded.Kind() == reflect.Struct)
		if !shown {
			info.hidden = info.hidden || f.secret || x.prints(sf.Type, guess, nil)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name != "" && isTagName(name) {
			f.name, f.tagged = name, true
			f.secret = f.secret || x.keys.in(name)
		}
		if sf.Anonymous && !f.tagged && embedded.Kind() == reflect.Struct {
			if !slices.Contains(path, embedded) {
				fields = x.appendFields(fields, info, embedded, f.index, f.secret, append(slices.Clip(path), embedded), guess)
			}
			continue
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				f.omitEmpty = true
			case "omitzero":
				f.omitZero = true
			case "string":
				f.quoted = isQuotable(sf.Type)
			}
		}
		fields = append(fields, f)
	}
	return fields
}

// isTagName reports whether encoding/json takes name for one.
func isTagName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// isQuotable reports whether the option string of a tag counts for a field of type t.
func isQuotable(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64:
		return true
	}
	return reflect.Int <= t.Kind() && t.Kind() <= reflect.Uintptr
}

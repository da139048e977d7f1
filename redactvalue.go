package slogtrace

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
)

// This file looks for secrets in values of any type. What matters is what a sink may print of them:
// encoding/json shows exported fields, follows pointers and calls methods; package fmt shows unexported fields too,
// follows no pointers but the first, and prints a map's or a struct's content by the names that Go has for it.
//
// A value with a secret in it becomes what encoding/json writes of it, with the secrets replaced.

// maxRedactDepth is how deep maps, structs, pointers and groups may be nested. encoding/json goes on to about a thousand,
// but then it is most probably a cycle.
const maxRedactDepth = 100

var tooDeep = slog.StringValue(fmt.Sprintf("!ERROR:redact: more than %d levels", maxRedactDepth))

// redactedJSON is what became of a value that had a secret in it.
type redactedJSON struct{ text string }

func (v redactedJSON) MarshalJSON() ([]byte, error) { return []byte(v.text), nil }
func (v redactedJSON) MarshalText() ([]byte, error) { return []byte(v.text), nil }
func (v redactedJSON) String() string               { return v.text }

// redactedError is what became of an error whose text had a secret in it. It does not unwrap to that one.
type redactedError struct{ text string }

func (e *redactedError) Error() string { return e.text }

// any returns v without its secrets, and whether that is another value.
func (x *redactor) any(v any, depth int) (_ slog.Value, changed bool) {
	if v == nil {
		return slog.Value{}, false
	}
	if err, ok := v.(error); ok {
		if text, changed := x.errorText(err); changed {
			return slog.AnyValue(&redactedError{text}), true
		}
	}
	if !x.mayHold(reflect.TypeOf(v)) {
		return slog.Value{}, false
	}
	look := walker{redactor: x}
	look.value(reflect.ValueOf(v), depth)
	switch {
	case look.deep:
		return tooDeep, true
	case !look.found:
		return slog.Value{}, false
	}
	write := walker{redactor: x, writes: true}
	write.value(reflect.ValueOf(v), depth)
	if len(write.b) > 0 && write.b[0] == '"' {
		return slog.StringValue(payloadUnquote(write.b)), true
	}
	return slog.AnyValue(redactedJSON{string(write.b)}), true
}

// A walker goes through a value. At first it only looks whether there is something to replace.
type walker struct {
	*redactor
	writes bool   // append to b what encoding/json would, without secrets
	b      []byte // JSON
	found  bool   // there is a secret
	deep   bool   // the value is too deep to tell
}

func (w *walker) value(v reflect.Value, depth int) {
	if w.found && !w.writes || w.deep {
		return
	}
	if depth > maxRedactDepth {
		w.deep = true
		return
	}
	if !v.IsValid() {
		w.raw("null")
		return
	}
	t := v.Type()
	if !w.mayHold(t) {
		w.leaf(v)
		return
	}
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		w.raw("null")
		return
	}
	if err, ok := methodsOf(v, errorType).(error); ok && w.minds {
		_, changed := w.errorText(err) // package fmt would print it
		w.found = w.found || changed
	}
	switch t {
	case slogAttrType:
		_, changed := w.attr(v.Interface().(slog.Attr), depth+1)
		w.found = w.found || changed
		w.leaf(v) // which shows the key
		return
	case slogValueType:
		_, changed := w.attr(slog.Attr{Value: v.Interface().(slog.Value)}, depth+1)
		w.found = w.found || changed
		w.leaf(v) // which shows nothing
		return
	}
	if m := methodsOf(v, jsonMarshalerType); m != nil && v.Kind() != reflect.Interface {
		w.hidden(v)
		text, ok := marshal(m)
		if !ok {
			w.raw(text)
			return
		}
		w.json([]byte(text), depth)
		return
	}
	if m := methodsOf(v, textMarshalerType); m != nil && v.Kind() != reflect.Interface {
		w.hidden(v)
		text, _ := marshal(m)
		w.json([]byte(text), depth)
		return
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		w.value(v.Elem(), depth+1)
	case reflect.String:
		w.text(v.String())
	case reflect.Map:
		w.mapValue(v, depth)
	case reflect.Slice, reflect.Array:
		w.list(v, depth)
	case reflect.Struct:
		w.structValue(v, depth)
	default:
		w.leaf(v)
	}
}

// methodsOf returns v, or a pointer to it, as a value that has the methods of iface, as encoding/json does, else nil.
func methodsOf(v reflect.Value, iface reflect.Type) any {
	switch {
	case v.Type().Implements(iface):
		return v.Interface()
	case v.CanAddr() && reflect.PointerTo(v.Type()).Implements(iface):
		return v.Addr().Interface()
	}
	return nil
}

// marshal returns v as JSON, and a JSON string that says what went wrong if that is not to be had.
func marshal(v any) (text string, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			text, ok = string(appendString(nil, fmt.Sprintf("!PANIC: %v", p))), false
		}
	}()
	b, err := appendJSON(nil, v)
	if err != nil {
		return string(appendString(nil, fmt.Sprintf("!ERROR:%v", err))), false
	}
	return string(b), true
}

func (w *walker) raw(text string) {
	if w.writes {
		w.b = append(w.b, text...)
	}
}

// secret writes the replacement of a value.
func (w *walker) secret() {
	w.found = true
	if w.writes {
		w.b = appendString(w.b, w.redactor.text)
	}
}

// leaf writes a value in which there is nothing to replace.
func (w *walker) leaf(v reflect.Value) {
	if w.writes {
		text, _ := marshal(v.Interface())
		w.raw(text)
	}
}

// text writes a string, without card numbers.
func (w *walker) text(s string) {
	if w.redactor.cardNumbers {
		if clean, changed := w.cards(s); changed {
			s, w.found = clean, true
		}
	}
	if w.writes {
		w.b = appendString(w.b, s)
	}
}

// key writes the key of a member.
func (w *walker) key(key string, sep bool) {
	if sep {
		w.raw(",")
	}
	w.text(key)
	w.raw(":")
}

// hidden looks at the fields of v that package fmt prints where encoding/json calls a method instead.
func (w *walker) hidden(v reflect.Value) {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	w.found = w.found || t.Kind() == reflect.Struct && w.prints(t, !isPrinter(t), nil)
}

type mapEntry struct {
	key   string
	value reflect.Value
}

func (w *walker) mapValue(v reflect.Value, depth int) {
	if v.IsNil() {
		w.raw("null")
		return
	}
	w.found = w.found || w.prints(v.Type().Key(), false, nil)
	entries := make([]mapEntry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, ok := keyText(it.Key())
		if !ok && w.writes {
			w.leaf(v) // encoding/json says why it cannot write it
			return
		}
		if it.Key().Type() == secretType {
			key = w.redactor.text
		}
		entries = append(entries, mapEntry{key, it.Value()})
	}
	if w.writes {
		slices.SortFunc(entries, func(a, b mapEntry) int { return cmp.Compare(a.key, b.key) })
	}
	w.raw("{")
	for i, e := range entries {
		w.key(e.key, i > 0)
		w.member(e.key, e.value, depth)
	}
	w.raw("}")
}

// member writes the value of a member whose key is given.
func (w *walker) member(key string, v reflect.Value, depth int) {
	if w.keys.in(key) && !w.isReplacement(v) {
		w.secret()
		return
	}
	w.value(v, depth+1)
}

// isReplacement reports whether v is what a secret has been replaced by already.
func (w *walker) isReplacement(v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v.Kind() == reflect.String && v.String() == w.redactor.text
}

// keyText returns the key of a map as encoding/json writes it. ok is false if it does not.
func keyText(v reflect.Value) (_ string, ok bool) {
	if v.Kind() == reflect.String {
		return v.String(), true
	}
	if v.Kind() == reflect.Interface && !v.IsNil() {
		return keyText(v.Elem()) // encoding/json would write nothing at all
	}
	if m := methodsOf(v, textMarshalerType); m != nil {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return "", true
		}
		text, ok := marshal(m)
		return payloadUnquote([]byte(text)), ok
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	}
	return "", false
}

func (w *walker) list(v reflect.Value, depth int) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			w.raw("null")
			return
		}
		if v.Type().Elem().Kind() == reflect.Uint8 { // with cards only
			if clean, changed := w.cards(string(v.Bytes())); changed {
				w.found = true
				if w.writes {
					w.b = appendString(w.b, base64.StdEncoding.EncodeToString([]byte(clean)))
				}
			} else {
				w.leaf(v)
			}
			return
		}
	}
	w.raw("[")
	for i := range v.Len() {
		if i > 0 {
			w.raw(",")
		}
		w.value(v.Index(i), depth+1)
	}
	w.raw("]")
}

func (w *walker) structValue(v reflect.Value, depth int) {
	info := w.structInfo(v.Type())
	w.found = w.found || info.hidden
	w.raw("{")
	sep := false
fields:
	for i := range info.fields {
		f := &info.fields[i]
		fv := v
		for _, n := range f.index {
			if fv.Kind() == reflect.Pointer {
				if fv.IsNil() {
					continue fields
				}
				fv = fv.Elem()
			}
			fv = fv.Field(n)
		}
		if f.omitEmpty && isEmptyValue(fv) || f.omitZero && isZeroValue(fv) {
			continue
		}
		w.key(f.name, sep)
		sep = true
		switch {
		case f.secret && !w.isReplacement(fv):
			w.secret()
		case f.quoted && w.writes:
			start := len(w.b)
			w.value(fv, depth+1)
			if text := string(w.b[start:]); text != "null" {
				w.b = appendString(w.b[:start], text)
			}
		default:
			w.value(fv, depth+1)
		}
	}
	w.raw("}")
}

// isEmptyValue is encoding/json's notion of omitempty.
func isEmptyValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

// isZeroValue is encoding/json's notion of omitzero.
func isZeroValue(v reflect.Value) bool {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return true
	}
	type zeroer interface{ IsZero() bool }
	if z, ok := methodsOf(v, reflect.TypeFor[zeroer]()).(zeroer); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// json writes data, which is valid JSON, without secrets.
func (w *walker) json(data []byte, depth int) {
	if depth > maxRedactDepth {
		w.deep = true
		return
	}
	switch data[0] {
	case '{':
		w.raw("{")
		sep := false
		for s := newPayloadScanner(data, 0); s.next(); sep = true {
			key, value := payloadUnquote(data[s.key:s.keyEnd]), data[s.value:s.end]
			w.key(key, sep)
			if w.keys.in(key) && !(value[0] == '"' && payloadUnquote(value) == w.redactor.text) {
				w.secret()
			} else {
				w.json(value, depth+1)
			}
		}
		w.raw("}")
	case '[':
		w.raw("[")
		for i := payloadSpace(data, 1); data[i] != ']'; {
			end := payloadValue(data, i)
			w.json(data[i:end], depth+1)
			if i = payloadSpace(data, end); data[i] == ',' {
				w.raw(",")
				i = payloadSpace(data, i+1)
			}
		}
		w.raw("]")
	case '"':
		if s := payloadUnquote(data); w.redactor.cardNumbers {
			w.text(s)
			return
		}
		fallthrough
	default:
		w.raw(string(data))
	}
}

package redact

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
)

// This file looks for secrets in values of any type. It considers what a sink may print of them. encoding/json shows
// exported fields, follows pointers and calls methods. Package fmt also shows unexported fields, follows only the
// first pointer, and prints the content of a map or a struct under its Go names.
//
// A value with a secret in it is replaced by its JSON from encoding/json, with the secrets replaced: see json.go.

// maxDepth is how deep maps, structs, pointers and groups may be nested. encoding/json continues to about a thousand,
// but a value that deep is most probably a cycle.
const maxDepth = 100

var tooDeep = slog.StringValue(fmt.Sprintf("!ERROR:redact: more than %d levels", maxDepth))

// any returns v without its secrets, and whether that differs from v.
func (x *Redactor) any(v any, depth int) (_ slog.Value, changed bool) {
	if v == nil {
		return slog.Value{}, false
	}
	if err, ok := v.(error); ok {
		if text, changed := x.errorText(err); changed {
			return slog.AnyValue(&redactedError{text}), true
		}
	}
	info := x.typeInfo(reflect.TypeOf(v))
	if !info.has(mayHold) {
		return slog.Value{}, false
	}
	switch v := v.(type) {
	case *url.URL:
		if clean, changed := x.url(v); changed {
			return slog.AnyValue(clean), true
		}
		return slog.Value{}, false
	case url.URL:
		if clean, changed := x.url(&v); changed {
			return slog.AnyValue(*clean), true
		}
		return slog.Value{}, false
	case *url.Userinfo:
		clean := x.userinfo(v)
		return slog.AnyValue(clean), clean != v
	}
	look := looker{typeCache: typeCache{Redactor: x}}
	look.value(reflect.ValueOf(v), info, depth)
	switch {
	case look.deep:
		return tooDeep, true
	case !look.found && !look.maybe:
		return slog.Value{}, false
	}
	r := x.rewriter(v, look.guide, Shown, depth)
	defer r.free()
	if !r.changed && !r.deep && !look.found {
		return slog.Value{}, false
	}
	return r.clean(), true
}

// A looker determines whether there is something to replace in a value.
type looker struct {
	typeCache
	found   bool // there is something to replace
	maybe   bool // the JSON from encoding/json will show it
	guide   bool // the value is needed to find the place in its JSON
	deep    bool // the value is too deep to decide
	inError bool // package fmt prints the text of an error here, and that has been inspected
	seen    [8]seenPointer
}

// A seenPointer is a pointer that has been inspected: values often share what they point to.
type seenPointer struct {
	at    uintptr
	info  *typeInfo
	depth int
}

// A typeCache caches the last type that a Redactor was asked for. Values of one type often follow each other.
type typeCache struct {
	*Redactor
	last *typeInfo
}

// typeInfo is Redactor.typeInfo.
func (c *typeCache) typeInfo(t reflect.Type) *typeInfo {
	if c.last == nil || c.last.typ != t {
		c.last = c.Redactor.typeInfo(t)
	}
	return c.last
}

// done reports whether nothing more can be learned.
func (w *looker) done() bool { return w.deep || w.found && w.guide }

// note sets found if there is something to replace.
func (w *looker) note(found bool) { w.found = w.found || found }

// value inspects v, whose type is info.
func (w *looker) value(v reflect.Value, info *typeInfo, depth int) {
	if w.done() || !info.has(mayHold) || w.found && !info.has(needsGuide) {
		return
	}
	if depth > maxDepth {
		w.deep = true
		return
	}
	kind := v.Kind()
	if (kind == reflect.Pointer || kind == reflect.Interface) && v.IsNil() {
		return
	}
	if info.methods && v.CanInterface() && w.methods(v, info, depth) {
		return
	}
	w.structure(v, info, depth)
}

// structure inspects v as if it had no methods.
func (w *looker) structure(v reflect.Value, info *typeInfo, depth int) {
	switch v.Kind() {
	case reflect.Interface:
		v = v.Elem()
		w.value(v, w.typeInfo(v.Type()), depth+1)
	case reflect.Pointer:
		seen := &w.seen[v.Pointer()>>4%uintptr(len(w.seen))]
		if seen.at == v.Pointer() && seen.info == info && seen.depth >= depth {
			return
		}
		w.value(v.Elem(), info.elem, depth+1)
		if !w.inError {
			*seen = seenPointer{v.Pointer(), info, depth}
		}
	case reflect.String:
		w.text(v.String())
	case reflect.Map:
		w.mapValue(v, info, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && info.elem.typ.Kind() == reflect.Uint8 { // with cards only
			found := w.found
			w.found = false
			w.text(string(v.Bytes()))
			w.guide = w.guide || w.found
			w.note(found)
			return
		}
		for i := 0; i < v.Len() && !w.done(); i++ {
			w.value(v.Index(i), info.elem, depth+1)
		}
	case reflect.Struct:
		w.fields(v, info, depth)
	}
}

// methods inspects the output of v's methods, and reports whether a sink prints nothing else of v.
func (w *looker) methods(v reflect.Value, info *typeInfo, depth int) (all bool) {
	switch info.typ {
	case slogAttrType:
		_, changed := w.attr(v.Interface().(slog.Attr), depth+1)
		w.note(changed)
		return true
	case slogValueType:
		_, changed := w.attr(slog.Attr{Value: v.Interface().(slog.Value)}, depth+1)
		w.note(changed)
		return true
	case urlType:
		u := v.Interface().(url.URL)
		_, changed := w.url(&u)
		w.note(changed)
		w.guide = w.guide || changed
		return true
	case userinfoType:
		u := v.Interface().(url.Userinfo)
		w.note(w.userinfo(&u) != &u)
		return true
	case reflectValueType:
		w.reflected(v.Interface().(reflect.Value), depth)
		return true
	}
	if info.isError && w.inspectsErrors && !w.inError {
		if err, ok := methodsOf(v, errorType).(error); ok {
			_, changed := w.errorText(err) // package fmt would print it
			w.note(changed)
			w.inError = true
			defer func() { w.inError = false }()
			if !w.marshaled(v, info) {
				w.structure(v, info, depth)
			}
			return true
		}
	}
	return w.marshaled(v, info)
}

// marshaled reports whether a method of v writes it as JSON or text.
func (w *looker) marshaled(v reflect.Value, info *typeInfo) bool {
	if marshalerOf(v, info) == nil {
		return false
	}
	hidden := info
	if v.Kind() == reflect.Pointer {
		hidden = info.elem
	}
	if hidden.typ.Kind() == reflect.Struct && (hidden.has(mayPrint) || !hidden.printer && hidden.has(mightPrint)) {
		w.found = true // package fmt prints it
	}
	w.maybe = w.maybe || info.marshals || w.cardNumbers // it is inspected when it is written
	return true
}

// reflected inspects what package fmt prints of r: the value it holds.
func (w *looker) reflected(r reflect.Value, depth int) {
	if !r.IsValid() {
		return
	}
	info := w.typeInfo(r.Type())
	switch {
	case info.typ == w.secretType, !r.CanInterface() && info.has(mightPrint):
		w.found = true // no method of it is called
	case r.CanInterface():
		_, changed := w.any(r.Interface(), depth+1)
		w.note(changed || info.has(mayPrint))
	}
}

// text looks for card numbers.
func (w *looker) text(s string) {
	if w.cardNumbers {
		_, changed := w.cards(s)
		w.note(changed)
	}
}

func (w *looker) mapValue(v reflect.Value, info *typeInfo, depth int) {
	if info.key.has(mayPrint) && v.Len() > 0 {
		w.found, w.guide = true, w.guide || info.key.typ == w.secretType
	}
	if m, ok := v.Interface().(map[string]any); ok {
		w.anyMap(m, depth)
		return
	}
	key, value := reflect.New(info.key.typ).Elem(), reflect.New(info.elem.typ).Elem()
	named, values, pairs := Shown, false, info.elem.mayName()
	for it := v.MapRange(); it.Next() && !w.done(); {
		key.SetIterKey(it)
		value.SetIterValue(it)
		text, ok := keyText(key)
		if !ok {
			continue // encoding/json cannot write it; a rewriter reports that
		}
		w.text(text)
		w.member(text, value, info.elem, depth)
		if pairs {
			role := pairRoleOf(text)
			values = values || role == pairValue
			if role == pairName {
				named = max(named, w.mayHide(value))
			}
		}
	}
	w.maybe = w.maybe || named != Shown && values
}

// anyMap is mapValue for most maps.
func (w *looker) anyMap(m map[string]any, depth int) {
	name, named, values := "", Shown, false
	for key, value := range m {
		if w.done() {
			return
		}
		w.text(key)
		role := pairRoleOf(key)
		values = values || role == pairValue
		h := w.keys.of(key)
		switch value := value.(type) {
		case string:
			if role == pairName {
				if name != "" {
					named = max(named, w.keys.of(name))
				}
				name = value
			}
			if h == Shown {
				w.text(value)
				continue
			}
			w.note(value != w.Redactor.text)
			continue
		case nil, bool, int, int64, float64:
			w.note(h == hidesAll)
			continue
		}
		v := reflect.ValueOf(value)
		if role == pairName {
			named = max(named, w.mayHide(v))
		}
		w.judged(h, v, w.typeInfo(v.Type()), depth)
	}
	w.maybe = w.maybe || values && max(named, w.keys.of(name)) != Shown
}

// member inspects the value of a member with the given key.
func (w *looker) member(key string, v reflect.Value, info *typeInfo, depth int) {
	w.judged(w.keys.of(key), v, info, depth)
}

// judged inspects the value of a member. h is the Hiding of its key.
func (w *looker) judged(h Hiding, v reflect.Value, info *typeInfo, depth int) {
	switch {
	case h != Shown && w.isReplacement(v):
		return
	case h == hidesAll:
		w.found = true
		return
	case h == hidesStrings && !isNumberKind(v.Kind()):
		w.maybe = true
	}
	w.value(v, info, depth+1)
}

// isReplacement reports whether v is already the replacement of a secret.
func (x *Redactor) isReplacement(v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v.Kind() == reflect.String && v.String() == x.text
}

func (w *looker) fields(v reflect.Value, info *typeInfo, depth int) {
	p := lookedPair{possible: info.has(namesPair) && info.has(valuesPair)}
	w.fieldsBeside(&p, v, info, depth)
	if p.hasValue && p.named != Shown {
		w.maybe, w.guide = true, true
	}
}

// A lookedPair describes the fields Name and Value of a struct and of the structs that are embedded in it.
type lookedPair struct {
	possible bool // there are such fields
	named    Hiding
	hasValue bool
}

// fieldsBeside is fields for a struct whose members are written beside others.
func (w *looker) fieldsBeside(p *lookedPair, v reflect.Value, info *typeInfo, depth int) {
	for i := range info.fields {
		f := &info.fields[i]
		h := max(f.byName, f.byTag)
		switch {
		case f.role == noPair || !p.possible:
		case f.role == pairName:
			p.named = max(p.named, w.mayHide(v.Field(i)))
		default:
			p.hasValue = true
		}
		if f.hidden {
			w.note(info.showsHidden(f))
		} else if h != Shown || f.odd || f.info.has(mayHold) || p.possible && f.embedded && f.info.has(namesPair|valuesPair) {
			w.field(p, v.Field(i), f, h, depth)
		}
		if w.done() {
			return
		}
	}
}

// field inspects a field that encoding/json may write. h is the Hiding of its names.
func (w *looker) field(p *lookedPair, v reflect.Value, f *fieldInfo, h Hiding, depth int) {
	w.maybe = w.maybe || f.odd
	w.guide = w.guide || f.guides
	if h == hidesAll && f.omits && isEmptyValue(v) {
		return
	}
	if f.embedded && h == Shown { // without inspecting its methods
		s, info := v, f.info
		if s.Kind() == reflect.Pointer {
			if s.IsNil() {
				return
			}
			s, info = s.Elem(), info.elem
		}
		if depth > maxDepth {
			w.deep = true
			return
		}
		w.fieldsBeside(p, s, info, depth+1)
		if !f.odd {
			return
		}
	}
	w.judged(h, v, f.info, depth)
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

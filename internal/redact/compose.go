package redact

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file writes values part by part, in one walk that replaces the secrets. It writes all values of types that
// every version of encoding/json writes in the same way. encoding/json writes the others, and a rewriter reads the
// result. A part that encoding/json cannot write must not hide the other parts, whatever contains them.

var (
	jsonNumberType = reflect.TypeFor[json.Number]()
	textMapType    = reflect.TypeFor[map[string]string]()
)

// compose appends v without secrets, as encoding/json writes it. info is v's type. under is the Hiding of the keys
// around v.
func (r *rewriter) compose(v reflect.Value, info *typeInfo, under Hiding, depth int) {
	r.deep = r.deep || depth > maxDepth
	for n := 0; !r.deep; n++ {
		kind := v.Kind()
		switch {
		case kind == reflect.Interface:
		case (info.marshals || info.texts) && r.method(v, info, under, depth):
			return
		case kind != reflect.Pointer:
			r.composeValue(v, info, under, depth)
			return
		}
		if v.IsNil() {
			r.b = append(r.b, "null"...)
			return
		}
		if v = v.Elem(); kind == reflect.Interface {
			info = r.typeInfo(v.Type())
		} else {
			info = info.elem
		}
		r.deep = n > maxDepth // a pointer to itself
	}
}

// composeValue is compose for a value that is not a pointer and that no method writes.
func (r *rewriter) composeValue(v reflect.Value, info *typeInfo, under Hiding, depth int) {
	if r.scalar(v, under) {
		return
	}
	parts := hasParts(v) && info.typ != urlType
	if !parts || !r.failed && !r.isComposed(info) {
		wrong := r.encoded(v, under, depth)
		if wrong == nil {
			return
		}
		if !parts {
			r.b = append(r.b, wrong...)
			return
		}
		if !r.failed {
			r.failed = true
			defer func() { r.failed = false }()
		}
	}
	switch v.Kind() {
	case reflect.Map:
		r.composeMap(v, info, under, depth)
	case reflect.Struct:
		r.composeStruct(v, info, under, depth)
	default:
		r.b = append(r.b, '[')
		for i := range v.Len() {
			if i > 0 {
				r.b = append(r.b, ',')
			}
			if r.compose(v.Index(i), info.elem, under, depth+1); r.deep {
				return
			}
		}
		r.b = append(r.b, ']')
	}
}

// hasParts reports whether v's JSON is an object or an array of values.
func hasParts(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map:
		return !v.IsNil()
	case reflect.Slice:
		return !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8
	}
	return v.Kind() == reflect.Array || v.Kind() == reflect.Struct
}

// isComposed reports whether values of the type info, which have parts, are composed here, although encoding/json
// could write them. This requires that all its versions write them in the same way.
func (r *rewriter) isComposed(info *typeInfo) bool {
	switch info.typ.Kind() {
	case reflect.Map:
		return info.key.isUsualKey()
	case reflect.Struct:
		return r.members(info).usual
	}
	return true
}

// isUsualKey reports whether map keys of that type are strings or numbers.
func (t *typeInfo) isUsualKey() bool {
	k := t.typ.Kind()
	return !t.texts && (k == reflect.String || reflect.Int <= k && k <= reflect.Uintptr)
}

// encoded appends encoding/json's output for v, without secrets. If there is none, it returns the error, as a JSON
// string.
func (r *rewriter) encoded(v reflect.Value, under Hiding, depth int) (wrong []byte) {
	m := v
	if v.CanAddr() {
		m = v.Addr()
	}
	e := jsontext.GetEncoder()
	defer e.Free()
	data, ok := e.Marshal(m.Interface())
	if !ok {
		return data
	}
	var guide *reflect.Value
	if r.guided {
		guide = &v
	}
	r.judge(data, guide, under, depth)
	return nil
}

// method appends the output of a method of v, without secrets. It returns false if encoding/json calls no method of
// v.
func (r *rewriter) method(v reflect.Value, info *typeInfo, under Hiding, depth int) bool {
	m := marshalerOf(v, info)
	if m == nil {
		return false
	}
	if t, ok := m.(*time.Time); ok && isUsualTime(*t) {
		if under == Shown && !r.cardNumbers {
			r.b = jsontext.AppendTime(r.b, *t, true)
		} else {
			r.string(t.Format(time.RFC3339Nano), under)
		}
		return true
	}
	if j, ok := m.(json.Marshaler); ok && !info.streams && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		if raw, ok := marshalRaw(j); ok && r.raw(raw, under, depth) {
			return true
		}
	}
	r.b = append(r.b, r.encoded(v, under, depth)...)
	return true
}

// isUsualTime reports whether time.Time.MarshalJSON writes t, rather than refuses it.
func isUsualTime(t time.Time) bool {
	_, offset := t.Zone()
	return !jsontext.YearError(t) && -24*3600 < offset && offset < 24*3600
}

// scalar appends v if it is a string, a number or a boolean, without methods.
func (r *rewriter) scalar(v reflect.Value, under Hiding) bool {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == jsonNumberType {
			return false
		}
		r.string(v.String(), under)
	case reflect.Bool:
		r.b = strconv.AppendBool(r.b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		r.b = jsontext.AppendInt(r.b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		r.b = jsontext.AppendUint(r.b, v.Uint())
	case reflect.Float64:
		f := v.Float()
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return false
		}
		r.b = jsontext.AppendFloat(r.b, f)
	default:
		return false
	}
	return true
}

// string appends s, or its replacement.
func (r *rewriter) string(s string, under Hiding) {
	changed := false
	switch {
	case under != Shown:
		changed = s != r.Redactor.text
		s = r.Redactor.text
	case r.cardNumbers:
		s, changed = r.cards(s)
	}
	r.changed = r.changed || changed
	start := len(r.b)
	r.b = jsontext.AppendString(r.b, s)
	if len(r.b)-start > len(`""`)+len(s) && strings.ContainsAny(s, "\b\f") { // slog has longer escapes for these
		data, _ := jsontext.Marshal(s)
		r.b = append(r.b[:start], data...)
	}
}

// A mapEntry is a member of a map that is being composed.
type mapEntry struct {
	key   string
	value reflect.Value // invalid if it is nil, or from a map[string]string
	text  string        // the value of such a map
}

func (r *rewriter) composeMap(v reflect.Value, info *typeInfo, under Hiding, depth int) {
	first := len(r.entries)
	if !r.addEntries(v, info) {
		data, _ := jsontext.Marshal(v.Interface()) // encoding/json returns the error why it cannot write it
		r.b = append(r.b, data...)
		r.dropEntries(first)
		return
	}
	slices.SortFunc(r.entries[first:], func(a, b mapEntry) int { return strings.Compare(a.key, b.key) })
	var p objectPair
	r.b = append(r.b, '{')
	for i := range len(r.entries) - first {
		e := r.entries[first+i]
		if i > 0 {
			r.b = append(r.b, ',')
		}
		r.string(e.key, Shown)
		r.b = append(r.b, ':')
		from := len(r.b)
		h, role := max(under, r.keys.of(e.key)), pairRoleOf(e.key)
		if info.typ == textMapType {
			r.composeText(h, e.text, depth)
			p.note(r, role, e.value, e.text, from)
			continue
		}
		elem := info.elem
		if e.value.IsValid() && elem.typ.Kind() == reflect.Interface {
			elem = r.typeInfo(e.value.Type())
		}
		r.composeMember(h, e.value, elem, depth)
		p.note(r, role, e.value, "", from)
	}
	r.b = append(r.b, '}')
	r.dropEntries(first)
	p.replace(r)
}

// dropEntries drops the entries from first on, and all that they refer to.
func (r *rewriter) dropEntries(first int) {
	clear(r.entries[first:])
	r.entries = r.entries[:first]
}

// addEntries adds the entries of v. It returns false if encoding/json cannot write one of the keys.
func (r *rewriter) addEntries(v reflect.Value, info *typeInfo) bool {
	switch m := v.Interface().(type) { // the most common types
	case map[string]any:
		for key, value := range m {
			r.entries = append(r.entries, mapEntry{key: key, value: reflect.ValueOf(value)})
		}
		return true
	case map[string]string:
		for key, text := range m {
			r.entries = append(r.entries, mapEntry{key: key, text: text})
		}
		return true
	}
	usual, k := info.key.isUsualKey(), reflect.New(info.key.typ).Elem()
	for it := v.MapRange(); it.Next(); {
		var key string
		ok := true
		if usual {
			k.SetIterKey(it)
			key, ok = usualKeyText(k)
		} else {
			key, ok = keyText(it.Key()) // not addressable: methods of a pointer to it are not called
		}
		if !ok {
			return false
		}
		if info.key.typ == r.secretType {
			key = r.Redactor.text
		}
		r.entries = append(r.entries, mapEntry{key: key, value: it.Value()})
	}
	return true
}

func (r *rewriter) composeStruct(v reflect.Value, info *typeInfo, under Hiding, depth int) {
	var p objectPair
	r.b = append(r.b, '{')
	opened := len(r.b)
	members := r.members(info)
	named := r.namedIn(members, v) // by their Go names
	for i := range members.list {
		m := &members.list[i]
		fv, ok := m.of(v)
		if !ok || m.omits && isEmptyValue(fv) || m.zero && isZero(fv, m.info) {
			continue
		}
		key := m.key
		if len(r.b) == opened {
			key = key[1:] // without the comma
		}
		r.b = append(r.b, key...)
		r.changed = r.changed || m.keyChanged
		h := max(under, m.hides, m.byKey)
		if m.goRole == pairValue {
			h = max(h, named)
		}
		from := len(r.b)
		r.composeMember(h, fv, m.info, depth)
		if m.quoted && !r.deep && r.b[from] != '"' {
			text := string(r.b[from:])
			r.b = r.b[:from]
			r.string(text, h)
		}
		if m.role != noPair {
			p.note(r, m.role, fv, "", from)
		}
	}
	r.b = append(r.b, '}')
	p.replace(r)
}

// isZero is encoding/json's notion of omitzero, for types without a method IsZero and for times.
func isZero(v reflect.Value, info *typeInfo) bool {
	if info.typ == timeType {
		t, _ := reflect.TypeAssert[time.Time](v)
		return t.IsZero()
	}
	return v.IsZero()
}

// composeMember appends the value of a member. h is the Hiding of its key and of those around it.
func (r *rewriter) composeMember(h Hiding, v reflect.Value, info *typeInfo, depth int) {
	switch {
	case h == hidesAll:
		r.changed = r.changed || !r.isReplacement(v)
		r.b = append(r.b, r.replacement...)
	case v.IsValid():
		r.compose(v, info, h, depth+1)
	default:
		r.deep = r.deep || depth+1 > maxDepth
		r.b = append(r.b, "null"...)
	}
}

// composeText is composeMember for a string.
func (r *rewriter) composeText(h Hiding, s string, depth int) {
	if h != hidesAll && depth+1 > maxDepth {
		r.deep = true
	}
	r.string(s, h)
}

// note records the member with that role. Its value, which is v or text, is in r.b from index from on.
func (p *objectPair) note(r *rewriter, role pairRole, v reflect.Value, text string, from int) {
	switch {
	case r.deep:
	case role == pairValue:
		if p.from > 0 {
			p.more = append(p.more, [2]int{p.from, p.to})
		}
		p.from, p.to = from, len(r.b)
	case role == pairName:
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() == reflect.String {
			text = v.String()
		}
		if text != "" {
			p.addName(r, pairText{text: text})
		}
		if r.b[from] == '"' && (text == "" || v.IsValid() && r.typeInfo(v.Type()).writesText()) {
			p.addName(r, pairText{quoted: r.b[from:]})
		}
	}
}

package slogtrace

import (
	"cmp"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// This file writes values part by part, where that is better than to leave the whole to encoding/json:
// where methods write JSON themselves, since encoding/json takes a long time to check it,
// and where encoding/json cannot write one of the parts, which must not hide the others.

var jsonNumberType = reflect.TypeFor[json.Number]()

// compose appends v, as encoding/json writes it, without secrets. under is what the keys around it say.
func (r *rewriter) compose(v reflect.Value, under hiding, depth int) {
	if depth > maxRedactDepth {
		r.deep = true
	}
	var info *typeInfo
	var method any
	for n := 0; v.IsValid(); n++ {
		if n > maxRedactDepth { // a pointer to itself
			r.deep = true
		}
		if r.deep {
			return
		}
		if v.Kind() != reflect.Interface {
			if info = r.typeInfo(v.Type()); v.CanInterface() {
				method = marshalerOf(v, info)
			}
			if method != nil || v.Kind() != reflect.Pointer {
				break
			}
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		r.b = append(r.b, "null"...)
		return
	}
	if method != nil {
		if !r.marshaler(method, v, info, under, depth) {
			r.b = append(r.b, r.encoded(v, under, depth)...)
		}
		return
	}
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
		r.composeMap(v, under, depth)
	case reflect.Struct:
		r.composeStruct(v, info, under, depth)
	default:
		r.b = append(r.b, '[')
		for i := range v.Len() {
			if i > 0 {
				r.b = append(r.b, ',')
			}
			r.compose(v.Index(i), under, depth+1)
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

// isComposed reports whether values of the type that info is of are composed although encoding/json could write them.
// That needs a type that all versions of encoding/json write in one way.
func (r *rewriter) isComposed(info *typeInfo) bool {
	if !info.has(holdsRaw) {
		return false
	}
	switch info.typ.Kind() {
	case reflect.Map:
		return info.key.typ.Kind() == reflect.String && !info.key.texts
	case reflect.Struct:
		return r.members(info).usual
	}
	return true
}

// encoded appends what encoding/json writes of v, without secrets. If that is nothing it returns what went wrong, as a JSON string.
func (r *rewriter) encoded(v reflect.Value, under hiding, depth int) (wrong []byte) {
	m := v
	if v.CanAddr() {
		m = v.Addr()
	}
	e := jsonEncoders.Get().(*jsonEncoder)
	defer e.free()
	data, ok := e.marshal(m.Interface())
	if !ok {
		return data
	}
	r.judge(data, v, under, depth)
	return nil
}

// marshaler appends the JSON that m, which is v or a pointer to it, writes, without secrets.
// It reports false where encoding/json has to be asked.
func (r *rewriter) marshaler(m any, v reflect.Value, info *typeInfo, under hiding, depth int) bool {
	j, ok := m.(json.Marshaler)
	if !ok || info.streams || v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	raw, ok := marshalRaw(j)
	if !ok {
		return false
	}
	data, ok := compactJSON(raw)
	if ok {
		r.judge(data, reflect.Value{}, under, depth)
	}
	return ok
}

// judge appends data, which is valid JSON without white space, made of v, without secrets.
func (r *rewriter) judge(data []byte, v reflect.Value, under hiding, depth int) {
	part := rewriter{redactor: r.redactor, data: data, b: r.b}
	if !r.guided {
		v = reflect.Value{}
	}
	part.value(v, under, depth)
	part.flush()
	r.b, r.changed, r.deep = part.b, r.changed || part.changed, r.deep || part.deep
}

// scalar appends v if it is a string, a number, true or false, without methods.
func (r *rewriter) scalar(v reflect.Value, under hiding) bool {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == jsonNumberType {
			return false
		}
		s, changed := v.String(), false
		switch {
		case under != shown:
			changed = s != r.redactor.text
			s = r.redactor.text
		case r.cardNumbers:
			s, changed = r.cards(s)
		}
		r.b = appendString(r.b, s)
		r.changed = r.changed || changed
	case reflect.Bool:
		r.b = strconv.AppendBool(r.b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		r.b = appendInt(r.b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		r.b = appendUint(r.b, v.Uint())
	case reflect.Float64:
		if f := v.Float(); math.IsInf(f, 0) || math.IsNaN(f) {
			return false
		}
		r.b = appendFloat(r.b, v.Float())
	default:
		return false
	}
	return true
}

func (r *rewriter) composeMap(v reflect.Value, under hiding, depth int) {
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	if m, ok := v.Interface().(map[string]any); ok { // as most are
		for key, value := range m {
			entries = append(entries, entry{key, reflect.ValueOf(value)})
		}
	} else {
		k := reflect.New(v.Type().Key()).Elem()
		for it := v.MapRange(); it.Next(); {
			if k.Kind() == reflect.String {
				k.SetIterKey(it)
			} else {
				k = it.Key() // not addressable: it is asked for no method of a pointer to it
			}
			key, ok := keyText(k)
			if !ok {
				data, _ := marshal(v.Interface()) // encoding/json says why it cannot write it
				r.b = append(r.b, data...)
				return
			}
			if k.Type() == secretType {
				key = r.redactor.text
			}
			entries = append(entries, entry{key, it.Value()})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	var p composedPair
	r.b = append(r.b, '{')
	for i, e := range entries {
		from := r.composeMember(i > 0, e.key, max(under, r.keys.of(e.key)), e.value, depth)
		p.note(r, e.key, e.value, from)
	}
	r.b = append(r.b, '}')
	p.replace(r)
}

func (r *rewriter) composeStruct(v reflect.Value, info *typeInfo, under hiding, depth int) {
	named := shown // what the field Name says of the field Value, as Go calls them
	if info.pairName != info.pairValue {
		named = r.keys.of(v.Field(info.pairName).String())
	}
	var p composedPair
	r.b = append(r.b, '{')
	sep := false
	for i := range r.members(info).list {
		f := &info.members.Load().list[i]
		fv, ok := f.of(v)
		if !ok || f.omits && isEmptyValue(fv) {
			continue
		}
		h := max(under, f.hides, r.keys.of(f.name))
		if named != shown && len(f.index) == 1 && f.index[0] == info.pairValue {
			h = max(h, named)
		}
		from := r.composeMember(sep, f.name, h, fv, depth)
		p.note(r, f.name, fv, from)
		sep = true
	}
	r.b = append(r.b, '}')
	p.replace(r)
}

// composeMember appends a member whose key, and those around it, say h. It returns where in r.b its value begins.
func (r *rewriter) composeMember(sep bool, key string, h hiding, v reflect.Value, depth int) (from int) {
	if sep {
		r.b = append(r.b, ',')
	}
	if r.cardNumbers {
		var changed bool
		key, changed = r.cards(key)
		r.changed = r.changed || changed
	}
	r.b = append(appendString(r.b, key), ':')
	from = len(r.b)
	if h == hidesAll {
		r.changed = r.changed || !r.isReplacement(v)
		r.b = appendString(r.b, r.redactor.text)
		return from
	}
	r.compose(v, h, depth+1)
	return from
}

// A composedPair is what is known of the members Name and Value of an object.
type composedPair struct {
	named    hiding // what the name says
	from, to int    // where in the rewriter's b the value is
}

// note notes the member with that key, whose value v is in r.b from from on.
func (p *composedPair) note(r *rewriter, key string, v reflect.Value, from int) {
	switch {
	case r.deep:
	case isPairValue(key):
		p.from, p.to = from, len(r.b)
	case isPairName(key):
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() == reflect.String {
			p.named = max(p.named, r.keys.of(v.String()))
		} else if r.b[from] == '"' {
			p.named = max(p.named, r.keys.ofJSON(r.b[from:]))
		}
	}
}

// replace replaces the value if the name says so.
func (p *composedPair) replace(r *rewriter) {
	if p.from > 0 && p.named != shown && !r.deep {
		r.replacePair(p.named, p.from, p.to)
	}
}

package redact

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file determines which part of a value a member of its JSON was made from.

// structMembers are the fields of a struct, including those of embedded structs, by the names that encoding/json
// uses.
type structMembers struct {
	list   []structMember
	byName map[string]int // of list
	usual  bool           // encoding/json writes each field under its own name, by the simplest rules
	rest   []structRest   // whose members are beside those of the struct
	names  [][]int        // the fields that may be names; nil if there is no field Value
}

// A structRest is a field, a map or similar, whose members are written beside those of the struct.
type structRest struct {
	index []int
	hides Hiding // by its Go name, or the name of the struct that is embedded here
}

// A structMember is a field as encoding/json sees it.
type structMember struct {
	name       string
	info       *typeInfo
	index      []int
	hides      Hiding // by its Go name, or the name of the struct that is embedded here
	byKey      Hiding // by the JSON name
	role       pairRole
	goRole     pairRole // by its Go name or its tag
	key        []byte   // ,"name":
	keyChanged bool     // a part of key was replaced
	tagged     bool
	omits      bool // if it is empty
	zero       bool // if it is zero
	quoted     bool
}

// of returns the field of v. ok is false if a pointer on the way to it is nil.
func (m *structMember) of(v reflect.Value) (_ reflect.Value, ok bool) {
	if len(m.index) == 1 {
		return v.Field(m.index[0]), true
	}
	return fieldAt(v, m.index)
}

func fieldAt(v reflect.Value, index []int) (_ reflect.Value, ok bool) {
	for _, n := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// namedIn returns the Hiding of the fields Value in v, a struct with these members, according to the fields Name.
func (x *Redactor) namedIn(m *structMembers, v reflect.Value) (h Hiding) {
	for _, index := range m.names {
		if name, ok := fieldAt(v, index); ok {
			h = max(h, x.hidesBy(name))
		}
	}
	return h
}

// members returns the members of the struct type info. Each embedded struct is visited once. Of several fields with
// one name it takes the least nested, then the tagged one. If encoding/json writes one of them, it is that one.
func (x *Redactor) members(info *typeInfo) *structMembers {
	if known := info.members.Load(); known != nil {
		return known
	}
	m := &structMembers{byName: map[string]int{}, usual: len(info.fields) == info.typ.NumField()}
	type embedded struct {
		info  *typeInfo
		index []int
		hides Hiding
	}
	seen := map[*typeInfo]bool{info: true}
	level := []embedded{{info: info}}
	for len(level) > 0 {
		var next []embedded
		for _, e := range level {
			for i := range e.info.fields {
				f := &e.info.fields[i]
				m.usual = m.usual && !f.special
				if f.hidden {
					continue
				}
				member := structMember{info: f.info, index: append(slices.Clip(e.index), i), hides: max(e.hides, f.byName), goRole: f.role, omits: f.omitsEmpty(), zero: f.zero, quoted: f.quoted}
				if f.role == pairName {
					m.names = append(m.names, member.index)
				}
				name, flat := f.jsonName()
				if flat {
					inner := f.info
					if inner.typ.Kind() == reflect.Pointer {
						inner = inner.elem
					}
					switch {
					case inner.typ.Kind() != reflect.Struct:
						m.rest = append(m.rest, structRest{member.index, member.hides})
					case seen[inner]:
						m.usual = false
					default:
						seen[inner] = true
						next = append(next, embedded{inner, member.index, member.hides})
					}
					continue
				}
				member.name, member.tagged = f.name, name != ""
				if name != "" {
					member.name = name
				}
				old, taken := m.byName[member.name]
				if !taken {
					m.byName[member.name] = len(m.list)
					m.list = append(m.list, member)
				} else if o := &m.list[old]; len(o.index) == len(member.index) && member.tagged && !o.tagged {
					*o = member
				}
				m.usual = m.usual && !taken
			}
		}
		level = next
	}
	slices.SortFunc(m.list, func(a, b structMember) int { return slices.Compare(a.index, b.index) })
	for i := range m.list {
		f := &m.list[i]
		m.byName[f.name] = i
		f.byKey, f.role = x.keys.judge(f.name), pairRoleOf(f.name)
		key := f.name
		if x.cardNumbers {
			key, f.keyChanged = x.cards(key)
		}
		f.key = append(jsontext.AppendString([]byte{','}, key), ':')
	}
	if !slices.ContainsFunc(m.list, func(f structMember) bool { return f.goRole == pairValue }) {
		m.names = nil
	}
	info.members.Store(m)
	return m
}

// omitsEmpty reports whether encoding/json omits f if it is empty.
func (f *fieldInfo) omitsEmpty() bool {
	_, options, _ := strings.Cut(f.tag, ",")
	return slices.Contains(strings.Split(options, ","), "omitempty")
}

// jsonName returns the name that encoding/json takes from f's tag, or "" if it takes none. flat means that the
// members of f's value are written beside f's.
func (f *fieldInfo) jsonName() (name string, flat bool) {
	name, _, _ = strings.Cut(f.tag, ",")
	if !f.odd {
		return name, f.embedded && name == ""
	}
	// This toolchain's encoding/json is asked what it makes of such a tag.
	const unnamed = "Slogtrace_unnamed"
	type inner struct{ Slogtrace_inner int }
	probe := reflect.New(reflect.StructOf([]reflect.StructField{{Name: unnamed, Type: reflect.TypeFor[inner](), Tag: reflect.StructTag("json:" + strconv.Quote(f.tag))}})).Elem()
	probe.Field(0).Field(0).SetInt(1)
	data, ok := jsontext.Marshal(probe.Interface())
	if !ok || len(data) < 2 || data[1] != '"' {
		return "", false
	}
	switch name := jsontext.Unquote(data[1:jsontext.StringEnd(data, 1)]); name {
	case "Slogtrace_inner":
		return "", true
	case unnamed:
		return "", f.embedded
	default:
		return name, false
	}
}

// An objectGuide tells which parts the members of a JSON object were made from.
type objectGuide struct {
	*Redactor
	kind       reflect.Kind // of the guide
	v          reflect.Value
	info       *typeInfo
	fields     *structMembers
	next       int    // index in fields.list: encoding/json writes them in that order
	pair       Hiding // of the fields Value according to the fields Name
	entries    map[string]reflect.Value
	secretKeys bool
}

// objectGuide returns a guide for the JSON made from v. It is nil if a method wrote it.
func (x *Redactor) objectGuide(v reflect.Value, info *typeInfo) *objectGuide {
	g := &objectGuide{Redactor: x, kind: v.Kind(), v: v, info: info}
	switch g.kind {
	case reflect.Struct:
		g.fields = x.members(info)
		g.pair = x.namedIn(g.fields, v)
	case reflect.Map:
		g.secretKeys = info.key.typ == x.secretType
	default:
		return nil
	}
	return g
}

// member returns the part of the guide that the member with that key, a JSON string, was made from. It also returns
// the Hiding of its Go names. A member that cannot be identified is a secret.
func (g *objectGuide) member(quoted []byte) (_ reflect.Value, h Hiding) {
	if g.kind == reflect.Map {
		return g.entry(jsontext.Unquote(quoted))
	}
	i, ok := g.next, false
	for ; i < len(g.fields.list) && !ok; i++ {
		ok = g.fields.list[i].name == string(quoted[1:len(quoted)-1])
	}
	if i--; !ok {
		key := jsontext.Unquote(quoted)
		if i, ok = g.fields.byName[key]; !ok {
			return g.restMember(key)
		}
	}
	g.next = i + 1
	m := &g.fields.list[i]
	v, ok := m.of(g.v)
	if !ok {
		return reflect.Value{}, hidesAll
	}
	h = m.hides
	if m.goRole == pairValue {
		h = max(h, g.pair)
	}
	return v, h
}

// entry is member for a map.
func (g *objectGuide) entry(key string) (_ reflect.Value, h Hiding) {
	if m, ok := g.v.Interface().(map[string]any); ok {
		if v, ok := m[key]; ok && utf8.ValidString(key) && !strings.ContainsRune(key, utf8.RuneError) {
			return reflect.ValueOf(v), Shown
		}
	}
	if g.entries == nil {
		g.entries = make(map[string]reflect.Value, g.v.Len())
		for it := g.v.MapRange(); it.Next(); {
			text, _ := keyText(it.Key())
			text = validText(text)
			if _, twice := g.entries[text]; twice {
				g.entries[text] = reflect.Value{}
			} else {
				g.entries[text] = it.Value()
			}
		}
	}
	if v, ok := g.entries[key]; ok && v.IsValid() {
		return v, Shown
	}
	return reflect.Value{}, hidesAll
}

// restMember is member for a member that belongs to no field.
func (g *objectGuide) restMember(key string) (_ reflect.Value, h Hiding) {
	for _, r := range g.fields.rest {
		v, ok := fieldAt(g.v, r.index)
		for ok && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Map:
			rest := objectGuide{Redactor: g.Redactor, kind: reflect.Map, v: v}
			if v, h := rest.entry(key); v.IsValid() {
				return v, max(h, r.hides)
			}
		case reflect.Slice:
			return reflect.Value{}, r.hides // raw JSON
		}
	}
	return reflect.Value{}, hidesAll
}

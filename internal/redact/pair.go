package redact

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file replaces a secret whose name is another member of the same object: {"name":"token","value":"x"}.

// A pairRole is how a member's key relates it to another member of the same object.
type pairRole uint8

const (
	noPair    pairRole = iota
	pairName           // its value may be the name of the pairValue
	pairValue          // its name is the pairName
)

// pairRoleOf returns the role of the member with that key.
func pairRoleOf[S string | []byte](key S) pairRole {
	switch {
	case isFold(key, "name"), isFold(key, "key"):
		return pairName
	case isFold(key, "value"), isFold(key, "values"):
		return pairValue
	}
	return noPair
}

// isFold reports whether key is lower, which has small ASCII letters only, in any case.
func isFold[S string | []byte](key S, lower string) bool {
	if len(key) != len(lower) {
		return false
	}
	for i := range len(lower) {
		if key[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// mayName reports whether a value of type t may be the name of another value, which nameIn finds.
func (t *typeInfo) mayName() bool {
	if t.writesText() {
		return true
	}
	typ := t.typ
	for range maxDepth {
		if typ.Kind() != reflect.Pointer {
			break
		}
		typ = typ.Elem()
	}
	return typ.Kind() == reflect.String || typ.Kind() == reflect.Interface
}

// writesText reports whether a method of t, or of a pointer to it, may write a name.
func (t *typeInfo) writesText() bool {
	return (t.texts || t.marshals) && t.typ != timeType && t.typ != reflect.PointerTo(timeType)
}

// nameIn returns the string that v is, contains or points to, or "" if there is none. If a method writes v, or what
// it contains or points to, method is that value.
func (x *Redactor) nameIn(v reflect.Value) (name string, method any) {
	for range maxDepth {
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if !v.IsValid() {
			break
		}
		if info := x.typeInfo(v.Type()); info.writesText() && method == nil && !(v.Kind() == reflect.Pointer && v.IsNil()) {
			method = marshalerOf(v, info)
		}
		if v.Kind() != reflect.Pointer {
			break
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.String {
		return "", method
	}
	return v.String(), method
}

// mayHide returns the Hiding of what v, which may be a name, is the name of. It calls no method of v: what a method
// may write may hide everything.
func (x *Redactor) mayHide(v reflect.Value) Hiding {
	name, method := x.nameIn(v)
	if method != nil {
		return hidesAll
	}
	return x.keys.of(name)
}

// hidesBy returns the Hiding of what v is the name of.
func (x *Redactor) hidesBy(v reflect.Value) Hiding {
	name, method := x.nameIn(v)
	h := x.keys.of(name)
	if method != nil {
		if text, ok := jsontext.Marshal(method); ok && text[0] == '"' {
			h = max(h, x.keys.ofJSON(text))
		}
	}
	return h
}

// An objectPair describes the members Name and Value of an object.
type objectPair struct {
	name     pairText // the last one. It is judged only if there is a value: most objects have none
	named    Hiding   // the Hiding of those before it
	from, to int      // the range of the value in the rewriter's b
	more     [][2]int // likewise of values before it: an object may have Value and Values
}

// A pairText is the text of a member Name.
type pairText struct {
	text   string
	quoted []byte // instead of text: a JSON string
}

func (k *keyNames) ofPair(t pairText) Hiding {
	if t.quoted != nil {
		return k.ofJSON(t.quoted)
	}
	return k.of(t.text)
}

func (p *objectPair) addName(r *rewriter, name pairText) {
	if p.name.quoted != nil || p.name.text != "" {
		p.named = max(p.named, r.keys.ofPair(p.name))
	}
	p.name = name
}

// replace replaces the values if a name requires it.
func (p *objectPair) replace(r *rewriter) {
	if p.from == 0 || r.deep {
		return
	}
	h := max(p.named, r.keys.ofPair(p.name))
	if h == Shown {
		return
	}
	r.replaceValue(h, p.from, p.to)
	for _, value := range slices.Backward(p.more) {
		r.replaceValue(h, value[0], value[1])
	}
}

// replaceValue replaces the value in that range of b, whose name has the Hiding h.
func (r *rewriter) replaceValue(h Hiding, from, to int) {
	value := r.b[from:to]
	switch {
	case h == hidesStrings && strings.IndexByte("\"{[", value[0]) < 0, bytes.Equal(value, r.replacement):
		return
	case string(value) == "{}", string(value) == "[]", string(value) == "null":
		return
	}
	r.b = slices.Replace(r.b, from, to, r.replacement...)
	r.changed = true
}

// A readPair is an objectPair of an object that is being read. If the object has more values, there is one for each,
// and the last one knows all names.
type readPair struct {
	depth             int // of the object's members
	nameFrom, nameEnd int // the range of the last name in the source
	named             Hiding
	from, to          int // the range of the value in the output
}

// output returns where in b the next byte will be once it is copied.
func (c *jsonReader) output() int {
	if c.spaced {
		c.flush()
	}
	return len(c.b) + c.i - c.done
}

// pairAt returns the pair of the object whose members are at that depth. It is valid until another object begins.
func (r *rewriter) pairAt(depth int) *readPair {
	if n := len(r.pairs); n == 0 || r.pairs[n-1].depth != depth {
		r.pairs = append(r.pairs, readPair{depth: depth})
	}
	return &r.pairs[len(r.pairs)-1]
}

// noteName records a name that is a string. It has been read from index from to index end.
func (r *rewriter) noteName(depth, from, end int) {
	p := r.pairAt(depth)
	if p.nameEnd > 0 {
		p.named = max(p.named, r.keys.ofJSON(r.src[p.nameFrom:p.nameEnd]))
	}
	p.nameFrom, p.nameEnd = from, end
}

// noteValue records the range of the value in the output.
func (r *rewriter) noteValue(depth, from, to int) {
	p := r.pairAt(depth)
	if p.from > 0 {
		r.pairs = append(r.pairs, *p)
		p = &r.pairs[len(r.pairs)-1]
	}
	p.from, p.to = from, to
}

// closeObject replaces the values of the object whose members are at that depth, if a name requires it. The object
// must have been read up to its end.
func (r *rewriter) closeObject(depth int) {
	h := Shown
	for n := len(r.pairs) - 1; n >= 0 && r.pairs[n].depth == depth; n-- {
		read := r.pairs[n]
		r.pairs = r.pairs[:n]
		if read.from == 0 {
			return
		}
		if h = max(h, read.named); read.nameEnd > 0 {
			h = max(h, r.keys.ofJSON(r.src[read.nameFrom:read.nameEnd]))
		}
		if h != Shown {
			r.flush()
			r.replaceValue(h, read.from, read.to)
		}
	}
}

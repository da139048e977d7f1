package redact

import (
	"bytes"
	"slices"
	"strings"
)

// This file replaces a secret whose name is another member of the same object: {"name":"token","value":"x"}.

// An objectPair describes the members Name and Value of an object.
type objectPair struct {
	name     pairText // the last one. It is judged only if there is a value: most objects have none
	named    Hiding   // the Hiding of those before it
	from, to int      // the range of the value in the rewriter's b
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

// replace replaces the value if a name requires it.
func (p *objectPair) replace(r *rewriter) {
	if p.from == 0 || r.deep {
		return
	}
	h := max(p.named, r.keys.ofPair(p.name))
	value := r.b[p.from:p.to]
	switch {
	case h == Shown, h == hidesStrings && strings.IndexByte("\"{[", value[0]) < 0, bytes.Equal(value, r.replacement):
		return
	case string(value) == "{}", string(value) == "[]", string(value) == "null":
		return
	}
	r.b = slices.Replace(r.b, p.from, p.to, r.replacement...)
	r.changed = true
}

// A readPair is an objectPair of an object that is being read.
type readPair struct {
	depth             int // of the object's members
	nameFrom, nameEnd int // the range of the last name in the source
	named             Hiding
	from, to          int // the range of the value in the output
}

// output returns where in b the next byte will be once it is copied.
func (c *jsonReader) output() int { return len(c.b) + c.i - c.done }

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
	p.from, p.to = from, to
}

// closeObject replaces the value of the object whose members are at that depth, if a name requires it. The object
// must have been read up to its end.
func (r *rewriter) closeObject(depth int) {
	n := len(r.pairs) - 1
	if n < 0 || r.pairs[n].depth != depth {
		return
	}
	read := &r.pairs[n]
	if r.pairs = r.pairs[:n]; read.from == 0 {
		return
	}
	h := read.named
	if read.nameEnd > 0 {
		h = max(h, r.keys.ofJSON(r.src[read.nameFrom:read.nameEnd]))
	}
	if h != Shown {
		r.flush()
		p := objectPair{named: h, from: read.from, to: read.to}
		p.replace(r)
	}
}

package redact

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file replaces secrets in the JSON that encoding/json writes for a value. It judges the text itself, key by
// key. So it is safe without knowing any rule of encoding/json about names of fields, empty values and methods. The
// value serves as a guide for what its JSON does not show: the Go name of a field, the content of a base64 text.

// rewrite returns v as JSON without secrets, or a string if v is one, and whether anything was replaced. guided means
// that v is needed to decide what to replace. under is the Hiding of v's key.
func (x *Redactor) rewrite(v any, guided bool, under Hiding, depth int) (clean slog.Value, changed bool) {
	r := x.rewriter(v, guided, under, depth)
	defer r.free()
	return r.clean(), r.changed || r.deep
}

// rewriter returns a rewriter that has composed v.
func (x *Redactor) rewriter(v any, guided bool, under Hiding, depth int) *rewriter {
	r := rewriters.Get().(*rewriter)
	r.start(x, guided)
	r.compose(reflect.ValueOf(v), r.typeInfo(reflect.TypeOf(v)), under, depth)
	return r
}

// clean returns what has been composed. Call it once: r may lose its memory to the result.
func (r *rewriter) clean() slog.Value {
	r.flush()
	switch {
	case r.deep:
		return tooDeep
	case r.b[0] == '"':
		return slog.StringValue(jsontext.Unquote(r.b))
	}
	data := r.b
	if cap(data) <= maxPooledJSON {
		data = bytes.Clone(data)
	} else {
		r.b = nil
	}
	return slog.AnyValue(jsontext.NewRaw(data))
}

// A rewriter writes values and copies JSON, without secrets and without white space.
type rewriter struct {
	typeCache
	jsonReader
	entries []mapEntry // of the maps that are being composed
	pairs   []readPair // of the objects that are being read
	guided  bool       // the values are needed to decide what to replace
	failed  bool       // encoding/json cannot write the value that is being composed
	changed bool       // something was replaced
	deep    bool       // the value is nested too deep
}

var rewriters = sync.Pool{New: func() any { return new(rewriter) }}

// start prepares r for a value.
func (r *rewriter) start(x *Redactor, guided bool) {
	*r = rewriter{typeCache: typeCache{Redactor: x}, jsonReader: jsonReader{b: r.b[:0]}, entries: r.entries[:0], pairs: r.pairs[:0], guided: guided}
}

// maxPooledJSON limits the memory of rewriters that wait to be reused.
const maxPooledJSON = 64 << 10

// free allows r to be reused.
func (r *rewriter) free() {
	if cap(r.b) <= maxPooledJSON {
		r.start(nil, false)
		rewriters.Put(r)
	}
}

// judge appends data without secrets. data is JSON that encoding/json made from guide, which is nil if it is not
// known. under is the Hiding of the keys around it. judge returns false if data is not valid, or nested too deep.
func (r *rewriter) judge(data []byte, guide *reflect.Value, under Hiding, depth int) bool {
	if !r.readValue(data, guide, under, depth) {
		return false
	}
	r.flush()
	return true
}

// readValue is judge without the last flush.
func (r *rewriter) readValue(data []byte, guide *reflect.Value, under Hiding, depth int) bool {
	r.read(data)
	r.pairs = r.pairs[:0]
	r.b = slices.Grow(r.b, len(data))
	return r.value(guide, under, depth)
}

// raw appends data, JSON that a method wrote, without secrets. It returns false, and appends nothing, if data is not
// valid, or so unusual that encoding/json must be called.
func (r *rewriter) raw(data []byte, under Hiding, depth int) bool {
	start, changed := len(r.b), r.changed
	if r.readValue(data, nil, under, depth) && r.atEnd() {
		if start > 0 { // else it is all that is composed: clean copies it, if it is needed
			r.flush()
		}
		return true
	}
	r.read(nil)
	r.b, r.changed, r.deep = r.b[:start], changed, false
	return false
}

// value copies the next value, at the latest with the next flush. guide is what it was made from, nil if that is not
// known. under is the Hiding of the keys around it. Like all methods that read, it returns false if the value is not
// valid, or nested too deep.
func (r *rewriter) value(guide *reflect.Value, under Hiding, depth int) bool {
	if depth > maxDepth {
		r.deep = true
		return false
	}
	var info *typeInfo
	if guide == nil && under == Shown && !r.cardNumbers {
		return r.unguided(depth)
	}
	if guide != nil {
		if guide, info = r.guide(*guide); info != nil && info.typ == urlType && under == Shown {
			u := guide.Interface().(url.URL)
			if clean, changed := r.url(&u); changed {
				start, ok := r.pass()
				data, _ := jsontext.Marshal(clean)
				r.replace(start, data)
				return ok
			}
		}
	}
	b := r.peek()
	if b <= ' ' {
		b = r.space()
	}
	switch b {
	case '"':
		if under == Shown && !r.cardNumbers {
			return r.text()
		}
		return r.textValue(guide, under)
	case '{':
		return r.object(guide, info, under, depth)
	case '[':
		return r.list(guide, under, depth)
	}
	return r.word()
}

// guide returns the value that v points to if it is needed to decide what to replace, else nil.
func (r *rewriter) guide(v reflect.Value) (*reflect.Value, *typeInfo) {
	for v.IsValid() {
		info := r.typeInfo(v.Type())
		switch {
		case !info.has(needsGuide), v.Kind() != reflect.Interface && marshalerOf(v, info) != nil:
			return nil, nil
		case v.Kind() != reflect.Interface && v.Kind() != reflect.Pointer:
			return &v, info
		}
		v = v.Elem()
	}
	return nil, nil
}

// replace writes text, which is JSON, in place of what has been read since start.
func (r *rewriter) replace(start int, text []byte) {
	r.copyTo(start)
	r.b = append(r.b, text...)
	r.done, r.spaced = r.i, false
	r.changed = true
}

// pass reads the next value without copying it, and returns where it begins.
func (r *rewriter) pass() (start int, ok bool) {
	r.next()
	start = r.i
	return start, r.skip(0)
}

// secret writes the replacement in place of the next value, which may already be the replacement.
func (r *rewriter) secret() bool {
	start, ok := r.pass()
	if ok && !r.isReplacementText(r.src[start:r.i]) {
		r.replace(start, r.replacement)
	}
	return ok
}

// isReplacementText reports whether value, which is JSON, is the replacement.
func (r *rewriter) isReplacementText(value []byte) bool {
	if bytes.Equal(value, r.replacement) {
		return true
	}
	if value[0] != '"' || bytes.IndexByte(value, '\\') < 0 && !r.wide { // it can be written in one way only
		return false
	}
	return jsontext.Unquote(value) == r.Redactor.text
}

// textValue copies a string that may have to be replaced.
func (r *rewriter) textValue(guide *reflect.Value, under Hiding) bool {
	if under != Shown {
		return r.secret()
	}
	start := r.i
	if !r.text() {
		return false
	}
	if guide != nil && guide.Kind() == reflect.Slice {
		if clean, changed := r.cards(string(guide.Bytes())); changed {
			r.replace(start, jsontext.AppendString(nil, base64.StdEncoding.EncodeToString([]byte(clean))))
			return true
		}
	}
	if clean, changed := r.cards(jsontext.Unquote(r.src[start:r.i])); changed {
		r.replace(start, jsontext.AppendString(nil, clean))
	}
	return true
}

func (r *rewriter) list(guide *reflect.Value, under Hiding, depth int) bool {
	guided := guide != nil && (guide.Kind() == reflect.Slice || guide.Kind() == reflect.Array)
	n := 0
	for more := r.open(']'); more; more = r.more(']') {
		var elem *reflect.Value
		if guided && n < guide.Len() {
			e := guide.Index(n)
			elem = &e
		}
		if !r.value(elem, under, depth+1) {
			return false
		}
		n++
	}
	return !r.bad
}

func (r *rewriter) object(guide *reflect.Value, info *typeInfo, under Hiding, depth int) bool {
	var g *objectGuide
	if guide != nil {
		g = r.objectGuide(*guide, info)
	}
	for more := r.open('}'); more; more = r.more('}') {
		if m, ok := r.member(g, under); !ok || !r.memberValue(&m, depth+1) {
			return false
		}
	}
	if r.bad {
		return false
	}
	r.closeObject(depth + 1)
	return true
}

// A readMember is a member whose key has been read.
type readMember struct {
	hides Hiding // of its key, of what it was made from and of the keys around it
	role  pairRole
	guide *reflect.Value
}

// member copies the key and the colon of a member.
func (r *rewriter) member(g *objectGuide, under Hiding) (m readMember, ok bool) {
	if r.peek() != '"' && r.next() != '"' {
		return m, false
	}
	start := r.i
	if !r.text() {
		return m, false
	}
	quoted := r.src[start:r.i]
	m.hides, m.role = max(under, r.keys.ofJSON(quoted)), pairRoleOf(quoted[1:len(quoted)-1])
	if g != nil {
		v, byGuide := g.member(quoted)
		m.guide, m.hides = &v, max(m.hides, byGuide)
	}
	if m.hides != Shown || g != nil || r.cardNumbers {
		r.key(start, m.hides, g)
	}
	return m, r.colon()
}

// memberValue copies the value of m, which is at nesting depth depth.
func (r *rewriter) memberValue(m *readMember, depth int) (ok bool) {
	r.next()
	start, from := r.i, 0
	if m.role == pairValue {
		from = r.output()
	}
	if m.hides == hidesAll {
		ok = r.secret()
	} else {
		ok = r.value(m.guide, m.hides, depth)
	}
	switch {
	case !ok:
	case m.role == pairValue:
		r.noteValue(depth, from, r.output())
	case m.role == pairName && r.src[start] == '"':
		r.noteName(depth, start, r.i)
	}
	return ok
}

// key copies the key of a member, which has been read since start.
func (r *rewriter) key(start int, h Hiding, g *objectGuide) {
	quoted := r.src[start:r.i]
	switch {
	case g != nil && g.secretKeys:
		r.replace(start, r.replacement)
		return
	case r.cardNumbers:
		if clean, changed := r.cards(jsontext.Unquote(quoted)); changed {
			r.replace(start, jsontext.AppendString(nil, clean))
			return
		}
	}
	if h != Shown && bytes.IndexByte(quoted, '\\') >= 0 { // so that people can see the reason
		changed := r.changed
		r.replace(start, jsontext.AppendString(nil, jsontext.Unquote(quoted)))
		r.changed = changed
	}
}

// keyText returns the key of a map as encoding/json writes it. ok is false if encoding/json does not write it.
func keyText(v reflect.Value) (_ string, ok bool) {
	if v.Kind() == reflect.String {
		return v.String(), true
	}
	if v.Kind() == reflect.Interface && !v.IsNil() {
		return keyText(v.Elem()) // the older encoding/json would write nothing at all
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "", v.Type().Implements(textMarshalerType)
	}
	m := methodsOf(v, textMarshalerType)
	if m == nil && jsonIsV2() {
		m = methodsOf(v, textAppenderType)
	}
	if m != nil {
		data, ok := jsontext.Marshal(m)
		if !ok || data[0] != '"' {
			return string(data), false
		}
		return jsontext.Unquote(data), true
	}
	return usualKeyText(v)
}

// usualKeyText is keyText for keys without methods.
func usualKeyText(v reflect.Value) (_ string, ok bool) {
	switch {
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	}
	return "", false
}

// validText returns s with each byte that is not UTF-8 replaced as encoding/json does.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

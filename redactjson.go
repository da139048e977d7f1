package slogtrace

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file replaces secrets in what encoding/json writes of a value. It is that text which is judged, key by key,
// so no rule of encoding/json about names of fields, empty values and methods has to be known here to be safe.
// The value goes along as a guide, for what its JSON does not tell: how Go calls a field, what a base64 text is of.

// rewrite returns v as JSON without secrets, or a string if that is what it is, and whether anything was replaced.
// guided says whether it takes v to tell what to replace, and under is what the key of v says.
func (x *redactor) rewrite(v any, guided bool, under hiding, depth int) (clean slog.Value, changed bool) {
	mem := scratches.Get().(*scratch)
	r := rewriter{redactor: x, guided: guided, b: mem.buf[:0]}
	r.compose(reflect.ValueOf(v), under, depth)
	switch {
	case r.deep:
		clean = tooDeep
	case r.b[0] == '"':
		clean = slog.StringValue(payloadUnquote(r.b))
	default:
		clean = slog.AnyValue(redactedJSON{string(r.b)})
	}
	mem.free(r.b)
	return clean, r.changed || r.deep
}

// marshal returns v as JSON, and a JSON string that says what went wrong if that is not to be had.
func marshal(v any) (data []byte, ok bool) {
	e := jsonEncoders.Get().(*jsonEncoder)
	defer e.free()
	data, ok = e.marshal(v)
	return bytes.Clone(data), ok
}

// marshal is the function of that name, but the JSON is in e's memory.
func (e *jsonEncoder) marshal(v any) (data []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			data, ok = appendString(nil, fmt.Sprintf("!PANIC: %v", p)), false
		}
	}()
	data, err := e.encode(v)
	if err != nil {
		return appendString(nil, fmt.Sprintf("!ERROR:%v", err)), false
	}
	return data, true
}

// A rewriter copies JSON without secrets.
type rewriter struct {
	*redactor
	data    []byte // from encoding/json or compactJSON: valid, without white space
	i       int    // where the next value is in data
	done    int    // how far data has been copied
	b       []byte // the copy
	guided  bool   // it takes the values to tell what to replace
	failed  bool   // encoding/json cannot write the value that is being composed
	changed bool   // something was replaced
	deep    bool   // the value is too deep
}

// value copies the next value, at the latest with the next flush. guide is what it was made of, or invalid; under is what the keys around it say.
func (r *rewriter) value(guide reflect.Value, under hiding, depth int) {
	if depth > maxRedactDepth {
		r.deep = true
	}
	if r.deep {
		return
	}
	guide, info := r.guide(guide)
	if guide.IsValid() && info.typ == urlType && under == shown {
		u := guide.Interface().(url.URL)
		if clean, changed := r.url(&u); changed {
			data, _ := marshal(clean)
			r.replace(payloadValue(r.data, r.i), data)
			return
		}
	}
	switch r.data[r.i] {
	case '{':
		r.object(guide, info, under, depth)
	case '[':
		r.list(guide, under, depth)
	case '"':
		r.text(guide, under)
	default:
		end := r.i + 1
		for end < len(r.data) && isNumberByte(r.data[end]) {
			end++
		}
		r.i = end
	}
}

// isNumberByte reports whether c goes on a number, true, false or null.
func isNumberByte(c byte) bool { return isDigit(c) || isLetter(c) || c == '-' || c == '+' || c == '.' }

// guide returns what v points to if it takes that to tell what to replace, else an invalid value.
func (r *rewriter) guide(v reflect.Value) (reflect.Value, *typeInfo) {
	for v.IsValid() {
		info := r.typeInfo(v.Type())
		switch {
		case !info.has(needsGuide), v.Kind() != reflect.Interface && v.CanInterface() && marshalerOf(v, info) != nil:
			return reflect.Value{}, nil
		case v.Kind() != reflect.Interface && v.Kind() != reflect.Pointer:
			return v, info
		}
		v = v.Elem()
	}
	return reflect.Value{}, nil
}

// flush copies what stands before the next value and has not been copied.
func (r *rewriter) flush() {
	r.b = append(r.b, r.data[r.done:r.i]...)
	r.done = r.i
}

// replace writes text, which is JSON, instead of data up to end.
func (r *rewriter) replace(end int, text []byte) {
	r.flush()
	r.b = append(r.b, text...)
	r.i, r.done = end, end
	r.changed = true
}

// secret writes the replacement instead of the next value, which may be it already.
func (r *rewriter) secret() {
	end := payloadValue(r.data, r.i)
	if value := r.data[r.i:end]; value[0] == '"' && payloadUnquote(value) == r.redactor.text {
		r.i = end
		return
	}
	r.replace(end, appendString(nil, r.redactor.text))
}

// text copies a string.
func (r *rewriter) text(guide reflect.Value, under hiding) {
	if under != shown {
		r.secret()
		return
	}
	end := stringEnd(r.data, r.i)
	if !r.cardNumbers {
		r.i = end
		return
	}
	if guide.IsValid() && guide.Kind() == reflect.Slice {
		if clean, changed := r.cards(string(guide.Bytes())); changed {
			r.replace(end, appendString(nil, base64.StdEncoding.EncodeToString([]byte(clean))))
			return
		}
	}
	if clean, changed := r.cards(payloadUnquote(r.data[r.i:end])); changed {
		r.replace(end, appendString(nil, clean))
		return
	}
	r.i = end
}

func (r *rewriter) list(guide reflect.Value, under hiding, depth int) {
	guided := guide.IsValid() && (guide.Kind() == reflect.Slice || guide.Kind() == reflect.Array)
	r.i++
	for n := 0; r.data[r.i] != ']'; n++ {
		if r.data[r.i] == ',' {
			r.i++
		}
		var elem reflect.Value
		if guided && n < guide.Len() {
			elem = guide.Index(n)
		}
		r.value(elem, under, depth+1)
		if r.deep {
			return
		}
	}
	r.i++
}

func (r *rewriter) object(guide reflect.Value, info *typeInfo, under hiding, depth int) {
	var g objectGuide
	if guide.IsValid() {
		g = r.objectGuide(guide, info)
	}
	named := shown           // what a member Name says
	pairFrom, pairTo := 0, 0 // where in b the member Value is
	r.i++
	for r.data[r.i] != '}' {
		if r.data[r.i] == ',' {
			r.i++
		}
		end := stringEnd(r.data, r.i)
		quoted := r.data[r.i:end]
		h := max(under, r.keys.ofJSON(quoted))
		var elem reflect.Value
		if g.kind != reflect.Invalid {
			var byGuide hiding
			elem, byGuide = g.member(quoted)
			h = max(h, byGuide)
		}
		r.key(quoted, h, &g)
		r.i++ // the colon
		isValue := false
		switch key := quoted[1 : len(quoted)-1]; {
		case isPairValue(string(key)):
			isValue = true
			r.flush()
			pairFrom = len(r.b)
		case r.data[r.i] == '"' && isPairName(string(key)):
			named = max(named, r.keys.ofJSON(r.data[r.i:stringEnd(r.data, r.i)]))
		}
		if h == hidesAll {
			r.secret()
		} else {
			r.value(elem, h, depth+1)
		}
		if r.deep {
			return
		}
		if isValue {
			r.flush()
			pairTo = len(r.b)
		}
	}
	r.i++
	if pairFrom > 0 && named != shown {
		r.replacePair(named, pairFrom, pairTo)
	}
}

// replacePair replaces what has been written from from to to, the value of a name that says h.
func (r *rewriter) replacePair(h hiding, from, to int) {
	text := appendString(nil, r.redactor.text)
	value := r.b[from:to]
	switch {
	case h == shown, h == hidesStrings && strings.IndexByte("\"{[", value[0]) < 0, bytes.Equal(value, text):
		return
	case string(value) == "{}", string(value) == "[]", string(value) == "null":
		return
	}
	r.b = slices.Replace(r.b, from, to, text...)
	r.changed = true
}

// key copies the key of a member.
func (r *rewriter) key(quoted []byte, h hiding, g *objectGuide) {
	end := r.i + len(quoted)
	switch {
	case g.secretKeys:
		r.replace(end, appendString(nil, r.redactor.text))
		return
	case r.cardNumbers:
		if clean, changed := r.cards(payloadUnquote(quoted)); changed {
			r.replace(end, appendString(nil, clean))
			return
		}
	}
	if h != shown && bytes.IndexByte(quoted, '\\') >= 0 { // so that people can see why
		changed := r.changed
		r.replace(end, appendString(nil, payloadUnquote(quoted)))
		r.changed = changed
	}
	r.i = end
}

// keyText returns the key of a map as encoding/json writes it. ok is false if it does not.
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
		data, ok := marshal(m)
		if !ok || data[0] != '"' {
			return string(data), false
		}
		return payloadUnquote(data), true
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	}
	return "", false
}

// validText returns s with each byte that is no UTF-8 as encoding/json writes it.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

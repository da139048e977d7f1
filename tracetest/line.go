package tracetest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace"
)

// An object is a JSON object as written: its members in order, including duplicates.
type object []member

type member struct {
	key   string
	value any // string, json.Number, bool, nil, object or []any
}

// parseLine parses a line without its newline.
func parseLine(line []byte) (object, error) {
	if !json.Valid(line) { // this also limits the depth
		return nil, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{key.(string), v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
}

// values returns the values under key at o's root.
func (o object) values(key string) (vs []any) {
	for _, m := range o {
		if m.key == key {
			vs = append(vs, m.value)
		}
	}
	return vs
}

func (o object) has(key string) bool { return len(o.values(key)) > 0 }

// rootKeys returns the keys of the members whose values f accepts, each once.
func (o object) rootKeys(f func(any) bool) (keys []string) {
	for _, m := range o {
		if f(m.value) && !slices.Contains(keys, m.key) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// duplicate returns a key that appears twice in o or in an object inside it. Empty keys are ignored.
func (o object) duplicate() (key string, found bool) {
	for i, m := range o {
		if m.key != "" && slices.ContainsFunc(o[:i], func(before member) bool { return before.key == m.key }) {
			return m.key, true
		}
		if sub, ok := m.value.(object); ok {
			if key, found := sub.duplicate(); found {
				return key, true
			}
		}
	}
	return "", false
}

// nested reports whether f accepts a member of an object inside o.
func (o object) nested(f func(member) bool) bool {
	for _, m := range o {
		if sub, ok := m.value.(object); ok && (slices.ContainsFunc(sub, f) || sub.nested(f)) {
			return true
		}
	}
	return false
}

// anywhere reports whether the string s is a value in o, at any depth.
func (o object) anywhere(s string) bool {
	is := func(m member) bool { return m.value == any(s) }
	return slices.ContainsFunc(o, is) || o.nested(is)
}

// A leaf is a value that is not an object, or an empty object, with the keys that lead to it.
type leaf struct{ path, value string }

func (l leaf) key() string { return l.path[strings.LastIndexByte(l.path, '/')+1:] }

// leaves returns the leaves of o. Paths are unique, because the keys of a checker's programs have no slash.
func (o object) leaves(prefix string) (ls []leaf) {
	for _, m := range o {
		path := prefix + m.key
		if sub, ok := m.value.(object); ok && len(sub) > 0 {
			ls = append(ls, sub.leaves(path+"/")...)
		} else {
			ls = append(ls, leaf{path, text(m.value)})
		}
	}
	return ls
}

// text returns v as JSON. Equal numbers have equal texts.
func text(v any) string {
	switch v := v.(type) {
	case object:
		var b strings.Builder
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(text(m.key) + ":" + text(m.value))
		}
		b.WriteByte('}')
		return b.String()
	case []any:
		texts := make([]string, len(v))
		for i, v := range v {
			texts[i] = text(v)
		}
		return "[" + strings.Join(texts, ",") + "]"
	case json.Number:
		if f, err := v.Float64(); err == nil && f == float64(int64(f)) && len(v) < 15 {
			return strconv.FormatInt(int64(f), 10)
		}
		return v.String()
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// traceForms returns the forms in which id may be written: in hexadecimal, in X-Ray's form, and its lower half in decimal,
// as Datadog did before ids had 128 bits.
func traceForms(id slogtrace.TraceID) []string {
	hex := id.String()
	if hex == "" {
		return nil
	}
	return []string{hex, "1-" + hex[:8] + "-" + hex[8:], strconv.FormatUint(binary.BigEndian.Uint64(id[8:]), 10)}
}

// spanForms returns the forms in which id may be written: in hexadecimal or in decimal.
func spanForms(id slogtrace.SpanID) []string {
	if !id.IsValid() {
		return nil
	}
	return []string{id.String(), strconv.FormatUint(binary.BigEndian.Uint64(id[:]), 10)}
}

func carriesTrace(v any, id slogtrace.TraceID) bool { return carries(v, traceForms(id)) }
func carriesSpan(v any, id slogtrace.SpanID) bool   { return carries(v, spanForms(id)) }

// carries reports whether v is one of forms, or a longer text that contains the first form, the hexadecimal one.
func carries(v any, forms []string) bool {
	s, ok := scalar(v)
	if !ok || len(forms) == 0 {
		return false
	}
	if slices.Contains(forms, s) {
		return true
	}
	for run := range hexRuns(s) {
		if strings.EqualFold(run, forms[0]) {
			return true
		}
	}
	return false
}

// hexRuns returns the parts of s that could be hexadecimal numbers.
func hexRuns(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F')
	})
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

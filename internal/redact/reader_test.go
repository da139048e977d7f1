package redact

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// What a rewriter makes of the JSON of a method is what encoding/json makes of it, and it refuses what encoding/json refuses.
func FuzzCompactJSON(f *testing.F) {
	for _, s := range []string{
		``, ` `, `null`, ` true `, `false`, `nul`, `truex`, `{}`, `[]`, `{ }`, "[\t1 ,\r\n2 ]", `{"a":1,"a":2}`, `{"a" : {"b":[ ]}}`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a"}`, `{"a":}`, `{1:2}`,
		`"`, `"\`, `"\"`, `"a\\"`, `"\u00e9\ud800"`, `"\u12g4"`, `"\x"`, "\"\n\"", "\"\x7f\"", "\"\xff\"", "\"\u2028é\"", `"<&>"`, `"longer than eight bytes \" and \\ more of it"`,
		`"\u1`, `"\u123`, `"\u123"`, `"\ug234"`, `"\u1g34"`, `"\u123g"`, `{"a\x":1}`, `{"a":tru}`, `tru`, `fals`, `f`, "\"\u2029\"", `"é"`,
		`0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5e+10`, `1e`, `1E-7`, `1e400`, `+1`, `12345678901234567890`, `1 2`, `]`, `}`, `[}`, `{]`, "\ufeff1", "\v1", "[1\x00]",
		strings.Repeat("[", 90) + strings.Repeat("]", 90), strings.Repeat("[", 200) + strings.Repeat("]", 200),
	} {
		f.Add([]byte(s))
	}
	nothing := NewRedactor(Options{NoDefaults: true, Keys: []string{"never there"}})
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		r := rewriter{typeCache: typeCache{Redactor: nothing}}
		ok := r.raw(src, Shown, 0)
		r.flush()
		got := r.b
		want, err := jsontext.AppendJSON(nil, json.RawMessage(src))
		switch {
		case !bytes.Equal(src, before):
			t.Errorf("%q became %q", before, src)
		case ok && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("%q: got %q, want %q, %v", src, got, want, err)
		case !ok && err == nil && bytes.Count(src, []byte(`[`))+bytes.Count(src, []byte(`{`)) <= maxDepth && bytes.IndexFunc(src, func(r rune) bool { return r >= 0x80 }) < 0 && src != nil:
			t.Errorf("%q: refused", src)
		}
	})
}

// FuzzRedactRaw: what becomes of the JSON of a method is what becomes of that which encoding/json makes of it.
func FuzzRedactRaw(f *testing.F) {
	for _, s := range []string{
		`{"token":"x"}`, ` { "a" : [ 1 , {"password" :  [1, {"b" : "c"} ] , "c" : "d" } ] , "pin":5 } `, `{"auth": { "x" : "y", "n" : 5 , "z": [ "a" , null ] } }`, `{"token" : "[redacted]", "pin":"[redact\u0065d]"}`,
		`[ { "value" : [ 1 , 2 ] , "name" : "token" } , {"name":"password","value":"x"} , {"key" : "auth" , "values" : 7 }]`, `{"name":"token", "value" : }`, `{"\u0074oken" : "x", "p\u0069n":1}`,
		`{"token":tru}`, `{"token":[1,]}`, `{"token":{"a"}}`, `[1{"a":2}]`, `{"a":1 "b":2}`, `{"token"}`, `{"token":`, `{"token":"`, "{\"token\":\"\xff\", \"a\":\"\u2028\"}", `{"token" : 1`, `[[{"a":[{}]}],[ ],{ }]`,
		`[{"name":"a","value":1},{"value":"x","name":"longer than 8 bytes, token"},{"name":{"name":["token"]},"value":[{"key":"a","value":"y"},2]}]`, `{"name":"pin","name":"a","value":{"value":"x","key":"b"},"a":[{"token":1}]}`,
		`{"":1,"a":-0,"b":1.5,"c":10E+2,"abcdefgh":true,"abcdefghi":null,"ke\u0079":"token","values":"a"}`, `[{"a":[]},{"a":[{}]},"12345678","123456789",12,3]`, `{"a":[}`, `{"a":1]`, `[1}`,
		`{"a":"4111 1111 1111 1111","4111111111111111" : "x"}`, `{"value":1,"value" : 2,"name":"pin"}`, `{"name" : [ ] , "value":1}`,
		`[[{"name":"x"},"token"],{"value":"v"}]`, `[[{"name":"a","value":1},{"x":1}],{"name":"token"}]`, `[[{"value":1},2],{"name":"token"}]`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	redactors := map[bool]*Redactor{false: NewRedactor(Options{}), true: NewRedactor(Options{Cards: true})}
	onlyCards := NewRedactor(Options{Cards: true, NoDefaults: true})
	rawOf := func(x *Redactor, src []byte) (out string, changed, ok bool) {
		r := rewriter{typeCache: typeCache{Redactor: x}}
		r.b = append(r.b, "before"...)
		ok = r.raw(src, Shown, 0)
		return string(r.b), r.changed, ok
	}
	f.Fuzz(func(t *testing.T, src []byte, cards bool) {
		got := rewriter{typeCache: typeCache{Redactor: redactors[cards]}}
		if got.b = append(got.b, "before"...); !got.raw(src, Shown, 0) {
			if string(got.b) != "before" || got.changed || got.deep {
				t.Errorf("%q is refused, but left %q", src, got.b)
			}
			return
		}
		data, err := jsontext.AppendJSON(nil, json.RawMessage(src))
		if err != nil {
			t.Fatalf("%q: encoding/json refuses it: %v", src, err)
		}
		want := rewriter{typeCache: typeCache{Redactor: redactors[cards]}}
		if want.b = append(want.b, "before"...); !want.judge(data, nil, Shown, 0) || string(got.b) != string(want.b) || got.changed != want.changed {
			t.Errorf("%q:\n got %q, changed %v\nwant %q, changed %v", src, got.b, got.changed, want.b, want.changed)
		}
		// Where there are no card numbers, the reader that looks for them writes what the fastest one writes.
		if _, changed, ok := rawOf(onlyCards, src); ok && !changed {
			out, changed, ok := rawOf(redactors[!cards], src)
			if !ok || out != string(got.b) || changed != got.changed {
				t.Errorf("%q, cards %v:\n got %q, changed %v\nwant %q, changed %v", src, cards, got.b, got.changed, out, changed)
			}
		}
		if !json.Valid(got.b[len("before"):]) {
			t.Errorf("%q became %q", src, got.b)
		}
	})
}

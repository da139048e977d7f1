package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
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
	nothing := newRedactor(&RedactOptions{NoDefaults: true, Keys: []string{"never there"}})
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		r := rewriter{typeCache: typeCache{redactor: nothing}}
		ok := r.raw(src, shown, 0)
		got := r.b
		want, err := jsontext.AppendJSON(nil, json.RawMessage(src))
		switch {
		case !bytes.Equal(src, before):
			t.Errorf("%q became %q", before, src)
		case ok && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("%q: got %q, want %q, %v", src, got, want, err)
		case !ok && err == nil && bytes.Count(src, []byte(`[`))+bytes.Count(src, []byte(`{`)) <= maxRedactDepth && bytes.IndexFunc(src, func(r rune) bool { return r >= 0x80 }) < 0 && src != nil:
			t.Errorf("%q: refused", src)
		}
	})
}

type (
	rawFields struct {
		ID      int             `json:"id"`
		Payload json.RawMessage `json:"payload,omitempty"`
		Empty   json.RawMessage `json:",omitempty"`
		Any     any             `json:"any"`
		Number  json.Number
		Text    *textMarshaler
		Small   float32
		hidden  json.RawMessage
	}
	rawTwice struct {
		A json.RawMessage `json:"B"`
		B json.RawMessage
	}
	rawEmbeds struct {
		rawTwice
		C json.RawMessage `json:",omitzero"`
	}
)

// Values with JSON of methods in them are composed, byte for byte as encoding/json writes them, in either JSON handler.
func TestRedactComposed(t *testing.T) {
	nothing := newRedactor(&RedactOptions{NoDefaults: true, Keys: []string{"never there"}})
	raw := json.RawMessage(`{"a" : [1, "\u00e9<&>"], "b":{ }}`)
	var null *costMarshaler
	for _, v := range []any{
		raw, costMarshaler{`[ 1 ]`}, &costMarshaler{`"text"`}, null, []any{null, json.RawMessage(nil), json.RawMessage(`"x"`)},
		map[string]json.RawMessage{"b": raw, "a": raw, "\xff": raw, "<\u2028>": nil}, map[string]json.RawMessage(nil), []json.RawMessage{raw, raw}, []json.RawMessage(nil), [2]json.RawMessage{raw, raw},
		map[string]any{"raw": raw, "n": 1, "u": uint8(2), "f": 1e21, "g": float32(0.1), "s": "\xff\n", "t": true, "nil": nil, "bytes": []byte("abc"), "m": map[int]any{1: raw}, "l": []any{}, "z": []string(nil)},
		rawFields{ID: 1, Payload: raw, Any: []any{raw, costItem{}}, Number: "12", Text: &textMarshaler{text: "t"}, Small: 0.1, hidden: raw}, &rawFields{}, []rawFields{{Payload: raw}},
		rawTwice{raw, raw}, map[textKey]json.RawMessage{"k": raw}, rawEmbeds{rawTwice: rawTwice{raw, raw}}, []any{[]any{[]any{raw}}}, map[string]*rawFields{"p": {Payload: raw}, "nil": nil},
		struct{ B []pointerMethods }{[]pointerMethods{{}}}, map[string]pointerMethods{"not addressable": {}}, map[string]any{"wide": json.RawMessage("\"\u2028 \xff\"")},
	} {
		want, err := jsontext.AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got, changed := nothing.rewrite(v, true, shown, 0)
		if text := got.String(); changed || text != string(want) && quoted(text) != string(want) {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
		withSecret := map[string]any{"pin": 1, "v": v}
		for _, mk := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(NewRedactHandler(mk(&b), &RedactOptions{NoDefaults: true, Keys: []string{"pin"}})).Info("m", "x", withSecret)
			if want := `"x":{"pin":"[redacted]","v":` + string(want) + "}}\n"; !strings.HasSuffix(b.String(), want) {
				t.Errorf("%T:\n got %s\nwant %s", v, b.String(), want)
			}
		}
	}
}

// What is written part by part hides what it would as a whole.
func TestRedactComposedSecrets(t *testing.T) {
	u := url.URL{Scheme: "https", Host: "h", RawQuery: "token=LEAK&a=b"}
	type pair struct {
		Label string `json:"-"`
		Name  string `json:"n"`
		Value any    `json:"v"`
	}
	raw := json.RawMessage(`{"ok": 1, "token" : "LEAK", "auth":{"x":"LEAK","n":5}}`)
	type self *self
	var circle self
	circle = &circle
	for name, v := range map[string]any{
		"raw":             map[string]json.RawMessage{"open": raw},
		"raw in any":      []any{"open", raw},
		"raw in a struct": rawFields{Any: "open", Payload: raw},
		"key":             map[string]json.RawMessage{"open": json.RawMessage(`"open"`), "password": json.RawMessage(`"LEAK"`)},
		"Go's name": struct {
			A, Password json.RawMessage `json:",omitempty"`
		}{json.RawMessage(`"open"`), json.RawMessage(`"LEAK"`)},
		"strings only":      map[string]any{"auth": []any{"LEAK", 5, json.RawMessage(`["LEAK"]`)}, "n": "open"},
		"pair":              map[string]any{"name": "token", "value": json.RawMessage(`["LEAK"]`), "x": "open"},
		"pair, Go's names":  []any{"open", pair{"", "token", raw}},
		"pair and a func":   map[string]any{"name": "token", "value": "LEAK", "f": func() {}, "x": "open"},
		"struct and a func": []any{pair{"", "token", "LEAK"}, func() {}, "open"},
		"url and a func":    map[string]any{"u": u, "f": func() {}, "x": "open", "pin": 1},
		"nil map, a func":   map[string]any{"m": map[string]any(nil), "f": func() {}, "x": "open", "pin": 1},
		"circle":            map[string]any{"auth": circle, "x": json.RawMessage(`1`), "open": 1},
	} {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
		wanted := "open"
		if name == "circle" {
			wanted = "!ERROR:redact: more than 100 levels"
		}
		if strings.Contains(line, "LEAK") || !strings.Contains(line, wanted) || !json.Valid([]byte(line)) {
			t.Errorf("%s: %s", name, line)
		}
		if strings.HasPrefix(name, "nil map") && !strings.Contains(line, `"m":null`) {
			t.Errorf("%s: %s", name, line)
		}
	}
}

// The limit of levels holds in the JSON of methods too, and where the key makes the look superfluous.
func TestRedactRawDepth(t *testing.T) {
	for depth, want := range map[int]string{
		maxRedactDepth - 5: `[[[`, maxRedactDepth + 5: `"v":"!ERROR:redact: more than 100 levels"`, 5000: `"v":"!ERROR:redact: more than 100 levels"`,
	} {
		deep := json.RawMessage(strings.Repeat("[", depth) + `"x"` + strings.Repeat("]", depth))
		for _, v := range []any{deep, []json.RawMessage{deep}, map[string]any{"pin": 1, "a": deep}} {
			if line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) }); !strings.Contains(line, want) {
				t.Errorf("%d levels in a %T: %.200s", depth, v, line)
			}
		}
		var lists any = "x"
		for range depth {
			lists = []any{lists}
		}
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "auth", lists) })
		if hidden := strings.Contains(line, "!ERROR:redact: more than 100 levels"); hidden != (depth > maxRedactDepth) || strings.Contains(line, `"x"`) {
			t.Errorf("%d levels under auth: %.200s", depth, line)
		}
	}
}

package slogtrace

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

type (
	pointerKey   int
	textKey      string
	composedPart struct {
		F    func()
		Open string
	}
	composedOuter struct {
		F      func()
		U      url.URL
		Bytes  []byte
		In     composedPart
		List   [2]composedPart
		PIN    int
		Absent *string `json:",omitempty"`
	}
	composedEmbeds struct {
		*Credentials
		F    func()
		Open string
	}
	composedPairs struct {
		Name  string          `json:"n"`
		Value any             `json:"v"`
		Other string          `json:"o"`
		Raw   json.RawMessage `json:"r"`
	}
)

func (k *pointerKey) MarshalText() ([]byte, error) { return []byte("by a pointer"), nil }
func (k textKey) MarshalText() ([]byte, error)     { return []byte("by a method"), nil }

// What is written part by part, to the byte.
func TestRedactComposedParts(t *testing.T) {
	raw := json.RawMessage(`{"a": 1}`)
	const noFunc = `"!ERROR:json: unsupported type: func()"`
	const card = "4111111111111111"
	structKeys := map[struct{ A int }]any{{1}: "x"}
	noKeys, ok := jsontext.Marshal(structKeys)
	if ok {
		t.Fatalf("written: %s", noKeys)
	}
	for _, test := range []struct {
		name string
		v    any
		want string
	}{
		{"a list in a list", []any{[]any{map[string]any{"f": func() {}, "x": "open"}}, 1, "y"}, `[[{"f":` + noFunc + `,"x":"open"}],1,"y"]`},
		{"no number", map[string]any{"a": math.Inf(1), "b": math.NaN(), "c": 0.5}, `{"a":"!ERROR:json: unsupported value: +Inf","b":"!ERROR:json: unsupported value: NaN","c":0.5}`},
		{"a method of a nil pointer", []any{(*pointerMethods)(nil), raw}, `[null,{"a":1}]`},
		{"nothing but a string", map[string]any{"tokens": []any{1, "LEAK"}}, `{"tokens":[1,"[redacted]"]}`},
		{"a struct's strings", map[string]any{"session": composedPairs{Name: "LEAK", Value: 1, Raw: json.RawMessage(`["LEAK"]`)}},
			`{"session":{"n":"[redacted]","v":1,"o":"[redacted]","r":["[redacted]"]}}`},
		{"no cards asked for", map[string]any{card: card, "raw": raw}, `{"` + card + `":"` + card + `","raw":{"a":1}}`},
		{"by Go's names", []any{composedPairs{"token", "LEAK", "open", raw}}, `[{"n":"token","v":"[redacted]","o":"open","r":{"a":1}}]`},
		{"by Go's names, strings", []any{composedPairs{"session", 1, "open", raw}, composedPairs{"session", "LEAK", "open", raw}},
			`[{"n":"session","v":1,"o":"open","r":{"a":1}},{"n":"session","v":"[redacted]","o":"open","r":{"a":1}}]`},
		{"another name of the value", []any{struct {
			Name  string
			Value int `json:"pin"`
			Raw   json.RawMessage
		}{"session", 4711, raw}}, `[{"Name":"session","pin":"[redacted]","Raw":{"a":1}}]`},
		{"the name is any", []any{struct{ Name, Value any }{"token", "LEAK"}}, `[{"Name":"token","Value":"[redacted]"}]`},
		{"no pair", []any{struct {
			A   string
			Raw json.RawMessage
		}{"token", raw}}, `[{"A":"token","Raw":{"a":1}}]`},
		{"a name of nothing", map[string]any{"name": "token", "raw": raw}, `{"name":"token","raw":{"a":1}}`},
		{"a name of something open", map[string]any{"name": "colour", "value": "open", "raw": raw}, `{"name":"colour","raw":{"a":1},"value":"open"}`},
		{"another member's value", map[string]any{"colour": "token", "value": "open", "raw": raw}, `{"colour":"token","raw":{"a":1},"value":"open"}`},
		{"keys that are numbers", map[int]any{10: raw, 9: "open"}, `{"10":{"a":1},"9":"open"}`},
		{"keys with a pointer's method", map[pointerKey]any{7: func() {}, 8: "open"}, `{"7":` + noFunc + `,"8":"open"}`},
		{"keys that are secrets", map[Secret]any{"LEAK": func() {}}, `{"[redacted]":` + noFunc + `}`},
		{"keys that are none", []any{structKeys, "open"}, "[" + string(noKeys) + `,"open"]`},
		{"a nil pointer that is embedded", []any{composedEmbeds{Open: "open"}}, `[{"F":` + noFunc + `,"Open":"open"}]`},
		{"a pointer that is embedded", []any{composedEmbeds{&Credentials{"LEAK"}, nil, "open"}}, `[{"user":"[redacted]","F":` + noFunc + `,"Open":"open"}]`},
		{"beside what cannot be written", []any{composedPart{F: func() {}, Open: "open"}, struct {
			N int `json:",string"`
		}{3}}, `[{"F":` + noFunc + `,"Open":"open"},{"N":"3"}]`},
	} {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", []any{map[string]any{"pin": 1}, test.v}) })
		if want := `{"msg":"m","v":[{"pin":"[redacted]"},` + test.want + `]}`; line != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, line, want)
		}
	}
	// All of a value that cannot be written as a whole.
	u := url.URL{Scheme: "https", Host: "h", RawQuery: "token=LEAK&a=b"}
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
		l.Info("m", "v", &composedOuter{U: u, Bytes: []byte("abc"), In: composedPart{Open: "open"}, List: [2]composedPart{{Open: "first"}}, PIN: 4711})
	})
	for _, want := range []string{`"F":` + noFunc, `"RawQuery":"token=[redacted]&a=b"`, `"Bytes":"YWJj"`, `"In":{"F":` + noFunc + `,"Open":"open"}`, `"List":[{"F":` + noFunc + `,"Open":"first"},{"F":` + noFunc + `,"Open":""}]`, `"PIN":"[redacted]"`} {
		if !strings.Contains(line, want) {
			t.Errorf("want %s in %s", want, line)
		}
	}
	if strings.Contains(line, "LEAK") || strings.Contains(line, "Absent") || !json.Valid([]byte(line)) {
		t.Error(line)
	}
}

// A rewriter says whether it has replaced anything: not what was replaced before.
func TestRedactComposedChanged(t *testing.T) {
	x := newRedactor(&RedactOptions{})
	raw := json.RawMessage(`{"a":1}`)
	for _, test := range []struct {
		v    any
		want bool
	}{
		{map[string]any{"raw": raw}, false},
		{map[string]any{"token": "[redacted]", "raw": raw}, false},
		{map[string]any{"pin": 1, "token": "[redacted]", "raw": raw}, true},
		{map[string]any{"session": []any{"[redacted]", 1, raw}}, false},
		{map[string]any{"session": []any{"LEAK", 1}}, true},
		{map[string]any{"a": json.RawMessage(`{"pin":1}`), "b": raw}, true},
		{[]any{composedPairs{Name: "token", Value: "[redacted]", Raw: raw}}, false},
		{map[string]any{"name": "token", "value": "[redacted]"}, false},
		{map[string]any{"name": "token", "value": "LEAK"}, true},
	} {
		if clean, changed := x.rewrite(test.v, true, shown, 0); changed != test.want {
			t.Errorf("%v: changed %t: %v", test.v, changed, clean)
		}
	}
}

// The levels of maps and structs count, and what is too deep is not looked at again.
func TestRedactComposedDepth(t *testing.T) {
	type node struct {
		Next any
		Raw  json.RawMessage
	}
	for name, wrap := range map[string]func(any) any{
		"map": func(v any) any { return map[string]any{"a": v} }, "name": func(v any) any { return map[string]any{"name": v, "value": "x"} },
		"struct": func(v any) any { return node{Next: v} }, "array": func(v any) any { return [1]any{v} }, "pointer": func(v any) any { return &v },
	} {
		for _, levels := range []int{maxRedactDepth, maxRedactDepth + 1} {
			v := any("LEAK")
			n := levels
			if name == "pointer" {
				n = (levels + 1) / 2 // what it points to is a level too
			}
			for range n {
				v = wrap(v)
			}
			line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "auth", v) })
			if tooDeep := strings.Contains(line, `"auth":"!ERROR:redact: more than 100 levels"`); tooDeep != (levels > maxRedactDepth) || strings.Contains(line, "LEAK") {
				t.Errorf("%s, %d levels: %.300s", name, levels, line)
			}
		}
	}
}

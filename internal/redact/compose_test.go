package redact_test

//lint:file-ignore U1000 these types are read by reflection

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/redact"
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
		{"keys that are secrets", map[slogtrace.Secret]any{"LEAK": func() {}}, `{"[redacted]":` + noFunc + `}`},
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
	x := redact.NewRedactor(redact.Options{})
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
		if clean, changed := x.Rewrite(test.v, true); changed != test.want {
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
		for _, levels := range []int{redact.MaxDepth, redact.MaxDepth + 1} {
			v := any("LEAK")
			n := levels
			if name == "pointer" {
				n = (levels + 1) / 2 // what it points to is a level too
			}
			for range n {
				v = wrap(v)
			}
			line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "auth", v) })
			if tooDeep := strings.Contains(line, `"auth":"!ERROR:redact: more than 100 levels"`); tooDeep != (levels > redact.MaxDepth) || strings.Contains(line, "LEAK") {
				t.Errorf("%s, %d levels: %.300s", name, levels, line)
			}
		}
	}
}

type (
	composedInner struct {
		A int `json:"a"`
		B string
	}
	ComposedOuter struct {
		B, C string
		composedInner
	}
	composedPointer struct {
		*ComposedOuter
		D [3]byte
	}
	composedTwice struct {
		ComposedOuter
		composedInner
	}
	composedDiamond struct {
		composedLeft
		composedRight
	}
	composedLeft  struct{ composedShared }
	composedRight struct {
		composedShared
		R int
	}
	composedShared  struct{ S int }
	composedMethods struct {
		valueMethods
		costMarshaler
		Own int
	}
	composedTime struct {
		At    time.Time
		Until *time.Time `json:",omitempty"`
		Zero  time.Time  `json:",omitzero"`
	}
	composedHidden struct {
		*composedPlain `json:",omitempty"`
		composedNumber
		fmt.Stringer
		error
	}
	composedOptions struct {
		A int            `json:"a,string"`
		B bool           `json:",string"`
		C float64        `json:",omitempty,string"`
		D uint64         `json:",string,omitzero"`
		E string         `json:",omitzero"`
		F *int           `json:",omitzero"`
		G []int          `json:",omitzero"`
		H map[string]int `json:",omitzero,omitempty"`
		I time.Time      `json:",omitzero"`
		J composedZeroer `json:",omitzero"`
		K any            `json:",omitzero"`
		L any            `json:",omitzero"`
		M composedNumber `json:",string"`
		N composedNumber `json:",omitzero,string"`
	}
	composedZeroer struct{ Z int }
	composedPlain  struct{ P int }
	composedNumber int
	composedText   string
)

func (z composedZeroer) IsZero() bool { return z.Z == 1 }

func (t composedText) MarshalText() ([]byte, error) { return []byte("text " + string(t)), nil }

// composedValues are values of types that are composed, and of such as look like them.
func composedValues() []any {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", -3600*5-1800))
	lmt := time.Date(1850, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 53*60+28))
	var every strings.Builder
	for r := range rune(0x100) {
		every.WriteRune(r)
	}
	every.WriteString("\xff\u2028\u2029\ufffd\U0001f4a5<&>")
	return []any{
		composedInner{}, &composedInner{1, every.String()}, ComposedOuter{}, &ComposedOuter{"b", "c", composedInner{1, "hidden"}}, composedPointer{}, &composedPointer{&ComposedOuter{B: "x"}, [3]byte{1, 2, 3}},
		composedTwice{}, composedDiamond{}, &composedDiamond{}, composedMethods{}, &composedMethods{valueMethods: valueMethods{"x"}}, composedHidden{}, composedHidden{composedPlain: &composedPlain{1}},
		at, &at, lmt, &lmt, composedTime{at, &lmt, at}, &composedTime{At: at}, []composedTime{{At: at.UTC()}, {Until: &at}}, map[string]time.Time{"t": at}, []time.Time{at, lmt, {}}, []any{at, &at},
		map[int]any{10: 1, 9: "x", -1: nil}, map[uint8]string{200: "x", 30: "y"}, map[composedText]int{"b": 1, "a": 2}, map[string]composedText{"a": "b"}, map[composedNumber]composedInner{3: {}}, map[int][]byte{1: nil, 2: []byte("\xff\x00abc")},
		map[string]string{every.String(): every.String(), "": "", "\xff": "1", "\xfe": "2"}, map[string]*string{"nil": nil}, map[string][]string{"a": nil, "b": {"x"}}, map[string]map[string]any{"a": nil, "b": {}},
		[]float64{0, math.Copysign(0, -1), 1e21, 1e-7, 1.0 / 3, math.MaxFloat64}, []float32{0, 1e21, 1e-7, 1.0 / 3, 0.1, math.MaxFloat32}, []int8{-128, 127}, []uint64{math.MaxUint64, 1e8}, []int64{math.MinInt64, 99_999_999, 10_000},
		[2]bool{true}, [0]int{}, []struct{}{{}}, struct{ A, B any }{nil, []any{}}, []json.Number{"", "1", "-1.5e7"}, []byte(nil), []byte("abc"), [4]byte{1}, []composedNumber{1, 2}, []*composedInner{nil, {}},
		struct {
			Größe  string `json:"größe"`
			Straße int
		}{}, struct {
			A int               `json:"a,omitempty"`
			B *int              `json:"b,omitempty"`
			C map[string]string `json:",omitempty"`
			D any               `json:",omitempty"`
			E struct{}          `json:",omitempty"`
			F [0]int            `json:",omitempty"`
			G []int             `json:",omitempty"`
			H bool              `json:",omitempty"`
			I time.Time         `json:",omitempty"`
			J float32           `json:",omitempty"`
		}{D: 0, G: []int{}},
		composedOptions{}, &composedOptions{}, &composedOptions{A: 1, B: true, C: 1.5, D: 1 << 40, E: "x", F: new(int), G: []int{}, H: map[string]int{}, I: at, J: composedZeroer{1}, K: 0, L: []int{}, N: 7},
	}
}

// What is composed is what encoding/json of this toolchain writes, byte for byte: with another value in which something is replaced,
// and in either JSON handler.
func TestRedactComposedAlike(t *testing.T) {
	values := composedValues()
	for _, v := range costValues() {
		values = append(values, v)
	}
	for _, cards := range []bool{false, true} {
		opts := nothingHidden
		opts.Cards = cards
		x := redact.NewRedactor(opts)
		for _, v := range values {
			want, err := jsontext.AppendJSON(nil, v)
			if err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			for _, guided := range []bool{false, true} {
				got, changed := x.Rewrite([]any{v}, guided)
				if text := got.String(); changed || text != "["+string(want)+"]" && text != redact.TooDeep.String() {
					t.Errorf("guided %v, %T:\n got %.2000s\nwant [%.2000s]", guided, v, got, want)
				}
			}
		}
	}
}

// Nothing that is composed hides less for being in an embedded struct, a time or a number.
func TestRedactComposedHides(t *testing.T) {
	type Credentials struct {
		User string
		At   time.Time
		N    int
	}
	type Auth struct {
		At  time.Time
		Sum []byte
		N   float32
	}
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, test := range []struct {
		v    any
		want string
	}{
		{&struct {
			A int
			Credentials
		}{1, Credentials{"u", at, 1}}, `{"A":1,"User":"[redacted]","At":"[redacted]","N":"[redacted]"}`},
		{&struct{ Auth Auth }{Auth{at, []byte("x"), 1.5}}, `{"Auth":{"At":"[redacted]","Sum":"[redacted]","N":1.5}}`},
		{[]map[int]map[string]string{{5: {"token": "x", "a": "b"}}}, `[{"5":{"a":"b","token":"[redacted]"}}]`},
		{[]any{struct{ Name, Value, X string }{"token", "x", "y"}}, `[{"Name":"token","Value":"[redacted]","X":"y"}]`},
		{map[string]string{"value": "x", "name": "token", "z": "y"}, `{"name":"token","value":"[redacted]","z":"y"}`},
	} {
		got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", test.v) })
		if !strings.Contains(got, `"v":`+test.want) {
			t.Errorf("%T:\n got %s\nwant %s", test.v, got, test.want)
		}
	}
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
	nothing := redact.NewRedactor(nothingHidden)
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
		got, changed := nothing.Rewrite(v, true)
		if text := got.String(); changed || text != string(want) && quoted(text) != string(want) {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
		withSecret := map[string]any{"pin": 1, "v": v}
		for _, mk := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(slogtrace.NewRedactHandler(mk(&b), &slogtrace.RedactOptions{NoDefaults: true, Keys: []string{"pin"}})).Info("m", "x", withSecret)
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
		redact.MaxDepth - 5: `[[[`, redact.MaxDepth + 5: `"v":"!ERROR:redact: more than 100 levels"`, 5000: `"v":"!ERROR:redact: more than 100 levels"`,
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
		if hidden := strings.Contains(line, "!ERROR:redact: more than 100 levels"); hidden != (depth > redact.MaxDepth) || strings.Contains(line, `"x"`) {
			t.Errorf("%d levels under auth: %.200s", depth, line)
		}
	}
}

//go:build unix

package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

type costItem struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"`
	Price   float64   `json:"price"`
	Created time.Time `json:"created"`
	Tags    []string  `json:"tags"`
	Meta    map[string]string
	Next    *costItem `json:",omitempty"`
	Extra   any       `json:"extra,omitempty"`
}

type costSecret struct {
	costItem
	Login    login
	Password string
}

type costMarshaler struct{ text string }

func (m costMarshaler) MarshalJSON() ([]byte, error) { return []byte(m.text), nil }

type costPair struct{ Left, Right *costPair }

// costValues are values by what is special about them, with and without something to replace.
func costValues() map[string]any {
	item := func(i int) costItem {
		return costItem{i, fmt.Sprint("item ", i), 1.5, time.Unix(1e9, 0).UTC(), []string{"a", "b", "c"}, map[string]string{"colour": "red", "size": "9"}, nil, nil}
	}
	items := make([]costItem, 100)
	anyMap, secretMap, numbers, intMap := map[string]any{}, map[string]any{}, map[string]int{}, map[int]any{}
	var list []any
	for i := range items {
		items[i] = item(i)
		anyMap[fmt.Sprint("key", i)] = []any{i, "text", true, map[string]any{"a": "b", "n": 1.5}}
		secretMap[fmt.Sprint("key", i)] = map[string]any{"a": "b", "n": i}
		numbers[fmt.Sprint("key", i)] = i
		intMap[i] = item(i)
		list = append(list, item(i), "text", i)
	}
	secretMap["zz"] = map[string]any{"password": "x"}
	secretItems := make([]costSecret, 50)
	for i := range secretItems {
		secretItems[i] = costSecret{item(i), login{User: "u", Password: "x"}, "x"}
	}
	deep := item(0)
	for i := range 90 {
		next := deep
		deep = item(i)
		deep.Next = &next
	}
	var nested any = "leaf"
	for range 40 {
		nested = map[string]any{"a": nested, "b": []any{1, 2, "three"}}
	}
	pair := &costPair{}
	for range 12 {
		pair = &costPair{pair, pair}
	}
	text, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	secretText := append(append([]byte(`{"a":`), text...), `,"token":"x"}`...)
	nestedText := strings.Repeat(`{"a":[`, 45) + "1" + strings.Repeat(`]}`, 45)
	return map[string]any{
		"struct":                  item(1),
		"structs":                 items,
		"structs with secrets":    secretItems,
		"pointers":                &deep,
		"shared pointers":         pair,
		"shared pointers in any":  sharedPairs(10, "leaf"),
		"shared secrets":          sharedPairs(10, map[string]any{"password": "x"}),
		"map":                     anyMap,
		"map with a secret":       secretMap,
		"map of numbers":          numbers,
		"map of structs":          intMap,
		"list":                    list,
		"nested":                  nested,
		"marshaler":               costMarshaler{string(text)},
		"marshaler with a secret": costMarshaler{string(secretText)},
		"nested marshaler":        costMarshaler{nestedText},
		"raw messages":            []json.RawMessage{text, text, text},
		"raw messages, a secret":  map[string]json.RawMessage{"a": text, "b": text, "c": secretText},
		"texts":                   strings.Fields(strings.Repeat("some words ", 100)),
		"texts in a struct":       struct{ A, B []any }{[]any{strings.Repeat("text ", 500)}, []any{strings.Repeat("text ", 500)}},
	}
}

// costRatio returns what a line with v costs with a redacting handler, in CPU time of the line without.
func costRatio(tb testing.TB, v any, opts *RedactOptions) float64 {
	ctx := context.Background()
	alone := slog.New(slog.NewJSONHandler(io.Discard, nil))
	redacting := slog.New(NewRedactHandler(slog.NewJSONHandler(io.Discard, nil), opts))
	run := func(l *slog.Logger, n int) func() {
		return func() {
			for range n {
				l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Any("v", v))
			}
		}
	}
	n := 1
	for ; n < 4096; n *= 2 {
		start := cpuTime(tb)
		run(alone, n)()
		if cpuTime(tb)-start > 2*time.Millisecond {
			break
		}
	}
	run(redacting, n)()
	times := medianCPU(tb, run(alone, n), run(redacting, n))
	return float64(times[1]) / float64(times[0])
}

// A line with a value costs at most twice what it costs without a redacting handler, whether there is something to replace
// or not. The ratio is one of CPU times that are taken in turn, so what else runs on the machine slows both.
// What disturbs one measurement does not disturb three: the least counts.
//
// For the JSON of methods the bound holds where encoding/json reads it byte by byte. Since Go 1.27 it does so about as fast
// as a rewriter, and once more than that in a line with something to replace; so a line costs 1.9 to 2.3 times as much there.
func TestRedactCost(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("race: the detector takes its own time; short: it takes long to measure")
	}
	for name, v := range costValues() {
		t.Run(name, func(t *testing.T) {
			most := 2.0
			if jsonIsV2() && (strings.Contains(name, "marshaler") || strings.Contains(name, "raw")) {
				most = 2.5
			}
			least := math.Inf(1)
			for n := 0; n < 3 && least > most; n++ {
				least = min(least, costRatio(t, v, nil))
			}
			t.Logf("%.2f times", least)
			if least > most {
				t.Errorf("%.2f times what slog.JSONHandler's line costs, want at most %v", least, most)
			}
		})
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
		[]float64{0, -0.0, 1e21, 1e-7, 1.0 / 3, math.MaxFloat64}, []float32{0, 1e21, 1e-7, 1.0 / 3, 0.1, math.MaxFloat32}, []int8{-128, 127}, []uint64{math.MaxUint64, 1e8}, []int64{math.MinInt64, 99_999_999, 10_000},
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
	for _, opts := range []*RedactOptions{{NoDefaults: true, Keys: []string{"never there"}}, {NoDefaults: true, Keys: []string{"never there"}, Cards: true}} {
		nothing := newRedactor(opts)
		for _, v := range values {
			want, err := jsontext.AppendJSON(nil, v)
			if err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			for _, guided := range []bool{false, true} {
				got, changed := nothing.rewrite([]any{v}, guided, shown, 0)
				if text := got.String(); changed || text != "["+string(want)+"]" && text != tooDeep.String() {
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

// A key that is written with escapes in JSON is no key that has been seen without: the latter is plain, the former is pin.
func TestRedactEscapedKey(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(NewRedactHandler(NewJSONHandler(&b, nil), nil))
	for range 2 {
		l.Info("m", `\u0070in`, 1, "v", map[string]any{`\u0070in`: json.RawMessage(`{"\u0070in":"LEAK"}`)})
	}
	if strings.Contains(b.String(), "LEAK") {
		t.Error(b.String())
	}
}

// FuzzRedactRaw: what becomes of the JSON of a method is what becomes of that which encoding/json makes of it.
func FuzzRedactRaw(f *testing.F) {
	for _, s := range []string{
		`{"token":"x"}`, ` { "a" : [ 1 , {"password" :  [1, {"b" : "c"} ] , "c" : "d" } ] , "pin":5 } `, `{"auth": { "x" : "y", "n" : 5 , "z": [ "a" , null ] } }`, `{"token" : "[redacted]", "pin":"[redact\u0065d]"}`,
		`[ { "value" : [ 1 , 2 ] , "name" : "token" } , {"name":"password","value":"x"} , {"key" : "auth" , "values" : 7 }]`, `{"name":"token", "value" : }`, `{"\u0074oken" : "x", "p\u0069n":1}`,
		`{"token":tru}`, `{"token":[1,]}`, `{"token":{"a"}}`, `[1{"a":2}]`, `{"a":1 "b":2}`, `{"token"}`, `{"token":`, `{"token":"`, "{\"token\":\"\xff\", \"a\":\"\u2028\"}", `{"token" : 1`, `[[{"a":[{}]}],[ ],{ }]`,
		`{"a":"4111 1111 1111 1111","4111111111111111" : "x"}`, `{"value":1,"value" : 2,"name":"pin"}`, `{"name" : [ ] , "value":1}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	redactors := map[bool]*redactor{false: newRedactor(&RedactOptions{}), true: newRedactor(&RedactOptions{Cards: true})}
	f.Fuzz(func(t *testing.T, src []byte, cards bool) {
		got := rewriter{typeCache: typeCache{redactor: redactors[cards]}}
		if got.b = append(got.b, "before"...); !got.raw(src, shown, 0) {
			if string(got.b) != "before" || got.changed || got.deep {
				t.Errorf("%q is refused, but left %q", src, got.b)
			}
			return
		}
		data, err := jsontext.AppendJSON(nil, json.RawMessage(src))
		if err != nil {
			t.Fatalf("%q: encoding/json refuses it: %v", src, err)
		}
		want := rewriter{typeCache: typeCache{redactor: redactors[cards]}}
		if want.b = append(want.b, "before"...); !want.judge(data, nil, shown, 0) || string(got.b) != string(want.b) || got.changed != want.changed {
			t.Errorf("%q:\n got %q, changed %v\nwant %q, changed %v", src, got.b, got.changed, want.b, want.changed)
		}
		if !json.Valid(got.b[len("before"):]) {
			t.Errorf("%q became %q", src, got.b)
		}
	})
}

// BenchmarkRedactCost says what lines with values cost, in those of slog.JSONHandler alone.
func BenchmarkRedactCost(b *testing.B) {
	for name, v := range costValues() {
		b.Run(name, func(b *testing.B) {
			sum := 0.0
			for b.Loop() {
				sum += costRatio(b, v, nil)
			}
			b.ReportMetric(sum/float64(b.N), "times-slog")
			b.ReportMetric(0, "ns/op")
		})
	}
}

package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/redact"
)

type (
	embeddedSecret struct {
		PIN  string
		Seen int
	}
	embeddedTagged struct {
		Pin  string `json:"seen"`
		Open int
	}
	pointerMethods struct{ Password string }
	valueMethods   struct{ Password string }
	textMethods    struct{ Password string }
	zeroMethods    struct{ Password string }
	Credentials    struct {
		User string `json:"user"`
	}
	// EmbeddedOuter and EmbeddedInner are embedded: each has members that are called what others are.
	EmbeddedOuter struct {
		PIN      string `json:"name"`
		Password string
		Count    int `json:"A0"`
		*EmbeddedInner
	}
	EmbeddedInner struct {
		Secret string `json:"dup"`
		PIN    string
		Count  int `json:"Password1"`
	}
)

func (*pointerMethods) MarshalJSON() ([]byte, error) {
	return []byte(`{"a":1,"b":[{"token":"LEAK"}]}`), nil
}
func (valueMethods) MarshalJSON() ([]byte, error) { return []byte(`{"a":1, "b":{"ok":[ ]}}`), nil }
func (*textMethods) MarshalText() ([]byte, error) { return []byte("text"), nil }
func (textMethods) AppendText(b []byte) ([]byte, error) {
	return append(b, "appended"...), nil
}
func (zeroMethods) IsZero() bool { return true }

// jsonTags are tags of fields: usual ones, ones that encoding/json refuses, and ones that its versions read differently.
var jsonTags = []string{
	``, `-`, `-,`, `name`, `Name`, `name,omitempty`, `,omitzero`, `,string`, `,omitempty,string`, `pin`, `p\u0069n`, `a"b`, `'quoted'`, `'pin'`, `'p\'in'`, `pass'word`,
	`a b`, `größe`, `x/y~z`, `a\b`, `,embed`, `e,embed`, `,inline`, `,unknown`, `,case:ignore`, `n,case:strict`, `,'string'`, `dup`, `dup`, `DUP`, "\xff", `a,b,c`, `<&>`, `💥`,
	`omitempty`, `,omitEmpty`, ` name`, `name `, `$%-/`, `,`, `,,`, `"`, `token'`, `\x70in`,
}

// A structMaker makes struct types and values of them.
type structMaker struct{ *rand.Rand }

var madeTypes = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[bool](), reflect.TypeFor[float64](), reflect.TypeFor[*string](), reflect.TypeFor[[]string](),
	reflect.TypeFor[map[string]string](), reflect.TypeFor[map[string]any](), reflect.TypeFor[map[int]string](), reflect.TypeFor[any](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[[2]int](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[json.Number](), reflect.TypeFor[pointerMethods](), reflect.TypeFor[*pointerMethods](),
	reflect.TypeFor[valueMethods](), reflect.TypeFor[textMethods](), reflect.TypeFor[map[textMethods]int](), reflect.TypeFor[zeroMethods](), reflect.TypeFor[embeddedTagged](),
	reflect.TypeFor[*embeddedSecret](), reflect.TypeFor[slogtrace.Secret](), reflect.TypeFor[http.Cookie](), reflect.TypeFor[*Credentials](), reflect.TypeFor[[]embeddedTagged](),
}

// restTypes are of fields whose members stand beside those of the struct, if encoding/json is told so by one of restTags.
var (
	restTypes = []reflect.Type{reflect.TypeFor[EmbeddedInner](), reflect.TypeFor[map[string]string](), reflect.TypeFor[map[string]any](), reflect.TypeFor[*map[string]string](), reflect.TypeFor[json.RawMessage]()}
	restTags  = []string{",embed", ",inline", ",unknown"}
)

// structType returns a struct type, whose fields have those names.
func (m structMaker) structType(depth int, names []string) reflect.Type {
	var fields []reflect.StructField
	for i := range 1 + m.IntN(5) {
		name := fmt.Sprint(names[m.IntN(len(names))], i)
		f := reflect.StructField{Name: name, Type: madeTypes[m.IntN(len(madeTypes))], Tag: reflect.StructTag(`json:` + quoted(jsonTags[m.IntN(len(jsonTags))]))}
		if depth < 3 && m.IntN(4) == 0 {
			f.Type = m.structType(depth+1, names)
			if m.IntN(2) == 0 {
				f.Type = reflect.PointerTo(f.Type)
			}
		}
		fields = append(fields, f)
	}
	for _, e := range []reflect.StructField{
		{Name: "EmbeddedSecret", Type: reflect.TypeFor[embeddedSecret]()}, {Name: "EmbeddedTagged", Type: reflect.TypeFor[embeddedTagged]()}, {Name: "Credentials", Type: reflect.TypeFor[Credentials](), Anonymous: true},
	} {
		if m.IntN(6) == 0 {
			fields = append(fields, e)
		}
	}
	// Embedded as they are, or by a tag that some versions of encoding/json take for an option, or a name, and others do not.
	for _, t := range []reflect.Type{reflect.TypeFor[EmbeddedOuter](), reflect.TypeFor[*EmbeddedInner]()} {
		if m.IntN(4) == 0 {
			f := reflect.StructField{Name: "EmbeddedOuter", Type: t, Anonymous: true}
			if t.Kind() == reflect.Pointer {
				f.Name = "EmbeddedInner"
			}
			if m.IntN(2) == 0 {
				f.Tag = reflect.StructTag(`json:` + quoted(jsonTags[m.IntN(len(jsonTags))]))
			}
			fields = append(fields, f)
		}
	}
	if m.IntN(6) == 0 {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprint(names[m.IntN(len(names))], "Rest"), Type: restTypes[m.IntN(len(restTypes))], Tag: reflect.StructTag(`json:"` + restTags[m.IntN(len(restTags))] + `"`),
		})
	}
	return reflect.StructOf(fields)
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return strings.ReplaceAll(string(b), `\u003c`, `<`)
}

// fill gives v values; text is what each string is.
func (m structMaker) fill(v reflect.Value, text string, depth int) {
	if depth > 8 || m.IntN(8) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[json.Number]() {
			v.SetString("12")
		} else {
			v.SetString(text)
		}
	case reflect.Int:
		v.SetInt(int64(m.IntN(3)))
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat([]float64{0, 1e30, 0.1}[m.IntN(3)])
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Uint8:
			if v.Type() == reflect.TypeFor[json.RawMessage]() {
				v.SetBytes([]byte(`{"a":[1, "x"]}`))
			} else {
				v.SetBytes([]byte("abc"))
			}
		default:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			m.fill(v.Index(0), text, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if key.Kind() == reflect.String {
			key.SetString([]string{"k", "\xff", "<k>", ""}[m.IntN(4)])
		}
		m.fill(elem, text, depth+1)
		v.SetMapIndex(key, elem)
	case reflect.Interface:
		inner := reflect.New(madeTypes[m.IntN(len(madeTypes))]).Elem()
		m.fill(inner, text, depth+1)
		v.Set(inner)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				m.fill(v.Field(i), text, depth+1)
			}
		}
	}
}

// FuzzRedactStructs makes struct types with tags of all kinds. Where there is nothing to replace, what is rewritten is what
// encoding/json of this toolchain writes, byte for byte; and no secret comes out, whatever it is called there.
func FuzzRedactStructs(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := structMaker{rand.New(rand.NewPCG(seed, 3))}
		nothing := redact.NewRedactor(nothingHidden)
		v := reflect.New(m.structType(0, []string{"A", "B", "C"}))
		m.fill(v.Elem(), []string{"x", "\xff<", "\u2028"}[m.IntN(3)], 0)
		for _, v := range []any{v.Interface(), v.Elem().Interface(), []any{v.Interface(), map[string]any{"v": v.Elem().Interface()}}} {
			want, err := jsontext.AppendJSON(nil, v)
			if err != nil {
				continue
			}
			for _, guided := range []bool{false, true} {
				got, changed := nothing.Rewrite(v, guided)
				// Where the tag asks Go 1.27 for the members of a value that has none, its member is taken for one that cannot be told.
				careful := redact.JSONIsV2() && changed && strings.Contains(fmt.Sprint(got), "[redacted]")
				if !careful && (changed || got.String() != string(want)) {
					t.Errorf("guided %v, %T:\n got %s\nwant %s", guided, v, got, want)
				}
			}
		}

		// The strings under these names in Go are secrets, whatever the tags say of them.
		v = reflect.New(m.structType(0, []string{"Password", "PIN"}))
		m.fill(v.Elem(), "LEAK", 0)
		for _, v := range []any{v.Interface(), v.Elem().Interface(), []any{map[string]any{"v": v.Interface(), "w": v.Elem().Interface()}}} {
			for _, mk := range []func(io.Writer) slog.Handler{
				func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
				func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
				func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			} {
				var b bytes.Buffer
				slog.New(slogtrace.NewRedactHandler(mk(&b), nil)).Info("m", "v", v)
				if strings.Contains(b.String(), "LEAK") {
					t.Errorf("%T: %s", v, b.String())
				}
			}
		}
	})
}

// A key that is written with escapes in JSON is no key that has been seen without: the latter is plain, the former is pin.
func TestRedactEscapedKey(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slogtrace.NewRedactHandler(slogtrace.NewJSONHandler(&b, nil), nil))
	for range 2 {
		l.Info("m", `\u0070in`, 1, "v", map[string]any{`\u0070in`: json.RawMessage(`{"\u0070in":"LEAK"}`)})
	}
	if strings.Contains(b.String(), "LEAK") {
		t.Error(b.String())
	}
}

// What is rewritten where nothing is replaced is what encoding/json writes.
func TestRedactedJSON(t *testing.T) {
	type inner struct {
		A int `json:"a"`
		B any
	}
	type Named struct{ C, D string }
	type tagged struct {
		Named
		*inner
		D int         `json:"D,omitempty"`
		Z any         `json:"z,omitzero"`
		E []string    `json:",omitempty"`
		Q *int        `json:",string"`
		S string      `json:"s,string"`
		M map[int]any `json:"weird name"`
		//lint:ignore SA5008 encoding/json takes no name from such a tag, and neither may we
		Bad   map[string]string `json:"a\"b"`
		Raw   json.RawMessage
		Bytes []byte
		Arr   [2]any
		//lint:ignore U1000 for encoding/json it is not there
		skip int
		//lint:ignore SA5008 this is how a member is called -
		Dash int `json:"-,"`
		No   any `json:"-"`
		Text *textMarshaler
	}
	five := 5
	x := redact.NewRedactor(redact.Options{NoDefaults: true, Keys: []string{"never there"}, Cards: true})
	for _, v := range []any{
		tagged{}, &tagged{inner: &inner{1, map[string]any{"x": 1.5}}, D: 3, Z: "z", E: []string{"e"}, Q: &five, S: `"`, M: map[int]any{10: 1, 9: nil},
			Bad: map[string]string{"<&>\u2028": "\xff"}, Raw: json.RawMessage(`{"a" : [1 ,2], "b":"\n"}`), Bytes: []byte("abc"),
			Arr: [2]any{tagged{}, []any{}}, Dash: 1, No: 2, Text: &textMarshaler{text: "t<"}},
		map[string]any(nil), []any{nil, true, 1e30, int8(3), "\n", struct{}{}, map[string]int{}},
		map[*int]int{}, struct{ http.Header }{http.Header{"A": {"b"}}},
	} {
		want, err := jsontext.AppendJSON(nil, v)
		if err != nil {
			t.Log(err)
			continue
		}
		if got, changed := x.Rewrite(v, true); got.String() != string(want) || changed {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
	}
}

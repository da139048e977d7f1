package redact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/redact"
)

type (
	lookBase struct {
		User     string
		Password string
	}
	lookEmbeds struct {
		lookBase
		N int
	}
	lookPointer struct {
		*lookBase
		N int
	}
	lookOdd struct {
		lookBase `json:",unknown"`
		N        int
	}
	lookError  struct{ Password string }
	lookOuter  struct{ Err error }
	lookJSON   struct{ text string }
	lookHidden struct{ v any }
	lookFails  struct{ text string }
	lookLoop   struct{ key string }
	lookLevel  int
	lookCoded  int
)

func (lookError) Error() string                  { return "open" }
func (lookOuter) Error() string                  { return "outer" }
func (lookJSON) Error() string                   { return "open" }
func (e lookJSON) MarshalJSON() ([]byte, error)  { return []byte(e.text), nil }
func (lookHidden) MarshalJSON() ([]byte, error)  { return []byte(`{}`), nil }
func (e lookFails) MarshalJSON() ([]byte, error) { return []byte(`{"LEAK":1}`), errors.New(e.text) }
func (l lookLoop) LogValue() slog.Value          { return slog.GroupValue(slog.Any(l.key, l)) }
func (lookLevel) String() string                 { return "LEAK" }
func (lookCoded) MarshalJSON() ([]byte, error)   { return []byte(`"LEAK"`), nil }
func lookText(opts *slogtrace.RedactOptions, v any) string {
	return lookIn(slogText, opts, slog.Any("v", v))
}
func slogText(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }
func lookIn(mk func(io.Writer) slog.Handler, opts *slogtrace.RedactOptions, attrs ...slog.Attr) string {
	var b bytes.Buffer
	slog.New(slogtrace.NewRedactHandler(mk(&b), opts)).LogAttrs(context.Background(), slog.LevelInfo, "m", attrs...)
	_, line, _ := strings.Cut(b.String(), "msg=m ")
	return strings.TrimSuffix(line, "\n")
}

// What a look at a value tells: what stays as package fmt prints it, and what becomes JSON.
func TestRedactLook(t *testing.T) {
	errs, cards := &slogtrace.RedactOptions{Errors: true}, &slogtrace.RedactOptions{Cards: true}
	many := func(m map[string]string) map[string]string {
		for i := range 30 {
			m[fmt.Sprint("key", i)] = "open"
		}
		return m
	}
	manyAny := map[string]any{}
	for key, value := range many(map[string]string{"name": "token", "value": "LEAK"}) {
		manyAny[key] = value
	}
	deep := rawJSON(strings.Repeat("[", 200) + strings.Repeat("]", 200))
	const redacted, tooDeep = "[redacted]", `v="!ERROR:redact: more than 100 levels"`
	for name, test := range map[string]struct {
		opts *slogtrace.RedactOptions
		v    any
		want string // or what is in it
	}{
		"embedded":                    {nil, lookEmbeds{lookBase{"u", "LEAK"}, 1}, redacted},
		"embedded, nothing to hide":   {nil, struct{ quietText }{quietText{"open"}}, "open"},
		"embedded pointer":            {nil, lookPointer{&lookBase{"u", "LEAK"}, 1}, redacted},
		"embedded nil":                {nil, []any{lookPointer{nil, 1}}, "v="},
		"embedded, odd tag":           {nil, []any{lookOdd{lookBase{"u", "LEAK"}, 1}}, redacted},
		"error in a list":             {nil, []any{lookError{"LEAK"}}, redacted},
		"error in a list, with texts": {errs, []any{lookError{"LEAK"}}, redacted},
		"error in an error":           {errs, []any{lookOuter{errors.New("token=open")}}, "v=[outer]"},
		"error behind an error":       {errs, []any{lookOuter{io.EOF}, errors.New("token=LEAK")}, `v="[{\"Err\":{}},{}]"`},
		"error with JSON":             {errs, []any{lookJSON{`{"token":"LEAK"}`}}, redacted},
		"error with open JSON":        {errs, []any{lookJSON{`{"a":1}`}}, "v=[open]"},
		"slog.Attr":                   {nil, []any{slog.String("pin", "LEAK")}, "v="},
		"open slog.Attr":              {nil, []any{slog.String("a", "open")}, `v="[a=open]"`},
		"slog.Value":                  {nil, []any{slog.AnyValue(map[string]string{"pin": "LEAK"})}, "v="},
		"user info":                   {nil, []any{url.User("ann")}, "v=[ann]"},
		"hidden behind a method":      {nil, lookHidden{map[string]any{"pin": "LEAK"}}, "v={}"},
		"reflected, hidden":           {nil, reflect.ValueOf(lookHidden{map[string]any{"pin": "LEAK"}}).Field(0), "v="},
		"reflected, hidden number":    {nil, reflect.ValueOf(struct{ n int }{7}).Field(0), "v=7"},
		"no secret as key":            {nil, map[slogtrace.Secret]int{}, "v=map[]"},
		"a secret as key":             {nil, map[slogtrace.Secret]int{"LEAK": 1}, redacted},
		"pair among many":             {nil, many(map[string]string{"name": "token", "value": "LEAK"}), redacted},
		"pair among any":              {nil, manyAny, redacted},
		"replaced":                    {nil, map[string]any{"token": redacted}, "v=map[token:[redacted]]"},
		"replaced in strings":         {nil, map[string]string{"token": redacted}, "v=map[token:[redacted]]"},
		"replaced in any":             {nil, map[string]any{"m": map[string]any{"auth": redacted}}, "v=map[m:map[auth:[redacted]]]"},
		"deep JSON":                   {nil, deep, tooDeep},
		"deep JSON, cards":            {cards, deep, tooDeep},
		"cut JSON":                    {nil, rawJSON(`{"a":"`), `v="{\"a\":\""`},
		"cut JSON, escaped":           {nil, rawJSON(`{"a":"\`), `v="{\"a\":\"\\"`},
		"cut JSON, cards":             {cards, rawJSON(`{"a":"`), "v="},
		"an error instead of JSON":    {nil, []any{lookFails{"no"}, map[string]any{"pin": 1}}, `!ERROR`},
		"nil":                         {nil, []any{nil, map[string]any{"pin": nil, "a": nil}}, `v="[null,{\"a\":null,\"pin\":\"[redacted]\"}]"`},
	} {
		for range 5 { // maps have an order of their own each time
			line := lookText(test.opts, test.v)
			if strings.Contains(line, "LEAK") || !strings.Contains(line, test.want) || strings.HasPrefix(test.want, "v=") && len(test.want) > 2 && line != test.want {
				t.Errorf("%s: want %s, got %s", name, test.want, line)
				break
			}
		}
	}
	// Whatever white space there is around a key.
	for _, space := range []string{" ", "\t", "\n", "\r", " \t\r\n"} {
		line := redactLine(nil, func(_ context.Context, l *slog.Logger) { l.Info("m", "v", rawJSON(`{"pin"`+space+`:"LEAK"}`)) })
		if line != `{"msg":"m","v":{"pin":"[redacted]"}}` {
			t.Errorf("%q: %s", space, line)
		}
	}
}

// What is under a key of a record that says something.
func TestRedactHide(t *testing.T) {
	for _, test := range []struct {
		attr slog.Attr
		want string
	}{
		{slog.Any("pin", nil), `"pin":"[redacted]"`},
		{slog.Any("auth", nil), `"auth":null`},
		{slog.Any("n", nil), `"n":null`},
		{slog.Any("auth", int8(5)), `"auth":5`},
		{slog.Any("auth", lookLevel(5)), `"auth":5`},
		{slog.Any("auth", lookCoded(5)), `"auth":"[redacted]"`},
		{slog.Any("auth", lookFails{"LEAK"}), `"auth":"[redacted]"`},
		{slog.Any("auth", func() {}), `"auth":"[redacted]"`},
		{slog.Any("auth", errors.New("LEAK")), `"auth":"[redacted]"`},
		{slog.Any("auth", lookLoop{"auth"}), ``},
		{slog.Any("auth", lookLoop{"a"}), ``},
		{slog.Any("a", lookLoop{"a"}), ``},
		{slog.String("auth", "[redacted]"), `"auth":"[redacted]"`},
		{slog.Group("auth", "a", "LEAK", "pin", 4711, "n", 1), `"auth":{"a":"[redacted]","pin":"[redacted]","n":1}`},
		{slog.Any("auth", valuerOf(slog.GroupValue(slog.String("a", "LEAK"), slog.Int("pin", 4711)))), `"auth":{"a":"[redacted]","pin":"[redacted]"}`},
		{slog.Group("", "auth", "LEAK", "n", 1), `"auth":"[redacted]","n":1`},
	} {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Int("pin", 1), test.attr)
		})
		if test.want == "" {
			if !strings.Contains(line, "!ERROR:redact: more than 100 levels") {
				t.Errorf("%s: %.300s", test.attr.Key, line)
			}
		} else if want := `{"msg":"m","pin":"[redacted]",` + test.want + `}`; line != want {
			t.Errorf("\n got %s\nwant %s", line, want)
		}
		if text := lookIn(slogText, nil, test.attr); strings.Contains(text, "LEAK") {
			t.Errorf("text: %s", text)
		}
	}
}

// Of two keys that are written alike nobody can tell which value is whose.
func TestRedactKeysAlike(t *testing.T) {
	type hides struct {
		Password string `json:"p"`
	}
	type shows struct {
		Public string `json:"p"`
	}
	for range 20 { // the order of a map is another each time
		v := map[string]any{"\xff": hides{"LEAK"}, "\xfe": shows{"x"}, "b": shows{"open"}}
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
		if strings.Contains(line, "LEAK") || !strings.Contains(line, `"b":{"p":"open"}`) {
			t.Fatal(line)
		}
	}
}

// In each form that a URL has in a record its secrets are replaced, and nothing else.
func TestRedactURL(t *testing.T) {
	const text = "https://ann:LEAK@host/callback;jsessionid=LEAK/x?code=1&access_token=LEAK&x=%20&api%5Fkey=LEAK&auth=true#id_token=LEAK&state=2"
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	opaque, err := url.Parse("jdbc:mysql://ann:LEAK@host/db")
	if err != nil {
		t.Fatal(err)
	}
	before := *u
	for name, v := range map[string]any{
		"pointer": u, "value": *u, "in a struct": struct{ U *url.URL }{u}, "value in a struct": struct{ U url.URL }{*u},
		"in a map": map[string]*url.URL{"u": u}, "in an any map": map[string]any{"u": u, "v": *u}, "in a slice": []*url.URL{u}, "values": []url.URL{*u},
		"unexported": struct{ u url.URL }{*u}, "renamed": struct {
			U *url.URL `json:"link"`
		}{u}, "user": u.User, "user in a struct": struct{ U *url.Userinfo }{u.User}, "opaque": opaque, "request": &http.Request{URL: u},
		"parameters": u.Query(), "valuer": valuerOf(slog.AnyValue(u)), "in an error": &url.Error{Op: "Get", URL: text, Err: io.EOF},
	} {
		for sink, mk := range map[string]func(io.Writer) slog.Handler{
			"JSON": func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
			"slog": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(slogtrace.NewRedactHandler(mk(&b), &slogtrace.RedactOptions{Errors: true})).Info("m", "v", v)
			if strings.Contains(b.String(), "LEAK") {
				t.Errorf("%s, %s: %s", name, sink, b.String())
			}
		}
	}
	if *u != before {
		t.Error("the URL was changed")
	}
	got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "u", u) })
	for _, want := range []string{`"Host":"host"`, `"RawQuery":"code=1&access_token=[redacted]&x=%20&api%5Fkey=[redacted]&auth=true"`, `state=2`} {
		if !strings.Contains(got, want) {
			t.Errorf("want %s in %s", want, got)
		}
	}
	open, _ := url.Parse("https://ann@host/a=b?code=1&x=y#part")
	if a, changed := redact.NewRedactor(redact.Options{}).Attr(slog.Any("u", open)); changed || a.Value.Any() != any(open) {
		t.Errorf("another URL: %v", a)
	}
	if got := redactLine(&slogtrace.RedactOptions{NoDefaults: true}, func(ctx context.Context, l *slog.Logger) { l.Info("m", "u", u) }); !strings.Contains(got, "access_token=LEAK") {
		t.Errorf("no defaults: %s", got)
	}
}

type header struct {
	Key    string
	Values []string
}

// The value of a pair is known by the name beside it.
func TestRedactPairsOfNameAndValue(t *testing.T) {
	for name, v := range map[string]any{
		"cookie": http.Cookie{Name: "theme", Value: "LEAK", Raw: "theme=LEAK"}, "cookies": []*http.Cookie{{Name: "theme", Value: "LEAK", Unparsed: []string{"LEAK"}}},
		"header": []header{{"Accept", []string{"seen"}}, {"X-Api-Key", []string{"LEAK"}}},
		"map":    map[string]string{"name": "password", "value": "LEAK"}, "any map": []any{map[string]any{"Value": "LEAK", "Key": "DB_PASSWORD"}},
		"renamed": struct {
			Name  string `json:"n"`
			Value any    `json:"v"`
		}{"csrf", "LEAK"},
		"by tag": struct {
			N string `json:"name"`
			V string `json:"value"`
		}{"csrf", "LEAK"},
		"JSON": rawJSON(`[{"value":{"value":"LEAK","name":"pin"},"name":"token","other":["seen"]}]`),
		"soft": []any{map[string]any{"name": "session", "value": "LEAK"}, map[string]any{"name": "session", "value": []string{"LEAK"}}},
	} {
		for _, mk := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(slogtrace.NewRedactHandler(mk(&b), nil)).Info("m", "v", v)
			if strings.Contains(b.String(), "LEAK") || !strings.Contains(b.String(), "[redacted]") {
				t.Errorf("%s: %s", name, b.String())
			}
		}
	}
	for _, v := range []string{`{"name":"colour","value":"red"}`, `{"name":"tokens","value":512}`, `{"name":"token","value":{}}`, `{"value":"token"}`, `{"name":"token","value":null}`, `{"name":"token","value":[]}`, `{"name":"token"}`, `{"value":"x","name":"colour"}`, `{"name":"session","value":1e-7}`, `{"nam":"token","value":1}`} {
		got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", rawJSON(v)) })
		if want := `{"msg":"m","v":` + v + `}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

type (
	pairName  string
	anyValues map[string]any
	pairAny   struct{ Name, Value any }
	pairKey   struct {
		Key   *string `json:"k"`
		Value string  `json:"v"`
	}
	pairSelf *pairSelf
	pairBase struct{ Name any }
	pairRest struct {
		N     int
		Value string
	}
	pairSplit struct {
		*pairBase
		Value string
	}
	pairHalves struct {
		pairBase
		pairRest
	}
	pairDeep struct {
		pairSplitRest
		Name string
	}
	pairSplitRest struct {
		*pairDeep
		*pairRest
	}
)

// Types whose values write themselves.
type (
	word       string // as another text
	wordNumber int
	wordStruct struct{ text *string }
)

func (w word) MarshalText() ([]byte, error) {
	return bytes.Replace([]byte(w), []byte("open"), []byte("token"), 1), nil
}
func (w wordNumber) MarshalText() ([]byte, error) { return []byte([]string{"colour", "token"}[w]), nil }
func (w wordStruct) MarshalText() ([]byte, error) { return []byte(*w.text), nil }

func wordOf(s string) wordStruct { return wordStruct{&s} }

type (
	pairText struct {
		Name  wordStruct `json:"n"`
		Value string     `json:"v"`
	}
	pairEnum struct {
		Name  wordNumber
		Value string
	}
	PairTagsName struct {
		Name any `json:"n"`
	}
	PairTagsValue struct {
		N     int
		Value string `json:"v"`
	}
	pairTags struct {
		PairTagsName
		Value string `json:"v"`
	}
	pairTagsBoth struct {
		*PairTagsName
		PairTagsValue
	}
	pairTagsOdd struct { // encoding/json writes it
		PairTagsName
		PairTagsValue
		Odd int `json:",unknown"`
	}
	pairValues struct {
		Key, Value string
		Values     []string
	}
)

// A pair is seen where nothing else in the record asks for a closer look, whatever its name is of.
func TestRedactPairsAlone(t *testing.T) {
	password, colour := "password", "colour"
	var circle pairSelf
	circle = &circle
	for _, test := range []struct {
		hidden, open any
	}{
		{pairAny{password, "LEAK"}, pairAny{colour, "open"}},
		{pairAny{pairName(password), "LEAK"}, pairAny{nil, "open"}},
		{pairAny{&password, []string{"LEAK"}}, pairAny{circle, "open"}},
		{&pairAny{any(&password), "LEAK"}, pairAny{5, "open"}},
		{pairKey{&password, "LEAK"}, pairKey{&colour, "open"}},
		{[]pairKey{{&colour, "open"}, {&password, "LEAK"}}, pairKey{nil, "open"}},
		{map[string]any{"name": pairName(password), "value": "LEAK"}, map[string]any{"name": pairName(colour), "value": "open"}},
		{map[string]any{"name": &password, "value": "LEAK"}, map[string]any{"name": nil, "value": "open"}},
		{anyValues{"name": password, "value": "LEAK"}, anyValues{"name": colour, "value": "open"}},
		{map[string]*string{"key": &password, "value": new("LEAK")}, map[string]*string{"key": nil, "value": &colour}},
		{pairSplit{&pairBase{password}, "LEAK"}, pairSplit{&pairBase{colour}, "open"}},
		{&pairHalves{pairBase{password}, pairRest{1, "LEAK"}}, pairHalves{pairBase{colour}, pairRest{1, "open"}}},
		{pairDeep{pairSplitRest{nil, &pairRest{1, "LEAK"}}, password}, pairDeep{pairSplitRest{nil, &pairRest{1, "open"}}, colour}},
		{[]*pairSplitRest{{&pairDeep{Name: password}, &pairRest{1, "LEAK"}}}, []*pairSplitRest{{&pairDeep{Name: colour}, &pairRest{1, "open"}}}},
		{map[pairName]any{"key": password, "value": "LEAK"}, map[pairName]any{"key": 5, "value": "open"}},
		// The name writes itself.
		{pairText{wordOf(password), "LEAK"}, pairText{wordOf(colour), "open"}},
		{[]any{&pairText{wordOf(password), "LEAK"}}, &pairText{wordOf(colour), "open"}},
		{pairEnum{1, "LEAK"}, pairEnum{0, "open"}},
		{[]pairEnum{{0, "open"}, {1, "LEAK"}}, []pairEnum{{0, "open"}}},
		{pairAny{wordOf(password), "LEAK"}, pairAny{wordOf(colour), "open"}},
		{pairAny{&textMarshaler{password}, "LEAK"}, pairAny{(*textMarshaler)(nil), "open"}},
		{pairAny{rawJSON(`"password"`), "LEAK"}, pairAny{rawJSON(`["colour"]`), "open"}},
		{pairAny{word("open"), "LEAK"}, pairAny{word("x"), "open"}},
		{map[string]any{"name": wordOf(password), "value": "LEAK"}, map[string]any{"name": wordOf(colour), "value": "open"}},
		{map[string]wordStruct{"name": wordOf(password), "value": wordOf("LEAK")}, map[string]wordStruct{"name": wordOf(colour), "value": wordOf("open")}},
		{map[string]word{"name": "open", "value": "LEAK"}, map[string]word{"name": "x", "value": "open"}},
		// The two are of different structs, and renamed.
		{pairTags{PairTagsName{password}, "LEAK"}, pairTags{PairTagsName{colour}, "open"}},
		{[]any{pairTagsBoth{&PairTagsName{password}, PairTagsValue{1, "LEAK"}}}, pairTagsBoth{nil, PairTagsValue{1, "open"}}},
		{pairTagsOdd{PairTagsName{password}, PairTagsValue{1, "LEAK"}, 1}, pairTagsOdd{PairTagsName{colour}, PairTagsValue{1, "open"}, 1}},
		// Two values.
		{pairValues{password, "LEAK", []string{"LEAK"}}, pairValues{colour, "open", nil}},
		{map[string]any{"value": "LEAK", "values": []any{"LEAK"}, "name": password}, map[string]any{"value": "open", "values": nil, "name": colour}},
		{rawJSON(`{"value":"LEAK","values":{"value":"LEAK","name":"open"},"Value":1,"name":"password"}`), rawJSON(`{"value":1,"values":2,"name":"colour"}`)},
	} {
		for _, mk := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(slogtrace.NewRedactHandler(mk(&b), nil)).Info("m", "v", test.hidden)
			if strings.Contains(b.String(), "LEAK") || !strings.Contains(b.String(), "[redacted]") && !strings.Contains(b.String(), "0x") {
				t.Errorf("%T: %s", test.hidden, b.String())
			}
		}
		if a, changed := redact.NewRedactor(redact.Options{}).Attr(slog.Any("v", test.open)); changed {
			t.Errorf("%T became %v", test.open, a)
		}
	}
}

// Package fmt prints what a reflect.Value holds.
func TestRedactReflectValue(t *testing.T) {
	type quiet struct{ s slogtrace.Secret }
	for name, v := range map[string]any{
		"struct":     reflect.ValueOf(login{Password: "LEAK"}),
		"map":        reflect.ValueOf(map[string]any{"pin": "LEAK"}),
		"unexported": reflect.ValueOf(quiet{"LEAK"}).Field(0),
		"secret":     struct{ V reflect.Value }{reflect.ValueOf(slogtrace.Secret("LEAK"))},
		"in a list":  []any{map[string]any{"v": reflect.ValueOf(slogtrace.Secret("LEAK"))}},
	} {
		var b bytes.Buffer
		slog.New(slogtrace.NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", v)
		if strings.Contains(b.String(), "LEAK") {
			t.Errorf("%s: %s", name, b.String())
		}
	}
	var b bytes.Buffer
	slog.New(slogtrace.NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", reflect.ValueOf(costItem{Name: "seen"}.Tags), "w", reflect.ValueOf("seen"), "z", reflect.Value{})
	if !strings.Contains(b.String(), "w=seen") {
		t.Error(b.String())
	}
}

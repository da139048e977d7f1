package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
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
func lookText(opts *RedactOptions, v any) string { return lookIn(slogText, opts, slog.Any("v", v)) }
func slogText(w io.Writer) slog.Handler          { return slog.NewTextHandler(w, nil) }
func lookIn(mk func(io.Writer) slog.Handler, opts *RedactOptions, attrs ...slog.Attr) string {
	var b bytes.Buffer
	slog.New(NewRedactHandler(mk(&b), opts)).LogAttrs(context.Background(), slog.LevelInfo, "m", attrs...)
	_, line, _ := strings.Cut(b.String(), "msg=m ")
	return strings.TrimSuffix(line, "\n")
}

// What a look at a value tells: what stays as package fmt prints it, and what becomes JSON.
func TestRedactLook(t *testing.T) {
	errs, cards := &RedactOptions{Errors: true}, &RedactOptions{Cards: true}
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
		opts *RedactOptions
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
		"no secret as key":            {nil, map[Secret]int{}, "v=map[]"},
		"a secret as key":             {nil, map[Secret]int{"LEAK": 1}, redacted},
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

// In a group whose name says something all attributes are hidden, those of a span that have another key in the line too.
func TestRedactHideInGroup(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, group := range []string{"session", "token"} {
			var b bytes.Buffer
			h := NewRedactHandler(mk(&b), &RedactOptions{Keys: []string{"source"}})
			for _, h := range []slog.Handler{h.WithGroup(group), h.WithGroup(group).WithGroup("g"), h.WithGroup("g").WithGroup(group)} {
				_, s := NewTracer(h, nil).Start(t.Context(), "op", slog.String("trace", "LEAK"), slog.Int("source", 471147114711), slog.Int("level", 5), slog.String("a", "LEAK"))
				s.End()
				slog.New(h).Info("m", "a", "LEAK", "source", 471147114711, "n", 5)
			}
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, "LEAK") || strings.Contains(line, "471147114711") || strings.Contains(line, ":5}") != (group == "session") && !strings.Contains(line, "span end") {
					t.Errorf("%s, %s: %s", name, group, line)
				}
			}
		}
	}
}

// The stack of a panic is hidden where its key is asked for, and the error where that is.
func TestRedactStack(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, keys := range [][]string{{"stack"}, {"error"}, {"stack", "error"}, {"never"}} {
			for _, outer := range []bool{false, true} {
				var b bytes.Buffer
				h := NewRedactHandler(mk(&b), &RedactOptions{Keys: keys})
				if outer {
					h = NewHandler(h)
				}
				func() {
					defer func() { _ = recover() }()
					_, s := NewTracer(h, nil).Start(t.Context(), "op")
					defer s.End()
					panic("boom")
				}()
				var m map[string]any
				if err := json.Unmarshal(b.Bytes(), &m); err != nil {
					t.Fatal(err)
				}
				all := strings.Join(keys, " ")
				stack, _ := m["stack"].(string)
				if (m["error"] == "[redacted]") != strings.Contains(all, "error") || (stack == "[redacted]") != strings.Contains(all, "stack") ||
					m["error"] != "[redacted]" && m["error"] != "panic: boom" || stack != "[redacted]" && !strings.Contains(stack, "TestRedactStack") {
					t.Errorf("%s, %v, %t: %s", name, keys, outer, b.Bytes())
				}
			}
		}
	}
}

// A Replacement that baggage cannot have is not put there.
func TestRedactBaggageReplacement(t *testing.T) {
	ctx, err := WithBaggage(t.Context(), "token", "LEAK")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	h := NewRedactHandler(ctxSink(func(ctx context.Context) { got = ctx.Value(scopeKey).(*scopeContext).env.baggage().line() }), &RedactOptions{Replacement: "\xff"})
	slog.New(h).InfoContext(ctx, "m")
	if strings.Contains(got, "LEAK") || !strings.Contains(got, "token=") {
		t.Errorf("got %q", got)
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

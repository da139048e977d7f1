package slogtrace

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// redactLine returns what do logs through a redact handler with these options, without time and level.
func redactLine(opts *RedactOptions, do func(ctx context.Context, l *slog.Logger)) string {
	var b bytes.Buffer
	do(context.Background(), slog.New(NewRedactHandler(NewJSONHandler(&b, nil), opts)))
	line := b.String()
	if i := strings.Index(line, `"msg"`); i > 0 {
		line = "{" + line[i:]
	}
	return strings.TrimSuffix(line, "\n")
}

type login struct {
	User     string
	Password string `json:"pw"`
	Token    *string
	Next     *login `json:",omitempty"`
	N        int    `json:"n,string"`
}

type quietLogin struct {
	User     string
	password string
}

type cacheLike struct {
	Name    string
	entries map[string]string
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestRedactHandler(t *testing.T) {
	token := "tok"
	cards := &RedactOptions{Cards: true}
	errs := &RedactOptions{Errors: true}
	for _, test := range []struct {
		name string
		opts *RedactOptions
		attr slog.Attr
		want string
	}{
		{"string", nil, slog.String("password", "x"), `"password":"[redacted]"`},
		{"number", nil, slog.Int("cvv", 123), `"cvv":"[redacted]"`},
		{"group", nil, slog.Group("g", slog.Int("a", 1), slog.String("X-Api-Key", "x")), `"g":{"a":1,"X-Api-Key":"[redacted]"}`},
		{"named group", nil, slog.Group("token", slog.Int("a", 1)), `"token":"[redacted]"`},
		{"empty named group", nil, slog.Group("token"), ``},
		{"inline group", nil, slog.Group("", slog.Int("pin", 1)), `"pin":"[redacted]"`},
		{"valuer", nil, slog.Any("v", valuerOf(slog.GroupValue(slog.String("secret", "x")))), `"v":{"secret":"[redacted]"}`},
		{"inline valuer", nil, slog.Any("", valuerOf(slog.GroupValue(slog.String("secret", "x")))), `"secret":"[redacted]"`},
		{"map", nil, slog.Any("m", map[string]any{"b": 1, "auth_token": []int{1}, "a": map[string]string{"cookie": "x", "c": "d"}}),
			`"m":{"a":{"c":"d","cookie":"[redacted]"},"auth_token":"[redacted]","b":1}`},
		{"struct", nil, slog.Any("s", login{User: "<u>", Password: "x", Token: &token, N: 3}), `"s":{"User":"<u>","pw":"[redacted]","Token":"[redacted]","n":"3"}`},
		{"pointer", nil, slog.Any("s", &login{Next: &login{User: "v"}}),
			`"s":{"User":"","pw":"[redacted]","Token":"[redacted]","Next":{"User":"v","pw":"[redacted]","Token":"[redacted]","n":"0"},"n":"0"}`},
		{"slice", nil, slog.Any("s", []any{1, login{}, nil}), `"s":[1,{"User":"","pw":"[redacted]","Token":"[redacted]","n":"0"},null]`},
		{"header", nil, slog.Any("h", http.Header{"Authorization": {"Bearer x"}, "Accept": {"*/*"}}), `"h":{"Accept":["*/*"],"Authorization":"[redacted]"}`},
		{"marshaler", nil, slog.Any("j", rawJSON(`{"a": [{"secret":1}, "x"], "b": {}, "c": []}`)), `"j":{"a":[{"secret":"[redacted]"},"x"],"b":{},"c":[]}`},
		{"raw message", nil, slog.Any("j", json.RawMessage(`{"to\u006ben":{"a":1}}`)), `"j":{"token":"[redacted]"}`},
		{"any key", nil, slog.Any("m", map[any]any{"password": 1, 2: "a"}), `"m":{"2":"a","password":"[redacted]"}`},
		{"secret", nil, slog.Any("x", Secret("x")), `"x":"[redacted]"`},
		{"secret as key", nil, slog.Any("x", map[Secret]int{"x": 1}), `"x":{"[redacted]":1}`},
		{"named string", nil, slog.String("tokens_used", "12"), `"tokens_used":"12"`},
		{"own key", &RedactOptions{Keys: []string{"customer-email"}}, slog.String("customer_emails", "x"), `"customer_emails":"x"`},
		{"own key, found", &RedactOptions{Keys: []string{"customer-email"}, Replacement: "***"}, slog.String("first_customerEmail", "x"), `"first_customerEmail":"***"`},
		{"no defaults", &RedactOptions{NoDefaults: true}, slog.String("password", "x"), `"password":"x"`},
		{"card", cards, slog.String("note", "paid with 4111 1111-1111 1111."), `"note":"paid with [redacted]."`},
		{"card in a map", cards, slog.Any("m", map[string]any{"4111111111111111": []string{"4111111111111111"}}), `"m":{"[redacted]":["[redacted]"]}`},
		{"card in an error", cards, slog.Any("err", errors.New("bad card 4111111111111111")), `"err":"bad card [redacted]"`},
		{"card in bytes", cards, slog.Any("b", []byte("4111111111111111")), `"b":"` + base64.StdEncoding.EncodeToString([]byte("[redacted]")) + `"`},
		{"no card", cards, slog.String("note", "4111111111111112"), `"note":"4111111111111112"`},
		{"error", errs, slog.Any("cause", errors.New("dial postgres://u:pw@h/db?password=x&a=b: refused")), `"cause":"dial postgres://u:[redacted]@h/db?password=[redacted]&a=b: refused"`},
		{"error's text", errs, slog.String("error", `got {"token":"a\"b","c":1}`), `"error":"got {\"token\":\"[redacted]\",\"c\":1}"`},
		{"other text", errs, slog.String("note", "token=1"), `"note":"token=1"`},
		{"errors not asked", nil, slog.Any("err", errors.New("token=1")), `"err":"token=1"`},
		{"error in a map", errs, slog.Any("m", map[string]any{"e": errors.New("token=1")}), `"m":{"e":{}}`},
	} {
		want := strings.TrimSuffix(`{"msg":"m",`+test.want, ",") + "}"
		got := redactLine(test.opts, func(ctx context.Context, l *slog.Logger) { l.LogAttrs(ctx, slog.LevelInfo, "m", test.attr) })
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
		}
		if with := redactLine(test.opts, func(ctx context.Context, l *slog.Logger) { l.With(test.attr).Info("m") }); with != want {
			t.Errorf("%s, With:\n got %s\nwant %s", test.name, with, want)
		}
		under := redactLine(test.opts, func(ctx context.Context, l *slog.Logger) {
			ctx, _ = testSpan(ctx, "op")
			l.InfoContext(With(ctx, test.attr), "m")
		})
		if members := strings.TrimPrefix(test.want, ","); !strings.HasSuffix(under, strings.TrimSuffix(","+members, ",")+"}") {
			t.Errorf("%s, With of the context:\n got %s\nwant %s", test.name, under, test.want)
		}
	}
}

func TestRedactHandlerGroups(t *testing.T) {
	got := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
		l.WithGroup("session_token").With("a", 1, slog.Group("g", "b", 2)).WithGroup("h").Info("m", "c", 3, slog.Group("", "d", 4))
	})
	want := `{"msg":"m","session_token":{"a":"[redacted]","g":"[redacted]","h":{"c":"[redacted]","d":"[redacted]"}}}`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestRedactHandlerMessage(t *testing.T) {
	got := redactLine(&RedactOptions{Cards: true}, func(ctx context.Context, l *slog.Logger) { l.Info("charged 4111-1111-1111-1111") })
	if want := `{"msg":"charged [redacted]"}`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// In lines of text what was replaced stands as JSON, and what package fmt would print of unexported fields does not stand there.
func TestRedactHandlerText(t *testing.T) {
	for _, test := range []struct {
		name  string
		value any
		want  string
	}{
		{"nothing to replace", struct{ A, b int }{1, 2}, `"{A:1 b:2}"`},
		{"map", map[string]any{"secret": "x", "a": 1}, `"{\"a\":1,\"secret\":\"[redacted]\"}"`},
		{"unexported", &quietLogin{"u", "x"}, `"{\"User\":\"u\"}"`},
		{"unexported secret", struct{ s Secret }{"x"}, `{}`},
		{"unexported map", cacheLike{"n", map[string]string{"a": "b"}}, `"{\"Name\":\"n\"}"`},
		{"left out of JSON", struct {
			A        int
			Password string `json:"-"`
		}{1, "x"}, `"{\"A\":1}"`},
		{"pointer inside", struct{ P *quietLogin }{&quietLogin{"u", "x"}}, `"{\"P\":{\"User\":\"u\"}}"`},
		{"secret", Secret("x"), `[redacted]`},
		{"attrs", map[string]any{"a": []slog.Attr{slog.String("token", "x")}}, `"{\"a\":[{\"Key\":\"token\",\"Value\":{}}]}"`},
	} {
		var b bytes.Buffer
		slog.New(NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", test.value)
		if got := strings.TrimSpace(b.String()); !strings.HasSuffix(got, " v="+test.want) {
			t.Errorf("%s:\n got %s\nwant v=%s", test.name, got, test.want)
		}
	}
}

// A value that goes in circles, or panics, ends the record no worse than without us.
func TestRedactHandlerAwkward(t *testing.T) {
	loop := map[string]any{}
	loop["again"] = loop
	type node struct{ A, B *node }
	n := new(node)
	n.A, n.B = n, n
	var endlessGroup slog.LogValuer
	endlessGroup = valuerFunc(func() slog.Value { return slog.GroupValue(slog.Any("g", endlessGroup)) })
	for name, test := range map[string]struct {
		v    any
		want string
	}{
		"map":    {loop, `"v":"!ERROR:redact: more than 100 levels"`},
		"nodes":  {map[string]any{"n": n}, `"!ERROR`},
		"groups": {endlessGroup, `"!ERROR:redact: more than 100 levels"`},
		"panics": {map[string]any{"token": 1, "x": marshalPanics{"boom"}}, `"v":{"token":"[redacted]","x":"!PANIC: boom"}`},
		"fails":  {map[string]any{"token": 1, "x": func() {}}, `"v":{"token":"[redacted]","x":"!ERROR:json: unsupported type: func()"}`},
		"nil":    {(*login)(nil), `"v":null`},
	} {
		if got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", test.v) }); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
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
	x := newRedactor(&RedactOptions{NoDefaults: true, Keys: []string{"never there"}, Cards: true})
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
		if got, changed := x.rewrite(v, true, shown, 0); got.String() != string(want) || changed {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
	}
}

// Nothing of the user's is changed, and records in which nothing is replaced are handed on as they are.
func TestRedactHandlerLeavesAlone(t *testing.T) {
	m := map[string]any{"password": "x", "list": []any{map[string]string{"token": "y"}}}
	group := []slog.Attr{slog.String("password", "x"), slog.Any("m", m)}
	r := testRecord(append(slices.Clone(group), slog.Attr{Key: "g", Value: slog.GroupValue(group...)}, slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3))...)
	before := fmt.Sprint(recordAttrsOf(r))
	var got slog.Record
	h := NewRedactHandler(recordSink(func(r slog.Record) { got = r }), nil)
	h.Handle(context.Background(), r)
	if after := fmt.Sprint(recordAttrsOf(r)); after != before {
		t.Errorf("the record became\n%s\nit was\n%s", after, before)
	}
	if s := fmt.Sprint(recordAttrsOf(got)); strings.Contains(s, "x") && strings.Contains(s, "password=x") {
		t.Errorf("got %s", s)
	}
	h.WithAttrs(group)
	if group[0].Value.String() != "x" {
		t.Error("WithAttrs changed its argument")
	}

	v := &struct{ A []int }{[]int{1}}
	clean := testRecord(slog.Any("v", v), slog.Any("m", map[string]any{"a": v}), slog.Any("e", io.EOF))
	h.Handle(context.Background(), clean)
	if diff := cmp.Diff(fmt.Sprint(recordAttrsOf(clean)), fmt.Sprint(recordAttrsOf(got))); diff != "" {
		t.Error(diff)
	}
	if got.NumAttrs() != 3 || recordAttrsOf(got)[0].Value.Any() != any(v) || recordAttrsOf(got)[2].Value.Any() != io.EOF {
		t.Error("values were replaced by others")
	}
}

// Whatever sees a span sees it without secrets, and it is the same span.
func TestRedactHandlerSpans(t *testing.T) {
	type seen struct {
		info SpanInfo
		text string
	}
	for name, chain := range map[string]func(sink slog.Handler) slog.Handler{
		"alone":      func(h slog.Handler) slog.Handler { return h },
		"foreign":    func(h slog.Handler) slog.Handler { return &stampHandler{h} },
		"inside":     func(h slog.Handler) slog.Handler { return NewHandler(h) },
		"in a group": func(h slog.Handler) slog.Handler { return NewHandler(h).WithGroup("g") },
		"twice":      func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
	} {
		var got []seen
		sink := recordSink(func(r slog.Record) {
			info, ok := SpanOf(r)
			if !ok {
				t.Errorf("%s: no span", name)
			}
			got = append(got, seen{info, fmt.Sprint(recordAttrsOf(r))})
		})
		opts := &RedactOptions{Keys: []string{"trace", "span", "op", "parent", "start"}, Errors: true}
		tracer := NewTracer(chain(NewRedactHandler(NewHandler(sink), opts)), &TracerOptions{LogStart: true})
		ctx, parent := tracer.Start(context.Background(), "parent")
		ctx, err := WithBaggage(With(ctx, slog.String("password", "hush")), "api-key", "hush")
		if err != nil {
			t.Fatal(err)
		}
		_, span := Start(ctx, "child", slog.String("token", "hush"), slog.String("error", "mine"), Link(parent.SpanContext()))
		span.SetAttrs(slog.Any("m", map[string]string{"secret": "hush", "open": "seen"}))
		fail := errors.New("login: password=hush")
		span.End(&fail)
		if len(got) != 3 {
			t.Fatalf("%s: want 3 records, got %d", name, len(got))
		}
		end := got[2]
		if strings.Contains(fmt.Sprint(got), "hush") {
			t.Errorf("%s: %v", name, got)
		}
		i := end.info
		if i.SpanContext != span.SpanContext() || i.Parent != parent.SpanContext().SpanID || i.Op != "child" || i.Start != span.start ||
			len(i.Links) != 1 || i.Duration != span.duration || i.Err == nil || i.Err.Error() != "login: password=[redacted]" || !i.Ended {
			t.Errorf("%s: %+v", name, i)
		}
		for _, want := range []string{span.SpanContext().TraceID.String(), "op=child", `error=login: password=[redacted]`} {
			if name != "in a group" && !strings.Contains(end.text, want) {
				t.Errorf("%s: want %s in %s", name, want, end.text)
			}
		}
	}
}

// A handler further in gets the baggage without secrets, also what stands on no record.
func TestRedactHandlerBaggage(t *testing.T) {
	ctx, _ := testSpan(context.Background(), "op")
	ctx, _ = WithBaggage(ctx, "password", strings.Repeat("x", 2000))
	ctx, err := WithBaggage(ctx, "tenant", "t")
	if err != nil {
		t.Fatal(err)
	}
	onNoRecord, _ := testSpan(context.Background(), "op")
	onNoRecord, err = WithBaggage(onNoRecord, "password", strings.Repeat("x", 2000))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"alone":   func(h slog.Handler) slog.Handler { return h },
		"Handler": func(h slog.Handler) slog.Handler { return NewHandler(h) },
	} {
		got := map[string]string{}
		var span *Span
		h := NewRedactHandler(wrap(ctxSink(func(ctx context.Context) {
			for k, v := range Baggage(ctx) {
				got[k] = v
			}
			span = SpanFromContext(ctx)
		})), nil)
		h.Handle(ctx, testRecord())
		if diff := cmp.Diff(map[string]string{"password": "[redacted]", "tenant": "t"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if span != SpanFromContext(ctx) {
			t.Errorf("%s: the span is another", name)
		}
		clear(got)
		h.Handle(onNoRecord, testRecord())
		if diff := cmp.Diff(map[string]string{"password": "[redacted]"}, got); diff != "" {
			t.Errorf("%s, on no record: %s", name, diff)
		}
	}
}

// A derivingHandler is somebody else's, which derives a context of its own from the one that it gets.
type derivingHandler struct{ slog.Handler }

func (h derivingHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(With(ctx, slog.String("derived", "yes")), r)
}

// Redacted baggage stays on the lines of a handler whose context is derived from the redacted one.
func TestRedactHandlerDerivedContext(t *testing.T) {
	ctx, _ := testSpan(context.Background(), "op")
	for _, m := range [][2]string{{"password", "hush"}, {"tenant", "t"}} {
		var err error
		if ctx, err = WithBaggage(ctx, m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	h := NewRedactHandler(derivingHandler{NewJSONHandler(&b, nil)}, nil)
	if err := h.Handle(ctx, testRecord()); err != nil {
		t.Fatal(err)
	}
	checkRootKeys(t, b.Bytes(), map[string]string{"password": `"[redacted]"`, "tenant": `"t"`, "derived": `"yes"`})
}

// Whether strings matter, which groups are open and what a record looks like is another question for each handler.
func TestRedactHandlerOverHandlers(t *testing.T) {
	for name, next := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler":           func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Datadog's JSONHandler": func(w io.Writer) slog.Handler { return Datadog.NewJSONHandler(w, nil) },
		"Handler":               func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"ECS's Handler":         func(w io.Writer) slog.Handler { return ECS.NewHandler(slog.NewJSONHandler(w, nil)) },
		"TailHandler, lines":    func(w io.Writer) slog.Handler { return NewTailHandler(NewJSONHandler(w, nil), nil) },
		"TailHandler, records":  func(w io.Writer) slog.Handler { return NewTailHandler(NewHandler(slog.NewJSONHandler(w, nil)), nil) },
		"TailHandler, redacted": func(w io.Writer) slog.Handler {
			return NewTailHandler(NewRedactHandler(NewJSONHandler(w, nil), nil), nil)
		},
		"somebody else's handler": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	} {
		for what, log := range map[string]func(context.Context, *slog.Logger){
			"plain": func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "seen", "a", 1, "password", "hush") },
			"last": func(ctx context.Context, l *slog.Logger) {
				l.InfoContext(ctx, "seen", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "pin", "hush")
			},
			"map": func(ctx context.Context, l *slog.Logger) {
				l.InfoContext(ctx, "seen", "m", map[string]string{"pin": "hush"})
			},
			"group": func(ctx context.Context, l *slog.Logger) { l.WithGroup("secret").InfoContext(ctx, "seen", "a", "hush") },
			"open group": func(ctx context.Context, l *slog.Logger) {
				l.WithGroup("g").InfoContext(ctx, "seen", "a", 1, "token", "hush")
			},
			"card":    func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "seen", "note", "4111 1111 1111 1111") },
			"error":   func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "seen", "err", "password=hush") },
			"message": func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "seen 4111 1111 1111 1111") },
			"valuer": func(ctx context.Context, l *slog.Logger) {
				l.InfoContext(ctx, "seen", "v", valuerOf(slog.GroupValue(slog.String("pin", "hush"))))
			},
		} {
			var b bytes.Buffer
			h := NewRedactHandler(next(&b), &RedactOptions{Cards: true, Errors: true})
			if what == "group" || what == "plain" || what == "last" || what == "map" || what == "open group" || what == "valuer" {
				h = NewRedactHandler(next(&b), nil)
			}
			tracer := NewTracer(h, nil)
			ctx, span := tracer.Start(context.Background(), "op")
			for range 4 { // what a Handler adds it binds at the third
				log(ctx, slog.New(h))
			}
			span.Fail(errors.New("x"))
			span.End()
			if out := b.String(); strings.Contains(out, "hush") || strings.Contains(out, "1111 1111") || strings.Count(out, "seen") != 4 || strings.Count(out, "[redacted]") < 4 {
				t.Errorf("%s, %s:\n%s", name, what, out)
			}
		}
	}
}

// What is remembered of keys changes nothing about those that give way to the schema's: where there is nothing to replace,
// lines are those of the handler alone, at the first occasion and later.
func TestRedactHandlerReservedKeys(t *testing.T) {
	keys := []string{"", "a", "id", "op", "ops", "span", "kind", "trace", "level", "\x00\x00\x00\x00", "dd.trace_id", "_time", "password_length"}
	lines := func(t *testing.T, h func(io.Writer) slog.Handler) string {
		var b bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			n := uint64(0)
			defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
			l := slog.New(h(&b))
			ctx, span := NewTracer(l.Handler(), nil).Start(t.Context(), "op")
			for range 3 {
				for _, key := range keys {
					number, group := slog.Int(key, 1), slog.Any(key, slog.GroupValue(slog.Int(key, 2)))
					l.LogAttrs(t.Context(), slog.LevelInfo, "outside", number, group)
					l.WithGroup("g").LogAttrs(ctx, slog.LevelInfo, "in a group", number)
					l.LogAttrs(ctx, slog.LevelInfo, "in a span", number)
					l.LogAttrs(ctx, slog.LevelInfo, "in a span", group, slog.Bool("ok", true))
					_, child := Start(ctx, "child", slog.String("x", "y"), number)
					child.End()
				}
			}
			span.End()
		})
		return b.String()
	}
	odd := Format{Trace: "\x00\x00\x00\x00", Span: "id", Message: "a"}
	for name, h := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler":           func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"odd JSONHandler":       func(w io.Writer) slog.Handler { return odd.NewJSONHandler(w, nil) },
		"Datadog's JSONHandler": func(w io.Writer) slog.Handler { return Datadog.NewJSONHandler(w, nil) },
		"Handler":               func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"odd Handler":           func(w io.Writer) slog.Handler { return odd.NewHandler(slog.NewJSONHandler(w, nil)) },
		"Axiom's Handler":       func(w io.Writer) slog.Handler { return Axiom.NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		redacting := func(w io.Writer) slog.Handler { return NewRedactHandler(h(w), nil) }
		if diff := cmp.Diff(lines(t, h), lines(t, redacting)); diff != "" {
			t.Errorf("%s (-alone +redacting):\n%s", name, diff)
		}
	}
}

type recordSink func(slog.Record)

func (recordSink) Enabled(context.Context, slog.Level) bool        { return true }
func (f recordSink) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f recordSink) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f recordSink) WithGroup(string) slog.Handler                 { return f }

type ctxSink func(context.Context)

func (ctxSink) Enabled(context.Context, slog.Level) bool          { return true }
func (f ctxSink) Handle(ctx context.Context, _ slog.Record) error { f(ctx); return nil }
func (f ctxSink) WithAttrs([]slog.Attr) slog.Handler              { return f }
func (f ctxSink) WithGroup(string) slog.Handler                   { return f }

// Names that the user has made secret stay readable where they are the schema's.
func TestRedactHandlerSchema(t *testing.T) {
	var b bytes.Buffer
	tracer := NewTracer(NewHandler(NewRedactHandler(slog.NewJSONHandler(&b, nil), &RedactOptions{Keys: []string{"parent", "op", "error"}})), nil)
	ctx, _ := tracer.Start(context.Background(), "outer")
	fail := errors.New("x")
	_, span := Start(ctx, "inner", slog.String("parent", "hush"))
	span.End(&fail)
	checkRootKeys(t, b.Bytes(), map[string]string{
		"op": `"inner"`, "attr.parent": `"[redacted]"`, "parent": `"` + span.parentID.String() + `"`, "error": `"[redacted]"`,
	})
}

func TestRedactHandlerConcurrent(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(NewRedactHandler(NewJSONHandler(&b, nil), nil))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				l.With(fmt.Sprint("k", j%50), i).Info("m", fmt.Sprintf("key_%d", j), 1, "token", "hush", "v", login{Password: "hush"})
			}
		})
	}
	wg.Wait()
	if strings.Contains(b.String(), "hush") || strings.Count(b.String(), "\n") != 1600 {
		t.Error("a secret, or too few lines")
	}
}

// A queueHandler is somebody else's: another goroutine hands its records on.
type queueHandler struct {
	slog.Handler
	calls chan func()
}

func (q *queueHandler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	q.calls <- func() { q.Handler.Handle(ctx, r) }
	return nil
}

func (q *queueHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &queueHandler{q.Handler.WithAttrs(attrs), q.calls}
}

func (q *queueHandler) WithGroup(name string) slog.Handler {
	return &queueHandler{q.Handler.WithGroup(name), q.calls}
}

// Spans go on while records of theirs are held and handed on.
func TestRedactHandlerWhileSpansGoOn(t *testing.T) {
	opts := &RedactOptions{Errors: true}
	half := &TailOptions{Share: 0.5, PassLevel: slog.LevelError}
	for name, mk := range map[string]func(w io.Writer) slog.Handler{
		"JSON":    func(w io.Writer) slog.Handler { return NewRedactHandler(NewJSONHandler(w, nil), opts) },
		"Handler": func(w io.Writer) slog.Handler { return NewRedactHandler(NewHandler(slog.NewJSONHandler(w, nil)), opts) },
		"slog":    func(w io.Writer) slog.Handler { return NewRedactHandler(slog.NewJSONHandler(w, nil), opts) },
		"tail of records": func(w io.Writer) slog.Handler {
			return NewTailHandler(NewRedactHandler(ECS.NewJSONHandler(w, nil), opts), half)
		},
		"tail of lines": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(NewJSONHandler(w, nil), half), opts)
		},
		"tail, others around": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(Datadog.NewHandler(slog.NewTextHandler(w, nil)), half), opts)
		},
		"redaction around one": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(NewRedactHandler(NewJSONHandler(w, nil), opts), half), opts)
		},
	} {
		for _, queued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, queued %v", name, queued), func(t *testing.T) {
				t.Parallel()
				var b lockedBuffer
				h := mk(&b)
				calls := make(chan func(), 100)
				var queue, wg sync.WaitGroup
				queue.Go(func() {
					for call := range calls {
						call()
					}
				})
				if queued {
					h = &queueHandler{h, calls}
				}
				tracer := NewTracer(h, &TracerOptions{LogStart: true})
				l := slog.New(h)
				for i := range 40 {
					ctx, root := tracer.Start(context.Background(), "op", slog.String("password", "hush"), slog.Int("i", i))
					below, child := tracer.Start(With(ctx, slog.String("token", "hush")), "child", slog.Any("m", map[string]string{"pin": "hush"}))
					wg.Go(func() {
						for range 5 {
							root.SetAttrs(slog.String("secret", "hush"), slog.String("pin", "hush"))
							child.SetAttrs(slog.String("cvv", "hush"))
							child.SetOp("renamed")
						}
					})
					wg.Go(func() {
						l.InfoContext(below, "m", "a", 1)
						l.WithGroup("g").InfoContext(below, "m", "api_key", "hush")
						child.Fail(errors.New("password=hush"))
					})
					wg.Go(func() { child.End() })
					wg.Go(func() {
						l.InfoContext(below, "m", "jwt", "hush")
						root.End()
					})
				}
				wg.Wait()
				close(calls)
				queue.Wait()
				if out := b.String(); strings.Contains(out, "hush") || !strings.Contains(out, "[redacted]") {
					t.Errorf("a secret, or nothing:\n%.1000s", out)
				}
			})
		}
	}
}

func TestRedactHandlerReceiver(t *testing.T) {
	h := NewRedactHandler(NewJSONHandler(io.Discard, nil), nil)
	if h.WithGroup("") != h || h.WithAttrs(nil) != h {
		t.Error("want the receiver")
	}
	defer func() {
		if p := recover(); p == nil {
			t.Error("want a panic for nil")
		}
	}()
	NewRedactHandler(nil, nil)
}

func TestSecret(t *testing.T) {
	s := Secret("hush")
	type config struct {
		User     string
		Password Secret
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T.", "%10.3s"} {
		for _, v := range []any{s, &s, []Secret{s}, config{Password: s}, map[string]Secret{"a": s}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "hush") || strings.Contains(strings.ToLower(got), "68757368") {
				t.Errorf("%s of %T: %s", format, v, got)
			}
		}
	}
	if b, err := json.Marshal(config{"u", s}); err != nil || string(b) != `{"User":"u","Password":"[redacted]"}` {
		t.Errorf("%s, %v", b, err)
	}
	var c config
	if err := json.Unmarshal([]byte(`{"Password":"hush"}`), &c); err != nil || string(c.Password) != "hush" {
		t.Errorf("%v, %v", c, err)
	}
	for _, h := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
	} {
		var b bytes.Buffer
		slog.New(h(&b)).With("s", s).Info("m", "s", s, "c", config{Password: s}, "p", &c)
		if strings.Contains(b.String(), "hush") {
			t.Error(b.String())
		}
	}
}

// What the doc of Secret says that no method can stop shows the string, and what it does not name hides it.
func TestSecretOutOfReach(t *testing.T) {
	s := Secret("hush")
	var gobbed bytes.Buffer
	if err := gob.NewEncoder(&gobbed).Encode(s); err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(map[Secret]int{s: 1})
	if err != nil {
		t.Fatal(err)
	}
	argument, err := driver.DefaultParameterConverter.ConvertValue(s)
	if err != nil {
		t.Fatal(err)
	}
	pointer, wrap := "%p", "%w" // so that vet does not see them
	for what, text := range map[string]string{
		"%p": fmt.Sprintf(pointer, s), "%w": fmt.Errorf(wrap, s).Error(), "%w, Sprintf": fmt.Sprintf(wrap, s),
		"unexported": fmt.Sprint(struct{ s Secret }{s}), "unexported, within": fmt.Sprint(struct{ s []Secret }{[]Secret{s}}),
		"keys": string(keys), "gob": gobbed.String(), "reflect": reflect.ValueOf(s).String(), "database/sql": fmt.Sprint(argument), "conversion": string(s),
	} {
		if !strings.Contains(text, "hush") {
			t.Errorf("%s is within reach: %s", what, text)
		}
	}
	wrong := strings.Fields("a %[3]d %*d %!") // which vet does not look into
	asXML, err := xml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"EXTRA": fmt.Sprintf(wrong[0], s), "BADINDEX": fmt.Sprintf(wrong[1], s), "BADWIDTH": fmt.Sprintf(wrong[2], s, 1), "%!": fmt.Sprintf(wrong[3], s), "%v": fmt.Sprint(&s, []any{s}),
		"XML": string(asXML), "error": errors.Join(fmt.Errorf("%v", s)).Error(), "map key, fmt": fmt.Sprint(map[Secret]int{s: 1}), "interface": fmt.Sprint(struct{ S any }{s}),
	} {
		if strings.Contains(text, "hush") {
			t.Errorf("%s: %s", what, text)
		}
	}
}

func TestRedactKeys(t *testing.T) {
	k := newKeyNames(defaultRedactKeys, []string{"customer email", "", "--", "größe", "x5t"})
	for _, key := range []string{
		"password", "PASSWORD", "Password", "db_password", "dbPassword", "dbpassword", "user.password", "pass_word", "password2", "PASSWORDhash",
		"X-Api-Key", "api_key", "apiKey", "APIKey", "apikey", "OPENAI_API_KEY", "XApiKey", "api keys", "myAPIKeyID",
		"token", "access_token", "accessToken", "AccessToken", "ACCESSTOKEN", "oauth2token", "token_value", "attr.token",
		"Authorization", "Proxy-Authorization", "Set-Cookie", "card_number", "cardNumber", "CVV2", "pin", "JWT", "client-secret",
		"customerEmail", "first_customer-email", "GRÖSSE_größe", "Größe", "x5t", "paſſword", "toKen", "sessionID",
	} {
		if first := k.has(key); !first || !k.has(key) {
			t.Errorf("%s is not found", key)
		}
	}
	for _, key := range []string{
		"", "id", "tokens_used", "max_tokens", "total_tokens", "passwordless", "tokenizer", "secretary", "pinned", "spin", "company", "span",
		"panic", "token_count", "tokenCount", "token_type", "password_length", "password_changed_at", "cookie_enabled", "token_expires_at",
		"booking", "amount", "provider", "user", "customer", "email", "key", "api", "card", "japan", "expand", "authorized", "mapping", "opinion",
		"discordant", "account", "trace", "op", "parent", "kind", "start", "duration_ms", "error", "stack", "links", "queued_ms", "sample_rate",
		"sampled", "service", "time", "level", "msg", "source", "trace_id", "span_id", "trace_flags", "dd.trace_id", "http.request.method",
	} {
		if first := k.has(key); first || k.has(key) {
			t.Errorf("%s is found", key)
		}
	}
}

// The memory of keys changes no answer, however many keys there are; and a name is found whatever is around it.
func FuzzRedactKeys(f *testing.F) {
	k := newKeyNames(defaultRedactKeys)
	f.Add("api", "Key", uint8(0))
	f.Add("ＡＰＩ", "tokeN", uint8(3))
	f.Fuzz(func(t *testing.T, before, after string, n uint8) {
		name := defaultRedactKeys[int(n)%len(defaultRedactKeys)]
		for _, key := range []string{before, after, before + after, before + "_" + after} {
			want := k.judge(key) != shown
			if first := k.has(key); first != want || k.has(key) != want {
				t.Errorf("%q: the memory says otherwise than %v", key, want)
			}
		}
		for _, written := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, " ", "_"), strings.ReplaceAll(name, " ", ""), strings.ReplaceAll(name, " ", "-.-")} {
			for _, key := range []string{written, before + "_" + written, before + "-" + written + ".x"} {
				if !k.has(key) {
					t.Errorf("%q is not found", key)
				}
			}
		}
	})
}

func TestRedactCards(t *testing.T) {
	x := newRedactor(&RedactOptions{Cards: true, Replacement: "#"})
	for in, want := range map[string]string{
		"4111111111111111": "#", "4111 1111 1111 1111": "#", "4111-1111-1111-1111": "#", "378282246310005": "#", "4222222222222": "#",
		"6304000000000000000": "#", "u4111111111111111b": "u#b", "card4111111111111111": "card#", "9fe4111111111111111": "9fe4111111111111111", "4111111111111111-9fe": "#-9fe", "4111 1111 1111 1111 2026": "# 2026", "12 4111111111111111": "12 #",
		"4111  1111 - 1111 1111": "#", "4111.1111.1111.1111": "4111.1111.1111.1111", "41111111111111111111": "41111111111111111111",
		"4111111111111112": "4111111111111112", "411111111111111": "411111111111111", "": "", "4111 1111 1111 111": "4111 1111 1111 111",
		"4111111111111111abg": "#abg", "g4111111111111111ab": "g#ab", "4111111111111111ab": "4111111111111111ab", "4111111111111111,5555555555554444": "#,#",
		"9fe 4111111111111111": "9fe #", "4111111111111111 9fe": "# 9fe", "4111   1111 1111 1111": "#", "4111    1111 1111 1111": "4111    1111 1111 1111", "2026-03-01 09:15": "2026-03-01 09:15", "é4111111111111111é": "é#é",
	} {
		if got, changed := x.cards(in); got != want || changed != (in != want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// A card number is found in any text that does not go on with digits, spaces or dashes.
func FuzzRedactCards(f *testing.F) {
	f.Add("paid ", " by 12", uint64(411111111111111), uint8(4))
	x := newRedactor(&RedactOptions{Cards: true})
	f.Fuzz(func(t *testing.T, before, after string, n uint64, gap uint8) {
		digits := fmt.Sprintf("%015d", n)
		if len(digits) > 18 {
			digits = digits[:18]
		}
		for c := byte('0'); ; c++ {
			if isLuhnOracle(digits + string(c)) {
				digits += string(c)
				break
			}
		}
		written := digits
		if g := int(gap % 8); g > 0 {
			written = ""
			for i, c := range digits {
				if i > 0 && i%g == 0 {
					written += string(" -"[i%2])
				}
				written += string(c)
			}
		}
		text := before + "x" + written + "x" + after
		got, changed := x.cards(text)
		if !changed || strings.Contains(got, written) {
			t.Errorf("%q in %q: got %q", written, text, got)
		}
		if again, changed := x.cards(got); changed {
			t.Errorf("%q became %q", got, again)
		}
	})
}

// isLuhnOracle is the formula as ISO/IEC 7812-1 tells it, from the right.
func isLuhnOracle(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return sum%10 == 0
}

func TestRedactPairs(t *testing.T) {
	x := newRedactor(&RedactOptions{Errors: true, Replacement: "#"})
	for in, want := range map[string]string{
		"password=x":                             "password=#",
		"password = x, user=y":                   "password = #, user=y",
		"password: x y":                          "password: # y",
		`{"user":"u","api_key":"a\"b","n":1}`:    `{"user":"u","api_key":"#","n":1}`,
		`"{\"token\":\"x\",\"n\":1}"`:            `"{\"token\":\"#\",\"n\":1}"`,
		"GET /?token=x&n=1: refused":             "GET /?token=#&n=1: refused",
		"Authorization: Bearer abc def\nHost: h": "Authorization: #\nHost: h",
		"map[Cookie:[a=b; c=d] n:1]":             "map[Cookie:#",
		"map[token:[a b] n:1]":                   "map[token:# n:1]",
		"{Password:x User:u}":                    "{Password:# User:u}",
		"api key: x":                             "api key: #",
		"token := x":                             "token := #",
		"token='a b' c":                          "token='#' c",
		"token=\"a b":                            "token=\"#",
		"token=":                                 "token=",
		"token=bearer abc d":                     "token=# d",
		"postgres://u:p@ss@h/db":                 "postgres://u:#@h/db",
		"https://h:80/a@b":                       "https://h:80/a@b",
		"redis://:p@h":                           "redis://:#@h",
		"tokens_used: 5":                         "tokens_used: 5",
		"a=b: c":                                 "a=b: c",
		"x%zz_token=y":                           "x%zz_token=#",
		"x%5Ftoken=y":                            "x%5Ftoken=#",
		"max.tokens=abc":                         "max.tokens=abc",
		"tokens=abc":                             "tokens=#",
		"tokens=nil":                             "tokens=nil",
		"tokens=<nil>":                           "tokens=<nil>",
		"tokens=null":                            "tokens=null",
		"tokens=-1.5e3":                          "tokens=-1.5e3",
		"-- --=x":                                "-- --=x",
		`token=\`:                                `token=#`,
		`token=\x y`:                             `token=# y`,
		`{\"token\":\"abc`:                       `{\"token\":\"#`,
		"token=bearer":                           "token=#",
		"token=bearer, x":                        "token=#, x",
		"token=bearer ":                          "token=#",
		"http://u@h token=1 amqp://a:b@c x":      "http://u@h token=# amqp://a:#@c x",
	} {
		if got := x.pairs(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestRedactHandlerAllocs(t *testing.T) {
	skipAllocs(t)
	text, number := "text", 4711
	for _, mk := range []struct {
		name string
		h    func() slog.Handler
	}{
		{"JSON", func() slog.Handler { return NewJSONHandler(io.Discard, nil) }},
		{"Handler", func() slog.Handler { return NewHandler(slog.NewJSONHandler(io.Discard, nil)) }},
		{"slog", func() slog.Handler { return slog.NewJSONHandler(io.Discard, nil) }},
	} {
		count := func(h slog.Handler) []float64 {
			tracer := NewTracer(h, nil)
			ctx, _ := tracer.Start(context.Background(), "parent")
			with := With(ctx, slog.Int("with", 1))
			l := slog.New(h)
			bound := l.With("a", 1).WithGroup("g").With("b", 2)
			var list []float64
			for _, f := range []func(){
				func() { l.InfoContext(ctx, "m", "text", text, "number", number) },
				func() {
					l.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("booking_reference", text), slog.Int("number", number), slog.Float64("f", 1), slog.Group("g", "a", 1))
				},
				func() { bound.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("text", text)) },
				func() { l.LogAttrs(context.Background(), slog.LevelInfo, "m", slog.Any("err", io.EOF)) },
				func() { l.LogAttrs(with, slog.LevelInfo, "m", slog.String("text", text)) },
				func() {
					_, span := tracer.Start(ctx, "child", slog.String("text", text), slog.Int("number", number))
					span.End()
				},
			} {
				list = append(list, testing.AllocsPerRun(200, f))
			}
			return list
		}
		want, got := count(mk.h()), count(NewRedactHandler(mk.h(), nil))
		for i := range want {
			// For a handler of somebody else's a Tracer makes the record's schema at once, whoever is in front.
			if got[i] > want[i] {
				t.Errorf("%s: call %d: want %v allocations, got %v", mk.name, i, want, got)
			}
		}
	}
}

// FuzzRedactHandler plants a secret somewhere in what a random program logs through random handlers.
// It must not come out, and what stands beside it must.
func FuzzRedactHandler(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		p := &planter{Rand: rand.New(rand.NewPCG(seed, 1))}
		p.run(t)
	})
}

const (
	planted     = "hush4hush"
	plantedCard = "5555 5555 5555 4444"
	inTheOpen   = "seen4seen"
)

// A planter writes a random program. What it did is in trail.
type planter struct {
	*rand.Rand
	opts  RedactOptions
	trail []string
	tails []*TailHandler
}

func (p *planter) note(format string, args ...any) {
	p.trail = append(p.trail, fmt.Sprintf(format, args...))
}

func (p *planter) run(t *testing.T) {
	p.opts = RedactOptions{Cards: p.IntN(3) == 0, Errors: p.IntN(2) == 0}
	var b bytes.Buffer
	h := p.chain(&b)
	tracer := NewTracer(h, &TracerOptions{LogStart: p.IntN(3) == 0})
	l := slog.New(h)
	ctx := context.Background()
	if p.IntN(4) == 0 {
		ctx = ContextWithRemoteSpanContext(ctx, SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
	}
	var spans []*Span
	named := false // a group is open whose name says that it is secret
	for range 2 + p.IntN(8) {
		switch p.IntN(10) {
		case 0:
			ctx = With(ctx, p.attrs()...)
		case 9:
			if len(spans) > 0 { // lines of it may be held
				s := spans[p.IntN(len(spans))]
				s.SetAttrs(p.attrs()...)
				s.SetOp(p.pick("renamed", "op"))
				if p.IntN(4) == 0 {
					s.End()
				}
			}
		case 1:
			key := strings.NewReplacer(" ", "-", "é", "e").Replace(p.secretKey())
			var err error
			if ctx, err = WithBaggage(ctx, key, planted); err != nil {
				t.Fatal(err)
			}
			p.note("baggage %s", key)
		case 2, 3:
			var s *Span
			ctx, s = tracer.Start(ctx, "op", p.attrs()...)
			spans = append(spans, s)
			if p.IntN(2) == 0 {
				s.SetAttrs(p.attrs()...)
			}
			if p.IntN(3) == 0 {
				s.Fail(p.err())
			}
		case 4:
			l = l.With(anys(p.attrsInGroup(named))...)
		case 5:
			name := p.pick("g", "trace", "token", "h")
			p.note("group %s", name)
			l = l.WithGroup(name)
			named = named || name == "token"
		default:
			l.LogAttrs(ctx, slog.LevelInfo, p.message(), p.attrsInGroup(named)...)
		}
	}
	l.LogAttrs(ctx, slog.LevelInfo, inTheOpen, p.attrs()...)
	for _, s := range spans {
		s.End()
	}
	for _, tail := range p.tails {
		if err := tail.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out := b.String()
	for _, secret := range []string{planted, base64.StdEncoding.EncodeToString([]byte(planted))} {
		if strings.Contains(out, secret) {
			t.Fatalf("%s\n%s", strings.Join(p.trail, "\n"), out)
		}
	}
	if p.opts.Cards && (strings.Contains(out, plantedCard) || strings.Contains(out, strings.ReplaceAll(plantedCard, " ", ""))) {
		t.Fatalf("card: %s\n%s", strings.Join(p.trail, "\n"), out)
	}
	if !strings.Contains(out, inTheOpen) {
		t.Fatalf("nothing: %s\n%s", strings.Join(p.trail, "\n"), out)
	}
}

func anys(attrs []slog.Attr) (list []any) {
	for _, a := range attrs {
		list = append(list, a)
	}
	return list
}

func (p *planter) pick(list ...string) string { return list[p.IntN(len(list))] }

func (p *planter) message() string {
	if p.opts.Cards && p.IntN(3) == 0 {
		return "paid with " + plantedCard
	}
	return "m"
}

// chain returns handlers in a random order, a redact handler among them.
func (p *planter) chain(w io.Writer) slog.Handler {
	var h slog.Handler
	switch p.IntN(4) {
	case 0:
		h = NewJSONHandler(w, nil)
		p.note("JSONHandler")
	case 1:
		f := p.format()
		h = f.NewJSONHandler(w, nil)
		p.note("JSONHandler of %+v", f)
	case 2:
		h = slog.NewJSONHandler(w, nil)
		p.note("slog.JSONHandler")
	default:
		h = slog.NewTextHandler(w, nil)
		p.note("slog.TextHandler")
	}
	n := p.IntN(4)
	at := p.IntN(n + 1)
	for i := range n + 1 {
		if i == at {
			opts := p.opts
			h = NewRedactHandler(h, &opts)
			p.note("redact %+v", p.opts)
			continue
		}
		switch p.IntN(8) {
		case 0, 1:
			h = NewHandler(h)
			p.note("Handler")
		case 2:
			f := p.format()
			h = f.NewHandler(h)
			p.note("Handler of %+v", f)
		case 5, 6:
			opts := TailOptions{Share: []float64{0, 0.5, 1}[p.IntN(3)], MaxRootBytes: []int{0, 1, 2000}[p.IntN(3)]}
			tail := NewTailHandler(h, &opts)
			h, p.tails = tail, append([]*TailHandler{tail}, p.tails...)
			p.note("tail %+v", opts)
		case 3:
			h = &stampHandler{h}
			p.note("stamp")
		case 4:
			h = &rebuildHandler{h}
			p.note("rebuild")
		default:
			h = slog.NewMultiHandler(h)
			p.note("multi")
		}
	}
	return h
}

func (p *planter) format() Format {
	return []Format{OTel, Datadog, GoogleCloud("p"), ECS, Honeycomb, NewRelic, Axiom, VictoriaLogs, AWSXRay}[p.IntN(9)]
}

func (p *planter) secretKey() string {
	return p.pick("password", "Password", "api_key", "X-Api-Key", "apiKey", "access_token", "Authorization", "SET-COOKIE", "clientSecret", "db.password", "card_number", "CVV")
}

func (p *planter) attrs() []slog.Attr {
	var attrs []slog.Attr
	for range p.IntN(4) {
		attrs = append(attrs, p.attr(0))
	}
	p.note("attrs %#v", attrs)
	return attrs
}

// attrsInGroup is attrs for a logger; in a group that is secret by its name there is a secret under any key.
func (p *planter) attrsInGroup(named bool) []slog.Attr {
	attrs := p.attrs()
	if named {
		attrs = append(attrs, slog.String("note", planted), slog.Group("", slog.Any("a", []string{planted})))
	}
	return attrs
}

// attr returns an attribute that has the secret somewhere, or none.
func (p *planter) attr(depth int) slog.Attr {
	open := p.pick("user", "amount", "trace", "op", "error", "note", "booking_reference")
	if depth > 3 || p.IntN(4) == 0 {
		return slog.String(open, inTheOpen)
	}
	switch p.IntN(9) {
	case 0:
		return slog.String(p.secretKey(), planted)
	case 1:
		return slog.Any(p.secretKey(), p.value(depth))
	case 2:
		return slog.Group(p.pick("g", "", "trace"), p.attr(depth+1), p.attr(depth+1))
	case 3:
		a := p.attr(depth + 1)
		return slog.Any(a.Key, valuerOf(a.Value))
	case 4:
		a := p.attr(depth + 1)
		return slog.Any(p.pick("g", "", "span"), valuerOf(slog.GroupValue(a)))
	case 5:
		if p.opts.Cards {
			return slog.String(open, "card "+plantedCard)
		}
	case 6:
		return slog.Any(p.pick("err", "cause"), p.err())
	case 7:
		return slog.Any("x", Secret(planted))
	}
	return slog.Any(open, p.value(depth+1))
}

func (p *planter) err() error {
	text := "failed"
	if p.opts.Errors {
		text += " " + p.pick("password=", "api key: ", `{"token":"`, "?secret=", "postgres://u:", "Authorization: Bearer ") + planted + p.pick("@h", `" x`, "\" @", "&\"@x")
		if strings.Contains(text, "://") {
			text = "failed postgres://u:" + planted + "@h/x"
		}
	}
	if p.opts.Cards {
		text += " " + plantedCard
	}
	return fmt.Errorf("wrapped: %w", errors.New(text))
}

type plantedStruct struct {
	Name   string
	Inner  any
	Token  string
	Hidden Secret
	Other  []string `json:"api_key,omitempty"`
}

type plantedQuiet struct {
	Name     string
	password string
	inner    any
	secrets  []Secret
}

type plantedText struct{ password string }

func (plantedText) MarshalText() ([]byte, error) { return []byte(inTheOpen), nil }

// value returns a value with the secret under a key.
func (p *planter) value(depth int) any {
	if depth > 4 {
		return inTheOpen
	}
	switch p.IntN(14) {
	case 0:
		return map[string]any{p.secretKey(): planted, "a": p.value(depth + 1)}
	case 1:
		return map[string]string{p.secretKey(): planted, "a": inTheOpen}
	case 2:
		return plantedStruct{inTheOpen, p.value(depth + 1), planted, planted, []string{planted}}
	case 3:
		return &plantedStruct{Name: inTheOpen, Inner: p.value(depth + 1), Token: planted}
	case 4:
		return plantedQuiet{Name: inTheOpen, password: planted, inner: p.value(depth + 1), secrets: []Secret{planted}}
	case 5:
		return []any{p.value(depth + 1), p.value(depth + 1)}
	case 6:
		return http.Header{p.secretKey(): {planted}, "Accept": {inTheOpen}}
	case 7:
		return json.RawMessage(fmt.Sprintf(`{"a":[{%q:{"b":%q}}]}`, p.secretKey(), planted))
	case 8:
		return []plantedQuiet{{password: planted}}
	case 9:
		return map[string]any{p.secretKey(): []byte(planted)}
	case 10:
		return []any{slog.String(p.secretKey(), planted), slog.GroupValue(slog.String(p.secretKey(), planted)), plantedText{planted}}
	case 11:
		return map[any]any{p.secretKey(): planted}
	case 12:
		if p.opts.Cards {
			return []any{plantedCard, map[string]any{plantedCard: []byte(plantedCard)}, struct{ c string }{plantedCard}}
		}
	}
	return p.err()
}

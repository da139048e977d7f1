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
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/internal/racetest"
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

func TestRedactHandlerAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
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

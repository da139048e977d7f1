package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

const (
	payloadTP   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	payloadOnly = `"traceparent":"` + payloadTP + `"`
)

// payloadFull is a carrier whose every field is set and needs no escaping.
var payloadFull = Carrier{
	Traceparent: payloadTP,
	Tracestate:  "vendor=a,other=b",
	Baggage:     "tenant=t1",
	Op:          "enqueue",
	Sent:        "2026-01-02T03:04:05.000000006Z",
}

const payloadFullMembers = payloadOnly + `,"tracestate":"vendor=a,other=b","trace_baggage":"tenant=t1","trace_op":"enqueue","trace_sent":"2026-01-02T03:04:05.000000006Z"`

func TestPayloadKeysAreCarriersTags(t *testing.T) {
	var c Carrier
	v := reflect.ValueOf(&c).Elem()
	if v.NumField() != len(payloadKeys) {
		t.Fatalf("Carrier has %d fields, payloadKeys has %d", v.NumField(), len(payloadKeys))
	}
	for i, p := range payloadFields(&c) {
		if tag, want := v.Type().Field(i).Tag.Get("json"), payloadKeys[i]+",omitempty"; tag != want {
			t.Errorf("field %d: tag %q, want %q", i, tag, want)
		}
		if v.Field(i).Addr().Interface() != any(p) {
			t.Errorf("field %d is not what payloadFields gives", i)
		}
	}
	for _, k := range payloadKeys {
		if len(k) < payloadKeyMin || len(k) > payloadKeyMax {
			t.Errorf("%s: length %d is not within [%d, %d]", k, len(k), payloadKeyMin, payloadKeyMax)
		}
	}
}

func TestInject(t *testing.T) {
	op := Carrier{Traceparent: "TP", Op: "o"}
	const add = `"traceparent":"TP","trace_op":"o"`
	for _, tt := range []struct {
		name     string
		in       string
		c        Carrier
		want     string
		stripped string // "" = in
	}{
		{name: "empty object", in: `{}`, c: op, want: `{` + add + `}`},
		{name: "empty object with space", in: " {\n\t} \n", c: op, want: " {" + add + "\n\t} \n"},
		{name: "one member", in: `{"a":1}`, c: op, want: `{"a":1,` + add + `}`},
		{name: "space everywhere", in: " { \"a\" : 1 \r\n} ", c: op, want: " { \"a\" : 1," + add + " \r\n} "},
		{name: "every field", in: `{"a":{}}`, c: payloadFull, want: `{"a":{},` + payloadFullMembers + `}`},
		{name: "all kinds of values", in: `{"a":[1,{"b":"}"}],"c":null,"d":-1.5e+3,"e":true,"f":"\\\""}`, c: op,
			want: `{"a":[1,{"b":"}"}],"c":null,"d":-1.5e+3,"e":true,"f":"\\\"",` + add + `}`},
		{name: "duplicate keys stay", in: `{"a":1,"a":2,"":3}`, c: op, want: `{"a":1,"a":2,"":3,` + add + `}`},
		{name: "invalid UTF-8 stays", in: "{\"\xff\":\"\xc0\x80\"}", c: op, want: "{\"\xff\":\"\xc0\x80\"," + add + "}"},
		{name: "near misses stay", in: `{"traceparen":1,"traceparent2":2,"baggage":3,"op":4,"trace-op":5,"traceparent ":6,"\\u0074raceparent":7}`, c: op,
			want: `{"traceparen":1,"traceparent2":2,"baggage":3,"op":4,"trace-op":5,"traceparent ":6,"\\u0074raceparent":7,` + add + `}`},
		{name: "nested keys stay", in: `{"a":{"traceparent":"n"},"b":[{"traceparent":"n"}],"c":"{\"traceparent\":1}"}`, c: op,
			want: `{"a":{"traceparent":"n"},"b":[{"traceparent":"n"}],"c":"{\"traceparent\":1}",` + add + `}`},
		{name: "nested strings", in: `{"a":{"b":"}","traceparent":"n"},"c":["]","}",{"d":"\"}","traceparent":"n"}]}`, c: op,
			want: `{"a":{"b":"}","traceparent":"n"},"c":["]","}",{"d":"\"}","traceparent":"n"}],` + add + `}`},
		{name: "literal, space", in: `{"a":true }`, c: op, want: `{"a":true,` + add + ` }`},
		{name: "literal, tab", in: "{\"a\":1\t}", c: op, want: `{"a":1,` + add + "\t}"},
		{name: "literal, line feed", in: "{\"a\":1\n}", c: op, want: `{"a":1,` + add + "\n}"},
		{name: "literal, carriage return", in: "{\"a\":1\r}", c: op, want: `{"a":1,` + add + "\r}"},
		{name: "no trace", in: `{"a":1}`, want: `{"a":1}`},
		{name: "no trace, no traceparent", in: `{"trace_op":"mine"}`, want: `{"trace_op":"mine"}`},
		{name: "no traceparent is no carrier", in: `{"a":1}`, c: Carrier{Op: "o", Baggage: "b"}, want: `{"a":1}`},

		{name: "replaces at the end", in: `{"a":1,"traceparent":"old","tracestate":"s"}`, c: op,
			want: `{"a":1,` + add + `}`, stripped: `{"a":1}`},
		{name: "replaces at the start", in: `{ "traceparent":"old" , "a":1 }`, c: op,
			want: `{ "a":1,` + add + ` }`, stripped: `{ "a":1 }`},
		{name: "replaces all there is", in: `{ "traceparent":"old" , "tracestate":"s" }`, c: op,
			want: `{` + add + `  }`, stripped: `{  }`},
		{name: "replaces in the middle", in: `{"a":1 , "traceparent":"old" , "b":2}`, c: op,
			want: `{"a":1  , "b":2,` + add + `}`, stripped: `{"a":1  , "b":2}`},
		{name: "replaces every one", in: `{"TRACEPARENT":1,"tracestate":[],"a":1,"traceparent":{"a":2},"b":2,"Trace_Op":null,"trace_sent":"x","c":3,"Trace_Baggage":"y","traceparent":"z"}`, c: op,
			want: `{"a":1,"b":2,"c":3,` + add + `}`, stripped: `{"a":1,"b":2,"c":3}`},
		{name: "replaces folded", in: `{"trace` + "\u017f" + `tate":"s","a":1,"trace_` + "\u017f" + `ent":"s"}`, c: op,
			want: `{"a":1,` + add + `}`, stripped: `{"a":1}`},
		{name: "replaces escaped", in: `{"\u0074raceparent":"s","a":1,"trace\u005fop":"s","trace_\u017fent":"x"}`, c: op,
			want: `{"a":1,` + add + `}`, stripped: `{"a":1}`},
		{name: "replaces a lone tracestate", in: `{"tracestate":"stale","a":1}`, c: op,
			want: `{"a":1,` + add + `}`, stripped: `{"a":1}`},
		{name: "stale without a trace", in: `{"a":1,"traceparent":"old","trace_op":"o"}`, want: `{"a":1}`},
		{name: "indented", in: "{\n  \"a\": 1,\n  \"traceparent\": \"old\"\n}\n",
			want: "{\n  \"a\": 1\n}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := payloadGuard(t, tt.in)
			got, err := inject(in, tt.c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("inject: -want +got:\n%s", diff)
			}
			if !json.Valid(got) {
				t.Errorf("not valid: %s", got)
			}
			again, err := inject(got, tt.c)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("a second inject gives %s, %v", again, err)
			}
			if tt.c.Traceparent == "" {
				return
			}
			stripped, err := StripJSON(got)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.in
			if tt.stripped != "" {
				want = tt.stripped
			}
			if diff := cmp.Diff(want, string(stripped)); diff != "" {
				t.Errorf("strip: -want +got:\n%s", diff)
			}
			c, err := ExtractJSON(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.c, c); diff != "" {
				t.Errorf("extract: -want +got:\n%s", diff)
			}
		})
	}
}

func TestInjectJSON(t *testing.T) {
	sc, err := ParseTraceparent(payloadTP)
	if err != nil {
		t.Fatal(err)
	}
	ctx := ContextWithRemoteSpanContext(t.Context(), sc)
	const in = "{\"job\": 7}\n"

	got, err := InjectJSON(ctx, []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ExtractJSON(got)
	if want := NewCarrier(ctx).Traceparent; err != nil || want == "" || c.Traceparent != want {
		t.Errorf("ExtractJSON(%s) = %+v, %v; want traceparent %q", got, c, err, want)
	}
	// Under another trace, and without a trace, the old one is removed.
	if again, err := InjectJSON(ctx, got); err != nil || bytes.Count(again, []byte("traceparent")) != 1 {
		t.Errorf("a second InjectJSON gives %s, %v", again, err)
	}
	if again, err := InjectJSON(context.Background(), got); err != nil || string(again) != in {
		t.Errorf("InjectJSON without a trace gives %q, %v; want %q", again, err, in)
	}
	if back, err := StripJSON(got); err != nil || string(back) != in {
		t.Errorf("StripJSON gives %q, %v; want %q", back, err, in)
	}
	if got, err := InjectJSON(ctx, []byte(`[1]`)); err == nil || string(got) != `[1]` {
		t.Errorf("InjectJSON of an array gives %s, %v", got, err)
	}
}

func TestStripJSON(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{}`, `{}`},
		{`{"a":1}`, `{"a":1}`},
		{`{"traceparent":null}`, `{}`},
		{`{"traceparent":1,"a":1}`, `{"a":1}`},
		{`{"Traceparent":"x","a":1}`, `{"a":1}`},
		{`{"\u0054RACEPARENT":"x","a":1}`, `{"a":1}`},
		{`{"\u0074\u0072\u0061\u0063\u0065\u005f\u0062\u0061\u0067\u0067\u0061\u0067\u0065":"x","traceparent":"","a":1}`, `{"a":1}`},
		{`{"traceparent":"x\\","a":"\\\\\"","trace_op":"}\",\""}`, `{"a":"\\\\\""}`},
		// No traceparent at the top level: nothing is done.
		{`{"tracestate":"x","trace_baggage":"y","trace_op":"z","trace_sent":"t"}`, `{"tracestate":"x","trace_baggage":"y","trace_op":"z","trace_sent":"t"}`},
		{`{"a":{"traceparent":"x"},"trace_op":"y"}`, `{"a":{"traceparent":"x"},"trace_op":"y"}`},
		{`{"a":"traceparent","trace_op":"y"}`, `{"a":"traceparent","trace_op":"y"}`},
		// The key of another script or with more behind it is not the key.
		{`{"trаceparent":"cyrillic"}`, `{"trаceparent":"cyrillic"}`},
		{`{"traceparent\u0000":"x"}`, `{"traceparent\u0000":"x"}`},
		{`{"a":{"traceparent":"x"},"traceparent":"y"}`, `{"a":{"traceparent":"x"}}`},
	} {
		in := payloadGuard(t, tt.in)
		got, err := StripJSON(in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.in, diff)
		}
		if tt.in == tt.want && &got[0] != &in[0] {
			t.Errorf("%s: unchanged, but a copy", tt.in)
		}
	}
}

func TestExtractJSON(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Carrier
		err  string
	}{
		{in: `{}`},
		{in: ` { "a" : 1 } `},
		{in: `{` + payloadFullMembers + `}`, want: payloadFull},
		{in: `{"traceparent":"a","traceparent":"b"}`, want: Carrier{Traceparent: "b"}},
		{in: `{"traceparent":"a","TraceParent":"b"}`, want: Carrier{Traceparent: "b"}},
		{in: `{"TraceParent":"b","traceparent":"a"}`, want: Carrier{Traceparent: "a"}},
		{in: `{"traceparent":"a","traceparent":""}`},
		{in: `{"traceparent":"a","traceparent":null}`, want: Carrier{Traceparent: "a"}},
		{in: `{"traceparent":null}`},
		{in: `{"\u0074raceparent":"\u0041\ud83d\ude00\ud83d"}`, want: Carrier{Traceparent: "A😀\ufffd"}},
		{in: "{\"trace_op\":\"\xff\"}", want: Carrier{Op: "\ufffd"}},
		{in: `{"a":{"traceparent":"x"},"b":[{"trace_op":"x"}]}`},
		{in: `{"traceparent":1,"trace_op":"o"}`, want: Carrier{Op: "o"},
			err: "slogtrace: extract: traceparent: want a string, got a number"},
		{in: `{"traceparent":"a","traceparent":[1]}`, want: Carrier{Traceparent: "a"},
			err: "slogtrace: extract: traceparent: want a string, got an array"},
		{in: `{"traceparent":true,"traceparent":"a"}`, want: Carrier{Traceparent: "a"},
			err: "slogtrace: extract: traceparent: want a string, got a boolean"},
		{in: `{"TRACE_OP":{"a":1},"tracestate":"s","traceparent":false,"traceparent":1}`, want: Carrier{Tracestate: "s"},
			err: "slogtrace: extract: traceparent: want a string, got a boolean; trace_op: want a string, got an object"},
	} {
		got, err := ExtractJSON(payloadGuard(t, tt.in))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.in, diff)
		}
		if diff := cmp.Diff(tt.err, errorString(err)); diff != "" {
			t.Errorf("%s: error: -want +got:\n%s", tt.in, diff)
		}
		checkPayloadOracle(t, []byte(tt.in))
	}
}

func TestPayloadRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 1_000_000)
	for _, tt := range []struct{ name, in, want string }{
		{"nil", "", "nothing"},
		{"space", " \r\n\t", "nothing"},
		{"array", ` [{"a":1}]`, "an array"},
		{"null", `null`, "null"},
		{"number", `-1`, "a number"},
		{"string", `"{}"`, "a string"},
		{"boolean", `true`, "a boolean"},
		{"truncated", `{"a":1`, "invalid JSON: "},
		{"truncated in a string", `{"a":"x`, "invalid JSON: "},
		{"two", `{}{}`, "invalid JSON: "},
		{"trailing garbage", "{}\n\x00", "invalid JSON: "},
		{"trailing comma", `{"a":1,}`, "invalid JSON: "},
		{"control character", "{\"\x1b[2J\":1}", "invalid JSON: "},
		{"byte order mark", "\ufeff{}", "invalid JSON: "},
		{"form feed", "\f{}", "invalid JSON: "},
		{"no closing quote", `{"a":1,"` + strings.Repeat("x", 1<<20), "invalid JSON: "},
		{"depth bomb", deep, "invalid JSON: "},
		{"closed depth bomb", deep + "1" + strings.Repeat("}", 1_000_000), "invalid JSON: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := payloadGuard(t, tt.in)
			if tt.name == "nil" {
				in = nil
			}
			same := func(verb string, out []byte, err error) {
				t.Helper()
				got := errorString(err)
				want := "slogtrace: " + verb + ": want a JSON object, got " + tt.want
				syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
				if isSyntax {
					want += syntax.Error() // in encoding/json's words, which change
				}
				if got != want || isSyntax != strings.HasPrefix(tt.want, "invalid") {
					t.Errorf("error %q, want %q", got, want)
				}
				if len(got) > 200 || strings.ContainsFunc(got, unicode.IsControl) {
					t.Errorf("error %.300q is not bounded and printable", got)
				}
				if len(out) != len(in) || cap(out) != cap(in) || cap(in) > 0 && &out[:1][0] != &in[:1][0] || (out == nil) != (in == nil) {
					t.Errorf("%s: not the input slice", verb)
				}
			}
			got, err := inject(in, payloadFull)
			same("inject", got, err)
			got, err = InjectJSON(t.Context(), in)
			same("inject", got, err)
			got, err = StripJSON(in)
			same("strip", got, err)
			c, err := ExtractJSON(in)
			same("extract", in, err)
			if c != (Carrier{}) {
				t.Errorf("extract: %+v", c)
			}
		})
	}
}

// encoding/json decides which keys match. The test asks it about every rune that folds, in every place, plain and escaped.
func TestPayloadKeyMatchesAsJSON(t *testing.T) {
	var runes []rune
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r <= unicode.MaxASCII || unicode.SimpleFold(r) != r || r%0x40 == 0 { // of the rest, samples
			runes = append(runes, r)
		}
	}
	matches := map[string]bool{}
	for _, key := range payloadKeys {
		for i := range len(key) {
			for _, r := range runes {
				if r > unicode.MaxASCII && i > 0 && r != 0x17f && r != 0x212a {
					continue // one place is enough for what folds to no ASCII
				}
				plain := key[:i] + string(r) + key[i+1:]
				quoted, _ := json.Marshal(plain)
				escaped := fmt.Sprintf(`"%s\u%04x%s"`, key[:i], r, key[i+1:])
				if r > 0xffff {
					escaped = string(quoted)
				}
				for _, q := range []string{string(quoted), escaped} {
					var c Carrier
					if err := json.Unmarshal([]byte(`{`+q+`:"v"}`), &c); err != nil {
						t.Fatal(err)
					}
					k := payloadKey([]byte(q))
					if (k >= 0) != (c != Carrier{}) || k >= 0 && *payloadFields(&c)[k] != "v" {
						t.Errorf("%s: payloadKey gives %d, encoding/json %+v", q, k, c)
					}
					if k >= 0 {
						matches[plain] = true
					}
				}
			}
		}
	}
	for _, want := range []string{"traceparent", "Traceparent", "trace\u017ftate", "trace_\u017fent", "trace_oP"} {
		if !matches[want] {
			t.Errorf("%q never matched", want)
		}
	}
	if matches["trac\u212aparent"] {
		t.Error("K matched, though no key has a k")
	}
	// All escaped, both ways of writing hex, is the longest that a key can be.
	for k, key := range payloadKeys {
		for _, format := range []string{`\u%04x`, `\u%04X`} {
			quoted := `"`
			for _, r := range strings.ToUpper(key) {
				quoted += fmt.Sprintf(format, r)
			}
			if got := payloadKey([]byte(quoted + `"`)); got != k {
				t.Errorf("%s: %d, want %d", quoted, got, k)
			}
		}
	}
}

func TestPayloadStrings(t *testing.T) {
	// encoding/json has short forms for \b and \f, where slog, whose way is ours, has not: see the reading back below.
	all := ""
	for r := rune(0x10); r < 0x3000; r++ {
		all += string(r)
	}
	for _, s := range []string{
		"", "plain", `"`, `\`, `a"b\c`, "a\x00b\x1fc\x7f", "\n\r\t", "<&>", "é😀", "\u2028\u2029", "\ufffd",
		"\xff", "a\xc3", "\xed\xa0\x80", "\xf0\x9f", strings.Repeat("\n", 1000), all,
	} {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		got := string(jsontext.AppendString(nil, s))
		if diff := cmp.Diff(strings.TrimSuffix(want.String(), "\n"), got); diff != "" && utf8.ValidString(s) {
			t.Errorf("%q: -want +got:\n%s", s, diff)
		}
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != payloadValid(s) {
			t.Errorf("%q reads back as %q, %v", s, back, err)
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is written as %q", s, got)
		}
	}
}

// The scanner takes linear time for inputs that could make it quadratic or deep. A quadratic one does not finish these.
func TestPayloadMegabytes(t *testing.T) {
	const n = 1 << 16
	for name, in := range map[string]string{
		"as deep as is valid":    strings.Repeat(`{"a":[`, 4999) + strings.Repeat(`]}`, 4999),
		"one long string":        `{"a":"` + strings.Repeat("x", 16*n) + `"}`,
		"backslashes":            `{"a":"` + strings.Repeat(`\\`, 8*n) + `"}`,
		"quotes":                 `{"a":"` + strings.Repeat(`\"`, 8*n) + `"}`,
		"many members":           `{"a":1` + strings.Repeat(`,"traceparen":"x"`, n) + `}`,
		"escaped keys":           `{"a":1` + strings.Repeat(`,"\u0074raceparen":""`, n) + `}`,
		"one long key":           `{"` + strings.Repeat("t", 16*n) + `":1}`,
		"space":                  `{` + strings.Repeat(" ", 8*n) + `"a"` + strings.Repeat("\n", 8*n) + `:1}`,
		"brackets in an array":   `{"a":[` + strings.Repeat(`[],`, 4*n) + `1]}`,
		"a number":               `{"a":` + strings.Repeat("1", 16*n) + `}`,
		"an empty object, space": `{` + strings.Repeat(" ", 16*n) + `}`,
	} {
		out, err := inject([]byte(in), payloadFull)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if back, err := StripJSON(out); err != nil || string(back) != in {
			t.Errorf("%s: does not come back; error %v", name, err)
		}
		if c, err := ExtractJSON(out); err != nil || c != payloadFull {
			t.Errorf("%s: ExtractJSON = %+v, %v", name, c, err)
		}
	}
	// As many cuts as there is room for.
	in := `{"a":0` + strings.Repeat(`,"traceparent":"x","a":1,"trace_op":1 `, n) + `}`
	got, err := StripJSON([]byte(in))
	if want := `{"a":0` + strings.Repeat(`,"a":1 `, n) + `}`; err != nil || string(got) != want {
		t.Errorf("many cuts: wrong; error %v", err)
	}
	if _, err := ExtractJSON([]byte(in)); len(errorString(err)) > 200 || err == nil {
		t.Errorf("many wrong values: error of %d bytes", len(errorString(err)))
	}
}

// The docs promise concurrent use on one object. -race detects any write to it.
func TestPayloadConcurrent(t *testing.T) {
	object := payloadGuard(t, `{"a":1,"traceparent":"x","trace_op":"y","b":2}`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				got, err := inject(object, payloadFull)
				if want := `{"a":1,"b":2,` + payloadFullMembers + `}`; err != nil || string(got) != want {
					t.Errorf("inject = %s, %v", got, err)
				}
				_ = append(got, "mine"...) // the result is the caller's
				if got, err := StripJSON(object); err != nil || string(got) != `{"a":1,"b":2}` {
					t.Errorf("StripJSON = %s, %v", got, err)
				}
				if c, err := ExtractJSON(object); err != nil || c.Op != "y" {
					t.Errorf("ExtractJSON = %+v, %v", c, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestPayloadAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	plain := []byte(payloadBenchObject)
	carried, err := inject(plain, payloadFull)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		want float64
		fn   func()
	}{
		{"inject", 1, func() { _, _ = inject(plain, payloadFull) }},
		{"inject over a stale one", 1, func() { _, _ = inject(carried, payloadFull) }},
		{"inject nothing", 0, func() { _, _ = inject(plain, Carrier{}) }},
		{"StripJSON", 1, func() { _, _ = StripJSON(carried) }},
		{"StripJSON of nothing", 0, func() { _, _ = StripJSON(plain) }},
		{"ExtractJSON", 5, func() { _, _ = ExtractJSON(carried) }}, // its five strings
		{"ExtractJSON of nothing", 0, func() { _, _ = ExtractJSON(plain) }},
	} {
		if got := testing.AllocsPerRun(200, tt.fn); got != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{
		`{"a":{"b":"}","traceparent":"n"},"c":["]",{"d":"\"}","traceparent":"n"}]}`, "{\"a\":1\t,\"b\":2\r}",
		`{}`, ` { } `, `{"a":1}`, "{\n  \"a\": [1, {\"b\": null}],\n  \"c\": \"\\\"\\\\\"\n}\n", `{"a":1,"a":2}`,
		`{"traceparent":"x"}`, `{ "traceparent" : "x" , "a" : 1 }`, `{"a":1,"Traceparent":null,"b":{"traceparent":1}}`,
		`{"\u0074raceparent":"x","trace\u017ftate":"y"}`, "{\"trace\u017ftate\":1,\"trace_op\":{},\"traceparent\":[]}",
		`{"traceparent":1,"traceparent":"x","traceparent":null}`, "{\"\xff\":\"\xff\"}", `{"trace_op":"mine"}`,
		`{"\ud83d":"\ud83d\ude00","trace_\u0053ent":"\ud83d"}`, "{\"trace_op\":\"\xff\xfe\",\"traceparent\":\"\xc3\"}",
		`[{"traceparent":"x"}]`, `null`, `{}{}`, `{"a":1`, ``, `"traceparent"`, `{"a":1}]`, `{"a":-0.1e+9 ,"b":false}`,
		`{"traceparent":"x"  ,	"tracestate":"y" ,"trace_baggage":"z","trace_op":"","trace_sent":"t"  }`,
	} {
		f.Add([]byte(s), payloadTP, "a=b", "k=v", "op", "2026-01-02T03:04:05Z")
		f.Add([]byte(s), "\"\\\x00\u2028\xff<", "", "é", "\n", "")
		f.Add([]byte(s), "", "", "k=v", "op", "") // no traceparent, no carrier
	}
	f.Fuzz(func(t *testing.T, data []byte, traceparent, tracestate, baggage, op, sent string) {
		c := Carrier{traceparent, tracestate, baggage, op, sent}
		object := payloadGuard(t, string(data))
		injected, errInject := inject(object, c)
		stripped, errStrip := StripJSON(object)
		_, errExtract := ExtractJSON(object)

		var members map[string]json.RawMessage
		if err := json.Unmarshal(data, &members); err != nil || members == nil {
			for _, err := range []error{errInject, errStrip, errExtract} {
				if err == nil || len(err.Error()) > 200 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
					t.Fatalf("%q: not refused, or badly: %v", data, err)
				}
			}
			if !bytes.Equal(injected, data) || !bytes.Equal(stripped, data) {
				t.Fatalf("%q: refused, but changed: %q, %q", data, injected, stripped)
			}
			return
		}
		if errInject != nil || errStrip != nil {
			t.Fatalf("%q: refused: %v, %v", data, errInject, errStrip)
		}
		if !json.Valid(injected) || !json.Valid(stripped) {
			t.Fatalf("%q: not valid: inject %q, strip %q", data, injected, stripped)
		}

		// The contents of the object, read by encoding/json alone.
		all := payloadMembers(t, data)
		has, any := false, false
		var others []payloadMember
		for _, m := range all {
			switch m.carrier {
			case -1:
				others = append(others, m)
			case 0:
				has = true
				fallthrough
			default:
				any = true
			}
		}

		// StripJSON removes nothing or the whole carrier, and no byte of other members.
		if !has && !bytes.Equal(stripped, data) {
			t.Fatalf("%q: no traceparent, but StripJSON gives %q", data, stripped)
		}
		if has {
			if diff := cmp.Diff(others, payloadMembers(t, stripped), cmp.AllowUnexported(payloadMember{})); diff != "" {
				t.Fatalf("%q: StripJSON gives %q: -want +got:\n%s", data, stripped, diff)
			}
			var left Carrier
			if err := json.Unmarshal(stripped, &left); err != nil || left != (Carrier{}) {
				t.Fatalf("%q: StripJSON leaves %+v, %v", data, left, err)
			}
		}

		// inject: the others as they were, then c.
		if c.Traceparent == "" {
			if !bytes.Equal(injected, stripped) {
				t.Fatalf("%q: inject of nothing gives %q, StripJSON %q", data, injected, stripped)
			}
		} else {
			want := slices.Clone(others)
			for k, v := range payloadFields(&c) {
				if *v != "" {
					want = append(want, payloadMember{payloadKeys[k], string(jsontext.AppendString(nil, *v)), k})
				}
			}
			if diff := cmp.Diff(want, payloadMembers(t, injected), cmp.AllowUnexported(payloadMember{})); diff != "" {
				t.Fatalf("%q: inject gives %q: -want +got:\n%s", data, injected, diff)
			}
			if !any {
				var now map[string]json.RawMessage
				if err := json.Unmarshal(injected, &now); err != nil {
					t.Fatal(err)
				}
				for _, k := range payloadKeys {
					delete(now, k)
				}
				if diff := cmp.Diff(members, now); diff != "" {
					t.Fatalf("%q: inject gives %q: -want +got:\n%s", data, injected, diff)
				}
			}
			back, err := StripJSON(injected)
			if err != nil || !any && !bytes.Equal(back, data) {
				t.Fatalf("%q: comes back as %q, %v", data, back, err)
			}
			if again, err := inject(back, c); err != nil || !bytes.Equal(again, injected) {
				t.Fatalf("%q: a second round trip gives %q, want %q; %v", data, again, injected, err)
			}
			if again, err := inject(injected, c); err != nil || !bytes.Equal(again, injected) {
				t.Fatalf("%q: a second inject gives %q, want %q; %v", data, again, injected, err)
			}
			got, err := ExtractJSON(injected)
			wantC := c
			for _, p := range payloadFields(&wantC) {
				*p = payloadValid(*p)
			}
			if err != nil || got != wantC {
				t.Fatalf("%q: ExtractJSON gives %+v, %v; want %+v", injected, got, err, wantC)
			}
		}

		checkPayloadOracle(t, data)
		checkPayloadOracle(t, injected)

		// The caller may write to a result that is not its own slice.
		for _, out := range [][]byte{injected, stripped} {
			if &out[0] != &object[0] {
				for i := range out[:cap(out)] {
					out[:cap(out)][i] = '!'
				}
			} else if !bytes.Equal(out, data) {
				t.Fatalf("%q: the input's memory, but not the input", data)
			}
		}
	})
}

// checkPayloadOracle compares ExtractJSON with json.Unmarshal, whose errors on an object are about its values' types.
func checkPayloadOracle(t *testing.T, object []byte) {
	t.Helper()
	var want Carrier
	wantErr := json.Unmarshal(object, &want)
	got, err := ExtractJSON(object)
	if got != want || (err == nil) != (wantErr == nil) {
		t.Fatalf("%q:\nExtractJSON    %+v, %v\njson.Unmarshal %+v, %v", object, got, err, want, wantErr)
	}
}

// payloadMember is a member of an object: its decoded key, its value's bytes, which field of a Carrier it fills or -1.
type payloadMember struct {
	key, value string
	carrier    int
}

// payloadMembers reads an object's members in order with encoding/json only.
func payloadMembers(t *testing.T, object []byte) []payloadMember {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("%q: %v, %v", object, tok, err)
	}
	var ms []payloadMember
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", object, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%q: %v", object, err)
		}
		m := payloadMember{tok.(string), string(value), -1}
		quoted, err := json.Marshal(m.key)
		if err != nil {
			t.Fatal(err)
		}
		var c Carrier
		if err := json.Unmarshal([]byte(`{`+string(quoted)+`:"v"}`), &c); err != nil {
			t.Fatal(err)
		}
		m.carrier = slices.Index([]string{c.Traceparent, c.Tracestate, c.Baggage, c.Op, c.Sent}, "v")
		ms = append(ms, m)
	}
	return ms
}

// payloadGuard returns s as a slice with spare capacity and with bytes before it,
// and checks at the end of the test that none of all these was written to.
func payloadGuard(t *testing.T, s string) []byte {
	const margin = 512 // more than payloadFull takes
	buf := bytes.Repeat([]byte{'#'}, margin+len(s)+margin)
	copy(buf[margin:], s)
	t.Cleanup(func() {
		for i, b := range buf {
			if in := i >= margin && i < margin+len(s); in && b != s[i-margin] || !in && b != '#' {
				t.Errorf("%.100q: wrote to byte %d of %d", s, i-margin, len(s))
				return
			}
		}
	})
	return buf[margin : margin+len(s)]
}

// payloadValid replaces each byte that is not UTF-8 by U+FFFD; strings.ToValidUTF8 makes one of a run.
func payloadValid(s string) string {
	return string([]rune(s))
}

// payloadBenchObject is a job of about 500 bytes.
const payloadBenchObject = `{"id":"job_01J9Z3K8Q4","kind":"booking.confirmed","attempt":1,"created_at":"2026-01-02T03:04:05Z",` +
	`"booking":{"id":9182734,"guest":{"name":"Zoë Example","email":"zoe@example.com","languages":["de","en"]},` +
	`"rooms":[{"type":"double","nights":3,"price":{"amount":"129.50","currency":"EUR"}},{"type":"single","nights":3,"price":{"amount":"89.00","currency":"EUR"}}],` +
	`"notes":"late \"arrival\", call before\n"},"total":{"amount":"655.50","currency":"EUR"},"paid":false,"refund":null}`

func BenchmarkInjectJSON(b *testing.B) {
	sc, err := ParseTraceparent(payloadTP)
	if err != nil {
		b.Fatal(err)
	}
	object := []byte(payloadBenchObject)
	stale, err := inject(object, payloadFull)
	if err != nil {
		b.Fatal(err)
	}
	ctx := ContextWithRemoteSpanContext(b.Context(), sc)
	for _, bb := range []struct {
		name   string
		ctx    context.Context
		object []byte
	}{{"new", ctx, object}, {"stale", ctx, stale}, {"notrace", b.Context(), object}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.object)))
			for b.Loop() {
				_, _ = InjectJSON(bb.ctx, bb.object)
			}
		})
	}
	b.Run("valid", func(b *testing.B) { // the floor: json.Valid alone
		b.SetBytes(int64(len(object)))
		for b.Loop() {
			json.Valid(object)
		}
	})
}

func BenchmarkExtractJSON(b *testing.B) {
	object, err := inject([]byte(payloadBenchObject), payloadFull)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(object)))
		for b.Loop() {
			_, _ = ExtractJSON(object)
		}
	})
	b.Run("unmarshal", func(b *testing.B) { // what it replaces
		b.ReportAllocs()
		b.SetBytes(int64(len(object)))
		for b.Loop() {
			var c Carrier
			_ = json.Unmarshal(object, &c)
		}
	})
}

func BenchmarkStripJSON(b *testing.B) {
	object, err := inject([]byte(payloadBenchObject), payloadFull)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(object)))
	for b.Loop() {
		_, _ = StripJSON(object)
	}
}

func ExampleExtractJSON() {
	body := []byte(`{"job":7,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","trace_op":"enqueue"}`)
	c, err := ExtractJSON(body)
	fmt.Println(c.Traceparent, c.Op, err)

	// A broken carrier never loses a job: report the error, and go on.
	c, err = ExtractJSON([]byte(`{"job":7,"traceparent":12,"trace_op":"enqueue"}`))
	fmt.Printf("%q %s\n%v\n", c.Traceparent, c.Op, err)
	// Output:
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 enqueue <nil>
	// "" enqueue
	// slogtrace: extract: traceparent: want a string, got a number
}

func ExampleStripJSON() {
	// A payload for a customer is sent without the trace, and signed after that.
	body, err := StripJSON([]byte(`{ "event": "paid", "Traceparent": "00-4bf9…-01", "tracestate": "x", "amount": 12 }`))
	fmt.Printf("%s %v\n", body, err)

	body, err = StripJSON([]byte(`["paid"]`))
	fmt.Printf("%s %v\n", body, err)
	// Output:
	// { "event": "paid", "amount": 12 } <nil>
	// ["paid"] slogtrace: strip: want a JSON object, got an array
}

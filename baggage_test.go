package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

type baggageOutcome struct {
	Valid   bool                   `json:"valid"`
	Members []baggageMemberOutcome `json:"members"`
}

type baggageMemberOutcome struct {
	Key   string       `json:"key"`
	Value string       `json:"value"`
	Props [][2]*string `json:"props"`
}

// Whatever the strength, the outcome is one of those in the vector.
func TestBaggageVectors(t *testing.T) {
	for _, v := range readPropagation(t).Baggage {
		t.Run(v.Name, func(t *testing.T) {
			b, err := parseBaggage(v.header().Values("baggage")...)
			if err != nil {
				checkErrorText(t, err)
			}
			got := baggageOutcome{Members: []baggageMemberOutcome{}}
			if b != nil {
				got.Valid = true
				for _, m := range b.members {
					out := baggageMemberOutcome{m.Key(), m.Value, [][2]*string{}}
					_, props, _ := strings.Cut(m.Text, ";")
					for p := range strings.SplitSeq(props, ";") {
						if p == "" {
							continue
						}
						key, value, hasValue := strings.Cut(p, "=")
						pair := [2]*string{&key, nil}
						if hasValue {
							value, _ = url.PathUnescape(value)
							value = strings.ToValidUTF8(value, "\ufffd")
							pair[1] = &value
						}
						out.Props = append(out.Props, pair)
					}
					got.Members = append(got.Members, out)
				}
			}
			checkBaggage(t, b)
			all := outcomes[baggageOutcome](t, &v)
			for _, want := range all {
				if cmp.Equal(want, got) {
					return
				}
			}
			if v.AcceptSubset != nil {
				rest := all[0].Members
				for _, m := range got.Members {
					i := slices.IndexFunc(rest, func(w baggageMemberOutcome) bool { return cmp.Equal(w, m) })
					if i < 0 {
						t.Fatalf("member %.40q is none of those, in that order", m.Key)
					}
					rest = rest[i+1:]
				}
				if len(got.Members) < *v.AcceptSubset {
					t.Errorf("%d members, want at least %d", len(got.Members), *v.AcceptSubset)
				}
				if err == nil {
					t.Error("members were left out in silence")
				}
				return
			}
			t.Errorf("%s: %d outcomes permitted, the first is (-want +got):\n%s", v.Strength, len(all), cmp.Diff(all[0], got))
		})
	}
}

// checkBaggage checks what holds for any baggage, also nil.
func checkBaggage(t *testing.T, b *baggage) {
	t.Helper()
	again, err := parseBaggage(b.line())
	if err != nil {
		t.Fatalf("once more: %v", err)
	}
	if diff := cmp.Diff(b, again, cmp.AllowUnexported(baggage{}, w3c.Member{})); diff != "" {
		t.Errorf("once more (-want +got):\n%.2000s", diff)
	}
	if b == nil {
		return
	}
	if len(b.header) > 8192 || len(b.members) > 64 || len(b.members) == 0 || !oracleVisible.MatchString(b.header) {
		t.Errorf("%d members in %d bytes", len(b.members), len(b.header))
	}
	shown, size, omitted := 0, 0, 0
	keys := map[string]bool{}
	for _, a := range b.attrs {
		if keys[a.Key] {
			t.Errorf("%q stands twice", a.Key)
		}
		keys[a.Key] = true
		if a.Value.Kind() == slog.KindInt64 && a.Key == "baggage_omitted" {
			omitted = int(a.Value.Int64())
			continue
		}
		shown++
		text, _ := marshalPlain(a.Value.String())
		size += len(`,"":`) + len(a.Key) + len(text)
	}
	if size > 1024 {
		t.Errorf("%d bytes on a record", size)
	}
	if shown+omitted != len(b.members) || keys["baggage_omitted"] != (omitted > 0) {
		t.Errorf("%d of %d members on records, and %d left out", shown, len(b.members), omitted)
	}
}

// marshalPlain is json.Marshal as slog calls it: without escapes for HTML.
func marshalPlain(s string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func baggageMembersOf(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("k%d=%d", i, i)
	}
	return strings.Join(list, ",")
}

func TestParseBaggage(t *testing.T) {
	v := func(n int) string { return strings.Repeat("v", n) }
	for _, test := range []struct {
		name    string
		lines   []string
		want    string
		wantErr string
	}{
		{"no line", nil, "", ""},
		{"empty lines", []string{"", " ", ",\t,"}, "", ""},
		{"lines in order", []string{"b=1", "", "a=2,", ",c=3"}, "b=1,a=2,c=3", ""},
		{"white space and empty properties go", []string{" a = 1 ; p = 2 ;; q ; , b="}, "a=1;p=2;q,b=", ""},
		{"encoding stays as it came", []string{"a=%2c%41%e4;p=%zz,b=%2c%41%e4;p=%25"}, "b=%2c%41%e4;p=%25", `slogtrace: baggage: left out 1 not valid: member 1: want two hex digits behind %, got "%zz"`},
		{"the first is named", []string{"a=1,,b", "c d=2,e=3"}, "a=1,e=3", `slogtrace: baggage: left out 2 not valid: member 2: want key=value, got "b"`},
		{"no key", []string{"=1"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want a token as key, got ""`},
		{"a property's =", []string{"a;p=1"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want a token as key, got "a;p"`},
		{"property key", []string{"a=1;p q=1"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want a token as property key, got "p q"`},
		{"property value", []string{"a=1;p=\x1b[31m\n"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want a percent-encoded value, got "\x1b[31m\n"`},
		{"space in a value", []string{"a=b c"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want a percent-encoded value, got "b c"`},
		{"percent at the end", []string{"a=%4"}, "", `slogtrace: baggage: left out 1 not valid: member 1: want two hex digits behind %, got "%4"`},
		{"64 members", []string{baggageMembersOf(64)}, baggageMembersOf(64), ""},
		{"66 members", []string{baggageMembersOf(64), "x=1", "y=1"}, baggageMembersOf(64), "slogtrace: baggage: left out 2 beyond 64 members"},
		{"one that does not count", []string{"x", baggageMembersOf(64)}, baggageMembersOf(64), `slogtrace: baggage: left out 1 not valid: member 1: want key=value, got "x"`},
		{"8192 bytes", []string{"a=" + v(4094), "b=" + v(4093)}, "a=" + v(4094) + ",b=" + v(4093), ""},
		{"8193", []string{"a=" + v(4094), "b=" + v(4094)}, "a=" + v(4094), "slogtrace: baggage: left out 1 beyond 8192 bytes"},
		{"white space does not count", []string{"a=" + v(4094) + strings.Repeat(" ", 9000), "b=" + v(4093)}, "a=" + v(4094) + ",b=" + v(4093), ""},
		{"what is behind one that is too long", []string{"a=1,b=" + v(8190) + ",c=2"}, "a=1,c=2", "slogtrace: baggage: left out 1 beyond 8192 bytes"},
		{"properties are part of the member", []string{"a=1,b=2;p=" + v(8190)}, "a=1", "slogtrace: baggage: left out 1 beyond 8192 bytes"},
		{"32 KiB", []string{"a=1" + strings.Repeat(" ", 32<<10-7) + ",b=2"}, "a=1,b=2", ""},
		{"one byte more", []string{"a=1" + strings.Repeat(" ", 32<<10-7) + ",b=22"}, "a=1", "slogtrace: baggage: left out all behind byte 32768"},
		{"a member ends there", []string{"a=1" + strings.Repeat(" ", 32<<10-7) + ",b=2,c=3"}, "a=1,b=2", "slogtrace: baggage: left out all behind byte 32768"},
		{"a line ends there", []string{"a=1" + strings.Repeat(" ", 32<<10-7), "b=2", "c=3"}, "a=1,b=2", "slogtrace: baggage: left out all behind byte 32768"},
		{"a megabyte of nothing", []string{strings.Repeat(",", 1<<20)}, "", "slogtrace: baggage: left out all behind byte 32768"},
		{"a million lines", make([]string, 1<<20), "", "slogtrace: baggage: left out all behind byte 32768"},
		{"everything at once", []string{"\x00\x00," + baggageMembersOf(63) + ",x=" + v(8192) + ",y=1,z=2," + strings.Repeat("\x00", 1<<20)}, baggageMembersOf(63) + ",y=1",
			`slogtrace: baggage: left out 1 beyond 64 members, 1 beyond 8192 bytes, all behind byte 32768, 1 not valid: member 1: want key=value, got "\x00\x00"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.lines)
			b, err := parseBaggage(test.lines...)
			if diff := cmp.Diff(test.want, b.line()); diff != "" {
				t.Errorf("baggage (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if err != nil {
				checkErrorText(t, err)
			}
			if !slices.Equal(before, test.lines) {
				t.Error("the lines were changed")
			}
			checkBaggage(t, b)
		})
	}
}

func baggageText(ctx context.Context) string {
	var list []string
	for k, v := range Baggage(ctx) {
		list = append(list, k+"="+v)
	}
	return strings.Join(list, ",")
}

// mustBaggage returns ctx with the members of keyValues.
func mustBaggage(tb testing.TB, ctx context.Context, keyValues ...string) context.Context {
	tb.Helper()
	for i := 0; i < len(keyValues); i += 2 {
		var err error
		if ctx, err = WithBaggage(ctx, keyValues[i], keyValues[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	return ctx
}

// remoteBaggage returns a context with lines as the baggage of a remote parent.
func remoteBaggage(tb testing.TB, lines ...string) context.Context {
	tb.Helper()
	ctx, err := hook.Extract(context.Background(), []string{testTraceparent}, nil, lines)
	if err != nil {
		tb.Fatal(err)
	}
	return ctx
}

func headerBaggage(ctx context.Context) string {
	_, _, baggage := hook.Inject(ctx)
	return baggage
}

func TestWithBaggage(t *testing.T) {
	v := func(n int) string { return strings.Repeat("v", n) }
	full := remoteBaggage(t, baggageMembersOf(64))
	long := mustBaggage(t, context.Background(), "a", v(8000))
	for _, test := range []struct {
		name       string
		ctx        context.Context
		key, value string
		want       string // the header
		wantErr    string
	}{
		{"first", context.Background(), "tenant", "t1", "tenant=t1", ""},
		{"empty value", context.Background(), "a", "", "a=", ""},
		{"all of ASCII", context.Background(), "a", " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x7f\x00\n",
			"a=%20!%22#$%25&'()*+%2C-./09:%3B<=>?@AZ[%5C]^_`az{|}~%7F%00%0A", ""},
		{"UTF-8", context.Background(), "a", "Amélie\ufffd", "a=Am%C3%A9lie%EF%BF%BD", ""},
		{"encoded once more", context.Background(), "a", "%41", "a=%2541", ""},
		{"any token", context.Background(), "!#$%&'*+-.^_`|~aZ9", "1", "!#$%&'*+-.^_`|~aZ9=1", ""},
		{"behind what is there", remoteBaggage(t, "a=%41;p,b=2"), "c", "3", "a=%41;p,b=2,c=3", ""},
		{"in its place, without its properties", remoteBaggage(t, "a=1;p,b=2"), "a", "3", "a=3,b=2", ""},
		{"instead of several", remoteBaggage(t, "z=0,a=1,b=2,a=3"), "a", "4", "z=0,a=4,b=2", ""},
		{"case", remoteBaggage(t, "a=1"), "A", "2", "a=1,A=2", ""},
		{"replaced at 64", full, "k63", "x", strings.TrimSuffix(baggageMembersOf(64), "63") + "x", ""},
		{"8192 bytes", long, "b", v(8192 - 8002 - 3), "a=" + v(8000) + ",b=" + v(8192-8002-3), ""},

		{"no key", context.Background(), "", "1", "", "slogtrace: baggage: want a key of letters, digits and !#$%&'*+-.^_`|~, got \"\""},
		{"bad key", full, "a\nb", "1", "", "slogtrace: baggage: want a key of letters, digits and !#$%&'*+-.^_`|~, got \"a\\nb\""},
		{"key not ASCII", full, "ключ", "1", "", "slogtrace: baggage: want a key of letters, digits and !#$%&'*+-.^_`|~, got \"\\u043a\\u043b\\u044e\\u0447\""},
		{"not UTF-8", full, "a", "x\ufffd\xff", "", "slogtrace: baggage: want a value in UTF-8, got 0xff at byte 4"},
		{"65 members", full, "x", "1", "", "slogtrace: baggage: want at most 64 members, got 65"},
		{"8193 bytes", long, "b", v(8192 - 8002 - 2), "", "slogtrace: baggage: want at most 8192 bytes, got 8193"},
		{"too long when encoded", context.Background(), "b", strings.Repeat(" ", 3000), "", "slogtrace: baggage: want at most 8192 bytes, got 9002"},
		{"far too long", context.Background(), "b", strings.Repeat("\xff", 1<<20), "", "slogtrace: baggage: want at most 8192 bytes, got 1048578"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := headerBaggage(test.ctx)
			ctx, err := WithBaggage(test.ctx, test.key, test.value)
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if headerBaggage(test.ctx) != before {
				t.Error("ctx was changed")
			}
			if err != nil {
				checkErrorText(t, err)
				if ctx != test.ctx {
					t.Error("with an error, but not ctx itself")
				}
				return
			}
			if diff := cmp.Diff(test.want, headerBaggage(ctx)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			found := 0
			for k, v := range Baggage(ctx) {
				if k == test.key {
					found++
					if v != test.value {
						t.Errorf("Baggage has %q, want %q", v, test.value)
					}
				}
			}
			if found != 1 {
				t.Errorf("Baggage has %q %d times", test.key, found)
			}
			checkBaggage(t, currentOf(ctx).env.baggage())
		})
	}

	var none context.Context
	ctx, err := WithBaggage(none, "a", "1")
	if err != nil || baggageText(ctx) != "a=1" {
		t.Errorf("nil context: %v, %v", ctx, err)
	}
	if ctx, err := WithBaggage(none, "", "1"); ctx == nil || err == nil {
		t.Errorf("nil context and an error: %v, %v", ctx, err)
	}
	for range Baggage(none) {
		t.Error("baggage in no context")
	}
	for range Baggage(full) {
		break
	}
}

// WithBaggage does not change the context's baggage: siblings do not get each other's members.
func TestWithBaggageSiblings(t *testing.T) {
	base := mustBaggage(t, With(context.Background(), slog.Int("n", 1)), "a", "0", "b", "0")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				text := fmt.Sprint(i)
				ctx := With(mustBaggage(t, base, "c", text, "a", text), slog.Int("m", i))
				ctx = With(mustBaggage(t, ctx, "b", text), slog.Int("o", i))
				if got, want := fmt.Sprint(currentOf(ctx).env.attrs), "[n=1 m="+text+" o="+text+" a="+text+" b="+text+" c="+text+"]"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(currentOf(base).env.attrs); got != "[n=1 a=0 b=0]" {
		t.Errorf("the base has %s", got)
	}
}

// Which contexts inherit the baggage.
func TestBaggageInherited(t *testing.T) {
	tr := NewTracer(slog.DiscardHandler, nil)
	sampled := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: spanSampler(func(SampleInput) (bool, float64) { return true, 0.5 })})
	base := mustBaggage(t, context.Background(), "a", "1")
	inTrace, _ := tr.Start(base, "root")
	started := func(tr *Tracer, ctx context.Context) context.Context { ctx, _ = tr.Start(ctx, "op"); return ctx }
	carried := func(c Carrier) context.Context {
		ctx, err := c.Context(inTrace)
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"span":                  {inTrace, "a=1"},
		"child":                 {started(tr, inTrace), "a=1"},
		"child of another":      {started(sampled, inTrace), "a=1"},
		"sampled root":          {started(sampled, base), "a=1"},
		"With":                  {With(inTrace, slog.Int("n", 1)), "a=1"},
		"With of that key":      {With(inTrace, slog.Int("a", 1)), "a=1"},
		"Detach":                {Detach(inTrace), "a=1"},
		"remote":                {ContextWithRemoteSpanContext(inTrace, testSpanContext), ""},
		"remote, not valid":     {ContextWithRemoteSpanContext(inTrace, SpanContext{}), "a=1"},
		"carrier without":       {carried(Carrier{Traceparent: testTraceparent}), ""},
		"carrier with":          {carried(Carrier{Traceparent: testTraceparent, Baggage: "b=2"}), "b=2"},
		"no carrier":            {carried(Carrier{Baggage: "b=2"}), "a=1"},
		"span under a carrier":  {started(tr, carried(Carrier{Traceparent: testTraceparent, Baggage: "b=2"})), "b=2"},
		"detached from carrier": {Detach(carried(Carrier{Traceparent: testTraceparent, Baggage: "b=2"})), "b=2"},
		"WithoutCancel":         {context.WithoutCancel(inTrace), "a=1"},
		"none":                  {context.Background(), ""},
	} {
		if got := baggageText(test.ctx); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if got := headerBaggage(test.ctx); got != test.want {
			t.Errorf("%s: header %q, want %q", name, got, test.want)
		}
		c := NewCarrier(test.ctx)
		if want := test.want; c.Traceparent == "" && c != (Carrier{}) || c.Traceparent != "" && c.Baggage != want {
			t.Errorf("%s: carrier %+v", name, c)
		}
	}
}

func TestExtractBaggage(t *testing.T) {
	base := mustBaggage(t, context.Background(), "a", "1")
	for _, test := range []struct {
		name                 string
		traceparent, baggage []string
		want                 string
		trace, same          bool
		wantErr              string
	}{
		{"all", []string{testTraceparent}, []string{"b=2", "c=3"}, "b=2,c=3", true, false, ""},
		{"no line", []string{testTraceparent}, nil, "", true, false, ""},
		{"an empty line", []string{testTraceparent}, []string{""}, "", true, false, ""},
		{"bad member", []string{testTraceparent}, []string{"b=2,c"}, "b=2", true, false, `slogtrace: baggage: left out 1 not valid: member 2: want key=value, got "c"`},
		{"bad baggage", []string{testTraceparent}, []string{"c"}, "", true, false, `slogtrace: baggage: left out 1 not valid: member 1: want key=value, got "c"`},
		{"nothing", nil, nil, "a=1", false, true, ""},
		{"no trace", nil, []string{"b=2"}, "b=2", false, false, ""},
		{"no trace, empty", nil, []string{""}, "", false, false, ""},
		{"bad trace", []string{"x"}, []string{"b=2"}, "b=2", false, false, `slogtrace: traceparent: want 55 bytes, got 1`},
		{"bad trace, no line", []string{"x"}, nil, "a=1", false, true, `slogtrace: traceparent: want 55 bytes, got 1`},
		{"two traces, bad baggage", []string{"x", "y"}, []string{"b=2,c"}, "b=2", false, false,
			`slogtrace: traceparent: want one header line, got 2; slogtrace: baggage: left out 1 not valid: member 2: want key=value, got "c"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, err := hook.Extract(base, test.traceparent, nil, test.baggage)
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got := baggageText(ctx); got != test.want {
				t.Errorf("baggage %q, want %q", got, test.want)
			}
			if got := SpanContextFromContext(ctx).IsValid(); got != test.trace {
				t.Errorf("trace: %v, want %v", got, test.trace)
			}
			if (ctx == base) != test.same {
				t.Errorf("ctx itself: %v, want %v", ctx == base, test.same)
			}
		})
	}
	// An empty line does not change a context that has nothing of ours.
	for _, line := range []string{"", "c"} {
		if ctx, _ := hook.Extract(context.Background(), nil, nil, []string{line}); ctx != context.Background() {
			t.Errorf("%q put something into the context: %v", line, ctx)
		}
	}
	var none context.Context
	if ctx, err := hook.Extract(none, nil, nil, []string{"a=1"}); err != nil || baggageText(ctx) != "a=1" {
		t.Errorf("nil context: %v, %v", ctx, err)
	}
}

// Through a payload with a Go type and through one without: the same baggage, properties and all.
func TestBaggageCarried(t *testing.T) {
	const header = "tenant=t%2F1;ttl=60,note=%22a%22%0A%20%C3%A9"
	ctx, err := WithBaggage(remoteBaggage(t, "tenant=t%2F1;ttl=60"), "note", "\"a\"\n é")
	if err != nil {
		t.Fatal(err)
	}
	typed, err := json.Marshal(carrierJob{NewCarrier(ctx), "b1"})
	if err != nil {
		t.Fatal(err)
	}
	untyped, err := InjectJSON(ctx, []byte(`{"baggage":2}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range [][]byte{typed, untyped} {
		if text := `"trace_baggage":"` + header + `"`; !bytes.Contains(object, []byte(text)) {
			t.Errorf("%s has no %s", object, text)
		}
		c, err := ExtractJSON(object)
		if err != nil {
			t.Fatal(err)
		}
		ctx, err := c.Context(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := baggageText(ctx), "tenant=t/1,note=\"a\"\n é"; got != want || headerBaggage(ctx) != header {
			t.Errorf("got %q, header %q", got, headerBaggage(ctx))
		}
	}
	if got, err := StripJSON(untyped); err != nil || string(got) != `{"baggage":2}` {
		t.Errorf("StripJSON: %s, %v", got, err)
	}
	// Without a trace there is no carrier: StripJSON would not find it.
	if got, err := InjectJSON(mustBaggage(t, context.Background(), "a", "1"), []byte(`{}`)); err != nil || string(got) != `{}` {
		t.Errorf("without a trace: %s, %v", got, err)
	}
}

// The place of baggage on a line, and what it gives way to.
func TestBaggageOnRecords(t *testing.T) {
	const ids = `"trace":"` + testTraceText + `","span":"` + testSpanText + `"`
	long := strings.Repeat("v", 1024-len(`,"":""`)-1)
	for _, test := range []struct {
		name    string
		baggage string
		with    []slog.Attr
		log     func(ctx context.Context, l *slog.Logger)
		want    string
	}{
		{name: "order", baggage: "tenant=t1,run=7", with: []slog.Attr{slog.Int("w", 1)},
			log:  func(ctx context.Context, l *slog.Logger) { l.With("l", 1).InfoContext(ctx, "m", "r", 1) },
			want: `"msg":"m",` + ids + `,"w":1,"tenant":"t1","run":"7","l":1,"r":1}`},
		{name: "in groups", baggage: "tenant=t1",
			log: func(ctx context.Context, l *slog.Logger) {
				l.WithGroup("g").With("tenant", 1).WithGroup("h").InfoContext(ctx, "m", "tenant", 2)
			},
			want: `"msg":"m",` + ids + `,"tenant":"t1","g":{"tenant":1,"h":{"tenant":2}}}`},
		{name: "gives way to the record", baggage: "a=1,b=2", log: func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "a", 7) },
			want: `"msg":"m",` + ids + `,"b":"2","a":7}`},
		{name: "to the logger", baggage: "a=1,b=2", log: func(ctx context.Context, l *slog.Logger) { l.With("a", 7).InfoContext(ctx, "m") },
			want: `"msg":"m",` + ids + `,"b":"2","a":7}`},
		{name: "to its group", baggage: "a=1,b=2", log: func(ctx context.Context, l *slog.Logger) { l.WithGroup("a").InfoContext(ctx, "m", "c", 7) },
			want: `"msg":"m",` + ids + `,"b":"2","a":{"c":7}}`},
		{name: "not to a group that is not written", baggage: "a=1,b=2", log: func(ctx context.Context, l *slog.Logger) { l.WithGroup("a").InfoContext(ctx, "m") },
			want: `"msg":"m",` + ids + `,"a":"1","b":"2"}`},
		{name: "to With", baggage: "a=1,b=2", with: []slog.Attr{slog.Int("a", 7)}, want: `"msg":"m",` + ids + `,"a":7,"b":"2"}`},
		{name: "forged", baggage: "time=x,level=ERROR,msg=x,source=x,trace=x,span=x,op=x,TRACE=x", want: `"msg":"m",` + ids +
			`,"attr.time":"x","attr.level":"ERROR","attr.msg":"x","attr.source":"x","attr.trace":"x","attr.span":"x","attr.op":"x","TRACE":"x"}`},
		{name: "forged twice", baggage: "attr.msg=1,msg=2", want: `"msg":"m",` + ids + `,"attr.msg":"1","attr.attr.msg":"2"}`},
		{name: "not in the place of With's", baggage: "attr.source=1,attr.attr.source=2,attr.x=3", with: []slog.Attr{slog.Int("source", 7)},
			want: `"msg":"m",` + ids + `,"attr.source":7,"attr.x":"3"}`},
		{name: "the last of a key", baggage: "a=1,b=2,a=3", want: `"msg":"m",` + ids + `,"a":"3","b":"2","baggage_omitted":1}`},
		{name: "the last of a key is too long", baggage: "a=1,b=2,a=" + strings.Repeat("v", 1024), want: `"msg":"m",` + ids + `,"b":"2","baggage_omitted":2}`},
		{name: "1024 bytes", baggage: "a=" + long, want: `"msg":"m",` + ids + `,"a":"` + long + `"}`},
		{name: "1025", baggage: "a=" + long + "v", want: `"msg":"m",` + ids + `,"baggage_omitted":1}`},
		{name: "as JSON", baggage: "a=" + strings.Repeat("%01", 200), want: `"msg":"m",` + ids + `,"baggage_omitted":1}`},
		{name: "whole members that fit", baggage: "a=" + strings.Repeat("v", 1000) + ",b=" + strings.Repeat("v", 100) + ",c=3",
			want: `"msg":"m",` + ids + `,"a":"` + strings.Repeat("v", 1000) + `","c":"3","baggage_omitted":1}`},
		{name: "forged count", baggage: "baggage_omitted=0", want: `"msg":"m",` + ids + `,"baggage_omitted":1}`},
		{name: "count gives way", baggage: "baggage_omitted=0", with: []slog.Attr{slog.Int(omittedKey, 7)}, want: `"msg":"m",` + ids + `,"baggage_omitted":7}`},
		{name: "escaped", baggage: `a=%22%0A%1B%5B31m%7D%ff`, want: `"msg":"m",` + ids + `,"a":"\"\n\u001b[31m}` + "\ufffd" + `"}`},
		{name: "empty", baggage: "a=", want: `"msg":"m",` + ids + `,"a":""}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := remoteBaggage(t, test.baggage)
			if test.with != nil {
				ctx = With(ctx, test.with...)
			}
			log := test.log
			if log == nil {
				log = func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m") }
			}
			var ours, others bytes.Buffer
			log(ctx, slog.New(NewJSONHandler(&ours, nil)))
			_, got, _ := strings.Cut(ours.String(), `"level":"INFO",`)
			if diff := cmp.Diff(test.want+"\n", got); diff != "" {
				t.Errorf("JSONHandler (-want +got):\n%s", diff)
			}
			l := slog.New(NewHandler(slog.NewJSONHandler(&others, nil)))
			for range 4 { // the later ones are bound
				others.Reset()
				log(ctx, l)
				got, want := recordDecode(t, others.Bytes()), recordDecode(t, ours.Bytes())
				delete(got, "time")
				delete(want, "time")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Handler (-JSONHandler +Handler):\n%s", diff)
				}
			}
			// Also one line of text, whatever is in a value.
			others.Reset()
			log(ctx, slog.New(NewHandler(slog.NewTextHandler(&others, nil))))
			if got := strings.TrimSuffix(others.String(), "\n"); strings.ContainsAny(got, "\n\x1b\x01") {
				t.Errorf("text: %q", got)
			}
		})
	}
}

// On a span's own record a member also gives way to the schema. A span begun before the baggage does not have it.
func TestBaggageOnSpans(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		var ours, others, strangers bytes.Buffer
		for h, b := range map[slog.Handler]*bytes.Buffer{
			NewJSONHandler(&ours, nil):                    &ours,
			NewHandler(slog.NewJSONHandler(&others, nil)): &others,
			slog.NewJSONHandler(&strangers, nil):          &strangers,
		} {
			ctx, root := NewTracer(h, nil).Start(context.Background(), "root")
			ctx = mustBaggage(t, ctx, "a", "1", "b", "2", "error", "forged", "duration_ms", "0", "parent", "x")
			_, s := Start(ctx, "op", slog.Int("b", 7))
			s.End()
			m := recordDecode(t, b.Bytes())
			for key, want := range map[string]any{"a": "1", "b": 7.0, "attr.error": "forged", "error": nil, "attr.duration_ms": "0", "attr.parent": "x",
				"parent": root.SpanContext().SpanID.String(), "duration_ms": 0.0} {
				if m[key] != want {
					t.Errorf("%T: %s = %v, want %v", h, key, m[key], want)
				}
			}
			b.Reset()
			root.End()
			if m := recordDecode(t, b.Bytes()); m["a"] != nil {
				t.Errorf("%T: the span that was there before has it too: %v", h, m)
			}
		}
	})
}

// With's attributes stay in the process.
func TestWithStaysHere(t *testing.T) {
	ctx := With(mustBaggage(t, With(context.Background(), slog.String("secret", "s")), "a", "1"), slog.String("a", "secret"))
	ctx, _ = NewTracer(slog.DiscardHandler, nil).Start(ctx, "op", slog.String("attr", "secret"))
	_, _, line := hook.Inject(ctx)
	if line != "a=1" || NewCarrier(ctx).Baggage != "a=1" {
		t.Errorf("header %q, carrier %+v", line, NewCarrier(ctx))
	}
}

func TestBaggageAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	tr := NewTracer(slog.DiscardHandler, nil)
	base, _ := tr.Start(context.Background(), "op")
	ctx := mustBaggage(t, base, "tenant", "t1", "run", "7")
	below, _ := tr.Start(ctx, "op")
	ours, others := NewJSONHandler(nopWriter{}, nil), NewHandler(NewJSONHandler(nopWriter{}, nil))
	r := testRecord(slog.Int("a", 1), slog.String("b", "c"))
	lines := []string{"tenant=t1,run=7"}
	encoded := []string{"tenant=t%2F1 , run=7"}
	for _, test := range []struct {
		name string
		want float64
		f    func()
	}{
		{"no line", 0, func() { _, _ = parseBaggage() }},
		{"a line", 3, func() { _, _ = parseBaggage(lines...) }},                                     // baggage, members, attributes
		{"to be decoded, and compacted", 6, func() { _, _ = parseBaggage(encoded...) }},             // value, its bytes, header
		{"WithBaggage", 8, func() { allocSink.ctx, allocSink.err = WithBaggage(ctx, "user", "u") }}, // 3, header, member, env, bag, context
		{"child", 1, func() { _, _ = tr.Start(ctx, "op") }},
		{"header", 1, func() { _, _, _ = hook.Inject(below) }}, // traceparent
		{"carrier", 2, func() { allocSink.c = NewCarrier(below) }},
		{"Baggage", 3, func() {
			for k := range Baggage(below) {
				if k == "" {
					t.Fatal("no key")
				}
			}
		}},
		{"a record of ours", 0, func() { _ = ours.Handle(below, r) }},
		{"a record of others'", 0, func() { _ = others.Handle(below, r) }},
	} {
		if got := testing.AllocsPerRun(200, test.f); got > test.want {
			t.Errorf("%s: %v allocations, want at most %v", test.name, got, test.want)
		} else if got < test.want {
			t.Logf("%s: %v allocations, allowed %v", test.name, got, test.want)
		}
	}
}

const (
	oracleToken  = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
	oracleOctets = `(?:[\x21\x23\x24\x26-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]|%[0-9A-Fa-f]{2})*`
	oracleOWS    = `[ \t]*`
)

var (
	oracleVisible    = regexp.MustCompile(`\A[!-~]*\z`)
	oracleSemicolons = regexp.MustCompile(`;+`)
)

var oracleListMember = regexp.MustCompile(`\A(` + oracleToken + `)` + oracleOWS + `=` + oracleOWS + `(` + oracleOctets + `)` + oracleOWS +
	`(?:;` + oracleOWS + `(?:` + oracleToken + oracleOWS + `(?:=` + oracleOWS + oracleOctets + oracleOWS + `)?)?)*\z`)

// oracleBaggage does what parseBaggage does, in the simplest way.
func oracleBaggage(lines []string) (members [][3]string, ok bool) {
	all := strings.Join(lines, ",")
	ok = true
	if len(all) > 32*1024 {
		all, ok = all[:max(0, strings.LastIndex(all[:32*1024+1], ","))], false
	}
	length := -1
	for part := range strings.SplitSeq(all, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		m := oracleListMember.FindStringSubmatch(part)
		if m == nil {
			ok = false
			continue
		}
		text := strings.NewReplacer(" ", "", "\t", "").Replace(part)
		text = strings.TrimSuffix(oracleSemicolons.ReplaceAllString(text, ";"), ";")
		if len(members) == 64 || length+1+len(text) > 8192 {
			ok = false
			continue
		}
		length += 1 + len(text)
		value, err := url.PathUnescape(m[2])
		if err != nil {
			panic(err)
		}
		var utf8 strings.Builder
		for _, r := range value {
			utf8.WriteRune(r)
		}
		members = append(members, [3]string{m[1], utf8.String(), text})
	}
	return members, ok
}

func FuzzBaggage(f *testing.F) {
	for _, v := range readPropagation(f).Baggage {
		f.Add(strings.Join(v.header().Values("baggage"), "\n"), "key", "value")
	}
	f.Add(" a = %41%ff ; p = 1 ;; q ,a=2", "a", " \x00é,;\\\"%")
	f.Add(baggageMembersOf(70), "k3", "")
	f.Add("a="+strings.Repeat("%01", 100)+",baggage_omitted=7,msg=x", "a b", "\xff")
	f.Add("a=1"+strings.Repeat(" ", 32<<10-7)+"\nb=2\nc=3", "", strings.Repeat(" ", 3000))
	var line bytes.Buffer
	h := NewJSONHandler(&line, nil)
	// A line feed cannot be part of a header, so it separates lines here; one string is easier to mutate.
	f.Fuzz(func(t *testing.T, text, key, value string) {
		lines := strings.Split(text, "\n")
		b, err := parseBaggage(lines...)
		members, ok := oracleBaggage(lines)
		if (err == nil) != ok {
			t.Fatalf("parseBaggage(%q): error %v, want valid %t", lines, err, ok)
		}
		if err != nil {
			checkErrorText(t, err)
		}
		checkBaggage(t, b)
		ctx, _ := hook.Extract(t.Context(), []string{testTraceparent}, nil, lines)
		var got [][3]string
		if b != nil {
			var texts []string
			for _, m := range b.members {
				got = append(got, [3]string{m.Key(), m.Value, m.Text})
				texts = append(texts, m.Text)
			}
			if headerBaggage(ctx) != strings.Join(texts, ",") {
				t.Errorf("the header %q is not its members %q", headerBaggage(ctx), texts)
			}
		}
		if diff := cmp.Diff(members, got); diff != "" {
			t.Errorf("parseBaggage(%q) (-want +got):\n%s", lines, diff)
		}

		line.Reset()
		slog.New(h).InfoContext(ctx, "m")
		m := recordDecode(t, line.Bytes())
		if m["msg"] != "m" || m["trace"] != testTraceText || bytes.Count(line.Bytes(), []byte("\n")) != 1 {
			t.Errorf("wrote %q", line.Bytes())
		}

		// And one member more.
		with, err := WithBaggage(ctx, key, value)
		if err != nil {
			if with != ctx {
				t.Error("with an error, but not ctx itself")
			}
			checkErrorText(t, err)
			return
		}
		checkBaggage(t, currentOf(with).env.baggage())
		again, err := NewCarrier(with).Context(t.Context())
		if err != nil {
			t.Fatalf("what NewCarrier made, Context does not like: %v", err)
		}
		if baggageText(again) != baggageText(with) || headerBaggage(again) != headerBaggage(with) {
			t.Errorf("carried as %q, was %q", headerBaggage(again), headerBaggage(with))
		}
		found := 0
		for k, v := range Baggage(again) {
			if k == key {
				found++
				if v != value {
					t.Errorf("%q arrived as %q", value, v)
				}
			}
		}
		if found != 1 {
			t.Errorf("%q arrived %d times", key, found)
		}
	})
}

func BenchmarkBaggage(b *testing.B) {
	h := NewJSONHandler(nopWriter{}, nil)
	tr := NewTracer(slog.DiscardHandler, nil)
	r := testRecord(slog.Int("a", 1), slog.String("b", "c"))
	for _, bench := range []struct {
		name, line string
	}{
		{"none", ""},
		{"two members", "tenant=t1,run=7"},
		{"64 members", baggageMembersOf(64)},
		{"a megabyte", strings.Repeat("a=1,", 1<<18)},
	} {
		b.Run("parse "+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = parseBaggage(bench.line)
			}
		})
		ctx, _ := hook.Extract(context.Background(), []string{testTraceparent}, nil, []string{bench.line})
		ctx, _ = tr.Start(ctx, "op")
		b.Run("record "+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(ctx, r)
			}
		})
	}
}

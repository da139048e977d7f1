package tracehttp

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// An outcome is what the B3 specification requires for some headers, in the form of testdata/b3.json.
type outcome struct {
	Valid    bool
	TraceID  *string `json:"trace_id_128"`
	SpanID   *string `json:"span_id"`
	Sampling string
	Debug    bool
}

type vector struct {
	Name     string
	Headers  map[string][]string
	Want     outcome
	Accept   []outcome
	Strength string
}

func readVectors(t testing.TB) map[string][]vector {
	t.Helper()
	text, err := os.ReadFile("testdata/b3.json")
	if err != nil {
		t.Fatal(err)
	}
	var sections struct {
		Single []vector `json:"b3_single"`
		Multi  []vector `json:"b3_multi"`
	}
	if err := json.Unmarshal(text, &sections); err != nil {
		t.Fatal(err)
	}
	if len(sections.Single) < 50 || len(sections.Multi) < 30 {
		t.Fatalf("%d and %d vectors", len(sections.Single), len(sections.Multi))
	}
	return map[string][]vector{"single": sections.Single, "multi": sections.Multi}
}

func (o outcome) is(v b3, err error, any bool) bool {
	if !o.Valid {
		return err != nil || !any
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	sampling := map[string]hook.Sampling{"defer": hook.Defer, "deny": hook.Deny, "accept": hook.Accept, "debug": hook.Accept}[o.Sampling]
	return err == nil && v.trace.String() == text(o.TraceID) && v.span.String() == text(o.SpanID) && v.sampling == sampling && v.debug == o.Debug
}

func TestB3Vectors(t *testing.T) {
	for section, vectors := range readVectors(t) {
		for _, test := range vectors {
			t.Run(section+"/"+test.Name, func(t *testing.T) {
				h := http.Header{}
				for key, values := range test.Headers {
					for _, v := range values {
						h.Add(key, v)
					}
				}
				var v b3
				var err error
				single := h["B3"]
				any := len(single) > 0 || slices.ContainsFunc(b3Headers[1:], func(key string) bool { return len(h[key]) > 0 })
				if len(single) > 0 {
					v, err = parseB3Single(single[0])
				} else {
					v, err = parseB3Multi(h["X-B3-Traceid"], h["X-B3-Spanid"], h["X-B3-Parentspanid"], h["X-B3-Sampled"], h["X-B3-Flags"])
				}
				ok := test.Want.is(v, err, any)
				for _, o := range test.Accept {
					ok = ok || test.Strength != "must" && test.Strength != "should" && o.is(v, err, any)
				}
				if !ok {
					t.Errorf("%q: got %+v, %v, want %+v", test.Headers, v, err, test.Want)
				}

				// The exported function does the same, with keys in either case.
				for _, lower := range []bool{false, true} {
					keys := http.Header{}
					for key, values := range h {
						if lower {
							key = strings.ToLower(key)
						}
						keys[key] = values
					}
					ctx, extractErr := Extract(t.Context(), keys)
					sc := slogtrace.SpanContextFromContext(ctx)
					if sc.TraceID != v.trace || sc.SpanID != v.span || sc.IsSampled() != (v.span.IsValid() && v.sampling == hook.Accept) || (err != nil) != (extractErr != nil) {
						t.Errorf("Extract: got %+v, %v", sc, extractErr)
					}
				}
			})
		}
	}
}

// If b3 is not valid, the X-B3-… headers count, and the error still names b3.
func TestB3Fallback(t *testing.T) {
	h := http.Header{"B3": {"x"}, "X-B3-Traceid": {"a3ce929d0e0e4736"}, "X-B3-Spanid": {"00f067aa0ba902b7"}}
	ctx, err := Extract(t.Context(), h)
	if sc := slogtrace.SpanContextFromContext(ctx); sc.TraceID.String() != "0000000000000000a3ce929d0e0e4736" || err != errB3Single {
		t.Errorf("%+v, %v", sc, err)
	}
}

// A server reads what a transport writes, including debug. On a 64-bit id the zeros stay.
func TestB3Out(t *testing.T) {
	for _, in := range []http.Header{
		{"B3": {"d"}}, {"B3": {"0"}}, {"B3": {"1"}},
		{"B3": {"a3ce929d0e0e4736-00f067aa0ba902b7-d"}}, {"B3": {"a3ce929d0e0e4736-00f067aa0ba902b7-0"}}, {"B3": {"a3ce929d0e0e4736-00f067aa0ba902b7-1"}},
	} {
		ctx, err := Extract(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		ctx, span := slogtrace.NewTracer(nil, nil).Start(ctx, "op")
		out := http.Header{}
		injectB3(ctx, out, true, true)
		single, err := parseB3Single(out.Get("B3"))
		multi, multiErr := parseB3Multi(out["X-B3-Traceid"], out["X-B3-Spanid"], nil, out["X-B3-Sampled"], out["X-B3-Flags"])
		sc := span.SpanContext()
		debug := strings.HasSuffix(in.Get("B3"), "d")
		if single != multi || err != nil || multiErr != nil || single.trace != sc.TraceID || single.span != sc.SpanID ||
			single.debug != debug || (single.sampling == hook.Accept) != sc.IsSampled() {
			t.Errorf("%v: out %v", in, out)
		}
		if debug && len(in.Get("B3")) > 1 {
			// Debug of one trace does not hold for another.
			other := slogtrace.ContextWithRemoteSpanContext(ctx, slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{1}, Flags: 1})
			injectB3(other, out, true, false)
			if strings.HasSuffix(out.Get("B3"), "d") {
				t.Error("the debugging went on to another trace")
			}
		}
	}
}

var (
	b3Pattern   = regexp.MustCompile(`^[ \t]*(?:([01d])|([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?)[ \t]*$`)
	zeroPattern = regexp.MustCompile(`^0+$`)
	idPattern   = regexp.MustCompile(`^[ \t]*([0-9a-f]{16})[ \t]*$`)
)

func FuzzB3Single(f *testing.F) {
	for _, vectors := range readVectors(f) {
		for _, v := range vectors {
			for _, values := range v.Headers {
				f.Add(values[0])
			}
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseB3Single(s)
		var want b3
		m := b3Pattern.FindStringSubmatch(s)
		valid := m != nil && !zeroPattern.MatchString(m[2]) && !zeroPattern.MatchString(m[3]) && !zeroPattern.MatchString(m[5])
		if valid {
			if m[2] != "" {
				want.trace.UnmarshalText([]byte(strings.Repeat("0", 32-len(m[2])) + m[2]))
				want.span.UnmarshalText([]byte(m[3]))
			}
			switch m[1] + m[4] {
			case "0":
				want.sampling = hook.Deny
			case "1":
				want.sampling = hook.Accept
			case "d":
				want.sampling, want.debug = hook.Accept, true
			}
		}
		if got != want || (err == nil) != valid {
			t.Errorf("%q: got %+v, %v, want %+v, valid %t", s, got, err, want, valid)
		}
	})
}

func FuzzB3Multi(f *testing.F) {
	f.Add("a3ce929d0e0e4736", "00f067aa0ba902b7", "", "1", "", uint8(31))
	f.Add("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "05e3ac9a4f6e3b90", "FALSE", "1", uint8(15))
	f.Fuzz(func(t *testing.T, trace, span, parent, sampled, flags string, present uint8) {
		lines := func(bit int, s string) []string {
			if present&(1<<bit) == 0 {
				return nil
			}
			return []string{s, "another line"}
		}
		got, err := parseB3Multi(lines(0, trace), lines(1, span), lines(2, parent), lines(3, sampled), lines(4, flags))
		// If it can be written as one header, that means the same.
		state := strings.Trim(sampled, " \t")
		switch {
		case present&8 == 0:
			state = ""
		case strings.EqualFold(state, "true"):
			state = "1"
		case strings.EqualFold(state, "false"):
			state = "0"
		}
		sampling := state
		if present&16 != 0 && strings.Trim(flags, " \t") == "1" {
			sampling = "d"
		} else if state == "d" {
			sampling = "no"
		}
		single := ""
		if present&3 != 0 {
			if present&3 != 3 {
				single = "not one"
			}
			single += strings.Trim(trace, " \t") + "-" + strings.Trim(span, " \t")
			if present&8 != 0 || sampling == "d" {
				single += "-" + sampling
			}
			if present&4 != 0 && idPattern.FindStringSubmatch(parent) == nil || present&4 != 0 && zeroPattern.MatchString(strings.Trim(parent, " \t")) {
				single = "not one"
			}
		} else {
			single = sampling
			if present&4 != 0 {
				single = "not one"
			}
			if single == "" && present&8 == 0 {
				if err != nil || got != (b3{}) {
					t.Errorf("nothing: %+v, %v", got, err)
				}
				return
			}
		}
		want, wantErr := parseB3Single(single)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("got %+v, %v; as %q: %+v, %v", got, err, single, want, wantErr)
		}
	})
}

// Whatever Extract takes from headers, a transport writes again. From nonsense it takes nothing.
func FuzzExtract(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1", "", false)
	f.Add("x", "", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false)
	f.Add("", "a=1", "d", true)
	f.Fuzz(func(t *testing.T, traceparent, tracestate, single string, without bool) {
		h := http.Header{"Traceparent": {traceparent}, "Tracestate": {tracestate}, "B3": {single}}
		if without {
			delete(h, "Traceparent")
		}
		ctx, err := Extract(t.Context(), h)
		got := slogtrace.SpanContextFromContext(ctx)
		var want slogtrace.SpanContext
		if without {
			v, _ := parseB3Single(single)
			want = slogtrace.SpanContext{TraceID: v.trace, SpanID: v.span}
			if v.sampling == hook.Accept && want.IsValid() {
				want.Flags = slogtrace.FlagSampled
			}
		} else {
			want, _ = slogtrace.ParseTraceparent(traceparent)
			want.State = got.State // tested in the root package
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if err != nil && (len(err.Error()) > 500 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q", err)
		}
		out := http.Header{}
		Inject(ctx, out)
		ctx, err = Extract(t.Context(), out)
		if again := slogtrace.SpanContextFromContext(ctx); again != got || err != nil {
			t.Errorf("again: got %+v, %v, want %+v", again, err, got)
		}
	})
}

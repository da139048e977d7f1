package slogtrace

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

var (
	_ encoding.TextAppender    = TraceID{}
	_ encoding.TextMarshaler   = TraceID{}
	_ encoding.TextUnmarshaler = (*TraceID)(nil)
	_ encoding.TextAppender    = SpanID{}
	_ encoding.TextMarshaler   = SpanID{}
	_ encoding.TextUnmarshaler = (*SpanID)(nil)
)

const (
	testTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	testTraceText   = "4bf92f3577b34da6a3ce929d0e0e4736"
	testSpanText    = "00f067aa0ba902b7"
)

var testSpanContext = SpanContext{
	TraceID: TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36},
	SpanID:  SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
	Flags:   FlagSampled,
}

func ExampleParseTraceparent() {
	sc, err := ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("trace", sc.TraceID)
	fmt.Println("span", sc.SpanID)
	fmt.Println("sampled", sc.IsSampled())

	_, err = ParseTraceparent("00-4bf92f3577b3")
	fmt.Println(err)
	// Output:
	// trace 4bf92f3577b34da6a3ce929d0e0e4736
	// span 00f067aa0ba902b7
	// sampled true
	// slogtrace: traceparent: want 55 bytes, got 15
}

// propagation is testdata/propagation.json. Its legend explains the fields.
type propagation struct {
	Traceparent, Tracestate, Baggage []propagationVector
}

type propagationVector struct {
	Name     string
	Headers  map[string][]string
	Want     json.RawMessage
	Accept   []json.RawMessage
	Strength string

	AcceptSubset *int `json:"accept_subset"`
}

// header returns v's headers under canonical names, as in net/http.
func (v *propagationVector) header() http.Header {
	h := http.Header{}
	for name, lines := range v.Headers {
		for _, line := range lines {
			h.Add(name, line)
		}
	}
	return h
}

func readPropagation(tb testing.TB) propagation {
	tb.Helper()
	data, err := os.ReadFile("testdata/propagation.json")
	if err != nil {
		tb.Fatal(err)
	}
	var p propagation
	if err := json.Unmarshal(data, &p); err != nil {
		tb.Fatal(err)
	}
	if len(p.Traceparent) == 0 || len(p.Tracestate) == 0 || len(p.Baggage) == 0 {
		tb.Fatal("testdata/propagation.json: a section is empty")
	}
	return p
}

// outcomes returns v's want, then each of accept merged over it.
func outcomes[T any](tb testing.TB, v *propagationVector) []T {
	tb.Helper()
	all := make([]T, 1+len(v.Accept))
	for i := range all {
		if err := json.Unmarshal(v.Want, &all[i]); err != nil {
			tb.Fatal(err)
		}
		if i > 0 {
			if err := json.Unmarshal(v.Accept[i-1], &all[i]); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return all
}

// checkOutcome fails the test if got is none of v's outcomes and the standard binds us.
func checkOutcome[T any](t *testing.T, v *propagationVector, got T) {
	t.Helper()
	all := outcomes[T](t, v)
	for _, want := range all {
		if cmp.Equal(want, got) {
			return
		}
	}
	diff := cmp.Diff(all[0], got)
	switch v.Strength {
	case "must", "should":
		t.Errorf("%d outcomes permitted, the first is (-want +got):\n%s", len(all), diff)
	case "may", "undefined":
		t.Logf("strength %s, so permitted (-want +got):\n%s", v.Strength, diff)
	default:
		t.Fatalf("unknown strength %q", v.Strength)
	}
}

// parseTraceparentLines does what a reader of headers must do: several lines are not valid.
func parseTraceparentLines(lines []string) (SpanContext, error) {
	if len(lines) != 1 {
		return SpanContext{}, fmt.Errorf("want 1 line, got %d", len(lines))
	}
	return ParseTraceparent(lines[0])
}

func TestTraceparentVectors(t *testing.T) {
	type outcome struct {
		Valid    bool   `json:"valid"`
		TraceID  string `json:"trace_id"`
		SpanID   string `json:"span_id"`
		Sampled  bool   `json:"sampled"`
		Random   bool   `json:"random"`
		OutFlags string `json:"out_flags"`
	}
	child := SpanID{0xc0, 1, 2, 3, 4, 5, 6, 7}
	for _, v := range readPropagation(t).Traceparent {
		t.Run(v.Name, func(t *testing.T) {
			sc, err := parseTraceparentLines(v.header().Values("traceparent"))
			var got outcome
			if err == nil {
				parent := sc.SpanID
				sc.SpanID = child
				out := sc.Traceparent()
				prefix := "00-" + sc.TraceID.String() + "-c001020304050607-"
				flags, ok := strings.CutPrefix(out, prefix)
				if !ok {
					t.Errorf("Traceparent() of a child = %q, want it to begin with %q", out, prefix)
				}
				got = outcome{
					Valid:    true,
					TraceID:  sc.TraceID.String(),
					SpanID:   parent.String(),
					Sampled:  sc.IsSampled(),
					Random:   sc.Flags&FlagRandom != 0,
					OutFlags: flags,
				}
			} else if diff := cmp.Diff(SpanContext{}, sc); diff != "" {
				t.Errorf("SpanContext beside an error (-want +got):\n%s", diff)
			}
			checkOutcome(t, &v, got)
		})
	}
}

func TestParseTraceparent(t *testing.T) {
	const ids = "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	megabyte := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		name, in, wantErr string
	}{
		{"empty", "", "slogtrace: traceparent: want 55 bytes, got 0"},
		{"only white space", " \t ", "slogtrace: traceparent: want 55 bytes, got 0"},
		{"short", "00-4bf92f357", "slogtrace: traceparent: want 55 bytes, got 12"},
		{"trailing dash", "00" + ids + "01-", "slogtrace: traceparent: want 55 bytes, got 56"},
		{"more fields than version 00 has", "00" + ids + "01-" + megabyte, "slogtrace: traceparent: want 55 bytes, got 1048632"},
		{"further field", "01" + ids + "01-" + megabyte, ""},
		{"further field without a dash", "01" + ids + "01,", `slogtrace: traceparent: want "-" or nothing at byte 55, got ","`},
		{"a megabyte of something else", megabyte, `slogtrace: traceparent: want a lower-case hex digit at byte 0, got "x"`},
		{"upper case", "00" + strings.ToUpper(ids) + "01", `slogtrace: traceparent: want a lower-case hex digit at byte 4, got "B"`},
		{"control character", "00" + ids + "0\n", `slogtrace: traceparent: want a lower-case hex digit at byte 54, got "\n"`},
		{"not ASCII", "00-\xff" + ids[2:] + "01", `slogtrace: traceparent: want a lower-case hex digit at byte 3, got "\xff"`},
		{"no dash", "000" + ids[1:] + "01", `slogtrace: traceparent: want "-" at byte 2, got "0"`},
		{"white space inside the value counts", " 00- " + ids[2:] + "01", `slogtrace: traceparent: want a lower-case hex digit at byte 3, got " "`},
		{"version ff", "ff" + ids + "01", "slogtrace: traceparent: want a version below ff, got ff"},
		{"zero trace id", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "slogtrace: traceparent: want a trace id that is not zero, got 32 zeros"},
		{"zero parent id", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "slogtrace: traceparent: want a parent id that is not zero, got 16 zeros"},
		{"white space around", "\t 00" + ids + "01 \t", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := testSpanContext
			if test.wantErr != "" {
				want = SpanContext{}
			}
			got, err := ParseTraceparent(test.in)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("SpanContext (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func errorString(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Each byte of a traceparent, replaced by each other byte: only a lower-case hex digit may come through.
func TestParseTraceparentEveryByte(t *testing.T) {
	for at := range len(testTraceparent) {
		for c := range 256 {
			in := testTraceparent[:at] + string([]byte{byte(c)}) + testTraceparent[at+1:]
			_, err := ParseTraceparent(in)
			if want := oracleTraceparent(in) != nil; (err == nil) != want {
				t.Errorf("ParseTraceparent(%q): error %v, want valid %t", in, err, want)
			}
		}
	}
}

// An id is zero only if all of its digits are.
func TestParseTraceparentAlmostZero(t *testing.T) {
	const zero = "00-00000000000000000000000000000000-0000000000000000-00"
	const traceIDAt, spanIDAt, flagsAt = 3, 36, 53 // in it
	for at := traceIDAt; at < flagsAt-1; at++ {
		for other := traceIDAt; other < flagsAt-1; other++ {
			in := []byte(zero)
			in[at], in[other] = '1', 'f'
			in[traceIDAt-1], in[spanIDAt-1] = '-', '-'
			_, err := ParseTraceparent(string(in))
			if want := oracleTraceparent(string(in)) != nil; (err == nil) != want {
				t.Errorf("ParseTraceparent(%q): error %v, want valid %t", in, err, want)
			}
		}
	}
}

func TestTraceparent(t *testing.T) {
	for _, test := range []struct {
		name string
		sc   SpanContext
		want string
	}{
		{"zero", SpanContext{}, ""},
		{"no trace id", SpanContext{SpanID: testSpanContext.SpanID}, ""},
		{"no span id", SpanContext{TraceID: testSpanContext.TraceID}, ""},
		{"sampled", testSpanContext, testTraceparent},
		{"no flags", withFlags(0), testTraceparent[:53] + "00"},
		{"random", withFlags(FlagRandom), testTraceparent[:53] + "02"},
		{"both", withFlags(FlagSampled | FlagRandom), testTraceparent[:53] + "03"},
		{"unknown flags stay here", withFlags(0xff), testTraceparent[:53] + "03"},
		{"only unknown flags", withFlags(0xfc), testTraceparent[:53] + "00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.sc.Traceparent()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Traceparent (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff("x"+test.want, string(test.sc.appendTraceparent([]byte("x")))); diff != "" {
				t.Errorf("appendTraceparent (-want +got):\n%s", diff)
			}
			if got == "" {
				return
			}
			back, err := ParseTraceparent(got)
			if err != nil {
				t.Fatal(err)
			}
			want := test.sc
			want.Flags &= FlagSampled | FlagRandom
			if diff := cmp.Diff(want, back); diff != "" {
				t.Errorf("there and back (-want +got):\n%s", diff)
			}
		})
	}
}

func withFlags(f Flags) SpanContext {
	sc := testSpanContext
	sc.Flags = f
	return sc
}

func TestSpanContextIsValid(t *testing.T) {
	for _, test := range []struct {
		name           string
		sc             SpanContext
		valid, sampled bool
	}{
		{"zero", SpanContext{}, false, false},
		{"flags and state alone", SpanContext{Flags: FlagSampled, State: "a=1"}, false, true},
		{"no trace id", SpanContext{SpanID: testSpanContext.SpanID}, false, false},
		{"no span id", SpanContext{TraceID: testSpanContext.TraceID}, false, false},
		{"both ids", withFlags(0), true, false},
		{"sampled", testSpanContext, true, true},
		{"random is not sampled", withFlags(FlagRandom), true, false},
		{"sampled among others", withFlags(0x85), true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.sc.IsValid(); got != test.valid {
				t.Errorf("IsValid() = %t, want %t", got, test.valid)
			}
			if got := test.sc.IsSampled(); got != test.sampled {
				t.Errorf("IsSampled() = %t, want %t", got, test.sampled)
			}
		})
	}
}

func TestParseIDs(t *testing.T) {
	parse := map[string]func(string) (string, error){
		"trace id": func(s string) (string, error) { id, err := ParseTraceID(s); return id.String(), err },
		"span id":  func(s string) (string, error) { id, err := ParseSpanID(s); return id.String(), err },
	}
	for _, test := range []struct {
		thing, name, in, wantErr string
	}{
		{"trace id", "good", testTraceText, ""},
		{"trace id", "every digit", "00112233445566778899aabbccddeeff", ""},
		{"trace id", "high half zero", "00000000000000000000000000000001", ""},
		{"trace id", "empty", "", "slogtrace: trace id: want 32 bytes, got 0"},
		{"trace id", "short", testTraceText[1:], "slogtrace: trace id: want 32 bytes, got 31"},
		{"trace id", "long", testTraceText + "0", "slogtrace: trace id: want 32 bytes, got 33"},
		{"trace id", "a megabyte", strings.Repeat("a", 1<<20), "slogtrace: trace id: want 32 bytes, got 1048576"},
		{"trace id", "white space is not trimmed", " " + testTraceText, "slogtrace: trace id: want 32 bytes, got 33"},
		{"trace id", "upper case", strings.ToUpper(testTraceText), `slogtrace: trace id: want a lower-case hex digit at byte 1, got "B"`},
		{"trace id", "control character", testTraceText[:31] + "\x00", `slogtrace: trace id: want a lower-case hex digit at byte 31, got "\x00"`},
		{"trace id", "zero", strings.Repeat("0", 32), "slogtrace: trace id: want one that is not zero, got 32 zeros"},
		{"span id", "good", testSpanText, ""},
		{"span id", "highest", "ffffffffffffffff", ""},
		{"span id", "empty", "", "slogtrace: span id: want 16 bytes, got 0"},
		{"span id", "a trace id", testTraceText, "slogtrace: span id: want 16 bytes, got 32"},
		{"span id", "upper case", strings.ToUpper(testSpanText), `slogtrace: span id: want a lower-case hex digit at byte 2, got "F"`},
		{"span id", "not ASCII", testSpanText[:14] + "é", `slogtrace: span id: want a lower-case hex digit at byte 14, got "\xc3"`},
		{"span id", "zero", strings.Repeat("0", 16), "slogtrace: span id: want one that is not zero, got 16 zeros"},
	} {
		t.Run(test.thing+"/"+test.name, func(t *testing.T) {
			want := test.in
			if test.wantErr != "" {
				want = ""
			}
			got, err := parse[test.thing](test.in)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("id (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDText(t *testing.T) {
	for _, test := range []struct {
		name string
		id   interface {
			fmt.Stringer
			encoding.TextAppender
			encoding.TextMarshaler
		}
		want string
	}{
		{"zero trace id", TraceID{}, ""},
		{"zero span id", SpanID{}, ""},
		{"trace id", testSpanContext.TraceID, testTraceText},
		{"span id", testSpanContext.SpanID, testSpanText},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.id.String()); diff != "" {
				t.Errorf("String (-want +got):\n%s", diff)
			}
			text, err := test.id.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(text)); diff != "" {
				t.Errorf("MarshalText (-want +got):\n%s", diff)
			}
			text, err = test.id.AppendText([]byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("x"+test.want, string(text)); diff != "" {
				t.Errorf("AppendText (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDJSON(t *testing.T) {
	type job struct {
		Trace  TraceID            `json:"trace"`
		Span   SpanID             `json:"span"`
		Parent SpanID             `json:"parent,omitzero"`
		ByID   map[TraceID]SpanID `json:"by_id,omitempty"`
	}
	tid, sid := testSpanContext.TraceID, testSpanContext.SpanID
	for _, test := range []struct {
		name string
		job  job
		want string
	}{
		{"zero", job{}, `{"trace":"","span":""}`},
		{"ids", job{Trace: tid, Span: sid, Parent: sid}, `{"trace":"` + testTraceText + `","span":"` + testSpanText + `","parent":"` + testSpanText + `"}`},
		{"map", job{ByID: map[TraceID]SpanID{tid: sid}}, `{"trace":"","span":"","by_id":{"` + testTraceText + `":"` + testSpanText + `"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := json.Marshal(test.job)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(text)); diff != "" {
				t.Errorf("Marshal (-want +got):\n%s", diff)
			}
			// The old headers must be removed.
			back := job{Trace: TraceID{1}, Span: SpanID{2}}
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.job, back); diff != "" {
				t.Errorf("there and back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDUnmarshalRefuses(t *testing.T) {
	before := struct {
		Trace TraceID
		Span  SpanID
	}{TraceID{1}, SpanID{2}}
	for in, want := range map[string]string{
		`{"Trace":"4BF92F3577B34DA6A3CE929D0E0E4736"}`: `slogtrace: trace id: want a lower-case hex digit at byte 1, got "B"`,
		`{"Trace":"00000000000000000000000000000000"}`: "slogtrace: trace id: want one that is not zero, got 32 zeros",
		`{"Trace":" "}`:                "slogtrace: trace id: want 32 bytes, got 1",
		`{"Span":"00F067AA0BA902B7"}`:  `slogtrace: span id: want a lower-case hex digit at byte 2, got "F"`,
		`{"Span":"0000000000000000"}`:  "slogtrace: span id: want one that is not zero, got 16 zeros",
		`{"Span":"00f067aa0ba902b70"}`: "slogtrace: span id: want 16 bytes, got 17",
	} {
		t.Run(in, func(t *testing.T) {
			got := before
			err := json.Unmarshal([]byte(in), &got)
			if diff := cmp.Diff(want, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("value after an error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTraceAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	const ids = "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	buf := make([]byte, 0, 64)
	parse := func(in string) func() {
		return func() { traceSink.sc, traceSink.err = ParseTraceparent(in) }
	}
	for _, test := range []struct {
		name string
		want float64
		fn   func()
	}{
		{"ParseTraceparent", 0, parse(testTraceparent)},
		{"ParseTraceparent, white space", 0, parse(" " + testTraceparent + "\t")},
		{"ParseTraceparent, higher version", 0, parse("01" + ids + "01-more")},
		{"ParseTraceparent, absent", 0, parse("")},
		{"ParseTraceparent, short", 0, parse(testTraceparent[:54])},
		{"ParseTraceparent, trailing dash", 0, parse(testTraceparent + "-")},
		{"ParseTraceparent, version ff", 0, parse("ff" + ids + "01")},
		{"ParseTraceparent, zero trace id", 0, parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01")},
		{"ParseTraceparent, upper case", 1, parse(strings.ToUpper(testTraceparent))},
		{"Traceparent", 1, func() { traceSink.text = testSpanContext.Traceparent() }},
		{"appendTraceparent", 0, func() { buf = testSpanContext.appendTraceparent(buf[:0]) }},
		{"ParseTraceID", 0, func() { traceSink.sc.TraceID, traceSink.err = ParseTraceID(testTraceText) }},
		{"ParseSpanID", 0, func() { traceSink.sc.SpanID, traceSink.err = ParseSpanID(testSpanText) }},
		{"TraceID.String", 1, func() { traceSink.text = testSpanContext.TraceID.String() }},
		{"TraceID.AppendText", 0, func() { buf, traceSink.err = testSpanContext.TraceID.AppendText(buf[:0]) }},
		{"SpanID.AppendText", 0, func() { buf, traceSink.err = testSpanContext.SpanID.AppendText(buf[:0]) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, test.fn); got != test.want {
				t.Errorf("got %v allocations, want %v", got, test.want)
			}
		})
	}
}

// traceSink takes results, so that the compiler does not drop them.
var traceSink struct {
	sc   SpanContext
	text string
	err  error
}

// The oracle parses a traceparent with regular expressions and encoding/hex.
var (
	oracleVersion00 = regexp.MustCompile(`\A[ \t]*00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})[ \t]*\z`)
	oracleHigher    = regexp.MustCompile(`(?s)\A[ \t]*[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?[ \t]*\z`)
	oracleForbidden = regexp.MustCompile(`\A[ \t]*(00|ff)`)
	oracleZeroID    = regexp.MustCompile(`-(0{32}|0{16})-`)
)

// oracleTraceparent returns the contents of s, or nil if s is not valid.
func oracleTraceparent(s string) *SpanContext {
	m := oracleVersion00.FindStringSubmatch(s)
	if m == nil && !oracleForbidden.MatchString(s) {
		m = oracleHigher.FindStringSubmatch(s)
	}
	if m == nil || oracleZeroID.MatchString("-"+m[1]+"-") || oracleZeroID.MatchString("-"+m[2]+"-") {
		return nil
	}
	var sc SpanContext
	hex.Decode(sc.TraceID[:], []byte(m[1]))
	hex.Decode(sc.SpanID[:], []byte(m[2]))
	if strings.Contains("13579bdf", m[3][1:]) {
		sc.Flags += FlagSampled
	}
	if strings.Contains("2367abef", m[3][1:]) {
		sc.Flags += FlagRandom
	}
	return &sc
}

var printableLine = regexp.MustCompile(`\Aslogtrace: [ -~]+\z`)

// checkErrorText fails the test if err could spoil a log.
func checkErrorText(t *testing.T, err error) {
	t.Helper()
	const most = 350
	if text := err.Error(); len(text) > most || !printableLine.MatchString(text) {
		t.Errorf("error %.400q, want at most %d bytes of printable ASCII that begin with \"slogtrace: \"", text, most)
	}
}

func FuzzParseTraceparent(f *testing.F) {
	for _, v := range readPropagation(f).Traceparent {
		for _, lines := range v.Headers {
			for _, line := range lines {
				f.Add(line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTraceparent(s)
		var want SpanContext
		oracle := oracleTraceparent(s)
		if oracle != nil {
			want = *oracle
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseTraceparent(%q) (-want +got):\n%s", s, diff)
		}
		if (err == nil) != (oracle != nil) {
			t.Fatalf("ParseTraceparent(%q): error %v, want valid %t", s, err, oracle != nil)
		}
		if err != nil {
			checkErrorText(t, err)
			return
		}
		again, err := ParseTraceparent(got.Traceparent())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("there and back of %q (-want +got):\n%s", s, diff)
		}
	})
}

func FuzzTraceIDText(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(testTraceText))
	f.Add([]byte(strings.ToUpper(testTraceText)))
	f.Add([]byte(testSpanText))
	f.Fuzz(func(t *testing.T, text []byte) {
		var trace TraceID
		var span SpanID
		for _, id := range []interface {
			encoding.TextMarshaler
			encoding.TextUnmarshaler
		}{&trace, &span} {
			if err := id.UnmarshalText(text); err != nil {
				checkErrorText(t, err)
				continue
			}
			back, err := id.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(text, back) {
				t.Errorf("%T: %q came back as %q", id, text, back)
			}
		}
	})
}

func BenchmarkParseTraceparent(b *testing.B) {
	for _, bench := range []struct{ name, in string }{
		{"valid", testTraceparent},
		{"absent", ""},
		{"upper case", strings.ToUpper(testTraceparent)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseTraceparent(bench.in)
			}
		})
	}
}

func BenchmarkTraceparent(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		testSpanContext.Traceparent()
	}
}

func BenchmarkParseTraceID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseTraceID(testTraceText)
	}
}

func TestTracestateVectors(t *testing.T) {
	type outcome struct {
		TraceparentValid bool        `json:"tp_valid"`
		Members          [][2]string `json:"members"`
	}
	for _, v := range readPropagation(t).Tracestate {
		t.Run(v.Name, func(t *testing.T) {
			h := v.header()
			got := outcome{Members: [][2]string{}}
			if _, err := parseTraceparentLines(h.Values("traceparent")); err == nil {
				got.TraceparentValid = true
				state, _ := w3c.ParseTracestate(h.Values("tracestate")...)
				if state != "" {
					for text := range strings.SplitSeq(state, ",") {
						key, value, _ := strings.Cut(text, "=")
						got.Members = append(got.Members, [2]string{key, value})
					}
				}
			}
			checkOutcome(t, &v, got)
		})
	}
}

package slogtrace

// Bugs that were planted in a copy of the package, one at a time, and the tests that found each. (1) is
// FuzzJSONHandler and (2) FuzzJSONHandlerInTrace, both with their seeds alone, as go test runs them.
//
//	U+2028 not escaped                           TestAppendString, (1), (2)
//	a quote that safe8 does not see              TestAppendInside, TestAppendString, (1), (2)
//	e-10 becomes e-0; e-09 stays                 TestAppendFloat, (1), (2)
//	cached second ignores the zone               TestAppendNow, (1), (2)
//	fraction keeps its zeros                     TestAppendNow, (1), (2)
//	key not escaped                              (1), (2)
//	nil pointer's panic not <nil>                (1), (2)
//	Error before MarshalJSON; HTML escaped       (1), (2)
//	chain's text not clipped                     TestJSONHandlerSiblings, (1), (2)
//	chain's groups not clipped                   TestJSONHandlerSiblings
//	logger's keys or moves not clipped           TestJSONHandlerSiblingKeys; in namer only with -race
//	ids inside the group                         TestJSONHandlerSiblings, TestJSONHandlerSlog, (2)
//	ReplaceAttr's groups not popped              TestJSONHandlerReplaceAttrWith, (1)
//	emptied group stays open for ReplaceAttr     TestJSONHandlerReplaceAttrWith
//	ReplaceAttr sees the ids in a group          TestJSONHandlerReplaceAttrWith, (2)
//	built-ins' groups empty instead of nil       (1)
//	record's attributes dropped after 5          (1), (2)
//	namer without the taken check                TestJSONHandlerSiblings, (2)
//	group's name not renamed; With stays         TestJSONHandlerWithUnwrittenGroup, (2)
//	valid ignored                                TestJSONHandlerEmptiedGroup, (2)
//	comma never swallowed                        TestJSONHandlerEmptiedGroup, (1)
//	group without attributes counts as nothing   TestJSONHandlerEmptyGroups, (1)
//	two writes; error of Write dropped           TestJSONHandlerWrites
//	no lock                                      TestJSONHandlerConcurrent with -race
//	op not escaped; milliseconds cut off         (2); TestAppendMillis
//	wrong source; Level read too early           TestJSONHandlerSource; TestJSONHandlerLevel; (1)
//	buffer not used again                        TestJSONHandlerAllocs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

func levelOf(n int) slog.Level { return slog.Level(n) }

// A jsonGen makes handlers, loggers and records out of a fuzzer's bytes. Without bytes left it makes the simplest.
type jsonGen struct {
	data      []byte
	oddYear   bool // a time is outside of the years 0 to 9999
	invisible bool // an attribute may leave nothing in the line, and so empty a group
}

func (g *jsonGen) n(k int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return int(b) % k
}

func pick[T any](g *jsonGen, list ...T) T { return list[g.n(len(list))] }

func (g *jsonGen) text() string {
	if g.n(8) == 7 {
		n := min(g.n(40), len(g.data))
		s := string(g.data[:n])
		g.data = g.data[n:]
		return s
	}
	return pick(g, "", "x", "plain", "with \"quotes\" and \\", "line\nbreak\ttab\r", "\u2028\u2029", "\xff\xfe", "\xe2\x80", "<html>&", "héllo wörld",
		"\x00\x01\x1f\x7f\b\f", "a long string of plain ASCII without anything to escape in it", "12345678\"", "1234567\u2028", "😀", `\u2028`)
}

var jsonKeys = []string{"a", "b", "", "trace", "span", "op", "msg", "time", "level", "source", "attr.trace", "attr.attr.trace", "attr.op", "g",
	"user", "error", "start", "attr.error", "duration_ms", "kind", "trace_id", "\xff", "\xfe", "q\"q", "\n", "\x00", "\u2028", "<&>", "ключ", "a.b", "!BUG"}

func (g *jsonGen) key() string { return pick(g, jsonKeys...) }

func (g *jsonGen) time() time.Time {
	zone := testZones[g.n(len(testZones))]
	t := pick(g,
		time.Unix(1_800_000_000, 123_456_789), time.Time{}, time.Unix(1_800_000_000, 0), time.Date(-1, 6, 1, 0, 0, 0, 0, time.UTC),
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(292277, 1, 1, 0, 0, 0, 0, time.UTC), time.Now(), time.Unix(0, 1), time.Unix(1_800_000_000, 120_000_000), time.Date(1600, 1, 1, 0, 0, 0, 5, time.UTC))
	if g.n(3) > 0 {
		t = t.In(zone)
	}
	if y := t.Year(); y < 0 || y > 9999 {
		g.oddYear = true
	}
	return t
}

// Values of types that have methods, some of them ill-behaved.
type (
	errValue      struct{ text string }
	errPanics     struct{ with any }
	errMarshaler  struct{ raw string }
	rawMarshaler  struct{ raw string }
	failMarshaler struct{ err error }
	marshalPanics struct{ with any }
	textMarshaler struct {
		text string
		err  error
	}
	textPanics  struct{}
	valuer      struct{ v slog.Value }
	valuePanics struct{ with any }
	endless     struct{}
	stringer    struct{ N int }
	cycle       struct{ Next *cycle }
)

func (e *errValue) Error() string                   { return e.text } // panics on nil
func (e errPanics) Error() string                   { panic(e.with) }
func (e errMarshaler) Error() string                { return "not to be seen" }
func (e errMarshaler) MarshalJSON() ([]byte, error) { return []byte(e.raw), nil }
func (m *rawMarshaler) MarshalJSON() ([]byte, error) {
	return []byte(m.raw), nil
}
func (m failMarshaler) MarshalJSON() ([]byte, error)  { return nil, m.err }
func (m marshalPanics) MarshalJSON() ([]byte, error)  { panic(m.with) }
func (m *textMarshaler) MarshalText() ([]byte, error) { return []byte(m.text), m.err }
func (m textPanics) MarshalText() ([]byte, error)     { panic("text") }
func (v valuer) LogValue() slog.Value                 { return v.v }
func (v valuePanics) LogValue() slog.Value            { panic(v.with) }
func (v *endless) LogValue() slog.Value               { return slog.AnyValue(v) }
func (s stringer) String() string                     { return "not to be seen" }

func (g *jsonGen) value(depth int) slog.Value {
	const leaves = 17
	n := g.n(20)
	if depth >= 4 {
		n %= leaves
	}
	switch n {
	default:
		return slog.StringValue(g.text())
	case 1:
		return slog.Int64Value(pick[int64](g, 0, 1, -1, math.MaxInt64, math.MinInt64, 42))
	case 2:
		return slog.Uint64Value(pick[uint64](g, 0, 1, math.MaxUint64))
	case 3:
		return slog.Float64Value(pick(g, 0, 1.5, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e-9, 1e-7, 1e21, 1e22, 1e-6, 1e20, math.MaxFloat64,
			math.SmallestNonzeroFloat64, 0.1, -123.456, 1e-10, 1e100, -1e-9))
	case 4:
		return slog.BoolValue(g.n(2) == 1)
	case 5:
		return slog.DurationValue(pick[time.Duration](g, 0, 1, time.Second, math.MaxInt64, math.MinInt64))
	case 6:
		return slog.TimeValue(g.time())
	case 7:
		g.invisible = true
		return slog.AnyValue(pick[any](g, nil, (*slog.Source)(nil), &slog.Source{}, (*int)(nil), (error)(nil)))
	case 8:
		return slog.AnyValue(pick[any](g, &errValue{"an \"error\""}, (*errValue)(nil), errPanics{"boom"}, errPanics{errors.New("boom")}, errMarshaler{`{"x": 1}`}, errMarshaler{`{`},
			errors.New(""), fmt.Errorf("wrapped: %w", io.EOF), errors.Join(io.EOF, io.ErrUnexpectedEOF), (*cycle)(nil), errPanics{(*errValue)(nil)}))
	case 9:
		return slog.AnyValue(pick[any](g, &rawMarshaler{`{"a" : [1, 2]}`}, &rawMarshaler{`"<&>"`}, &rawMarshaler{"nonsense"}, &rawMarshaler{""}, &rawMarshaler{"1\n"}, (*rawMarshaler)(nil),
			failMarshaler{io.EOF}, failMarshaler{errors.New("a \"quote\"\n")}, marshalPanics{"boom"}, marshalPanics{nil}, marshalPanics{fmt.Errorf("x")},
			json.RawMessage(`{"n":1e400}`), json.RawMessage(`{]`), json.Number("12.50"), json.Number("x"), []any{marshalPanics{"in"}}))
	case 10:
		return slog.AnyValue(pick[any](g, &textMarshaler{text: "text\xff"}, &textMarshaler{err: io.EOF}, (*textMarshaler)(nil), textPanics{}, map[string]any{"k": &textMarshaler{text: "v"}}))
	case 11:
		return slog.AnyValue(pick[any](g, stringer{1}, &stringer{2}, struct {
			A int `json:"a,omitempty"`
			B any
			T time.Time
		}{B: []int{1}}, map[string]any{"z": 1, "a": "<\u2028>"}, map[int]bool{2: true, 1: false}, []string{"a", "b"}, [2]float64{1, 1e-9}, []byte("bytes"), []byte(nil), map[string]int(nil)))
	case 12:
		c := &cycle{}
		c.Next = c
		return slog.AnyValue(pick[any](g, make(chan int), func() {}, complex(1, 2), []any{make(chan int)}, c, map[string]float64{"n": math.NaN()}, float32(0.1), uint8(3), 'x'))
	case 13:
		return slog.AnyValue(pick[any](g, slog.LevelInfo, slog.Level(7), slog.KindGroup, slog.Kind(99), slog.String("attr", "in any"), slog.GroupValue(slog.Int("a", 1)), new(slog.LevelVar),
			time.Duration(5), time.Unix(5, 0).UTC(), []time.Time{time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, time.UTC, time.March))
	case 14:
		return slog.AnyValue(pick(g, &slog.Source{Function: "f\"", File: "file.go", Line: 3}, &slog.Source{Line: -1}, &slog.Source{File: "x"}))
	case 15:
		return slog.AnyValue(pick[any](g, valuePanics{"boom"}, valuePanics{errors.New("boom")}, &endless{}, (*valuer)(nil), slog.Source{Line: 4}))
	case 16:
		return slog.Value{}
	case 17:
		return slog.AnyValue(valuer{g.value(depth + 1)})
	case 18, 19:
		return slog.GroupValue(g.attrs(depth+1, 4)...)
	}
}

func (g *jsonGen) attr(depth int) slog.Attr {
	a := slog.Attr{Key: g.key(), Value: g.value(depth)}
	switch v := a.Value.Resolve(); {
	case a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil, v.Kind() == slog.KindGroup && len(v.Group()) == 0:
		g.invisible = true
	}
	return a
}

func (g *jsonGen) attrs(depth, most int) []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	for range g.n(most + 1) {
		attrs = append(attrs, g.attr(depth))
	}
	return attrs
}

func (g *jsonGen) record() slog.Record {
	var pc [1]uintptr
	switch g.n(4) {
	case 0:
		runtime.Callers(1, pc[:])
	case 1:
		pc[0] = 1
	}
	msg := g.text()
	if g.n(8) == 1 {
		msg = pick(g, spanEndMessage, spanStartMessage)
	}
	r := slog.NewRecord(g.time(), pick(g, slog.LevelInfo, slog.LevelDebug, slog.LevelWarn, slog.LevelError, 1, -20, math.MaxInt32), msg, pc[0])
	for _, a := range g.attrs(0, 9) {
		r.AddAttrs(a)
	}
	return r
}

// A repCall is what a ReplaceAttr saw.
type repCall struct {
	NoGroups bool // groups was nil
	Groups   []string
	Key      string
	Kind     slog.Kind
	Type     string
}

// replacer returns a maker of ReplaceAttr functions of one behaviour, each noting its calls; or nil.
func (g *jsonGen) replacer() func(calls *[]repCall) replacer {
	which, key := g.n(16), g.key()
	if which == 0 || which > 13 {
		return nil
	}
	return func(calls *[]repCall) replacer {
		return func(groups []string, a slog.Attr) slog.Attr {
			c := repCall{NoGroups: groups == nil, Groups: slices.Clone(groups), Key: a.Key, Kind: a.Value.Kind()}
			if c.Kind == slog.KindAny {
				c.Type = fmt.Sprintf("%T", a.Value.Any())
			}
			*calls = append(*calls, c)
			builtin := len(groups) == 0 && slices.Contains([]string{"time", "level", "msg", "source"}, a.Key)
			made := strings.HasPrefix(a.Key, "~") // by this function: it is called for the members of what it returns
			switch which {
			case 2: // drop by key
				if a.Key == key {
					return slog.Attr{}
				}
			case 3: // rename, by what groups says
				if !builtin {
					a.Key = strings.Join(groups, "/") + "~" + a.Key
				}
			case 4: // change the value
				if a.Key == key || a.Value.Kind() == slog.KindTime {
					a.Value = slog.AnyValue([]string{"changed"})
				}
			case 5: // a group
				if !made && (a.Key == key || a.Value.Kind() == slog.KindBool) {
					return slog.Group(a.Key, "~a", 1, slog.Group("~g", "~b", a.Value))
				}
			case 6: // an empty or inline group
				if !made && len(a.Key)%2 == 1 {
					return slog.Group("", "~a", 1)
				} else if !made && a.Value.Kind() == slog.KindString {
					return slog.Group(a.Key)
				}
			case 7: // a LogValuer
				if a.Key == key || a.Value.Kind() == slog.KindInt64 {
					a.Value = slog.AnyValue(valuer{slog.AnyValue(valuer{slog.StringValue("resolved")})})
				} else if a.Value.Kind() == slog.KindBool {
					a.Value = slog.AnyValue(valuePanics{"in ReplaceAttr"})
				}
			case 8: // drop the built-ins
				if builtin {
					return slog.Attr{}
				}
			case 9: // rename and change the built-ins
				if builtin {
					return slog.Any("@"+a.Key, a.Value.Any())
				}
			case 10: // drop all
				return slog.Attr{}
			case 11: // empty the groups
				if len(groups) > 0 {
					return slog.Attr{}
				}
			case 12: // drop about half
				if (len(a.Key)+len(groups)+int(a.Value.Kind()))%2 == 0 {
					return slog.Attr{}
				}
			case 13: // a Source, also an empty one
				if !made && a.Key == key {
					return slog.Any("~s", &slog.Source{Line: len(groups)})
				}
			}
			return a
		}
	}
}

// A jsonStep is a call of WithGroup, or of WithAttrs if group is empty.
type jsonStep struct {
	group string
	attrs []slog.Attr
}

func (s jsonStep) apply(h slog.Handler) slog.Handler {
	if s.group != "" {
		return h.WithGroup(s.group)
	}
	attrs := append(make([]slog.Attr, 0, len(s.attrs)+3), s.attrs...)
	h = h.WithAttrs(attrs)
	// The caller may go on to use what it passed.
	for i := range attrs {
		attrs[i] = slog.String("scribble", "over")
	}
	return h
}

func (g *jsonGen) steps() []jsonStep {
	var steps []jsonStep
	for range g.n(5) {
		if g.n(3) == 1 {
			steps = append(steps, jsonStep{group: g.key()})
		} else {
			steps = append(steps, jsonStep{attrs: g.attrs(0, 4)})
		}
	}
	return steps
}

func (g *jsonGen) options() *slog.HandlerOptions {
	switch g.n(4) {
	case 0:
		return nil
	case 1:
		return &slog.HandlerOptions{AddSource: true}
	case 2:
		return &slog.HandlerOptions{AddSource: true, Level: slog.LevelError}
	}
	return &slog.HandlerOptions{}
}

func withReplacer(o *slog.HandlerOptions, rep replacer) *slog.HandlerOptions {
	var o2 slog.HandlerOptions
	if o != nil {
		o2 = *o
	}
	o2.ReplaceAttr = rep
	return &o2
}

var stackFrames = regexp.MustCompile(`(called from [^\\"]*\\n)+(\(rest of stack elided\)\\n)?`)

// normalStacks takes the stack out of the text of a panicking LogValuer: its frames are the handler's own.
func normalStacks(line string) string {
	if !strings.Contains(line, "called from ") {
		return line
	}
	return stackFrames.ReplaceAllString(line, "STACK")
}

// fuzzSeeds adds random inputs, so that go test alone finds most of what fuzzing would.
func fuzzSeeds(f *testing.F, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	n := 1500
	if raceEnabled || flag.Lookup("test.fuzz").Value.String() != "" {
		n = 200 // a short run of the fuzzer should come beyond them
	}
	f.Add([]byte{})
	for range n {
		data := make([]byte, 8+rnd.IntN(120))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
}

// FuzzJSONHandler compares with slog's handler, to the byte, and call by call what ReplaceAttr sees.
//
// Two differences are meant: WithGroup("") returns the receiver; and WithAttrs, once it is through with what slog does,
// may go over the attributes again, to keep them under other keys for records in a trace.
func FuzzJSONHandler(f *testing.F) {
	fuzzSeeds(f, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &jsonGen{data: data}
		opts, rep := g.options(), g.replacer()
		steps, r := g.steps(), g.record()

		var want, got bytes.Buffer
		var wantCalls, gotCalls []repCall
		stdOpts, ourOpts := opts, opts
		if rep != nil {
			stdOpts, ourOpts = withReplacer(opts, rep(&wantCalls)), withReplacer(opts, rep(&gotCalls))
		}
		var std, ours slog.Handler = slog.NewJSONHandler(&want, stdOpts), NewJSONHandler(&got, ourOpts)
		checkCalls := func(where string) {
			t.Helper()
			if len(wantCalls) == 0 && len(gotCalls) == 0 {
				return
			}
			if diff := cmp.Diff(wantCalls, gotCalls); diff != "" {
				t.Errorf("calls of ReplaceAttr in %s (-want +got):\n%s", where, diff)
			}
			wantCalls, gotCalls = nil, nil
		}
		for i, s := range steps {
			if s.group != "" || s.attrs != nil {
				std = s.apply(std)
			}
			before := ours
			ours = s.apply(ours)
			if s.group == "" && len(s.attrs) == 0 && before != ours {
				t.Error("WithAttrs(nil) does not return the receiver")
			}
			if c := ours.(*JSONHandler).chains; c[logRecord] != c[plainRecord] || c[spanRecord] != c[plainRecord] {
				gotCalls = gotCalls[:min(len(gotCalls), len(wantCalls))]
			}
			checkCalls(fmt.Sprintf("step %d", i))
		}
		ctx := context.Background()
		for range 2 {
			if err := errors.Join(std.Handle(ctx, r.Clone()), ours.Handle(ctx, r.Clone())); err != nil {
				t.Fatal(err)
			}
			checkCalls("Handle")
		}
		if diff := cmp.Diff(normalStacks(want.String()), normalStacks(got.String())); diff != "" {
			t.Errorf("(-want +got):\n%s\nwant %s\ngot  %s", diff, want.String(), got.String())
		}
		for level := slog.Level(-8); level <= 12; level += 2 {
			if ours.Enabled(ctx, level) != std.Enabled(ctx, level) {
				t.Errorf("Enabled(%v): want %v", level, std.Enabled(ctx, level))
			}
		}
	})
}

// A jsonMember is a member at the root of a line.
type jsonMember struct{ Key, Raw string }

// rootMembers walks over a line, whose keys may stand in it twice.
func rootMembers(tb testing.TB, line string) []jsonMember {
	tb.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	var members []jsonMember
	if _, err := dec.Token(); err != nil {
		tb.Fatalf("%v in %s", err, line)
	}
	for dec.More() {
		key, err := dec.Token()
		var raw json.RawMessage
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil {
			tb.Fatalf("%v in %s", err, line)
		}
		members = append(members, jsonMember{key.(string), string(raw)})
	}
	return members
}

func countKeys(members []jsonMember) map[string]int {
	n := make(map[string]int)
	for _, m := range members {
		n[m.Key]++
	}
	return n
}

var idKeysOfTest = []string{"trace", "span", "op"}

// renamedKeys returns keys, the user's at the root of a line and in its order, as they must stand beside the ids.
func renamedKeys(keys []string) []string {
	moved, taken := make(map[string]string), map[string]bool{"trace": true, "span": true, "op": true}
	out := slices.Clone(keys)
	for i, key := range keys {
		to, known := moved[key]
		if !known {
			to = key
			isTarget := slices.Contains(slices.Collect(maps.Values(moved)), key)
			if slices.Contains(idKeysOfTest, key) || isTarget {
				for to = "attr." + key; taken[to]; {
					to = "attr." + to
				}
				moved[key] = to
			}
			taken[to] = true
		}
		out[i] = to
	}
	return out
}

// withMembers returns what With's attributes, members of a line of their own, must become beside the user's keys.
func withMembers(with []jsonMember, user, renamed []string) []jsonMember {
	var out []jsonMember
	taken := func(key string) bool { return slices.Contains(user, key) || slices.Contains(renamed, key) }
	for _, m := range with {
		if taken(m.Key) {
			continue
		}
		if slices.Contains(contextNames, m.Key) {
			for m.Key = "attr." + m.Key; !taken(m.Key) && slices.ContainsFunc(with, func(o jsonMember) bool { return o.Key == m.Key }); {
				m.Key = "attr." + m.Key
			}
			if taken(m.Key) {
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// stdMembers returns the members that slog's handler writes for attrs, without those of its own.
func stdMembers(tb testing.TB, attrs []slog.Attr) (_ []jsonMember, ok bool) {
	var b bytes.Buffer
	h := slog.NewJSONHandler(&b, nil).WithAttrs(attrs)
	if err := h.Handle(context.Background(), slog.Record{}); err != nil {
		tb.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		return nil, false
	}
	return rootMembers(tb, normalStacks(b.String()))[2:], true
}

// FuzzJSONHandlerInTrace writes records of which FuzzJSONHandler knows that they are slog's outside a trace, inside one:
// the ids come first, then With, then the same members in the same order, some of them under another key.
func FuzzJSONHandlerInTrace(f *testing.F) {
	fuzzSeeds(f, 2)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &jsonGen{data: data}
		var with []slog.Attr
		if g.n(2) == 1 {
			with = g.attrs(0, 4)
			with = slices.DeleteFunc(with, cannotGiveWay)
		}
		withInvisible := g.invisible
		g.invisible = false
		opts, rep := g.options(), g.replacer()
		steps, r := g.steps(), g.record()
		op := g.text()

		var want, got bytes.Buffer
		var calls []repCall
		ourOpts := opts
		if rep != nil {
			ourOpts = withReplacer(opts, rep(&calls))
		}
		var std, ours slog.Handler = slog.NewJSONHandler(&want, opts), NewJSONHandler(&got, ourOpts)
		for _, s := range steps {
			if s.group != "" || s.attrs != nil {
				std, ours = s.apply(std), s.apply(ours)
			}
		}
		handle := func(h slog.Handler, b *bytes.Buffer, ctx context.Context) string {
			t.Helper()
			b.Reset()
			if err := h.Handle(ctx, r); err != nil {
				t.Fatal(err)
			}
			return normalStacks(b.String())
		}
		background := context.Background()
		ctx, span := NewTracer(slog.DiscardHandler, nil).Start(background, op)
		plain := handle(ours, &got, background)
		calls = nil
		inSpan := handle(ours, &got, ctx)
		if rep != nil {
			checkIDCalls(t, calls)
		}
		inWith := handle(ours, &got, With(ctx, with...))
		outside := handle(ours, &got, With(background, with...))
		if diff := cmp.Diff(plain, handle(ours, &got, background)); diff != "" {
			t.Errorf("the context of one record changed a later one (-before +after):\n%s", diff)
		}

		end := spanEndLine(t, g, ours, &got)
		if !g.oddYear {
			for _, line := range []string{inSpan, inWith, end} {
				if !json.Valid([]byte(line)) {
					t.Fatalf("not valid JSON: %s", line)
				}
				if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
					t.Errorf("not one line: %q", line)
				}
			}
		}
		if rep != nil || g.oddYear {
			return
		}
		for _, key := range append(defaultFormat.builtins.keys, defaultFormat.reserved(spanRecord).keys...) {
			if n := countKeys(rootMembers(t, end))[key]; n > 1 {
				t.Errorf("%q %d times in %s", key, n, end)
			}
		}
		for _, line := range []string{inSpan, inWith} {
			n := countKeys(rootMembers(t, line))
			for _, key := range idKeysOfTest {
				if n[key] != 1 {
					t.Errorf("%q %d times in %s", key, n[key], line)
				}
			}
		}

		stdLine := handle(std, &want, background)
		if diff := cmp.Diff(stdLine, plain); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !json.Valid([]byte(stdLine)) {
			return // slog's defect: nothing to compare with
		}
		members := rootMembers(t, stdLine)
		n := 2 // level and msg
		if !r.Time.IsZero() {
			n++
		}
		if opts != nil && opts.AddSource && r.Source() != nil && *r.Source() != (slog.Source{}) {
			n++
		}
		builtins, user := members[:n:n], members[n:]
		keys := make([]string, len(user))
		for i, m := range user {
			keys[i] = m.Key
		}
		renamed := renamedKeys(keys)
		expect := func(ids bool, with []jsonMember) []jsonMember {
			list := builtins
			if ids {
				list = append(list, jsonMember{"trace", `"` + span.SpanContext().TraceID.String() + `"`},
					jsonMember{"span", `"` + span.SpanContext().SpanID.String() + `"`}, jsonMember{"op", string(jsontext.AppendString(nil, opOrUnnamed(op)))})
			}
			list = append(list, with...)
			for i, m := range user {
				if ids {
					m.Key = renamed[i]
				}
				list = append(list, m)
			}
			return list
		}
		if g.invisible {
			checkRenamedLoosely(t, expect(true, nil), rootMembers(t, inSpan), n+3)
			return
		}
		if diff := cmp.Diff(expect(true, nil), rootMembers(t, inSpan)); diff != "" {
			t.Errorf("in a span (-want +got):\n%s", diff)
		}
		withAlone, ok := stdMembers(t, mergeAttrs(nil, flatAttrs(mergeAttrs(nil, with))))
		if withInvisible || !ok {
			return
		}
		if diff := cmp.Diff(expect(true, withMembers(withAlone, keys, renamed)), rootMembers(t, inWith)); diff != "" {
			t.Errorf("in a span, and With (-want +got):\n%s", diff)
		}
		if json.Valid([]byte(outside)) {
			if diff := cmp.Diff(expect(false, withMembers(withAlone, keys, nil)), rootMembers(t, outside)); diff != "" {
				t.Errorf("With and no span (-want +got):\n%s", diff)
			}
		}
	})
}

// cannotGiveWay reports whether a puts anything at the root that has no key, or one that is another's only after decoding.
func cannotGiveWay(a slog.Attr) bool {
	if a.Key != "" {
		return !utf8.ValidString(a.Key)
	}
	v := a.Value.Resolve()
	return v.Kind() != slog.KindGroup || slices.ContainsFunc(v.Group(), cannotGiveWay)
}

// flatAttrs returns attrs with inline groups, LogValuers among them, as what they consist of.
func flatAttrs(attrs []slog.Attr) []slog.Attr {
	var out []slog.Attr
	for _, a := range attrs {
		if v := a.Value.Resolve(); a.Key == "" && v.Kind() == slog.KindGroup {
			out = append(out, flatAttrs(v.Group())...)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// checkIDCalls checks that ReplaceAttr is told that the ids are in no group.
func checkIDCalls(t *testing.T, calls []repCall) {
	t.Helper()
	calls = slices.DeleteFunc(slices.Clone(calls), func(c repCall) bool { return strings.HasPrefix(c.Key, "~") || c.Key == "line" })
	i := slices.IndexFunc(calls, func(c repCall) bool { return c.Key == "msg" && len(c.Groups) == 0 })
	if i < 0 || len(calls) < i+4 {
		t.Fatalf("want msg and three ids among the calls, got %v", calls)
	}
	for j, key := range idKeysOfTest {
		if c := calls[i+1+j]; c.Key != key || len(c.Groups) > 0 || c.Kind != slog.KindString {
			t.Errorf("call %d after msg: want %q without groups, got %+v", j, key, c)
		}
	}
}

// checkRenamedLoosely is for lines in which keys may be taken by attributes that cannot be seen.
func checkRenamedLoosely(t *testing.T, want, got []jsonMember, n int) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("want %d members, got %d: %v", len(want), len(got), got)
		return
	}
	if diff := cmp.Diff(want[:n], got[:n]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, g := range got[n:] {
		w := want[n+i]
		if g.Raw != w.Raw || strings.ReplaceAll(g.Key, "attr.", "") != strings.ReplaceAll(w.Key, "attr.", "") {
			t.Errorf("want %v, got %v", w, g)
		}
	}
}

// spanEndLine returns the line of the end of a span with attributes of g's making.
func spanEndLine(t *testing.T, g *jsonGen, h slog.Handler, b *bytes.Buffer) string {
	t.Helper()
	b.Reset()
	ctx, parent := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "parent")
	_, span := NewTracer(h, &TracerOptions{ErrorLevel: slog.LevelError, Level: slog.LevelError}).Start(ctx, "child", g.attrs(0, 5)...)
	if g.n(2) == 1 {
		span.Fail(io.EOF)
	}
	span.End()
	parent.End()
	return normalStacks(b.String())
}

func startTestSpan(attrs ...slog.Attr) (context.Context, *Span) {
	return NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op", attrs...)
}

// compareWithSlog lets both handlers do the same outside a trace.
func compareWithSlog(t *testing.T, opts *slog.HandlerOptions, do func(slog.Handler)) {
	t.Helper()
	var want, got bytes.Buffer
	do(slog.NewJSONHandler(&want, opts))
	do(NewJSONHandler(&got, opts))
	if diff := cmp.Diff(normalStacks(want.String()), normalStacks(got.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func handle(t *testing.T, h slog.Handler, ctx context.Context, attrs ...slog.Attr) {
	t.Helper()
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(ctx, r); err != nil {
		t.Error(err)
	}
}

// TestJSONHandlerEmptyGroups: slog's WithAttrs of nothing but empty groups does not open the logger's groups;
// beside anything else, or behind a LogValuer, they do.
func TestJSONHandlerEmptyGroups(t *testing.T) {
	empty, valued, none := slog.Group("e"), slog.Any("v", valuer{slog.GroupValue()}), slog.Attr{}
	for _, attrs := range [][]slog.Attr{{empty}, {empty, empty}, {slog.Group("")}, {valued}, {empty, none}, {none}, {none, slog.Int("a", 1)}, {slog.Any("", valuer{slog.GroupValue()})}} {
		for _, after := range [][]slog.Attr{nil, {slog.Int("b", 2)}, {valued}, {none}} {
			compareWithSlog(t, nil, func(h slog.Handler) {
				handle(t, h.WithAttrs(attrs), context.Background(), after...)
				h = h.WithGroup("g").WithAttrs(slices.Clone(attrs))
				handle(t, h, context.Background(), after...)
				handle(t, h.WithGroup("h").WithAttrs(slices.Clone(attrs)), context.Background(), after...)
			})
		}
	}
}

// checkRoot checks the keys at the root of the one line in b, without slog's own.
func checkRoot(t *testing.T, what string, b *bytes.Buffer, want ...string) {
	t.Helper()
	line := b.String()
	b.Reset()
	if !json.Valid([]byte(line)) {
		t.Errorf("%s: not valid JSON: %s", what, line)
		return
	}
	var got []string
	for _, m := range rootMembers(t, line)[2:] {
		got = append(got, m.Key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s%s", what, diff, line)
	}
}

// TestJSONHandlerInlineForgery hides reserved keys in inline groups that only resolving shows.
func TestJSONHandlerInlineForgery(t *testing.T) {
	var b bytes.Buffer
	h := NewJSONHandler(&b, nil)
	ctx, _ := startTestSpan()
	forged := slog.Any("", valuer{slog.GroupValue(slog.String("trace", "forged"), slog.String("time", "x"))})
	for name, a := range map[string]slog.Attr{
		"group":                    slog.Group("", "trace", "forged", "time", "x"),
		"LogValuer":                forged,
		"LogValuer in a group":     {Value: slog.GroupValue(forged)},
		"LogValuer in a LogValuer": slog.Any("", valuer{slog.GroupValue(forged)}),
	} {
		handle(t, h, ctx, a)
		checkRoot(t, "record, "+name, &b, "trace", "span", "op", "attr.trace", "time")
		handle(t, h.WithAttrs([]slog.Attr{a}), ctx)
		checkRoot(t, "logger, "+name, &b, "trace", "span", "op", "attr.trace", "time")
		handle(t, h, With(ctx, a))
		checkRoot(t, "With, "+name, &b, "trace", "span", "op", "attr.trace", "attr.time")
		handle(t, h, With(context.Background(), a))
		checkRoot(t, "With outside a trace, "+name, &b, "attr.trace", "attr.time")
		handle(t, h, With(ctx, a), slog.Group("", slog.Any("", valuer{slog.GroupValue(slog.Int("time", 1))})))
		checkRoot(t, "With gives way, "+name, &b, "trace", "span", "op", "attr.trace", "time") // without attr.time
	}
}

// TestJSONHandlerWithUnwrittenGroup: With gives way to the logger's group, but not where the group is not written.
func TestJSONHandlerWithUnwrittenGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := startTestSpan()
	for _, key := range []string{"user", "op"} {
		h, in := NewJSONHandler(&b, nil).WithGroup(key), With(ctx, slog.Int(key, 1))
		want := key
		if key == "op" {
			want = "attr.op"
		}
		handle(t, h, in)
		checkRoot(t, key+", unwritten", &b, "trace", "span", "op", want)
		handle(t, h, in, slog.Int("a", 1))
		checkRoot(t, key+", written", &b, "trace", "span", "op", want)
		handle(t, h.WithAttrs([]slog.Attr{slog.Int("a", 1)}), in)
		checkRoot(t, key+", written with the logger's", &b, "trace", "span", "op", want)
	}
}

// TestJSONHandlerReplaceAttrWith checks that a ReplaceAttr for the root does not hit what With has in a group,
// and that a group that was left out is no longer open.
func TestJSONHandlerReplaceAttrWith(t *testing.T) {
	var b bytes.Buffer
	var calls []repCall
	h := NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		calls = append(calls, repCall{Groups: slices.Clone(groups), Key: a.Key})
		return a
	}})
	ctx, _ := startTestSpan()
	handle(t, h.WithGroup("logger"), With(ctx, slog.Group("with", slog.Int("time", 1), slog.Group("deep", "x", 1)), slog.Int("y", 1)),
		slog.Group("emptied", slog.Any("", nil)), slog.Int("z", 1))
	var got []string
	for _, c := range calls {
		got = append(got, strings.Join(append(c.Groups, c.Key), "."))
	}
	want := []string{"level", "msg", "trace", "span", "op", "with.time", "with.deep.x", "y", "logger.emptied.", "logger.z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	checkRoot(t, "line", &b, "trace", "span", "op", "with", "y", "logger")
}

// TestJSONHandlerEmptiedGroup: where slog swallows a comma, a line in a span has it, also below a Handler of ours.
func TestJSONHandlerEmptiedGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := startTestSpan()
	attrs := []slog.Attr{slog.Int("a", 1), slog.Group("g", slog.Any("", nil)), slog.Int("b", 2)}
	for name, h := range map[string]slog.Handler{"JSONHandler": NewJSONHandler(&b, nil), "below a Handler": NewHandler(NewJSONHandler(&b, nil))} {
		sorted := func(line string) []string {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: not valid JSON: %s", name, line)
				return nil
			}
			return slices.Sorted(maps.Keys(countKeys(rootMembers(t, line))))
		}
		want := []string{"a", "b", "level", "msg", "op", "span", "trace"}
		handle(t, h, ctx, attrs...)
		if diff := cmp.Diff(want, sorted(b.String())); diff != "" {
			t.Errorf("%s: record (-want +got):\n%s", name, diff)
		}
		b.Reset()
		handle(t, h.WithAttrs(slices.Clone(attrs)), ctx)
		if diff := cmp.Diff(want, sorted(b.String())); diff != "" {
			t.Errorf("%s: logger (-want +got):\n%s", name, diff)
		}
		b.Reset()
		handle(t, h.WithAttrs(slices.Clone(attrs)).WithGroup("h").WithAttrs(slices.Clone(attrs)), ctx, attrs...)
		sorted(b.String())
		b.Reset()
	}
	compareWithSlog(t, nil, func(h slog.Handler) {
		handle(t, h, context.Background(), attrs...)
		handle(t, h.WithAttrs(slices.Clone(attrs)), context.Background(), attrs...)
	})
}

type countingWriter struct {
	writes int
	buf    bytes.Buffer
	err    error
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.writes++
	w.buf.Write(b)
	return len(b), w.err
}

func TestJSONHandlerWrites(t *testing.T) {
	ctx, _ := startTestSpan()
	var w countingWriter
	h := NewJSONHandler(&w, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
	for n, ctx := range []context.Context{context.Background(), ctx, With(ctx, slog.Int("w", 1))} {
		handle(t, h, ctx, slog.String("long", strings.Repeat("x", 50_000)), slog.Any("any", []int{1}))
		if w.writes != n+1 || strings.Count(w.buf.String(), "\n") != n+1 {
			t.Errorf("after %d records: %d writes", n+1, w.writes)
		}
	}
	w.err = io.ErrShortWrite
	for _, ctx := range []context.Context{context.Background(), ctx} {
		if err := h.Handle(ctx, slog.Record{}); err != io.ErrShortWrite {
			t.Errorf("want the writer's error, got %v", err)
		}
	}
}

// TestJSONHandlerConcurrent: lines never interleave, whichever of a family of handlers writes them.
func TestJSONHandlerConcurrent(t *testing.T) {
	var w countingWriter // the handler's lock guards it
	base := NewJSONHandler(&w, nil)
	const workers, lines = 8, 50
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			ctx, span := NewTracer(base, nil).Start(context.Background(), fmt.Sprint("op", i), slog.Int("worker", i))
			log := slog.New(base.WithAttrs([]slog.Attr{slog.Int("trace", i)}))
			for j := range lines {
				log.WithGroup("g").InfoContext(ctx, "m", "j", j, "any", []int{j}, "text", strings.Repeat("é\"", j))
			}
			span.End()
		})
	}
	wg.Wait()
	seen := make(map[string]int)
	for line := range strings.Lines(w.buf.String()) {
		var rec struct {
			Op, Msg string
			Trace   string
			User    int `json:"attr.trace"`
			G       struct{ J int }
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		seen[fmt.Sprint(rec.Msg, rec.Op, rec.User, rec.G.J)]++
	}
	if len(seen) != workers*(lines+1) || w.writes != workers*(lines+1) {
		t.Errorf("want %d different lines, got %d in %d writes", workers*(lines+1), len(seen), w.writes)
	}
}

// TestJSONHandlerSiblings derives many loggers from each of several parents before it uses any.
func TestJSONHandlerSiblings(t *testing.T) {
	ctx, span := startTestSpan()
	ids := fmt.Sprintf(`"trace":"%s","span":"%s","op":"op",`, span.SpanContext().TraceID, span.SpanContext().SpanID)
	for depth := range 9 {
		for _, reserved := range []string{"k", "trace"} {
			var b bytes.Buffer
			var parent slog.Handler = NewJSONHandler(&b, nil)
			var text, textInSpan string
			for i := range depth { // of every length, so that some slice has room to spare
				key := fmt.Sprint(reserved, i)
				parent = parent.WithAttrs([]slog.Attr{slog.Int(key, i), slog.Int("attr.trace", i)})
				text += fmt.Sprintf(`"%s":%d,"attr.trace":%d,`, key, i, i)
			}
			textInSpan = text
			named := reserved
			if reserved == "trace" {
				named = "attr.trace"
				if depth > 0 {
					named = "attr.attr.trace"
				}
			}
			var siblings []slog.Handler
			var want, wantInSpan []string
			add := func(h slog.Handler, text, inSpan string) {
				siblings = append(siblings, h)
				want, wantInSpan = append(want, text), append(wantInSpan, inSpan)
			}
			for i := range 6 {
				x := strings.Repeat("x", i)
				h := parent.WithAttrs([]slog.Attr{slog.String(reserved, x)})
				add(h, fmt.Sprintf(`%s"%s":"%s","r":1}`, text, reserved, x), fmt.Sprintf(`%s"%s":"%s","r":1}`, textInSpan, named, x))
				g := parent.WithGroup("g" + x)
				add(g, fmt.Sprintf(`%s"g%s":{"r":1}}`, text, x), fmt.Sprintf(`%s"g%s":{"r":1}}`, textInSpan, x))
				// Groups within groups, of which each level has siblings.
				open, end := "", "}"
				for d := range 5 {
					for j := range 2 {
						name := fmt.Sprint("s", d, j)
						add(g.WithGroup(name), fmt.Sprintf(`%s"g%s":{%s"%s":{"r":1}%s}`, text, x, open, name, end), fmt.Sprintf(`%s"g%s":{%s"%s":{"r":1}%s}`, textInSpan, x, open, name, end))
						add(g.WithGroup(name).WithAttrs([]slog.Attr{slog.Int("trace", j)}),
							fmt.Sprintf(`%s"g%s":{%s"%s":{"trace":%d,"r":1}%s}`, text, x, open, name, j, end), fmt.Sprintf(`%s"g%s":{%s"%s":{"trace":%d,"r":1}%s}`, textInSpan, x, open, name, j, end))
					}
					g = g.WithGroup(fmt.Sprint("d", d))
					open, end = fmt.Sprintf(`%s"d%d":{`, open, d), end+"}"
				}
			}
			for i, h := range siblings {
				b.Reset()
				handle(t, h, context.Background(), slog.Int("r", 1))
				if diff := cmp.Diff(`{"level":"INFO","msg":"m",`+want[i]+"\n", b.String()); diff != "" {
					t.Errorf("sibling %d (-want +got):\n%s", i, diff)
				}
				b.Reset()
				handle(t, h, ctx, slog.Int("r", 1))
				if diff := cmp.Diff(`{"level":"INFO","msg":"m",`+ids+wantInSpan[i]+"\n", b.String()); diff != "" {
					t.Errorf("sibling %d in a span (-want +got):\n%s", i, diff)
				}
			}
		}
	}
}

// TestJSONHandlerSiblingKeys: nor do siblings share what they know of each other's keys, nor records of one logger at once.
func TestJSONHandlerSiblingKeys(t *testing.T) {
	ctx, _ := startTestSpan()
	for depth := range 6 {
		var b bytes.Buffer
		var parent slog.Handler = NewJSONHandler(&b, nil)
		keys := []string{"trace", "span", "op"}
		for i, key := range []string{"a", "trace", "attr.trace", "span", "b"}[:depth] {
			parent = parent.WithAttrs([]slog.Attr{slog.Int(key, i)})
			keys = append(keys, []string{"a", "attr.trace", "attr.attr.trace", "attr.span", "b"}[i])
		}
		attr := func(key string) []slog.Attr { return []slog.Attr{slog.Int(key, 1)} }
		first, second := parent.WithAttrs(attr("attr.op")), parent.WithAttrs(attr("op"))
		group, third := parent.WithGroup("user"), parent.WithAttrs(attr("attr.span2"))
		fourth := parent.WithAttrs(attr("span2"))
		parent.WithGroup("other")
		check := func(h slog.Handler, with, record string, want ...string) {
			t.Helper()
			handle(t, h, With(ctx, slog.Int(with, 1)), attr(record)...)
			checkRoot(t, fmt.Sprintf("depth %d, With %s, record %s", depth, with, record), &b, append(slices.Clip(keys), want...)...)
		}
		check(first, "attr.op", "op", "attr.op", "attr.attr.op")
		check(second, "op", "attr.op", "attr.op", "attr.attr.op")
		check(group, "user", "x", "user")
		check(third, "attr.span2", "x", "attr.span2", "x")
		check(fourth, "span2", "x", "span2", "x")
	}
	var w countingWriter
	shared := NewJSONHandler(&w, nil).WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithAttrs([]slog.Attr{slog.Int("trace", 1)}).WithAttrs([]slog.Attr{slog.Int("attr.trace", 1)}) // a slice of three has room for a fourth
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				handle(t, shared, ctx, slog.Int(fmt.Sprint("own", i), 1), slog.Int("attr.op", 1), slog.Int("op", i))
			}
		})
	}
	wg.Wait()
	if n := strings.Count(w.buf.String(), `"attr.op":1,"attr.attr.op":`); n != 200 {
		t.Errorf("want 200 lines with both keys, got %d", n)
	}
}

// TestJSONHandlerMulti: the standard MultiHandler hands one slice to all its children, and one of them changes it.
func TestJSONHandlerMulti(t *testing.T) {
	ctx, _ := startTestSpan()
	var first, second bytes.Buffer
	attrs := []slog.Attr{slog.Int("trace", 1), slog.Any("", valuer{slog.GroupValue(slog.Int("span", 2))}), slog.Group("g", "op", 3)}
	multi := slog.NewMultiHandler(NewJSONHandler(&first, nil), scribbler{}, NewJSONHandler(&second, nil).WithGroup("h"))
	before := slices.Clone(attrs)
	h := multi.WithAttrs(attrs)
	handle(t, h, ctx, slog.Int("r", 1))
	checkRoot(t, "first", &first, "trace", "span", "op", "attr.trace", "attr.span", "g", "r")
	checkRoot(t, "second", &second, "trace", "span", "op", "h")
	before[0].Key = "scribbled" // by the scribbler, and by nobody else
	if !slices.EqualFunc(attrs, before, func(a, b slog.Attr) bool { return a.Key == b.Key && a.Value.Kind() == b.Value.Kind() }) {
		t.Errorf("want %v, got %v", before, attrs)
	}
}

type scribbler struct{ slog.Handler }

func (scribbler) Enabled(context.Context, slog.Level) bool   { return false }
func (s scribbler) WithAttrs(attrs []slog.Attr) slog.Handler { attrs[0].Key = "scribbled"; return s }

func TestJSONHandlerSource(t *testing.T) {
	ctx, _ := startTestSpan()
	for _, ctx := range []context.Context{context.Background(), ctx} {
		var b bytes.Buffer
		_, file, line, _ := runtime.Caller(0)
		slog.New(NewJSONHandler(&b, &slog.HandlerOptions{AddSource: true})).InfoContext(ctx, "m")
		var got struct{ Source slog.Source }
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := slog.Source{Function: "github.com/slogtrace/slogtrace.TestJSONHandlerSource", File: file, Line: line + 1}
		if diff := cmp.Diff(want, got.Source); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestJSONHandlerLevel(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	opts := &slog.HandlerOptions{Level: level}
	h := NewJSONHandler(&b, opts)
	child := slog.New(h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g"))
	opts.Level = slog.LevelError // options are copied
	ctx, _ := startTestSpan()
	for _, at := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelDebug - 4} {
		level.Set(at)
		for l := slog.Level(-9); l < 10; l++ {
			b.Reset()
			child.Log(ctx, l, "m")
			if got, want := b.Len() > 0, l >= at; got != want {
				t.Errorf("level %v, record at %v: written is %v", at, l, got)
			}
		}
	}
	none := NewJSONHandler(&b, &slog.HandlerOptions{})
	if none.Enabled(ctx, slog.LevelDebug) || !none.Enabled(ctx, slog.LevelInfo) {
		t.Error("a nil Level must mean Info")
	}
}

func TestJSONHandlerReceiver(t *testing.T) {
	h := NewJSONHandler(io.Discard, nil)
	if h.WithGroup("") != slog.Handler(h) || h.WithAttrs(nil) != slog.Handler(h) || h.WithAttrs([]slog.Attr{}) != slog.Handler(h) {
		t.Error("nothing to add, but not the receiver")
	}
}

// TestJSONHandlerSlog runs the standard library's tests of handlers.
func TestJSONHandlerSlog(t *testing.T) {
	inSpan, _ := startTestSpan()
	for name, ctx := range map[string]context.Context{"plain": context.Background(), "span": inSpan, "With": With(inSpan, slog.Int("w", 1))} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				b.Reset()
				return &contextHandler{NewJSONHandler(&b, nil), ctx}
			}, func(t *testing.T) map[string]any {
				var m map[string]any
				if err := json.Unmarshal(b.Bytes(), &m); err != nil {
					t.Fatal(err)
				}
				if _, ok := m["trace"]; ok != (name != "plain") {
					t.Errorf("trace id in the line is %v", ok)
				}
				return m
			})
		})
	}
}

func TestJSONHandlerAllocs(t *testing.T) {
	skipAllocs(t)
	ctx, _ := startTestSpan()
	std := slog.New(slog.NewJSONHandler(io.Discard, nil))
	ours := slog.New(NewJSONHandler(io.Discard, nil))
	bind := func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("trace", 2, "c", "d") }
	now, text, number := time.Now(), "a text of some length", 4711
	attrs := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("text", text), slog.Int("number", number), slog.Time("at", now))
		}
	}
	boxed := func(l *slog.Logger, ctx context.Context) func() {
		return func() { l.InfoContext(ctx, "m", "text", text, "number", number, "took", time.Duration(number)) }
	}
	slogs := testing.AllocsPerRun(200, boxed(std, ctx))
	for _, test := range []struct {
		name string
		want float64
		f    func()
	}{
		{"LogAttrs in a span", 0, attrs(ours, ctx)},
		{"LogAttrs outside", 0, attrs(ours, context.Background())},
		{"LogAttrs in a group", 0, attrs(bind(ours), ctx)},
		{"LogAttrs below With", 0, attrs(ours, With(ctx, slog.Int("with", 1)))},
		{"InfoContext in a span", slogs, boxed(ours, ctx)},
		{"InfoContext outside", slogs, boxed(ours, context.Background())},
		{"InfoContext in a group", slogs, boxed(bind(ours), ctx)},
		{"float, escapes", 0, func() {
			ours.LogAttrs(ctx, slog.LevelInfo, "m\n", slog.Float64("f", 1e-9), slog.String("s\"", "\u2028\xff"), slog.Duration("d", 1))
		}},
	} {
		if got := testing.AllocsPerRun(200, test.f); got > test.want {
			t.Errorf("%s: want %v allocations, got %v", test.name, test.want, got)
		}
	}
}

func TestJSONHandlerSpanAllocs(t *testing.T) {
	skipAllocs(t)
	tracer := NewTracer(NewJSONHandler(io.Discard, nil), nil)
	parent, _ := tracer.Start(context.Background(), "parent")
	text, number := "text", 4711
	for _, test := range []struct {
		name string
		want float64
		f    func()
	}{
		{"no attributes", 1, func() {
			_, span := tracer.Start(parent, "child")
			span.End()
		}},
		{"two attributes", 2, func() {
			_, span := tracer.Start(parent, "child", slog.String("text", text), slog.Int("number", number))
			span.End()
		}},
	} {
		if got := testing.AllocsPerRun(200, test.f); got > test.want {
			t.Errorf("%s: want %v allocations, got %v", test.name, test.want, got)
		}
	}
}

// BenchmarkJSONHandler sets the handler beside slog's with the ids already bound, which is the floor of the gates in
// DESIGN.md. The names of the sub-benchmarks are job and call, then sink=ours or sink=slog.
func BenchmarkJSONHandler(b *testing.B) {
	tracer := NewTracer(NewJSONHandler(io.Discard, nil), nil)
	ctx, span := tracer.Start(context.Background(), "charge")
	sc := span.SpanContext()
	ours := slog.New(NewJSONHandler(io.Discard, nil))
	std := slog.New(slog.NewJSONHandler(io.Discard, nil)).With("trace", sc.TraceID.String(), "span", sc.SpanID.String(), "op", "charge")
	plain := slog.New(slog.NewJSONHandler(io.Discard, nil))
	group := func(l *slog.Logger) *slog.Logger { return l.WithGroup("booking").With("id", "b-4711", "seats", 3) }
	background := context.Background()

	args := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.InfoContext(ctx, "payment authorised", "booking", "b-4711", "amount", 1299, "provider", "stripe")
		}
	}
	attrs := func(l *slog.Logger, ctx context.Context) func() {
		return func() {
			l.LogAttrs(ctx, slog.LevelInfo, "payment authorised", slog.String("booking", "b-4711"), slog.Int("amount", 1299), slog.String("provider", "stripe"))
		}
	}
	start := time.Now()
	for _, bench := range []struct {
		name string
		f    func()
	}{
		{"job=J1/call=InfoContext/sink=ours", args(ours, ctx)},
		{"job=J1/call=InfoContext/sink=slog", args(std, ctx)},
		{"job=J1/call=LogAttrs/sink=ours", attrs(ours, ctx)},
		{"job=J1/call=LogAttrs/sink=slog", attrs(std, ctx)},
		{"job=J1g/call=InfoContext/sink=ours", args(group(ours), ctx)},
		{"job=J1g/call=InfoContext/sink=slog", args(group(std), ctx)},
		{"job=J2/call=StartEnd/sink=ours", func() {
			_, span := tracer.Start(ctx, "authorise", slog.String("provider", "stripe"), slog.Int("amount", 1299))
			span.End()
		}},
		{"job=J2/call=StartEnd/sink=slog", func() {
			std.LogAttrs(ctx, slog.LevelInfo, spanEndMessage, slog.String("parent", "00f067aa0ba902b7"), slog.Time("start", start),
				slog.Float64("duration_ms", 1.234), slog.String("provider", "stripe"), slog.Int("amount", 1299))
		}},
		{"job=plain/call=InfoContext/sink=ours", args(ours, background)},
		{"job=plain/call=InfoContext/sink=slog", args(plain, background)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.f()
			}
		})
	}
}

package slogtrace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

func levelOf(n int) slog.Level { return slog.Level(n) }

// A jsonGen makes handlers, loggers and records out of a fuzzer's bytes. When no bytes are left it makes the simplest ones.
type jsonGen struct {
	data      []byte
	oddYear   bool // a time is outside of the years 0 to 9999
	invisible bool // an attribute may add nothing to the line, and so leave a group empty
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

// replacer returns a function that makes ReplaceAttr functions with one behaviour, each recording its calls, or nil.
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
			made := strings.HasPrefix(a.Key, "~") // by this function: it is also called for the members of its results
			switch which {
			case 2: // drop by key
				if a.Key == key {
					return slog.Attr{}
				}
			case 3: // rename, by groups
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
	// The caller may use the slice further.
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

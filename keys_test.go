package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// The exact names in a log record in a span and outside, with the attributes of With.
func TestHandlerNames(t *testing.T) {
	type attrs = []slog.Attr
	i := slog.Int
	for _, c := range []struct {
		name   string
		with   attrs // of the context
		logger attrs
		group  string
		record attrs
		want   string // root members that are not the ids or slog's, in the order of their keys
		plain  string // the same outside a trace
	}{
		{name: "record", record: attrs{i("trace", 1), i("span", 2), i("op", 3), i("parent", 4), i("msg2", 5)},
			want: "attr.op=3 attr.span=2 attr.trace=1 msg2=5 parent=4", plain: "msg2=5 op=3 parent=4 span=2 trace=1"},
		{name: "logger", logger: attrs{i("trace", 1), i("span", 2)}, record: attrs{i("op", 3)},
			want: "attr.op=3 attr.span=2 attr.trace=1", plain: "op=3 span=2 trace=1"},
		{name: "taken before in the record", record: attrs{i("attr.trace", 1), i("trace", 2)},
			want: "attr.attr.trace=2 attr.trace=1", plain: "attr.trace=1 trace=2"},
		{name: "taken later in the record", record: attrs{i("trace", 1), i("attr.trace", 2)},
			want: "attr.attr.trace=2 attr.trace=1", plain: "attr.trace=2 trace=1"},
		{name: "taken by the logger", logger: attrs{i("attr.trace", 1)}, record: attrs{i("trace", 2)},
			want: "attr.attr.trace=2 attr.trace=1", plain: "attr.trace=1 trace=2"},
		{name: "taken for the logger", logger: attrs{i("trace", 1)}, record: attrs{i("attr.trace", 2)},
			want: "attr.attr.trace=2 attr.trace=1", plain: "attr.trace=2 trace=1"},
		{name: "twice taken", logger: attrs{i("trace", 1)}, record: attrs{i("attr.trace", 2), i("attr.attr.trace", 3)},
			want: "attr.attr.attr.trace=3 attr.attr.trace=2 attr.trace=1", plain: "attr.attr.trace=3 attr.trace=2 trace=1"},
		{name: "the user's own duplicate", logger: attrs{i("trace", 1)}, record: attrs{i("trace", 2)},
			want: "attr.trace=1 attr.trace=2", plain: "trace=1 trace=2"},
		{name: "group", group: "trace", record: attrs{i("trace", 1)},
			want: `attr.trace={"trace":1}`, plain: `trace={"trace":1}`},
		{name: "group and logger", logger: attrs{i("op", 1)}, group: "op", record: attrs{i("x", 2)},
			want: `attr.op=1 attr.op={"x":2}`, plain: `op=1 op={"x":2}`},
		{name: "group taken", logger: attrs{i("span", 1)}, group: "attr.span", record: attrs{i("x", 2)},
			want: `attr.attr.span={"x":2} attr.span=1`, plain: `attr.span={"x":2} span=1`},
		{name: "group attribute", record: attrs{slog.Group("span", i("trace", 1)), slog.Group("", i("trace", 2))},
			want: `attr.span={"trace":1} attr.trace=2`, plain: `span={"trace":1} trace=2`},
		{name: "inline valuer", record: attrs{slog.Any("", valuerOf(slog.GroupValue(i("op", 1), i("x", 2)))), i("attr.op", 3)},
			want: "attr.attr.op=3 attr.op=1 x=2", plain: "attr.op=3 op=1 x=2"},
		{name: "inline valuer of the logger", logger: attrs{slog.Any("", valuerOf(slog.GroupValue(i("op", 1))))}, record: attrs{i("attr.op", 3)},
			want: "attr.attr.op=3 attr.op=1", plain: "attr.op=3 op=1"},
		{name: "valuer", record: attrs{slog.Any("span", valuerOf(slog.GroupValue(i("op", 1))))},
			want: `attr.span={"op":1}`, plain: `span={"op":1}`},
		{name: "built-ins are the user's affair", record: attrs{i("sourced", 1), i("error", 2), i("start", 3)},
			want: "error=2 sourced=1 start=3", plain: "error=2 sourced=1 start=3"},
		{name: "more than five", record: attrs{i("a", 1), i("b", 2), i("c", 3), i("d", 4), i("e", 5), i("trace", 6), i("f", 7), i("op", 8)},
			want: "a=1 attr.op=8 attr.trace=6 b=2 c=3 d=4 e=5 f=7", plain: "a=1 b=2 c=3 d=4 e=5 f=7 op=8 trace=6"},

		{name: "With", with: attrs{i("a", 1), i("b", 2)}, record: attrs{i("c", 3)},
			want: "a=1 b=2 c=3", plain: "a=1 b=2 c=3"},
		{name: "With of reserved keys", with: attrs{i("trace", 1), i("time", 2), i("level", 3), i("msg", 4), i("source", 5), i("op", 6)},
			want: "attr.level=3 attr.msg=4 attr.op=6 attr.source=5 attr.time=2 attr.trace=1", plain: "attr.level=3 attr.msg=4 attr.op=6 attr.source=5 attr.time=2 attr.trace=1"},
		{name: "With gives way to the record", with: attrs{i("a", 1), i("b", 2)}, record: attrs{i("a", 3)},
			want: "a=3 b=2", plain: "a=3 b=2"},
		{name: "With gives way to the logger", with: attrs{i("a", 1), i("b", 2)}, logger: attrs{i("a", 3)},
			want: "a=3 b=2", plain: "a=3 b=2"},
		{name: "With gives way to the group", with: attrs{i("a", 1), i("b", 2)}, group: "a", record: attrs{i("b", 3)},
			want: `a={"b":3} b=2`, plain: `a={"b":3} b=2`},
		{name: "With gives way to an inline group", with: attrs{i("a", 1)}, record: attrs{slog.Group("", i("a", 3))},
			want: "a=3", plain: "a=3"},
		{name: "With gives way to an inline valuer", with: attrs{i("a", 1)}, record: attrs{slog.Any("", valuerOf(slog.GroupValue(i("a", 3))))},
			want: "a=3", plain: "a=3"},
		{name: "With gives way to what was renamed", with: attrs{i("trace", 1)}, record: attrs{i("trace", 3)},
			want: "attr.trace=3", plain: "trace=3"},
		{name: "With gives way to the name it would have", with: attrs{i("msg", 1)}, record: attrs{i("attr.msg", 3)},
			want: "attr.msg=3", plain: "attr.msg=3"},
		{name: "With's own collision", with: attrs{i("attr.trace", 1), i("trace", 2)},
			want: "attr.attr.trace=2 attr.trace=1", plain: "attr.attr.trace=2 attr.trace=1"},
		{name: "With's last one wins", with: attrs{i("a", 1), i("a", 2), slog.Group("", i("a", 3), i("b", 4))},
			want: "a=3 b=4", plain: "a=3 b=4"},
		{name: "With and a group that is not written", with: attrs{i("g", 1)}, group: "g",
			want: "g=1", plain: "g=1"},
		{name: "With and a renamed group that is not written", with: attrs{i("trace", 1)}, group: "trace",
			want: "attr.trace=1", plain: "attr.trace=1"},
		{name: "With and a group of nothing but an empty attribute", with: attrs{i("g", 1)}, group: "g", record: attrs{{}},
			want: "g=1", plain: "g=1"},
		{name: "With and an empty group of the logger", with: attrs{i("g", 1)}, logger: attrs{slog.Group("g")},
			want: "g=1", plain: "g=1"},
		{name: "a name that an empty group would have", logger: attrs{slog.Group("attr.trace")}, record: attrs{i("trace", 1)},
			want: "attr.trace=1", plain: "trace=1"},
		{name: "With in a group", with: attrs{i("trace", 1), i("a", 2)}, logger: attrs{i("l", 3)}, group: "g", record: attrs{i("trace", 4), i("a", 5)},
			want: `a=2 attr.trace=1 g={"trace":4,"a":5} l=3`, plain: `a=2 attr.trace=1 g={"trace":4,"a":5} l=3`},
	} {
		for _, h := range []struct {
			name string
			mk   func(*bytes.Buffer) slog.Handler
		}{
			{"JSONHandler", func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b, nil) }},
			{"Handler", func(b *bytes.Buffer) slog.Handler { return NewHandler(slog.NewJSONHandler(b, nil)) }},
			{"Handler(Handler)", func(b *bytes.Buffer) slog.Handler {
				return NewHandler(NewHandler(slog.NewJSONHandler(b, nil)))
			}},
			{"Handler(tree)", func(b *bytes.Buffer) slog.Handler { return NewHandler(&treeHandler{out: b}) }},
		} {
			t.Run(c.name+"/"+h.name, func(t *testing.T) {
				var b bytes.Buffer
				l := h.mk(&b).WithAttrs(c.logger)
				if c.group != "" {
					l = l.WithGroup(c.group)
				}
				outside := With(t.Context(), c.with...)
				inside, _ := testSpan(outside, "op")
				for n := range 4 {
					for _, in := range []struct {
						name, want string
						ctx        context.Context
					}{{"inside", c.want, inside}, {"outside", c.plain, outside}} {
						r := testRecord(c.record...)
						if err := l.Handle(in.ctx, r); err != nil {
							t.Fatal(err)
						}
						line := take(&b)
						var got []string
						for _, m := range parseMembers(t, line, false) {
							id := in.name == "inside" && slices.Contains([]string{"trace", "span", "op"}, m.Key)
							if !id && !slices.Contains([]string{"time", "level", "msg"}, m.Key) {
								got = append(got, m.Key+"="+m.Value)
							}
						}
						slices.Sort(got)
						if diff := cmp.Diff(in.want, strings.Join(got, " ")); diff != "" {
							t.Fatalf("%s, record %d (-want +got):\n%s\tin %s", in.name, n, diff, line)
						}
					}
				}
			})
		}
	}
}

// An entropy is the source of a test's choices: a fuzzer's bytes, then zeros.
type entropy struct {
	data     []byte
	replaces bool // there is a ReplaceAttr
}

func (e *entropy) n(n int) int {
	if len(e.data) == 0 {
		return 0
	}
	b := e.data[0]
	e.data = e.data[1:]
	return int(b) % n
}

var (
	fuzzKeys = []string{"a", "trace", "b", "span", "op", "attr.trace", "attr.op", "attr.attr.trace", "msg", "time", "level", "source",
		"g", "trace_id", "span_id", "trace_flags", "attr.trace_id", "parent", "start", "error", "duration_ms", "attr.start", "attr.msg", "w", `q"\`, "kind", ""}
	fuzzPlainKeys = []string{"a", "b", "c", "g", "w", "p", "e"} // of lines in which groups are prefixes of keys
)

var fuzzTime = testTime.Add(time.Hour) // of attributes

func (e *entropy) key(r *rig) string {
	if len(r.keys) > 0 && e.n(2) == 1 {
		return r.keys[e.n(len(r.keys))]
	}
	if r.text {
		return fuzzPlainKeys[e.n(len(fuzzPlainKeys))]
	}
	return fuzzKeys[e.n(len(fuzzKeys))]
}

// attr returns any attribute.
func (e *entropy) attr(r *rig, depth int) slog.Attr {
	key := e.key(r)
	solid := func() []slog.Attr {
		as := []slog.Attr{slog.Int("solid", e.n(9))}
		for range e.n(3) {
			as = append(as, e.attr(r, depth-1))
		}
		return as
	}
	kind := e.n(15)
	if depth == 0 {
		kind %= 8
	}
	inline := func() slog.Attr {
		if r.dropsKey {
			return slog.Int("inline", 1)
		}
		return slog.Any("", valuerOf(slog.GroupValue(solid()...)))
	}
	switch kind {
	default:
		return slog.Int(key, e.n(250))
	case 1:
		return slog.String(key, string(rune(e.n(256)))+"\"x\n")
	case 2:
		return slog.Float64(key, float64(e.n(250))/8)
	case 3:
		return slog.Bool(key, e.n(2) == 1)
	case 4:
		return slog.Time(key, fuzzTime)
	case 5:
		return slog.Any(key, errors.New("e"))
	case 6:
		if key == "" && r.dropsKey {
			key = "v"
		}
		return slog.Any(key, valuerOf(slog.IntValue(e.n(250))))
	case 7:
		return slog.Any(key, map[string]int{"m": e.n(250)})
	case 8, 9:
		return slog.Attr{Key: key, Value: slog.GroupValue(solid()...)}
	case 10:
		if key == "" {
			return inline()
		}
		return slog.Any(key, valuerOf(slog.GroupValue(solid()...)))
	case 11:
		return inline()
	case 12:
		return slog.Attr{}
	case 13:
		return slog.Group(key)
	case 14: // turns out empty
		if r.text || e.replaces {
			return slog.Int(key, 14) // slog would keep the group open forever: see TestHandlerAfterEmptyWith
		}
		return slog.Group(key, slog.Attr{}, slog.Group("none"))
	}
}

func (e *entropy) attrs(r *rig, max int) (as []slog.Attr) {
	for range e.n(max + 1) {
		as = append(as, e.attr(r, 2))
	}
	return as
}

// rootKeysOf returns the keys that attrs put at the root, with inline groups resolved. It includes empty groups,
// which are not written: see TestHandlerNames for With in that case.
func rootKeysOf(attrs []slog.Attr) (keys []string) {
	for _, a := range attrs {
		v := a.Value.Resolve()
		if a.Key == "" && v.Kind() == slog.KindGroup {
			keys = append(keys, rootKeysOf(v.Group())...)
		} else {
			keys = append(keys, a.Key)
		}
	}
	return keys
}

// A fuzzLogger is a handler with our handlers and one without, derived by the same steps.
type fuzzLogger struct {
	ours, plain slog.Handler
	root        []string // its own keys at the root
	group       string   // the first open
}

// A fuzzContext is a context, with the expected contents of a record under it.
type fuzzContext struct {
	ctx  context.Context
	sc   SpanContext
	op   func() string
	with []member // the last one of a key counts; all values differ
	span *Span
}

func orName(name, def string) string {
	if name == "" {
		return def
	}
	return name
}

// fuzzReserved returns the keys that are not the user's. A sink writes slog's own members itself.
func fuzzReserved(f Format, sink, inTrace, span bool) []string {
	var own, names []string // that f calls slog's own members; all
	for _, m := range [][2]string{{f.Time, "time"}, {f.Level, "level"}, {f.Message, "msg"}, {f.Source, "source"}} {
		if m[0] != "" && m[0] != m[1] {
			own = append(own, m[0])
		}
	}
	isECS := f.form == ecsForm
	if isECS {
		own = append(own, "ecs.version")
	}
	if sink {
		names = own
	}
	if !inTrace {
		return names
	}
	names = append(names, orName(f.Trace, "trace"), orName(f.Span, "span"), orName(f.Op, "op"), "op")
	if f.Flags != "" {
		names = append(names, f.Flags)
	}
	if isECS {
		names = append(names, "ecs.version", "transaction.id", "transaction.name")
	}
	if span {
		names = append(names, orName(f.Parent, "parent"), orName(f.Kind, "kind"), orName(f.Start, "start"), orName(f.Duration, "duration_ms"),
			orName(f.Error, "error"), orName(f.Stack, "stack"))
		names = append(names, strings.Fields("parent kind start duration_ms error stack links queued_ms sample_rate sampled time level msg source")...)
		names = append(names, own...)
	}
	return names
}

// contextNames are the keys that no attribute of a context has in any line. spanNames are those that none has in
// span records: readers take them for more than attributes.
var (
	contextNames = strings.Fields(`time level msg source trace span op service @timestamp timestamp ts _time
		severity log.level lvl message _msg t Timestamp asctime Level LogLevel levelname Message RenderedMessage service.name service_name dd.service serviceContext.service entity.name
		trace_id traceId TraceId traceID traceparent span_id spanId SpanId spanID trace_flags dd.trace_id dd.span_id
		logging.googleapis.com/trace logging.googleapis.com/spanId
		logging.googleapis.com/trace_sampled logging.googleapis.com/sourceLocation
		trace.id span.id name transaction.id ecs.version span.name transaction.name log.origin trace.trace_id trace.span_id
		xray_trace_id xrayTraceId AWS-XRAY-TRACE-ID xray_segment_id __REALTIME_TIMESTAMP`)
	spanNames = strings.Fields(`parent kind start duration_ms error stack links queued_ms sample_rate sampled
		parent_kind parent_span_id parentSpanId dd.parent_id parent.id trace.parent_id duration.ms event.duration duration event.start span.kind
		error.message error.stack error.stack_trace status_message exception.message status.message`)
)

// presetRigs are the presets, in our own sink and around another handler.
func presetRigs() (all []rig) {
	slogJSON := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(out, o) }
	for _, p := range []struct {
		name string
		f    Format
	}{
		{"Datadog", Datadog}, {"GoogleCloud", GoogleCloud("my-project")}, {"ECS", ECS}, {"Honeycomb", Honeycomb},
		{"NewRelic", NewRelic}, {"Axiom", Axiom}, {"VictoriaLogs", VictoriaLogs}, {"AWSXRay", AWSXRay},
	} {
		keys := fuzzReserved(p.f, true, true, true)
		all = append(all, rig{name: p.name + " JSONHandler", formats: []Format{p.f}, sink: true, keys: keys, plain: slogJSON,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler { return p.f.NewJSONHandler(out[0], o) }})
		all = append(all, rig{name: p.name + " Handler", formats: []Format{p.f}, keys: keys, plain: slogJSON,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler { return p.f.NewHandler(slogJSON(out[0], o)) }})
		if p.f.form == googleForm || p.f.form == ecsForm {
			continue // they also change the forms of slog's own members
		}
		all = append(all, rig{name: p.name + " Handler(rebuild(JSONHandler))", formats: []Format{p.f}, keys: keys, plain: slogJSON,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler {
				f := p.f
				f.Time, f.Level, f.Message, f.Source = "", "", "", ""
				return p.f.NewHandler(&rebuildHandler{f.NewJSONHandler(out[0], o)})
			}})
	}
	return all
}

// checkNaming is the oracle. It compares a line with the one that the inner handler writes without us,
// by the rules of the design and independently of the code.
// said are the user's root keys, in loggers and record. builtins is the number of slog's members.
func checkNaming(f Format, sink bool, c *fuzzContext, op string, span bool, said []string, builtins int, plain, got []member) error {
	inTrace := c.sc.IsValid()
	reserved := fuzzReserved(f, sink, inTrace, span)

	// The ids once, and the rest of the schema.
	if inTrace {
		for key, val := range idsUnder(f, c.sc, op) {
			var vals []string
			if val != "" {
				vals = []string{val}
			}
			if diff := cmp.Diff(vals, valuesOf(got, key)); diff != "" {
				return fmt.Errorf("root key %s (-want +got):\n%s", key, diff)
			}
		}
	}
	// Slog's own members come first.
	if len(plain) < builtins || len(got) < builtins {
		return fmt.Errorf("%d and %d members, want at least %d", len(plain), len(got), builtins)
	}
	for i := range builtins {
		want := plain[i]
		if sink {
			want.Key = map[string]string{"time": orName(f.Time, "time"), "level": orName(f.Level, "level"),
				"msg": orName(f.Message, "msg"), "source": orName(f.Source, "source")}[want.Key]
		}
		if span && plain[i].Key == "time" || want.Key == "log.origin" {
			want.Value = got[i].Value
		}
		if want != got[i] {
			return fmt.Errorf("built-in %d is %v, want %v", i, got[i], want)
		}
	}
	plain, got = plain[builtins:], slices.Clone(got[builtins:])
	if sink && slices.Contains(reserved, "ecs.version") {
		if len(got) == 0 || got[0] != (member{"ecs.version", `"8.11.0"`}) {
			return fmt.Errorf("no ecs.version behind the message")
		}
		got = got[1:]
	}

	// With's attributes: once or not at all.
	var with []member
	got = slices.DeleteFunc(got, func(m member) bool {
		if strings.HasPrefix(m.Value, `"with `) {
			with = append(with, m)
			return true
		}
		return inTrace && slices.Contains(reserved, m.Key)
	})

	// The user's attributes, one by one.
	if len(plain) != len(got) {
		return fmt.Errorf("the user's members are\n%v, want\n%v", got, plain)
	}
	to := make(map[string]string)
	from := make(map[string]string)
	for i, p := range plain {
		g := got[i]
		if p.Value != g.Value {
			return fmt.Errorf("%s is %s, want %s", g.Key, g.Value, p.Value)
		}
		name := g.Key
		for strings.HasPrefix(name, "attr.") && len(name) > len(p.Key) {
			name = strings.TrimPrefix(name, "attr.")
		}
		if name != p.Key {
			return fmt.Errorf("%s became %s", p.Key, g.Key)
		}
		if old, ok := to[p.Key]; ok && old != g.Key {
			return fmt.Errorf("%s became %s and %s", p.Key, old, g.Key)
		}
		if old, ok := from[g.Key]; ok && old != p.Key {
			return fmt.Errorf("%s and %s both became %s", old, p.Key, g.Key)
		}
		to[p.Key], from[g.Key] = g.Key, p.Key
		mustMove := slices.Contains(reserved, p.Key)
		if !mustMove && !strings.HasPrefix(p.Key, "attr.") && g.Key != p.Key {
			return fmt.Errorf("%s became %s without need", p.Key, g.Key)
		}
		if mustMove && !slices.Contains(said, "attr."+p.Key) && g.Key != "attr."+p.Key {
			return fmt.Errorf("%s became %s, want attr.%s", p.Key, g.Key, p.Key)
		}
	}

	// With's attributes: under the key or attr.<key>, once, unless the user has the key.
	forbidden := append(fuzzReserved(f, true, true, span), contextNames...)
	if span {
		forbidden = append(forbidden, spanNames...)
	}
	seen := make(map[string]bool)
	for _, m := range with {
		if seen[m.Key] || from[m.Key] != "" || slices.Contains(forbidden, m.Key) {
			return fmt.Errorf("%s of With stands beside another", m.Key)
		}
		seen[m.Key] = true
		if n := len(valuesOf(got, m.Key)); n > 0 {
			return fmt.Errorf("%s of With stands beside the user's", m.Key)
		}
		i := slices.IndexFunc(c.with, func(w member) bool { return w.Value == m.Value })
		if i < 0 {
			return fmt.Errorf("%v is of another context", m)
		}
		want := c.with[i].Key
		if slices.Contains(forbidden, want) {
			want = "attr." + want
			for slices.ContainsFunc(c.with, func(w member) bool { return w.Key == want }) {
				want = "attr." + want
			}
		}
		if m.Key != want {
			return fmt.Errorf("With's %s became %s, want %s", c.with[i].Key, m.Key, want)
		}
	}
	for _, w := range c.with {
		stands := slices.ContainsFunc(with, func(m member) bool { return m.Value == w.Value })
		final := w.Key
		if slices.Contains(forbidden, final) {
			final = "attr." + final
		}
		// It must be there if the user wrote no similar key.
		like := func(k string) bool {
			return strings.ReplaceAll(k, "attr.", "") == strings.ReplaceAll(w.Key, "attr.", "")
		}
		if !stands && !slices.ContainsFunc(said, like) {
			return fmt.Errorf("%s of With is lost", w.Key)
		}
		if stands && slices.Contains(said, w.Key) && len(valuesOf(plain, w.Key)) > 0 {
			return fmt.Errorf("%s of With does not give way", w.Key)
		}
		if stands && from[final] != "" {
			return fmt.Errorf("%s of With stands beside another", w.Key)
		}
	}
	return nil
}

// runProgram runs the program in data with one arrangement of handlers, and checks each line.
func runProgram(tb testing.TB, r *rig, data []byte) {
	e := &entropy{data: data}
	o := &slog.HandlerOptions{AddSource: e.n(4) == 3}
	if e.n(4) == 3 {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "b" {
				return slog.String("b", fmt.Sprint(len(groups), a.Value))
			}
			if a.Key == "c" || a.Key == slog.TimeKey && len(groups) == 0 && a.Value.Kind() == slog.KindTime && !a.Value.Time().Equal(fuzzTime) {
				return slog.Attr{}
			}
			return a
		}
	}
	e.replaces = o.ReplaceAttr != nil
	bufs, ws := outputs(len(r.formats))
	var pb bytes.Buffer
	loggers := []fuzzLogger{{ours: r.ours(ws, o), plain: r.plain(&pb, o)}}
	silent := NewTracer(slog.DiscardHandler, nil)
	none := func() string { return "" }
	contexts := []fuzzContext{{ctx: context.Background(), op: none}}
	withs := 0

	check := func(c *fuzzContext, op string, span bool, said []string) {
		tb.Helper()
		builtins := 3
		if o.AddSource && !span && !r.noSource {
			builtins++
		}
		if o.ReplaceAttr != nil && !r.noSource {
			builtins-- // the time
		}
		pl := take(&pb)
		plain, err := splitMembers(pl, r.text)
		if err != nil {
			for _, b := range bufs {
				take(b)
			}
			return // there is no line to compare with
		}
		for i, b := range bufs {
			line := take(b)
			got, err := splitMembers(line, r.text)
			if err == nil {
				err = checkNaming(r.formats[i], r.sink, c, op, span, said, builtins, plain, got)
			}
			if err != nil {
				tb.Fatalf("%s, output %d: %v\n with us: %s without: %s With: %v", r.name, i, err, line, pl, c.with)
			}
		}
	}

	for len(e.data) > 0 {
		l := loggers[e.n(len(loggers))]
		c := &contexts[e.n(len(contexts))]
		switch e.n(16) {
		case 0, 1: // With
			attrs := e.attrs(r, 3)
			l.ours, l.plain = l.ours.WithAttrs(slices.Clone(attrs)), l.plain.WithAttrs(slices.Clone(attrs))
			if l.group == "" {
				l.root = append(slices.Clip(l.root), rootKeysOf(attrs)...)
			}
			loggers = append(loggers, l)
		case 2: // WithGroup
			name := e.key(r)
			if name == "" {
				continue
			}
			l.ours, l.plain = l.ours.WithGroup(name), l.plain.WithGroup(name)
			if l.group == "" {
				l.group = name
			}
			loggers = append(loggers, l)
		case 3: // a new context
			c2 := *c
			c2.span = nil
			switch e.n(6) {
			case 0:
				c2.ctx, c2.span = silent.Start(c.ctx, fmt.Sprint("op", len(contexts)))
			case 1:
				var attrs []slog.Attr
				c2.span, c2.with = c.span, slices.Clone(c.with)
				for range 1 + e.n(3) {
					key := e.key(r)
					if key == "" || o.ReplaceAttr != nil && (key == "b" || key == "c") {
						continue
					}
					withs++
					val := fmt.Sprint("with ", withs)
					if e.n(4) == 0 {
						attrs = append(attrs, slog.Any(key, valuerOf(slog.StringValue(val))))
					} else {
						attrs = append(attrs, slog.String(key, val))
					}
					c2.with = slices.DeleteFunc(c2.with, func(m member) bool { return m.Key == key })
					c2.with = append(c2.with, member{key, string(jsonText(val))})
				}
				c2.ctx = With(c.ctx, attrs...)
			case 2:
				c2.ctx, c2.sc, c2.op = ContextWithRemoteSpanContext(c.ctx, testSpanContext), testSpanContext, none
			case 3:
				c2.ctx, _ = Carrier{Traceparent: testTraceparent, Op: "producer"}.Context(c.ctx)
				c2.sc, c2.op = testSpanContext, func() string { return "producer" }
			case 4:
				c2.ctx, c2.sc, c2.op = Detach(c.ctx), SpanContext{}, none
			case 5:
				c2.ctx, c2.span = NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: neverSampler{}}).Start(c.ctx, "unsampled")
			}
			if c2.span != nil {
				c2.sc, c2.op = c2.span.SpanContext(), c2.span.Op
			}
			contexts = append(contexts, c2)
		case 4:
			c.span.SetOp(fmt.Sprint("set", e.n(3)))
		case 5: // a span record
			// An attribute that an outer handler has resolved keeps the name that it got there, also in a group,
			// and is no longer known to be the logger's key of the same name: see TestHandlerSpanRecords.
			if r.foreign || c.sc.IsValid() && !c.sc.IsSampled() {
				continue
			}
			var attrs []slog.Attr
			for range e.n(6) {
				a := e.attr(r, 2)
				if a.Key != "" && a.Value.Kind() != slog.KindGroup && !slices.ContainsFunc(attrs, func(b slog.Attr) bool { return a.Key == b.Key }) {
					attrs = append(attrs, a)
				}
			}
			_, span := NewTracer(l.ours, nil).Start(c.ctx, "ends", attrs...)
			span.End()
			rec := slog.NewRecord(testTime, slog.LevelInfo, spanEndMessage, 0)
			rec.AddAttrs(attrs...)
			if err := l.plain.Handle(context.Background(), rec); err != nil {
				tb.Fatal(err)
			}
			c2 := *c
			c2.sc = span.SpanContext()
			said := slices.Clone(l.root)
			if l.group != "" {
				said = append(said, l.group)
			} else {
				said = append(said, rootKeysOf(attrs)...)
			}
			check(&c2, "ends", true, append(said, "stamp"))
		default: // log records
			attrs := e.attrs(r, 8)
			said := slices.Clone(l.root)
			if l.group == "" {
				said = append(said, rootKeysOf(attrs)...)
			} else {
				said = append(said, l.group)
			}
			rec := testRecord(attrs...)
			before := fmt.Sprintf("%#v", recordAttrsOf(rec))
			for range 1 + e.n(4) {
				if err := errors.Join(l.ours.Handle(c.ctx, rec), l.plain.Handle(context.Background(), rec)); err != nil {
					tb.Fatal(err)
				}
				check(c, c.op(), false, append(said, "stamp"))
			}
			if after := fmt.Sprintf("%#v", recordAttrsOf(rec)); after != before {
				tb.Fatalf("%s: the record was changed from\n%s to\n%s", r.name, before, after)
			}
		}
	}
}

// An inline group in an inline group, from a LogValuer.
func TestHandlerNestedInlineValuer(t *testing.T) {
	nested := slog.Group("", slog.Int("x", 1), slog.Any("", valuerOf(slog.GroupValue(slog.Int("trace", 2), slog.Int("w", 3)))))
	for name, mk := range map[string]func(*bytes.Buffer) slog.Handler{
		"JSONHandler": func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b, nil) },
		"Handler":     func(b *bytes.Buffer) slog.Handler { return NewHandler(slog.NewJSONHandler(b, nil)) },
	} {
		for _, where := range []string{"record", "logger"} {
			t.Run(name+"/"+where, func(t *testing.T) {
				var b bytes.Buffer
				h := mk(&b)
				ctx, span := testSpan(With(t.Context(), slog.Int("w", 4)), "op")
				r := testRecord(nested)
				if where == "logger" {
					h, r = h.WithAttrs([]slog.Attr{nested}), testRecord()
				}
				for range 4 {
					if err := h.Handle(ctx, r); err != nil {
						t.Fatal(err)
					}
					want := idsUnder(Format{}, span.SpanContext(), "op")
					want["attr.trace"], want["w"] = "2", "3"
					checkRootKeys(t, take(&b), want)
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// Random loggers, contexts and records. The seed is fixed, so that failures repeat.
func TestHandlerRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 50
	if racetest.Enabled || testing.Short() {
		n = 8
	}
	for _, r := range append(rigs(), presetRigs()...) {
		t.Run(r.name, func(t *testing.T) {
			for range n {
				data := make([]byte, 20+rnd.IntN(400))
				for i := range data {
					data[i] = byte(rnd.Uint32())
				}
				runProgram(t, &r, data)
			}
		})
	}
}

// FuzzHandler compares lines written with our handlers and lines of the same inner handler without them.
// The first byte chooses the arrangement of handlers.
func FuzzHandler(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	all := append(rigs(), presetRigs()...)
	for i := range all {
		data := make([]byte, 60)
		for j := range data {
			data[j] = byte(rnd.Uint32())
		}
		f.Add(append([]byte{byte(i)}, data...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 2000 {
			return
		}
		runProgram(t, &all[int(data[0])%len(all)], data[1:])
	})
}

// A user's id attributes count as ours only if all are the context's. A line with another span's ids under these keys has both.
func TestIDsOfAnotherSpan(t *testing.T) {
	for name, mk := range map[string]func(*bytes.Buffer) slog.Handler{
		"JSONHandler": func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b, nil) },
		"Handler":     func(b *bytes.Buffer) slog.Handler { return NewHandler(slog.NewJSONHandler(b, nil)) },
	} {
		var b bytes.Buffer
		h := mk(&b)
		ctx, span := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "op")
		sc := span.SpanContext()
		trace, id, other := sc.TraceID.String(), sc.SpanID.String(), SpanID{1}.String()
		for _, test := range []struct{ trace, span, op, want string }{
			{trace, id, "op", `"trace":"` + trace + `","span":"` + id + `","op":"op"`},
			{trace, other, "op", `"trace":"` + trace + `","span":"` + id + `","op":"op","attr.trace":"` + trace + `","attr.span":"` + other + `","attr.op":"op"`},
			{TraceID{1}.String(), id, "op", `"trace":"` + trace + `","span":"` + id + `","op":"op","attr.trace":"` + TraceID{1}.String() + `","attr.span":"` + id + `","attr.op":"op"`},
			{trace, id, "o", `"trace":"` + trace + `","span":"` + id + `","op":"op","attr.trace":"` + trace + `","attr.span":"` + id + `","attr.op":"o"`},
		} {
			b.Reset()
			slog.New(h).InfoContext(ctx, "m", "trace", test.trace, "span", test.span, "op", test.op)
			if want := `"msg":"m",` + test.want + "}\n"; !strings.HasSuffix(b.String(), want) {
				t.Errorf("%s: want %s, got %s", name, want, b.String())
			}
		}
	}
}

// Ids that an outer handler bound stay for everything that is bound after them.
func TestBoundIDsStay(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "op")
	ids := markedGroup([]slog.Attr{slog.String("trace", "outer's")}, &mark{format: defaultFormat, event: eventLog})
	h := NewJSONHandler(&b, nil).WithAttrs([]slog.Attr{{Value: ids}}).WithAttrs([]slog.Attr{slog.Int("a", 1)})
	slog.New(h).InfoContext(ctx, "m", "b", 2)
	if want := `"msg":"m","trace":"outer's","a":1,"b":2}` + "\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("want %s, got %s", want, b.String())
	}
}

// A user who writes the ids as attributes, as before adopting this package, keeps the rest of the line.
func TestIDsByHand(t *testing.T) {
	for _, f := range []Format{{}, OTel} {
		for name, mk := range map[string]func(io.Writer) slog.Handler{
			"JSONHandler": func(w io.Writer) slog.Handler { return f.NewJSONHandler(w, nil) },
			"Handler":     func(w io.Writer) slog.Handler { return f.NewHandler(slog.NewJSONHandler(w, nil)) },
		} {
			var b bytes.Buffer
			l := slog.New(mk(&b))
			ctx, span := Start(With(t.Context(), slog.Int("user", 7)), "op")
			sc := span.SpanContext()
			c := f.compile(true)
			ids := []any{c.Trace, sc.TraceID.String(), c.Span, sc.SpanID.String()}
			l.InfoContext(ctx, "m", ids...)
			l.With(ids...).InfoContext(ctx, "m")
			for line := range strings.Lines(b.String()) {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatal(err)
				}
				if m["op"] != "op" || m["user"] != 7.0 || m[c.Trace] != sc.TraceID.String() {
					t.Errorf("%s, %s: op, With or id missing: %s", name, c.Trace, line)
				}
			}
		}
	}
}

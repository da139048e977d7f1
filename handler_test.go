package slogtrace

// Bugs planted in a scratch copy of the package, and the tests that found them.
//
//	a handler's steps appended without Clip, in WithAttrs or in WithGroup  TestHandlerSiblings
//	a logger's keys, or those it moved, appended without Clip              TestHandlerSiblingKeys
//	bound chains found without the op                                      TestHandlerSetOp, TestLoggerOp, TestHandlerRandom
//	bound chains found without the handler                                 TestHandlerIDs, TestHandlerSlogtest
//	no chain ever bound                                                    TestHandlerBinds
//	ids bound behind the groups                                            TestHandlerIDs, TestHandlerSlogtest, TestHandlerRandom
//	mark on a record not recognised                                        TestHandlerIDs, TestHandlerNames, TestHandlerRandom
//	bound flag never set, or lost in WithGroup                             TestHandlerIDs, TestHandlerNames, TestHandlerRandom
//	marks not removed under a group that was opened between                TestHandlerOverGroups
//	mark without its span                                                  TestHandlerSpanOf
//	AddAttrs without Clone                                                 TestHandlerLeavesRecordAlone
//	attributes bound without a copy for each chain                         TestHandlerSharesWithAttrs, TestHandlerSlogtest
//	With overrides record or logger                                        TestHandlerNames, TestHandlerRandom
//	a group that stays empty counts as written                             TestHandlerEmptyGroup, TestHandlerNames
//	record's or logger's keys not renamed                                  TestHandlerNames, TestHandlerSpanRecords
//	first group not renamed                                                TestHandlerNames, TestHandlerRandom
//	names that a renaming took not noted                                   TestHandlerNames, TestHandlerRandom
//	inline LogValuers not looked into                                      TestHandlerNames, TestHandlerRandom
//	userAttr not unwrapped                                                 TestFormatSpanRecords, TestHandlerSpanRecords
//	initial handler not recognised, or its level not asked                 TestHandlerOverInitial
//	flags in decimal                                                       TestFormatNames, TestHandlerIDs
//	keySet compares lengths only                                           TestKeySet, TestFormatNames
//	Logger prefers its own context, or loses it in WithGroup               TestLoggerContexts, TestLoggerEnabled

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A rig is an arrangement of handlers, with ours among them and without.
type rig struct {
	name    string
	formats []Format // that the ids have at each of the outputs
	ours    func(out []io.Writer, o *slog.HandlerOptions) slog.Handler
	plain   func(out io.Writer, o *slog.HandlerOptions) slog.Handler // what each output would get without us

	text     bool     // lines are slog.TextHandler's
	noSource bool     // HandlerOptions do nothing here
	dropsKey bool     // what has an empty key and is no group is dropped, LogValuers too: not asked what they are
	sink     bool     // our own handler writes slog's own members, by the Format's names
	keys     []string // that the Format makes worth a try for a user's attribute
	foreign  bool     // somebody else's handler is outermost and has resolved a span's attributes before we see them
}

func rigs() []rig {
	def := []Format{{}}
	otel := []Format{OTel}
	slogJSON := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(out, o) }
	stamped := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return &stampHandler{slogJSON(out, o)} }
	one := func(wrap func(slog.Handler) slog.Handler, inner func(io.Writer, *slog.HandlerOptions) slog.Handler) func([]io.Writer, *slog.HandlerOptions) slog.Handler {
		return func(out []io.Writer, o *slog.HandlerOptions) slog.Handler { return wrap(inner(out[0], o)) }
	}
	wrapDef := func(h slog.Handler) slog.Handler { return NewHandler(h) }
	wrapOTel := func(h slog.Handler) slog.Handler { return OTel.NewHandler(h) }
	jsonDef := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return NewJSONHandler(out, o) }
	jsonOTel := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return OTel.NewJSONHandler(out, o) }
	tree := func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return &treeHandler{out: out} }
	keyFirst := func(out io.Writer, o *slog.HandlerOptions) slog.Handler {
		return &treeHandler{out: out, keyFirst: true}
	}
	same := func(h slog.Handler) slog.Handler { return h }
	stamp := func(h slog.Handler) slog.Handler { return &stampHandler{h} }
	rebuild := func(h slog.Handler) slog.Handler { return &rebuildHandler{h} }
	return []rig{
		{name: "JSONHandler", formats: def, ours: one(same, jsonDef), plain: slogJSON},
		{name: "JSONHandler OTel", formats: otel, ours: one(same, jsonOTel), plain: slogJSON},
		{name: "Handler(slog JSON)", formats: def, ours: one(wrapDef, slogJSON), plain: slogJSON},
		{name: "OTel Handler(slog JSON)", formats: otel, ours: one(wrapOTel, slogJSON), plain: slogJSON},
		{name: "Handler(slog text)", formats: def, text: true,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler {
				return NewHandler(slog.NewTextHandler(out[0], o))
			},
			plain: func(out io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(out, o) },
		},
		{name: "OTel Handler(JSONHandler)", formats: otel, ours: one(wrapOTel, jsonDef), plain: slogJSON},
		{name: "Handler(OTel Handler(slog JSON))", formats: def,
			ours: one(func(h slog.Handler) slog.Handler { return NewHandler(OTel.NewHandler(h)) }, slogJSON), plain: slogJSON},
		{name: "Handler(stamp(slog JSON))", formats: def, ours: one(wrapDef, stamped), plain: stamped},
		{name: "OTel Handler(stamp(Handler(slog JSON)))", formats: otel,
			ours: one(func(h slog.Handler) slog.Handler { return OTel.NewHandler(stamp(NewHandler(h))) }, slogJSON), plain: stamped},
		{name: "stamp(JSONHandler)", formats: def, ours: one(stamp, jsonDef), plain: stamped},
		{name: "Handler(MultiHandler)", formats: []Format{{}, {}}, plain: slogJSON,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler {
				return NewHandler(slog.NewMultiHandler(slogJSON(out[0], o), NewJSONHandler(out[1], o)))
			}},
		{name: "MultiHandler(Handler, OTel JSONHandler)", formats: []Format{{}, OTel}, plain: slogJSON,
			ours: func(out []io.Writer, o *slog.HandlerOptions) slog.Handler {
				return slog.NewMultiHandler(NewHandler(slogJSON(out[0], o)), OTel.NewJSONHandler(out[1], o))
			}},
		{name: "Handler(tree)", formats: def, noSource: true, ours: one(wrapDef, tree), plain: tree},
		{name: "Handler(key first)", formats: def, noSource: true, dropsKey: true, ours: one(wrapDef, keyFirst), plain: keyFirst},
		{name: "Handler(rebuild(slog JSON))", formats: def, ours: one(wrapDef, func(out io.Writer, o *slog.HandlerOptions) slog.Handler {
			return rebuild(slogJSON(out, o))
		}), plain: slogJSON},
		{name: "OTel Handler(rebuild(JSONHandler))", formats: otel, ours: one(wrapOTel, func(out io.Writer, o *slog.HandlerOptions) slog.Handler {
			return rebuild(jsonDef(out, o))
		}), plain: slogJSON},
		{name: "rebuild(Handler(slog JSON))", formats: def, foreign: true, ours: one(func(h slog.Handler) slog.Handler { return rebuild(NewHandler(h)) }, slogJSON), plain: slogJSON},
		{name: "rebuild(JSONHandler)", formats: def, foreign: true, ours: one(rebuild, jsonDef), plain: slogJSON},
	}
}

// A stampHandler embeds another and adds an attribute to each record that has one that is written,
// so that a group that is empty stays empty.
type stampHandler struct{ slog.Handler }

func (h *stampHandler) Handle(ctx context.Context, r slog.Record) error {
	if slices.ContainsFunc(recordAttrsOf(r), func(a slog.Attr) bool { return a.Key != "" && !isEmptyAttr(a) }) {
		r = r.Clone()
		r.AddAttrs(slog.Int("stamp", 1))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *stampHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &stampHandler{h.Handler.WithAttrs(attrs)}
}

func (h *stampHandler) WithGroup(name string) slog.Handler {
	return &stampHandler{h.Handler.WithGroup(name)}
}

// A rebuildHandler passes on a new record with each attribute resolved, as do handlers that redact or convert.
type rebuildHandler struct{ slog.Handler }

func (h *rebuildHandler) Handle(ctx context.Context, r slog.Record) error {
	r2 := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		r2.AddAttrs(slog.Attr{Key: a.Key, Value: a.Value.Resolve()})
		return true
	})
	return h.Handler.Handle(ctx, r2)
}

func (h *rebuildHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	resolved := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		resolved[i] = slog.Attr{Key: a.Key, Value: a.Value.Resolve()}
	}
	return &rebuildHandler{h.Handler.WithAttrs(resolved)}
}

func (h *rebuildHandler) WithGroup(name string) slog.Handler {
	return &rebuildHandler{h.Handler.WithGroup(name)}
}

// A treeHandler remembers what With and WithGroup said as a linked list and looks at it only in Handle.
// It changes what it is given by WithAttrs, as a handler that owns it may.
type treeHandler struct {
	out      io.Writer
	keyFirst bool // look at keys before LogValuers are resolved; then what has none and is no group is dropped
	parent   *treeHandler
	group    string
	attrs    []slog.Attr
}

func (h *treeHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *treeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	own := slices.Clone(attrs)
	clear(attrs)
	return &treeHandler{out: h.out, keyFirst: h.keyFirst, parent: h, attrs: own}
}

func (h *treeHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &treeHandler{out: h.out, keyFirst: h.keyFirst, parent: h, group: name}
}

func (h *treeHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := recordAttrsOf(r)
	for n := h; n != nil; n = n.parent {
		if n.group != "" {
			attrs = []slog.Attr{{Key: n.group, Value: slog.GroupValue(attrs...)}}
		} else {
			attrs = append(slices.Clone(n.attrs), attrs...)
		}
	}
	if !r.Time.IsZero() {
		attrs = append([]slog.Attr{slog.Time(slog.TimeKey, r.Time)}, attrs...)
	}
	attrs = append([]slog.Attr{slog.String(slog.LevelKey, r.Level.String()), slog.String(slog.MessageKey, r.Message)}, attrs...)
	var b bytes.Buffer
	b.WriteByte('{')
	h.members(&b, attrs)
	b.WriteString("}\n")
	_, err := h.out.Write(b.Bytes())
	return err
}

func (h *treeHandler) members(b *bytes.Buffer, attrs []slog.Attr) {
	comma := func() {
		if s := b.Bytes(); s[len(s)-1] != '{' {
			b.WriteByte(',')
		}
	}
	for _, a := range attrs {
		if h.keyFirst && a.Key == "" && a.Value.Kind() != slog.KindGroup {
			continue
		}
		v := a.Value.Resolve()
		if v.Kind() == slog.KindGroup {
			if a.Key == "" {
				h.members(b, v.Group())
				continue
			}
			var sub bytes.Buffer
			sub.WriteByte('{')
			h.members(&sub, v.Group())
			if sub.Len() > 1 {
				comma()
				fmt.Fprintf(b, "%s:%s}", jsonText(a.Key), sub.Bytes())
			}
			continue
		}
		if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
			continue
		}
		comma()
		val := v.Any()
		if e, ok := val.(error); ok {
			val = e.Error()
		}
		fmt.Fprintf(b, "%s:%s", jsonText(a.Key), jsonText(val))
	}
}

func jsonText(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal("!ERROR:" + err.Error())
	}
	return b
}

// recordAttrsOf is written a second time so that the tests do not lean on the code.
func recordAttrsOf(r slog.Record) (attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

// A member is one key of a line's root, and its value as text.
type member struct{ Key, Value string }

// parseMembers returns the members at the root of a line, duplicates among them.
func parseMembers(tb testing.TB, line []byte, text bool) []member {
	tb.Helper()
	m, err := splitMembers(line, text)
	if err != nil {
		tb.Fatalf("%v in line %s", err, line)
	}
	return m
}

func splitMembers(line []byte, text bool) (members []member, err error) {
	if n := bytes.Count(line, []byte("\n")); n != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		return nil, fmt.Errorf("%d lines, want 1,", n)
	}
	if text {
		return splitText(strings.TrimSuffix(string(line), "\n"))
	}
	if !json.Valid(line) {
		return nil, errors.New("no JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		members = append(members, member{key.(string), string(raw)})
	}
	return members, nil
}

// splitText splits a line of slog.TextHandler's; values become JSON strings.
func splitText(s string) (members []member, err error) {
	next := func(stop byte) (string, error) {
		if strings.HasPrefix(s, `"`) {
			q, err := strconv.QuotedPrefix(s)
			if err != nil {
				return "", fmt.Errorf("bad quotes at %q", s)
			}
			s = s[len(q):]
			return strconv.Unquote(q)
		}
		i := strings.IndexByte(s, stop)
		if i < 0 {
			i = len(s)
		}
		word := s[:i]
		s = s[i:]
		return word, nil
	}
	for s != "" {
		key, err := next('=')
		if err != nil {
			return nil, err
		}
		s = strings.TrimPrefix(s, "=")
		val, err := next(' ')
		if err != nil {
			return nil, err
		}
		s = strings.TrimPrefix(s, " ")
		members = append(members, member{key, string(jsonText(val))})
	}
	return members, nil
}

func valuesOf(members []member, key string) (vals []string) {
	for _, m := range members {
		if m.Key == key {
			vals = append(vals, m.Value)
		}
	}
	return vals
}

// checkRootKeys checks that each key of want stands exactly once at the root, with its value;
// "" wants the key to be absent, "*" takes any value.
func checkRootKeys(tb testing.TB, line []byte, want map[string]string) {
	tb.Helper()
	members := parseMembers(tb, line, false)
	for key, val := range want {
		var vals []string
		if val != "" {
			vals = []string{val}
		}
		got := valuesOf(members, key)
		if val == "*" && len(got) == 1 {
			continue
		}
		if diff := cmp.Diff(vals, got); diff != "" {
			tb.Errorf("root key %q (-want +got):\n%s\tin %s", key, diff, line)
		}
	}
}

// idsUnder returns what must stand at the root of a line under sc by format f.
func idsUnder(f Format, sc SpanContext, op string) map[string]string {
	trace, span := sc.TraceID.String(), sc.SpanID.String()
	flags := string(jsonText(fmt.Sprintf("%02x", uint8(sc.Flags))))
	switch f.form {
	case datadogForm:
		span = fmt.Sprint(new(big.Int).SetBytes(sc.SpanID[:]))
	case googleForm:
		trace = "projects/" + f.project + "/traces/" + trace
		flags = fmt.Sprint(sc.IsSampled())
	case xrayForm:
		trace = strings.Join([]string{"1", trace[:8], trace[8:]}, "-")
	}
	m := map[string]string{
		orName(f.Trace, "trace"): string(jsonText(trace)),
		orName(f.Span, "span"):   string(jsonText(span)),
	}
	if op != "" {
		m[orName(f.Op, "op")] = string(jsonText(op))
	} else {
		m[orName(f.Op, "op")] = ""
	}
	if f.Flags != "" {
		m[f.Flags] = flags
	}
	return m
}

// outputs are n buffers and the same as writers.
func outputs(n int) (bufs []*bytes.Buffer, ws []io.Writer) {
	for range n {
		b := new(bytes.Buffer)
		bufs, ws = append(bufs, b), append(ws, b)
	}
	return bufs, ws
}

func take(b *bytes.Buffer) []byte {
	line := bytes.Clone(b.Bytes())
	b.Reset()
	return line
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

// testRecord returns a record whose attributes beyond the fifth have room to spare behind them.
func testRecord(attrs ...slog.Attr) slog.Record {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	r := slog.NewRecord(testTime, slog.LevelInfo, "m", pc[0])
	for _, a := range attrs {
		r.AddAttrs(a) // one by one, so that the slice grows beyond what is used
	}
	return r
}

// testSpan begins a span that reports to nobody.
func testSpan(ctx context.Context, op string) (context.Context, *Span) {
	return NewTracer(slog.DiscardHandler, nil).Start(ctx, op)
}

type neverSampler struct{}

func (neverSampler) Sample(SampleInput) (bool, float64) { return false, 0.25 }

// A valuerFunc is a LogValuer.
type valuerFunc func() slog.Value

func (f valuerFunc) LogValue() slog.Value { return f() }

func valuerOf(v slog.Value) slog.Value {
	return slog.AnyValue(valuerFunc(func() slog.Value { return v }))
}

// An inContext handler hands on a context of its own.
type inContext struct {
	slog.Handler
	ctx context.Context
}

func (h inContext) Handle(_ context.Context, r slog.Record) error { return h.Handler.Handle(h.ctx, r) }
func (h inContext) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inContext{h.Handler.WithAttrs(attrs), h.ctx}
}
func (h inContext) WithGroup(name string) slog.Handler {
	return inContext{h.Handler.WithGroup(name), h.ctx}
}

func TestHandlerSlogtest(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	contexts := []struct {
		name string
		ctx  context.Context
	}{
		{"no span", t.Context()},
		{"span", span},
		{"With", With(t.Context(), slog.Int("w", 1))},
		{"span and With", With(span, slog.Int("w", 1))},
	}
	for _, rig := range rigs() {
		for _, c := range contexts {
			t.Run(rig.name+"/"+c.name, func(t *testing.T) {
				var bufs []*bytes.Buffer
				slogtest.Run(t, func(*testing.T) slog.Handler {
					var ws []io.Writer
					bufs, ws = outputs(len(rig.formats))
					return inContext{rig.ours(ws, nil), c.ctx}
				}, func(t *testing.T) map[string]any {
					var m map[string]any
					for _, b := range bufs {
						m = make(map[string]any)
						for _, e := range parseMembers(t, b.Bytes(), rig.text) {
							putNested(m, e, rig.text)
						}
					}
					return m
				})
			})
		}
	}
	t.Run("foreign", func(t *testing.T) { // the handlers of this file are fit for the purpose
		for _, rig := range rigs() {
			var b *bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				b = new(bytes.Buffer)
				return rig.plain(b, nil)
			}, func(t *testing.T) map[string]any {
				m := make(map[string]any)
				for _, e := range parseMembers(t, b.Bytes(), rig.text) {
					putNested(m, e, rig.text)
				}
				return m
			})
		}
	})
}

// putNested puts e into m; a text line's dots open groups.
func putNested(m map[string]any, e member, text bool) {
	key := e.Key
	for text && strings.Contains(key, ".") {
		group, rest, _ := strings.Cut(key, ".")
		if m[group] == nil {
			m[group] = make(map[string]any)
		}
		m, key = m[group].(map[string]any), rest
	}
	var v any
	if err := json.Unmarshal([]byte(e.Value), &v); err != nil {
		panic(err)
	}
	m[key] = v
}

// Each record of a span, from the first to the one for which the chain is bound and on, carries the ids once,
// at the root, whatever With and WithGroup said.
func TestHandlerIDs(t *testing.T) {
	derive := []struct {
		name string
		f    func(slog.Handler) slog.Handler
	}{
		{"root", func(h slog.Handler) slog.Handler { return h }},
		{"With", func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}) }},
		{"group", func(h slog.Handler) slog.Handler { return h.WithGroup("g") }},
		{"With group", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g")
		}},
		{"group With", func(h slog.Handler) slog.Handler {
			return h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
		}},
		{"groups", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h").WithAttrs([]slog.Attr{slog.Int("c", 1)})
		}},
		{"nothing", func(h slog.Handler) slog.Handler { return h.WithAttrs(nil) }},
	}
	records := [][]slog.Attr{
		{slog.Int("x", 1)},
		nil,
		{slog.Int("x", 1), slog.Int("y", 2), slog.Int("z", 3)},
		{slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3), slog.Int("4", 4), slog.Int("5", 5)},
		{slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3), slog.Int("4", 4), slog.Int("5", 5), slog.Int("6", 6), slog.Int("7", 7), slog.Int("8", 8)},
		{slog.Group("", slog.Int("in", 1)), slog.Group("e"), slog.Group("sub", slog.Int("deep", 1)), {}},
	}
	remote := ContextWithRemoteSpanContext(t.Context(), testSpanContext)
	carried, err := Carrier{Traceparent: testTraceparent, Op: "producer"}.Context(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			for _, d := range derive {
				span, s := testSpan(t.Context(), "work")
				unsampled, u := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: neverSampler{}}).Start(t.Context(), "rare")
				child, c := Start(With(span, slog.Int("w", 7)), "child")
				contexts := []struct {
					ctx context.Context
					sc  SpanContext
					op  string
				}{
					{t.Context(), SpanContext{}, ""},
					{span, s.SpanContext(), "work"},
					{unsampled, u.SpanContext(), "rare"},
					{child, c.SpanContext(), "child"},
					{remote, testSpanContext, ""},
					{carried, testSpanContext, "producer"},
					{Detach(span), SpanContext{}, ""},
				}
				bufs, ws := outputs(len(rig.formats))
				h := d.f(rig.ours(ws, nil))
				var pb bytes.Buffer
				plain := d.f(rig.plain(&pb, nil))
				for n := range 6 * len(contexts) {
					c := contexts[n%len(contexts)]
					r := testRecord(records[(n+n/len(contexts))%len(records)]...)
					if err := h.Handle(c.ctx, r); err != nil {
						t.Fatal(err)
					}
					if err := plain.Handle(t.Context(), r); err != nil {
						t.Fatal(err)
					}
					want := parseMembers(t, take(&pb), rig.text)
					for i, b := range bufs {
						line := take(b)
						got := parseMembers(t, line, rig.text)
						if c.sc.IsValid() {
							for key, val := range idsUnder(rig.formats[i], c.sc, c.op) {
								var vals []string
								if val != "" {
									vals = []string{val}
								}
								if diff := cmp.Diff(vals, valuesOf(got, key)); diff != "" {
									t.Errorf("%s: root key %s (-want +got):\n%s\tin %s", d.name, key, diff, line)
								}
								got = slices.DeleteFunc(got, func(m member) bool { return m.Key == key })
							}
						}
						if c.ctx == child {
							got = slices.DeleteFunc(got, func(m member) bool { return m.Key == "w" })
						}
						if diff := cmp.Diff(want, got); diff != "" {
							t.Fatalf("%s: beside the ids (-want +got):\n%s\tin %s", d.name, diff, line)
						}
					}
				}
			}
		})
	}
}

// Outside of a trace the bytes are the inner handler's.
func TestHandlerUntouchedOutside(t *testing.T) {
	attrs := []slog.Attr{slog.Int("trace", 1), slog.Int("op", 2), slog.Any("", valuerOf(slog.GroupValue(slog.Int("span", 3)))), slog.Int("attr.trace", 4)}
	for _, rig := range rigs() {
		if rig.dropsKey {
			continue
		}
		bufs, ws := outputs(len(rig.formats))
		h := rig.ours(ws, nil)
		var pb bytes.Buffer
		plain := rig.plain(&pb, nil)
		for range 2 {
			r := testRecord(attrs...)
			if err := errors.Join(h.Handle(t.Context(), r), plain.Handle(t.Context(), r)); err != nil {
				t.Fatal(err)
			}
			want := take(&pb)
			for _, b := range bufs {
				if diff := cmp.Diff(string(want), string(take(b))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", rig.name, diff)
				}
			}
			h, plain = h.WithAttrs(slices.Clone(attrs)).WithGroup("span"), plain.WithAttrs(slices.Clone(attrs)).WithGroup("span")
		}
	}
}

// A new op counts from the next record on, also for chains that were bound under the old one.
func TestHandlerSetOp(t *testing.T) {
	for _, rig := range rigs() {
		bufs, ws := outputs(len(rig.formats))
		base := rig.ours(ws, nil)
		for _, h := range []slog.Handler{base, base.WithGroup("g")} {
			ctx, span := testSpan(t.Context(), "op0")
			for i := range 15 {
				op := fmt.Sprintf("op%d", i/5%2) // and back again
				span.SetOp(op)
				if err := h.Handle(ctx, testRecord(slog.Int("x", i))); err != nil {
					t.Fatal(err)
				}
				for o, b := range bufs {
					line := take(b)
					got := parseMembers(t, line, rig.text)
					for key, val := range idsUnder(rig.formats[o], span.SpanContext(), op) {
						if diff := cmp.Diff([]string{val}, valuesOf(got, key)); diff != "" {
							t.Errorf("%s: record %d: %s (-want +got):\n%s", rig.name, i, key, diff)
						}
					}
				}
			}
		}
	}
}

// Loggers derived from one another by turns share nothing, whether their parent has room to spare or not.
func TestHandlerSiblings(t *testing.T) {
	for _, rig := range rigs() {
		ctx, _ := testSpan(t.Context(), "op")
		for depth := range 5 {
			for _, group := range []string{"", "g"} {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil).WithGroup(group)
				for i := range depth {
					h = h.WithAttrs([]slog.Attr{slog.Int(fmt.Sprint("k", i), i)})
				}
				siblings := []slog.Handler{
					h.WithAttrs([]slog.Attr{slog.String("who", "sibling0")}),
					h.WithAttrs([]slog.Attr{slog.String("who", "sibling1")}),
					h.WithAttrs([]slog.Attr{slog.String("trace", "sibling2")}),
					h.WithAttrs([]slog.Attr{slog.String("span", "sibling3")}),
					h.WithGroup("sibling4").WithAttrs([]slog.Attr{slog.Int("x", 1)}),
					h.WithGroup("sibling5").WithAttrs([]slog.Attr{slog.Int("x", 2)}),
					h.WithGroup("sibling6"),
					h.WithGroup("sibling7"),
				}
				for n := range 4 * len(siblings) {
					n %= len(siblings)
					if err := siblings[n].Handle(ctx, testRecord(slog.Int("n", n))); err != nil {
						t.Fatal(err)
					}
					for _, b := range bufs {
						line := take(b)
						for m := range siblings {
							if got := bytes.Contains(line, fmt.Appendf(nil, "sibling%d", m)); got != (m == n) {
								t.Errorf("%s: depth %d, group %q, line of sibling%d: that it says sibling%d is %v:\n%s", rig.name, depth, group, n, m, got, line)
							}
						}
					}
				}
			}
		}
	}
}

// Nor do they share what they know of each other's keys.
func TestHandlerSiblingKeys(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			h := mk(&b)
			for i, key := range []string{"trace", "a", "span", "b", "op"} { // three that are renamed leave room for a fourth
				h = h.WithAttrs([]slog.Attr{slog.Int(key, i)})
			}
			left, right := h.WithAttrs([]slog.Attr{slog.Int("attr.trace", 10)}), h.WithAttrs([]slog.Attr{slog.Int("attr.span", 11)})
			left2, right2 := h.WithAttrs([]slog.Attr{slog.Int("left", 12)}), h.WithAttrs([]slog.Attr{slog.Int("right", 13)})
			ctx, _ := testSpan(With(t.Context(), slog.Int("left", 20), slog.Int("right", 21)), "op")
			for range 4 {
				for _, c := range []struct {
					h    slog.Handler
					attr slog.Attr
					want map[string]string
				}{
					{left, slog.Int("attr.attr.trace", 30), map[string]string{"attr.trace": "0", "attr.attr.trace": "10", "attr.attr.attr.trace": "30"}},
					{right, slog.Int("attr.attr.span", 30), map[string]string{"attr.span": "2", "attr.attr.span": "11", "attr.attr.attr.span": "30"}},
					{left, slog.Int("attr.attr.span", 30), map[string]string{"attr.span": "2", "attr.attr.span": "30"}},
					{left2, slog.Int("x", 30), map[string]string{"left": "12", "right": "21"}},
					{right2, slog.Int("x", 30), map[string]string{"left": "20", "right": "13"}},
				} {
					if err := c.h.Handle(ctx, testRecord(c.attr)); err != nil {
						t.Fatal(err)
					}
					checkRootKeys(t, take(&b), c.want)
				}
			}
		})
	}
}

// A record is never changed, nor are the attributes behind it that other copies may own.
func TestHandlerLeavesRecordAlone(t *testing.T) {
	for n := range 14 {
		for _, rig := range rigs() {
			bufs, ws := outputs(len(rig.formats))
			h := rig.ours(ws, nil)
			ctx, _ := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			handlers := []slog.Handler{h, h.WithGroup("g"), h.WithAttrs([]slog.Attr{slog.Int("span", 1)})}
			var attrs []slog.Attr
			for i := range n {
				attrs = append(attrs, slog.Int(fmt.Sprint("k", i), i))
			}
			if n%2 == 1 {
				attrs[n-1].Key = "trace" // must be renamed
			}
			if n%3 == 2 {
				attrs[0] = slog.Any("", valuerOf(slog.GroupValue(slog.Int("op", 1))))
			}
			r := testRecord(attrs...)
			before := fmt.Sprintf("%#v", recordAttrsOf(r))
			other := r.Clone()
			for range 3 {
				for _, h := range handlers {
					if err := h.Handle(ctx, r); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, b := range bufs {
				if bytes.Contains(b.Bytes(), []byte("!BUG")) {
					t.Errorf("%s: %d attributes: slog found a record that was changed by a copy:\n%s", rig.name, n, b)
				}
			}
			r.AddAttrs(slog.Int("later", 1))
			attrs = append(attrs, slog.Int("later", 1))
			if before != fmt.Sprintf("%#v", recordAttrsOf(other)) {
				t.Errorf("%s: %d attributes: the record was changed", rig.name, n)
			}
			if want, got := fmt.Sprint(attrs), fmt.Sprint(recordAttrsOf(r)); want != got {
				t.Errorf("%s: %d attributes: the record and what was added to it is\n%s, want\n%s", rig.name, n, got, want)
			}
		}
	}
}

// Many goroutines log in one span through loggers that they share and derive. See also go test -race.
func TestHandlerConcurrent(t *testing.T) {
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			var mu sync.Mutex
			lines := make([][]string, len(rig.formats))
			ws := make([]io.Writer, len(rig.formats))
			for i := range ws {
				ws[i] = writerFunc(func(p []byte) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					lines[i] = append(lines[i], string(p))
					return len(p), nil
				})
			}
			h := rig.ours(ws, nil)
			ctx, span := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			shared := []slog.Handler{h, h.WithAttrs([]slog.Attr{slog.Int("trace", 1)}), h.WithGroup("g"), h.WithGroup("op").WithAttrs([]slog.Attr{slog.Int("b", 1)})}
			r := testRecord(slog.Int("1", 1), slog.Int("2", 1), slog.Int("3", 1), slog.Int("4", 1), slog.Int("5", 1), slog.Int("6", 1), slog.Int("7", 1))
			var wg sync.WaitGroup
			const goroutines, rounds = 8, 12
			for g := range goroutines {
				wg.Go(func() {
					for i := range rounds {
						d := shared[(g+i)%len(shared)]
						if i%3 == 0 {
							d = d.WithAttrs([]slog.Attr{slog.Int("own", g)})
						}
						if g == 0 && i == rounds/2 {
							span.SetOp("op2")
						}
						if err := d.Handle(ctx, r); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for o := range lines {
				if len(lines[o]) != goroutines*rounds {
					t.Errorf("%d lines, want %d", len(lines[o]), goroutines*rounds)
				}
				for _, line := range lines[o] {
					got := parseMembers(t, []byte(line), rig.text)
					for key, val := range idsUnder(rig.formats[o], span.SpanContext(), "op") {
						vals := valuesOf(got, key)
						if len(vals) != 1 || vals[0] != val && vals[0] != `"op2"` {
							t.Fatalf("root key %s has %v, want %s:\n%s", key, vals, val, line)
						}
					}
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A group that stays empty is not written, and what With says under its name is.
func TestHandlerEmptyGroup(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	for _, rig := range rigs() {
		bufs, ws := outputs(len(rig.formats))
		for _, ctx := range []context.Context{t.Context(), span, With(span, slog.String("g", "with")), With(t.Context(), slog.String("g", "with"))} {
			h := rig.ours(ws, nil).WithGroup("g").WithGroup("h")
			for range 4 {
				if err := h.Handle(ctx, testRecord()); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					var want []string
					if c := currentOf(ctx); len(c.attrs()) > 0 {
						want = []string{`"with"`}
					}
					line := take(b)
					if diff := cmp.Diff(want, valuesOf(parseMembers(t, line, rig.text), "g")); diff != "" {
						t.Errorf("%s: g (-want +got):\n%s\tin %s", rig.name, diff, line)
					}
				}
			}
			// And when the group is not empty, With gives way, again and again.
			for range 4 {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					if line := take(b); bytes.Contains(line, []byte("with")) {
						t.Errorf("%s: With does not give way to a group:\n%s", rig.name, line)
					}
				}
			}
		}
	}
}

// Attributes that are but empty groups open no group.
func TestHandlerOnlyEmptyGroups(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			bufs, ws := outputs(len(rig.formats))
			h := rig.ours(ws, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Group("e")})
			for _, ctx := range []context.Context{t.Context(), span, span, span} {
				if err := h.Handle(ctx, testRecord()); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					line := take(b)
					if got := valuesOf(parseMembers(t, line, rig.text), "g"); got != nil {
						t.Fatalf("g is %s, want none:\n%s", got, line)
					}
				}
			}
		})
	}
}

func TestHandlerDerivesNothing(t *testing.T) {
	h := NewHandler(slog.DiscardHandler)
	for _, d := range []slog.Handler{h.WithGroup(""), h.WithAttrs(nil), h.WithAttrs([]slog.Attr{})} {
		if d != slog.Handler(h) {
			t.Errorf("got another handler, want the receiver")
		}
	}
}

type levelHandler struct {
	slog.Handler
	asked *[]string
}

func (h levelHandler) Enabled(ctx context.Context, l slog.Level) bool {
	*h.asked = append(*h.asked, fmt.Sprint(l, " ", ctx.Value(levelHandler{})))
	return l >= slog.LevelWarn
}

func TestHandlerEnabled(t *testing.T) {
	var asked []string
	h := NewHandler(levelHandler{slog.DiscardHandler, &asked})
	ctx := context.WithValue(t.Context(), levelHandler{}, "v")
	if h.Enabled(ctx, slog.LevelInfo) || !h.Enabled(ctx, slog.LevelWarn) {
		t.Error("Enabled is not the inner handler's")
	}
	if diff := cmp.Diff([]string{"INFO v", "WARN v"}, asked); diff != "" {
		t.Errorf("inner handler was asked (-want +got):\n%s", diff)
	}
}

type errorHandler struct{ slog.Handler }

var errHandler = errors.New("disk full")

func (errorHandler) Handle(context.Context, slog.Record) error { return errHandler }
func (h errorHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h errorHandler) WithGroup(string) slog.Handler           { return h }

func TestHandlerReturnsError(t *testing.T) {
	ctx, _ := testSpan(t.Context(), "op")
	for _, h := range []slog.Handler{NewHandler(errorHandler{}), NewHandler(errorHandler{}).WithGroup("g")} {
		for range 4 {
			if err := h.Handle(ctx, testRecord(slog.Int("trace", 1))); err != errHandler {
				t.Errorf("got error %v, want %v", err, errHandler)
			}
		}
		if err := h.Handle(t.Context(), testRecord()); err != errHandler {
			t.Errorf("got error %v, want %v", err, errHandler)
		}
	}
}

// What an inner handler's ReplaceAttr is told of the user's attributes is what it is told without us,
// and of the ids that they are in no group.
func TestHandlerReplaceAttr(t *testing.T) {
	ids := []string{"trace", "span", "op", "trace_id", "span_id", "trace_flags", "w"}
	for _, rig := range rigs() {
		if rig.noSource {
			continue
		}
		t.Run(rig.name, func(t *testing.T) {
			var mine, theirs []string
			note := func(calls *[]string) *slog.HandlerOptions {
				return &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
					if a.Value.Kind() == slog.KindLogValuer || a.Value.Kind() == slog.KindGroup {
						t.Errorf("ReplaceAttr was given a %v under %s", a.Value.Kind(), a.Key)
					}
					// A handler below another of ours may give the ids other names while it binds them, but does not write those.
					if !slices.Contains(ids, strings.TrimPrefix(a.Key, "attr.")) {
						*calls = append(*calls, fmt.Sprintf("%q %s=%v", groups, a.Key, a.Value))
					} else if len(groups) > 0 {
						t.Errorf("ReplaceAttr was told that %s is in groups %q", a.Key, groups)
					}
					return a
				}}
			}
			_, ws := outputs(len(rig.formats))
			h, plain := rig.ours(ws, note(&mine)), rig.plain(io.Discard, note(&theirs))
			ctx, _ := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			for _, d := range []func(slog.Handler) slog.Handler{
				func(h slog.Handler) slog.Handler { return h },
				func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}) },
				func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
				func(h slog.Handler) slog.Handler {
					return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h")
				},
			} {
				h, plain := d(h), d(plain)
				for n := range 5 {
					mine, theirs = nil, nil
					r := testRecord(slog.Int("x", 1), slog.Any("v", valuerOf(slog.IntValue(2))), slog.Group("s", slog.Int("y", 1), slog.Group("", slog.Int("z", 2))))
					if err := errors.Join(h.Handle(ctx, r), plain.Handle(t.Context(), r)); err != nil {
						t.Fatal(err)
					}
					want := theirs
					for range len(rig.formats) - 1 {
						want = append(want, theirs...)
					}
					if n < 3 { // while nothing is bound, With's attributes may pass through it again
						mine = slices.DeleteFunc(mine, func(c string) bool { return strings.Contains(c, " a=") || strings.Contains(c, " b=") })
					}
					if diff := cmp.Diff(want, mine); diff != "" {
						t.Errorf("record %d: calls of ReplaceAttr (-want +got):\n%s", n, diff)
					}
				}
			}
		})
	}
}

// The source is where the user called, also after everything that we do to a record.
func TestHandlerSource(t *testing.T) {
	for _, rig := range rigs() {
		if rig.noSource {
			continue
		}
		bufs, ws := outputs(len(rig.formats))
		l := slog.New(rig.ours(ws, &slog.HandlerOptions{AddSource: true}))
		ctx, _ := testSpan(t.Context(), "op")
		for range 3 {
			for _, l := range []*slog.Logger{l, l.With("trace", 1), l.WithGroup("g")} {
				for _, key := range []string{"x", "trace"} {
					_, file, line, _ := runtime.Caller(0)
					l.InfoContext(ctx, "m", key, 1)
					line++
					for _, b := range bufs {
						out := take(b)
						src := valuesOf(parseMembers(t, out, rig.text), "source")
						want := []string{fmt.Sprintf(`,"file":%q,"line":%d}`, file, line)}
						if rig.text {
							want = []string{fmt.Sprintf(`%s:%d"`, file, line)}
						}
						if len(src) != 1 || !strings.HasSuffix(src[0], want[0]) {
							t.Errorf("%s: source is %s, want it to end in %s", rig.name, src, want)
						}
					}
				}
			}
		}
	}
}

// Groups that are open on the inner handler before it is wrapped stay, and another handler's ids stand in them.
// Ours knows better.
func TestHandlerOverGroups(t *testing.T) {
	ctx, span := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
	var b bytes.Buffer
	for name, base := range map[string]slog.Handler{
		"JSONHandler":         NewJSONHandler(&b, nil),
		"Handler":             NewHandler(slog.NewJSONHandler(&b, nil)),
		"Handler(Handler)":    NewHandler(OTel.NewHandler(slog.NewJSONHandler(&b, nil))),
		"stamp(JSONHandler)":  &stampHandler{NewJSONHandler(&b, nil)},
		"rebuild(Handler)":    &rebuildHandler{NewHandler(slog.NewJSONHandler(&b, nil))},
		"Handler of own With": NewHandler(slog.NewJSONHandler(&b, nil)).WithAttrs([]slog.Attr{slog.Int("a", 1)}),
	} {
		t.Run(name, func(t *testing.T) {
			in := base.WithGroup("g")
			for _, h := range []slog.Handler{
				NewHandler(in),
				NewHandler(NewHandler(in)),
				NewHandler(&stampHandler{in}),
				NewHandler(NewHandler(in).WithGroup("h")),
				NewHandler(in.WithAttrs([]slog.Attr{slog.Int("b", 1)})),
			} {
				for _, h := range []slog.Handler{h, h.WithAttrs([]slog.Attr{slog.Int("c", 1)}), h.WithGroup("k"), h.WithGroup("k").WithAttrs([]slog.Attr{slog.Int("c", 1)})} {
					for range 4 {
						if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
							t.Fatal(err)
						}
						line := take(&b)
						want := idsUnder(Format{}, span.SpanContext(), "op")
						want["w"] = "1"
						checkRootKeys(t, line, want)
						for _, once := range []string{`"trace":`, `"span":`, `"w":`, `"x":`} {
							if n := bytes.Count(line, []byte(once)); n != 1 {
								t.Fatalf("%s stands %d times:\n%s", once, n, line)
							}
						}
						groups := parseMembers(t, line, false)
						if len(valuesOf(groups, "g")) != 1 {
							t.Errorf("group g is lost:\n%s", line)
						}
					}
				}
			}
		})
	}
	h := NewHandler(slog.NewJSONHandler(&b, nil).WithGroup("g"))
	if err := h.Handle(ctx, testRecord()); err != nil {
		t.Fatal(err)
	}
	if line := take(&b); !bytes.Contains(line, []byte(`"g":{"trace":`)) {
		t.Errorf("ids are not in the group of somebody else's handler, as documented:\n%s", line)
	}
}

// A sink keeps what it receives.
type sinkHandler struct {
	got *[]slog.Record
}

func (h sinkHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h sinkHandler) Handle(_ context.Context, r slog.Record) error {
	*h.got = append(*h.got, r.Clone())
	return nil
}
func (h sinkHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h sinkHandler) WithGroup(string) slog.Handler      { return h }

// A sink can tell what a span record says, below whatever stands before it.
func TestHandlerSpanOf(t *testing.T) {
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"sink":                    func(h slog.Handler) slog.Handler { return h },
		"Handler":                 func(h slog.Handler) slog.Handler { return NewHandler(h) },
		"Handler OTel Handler":    func(h slog.Handler) slog.Handler { return NewHandler(OTel.NewHandler(h)) },
		"stamp":                   func(h slog.Handler) slog.Handler { return &stampHandler{h} },
		"rebuild":                 func(h slog.Handler) slog.Handler { return &rebuildHandler{h} },
		"Handler rebuild":         func(h slog.Handler) slog.Handler { return NewHandler(&rebuildHandler{h}) },
		"rebuild Handler":         func(h slog.Handler) slog.Handler { return &rebuildHandler{NewHandler(h)} },
		"Handler MultiHandler":    func(h slog.Handler) slog.Handler { return NewHandler(slog.NewMultiHandler(h)) },
		"Handler With":            func(h slog.Handler) slog.Handler { return NewHandler(h).WithAttrs([]slog.Attr{slog.Int("trace", 1)}) },
		"Handler group":           func(h slog.Handler) slog.Handler { return NewHandler(h).WithGroup("app") },
		"Handler (Handler group)": func(h slog.Handler) slog.Handler { return NewHandler(NewHandler(h).WithGroup("app")) },
	} {
		t.Run(name, func(t *testing.T) {
			var got []slog.Record
			tr := NewTracer(wrap(sinkHandler{&got}), &TracerOptions{LogStart: true})
			ctx, parent := tr.Start(t.Context(), "parent")
			_, span := Start(ctx, "child", KindClient, slog.Int("trace", 1))
			err := errors.New("boom")
			span.End(&err)
			if len(got) != 3 {
				t.Fatalf("%d records, want 3", len(got))
			}
			for i, r := range got {
				info, ok := SpanOf(r)
				if !ok {
					t.Fatalf("record %d (%s) is not recognised", i, r.Message)
				}
				if i == 0 {
					if info.SpanContext != parent.SpanContext() || info.Ended {
						t.Errorf("record 0 is of %v, ended %v", info.SpanContext, info.Ended)
					}
					continue
				}
				if info.SpanContext != span.SpanContext() || info.Parent != parent.SpanContext().SpanID || info.Op != "child" || info.Kind != "client" {
					t.Errorf("record %d says %+v", i, info)
				}
				if info.Ended != (i == 2) || info.Err != nil != (i == 2) {
					t.Errorf("record %d: ended %v, error %v", i, info.Ended, info.Err)
				}
			}
			got = nil
			slog.New(wrap(sinkHandler{&got})).InfoContext(ctx, spanEndMessage)
			if _, ok := SpanOf(got[0]); ok {
				t.Error("a user's record counts as a span's")
			}
		})
	}
}

// The records of spans through each arrangement: the schema at the root once, each attribute of the user's once.
func TestHandlerSpanRecords(t *testing.T) {
	for _, rig := range rigs() {
		if rig.text {
			continue
		}
		for _, logger := range []struct {
			name  string
			group string
			f     func(slog.Handler) slog.Handler
		}{
			{"root", "", func(h slog.Handler) slog.Handler { return h }},
			{"group", "app", func(h slog.Handler) slog.Handler { return h.WithGroup("app") }},
			{"With", "", func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("service", 1)}) }},
			{"With group", "app", func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.Int("service", 1)}).WithGroup("app")
			}},
		} {
			t.Run(rig.name+"/"+logger.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := logger.f(rig.ours(ws, nil))
				tr := NewTracer(h, &TracerOptions{LogStart: true})
				ctx, parent := tr.Start(With(t.Context(), slog.Int("w", 7)), "parent")
				for i := range bufs {
					take(bufs[i])
				}
				_, span := Start(ctx, "child", KindServer, Link(testSpanContext),
					slog.String("trace", "mine"), slog.String("start", "mine2"), slog.Int("plain", 3), slog.String("msg", "mine4"))
				span.SetAttrs(slog.Int("kind", 5), slog.Group("sub", slog.Int("op", 6)))
				starts := [][]byte{}
				for _, b := range bufs {
					starts = append(starts, take(b))
				}
				err := errors.New("boom")
				span.End(&err)
				for o, b := range bufs {
					f := rig.formats[o]
					want := idsUnder(f, span.SpanContext(), "child")
					want["parent"] = string(jsonText(parent.SpanContext().SpanID))
					want["kind"] = `"server"`
					want["w"] = "7"
					want["links"] = "*"
					want["time"], want["level"], want["msg"] = "*", `"INFO"`, `"span start"`
					want["start"], want["duration_ms"], want["error"], want["queued_ms"], want["sample_rate"], want["sampled"] = "", "", "", "", "", ""
					if strings.Contains(logger.name, "With") {
						want["service"] = "1"
					}
					checkRootKeys(t, starts[o], want)
					want["level"], want["msg"] = `"ERROR"`, `"span end"`
					want["start"], want["duration_ms"], want["error"] = "*", "*", `"boom"`
					renamed := !(f == OTel && logger.group == "") // of trace: OTel has another name for it
					user := map[string]string{"plain": "3", "sub": `{"op":6}`, "attr.start": `"mine2"`, "attr.msg": `"mine4"`, "attr.kind": "5", "attr.trace": `"mine"`}
					if !renamed {
						delete(user, "attr.trace")
						user["trace"] = `"mine"`
					}
					line := take(b)
					if logger.group == "" {
						for k, v := range user {
							want[k] = v
						}
						if rig.foreign && f == OTel {
							t.Fatal("not written for this")
						}
					} else {
						want[logger.group] = "*"
					}
					checkRootKeys(t, line, want)
					for _, mine := range []string{`"mine"`, `"mine2"`, `"mine4"`, `"plain":3`} {
						if n := bytes.Count(line, []byte(mine)); n != 1 {
							t.Errorf("%s stands %d times, want once:\n%s", mine, n, line)
						}
					}
					if logger.group != "" && !rig.foreign {
						checkRootKeys(t, append([]byte(valuesOf(parseMembers(t, line, false), logger.group)[0]), '\n'),
							map[string]string{"plain": "3", "sub": `{"op":6}`, "start": `"mine2"`, "msg": `"mine4"`, "kind": "5", "trace": `"mine"`})
					}
				}
			})
		}
	}
}

// Where no handler of ours is involved, span records carry everything by the default names.
func TestHandlerSpanRecordsOfStrangers(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"slog JSON":          func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"tree":               func(w io.Writer) slog.Handler { return &treeHandler{out: w} },
		"key first":          func(w io.Writer) slog.Handler { return &treeHandler{out: w, keyFirst: true} },
		"rebuild(slog JSON)": func(w io.Writer) slog.Handler { return &rebuildHandler{slog.NewJSONHandler(w, nil)} },
		"Multi(stamp, tree)": func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(&stampHandler{slog.NewJSONHandler(io.Discard, nil)}, &treeHandler{out: w})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			tr := NewTracer(mk(&b), &TracerOptions{LogStart: true})
			ctx := With(t.Context(), slog.Int("w", 7), slog.Int("trace", 8), slog.Int("plain", 9), slog.Int("parent", 10))
			_, span := tr.Start(ctx, "op", slog.Int("trace", 1), slog.Int("attr.span", 2), slog.Int("span", 3), slog.Int("plain", 4), slog.Int("time", 5), slog.Any("error", valuerOf(slog.IntValue(6))))
			want := idsUnder(Format{}, span.SpanContext(), "op")
			for k, v := range map[string]string{
				"msg": `"span start"`, "parent": "", "kind": "", "start": "", "duration_ms": "", "error": "",
				"attr.trace": "1", "attr.span": "2", "attr.attr.span": "3", "plain": "4", "attr.time": "5", "attr.error": "6",
				"w": "7", "attr.parent": "10",
			} {
				want[k] = v
			}
			checkRootKeys(t, take(&b), want)
			span.End()
			want["msg"], want["start"], want["duration_ms"] = `"span end"`, "*", "*"
			checkRootKeys(t, take(&b), want)
		})
	}
}

// slog.SetDefault with groups open: span records of the default Tracer.
func TestHandlerDefaultLoggerWithGroup(t *testing.T) {
	old := slog.Default()
	defer slog.SetDefault(old)
	flags, out := log.Flags(), log.Writer()
	defer func() { log.SetFlags(flags); log.SetOutput(out) }()
	var b bytes.Buffer
	slog.SetDefault(slog.New(NewHandler(slog.NewJSONHandler(&b, nil))).WithGroup("app"))
	ctx, span := Start(t.Context(), "op", slog.Int("trace", 1))
	slog.InfoContext(ctx, "m", "span", 2)
	want := idsUnder(Format{}, span.SpanContext(), "op")
	want["app"] = `{"span":2}`
	checkRootKeys(t, take(&b), want)
	span.End()
	want["app"], want["duration_ms"] = `{"trace":1}`, "*"
	checkRootKeys(t, take(&b), want)
}

// The handlers of two contexts at once, and of more loggers than are remembered for a context.
func TestHandlerManyLoggers(t *testing.T) {
	var b bytes.Buffer
	base := NewHandler(slog.NewJSONHandler(&b, nil))
	var hs []slog.Handler
	for i := range 3 * maxBoundHandlers {
		h := base.WithAttrs([]slog.Attr{slog.Int("logger", i)})
		if i%2 == 1 {
			h = h.WithGroup("g")
		}
		hs = append(hs, h)
	}
	ctx1, s1 := testSpan(t.Context(), "one")
	ctx2, s2 := testSpan(t.Context(), "two")
	for range 4 {
		for i, h := range hs {
			for n, ctx := range []context.Context{ctx1, ctx2, With(ctx1, slog.Int("w", 1)), With(ctx2, slog.Int("w", 2))} {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				s := []*Span{s1, s2}[n%2]
				want := idsUnder(Format{}, s.SpanContext(), s.Op())
				want["logger"] = fmt.Sprint(i)
				want["w"] = []string{"", "", "1", "2"}[n]
				checkRootKeys(t, take(&b), want)
			}
		}
	}
	if n := s1.bound.latest.Load().count; n != maxBoundHandlers {
		t.Errorf("%d chains are remembered for one span, want %d", n, maxBoundHandlers)
	}
}

// From the third record of a span on the inner handler has the ids bound, and from the first where groups are open.
func TestHandlerBinds(t *testing.T) {
	ctx, span := testSpan(t.Context(), "op")
	root := NewHandler(slog.DiscardHandler)
	for _, c := range []struct {
		h  *Handler
		at int
	}{{root, 3}, {root.WithGroup("g").(*Handler), 1}} {
		for n := 1; n <= 5; n++ {
			if err := c.h.Handle(ctx, testRecord()); err != nil {
				t.Fatal(err)
			}
			if got := span.bound.of(&c.h.id, "op").chain.Load() != nil; got != (n >= c.at) {
				t.Errorf("after record %d: that a chain is bound is %v, want it from record %d on", n, got, c.at)
			}
		}
	}
}

// A LogValuer of With's is resolved once a record, not once a span.
func TestHandlerWithValuer(t *testing.T) {
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			for _, group := range []string{"", "g"} {
				n := 0
				ctx, _ := testSpan(With(t.Context(), slog.Any("n", valuerFunc(func() slog.Value { n++; return slog.IntValue(n) }))), "op")
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil).WithGroup(group)
				for i := range 5 {
					if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
						t.Fatal(err)
					}
					n = i + 1 // several outputs may each resolve it
					line := take(bufs[0])
					want := []string{fmt.Sprint(i + 1)}
					if rig.text {
						want = []string{fmt.Sprintf("%q", want[0])}
					}
					if diff := cmp.Diff(want, valuesOf(parseMembers(t, line, rig.text), "n")); diff != "" {
						t.Fatalf("group %q: record %d (-want +got):\n%s", group, i, diff)
					}
				}
			}
		})
	}
}

// slog.JSONHandler writes no comma behind a group all members of which it dropped. So nothing of ours may follow the user's.
func TestHandlerAfterDroppedGroup(t *testing.T) {
	drop := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "secret" {
			return slog.Attr{}
		}
		return a
	}}
	for _, c := range []struct {
		name string
		attr slog.Attr
	}{
		{"group of an empty attribute", slog.Group("g", slog.Attr{})},
		{"group with all members dropped", slog.Group("g", slog.Int("secret", 1))},
	} {
		for _, rig := range rigs() {
			t.Run(c.name+"/"+rig.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, drop)
				ctx, _ := testSpan(t.Context(), "op")
				for range 4 {
					var pb bytes.Buffer
					r := testRecord(slog.Int("x", 1), c.attr)
					if err := errors.Join(h.Handle(ctx, r), rig.plain(&pb, drop).Handle(t.Context(), r)); err != nil {
						t.Fatal(err)
					}
					if _, err := splitMembers(pb.Bytes(), rig.text); err != nil {
						return // no valid line without us either: the stamp comes after the group
					}
					for _, b := range bufs {
						parseMembers(t, take(b), rig.text)
					}
				}
			})
		}
	}
}

// Behind a group of a logger's that nothing is left of, slog's text handler writes its name before all keys.
func TestHandlerAfterEmptyWith(t *testing.T) {
	empty := slog.Group("c", slog.Attr{}, slog.Group("none"))
	for name, a := range map[string]slog.Attr{
		"group":  empty,
		"nested": slog.Group("outer", slog.Int("s", 1), empty),
		"inline": slog.Group("", slog.Int("s", 1), empty),
		"valuer": slog.Any("", valuerOf(slog.GroupValue(slog.Int("s", 1), empty))),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			h := NewHandler(slog.NewTextHandler(&b, nil)).WithAttrs([]slog.Attr{a, slog.Int("p", 1)})
			ctx, span := NewTracer(h, nil).Start(t.Context(), "op")
			for range 4 {
				if err := h.Handle(ctx, testRecord(slog.Int("q", 2))); err != nil {
					t.Fatal(err)
				}
			}
			span.End()
			for line := range bytes.Lines(b.Bytes()) {
				members := parseMembers(t, line, true)
				for _, key := range []string{"trace", "span", "op", "p"} {
					if len(valuesOf(members, key)) != 1 {
						t.Errorf("want one %s in %s", key, line)
					}
				}
			}
		})
	}
}

// Attributes of With outside a trace pass through several of ours once.
func TestHandlerNestedWithOnly(t *testing.T) {
	var b bytes.Buffer
	base := func() slog.Handler { return slog.NewJSONHandler(&b, nil) }
	for name, h := range map[string]slog.Handler{
		"default over default": NewHandler(NewHandler(base())),
		"default over OTel":    NewHandler(OTel.NewHandler(base())),
		"OTel over default":    OTel.NewHandler(NewHandler(base())),
		"default over JSON":    NewHandler(OTel.NewJSONHandler(&b, nil)),
		"with a stamp between": NewHandler(&stampHandler{OTel.NewHandler(base())}),
		"with a group between": NewHandler(NewHandler(base()).WithGroup("g")),
	} {
		for _, group := range []string{"", "k"} {
			t.Run(name+"/"+group, func(t *testing.T) {
				ctx := With(t.Context(), slog.String("trace", "w1"), slog.String("k1", "w2"), slog.String("msg", "w3"), slog.String("trace_id", "w4"))
				h := h.WithGroup(group)
				for range 4 {
					if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
						t.Fatal(err)
					}
					line := take(&b)
					for _, w := range []string{`"w1"`, `"w2"`, `"w3"`, `"w4"`} {
						if n := bytes.Count(line, []byte(w)); n != 1 {
							t.Fatalf("%s stands %d times, want once:\n%s", w, n, line)
						}
					}
					if !strings.Contains(name, "group") {
						checkRootKeys(t, line, map[string]string{"k1": `"w2"`, "attr.msg": `"w3"`})
					}
				}
			})
		}
	}
}

// A LogValuer among With's attributes or a span's that turns out to be an inline group is held to the same rules.
func TestHandlerInlineValuers(t *testing.T) {
	inline := slog.Any("", valuerOf(slog.GroupValue(slog.String("trace", "forged"), slog.String("k", "v"))))
	t.Run("With", func(t *testing.T) {
		for _, rig := range rigs() {
			if rig.text {
				continue
			}
			t.Run(rig.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil)
				span, _ := testSpan(With(t.Context(), inline), "op")
				for _, ctx := range []context.Context{span, With(t.Context(), inline)} {
					for range 4 {
						if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
							t.Fatal(err)
						}
						for _, b := range bufs {
							line := take(b)
							members := parseMembers(t, line, false)
							if got := valuesOf(members, "k"); len(got) != 1 && !rig.dropsKey {
								t.Fatalf("k has values %v, want one:\n%s", got, line)
							}
							if got := valuesOf(members, "trace"); len(got) > 1 {
								t.Fatalf("trace has values %v:\n%s", got, line)
							}
						}
					}
				}
			})
		}
	})
	t.Run("span", func(t *testing.T) {
		var b bytes.Buffer
		for name, h := range map[string]slog.Handler{
			"slog JSON":          slog.NewJSONHandler(&b, nil),
			"Handler(slog JSON)": NewHandler(slog.NewJSONHandler(&b, nil)),
			"JSONHandler":        NewJSONHandler(&b, nil),
		} {
			t.Run(name, func(t *testing.T) {
				_, span := NewTracer(h, nil).Start(With(t.Context(), slog.Int("start", 3)), "op", inline)
				span.End()
				line := take(&b)
				want := idsUnder(Format{}, span.SpanContext(), "op")
				want["k"], want["attr.trace"], want["attr.start"] = `"v"`, `"forged"`, "3"
				checkRootKeys(t, line, want)
			})
		}
	})
}

// With's attributes stand on span records whose mark somebody else has resolved.
func TestHandlerWithBelowRebuild(t *testing.T) {
	var b bytes.Buffer
	for name, h := range map[string]slog.Handler{
		"Handler":     NewHandler(slog.NewJSONHandler(&b, nil)),
		"JSONHandler": NewJSONHandler(&b, nil),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := With(t.Context(), slog.Int("start", 1), slog.Int("trace", 2), slog.Int("time", 3))
			_, span := NewTracer(&rebuildHandler{h}, nil).Start(ctx, "op")
			span.End()
			want := idsUnder(Format{}, span.SpanContext(), "op")
			want["attr.start"], want["attr.trace"], want["attr.time"] = "1", "2", "3"
			checkRootKeys(t, take(&b), want)
		})
	}
}

// A deepHandler passes on records in which every attribute is resolved and copied, those in groups too.
type deepHandler struct{ slog.Handler }

func deepResolve(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = slog.Attr{Key: a.Key, Value: a.Value.Resolve()}
		if out[i].Value.Kind() == slog.KindGroup {
			out[i].Value = slog.GroupValue(deepResolve(out[i].Value.Group())...)
		}
	}
	return out
}

func (h *deepHandler) Handle(ctx context.Context, r slog.Record) error {
	r2 := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r2.AddAttrs(deepResolve(recordAttrsOf(r))...)
	return h.Handler.Handle(ctx, r2)
}

func (h *deepHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &deepHandler{h.Handler.WithAttrs(deepResolve(attrs))}
}

func (h *deepHandler) WithGroup(name string) slog.Handler {
	return &deepHandler{h.Handler.WithGroup(name)}
}

// Two of ours with a handler between that resolves attributes in groups too, as redactors do.
func TestHandlerBelowDeepRebuild(t *testing.T) {
	var b bytes.Buffer
	for name, h := range map[string]slog.Handler{
		"Handler":     NewHandler(&deepHandler{NewHandler(slog.NewJSONHandler(&b, nil))}),
		"JSONHandler": NewHandler(&deepHandler{NewJSONHandler(&b, nil)}),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, span := NewTracer(h, nil).Start(t.Context(), "op")
			lines := 0
			check := func(line []byte) {
				lines++
				checkRootKeys(t, line, idsUnder(Format{}, span.SpanContext(), "op"))
				if n := bytes.Count(line, []byte(span.SpanContext().TraceID.String())); n != 1 {
					t.Errorf("line %d: the trace id stands %d times, want once:\n%s", lines, n, line)
				}
			}
			for range 4 {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				check(take(&b))
			}
			span.End()
			check(take(&b))
		})
	}
}

func TestHandlerAllocs(t *testing.T) {
	skipAllocs(t)
	const runs = 100
	base := NewHandler(slog.NewJSONHandler(io.Discard, nil))
	for _, c := range []struct {
		name  string
		h     slog.Handler
		warm  int // records of the span before the one that counts
		after float64
	}{
		{"2nd record", base, 1, 0},
		{"4th record", base, 3, 0},
		{"10th record", base, 9, 0},
		{"4th record, With", base.WithAttrs([]slog.Attr{slog.Int("a", 1)}), 3, 0},
		{"2nd record, group", base.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), 1, 0},
		{"4th record, group", base.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := slog.New(c.h)
			record := func(ctx context.Context) {
				l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Int("x", 1), slog.String("y", "v"), slog.Bool("z", true))
			}
			var ctxs []context.Context
			for range runs + 1 {
				ctx, _ := testSpan(t.Context(), "op")
				for range c.warm {
					record(ctx)
				}
				ctxs = append(ctxs, ctx)
			}
			i := 0
			if got := testing.AllocsPerRun(runs, func() { record(ctxs[i]); i++ }); got > c.after {
				t.Errorf("%v allocations, want %v", got, c.after)
			}
		})
	}
	t.Run("outside", func(t *testing.T) {
		l := slog.New(base.WithGroup("g"))
		if got := testing.AllocsPerRun(runs, func() {
			l.LogAttrs(context.Background(), slog.LevelInfo, "m", slog.Int("x", 1), slog.Int("trace", 1))
		}); got != 0 {
			t.Errorf("%v allocations, want 0", got)
		}
	})
}

// The handler that slog begins with can be wrapped and made the default: text, no deadlock.
func TestHandlerOverInitial(t *testing.T) {
	if mode := os.Getenv("SLOGTRACE_TEST_INITIAL"); mode != "" {
		initialMain(mode)
		os.Exit(0)
	}
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode      string
		want      []string
		informed  []string // in the line of that message
		forbidden []string
	}{
		{"plain", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace=", " op=work", " x=1"}, []string{"hidden"}},
		{"otel", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace_id=", " trace_flags=03"}, []string{"hidden"}},
		{"group", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace=", " op=work", " g.x=1"}, []string{"hidden", "g.trace"}},
		{"nested", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace="}, []string{"hidden", "attr."}},
		{"debug", []string{"level=DEBUG msg=printed", "level=DEBUG msg=hidden"}, []string{"level=INFO"}, nil},
		{"warn", []string{"level=WARN msg=printed", "level=WARN msg=warned"}, nil, []string{"informed", "hidden"}},
		{"with", nil, []string{" service=shop"}, nil},
		{"chains", nil, nil, []string{"lost"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, exe, "-test.run=^TestHandlerOverInitial$")
			cmd.Env = append(os.Environ(), "SLOGTRACE_TEST_INITIAL="+c.mode)
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if ctx.Err() != nil {
				t.Fatalf("deadlock; output so far:\n%s", out)
			}
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			for _, w := range c.want {
				if n := strings.Count(string(out), w); n < 1 {
					t.Errorf("output lacks %q:\n%s", w, out)
				}
			}
			var informed string
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "msg=informed") {
					informed += line
				}
			}
			for _, w := range c.informed {
				if strings.Count(informed, w) != 1 {
					t.Errorf("line lacks %q, or has it twice: %s", w, informed)
				}
			}
			for _, f := range c.forbidden {
				if strings.Contains(string(out), f) {
					t.Errorf("output has %q:\n%s", f, out)
				}
			}
		})
	}
}

func initialMain(mode string) {
	if mode == "chains" {
		initialChains()
		return
	}
	var h slog.Handler = NewHandler(slog.Default().Handler())
	switch mode {
	case "otel":
		h = OTel.NewHandler(slog.Default().Handler())
	case "nested":
		h = NewHandler(NewHandler(slog.Default().Handler()))
	case "debug":
		slog.SetLogLoggerLevel(slog.LevelDebug)
	case "warn":
		slog.SetLogLoggerLevel(slog.LevelWarn)
	case "with":
		h = NewHandler(slog.With("service", "shop").Handler())
	}
	l := slog.New(h)
	if mode == "group" {
		l = l.WithGroup("g")
	}
	slog.SetDefault(l)
	log.Print("printed")
	ctx, span := Start(context.Background(), "work")
	slog.InfoContext(ctx, "informed", "x", 1)
	slog.WarnContext(ctx, "warned")
	slog.DebugContext(ctx, "hidden")
	span.End()
}

// initialChains makes all chains of up to three handlers of ours around slog's first handler the default, one after the other,
// and says which of them lost a record.
func initialChains() {
	var b bytes.Buffer
	first := slog.Default()
	links := map[string]func(slog.Handler) slog.Handler{
		"Handler": func(h slog.Handler) slog.Handler { return NewHandler(h) },
		"OTel":    func(h slog.Handler) slog.Handler { return OTel.NewHandler(h) },
		"Tail":    func(h slog.Handler) slog.Handler { return NewTailHandler(h, nil) },
		"Redact":  func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
	}
	try := func(names string, h slog.Handler) {
		fmt.Println(names)
		b.Reset()
		slog.SetDefault(slog.New(h))
		log.Print("printed")
		ctx, span := Start(context.Background(), "work")
		slog.InfoContext(ctx, "informed")
		slog.With("a", 1).WithGroup("g").WarnContext(ctx, "warned", "x", 1)
		span.End()
		for _, text := range []string{"printed", "informed", "warned", "span end"} {
			if n := strings.Count(b.String(), text); n != 1 {
				fmt.Printf("lost: %s: %q is there %d times: %s", names, text, n, b.String())
			}
		}
	}
	var chains func(names string, h slog.Handler, n int)
	chains = func(names string, h slog.Handler, n int) {
		for name, link := range links {
			log.SetOutput(&b) // where the text goes
			chain := link(h)
			try(name+" "+names, chain)
			if n > 1 {
				chains(name+" "+names, chain, n-1)
			}
		}
	}
	chains("first", first.Handler(), 3)
	chains("With", first.With("b", 1).Handler(), 3)
	chains("WithGroup", first.WithGroup("h").Handler(), 3)
	log.SetOutput(&b)
	slog.SetDefault(first)
	ctx, span := Start(context.Background(), "above")
	defer span.End()
	logger := Logger(ctx).Handler()
	try("Logger", logger)
	chains("Logger", logger, 3)
	try("Logger With", logger.WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h"))
}

// Records handed to several of ours at once, as MultiHandler does without a copy of what With was given.
func TestHandlerSharesWithAttrs(t *testing.T) {
	var b1, b2 bytes.Buffer
	h := slog.NewMultiHandler(NewHandler(&treeHandler{out: &b1}), OTel.NewHandler(&treeHandler{out: &b2}), NewHandler(&treeHandler{out: io.Discard}))
	ctx, _ := testSpan(t.Context(), "op")
	for _, d := range []slog.Handler{
		h.WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
		h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
	} {
		for range 4 {
			if err := d.Handle(ctx, testRecord(slog.Int("x", 3))); err != nil {
				t.Fatal(err)
			}
			for _, line := range [][]byte{take(&b1), take(&b2)} {
				for _, want := range []string{`trace":1`, `"a":2`, `"x":3`} {
					if n := bytes.Count(line, []byte(want)); n != 1 {
						t.Errorf("%s stands %d times, want once:\n%s", want, n, line)
					}
				}
			}
		}
	}
}

// A handler does not follow what becomes of the slice that WithAttrs was given.
func TestHandlerKeepsItsOwnAttrs(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "op")
	attrs := []slog.Attr{slog.Int("a", 1)}
	h := NewHandler(slog.NewJSONHandler(&b, nil)).WithGroup("g").WithAttrs(attrs)
	attrs[0] = slog.Int("a", 2)
	for range 4 {
		if err := h.Handle(ctx, testRecord()); err != nil {
			t.Fatal(err)
		}
		if line := string(take(&b)); !strings.Contains(line, `"g":{"a":1}`) {
			t.Errorf("the attribute changed: %s", line)
		}
	}
}

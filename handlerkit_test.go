package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A rig is an arrangement of handlers, with ours among them and without.
type rig struct {
	name    string
	formats []Format // of the ids at each of the outputs
	ours    func(out []io.Writer, o *slog.HandlerOptions) slog.Handler
	plain   func(out io.Writer, o *slog.HandlerOptions) slog.Handler // what each output gets without us

	text     bool     // lines are slog.TextHandler's
	noSource bool     // HandlerOptions have no effect here
	dropsKey bool     // attributes with an empty key that are not groups are dropped, also LogValuers, unresolved
	sink     bool     // our own handler writes slog's own members, by the Format's names
	keys     []string // keys to try for a user's attribute because of the Format
	foreign  bool     // another handler is outermost and has resolved a span's attributes before we see them
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
// so that an empty group stays empty.
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

// A treeHandler keeps the calls of With and WithGroup as a linked list and looks at it only in Handle.
// It changes the slice given to WithAttrs, as a handler that owns it may.
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

// recordAttrsOf is written a second time so that the tests do not depend on the code.
func recordAttrsOf(r slog.Record) (attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

// idsUnder returns the ids that the root of a line under sc must have in format f.
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

// testRecord returns a record whose attributes beyond the fifth are in a slice with spare capacity.
func testRecord(attrs ...slog.Attr) slog.Record {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	r := slog.NewRecord(testTime, slog.LevelInfo, "m", pc[0])
	for _, a := range attrs {
		r.AddAttrs(a) // one by one, so that the slice grows beyond what is used
	}
	return r
}

// testSpan begins a span that is not reported.
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

// An inContext handler passes on a context of its own.
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

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type errorHandler struct{ slog.Handler }

var errHandler = errors.New("disk full")

func (errorHandler) Handle(context.Context, slog.Record) error { return errHandler }
func (h errorHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h errorHandler) WithGroup(string) slog.Handler           { return h }

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

package slogtrace

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// formatHandlers are the two kinds of handler that write a Format.
func formatHandlers(f Format) map[string]func(io.Writer) slog.Handler {
	return map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return f.NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return f.NewHandler(slog.NewJSONHandler(w, nil)) },
	}
}

func TestFormatNames(t *testing.T) {
	traceText, spanText := `"`+testTraceText+`"`, `"`+testSpanText+`"`
	for _, c := range []struct {
		name   string
		f      Format
		flags  Flags
		op     string
		user   []slog.Attr
		inside map[string]string
	}{
		{"default", Format{}, FlagSampled, "work", []slog.Attr{slog.Int("trace", 1), slog.Int("trace_id", 2)},
			map[string]string{"trace": traceText, "span": spanText, "op": `"work"`, "attr.trace": "1", "trace_id": "2", "trace_flags": ""}},
		{"the default's names in full", Format{Trace: "trace", Span: "span", Op: "op"}, FlagSampled, "work", nil,
			map[string]string{"trace": traceText, "span": spanText, "op": `"work"`}},
		{"OTel", OTel, FlagSampled, "work", []slog.Attr{slog.Int("trace", 1), slog.Int("trace_id", 2), slog.Int("trace_flags", 3), slog.Int("span_id", 4), slog.Int("op", 5)},
			map[string]string{"trace_id": traceText, "span_id": spanText, "op": `"work"`, "trace_flags": `"01"`, "trace": "1", "span": "",
				"attr.trace_id": "2", "attr.trace_flags": "3", "attr.span_id": "4", "attr.op": "5"}},
		{"OTel, flags", OTel, FlagSampled | FlagRandom, "work", nil, map[string]string{"trace_flags": `"03"`}},
		{"OTel, unsampled", OTel, 0, "work", nil, map[string]string{"trace_flags": `"00"`, "trace_id": traceText}},
		{"OTel, unsampled and random", OTel, FlagRandom, "work", nil, map[string]string{"trace_flags": `"02"`}},
		{"OTel, unknown flags", OTel, 0xfd, "work", nil, map[string]string{"trace_flags": `"01"`}},
		{"OTel, no op", OTel, FlagSampled, "", []slog.Attr{slog.Int("op", 1)}, map[string]string{"op": "", "attr.op": "1"}},
		{"some names", Format{Span: "dd.span", Flags: "f"}, FlagSampled, "work", []slog.Attr{slog.Int("f", 1), slog.Int("span", 2)},
			map[string]string{"trace": traceText, "dd.span": spanText, "op": `"work"`, "f": `"01"`, "attr.f": "1", "span": "2"}},
		{"names that need escapes", Format{Trace: "a\"\\\n", Span: "\u2028", Op: "ö/<&", Flags: "\x01"}, FlagSampled, "w\"\xffö", []slog.Attr{slog.Int("\x01", 1), slog.Int("a\"\\\n", 2)},
			map[string]string{"a\"\\\n": traceText, "\u2028": spanText, "ö/<&": `"w\"` + "\ufffd" + `ö"`, "\x01": `"01"`, "attr.\x01": "1", "attr.a\"\\\n": "2"}},
		{"long names", Format{Trace: "logging.googleapis.com/trace", Span: "logging.googleapis.com/spanId/logging.googleapis.com/spanId/1234567890"}, FlagSampled, "work",
			[]slog.Attr{slog.Int("logging.googleapis.com/spanId/logging.googleapis.com/spanId/1234567890", 1), slog.Int("logging.googleapis.com/trace", 2)},
			map[string]string{"logging.googleapis.com/trace": traceText, "attr.logging.googleapis.com/trace": "2",
				"logging.googleapis.com/spanId/logging.googleapis.com/spanId/1234567890": spanText, "attr.logging.googleapis.com/spanId/logging.googleapis.com/spanId/1234567890": "1"}},
	} {
		for name, mk := range formatHandlers(c.f) {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				h := mk(&b)
				from := sender{flags: c.flags, op: c.op}
				from.ids.Set(testSpanContext.TraceID, testSpanContext.SpanID)
				ctx := from.on(t.Context())
				for range 4 {
					if err := h.Handle(ctx, testRecord(c.user...)); err != nil {
						t.Fatal(err)
					}
					line := bytes.ReplaceAll(take(&b), []byte(`\ufffd`), []byte("\ufffd"))
					checkRootKeys(t, line, c.inside)
				}
				// Outside a trace no name is special.
				if err := h.Handle(t.Context(), testRecord(c.user...)); err != nil {
					t.Fatal(err)
				}
				var want bytes.Buffer
				if err := slog.NewJSONHandler(&want, nil).Handle(t.Context(), testRecord(c.user...)); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.String(), b.String()); diff != "" {
					t.Errorf("outside (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// On span records the schema keeps its names, and only the Format that took a user's name gives it back.
func TestFormatSpanRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		f    Format
		want map[string]string
	}{
		{"default", Format{}, map[string]string{"attr.trace": "1", "trace_id": "2", "attr.start": "3"}},
		{"OTel", OTel, map[string]string{"trace": "1", "attr.trace_id": "2", "attr.start": "3"}},
	} {
		for name, mk := range formatHandlers(c.f) {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				_, span := NewTracer(mk(&b), nil).Start(t.Context(), "op", slog.Int("trace", 1), slog.Int("trace_id", 2), slog.Int("start", 3))
				span.End()
				want := idsUnder(c.f, span.SpanContext(), "op")
				want["start"], want["duration_ms"] = "*", "*"
				for k, v := range c.want {
					want[k] = v
				}
				checkRootKeys(t, take(&b), want)
			})
		}
	}
}

func TestFormatIsComparable(t *testing.T) {
	if (Format{}) == OTel || OTel != (Format{Trace: "trace_id", Span: "span_id", Flags: "trace_flags"}) {
		t.Error("Formats do not compare as their fields do")
	}
	f := OTel
	h := f.NewHandler(slog.DiscardHandler)
	f.Trace = "changed"
	if h.format.Trace != "trace_id" || OTel.Trace != "trace_id" {
		t.Error("a handler shares its Format with whoever made it")
	}
}

// Where a Format renames slog's own members, the user's attributes give way to them outside a trace too.
func TestFormatOutsideKeys(t *testing.T) {
	i := slog.Int
	for _, test := range []struct {
		bind func(*slog.Logger) *slog.Logger
		with []slog.Attr
		attr []slog.Attr
		want string
	}{
		{attr: []slog.Attr{i("a", 1)}, want: `"a":1`},
		{attr: []slog.Attr{i("severity", 1), i("msg", 2)}, want: `"attr.severity":1,"msg":2`},
		{attr: []slog.Attr{i("severity", 1), i("attr.severity", 2)}, want: `"attr.severity":1,"attr.attr.severity":2`},
		{attr: []slog.Attr{slog.Group("", i("severity", 1))}, want: `"attr.severity":1`},
		{attr: []slog.Attr{slog.Group("g", i("severity", 1))}, want: `"g":{"severity":1}`},
		{attr: []slog.Attr{slog.Any("severity", []int{1}), slog.Any("x", []int{2})}, want: `"attr.severity":[1],"x":[2]`},
		{attr: []slog.Attr{slog.Any("x", []int{2}), i("severity", 1)}, want: `"x":[2],"attr.severity":1`},
		{bind: func(l *slog.Logger) *slog.Logger { return l.With("severity", 1) }, attr: []slog.Attr{i("a", 2)}, want: `"attr.severity":1,"a":2`},
		{bind: func(l *slog.Logger) *slog.Logger { return l.With("severity", 1) }, attr: []slog.Attr{i("attr.severity", 2)}, want: `"attr.severity":1,"attr.attr.severity":2`},
		{bind: func(l *slog.Logger) *slog.Logger { return l.WithGroup("severity") }, attr: []slog.Attr{i("severity", 1)}, want: `"attr.severity":{"severity":1}`},
		{bind: func(l *slog.Logger) *slog.Logger { return l.With("severity", 1).WithGroup("g") }, attr: []slog.Attr{i("severity", 2), i("attr.severity", 3)},
			want: `"attr.severity":1,"g":{"severity":2,"attr.severity":3}`},
		{with: []slog.Attr{i("w", 1)}, attr: []slog.Attr{i("severity", 2)}, want: `"w":1,"attr.severity":2`},
		{with: []slog.Attr{i("w", 1), i("attr.severity", 3)}, attr: []slog.Attr{i("severity", 2)}, want: `"w":1,"attr.severity":2`},
	} {
		for _, replace := range []func([]string, slog.Attr) slog.Attr{nil, func(_ []string, a slog.Attr) slog.Attr { return a }} {
			var b bytes.Buffer
			l := slog.New(GoogleCloud("").NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: replace}))
			if test.bind != nil {
				l = test.bind(l)
			}
			ctx := context.Background()
			if test.with != nil {
				ctx = With(ctx, test.with...)
			}
			l.LogAttrs(ctx, slog.LevelInfo, "m", test.attr...)
			if want := `"message":"m",` + test.want + "}\n"; !strings.HasSuffix(b.String(), want) {
				t.Errorf("want %s, got %s", want, b.String())
			}
		}
	}
}

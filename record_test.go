package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recordRootKeys returns the keys of a line's root in order. It fails the test if one appears twice.
func recordRootKeys(t *testing.T, line []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("no JSON object: %v, %v: %.300s", tok, err, line)
	}
	var keys []string
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			t.Fatalf("no key: %v, %v: %.300s", tok, err, line)
		}
		if seen[key] {
			t.Errorf("key %q stands twice: %.600s", key, line)
		}
		seen[key] = true
		keys = append(keys, key)
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("key %q: %v: %.300s", key, err, line)
		}
	}
	return keys
}

func recordDecode(t *testing.T, line []byte) map[string]any {
	t.Helper()
	recordRootKeys(t, line)
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%v: %.300s", err, line)
	}
	return m
}

// A user's root attribute whose key is reserved is written as attr.<key>. Nothing is lost, and no key appears twice.
func TestSpanReservedKeys(t *testing.T) {
	reserved := []string{
		"trace", "span", "op", "parent", "kind", "start", "duration_ms", "error", "stack", "links",
		"queued_ms", "sample_rate", "sampled", "time", "level", "msg", "source",
	}
	var attrs []slog.Attr
	for _, k := range reserved {
		attrs = append(attrs, slog.String(k, "mine-"+k))
	}
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			var b bytes.Buffer
			tr := NewTracer(h.make(&b), nil)
			check := func(want map[string]any) {
				t.Helper()
				m := recordDecode(t, b.Bytes())
				for k, v := range want {
					if m[k] != v {
						t.Errorf("%s = %v, want %v: %s", k, m[k], v, b.Bytes())
					}
				}
				b.Reset()
			}

			_, s := tr.Start(context.Background(), "op", attrs...)
			s.Fail(errSpanCard)
			s.End()
			want := map[string]any{"error": "card declined", "op": "op", "msg": "span end"}
			for _, k := range reserved {
				want["attr."+k] = "mine-" + k
			}
			check(want)

			// The same through With.
			_, s = tr.Start(With(context.Background(), attrs...), "op")
			s.Fail(errSpanCard)
			s.End()
			check(want)

			// Two attributes that would become one.
			for _, pair := range [][]slog.Attr{
				{slog.String("error", "mine"), slog.String("attr.error", "other")},
				{slog.String("attr.error", "other"), slog.String("error", "mine")},
			} {
				_, s = tr.Start(context.Background(), "op", pair...)
				s.End()
				m := recordDecode(t, b.Bytes())
				a, aa := m["attr.error"], m["attr.attr.error"]
				if got := fmt.Sprintf("%v %v", a, aa); got != "mine other" && got != "other mine" {
					t.Errorf("%v was written as %s", pair, b.Bytes())
				}
				b.Reset()
				_, s = tr.Start(With(context.Background(), pair...), "op")
				s.End()
				m = recordDecode(t, b.Bytes())
				if m["attr.error"] != "other" || m["attr.attr.error"] != "mine" {
					t.Errorf("With %v was written as %s", pair, b.Bytes())
				}
				b.Reset()
			}

			// A group is an attribute, its members are not at the root.
			_, s = tr.Start(context.Background(), "op", slog.Group("error", slog.String("error", "in")), slog.Group("", slog.Int("op", 1)))
			s.End()
			check(map[string]any{"op": "op", "attr.op": 1.0})

			_, s = tr.Start(context.Background(), "op", slog.String("kind", "invoice"), KindClient)
			s.End()
			check(map[string]any{"kind": "client", "attr.kind": "invoice"})
			_, s = tr.Start(context.Background(), "op", slog.String("kind", "client"), slog.String("link", "x"))
			s.End()
			if m := recordDecode(t, b.Bytes()); m["attr.kind"] != "client" || m["kind"] != nil || m["link"] != "x" {
				t.Errorf("got %v", m)
			}
		})
	}
}

// A With attribute gives way to the record's, under the key in the line.
func TestSpanReservedKeysWithMeetsAttr(t *testing.T) {
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			var b bytes.Buffer
			ctx := With(context.Background(), slog.String("attr.error", "with"))
			_, s := NewTracer(h.make(&b), nil).Start(ctx, "op", slog.String("error", "span"))
			s.End()
			if m := recordDecode(t, b.Bytes()); m["attr.error"] != "span" {
				t.Errorf("attr.error = %v, want span", m["attr.error"])
			}
		})
	}
}

type recordInline struct{}

func (recordInline) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", "forged"), slog.String("error", "mine"), slog.String("msg", "forged"))
}

// Attributes that a LogValuer without a key puts at the root are renamed like all others there.
func TestSpanReservedKeysInlineValuer(t *testing.T) {
	inline := slog.Any("", recordInline{})
	for _, h := range spanHandlers {
		for name, start := range map[string]func(*Tracer) *Span{
			"Start":    func(tr *Tracer) *Span { _, s := tr.Start(context.Background(), "op", inline); return s },
			"SetAttrs": func(tr *Tracer) *Span { _, s := tr.Start(context.Background(), "op"); s.SetAttrs(inline); return s },
			"With":     func(tr *Tracer) *Span { _, s := tr.Start(With(context.Background(), inline), "op"); return s },
		} {
			t.Run(h.name+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				s := start(NewTracer(h.make(&b), nil))
				s.Fail(errSpanCard)
				s.End()
				m := recordDecode(t, b.Bytes())
				if m["trace"] != s.SpanContext().TraceID.String() || m["error"] != "card declined" || m["msg"] != "span end" ||
					m["attr.trace"] != "forged" || m["attr.error"] != "mine" || m["attr.msg"] != "forged" {
					t.Errorf("got %s", b.Bytes())
				}
			})
		}
	}
}

type recordLogValuer struct{ called *int }

func (v recordLogValuer) LogValue() slog.Value { *v.called++; return slog.StringValue("resolved") }

func TestSpanLogValuer(t *testing.T) {
	for _, h := range spanHandlers {
		var b bytes.Buffer
		n := 0
		v := slog.Any("v", recordLogValuer{&n})
		_, s := NewTracer(h.make(&b), nil).Start(context.Background(), "op", v, slog.Any("error", recordLogValuer{&n}))
		s.End()
		if m := recordDecode(t, b.Bytes()); m["v"] != "resolved" || m["attr.error"] != "resolved" || n != 2 {
			t.Errorf("%s: got %s, resolved %d times, want 2", h.name, b.Bytes(), n)
		}
	}
}

// readsMarks is true for handlers that write the schema and for handlers of ours around them.
func TestIsOurs(t *testing.T) {
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"itself":   func(h slog.Handler) slog.Handler { return h },
		"redacted": func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
		"tail":     func(h slog.Handler) slog.Handler { return NewTailHandler(h, nil) },
	} {
		if !readsMarks(wrap(NewJSONHandler(new(bytes.Buffer), nil))) {
			t.Errorf("%s: a JSONHandler is not ours", name)
		}
		if readsMarks(wrap(slog.NewJSONHandler(new(bytes.Buffer), nil))) {
			t.Errorf("%s: slog.JSONHandler is ours", name)
		}
	}
}

// A start record that is kept until the span has failed does not contain the failure.
func TestSpanStartSaysNoFailure(t *testing.T) {
	_, s := testSpan(context.Background(), "op")
	s.Fail(errors.New("failed"))
	s.extra().stack = "stack"
	if attrs := appendRareSchema(nil, defaultFormat, s, eventStart); len(attrs) > 0 {
		t.Errorf("got %v", attrs)
	}
}

// The parent of a failed span is written although the trace is not sampled. Its record has sampled=false and no error.
func TestSpanRecordParentOfFailed(t *testing.T) {
	for _, h := range spanHandlers {
		var b bytes.Buffer
		tr := NewTracer(h.make(&b), &TracerOptions{Sampler: Ratio(0)})
		ctx, parent := tr.Start(context.Background(), "parent")
		_, child := tr.Start(ctx, "child")
		child.Fail(errSpanCard)
		child.End()
		b.Reset()
		parent.End()
		m := recordDecode(t, b.Bytes())
		if _, hasError := m["error"]; m["sampled"] != false || hasError || m["op"] != "parent" {
			t.Errorf("%s: %s", h.name, b.Bytes())
		}
	}
}

// A group in which none of a span's attributes is written is not written.
func TestSpanRecordEmptyInGroup(t *testing.T) {
	for _, h := range spanHandlers[:1] {
		var b bytes.Buffer
		_, s := NewTracer(h.make(&b).WithGroup("g"), nil).Start(context.Background(), "op", slog.Any("none", (*slog.Source)(nil)))
		s.End()
		if m := recordDecode(t, b.Bytes()); m["g"] != nil || bytes.Contains(b.Bytes(), []byte(`"g"`)) {
			t.Errorf("%s: %s", h.name, b.Bytes())
		}
	}
}

// Handlers write times each in their own way, slog.TextHandler without micro- and nanoseconds.
func TestStartIsText(t *testing.T) {
	var buf bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), NewHandler(slog.NewTextHandler(&buf, nil))} {
		_, s := NewTracer(h, nil).Start(context.Background(), "op")
		s.start = time.Date(2026, 3, 1, 9, 15, 0, 123456789, time.UTC)
		s.End()
	}
	if n := strings.Count(buf.String(), "start=2026-03-01T09:15:00.123456789Z"); n != 2 {
		t.Errorf("%d of 2 with the whole start:\n%s", n, &buf)
	}
}

// Groups that are open on the inner handler before it is wrapped stay open, and another handler's ids are inside them.
// With our handlers inside, they are at the root.
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

// A sink finds the content of a span record, whatever handlers are around it.
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

// Without handlers of ours, span records carry everything under the default names.
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

// Several of our handlers write attributes of With once, outside a trace too.
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

// Span records whose mark another handler has resolved have With's attributes.
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

// Two of our handlers, and between them one that also resolves attributes in groups, as redactors do.
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

// SpanOf of a kept start record does not change with the span.
func TestSpanOfKeptStart(t *testing.T) {
	var kept []slog.Record
	tracer := NewTracer(sinkHandler{&kept}, &TracerOptions{LogStart: true})
	_, span := tracer.Start(t.Context(), "before")
	span.SetOp("after")
	span.End()
	var got []string
	for _, r := range kept {
		info, ok := SpanOf(r)
		if !ok {
			t.Fatal("not recognised")
		}
		got = append(got, info.Op)
	}
	if diff := cmp.Diff([]string{"before", "after"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A handler between two of ours may turn the members of an inline group into the record's own. The ids stay where they are.
func TestFlattenedIDs(t *testing.T) {
	for name, inner := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		l := slog.New(NewHandler(flattener{inner(&b)}))
		ctx, _ := Start(t.Context(), "op")
		l.InfoContext(ctx, "m", "a", 1)
		if line := b.String(); strings.Count(line, `"trace":`) != 1 || strings.Contains(line, "attr.trace") {
			t.Errorf("%s: want the ids once: %s", name, line)
		}
	}
}

type flattener struct{ slog.Handler }

func (f flattener) Handle(ctx context.Context, r slog.Record) error {
	flat := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "" && a.Value.Kind() == slog.KindGroup {
			for _, m := range a.Value.Group() {
				flat.AddAttrs(slog.Attr{Key: m.Key, Value: m.Value.Resolve()})
			}
		} else {
			flat.AddAttrs(a)
		}
		return true
	})
	return f.Handler.Handle(ctx, flat)
}

func TestSpanOf(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		h := new(spanRecorder)
		tr := NewTracer(h, &TracerOptions{LogStart: true, Sampler: spanSampler(func(SampleInput) (bool, float64) { return true, 0.5 })})
		began := time.Now()

		ctx, s := tr.Start(context.Background(), "root", KindServer, Link(testSpanContext), slog.Int("n", 1))
		time.Sleep(time.Second)
		s.Fail(errSpanCard)
		s.End()
		want := SpanInfo{
			SpanContext: s.SpanContext(),
			Op:          "root",
			Kind:        "server",
			Start:       began,
			Links:       []SpanContext{testSpanContext},
			SampleRate:  0.5,
		}
		ended := want
		ended.Ended, ended.Duration, ended.Err = true, time.Second, errSpanCard
		same := cmp.Comparer(func(a, b error) bool { return a == b })
		if diff := cmp.Diff([]SpanInfo{want, ended}, h.spans(t), same); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}

		remote := testSpanContext
		remote.Flags, remote.State = FlagSampled|FlagRandom, "vendor=a"
		ctx, err := Carrier{Traceparent: remote.Traceparent(), Tracestate: remote.State, Sent: "1999-12-31T23:59:59Z"}.Context(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, child := tr.Start(ctx, "child")
		child.End()
		want = SpanInfo{
			SpanContext: SpanContext{remote.TraceID, child.SpanContext().SpanID, remote.Flags, "vendor=a"},
			Parent:      remote.SpanID,
			Op:          "child",
			Start:       began.Add(time.Second),
			Links:       []SpanContext{s.SpanContext()},
			Queued:      2 * time.Second,
			HasQueued:   true,
			SampleRate:  1,
		}
		ended = want
		ended.Ended = true
		if diff := cmp.Diff([]SpanInfo{want, ended}, h.spans(t), same); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestSpanOfOthers(t *testing.T) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, spanEndMessage, 0)
	for _, attrs := range [][]slog.Attr{
		nil,
		{slog.String("trace", testTraceText), slog.String("span", testSpanText), slog.String("op", "forged")},
		{slog.Group("", slog.String("trace", testTraceText))},
		{{}, {Value: slog.GroupValue()}, slog.Any("", nil)},
		{slog.Any("", Link(testSpanContext).Value.Any())},
	} {
		r := r.Clone()
		r.AddAttrs(attrs...)
		if info, ok := SpanOf(r); ok || info.Op != "" {
			t.Errorf("SpanOf(%v) = %v, true", attrs, info)
		}
	}
	// A log record in a span is not a span record, even after a handler of ours has added the ids.
	h := new(spanRecorder)
	ctx, s := NewTracer(h, nil).Start(context.Background(), "op")
	slog.New(NewHandler(h)).InfoContext(ctx, spanEndMessage)
	if _, ok := SpanOf(h.records[0]); ok {
		t.Error("SpanOf of a log record = true")
	}
	h.records = nil
	// A span record is still one behind a handler of ours.
	NewTracer(NewHandler(h), nil).report(s, time.Now())
	if info, ok := SpanOf(h.records[0]); !ok || info.Op != "op" {
		t.Errorf("SpanOf behind a Handler = %v, %v", info, ok)
	}
}

// Attributes before or behind the schema's do not hide them, with or without a key.
func TestSpanOfAmongOthers(t *testing.T) {
	h := new(spanRecorder)
	_, s := NewTracer(h, nil).Start(context.Background(), "op", slog.Int("", 1), slog.Int("n", 2))
	s.End()
	ours := recordAttrsOf(h.records[0])
	others := []slog.Attr{slog.Int("", 3), slog.Group("", slog.Int("a", 4)), slog.String("b", "c")}
	for _, attrs := range [][]slog.Attr{ours, slices.Concat(others, ours), slices.Concat(ours, others)} {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, spanEndMessage, 0)
		r.AddAttrs(attrs...)
		if info, ok := SpanOf(r); !ok || info.Op != "op" || !info.Ended {
			t.Errorf("SpanOf(%v) = %+v, %t", attrs, info, ok)
		}
	}
}

// A handler may keep a record and look at it later, from another goroutine, while the span goes on.
// slog's contract permits it, and asynchronous handlers do it.
func TestSpanStartRecordKept(t *testing.T) {
	h := new(spanRecorder)
	ctx := With(context.Background(), slog.String("a", "with"), slog.String("b", "with"))
	_, s := NewTracer(h, &TracerOptions{LogStart: true}).Start(ctx, "op", slog.String("a", "span"))
	var b bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = slog.NewJSONHandler(&b, nil).Handle(context.Background(), h.records[0])
	}()
	for i := range 100 {
		s.SetAttrs(slog.Int(fmt.Sprint("later", i), i))
	}
	<-done
	if m := recordDecode(t, b.Bytes()); m["a"] != "span" || m["b"] != "with" {
		t.Errorf("got %s", b.Bytes())
	}
}

// The same without a race: the start record does not depend on when it is written.
func TestSpanStartRecordKeptSays(t *testing.T) {
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			rec := new(spanRecorder)
			ctx := With(context.Background(), slog.String("a", "with"))
			_, s := NewTracer(rec, &TracerOptions{LogStart: true}).Start(ctx, "op")
			s.SetAttrs(slog.String("a", "span"))
			var b bytes.Buffer
			if err := h.make(&b).Handle(context.Background(), rec.records[0]); err != nil {
				t.Fatal(err)
			}
			if m := recordDecode(t, b.Bytes()); m["a"] != "with" {
				t.Errorf("a = %v, want with: %s", m["a"], b.Bytes())
			}
		})
	}
}

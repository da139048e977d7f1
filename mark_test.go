package slogtrace

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

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

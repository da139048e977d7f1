package slogtrace

import (
	"bytes"
	"context"
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

package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Each of these was wrong once, and no other test saw it.

// In a span a year that RFC 3339 has no room for leaves one value, not two.
func TestYearsInSpan(t *testing.T) {
	var b bytes.Buffer
	h := NewJSONHandler(&b, nil)
	ctx, span := Start(t.Context(), "op")
	defer span.End()
	far := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	bound := h.WithAttrs([]slog.Attr{slog.Time("until", far)})
	for _, h := range []slog.Handler{h, bound, bound.WithGroup("g").WithAttrs([]slog.Attr{slog.Time("x", far)})} {
		r := slog.NewRecord(far, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Time("until", far), slog.Group("in", slog.Time("x", far)))
		b.Reset()
		if err := h.Handle(ctx, r); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b.Bytes()) || !bytes.Contains(b.Bytes(), []byte(`"!ERROR:`)) {
			t.Errorf("want valid JSON that names the error, got %s", b.Bytes())
		}
	}
}

// A user who writes the ids by hand, as before adopting this package, keeps the rest of the line.
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

// Contexts and spans can be printed while they are in use. The race detector is the judge.
func TestPrintWhileInUse(t *testing.T) {
	l := slog.New(NewHandler(slog.NewJSONHandler(io.Discard, nil)))
	ctx, span := Start(t.Context(), "op")
	for _, ctx := range []context.Context{ctx, With(ctx, slog.Int("a", 1)), Detach(ctx)} {
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 50 {
				l.With("x", 1).InfoContext(ctx, "m")
				span.SetAttrs(slog.Int("n", 1))
				span.SetOp("other")
			}
		})
		wg.Go(func() {
			for range 50 {
				_ = fmt.Sprintf("%v %+v %v", ctx, ctx, span)
			}
		})
		wg.Wait()
	}
	if got := fmt.Sprint(span); !strings.Contains(got, "other") || !strings.Contains(got, span.SpanContext().TraceID.String()) {
		t.Errorf("a span prints as %q", got)
	}
}

// A value of With that changes is written as it is at each record, not as it was at the third.
func TestWithChangingValue(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"in a group":  func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)).WithGroup("g") },
	} {
		var b bytes.Buffer
		l := slog.New(mk(&b))
		n := new(struct{ N int })
		ctx, _ := Start(t.Context(), "op")
		ctx = With(ctx, slog.Group("now", slog.Any("n", n)))
		for i := range 6 {
			n.N = i
			b.Reset()
			l.InfoContext(ctx, "m")
			if want := fmt.Sprintf(`"n":{"N":%d}`, i); !strings.Contains(b.String(), want) {
				t.Errorf("%s: record %d lacks %s: %s", name, i, want, b.String())
			}
		}
	}
}

// A span links to the local span that a remote parent hides, also below a second remote parent, but not to its own parent.
func TestHiddenSpan(t *testing.T) {
	a, span := Start(t.Context(), "local")
	b, _ := Start(t.Context(), "b")
	c, _ := Start(t.Context(), "c")
	links := func(remotes ...context.Context) []SpanContext {
		ctx := a
		for _, r := range remotes {
			ctx = ContextWithRemoteSpanContext(ctx, SpanContextFromContext(r))
		}
		_, s := Start(ctx, "child")
		return s.info(eventEnd).Links
	}
	local := []SpanContext{span.SpanContext()}
	if diff := cmp.Diff(local, links(b)); diff != "" {
		t.Errorf("one remote parent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(local, links(b, c)); diff != "" {
		t.Errorf("two (-want +got):\n%s", diff)
	}
	if got := links(a); got != nil {
		t.Errorf("itself as its remote parent: links %v", got)
	}
	if got := links(b, a); got != nil {
		t.Errorf("itself on top of another: links %v", got)
	}
}

func TestCutOp(t *testing.T) {
	for _, op := range []string{
		"", "op", strings.Repeat("a", maxCarriedOp), strings.Repeat("a", maxCarriedOp+1), strings.Repeat("\xffa", 128),
		strings.Repeat("\xff", 300), strings.Repeat("é", 200), "a" + strings.Repeat("é", 200), strings.Repeat("😀", 100), "aaa" + strings.Repeat("😀", 100),
		strings.Repeat("a", maxCarriedOp-1) + "\xff", strings.Repeat("x", 1<<20),
	} {
		got := cutOp(op)
		if len(got) > maxCarriedOp || !utf8.ValidString(got) {
			t.Errorf("cutOp of %d bytes gives %d, valid %v", len(op), len(got), utf8.ValidString(got))
		}
		if utf8.ValidString(op) && len(op) <= maxCarriedOp && got != op {
			t.Errorf("cutOp changed %q to %q", op, got)
		}
		if utf8.ValidString(op) && len(op) > maxCarriedOp && len(got) <= maxCarriedOp-utf8.UTFMax {
			t.Errorf("cutOp of %d bytes leaves only %d", len(op), len(got))
		}
		c := Carrier{Traceparent: testTraceparent, Op: op}
		ctx, _ := c.Context(t.Context())
		if cur := currentOf(ctx); cur.op() != got {
			t.Errorf("Carrier.Context takes op %q, want %q", cur.op(), got)
		}
	}
}

// A Format may itself have a name of the form to which user's keys are moved.
func TestFormatWithMovedName(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := Start(t.Context(), "op")
	l := slog.New(Format{Span: "attr.trace"}.NewJSONHandler(&b, nil))
	l.InfoContext(ctx, "m", "trace", 1)
	if !strings.Contains(b.String(), `"attr.attr.trace":1`) {
		t.Errorf("the user's trace should stand under attr.attr.trace: %s", b.String())
	}
}

// Values without a key are several, not one.
func TestKeylessValues(t *testing.T) {
	var b bytes.Buffer
	slog.New(NewJSONHandler(&b, nil)).InfoContext(With(t.Context(), slog.Int("", 1), slog.Int("", 2)), "m")
	if !strings.Contains(b.String(), `"":1,"":2`) {
		t.Errorf("got %s", b.String())
	}
}

// What SpanOf says of a kept start record does not change with the span.
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

// An IsFailure that panics neither keeps the span open nor hides a panic that is going on.
func TestIsFailurePanics(t *testing.T) {
	var b bytes.Buffer
	var calls atomic.Int32
	tracer := NewTracer(NewJSONHandler(&b, nil), &TracerOptions{IsFailure: func(error) bool { calls.Add(1); panic("in IsFailure") }})
	func() {
		defer func() {
			if p := recover(); p != "the real one" {
				t.Errorf("recovered %v", p)
			}
		}()
		err := errors.New("returned")
		_, span := tracer.Start(t.Context(), "op")
		defer span.End(&err)
		panic("the real one")
	}()
	_, span := tracer.Start(t.Context(), "op")
	span.Fail(errors.New("returned"))
	span.End()
	if n := strings.Count(b.String(), `"span end"`); n != 2 || calls.Load() != 2 ||
		!strings.Contains(b.String(), `"error":"panic: the real one"`) || !strings.Contains(b.String(), `"error":"returned"`) {
		t.Errorf("%d ends, %d calls: %s", n, calls.Load(), b.String())
	}
}

// What a span, or a record, says gives way to nothing, and With to it: to what it says, and to the name that that moved to.
func TestRenamedAgainstWith(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		h := mk(&b)
		ctx := With(t.Context(), slog.String("trace", "with"), slog.String("attr.trace", "with too"), slog.Int("a", 1))
		ctx, span := NewTracer(h, nil).Start(ctx, "op", slog.String("trace", "user"))
		span.End()
		if name != "slog" {
			slog.New(h).InfoContext(ctx, "m", "trace", "user")
		}
		for line := range strings.Lines(b.String()) {
			if n := strings.Count(line, "attr.trace"); n != 1 || !strings.Contains(line, `"attr.trace":"user"`) || !strings.Contains(line, `"a":1`) {
				t.Errorf("%s: want attr.trace once, and the user's: %s", name, line)
			}
		}
	}
}

// A span's attribute has the name that one of the logger's was moved to.
func TestSpanAttrAgainstLogger(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		h := mk(&b).WithAttrs([]slog.Attr{slog.String("error", "logger's")})
		_, span := NewTracer(h, nil).Start(t.Context(), "op", slog.String("attr.error", "span's"))
		span.End()
		if line := b.String(); !strings.Contains(line, `"attr.error":"logger's"`) || !strings.Contains(line, `"attr.attr.error":"span's"`) {
			t.Errorf("%s: want each under a name of its own: %s", name, line)
		}
	}
}

// A handler between two of ours that writes the members of an inline group as the record's own leaves the ids where they are.
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

// A group that turns out empty when its members are resolved takes no name from With, and nothing of With stands twice.
func TestWithAgainstEmptiedGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := Start(With(t.Context(), slog.Int("a", 1), slog.Int("g", 2), slog.Int("z", 3)), "op")
	slog.New(NewJSONHandler(&b, nil)).WithGroup("g").InfoContext(ctx, "m", slog.Any("", valuer{slog.Value{}}))
	line := b.String()
	for _, want := range []string{`"a":1`, `"g":2`, `"z":3`} {
		if strings.Count(line, want) != 1 {
			t.Errorf("want %s once: %s", want, line)
		}
	}
}

package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// defaultLogger makes l slog's default until the test ends.
func defaultLogger(t *testing.T, l *slog.Logger) {
	t.Helper()
	old, flags, out := slog.Default(), log.Flags(), log.Writer()
	t.Cleanup(func() { slog.SetDefault(old); log.SetFlags(flags); log.SetOutput(out) })
	slog.SetDefault(l)
}

// A bound logger prefers the call's own context if that has a trace, also in a group.
func TestLoggerContexts(t *testing.T) {
	var b, db bytes.Buffer
	tr := NewTracer(NewHandler(slog.NewJSONHandler(&b, nil)), nil)
	defaultLogger(t, slog.New(NewJSONHandler(&db, nil)))

	ctx, span := tr.Start(With(t.Context(), slog.Int("w", 1)), "outer")
	child, childSpan := Start(ctx, "inner")
	other, otherSpan := testSpan(t.Context(), "other")
	remote := ContextWithRemoteSpanContext(t.Context(), testSpanContext)
	l := Logger(ctx)
	var nilContext context.Context

	outer := idsUnder(Format{}, span.SpanContext(), "outer")
	outer["w"] = "1"
	inner := idsUnder(Format{}, childSpan.SpanContext(), "inner")
	inner["w"] = "1"
	for _, c := range []struct {
		name string
		call func(l *slog.Logger)
		want map[string]string
	}{
		{"no context", func(l *slog.Logger) { l.Info("m") }, outer},
		{"Background", func(l *slog.Logger) { l.InfoContext(context.Background(), "m") }, outer},
		{"nil", func(l *slog.Logger) { l.InfoContext(nilContext, "m") }, outer},
		{"own", func(l *slog.Logger) { l.InfoContext(ctx, "m") }, outer},
		{"child", func(l *slog.Logger) { l.InfoContext(child, "m") }, inner},
		{"other trace", func(l *slog.Logger) { l.InfoContext(other, "m") }, idsUnder(Format{}, otherSpan.SpanContext(), "other")},
		{"remote", func(l *slog.Logger) { l.InfoContext(remote, "m") }, idsUnder(Format{}, testSpanContext, "")},
		{"detached", func(l *slog.Logger) { l.InfoContext(Detach(child), "m") }, outer},
		{"With only", func(l *slog.Logger) { l.InfoContext(With(context.Background(), slog.Int("w", 2)), "m") }, outer},
	} {
		for n := range 4 {
			for _, d := range []struct {
				name string
				l    *slog.Logger
				more map[string]string
			}{
				{"logger", l, nil},
				{"With", l.With("a", 1), map[string]string{"a": "1"}},
				{"WithGroup", l.WithGroup("g").With("a", 1), map[string]string{"g": `{"a":1}`}},
				{"nothing", l.WithGroup("").With(), nil},
			} {
				c.call(d.l)
				line := take(&b)
				checkRootKeys(t, line, c.want)
				checkRootKeys(t, line, d.more)
				if t.Failed() {
					t.Fatalf("%s, %s, record %d", c.name, d.name, n)
				}
			}
		}
	}
	if db.Len() > 0 {
		t.Errorf("the default logger got %s", db.Bytes())
	}
}

func TestLoggerHandlers(t *testing.T) {
	var b, db bytes.Buffer
	defaultLogger(t, slog.New(NewJSONHandler(&db, nil)))
	var nilContext context.Context

	// With nothing of ours in the context it is slog's default.
	for _, ctx := range []context.Context{nilContext, context.Background(), t.Context()} {
		if Logger(ctx) != slog.Default() {
			t.Errorf("Logger(%v) is not slog.Default()", ctx)
		}
	}

	// Otherwise it has the handler of the context's Tracer, or of the default one.
	own, _ := NewTracer(NewJSONHandler(&b, nil), nil).Start(t.Context(), "op")
	def, _ := NewTracer(nil, nil).Start(t.Context(), "op")
	plain, _ := Start(t.Context(), "op")
	for _, c := range []struct {
		name string
		ctx  context.Context
		own  bool
		ids  string
	}{
		{"Tracer", own, true, "*"},
		{"below Tracer", With(own, slog.Int("w", 1)), true, "*"},
		{"below Tracer, remote", ContextWithRemoteSpanContext(own, testSpanContext), true, "*"},
		{"below Tracer, detached", Detach(own), true, ""},
		{"Tracer without handler", def, false, "*"},
		{"default Tracer", plain, false, "*"},
		{"With only", With(t.Context(), slog.Int("w", 1)), false, ""},
		{"remote only", ContextWithRemoteSpanContext(t.Context(), testSpanContext), false, "*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			Logger(c.ctx).Info("m")
			mine, theirs := take(&b), take(&db)
			if c.own {
				mine, theirs = theirs, mine
			}
			if len(mine) > 0 {
				t.Errorf("the wrong handler got %s", mine)
			}
			want := map[string]string{"trace": c.ids, "span": c.ids}
			if c.name == "With only" {
				want["w"] = "1"
			}
			if c.own {
				checkRootKeys(t, theirs, want)
			}
		})
	}

	// A default Tracer that is set later counts.
	SetDefault(NewTracer(NewJSONHandler(&b, nil), nil))
	defer SetDefault(nil)
	Logger(plain).Info("m")
	Logger(With(t.Context(), slog.Int("w", 1))).Info("m")
	if n := bytes.Count(take(&b), []byte("\n")); n != 1 {
		t.Errorf("the new default Tracer got %d records, want 1: the span has its own", n)
	}
}

// With a handler that is not ours there are no ids, and no harm.
func TestLoggerForeignHandler(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := NewTracer(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), nil).Start(t.Context(), "op")
	Logger(ctx).WithGroup("g").Info("m", "x", 1)
	want := `{"level":"INFO","msg":"m","g":{"x":1}}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// Enabled gets the context that counts.
func TestLoggerEnabled(t *testing.T) {
	h := &askingHandler{}
	ctx, span := NewTracer(h, nil).Start(t.Context(), "op")
	child, childSpan := Start(ctx, "child")
	l := Logger(ctx)
	l.Info("m")
	l.InfoContext(child, "m")
	l.With("a", 1).WithGroup("g").Enabled(t.Context(), slog.LevelDebug)
	want := []SpanID{span.SpanContext().SpanID, childSpan.SpanContext().SpanID, span.SpanContext().SpanID}
	if diff := cmp.Diff(want, h.asked); diff != "" {
		t.Errorf("Enabled was asked with contexts of spans (-want +got):\n%s", diff)
	}
}

type askingHandler struct{ asked []SpanID }

func (h *askingHandler) Enabled(ctx context.Context, _ slog.Level) bool {
	h.asked = append(h.asked, SpanContextFromContext(ctx).SpanID)
	return false
}
func (h *askingHandler) Handle(context.Context, slog.Record) error { panic("not enabled") }
func (h *askingHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h *askingHandler) WithGroup(string) slog.Handler             { return h }

// A new op counts from the next record on, also for what was bound under the old one.
func TestLoggerOp(t *testing.T) {
	var b bytes.Buffer
	ctx, span := NewTracer(NewHandler(slog.NewJSONHandler(&b, nil)), nil).Start(t.Context(), "before")
	l := Logger(ctx).With("a", 1)
	for n := range 8 {
		if n == 4 {
			span.SetOp("after")
		}
		l.Info("m")
		op := "before"
		if n >= 4 {
			op = "after"
		}
		checkRootKeys(t, take(&b), idsUnder(Format{}, span.SpanContext(), op))
	}
}

// One logger, many goroutines. See also go test -race.
func TestLoggerConcurrent(t *testing.T) {
	var buf lockedBuffer
	ctx, span := NewTracer(NewHandler(slog.NewJSONHandler(&buf, nil)), nil).Start(t.Context(), "op")
	l := Logger(ctx)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				l.Info("m", "i", i)
				l.With("g", g).WithGroup("x").Info("m", "i", i)
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for line := range bytes.Lines(buf.Bytes()) {
		checkRootKeys(t, line, idsUnder(Format{}, span.SpanContext(), "op"))
		var m struct {
			G, I *int
			X    struct{ I *int }
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case m.G != nil && m.X.I != nil && m.I == nil:
			seen[fmt.Sprint(*m.G, " ", *m.X.I)]++
		case m.G == nil && m.I != nil:
			seen[fmt.Sprint(*m.I)]++
		default:
			t.Errorf("no line that was logged: %s", line)
		}
	}
	for i := range 20 {
		if n := seen[fmt.Sprint(i)]; n != 8 {
			t.Errorf("%d lines with i=%d, want 8", n, i)
		}
		for g := range 8 {
			if n := seen[fmt.Sprint(g, " ", i)]; n != 1 {
				t.Errorf("%d lines with g=%d x.i=%d, want 1", n, g, i)
			}
		}
	}
}

func ExampleLogger() {
	noTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	var b bytes.Buffer
	ctx := ContextWithRemoteSpanContext(context.Background(), SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}})
	ctx, span := NewTracer(NewJSONHandler(&b, noTime), nil).Start(ctx, "charge")

	log := Logger(ctx)
	log.Info("charged", "amount", 12)

	fmt.Print(string(bytes.Replace(b.Bytes(), []byte(span.SpanContext().SpanID.String()), []byte("0300000000000000"), 1)))
	// Output:
	// {"level":"INFO","msg":"charged","trace":"01000000000000000000000000000000","span":"0300000000000000","op":"charge","amount":12}
}

// WithAttrs and WithGroup return their receiver if they have nothing to add.
func TestContextHandlerReceiver(t *testing.T) {
	h := &contextHandler{slog.DiscardHandler, context.Background()}
	if h.WithAttrs(nil) != slog.Handler(h) || h.WithGroup("") != slog.Handler(h) {
		t.Error("another handler")
	}
}

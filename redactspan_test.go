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
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever sees a span sees it without secrets, and it is the same span.
func TestRedactHandlerSpans(t *testing.T) {
	type seen struct {
		info SpanInfo
		text string
	}
	for name, chain := range map[string]func(sink slog.Handler) slog.Handler{
		"alone":      func(h slog.Handler) slog.Handler { return h },
		"foreign":    func(h slog.Handler) slog.Handler { return &stampHandler{h} },
		"inside":     func(h slog.Handler) slog.Handler { return NewHandler(h) },
		"in a group": func(h slog.Handler) slog.Handler { return NewHandler(h).WithGroup("g") },
		"twice":      func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
	} {
		var got []seen
		sink := recordSink(func(r slog.Record) {
			info, ok := SpanOf(r)
			if !ok {
				t.Errorf("%s: no span", name)
			}
			got = append(got, seen{info, fmt.Sprint(recordAttrsOf(r))})
		})
		opts := &RedactOptions{Keys: []string{"trace", "span", "op", "parent", "start"}, Errors: true}
		tracer := NewTracer(chain(NewRedactHandler(NewHandler(sink), opts)), &TracerOptions{LogStart: true})
		ctx, parent := tracer.Start(context.Background(), "parent")
		ctx, err := WithBaggage(With(ctx, slog.String("password", "hush")), "api-key", "hush")
		if err != nil {
			t.Fatal(err)
		}
		_, span := Start(ctx, "child", slog.String("token", "hush"), slog.String("error", "mine"), Link(parent.SpanContext()))
		span.SetAttrs(slog.Any("m", map[string]string{"secret": "hush", "open": "seen"}))
		fail := errors.New("login: password=hush")
		span.End(&fail)
		if len(got) != 3 {
			t.Fatalf("%s: want 3 records, got %d", name, len(got))
		}
		end := got[2]
		if strings.Contains(fmt.Sprint(got), "hush") {
			t.Errorf("%s: %v", name, got)
		}
		i := end.info
		if i.SpanContext != span.SpanContext() || i.Parent != parent.SpanContext().SpanID || i.Op != "child" || i.Start != span.start ||
			len(i.Links) != 1 || i.Duration != span.duration || i.Err == nil || i.Err.Error() != "login: password=[redacted]" || !i.Ended {
			t.Errorf("%s: %+v", name, i)
		}
		for _, want := range []string{span.SpanContext().TraceID.String(), "op=child", `error=login: password=[redacted]`} {
			if name != "in a group" && !strings.Contains(end.text, want) {
				t.Errorf("%s: want %s in %s", name, want, end.text)
			}
		}
	}
}

// An inner handler gets the baggage without secrets, including members that are on no record.
func TestRedactHandlerBaggage(t *testing.T) {
	ctx, _ := testSpan(context.Background(), "op")
	ctx, _ = WithBaggage(ctx, "password", strings.Repeat("x", 2000))
	ctx, err := WithBaggage(ctx, "tenant", "t")
	if err != nil {
		t.Fatal(err)
	}
	onNoRecord, _ := testSpan(context.Background(), "op")
	onNoRecord, err = WithBaggage(onNoRecord, "password", strings.Repeat("x", 2000))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"alone":   func(h slog.Handler) slog.Handler { return h },
		"Handler": func(h slog.Handler) slog.Handler { return NewHandler(h) },
	} {
		got := map[string]string{}
		var span *Span
		h := NewRedactHandler(wrap(ctxSink(func(ctx context.Context) {
			for k, v := range Baggage(ctx) {
				got[k] = v
			}
			span = SpanFromContext(ctx)
		})), nil)
		h.Handle(ctx, testRecord())
		if diff := cmp.Diff(map[string]string{"password": "[redacted]", "tenant": "t"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if span != SpanFromContext(ctx) {
			t.Errorf("%s: the span is another", name)
		}
		clear(got)
		h.Handle(onNoRecord, testRecord())
		if diff := cmp.Diff(map[string]string{"password": "[redacted]"}, got); diff != "" {
			t.Errorf("%s, on no record: %s", name, diff)
		}
	}
}

// A derivingHandler is somebody else's, which derives a context of its own from the one that it gets.
type derivingHandler struct{ slog.Handler }

func (h derivingHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(With(ctx, slog.String("derived", "yes")), r)
}

// Redacted baggage stays on the lines of a handler whose context is derived from the redacted one.
func TestRedactHandlerDerivedContext(t *testing.T) {
	ctx, _ := testSpan(context.Background(), "op")
	for _, m := range [][2]string{{"password", "hush"}, {"tenant", "t"}} {
		var err error
		if ctx, err = WithBaggage(ctx, m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	h := NewRedactHandler(derivingHandler{NewJSONHandler(&b, nil)}, nil)
	if err := h.Handle(ctx, testRecord()); err != nil {
		t.Fatal(err)
	}
	checkRootKeys(t, b.Bytes(), map[string]string{"password": `"[redacted]"`, "tenant": `"t"`, "derived": `"yes"`})
}

// Names that the user has made secret stay readable where they are the schema's.
func TestRedactHandlerSchema(t *testing.T) {
	var b bytes.Buffer
	tracer := NewTracer(NewHandler(NewRedactHandler(slog.NewJSONHandler(&b, nil), &RedactOptions{Keys: []string{"parent", "op", "error"}})), nil)
	ctx, _ := tracer.Start(context.Background(), "outer")
	fail := errors.New("x")
	_, span := Start(ctx, "inner", slog.String("parent", "hush"))
	span.End(&fail)
	checkRootKeys(t, b.Bytes(), map[string]string{
		"op": `"inner"`, "attr.parent": `"[redacted]"`, "parent": `"` + span.parentID.String() + `"`, "error": `"[redacted]"`,
	})
}

// A queueHandler is somebody else's: another goroutine hands its records on.
type queueHandler struct {
	slog.Handler
	calls chan func()
}

func (q *queueHandler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	q.calls <- func() { q.Handler.Handle(ctx, r) }
	return nil
}

func (q *queueHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &queueHandler{q.Handler.WithAttrs(attrs), q.calls}
}

func (q *queueHandler) WithGroup(name string) slog.Handler {
	return &queueHandler{q.Handler.WithGroup(name), q.calls}
}

// Spans go on while records of theirs are held and handed on.
func TestRedactHandlerWhileSpansGoOn(t *testing.T) {
	opts := &RedactOptions{Errors: true}
	half := &TailOptions{Share: 0.5, PassLevel: slog.LevelError}
	for name, mk := range map[string]func(w io.Writer) slog.Handler{
		"JSON":    func(w io.Writer) slog.Handler { return NewRedactHandler(NewJSONHandler(w, nil), opts) },
		"Handler": func(w io.Writer) slog.Handler { return NewRedactHandler(NewHandler(slog.NewJSONHandler(w, nil)), opts) },
		"slog":    func(w io.Writer) slog.Handler { return NewRedactHandler(slog.NewJSONHandler(w, nil), opts) },
		"tail of records": func(w io.Writer) slog.Handler {
			return NewTailHandler(NewRedactHandler(ECS.NewJSONHandler(w, nil), opts), half)
		},
		"tail of lines": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(NewJSONHandler(w, nil), half), opts)
		},
		"tail, others around": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(Datadog.NewHandler(slog.NewTextHandler(w, nil)), half), opts)
		},
		"redaction around one": func(w io.Writer) slog.Handler {
			return NewRedactHandler(NewTailHandler(NewRedactHandler(NewJSONHandler(w, nil), opts), half), opts)
		},
	} {
		for _, queued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, queued %v", name, queued), func(t *testing.T) {
				t.Parallel()
				var b lockedBuffer
				h := mk(&b)
				calls := make(chan func(), 100)
				var queue, wg sync.WaitGroup
				queue.Go(func() {
					for call := range calls {
						call()
					}
				})
				if queued {
					h = &queueHandler{h, calls}
				}
				tracer := NewTracer(h, &TracerOptions{LogStart: true})
				l := slog.New(h)
				for i := range 40 {
					ctx, root := tracer.Start(context.Background(), "op", slog.String("password", "hush"), slog.Int("i", i))
					below, child := tracer.Start(With(ctx, slog.String("token", "hush")), "child", slog.Any("m", map[string]string{"pin": "hush"}))
					wg.Go(func() {
						for range 5 {
							root.SetAttrs(slog.String("secret", "hush"), slog.String("pin", "hush"))
							child.SetAttrs(slog.String("cvv", "hush"))
							child.SetOp("renamed")
						}
					})
					wg.Go(func() {
						l.InfoContext(below, "m", "a", 1)
						l.WithGroup("g").InfoContext(below, "m", "api_key", "hush")
						child.Fail(errors.New("password=hush"))
					})
					wg.Go(func() { child.End() })
					wg.Go(func() {
						l.InfoContext(below, "m", "jwt", "hush")
						root.End()
					})
				}
				wg.Wait()
				close(calls)
				queue.Wait()
				if out := b.String(); strings.Contains(out, "hush") || !strings.Contains(out, "[redacted]") {
					t.Errorf("a secret, or nothing:\n%.1000s", out)
				}
			})
		}
	}
}

// In a group whose name says something all attributes are hidden, those of a span that have another key in the line too.
func TestRedactHideInGroup(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, group := range []string{"session", "token"} {
			var b bytes.Buffer
			h := NewRedactHandler(mk(&b), &RedactOptions{Keys: []string{"source"}})
			for _, h := range []slog.Handler{h.WithGroup(group), h.WithGroup(group).WithGroup("g"), h.WithGroup("g").WithGroup(group)} {
				_, s := NewTracer(h, nil).Start(t.Context(), "op", slog.String("trace", "LEAK"), slog.Int64("source", 471147114711), slog.Int("level", 5), slog.String("a", "LEAK"))
				s.End()
				slog.New(h).Info("m", "a", "LEAK", "source", int64(471147114711), "n", 5)
			}
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, "LEAK") || strings.Contains(line, "471147114711") || strings.Contains(line, ":5}") != (group == "session") && !strings.Contains(line, "span end") {
					t.Errorf("%s, %s: %s", name, group, line)
				}
			}
		}
	}
}

// The stack of a panic is hidden where its key is asked for, and the error where that is.
func TestRedactStack(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, keys := range [][]string{{"stack"}, {"error"}, {"stack", "error"}, {"never"}} {
			for _, outer := range []bool{false, true} {
				var b bytes.Buffer
				h := slog.Handler(NewRedactHandler(mk(&b), &RedactOptions{Keys: keys}))
				if outer {
					h = NewHandler(h)
				}
				func() {
					defer func() { _ = recover() }()
					_, s := NewTracer(h, nil).Start(t.Context(), "op")
					defer s.End()
					panic("boom")
				}()
				var m map[string]any
				if err := json.Unmarshal(b.Bytes(), &m); err != nil {
					t.Fatal(err)
				}
				all := strings.Join(keys, " ")
				stack, _ := m["stack"].(string)
				if (m["error"] == "[redacted]") != strings.Contains(all, "error") || (stack == "[redacted]") != strings.Contains(all, "stack") ||
					m["error"] != "[redacted]" && m["error"] != "panic: boom" || stack != "[redacted]" && !strings.Contains(stack, "TestRedactStack") {
					t.Errorf("%s, %v, %t: %s", name, keys, outer, b.Bytes())
				}
			}
		}
	}
}

// A Replacement that baggage cannot have is not put there.
func TestRedactBaggageReplacement(t *testing.T) {
	ctx, err := WithBaggage(t.Context(), "token", "LEAK")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	h := NewRedactHandler(ctxSink(func(ctx context.Context) { got = ctx.Value(scopeKey).(*scopeContext).env.baggage().line() }), &RedactOptions{Replacement: "\xff"})
	slog.New(h).InfoContext(ctx, "m")
	if strings.Contains(got, "LEAK") || !strings.Contains(got, "token=") {
		t.Errorf("got %q", got)
	}
}

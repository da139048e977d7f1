package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace/internal/errtype"
)

func TestWithTrace(t *testing.T) {
	tr := NewTracer(slog.DiscardHandler, nil)
	ctx, s := tr.Start(context.Background(), "op")
	ctx2, s2 := tr.Start(context.Background(), "other")
	remote := ContextWithRemoteSpanContext(ctx, testSpanContext)
	var typedNil error = (*spanTypedNilError)(nil)

	if err := WithTrace(ctx, nil); err != nil {
		t.Errorf("WithTrace(ctx, nil) = %v", err)
	}
	if err := WithTrace(context.Background(), io.EOF); err != io.EOF {
		t.Errorf("without a trace: %v, want the error itself", err)
	}
	if _, ok := TraceOf(nil); ok {
		t.Error("TraceOf(nil) = true")
	}
	if sc, ok := TraceOf(io.EOF); ok || sc != (SpanContext{}) {
		t.Errorf("TraceOf(io.EOF) = %v, %v", sc, ok)
	}
	for name, tt := range map[string]struct {
		err  error
		want SpanContext
	}{
		"span":                 {WithTrace(ctx, io.EOF), s.SpanContext()},
		"remote":               {WithTrace(remote, io.EOF), testSpanContext},
		"With":                 {WithTrace(With(ctx, slog.Int("n", 1)), io.EOF), s.SpanContext()},
		"wrapped":              {fmt.Errorf("charge: %w", WithTrace(ctx, io.EOF)), s.SpanContext()},
		"joined":               {errors.Join(fs.ErrExist, WithTrace(ctx, io.EOF)), s.SpanContext()},
		"idempotent":           {WithTrace(ctx, WithTrace(ctx, io.EOF)), s.SpanContext()},
		"the first one counts": {WithTrace(ctx2, fmt.Errorf("charge: %w", WithTrace(ctx, io.EOF))), s.SpanContext()},
		"another":              {WithTrace(ctx2, io.EOF), s2.SpanContext()},
	} {
		if sc, ok := TraceOf(tt.err); !ok || sc != tt.want {
			t.Errorf("%s: TraceOf = %v, %v, want %v", name, sc, ok, tt.want)
		}
		if !errors.Is(tt.err, io.EOF) {
			t.Errorf("%s: is no longer io.EOF", name)
		}
	}

	once := WithTrace(ctx, io.EOF)
	if twice := WithTrace(ctx2, once); twice != once {
		t.Error("WithTrace of an error that carries a trace is not that error")
	}
	if wrapped := fmt.Errorf("a: %w", once); WithTrace(ctx2, wrapped) != wrapped {
		t.Error("WithTrace of an error that wraps one with a trace is not that error")
	}
	if errors.Unwrap(once) != io.EOF || once.Error() != "EOF" || fmt.Sprintf("%v|%s|%q", once, once, once) != `EOF|EOF|"EOF"` {
		t.Errorf("reads %q, unwraps to %v", once, errors.Unwrap(once))
	}
	if err := WithTrace(ctx, &fs.PathError{Op: "open", Path: "x", Err: io.EOF}); err.Error() != "open x: EOF" {
		t.Errorf("reads %q", err)
	} else if p, ok := errors.AsType[*fs.PathError](err); !ok || p.Path != "x" {
		t.Error("is no longer a *fs.PathError")
	}
	if sc, ok := TraceOf(WithTrace(ctx, typedNil)); !ok || sc != s.SpanContext() {
		t.Errorf("typed nil: TraceOf = %v, %v", sc, ok)
	}
	// The span itself records it like any error.
	h := new(spanRecorder)
	if err := Do(tracerContext(NewTracer(h, nil)), "op", func(ctx context.Context) error { return WithTrace(ctx, io.EOF) }); err == nil {
		t.Error("Do = nil")
	}
	info, _ := h.one(t)
	if sc, _ := TraceOf(info.Err); sc != info.SpanContext {
		t.Errorf("recorded %v of %v, want %v", info.Err, sc, info.SpanContext)
	}
}

// A line outside the trace belongs to it by the error's ids, in each Format. In a trace the line's own ids stay.
func TestErrorTrace(t *testing.T) {
	err := fmt.Errorf("x: %w", WithTrace(ContextWithRemoteSpanContext(t.Context(), testSpanContext), errors.New("y")))
	for _, test := range []struct {
		f    Format
		want string
	}{
		{Format{}, `{"trace":"` + testTraceText + `","span":"` + testSpanText + `"}`},
		{OTel, `{"trace_id":"` + testTraceText + `","span_id":"` + testSpanText + `"}`},
		{Datadog, `{"dd.trace_id":"` + testTraceText + `","dd.span_id":"67667974448284343"}`},
		{GoogleCloud("p"), `{"logging.googleapis.com/trace":"projects/p/traces/` + testTraceText + `","logging.googleapis.com/spanId":"` + testSpanText + `"}`},
		{AWSXRay, `{"trace":"1-4bf92f35-77b34da6a3ce929d0e0e4736","span":"` + testSpanText + `"}`},
	} {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "time" || a.Key == "level" || a.Key == "msg" {
				return slog.Attr{}
			}
			return a
		}})).Info("m", test.f.ErrorTrace(err))
		if got := strings.TrimSpace(b.String()); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
	if a := ErrorTrace(errors.New("z")); !a.Equal(slog.Attr{}) {
		t.Errorf("without a trace: %v", a)
	}
	var b bytes.Buffer
	log := slog.New(NewJSONHandler(&b, nil))
	log.Info("outside", ErrorTrace(err))
	ctx, span := testSpan(t.Context(), "op")
	log.InfoContext(ctx, "inside", ErrorTrace(err))
	lines := strings.Split(b.String(), "\n")
	own := `"trace":"` + span.SpanContext().TraceID.String() + `"`
	if !strings.HasSuffix(lines[0], `"trace":"`+testTraceText+`","span":"`+testSpanText+`"}`) ||
		!strings.Contains(lines[1], own) || !strings.HasSuffix(lines[1], `"attr.trace":"`+testTraceText+`","attr.span":"`+testSpanText+`"}`) {
		t.Errorf("%s", b.Bytes())
	}
}

// panicValue runs f and returns what it panics with.
func panicValue(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// A stack has, for each frame, the function and, on the next line after a tab, file and line. It has no addresses.
var panicFrames = regexp.MustCompile(`\A([^\t\n]+\n\t[^\t\n]+:[1-9][0-9]*\n)+(\.\.\.\n)?\z`)

func panicFunctions(t *testing.T, stack string) (names []string) {
	t.Helper()
	if !panicFrames.MatchString(stack) {
		t.Fatalf("not a stack: %q", stack)
	}
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") {
			names = append(names, strings.TrimSpace(line[strings.LastIndexByte(line, '/')+1:]))
		}
	}
	return names
}

//go:noinline
func panicHere(v any) { panic(v) }

// The panic goes on with the same value, also if that cannot be compared, has methods that panic, or is nil.
func TestPanicValues(t *testing.T) {
	pointer := &struct{ n int }{1}
	for _, v := range []any{
		"boom", 7, errSpanCard, io.EOF, pointer, [2]int{1, 2},
		[]int{1}, map[string]int{"a": 1}, func() {}, struct{ s []int }{[]int{1}}, [1]any{[]int{1}},
		recordBadError{"ouch"}, (*spanTypedNilError)(nil), any(slog.Any("a", []int{1})),
	} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			var b bytes.Buffer
			rec := new(spanRecorder)
			tr := NewTracer(slog.NewMultiHandler(rec, NewJSONHandler(&b, nil)), nil)
			got := panicValue(func() {
				ctx, s := tr.Start(context.Background(), "outer")
				defer s.End()
				ctx, s = Start(ctx, "middle")
				defer s.End()
				_ = Do(ctx, "inner", func(context.Context) error { panicHere(v); return nil })
			})
			if reflect.TypeOf(got) != reflect.TypeOf(v) {
				t.Fatalf("recovered %T, want %T", got, v)
			}
			if reflect.TypeOf(v).Kind() == reflect.Func {
				if reflect.ValueOf(got).Pointer() != reflect.ValueOf(v).Pointer() {
					t.Error("another func came out")
				}
			} else if !reflect.DeepEqual(got, v) {
				t.Errorf("recovered %v, want %v", got, v)
			}
			infos := rec.spans(t)
			if len(infos) != 3 {
				t.Fatalf("%d records, want 3", len(infos))
			}
			for i, info := range infos {
				if info.Err == nil || !strings.HasPrefix(errtype.Text(info.Err), "panic: ") {
					t.Errorf("%s: Err = %q", info.Op, errtype.Text(info.Err))
				}
				if err, ok := v.(error); ok && errors.Unwrap(info.Err) != err {
					t.Errorf("%s: Unwrap = %v, want the value", info.Op, errors.Unwrap(info.Err))
				} else if !ok && errors.Unwrap(info.Err) != nil {
					t.Errorf("%s: Unwrap = %v, want nil", info.Op, errors.Unwrap(info.Err))
				}
				if (info.Stack != "") != (i == 0) {
					t.Errorf("%s: stack %q; it belongs on the innermost span only", info.Op, info.Stack)
				}
			}
			if names := panicFunctions(t, infos[0].Stack); names[0] != "slogtrace.panicHere" {
				t.Errorf("stack begins with %s", names[0])
			}
			for _, line := range spanLines(&b) {
				if m := recordDecode(t, []byte(line)); m["level"] != "ERROR" {
					t.Errorf("got %s", line)
				}
			}
		})
	}
}

// Of all the spans that a panic goes through, the innermost alone has the stack.
func TestPanicLine(t *testing.T) {
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			spanBubble(t, func(t *testing.T) {
				var b bytes.Buffer
				ctx, s := NewTracer(h.make(&b), nil).Start(context.Background(), "outer", slog.Int("n", 1))
				_ = panicValue(func() {
					defer s.End()
					_ = Do(ctx, "inner", func(context.Context) error { panic("boom") }, slog.Int("n", 2))
				})
				const begin = `{"time":"2000-01-01T00:00:00Z","level":"ERROR","msg":"span end","trace":"` + spanTrace1 + `",`
				const lasted = `"start":"2000-01-01T00:00:00Z","duration_ms":0,"error":"panic: boom",`
				lines := spanLines(&b)
				stack := regexp.MustCompile(`"stack":"([^"\\]+\\n\\t[^"\\]+:\d+\\n)+",`).FindString(lines[0])
				want := begin + `"span":"0000000000000004","op":"inner","parent":"` + spanSpan3 + `",` + lasted + stack + `"n":2,"error.type":"panic"}`
				if stack == "" || lines[0] != want {
					t.Errorf("inner:\n got %s\nwant %s", lines[0], want)
				}
				if want := begin + `"span":"` + spanSpan3 + `","op":"outer",` + lasted + `"n":1,"error.type":"panic"}`; lines[1] != want {
					t.Errorf("outer:\n got %s\nwant %s", lines[1], want)
				}
			})
		})
	}
}

// runtime.Error and panic(nil) are panics like others. The runtime's own frames are left out.
func TestPanicRuntime(t *testing.T) {
	var none map[string]int
	var zero int
	for name, f := range map[string]func(){
		"index":  func() { _ = []int{}[zero] },
		"nil":    func() { _ = *(*int)(nil) },
		"divide": func() { _ = 1 / zero },
		"map":    func() { none["a"] = 1 },
		"type":   func() { _ = any(1).(string) },
		"panic(nil)": func() {
			panic(nil) //nolint:govet
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := new(spanRecorder)
			_, s := NewTracer(h, nil).Start(context.Background(), "op")
			got := panicValue(func() { defer s.End(); f() })
			info, _ := h.one(t)
			var rt runtime.Error
			if err, ok := got.(error); !ok || !errors.As(info.Err, &rt) || errors.Unwrap(info.Err) != err {
				t.Errorf("recovered %v, recorded %v", got, info.Err)
			}
			for _, f := range panicFunctions(t, info.Stack)[:1] {
				if !strings.HasPrefix(f, "slogtrace.TestPanicRuntime.func") {
					t.Errorf("stack begins with %s:\n%s", f, info.Stack)
				}
			}
		})
	}
}

// If Fail was called before a panic, the first error stays. The stack is still reported.
func TestPanicAfterFail(t *testing.T) {
	h := new(spanRecorder)
	_, s := NewTracer(h, nil).Start(context.Background(), "op")
	err := io.EOF
	_ = panicValue(func() {
		defer s.End(&err)
		s.Fail(errSpanCard)
		panic("boom")
	})
	if info, _ := h.one(t); info.Err != errSpanCard || info.Stack == "" {
		t.Errorf("recorded %v, stack %q", info.Err, info.Stack)
	}
	// A panic takes precedence over *err.
	_, s = NewTracer(h, nil).Start(context.Background(), "op")
	_ = panicValue(func() { defer s.End(&err); panic("boom") })
	if info, _ := h.one(t); info.Err.Error() != "panic: boom" {
		t.Errorf("recorded %v", info.Err)
	}
}

// A new panic on the way up gets its own stack.
func TestPanicAgain(t *testing.T) {
	h := new(spanRecorder)
	ctx, outer := NewTracer(h, nil).Start(context.Background(), "outer")
	ctx, middle := Start(ctx, "middle")
	got := panicValue(func() {
		defer outer.End()
		defer middle.End()
		defer func() {
			if p := recover(); p != nil {
				panic(fmt.Errorf("wrapped: %v", p))
			}
		}()
		_ = Do(ctx, "inner", func(context.Context) error { panicHere("boom"); return nil })
	})
	if err, ok := got.(error); !ok || err.Error() != "wrapped: boom" {
		t.Errorf("recovered %v", got)
	}
	infos := h.spans(t)
	for i, want := range []string{"panic: boom", "panic: wrapped: boom", "panic: wrapped: boom"} {
		if got := infos[i].Err.Error(); got != want {
			t.Errorf("%s: %s, want %s", infos[i].Op, got, want)
		}
		if got := infos[i].Stack != ""; got != (i < 2) {
			t.Errorf("%s: stack: %v", infos[i].Op, got)
		}
	}
	if names := panicFunctions(t, infos[1].Stack); !strings.HasPrefix(names[0], "slogtrace.TestPanicAgain.") {
		t.Errorf("second stack begins with %s", names[0])
	}
}

// Only the innermost span has the stack, even with a remote parent or Detach between two spans of one stack.
func TestPanicStackInnermostOnly(t *testing.T) {
	for name, between := range map[string]func(context.Context) context.Context{
		"nothing": func(ctx context.Context) context.Context { return ctx },
		"With":    func(ctx context.Context) context.Context { return With(ctx, slog.Int("n", 1)) },
		"Remote":  func(ctx context.Context) context.Context { return ContextWithRemoteSpanContext(ctx, testSpanContext) },
		"Detach":  Detach,
	} {
		t.Run(name, func(t *testing.T) {
			h := new(spanRecorder)
			ctx, s := NewTracer(h, nil).Start(context.Background(), "outer")
			_ = panicValue(func() {
				defer s.End()
				_ = Do(between(ctx), "inner", func(context.Context) error { panicHere("boom"); return nil })
			})
			infos := h.spans(t)
			if infos[0].Stack == "" {
				t.Error("the innermost span has no stack")
			}
			if infos[1].Stack != "" {
				t.Errorf("the outer span has a stack too, which begins with %s", panicFunctions(t, infos[1].Stack)[0])
			}
		})
	}
}

// Inside a deferred closure End does not see the panic. Do does.
func TestPanicInClosure(t *testing.T) {
	h := new(spanRecorder)
	_, s := NewTracer(h, nil).Start(context.Background(), "op")
	p := panicValue(func() {
		defer func() { s.End() }()
		panic("boom")
	})
	if info, _ := h.one(t); p != "boom" || info.Err != nil || info.Stack != "" {
		t.Errorf("recovered %v, recorded %+v", p, info)
	}
	// A span that has ended does not touch a panic.
	p = panicValue(func() {
		defer s.End()
		panic("boom")
	})
	if p != "boom" || len(h.records) != 0 {
		t.Errorf("recovered %v, %d records", p, len(h.records))
	}
	// If a function panics after its span's end, the span stays unchanged, and its parent has the stack.
	ctx, outer := NewTracer(h, nil).Start(context.Background(), "outer")
	_ = panicValue(func() {
		defer outer.End()
		_, s := Start(ctx, "inner")
		defer s.End()
		s.End()
		panicHere("boom")
	})
	if infos := h.spans(t); infos[0].Err != nil || infos[1].Stack == "" {
		t.Errorf("recorded %+v", infos)
	}
	// A struct that embeds a span promotes its End.
	_, s = NewTracer(h, nil).Start(context.Background(), "op")
	job := struct{ *Span }{s}
	p = panicValue(func() {
		defer job.End()
		panic("boom")
	})
	if info, _ := h.one(t); p != "boom" || info.Err == nil {
		t.Errorf("recovered %v, recorded %+v", p, info)
	}
}

// runtime.Goexit, as in t.FailNow, is neither an error nor a panic.
func TestPanicGoexit(t *testing.T) {
	h := new(spanRecorder)
	ctx, s := NewTracer(h, nil).Start(context.Background(), "outer")
	var wg sync.WaitGroup
	wg.Go(func() {
		defer s.End()
		_ = Do(ctx, "inner", func(context.Context) error { runtime.Goexit(); return nil })
		t.Error("Do returned after Goexit")
	})
	wg.Wait()
	infos := h.spans(t)
	if len(infos) != 2 || infos[0].Err != nil || infos[1].Err != nil || infos[0].Stack != "" {
		t.Errorf("recorded %+v", infos)
	}
}

// However deep the call, the stack is limited.
func TestPanicDeep(t *testing.T) {
	h := new(spanRecorder)
	var dive func(n int)
	dive = func(n int) {
		if n == 0 {
			panicHere("boom")
		}
		dive(n - 1)
	}
	_ = panicValue(func() {
		_, s := NewTracer(h, nil).Start(context.Background(), "op")
		defer s.End()
		dive(1000)
	})
	info, _ := h.one(t)
	if names := panicFunctions(t, info.Stack); len(names) != maxStackFrames+1 || names[maxStackFrames] != "..." {
		t.Errorf("%d frames, last %q", len(names), names[len(names)-1])
	}
	if n := len(info.Stack); n > 32<<10 {
		t.Errorf("stack of %d bytes", n)
	}
}

// If a handler panics during a panic, its panic replaces the first one, as in any deferred call. The span has ended.
func TestPanicInHandler(t *testing.T) {
	_, s := NewTracer(tracerBadHandler{panics: true}, nil).Start(context.Background(), "op")
	p := panicValue(func() {
		defer s.End()
		panic("boom")
	})
	if p != "handler" {
		t.Errorf("recovered %v", p)
	}
	if info := s.info(eventEnd); info.Err == nil || info.Err.Error() != "panic: boom" {
		t.Errorf("Err = %v", info.Err)
	}
}

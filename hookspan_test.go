package slogtrace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracetest"
)

// hooked begins a span, lets do have it, ends it, and returns its record.
func hooked(t *testing.T, opts *slogtrace.TracerOptions, start hook.Start, do func(ctx context.Context)) tracelog.Entry {
	t.Helper()
	rec := tracetest.NewRecorder()
	start.Tracer = slogtrace.NewTracer(rec, opts)
	ctx := hook.StartSpan(t.Context(), start)
	if do != nil {
		do(ctx)
	}
	hook.EndSpan(ctx, time.Time{}, nil)
	entries := rec.Entries()
	if len(entries) != 1 {
		t.Fatalf("%s", rec.Lines())
	}
	return entries[0]
}

func TestStartSpan(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 1, time.UTC)
	linked := slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}}
	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, nil)
	outer, outerSpan := tracer.Start(slogtrace.With(t.Context(), slog.Int("with", 1)), "outer")
	ctx := hook.StartSpan(outer, hook.Start{
		Op: "op", Kind: "client", At: at,
		Attrs: []slog.Attr{slog.Int("a", 1), slog.Int("a", 2), slogtrace.KindServer}, // the last a counts; no kind comes from here
		Links: []slog.Attr{slogtrace.Link(linked), slogtrace.Link(slogtrace.SpanContext{}), slog.Int("none", 1)},
	})
	hook.AddLink(ctx, slogtrace.Link(linked))
	hook.EndSpan(ctx, at.Add(1500*time.Millisecond), nil)
	hook.EndSpan(ctx, at, nil) // only the first counts
	hook.AddLink(ctx, slogtrace.Link(linked))
	e := rec.Entries()[0]
	link := tracelog.Link{Trace: linked.TraceID.String(), Span: linked.SpanID.String()}
	if len(rec.Entries()) != 1 || e.Op != "op" || e.Kind != "client" || !e.Start.Equal(at) || e.Duration != 1500*time.Millisecond ||
		!e.Time.Equal(at.Add(1500*time.Millisecond)) || e.Parent != outerSpan.SpanContext().SpanID.String() ||
		len(e.Links) != 2 || e.Links[0] != link || e.Links[1] != link {
		t.Errorf("%s", rec.Lines())
	}
	if a, _ := e.Attr("a"); string(a) != "2" {
		t.Errorf("%s", e.Raw)
	}
	if _, ok := e.Attr("with"); !ok {
		t.Errorf("%s", e.Raw)
	}
}

// A new root has no parent, and keeps With. A nil context will do. Without a Tracer it is the default one.
func TestStartSpanNewRoot(t *testing.T) {
	rec := tracetest.Record(t)
	outer, span := slogtrace.Start(slogtrace.With(t.Context(), slog.Int("with", 1)), "outer")
	root := hook.StartSpan(outer, hook.Start{NewRoot: true})
	hook.EndSpan(root, time.Time{}, nil)
	var none context.Context
	hook.EndSpan(hook.StartSpan(none, hook.Start{Kind: "internal"}), time.Time{}, nil)
	for i, e := range rec.Entries() {
		_, with := e.Attr("with")
		if e.Trace == span.SpanContext().TraceID.String() || e.Parent != "" || e.Kind != "" || e.Op != "unnamed" || with != (i == 0) {
			t.Errorf("%s", e.Raw)
		}
	}
	if len(rec.Entries()) != 2 {
		t.Errorf("%s", rec.Lines())
	}
}

// The source is where the caller of StartSpan was called.
func TestStartSpanSource(t *testing.T) {
	pcs := make(chan uintptr, 1)
	tracer := slogtrace.NewTracer(pcHandler{slog.DiscardHandler, pcs}, &slogtrace.TracerOptions{AddSource: true})
	library := func() context.Context { return hook.StartSpan(t.Context(), hook.Start{Tracer: tracer}) }
	hook.EndSpan(library(), time.Time{}, nil)
	if src := (slog.Record{PC: <-pcs}).Source(); !strings.HasSuffix(src.Function, "TestStartSpanSource") {
		t.Errorf("%+v", src)
	}
}

type pcHandler struct {
	slog.Handler
	pcs chan uintptr
}

func (pcHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h pcHandler) Handle(_ context.Context, r slog.Record) error {
	h.pcs <- r.PC
	return nil
}

// A status counts at the end. The error is the recorded one if that says the same.
func TestSetStatus(t *testing.T) {
	timeout := fmt.Errorf("asked: %w", context.DeadlineExceeded)
	for name, test := range map[string]struct {
		do         func(ctx context.Context)
		err, class string
	}{
		"none":  {func(context.Context) {}, "", ""},
		"unset": {func(ctx context.Context) { hook.SetStatus(ctx, hook.Unset, "x") }, "", ""},
		"ok":    {func(ctx context.Context) { hook.SetStatus(ctx, hook.OK, "x") }, "", ""},
		"error": {func(ctx context.Context) { hook.SetStatus(ctx, hook.Error, "bad") }, "bad", ""},
		"empty": {func(ctx context.Context) { hook.SetStatus(ctx, hook.Error, "") }, "error", ""},
		"empty, with error.type": {func(ctx context.Context) {
			slogtrace.SpanFromContext(ctx).SetAttrs(slog.Int("error.type", 5), slog.String("error.type", "404"))
			hook.SetStatus(ctx, hook.Error, "")
		}, "404", "404"},
		"empty, with an error.type that is no string": {func(ctx context.Context) {
			slogtrace.SpanFromContext(ctx).SetAttrs(slog.Int("error.type", 5))
			hook.SetStatus(ctx, hook.Error, "")
		}, "error", "5"},
		"empty, with the status of HTTP": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "")
			slogtrace.SpanFromContext(ctx).SetAttrs(slog.Int("http.response.status_code", 502), slog.String("a", "b"))
		}, "502", ""},
		"empty, with both": {func(ctx context.Context) {
			slogtrace.SpanFromContext(ctx).SetAttrs(slog.String("error.type", "bad_gateway"), slog.Int("http.response.status_code", 502))
			hook.SetStatus(ctx, hook.Error, "")
		}, "bad_gateway", "bad_gateway"},
		"recorded, with error.type": {func(ctx context.Context) {
			slogtrace.SpanFromContext(ctx).SetAttrs(slog.String("error.type", "404"))
			hook.RecordError(ctx, timeout)
			hook.SetStatus(ctx, hook.Error, "")
		}, timeout.Error(), "404"},
		"unset does not take back": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "bad")
			hook.SetStatus(ctx, hook.Unset, "")
		}, "bad", ""},
		"the last error": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "bad")
			hook.SetStatus(ctx, hook.Error, "worse")
		}, "worse", ""},
		"ok takes back": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "bad")
			hook.SetStatus(ctx, hook.OK, "")
		}, "", ""},
		"ok is final": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.OK, "")
			hook.SetStatus(ctx, hook.Error, "bad")
		}, "", ""},
		"recorded": {func(ctx context.Context) { hook.RecordError(ctx, timeout) }, "", ""},
		"recorded, then error": {func(ctx context.Context) {
			hook.RecordError(ctx, timeout)
			hook.SetStatus(ctx, hook.Error, timeout.Error())
		}, timeout.Error(), "timeout"},
		"error, then recorded": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "")
			hook.RecordError(ctx, timeout)
		}, timeout.Error(), "timeout"},
		"another text": {func(ctx context.Context) {
			hook.RecordError(ctx, timeout)
			hook.SetStatus(ctx, hook.Error, "no seat")
		}, "no seat", "timeout"},
		"another type": {func(ctx context.Context) {
			hook.RecordError(ctx, &strangeError{})
			hook.SetStatus(ctx, hook.Error, "no seat")
		}, "no seat", "*slogtrace_test.strangeError"},
		"nil is no error": {func(ctx context.Context) {
			hook.RecordError(ctx, timeout)
			hook.RecordError(ctx, nil)
			hook.SetStatus(ctx, hook.Error, "")
		}, timeout.Error(), "timeout"},
		"Fail counts in spite of ok": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.OK, "")
			slogtrace.SpanFromContext(ctx).Fail(io.EOF)
		}, "EOF", "EOF"},
		"Fail counts first": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "bad")
			slogtrace.SpanFromContext(ctx).Fail(io.EOF)
		}, "EOF", "EOF"},
		"End is the owner's": {func(ctx context.Context) {
			hook.SetStatus(ctx, hook.Error, "bad")
			slogtrace.SpanFromContext(ctx).End()
			hook.SetStatus(ctx, hook.OK, "")
		}, "bad", ""},
	} {
		e := hooked(t, nil, hook.Start{Op: "op"}, test.do)
		class := ""
		if v, ok := e.Attr("error.type"); ok {
			class = tracelog.Attr{Value: v}.Text()
		}
		if e.Failed != (test.err != "") || e.Error != test.err || class != test.class {
			t.Errorf("%s: %s", name, e.Raw)
		}
	}
}

type strangeError struct{}

func (*strangeError) Error() string { return "strange" }

// IsFailure is asked about the recorded error, whatever the text of the status.
func TestSetStatusIsFailure(t *testing.T) {
	opts := &slogtrace.TracerOptions{IsFailure: func(err error) bool { return !errors.Is(err, io.EOF) }}
	for _, text := range []string{"", "EOF", "not found"} {
		e := hooked(t, opts, hook.Start{}, func(ctx context.Context) {
			hook.RecordError(ctx, io.EOF)
			hook.SetStatus(ctx, hook.Error, text)
		})
		if e.Failed {
			t.Errorf("%s", e.Raw)
		}
	}
}

func TestCount(t *testing.T) {
	e := hooked(t, nil, hook.Start{Attrs: []slog.Attr{slog.String("m", "mine")}}, func(ctx context.Context) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { hook.Count(ctx, "n", 2) })
		}
		wg.Wait()
		hook.Count(ctx, "m", 1)
	})
	n, _ := e.Attr("n")
	m, _ := e.Attr("m")
	if string(n) != "20" || string(m) != "1" {
		t.Errorf("%s", e.Raw)
	}
}

// EndSpan continues a panic, even if the span has ended already, and records it with its stack.
func TestEndSpanPanic(t *testing.T) {
	for _, early := range []bool{false, true} {
		e := hooked(t, nil, hook.Start{}, func(ctx context.Context) {
			defer func() {
				if p := recover(); p != "boom" {
					t.Errorf("panic goes on as %v", p)
				}
			}()
			defer func() {
				if early {
					hook.EndSpan(ctx, time.Time{}, nil)
				}
				hook.EndSpan(ctx, time.Time{}, recover())
			}()
			hook.SetStatus(ctx, hook.OK, "")
			panic("boom")
		})
		if failed := e.Error == "panic: boom" && strings.Contains(e.Stack, "TestEndSpanPanic"); failed == early {
			t.Errorf("ended before: %t: %s", early, e.Raw)
		}
	}
}

func TestRecording(t *testing.T) {
	if hook.Recording(t.Context()) || !hook.Ended(t.Context()) {
		t.Error("without a span")
	}
	hooked(t, nil, hook.Start{}, func(ctx context.Context) {
		if !hook.Recording(ctx) || hook.Ended(ctx) {
			t.Error("does not run")
		}
		hook.EndSpan(ctx, time.Time{}, nil)
		if hook.Recording(ctx) || !hook.Ended(ctx) {
			t.Error("runs after its end")
		}
	})
	for s, want := range map[slogtrace.Sampler]bool{slogtrace.Ratio(0): true, slogtrace.Disabled(): false} {
		tracer := slogtrace.NewTracer(slog.DiscardHandler, &slogtrace.TracerOptions{Sampler: s})
		if ctx := hook.StartSpan(t.Context(), hook.Start{Tracer: tracer}); hook.Recording(ctx) != want || hook.Ended(ctx) {
			t.Errorf("%T: want %t", s, want)
		}
	}
}

func TestAddsIDs(t *testing.T) {
	plain := slog.NewJSONHandler(io.Discard, nil)
	for _, h := range []slog.Handler{slogtrace.NewJSONHandler(io.Discard, nil), slogtrace.NewHandler(plain), slogtrace.NewTailHandler(slogtrace.NewHandler(plain), nil)} {
		if !hook.AddsIDs(h) {
			t.Errorf("%T", h)
		}
	}
	for _, h := range []slog.Handler{plain, slogtrace.NewTailHandler(plain, nil)} {
		if hook.AddsIDs(h) {
			t.Errorf("%T", h)
		}
	}
}

// Without a span, the functions of the hook do nothing.
func TestHookWithoutSpan(t *testing.T) {
	ctx := slogtrace.ContextWithRemoteSpanContext(t.Context(), slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}})
	for _, ctx := range []context.Context{t.Context(), ctx} {
		hook.AddLink(ctx, slogtrace.Link(slogtrace.SpanContext{}))
		hook.Count(ctx, "n", 1)
		hook.RecordError(ctx, io.EOF)
		hook.SetStatus(ctx, hook.Error, "")
		hook.EndSpan(ctx, time.Time{}, nil)
	}
}

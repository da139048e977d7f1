package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
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

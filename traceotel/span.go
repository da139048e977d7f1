package traceotel

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// A span is a span or a remote parent of slogtrace, as OpenTelemetry's. It has no state of its own, so one of slogtrace's
// may have several.
type span struct {
	*noop.Span             // for methods that a later version adds
	own        spanContext // its ctx is that of slogtrace's span or remote parent
	provider   *provider
	state      atomic.Pointer[trace.TraceState] // the tracestate, once somebody has asked for it
}

var noopSpan noop.Span

func newSpan(ctx context.Context, p *provider) *span {
	s := &span{Span: &noopSpan, provider: p}
	s.own = spanContext{ctx, s}
	return s
}

// End ends the span. If it is the deferred call itself and the function panics, the span fails with the panic, which goes on.
func (s *span) End(options ...trace.SpanEndOption) {
	if hook.Ended(s.own.ctx) {
		return
	}
	var at time.Time
	if len(options) > 0 {
		cfg := trace.NewSpanEndConfig(options...)
		at = cfg.Timestamp()
	}
	// recover works only here, in the deferred function itself.
	hook.EndSpan(s.own.ctx, at, recover())
}

func (s *span) IsRecording() bool { return hook.Recording(s.own.ctx) }

func (s *span) SpanContext() trace.SpanContext {
	sc := slogtrace.SpanContextFromContext(s.own.ctx)
	cfg := trace.SpanContextConfig{
		TraceID: trace.TraceID(sc.TraceID), SpanID: trace.SpanID(sc.SpanID), TraceFlags: trace.TraceFlags(sc.Flags),
		Remote: slogtrace.SpanFromContext(s.own.ctx) == nil,
	}
	if sc.State != "" {
		state := s.state.Load()
		if state == nil {
			parsed, _ := trace.ParseTraceState(sc.State)
			state = &parsed
			s.state.Store(state)
		}
		cfg.TraceState = *state
	}
	return trace.NewSpanContext(cfg)
}

func (s *span) TracerProvider() trace.TracerProvider { return s.provider }

func (s *span) SetName(name string) { slogtrace.SpanFromContext(s.own.ctx).SetOp(name) }

func (s *span) SetAttributes(kv ...attribute.KeyValue) {
	var mem [8]slog.Attr
	attrs, n := appendAttrs(mem[:0], kv)
	slogtrace.SpanFromContext(s.own.ctx).SetAttrs(attrs...)
	dropped{attributes: n}.count(s.own.ctx)
}

func (s *span) SetStatus(code codes.Code, description string) {
	switch code {
	case codes.Error:
		hook.SetStatus(s.own.ctx, hook.Error, description)
	case codes.Ok:
		hook.SetStatus(s.own.ctx, hook.OK, "")
	}
}

func (s *span) AddLink(l trace.Link) {
	var d dropped
	if link, ok := d.link(l); ok {
		hook.AddLink(s.own.ctx, link)
	}
	d.count(s.own.ctx)
}

// Levels of events.
const (
	eventLevel     = slog.LevelInfo
	exceptionLevel = slog.LevelWarn
)

func (s *span) AddEvent(name string, options ...trace.EventOption) {
	if hook.Recording(s.own.ctx) {
		s.event(eventLevel, name, trace.NewEventConfig(options...), nil)
	}
}

func (s *span) RecordError(err error, options ...trace.EventOption) {
	if err == nil || !hook.Recording(s.own.ctx) {
		return
	}
	hook.RecordError(s.own.ctx, err)
	cfg := trace.NewEventConfig(options...)
	attrs := []slog.Attr{slog.String("exception.type", typeOf(err)), slog.String("exception.message", textOf(err))}
	if cfg.StackTrace() {
		stack := make([]byte, maxStack)
		attrs = append(attrs, slog.String("exception.stacktrace", string(stack[:runtime.Stack(stack, false)])))
	}
	s.event(exceptionLevel, "exception", cfg, attrs)
}

// maxStack limits a stack trace, in bytes.
const maxStack = 4096

// event writes a log record of the span: the attributes of cfg, and more.
func (s *span) event(level slog.Level, name string, cfg trace.EventConfig, more []slog.Attr) {
	if sc := slogtrace.SpanContextFromContext(s.own.ctx); !sc.IsSampled() {
		dropped{events: 1}.count(s.own.ctx)
		return
	}
	h := slogtrace.Logger(s.own.ctx).Handler()
	if !h.Enabled(s.own.ctx, level) {
		return
	}
	r := slog.NewRecord(cfg.Timestamp(), level, name, 0)
	attrs, n := appendAttrs(make([]slog.Attr, 0, len(cfg.Attributes())+len(more)), cfg.Attributes())
	r.AddAttrs(append(attrs, more...)...)
	dropped{attributes: n}.count(s.own.ctx)
	h.Handle(s.own.ctx, r) // as in slog.Logger, nobody takes the error
}

// typeOf returns exception.type of err, as the SDK does.
func typeOf(err error) string {
	t := reflect.TypeOf(err)
	if t.PkgPath() == "" && t.Name() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

// textOf returns err's message, or a text about the panic if err.Error panics.
func textOf(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return err.Error()
}

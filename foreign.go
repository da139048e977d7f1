package slogtrace

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// The spans of another tracing library, such as OpenTelemetry's, may be in the same contexts as ours. The library's spans are
// under a key of its own. Our contexts answer that key too, with a value that the library takes for one of its spans.
// So the answer of any context to that key is the current span: the one that was put in last.

// foreign is the other library; nil, the usual case, if there is none.
var foreign atomic.Pointer[hook.Foreign]

// isForeign reports whether key is that of another library.
func isForeign(key any) bool {
	f := foreign.Load()
	return f != nil && key == f.Key
}

// A foreignSpan holds what stands for a span or remote parent of ours in the other library: the value of its key.
type foreignSpan struct{ value atomic.Value }

// of returns that value for ctx, the context of the span or remote parent.
func (s *foreignSpan) of(ctx context.Context) any {
	if v := s.value.Load(); v != nil {
		return v
	}
	s.value.CompareAndSwap(nil, foreign.Load().Span(ctx))
	return s.value.Load()
}

// foreignSpan returns what stands for s in the other library.
func (s *Span) foreignSpan() any { return s.extra().foreign.of((*spanContext)(s)) }

// foreignSpan returns what stands for the current span in the other library, if c determines which one that is.
func (c *scopeContext) foreignSpan() any {
	if c.span != nil {
		return c.span.foreignSpan()
	}
	return nil
}

// currentBeside is currentOf for a context that may have spans of f too. ours is what it has of this package's.
func currentBeside(f *hook.Foreign, ctx context.Context, ours current) current {
	v := ctx.Value(f.Key)
	if v == nil {
		return ours
	}
	own, id := f.Look(v)
	switch own := own.(type) {
	case *spanContext:
		if s := (*Span)(own); s != ours.span {
			return ours.under(s)
		}
		return ours
	case *remoteParent:
		if own != ours.remote {
			e := ours.env.inTrace(own.env.state, own.env.rate)
			return current{remote: own, env: e, bound: new(boundCache)}
		}
		return ours
	}
	if !TraceID(id.Trace).IsValid() || !SpanID(id.Span).IsValid() {
		return ours
	}
	r := &remoteParent{Context: ctx, op: id.Op, flags: Flags(id.Flags) & knownFlags, external: !id.Remote}
	r.ids.Set(id.Trace, id.Span)
	if ours.inTrace() && *ours.ids() == r.ids {
		return ours // the library has only wrapped our span, or the context remembers the library's
	}
	state, rate := id.State, 0.0
	sameTrace := ours.inTrace() && ours.ids().Trace() == r.ids.Trace()
	switch {
	case sameTrace && state == ours.env.state:
		rate = ours.env.rate
	case state != "":
		if state, _ = w3c.ParseTracestate(state); state != "" {
			rate = w3c.RemoteRate(&r.ids, r.flags&FlagSampled != 0, state)
		}
	}
	if ours.span != nil {
		r.hidden = ours.span
	} else if ours.remote != nil {
		r.hidden = ours.remote.hidden
	}
	if r.external && !sameTrace {
		r.hidden = nil // the library decided that a new trace begins here
	}
	r.env = ours.env.inTrace(state, rate)
	return current{remote: r, env: r.env, bound: &r.bound}
}

// under returns c with s as the current span.
func (c *current) under(s *Span) current {
	if c.env == nil || c.env == s.env {
		return current{span: s, env: s.env, bound: &s.bound}
	}
	return current{span: s, env: c.env.inTrace(s.env.state, s.env.rate), bound: new(boundCache)}
}

// inTrace returns e for another trace, of that tracestate and sample rate.
func (e *env) inTrace(state string, rate float64) *env {
	if e == nil {
		e = &noEnv
	}
	if e.state == state && e.rate == rate && e.decided == hook.Defer {
		return e
	}
	own := *e
	own.state, own.rate, own.decided = state, rate, hook.Defer
	return &own
}

// isBelowForeign reports whether the parent of s is a span of the other library.
func (s *Span) isBelowForeign() bool {
	r := s.rare.Load()
	return r != nil && r.external
}

// externalParent is the parent_kind of a span whose parent is in another system.
const externalParent = "external"

// A status is what other libraries said of a span's outcome. It counts when the span ends, so that it can be taken back.
type status struct {
	code        hook.Status
	description string
	recorded    error // the last one
}

// failure returns the error with which s fails when it ends, by its status. It is nil if it does not fail.
func (t *status) failure() error {
	if t.code != hook.Error {
		return nil
	}
	switch {
	case t.recorded == nil && t.description == "":
		return errors.New("error")
	case t.recorded == nil:
		return errors.New(t.description)
	case t.description == "" || t.description == errtype.Text(t.recorded):
		return t.recorded
	}
	return &statusError{t.description, t.recorded}
}

// statusFailure returns the error with which s fails by its status, if that error counts as a failure.
func (s *Span) statusFailure() error {
	r := s.rare.Load()
	if r == nil {
		return nil
	}
	s.mu.Lock()
	var t status
	if r.status != nil {
		t = *r.status
		if t.code == hook.Error && t.description == "" && t.recorded == nil {
			t.description = s.outcome()
		}
	}
	s.mu.Unlock()
	if err := t.failure(); s.failsWith(err) { // it may call code of the user's, so not under the lock
		return err
	}
	return nil
}

// outcome describes a failure that has no text by an attribute of the span: error.type, such as "404", or else the status of HTTP.
// OpenTelemetry's conventions leave the text out where the status is known. It is "" if s has neither. s.mu is locked.
func (s *Span) outcome() (text string) {
	for _, a := range slices.Backward(s.attrs) {
		switch {
		case a.Key == errtype.Key && a.Value.Kind() == slog.KindString:
			return a.Value.String()
		case a.Key == httpStatusKey && a.Value.Kind() == slog.KindInt64 && text == "":
			text = a.Value.String()
		}
	}
	return text
}

const httpStatusKey = "http.response.status_code"

// setStatus changes the status of s, unless s has ended.
func (s *Span) setStatus(set func(*status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) {
		return
	}
	x := s.extra()
	if x.status == nil {
		x.status = new(status)
	}
	set(x.status)
}

// A statusError is an error with the text of a status.
type statusError struct {
	text string
	err  error
}

func (e *statusError) Error() string { return e.text }
func (e *statusError) Unwrap() error { return e.err }

// Wraps makes it an errtype.Wrapper.
func (e *statusError) Wraps() {}

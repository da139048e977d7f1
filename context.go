package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// An env is what a context passes down beside the current span.
// It is immutable and shared by all contexts below the call that made it.
type env struct {
	tracer *Tracer      // nil: the default one, at the time of use
	attrs  []slog.Attr  // for every record: first With's, outermost first, each key once; then the baggage's. See setContextAttrs
	keys   *contextKeys // of attrs, in lines
	state  string       // tracestate of the trace
	rate   float64      // sample rate of the trace; 0 means 1
	bag    *bag         // nil without baggage; if set, attrs is not empty

	decided hook.Sampling // of a trace that begins here; Defer: the Sampler decides
}

// A bag is the baggage of an env. It is a type of its own to keep an env without baggage small.
type bag struct {
	*baggage
	with int // the number of With's attributes in env.attrs
}

// noEnv is an empty env. It differs from a nil *env, which means that nothing of this package is in the context.
var noEnv env

// shared returns an env like e. Most hold only the Tracer; those need no memory of their own.
func (e *env) shared() *env {
	switch {
	case len(e.attrs) > 0 || e.state != "" || e.rate != 0 || e.decided != hook.Defer:
		own := *e // not e itself, which would then always be on the heap
		return &own
	}
	return envOf(e.tracer)
}

// envOf returns the env that holds only t. t may be nil.
func envOf(t *Tracer) *env {
	if t == nil {
		return &noEnv
	}
	return &t.env
}

// setContextAttrs sets the attributes of With to with, and the baggage to b.
func (e *env) setContextAttrs(with []slog.Attr, b *baggage) {
	e.attrs, e.bag = joinAttrs(with, b), nil
	if b != nil {
		e.bag = &bag{b, len(with)}
	}
	e.keys = newContextKeys(e.attrs)
}

// joinAttrs returns with and the attributes of b that do not give way to it.
func joinAttrs(with []slog.Attr, b *baggage) []slog.Attr {
	switch {
	case b == nil:
		return with
	case len(with) == 0:
		return b.attrs
	}
	attrs := slices.Grow(slices.Clip(with), len(b.attrs))
	for _, a := range b.attrs {
		if !yields(a.Key, with) {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// yields reports whether baggage under key gives way to with. It does so too if one of With's keys may become key,
// as attr.<key> in a line that needs the original key itself.
func yields(key string, with []slog.Attr) bool {
	for more := true; more; key, more = strings.CutPrefix(key, "attr.") {
		if hasRootKey(with, key) {
			return true
		}
	}
	return false
}

// with returns the attributes of With.
func (e *env) with() []slog.Attr {
	switch {
	case e == nil:
		return nil
	case e.bag != nil:
		return e.attrs[:e.bag.with]
	}
	return e.attrs
}

// baggage returns the baggage. It is nil if there is none.
func (e *env) baggage() *baggage {
	if e == nil || e.bag == nil {
		return nil
	}
	return e.bag.baggage
}

func (e *env) tracerOrDefault() *Tracer {
	if e != nil && e.tracer != nil {
		return e.tracer
	}
	return defaultTracer.Load()
}

// A scopeContext is a context made by With, WithBaggage or Detach.
type scopeContext struct {
	context.Context
	env    *env
	span   *Span         // the local span above it; nil below a remote parent or Detach
	remote *remoteParent // the remote parent above it, if that is nearer than a local span
	bound  boundCache
	sets   bool // it determines which span is current: Detach or hook.Under made it
}

// A remoteParent is a parent in another process or in an earlier request.
// It is also the context that ContextWithRemoteSpanContext, Carrier.Context or a message's headers made.
type remoteParent struct {
	context.Context
	env    *env
	bound  boundCache
	ids    w3c.IDs
	op     string // the producer's; "" if not known
	sent   int64  // when the carrier was made, in seconds since 1970, with sentNs; valid if dated
	hidden *Span  // the local span that was current before; the next span links to it
	sentNs int32
	first  atomic.Bool // a span was started under it, and has queued_ms
	flags  Flags
	dated  bool

	undecided bool // the Sampler must be asked
	external  bool // a span of another library in this process: see foreign.go
	foreign   foreignSpan
}

// scopeKey is the context key under which all of this package's contexts find themselves.
// It is a pointer, so that comparing it compares one word.
var scopeKey = &struct{ _ byte }{}

func (c *scopeContext) Value(key any) any {
	if key == any(scopeKey) {
		return c
	}
	if c.sets && isForeign(key) {
		return c.foreignSpan()
	}
	return c.Context.Value(key)
}

func (c *scopeContext) String() string { return fmt.Sprintf("%v.WithSlogtrace", c.Context) }

func (r *remoteParent) Value(key any) any {
	if key == any(scopeKey) {
		return r
	}
	if isForeign(key) {
		return r.foreign.of(r)
	}
	return r.Context.Value(key)
}

func (r *remoteParent) String() string { return fmt.Sprintf("%v.WithSlogtrace", r.Context) }

// A spanContext is a Span as a context. It is the same struct, so that starting a span allocates once.
// It is another type, so that *Span does not export Done, Err and Value.
type spanContext Span

func (c *spanContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *spanContext) Done() <-chan struct{}       { return c.parent.Done() }
func (c *spanContext) Err() error                  { return c.parent.Err() }
func (c *spanContext) String() string              { return fmt.Sprintf("%v.Start(%s)", c.parent, (*Span)(c).Op()) }

func (c *spanContext) Value(key any) any {
	if key == any(scopeKey) {
		return c
	}
	if isForeign(key) {
		return (*Span)(c).foreignSpan()
	}
	return c.parent.Value(key)
}

// current is what this package finds in a context. At most one of span and remote is set.
type current struct {
	span   *Span
	remote *remoteParent
	env    *env
	bound  *boundCache // the cache of the context that was found, for handlers
}

func currentOf(ctx context.Context) current {
	if ctx == nil {
		return current{}
	}
	// The common case, a context straight from Start, needs no call of Value.
	if c, ok := ctx.(*spanContext); ok {
		return current{span: (*Span)(c), env: c.env, bound: &c.bound}
	}
	if r, ok := ctx.(*remoteParent); ok {
		return current{remote: r, env: r.env, bound: &r.bound}
	}
	var ours current
	switch c := ctx.Value(scopeKey).(type) {
	case *spanContext:
		ours = current{span: (*Span)(c), env: c.env, bound: &c.bound}
	case *scopeContext:
		ours = current{span: c.span, remote: c.remote, env: c.env, bound: &c.bound}
	case *remoteParent:
		ours = current{remote: c, env: c.env, bound: &c.bound}
	}
	if f := foreign.Load(); f != nil {
		return currentBeside(f, ctx, ours)
	}
	return ours
}

// inTrace reports whether records under c carry ids.
func (c *current) inTrace() bool { return c.span != nil || c.remote != nil }

// attrs returns the attributes of With and of the baggage.
func (c *current) attrs() []slog.Attr {
	if c.env == nil {
		return nil
	}
	return c.env.attrs
}

func (c *current) ids() *w3c.IDs {
	if c.span != nil {
		return &c.span.ids
	}
	return &c.remote.ids
}

// texts returns the texts of the span or the remote parent. It is "" if there is neither.
func (c *current) texts() spanTexts {
	switch {
	case c.span != nil:
		return c.span.texts()
	case c.remote != nil:
		return spanTexts(c.remote.ids[:])
	}
	return ""
}

func (c *current) op() string {
	if c.span != nil {
		return c.span.Op()
	}
	return c.remote.op
}

// isEntry reports whether c is in a span through which a trace enters this process.
func (c *current) isEntry() bool { return c.span != nil && c.span.isLocalRoot() }

func (c *current) flags() Flags {
	if c.span != nil {
		return c.span.flags
	}
	return c.remote.flags
}

func (c *current) spanContext() SpanContext {
	switch {
	case c.span != nil:
		return c.span.SpanContext()
	case c.remote != nil:
		r := c.remote
		return SpanContext{TraceID: r.ids.Trace(), SpanID: r.ids.Span(), Flags: r.flags, State: c.env.state}
	}
	return SpanContext{}
}

// SpanContextFromContext returns the identity of the span or remote parent that was put into ctx last.
// It is the zero SpanContext if there is none.
func SpanContextFromContext(ctx context.Context) SpanContext {
	c := currentOf(ctx)
	return c.spanContext()
}

// SpanFromContext returns the current span of ctx. It is nil if there is none, or if a remote parent was put on top of it.
// All methods of Span accept nil.
func SpanFromContext(ctx context.Context) *Span {
	return currentOf(ctx).span
}

// ContextWithRemoteSpanContext returns a context in which sc, a span of another process or of an earlier request,
// is the current one: records carry its ids, and the next Start makes a child of it.
//
// If ctx already has a span, sc is put on top of it: that span is no longer current, and the next span links to it.
// The attributes of With and the Tracer stay. The baggage does not: from here on the baggage of sc's trace counts,
// and sc brings none. See [WithBaggage]. A tracestate that is not valid (W3C Trace Context Level 2, 3.3) is dropped.
// If sc itself is not valid, the result is ctx.
func ContextWithRemoteSpanContext(ctx context.Context, sc SpanContext) context.Context {
	if !sc.IsValid() {
		if ctx == nil {
			ctx = context.Background()
		}
		return ctx
	}
	s := sender{flags: sc.Flags}
	s.ids.Set(sc.TraceID, sc.SpanID)
	s.state, _ = w3c.ParseTracestate(sc.State)
	return s.on(ctx)
}

// A sender is the span that a message came from, with the rest of the message's trace data.
type sender struct {
	ids   w3c.IDs // both valid
	flags Flags
	state string    // the tracestate, checked
	bag   *baggage  // becomes the baggage, even if it is nil
	op    string    // "" if not known
	sent  time.Time // zero if not known
}

// on returns a context in which s is the current span, on top of ctx's. ctx may be nil.
func (s *sender) on(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	r := &remoteParent{Context: ctx, ids: s.ids, op: s.op, flags: s.flags & knownFlags}
	if r.dated = !s.sent.IsZero(); r.dated {
		r.sent, r.sentNs = s.sent.Unix(), int32(s.sent.Nanosecond())
	}
	c := currentOf(ctx)
	hidden := c.span
	if c.remote != nil {
		hidden = c.remote.hidden
	}
	if hidden != nil && hidden.ids != r.ids { // otherwise the parent is the local span itself
		r.hidden = hidden
	}
	var tracer *Tracer
	if c.env != nil {
		tracer = c.env.tracer
	}
	if with := c.env.with(); len(with) > 0 || s.bag != nil || s.state != "" {
		r.env = &env{tracer: tracer, state: s.state}
		if s.state != "" {
			r.env.rate = w3c.RemoteRate(&s.ids, s.flags&FlagSampled != 0, s.state)
		}
		r.env.setContextAttrs(with, s.bag)
	} else {
		r.env = envOf(tracer)
	}
	return r
}

// Detach returns a context without a current span, so that the next Start begins a new trace.
// To finish work after its request is over, but in the request's trace, use [context.WithoutCancel] instead.
//
// The attributes of With, the baggage and the Tracer stay, and so do ctx's deadline and cancellation:
// it is still the same work, for the same tenant.
// To record where the new trace came from, pass a [Link] to its first span:
//
//	cause := slogtrace.SpanContextFromContext(ctx)
//	ctx, span := slogtrace.Start(slogtrace.Detach(ctx), "retry", slogtrace.Link(cause))
func Detach(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	c := currentOf(ctx)
	if !c.inTrace() && (c.env == nil || c.env.decided == hook.Defer) {
		return ctx
	}
	e := env{tracer: c.env.tracer, attrs: c.env.attrs, keys: c.env.keys, bag: c.env.bag}
	return &scopeContext{Context: ctx, env: e.shared(), sets: true}
}

// With returns a context under which every record carries attrs, including the end records of spans started there.
// The current span of ctx began without them: use [Span.SetAttrs] for that one.
// The attributes stay in this process: carriers and headers do not take them along, unlike those of [WithBaggage].
//
// If a key appears more than once, the last one counts. All give way to attributes of a record or its logger
// under the same key. A key that readers could take for more than an attribute is written as attr.<key>,
// whatever the handler's [Format]: those of the time, the level, the message, the source, the ids, the op
// and the service in any preset, and on span records all others of the schema and the presets.
// attrs is copied. A LogValuer is resolved once per record, as in any slog call; one without a key is resolved at once.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	c := currentOf(ctx)
	merged := mergeAttrs(append([]slog.Attr(nil), c.env.with()...), resolveInline(attrs))
	if len(merged) == 0 {
		return ctx
	}
	e := new(env)
	if c.env != nil {
		*e = *c.env
	}
	e.setContextAttrs(merged, c.env.baggage())
	return &scopeContext{Context: ctx, env: e, span: c.span, remote: c.remote}
}

package slogtrace

import (
	"context"
	"encoding/binary"
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/internal/redact"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Tracer makes spans and reports them to a [slog.Handler].
// Programs that use slog's default logger and the default options do not need one.
//
// A handler that starts spans while it handles a record must use a context of its own.
// Otherwise each of those spans would be reported to it in turn.
//
// A Tracer is safe for concurrent use. Make one with [NewTracer]; do not use the zero value.
type Tracer struct {
	handler slog.Handler // nil: that of slog.Default, at the time of use
	opts    TracerOptions
	env     env // for spans whose context has no env
	stats   struct{ withheld, refused, lost atomic.Int64 }

	ignoresParent bool // the Sampler comes from IgnoreParent
	disabled      bool // the Sampler comes from Disabled, or from SamplerFromEnv with OTEL_SDK_DISABLED=true
}

// TracerOptions are options for [NewTracer]. The zero value means the defaults.
type TracerOptions struct {
	// Sampler decides which new traces are written. Nil means all.
	// It is not asked about a trace that a remote parent has decided on, unless it comes from [IgnoreParent].
	Sampler Sampler

	// LogStart also writes a record "span start", so that a span cut off by a crash is visible.
	LogStart bool

	// Level is the level of the records of spans that did not fail. Nil means Info.
	// A handler that is not enabled for it hides them: see [TracerStats.Refused].
	Level slog.Leveler

	// ErrorLevel is the level of the end record of a failed span. Nil means Error.
	ErrorLevel slog.Leveler

	// IsFailure reports whether an error fails the span that returns it. The error is never nil.
	// A nil IsFailure means that every error does. Errors that do not fail the span are not recorded.
	// A panic always fails its span, and so does an error for which IsFailure panics.
	IsFailure func(error) bool

	// ErrorAttrs returns attributes that describe the error that fails a span, such as its type or category.
	// They do not replace attributes that the span already has. Nil means [ErrorType].
	// It is called once for the recorded error. It must be safe for concurrent use.
	// If it panics, no attributes are added.
	ErrorAttrs func(error) []slog.Attr

	// AddSource gives span records the source position of the call of Start.
	// The handler decides whether to write it, as for any record.
	AddSource bool
}

var defaultTracer atomic.Pointer[Tracer]

func init() { defaultTracer.Store(NewTracer(nil, nil)) }

// NewTracer returns a Tracer that reports to h.
// If h is nil, the usual case, each record goes to the current handler of [slog.Default].
// opts are copied. Nil means the defaults.
//
// Only span records go to h. Log records go to their own logger, which for slog.InfoContext is slog's default.
// In a span of this Tracer, [Logger] returns a logger that writes to h.
func NewTracer(h slog.Handler, opts *TracerOptions) *Tracer {
	t := &Tracer{handler: h}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.Level == nil {
		t.opts.Level = slog.LevelInfo
	}
	if t.opts.ErrorLevel == nil {
		t.opts.ErrorLevel = slog.LevelError
	}
	_, t.ignoresParent = t.opts.Sampler.(ignoreParent)
	_, t.disabled = t.opts.Sampler.(disabled)
	t.env.tracer = t
	return t
}

// SetDefault makes t the Tracer of spans whose context has none. A nil t restores the initial Tracer,
// which writes to the handler of [slog.Default]. If your program passes a logger to its code,
// use that logger's handler, so that lines and spans go to one place:
//
//	slogtrace.SetDefault(slogtrace.NewTracer(logger.Handler(), nil))
func SetDefault(t *Tracer) {
	if t == nil {
		t = NewTracer(nil, nil)
	}
	defaultTracer.Store(t)
}

// TracerStats counts what a Tracer did not write.
type TracerStats struct {
	Withheld int64 // span records of traces that are not sampled; with Disabled, all span records
	Refused  int64 // span records whose level the handler was not enabled for
	Lost     int64 // span records for which the handler returned an error
}

// Stats returns the counts so far.
func (t *Tracer) Stats() TracerStats {
	return TracerStats{Withheld: t.stats.withheld.Load(), Refused: t.stats.refused.Load(), Lost: t.stats.lost.Load()}
}

// Start is the function [Start], but the span and the spans below it belong to t.
func (t *Tracer) Start(ctx context.Context, op string, attrs ...slog.Attr) (context.Context, *Span) {
	return t.start(ctx, currentOf(ctx), op, attrs, 1)
}

// start implements Start. c is ctx's. depth is the number of this package's calls between the user's call and start.
func (t *Tracer) start(ctx context.Context, c current, op string, attrs []slog.Attr, depth int) (context.Context, *Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	s := &Span{parent: ctx, env: c.env, op: opOrUnnamed(op), start: time.Now()}
	if len(attrs) > 0 {
		s.takeAttrs(attrs)
	}
	t.begin(s, &c, depth+1)
	return (*spanContext)(s), s
}

// begin gives s its Tracer, its ids and what it has of its parent, which c is. depth is as for start.
func (t *Tracer) begin(s *Span, c *current, depth int) {
	switch {
	case s.env == nil:
		s.env = &t.env
	case s.env.tracer != t:
		// Also if the env has no Tracer: the default one may have changed by the time the span ends.
		e := *s.env
		e.tracer = t
		s.env = e.shared()
	}
	switch {
	case c.span != nil:
		s.root = c.span.localRoot()
		copy(s.ids[:32], c.span.ids[:32])
		s.parentID = c.span.ids.Span()
		s.flags = c.span.flags
	case c.remote != nil:
		copy(s.ids[:32], c.remote.ids[:32])
		s.parentID = c.remote.ids.Span()
		s.flags = c.remote.flags
		if c.remote.undecided || t.ignoresParent {
			s.flags |= FlagSampled
			if t.opts.Sampler != nil {
				t.sample(s, SampleInput{Context: s.parent, TraceID: c.remote.ids.Trace(), Parent: c.spanContext()})
			}
		}
		s.continueRemote(c.remote)
	default:
		t.newTrace(s)
	}
	var id SpanID
	binary.BigEndian.PutUint64(id[:], ids.Uint64())
	w3c.AppendHex(s.ids[:32], id[:])
	if t.opts.AddSource {
		var pc [1]uintptr
		runtime.Callers(2+depth, pc[:])
		s.extra().pc = pc[0]
	}
	if t.opts.LogStart {
		t.reportStart(s)
	}
}

// newTrace makes s the root of a new trace.
func (t *Tracer) newTrace(s *Span) {
	var id TraceID
	binary.BigEndian.PutUint64(id[:8], ids.Uint64())
	binary.BigEndian.PutUint64(id[8:], ids.Uint64())
	w3c.AppendHex(s.ids[:0], id[:])
	s.flags = FlagRandom | FlagSampled
	switch {
	case s.env.decided == hook.Deny && !t.ignoresParent:
		s.flags = FlagRandom
	case t.opts.Sampler != nil && (s.env.decided == hook.Defer || t.ignoresParent):
		t.sample(s, SampleInput{Context: s.parent, TraceID: id})
	}
}

// sample asks the Sampler about s and applies its decision. s must be sampled so far. in describes s and its trace.
func (t *Tracer) sample(s *Span, in SampleInput) {
	in.Op, in.Attrs = s.op, s.attrs
	d := decide(t.opts.Sampler, in)
	if !d.sampled {
		s.flags &^= FlagSampled
	}
	if !(d.rate > 0 && d.rate < 1) {
		d.rate = 0
	}
	state := s.env.state
	if state != "" || d.threshold != "" {
		state = w3c.WithThreshold(state, d.threshold)
	}
	if d.rate != s.env.rate || state != s.env.state {
		e := *s.env
		e.rate, e.state = d.rate, state
		s.env = &e
	}
}

// continueRemote sets on s, a direct child of r, the link and the waiting time that r brings.
func (s *Span) continueRemote(r *remoteParent) {
	switch {
	case r.external:
		s.extra().external = true
		if r.hidden != nil { // the other library's spans are between two of ours
			s.root = r.hidden.localRoot()
		}
	case r.hidden != nil:
		x := s.extra()
		x.links = append(x.links, r.hidden.SpanContext())
	}
	if r.dated && r.first.CompareAndSwap(false, true) {
		x := s.extra()
		x.queued, x.waited = max(s.start.Sub(time.Unix(r.sent, int64(r.sentNs))), 0), true
	}
}

// takeAttrs copies attrs into s, with kind and links taken out. attrs must not be empty.
func (s *Span) takeAttrs(attrs []slog.Attr) {
	if areSimple(attrs) {
		s.attrs = slices.Clone(attrs)
		return
	}
	var set attrSet
	for i, a := range attrs {
		one := attrs[i : i+1]
		if a.Key == "" {
			one = resolveInline(one)
			a = one[0]
		}
		if k, ok := kindIn(a); ok {
			s.kind = uint8(slices.Index(spanKinds[:], k))
			continue
		}
		if s.addLink(a) {
			continue
		}
		if set.attrs == nil {
			n := len(attrs) - i
			if s.kind != 0 {
				n += 3 // room for the attributes that SetAttrs adds for the outcome
			}
			set.attrs = make([]slog.Attr, 0, n)
		}
		set.add(one)
	}
	s.attrs = set.attrs
}

// areSimple reports whether s can keep attrs unchanged: each has a key of its own, and none is a kind or a link.
func areSimple(attrs []slog.Attr) bool {
	if len(attrs) > maxUnindexed {
		return false // not checked further
	}
	for i := range attrs {
		a := &attrs[i]
		switch a.Value.Kind() {
		case slog.KindAny, slog.KindLogValuer:
			_, isKind := kindIn(*a)
			if _, isLink := linkIn(*a); isKind || isLink {
				return false
			}
		}
		if a.Key == "" || slices.ContainsFunc(attrs[:i], func(b slog.Attr) bool { return b.Key == a.Key }) {
			return false
		}
	}
	return true
}

// addLink adds a, if it is a link, to s. It reports whether it is one. s.mu must be held, unless nobody else has s yet.
func (s *Span) addLink(a slog.Attr) bool {
	l, ok := linkIn(a)
	if ok && SpanContext(l).IsValid() {
		x := s.extra()
		x.links = append(slices.Clip(x.links), SpanContext(l))
	}
	return ok
}

func kindIn(a slog.Attr) (k spanKind, ok bool) {
	if a.Value.Kind() == slog.KindAny {
		k, ok = a.Value.Any().(spanKind)
	}
	return k, ok
}

func linkIn(a slog.Attr) (l link, ok bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		l, ok = a.Value.Any().(link)
	}
	return l, ok
}

func (t *Tracer) isFailure(err error) bool {
	return t.opts.IsFailure == nil || t.opts.IsFailure(err)
}

func (t *Tracer) currentHandler() slog.Handler {
	if t.handler != nil {
		return t.handler
	}
	return slog.Default().Handler()
}

// reportStart writes the start record of s.
func (t *Tracer) reportStart(s *Span) {
	if s.flags&FlagSampled == 0 || t.disabled {
		t.stats.withheld.Add(1)
		return
	}
	t.write(spanReport{span: s, event: eventStart, level: t.opts.Level.Level(), at: s.start})
}

// report writes the end record of s, which must be frozen.
func (t *Tracer) report(s *Span, end time.Time) {
	if s.flags&FlagSampled == 0 && !s.is(written) || t.disabled {
		t.stats.withheld.Add(1)
		return
	}
	level := t.opts.Level
	if s.is(failed) {
		level = t.opts.ErrorLevel
	}
	t.write(spanReport{span: s, event: eventEnd, level: level.Level(), at: end})
}

// write passes r to the handler.
func (t *Tracer) write(r spanReport) {
	h := t.currentHandler()
	if !h.Enabled((*spanContext)(r.span), r.level) {
		t.stats.refused.Add(1)
		return
	}
	if t.opts.AddSource {
		r.pc = r.span.extra().pc
	}
	if err := r.pass(h); err != nil { // as in slog.Logger, nobody takes the error
		t.stats.lost.Add(1)
	}
}

// A spanReport is the start or the end of a span on its way to a handler.
type spanReport struct {
	span  *Span
	at    time.Time
	pc    uintptr // of the call of Start; 0 without AddSource
	level slog.Level
	event event
}

// A spanHandler is a handler of this package.
type spanHandler interface {
	slog.Handler

	// self returns the handler. A type that embeds one has its methods too, but is another handler: see oursOf.
	self() slog.Handler

	// handleReport does what Handle does with r's record, with less work. It reports false if only Handle can do it,
	// or if x is not nil and may have something to replace.
	handleReport(r spanReport, x *redact.Redactor) (_ error, ok bool)

	// readsMarks reports whether the handler or an inner one reads the mark in a span's record.
	readsMarks() bool

	// reserves reports whether the handler or an inner one needs key itself at the root of a span's record.
	reserves(key string) bool
}

// readsMarks reports whether h is a handler of this module that reads marks, or passes records on to one that does.
func readsMarks(h slog.Handler) bool {
	if ours, ok := oursOf(h); ok {
		return ours.readsMarks()
	}
	_, ok := sinkOf(h)
	return ok
}

// oursOf returns h if it is a handler of this package. A user's type that embeds one is not: its Handle may be another.
func oursOf(h slog.Handler) (ours spanHandler, ok bool) {
	ours, ok = h.(spanHandler)
	return ours, ok && ours.self() == h
}

// sinkOf returns h if it is a spanSink, and no type that embeds one.
func sinkOf(h slog.Handler) (sink spanSink, ok bool) {
	sink, ok = h.(spanSink)
	return sink, ok && sink.Self(hook.Ours{}) == h
}

// reserves reports whether h is a handler of this package that reserves key, or passes records on to one that does.
func reserves(h slog.Handler, key string) bool {
	ours, ok := oursOf(h)
	return ok && ours.reserves(key)
}

// A spanSink is a handler of another package of this module that asks SpanOf about the record of a span. It needs none of the schema's
// attributes in that record, so none are made. It takes the end of a span that comes straight from a Tracer without a record.
// pc is as in a record.
type spanSink interface {
	slog.Handler
	Self(hook.Ours) slog.Handler
	HandleSpan(_ hook.Ours, ctx context.Context, info SpanInfo, attrs []slog.Attr, pc uintptr)
}

// pass passes r to h.
func (r spanReport) pass(h slog.Handler) error {
	if ours, ok := oursOf(h); ok {
		if err, ok := ours.handleReport(r, nil); ok {
			return err
		}
	} else if sink, ok := sinkOf(h); ok && r.event == eventEnd {
		sink.HandleSpan(hook.Ours{}, (*spanContext)(r.span), r.span.info(eventEnd), escapeForStrangers(r.span.attrs), r.pc)
		return nil
	}
	return h.Handle((*spanContext)(r.span), r.record(readsMarks(h)))
}

// record returns r as a record: first the mark, in place of the schema's attributes, then the span's own attributes.
// marked reports whether the handler reads marks.
func (r *spanReport) record(marked bool) slog.Record {
	rec := slog.NewRecord(r.at, r.level, r.event.message(), r.pc)
	rec.AddAttrs(slog.Attr{Value: markFor(marked, r.span, r.event)})
	rec.AddAttrs(escapeForStrangers(r.span.attrs)...)
	return rec
}

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
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Tracer makes spans and reports them to a [slog.Handler].
// A handler that is to start spans itself, while it handles a record, has to do so under a context of its own,
// or each of them would be reported to it in turn.
// Programs that are content with slog's default logger and the default options need none.
// A Tracer is safe for concurrent use. [NewTracer] makes one; the zero value is of no use.
type Tracer struct {
	handler slog.Handler // nil: slog.Default's, at use
	opts    TracerOptions
	env     env // of spans whose context brings none
	stats   struct{ withheld, refused, lost atomic.Int64 }

	ignoresParent bool // the Sampler is of IgnoreParent
	disabled      bool // the Sampler is of SamplerFromEnv, where OTEL_SDK_DISABLED says so
}

// TracerOptions are options for [NewTracer]. The zero value means the defaults.
type TracerOptions struct {
	// Sampler decides which new traces are written. Nil: all.
	// It is not asked where a remote parent has decided, unless it is of [IgnoreParent].
	Sampler Sampler

	// LogStart writes a record "span start" too, so that a span is visible that a crash cuts off.
	LogStart bool

	// Level is the level of span records that did not fail; nil means Info.
	// A handler that is not enabled for it hides them: see [TracerStats.Refused].
	Level slog.Leveler

	// ErrorLevel is the level of the end record of a failed span; nil means Error.
	ErrorLevel slog.Leveler

	// IsFailure reports whether an error, which is not nil, fails the span that returns it.
	// Nil: every error does. An error that does not is not recorded. A panic always fails its span,
	// and so does an error for which IsFailure panics.
	IsFailure func(error) bool

	// ErrorAttrs returns attributes that describe the error that fails a span: its type, its category.
	// A span keeps what it has under the same key already. Nil: [ErrorType] of the error.
	// It is called once for the error that is recorded, perhaps from several goroutines.
	// If it panics, there are no such attributes.
	ErrorAttrs func(error) []slog.Attr

	// AddSource gives span records the source position of the call of Start.
	// Whether it is written is up to the handler, as for any record.
	AddSource bool
}

var defaultTracer atomic.Pointer[Tracer]

func init() { defaultTracer.Store(NewTracer(nil, nil)) }

// NewTracer returns a Tracer that reports to h.
// If h is nil, the normal case, each record goes to the handler that [slog.Default] has at that moment.
// Nil options mean the defaults; they are copied.
//
// Only span records go to h. Log records go where their logger writes, which for slog.InfoContext is slog's default one;
// [Logger] returns one that writes to h in a span of this Tracer.
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

// SetDefault makes t the Tracer of spans whose context has none. A nil t restores the initial one,
// which writes to the handler of [slog.Default]. In a program that passes a logger to its code,
// use that logger's handler, so that lines and spans go to one place:
//
//	slogtrace.SetDefault(slogtrace.NewTracer(logger.Handler(), nil))
func SetDefault(t *Tracer) {
	if t == nil {
		t = NewTracer(nil, nil)
	}
	defaultTracer.Store(t)
}

// TracerStats are a Tracer's counts of what it did not write.
type TracerStats struct {
	Withheld int64 // span records of traces that are not sampled
	Refused  int64 // span records whose level the handler was not enabled for
	Lost     int64 // span records for which the handler returned an error
}

// Stats returns the counts so far.
func (t *Tracer) Stats() TracerStats {
	return TracerStats{Withheld: t.stats.withheld.Load(), Refused: t.stats.refused.Load(), Lost: t.stats.lost.Load()}
}

// Start is like the function [Start], but the span and those below it are t's.
func (t *Tracer) Start(ctx context.Context, op string, attrs ...slog.Attr) (context.Context, *Span) {
	return t.start(ctx, currentOf(ctx), op, attrs, 1)
}

// start is Start for all; c is what ctx says, and depth how many calls of ours the user's is away.
func (t *Tracer) start(ctx context.Context, c current, op string, attrs []slog.Attr, depth int) (context.Context, *Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	s := &Span{parent: ctx, env: c.env, op: opOrUnnamed(op), start: time.Now()}
	switch {
	case s.env == nil:
		s.env = &t.env
	case s.env.tracer != t:
		// Also if it has none: the default Tracer may be another when the span ends.
		e := *s.env
		e.tracer = t
		s.env = e.shared()
	}
	if len(attrs) > 0 {
		s.takeAttrs(attrs)
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
				t.sample(s, SampleInput{Context: ctx, TraceID: c.remote.ids.Trace(), Parent: c.spanContext()})
			}
		}
		s.continueRemote(c.remote)
	default:
		t.newTrace(ctx, s)
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
	return (*spanContext)(s), s
}

// newTrace makes s the root of a trace of its own.
func (t *Tracer) newTrace(ctx context.Context, s *Span) {
	var id TraceID
	binary.BigEndian.PutUint64(id[:8], ids.Uint64())
	binary.BigEndian.PutUint64(id[8:], ids.Uint64())
	w3c.AppendHex(s.ids[:0], id[:])
	s.flags = FlagRandom | FlagSampled
	switch {
	case s.env.decided == hook.Deny && !t.ignoresParent:
		s.flags = FlagRandom
	case t.opts.Sampler != nil && (s.env.decided == hook.Defer || t.ignoresParent):
		t.sample(s, SampleInput{Context: ctx, TraceID: id})
	}
}

// sample asks the Sampler about s, which is sampled so far and the first span here of the trace that in is about.
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

// continueRemote notes on s, a direct child of r, what r brought along.
func (s *Span) continueRemote(r *remoteParent) {
	if r.hidden != nil {
		x := s.extra()
		x.links = append(x.links, r.hidden.SpanContext())
	}
	if r.dated && r.first.CompareAndSwap(false, true) {
		x := s.extra()
		x.queued, x.waited = max(s.start.Sub(time.Unix(r.sent, int64(r.sentNs))), 0), true
	}
}

// takeAttrs copies attrs, which must not be empty, into s, and takes kind and links out of them.
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
			s.kind = uint8(slices.Index(kinds[:], k))
			continue
		}
		if l, ok := linkIn(a); ok {
			if SpanContext(l).IsValid() {
				x := s.extra()
				x.links = append(x.links, SpanContext(l))
			}
			continue
		}
		if set.attrs == nil {
			n := len(attrs) - i
			if s.kind != 0 {
				n += 3 // how the exchange went, by SetAttrs
			}
			set.attrs = make([]slog.Attr, 0, n)
		}
		set.add(one)
	}
	s.attrs = set.attrs
}

// areSimple reports whether attrs are a span's just as they are: each with a key of its own, no kind and no link.
func areSimple(attrs []slog.Attr) bool {
	if len(attrs) > maxUnindexed {
		return false // without a closer look
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

func kindIn(a slog.Attr) (k kind, ok bool) {
	if a.Value.Kind() == slog.KindAny {
		k, ok = a.Value.Any().(kind)
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

// reportStart writes the record that says that s began.
func (t *Tracer) reportStart(s *Span) {
	if s.flags&FlagSampled == 0 || t.disabled {
		t.stats.withheld.Add(1)
		return
	}
	t.write(spanReport{span: s, event: eventStart, level: t.opts.Level.Level(), at: s.start})
}

// report writes the record that says that s, which is frozen, ended.
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
	if err := r.pass(h); err != nil { // as in slog.Logger, there is nobody to return it to
		t.stats.lost.Add(1)
	}
}

// A spanReport is the start or the end of a span, on its way to a handler.
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

	// handleReport handles r as Handle handles its record, with less work. It reports false where only Handle knows how,
	// or where x, if it is not nil, may have something to replace.
	handleReport(r spanReport, x *redactor) (_ error, ok bool)

	// readsMarks reports whether the handler, or an inner one, knows the mark in a span's record.
	readsMarks() bool
}

// readsMarks reports whether h does.
func readsMarks(h slog.Handler) bool {
	ours, ok := h.(spanHandler)
	return ok && ours.readsMarks()
}

// pass passes r to h.
func (r spanReport) pass(h slog.Handler) error {
	if ours, ok := h.(spanHandler); ok {
		if err, ok := ours.handleReport(r, nil); ok {
			return err
		}
	}
	return h.Handle((*spanContext)(r.span), r.record(readsMarks(h)))
}

// record returns r as a record: the mark that stands for the schema's attributes, then the span's own.
// marked says that the handler reads marks.
func (r *spanReport) record(marked bool) slog.Record {
	rec := slog.NewRecord(r.at, r.level, r.event.message(), r.pc)
	rec.AddAttrs(slog.Attr{Value: markFor(marked, r.span, r.event)})
	rec.AddAttrs(escapeForStrangers(r.span.attrs)...)
	return rec
}

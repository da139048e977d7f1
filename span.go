package slogtrace

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Span is one operation of a trace: it has a name, a beginning and an end, and perhaps a parent.
// [Start] makes it and the context in which it is the current one; [Span.End] reports it as one record.
//
// All methods are safe for concurrent use and do nothing on a nil Span. The zero Span is of no use.
// A span may outlive its parent.
type Span struct {
	parent   context.Context // of the context that is this span
	root     *Span           // the outermost span above it in this process; nil: that is itself. See localRoot
	env      *env            // never nil
	ids      w3c.IDs
	parentID SpanID // zero on a root
	op       string // as Start was told; a later SetOp is in rare
	start    time.Time
	duration time.Duration // set by End
	rare     atomic.Pointer[rare]
	watcher  atomic.Value // of a local root: a rootWatcher; unset if there is none
	mu       sync.Mutex   // guards attrs, and in rare what says so, until the span has ended; and what the watcher knows
	attrs    []slog.Attr  // one of a key
	bound    boundCache
	state    atomic.Uint32
	flags    Flags
	kind     uint8  // of kinds
	pinned   uint16 // how much of attrs TailHandlers counted with the first held record of the span: see pinnedUnit; guarded by mu
}

// A rootWatcher waits for the end of a local root.
type rootWatcher interface{ rootEnded(s *Span) }

// Bits of Span.state.
const (
	ended   = 1 << iota
	failed  // Fail or End was given an error
	written // although the trace is not sampled: it or a descendant failed
	spoiled // of a local root: it failed, or a span did whose root it is
	counted // by the first of the root's TailHandlers: see tailRoot.spanSize. The bits above are those of the others
)

// rare holds what few spans have, so that the others stay small.
type rare struct {
	op     atomic.Pointer[string] // of SetOp
	links  []SpanContext
	queued time.Duration // valid if waited
	waited bool
	pc     uintptr // of the call of Start

	// guarded by Span.mu
	err   error
	stack string
	index map[string]int // of Span.attrs, while the span runs: see attrSet
}

func (s *Span) extra() *rare {
	if r := s.rare.Load(); r != nil {
		return r
	}
	r := new(rare)
	if s.rare.CompareAndSwap(nil, r) {
		return r
	}
	return s.rare.Load()
}

// Start begins a span named op and returns it with a context in which it is the current span.
// The span's parent is what ctx holds: a span, or a remote parent, or nothing; then a new trace begins.
// It must be ended, in most cases by a deferred call, which sees the error that the function returns:
//
//	func Charge(ctx context.Context, id string) (err error) {
//		ctx, span := slogtrace.Start(ctx, "charge", slog.String("booking", id))
//		defer span.End(&err)
//
// op names a kind of work, not one piece of it: "charge", not "charge 4711". An empty op becomes "unnamed".
// attrs stand on the span's own record; of several with one key the last counts. attrs is copied, not kept.
// [KindServer] and its like, and [Link], may stand among them. A nil ctx is [context.Background].
//
// The Tracer is that of ctx, else the default one.
func Start(ctx context.Context, op string, attrs ...slog.Attr) (context.Context, *Span) {
	c := currentOf(ctx)
	return c.env.tracerOrDefault().start(ctx, c, op, attrs, 1)
}

// Do runs fn in a span of its own, and fails the span if fn returns an error or panics.
// It returns fn's error; a panic goes on.
func Do(ctx context.Context, op string, fn func(context.Context) error, attrs ...slog.Attr) (err error) {
	c := currentOf(ctx)
	ctx, span := c.env.tracerOrDefault().start(ctx, c, op, attrs, 1)
	defer span.End(&err)
	return fn(ctx)
}

// SpanContext returns the span's identity, as it travels to other processes. It is zero for a nil Span.
func (s *Span) SpanContext() SpanContext {
	if s == nil {
		return SpanContext{}
	}
	return SpanContext{TraceID: s.ids.Trace(), SpanID: s.ids.Span(), Flags: s.flags, State: s.env.state}
}

// Op returns the span's name, "" for a nil Span.
func (s *Span) Op() string {
	if s == nil {
		return ""
	}
	if op := s.renamed(); op != nil {
		return *op
	}
	return s.op
}

// renamed returns what SetOp was told last, nil if it was not called.
func (s *Span) renamed() *string {
	if r := s.rare.Load(); r != nil {
		return r.op.Load()
	}
	return nil
}

// String returns the span's name and ids, for people; "" for a nil Span.
func (s *Span) String() string {
	if s == nil {
		return ""
	}
	return s.Op() + " " + s.SpanContext().Traceparent()
}

// SetOp renames the span: the records from now on and its end record carry the new name.
// An empty op becomes "unnamed". After End it does nothing.
func (s *Span) SetOp(op string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) {
		return
	}
	op = opOrUnnamed(op)
	s.extra().op.Store(&op)
}

// snapshot returns a span that says of itself what s says now, and goes on saying so.
func (s *Span) snapshot() *Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Span{
		parent: s.parent, root: s.localRoot(), env: s.env, ids: s.ids, parentID: s.parentID, op: s.op, start: s.start,
		duration: s.duration, attrs: slices.Clone(s.attrs), flags: s.flags, kind: s.kind,
	}
	c.state.Store(s.state.Load() & (counted - 1))
	if x := s.rare.Load(); x != nil {
		own := &rare{links: x.links, queued: x.queued, waited: x.waited, pc: x.pc, err: x.err, stack: x.stack}
		own.op.Store(x.op.Load())
		c.rare.Store(own)
	}
	return c
}

func opOrUnnamed(op string) string {
	if op == "" {
		return "unnamed"
	}
	return op
}

// addMissing adds those of attrs whose keys s, whose mu is held, does not have.
func (s *Span) addMissing(attrs []slog.Attr) {
	for i, a := range attrs {
		if a.Key != "" && !slices.ContainsFunc(s.attrs, func(b slog.Attr) bool { return b.Key == a.Key }) {
			s.add(attrs[i : i+1])
		}
	}
}

// add adds attrs to those of s, whose mu is held.
func (s *Span) add(attrs []slog.Attr) {
	set := attrSet{attrs: slices.Grow(s.attrs, len(attrs))}
	if len(s.attrs) > maxUnindexed {
		set.index = s.extra().index
	}
	set.add(attrs)
	if s.attrs = set.attrs; set.index != nil {
		s.extra().index = set.index
	}
}

// SetAttrs adds attributes to the span's end record. The last one of a key wins. attrs is copied.
// After End it does nothing.
func (s *Span) SetAttrs(attrs ...slog.Attr) {
	if s == nil {
		return
	}
	attrs = resolveInline(attrs) // it may call code of the user's, so not under the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.is(ended) {
		s.add(attrs)
	}
}

// Fail marks the span failed with err, if err is an error that counts ([TracerOptions.IsFailure]).
// The first such error is the one that is recorded. A nil err and a call after End do nothing.
//
// Fail does not end the span.
func (s *Span) Fail(err error) {
	if s == nil || !s.failsWith(err) {
		return
	}
	attrs := s.errorAttrs(err)
	s.mu.Lock()
	s.fail(err, attrs)
	s.mu.Unlock()
}

// failsWith reports whether err is an error that counts.
func (s *Span) failsWith(err error) (fails bool) {
	defer func() {
		if recover() != nil {
			// It is IsFailure that panicked. The span must end all the same, and a panic may be going on already.
			fails = true
		}
	}()
	return err != nil && s.env.tracer.isFailure(err)
}

// errorAttrs returns the attributes that describe err, if s may still fail with it.
func (s *Span) errorAttrs(err error) (attrs []slog.Attr) {
	if err == nil || s.is(ended|failed) {
		return nil
	}
	defer func() {
		if recover() != nil {
			attrs = nil // the span must fail all the same
		}
	}()
	if describe := s.env.tracer.opts.ErrorAttrs; describe != nil {
		return mergeAttrs(nil, resolveInline(describe(err)))
	}
	return []slog.Attr{ErrorType(err)}
}

// fail marks s, whose mu is held, failed with err, which attrs describe, unless it has failed or ended before.
func (s *Span) fail(err error, attrs []slog.Attr) {
	if s.is(ended | failed) {
		return
	}
	s.extra().err = err
	s.addMissing(attrs)
	s.state.Or(failed)
	s.localRoot().state.Or(spoiled)
	if s.flags&FlagSampled == 0 {
		s.markWritten()
	}
}

// markWritten has s written although its trace is not sampled, since it failed, and with it the way to it.
// The outermost span is marked first: where a span is marked, all above it are, and the next failure below stops there.
func (s *Span) markWritten() {
	var way []*Span
	for p := s; p != nil && !p.is(written); p = p.localParent() {
		way = append(way, p)
	}
	for _, p := range slices.Backward(way) {
		p.state.Or(written)
	}
}

// localParent returns the span's parent if that is a span of this process, even one that has ended.
func (s *Span) localParent() *Span { return SpanFromContext(s.parent) }

// localRoot returns the outermost of the spans of this process that s stands under without a remote parent between:
// s itself, if a remote parent or nothing is above it.
func (s *Span) localRoot() *Span {
	if s.root != nil {
		return s.root
	}
	return s
}

// isLocalRoot reports whether s, or the span that it is a snapshot of, is a local root.
func (s *Span) isLocalRoot() bool { return s.root == nil || s.root.ids == s.ids }

func (s *Span) is(bits uint32) bool { return s.state.Load()&bits != 0 }

// End marks the span finished and reports it as one record, "span end".
//
// If err is given and *err is an error, the span is marked failed with it, unless [Span.Fail] was called before.
// Pass the address of the function's named result, so that what is returned is what is recorded
// (the value itself would be read when the defer statement runs, while it is still nil):
//
//	defer span.End(&err)
//
// When End is itself the deferred call and the function panics, the span is marked failed with the panic and,
// on the innermost span only, the stack; then the panic goes on with the same value.
// (Code between two spans that recovers and panics again makes a panic, and a stack, of its own.)
// Called from inside a deferred closure, End does not see the panic: that is Go's rule for recover. Use [Do] there, or Fail.
// [runtime.Goexit] is no failure.
//
// Only the first call counts.
func (s *Span) End(err ...*error) {
	if s == nil || s.is(ended) {
		return
	}
	end := time.Now()
	// recover works here and nowhere deeper: only in the function that was deferred.
	p := recover()
	var failure error
	for _, e := range err {
		if e != nil && failure == nil && s.failsWith(*e) {
			failure = *e
		}
	}
	s.end(end, failure, p)
	if p != nil {
		panicAgain(p)
	}
}

// end is the end of every span: it freezes s, reports it, and tells those who wait for the end of a local root.
// If panicked is not nil, s fails with that panic, else with failure, if that is not nil. Only the first call counts.
func (s *Span) end(at time.Time, failure error, panicked any) {
	if panicked != nil {
		failure = &panicError{panicked}
	}
	if !s.finish(at, failure, s.errorAttrs(failure)) {
		return
	}
	if s.root == nil {
		defer s.settle() // also if the Tracer's handler panics
	}
	s.env.tracer.report(s, at)
}

// settle tells the watcher that s, a local root, has ended.
func (s *Span) settle() {
	if w, ok := s.watcher.Load().(rootWatcher); ok {
		w.rootEnded(s)
	}
}

// finish freezes s, failed with failure, which attrs describe, if that is not nil. It reports false if s had ended before.
func (s *Span) finish(end time.Time, failure error, attrs []slog.Attr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) {
		return false
	}
	if failure != nil {
		s.fail(failure, attrs)
		if _, ok := failure.(*panicError); ok {
			if stack := panicStack(); stack != "" {
				s.extra().stack = stack
			}
		}
	}
	if x := s.rare.Load(); x != nil {
		x.index = nil
	}
	s.duration = max(end.Sub(s.start), 0)
	s.state.Or(ended)
	return true
}

// text returns what is text about s.
func (s *Span) text() packed {
	if b := s.bound.latest.Load(); b != nil {
		return b.text
	}
	var mem [48 + 16 + 40]byte
	b := append(mem[:0], s.ids[:]...)
	b = w3c.AppendHex(b, s.parentID[:])
	return packed(jsontext.AppendNow(b, s.start, true))
}

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

// A Span is one operation of a trace. It has a name, a beginning and an end, and it may have a parent.
// [Start] makes it, with a context in which it is the current span. [Span.End] reports it as one record.
//
// All methods are safe for concurrent use and do nothing on a nil Span. Do not use the zero Span.
// A span may outlive its parent.
type Span struct {
	parent   context.Context // the context that Start was called with
	root     *Span           // the outermost local span above this one; nil: this one. See localRoot
	env      *env            // never nil
	ids      w3c.IDs
	parentID SpanID // zero on a root
	op       string // as given to Start; a later SetOp sets rare.op
	start    time.Time
	duration time.Duration // set by End
	rare     atomic.Pointer[rare]
	watcher  atomic.Value // on a local root: its rootWatcher; unset if there is none
	mu       sync.Mutex   // guards attrs and the marked fields of rare until the span has ended, and the watcher's state
	attrs    []slog.Attr  // each key once
	bound    boundCache
	state    atomic.Uint32
	flags    Flags
	kind     uint8  // index in spanKinds
	pinned   uint16 // size of attrs that TailHandlers counted with the span's first held record: see pinnedUnit; guarded by mu
}

// A rootWatcher waits for the end of a local root.
type rootWatcher interface{ rootEnded(s *Span) }

// Bits of Span.state.
const (
	ended   = 1 << iota
	failed  // Fail or End got an error
	written // although the trace is not sampled: the span or a descendant failed
	spoiled // on a local root: it failed, or a span below it did
	counted // counted by the root's first TailHandler; the higher bits are for the others: see tailRoot.spanSize
)

// rare holds fields that few spans need, so that other spans stay small.
type rare struct {
	op     atomic.Pointer[string] // set by SetOp
	links  []SpanContext
	queued time.Duration // valid if waited
	waited bool
	pc     uintptr // of the call of Start

	// Guarded by Span.mu.
	err    error
	stack  string
	status *status        // nil if nobody set it
	index  map[string]int // of Span.attrs, while the span runs: see attrSet

	foreign  foreignSpan
	external bool // the parent is a span of another library
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

// Start begins a span named op and returns it, with a context in which it is the current span.
// Its parent is ctx's current span or remote parent. If ctx has neither, Start begins a new trace.
// End the span, usually with a deferred call, so that it sees the function's error:
//
//	func Charge(ctx context.Context, id string) (err error) {
//		ctx, span := slogtrace.Start(ctx, "charge", slog.String("booking", id))
//		defer span.End(&err)
//
// op names a kind of work, not one piece of it: "charge", not "charge 4711". An empty op becomes "unnamed".
// attrs appear on the span's own record. If a key appears more than once, the last one counts. attrs is copied.
// attrs may contain [Link] attributes and one of [KindServer] and the other kinds. A nil ctx means [context.Background].
//
// Start uses the Tracer of ctx, or the default one.
func Start(ctx context.Context, op string, attrs ...slog.Attr) (context.Context, *Span) {
	c := currentOf(ctx)
	return c.env.tracerOrDefault().start(ctx, c, op, attrs, 1)
}

// Do runs fn in a new span. If fn returns an error or panics, the span is marked failed.
// Do returns fn's error. A panic goes on.
func Do(ctx context.Context, op string, fn func(context.Context) error, attrs ...slog.Attr) (err error) {
	c := currentOf(ctx)
	ctx, span := c.env.tracerOrDefault().start(ctx, c, op, attrs, 1)
	defer span.End(&err)
	return fn(ctx)
}

// SpanContext returns the span's identity for other processes. It is zero for a nil Span.
func (s *Span) SpanContext() SpanContext {
	if s == nil {
		return SpanContext{}
	}
	return SpanContext{TraceID: s.ids.Trace(), SpanID: s.ids.Span(), Flags: s.flags, State: s.env.state}
}

// Op returns the span's name. It is "" for a nil Span.
func (s *Span) Op() string {
	if s == nil {
		return ""
	}
	if op := s.renamed(); op != nil {
		return *op
	}
	return s.op
}

// renamed returns the last name given to SetOp, or nil if it was not called.
func (s *Span) renamed() *string {
	if r := s.rare.Load(); r != nil {
		return r.op.Load()
	}
	return nil
}

// String returns the span's name and ids for people. It is "" for a nil Span.
func (s *Span) String() string {
	if s == nil {
		return ""
	}
	return s.Op() + " " + s.SpanContext().Traceparent()
}

// SetOp renames the span. Records from now on and its end record carry the new name.
// An empty op becomes "unnamed". After End, SetOp does nothing.
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

// snapshot returns a copy of s as it is now. Later changes of s do not reach it.
func (s *Span) snapshot() *Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Span{
		parent: s.parent, root: s.localRoot(), env: s.env, ids: s.ids, parentID: s.parentID, op: s.op, start: s.start,
		duration: s.duration, attrs: slices.Clone(s.attrs), flags: s.flags, kind: s.kind,
	}
	c.state.Store(s.state.Load() & (counted - 1))
	if x := s.rare.Load(); x != nil {
		own := &rare{links: x.links, queued: x.queued, waited: x.waited, pc: x.pc, err: x.err, stack: x.stack, external: x.external}
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

// addMissing adds the attributes in attrs whose keys s does not have yet. s.mu must be held.
func (s *Span) addMissing(attrs []slog.Attr) {
	for i, a := range attrs {
		if a.Key != "" && !slices.ContainsFunc(s.attrs, func(b slog.Attr) bool { return b.Key == a.Key }) {
			s.add(attrs[i : i+1])
		}
	}
}

// add adds attrs to s. s.mu must be held.
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

// SetAttrs adds attributes to the span's end record. If a key appears more than once, the last one counts.
// attrs is copied. After End, SetAttrs does nothing.
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

// Fail marks the span failed with err, if err counts as a failure (see [TracerOptions.IsFailure]).
// Only the first failure is recorded. Fail does nothing if err is nil or after End.
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

// failsWith reports whether err is not nil and counts as a failure.
func (s *Span) failsWith(err error) (fails bool) {
	defer func() {
		if recover() != nil {
			// IsFailure panicked. The span must end all the same, and a panic may already be going on.
			fails = true
		}
	}()
	return err != nil && s.env.tracer.isFailure(err)
}

// errorAttrs returns the attributes that describe err, if s can still fail with it.
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

// fail marks s failed with err and adds attrs, which describe err, unless s has failed or ended already. s.mu must be held.
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

// markWritten marks s as written although its trace is not sampled, because it failed. It marks the spans above it too.
// It marks the outermost first: so if a span is marked, all above it are, and the next failure below can stop there.
func (s *Span) markWritten() {
	var way []*Span
	for p := s; p != nil && !p.is(written); p = p.localParent() {
		way = append(way, p)
	}
	for _, p := range slices.Backward(way) {
		p.state.Or(written)
	}
}

// localParent returns the span's parent if that is a span of this process, even if it has ended.
func (s *Span) localParent() *Span {
	c := currentOf(s.parent)
	if s.root != nil && s.isBelowForeign() {
		return c.remote.hidden
	}
	return c.span
}

// localRoot returns the outermost span of this process above s with no remote parent between.
// It is s itself if s has a remote parent or no parent.
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
// If err is given and *err counts as a failure, the span is marked failed with it, unless [Span.Fail] marked it before.
// Pass the address of the function's named result, so that the error it returns is the one recorded
// (the value itself would be read when the defer statement runs, while it is still nil):
//
//	defer span.End(&err)
//
// If End itself is the deferred call and the function panics, the span is marked failed with the panic.
// The innermost span also records the stack. Then the panic goes on with the same value.
// (Code between two spans that recovers and panics again makes a new panic, with a stack of its own.)
// If End is called inside a deferred closure, it does not see the panic: that is Go's rule for recover.
// Use [Do] or [Span.Fail] there. [runtime.Goexit] does not count as a failure.
//
// Only the first call counts.
func (s *Span) End(err ...*error) {
	if s == nil || s.is(ended) {
		return
	}
	end := time.Now()
	// recover works only here, in the deferred function itself, and not in one that it calls.
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

// end ends any span: it freezes s, reports it, and tells the watcher if s is a local root.
// If panicked is not nil, s fails with that panic; otherwise with failure, if that is not nil. Only the first call counts.
func (s *Span) end(at time.Time, failure error, panicked any) {
	if panicked != nil {
		failure = &panicError{panicked}
	}
	if failure == nil {
		failure = s.statusFailure()
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

// finish freezes s. If failure is not nil, s is marked failed with it; attrs describe it.
// It reports false if s had already ended.
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

// texts returns the ids, the parent's id and the start of s as text.
func (s *Span) texts() spanTexts {
	if b := s.bound.latest.Load(); b != nil {
		return b.texts
	}
	var mem [48 + 16 + 40]byte
	b := append(mem[:0], s.ids[:]...)
	b = w3c.AppendHex(b, s.parentID[:])
	return spanTexts(jsontext.AppendNow(b, s.start, true))
}

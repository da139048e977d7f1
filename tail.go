package slogtrace

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// A TailHandler holds records back until it is known whether they are worth keeping, and then passes them on
// to another handler, or drops them. So debug logs can stay on in production, and only those of failed requests are shipped.
//
// It holds the records of each local root span: a span that no other span of this process stands above, such as that
// of a request that came in. (A process may hold several of one trace; each has a verdict of its own.)
// When that span has ended, all of its records are let through, span records included,
//
//   - if it or a span below it failed,
//   - if one of the records reached [TailOptions.KeepLevel],
//   - if the root took [TailOptions.Slow] or longer,
//   - or if the trace falls in the kept share: see [TailOptions.Share].
//
// Else only those at or above [TailOptions.PassLevel] are, and the rest is dropped and counted: see [TailHandler.Stats].
//
// What comes after the verdict, from a goroutine that outlives its request, follows it at once. Where it was to drop
// and a span fails or a record reaches KeepLevel after all, everything from there on is let through,
// and what was dropped before is counted as late.
//
// The records of a root stay in the order in which they came, and keep their times; those of different roots
// no longer alternate. (One overtakes others only where [TailOptions.MaxRootBytes] of them wait for the next handler,
// which has taken none for a second.) What is in no local span passes at once: records outside a trace, and those under a remote parent
// before the first [Start], which no end of a span would ever decide about.
//
// # What is held
//
// Where the next handler is a [JSONHandler], the finished lines are held, and written with few calls of Write, each of whole lines.
// Else the records are, with the name that their span has at that moment, and with the attributes that the record, its span
// and [With] have; each LogValuer is resolved at once. What they reach by a pointer (a map, a struct, an error)
// is read when the record is let through: the program must not change it after the call.
//
// [TailStats.HeldBytes] is the memory that is held, and [TailOptions.MaxRootBytes] and [TailOptions.MaxBytes] bound it. These bytes are counted:
//
//   - about 250 for each root of which something is held,
//   - the buffers for lines, with the part of them that is not used yet: the first fits one line, the others double, up to 32 KiB,
//   - for each record about 330, with its message and its attributes: keys, strings, groups, and structs in an interface,
//   - for each span record, and for each record of a span other than the root, that span and those between it and the root
//     (about 200 each) with their attributes, once,
//   - the attributes of With, and of a handler that [slog.Logger.With] made, where only a held record has them.
//
// What a value reaches by pointer, map or slice, or by an interface in a struct, is not counted. Nor are the user's own values
// in a held record's context. A string counts its own length: one that was cut from a longer string keeps all of that in memory,
// so clone it ([strings.Clone]) where that matters. Each TailHandler counts all that it holds, even if another one holds it too.
//
// A root of which nothing is held, and one that was let through, keeps at most 32 bytes for each TailHandler.
// Beside all that, up to 1/64 of MaxBytes is kept for use again.
//
// So put it around the JSONHandler itself, and around a [Handler] rather than inside one: what is dropped then has not
// been given ids first.
//
// # What can be lost
//
// Held records are in memory. A crash, os.Exit, log.Fatal or a signal that kills lose what is held for the roots that have not
// ended, those at or above PassLevel among it. A panic that unwinds through a deferred [Span.End] ends its root and loses nothing.
// Call [TailHandler.Close] before the program exits.
//
// A TailHandler is safe for concurrent use, and so are the handlers derived from it, which hold in the same place.
// It calls the next handler, and drops, in the goroutine that ends the root; a root that has become too old,
// in one of its own. The next handler's errors, and its panics, are counted where there is no call to return them from.
type TailHandler struct {
	tail *tail
	next slog.Handler
	json *JSONHandler // that is next, where lines are held; else nil

	bound   int         // how much memory With and WithGroup took for it; 0 if it is not derived
	counted atomic.Bool // bound, by the root that held the first record
}

// TailOptions are options for [NewTailHandler]. The zero value means the defaults.
type TailOptions struct {
	// PassLevel is the level at and above which records are let through whatever the verdict; nil means Info.
	PassLevel slog.Leveler

	// KeepLevel is the level that a record has to reach for its root to be kept; nil means Error.
	KeepLevel slog.Leveler

	// Slow is how long a root has to take to be kept. 0: no time is too long.
	Slow time.Duration

	// Share is the share of all traces that is kept whatever happens in them: 0.1 is one in ten, 1 all of them.
	// The trace id decides, as with OpenTelemetry's consistent sampling, so services that keep the same share keep the same traces.
	// The span records of a root that is kept for no other reason carry a sample_rate, unless they would have passed
	// for their level, so that readers who weight by it are not misled by all the failures.
	Share float64

	// MaxRootBytes limits the memory held for one root, and MaxBytes that held in all, in bytes.
	// The doc of TailHandler, "What is held", says what is counted. 0 means 1 MiB and 64 MiB.
	MaxRootBytes, MaxBytes int

	// MaxAge is how long after its first record a root is held. 0 means a minute.
	MaxAge time.Duration

	// Beyond these bounds nothing is dropped: the root in question, which is that of the record that is too much,
	// is let through and its records from then on pass as they come. TailStats has the number of such roots.
}

const (
	defaultMaxRootBytes = 1 << 20
	defaultMaxBytes     = 64 << 20
	defaultMaxAge       = time.Minute
)

// NewTailHandler returns a [TailHandler] that passes on to next. Nil options mean the defaults; they are copied.
// It panics if next is nil.
//
// The levels that next is enabled for are those that are held, so enable it for debug records:
//
//	next := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug})
//	tail := slogtrace.NewTailHandler(next, nil)
//	defer tail.Close()
//	slog.SetDefault(slog.New(tail))
//
// Next may be the handler that package slog begins with: text is written in its place, as [NewHandler] does.
func NewTailHandler(next slog.Handler, opts *TailOptions) *TailHandler {
	if next == nil {
		panic("slogtrace: NewTailHandler: want a handler, got nil") // as NewHandler does
	}
	t := newTail(opts)
	h := &TailHandler{tail: t, next: notInitial(next)}
	if h.json, _ = next.(*JSONHandler); h.json != nil {
		t.lines = h.json.out
	}
	return h
}

// Enabled asks the next handler: below PassLevel too, a record may yet be wanted.
func (h *TailHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs returns a handler whose records carry attrs too.
func (h *TailHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.derived(h.next.WithAttrs(attrs), attrsSize(attrs))
}

// WithGroup returns a handler whose further attributes are members of a group.
func (h *TailHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.derived(h.next.WithGroup(name), len(name))
}

// derived returns a handler like h for next, which has size bytes of attributes more.
func (h *TailHandler) derived(next slog.Handler, size int) *TailHandler {
	h2 := &TailHandler{tail: h.tail, next: next, bound: max(h.bound, boundSize) + size}
	if h.json != nil {
		h2.json, _ = next.(*JSONHandler)
	}
	return h2
}

// Handle holds r, passes it on or drops it. It returns the next handler's error where that is called at once.
func (h *TailHandler) Handle(ctx context.Context, r slog.Record) error {
	c := currentOf(ctx)
	s, e := c.span, eventNone
	if isSpanMessage(r.Message) {
		if span, event := spanOf(&r); span != nil {
			s, e = span, event
		}
	}
	if s == nil {
		return h.next.Handle(ctx, r)
	}
	t := h.tail.rootOf(s)
	for {
		switch t.admit(r.Level) {
		case fatePass:
			return h.next.Handle(ctx, r)
		case fateWeigh:
			if e != eventNone && r.Level < h.tail.passLevel() {
				r = h.weigh(s, r)
			}
			return h.next.Handle(ctx, r)
		case fateDrop:
			return nil
		}
		if h.json != nil && h.holdLine(t, &c, s, e, &r) || h.json == nil && h.holdRecord(t, ctx, &c, &r) {
			return nil
		}
		// The verdict has fallen meanwhile.
	}
}

func (h *TailHandler) readsMarks() bool { return readsMarks(h.next) }

// handleReport is Handle for r.
func (h *TailHandler) handleReport(r spanReport, x *redactor) (_ error, ok bool) {
	if x != nil {
		return nil, false
	}
	t := h.tail.rootOf(r.span)
	for {
		switch t.admit(r.level) {
		case fatePass:
			return r.pass(h.next), true
		case fateWeigh:
			return h.tail.weighedReport(r, r.level < h.tail.passLevel()).pass(h.next), true
		case fateDrop:
			return nil, true
		}
		if h.json != nil && h.holdSpanLine(t, &r) || h.json == nil && h.holdSpan(t, &r) {
			return nil, true
		}
	}
}

// Flush lets everything through that is held, without a verdict, and the rest of those roots as it comes.
// It returns what errors the next handler returned for it; ctx is asked before each root, and its error ends Flush,
// with what is not let through still held. What another goroutine is letting through, it waits for,
// so a handler must not call it while it handles a record. It does not flush the next handler.
func (h *TailHandler) Flush(ctx context.Context) error {
	var errs []error
	for _, t := range h.tail.openRoots() {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := t.letThrough(&h.tail.stats.flushed); err != nil {
			errs = append(errs, err)
		}
		t.wait()
	}
	return errors.Join(errs...)
}

// Close lets everything through that is held, as Flush does, and everything from then on as it comes:
// the handler can be used as before, and holds nothing any more. It does not close the next handler.
func (h *TailHandler) Close() error {
	h.tail.close()
	return h.Flush(context.Background())
}

// TailStats are a TailHandler's counts. Records are those of local roots: what passes outside of them is in none.
// Each of those that came is in one of Held, Kept, Passed and Dropped.
type TailStats struct {
	Held      int64 // records that are held now
	HeldBytes int64 // memory held now, which MaxBytes bounds: see "What is held" at TailHandler

	Kept         int64 // records of roots that were let through, by a verdict or without one
	Passed       int64 // records of other roots, let through for their level
	Dropped      int64 // records
	DroppedBytes int64 // of those of them that were held first: the lengths of their lines, or the memory that the records took
	Late         int64 // records dropped before something failed in their root after all; Dropped has them too
	Lost         int64 // records let through for which the next handler returned an error, panicked or ended the goroutine, with nobody to be told

	KeptRoots    int64 // verdicts to let all of the records through
	DroppedRoots int64 // verdicts not to

	// Roots that were let through without a verdict: they had too many bytes, or all had, or were too old; or by Flush and Close.
	OverRootBytes, OverBytes, OverAge, Flushed int64
}

// Stats returns the counts so far, of h and all handlers that are derived from the same one.
func (h *TailHandler) Stats() TailStats {
	t := h.tail
	s := &t.stats
	stats := TailStats{
		HeldBytes: t.bytes.Load(),
		Kept:      s.kept.Load(), Passed: s.passed.Load(), Dropped: s.dropped.Load(), DroppedBytes: s.droppedBytes.Load(),
		Late: s.late.Load(), Lost: s.lost.Load(), KeptRoots: s.keptRoots.Load(), DroppedRoots: s.droppedRoots.Load(),
		OverRootBytes: s.overRoot.Load(), OverBytes: s.overAll.Load(), OverAge: s.overAge.Load(), Flushed: s.flushed.Load(),
	}
	for _, r := range t.openRoots() {
		stats.Held += r.count()
	}
	return stats
}

type tailCounts struct {
	kept, passed, dropped, droppedBytes, late, lost, keptRoots, droppedRoots, overRoot, overAll, overAge, flushed atomic.Int64
}

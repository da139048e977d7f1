package slogtrace

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/initial"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// A TailHandler holds records back until it is known whether they are worth keeping. Then it passes them to another handler
// or drops them. So debug logs can stay on in production, and only those of failed requests are written.
//
// It holds the records of each local root span: a span with no other span of this process above it, such as that
// of an incoming request. (A process may hold several roots of one trace; each has its own verdict.)
// When the root has ended, all of its records are let through, including span records,
//
//   - if it or a span below it failed,
//   - if one of the records reached [TailOptions.KeepLevel],
//   - if the root took [TailOptions.Slow] or longer,
//   - or if the trace is in the kept share: see [TailOptions.Share].
//
// Otherwise only records at or above [TailOptions.PassLevel] are let through. The others are dropped and counted:
// see [TailHandler.Stats].
//
// A record that comes after the verdict, from a goroutine that outlives its request, follows the verdict at once.
// If the verdict was to drop, and then a span fails or a record reaches KeepLevel, everything from there on is let through,
// and the records dropped before are counted as late.
//
// The records of a root keep their order and their times. Those of different roots no longer alternate.
// (A record overtakes others only if [TailOptions.MaxRootBytes] of them wait for the next handler,
// which has taken none for a second.) Records in no local span pass at once: records outside a trace, and those under
// a remote parent before the first [Start], because no end of a span would ever decide about them.
//
// # What is held
//
// If the next handler is a [JSONHandler], finished lines are held. They are written with few calls of Write,
// each of whole lines. For other handlers, records are held, with the name that their span has at that moment, and with the attributes of
// the record, its span and [With]. Each LogValuer is resolved at once. Data behind a pointer (a map, a struct, an error)
// is read when the record is let through: the program must not change it after the call.
//
// [TailStats.HeldBytes] is the memory held. [TailOptions.MaxRootBytes] and [TailOptions.MaxBytes] limit it.
// These bytes are counted:
//
//   - about 270 for each root with something held, and 24 for each record in it,
//   - the buffers for lines, including their unused part: the first fits one line, the others double, up to 32 KiB,
//   - for each record that is not a line about 320, with its message and its attributes: keys, strings, groups, and structs in an interface,
//   - for each span record, and for each record of a span other than the root, that span and the spans
//     between it and the root (about 200 each) with their attributes, once,
//   - the attributes of With, and of a handler that [slog.Logger.With] made, if only a held record has them.
//
// Data that a value reaches by a pointer, map or slice, or by an interface in a struct, is not counted. Neither are the
// user's own values in a held record's context. A string counts with its own length. If it was cut from a longer string,
// it keeps all of that in memory: clone it ([strings.Clone]) if that matters. Each TailHandler counts everything it holds,
// even if another one holds it too.
//
// A root with nothing held, and one that was let through, keeps at most 32 bytes for each TailHandler.
// In addition, up to 1/64 of MaxBytes is kept for reuse.
//
// So wrap the JSONHandler itself, and put a TailHandler around a [Handler] rather than inside one: then dropped records
// never get ids.
//
// # What can be lost
//
// Held records are in memory. A crash, os.Exit, log.Fatal or a signal that kills the process loses the held records of roots
// that have not ended, even those at or above PassLevel. A panic that unwinds through a deferred [Span.End] ends its root
// and loses nothing. Call [TailHandler.Close] before the program exits.
//
// A TailHandler is safe for concurrent use, and so are the handlers derived from it, which share what it holds.
// It calls the next handler, and drops records, in the goroutine that ends the root; for a root that has become too old,
// in a goroutine of its own. If no call can return the next handler's errors and panics, they are counted.
type TailHandler struct {
	tail  *tail
	next  slog.Handler
	lines lineHandler // next, if lines are held; otherwise nil

	bound   int         // memory that With and WithGroup took for it; 0 if it is not derived
	counted atomic.Bool // bound was counted, by the root that held the first record
}

// A lineHandler can make the line of a record and leave it to others to write it. A JSONHandler is one.
//
// Its methods get records and contexts by value: by pointer, an interface would move each of them to the heap.
type lineHandler interface {
	slog.Handler
	output() *output
	lineOf(mem *scratch, c current, r slog.Record) []byte
	spanLineOf(mem *scratch, r spanReport) []byte

	// hasSpanLine reports whether spanLineOf needs no record of s. x is nil.
	hasSpanLine(s *Span, x *redact.Redactor) bool
}

// linesOf returns h if it is a lineHandler, else nil.
func linesOf(h slog.Handler) lineHandler {
	if _, ok := oursOf(h); !ok {
		return nil
	}
	lines, _ := h.(lineHandler)
	return lines
}

// TailOptions are options for [NewTailHandler]. The zero value means the defaults.
type TailOptions struct {
	// PassLevel is the level at and above which records are let through, whatever the verdict. Nil means Info.
	PassLevel slog.Leveler

	// KeepLevel is the level at and above which a record makes its root kept. Nil means Error.
	KeepLevel slog.Leveler

	// Slow is how long a root must take to be kept. 0 means that no root is kept for its time.
	Slow time.Duration

	// Share is the share of all traces that is kept whatever happens in them: 0.1 is one in ten, 1 all of them.
	// The trace id decides, as in OpenTelemetry's consistent sampling, so services with the same share keep the same traces.
	// If a root is kept for no other reason, its span records carry a sample_rate, except those that would have passed
	// for their level. So readers who weight by it count the failures right.
	Share float64

	// MaxRootBytes limits the memory held per root, and MaxBytes that held in all, in bytes.
	// The doc of TailHandler, "What is held", lists what is counted. 0 means 1 MiB and 64 MiB.
	MaxRootBytes, MaxBytes int

	// MaxAge limits how long a root is held, from its first record. 0 means a minute.
	MaxAge time.Duration

	// At these limits nothing is dropped. The root of the record that exceeds one is let through without a verdict,
	// and its later records pass at once. TailStats counts such roots.
}

const (
	defaultMaxRootBytes = 1 << 20
	defaultMaxBytes     = 64 << 20
	defaultMaxAge       = time.Minute
)

// NewTailHandler returns a [TailHandler] that passes records to next. It panics if next is nil.
// opts are copied. Nil means the defaults.
//
// It holds records at the levels that next is enabled for, so enable next for debug records:
//
//	next := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug})
//	tail := slogtrace.NewTailHandler(next, nil)
//	defer tail.Close()
//	slog.SetDefault(slog.New(tail))
//
// next may be the initial handler of package slog: text lines are written in its place, as with [NewHandler].
func NewTailHandler(next slog.Handler, opts *TailOptions) *TailHandler {
	if next == nil {
		panic("slogtrace: NewTailHandler: want a handler, got nil") // as NewHandler does
	}
	t := newTail(opts)
	h := &TailHandler{tail: t, next: initial.Replace(next)}
	if h.lines = linesOf(next); h.lines != nil {
		t.out = h.lines.output()
	}
	return h
}

// Enabled reports what the next handler's Enabled reports: a record below PassLevel may also be kept.
func (h *TailHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs returns a handler that adds attrs to every record.
func (h *TailHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.derived(h.next.WithAttrs(attrs), attrsSize(attrs))
}

// WithGroup returns a handler that puts later attributes into a group.
func (h *TailHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.derived(h.next.WithGroup(name), len(name))
}

// derived returns a handler like h for next, which has size more bytes of attributes.
func (h *TailHandler) derived(next slog.Handler, size int) *TailHandler {
	h2 := &TailHandler{tail: h.tail, next: next, bound: max(h.bound, boundSize) + size}
	if h.lines != nil {
		h2.lines = linesOf(next)
	}
	return h2
}

// Handle holds r, passes it on or drops it. If it calls the next handler at once, it returns that handler's error.
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
		if h.lines != nil && h.holdLine(t, &c, s, e, &r) || h.lines == nil && h.holdRecord(t, ctx, &c, &r) {
			return nil
		}
		// The verdict has been given meanwhile.
	}
}

func (h *TailHandler) self() slog.Handler       { return h }
func (h *TailHandler) readsMarks() bool         { return readsMarks(h.next) }
func (h *TailHandler) reserves(key string) bool { return reserves(h.next, key) }

// handleReport is Handle for r.
func (h *TailHandler) handleReport(r spanReport, x *redact.Redactor) (_ error, ok bool) {
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
		if h.lines != nil && h.holdSpanLine(t, &r) || h.lines == nil && h.holdSpan(t, &r) {
			return nil, true
		}
	}
}

// Flush lets through everything that is held, without a verdict. Later records of those roots pass at once.
// It returns the errors of the next handler. It checks ctx before each root: if ctx is done, Flush ends with its error,
// and the other roots stay held. Flush waits while another goroutine lets records through,
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

// Close lets through everything that is held, as Flush does. Later records pass at once.
// The handler can still be used, but holds nothing any more. Close does not close the next handler.
func (h *TailHandler) Close() error {
	h.tail.close()
	return h.Flush(context.Background())
}

// TailStats are a TailHandler's counts. They count records of local roots only; records that pass outside of one
// are not counted. Each counted record is in one of Held, Kept, Passed and Dropped.
type TailStats struct {
	Held      int64 // records held now
	HeldBytes int64 // memory held now, limited by MaxBytes: see "What is held" at TailHandler

	Kept         int64 // records of roots that were let through, with or without a verdict
	Passed       int64 // records of other roots, let through because of their level
	Dropped      int64 // records
	DroppedBytes int64 // of dropped records that were held first: the lengths of their lines, or the memory that the records took
	Late         int64 // records dropped before something failed in their root after all; also in Dropped
	Lost         int64 // let through, but the next handler returned an error, panicked or ended the goroutine, and no call returned it

	KeptRoots    int64 // verdicts to let all records through
	DroppedRoots int64 // verdicts to drop

	// Roots let through without a verdict, by reason: too many bytes in the root, too many in all, too old, Flush or Close.
	OverRootBytes, OverBytes, OverAge, Flushed int64
}

// Stats returns the counts so far, of h and of all handlers derived from the same one.
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

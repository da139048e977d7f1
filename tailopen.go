package slogtrace

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A tail is what a TailHandler and all handlers derived from it share.
type tail struct {
	opts  TailOptions // with the defaults filled in
	share *ratio      // decides which traces are in the kept share
	out   *output     // where held lines are written; nil if records are held
	bytes atomic.Int64
	stats tailCounts

	mu          sync.Mutex // locked after a root's lock, never before
	first, last *held      // list of the roots with something held, oldest first
	free        *held      // for later roots; linked by newer
	freeBytes   int        // the sum of their sizes
	armed       bool       // a timer will call expire
	closed      bool
}

func newTail(opts *TailOptions) *tail {
	t := new(tail)
	if opts != nil {
		t.opts = *opts
	}
	o := &t.opts
	if o.PassLevel == nil {
		o.PassLevel = slog.LevelInfo
	}
	if o.KeepLevel == nil {
		o.KeepLevel = slog.LevelError
	}
	if o.MaxRootBytes <= 0 {
		o.MaxRootBytes = defaultMaxRootBytes
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge <= 0 {
		o.MaxAge = defaultMaxAge
	}
	t.share = newRatio(o.Share)
	o.Share = t.share.rate
	return t
}

func (t *tail) passLevel() slog.Level { return t.opts.PassLevel.Level() }

// reaches reports whether a record of that level makes its root kept.
func (t *tail) reaches(level slog.Level) bool { return level >= t.opts.KeepLevel.Level() }

// rootOf returns the local root of s, with t's state of it.
func (t *tail) rootOf(s *Span) tailRoot {
	root := s.localRoot()
	for {
		first, _ := root.watcher.Load().(*tailState)
		for state := first; state != nil; state = state.next {
			if state.tail == t {
				return tailRoot{state, root}
			}
		}
		r := tailRoot{&tailState{tail: t, next: first}, root}
		var old any
		if first != nil {
			old = first
		}
		if root.watcher.CompareAndSwap(old, r.tailState) {
			if root.is(ended) { // settle may have missed r
				r.decide()
			}
			return r
		}
	}
}

// open returns a held for r, which must be locked. It returns nil if nothing may be held any more.
func (t *tail) open(r tailRoot) *held {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	h := t.free
	if h != nil {
		t.free = h.newer
		t.freeBytes -= h.size
		h.newer = nil
	} else {
		h = &held{size: heldSize}
	}
	h.root, h.since = r, time.Now()
	if h.older = t.last; h.older != nil {
		h.older.newer = h
	} else {
		t.first = h
	}
	t.last = h
	if !t.armed {
		t.arm(t.opts.MaxAge)
	}
	return h
}

// remove undoes open for h, which holds nothing any more. It keeps its memory and that of b for another root,
// within a limit, so that this memory is small compared with MaxBytes even if many roots end at once.
func (t *tail) remove(h *held, b heldBuffer) {
	t.bytes.Add(-int64(h.counted))
	b.reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	if h.older != nil {
		h.older.newer = h.newer
	} else {
		t.first = h.newer
	}
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		t.last = h.older
	}
	*h = held{heldBuffer: b, size: heldSize + b.capacity()}
	if t.freeBytes+h.size <= t.opts.MaxBytes/freeShare {
		h.newer = t.free
		t.free = h
		t.freeBytes += h.size
	}
}

// freeShare is the divisor of MaxBytes that limits the memory kept for reuse.
const freeShare = 64

// arm schedules a call of expire after d. t.mu must be held. There is one timer for all roots, and it is not stopped
// when a root ends: that would cost each root more than an unneeded call once in a while.
func (t *tail) arm(d time.Duration) {
	t.armed = true
	time.AfterFunc(d, t.expire)
}

// expire lets through the roots that have become too old.
func (t *tail) expire() {
	t.mu.Lock()
	var old []tailRoot
	t.armed = false
	for h := t.first; h != nil; h = h.newer {
		if left := t.opts.MaxAge - time.Since(h.since); left > 0 {
			t.arm(left)
			break
		}
		old = append(old, h.root)
	}
	t.mu.Unlock()
	for _, r := range old {
		_ = r.letThrough(&t.stats.overAge) // counted
	}
}

func (t *tail) openRoots() (roots []tailRoot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for h := t.first; h != nil; h = h.newer {
		roots = append(roots, h.root)
	}
	return roots
}

func (t *tail) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

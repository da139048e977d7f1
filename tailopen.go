package slogtrace

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A tail is what a TailHandler shares with those derived from it.
type tail struct {
	opts  TailOptions // with the defaults
	share *ratio      // which traces are in the kept share
	lines *output     // where held lines are written; nil where records are held
	bytes atomic.Int64
	stats tailCounts

	mu          sync.Mutex // taken after a tailRoot's, never before
	first, last *tailRoot  // those for which something is held, the oldest first
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

// rootOf returns what t knows of the local root of s.
func (t *tail) rootOf(s *Span) *tailRoot {
	root := s.localRoot()
	x := root.extra()
	first := x.tails.Load()
	for r := first; r != nil; r = r.next {
		if r.tail == t {
			return r
		}
	}
	r := &tailRoot{tail: t, root: root, next: first, shared: t.shares(root)}
	if !x.tails.CompareAndSwap(first, r) {
		return t.rootOf(s)
	}
	if root.is(ended) { // perhaps too late for settle to see r
		r.decide()
	}
	return r
}

// open notes that something is held for r. It reports false if nothing is to be held any more.
func (t *tail) open(r *tailRoot) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	r.since = time.Now()
	if r.older = t.last; r.older != nil {
		r.older.newer = r
	} else {
		t.first = r
	}
	t.last = r
	r.opened = true
	if !t.armed {
		t.arm(t.opts.MaxAge)
	}
	return true
}

// remove undoes open. It may be called again.
func (t *tail) remove(r *tailRoot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !r.opened {
		return
	}
	r.opened = false
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		t.first = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		t.last = r.older
	}
	r.older, r.newer = nil, nil
}

// arm has expire called after d. t.mu is held. There is one timer for all roots, and it is not stopped when one ends:
// that would cost each of them more than a call in vain costs once in a while.
func (t *tail) arm(d time.Duration) {
	t.armed = true
	time.AfterFunc(d, t.expire)
}

// expire lets through the roots that have become too old.
func (t *tail) expire() {
	t.mu.Lock()
	var old []*tailRoot
	t.armed = false
	for r := t.first; r != nil; r = r.newer {
		if left := t.opts.MaxAge - time.Since(r.since); left > 0 {
			t.arm(left)
			break
		}
		old = append(old, r)
	}
	t.mu.Unlock()
	for _, r := range old {
		_ = r.letThrough(&t.stats.overAge) // counted
	}
}

func (t *tail) openRoots() (roots []*tailRoot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r := t.first; r != nil; r = r.newer {
		roots = append(roots, r)
	}
	return roots
}

func (t *tail) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

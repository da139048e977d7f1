package slogtrace

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A tailRoot is what one tail knows of one local root. The root has it, so that it lives as long as its spans do.
type tailRoot struct {
	tail   *tail
	next   *tailRoot // another tail's
	root   *Span
	shared bool // the trace is in the kept share

	phase atomic.Uint32 // written with mu held; never again once it is passing

	mu      sync.Mutex
	held    *held         // nil while there is nothing
	after   phase         // the phase that follows releasing
	reached bool          // a record that was held had KeepLevel
	dropped int64         // records
	room    chan struct{} // closed when there is some again; nil if nobody waits
	stuck   bool          // waiting for it was in vain
	turn    sync.Mutex    // held while releasing

	// guarded by tail.mu
	since        time.Time
	older, newer *tailRoot
	opened       bool
}

type phase = uint32

const (
	holding   phase = iota
	releasing       // what was held is being let through; what comes joins it at its end
	dropping        // the verdict: all below PassLevel
	sharing         // the verdict: nothing, for the share that the trace is in
	passing         // nothing is dropped
)

// A fate is what becomes of a record.
type fate uint8

const (
	fateHold  fate = iota
	fatePass       // it is handed on
	fateWeigh      // and if it is of a span, it is weighed
	fateDrop
)

// admit says what is to become of a record of that level, and counts it unless it is to be held.
func (t *tailRoot) admit(level slog.Level) fate {
	stats := &t.tail.stats
	switch t.phase.Load() {
	case holding:
		return fateHold
	case passing:
		stats.kept.Add(1)
		return fatePass
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	verdict := t.phase.Load()
	if verdict == releasing {
		if t.hasRoom() {
			return fateHold
		}
		verdict = t.after
	}
	if verdict != passing && t.isSpoiled(level) {
		t.pardon()
		verdict = passing
		if t.after = passing; t.phase.Load() != releasing {
			t.phase.Store(passing)
		}
	}
	switch {
	case verdict == passing:
		stats.kept.Add(1)
		return fatePass
	case verdict == sharing:
		stats.kept.Add(1)
		return fateWeigh
	case level >= t.tail.passLevel():
		stats.passed.Add(1)
		return fatePass
	}
	stats.dropped.Add(1)
	t.dropped++
	return fateDrop
}

// hasRoom reports whether t, which is locked and releasing, can hold more. Where it is full, who logs faster than
// the next handler takes it waits until there is room, as it would without us. But it may be the next handler itself
// that is logging: so it does not wait for ever, and no second time.
func (t *tailRoot) hasRoom() bool {
	for t.isFull() && !t.stuck && t.phase.Load() == releasing {
		if t.room == nil {
			t.room = make(chan struct{})
		}
		room := t.room
		t.mu.Unlock()
		select {
		case <-room:
			t.mu.Lock()
		case <-time.After(maxTailWait):
			t.mu.Lock()
			t.stuck = true
		}
	}
	return !t.isFull() || t.phase.Load() != releasing
}

const maxTailWait = time.Second

// makeRoom wakes those that wait in hasRoom.
func (t *tailRoot) makeRoom() {
	if t.room != nil {
		close(t.room)
		t.room = nil
	}
}

// isSpoiled reports whether the root is to be kept, as far as is known when a record of that level comes.
func (t *tailRoot) isSpoiled(level slog.Level) bool {
	return t.root.is(spoiled) || level >= t.tail.opts.KeepLevel.Level()
}

// pardon counts as late what was dropped. t.mu is held.
func (t *tailRoot) pardon() {
	t.tail.stats.late.Add(t.dropped)
	t.dropped = 0
}

// begin locks t, for a record of the given level and size to be added to what is held, which it returns; then end must follow.
// It returns nil, and nothing is locked, if t holds no more: admit says what to do then.
func (t *tailRoot) begin(level slog.Level, size int) *held {
	t.mu.Lock()
	switch p := t.phase.Load(); {
	case p > releasing, p == releasing && t.isFull():
		t.mu.Unlock()
		return nil
	case t.held == nil && p == holding && !t.tail.open(t):
		t.phase.Store(passing)
		t.mu.Unlock()
		return nil
	}
	if t.held == nil {
		t.held = heldPool.Get().(*held)
	}
	if level >= t.tail.opts.KeepLevel.Level() {
		t.reached = true
	}
	t.held.size += size
	t.tail.bytes.Add(int64(size))
	return t.held
}

// end unlocks t, and lets through what is held if it is too much.
func (t *tailRoot) end() {
	if t.phase.Load() == holding {
		if counter := t.excess(); counter != nil {
			counter.Add(1)
			_ = t.release(passing) // counted
			return
		}
	}
	t.mu.Unlock()
}

// isFull reports whether as much is held as may be.
func (t *tailRoot) isFull() bool { return t.held != nil && t.held.size > t.tail.opts.MaxRootBytes }

// excess returns nil, or what counts roots of which too much is held.
func (t *tailRoot) excess() *atomic.Int64 {
	switch {
	case t.isFull():
		return &t.tail.stats.overRoot
	case t.tail.bytes.Load() > int64(t.tail.opts.MaxBytes):
		return &t.tail.stats.overAll
	}
	return nil
}

// decide gives the verdict about a root that has ended, unless there is one.
func (t *tailRoot) decide() {
	t.mu.Lock()
	if t.phase.Load() != holding {
		t.mu.Unlock()
		return
	}
	stats, slow := &t.tail.stats, t.tail.opts.Slow
	verdict := dropping
	switch {
	case t.root.is(spoiled), t.reached, slow > 0 && t.root.duration >= slow:
		verdict = passing
	case t.shared:
		verdict = sharing
	}
	if verdict == dropping {
		stats.droppedRoots.Add(1)
	} else {
		stats.keptRoots.Add(1)
	}
	_ = t.release(verdict) // counted
}

// letThrough lets through what is held without a verdict, and counts the root, unless that is being done.
func (t *tailRoot) letThrough(counter *atomic.Int64) error {
	t.mu.Lock()
	if t.phase.Load() != holding {
		t.mu.Unlock()
		return nil
	}
	counter.Add(1)
	return t.release(passing)
}

// wait returns when nothing is being let through.
func (t *tailRoot) wait() {
	t.turn.Lock()
	defer t.turn.Unlock()
}

// release leads t, which is locked and holding, to the phase after, and unlocks it. It lets through what is held, without a lock:
// handlers and values may log in their turn. It returns the first error.
func (t *tailRoot) release(after phase) (err error) {
	if t.held == nil {
		t.phase.Store(after)
		t.mu.Unlock()
		return nil
	}
	t.after = after
	t.phase.Store(releasing)
	t.turn.Lock()
	t.mu.Unlock()
	defer func() {
		// In nearly all cases the phase is another by now. Not if a handler ended the goroutine.
		t.mu.Lock()
		if t.phase.Load() == releasing {
			t.phase.Store(passing)
		}
		t.makeRoom()
		t.mu.Unlock()
		t.turn.Unlock()
		t.tail.remove(t)
	}()
	for {
		t.mu.Lock()
		if t.after != passing && (t.root.is(spoiled) || t.reached) {
			t.pardon()
			t.after = passing
		}
		b, after := t.held, t.after
		t.held = nil
		t.makeRoom()
		if b == nil {
			t.phase.Store(after)
			t.mu.Unlock()
			return err
		}
		t.mu.Unlock()
		dropped, e := b.letThrough(t.tail, after)
		if err == nil {
			err = e
		}
		if dropped > 0 {
			t.mu.Lock()
			t.dropped += dropped
			t.mu.Unlock()
		}
	}
}

// count returns how many records are held.
func (t *tailRoot) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		return 0
	}
	return t.held.count()
}

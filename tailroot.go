package slogtrace

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A tailRoot is a local root and what one tail knows of it.
type tailRoot struct {
	*tailState
	span *Span
}

// A tailState is what a local root keeps for one tail until the span is garbage: 32 bytes, and what is held.
// The span's mu guards it. Only the phase is read without.
type tailState struct {
	tail *tail
	next *tailState    // another tail's; immutable
	held *held         // nil unless something is held or is being let through
	word atomic.Uint64 // the phase, and above it how many records have been dropped
}

type phase uint32

const (
	holding   phase = iota
	releasing       // what was held is being let through; new records join it at its end
	dropping        // the verdict: all below PassLevel
	sharing         // the verdict: nothing, for the share that the trace is in
	passing         // nothing is dropped; the last phase

	phaseBits = 3
)

func (t *tailState) phase() phase { return phase(t.word.Load() & (1<<phaseBits - 1)) }

// dropped returns how many records have been dropped and are not late.
func (t *tailState) dropped() int64 { return int64(t.word.Load() >> phaseBits) }

func (t *tailState) set(p phase, dropped int64) { t.word.Store(uint64(dropped)<<phaseBits | uint64(p)) }

// pardon counts as late what was dropped.
func (t *tailState) pardon() {
	t.tail.stats.late.Add(t.dropped())
	t.set(t.phase(), 0)
}

// A fate is what becomes of a record.
type fate uint8

const (
	fateHold  fate = iota
	fatePass       // it is passed on
	fateWeigh      // and if it is of a span, it is weighed
	fateDrop
)

// admit returns what must become of a record of that level, and counts it unless it must be held.
func (t tailRoot) admit(level slog.Level) fate {
	stats := &t.tail.stats
	switch t.phase() {
	case holding:
		return fateHold
	case passing:
		stats.kept.Add(1)
		return fatePass
	}
	passes, reaches := level >= t.tail.passLevel(), t.tail.reaches(level)
	t.span.mu.Lock()
	defer t.span.mu.Unlock()
	if t.phase() == releasing && t.hasRoom() {
		return fateHold
	}
	verdict := t.phase()
	if verdict == releasing {
		verdict = t.held.after
	}
	if verdict != passing && (reaches || t.span.is(spoiled)) {
		t.pardon()
		verdict = passing
		if t.phase() == releasing {
			t.held.after = passing
		} else {
			t.set(passing, 0)
		}
	}
	switch {
	case verdict == passing:
		stats.kept.Add(1)
		return fatePass
	case verdict == sharing:
		stats.kept.Add(1)
		return fateWeigh
	case passes:
		stats.passed.Add(1)
		return fatePass
	}
	stats.dropped.Add(1)
	t.set(t.phase(), t.dropped()+1)
	return fateDrop
}

// hasRoom reports whether t, which is locked and releasing, can hold more. Where it is full, a caller who logs faster than
// the next handler takes records waits until there is room, as without us. But the next handler itself may be
// the one that logs: so no caller waits forever, and nobody waits in that root a second time.
// It returns false, too, if t is no longer releasing.
func (t tailRoot) hasRoom() bool {
	for t.phase() == releasing {
		h := t.held
		if !h.isFull() {
			return true
		}
		if h.stuck {
			return false
		}
		if h.room == nil {
			h.room = make(chan struct{})
		}
		room := h.room
		t.span.mu.Unlock()
		select {
		case <-room:
			t.span.mu.Lock()
		case <-time.After(maxTailWait):
			t.span.mu.Lock()
			if t.phase() == releasing {
				t.held.stuck = true
			}
		}
	}
	return false
}

const maxTailWait = time.Second

// begin locks t for a record of that level to be added to what is held, which it returns; end must follow.
// It returns nil, and nothing is locked, if t holds no more: admit says what to do then.
func (t tailRoot) begin(level slog.Level) *held {
	reaches := t.tail.reaches(level)
	t.span.mu.Lock()
	switch p := t.phase(); {
	case p > releasing, p == releasing && t.held.isFull():
		t.span.mu.Unlock()
		return nil
	case t.held == nil:
		if t.held = t.tail.open(t); t.held == nil {
			t.set(passing, 0)
			t.span.mu.Unlock()
			return nil
		}
	}
	t.held.reached = t.held.reached || reaches
	return t.held
}

// end counts what was added since begin and unlocks t. It lets through what is held if it is too much.
func (t tailRoot) end() {
	t.held.account()
	if t.phase() == holding {
		if counter := t.excess(); counter != nil {
			counter.Add(1)
			_ = t.release(passing) // counted
			return
		}
	}
	t.span.mu.Unlock()
}

// excess returns nil, or what counts roots of which too much is held.
func (t tailRoot) excess() *atomic.Int64 {
	switch {
	case t.held.isFull():
		return &t.tail.stats.overRoot
	case t.tail.bytes.Load() > int64(t.tail.opts.MaxBytes):
		return &t.tail.stats.overAll
	}
	return nil
}

// rootEnded has t, and the states of other tails behind it, decide about s.
func (t *tailState) rootEnded(s *Span) {
	for ; t != nil; t = t.next {
		tailRoot{t, s}.decide()
	}
}

// decide gives the verdict about a root that has ended, unless there is one.
func (t tailRoot) decide() {
	t.span.mu.Lock()
	if t.phase() != holding {
		t.span.mu.Unlock()
		return
	}
	stats, slow := &t.tail.stats, t.tail.opts.Slow
	verdict := dropping
	switch {
	case t.span.is(spoiled), t.held != nil && t.held.reached, slow > 0 && t.span.duration >= slow:
		verdict = passing
	case t.tail.shares(t.span):
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
func (t tailRoot) letThrough(counter *atomic.Int64) error {
	t.span.mu.Lock()
	if t.phase() != holding {
		t.span.mu.Unlock()
		return nil
	}
	counter.Add(1)
	return t.release(passing)
}

// wait returns when nothing is being let through.
func (t tailRoot) wait() {
	t.span.mu.Lock()
	if t.phase() != releasing {
		t.span.mu.Unlock()
		return
	}
	if t.held.done == nil {
		t.held.done = make(chan struct{})
	}
	done := t.held.done
	t.span.mu.Unlock()
	<-done
}

// release leads t, which is locked and holding, to the phase after, and unlocks it. It lets through what is held, without a lock:
// handlers and values may log in their turn. It returns the first error.
func (t tailRoot) release(after phase) (err error) {
	h := t.held
	if h == nil {
		t.set(after, 0)
		t.span.mu.Unlock()
		return nil
	}
	h.after = after
	t.set(releasing, 0)
	b := h.take()
	t.span.mu.Unlock()
	finished := false
	defer func() {
		if !finished { // a handler ended the goroutine
			t.span.mu.Lock()
			rest := h.take()
			t.tail.lose(&rest)
			h.after, b = passing, heldBuffer{}
		}
		t.held = nil
		t.set(h.after, t.dropped())
		h.makeRoom()
		if h.done != nil {
			close(h.done)
		}
		t.span.mu.Unlock()
		t.tail.remove(h, b)
	}()
	for {
		dropped, e := t.tail.letThrough(&b, after)
		if err == nil {
			err = e
		}
		t.span.mu.Lock()
		t.set(releasing, t.dropped()+dropped)
		if t.span.is(spoiled) || h.reached {
			h.after = passing
		}
		if h.after == passing {
			t.pardon()
		}
		if h.n == 0 {
			finished = true
			return err
		}
		after, b = h.after, h.take()
		h.makeRoom()
		t.span.mu.Unlock()
	}
}

// count returns how many records are held.
func (t tailRoot) count() int64 {
	t.span.mu.Lock()
	defer t.span.mu.Unlock()
	if t.held == nil {
		return 0
	}
	return int64(t.held.n)
}

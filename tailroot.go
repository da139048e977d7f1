package slogtrace

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A tailRoot is a local root with the state that one tail keeps of it.
type tailRoot struct {
	*tailState
	span *Span
}

// A tailState is what a local root keeps for one tail until the span is garbage: 32 bytes, and the held.
// The span's mu guards it, except that the phase may be read without it.
type tailState struct {
	tail *tail
	next *tailState    // another tail's; immutable
	held *held         // nil unless something is held or is being let through
	word atomic.Uint64 // the phase, and above it the number of dropped records
}

type phase uint32

const (
	holding   phase = iota
	releasing       // held records are being let through; new ones are added at the end
	dropping        // verdict: drop records below PassLevel
	sharing         // verdict: drop nothing, because the trace is in the kept share
	passing         // nothing is dropped; the last phase

	phaseBits = 3
)

func (t *tailState) phase() phase { return phase(t.word.Load() & (1<<phaseBits - 1)) }

// dropped returns the number of dropped records that are not counted as late.
func (t *tailState) dropped() int64 { return int64(t.word.Load() >> phaseBits) }

func (t *tailState) set(p phase, dropped int64) { t.word.Store(uint64(dropped)<<phaseBits | uint64(p)) }

// pardon counts the dropped records as late.
func (t *tailState) pardon() {
	t.tail.stats.late.Add(t.dropped())
	t.set(t.phase(), 0)
}

// A fate is what happens to a record.
type fate uint8

const (
	fateHold  fate = iota
	fatePass       // passed on
	fateWeigh      // passed on, and weighed if it is a span record
	fateDrop
)

// admit decides about a record of that level. It counts the record unless it must be held.
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

// hasRoom reports whether t can hold more. t must be locked and releasing. If it is full, a caller that logs faster than
// the next handler takes records waits for room, as it would without a TailHandler. But that caller may be
// the next handler itself. So no caller waits forever, and after one wait in vain nobody waits in that root again.
// hasRoom also returns false if t is no longer releasing.
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

// begin locks t and returns its held, for a record of that level to be added. The caller must then call end.
// If t holds nothing any more, begin returns nil with t unlocked, and the caller must call admit again.
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

// end counts what was added since begin, and unlocks t. If that is too much, it lets the held records through.
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

// excess returns the counter of roots with too much held, by reason, or nil if t does not have too much.
func (t tailRoot) excess() *atomic.Int64 {
	switch {
	case t.held.isFull():
		return &t.tail.stats.overRoot
	case t.tail.bytes.Load() > int64(t.tail.opts.MaxBytes):
		return &t.tail.stats.overAll
	}
	return nil
}

// rootEnded lets t and the states of other tails behind it decide about s.
func (t *tailState) rootEnded(s *Span) {
	for ; t != nil; t = t.next {
		tailRoot{t, s}.decide()
	}
}

// decide gives the verdict about a root that has ended, unless it has been given.
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

// letThrough lets the held records through without a verdict, and counts the root in counter, unless that was done before.
func (t tailRoot) letThrough(counter *atomic.Int64) error {
	t.span.mu.Lock()
	if t.phase() != holding {
		t.span.mu.Unlock()
		return nil
	}
	counter.Add(1)
	return t.release(passing)
}

// wait returns when no records of t are being let through.
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

// release lets the held records of t through and ends in the phase after. t must be locked and holding; release unlocks it.
// It calls handlers without a lock, because they and values may log in turn. It returns the first error.
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

// count returns the number of held records.
func (t tailRoot) count() int64 {
	t.span.mu.Lock()
	defer t.span.mu.Unlock()
	if t.held == nil {
		return 0
	}
	return int64(t.held.n)
}

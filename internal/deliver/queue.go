// Package deliver queues records and sends them in batches. Only [Queue.Put] makes its caller wait for room.
// The caller encodes each record, and says how a batch is sent: over HTTP, with [Client], or to an [io.Writer].
//
// Delivery is at least once. What a server took before the connection broke is sent again.
package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Options are options for [New]. The zero value of each number means its default.
type Options struct {
	Name string // of the queue, at the beginning of each error: "traceotlp: spans"

	MaxRecords int // in the queue and under way; default 2,048
	MaxBytes   int // of these records and of the memory that the queue keeps for them; default 8 MiB

	BatchRecords int           // at most in a batch; default 512, and at most MaxRecords
	BatchBytes   int           // at most in a batch of more than one record; default 1 MiB, and at most MaxBytes
	Delay        time.Duration // of a batch that is not full; default 5 s; negative: none

	Timeout time.Duration // of one call of Send; default 10 s

	// Send sends a batch. It is called by one goroutine. Its error says what becomes of the batch:
	//
	//   - nil: it is delivered;
	//   - a *RetryError: it is sent again after a pause, for as long as it takes;
	//   - one that wraps [ErrTooLarge]: each half is sent, and a single record is dropped;
	//   - a *RejectedError: so many of the records are dropped, the others are delivered;
	//   - any other: it is dropped.
	Send func(context.Context, Batch) error
}

// A Queue is safe for concurrent use.
type Queue struct {
	opts   Options
	wake   chan struct{} // a batch is full, or somebody waits for it
	ctx    context.Context
	cancel context.CancelCauseFunc // ends the call of Send under way, and with it the goroutine
	ended  chan struct{}           // closed when the goroutine has ended

	mu       sync.Mutex
	chunks   []*chunk      // the first is the oldest; records are added to the last
	spare    []*chunk      // empty ones, for further records
	idle     int           // bytes of spare
	held     int           // bytes of chunks, of spare, and of the batch under way
	added    uint64        // records that were put into chunks, ever
	waiting  int           // those of them that are in chunks or under way
	underWay bool          // a batch is, or its memory has not been given back
	due      time.Time     // when the first chunk must be sent although it is not full
	flushing int           // callers of Flush, Put and Shutdown
	moved    chan struct{} // closed and replaced when records were delivered or dropped, and when memory was given back that a Put waits for
	putting  int           // callers of Put that wait
	closed   bool
	stats    Stats
	lost     map[string]uint64 // what was dropped since the last Flush or Shutdown
}

// New returns a queue and starts its goroutine, which ends with Shutdown.
func New(opts Options) *Queue {
	opts.MaxRecords = orDefault(opts.MaxRecords, 2048)
	opts.MaxBytes = orDefault(opts.MaxBytes, 8<<20)
	opts.BatchRecords = min(orDefault(opts.BatchRecords, 512), opts.MaxRecords)
	opts.BatchBytes = min(orDefault(opts.BatchBytes, 1<<20), opts.MaxBytes)
	if opts.Delay == 0 {
		opts.Delay = 5 * time.Second
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	q := &Queue{
		opts: opts, wake: make(chan struct{}, 1), ended: make(chan struct{}), moved: make(chan struct{}),
		stats: Stats{Dropped: map[string]uint64{}}, lost: map[string]uint64{},
	}
	q.ctx, q.cancel = context.WithCancelCause(context.Background())
	go q.run()
	return q
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Reasons for which a record is dropped, in [Stats.Dropped]. Other reasons are those of Send.
const (
	queueFull = "queue full"
	tooLarge  = "too large"
	rejected  = "rejected"
	shutDown  = "shut down"
)

// Add copies a record into the queue. If the queue is full, the record is dropped: those that wait were there first.
// It never waits for anything but other callers of this queue's methods, and none of them holds its lock while it waits.
func (q *Queue) Add(record []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(record)
}

// AddLines is Add for each line of text, with its line break. No record of others comes between them.
func (q *Queue) AddLines(text []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for line := range bytes.Lines(text) {
		q.add(line)
	}
}

// add is Add, with the lock.
func (q *Queue) add(record []byte) {
	q.stats.Records++
	switch {
	case q.closed:
		q.drop(shutDown, 1)
	case q.waiting >= q.opts.MaxRecords || !q.append(record):
		if q.waiting == 0 && !q.underWay { // no later moment has more room
			q.drop(tooLarge, 1)
		} else {
			q.drop(queueFull, 1)
		}
	default:
		q.appended()
	}
}

// appended counts a record that append has added, and wakes the goroutine if it has something to do.
func (q *Queue) appended() {
	q.added++
	q.waiting++
	if len(q.chunks) > 1 || q.full(q.chunks[0]) || q.opts.Delay < 0 {
		q.signal()
	} else if len(q.chunks[0].ends) == 1 {
		q.due = time.Now().Add(q.opts.Delay)
		q.signal() // so that the goroutine knows when
	}
}

// Put is Add, but waits while the queue is full. A record that is too large for an empty queue is dropped. If ctx ends first, Put
// returns its cause, and the record is not counted.
func (q *Queue) Put(ctx context.Context, record []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushing++ // while Put waits, batches are sent before they are full
	defer func() { q.flushing-- }()
	for !q.closed && (q.waiting > 0 || q.underWay) {
		if q.waiting < q.opts.MaxRecords && q.append(record) {
			q.stats.Records++
			q.appended()
			return nil
		}
		q.signal()
		moved := q.moved
		q.putting++
		q.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		q.mu.Lock()
		q.putting--
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	q.add(record)
	return nil
}

// Drop counts a record that is not added, for a reason of the caller's.
func (q *Queue) Drop(reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Records++
	q.drop(reason, 1)
}

// full reports whether no record is added to c any more.
func (q *Queue) full(c *chunk) bool {
	return len(c.ends) >= q.opts.BatchRecords || len(c.text) >= q.opts.BatchBytes
}

// append adds record to the last chunk, or to a new one. It returns false if it would hold too much.
func (q *Queue) append(record []byte) bool {
	c := (*chunk)(nil)
	if n := len(q.chunks); n > 0 {
		c = q.chunks[n-1]
	}
	if c == nil || q.full(c) || len(c.text)+len(record) > q.opts.BatchBytes {
		if c = q.takeSpare(); c == nil {
			c = new(chunk)
		}
	}
	grown, ok := c.add(record, q.opts.BatchBytes, q.opts.MaxBytes-q.held)
	for !ok && len(q.spare) > 0 {
		q.held -= q.takeSpare().size()
		grown, ok = c.add(record, q.opts.BatchBytes, q.opts.MaxBytes-q.held)
	}
	if !ok {
		if len(c.ends) == 0 {
			q.held -= c.size()
		}
		return false
	}
	q.held += grown
	if len(c.ends) == 1 {
		q.chunks = append(q.chunks, c)
	}
	return true
}

// takeSpare returns nil if there is none.
func (q *Queue) takeSpare() *chunk {
	n := len(q.spare)
	if n == 0 {
		return nil
	}
	c := q.spare[n-1]
	q.spare[n-1] = nil
	q.spare = q.spare[:n-1]
	q.idle -= c.size()
	return c
}

// signal wakes the goroutine.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drop counts n records that are lost.
func (q *Queue) drop(reason string, n int) {
	if n <= 0 {
		return
	}
	// Reasons come from statuses and types of errors. If there are many all the same, the rest is one.
	if _, ok := q.stats.Dropped[reason]; !ok && len(q.stats.Dropped) >= maxReasons {
		reason = "other reasons"
	}
	q.stats.Dropped[reason] += uint64(n)
	q.lost[reason] += uint64(n)
}

const maxReasons = 32

// Flush sends what was added before, without waiting for full batches, until it is delivered or dropped.
// If ctx ends first, the rest stays in the queue. The error names what was lost since the last Flush,
// and what still waits if ctx has ended.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	err := q.flush(ctx)
	lost := q.takeLost()
	q.mu.Unlock()
	return errors.Join(lost, err)
}

// flush is called with the lock, which it gives away while it waits.
func (q *Queue) flush(ctx context.Context) error {
	// Records leave the queue in order. So those that were there have left it when as many have.
	all := q.added
	left := func() uint64 { return q.added - uint64(q.waiting) }
	q.flushing++
	defer func() { q.flushing-- }()
	for left() < all {
		q.signal()
		moved := q.moved
		q.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		q.mu.Lock()
		if err := ctx.Err(); err != nil && left() < all {
			return fmt.Errorf("%s: %d still in the queue: %w", q.opts.Name, q.waiting, context.Cause(ctx))
		}
	}
	return nil
}

// Shutdown delivers what is in the queue and ends its goroutine. Records that are added later are dropped.
// If ctx ends first, the rest is dropped. The error names what was lost since the last Flush or Shutdown.
//
// Send must return when its context ends. Of one that does not, Shutdown returns an error, one second after ctx has ended.
func (q *Queue) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	_ = q.flush(ctx) // whatever is left is dropped, and named
	q.mu.Unlock()
	q.cancel(errEnded)
	var err error
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-q.ended:
	case <-timer.C:
		err = fmt.Errorf("%s: it does not stop sending", q.opts.Name)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil && q.waiting > 0 {
		err = fmt.Errorf("%w; what became of %d is not known", err, q.waiting)
	}
	return errors.Join(q.takeLost(), err)
}

var errEnded = errors.New("the queue has ended")

// Stats returns what became of all records so far.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Dropped = maps.Clone(s.Dropped)
	s.Waiting, s.HeldBytes = q.waiting, q.held
	return s
}

package deliver

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// ErrTooLarge means that a batch is larger than the receiver takes.
var ErrTooLarge = errors.New("too large")

// A RetryError means that the same batch may be taken later.
type RetryError struct {
	After time.Duration // what the receiver asked for; 0 if it did not
	Err   error
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// A RejectedError means that the receiver has the batch, but for some records.
type RejectedError struct {
	Records int    // how many it does not have
	Reason  string // in [Stats.Dropped]; "": "rejected"
	Err     error
}

func (e *RejectedError) Error() string { return e.Err.Error() }
func (e *RejectedError) Unwrap() error { return e.Err }

// A reasoner is an error with a short name for [Stats.Dropped], one of few.
type reasoner interface {
	error
	Reason() string
}

func reasonOf(err error) string {
	if r, ok := errors.AsType[reasoner](err); ok {
		return r.Reason()
	}
	return "not sent"
}

// Pauses between attempts: the first, and the longest. Each is twice as long as the one before, and up to half of it is taken away
// at random, so that many senders do not come back at once. A receiver may ask for up to maxAfter.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	maxAfter   = 5 * time.Minute
)

// run is the queue's goroutine.
func (q *Queue) run() {
	defer close(q.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c, wait := q.next()
		if c != nil {
			q.deliver(c.batch())
			q.recycle(c)
			continue
		}
		timer.Reset(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-q.ctx.Done():
			q.dropRest()
			return
		}
	}
}

// next takes the first chunk if it is time to send it. Otherwise it returns how long to wait.
func (q *Queue) next() (*chunk, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.chunks) == 0 {
		return nil, time.Hour
	}
	c := q.chunks[0]
	if len(q.chunks) == 1 && !q.full(c) && q.flushing == 0 && q.ctx.Err() == nil {
		if wait := time.Until(q.due); wait > 0 {
			return nil, wait
		}
	}
	q.chunks[0] = nil
	q.chunks = q.chunks[1:]
	q.underWay = true
	if len(q.chunks) == 1 {
		q.due = time.Now().Add(q.opts.Delay)
	}
	return c, 0
}

// maxIdle is the divisor of MaxBytes that limits the memory of chunks which are kept for further records.
const maxIdle = 4

// recycle keeps c for further records, unless enough are kept.
func (q *Queue) recycle(c *chunk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underWay = false
	if q.putting > 0 {
		defer q.move()
	}
	if size := c.size(); len(q.spare) == 0 && size <= 2*q.opts.BatchBytes || q.idle+size <= q.opts.MaxBytes/maxIdle {
		c.text, c.ends = c.text[:0], c.ends[:0]
		q.spare = append(q.spare, c)
		q.idle += size
		return
	}
	q.held -= c.size()
}

// deliver sends b until it is delivered or dropped.
func (q *Queue) deliver(b Batch) {
	for attempt := 0; ; attempt++ {
		err := q.send(b)
		var retry *RetryError
		if !errors.As(err, &retry) || q.ctx.Err() != nil {
			q.settle(b, err)
			return
		}
		q.retried(err)
		if !q.pause(pauseAfter(attempt, retry.After)) {
			q.settle(b, q.ctx.Err())
			return
		}
	}
}

// send calls Send once.
func (q *Queue) send(b Batch) error {
	if q.ctx.Err() != nil {
		return q.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(q.ctx, q.opts.Timeout)
	defer cancel()
	return q.opts.Send(ctx, b)
}

// settle counts what became of b, or sends its halves.
func (q *Queue) settle(b Batch, err error) {
	if errors.Is(err, ErrTooLarge) && b.Len() > 1 {
		first, second := b.halves()
		q.deliver(first)
		q.deliver(second)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := b.Len()
	var part *RejectedError
	switch {
	case err == nil:
		q.stats.Delivered += uint64(n)
		q.stats.Batches++
	case errors.As(err, &part):
		lost := min(max(part.Records, 0), n)
		q.stats.Delivered += uint64(n - lost)
		q.stats.Batches++
		q.drop(cmp.Or(part.Reason, rejected), lost)
		q.stats.LastError = clean(err.Error())
	case q.ctx.Err() != nil:
		q.drop(shutDown, n)
	case errors.Is(err, ErrTooLarge):
		q.drop(tooLarge, n)
		q.stats.LastError = clean(err.Error())
	default:
		q.drop(reasonOf(err), n)
		q.stats.LastError = clean(err.Error())
	}
	q.waiting -= n
	q.move()
}

// move wakes those who wait until something has left the queue. It is called with the lock.
func (q *Queue) move() {
	close(q.moved)
	q.moved = make(chan struct{})
}

// retried notes an error after which a batch is sent again.
func (q *Queue) retried(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.LastError = clean(err.Error())
	q.stats.Retries++
}

func pauseAfter(attempt int, asked time.Duration) time.Duration {
	pause := min(firstPause<<min(attempt, 10), maxPause)
	pause -= rand.N(pause / 2)
	return max(pause, min(asked, maxAfter))
}

// pause returns false if the queue ends first.
func (q *Queue) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-q.ctx.Done():
		return false
	}
}

// dropRest drops what is in the queue when it ends.
func (q *Queue) dropRest() {
	for {
		c, _ := q.next()
		if c == nil {
			return
		}
		q.settle(c.batch(), q.ctx.Err())
		q.mu.Lock()
		q.held -= c.size()
		q.underWay = false
		q.mu.Unlock()
	}
}

// clean returns text of others in a form that may stand in an error: one line, printable, at most 300 bytes.
func clean(text string) string {
	const most = 300
	text = strings.ToValidUTF8(text[:min(len(text), most)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

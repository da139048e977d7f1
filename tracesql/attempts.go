package tracesql

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxAttempts limits how often database/sql makes a call that ends in driver.ErrBadConn.
const maxAttempts = 3

const (
	maxFailed      = 64
	repeatedWithin = time.Minute // how long a call may wait for the connection on which it is repeated
)

// attempts remembers the calls that recently ended in driver.ErrBadConn.
// database/sql repeats them on other connections, with the same context and text.
type attempts struct {
	count  atomic.Int64 // len(failed): if it is 0, as for most calls, nothing is locked
	mu     sync.Mutex
	failed []failedCall // oldest first
}

type failedCall struct {
	ctx     context.Context
	query   string
	attempt int
	at      time.Time
}

// add notes that an attempt at a call ended in driver.ErrBadConn. The first attempt is 1.
func (a *attempts) add(ctx context.Context, query string, attempt int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.failed = slices.DeleteFunc(a.failed, func(f failedCall) bool { return now.Sub(f.at) > repeatedWithin })
	if len(a.failed) == maxFailed {
		a.failed = slices.Delete(a.failed, 0, 1)
	}
	a.failed = append(a.failed, failedCall{ctx, query, attempt, now})
	a.count.Store(int64(len(a.failed)))
}

// take returns how many attempts at this call failed just before, and forgets them.
func (a *attempts) take(ctx context.Context, query string) int {
	if a.count.Load() == 0 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.failed, func(f failedCall) bool { return f.query == query && same(f.ctx, ctx) })
	if i < 0 || time.Since(a.failed[i].at) > repeatedWithin {
		return 0
	}
	n := a.failed[i].attempt
	a.failed = slices.Delete(a.failed, i, i+1)
	a.count.Store(int64(len(a.failed)))
	return n
}

// same reports whether a and b are the same context. It returns false for types that cannot be compared.
func same(a, b context.Context) (same bool) {
	defer func() { _ = recover() }()
	return a == b
}

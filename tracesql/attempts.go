package tracesql

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxAttempts is how often database/sql makes a call that ends in driver.ErrBadConn.
const maxAttempts = 3

const (
	maxFailed      = 64
	repeatedWithin = time.Minute // how long a call may wait for the connection on which it is repeated
)

// attempts knows the calls that ended in driver.ErrBadConn lately, since database/sql makes them again,
// on other connections, with the same context and text.
type attempts struct {
	count  atomic.Int64 // of failed: most calls need not look further
	mu     sync.Mutex
	failed []failedCall // oldest first
}

type failedCall struct {
	ctx     context.Context
	query   string
	attempt int
	at      time.Time
}

// add notes that a call, the attempt-th of its kind, ended in driver.ErrBadConn.
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

// take returns how many attempts of that call failed just before, and forgets them.
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

// same reports whether a and b are one context. It is false for types that cannot be compared.
func same(a, b context.Context) (same bool) {
	defer func() { _ = recover() }()
	return a == b
}

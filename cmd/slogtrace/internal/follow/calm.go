package follow

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"
)

// calm holds the followers whose files have not changed for a while. If there are many files, one goroutine looks at all of
// them and wakes the followers of changed files. Waking each follower to look would cost ten times as much.
type calm struct {
	mu      sync.Mutex
	waiting map[*waiter]bool
	running bool
}

// A waiter is a follower that waits until its file has changed.
type waiter struct {
	path string
	seen fs.FileInfo // at its last look
	wake chan struct{}
}

// wait returns when the file at path differs from what was seen, or when ctx is done.
func (c *calm) wait(ctx context.Context, path string, seen fs.FileInfo, every func() time.Duration) {
	w := &waiter{path, seen, make(chan struct{})}
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = make(map[*waiter]bool)
	}
	c.waiting[w] = true
	if !c.running {
		c.running = true
		go c.run(ctx, every)
	}
	c.mu.Unlock()
	select {
	case <-w.wake:
	case <-ctx.Done():
	}
}

// run looks at the files until ctx is done.
func (c *calm) run(ctx context.Context, every func() time.Duration) {
	var all []*waiter
	for {
		if sleep(ctx, every()); ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		all = all[:0]
		for w := range c.waiting {
			all = append(all, w)
		}
		c.mu.Unlock()
		for _, w := range all {
			if info, err := os.Stat(w.path); err == nil && asItWas(info, w.seen) {
				continue
			}
			c.mu.Lock()
			close(w.wake)
			delete(c.waiting, w)
			c.mu.Unlock()
		}
	}
}

// asItWas reports whether a is the same file as b, with the same size and time.
func asItWas(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// sleep waits, unless ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

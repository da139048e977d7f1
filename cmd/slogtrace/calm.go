package main

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"
)

// calm has the followers whose files have not changed for a while. Where they are many, one goroutine looks at all of
// the files and wakes the followers of those that have changed. Waking each follower to look would cost ten times as much.
type calm struct {
	mu      sync.Mutex
	waiting map[*follower]chan struct{}
	running bool
}

// wait returns when the follower's file has changed since its last look, or ctx is done.
func (c *calm) wait(ctx context.Context, f *follower, every func() time.Duration) {
	wake := make(chan struct{})
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = make(map[*follower]chan struct{})
	}
	c.waiting[f] = wake
	if !c.running {
		c.running = true
		go c.run(ctx, every)
	}
	c.mu.Unlock()
	select {
	case <-wake:
	case <-ctx.Done():
	}
}

// run looks at the files until ctx is done.
func (c *calm) run(ctx context.Context, every func() time.Duration) {
	var all []*follower
	for {
		if sleep(ctx, every()); ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		all = all[:0]
		for f := range c.waiting {
			all = append(all, f)
		}
		c.mu.Unlock()
		for _, f := range all {
			if info, err := os.Stat(f.path); err == nil && asItWas(info, f.seen) {
				continue
			}
			c.mu.Lock()
			close(c.waiting[f])
			delete(c.waiting, f)
			c.mu.Unlock()
		}
	}
}

// asItWas reports whether a is the same file as b, with the same size and time.
func asItWas(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

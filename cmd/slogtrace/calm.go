package main

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"
)

// calm are followers of files that have been as they are for a while. Where they are many, one goroutine looks at all
// the files in turn, and wakes those whose file has changed: to wake each of them to look would cost ten times as much.
type calm struct {
	mu      sync.Mutex
	waiting map[*follower]chan struct{}
	running bool
}

// wait returns when the follower's file is no longer as it saw it, or ctx is done.
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

// asItWas reports whether a file is the same, and as far as can be told as it was.
func asItWas(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

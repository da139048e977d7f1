package main

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// An outlet is the writer of a command. Another goroutine can close it at any time. So Ctrl-C works at once, even while the
// command sorts, or while nobody reads its output: the goroutine of the command is abandoned and can write no more.
type outlet struct {
	w    io.Writer
	stop context.Context // nothing is written once it is done; nil means no limit

	mu   sync.Mutex // held while something is written
	left atomic.Bool
}

// Write is safe for concurrent use.
func (o *outlet) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.left.Load() {
		return 0, context.Canceled
	}
	if o.stop != nil && o.stop.Err() != nil {
		return 0, o.stop.Err()
	}
	return o.w.Write(b)
}

// leave makes all later writes fail. It waits for a write that is under way, but not longer than patience.
func (o *outlet) leave(patience time.Duration) {
	o.left.Store(true)
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(time.Millisecond) {
		if o.mu.TryLock() {
			o.mu.Unlock()
			return
		}
	}
}

package main

import (
	"cmp"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// An outlet is the writer of a command, which another goroutine can close at any time. So Ctrl-C works at once, even
// while the command sorts, or while nobody reads its output: the command's goroutine is abandoned, and can write no more.
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

const (
	// grace is how long a command may take to end by itself once it is interrupted.
	grace = 100 * time.Millisecond
	// lastWord is how long the message about the interruption may take to be written.
	lastWord = 20 * time.Millisecond
)

// execute runs a command and flushes its output. If the command does not end soon after ctx is done, execute abandons it
// and returns with left set. The process should then only exit: the command may still be running.
func (s *session) execute(ctx context.Context, root *cobra.Command) (cmd *cobra.Command, err error, left bool) {
	type outcome struct {
		cmd *cobra.Command
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		cmd, err := root.ExecuteContextC(ctx)
		if flushErr := s.out.Flush(); err == nil || err == tell.ErrTold {
			err = cmp.Or(flushErr, err)
		}
		done <- outcome{cmd, err}
	}()
	select {
	case o := <-done:
		return o.cmd, o.err, false
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.cmd, o.err, false
	case <-time.After(grace):
		return nil, ctx.Err(), true
	}
}

// abandon ends a session whose command may still be running.
func (s *session) abandon() {
	s.outlet.leave(lastWord)
	told := make(chan bool)
	go func() { // standard error may be stuck, too
		s.Talk("interrupted")
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(lastWord):
	}
	s.errlet.leave(lastWord)
	s.files.Close()
}

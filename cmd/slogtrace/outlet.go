package main

import (
	"cmp"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// An outlet is where a command writes, until it is left: Ctrl-C is heard at once, also where memory is sorted or
// whoever reads the output does not, and what is going on then is left behind.
type outlet struct {
	w    io.Writer
	stop context.Context // nothing is written once it is done; nil: also then

	mu   sync.Mutex // held while something is written
	left atomic.Bool
}

// Write may be called by several goroutines.
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

// leave lets nothing be written any more. It waits for what is being written, if that does not take long.
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
	// lastWord is how long what is said of that may take.
	lastWord = 20 * time.Millisecond
)

// execute runs a command, and writes all of its output. If it does not end soon after ctx is done it is left behind, and execute reports so:
// then it writes nothing any more, and only exiting is safe to do.
func (s *session) execute(ctx context.Context, root *cobra.Command) (cmd *cobra.Command, err error, left bool) {
	type outcome struct {
		cmd *cobra.Command
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		cmd, err := root.ExecuteContextC(ctx)
		if flushErr := s.out.Flush(); err == nil || err == errTold {
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

// abandon ends a session whose command was left behind.
func (s *session) abandon() {
	s.outlet.leave(lastWord)
	told := make(chan bool)
	go func() { // standard error may be as stuck as the rest
		s.talk("interrupted")
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(lastWord):
	}
	s.errlet.leave(lastWord)
	s.removeTemps(true)
}

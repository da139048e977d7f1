package main

import (
	"cmp"
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// exitCode runs a command, reports why it failed, and returns the exit code.
func (s *session) exitCode(ctx context.Context, root *cobra.Command) int {
	defer s.files.Close()
	defer context.AfterFunc(ctx, s.files.Close)() // the second Ctrl-C may come at once
	s.outlet.stop = ctx
	cmd, err, left := s.execute(ctx, root)
	if left {
		s.abandon()
		return 1
	}
	var usage usageError
	switch {
	case errors.Is(err, syscall.EPIPE):
		return 0 // the reader has seen enough
	case errors.As(err, &usage), err == input.ErrNoFile:
		s.Talk("%v (see %s --help)", err, cmd.CommandPath())
		return 2
	case err == tell.ErrTold:
		return 1
	case errors.Is(err, context.Canceled):
		s.Talk("interrupted")
		return 1
	case err != nil:
		s.Talk("%v", err)
		return 1
	case s.Failed():
		return 1
	}
	return 0
}

const (
	// grace is how long a command may take to end by itself once it is interrupted.
	grace = 100 * time.Millisecond
	// storeGrace is grace if a store has to be told that a query ends: a request to it, perhaps on a new connection.
	storeGrace = time.Second
	// lastWord is how long the message about the interruption may take to be written.
	lastWord = 100 * time.Millisecond
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
	patience := grace
	if s.asking.Load() {
		patience = storeGrace
	}
	select {
	case o := <-done:
		return o.cmd, o.err, false
	case <-time.After(patience):
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
	s.dropOutput()
	s.files.Close()
}

package slogtrace

import (
	"errors"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// A status is what other libraries said of a span's outcome. It counts when the span ends, so that it can be taken back.
type status struct {
	code        hook.Status
	description string
	recorded    error // the last one
}

// failure returns the error with which s fails when it ends, by its status. It is nil if it does not fail.
func (t *status) failure() error {
	if t.code != hook.Error {
		return nil
	}
	switch {
	case t.recorded == nil && t.description == "":
		return errors.New("error")
	case t.recorded == nil:
		return errors.New(t.description)
	case t.description == "" || t.description == errtype.Text(t.recorded):
		return t.recorded
	}
	return &statusError{t.description, t.recorded}
}

// statusFailure returns the error with which s fails by its status, if that error counts as a failure.
func (s *Span) statusFailure() error {
	r := s.rare.Load()
	if r == nil {
		return nil
	}
	s.mu.Lock()
	var t status
	if r.status != nil {
		t = *r.status
	}
	s.mu.Unlock()
	if err := t.failure(); s.failsWith(err) { // it may call code of the user's, so not under the lock
		return err
	}
	return nil
}

// setStatus changes the status of s, unless s has ended.
func (s *Span) setStatus(set func(*status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is(ended) {
		return
	}
	x := s.extra()
	if x.status == nil {
		x.status = new(status)
	}
	set(x.status)
}

// A statusError is an error with the text of a status.
type statusError struct {
	text string
	err  error
}

func (e *statusError) Error() string { return e.text }
func (e *statusError) Unwrap() error { return e.err }

// Wraps makes it an errtype.Wrapper.
func (e *statusError) Wraps() {}

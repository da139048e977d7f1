package main

import (
	"bufio"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A session is one run of the command: where it reads and writes, and what all commands share.
type session struct {
	*tell.Teller
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	out    *bufio.Writer // on stdout, flushed at the end
	now    func() time.Time

	outlet, errlet outlet                 // stdout and stderr
	unfinished     atomic.Pointer[string] // the file that becomes that of -o; nil if there was none
	files          input.Files

	stdoutTerm bool // whether stdout is a terminal
	width      int  // of it; 0 is unknown

	shape tracelog.Shape // of the lines, if flags say something of it
	from  from           // the store to read instead of files

	asking atomic.Bool // a store is read

	json  bool
	local bool // times are local ones
	color term.ColorMode
}

func newSession(stdin io.Reader, stdout, stderr io.Writer) *session {
	s := &session{stdin: stdin, now: time.Now}
	s.outlet.w, s.errlet.w = stdout, stderr
	s.stdout, s.stderr = &s.outlet, &s.errlet
	s.out = bufio.NewWriter(s.stdout)
	s.stdoutTerm, s.width = term.Terminal(stdout)
	stderrTerm, _ := term.Terminal(stderr)
	s.Teller = tell.New(s.stderr, stderrTerm, func() time.Time { return s.now() })
	stdinTerm, _ := term.Terminal(stdin)
	s.files = input.Files{Stdin: stdin, StdinTerminal: stdinTerm, Tell: s.Teller}
	return s
}

// painter returns the painter for standard output.
func (s *session) painter() term.Painter { return s.color.Painter(s.stdoutTerm) }

// writeTable writes a table that is no wider than the terminal.
func (s *session) writeTable(rows iter.Seq[[]term.Cell]) error {
	return term.WriteTable(s.out, rows, s.width, s.painter())
}

// timestamp formats a time for people, in UTC, or in local time with --local.
func (s *session) timestamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(s.zone()).Format("2006-01-02 15:04:05.000")
}

// zone is the time zone of output for people.
func (s *session) zone() *time.Location {
	if s.local {
		return time.Local
	}
	return time.UTC
}

// zoneName is the name of that zone in a heading.
func (s *session) zoneName() string {
	if s.local {
		return "local"
	}
	return "UTC"
}

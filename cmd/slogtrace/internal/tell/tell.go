// Package tell writes to standard error: messages of one line each, and a progress bar while files are read.
package tell

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// ErrTold is the error of something that has already been reported.
var ErrTold = errors.New("told")

// A Teller writes messages. It is safe for concurrent use.
type Teller struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	failed   atomic.Bool
	progress atomic.Pointer[Progress]

	mu sync.Mutex // held while a message is written
}

// New returns a Teller that writes to w, which is standard error. Only a terminal gets bars.
func New(w io.Writer, terminal bool, now func() time.Time) *Teller {
	return &Teller{w: w, terminal: terminal, now: now}
}

// Talk writes a message of one line. It hides the bar.
func (t *Teller) Talk(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Load().hide()
	fmt.Fprintf(t.w, "slogtrace: %s\n", draw.Text(fmt.Sprintf(format, args...), 1000))
}

// Fail reports an error that does not stop the command, and makes it exit with 1.
func (t *Teller) Fail(format string, args ...any) {
	t.SetFailed()
	t.Talk(format, args...)
}

// SetFailed makes the command exit with 1.
func (t *Teller) SetFailed() { t.failed.Store(true) }

// Failed reports whether something has failed.
func (t *Teller) Failed() bool { return t.failed.Load() }

// Plural writes "1 file", "2 files".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

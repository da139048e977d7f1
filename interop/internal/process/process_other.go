//go:build !unix

package process

import (
	"errors"
	"os/exec"
	"time"
)

// Supported reports whether servers can be started here.
const Supported = false

// An Owner is the user that a server runs as.
type Owner struct{}

// A Process is a server.
type Process struct{ exited chan struct{} }

// Unprivileged is not supported.
func Unprivileged(string, ...string) (Owner, error) { return Owner{}, errors.ErrUnsupported }

// Own does nothing.
func (Owner) Own(*exec.Cmd) {}

func (*Command) start() (*Process, error) { return nil, errors.ErrUnsupported }

// CPU is not supported.
func (*Process) CPU() (time.Duration, error) { return 0, errors.ErrUnsupported }

// Stop is not supported.
func (*Process) Stop() error { return errors.ErrUnsupported }

// End is not supported.
func (*Process) End() error { return errors.ErrUnsupported }

// Kill is not supported.
func (*Process) Kill() error { return errors.ErrUnsupported }

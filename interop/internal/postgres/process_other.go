//go:build !unix

package postgres

import (
	"errors"
	"os/exec"
)

const supported = false

type (
	owner   struct{}
	process struct{ exited chan struct{} }
)

func ownerOf(string) (owner, error)                           { return owner{}, errors.ErrUnsupported }
func (owner) run(*exec.Cmd)                                   {}
func (owner) start(_, _ string, _ []string) (*process, error) { return nil, errors.ErrUnsupported }
func (*process) stop() error                                  { return errors.ErrUnsupported }
func (*process) end() error                                   { return errors.ErrUnsupported }

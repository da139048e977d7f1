//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package main

import (
	"errors"
	"runtime"
	"time"
)

func cpuTime() (time.Duration, error) {
	return 0, errors.New("gates: no way known to read the process's CPU time on " + runtime.GOOS)
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

// A subject is a process that is measured.
type subject struct {
	Name string
	Log  string

	command []string
	env     []string
	truth   *loggen.Truth
	check   func(out []byte, truth *loggen.Truth) error

	wall, cpu []float64 // seconds, by round
	rss       []float64 // MB
}

func (s *subject) run() ([]byte, error) {
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stderr = os.Stderr
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	s.wall = append(s.wall, time.Since(start).Seconds())
	s.cpu = append(s.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	s.rss = append(s.rss, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024)
	return out.Bytes(), nil
}

// once measures once.
func (s *subject) once() error {
	_, err := s.run()
	return err
}

// verify runs the subject, which also brings its file into the page cache, and compares what it says with the truth.
func (s *subject) verify() error {
	out, err := s.run()
	s.wall, s.cpu, s.rss = nil, nil, nil
	if err != nil {
		return err
	}
	return s.check(out, s.truth)
}

func checkOps(out []byte, truth *loggen.Truth) error {
	var ops []loggen.Op
	if err := json.Unmarshal(out, &ops); err != nil {
		return err
	}
	if len(ops) != len(truth.Ops) {
		return fmt.Errorf("%d ops, want %d", len(ops), len(truth.Ops))
	}
	for i, got := range ops {
		want := truth.Ops[i]
		// Of more than 65,536 spans tracelog's quantiles are within 0.1 %.
		near := func(a, b float64) bool { return math.Abs(a-b) <= 0.001*b+1e-6 }
		if got.Op != want.Op || got.Count != want.Count || got.Errors != want.Errors || !near(got.Max, want.Max) ||
			!near(got.P50, want.P50) || !near(got.P95, want.P95) || !near(got.P99, want.P99) {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
	}
	return nil
}

func checkFailed(out []byte, truth *loggen.Truth) error {
	var got loggen.Truth
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if got.FailedTraces != truth.FailedTraces || got.FailedHash != truth.FailedHash {
		return fmt.Errorf("%d failed traces, hash %s; want %d, %s", got.FailedTraces, got.FailedHash, truth.FailedTraces, truth.FailedHash)
	}
	return nil
}

func checkLines(out []byte, truth *loggen.Truth) error {
	different := make(map[string]bool)
	for line := range bytes.Lines(out) {
		different[string(line)] = true
	}
	if n, want := len(different), truth.Lookups[2].Lines; n != want {
		return fmt.Errorf("%d lines, want %d", n, want)
	}
	return nil
}

func checkCount(out []byte, truth *loggen.Truth) error {
	n, err := strconv.Atoi(string(bytes.TrimSpace(out)))
	if want := truth.Lookups[2].Lines; err != nil || n != want {
		return fmt.Errorf("%d lines, want %d (%v)", n, want, err)
	}
	return nil
}

func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	if len(v)%2 == 0 {
		return (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return v[len(v)/2]
}

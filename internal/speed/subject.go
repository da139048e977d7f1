// Package speed measures programs against each other, as processes that take turns.
package speed

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"time"
)

// A Subject is a process that is measured.
type Subject struct {
	Name    string
	Command []string
	Env     []string // besides that of this process

	Before, After func() error            // around each run, and not measured; may be nil
	Check         func(r io.Reader) error // what the subject writes; nil: it does not matter

	Wall, CPU Values // seconds, by round
	RSS       Values // MB
}

// Run measures once. What the subject writes goes to out, and to nowhere if that is nil.
func (s *Subject) Run(out *os.File) error {
	if s.Before != nil {
		if err := s.Before(); err != nil {
			return err
		}
	}
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stderr = os.Stderr
	if out != nil {
		cmd.Stdout = out
	}
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	s.Wall = append(s.Wall, time.Since(start).Seconds())
	s.CPU = append(s.CPU, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	s.RSS = append(s.RSS, maxRSS(cmd.ProcessState))
	if s.After != nil {
		return s.After()
	}
	return nil
}

// Verify runs the subject and checks what it writes. The run does not count.
//
// What is written may be long and is not held: Linux counts what this process has held for the memory of its children.
func (s *Subject) Verify() error {
	out, err := os.CreateTemp("", "speed")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	err = s.Run(out)
	s.Wall, s.CPU, s.RSS = nil, nil, nil
	if err != nil || s.Check == nil {
		return err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.Check(bufio.NewReader(out))
}

// Rounds runs all subjects so many times, in another order in each round.
func Rounds(n int, subjects []*Subject, progress io.Writer) error {
	random := rand.New(rand.NewPCG(1, 2))
	order := slices.Clone(subjects)
	for i := range n {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, n)
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range order {
			if err := s.Run(nil); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	return nil
}

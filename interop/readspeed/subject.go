package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

// A subject is a process that is measured.
type subject struct {
	Name string
	Log  string

	files   []string // that are read
	command []string
	env     []string
	truth   *loggen.Truth
	check   func(out io.Reader, truth *loggen.Truth) error

	wall, cpu []float64 // seconds, by round
	rss       []float64 // MB
}

// warm reads the subject's files, to have them in the page cache.
func (s *subject) warm() error {
	for _, name := range s.files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// run measures once. What the subject writes goes to out, and to nowhere if that is nil.
func (s *subject) run(out *os.File) error {
	if err := s.warm(); err != nil {
		return err
	}
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stderr = os.Stderr
	if out != nil {
		cmd.Stdout = out
	}
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	s.wall = append(s.wall, time.Since(start).Seconds())
	s.cpu = append(s.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	s.rss = append(s.rss, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024)
	return nil
}

// verify runs the subject and compares what it says with the truth.
//
// What is said may be long and is not held: Linux counts what this process has held for the memory of its children.
func (s *subject) verify() error {
	out, err := os.CreateTemp("", "readspeed")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	err = s.run(out)
	s.wall, s.cpu, s.rss = nil, nil, nil
	if err != nil {
		return err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.check(bufio.NewReader(out), s.truth)
}

func checkOps(out io.Reader, truth *loggen.Truth) error {
	var ops []loggen.Op
	if err := json.NewDecoder(out).Decode(&ops); err != nil {
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

// checkCounts does not look at durations: those of --self are not known.
func checkCounts(truths ...*loggen.Truth) func(io.Reader, *loggen.Truth) error {
	return func(out io.Reader, _ *loggen.Truth) error {
		var ops []loggen.Op
		if err := json.NewDecoder(out).Decode(&ops); err != nil {
			return err
		}
		return sameCounts(ops, truths...)
	}
}

// sameCounts compares how many spans of each operation there are, and how many failed, with those of all logs.
func sameCounts(ops []loggen.Op, truths ...*loggen.Truth) error {
	got, want := make(map[string][2]int), make(map[string][2]int)
	add := func(to map[string][2]int, ops []loggen.Op) {
		for _, op := range ops {
			n := to[op.Op]
			to[op.Op] = [2]int{n[0] + op.Count, n[1] + op.Errors}
		}
	}
	add(got, ops)
	for _, truth := range truths {
		add(want, truth.Ops)
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

// checkDiff looks at the spans of all paths on both sides. Both logs are made alike, so there is no change.
func checkDiff(before, after *loggen.Truth) func(io.Reader, *loggen.Truth) error {
	return func(out io.Reader, _ *loggen.Truth) error {
		var rows []struct {
			Op, Change string
			Counts     struct{ Spans, Failed struct{ Before, After int } }
		}
		if err := json.NewDecoder(out).Decode(&rows); err != nil {
			return err
		}
		var sides [2][]loggen.Op
		for _, row := range rows {
			c := row.Counts
			sides[0] = append(sides[0], loggen.Op{Op: row.Op, Count: c.Spans.Before, Errors: c.Failed.Before})
			sides[1] = append(sides[1], loggen.Op{Op: row.Op, Count: c.Spans.After, Errors: c.Failed.After})
			if row.Change != "~" {
				return fmt.Errorf("%s is %s", row.Op, row.Change)
			}
		}
		return cmp.Or(sameCounts(sides[0], before), sameCounts(sides[1], after))
	}
}

// traces counts the traces of a list, and sums up the hashes of their ids.
func traces(out io.Reader) (n int, hash string, err error) {
	d := json.NewDecoder(out)
	if _, err := d.Token(); err != nil {
		return 0, "", err
	}
	sum := uint64(0)
	for ; d.More(); n++ {
		var t struct{ Trace string }
		if err := d.Decode(&t); err != nil {
			return n, "", err
		}
		sum += loggen.Hash(t.Trace)
	}
	return n, fmt.Sprintf("%016x", sum), nil
}

func checkFailed(out io.Reader, truth *loggen.Truth) error {
	n, hash, err := traces(out)
	if err == nil && (n != truth.FailedTraces || hash != truth.FailedHash) {
		err = fmt.Errorf("%d failed traces, hash %s; want %d, %s", n, hash, truth.FailedTraces, truth.FailedHash)
	}
	return err
}

func checkTraces(out io.Reader, truth *loggen.Truth) error {
	n, _, err := traces(out)
	if err == nil && n != truth.Traces {
		err = fmt.Errorf("%d traces, want %d", n, truth.Traces)
	}
	return err
}

func checkShown(out io.Reader, truth *loggen.Truth) error {
	var list []struct {
		Trace        string
		Spans, Lines int
	}
	if err := json.NewDecoder(out).Decode(&list); err != nil {
		return err
	}
	want := truth.Lookups[2]
	if len(list) != 1 || list[0].Trace != want.Trace || list[0].Spans != want.Spans || list[0].Lines != want.Logs {
		return fmt.Errorf("got %+v, want %+v", list, want)
	}
	return nil
}

func checkCount(out io.Reader, truth *loggen.Truth) error {
	var n int
	_, err := fmt.Fscan(out, &n)
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

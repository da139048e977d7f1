package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/internal/speed"
)

// A subject reads a log.
type subject struct {
	speed.Subject
	log string
}

// subjects are what is measured. Gates name them.
func (b *bench) subjects() []*subject {
	var all []*subject
	add := func(name, log string, check func(io.Reader, *loggen.Truth) error, env []string, command ...string) {
		var files []string
		for i, arg := range command {
			switch arg {
			case "FILE", "BEFORE", "AFTER":
				name := cmp.Or(map[string]string{"BEFORE": "before", "AFTER": "after"}[arg], log)
				command[i] = b.file(name + ".log")
				files = append(files, command[i])
			case "ID":
				command[i] = b.truths[log].Lookups[2].Trace
			case "slogtrace", "duck":
				if i == 0 {
					command[i] = b.file(arg)
				}
			}
		}
		all = append(all, &subject{speed.Subject{
			Name: name, Command: command, Env: env,
			Before: func() error { return warm(files) },
			Check:  func(r io.Reader) error { return check(r, b.truths[log]) },
		}, log})
	}
	one := []string{"GOMAXPROCS=1"}
	// ours adds a subject of the command, and it on the hard log, on one core and on the long log.
	ours := func(name string, check func(io.Reader, *loggen.Truth) error, args ...string) {
		command := func() []string { return append([]string{"slogtrace"}, args...) }
		add(name, "plain", check, nil, command()...)
		add(name+", hard", "hard", check, nil, command()...)
		add(name+", 1 core", "plain", check, one, command()...)
		add(name+", long", "long", check, nil, command()...)
	}
	add("show: rg -c", "plain", checkCount, nil, "rg", "-c", "ID", "FILE")
	ours("show", checkShown, "show", "--json", "ID", "FILE")
	add("stats: DuckDB", "plain", speed.CheckOps, nil, "duck", "stats", "FILE")
	ours("stats", speed.CheckOps, "stats", "--json", "--sort", "name", "FILE")
	add("stats, duplicates counted", "plain", speed.CheckOps, nil, "slogtrace", "stats", "--json", "--sort", "name", "--duplicates", "count", "FILE")
	add("stats, duplicates counted, long", "long", speed.CheckOps, nil, "slogtrace", "stats", "--json", "--sort", "name", "--duplicates", "count", "FILE")
	add("ls --error: DuckDB", "plain", checkFailed, nil, "duck", "ls", "FILE")
	ours("ls --error", checkFailed, "ls", "--error", "--json", "FILE")
	add("ls", "plain", checkTraces, nil, "slogtrace", "ls", "--json", "FILE")
	add("stats --self", "plain", checkCounts(b.truths["plain"]), nil, "slogtrace", "stats", "--self", "--json", "--sort", "name", "FILE")
	before, after := b.truths["before"], b.truths["after"]
	add("stats --self, two logs", "both", checkCounts(before, after), nil, "slogtrace", "stats", "--self", "--json", "BEFORE", "AFTER")
	add("diff, two logs", "both", checkDiff(before, after), nil, "slogtrace", "diff", "--json", "BEFORE", "AFTER")
	return all
}

// warm reads files, to have them in the page cache.
func warm(files []string) error {
	for _, name := range files {
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

func checkFailed(out io.Reader, truth *loggen.Truth) error {
	return speed.CheckTraces(out, truth.FailedTraces, truth.FailedHash)
}

func checkTraces(out io.Reader, truth *loggen.Truth) error {
	return speed.CheckTraces(out, truth.Traces, "")
}

func checkShown(out io.Reader, truth *loggen.Truth) error {
	return speed.CheckShown(out, truth.Lookups[2])
}

func checkCount(out io.Reader, truth *loggen.Truth) error {
	var n int
	_, err := fmt.Fscan(out, &n)
	if want := truth.Lookups[2].Lines; err != nil || n != want {
		return fmt.Errorf("%d lines, want %d (%v)", n, want, err)
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

// Command gates measures slogtrace against what a user would pick instead, and against the bounds that it sets itself.
//
//	go run ./cmd/gates [-rounds N] [-batch duration] [-job regexp] [-json file] [-md file] [-merge file] [-check file] [-tolerance share] [-cpuprofile dir]
//
// It writes a table to standard output and says on standard error how far it is. The committed one is made anew by
//
//	go run ./cmd/gates -json gates.json -md gates.md
//
// A row's figure is the ratio of the CPU time of the whole process to that of the job's floor, in many short rounds,
// in each of which all subjects of a job take their turn; beside it stands the same with all collections of garbage.
// Before it is measured, each subject has to show that it does the job.
//
// With -merge it puts the jobs that it measures into a committed result, and writes the whole to the files of -json and -md.
// The table says at such a job how and where it was measured:
//
//	go run ./cmd/gates -job 'sql.*' -merge gates.json -json gates.json -md gates.md
//
// With -check it compares with a committed table: the same jobs and rows, exactly the same allocations,
// and gates that hold within the tolerance. What deviates is measured again, four times and then 16 times
// as long, before it counts: the few turns of a short run that make much garbage differ by a factor of two.
// The exit status is 1 if something does, or if without -check a gate does not hold that is not known not to;
// it is 2 if the command was called wrongly.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

type config struct {
	rounds     int
	batch      time.Duration
	jobs       string
	json, md   string
	merge      string
	check      string
	tolerance  float64
	cpuprofile string
}

func run(args []string, stdout, stderr io.Writer) int {
	var c config
	flags := flag.NewFlagSet("gates", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&c.rounds, "rounds", 100, "how many long turns each subject has, and four times as many short ones")
	flags.DurationVar(&c.batch, "batch", 20*time.Millisecond, "how long a long turn takes, about; a short one is a twentieth")
	flags.StringVar(&c.jobs, "job", "", "only the jobs whose whole name matches `regexp`")
	flags.StringVar(&c.json, "json", "", "write the result to `file` as JSON")
	flags.StringVar(&c.md, "md", "", "write the table to `file`")
	flags.StringVar(&c.merge, "merge", "", "write the result in `file` with the jobs that are measured in place of its own")
	flags.StringVar(&c.check, "check", "", "compare with the result in `file`")
	flags.Float64Var(&c.tolerance, "tolerance", 0.15, "the `share` by which -check lets ratios exceed their gates")
	flags.StringVar(&c.cpuprofile, "cpuprofile", "", "write a CPU profile of each job to `dir`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	only, err := regexp.Compile("^(?:" + c.jobs + ")$")
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("want no arguments, got %q", flags.Args())
	}
	if err == nil && c.rounds < 1 {
		err = fmt.Errorf("-rounds: want at least 1, got %d", c.rounds)
	}
	if err == nil && c.batch <= 0 {
		err = fmt.Errorf("-batch: want more than 0, got %v", c.batch)
	}
	if err == nil && c.tolerance < 0 {
		err = fmt.Errorf("-tolerance: want at least 0, got %g", c.tolerance)
	}
	var todo []job
	if err == nil {
		for _, j := range jobs() {
			if c.jobs == "" || only.MatchString(j.name) {
				todo = append(todo, j)
			}
		}
		if len(todo) == 0 {
			err = fmt.Errorf("-job: no job is named like %q", c.jobs)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "gates:", err)
		return 2
	}
	failed, err := c.run(todo, strings.Join(append([]string{"go run ./cmd/gates"}, args...), " "), stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "gates:", err)
		return 1
	}
	if failed {
		return 1
	}
	return 0
}

func (c *config) run(todo []job, command string, stdout, stderr io.Writer) (failed bool, err error) {
	var committed *result
	if c.check != "" {
		if committed, err = readResult(c.check); err != nil {
			return false, err
		}
	}
	for _, j := range todo {
		if j.changes {
			continue
		}
		if err := verify(j); err != nil {
			return false, err
		}
	}
	r := newResult(command, c.rounds, c.batch)
	for i, j := range todo {
		say := func(round, rounds int) {
			fmt.Fprintf(stderr, "%s (%d of %d): round %d of %d\n", j.name, i+1, len(todo), round, rounds)
		}
		if j.changes {
			if err := verify(j); err != nil {
				return false, err
			}
		}
		jr, err := c.measure(j, c.rounds, say)
		for _, longer := range []int{4, 16} {
			if err == nil && committed != nil && len(checkRows(jr, committed.job(j.name), c.tolerance)) > 0 {
				jr, err = c.measure(j, longer*c.rounds, say)
			}
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", j.name, err)
		}
		r.Jobs = append(r.Jobs, jr)
	}
	if err := r.write(stdout); err != nil {
		return false, err
	}
	if err := c.write(&r); err != nil {
		return false, err
	}
	for _, text := range r.obsolete() {
		fmt.Fprintln(stderr, "note:", text)
	}
	if committed == nil {
		for _, j := range r.Jobs {
			for _, row := range j.Rows {
				if row.Status == fail {
					fmt.Fprintf(stderr, "FAIL %s: %s: ratio %.3f, %d allocations\n", j.Name, row.Subject, row.Ratio, row.Allocs)
					failed = true
				}
			}
		}
		return failed, nil
	}
	if c.jobs != "" {
		committed.only(todo)
	}
	for _, d := range check(&r, committed, c.tolerance) {
		fmt.Fprintln(stderr, "FAIL", d)
		failed = true
	}
	return failed, nil
}

// measure does all that there is to do about one job.
func (c *config) measure(j job, rounds int, say func(round, rounds int)) (jobResult, error) {
	if c.cpuprofile != "" {
		if err := os.MkdirAll(c.cpuprofile, 0o777); err != nil {
			return jobResult{}, err
		}
		f, err := os.Create(filepath.Join(c.cpuprofile, j.name+".prof"))
		if err != nil {
			return jobResult{}, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return jobResult{}, err
		}
		defer pprof.StopCPUProfile()
	}
	o, err := j.measure(rounds, c.batch, say)
	if err != nil {
		return jobResult{}, err
	}
	defer o.close()
	o.countAllocs()
	return o.result(), nil
}

// write writes the files.
func (c *config) write(r *result) error {
	if c.merge != "" {
		into, err := readResult(c.merge)
		if err == nil {
			r, err = r.merge(into, jobNames())
		}
		if err != nil {
			return err
		}
	}
	if c.md != "" {
		if err := os.WriteFile(c.md, []byte(r.markdown()), 0o666); err != nil {
			return err
		}
	}
	if c.json == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.json, append(b, '\n'), 0o666)
}

func readResult(name string) (*result, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var r result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &r, nil
}

// only drops the jobs that are not in todo.
func (r *result) only(todo []job) {
	var jobs []jobResult
	for _, j := range r.Jobs {
		for _, t := range todo {
			if t.name == j.Name {
				jobs = append(jobs, j)
			}
		}
	}
	r.Jobs = jobs
}

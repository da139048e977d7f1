// Command readspeed measures how fast slogtrace reads a large log, against ripgrep and DuckDB doing the same.
//
//	GOWORK=off go run . [-gb 1] [-rounds N] [-dir DIR] [-json file] [-md file]
//
// It generates the logs in DIR unless they are there, builds the subjects, checks that all give the answer that
// the generator knows, and then runs them as processes, one after the other, in another order in each round.
// A figure is the median; a ratio is the median of the rounds' ratios. Each process begins when its file has just been read
// once, and so is in the page cache: some systems take pages back within seconds.
// The committed table is made by
//
//	GOWORK=off go run . -json ../readspeed.json -md ../readspeed.md
//
// It needs a C compiler for DuckDB, and rg. The exit status is 1 if a gate does not hold.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

func main() {
	ok, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "readspeed:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(args []string) (ok bool, err error) {
	flags := flag.NewFlagSet("readspeed", flag.ContinueOnError)
	size := flags.Float64("gb", 1, "the size of the logs in gigabytes; the long one has three times that")
	rounds := flags.Int("rounds", 15, "how many `rounds`")
	dir := flags.String("dir", filepath.Join(os.TempDir(), "readspeed"), "`directory` for logs and programs; they stay there")
	jsonFile := flags.String("json", "", "write the result to `file` as JSON")
	md := flags.String("md", "", "write the table to `file`")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return false, err
	}
	b := &bench{dir: *dir}
	for _, l := range []struct {
		name string
		o    loggen.Options
	}{
		{"plain", loggen.Options{Size: int64(*size * 1e9)}},
		{"hard", loggen.Options{Size: int64(*size * 1e9), Hard: true}},
		{"long", loggen.Options{Size: int64(3 * *size * 1e9), Repeat: 3}},
		{"before", loggen.Options{Size: int64(*size * 1e9 / 2), Seed: 2}},
		{"after", loggen.Options{Size: int64(*size * 1e9 / 2), Seed: 3}},
	} {
		l.o.Seed = max(1, l.o.Seed)
		if err := b.generate(l.name, l.o); err != nil {
			return false, err
		}
	}
	if err := b.build(); err != nil {
		return false, err
	}
	subjects := b.subjects()
	for _, s := range subjects {
		if err := s.verify(); err != nil {
			return false, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	order := slices.Clone(subjects)
	for i := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, *rounds)
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range order {
			if err := s.run(nil); err != nil {
				return false, fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	r := b.result(strings.Join(append([]string{"GOWORK=off go run ."}, args...), " "), *rounds, subjects)
	text := r.markdown()
	fmt.Print(text)
	if *md != "" {
		if err := os.WriteFile(*md, []byte(text), 0o666); err != nil {
			return false, err
		}
	}
	if *jsonFile != "" {
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(*jsonFile, append(data, '\n'), 0o666); err != nil {
			return false, err
		}
	}
	return !slices.ContainsFunc(r.Gates, func(g gate) bool { return !g.OK }), nil
}

type bench struct {
	dir    string
	truths map[string]*loggen.Truth
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// generate writes a log, unless it was written by the same options.
func (b *bench) generate(name string, o loggen.Options) error {
	if b.truths == nil {
		b.truths = make(map[string]*loggen.Truth)
	}
	var known struct {
		Options loggen.Options
		Truth   *loggen.Truth
	}
	note := b.file(name + ".json")
	if data, err := os.ReadFile(note); err == nil && json.Unmarshal(data, &known) == nil && known.Options == o {
		if info, err := os.Stat(b.file(name + ".log")); err == nil && info.Size() == known.Truth.Bytes {
			b.truths[name] = known.Truth
			return nil
		}
	}
	fmt.Fprintln(os.Stderr, "generating", b.file(name+".log"))
	f, err := os.Create(b.file(name + ".log"))
	if err != nil {
		return err
	}
	known.Options = o
	if known.Truth, err = loggen.Generate(f, o); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	b.truths[name] = known.Truth
	data, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return os.WriteFile(note, data, 0o666)
}

// build builds the command, in its own module, and the program that asks DuckDB.
func (b *bench) build() error {
	for _, p := range []struct{ name, dir, work string }{
		{"slogtrace", "../../cmd/slogtrace", "GOWORK="},
		{"duck", "duck", "GOWORK=off"},
	} {
		out, err := filepath.Abs(b.file(p.name))
		if err != nil {
			return err
		}
		cmd := exec.Command("go", "build", "-o", out, ".")
		cmd.Dir, cmd.Env, cmd.Stderr = p.dir, append(os.Environ(), p.work), os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go build in %s: %w", p.dir, err)
		}
	}
	return nil
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
		all = append(all, &subject{Name: name, Log: log, files: files, command: command, env: env, check: check, truth: b.truths[log]})
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
	add("stats: DuckDB", "plain", checkOps, nil, "duck", "stats", "FILE")
	ours("stats", checkOps, "stats", "--json", "--sort", "name", "FILE")
	add("stats, duplicates counted", "plain", checkOps, nil, "slogtrace", "stats", "--json", "--sort", "name", "--duplicates", "count", "FILE")
	add("stats, duplicates counted, long", "long", checkOps, nil, "slogtrace", "stats", "--json", "--sort", "name", "--duplicates", "count", "FILE")
	add("ls --error: DuckDB", "plain", checkFailed, nil, "duck", "ls", "FILE")
	ours("ls --error", checkFailed, "ls", "--error", "--json", "FILE")
	add("ls", "plain", checkTraces, nil, "slogtrace", "ls", "--json", "FILE")
	add("stats --self", "plain", checkCounts(b.truths["plain"]), nil, "slogtrace", "stats", "--self", "--json", "--sort", "name", "FILE")
	before, after := b.truths["before"], b.truths["after"]
	add("stats --self, two logs", "both", checkCounts(before, after), nil, "slogtrace", "stats", "--self", "--json", "BEFORE", "AFTER")
	add("diff, two logs", "both", checkDiff(before, after), nil, "slogtrace", "diff", "--json", "BEFORE", "AFTER")
	return all
}

func version(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return name + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func cpu() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return "unknown CPU"
}

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
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/internal/speed"
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
	b := &bench{dir: *dir, truths: make(map[string]*loggen.Truth)}
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
		if b.truths[l.name], err = speed.Generate(*dir, l.name, l.o); err != nil {
			return false, err
		}
	}
	if err := speed.Build(b.file("slogtrace"), "../../cmd/slogtrace", ""); err != nil {
		return false, err
	}
	if err := speed.Build(b.file("duck"), "duck", "off"); err != nil { // the program that asks DuckDB
		return false, err
	}
	subjects := b.subjects()
	var all []*speed.Subject
	for _, s := range subjects {
		if err := s.Verify(); err != nil {
			return false, fmt.Errorf("%s: %w", s.Name, err)
		}
		all = append(all, &s.Subject)
	}
	if err := speed.Rounds(*rounds, all, os.Stderr); err != nil {
		return false, err
	}
	r := b.result(strings.Join(append([]string{"GOWORK=off go run ."}, args...), " "), *rounds, subjects)
	return r.Gates.OK(), speed.Write(r, r.markdown(), *jsonFile, *md)
}

type bench struct {
	dir    string
	truths map[string]*loggen.Truth
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

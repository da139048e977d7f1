// Command genlogs writes a log like that of examples/booking, as large as asked, and prints as JSON what is in it.
//
//	go run ./cmd/genlogs -size 1GB [-seed N] [-repeat N] [-hard] -o FILE >truth.json
//	go run ./cmd/genlogs -traces 1000 -o - 2>truth.json | reader
//
// With -hard the lines say the same in all the ways that make reading difficult: see package loggen.
// The same flags give the same bytes. With -o - the log goes to standard output, and the truth to standard error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	var o loggen.Options
	flags := flag.NewFlagSet("genlogs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("size", "write about that many `bytes`: a number, or one with kB, MB or GB", func(s string) (err error) {
		o.Size, err = parseSize(s)
		return err
	})
	flags.IntVar(&o.Traces, "traces", 1000, "write that many traces, unless -size is given")
	flags.Uint64Var(&o.Seed, "seed", 1, "the `seed` of what is random")
	flags.BoolVar(&o.Hard, "hard", false, "write what is difficult to read")
	flags.IntVar(&o.Repeat, "repeat", 1, "`times` that each trace has what it has once: a longer log of as many traces")
	name := flags.String("o", "", "write to `file`, or - for standard output")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *name == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "genlogs: want -o FILE and no arguments")
		return 2
	}
	if err := write(*name, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "genlogs:", err)
		return 1
	}
	return 0
}

func write(name string, o loggen.Options, stdout, stderr io.Writer) (err error) {
	out, report := stdout, stderr
	if name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer func() {
			if e := f.Close(); err == nil {
				err = e
			}
		}()
		out, report = f, stdout
	}
	truth, err := loggen.Generate(out, o)
	if err != nil {
		return err
	}
	e := json.NewEncoder(report)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(truth)
}

func parseSize(s string) (int64, error) {
	factor := 1e0
	for unit, f := range map[string]float64{"kB": 1e3, "MB": 1e6, "GB": 1e9} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, factor = rest, f
			break
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || x <= 0 || x*factor > 1e15 {
		return 0, fmt.Errorf("want a size like 1GB, got %q", s)
	}
	return int64(x * factor), nil
}

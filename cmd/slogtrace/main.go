// Command slogtrace turns log lines back into traces.
//
//	slogtrace show [-trace ID] [FILE...]
//
// It reads the files, or standard input if there is none or one is named "-", and prints
// each trace as a tree; with -trace only the one whose id begins with ID.
//
// It exits with 0, with 1 if something could not be read or found, or with 2 if the
// command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

const usage = "usage: slogtrace show [-trace ID] [FILE...]"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command without the process. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "show" {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	flags := flag.NewFlagSet("slogtrace show", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, usage) }
	id := flags.String("trace", "", "")
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	entries, err := read(ctx, flags.Args(), stdin, stderr)
	if err == nil {
		err = show(stdout, tracelog.Assemble(entries), *id)
	}
	if err != nil {
		fmt.Fprintln(stderr, "slogtrace:", err)
		return 1
	}
	return 0
}

// read returns what is in the files, and tells stderr how many lines could not be read.
func read(ctx context.Context, files []string, stdin io.Reader, stderr io.Writer) ([]tracelog.Entry, error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	var entries []tracelog.Entry
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in := io.NopCloser(stdin)
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			in = f
		}
		src, err := tracelog.Scan(in, name, func(e tracelog.Entry) { entries = append(entries, e) })
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if src.Bad > 0 {
			fmt.Fprintf(stderr, "slogtrace: %s: %d of %d lines are no record\n", name, src.Bad, src.Lines)
		}
	}
	return entries, nil
}

// show prints the traces, or the one whose id is id or, alone among them, begins with it.
func show(w io.Writer, traces []*tracelog.Trace, id string) error {
	var chosen []*tracelog.Trace
	for _, t := range traces {
		if t.ID == id {
			chosen = []*tracelog.Trace{t}
			break
		}
		if strings.HasPrefix(t.ID, id) {
			chosen = append(chosen, t)
		}
	}
	if id != "" && len(chosen) != 1 {
		return fmt.Errorf("trace %s: want one trace, found %d of %d", id, len(chosen), len(traces))
	}
	for i, t := range chosen {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := tracelog.WriteTree(w, t, nil); err != nil {
			return err
		}
	}
	return nil
}

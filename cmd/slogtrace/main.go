// Command slogtrace turns log lines back into traces.
//
//	slogtrace show [-trace ID] [-logs=false] [-attrs] [-stacks] [FILE...]
//
// It reads JSON lines from the files, or from standard input if there is none or one is
// named "-", and prints each trace as a tree, with its log lines unless told otherwise;
// with -trace only the one whose id begins with ID.
//
// It exits with 0, with 1 if a file could not be read or no trace was found, or with 2
// if the command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

const usage = "usage: slogtrace show [-trace ID] [-logs=false] [-attrs] [-stacks] [FILE...]"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command without the process. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "show" {
		fmt.Fprintln(stderr, usage)
		if len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
			return 0
		}
		return 2
	}
	flags := flag.NewFlagSet("slogtrace show", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, usage); flags.PrintDefaults() }
	id := flags.String("trace", "", "show only the trace whose `ID` begins so")
	var opts tracelog.TreeOptions
	flags.BoolVar(&opts.Logs, "logs", true, "show log lines")
	flags.BoolVar(&opts.Attrs, "attrs", false, "show the attributes of spans")
	flags.BoolVar(&opts.Stacks, "stacks", false, "show the stacks of panics")
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	entries, err := read(ctx, flags.Args(), stdin, stderr)
	if traces := tracelog.Assemble(entries); len(traces) > 0 || err == nil {
		err = errors.Join(err, show(stdout, traces, *id, &opts))
	}
	if err != nil {
		fmt.Fprintln(stderr, "slogtrace:", strings.ReplaceAll(err.Error(), "\n", "\nslogtrace: "))
		return 1
	}
	return 0
}

// read returns what is in those of the files that can be read, and tells stderr how many lines could not.
func read(ctx context.Context, files []string, stdin io.Reader, stderr io.Writer) ([]tracelog.Entry, error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	var entries []tracelog.Entry
	var errs []error
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in := io.NopCloser(stdin)
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			in = f
		}
		src, err := tracelog.Scan(in, name, func(e tracelog.Entry) { entries = append(entries, e) })
		in.Close()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if src.Bad > 0 {
			first := src.BadLines[0]
			fmt.Fprintf(stderr, "slogtrace: %s: %d of %d lines are no record, the first of them line %d: %s\n",
				name, src.Bad, src.Lines, first.Line, first.Reason)
		}
	}
	return entries, errors.Join(errs...)
}

// show prints the traces, or the one whose id is id or, alone among them, begins with it.
func show(w io.Writer, traces []*tracelog.Trace, id string, opts *tracelog.TreeOptions) error {
	if len(traces) == 0 {
		return errors.New("no record carries a trace id")
	}
	var chosen []*tracelog.Trace
	for _, t := range traces {
		if t.ID == id {
			chosen = []*tracelog.Trace{t}
			break
		}
		if strings.HasPrefix(strings.ToLower(t.ID), strings.ToLower(id)) {
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
		if err := tracelog.WriteTree(w, t, opts); err != nil {
			return err
		}
	}
	return nil
}

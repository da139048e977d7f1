package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// width is how many columns the tour has. Only lines that are shown as they are in the files are longer.
const width = 80

// report reads the log files in dir and draws the trace of each run.
func report(w io.Writer, dir string, runs []played) (err error) {
	out := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, out.Flush()) }()
	entries, err := readLogs(dir, func(src tracelog.Source) {
		fmt.Fprintf(out, "  %-20s %3d lines", src.File, src.Lines)
		if src.Bad > 0 {
			fmt.Fprintf(out, ", %d of them unreadable", src.Bad)
		}
		fmt.Fprintln(out)
	})
	if err != nil {
		return err
	}
	traces := assemble(entries)
	for i, run := range runs {
		s := &scenarios[run.index]
		heading := fmt.Sprintf("%d. %s", run.index+1, s.title)
		fmt.Fprintf(out, "\n%s\n%s\n", heading, strings.Repeat("=", len(heading)))
		for j, a := range run.answers {
			fmt.Fprintf(out, "POST /bookings: %s, %q", a.status, a.text)
			if a.booking != "" {
				fmt.Fprintf(out, ", booking %s", a.booking)
			}
			fmt.Fprintf(out, "\nX-Trace-Id: %s\n\n", a.trace)
			trace := traces[a.trace]
			if trace == nil {
				return fmt.Errorf("scenario %d: trace %s is not in the log", run.index+1, a.trace)
			}
			if i+j == 0 {
				explain(out, entries, a.trace)
			}
			show := s.show
			show.Width = width
			if err := draw.Waterfall(out, trace, &show); err != nil {
				return err
			}
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n\n", s.see)
		for _, a := range run.answers {
			fmt.Fprintf(out, "  %s\n", showCommand(a.trace, dir, &s.show))
		}
	}
	fmt.Fprintf(out, "\nThe logs, the queue and the payments stay in %s\n", dir)
	return nil
}

// explain shows two lines of a trace as they are in the files: a log line if there is one, and the end of a span.
// It explains the marks of the drawings.
func explain(w io.Writer, entries []tracelog.Entry, trace string) {
	var logged, ended [][]byte
	for _, e := range entries {
		switch {
		case e.Trace != trace:
		case e.Event == tracelog.EventLog:
			logged = append(logged, e.Raw)
		case e.Event == tracelog.EventEnd:
			ended = append(ended, e.Raw)
		}
	}
	// Short lines are enough.
	slices.SortStableFunc(ended, func(a, b []byte) int { return len(a) - len(b) })
	what, lines := "the ends of two spans", ended
	if len(logged) > 0 {
		what, lines = "a log line, and the end of a span", append(logged[:1:1], ended...)
	}
	fmt.Fprintf(w, "Two lines of this trace, as in the files: %s.\n\n", what)
	for _, line := range lines[:min(2, len(lines))] {
		fmt.Fprintf(w, "%s\n", line)
	}
	fmt.Fprint(w, `
All lines of the trace make this drawing. Each row is a span, below its parent.
It has the span's duration and a bar on the axis of time:

  █  on the critical path: the trace took its time here
  ━  beside it: the span waited for others, or ran at the same time as others
  ░  the job waited in a queue before the span began
  ▏▌ a part of a column, where a bar begins or ends
  ✗  the span failed
  ·  a log line, and when it was logged

`)
}

// shortID is how much of a trace's id the command needs to find it among a few others.
const shortID = 8

// showCommand returns the command line that shows a trace as report does, in a checkout.
func showCommand(trace, dir string, show *draw.Options) string {
	command := "go run ./cmd/slogtrace show"
	if show.Logs {
		command += " --logs"
	}
	if show.Attrs {
		command += " --attrs"
	}
	if strings.ContainsFunc(dir, func(r rune) bool {
		return !strings.ContainsRune("/._-", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'" // for a shell
	}
	return command + " " + trace[:min(shortID, len(trace))] + " " + dir
}

// readLogs returns the entries of all log files in dir, from all processes.
func readLogs(dir string, found func(tracelog.Source)) ([]tracelog.Entry, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return nil, err
	}
	var entries []tracelog.Entry
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		src, err := tracelog.Scan(file, filepath.Base(name), func(e tracelog.Entry) { entries = append(entries, e) })
		file.Close()
		if err != nil {
			return nil, err
		}
		found(src)
	}
	return entries, nil
}

// assemble returns traces by id.
func assemble(entries []tracelog.Entry) map[string]*tracelog.Trace {
	traces := make(map[string]*tracelog.Trace)
	for _, t := range tracelog.Assemble(entries) {
		traces[t.ID] = t
	}
	return traces
}

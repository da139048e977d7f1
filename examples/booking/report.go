package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/slogtrace/slogtrace/tracelog"
)

// report reads the log files in dir and writes what they say about each run.
func report(w io.Writer, dir string, runs []played) (err error) {
	out := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, out.Flush()) }()
	traces, err := readLogs(dir, func(src tracelog.Source) {
		fmt.Fprintf(out, "  %-20s %3d lines", src.File, src.Lines)
		if src.Bad > 0 {
			fmt.Fprintf(out, ", %d of them unreadable", src.Bad)
		}
		fmt.Fprintln(out)
	})
	if err != nil {
		return err
	}
	for _, run := range runs {
		s := &scenarios[run.index]
		heading := fmt.Sprintf("%d. %s", run.index+1, s.title)
		fmt.Fprintf(out, "\n%s\n%s\n", heading, strings.Repeat("=", len(heading)))
		fmt.Fprintf(out, "POST /bookings: %s, %q, X-Trace-Id: %s\n\n", run.status, run.answer.Status, run.trace)
		trace := traces[run.trace]
		if trace == nil {
			return fmt.Errorf("scenario %d: trace %s is not in the log", run.index+1, run.trace)
		}
		if err := tracelog.WriteWaterfall(out, trace, &s.show); err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s\n\n  %s\n", s.see, showCommand(run.trace, dir, &s.show))
	}
	return nil
}

// showCommand returns the command line that shows a trace like report does.
func showCommand(trace, dir string, show *tracelog.WaterfallOptions) string {
	command := "slogtrace show"
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
	return command + " " + trace + " " + dir
}

// readLogs returns the traces in all log files of dir, whichever processes wrote them, by id.
func readLogs(dir string, found func(tracelog.Source)) (map[string]*tracelog.Trace, error) {
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
	traces := make(map[string]*tracelog.Trace)
	for _, t := range tracelog.Assemble(entries) {
		traces[t.ID] = t
	}
	return traces, nil
}

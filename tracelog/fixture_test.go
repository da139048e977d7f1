package tracelog

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// fixtures returns the files of testdata. Each has a log, the results of Scan and Assemble, and the trees of
// package draw. The section "edges" is written manually.
func fixtures(t testing.TB) map[string]*fixture.File { return fixture.All(t, "testdata/*.txtar") }

func scanAll(t testing.TB, log []byte) ([]Entry, Source) {
	t.Helper()
	var entries []Entry
	src, err := Scan(bytes.NewReader(log), "app.log", func(e Entry) { entries = append(entries, e) })
	if err != nil {
		t.Fatal(err)
	}
	return entries, src
}

func TestFixtures(t *testing.T) {
	for file, f := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			entries, src := scanAll(t, f.Log())
			checkSource(t, src, len(entries))
			traces := Assemble(entries)
			checkTraces(t, entries, traces)

			want := strings.Split(strings.TrimSpace(f.Parts["edges"]), "\n")
			slices.Sort(want)
			if diff := cmp.Diff(want, edges(traces)); diff != "" {
				t.Errorf("edges (-want +got):\n%s", diff)
			}
			got := describe(entries, src)
			if *update {
				f.Set("entries", got)
				f.Write(t, file)
			} else if diff := cmp.Diff(f.Parts["entries"], got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// edges returns one line for each span: its parent or "-", its id, and its problems and state.
func edges(traces []*Trace) []string {
	word := func(s string) string {
		if q := strconv.Quote(s); q != `"`+s+`"` {
			return q
		}
		return s
	}
	var lines []string
	for _, tr := range traces {
		for _, s := range tr.All() {
			line := "-"
			if s.Parent != nil {
				line = word(s.Parent.ID)
			}
			line += " " + word(s.ID)
			for _, m := range []struct {
				name string
				is   bool
			}{
				{"missing", s.missingParent},
				{"cycle", s.cycleBroken},
				{"conflict", s.conflicting},
				{"duplicate", s.duplicates > 0 && !s.conflicting},
				{"elsewhere", s.ParentElsewhere()},
				{"external", s.External},
				{"unfinished", s.State != Ended && !s.External},
			} {
				if m.is {
					line += " " + m.name
				}
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// describe returns the result of Scan as text.
func describe(entries []Entry, src Source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d lines, %d records, %d blank, %d bad\n", src.Lines, src.Records, src.Blank, src.Bad)
	for _, bad := range src.BadLines {
		fmt.Fprintf(&b, "%d: %s\n", bad.Line, bad.Reason)
	}
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(&b, "%d: %v %q/%q", e.Line, e.Event, e.Trace, e.Span)
		if e.Event != EventLog {
			fmt.Fprintf(&b, " parent %q start %s +%v", e.Parent, e.Start.Format("05.000000"), e.Duration)
		}
		if e.Unsampled || e.SampleRate != 0 {
			fmt.Fprintf(&b, " sampled %v at %v", !e.Unsampled, e.SampleRate)
		}
		for _, l := range e.Links {
			fmt.Fprintf(&b, " link %q/%q", l.Trace, l.Span)
		}
		if e.Failed {
			fmt.Fprintf(&b, " error %+q", e.Error)
		}
		for _, a := range e.Attrs() {
			fmt.Fprintf(&b, " %+q=%+q", a.Key, a.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// story returns everything in traces as text, except the position and the form of each line.
func story(traces []*Trace) string {
	var b strings.Builder
	line := func(depth int, mark string, parts ...any) {
		b.WriteString(strings.Repeat("  ", depth) + mark)
		for _, part := range parts {
			if text := fmt.Sprint(part); text != "" && text != "0" && text != "0s" && text != "false" && text != "[]" {
				b.WriteString(" " + text)
			}
		}
		b.WriteString("\n")
	}
	at := func(when time.Time) string {
		if when.IsZero() {
			return "never"
		}
		return when.Format("05.999999999")
	}
	attrs := func(depth int, attrs []Attr) {
		for _, a := range attrs {
			line(depth, "=", strconv.Quote(a.Key), string(a.Value))
		}
	}
	logs := func(depth int, logs []Entry) {
		for i := range logs {
			e := &logs[i]
			line(depth, "·", at(e.Time), e.Level, strconv.Quote(e.Message), e.Op, e.Service, e.Copies)
			attrs(depth+1, e.Attrs())
		}
	}
	for _, tr := range traces {
		line(0, "trace", strconv.Quote(tr.ID), at(tr.Start), at(tr.End), tr.Spans, tr.Errors,
			tr.Services, tr.entries, tr.Duplicates, tr.Problems)
		logs(1, tr.Logs)
		for depth, s := range tr.All() {
			start, end := s.Interval()
			line(1+depth, "-", strconv.Quote(s.ID), strconv.Quote(s.Op), s.Kind, s.Service, s.State, at(s.Start), s.Duration, at(start), at(end),
				s.Failed, strconv.Quote(s.Error), strconv.Quote(s.Stack), s.Queued, s.Weight, s.Links, strconv.Quote(s.ParentID))
			attrs(2+depth, s.Attrs)
			logs(2+depth, s.Logs)
		}
	}
	return b.String()
}

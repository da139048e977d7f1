package tracelog

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// A fixture is a file of testdata in txtar form: a comment, the section "log", the section "edges", which is written
// by hand, and the goldens.
type fixture struct {
	comment string
	names   []string
	parts   map[string]string
}

func readFixture(t testing.TB, file string) *fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{parts: map[string]string{}}
	name := ""
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		if n, ok := strings.CutPrefix(line, "-- "); ok {
			if n, ok = strings.CutSuffix(n, " --\n"); ok {
				name = n
				f.names = append(f.names, n)
				continue
			}
		}
		f.parts[name] += line
	}
	f.comment = f.parts[""]
	return f
}

// log returns the fixture's log. A line "<no newline>" ends one that is cut.
func (f *fixture) log() []byte {
	return []byte(strings.ReplaceAll(f.parts["log"], "\n<no newline>\n", ""))
}

func (f *fixture) write(t testing.TB, file string) {
	var b bytes.Buffer
	b.WriteString(f.comment)
	for _, n := range f.names {
		fmt.Fprintf(&b, "-- %s --\n%s", n, f.parts[n])
	}
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func fixtures(t testing.TB) map[string]*fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	fs := make(map[string]*fixture)
	for _, file := range files {
		fs[file] = readFixture(t, file)
	}
	return fs
}

func scanAll(t testing.TB, log []byte) ([]Entry, Source) {
	t.Helper()
	var entries []Entry
	src, err := Scan(bytes.NewReader(log), "app.log", func(e Entry) { entries = append(entries, e) })
	if err != nil {
		t.Fatal(err)
	}
	return entries, src
}

func tree(t testing.TB, traces []*Trace, opts *TreeOptions) string {
	t.Helper()
	var b strings.Builder
	for i, tr := range traces {
		if i > 0 {
			b.WriteString("\n")
		}
		if err := WriteTree(&b, tr, opts); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestFixtures(t *testing.T) {
	for file, f := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			entries, src := scanAll(t, f.log())
			checkSource(t, src, len(entries))
			traces := Assemble(entries)
			checkTraces(t, entries, traces)

			want := strings.Split(strings.TrimSpace(f.parts["edges"]), "\n")
			slices.Sort(want)
			if diff := cmp.Diff(want, edges(traces)); diff != "" {
				t.Errorf("edges (-want +got):\n%s", diff)
			}

			got := map[string]string{
				"entries": describe(entries, src),
				"tree":    tree(t, traces, nil),
				"full":    tree(t, traces, &TreeOptions{Logs: true, Attrs: true, Stacks: true, Width: 80}),
				"stable":  tree(t, traces, &TreeOptions{Logs: true, Attrs: true, Stacks: true, Stable: true}),
			}
			for name, text := range got {
				checkPrintable(t, text)
				if name == "entries" || *update {
					continue
				}
				if diff := cmp.Diff(f.parts[name], text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				for _, name := range []string{"entries", "tree", "full", "stable"} {
					if !slices.Contains(f.names, name) {
						f.names = append(f.names, name)
					}
					f.parts[name] = got[name]
				}
				f.write(t, file)
			} else if diff := cmp.Diff(f.parts["entries"], got["entries"]); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// edges writes one line for each span: its parent or "-", its id, and what is marked on it.
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
				{"missing", s.MissingParent},
				{"cycle", s.CycleBroken},
				{"conflict", s.ConflictingRecords},
				{"duplicate", s.Duplicates > 0 && !s.ConflictingRecords},
				{"unfinished", s.State != Ended},
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

// describe writes what Scan made of each line.
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

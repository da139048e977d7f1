package draw

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata and ../testdata")

// everything makes Tree write all that it can.
var everything = &Options{Logs: true, Attrs: true, Stacks: true}

const oneSpan = `{"msg":"span end","trace":"t","span":"s","op":"charge","start":"2026-03-01T09:15:00Z","duration_ms":12.345}`

// fixtures returns tracelog's own fixtures. They also have a section with the tree of each log.
func fixtures(t testing.TB) map[string]*fixture.File { return fixture.All(t, "../testdata/*.txtar") }

func TestFixtures(t *testing.T) {
	check := func(file string, f *fixture.File, trees map[string]*Options) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			entries, _ := scanAll(t, f.Log())
			traces := tracelog.Assemble(entries)
			for _, name := range []string{"tree", "full", "stable", "trees"} {
				if _, ok := trees[name]; !ok {
					continue
				}
				got := tree(t, traces, trees[name])
				checkPrintable(t, got)
				if *update {
					f.Set(name, got)
				} else if diff := cmp.Diff(f.Parts[name], got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				f.Write(t, file)
			}
		})
	}
	for file, f := range fixtures(t) {
		check(file, f, map[string]*Options{
			"tree":   nil,
			"full":   {Logs: true, Attrs: true, Stacks: true, Width: 80},
			"stable": {Logs: true, Attrs: true, Stacks: true, Stable: true},
		})
	}
	for file, f := range fixture.All(t, "../testdata/forms/*.txtar") {
		check(file, f, map[string]*Options{"trees": {Logs: true, Attrs: true, Width: 120}})
	}
}

func scanAll(t testing.TB, log []byte) ([]tracelog.Entry, tracelog.Source) {
	t.Helper()
	var entries []tracelog.Entry
	src, err := tracelog.Scan(bytes.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
	if err != nil {
		t.Fatal(err)
	}
	return entries, src
}

func tree(t testing.TB, traces []*tracelog.Trace, opts *Options) string {
	t.Helper()
	var b strings.Builder
	for i, tr := range traces {
		if i > 0 {
			b.WriteString("\n")
		}
		if err := Tree(&b, tr, opts); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// checkPrintable checks that s contains nothing that controls a terminal.
func checkPrintable(t testing.TB, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("invalid UTF-8: %q", s)
	}
	for _, r := range s {
		if r != '\n' && !strconv.IsGraphic(r) {
			t.Errorf("%U in %q", r, s)
			return
		}
	}
}

// chain returns n spans, each of which is the child of the previous one. With branches, each also has a sibling.
func chain(n int, branches bool) []tracelog.Entry {
	entries := make([]tracelog.Entry, 0, 2*n)
	for i := range n {
		e := tracelog.Entry{Trace: "t", Span: fmt.Sprint("s", i), Op: "op", Event: tracelog.EventEnd,
			Start: fixture.Epoch.Add(time.Duration(i)), Duration: time.Duration(2*n - 2*i), Line: i}
		if i > 0 {
			e.Parent = fmt.Sprint("s", i-1)
		}
		entries = append(entries, e)
		if branches {
			e.Span = "b" + e.Span
			entries = append(entries, e)
		}
	}
	return entries
}

// A countingWriter counts lines, and the runes of the longest line.
type countingWriter struct{ lines, longest, line int }

func (w *countingWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' {
			w.lines++
			w.longest = max(w.longest, w.line)
			w.line = 0
		} else if c&0xc0 != 0x80 {
			w.line++
		}
	}
	return len(p), nil
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzSpans draws spans with any parents and times.
func FuzzSpans(f *testing.F) {
	for _, data := range fixture.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _ := scanAll(t, fixture.Lines(data))
		traces := tracelog.Assemble(entries)
		for _, opts := range []*Options{nil, everything, {Stable: true, Logs: true, Attrs: true}, {Width: 1, Logs: true}} {
			checkPrintable(t, tree(t, traces, opts))
		}
		for _, tr := range traces {
			checkWaterfall(t, tr, 1+len(data)%200)
		}
	})
}

// FuzzTree draws the traces of whole logs, so that any text may be anywhere.
func FuzzTree(f *testing.F) {
	for _, fx := range fixtures(f) {
		f.Add(fx.Log(), 80)
	}
	f.Fuzz(func(t *testing.T, log []byte, width int) {
		entries, _ := scanAll(t, log)
		traces := tracelog.Assemble(entries)
		for _, opts := range []Options{{}, {Stable: true}, {Stable: true, Logs: true, Attrs: true}, *everything} {
			opts.Width = width % 500
			checkPrintable(t, tree(t, traces, &opts))
		}
		for _, tr := range traces {
			checkWaterfall(t, tr, width%500)
		}
		checkPrintable(t, waterfall(t, traces, &Options{Width: width % 500, Logs: true, Attrs: true, Stacks: true}))
	})
}

// spanEntries makes end records of lines "id parent service start duration [kind]", in milliseconds.
// A duration of "-" makes a start record, one of "log" a log line.
func spanEntries(t testing.TB, lines string) []tracelog.Entry {
	t.Helper()
	var entries []tracelog.Entry
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		ms := func(s string) time.Duration {
			var x float64
			if _, err := fmt.Sscan(s, &x); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return time.Duration(x * 1e6)
		}
		e := tracelog.Entry{Trace: "t", Span: f[0], Op: f[0], Parent: strings.Trim(f[1], "-"), Service: strings.Trim(f[2], "-"),
			Start: fixture.Epoch.Add(ms(f[3])), Event: tracelog.EventEnd, Line: len(entries) + 1}
		e.Time = e.Start
		switch f[4] {
		case "-":
			e.Event = tracelog.EventStart
		case "log":
			e.Event, e.Start, e.Parent = tracelog.EventLog, time.Time{}, ""
		default:
			e.Duration = ms(f[4])
			e.Time = e.Start.Add(e.Duration)
		}
		if len(f) > 5 {
			if e.Kind = f[5]; e.Kind == "queued" {
				e.Kind, e.Queued = "", time.Second
			}
		}
		entries = append(entries, e)
	}
	return entries
}

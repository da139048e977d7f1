package draw

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

func waterfall(t testing.TB, traces []*tracelog.Trace, opts *Options) string {
	t.Helper()
	var b bytes.Buffer
	for _, tr := range traces {
		if err := Waterfall(&b, tr, opts); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// The goldens are files of testdata/waterfall. Each has a log, unless it uses that of the fixture of the same name,
// and sections whose names are the options. Escape is written as ^[.
func TestWaterfalls(t *testing.T) {
	for file, f := range fixture.All(t, "testdata/waterfall/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			log := f.Log()
			if len(log) == 0 {
				log = fixture.Read(t, filepath.Join("../testdata", filepath.Base(file))).Log()
			}
			entries, _ := scanAll(t, log)
			traces := tracelog.Assemble(entries)
			for _, name := range f.Names {
				if name == "log" {
					continue
				}
				var o Options
				for _, word := range strings.Fields(name) {
					switch word {
					case "ascii":
						o.ASCII = true
					case "color":
						o.Color = true
					case "logs":
						o.Logs = true
					case "attrs":
						o.Attrs = true
					case "stacks":
						o.Stacks = true
					default:
						width, err := strconv.Atoi(word)
						if err != nil {
							t.Fatalf("section %q", name)
						}
						o.Width = width
					}
				}
				got := strings.ReplaceAll(waterfall(t, traces, &o), "\x1b", "^[")
				checkPrintable(t, got)
				if *update {
					f.Parts[name] = got
				} else if diff := cmp.Diff(f.Parts[name], got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				f.Write(t, file)
			}
		})
	}
}

// everyLog yields the log of every fixture.
func everyLog(t testing.TB, yield func(file string, log []byte)) {
	for file, f := range fixtures(t) {
		yield(file, f.Log())
	}
	for file, f := range fixture.All(t, "testdata/waterfall/*.txtar") {
		if log := f.Log(); len(log) > 0 {
			yield(file, log)
		}
	}
}

// checkWaterfall checks the invariants of a waterfall.
func checkWaterfall(t testing.TB, tr *tracelog.Trace, width int) {
	t.Helper()
	plain := waterfall(t, []*tracelog.Trace{tr}, &Options{Width: width})
	checkPrintable(t, plain)
	bars, most := 0, min(max(width, minWidth), maxWidth)
	if width < 1 {
		most = defaultWidth
	}
	for line := range strings.Lines(plain) {
		n := columns(strings.TrimSuffix(line, "\n"))
		if strings.ContainsAny(line, "━╸╺▏▎▍▌▋▊▉█▐▕╷") {
			bars++
			if n > most {
				t.Errorf("%d of %d columns: %s", n, most, line)
			}
		}
	}
	timed := 0
	for _, s := range tr.All() {
		if !s.Start.IsZero() {
			timed++
		}
	}
	if bars < timed {
		t.Errorf("%d bars of %d spans:\n%s", bars, timed, plain)
	}
	if diff := cmp.Diff(plain, waterfall(t, []*tracelog.Trace{tr}, &Options{Width: width, Stable: true})); diff != "" {
		t.Errorf("with Stable (-want +got):\n%s", diff)
	}
	ascii := waterfall(t, []*tracelog.Trace{tr}, &Options{Width: width, ASCII: true})
	for _, r := range ascii {
		if r >= utf8.RuneSelf {
			t.Errorf("%q in ASCII", r)
			break
		}
	}
	if a, b := strings.Count(ascii, "\n"), strings.Count(plain, "\n"); a != b {
		t.Errorf("%d lines in ASCII, %d else", a, b)
	}
	colored := waterfall(t, []*tracelog.Trace{tr}, &Options{Width: width, Color: true})
	if diff := cmp.Diff(plain, ansiCodes.ReplaceAllString(colored, "")); diff != "" {
		t.Errorf("without colour (-want +got):\n%s", diff)
	}
}

var ansiCodes = regexp.MustCompile(`\x1b\[(0|1|2|31|33|36)m`)

func TestWaterfallInvariants(t *testing.T) {
	everyLog(t, func(file string, log []byte) {
		entries, _ := scanAll(t, log)
		traces := tracelog.Assemble(entries)
		for _, tr := range traces {
			for _, width := range []int{0, 1, 40, 41, 60, 79, 100, 133, 250, 2000} {
				checkWaterfall(t, tr, width)
			}
		}
		if t.Failed() {
			t.Fatal(file)
		}
	})
}

// The columns of a bar match the times of its span.
func TestWaterfallBars(t *testing.T) {
	for _, tt := range []struct{ name, spans, want string }{
		{"a quarter each", "a - - 0 100\nb a - 0 25\nc a - 25 50\nd a - 75 25", "━━━━━━━━━━━━━━━━|████|    ████████|            ████"},
		{"beside", "a - - 0 100\nb a - 0 100\nc a - 25 50", "━━━━━━━━━━━━━━━━|████████████████|    ━━━━━━━━"},
		{"eighths", "a - - 0 128\nb a - 1 127\nc a - 0 3", "▏━━━━━━━━━━━━━━━|╸|▉███████████████"},
		{"halves", "a - - 0 160\nb a - 0 160\nc a - 45 40", "━━━━━━━━━━━━━━━━|████████████████|    ╺━━━╸"},
		{"of no length", "a - - 0 160\nb a - 45 0\nc a - 160 0", "████████████████|    ╺|               ╺"},
		{"skewed", "a - api 0 160\nb a pay -5000 40", "━━━━████████████|████"},
		{"open", "a - - 0 -\nb a - 80 80\nc a - 40 -", "████████━━━━━━━━|    ╸┄┄┄┄┄┄┄┄┄┄┄|        ████████"},
		{"lines", "a - - 0 log\na - - 80 log\nb - - 0 160", "━━━━━━━━┄|████████████████"},
		{"nothing", "a - - 0 0", "╸"},
	} {
		entries := spanEntries(t, tt.spans)
		tr := tracelog.Assemble(entries)[0]
		c := newChart(tr)
		c.width = 16
		var got []string
		for _, s := range tr.All() {
			got = append(got, string(c.bar([]*tracelog.Span{s}).appendTo(nil, false)))
		}
		if got := strings.Join(got, "|"); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestWaterfallQueued(t *testing.T) {
	entries := spanEntries(t, "a - - 0 160\nb a - 80 80\nc - - 40 40")
	entries[1].Queued, entries[2].Queued = 40*time.Millisecond, time.Hour
	c := newChart(tracelog.Assemble(entries)[0])
	c.width = 16
	if got := string(c.bar([]*tracelog.Span{tracelog.Assemble(entries)[0].Roots[0].Children[0]}).appendTo(nil, false)); got != "    ░░░░━━━━━━━━" {
		t.Errorf("%s", got)
	}
	if got := string(c.bar([]*tracelog.Span{tracelog.Assemble(entries)[0].Roots[1]}).appendTo(nil, false)); got != "░░░░━━━━" {
		t.Errorf("%s", got)
	}
}

func TestTickStep(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		-1: 1, 0: 1, 1: 1, 3: 5, 6: 10, 999: 1000, 1001: 2000, 4 * time.Second: 5 * time.Second, 5 * time.Second: 5 * time.Second,
		6 * time.Second: 10 * time.Second, 11 * time.Second: 15 * time.Second, 40 * time.Second: time.Minute, 3 * time.Hour: 6 * time.Hour,
		25 * time.Hour: 48 * time.Hour, 1 << 62: 50000 * 24 * time.Hour * 2,
	} {
		if got := tickStep(d); got != want {
			t.Errorf("%v: %v, want %v", d, got, want)
		}
	}
}

func TestWaterfallDeep(t *testing.T) {
	n := 50_000
	if testing.Short() {
		n = 10_000
	}
	tr := tracelog.Assemble(chain(n, false))[0]
	var w countingWriter
	if err := Waterfall(&w, tr, nil); err != nil {
		t.Fatal(err)
	}
	if w.lines != n+2 || w.longest > 100 {
		t.Errorf("%d lines, the longest has %d runes", w.lines, w.longest)
	}
}

// A root has very many children, one after another, all on the critical path.
func TestWaterfallBroad(t *testing.T) {
	const n = 20_000
	entries := []tracelog.Entry{{Trace: "t", Span: "root", Event: tracelog.EventEnd, Start: fixture.Epoch, Duration: n}}
	for i := range n {
		entries = append(entries, tracelog.Entry{Trace: "t", Span: fmt.Sprint(i), Parent: "root", Event: tracelog.EventEnd, Start: fixture.Epoch.Add(time.Duration(i)), Duration: 1})
	}
	tr := tracelog.Assemble(entries)[0]
	if got := len(tracelog.CriticalPath(tr)); got != n {
		t.Errorf("a path of %d", got)
	}
	var w countingWriter
	if err := Waterfall(&w, tr, nil); err != nil || w.lines != n+4 {
		t.Error(w.lines, err)
	}
}

func TestWaterfallError(t *testing.T) {
	entries, _ := scanAll(t, []byte(oneSpan))
	if err := Waterfall(brokenWriter{os.ErrClosed}, tracelog.Assemble(entries)[0], nil); err != os.ErrClosed {
		t.Errorf("err = %v", err)
	}
}

// The legend explains each mark that a bar has.
func TestLegend(t *testing.T) {
	marks := 0
	everyLog(t, func(file string, log []byte) {
		entries, _ := scanAll(t, log)
		for _, tr := range tracelog.Assemble(entries) {
			for _, width := range []int{40, 80, 200} {
				text := waterfall(t, []*tracelog.Trace{tr}, &Options{Width: width})
				head, bars, ok := strings.Cut(text, "╷0s")
				if !ok {
					continue
				}
				for _, mark := range []string{"━", "░", "┄", "×", "»"} {
					for line := range strings.Lines(bars) {
						// Lines with log messages, errors or names in brackets may contain these runes as text.
						if i := strings.Index(line, mark); i >= 0 && !strings.ContainsAny(line, "·…✗[") && !strings.Contains(head, mark) {
							t.Errorf("%s: %d columns: no legend of %s in\n%s", file, width, mark, text)
						} else if i >= 0 {
							marks++
						}
					}
				}
			}
		}
	})
	if marks < 20 {
		t.Errorf("only %d marks", marks)
	}
}

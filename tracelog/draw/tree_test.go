package draw

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
)

func TestTreeWidth(t *testing.T) {
	for file, f := range fixtures(t) {
		if strings.Contains(file, "deep") {
			continue // deep trees exceed the width, as documented
		}
		entries, _ := scanAll(t, f.Log())
		for _, width := range []int{60, 72, 80, 100, 160, 1000} {
			for line := range strings.Lines(tree(t, tracelog.Assemble(entries), &Options{Width: width, Logs: true, Attrs: true})) {
				if n := utf8.RuneCountInString(line) - 1; n > width {
					t.Errorf("%s: %d of %d columns: %s", file, n, width, line)
				}
			}
		}
	}
}

func TestTreeColor(t *testing.T) {
	codes := regexp.MustCompile(`\x1b\[(0|1|2|31|33|36)m`)
	colored := 0
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.Log())
		traces := tracelog.Assemble(entries)
		plain := tree(t, traces, &Options{Logs: true, Attrs: true})
		color := tree(t, traces, &Options{Logs: true, Attrs: true, Color: true})
		if diff := cmp.Diff(plain, codes.ReplaceAllString(color, "")); diff != "" {
			t.Errorf("%s: without its codes (-plain +color):\n%s", file, diff)
		}
		colored += len(codes.FindAllString(color, -1))
		for line := range strings.Lines(color) {
			if all := codes.FindAllString(line, -1); len(all) > 0 && all[len(all)-1] != "\x1b[0m" {
				t.Errorf("%s: colour goes on after %q", file, line)
			}
		}
	}
	if colored == 0 {
		t.Error("no colours")
	}
}

func TestTreeError(t *testing.T) {
	boom := errors.New("boom")
	entries, _ := scanAll(t, []byte(oneSpan))
	if err := Tree(brokenWriter{boom}, tracelog.Assemble(entries)[0], nil); err != boom {
		t.Errorf("err = %v", err)
	}
}

func TestDeep(t *testing.T) {
	n := 250_000
	if testing.Short() {
		n = 10_000
	}
	var w countingWriter
	if err := Tree(&w, tracelog.Assemble(chain(n, false))[0], nil); err != nil {
		t.Fatal(err)
	}
	if w.lines != n+1 || w.longest > 100 {
		t.Errorf("%d lines, the longest has %d runes", w.lines, w.longest)
	}
}

func TestTreeASCII(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.Log())
		traces := tracelog.Assemble(entries)
		plain, ascii := tree(t, traces, everything), tree(t, traces, &Options{Logs: true, Attrs: true, Stacks: true, ASCII: true})
		for _, r := range ascii {
			if r >= utf8.RuneSelf {
				t.Errorf("%s: %q in ASCII", file, r)
				break
			}
		}
		if a, b := strings.Count(ascii, "\n"), strings.Count(plain, "\n"); a != b {
			t.Errorf("%s: %d lines in ASCII, %d else", file, a, b)
		}
	}
}

// Levels of other loggers have the same colours as slog's.
func TestLevelColors(t *testing.T) {
	for level, want := range map[string]string{
		"INFO": "", "info": "", "debug": "", "notice": "", "odd": "",
		"WARN": "\x1b[33m", "warning": "\x1b[33m", "wrn": "\x1b[33m", "WARN+1": "\x1b[33m", "40": "\x1b[33m",
		"ERROR": "\x1b[31m", "err": "\x1b[31m", "fatal": "\x1b[31m", "crit": "\x1b[31m", "ERROR+4": "\x1b[31m", "50": "\x1b[31m",
	} {
		entries, _ := scanAll(t, []byte(`{"level":"`+level+`","msg":"the line","trace":"t","span":"s"}`))
		text := tree(t, tracelog.Assemble(entries), &Options{Logs: true, Color: true})
		_, line, _ := strings.Cut(text, "\n")
		_, line, _ = strings.Cut(line, "·")
		if !strings.Contains(line, want+level) || strings.Contains(line, "\x1b[3") != (want != "") {
			t.Errorf("%s: %q", level, line)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	entries, _ := scanAll(b, fixtures(b)["../testdata/booking.txtar"].Log())
	tr := tracelog.Assemble(entries)[0]
	b.ReportAllocs()
	for b.Loop() {
		if err := Tree(&countingWriter{}, tr, everything); err != nil {
			b.Fatal(err)
		}
	}
}

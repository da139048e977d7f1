package tracelog

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWriteTreeWidth(t *testing.T) {
	for file, f := range fixtures(t) {
		if strings.Contains(file, "deep") {
			continue // goes beyond, as documented
		}
		entries, _ := scanAll(t, f.log())
		for _, width := range []int{60, 72, 80, 100, 160, 1000} {
			for line := range strings.Lines(tree(t, Assemble(entries), &TreeOptions{Width: width, Logs: true, Attrs: true})) {
				if n := utf8.RuneCountInString(line) - 1; n > width {
					t.Errorf("%s: %d of %d columns: %s", file, n, width, line)
				}
			}
		}
	}
}

func TestWriteTreeColor(t *testing.T) {
	codes := regexp.MustCompile(`\x1b\[(0|1|2|31|33|36)m`)
	colored := 0
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.log())
		traces := Assemble(entries)
		plain := tree(t, traces, &TreeOptions{Logs: true, Attrs: true})
		color := tree(t, traces, &TreeOptions{Logs: true, Attrs: true, Color: true})
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

// The stable form is the same for other ids and other durations, as long as the same spans overlap.
func TestStableForm(t *testing.T) {
	opts := &TreeOptions{Stable: true, Logs: true, Attrs: true, Stacks: true}
	for file, f := range fixtures(t) {
		if strings.Contains(file, "cycles") {
			continue // which span of a cycle is the root depends on times, and if they are equal on ids
		}
		entries, _ := scanAll(t, f.log())
		want := tree(t, Assemble(entries), opts)
		// Stretch time, and let ids sort the other way.
		at := func(x time.Time) time.Time {
			if x.IsZero() {
				return x
			}
			return epoch.Add(1000*time.Hour + 7*x.Sub(epoch))
		}
		id := func(s string) string {
			if s == "" {
				return s
			}
			b := []byte(s)
			for i := range b {
				b[i] = ^b[i]
			}
			return string(b)
		}
		for i := range entries {
			e := &entries[i]
			e.Time, e.Start, e.Duration, e.Queued = at(e.Time), at(e.Start), 7*e.Duration, 7*e.Queued
			e.Span, e.Parent = id(e.Span), id(e.Parent)
			for j := range e.Links {
				e.Links[j].Trace = id(e.Links[j].Trace)
			}
		}
		if diff := cmp.Diff(want, tree(t, Assemble(entries), opts)); diff != "" {
			t.Errorf("%s: other ids and durations (-want +got):\n%s", file, diff)
		}
	}
}

func TestStableOrder(t *testing.T) {
	ms := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }
	type span struct {
		op         string
		start, end int // end -1: unfinished
	}
	for _, tt := range []struct {
		name  string
		spans []span
		want  string
	}{
		{"one after another", []span{{"z", 0, 1}, {"y", 2, 3}, {"x", 4, 5}}, "z y x"},
		{"end to end", []span{{"z", 0, 2}, {"y", 2, 4}, {"x", 4, 6}}, "z y x"},
		{"overlapping", []span{{"z", 0, 5}, {"y", 2, 6}, {"x", 4, 6}}, "x y z"},
		{"overlapping in turn", []span{{"z", 0, 3}, {"y", 2, 5}, {"x", 4, 6}, {"w", 6, 7}}, "x y z w"},
		{"a short one within", []span{{"z", 0, 9}, {"y", 1, 2}, {"x", 8, 9}}, "x y z"},
		{"at the same moment", []span{{"z", 0, 0}, {"y", 0, 0}, {"x", 0, 5}, {"w", 5, 5}}, "x y z w"},
		{"unfinished", []span{{"z", 0, 1}, {"y", 2, -1}, {"x", 4, 5}, {"w", 8, 9}}, "z w x y"},
	} {
		var entries []Entry
		for _, s := range tt.spans {
			e := Entry{Trace: "t", Span: s.op, Op: s.op, Start: ms(s.start), Time: ms(s.start), Event: EventStart}
			if s.end >= 0 {
				e.Event, e.Duration = EventEnd, ms(s.end).Sub(e.Start)
			}
			entries = append(entries, e)
		}
		got := tree(t, Assemble(entries), &TreeOptions{Stable: true})
		got = strings.ReplaceAll(strings.TrimSpace(got), "  … unfinished", "")
		if got := strings.ReplaceAll(got, "\n", " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Siblings that differ only below are told apart by what is below.
func TestStableSubtrees(t *testing.T) {
	log := func(first, second string) string {
		return strings.NewReplacer("F", first, "S", second).Replace(
			`{"msg":"span end","trace":"t","span":"F","op":"job","start":"2026-03-01T09:15:00Z","duration_ms":5}
{"msg":"span end","trace":"t","span":"S","op":"job","start":"2026-03-01T09:15:00.001Z","duration_ms":5}
{"msg":"span end","trace":"t","span":"x","parent":"a","op":"read","start":"2026-03-01T09:15:00.002Z","duration_ms":1}
{"msg":"span end","trace":"t","span":"y","parent":"b","op":"write","start":"2026-03-01T09:15:00.002Z","duration_ms":1}
`)
	}
	want := "job\n└─ read\njob\n└─ write\n"
	for _, l := range []string{log("a", "b"), log("b", "a")} {
		entries, _ := scanAll(t, []byte(l))
		if diff := cmp.Diff(want, tree(t, Assemble(entries), &TreeOptions{Stable: true})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// Where time stands still, spans of the same op are told apart by their attributes, whatever their ids.
func TestStableMoment(t *testing.T) {
	want := "job  n=1\njob  n=2\n"
	for _, ids := range [][2]string{{"a", "b"}, {"b", "a"}} {
		var log string
		for i, id := range ids {
			log += `{"msg":"span end","trace":"t","span":"` + id + `","op":"job","start":"2000-01-01T00:00:00Z","duration_ms":0,"n":` + string(rune('1'+i)) + "}\n"
		}
		entries, _ := scanAll(t, []byte(log))
		if diff := cmp.Diff(want, tree(t, Assemble(entries), &TreeOptions{Stable: true, Attrs: true})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteTreeError(t *testing.T) {
	boom := errors.New("boom")
	entries, _ := scanAll(t, []byte(spanEnd))
	if err := WriteTree(brokenWriter{boom}, Assemble(entries)[0], nil); err != boom {
		t.Errorf("err = %v", err)
	}
}

func TestVisible(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 5, ""},
		{"hello", 5, "hello"},
		{"hello!", 5, "hell…"},
		{"日本語テキスト", 4, "日…"},
		{"naïve – 👍 日本", 50, "naïve – 👍 日本"},
		{"a\nb\tc\r\x00\x7f", 50, `a\nb\tc\r\x00\x7f`},
		{"\x1b[2J\u009b2J", 50, `\x1b[2J\u009b2J`},
		{"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f", 99,
			`\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f`},
		{"\xff\xc3(\xed\xa0\x80", 50, `\xff\xc3(\xed\xa0\x80`},
		{"ab\x1bcd", 5, `ab…`}, // an escape is never cut in two
		{"\u2028\u2029\ufeff\U000e0041", 99, `\u2028\u2029\ufeff\U000e0041`},
		{`C:\dir 'x' "y"`, 50, `C:\dir 'x' "y"`},
	} {
		got := visible(tt.in, tt.limit)
		if got != tt.want || columns(got) > tt.limit {
			t.Errorf("visible(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1: "1ns", 999: "999ns", 1000: "1µs", 1234: "1.234µs", 12345: "12.35µs", 999999: "1ms",
		1234567: "1.235ms", 4200 * time.Millisecond: "4.2s", 1519 * time.Millisecond: "1.519s",
		9999499 * time.Microsecond: "9.999s", 9999500 * time.Microsecond: "10s", 59990 * time.Millisecond: "59.99s",
		59994999 * time.Microsecond: "59.99s", 59995 * time.Millisecond: "1m00.0s", 90 * time.Second: "1m30.0s",
		time.Hour - time.Millisecond: "1h00m", time.Hour: "1h00m", 26*time.Hour + 4*time.Minute: "26h04m",
		1<<63 - 1: "2562047h47m", -1 << 63: "-2562047h47m", -1500 * time.Microsecond: "-1.5ms",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"0123456789", "0123456789"},
		{"01234567890", "0123456789|0"},
		{"aaa bbb ccc ddd", "aaa bbb|ccc ddd"},
		{"aaaaa bbbb ccc", "aaaaa bbbb|ccc"},
		{"aaa          b", "aaa       |b"},
		{"a bbbbbbbbbbbbb", "a bbbbbbbb|bbbbb"}, // not so much room wasted
	} {
		var got []string
		for _, l := range text(nil).add(styleNone, tt.in).wrap(10) {
			if len(l) > 10 {
				t.Errorf("%q is too wide", l)
			}
			var b bytes.Buffer
			for _, c := range l {
				b.WriteRune(c.r)
			}
			got = append(got, b.String())
		}
		if got := strings.Join(got, "|"); got != tt.want {
			t.Errorf("wrap(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

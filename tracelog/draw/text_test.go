package draw

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

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
		{"a bbbbbbbbbbbbb", "a bbbbbbbb|bbbbb"}, // a long word is broken rather than moved
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

func TestWide(t *testing.T) {
	// A wide rune has two columns. A cut never leaves one of them.
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日 …"}, {"日本語", 3, "日…"}, {"日本語", 2, " …"}, {"a日", 2, "a…"},
	} {
		got := text(nil).add(styleNone, tt.in).cut(tt.width)
		if s := string(got.appendTo(nil, false)); s != tt.want || columns(s) != len(got) || len(got) > tt.width {
			t.Errorf("%s in %d: %q of %d", tt.in, tt.width, s, len(got))
		}
	}
	for _, l := range text(nil).add(styleNone, "a日本語日本語日本語").wrap(6) {
		if s := string(l.appendTo(nil, false)); columns(s) > 6 || columns(s) != len(l) {
			t.Errorf("%q has %d columns, not %d", s, columns(s), len(l))
		}
	}
	if got := string(text(nil).add(styleNone, "é日x…").ascii().appendTo(nil, false)); got != "???x~" {
		t.Errorf("%q", got)
	}
}

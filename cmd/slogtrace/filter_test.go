package main

import (
	"strings"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"1h": "2026-03-01T08:15:00Z", "90s": "2026-03-01T09:13:30Z", "-15m": "2026-03-01T09:00:00Z", "1h30m": "2026-03-01T07:45:00Z",
		"2d": "2026-02-27T09:15:00Z", "1w": "2026-02-22T09:15:00Z", "0.5d": "2026-02-28T21:15:00Z",
		"2026-03-01": "2026-03-01T00:00:00Z", "2026-03-01 08:00": "2026-03-01T08:00:00Z", "2026-03-01T08:00:01": "2026-03-01T08:00:01Z",
		"2026-03-01T08:00:01.5Z": "2026-03-01T08:00:01.5Z", "2026-03-01T08:00:00+02:00": "2026-03-01T06:00:00Z",
		"": "", "yesterday": "", "5": "", "d": "", "--1h": "", "NaNd": "", "1e300w": "", "-1d": "2026-02-28T09:15:00Z", "2026-13-01": "",
	} {
		m := moment{now: func() time.Time { return now }}
		err := m.Set(text)
		got := ""
		if err == nil {
			got = m.UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q is %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestWild(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a", true}, {"a", "a", true}, {"a", "ab", false},
		{"a*", "ab", true}, {"*b", "ab", true}, {"a*b", "ab", true}, {"a*b", "a", false}, {"aa*aa", "aaa", false}, {"*a*", "xay", true},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"POST /*", "POST /a/b", true}, {"a.c", "abc", false}, {"\xff*", "\xffa", true},
	} {
		if got := wild(test.pattern, test.s); got != test.want {
			t.Errorf("wild(%q, %q) = %t", test.pattern, test.s, got)
		}
	}
}

func TestCondition(t *testing.T) {
	const absent = "\x00absent"
	for _, test := range []struct {
		condition, value string
		want             bool
	}{
		{"k=v", "v", true}, {"k=v", "w", false}, {"k=v", absent, false}, {"k=", "", true},
		{"k!=v", "v", false}, {"k!=v", "w", true}, {"k!=v", absent, true},
		{"k=1", "1.0", true}, {"k=1e3", "1000", true}, {"k=1s", "1000ms", true}, {"k=2026-03-01T09:15:00Z", "2026-03-01T10:15:00+01:00", true},
		{"k>9", "10", true}, {"k>10", "10", false}, {"k>=10", "10", true}, {"k<10", "9", true}, {"k<=10", "10.5", false}, {"k>9", "ten", false},
		{"k>9", absent, false}, {"k<9", absent, false}, {"k>500ms", "0.6s", true}, {"k>500ms", "600", false}, {"k<a", "A", false},
		{"k<2026-03-01T09:15:00Z", "2026-03-01T09:14:59.9Z", true},
		{"k~^a.c$", "abc", true}, {"k~^a.c$", "ab", false}, {"k~a", absent, false}, {"k~=", "a=b", true},
		{"k=a=b", "a=b", true}, {" k >= 10 ", "11", true}, {"k<=>", ">", false}, {"k=NaN", "NaN", true},
	} {
		c, err := parseCondition(test.condition)
		if err != nil {
			t.Fatal(err)
		}
		if c.key != "k" {
			t.Errorf("%q is about %q", test.condition, c.key)
		}
		if got := c.holds(test.value, test.value != absent); got != test.want {
			t.Errorf("%q of %q: %t, want %t", test.condition, test.value, got, test.want)
		}
	}
}

// A bar is there after a while, on a terminal only, and gone before anything else is written.
func TestProgress(t *testing.T) {
	log := strings.Repeat("{\"msg\":\"x\"}\n", 100_000)
	for _, terminal := range []bool{true, false} {
		var stdout, stderr strings.Builder
		s := newSession(nil, &stdout, &stderr)
		s.stderrTerm = terminal
		at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
		s.now = func() time.Time { at = at.Add(patience); return at } // reading is slow
		s.startProgress(int64(len(log)))
		r := progressReader{strings.NewReader(log), s.progress}
		for b := make([]byte, 10_000); ; {
			if _, err := r.Read(b); err != nil {
				break
			}
		}
		s.talk("done")
		s.stopProgress()
		bar, rest, ok := strings.Cut(stderr.String(), "slogtrace: done\n")
		if !ok || terminal != strings.Contains(bar, "reading") || strings.Contains(rest, "reading") {
			t.Errorf("terminal %t: stderr %q", terminal, stderr.String())
		}
		if terminal && !strings.HasSuffix(bar, "\r") {
			t.Errorf("the bar is still there: %q", bar)
		}
	}
}

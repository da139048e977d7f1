package query

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
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
		condition, value string // the value as JSON
		want             bool
	}{
		{"k=v", `"v"`, true}, {"k=v", `"w"`, false}, {"k=v", absent, false},
		{"k!=v", `"v"`, false}, {"k!=v", `"w"`, true}, {"k!=v", absent, true},
		// Nothing is what is absent or empty.
		{"k=", absent, true}, {"k=", `""`, true}, {"k=", `null`, true}, {"k=", `"x"`, false}, {"k=", `0`, false}, {"k=", `false`, false},
		{"k!=", absent, false}, {"k!=", `""`, false}, {"k!=", `null`, false}, {"k!=", `"x"`, true}, {"k!=", `0`, true},
		// Numbers.
		{"k=1", `1.0`, true}, {"k=1e3", `1000`, true}, {"k=1000", `1e3`, true}, {"k!=1", `1.0`, false}, {"k=-0", `0`, true}, {"k=0.1", `1e-1`, true}, {"k=.5", `0.5`, true},
		{"k=9007199254740993", `9007199254740992`, false}, {"k=9007199254740993", `9007199254740993`, true}, {"k=9007199254740993", `9007199254740993.0`, true},
		{"k>9007199254740992", `9007199254740993`, true}, {"k<9007199254740993", `9007199254740992`, true}, {"k>9007199254740992", `9007199254740992`, false},
		{"k=123456789012345678901234567891", `123456789012345678901234567890`, false}, {"k<123456789012345678901234567891", `123456789012345678901234567890`, true},
		{"k=0.1", `0.10000000000000000001`, false}, {"k>0.1", `0.10000000000000000001`, true}, {"k>-2", `-1`, true}, {"k<-1", `-2`, true}, {"k<0", `-0.5`, true}, {"k>0", `-0.5`, false},
		{"k>9", `10`, true}, {"k>10", `10`, false}, {"k>=10", `10`, true}, {"k<10", `9`, true}, {"k<=10", `10.5`, false}, {"k<=10", `1e1`, true}, {"k>99", `1e400`, true}, {"k>1e999999999", `1`, false},
		// In quotes, numbers are text for = and !=.
		{"version=1.1", `"1.10"`, false}, {"version=1.10", `"1.10"`, true}, {"version!=1.1", `"1.10"`, true}, {"version=1.1", `1.10`, true}, {"k=500", `"500"`, true}, {"k=5e2", `"500"`, false},
		{"k>9", `"10"`, true}, {"k<=9", `"10"`, false}, {"k>=9007199254740993", `"9007199254740992"`, false}, {"k>9", `"ten"`, false}, {"k<9", `"ten"`, false},
		{"k>9", absent, false}, {"k<9", absent, false},
		// Durations and times.
		{"k>500ms", `"0.6s"`, true}, {"k>500ms", `600`, false}, {"k<a", `"A"`, false}, {"k=1s", `"1000ms"`, false},
		{"k=2026-03-01T09:15:00Z", `"2026-03-01T10:15:00+01:00"`, true}, {"k<2026-03-01T09:15:00Z", `"2026-03-01T09:14:59.9Z"`, true},
		{"k>2025-12-20", `"2025-12-21"`, true}, {"k>2025-12-20", `"2025-12-20"`, false}, {"k>=2025-12-20", `"2025-12-20"`, true}, {"k<2025-12-20", `"2025-12-19T23:59:59Z"`, true},
		{"k=2025-12-20", `"2025-12-20T00:00:00Z"`, true}, {"k!=2025-12-20", `"2025-12-20 00:00:01"`, true}, {"k>2025-12-20T10:00", `"2025-12-20"`, false}, {"k>2025", `"2025-12-20"`, false},
		// Levels, whatever they are called.
		{"level=error", `"ERROR"`, true}, {"level=ERROR", `"err"`, true}, {"level>=WARN", `"warning"`, true}, {"level>=WARN", `"INFO"`, false}, {"level>=warn", `50`, true}, {"level<info", `"DEBUG"`, true},
		{"level!=error", `"err"`, false}, {"severity>=WARN", `"CRITICAL"`, true}, {"severity=warn", `"WARNING"`, true}, {"level=WARN", `"WARN+1"`, false}, {"level>WARN", `"WARN+1"`, true}, {"level=mine", `"mine"`, true}, {"level>=WARN", `"mine"`, false},
		{"k~^a.c$", `"abc"`, true}, {"k~^a.c$", `"ab"`, false}, {"k~a", absent, false}, {"k~=", `"a=b"`, true},
		{"k=a=b", `"a=b"`, true}, {" k >= 10 ", `11`, true}, {"k<=>", `">"`, false}, {"k=NaN", `"NaN"`, true},
	} {
		c, err := parseCondition(test.condition)
		if err != nil {
			t.Fatal(err)
		}
		line := []byte(`{"trace":"t","span":"s"}`)
		if test.value != absent {
			line = fmt.Appendf(nil, `{"trace":"t","span":"s",%q:%s}`, c.key, test.value)
		}
		for form, v := range map[string]value{"record": recordValue(recordOf(t, line), c.key), "entry": entryValue(parsed(t, line), c.key)} {
			if got := c.holds(v); got != test.want {
				t.Errorf("%q of %s: %t as a %s, want %t", test.condition, line, got, form, test.want)
			}
		}
	}
}

func parsed(t *testing.T, line []byte) *tracelog.Entry {
	t.Helper()
	e := recordOf(t, line).Entry()
	return &e
}

// In key=value pairs a bare number is a number, and one in quotes is text.
func TestConditionOfText(t *testing.T) {
	for condition, want := range map[string]bool{"n=1.1": true, "n=1.10": true, "q=1.1": false, "q=1.10": true, "q>1.0": true, "level>=warn": true, "n=": false, "e=": true, "e!=": false, "x=": true} {
		c, err := parseCondition(condition)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.holds(entryValue(parsed(t, []byte(`level=ERR msg=m trace=t n=1.10 q="1.10" e=""`+"\n")), c.key)); got != want {
			t.Errorf("%s: %t", condition, got)
		}
	}
}

// compareNumbers agrees with exact fractions.
func FuzzCompareNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.50", "1.5e0", "9007199254740993", "-12e-3", ".5", "5.", "+7", "00012", "1e5"} {
		f.Add(s, "1.5")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, ok := parseDecimal(a)
		y, ok2 := parseDecimal(b)
		if !ok || !ok2 || len(a)+len(b) > 100 || x.magnitude > 1000 || y.magnitude > 1000 || x.digits != "" && x.magnitude < -1000 || y.digits != "" && y.magnitude < -1000 {
			return
		}
		p, ok := new(big.Rat).SetString(a)
		q, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Fatalf("%q or %q is no number", a, b)
		}
		if got, _ := compareNumbers(a, b); got != p.Cmp(q) {
			t.Errorf("%s and %s: %d, want %d", a, b, got, p.Cmp(q))
		}
	})
}

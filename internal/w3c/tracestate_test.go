package w3c_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// checkTracestate fails the test if state, which is to be forwarded, would not be forwarded as it is.
func checkTracestate(t *testing.T, state string) {
	t.Helper()
	if len(state) > 512 {
		t.Errorf("got %d bytes, want at most 512", len(state))
	}
	again, err := w3c.ParseTracestate(state)
	if err != nil {
		t.Errorf("once more: %v", err)
	}
	if diff := cmp.Diff(state, again); diff != "" {
		t.Errorf("once more (-want +got):\n%s", diff)
	}
}

// stateMember returns a member of n bytes under key.
func stateMember(key string, n int) string {
	return key + "=" + strings.Repeat("v", n-len(key)-1)
}

// stateMembers returns n short members.
func stateMembers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("k%d=%d", i, i)
	}
	return list
}

func joinState(list ...string) string { return strings.Join(list, ",") }

func TestParseTracestate(t *testing.T) {
	wide := stateMember("w", 513) // refused: its value is too long
	widest := strings.Repeat("k", 256) + "=" + strings.Repeat("v", 256)
	for _, test := range []struct {
		name    string
		lines   []string
		want    string
		wantErr string
	}{
		{"no line", nil, "", ""},
		{"empty lines", []string{"", "", ""}, "", ""},
		{"lines in order, empty ones between", []string{"b=1", "", "a=2,", ",c=3"}, "b=1,a=2,c=3", ""},
		{"duplicate on another line", []string{"a=1,b=2", "a=3"}, "a=1,b=2", ""},
		{"a key that begins like another", []string{"ab=1,a=2,abc=3"}, "ab=1,a=2,abc=3", ""},
		{"trailing space is around the member", []string{"a=1 , b= 2 "}, "a=1,b= 2", ""},
		{"value of spaces", []string{"a=  "}, "", `slogtrace: tracestate: member 1: want a value, got "a="`},
		{"no key", []string{"a=1,=2"}, "", `slogtrace: tracestate: member 2: want a key, got "=2"`},
		{"empty members are not counted", []string{"a=1, ,,b"}, "", `slogtrace: tracestate: member 2: want key=value, got "b"`},
		{"a bad duplicate is bad", []string{"a=1,a=\x00"}, "", `slogtrace: tracestate: member 2: want a value of printable ASCII without = and comma, got "\x00"`},
		{"second equals sign", []string{"a=b=c"}, "", `slogtrace: tracestate: member 1: want a value of printable ASCII without = and comma, got "b=c"`},
		{"not ASCII", []string{"a=\u00e9\xff"}, "", `slogtrace: tracestate: member 1: want a value of printable ASCII without = and comma, got "\u00e9\xff"`},
		{"line feed", []string{"a=1\nb=2"}, "", `slogtrace: tracestate: member 1: want a value of printable ASCII without = and comma, got "1\nb=2"`},
		{"upper case", []string{"aB=1"}, "", `slogtrace: tracestate: member 1: want a key of a-z 0-9 _ - * / @ that starts with a-z or 0-9, got "aB"`},
		{"key starts with _", []string{"_a=1"}, "", `slogtrace: tracestate: member 1: want a key of a-z 0-9 _ - * / @ that starts with a-z or 0-9, got "_a"`},
		{"value too long", []string{wide}, "", `slogtrace: tracestate: member 1: want a value of at most 256 bytes, got "` + strings.Repeat("v", 40) + `" and 471 bytes more`},
		{"key too long", []string{strings.Repeat("k", 257) + "=1"}, "", `slogtrace: tracestate: member 1: want a key of at most 256 bytes, got "` + strings.Repeat("k", 40) + `" and 217 bytes more`},
		{"32 members", []string{joinState(stateMembers(32)...)}, joinState(stateMembers(32)...), ""},
		{"33 members", []string{joinState(stateMembers(33)...)}, "", "slogtrace: tracestate: want at most 32 members, got more"},
		{"33 members with a duplicate", []string{joinState(stateMembers(32)...), "k0=9"}, "", "slogtrace: tracestate: want at most 32 members, got more"},

		{"512 bytes of large members", []string{joinState(stateMember("a", 200), stateMember("b", 200), stateMember("c", 110))}, joinState(stateMember("a", 200), stateMember("b", 200), stateMember("c", 110)), ""},
		{"513: the last large one goes", []string{joinState(stateMember("a", 200), stateMember("b", 200), stateMember("c", 111))}, joinState(stateMember("a", 200), stateMember("c", 111)), ""},
		{"no more large ones than needed", []string{joinState(stateMember("a", 129), stateMember("b", 129), stateMember("c", 129), stateMember("d", 129))}, joinState(stateMember("a", 129), stateMember("b", 129), stateMember("c", 129)), ""},
		{"128 is not large", []string{joinState(stateMember("a", 128), stateMember("b", 129), stateMember("c", 128), stateMember("d", 128))}, joinState(stateMember("a", 128), stateMember("c", 128), stateMember("d", 128)), ""},
		{"512 bytes are left when a large one is gone", []string{joinState(stateMember("a", 128), stateMember("b", 129), stateMember("c", 128), stateMember("d", 128), stateMember("e", 125))}, joinState(stateMember("a", 128), stateMember("c", 128), stateMember("d", 128), stateMember("e", 125)), ""},
		{"512 bytes are left when the last one is gone", []string{joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 125), "e=1")}, joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 125)), ""},
		{"no large one: from the end", []string{joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 120), stateMember("e", 10))}, joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 120)), ""},
		{"from the end until it fits, not by size", []string{joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), "d=1", stateMember("e", 128), "f=1")}, joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), "d=1"), ""},
		{"large ones, then from the end", []string{joinState(stateMember("a", 128), stateMember("b", 129), stateMember("c", 128), stateMember("d", 128), stateMember("e", 128), "f=1")}, joinState(stateMember("a", 128), stateMember("c", 128), stateMember("d", 128)), ""},
		{"over several lines", []string{stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 128)}, joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128)), ""},
		{"a duplicate does not count", []string{joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128)), stateMember("a", 128)}, joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128)), ""},
		{"one that cannot be forwarded", []string{widest}, "", ""},
		{"one that cannot be forwarded, and another", []string{widest + ",a=1"}, "a=1", ""},

		{"32 KiB of nothing", []string{"a=1" + strings.Repeat(" ", 32<<10-3)}, "a=1", ""},
		{"more", []string{"a=1" + strings.Repeat(" ", 32<<10-2)}, "", "slogtrace: tracestate: want at most 32768 bytes, got 32769"},
		{"more, in two lines", []string{"a=1", strings.Repeat(" ", 32<<10-3)}, "", "slogtrace: tracestate: want at most 32768 bytes, got 32769"},
		{"many empty lines", make([]string, 1<<20), "", "slogtrace: tracestate: want at most 32768 bytes, got 1048575"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.lines)
			got, err := w3c.ParseTracestate(test.lines...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("tracestate (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantErr, errorString(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if err != nil {
				checkErrorText(t, err)
			}
			if !slices.Equal(before, test.lines) {
				t.Error("the lines were changed")
			}
			checkTracestate(t, got)
		})
	}
}

func TestTracestateAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	canonical := joinState(stateMembers(32)...)
	for _, test := range []struct {
		name  string
		want  float64
		lines []string
	}{
		{"no line", 0, nil},
		{"empty", 0, []string{""}},
		{"one line", 0, []string{canonical}},
		{"white space", 1, []string{strings.ReplaceAll(canonical, ",", ", ")}},
		{"several lines", 1, []string{"a=1", canonical[:50], "b=2"}},
		{"too long for us", 1, []string{joinState(stateMember("a", 200), stateMember("b", 200), stateMember("c", 200))}},
		{"bad member", 1, []string{"a=1,B=2"}},
		{"a megabyte", 1, []string{strings.Repeat("a=1,", 1<<18)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := testing.AllocsPerRun(100, func() { sink.text, sink.err = w3c.ParseTracestate(test.lines...) })
			if got != test.want {
				t.Errorf("got %v allocations, want %v", got, test.want)
			}
		})
	}
}

var (
	oracleKey   = regexp.MustCompile(`\A[a-z0-9][a-z0-9_\-*/@]{0,255}\z`)
	oracleValue = regexp.MustCompile(`\A[\x20-\x2B\x2D-\x3C\x3E-\x7E]{0,255}[\x21-\x2B\x2D-\x3C\x3E-\x7E]\z`)
)

// oracleTracestate does what ParseTracestate does, with no thought of cost.
func oracleTracestate(lines []string) (state string, ok bool) {
	all := strings.Join(lines, ",")
	if len(all) > 32*1024 {
		return "", false
	}
	var list []string
	known := map[string]bool{}
	count := 0
	for part := range strings.SplitSeq(all, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		count++
		i := strings.IndexByte(part, '=')
		if i < 0 || !oracleKey.MatchString(part[:i]) || !oracleValue.MatchString(part[i+1:]) {
			return "", false
		}
		if !known[part[:i]] {
			list = append(list, part)
		}
		known[part[:i]] = true
	}
	if count > 32 {
		return "", false
	}
	for len(strings.Join(list, ",")) > 512 {
		victim := len(list) - 1
		for i, m := range list {
			if len(m) > 128 && (len(list[victim]) <= 128 || i > victim) {
				victim = i
			}
		}
		list = slices.Delete(list, victim, victim+1)
	}
	return strings.Join(list, ","), true
}

func FuzzTracestate(f *testing.F) {
	for _, lines := range tracestateVectors(f) {
		f.Add(strings.Join(lines, "\n"))
	}
	f.Add(joinState(stateMember("a", 200), stateMember("b", 200), stateMember("c", 128), "d=1"))
	f.Add(joinState(stateMember("a", 128), stateMember("b", 128), stateMember("c", 128), stateMember("d", 128)))
	f.Add(strings.Repeat("k", 256) + "=" + strings.Repeat("v", 256))
	f.Add(" a=b ,, a=c")
	f.Add(strings.Repeat("a=b,", 40))
	f.Add(strings.Repeat("x", 300))
	// A line feed cannot be part of a header, so it separates lines here; one string is easier to mutate.
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		got, err := w3c.ParseTracestate(lines...)
		want, ok := oracleTracestate(lines)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("w3c.ParseTracestate(%q) (-want +got):\n%s", lines, diff)
		}
		if (err == nil) != ok {
			t.Fatalf("w3c.ParseTracestate(%q): error %v, want valid %t", lines, err, ok)
		}
		if err != nil {
			checkErrorText(t, err)
		}
		checkTracestate(t, got)
	})
}

func BenchmarkParseTracestate(b *testing.B) {
	for _, bench := range []struct {
		name  string
		lines []string
	}{
		{"one member", []string{"congo=t61rcWkgMzE"}},
		{"32 members", []string{joinState(stateMembers(32)...)}},
		{"white space", []string{"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"}},
		{"a megabyte", []string{strings.Repeat("a=1,", 1<<18)}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w3c.ParseTracestate(bench.lines...)
			}
		})
	}
}

// What goes with a dropped member is its separator too: of a list that fits without it to the byte, nothing more is dropped.
func TestTracestateDropsSeparator(t *testing.T) {
	large, last := stateMember("large", 128+1), stateMember("last", 100)
	fill := stateMember("a", 128)
	state := joinState(fill, stateMember("b", 128), stateMember("c", 128), large, stateMember("d", 512-3*129-101), last)
	want := strings.Replace(state, large+",", "", 1)
	if len(want) != 512 {
		t.Fatalf("the list without it has %d bytes", len(want))
	}
	if got, err := w3c.ParseTracestate(state); err != nil || got != want {
		t.Errorf("got %d bytes, %v, want %d: %q", len(got), err, len(want), got)
	}
}

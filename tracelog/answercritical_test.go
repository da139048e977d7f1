package tracelog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func pathText(path []Segment) string {
	var parts []string
	for _, s := range path {
		parts = append(parts, fmt.Sprintf("%s:%g-%g", s.Span.ID, millis(s.Start.Sub(epoch)), millis(s.End.Sub(epoch))))
	}
	return strings.Join(parts, " ")
}

func TestRoot(t *testing.T) {
	for _, tt := range []struct{ name, spans, want string }{
		{"a true root", "x - - 0 log\ny gone - 5 10\nz - - 10 10\nv - - 20 10", "z"},
		{"one whose parent is missing", "x - - 0 log\ny gone - 5 10", "y"},
		{"one that has not ended", "x - - 0 log\nz - - 10 -", "z"},
		{"lines only", "x - - 0 log\nw - - 5 log", "x"},
	} {
		if got := Assemble(spanEntries(t, tt.spans))[0].Root(); got.ID != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.ID, tt.want)
		}
	}
	if got := Assemble([]Entry{{Trace: "t"}})[0]; got.Root() != nil || len(got.Logs) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestCriticalPath(t *testing.T) {
	for _, tt := range []struct{ name, spans, path, self string }{
		{"alone", "a - - 0 100", "a:0-100", "a 100ms"},
		{"one after another", "a - - 0 100\nb a - 10 20\nc a - 40 50",
			"a:0-10 b:10-30 a:30-40 c:40-90 a:90-100", "a 30ms b 20ms c 50ms"},
		{"side by side", "a - - 0 100\nb a - 10 50\nc a - 20 70\nd a - 30 10",
			"a:0-20 c:20-90 a:90-100", "a 20ms b 50ms c 70ms d 10ms"},
		{"a chain of waits", "a - - 0 100\nb a - 0 40\nc a - 10 50\nd a - 45 40\ne a - 60 40",
			"a:0-10 c:10-60 e:60-100", "a 0s b 40ms c 50ms d 40ms e 40ms"},
		{"deep", "a - - 0 100\nb a - 10 80\nc b - 20 60\nd c - 30 10",
			"a:0-10 b:10-20 c:20-30 d:30-40 c:40-80 b:80-90 a:90-100", "a 20ms b 20ms c 50ms d 10ms"},
		{"outliving", "a - - 0 100\nb a - 50 500\nc b - 90 20\nd b - 200 20",
			"a:0-50 b:50-90 c:90-100", "a 50ms b 460ms c 20ms d 20ms"},
		{"after the root", "a - - 0 100\nb a - 150 50", "a:0-100", "a 100ms b 50ms"},
		{"before the root", "a - - 0 100\nb a - -50 60\nc a - -50 20", "b:0-10 a:10-100", "a 90ms b 60ms c 20ms"},
		{"end to end", "a - - 0 100\nb a - 0 50\nc a - 50 50", "b:0-50 c:50-100", "a 0s b 50ms c 50ms"},
		{"of no length", "a - - 0 100\nb a - 50 0\nc b - 50 0", "a:0-100", "a 100ms b 0s c 0s"},
		{"finished together", "a - - 0 100\nb a - 50 40\nc a - 10 80\nd a - 60 30", "a:0-10 c:10-90 a:90-100", "a 20ms b 40ms c 80ms d 30ms"},
		{"another clock", "a - api 0 100\nb a pay -3000 50\nc b pay -2990 10", "b:0-10 c:10-20 b:20-50 a:50-100", "a 50ms b 40ms c 10ms"},
		{"not ended", "a - - 0 -\nb a - 10 40\nc a - 60 -\nd c - 70 20", "a:0-10 b:10-50 a:50-60 c:60-70 d:70-90", "a 0s b 40ms c 0s d 20ms"},
		{"within one not ended", "a - - 0 100\nb a - 10 -\nc b - 20 20", "a:0-10 b:10-20 c:20-40 a:40-100", "a 70ms b 0s c 20ms"},
		{"a moment", "a - - 0 0\nb a - 0 0", "", "a 0s b 0s"},
		{"lines only", "a - - 0 log\na - - 70 log", "a:0-70", "a 0s"},
		{"two roots", "a - - 0 log\na - - 500 log\nb x - 5 90\nc - - 10 50\nd - - 20 500", "c:10-60", "a 0s b 90ms c 50ms d 500ms"},
	} {
		entries := spanEntries(t, tt.spans)
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		if got := pathText(CriticalPath(traces[0])); got != tt.path {
			t.Errorf("%s: path %s, want %s", tt.name, got, tt.path)
		}
		var self []string
		for _, s := range traces[0].All() {
			self = append(self, s.ID+" "+SelfTime(s).String())
		}
		slices.Sort(self)
		if got := strings.Join(self, " "); got != tt.self {
			t.Errorf("%s: self times %s, want %s", tt.name, got, tt.self)
		}
	}
}

// naivePath follows the documentation of CriticalPath literally, for a span from start to end.
func naivePath(s *Span, start, end time.Time) []Segment {
	var parts [][]Segment // last part first
	own := func(from, to time.Time) {
		if from.Before(to) {
			parts = append(parts, []Segment{{s, from, to}})
		}
	}
	at := end
	for {
		var last *Span
		var from, to time.Time
		for _, c := range s.Children {
			f, e := c.Interval()
			if f.Before(start) {
				f = start
			}
			if e.After(end) {
				e = end
			}
			if c.Start.IsZero() || !f.Before(e) || e.After(at) {
				continue
			}
			if last == nil || e.After(to) || e.Equal(to) && !f.After(from) {
				last, from, to = c, f, e
			}
		}
		if last == nil {
			break
		}
		own(to, at)
		parts = append(parts, naivePath(last, from, to))
		at = from
	}
	own(start, at)
	slices.Reverse(parts)
	return slices.Concat(parts...)
}

// naiveSelf adds up the parts of a span's time during which no child runs.
func naiveSelf(s *Span) time.Duration {
	if s.State != Ended || s.Start.IsZero() {
		return 0
	}
	start, end := s.Interval()
	cuts := []time.Time{start, end}
	for _, c := range s.Children {
		from, to := c.Interval()
		for _, at := range []time.Time{from, to} {
			if at.After(start) && at.Before(end) {
				cuts = append(cuts, at)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var self time.Duration
	for i, from := range cuts[1:] {
		from, to := cuts[i], from
		if !slices.ContainsFunc(s.Children, func(c *Span) bool {
			cs, ce := c.Interval()
			return !c.Start.IsZero() && !cs.After(from) && !ce.Before(to)
		}) {
			self += to.Sub(from)
		}
	}
	return self
}

// checkAnalyses checks the critical path, the self times and the error groups that any trace may have.
func checkAnalyses(t testing.TB, tr *Trace) {
	t.Helper()
	path := CriticalPath(tr)
	if root := tr.Root(); root == nil {
		if len(path) > 0 || len(tr.Roots) > 0 {
			t.Errorf("trace %q: no root, but a path of %d segments", tr.ID, len(path))
		}
	} else {
		at, end := root.Interval()
		for _, s := range path {
			from, to := s.Span.Interval()
			if !s.Start.Equal(at) || !s.Start.Before(s.End) || s.Start.Before(from) || s.End.After(to) {
				t.Errorf("trace %q: path from %v to %v in %q, which is from %v to %v, after %v", tr.ID, s.Start, s.End, s.Span.ID, from, to, at)
			}
			at = s.End
		}
		if !at.Equal(end) {
			t.Errorf("trace %q: the path ends at %v, the root at %v", tr.ID, at, end)
		}
		if tr.Spans < 100 {
			from, to := root.Interval()
			if got, want := pathText(path), pathText(naivePath(root, from, to)); got != want {
				t.Errorf("trace %q: path %s, want %s", tr.ID, got, want)
			}
		}
	}
	// The root's duration is at most the sum of all self times.
	self := make(map[*Span]time.Duration)
	allEnded := true
	for _, s := range tr.All() {
		d := SelfTime(s)
		if d < 0 || d > s.Duration {
			t.Errorf("trace %q: span %q of %v has %v of its own", tr.ID, s.ID, s.Duration, d)
		}
		if len(s.Children) < 100 && d != naiveSelf(s) {
			t.Errorf("trace %q: span %q has %v of its own, not %v", tr.ID, s.ID, naiveSelf(s), d)
		}
		root := s
		for depth := 0; root.Parent != nil && depth < 100; depth++ {
			root = root.Parent
		}
		self[root] += d
		allEnded = allEnded && s.State == Ended && s.Duration < 1e15
	}
	for root, sum := range self {
		if allEnded && root.Parent == nil && !root.Start.IsZero() && root.Children != nil && tr.Spans < 100 && sum < root.Duration {
			t.Errorf("trace %q: root %q has %v, but the tree only %v", tr.ID, root.ID, root.Duration, sum)
		}
	}
	failures := 0
	for _, g := range errorGroups([]*Trace{tr}) {
		failures += g.Count
		if len(g.Traces) != 1 || g.Traces[0] != tr.ID || g.Last.Before(g.First) {
			t.Errorf("trace %q: %+v", tr.ID, g)
		}
	}
	if failures > tr.Errors || (failures == 0) != (tr.Errors == 0) {
		t.Errorf("trace %q: %d failures of %d", tr.ID, failures, tr.Errors)
	}
}

package draw

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// The stable form is the same for other ids and other durations, as long as the same spans overlap.
func TestStableForm(t *testing.T) {
	opts := &Options{Stable: true, Logs: true, Attrs: true, Stacks: true}
	for file, f := range fixtures(t) {
		if strings.Contains(file, "cycles") {
			continue // which span of a cycle is the root depends on times or, if these are equal, on ids
		}
		entries, _ := scanAll(t, f.Log())
		want := tree(t, tracelog.Assemble(entries), opts)
		// Stretch time, and reverse the order of the ids.
		at := func(x time.Time) time.Time {
			if x.IsZero() {
				return x
			}
			return fixture.Epoch.Add(1000*time.Hour + 7*x.Sub(fixture.Epoch))
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
		if diff := cmp.Diff(want, tree(t, tracelog.Assemble(entries), opts)); diff != "" {
			t.Errorf("%s: other ids and durations (-want +got):\n%s", file, diff)
		}
	}
}

func TestStableOrder(t *testing.T) {
	ms := func(n int) time.Time { return fixture.Epoch.Add(time.Duration(n) * time.Millisecond) }
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
		var entries []tracelog.Entry
		for _, s := range tt.spans {
			e := tracelog.Entry{Trace: "t", Span: s.op, Op: s.op, Start: ms(s.start), Time: ms(s.start), Event: tracelog.EventStart}
			if s.end >= 0 {
				e.Event, e.Duration = tracelog.EventEnd, ms(s.end).Sub(e.Start)
			}
			entries = append(entries, e)
		}
		got := tree(t, tracelog.Assemble(entries), &Options{Stable: true})
		got = strings.ReplaceAll(strings.TrimSpace(got), "  … unfinished", "")
		if got := strings.ReplaceAll(got, "\n", " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The order of siblings that differ only in their descendants depends on the descendants.
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
		if diff := cmp.Diff(want, tree(t, tracelog.Assemble(entries), &Options{Stable: true})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The order of spans with the same op and time depends on their attributes, and not on their ids.
func TestStableMoment(t *testing.T) {
	want := "job  n=1\njob  n=2\n"
	for _, ids := range [][2]string{{"a", "b"}, {"b", "a"}} {
		var log string
		for i, id := range ids {
			log += `{"msg":"span end","trace":"t","span":"` + id + `","op":"job","start":"2000-01-01T00:00:00Z","duration_ms":0,"n":` + string(rune('1'+i)) + "}\n"
		}
		entries, _ := scanAll(t, []byte(log))
		if diff := cmp.Diff(want, tree(t, tracelog.Assemble(entries), &Options{Stable: true, Attrs: true})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// It depends on their problems too.
func TestStableProblems(t *testing.T) {
	want := "job\njob  ! parent missing\n"
	for _, ids := range [][2]string{{"a", "b"}, {"b", "a"}} {
		end := `{"msg":"span end","trace":"t","op":"job","start":"2000-01-01T00:00:00Z","duration_ms":0,"span":`
		log := end + `"` + ids[0] + "\"}\n" + end + `"` + ids[1] + "\",\"parent\":\"x\"}\n"
		entries, _ := scanAll(t, []byte(log))
		if diff := cmp.Diff(want, tree(t, tracelog.Assemble(entries), &Options{Stable: true})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestStableDeep(t *testing.T) {
	const n = 50_000
	var w countingWriter
	if err := Tree(&w, tracelog.Assemble(chain(n, false))[0], &Options{Stable: true}); err != nil {
		t.Fatal(err)
	}
	if w.lines != n || w.longest > 100 {
		t.Errorf("%d lines, the longest has %d runes", w.lines, w.longest)
	}
}

// Siblings are nearly alike at every level. Comparing whole subtrees must not take exponential time.
func TestManyAlike(t *testing.T) {
	entries := chain(20_000, true)
	if err := Tree(&countingWriter{}, tracelog.Assemble(entries)[0], &Options{Stable: true}); err != nil {
		t.Fatal(err)
	}
	// Many siblings.
	for i := range entries {
		entries[i].Parent = ""
		entries[i].Start = fixture.Epoch
	}
	if err := Tree(&countingWriter{}, tracelog.Assemble(entries)[0], &Options{Stable: true}); err != nil {
		t.Fatal(err)
	}
}

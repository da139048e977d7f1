package tracelog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// failing makes a trace of lines "id parent error", one second apart. A line without an error is a span that did not fail.
// "!" is an error without a text.
func failing(id, lines string) []Entry {
	var entries []Entry
	for line := range strings.Lines(lines) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(f) < 2 {
			continue
		}
		e := Entry{Trace: id, Span: f[0], Op: "op " + f[0], Parent: strings.Trim(f[1], "-"), Event: EventEnd,
			Start: epoch, Duration: time.Duration(len(entries)+1) * time.Second, Line: len(entries)}
		if len(f) > 2 {
			e.Failed, e.Error = true, strings.Trim(f[2], "!")
		}
		entries = append(entries, e)
	}
	return entries
}

func TestErrorGroupsDeepest(t *testing.T) {
	for _, tt := range []struct{ name, spans, want string }{
		{"one", "a - boom", "a"},
		{"wrapped", "a - one: two: boom\nb a two: boom\nc b boom", "c"},
		{"the same", "a - boom\nb a boom\nc b boom", "c"},
		{"something else", "a - declined\nb a 504 Gateway Timeout", "a b"},
		{"through one that did not fail", "a - charge: boom\nb a\nc b\nd c boom", "d"},
		{"one of two", "a - boom\nb a boom\nc a bang", "b c"},
		{"joined", "a - boom; bang\nb a boom\nc a bang", "b c"},
		{"in the middle", "a - first (boom) last\nb a boom", "b"},
		{"no text above", "a - !\nb a boom", "b"},
		{"no text below", "a - boom\nb a !", "a b"},
		{"no text", "a - !\nb a !", "b"},
		{"siblings do not repeat", "a -\nb a boom\nc a boom", "b c"},
		{"below one that says something else", "a - one: boom\nb a other\nc b boom", "a b c"},
		{"long", "a - " + strings.Repeat("x", 5000) + ": boom\nb a boom", "b"},
		{"early in a long one", "a - boom " + strings.Repeat("x", 50000) + "\nb a boom", "b"},
		{"amid a very long one", "a - " + strings.Repeat("x", 5000) + " boom " + strings.Repeat("x", 5000) + "\nb a boom", "a b"},
	} {
		var got []string
		for _, g := range errorGroups(Assemble(failing("t", tt.spans))) {
			for range g.Count {
				got = append(got, strings.TrimPrefix(g.Op, "op "))
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestErrorGroups(t *testing.T) {
	var entries []Entry
	for i := range 5 {
		es := failing(fmt.Sprint("t", i), fmt.Sprintf("a -\nb a seat %dA taken\nc a no \"room %d\"\nd a seat 1 taken", i, i))
		for j := range es {
			es[j].Start = es[j].Start.Add(time.Duration(i) * time.Minute)
			es[j].SampleRate = 0.5
			es[j].Unsampled = i == 4
		}
		es[3].Op = "op b"
		entries = append(entries, es...)
	}
	entries[2].Failed, entries[2].Error = false, ""
	traces := Assemble(entries)
	at := func(min, sec int) time.Time {
		return epoch.Add(time.Duration(min)*time.Minute + time.Duration(sec)*time.Second)
	}
	want := []ErrorGroup{
		{Op: "op b", Message: "seat # taken", Example: "seat 1 taken", Count: 5, Weighted: 8, First: at(0, 4), Last: at(4, 4), Traces: []string{"t0", "t1", "t2"}},
		{Op: "op b", Message: "seat #A taken", Example: "seat 0A taken", Count: 5, Weighted: 8, First: at(0, 2), Last: at(4, 2), Traces: []string{"t0", "t1", "t2"}},
		{Op: "op c", Message: `no "…"`, Example: `no "room 1"`, Count: 4, Weighted: 6, First: at(1, 3), Last: at(4, 3), Traces: []string{"t1", "t2", "t3"}},
	}
	if diff := cmp.Diff(want, errorGroups(traces)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The order of the traces changes nothing but the examples.
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(traces), func(i, j int) { traces[i], traces[j] = traces[j], traces[i] })
	got := errorGroups(traces)
	for i := range got {
		got[i].Example, got[i].Traces = want[i].Example, want[i].Traces
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shuffled (-want +got):\n%s", diff)
	}
}

// The memory for hostile text is bounded.
func TestErrorGroupsBounded(t *testing.T) {
	var g ErrorGrouper
	n := 0
	add := func(text string) {
		n++
		g.Add(Assemble([]Entry{{Trace: "t", Span: "s", Event: EventEnd, Failed: true, Error: text}})[0])
	}
	for i := range maxErrorGroups + 50 {
		var word []byte // without digits, which would be folded
		for ; i > 0; i /= 26 {
			word = append(word, byte('a'+i%26))
		}
		add("error " + string(word))
	}
	add(strings.Repeat("é", 1e6))
	groups := g.Groups()
	if len(groups) != maxErrorGroups || g.Dropped != n-maxErrorGroups {
		t.Errorf("%d groups, %d dropped of %d", len(groups), g.Dropped, n)
	}
	g = ErrorGrouper{}
	add(strings.Repeat("é", 1e6))
	if got := g.Groups()[0]; len(got.Message) > 3*maxFold || len(got.Example) > maxExample {
		t.Errorf("%d and %d bytes", len(got.Message), len(got.Example))
	}
}

// errorGroups groups the failures of traces.
func errorGroups(traces []*Trace) []ErrorGroup {
	var g ErrorGrouper
	for _, t := range traces {
		g.Add(t)
	}
	return g.Groups()
}

// The time of a failure is that of the end record, else that of the start record, else that of the line with the error.
func TestTimesOfFailures(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for name, e := range map[string]Entry{
		"end":   {Event: EventEnd, Time: at, Failed: true, Error: "e"}, // without a start
		"start": {Event: EventStart, Time: at, Failed: true, Error: "e"},
		"line":  {Event: EventLog, Time: at, Level: "ERROR", Message: "e"},
	} {
		e.Trace, e.Span, e.Op = "t", "s", "x"
		groups := errorGroups(Assemble([]Entry{e}))
		if len(groups) != 1 || !groups[0].First.Equal(at) || !groups[0].Last.Equal(at) {
			t.Errorf("%s: %+v", name, groups)
		}
	}
}

package tracelog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

var epoch = fixture.Epoch

func TestAssembleEmpty(t *testing.T) {
	if got := Assemble(nil); len(got) != 0 {
		t.Errorf("got %d traces", len(got))
	}
	entries, _ := scanAll(t, []byte(`{"msg":"span end","span":"a","start":"2026-03-01T09:15:00Z"}`+"\n"+`{"trace":""}`))
	if got := Assemble(entries); len(got) != 0 {
		t.Errorf("got %d traces of entries without one", len(got))
	}
}

// A trace of many spans takes at most 352 bytes for each entry and each span, and little more while it is assembled.
func TestAssembleMemory(t *testing.T) {
	racetest.SkipAllocs(t)
	if span, entry := reflect.TypeFor[Span]().Size(), reflect.TypeFor[Entry]().Size(); span > 352 || entry > 352 {
		t.Errorf("a span has %d bytes, an entry %d", span, entry)
	}
	const n = 20_000
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Trace: "t", Span: fmt.Sprint("s", i), Parent: fmt.Sprint("s", i/10), Op: "op", Event: EventEnd, Start: epoch.Add(time.Duration(i)), Line: i}
	}
	entries[0].Parent = ""
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	traces := Assemble(entries)
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / n; bytes > 352+100 || traces[0].Spans != n {
		t.Errorf("%d bytes were allocated for each of %d spans", bytes, traces[0].Spans)
	}
}

// Neither the order of the lines nor reading them twice makes a difference.
func TestAssembleOrder(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.Log())
		want := story(Assemble(entries))
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 1))
			shuffled := slices.Clone(entries)
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			traces := Assemble(shuffled)
			checkTraces(t, shuffled, traces)
			if diff := cmp.Diff(want, story(traces)); diff != "" {
				t.Errorf("%s: shuffled (-want +got):\n%s", file, diff)
				break
			}
		}
		twice := append(slices.Clone(entries), entries...)
		traces := Assemble(twice)
		checkTraces(t, twice, traces)
		strip := func(lines []string) []string {
			for i := range lines {
				lines[i] = strings.ReplaceAll(strings.ReplaceAll(lines[i], " duplicate", ""), " conflict", "")
			}
			return lines
		}
		if diff := cmp.Diff(strip(edges(Assemble(entries))), strip(edges(traces))); diff != "" {
			t.Errorf("%s: twice (-want +got):\n%s", file, diff)
		}
	}
}

// Assemble does not change the entries.
func TestAssembleReadsOnly(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.Log())
		Assemble(entries)
		want, _ := scanAll(t, f.Log())
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", file, diff)
		}
	}
}

func TestTraceCounts(t *testing.T) {
	entries, _ := scanAll(t, fixtures(t)["testdata/duplicates.txtar"].Log())
	tr := Assemble(entries)[0]
	var problems []string
	for _, p := range tr.Problems {
		problems = append(problems, p.String())
	}
	want := []string{`span "b": duplicate records`, `span "d": duplicate records`, `span "c": conflicting records`, `span "c": conflicting records`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if tr.entries != 13 || tr.Spans != 5 || tr.Duplicates != 2 || tr.Errors != 1 || tr.Duration() != 100*time.Millisecond {
		t.Errorf("%+v", tr)
	}
	// Two ends of one id with different content are two spans, in order of time.
	c, twin := tr.Roots[0].Children[2], tr.Roots[0].Children[3]
	if c.ID != "c" || c.Failed || c.Duration != 20*time.Millisecond || c.EndRecord.Line != 13 {
		t.Errorf("the span of the end that is the first by time: %+v", c)
	}
	if twin.ID != "c" || !twin.Failed {
		t.Errorf("the span of the other end: %+v", twin)
	}
}

// Copies are found among any number of lines with the same time, and only there.
func TestCopies(t *testing.T) {
	for _, n := range []int{1, 2, 15, 16, 17, 40, 1000} {
		var log bytes.Buffer
		for range 3 {
			for i := range n {
				fmt.Fprintf(&log, `{"time":"2026-03-01T09:15:00Z","msg":"m","trace":"t","span":"s%d","i":%d}`+"\n", i%3, i)
			}
		}
		entries, _ := scanAll(t, log.Bytes())
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		lines := 0
		for _, s := range traces[0].All() {
			for i := range s.Logs {
				lines++
				if s.Logs[i].Copies != 2 {
					t.Fatalf("%d lines: line %d has %d copies", n, s.Logs[i].Line, s.Logs[i].Copies)
				}
			}
		}
		if lines != n {
			t.Errorf("%d different lines, want %d", lines, n)
		}
	}
}

// chain returns n spans, each of which is the child of the previous one. With branches, each also has a sibling.
func chain(n int, branches bool) []Entry {
	entries := make([]Entry, 0, 2*n)
	for i := range n {
		e := Entry{Trace: "t", Span: fmt.Sprint("s", i), Op: "op", Event: EventEnd,
			Start: epoch.Add(time.Duration(i)), Duration: time.Duration(2*n - 2*i), Line: i}
		if i > 0 {
			e.Parent = fmt.Sprint("s", i-1)
		}
		entries = append(entries, e)
		if branches {
			e.Span = "b" + e.Span
			entries = append(entries, e)
		}
	}
	return entries
}

func TestMillionDeep(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 10_000
	}
	entries := chain(n, false)
	traces := Assemble(entries)
	if len(traces) != 1 || len(traces[0].Roots) != 1 || traces[0].Spans != n {
		t.Fatalf("%d traces", len(traces))
	}
	depth := 0
	for d := range traces[0].All() {
		depth = max(depth, d)
	}
	if depth != n-1 {
		t.Errorf("depth %d", depth)
	}
}

func TestRing(t *testing.T) {
	const n = 50_000
	entries := chain(n, false)
	entries[0].Parent = fmt.Sprint("s", n-1)
	traces := Assemble(entries)
	if tr := traces[0]; len(tr.Roots) != 1 || tr.Roots[0].ID != "s0" || !tr.Roots[0].cycleBroken || len(tr.Problems) != 1 {
		t.Errorf("%d roots", len(tr.Roots))
	}
}

func FuzzAssemble(f *testing.F) {
	for _, data := range fixture.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, src := scanAll(t, fixture.Lines(data))
		if src.Bad != 0 {
			t.Fatal(src)
		}
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		backwards := slices.Clone(entries)
		slices.Reverse(backwards)
		if diff := cmp.Diff(story(traces), story(Assemble(backwards))); diff != "" {
			t.Errorf("backwards (-want +got):\n%s", diff)
		}
		// Entries that no reader made have no line.
		for i := range entries {
			entries[i].Raw = nil
		}
		checkTraces(t, entries, Assemble(entries))
	})
}

// FuzzLogs assembles whole logs, so that any text may be anywhere.
func FuzzLogs(f *testing.F) {
	for _, fx := range fixtures(f) {
		f.Add(fx.Log())
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		entries, _ := scanAll(t, log)
		checkTraces(t, entries, Assemble(entries))
	})
}

func BenchmarkAssemble(b *testing.B) {
	log := fixtures(b)["testdata/booking.txtar"].Log()
	var all bytes.Buffer
	const traces = 1000
	for i := range traces {
		all.Write(bytes.ReplaceAll(log, []byte("4bf92f3577b34da6a3ce929d0e0e4736"), fmt.Appendf(nil, "%032x", i+1)))
	}
	entries, _ := scanAll(b, all.Bytes())
	b.ReportAllocs()
	for b.Loop() {
		if got := Assemble(entries); len(got) != traces {
			b.Fatal(len(got))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/entry")
}

// A line at level Error does not fail a span that has a start record, since the span may be open. It does not fail
// a span without one either, if the trace has any end record.
func TestFailureByLines(t *testing.T) {
	line := Entry{Trace: "t", Span: "a", Level: "ERROR", Message: "no"}
	start := Entry{Trace: "t", Span: "a", Event: EventStart}
	end := Entry{Trace: "t", Span: "b", Event: EventEnd}
	for _, test := range []struct {
		name    string
		entries []Entry
		errors  int
	}{{"line", []Entry{line}, 1}, {"start", []Entry{line, start}, 0}, {"end of another", []Entry{line, end}, 0}, {"none", []Entry{{Trace: "t", Span: "a", Level: "odd"}}, 0}} {
		if got := Assemble(test.entries)[0].Errors; got != test.errors {
			t.Errorf("%s: %d errors, want %d", test.name, got, test.errors)
		}
	}
}

package tracelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)

// everything is what WriteTree can say.
var everything = &TreeOptions{Logs: true, Attrs: true, Stacks: true}

func TestAssembleEmpty(t *testing.T) {
	if got := Assemble(nil); len(got) != 0 {
		t.Errorf("got %d traces", len(got))
	}
	entries, _ := scanAll(t, []byte(`{"msg":"span end","span":"a","start":"2026-03-01T09:15:00Z"}`+"\n"+`{"trace":""}`))
	if got := Assemble(entries); len(got) != 0 {
		t.Errorf("got %d traces of entries without one", len(got))
	}
}

// The order of the lines does not matter, and neither does reading them twice.
func TestAssembleOrder(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.log())
		want := tree(t, Assemble(entries), everything)
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 1))
			shuffled := slices.Clone(entries)
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			traces := Assemble(shuffled)
			checkTraces(t, shuffled, traces)
			if diff := cmp.Diff(want, tree(t, traces, everything)); diff != "" {
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

// Assemble leaves the entries alone.
func TestAssembleReadsOnly(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.log())
		Assemble(entries)
		want, _ := scanAll(t, f.log())
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", file, diff)
		}
	}
}

func TestTraceCounts(t *testing.T) {
	entries, _ := scanAll(t, fixtures(t)["testdata/duplicates.txtar"].log())
	tr := Assemble(entries)[0]
	var problems []string
	for _, p := range tr.Problems {
		problems = append(problems, p.String())
	}
	want := []string{`span "b": duplicate records`, `span "d": duplicate records`, `span "c": conflicting records`, `span "c": conflicting records`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if tr.Entries != 13 || tr.Spans != 5 || tr.Duplicates != 2 || tr.Errors != 1 || tr.Unfinished != 0 || tr.Duration() != 100*time.Millisecond {
		t.Errorf("%+v", tr)
	}
	// Two ends of one id that say different things are two spans, the first by time before the other.
	c, twin := tr.Roots[0].Children[2], tr.Roots[0].Children[3]
	if c.ID != "c" || c.Failed || c.Duration != 20*time.Millisecond || c.EndRecord.Line != 13 {
		t.Errorf("the span of the end that is the first by time: %+v", c)
	}
	if twin.ID != "c" || !twin.Failed {
		t.Errorf("the span of the other end: %+v", twin)
	}
}

// Copies are found among any number of lines of one moment, and only there.
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

// chain is n spans, each the child of the one before, and with branches each with a sibling.
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

type countingWriter struct{ lines, longest, line int }

func (w *countingWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' {
			w.lines++
			w.longest = max(w.longest, w.line)
			w.line = 0
		} else if c&0xc0 != 0x80 {
			w.line++
		}
	}
	return len(p), nil
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
	var w countingWriter
	if err := WriteTree(&w, traces[0], nil); err != nil {
		t.Fatal(err)
	}
	if w.lines != n+1 || w.longest > 100 {
		t.Errorf("%d lines, the longest has %d runes", w.lines, w.longest)
	}
}

func TestDeep(t *testing.T) {
	const n = 50_000
	entries := chain(n, false)
	var w countingWriter
	if err := WriteTree(&w, Assemble(entries)[0], &TreeOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
	if w.lines != n || w.longest > 100 {
		t.Errorf("%d lines, the longest has %d runes", w.lines, w.longest)
	}
	// A ring.
	entries[0].Parent = fmt.Sprint("s", n-1)
	traces := Assemble(entries)
	if tr := traces[0]; len(tr.Roots) != 1 || tr.Roots[0].ID != "s0" || !tr.Roots[0].CycleBroken || len(tr.Problems) != 1 {
		t.Errorf("a ring: %d roots", len(tr.Roots))
	}
}

func TestManyAlike(t *testing.T) {
	// Siblings that are hard to tell apart, at every level: comparing whole subtrees must not explode.
	entries := chain(20_000, true)
	tr := Assemble(entries)[0]
	if err := WriteTree(&countingWriter{}, tr, &TreeOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
	// Many siblings.
	for i := range entries {
		entries[i].Parent = ""
		entries[i].Start = epoch
	}
	tr = Assemble(entries)[0]
	if err := WriteTree(&countingWriter{}, tr, &TreeOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
}

// entriesOf makes log lines out of a fuzzer's bytes: few ids, ops and times, so that they meet.
func entriesOf(t testing.TB, data []byte) []Entry {
	var log bytes.Buffer
	var lines [][]byte
	for len(data) >= 6 {
		b := data[:6]
		data = data[6:]
		m := map[string]any{}
		id := func(key string, v byte) {
			if v != 0 {
				m[key] = fmt.Sprint(key[:1], v)
			}
		}
		at := func(v byte) string { return epoch.Add(time.Duration(v) * time.Millisecond).Format(time.RFC3339Nano) }
		id("trace", b[0]&3)
		m["span"] = fmt.Sprint("s", b[0]>>2&7)
		m["op"] = fmt.Sprint("op", b[0]>>5)
		if b[0]>>2&7 == 0 {
			delete(m, "span")
		}
		switch b[1] & 7 {
		case 0:
			m["msg"] = "log"
		case 1:
			m["msg"] = "span start"
		case 2: // the same line as one before
			if len(lines) > 0 {
				log.Write(lines[int(b[2])%len(lines)])
				continue
			}
		case 3:
			m["msg"], m["start"] = "span end", at(b[3])
		case 4:
			m["msg"], m["duration_ms"] = "span end", b[4]
		default:
			m["msg"], m["start"], m["duration_ms"] = "span end", at(b[3]), b[4]
		}
		if p := b[1] >> 3 & 7; p != 0 {
			m["parent"] = fmt.Sprint("s", p)
		}
		if b[1]&64 != 0 {
			m["error"] = "e"
		}
		if b[1]&128 == 0 {
			m["time"] = at(b[2])
		}
		if v := b[5] & 7; v > 4 {
			m["service"] = fmt.Sprint("service", v)
		}
		switch b[5] >> 3 & 7 {
		case 1:
			m["kind"] = "consumer"
		case 2:
			m["kind"] = "producer"
		case 3:
			m["queued_ms"] = b[4]
		}
		if b[5] != 0 {
			m[fmt.Sprint("k", b[5]>>4)] = b[5] & 15
		}
		line, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, append(line, '\n'))
		log.Write(lines[len(lines)-1])
	}
	entries, src := scanAll(t, log.Bytes())
	if src.Bad != 0 {
		t.Fatal(src)
	}
	return entries
}

func FuzzAssemble(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 60, 120, 600} {
		for range 10 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries := entriesOf(t, data)
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		for _, opts := range []*TreeOptions{nil, everything, {Stable: true, Logs: true, Attrs: true}, {Width: 1, Logs: true}} {
			checkPrintable(t, tree(t, traces, opts))
		}
		for _, tr := range traces {
			checkWaterfall(t, tr, 1+len(data)%200)
		}
		backwards := slices.Clone(entries)
		slices.Reverse(backwards)
		if diff := cmp.Diff(tree(t, traces, everything), tree(t, Assemble(backwards), everything)); diff != "" {
			t.Errorf("backwards (-want +got):\n%s", diff)
		}
		// Entries that are made by hand have no line.
		for i := range entries {
			entries[i].Raw = nil
		}
		checkTraces(t, entries, Assemble(entries))
	})
}

// FuzzTree feeds whole logs through, so that any text may stand anywhere.
func FuzzTree(f *testing.F) {
	for _, fx := range fixtures(f) {
		f.Add(fx.log(), 80)
	}
	f.Fuzz(func(t *testing.T, log []byte, width int) {
		entries, _ := scanAll(t, log)
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		for _, opts := range []TreeOptions{{}, {Stable: true}, {Stable: true, Logs: true, Attrs: true}, *everything} {
			opts.Width = width % 500
			checkPrintable(t, tree(t, traces, &opts))
		}
		for _, tr := range traces {
			checkWaterfall(t, tr, width%500)
		}
		checkPrintable(t, waterfall(t, traces, &WaterfallOptions{Width: width % 500, Logs: true, Attrs: true, Stacks: true}))
	})
}

func BenchmarkAssemble(b *testing.B) {
	log := fixtures(b)["testdata/booking.txtar"].log()
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

func BenchmarkWriteTree(b *testing.B) {
	entries, _ := scanAll(b, fixtures(b)["testdata/booking.txtar"].log())
	tr := Assemble(entries)[0]
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteTree(&countingWriter{}, tr, everything); err != nil {
			b.Fatal(err)
		}
	}
}

package tracelog

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/loggen"
)

// spread distributes the lines of a log to n files, so that each file has some lines of most traces.
func spread(r *rand.Rand, log []byte, n int) [][]byte {
	files := make([][]byte, n)
	for line := range bytes.Lines(log) {
		i := r.IntN(n)
		files[i] = append(files[i], line...)
	}
	return files
}

// oddLog has cases that the generator lacks: spans without an end, copies in other files, a parent cycle, conflicting
// records, and lines without a time. One span is abandoned only because of a line without a trace.
func oddLog() []byte {
	var b bytes.Buffer
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i := range 20 {
		line := func(format string, args ...any) {
			fmt.Fprintf(&b, `{"time":%q,"level":"INFO","trace":"odd%d",`+format+"}\n", append([]any{at.Format(time.RFC3339Nano), i}, args...)...)
		}
		end := `"msg":"span end","span":%q,"parent":%q,"op":"x","start":"2026-03-01T08:59:59Z","duration_ms":%d`
		line(`"msg":"span start","span":"open","op":"x"`)
		line(end, "a", "b", i)
		line(end, "b", "a", i)
		line(end, "c", "nowhere", i)
		line(end, "c", "nowhere", i+1)
		line(`"msg":"hi","span":"c"`)
		line(`"msg":"hi","span":"c"`)
		fmt.Fprintf(&b, `{"msg":"no time","trace":"odd%d","span":"c"}`+"\n", i)
		at = at.Add(time.Minute)
	}
	fmt.Fprintf(&b, `{"time":%q,"msg":"of no trace"}`+"\nno record\n", at.Format(time.RFC3339))
	return b.Bytes()
}

// cutLog has lines that a container runtime cut, among whole lines of the same time.
func cutLog() []byte {
	var b bytes.Buffer
	for i := range 60 {
		cut := "F"
		if i%4 == 1 {
			cut = "P"
		}
		fmt.Fprintf(&b, `2026-03-01T10:00:00Z stdout F {"msg":"%d","trace":"cri%d","span":"s"}`+"\n", i, i%3)
		fmt.Fprintf(&b, `2026-03-01T10:00:00Z stdout %s {"msg":"%d","trace":"cri%d","span":"s"`, cut, i, i%3)
		if cut == "P" {
			b.WriteString("\n2026-03-01T10:00:00Z stdout F ")
		}
		b.WriteString(`,"more":1}` + "\n")
	}
	return b.Bytes()
}

// TestTraces compares Outlines.Traces with Scan and Assemble on the same files, for any number of workers and sizes of parts.
func TestTraces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, hard := range []bool{false, true} {
		var log bytes.Buffer
		if _, err := loggen.Generate(&log, loggen.Options{Traces: 40, Seed: 9, Hard: hard}); err != nil {
			t.Fatal(err)
		}
		files := spread(r, append(log.Bytes(), oddLog()...), 3)
		files = append(files, cutLog())
		var entries []Entry
		for i, text := range files {
			if _, err := Scan(bytes.NewReader(text), fmt.Sprint(i), func(e Entry) { entries = append(entries, e) }); err != nil {
				t.Fatal(err)
			}
		}
		numbered, whole := Assemble(slices.Clone(entries)), forgetLines(Assemble(entries))
		for _, c := range []struct {
			workers, chunk int
			stream, lines  bool
		}{{1, 0, false, true}, {1, 300, false, false}, {2, 100, false, true}, {3, 5000, true, true}, {4, 700, false, false}, {2, 1, true, false}} {
			t.Run(fmt.Sprintf("hard=%v/%+v", hard, c), func(t *testing.T) {
				in := func() []Input {
					var inputs []Input
					for i, text := range files {
						r := io.Reader(bytes.NewReader(text))
						if c.stream {
							r = io.MultiReader(r)
						}
						inputs = append(inputs, Input{fmt.Sprint(i), r})
					}
					return inputs
				}
				o := ScanOptions{Workers: c.workers, chunk: c.chunk}
				s, err := ScanOutlines(t.Context(), in(), &OutlineOptions{ScanOptions: o})
				if err != nil {
					t.Fatal(err)
				}
				for name, keep := range map[string]func(*Outline) bool{
					"all":    func(*Outline) bool { return true },
					"failed": func(o *Outline) bool { return o.Errors > 0 },
					"odd":    func(o *Outline) bool { return strings.HasPrefix(o.ID, "odd") },
					"none":   func(*Outline) bool { return false },
				} {
					kept := make(map[string]bool)
					for o := range s.All(keep) {
						kept[o.ID] = true
					}
					var got []*Trace
					err := s.Traces(t.Context(), in(), &TracesOptions{ScanOptions: o, Lines: c.lines}, keep, func(tr *Trace) { got = append(got, tr) })
					if err != nil {
						t.Fatal(err)
					}
					want := whole
					if c.lines {
						want = numbered
					} else {
						forgetLines(got)
					}
					want = slices.DeleteFunc(slices.Clone(want), func(tr *Trace) bool { return !kept[tr.ID] })
					if len(want) != len(kept) || name != "none" && len(want) == 0 {
						t.Fatalf("%s: %d traces, %d outlines", name, len(want), len(kept))
					}
					sameTraces(t, want, got)
				}
			})
		}
	}
}

// sameTraces compares everything in the traces except their order.
func sameTraces(t *testing.T, want, got []*Trace) {
	t.Helper()
	byID := make(map[string]*Trace)
	for _, tr := range got {
		if byID[tr.ID] != nil {
			t.Errorf("trace %q comes twice", tr.ID)
		}
		byID[tr.ID] = tr
	}
	if len(got) != len(want) {
		t.Errorf("%d traces, want %d", len(got), len(want))
	}
	for _, tr := range want {
		if got := byID[tr.ID]; !reflect.DeepEqual(tr, got) { // a hundred times faster than cmp.Diff
			diff := cmp.Diff(tr, got, cmp.Exporter(func(reflect.Type) bool { return true }))
			t.Fatalf("trace %q (-want +got):\n%s", tr.ID, diff[:min(len(diff), 2000)])
		}
	}
}

// Lines are in order in blocks with any number, even if an int has 32 bits.
func TestGatherOrder(t *testing.T) {
	var in Input
	var ours gathered
	for _, at := range []lineAt{{&in, 1 << 7, 0}, {&in, 127, 5}, {&in, 127, 4}, {&in, math.MaxInt, 1 << 20}, {&in, 0, 1 << 24}, {&in, 1, 0}} {
		ours.at = append(ours.at, at)
		ours.entries = append(ours.entries, Entry{Message: fmt.Sprintf("block %d, line %d", at.seq, at.number)})
	}
	ours.sort(map[*Input]int{&in: 0})
	var got []string
	for _, e := range ours.entries {
		got = append(got, e.Message)
	}
	want := []string{
		"block 0, line 16777216", "block 1, line 0", "block 127, line 4", "block 127, line 5", "block 128, line 0",
		fmt.Sprintf("block %d, line 1048576", math.MaxInt),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// forgetLines removes the line numbers from the traces, since without TracesOptions.Lines they only tell the order.
func forgetLines(traces []*Trace) []*Trace {
	for _, tr := range traces {
		forget := func(entries []Entry) {
			for i := range entries {
				entries[i].Line = 0
			}
		}
		forget(tr.Logs)
		for _, s := range tr.All() {
			forget(s.Logs)
			for _, e := range []*Entry{s.StartRecord, s.EndRecord} {
				if e != nil {
					e.Line = 0
				}
			}
		}
	}
	return traces
}

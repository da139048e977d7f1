package tracelog

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/loggen"
)

// The streaming analyses find the generator's answers, for any number of workers and sizes of parts.
func TestTruth(t *testing.T) {
	for _, hard := range []bool{false, true} {
		var log bytes.Buffer
		truth, err := loggen.Generate(&log, loggen.Options{Traces: 150, Seed: 7, Hard: hard})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			workers, chunk int
			stream         bool
		}{{1, 0, false}, {2, 100, false}, {3, 5000, true}, {4, 700, false}, {2, 0, true}} {
			t.Run(fmt.Sprintf("hard=%v/%+v", hard, c), func(t *testing.T) {
				in := func() []Input {
					r := io.Reader(bytes.NewReader(log.Bytes()))
					if c.stream {
						r = io.MultiReader(r)
					}
					return []Input{{"f", r}}
				}
				o := ScanOptions{Workers: c.workers, chunk: c.chunk}
				checkGroups(t, in(), o, truth)
				checkOutlines(t, in(), o, truth)
				checkFind(t, in, o, truth)
			})
		}
	}
}

func checkGroups(t *testing.T, in []Input, o ScanOptions, truth *loggen.Truth) {
	t.Helper()
	g, err := ScanGroups(t.Context(), in, &GroupOptions{ScanOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	if !g.Deduped || g.Duplicates != truth.DuplicateEnds || g.Dropped != 0 {
		t.Errorf("%d duplicates, deduped %v; want %d", g.Duplicates, g.Deduped, truth.DuplicateEnds)
	}
	if s := g.Sources[0]; s.Lines != truth.Lines || s.Bad != truth.Junk {
		t.Errorf("%d lines, %d bad; want %d, %d", s.Lines, s.Bad, truth.Lines, truth.Junk)
	}
	var got []loggen.Op
	for _, x := range g.Groups {
		f := figuresOf(&x.Stat)
		got = append(got, loggen.Op{
			Op: x.Key, Count: int(f.Count), Errors: int(f.Errors),
			P50: round(f.P50), P95: round(f.P95), P99: round(f.P99), Max: f.Max,
		})
	}
	var want []loggen.Op
	for _, op := range truth.Ops {
		op.P50, op.P95, op.P99 = round(op.P50), round(op.P95), round(op.P99)
		want = append(want, op)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// round rounds a quantile to nanoseconds.
func round(ms float64) float64 { return math.Round(ms*1e6) / 1e6 }

func checkOutlines(t *testing.T, in []Input, o ScanOptions, truth *loggen.Truth) {
	t.Helper()
	s, err := ScanOutlines(t.Context(), in, &OutlineOptions{
		ScanOptions: o,
		Match:       func(r *Record) bool { return string(r.Op()) == "calendar.reserve" && r.Event == EventEnd },
	})
	if err != nil {
		t.Fatal(err)
	}
	failed, hash, spans, matched := 0, uint64(0), 0, 0
	before := time.Time{}
	for sum := range s.All(nil) {
		spans += sum.Spans
		matched += sum.Matched
		if sum.Start.Before(before) || sum.End.Before(sum.Start) || sum.Op != "POST /bookings" || sum.Service != "booking-api" {
			t.Errorf("%+v", sum)
		}
		before = sum.Start
	}
	for sum := range s.All(func(s *Outline) bool { return s.Errors > 0 }) {
		failed++
		hash += loggen.Hash(sum.ID)
	}
	if s.Len() != truth.Traces || spans != truth.SpanEnds || s.again() != truth.DuplicateEnds {
		t.Errorf("%d traces, %d spans, %d duplicates; want %d, %d, %d", s.Len(), spans, s.again(), truth.Traces, truth.SpanEnds, truth.DuplicateEnds)
	}
	if h := fmt.Sprintf("%016x", hash); failed != truth.FailedTraces || h != truth.FailedHash {
		t.Errorf("%d failed traces, hash %s; want %d, %s", failed, h, truth.FailedTraces, truth.FailedHash)
	}
	if matched < truth.Traces {
		t.Errorf("%d matched", matched)
	}
}

func checkFind(t *testing.T, in func() []Input, o ScanOptions, truth *loggen.Truth) {
	t.Helper()
	for i, want := range truth.Lookups {
		id := want.Trace
		switch i {
		case 1:
			id = id[:9]
		case 2:
			id = strings.ToUpper(id)
		}
		f, err := FindTrace(t.Context(), in(), []string{"nosuchid", id}, &o)
		if err != nil {
			t.Fatal(err)
		}
		different := make(map[string]bool)
		last := 0
		for _, e := range f.Entries {
			different[strings.TrimSuffix(string(e.Raw), "\r")] = true
			if e.Line <= last {
				t.Errorf("line %d after %d", e.Line, last)
			}
			last = e.Line
		}
		if f.ID != want.Trace || len(different) != want.Lines {
			t.Errorf("%s: %s with %d lines, want %s with %d", id, f.ID, len(different), want.Trace, want.Lines)
		}
	}
}

func TestFindTrace(t *testing.T) {
	const log = `{"trace":"abcd","n":1}
{"trace":"abcdef","n":2}
junk abcd
{"trace":"\u0061bcd","n":3}
{"x":"abcd","trace":"z","n":4}
{"trace":"ABCD","n":5}

{"trace":"b\/c/d","n":6}
{"trace":"Straße","n":7}
`
	for _, test := range []struct {
		ids   string
		id    string
		lines string
		more  string
	}{
		{ids: "abcd", id: "abcd", lines: "[1 4]"},
		{ids: "abcd abcdef", id: "abcd", lines: "[1 4]"},
		{ids: "abcde", id: "abcdef", lines: "[2]"},
		{ids: "ABCD", id: "ABCD", lines: "[6]"},
		{ids: "aBcD", more: "[ABCD abcd abcdef]", lines: "[]"},
		{ids: "abcdx", lines: "[]", more: "[]"},
		{ids: "a", more: "[ABCD abcd abcdef]", lines: "[]"},
		{ids: "z", id: "z", lines: "[5]"},
		{ids: "b/c/d", id: "b/c/d", lines: "[8]"},
		{ids: "straß", id: "Straße", lines: "[9]"},
		{ids: "none zz abcdef", id: "abcdef", lines: "[2]"},
	} {
		for _, chunk := range []int{1, 30, 0} {
			f, err := FindTrace(t.Context(), []Input{{"f", strings.NewReader(log)}}, strings.Fields(test.ids), &ScanOptions{Workers: 2, chunk: chunk})
			if err != nil {
				t.Fatal(err)
			}
			lines := []int{}
			for _, e := range f.Entries {
				lines = append(lines, e.Line)
			}
			if test.more == "" {
				test.more = "[]"
			}
			if f.ID != test.id || fmt.Sprint(lines) != test.lines || fmt.Sprint(f.Candidates) != test.more {
				t.Errorf("%s: %q, lines %v, candidates %v", test.ids, f.ID, lines, f.Candidates)
			}
		}
	}
	// Of many candidates the first ones in order are returned.
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "{\"trace\":\"id-%03d\"}\n", (i*7)%1000)
	}
	f, err := FindTrace(t.Context(), []Input{{"f", strings.NewReader(many.String())}}, []string{"id-"}, &ScanOptions{Workers: 3, chunk: 100})
	if err != nil || len(f.Candidates) != maxCandidates || f.Candidates[0] != "id-000" || f.Candidates[99] != "id-099" || f.Entries != nil {
		t.Errorf("%+v, %v", f, err)
	}
}

// again returns how many span ends were left out.
func (s *Outlines) again() (n int) {
	if s.deduped {
		for i := range s.shards {
			for row := range s.shards[i].all() {
				n += int(row.again)
			}
		}
	}
	return n
}

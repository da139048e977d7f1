package tracelog

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// describeSpan is what a test compares of a span.
func describeSpan(depth int, op, key string, start, end int64, timed, ended, failed bool, d, self, queued time.Duration, weight float64) string {
	if !timed {
		start, end = 0, 0
	}
	return fmt.Sprintf("%s%s (%s) %d to %d timed %v ended %v failed %v %v self %v queued %v weight %g", strings.Repeat(" ", depth), op, key, start, end, timed, ended, failed, d, self, queued, weight)
}

// timingsOf describes the timings of the traces in a log, by id.
func timingsOf(t *testing.T, log []byte, o *TimingOptions) map[string][]string {
	t.Helper()
	inputs := func() []Input { return []Input{{Name: "log", Reader: bytes.NewReader(log)}} }
	sizes, err := ScanTraceSizes(t.Context(), inputs(), &o.ScanOptions)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	calling := false // the race detector finds two calls at the same time, too
	_, err = sizes.Timings(t.Context(), inputs(), o, func(m *Timing) {
		if calling || all[m.ID()] != nil {
			t.Errorf("trace %s: a call during another, or a second one", m.ID())
		}
		calling = true
		defer func() { calling = false }()
		if len(all)%16 == 0 {
			time.Sleep(100 * time.Microsecond) // meanwhile others get ready
		}
		var spans []string
		for i := range m.Spans {
			s := &m.Spans[i]
			depth := 0
			for range m.Path(i) {
				depth++
			}
			spans = append(spans, describeSpan(depth, m.Name(s.Op), m.Name(s.Key), s.Start, s.End, s.Timed, s.Ended, s.Failed, s.Duration, s.Self, s.Queued, s.Weight))
		}
		d, ok := m.Duration()
		all[m.ID()] = append(spans, fmt.Sprint("root ", m.Name(m.Spans[m.Root()].Op), " ", d, ok))
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wholeTimings describes the same, made from entries by Assemble.
func wholeTimings(entries []Entry, key func(*Entry) string) map[string][]string {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Event == EventLog })
	all := make(map[string][]string)
	for _, tr := range Assemble(entries) {
		var spans []string
		var last time.Time
		for depth, s := range tr.All() {
			start, end := s.Interval()
			e, queued := s.EndRecord, s.Queued
			if e == nil {
				e, queued = s.StartRecord, 0
			}
			spans = append(spans, describeSpan(depth, s.Op, key(e), start.UnixNano(), end.UnixNano(), !s.Start.IsZero(), s.State == Ended, s.Failed, s.Duration, SelfTime(s), queued, s.Weight))
			if end.After(last) {
				last = end
			}
		}
		root, d, ok := tr.Root(), time.Duration(0), false
		if start, _ := root.Interval(); root.State == Ended && !start.IsZero() {
			d, ok = last.Sub(start), true
		}
		all[tr.ID] = append(spans, fmt.Sprint("root ", root.Op, " ", d, ok))
	}
	return all
}

// logsForTimings are logs of every kind.
func logsForTimings(t *testing.T) map[string][]byte {
	logs := make(map[string][]byte)
	for _, dir := range []string{"testdata/*.txtar", "testdata/forms/*.txtar", "testdata/shapes/*.txtar"} {
		for name, f := range fixture.All(t, dir) {
			logs[filepath.Base(name)] = f.Log()
		}
	}
	for name, o := range map[string]loggen.Options{
		"plain": {Traces: 100, Seed: 1}, "hard": {Traces: 100, Seed: 2, Hard: true}, "long": {Traces: 3, Repeat: 200, Seed: 3},
	} {
		var b bytes.Buffer
		if _, err := loggen.Generate(&b, o); err != nil {
			t.Fatal(err)
		}
		logs[name] = b.Bytes()
	}
	// A trace that lasts longer than a Duration can be.
	logs["centuries"] = []byte(`{"msg":"span end","trace":"t","span":"1","op":"a","start":"1700-03-01T09:15:00Z","duration_ms":1}
{"msg":"span end","trace":"t","span":"2","parent":"1","op":"b","start":"2200-03-01T09:15:00Z","duration_ms":1}
`)
	for seed := range uint64(200) {
		logs[fmt.Sprint("random ", seed)] = randomSpans(seed)
	}
	return logs
}

// randomSpans writes span records of few ids, times, services and kinds, so that everything that can be odd is: cycles,
// missing parents, several ends and starts of a span, clocks that disagree, spans without a start, spans that do not end.
func randomSpans(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	var b bytes.Buffer
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	at := func(n int) string {
		return time.Unix(0, 0).Add(time.Duration(n) * time.Second).UTC().Format(time.RFC3339)
	}
	id := func(s string) string { return strings.Repeat(s, 16) }
	for range 3 + r.IntN(20) {
		var line string
		begin, lasted := r.IntN(8), r.IntN(6)
		if r.IntN(4) == 0 {
			line = fmt.Sprintf(`"time":"%s","msg":"span start"`, at(begin))
		} else {
			line = fmt.Sprintf(`"msg":"span end","duration_ms":%d`, 1000*lasted)
			if r.IntN(8) > 0 {
				line += fmt.Sprintf(`,"time":"%s"`, at(begin+lasted))
			}
			if r.IntN(8) > 0 {
				line += fmt.Sprintf(`,"start":"%s"`, at(begin))
			}
		}
		line += fmt.Sprintf(`,"trace":"%s","span":"%s","op":"%s"`, pick("t", "u"), id("abcdef12"[r.IntN(8):][:1]), pick("x", "y"))
		for key, value := range map[string]string{
			"parent": id(pick("", "a", "a", "b", "c", "d", "e", "f")), "service": pick("", "p", "q", "r"), "kind": pick("", "", "client", "consumer", "producer"),
			"error": pick("", "", "no"),
		} {
			if value != "" {
				line += fmt.Sprintf(`,"%s":"%s"`, key, value)
			}
		}
		if r.IntN(8) == 0 {
			line += `,"queued_ms":5`
		}
		if r.IntN(8) == 0 {
			line += `,"sample_rate":0.5`
		}
		for range 1 + r.IntN(5)/4 {
			b.WriteString("{" + line + "}\n")
		}
	}
	return b.Bytes()
}

// A Timing is what Assemble and SelfTime find out about the span records.
func TestTimings(t *testing.T) {
	byKind := func(e *Entry) string { return cmp.Or(e.Kind, "-") }
	for name, log := range logsForTimings(t) {
		entries, _ := scanAll(t, log)
		want := wholeTimings(entries, byKind)
		for _, o := range []*TimingOptions{
			{By: func(r *Record) ([]byte, bool) { return []byte(cmp.Or(string(r.Kind()), "-")), true }},
			{By: func(r *Record) ([]byte, bool) { return []byte(cmp.Or(string(r.Kind()), "-")), true }, ScanOptions: ScanOptions{Workers: 3, chunk: 300}},
		} {
			if diff := gocmp.Diff(want, timingsOf(t, log, o)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

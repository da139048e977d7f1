package compare

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Of a trace whose times do not fit an int64 of nanoseconds, the durations are compared, and it is counted. Read as a Timing
// it is the same.
func TestFarTimes(t *testing.T) {
	for start, untimed := range map[string]int{
		"1500-03-01T09:15:00Z": 1, "1677-12-31T23:59:59Z": 1, "1678-01-01T00:00:00Z": 0, "2026-03-01T09:15:00Z": 0,
		"2261-12-31T23:59:59Z": 0, "2262-01-01T00:00:00Z": 1, "2500-03-01T09:15:00Z": 1,
	} {
		log := strings.ReplaceAll(`{"msg":"span end","trace":"t","span":"2","parent":"1","op":"db.query","start":"AT","duration_ms":4}
{"msg":"span end","trace":"t","span":"1","op":"GET /","start":"AT","duration_ms":10}
`, "AT", start)
		var entries []tracelog.Entry
		if _, err := tracelog.Scan(strings.NewReader(log), "", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
			t.Fatal(err)
		}
		var d Data
		d.Add(Before, tracelog.Assemble(entries)[0])
		inputs := []tracelog.Input{{Reader: strings.NewReader(log)}}
		sizes, err := tracelog.ScanTraceSizes(t.Context(), inputs, nil)
		if err != nil {
			t.Fatal(err)
		}
		inputs[0].Reader = strings.NewReader(log)
		if _, err := sizes.Timings(t.Context(), inputs, nil, func(timing *tracelog.Timing) { d.AddTiming(After, timing) }); err != nil {
			t.Fatal(err)
		}
		r := compared(&d, &Options{Single: true})
		if r.Left[0].Untimed != untimed || r.Left[1].Untimed != untimed {
			t.Errorf("%s: %+v", start, r.Left)
		}
		for _, row := range r.Rows {
			own := map[string]time.Duration{"GET /": 10 * time.Millisecond, "db.query": 0}
			if untimed == 0 {
				own = map[string]time.Duration{"GET /": 6 * time.Millisecond, "db.query": 4 * time.Millisecond}
			}
			if want := own[row.Op]; row.Own != [2]time.Duration{want, want} || row.P50.Before != row.P50.After {
				t.Errorf("%s: %s: own time %v, want %v, took %v and %v", start, row.Op, row.Own, want, row.P50.Before, row.P50.After)
			}
		}
	}
}

// A trace that spans more than an int64 of nanoseconds has the greatest duration, not a negative one.
func TestLongTrace(t *testing.T) {
	entries := []tracelog.Entry{finished("t", "1", "", "GET /"), finished("t", "2", "1", "job.run")}
	entries[0].Start = time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)
	entries[1].Start = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	var d Data
	d.Add(Before, tracelog.Assemble(entries)[0])
	if got := d.sets[Before].traces[0].after; got < math.MaxInt64/2 {
		t.Errorf("%v after the root's end", got)
	}
}

// The time of each span on the critical path is that of [tracelog.CriticalPath], for any tree.
func TestCriticalPath(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(30)
		var entries []tracelog.Entry
		for i := range n {
			e := tracelog.Entry{Trace: "t", Span: strconv.Itoa(i + 1), Op: strconv.Itoa(i + 1), Event: tracelog.EventEnd}
			if i > 0 {
				e.Parent = strconv.Itoa(1 + r.IntN(i))
			}
			if r.IntN(10) > 0 {
				e.Start = epoch.Add(time.Duration(r.IntN(20)))
			}
			if e.Duration = time.Duration(r.IntN(20)); r.IntN(10) == 0 {
				e.Event, e.Duration = tracelog.EventStart, 0
			}
			entries = append(entries, e)
		}
		trace := tracelog.Assemble(entries)[0]
		want := make(map[*tracelog.Span]time.Duration)
		for _, s := range tracelog.CriticalPath(trace) {
			want[s.Span] += s.End.Sub(s.Start)
		}
		if root := trace.Root(); root.Start.IsZero() { // all that is known
			want[root] = root.Duration
		}
		d := new(Data)
		d.Add(Before, trace)
		i := 0
		for _, s := range trace.All() {
			if got := time.Duration(d.reducer.own[i]); got != want[s] {
				t.Fatalf("seed %d, span %s: %d on the path, want %d", seed, s.ID, got, want[s])
			}
			i++
		}
	}
}

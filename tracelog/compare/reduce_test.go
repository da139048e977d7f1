package compare

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

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

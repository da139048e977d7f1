package compare

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slogtrace/slogtrace/tracelog"
)

// changesOf returns the operations with a change, as "slower db.query", in order.
func changesOf(r *Report) []string {
	var changes []string
	for _, row := range r.Rows {
		for _, c := range row.Changes {
			changes = append(changes, string(c)+" "+row.Op)
		}
	}
	return changes
}

// Each change is found, is told apart from the others, and is at the operation where it was planted, not at its parent.
func TestChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after service
		want          []string
	}{
		"nothing":        {},
		"slower":         {after: service{slow: 1.5}, want: []string{"slower db.query", "slower POST /bookings"}},
		"faster":         {before: service{slow: 1.5}, want: []string{"faster db.query", "faster POST /bookings"}},
		"more":           {after: service{queries: 3}, want: []string{"more db.query", "slower POST /bookings"}},
		"fewer":          {before: service{queries: 3}, want: []string{"fewer db.query", "faster POST /bookings"}},
		"failing":        {before: service{failures: 0.01}, after: service{failures: 0.1}, want: []string{"failing mail.send"}},
		"fails less":     {before: service{failures: 0.1}, after: service{failures: 0.01}},
		"queued":         {after: service{wait: 2}, want: []string{"queued job.run"}},
		"waits less":     {before: service{wait: 2}},
		"new":            {after: service{with: "fraud.check"}, want: []string{"new fraud.check", "slower POST /bookings"}},
		"gone":           {before: service{with: "fraud.check"}, want: []string{"gone fraud.check", "faster POST /bookings"}},
		"two at a time":  {after: service{slow: 1.5, wait: 3}, want: []string{"slower db.query", "slower POST /bookings", "queued job.run"}},
		"another mix":    {before: service{reports: 0.1}, after: service{reports: 0.6}},
		"sampled":        {before: service{rate: 0.3}, after: service{rate: 0.3, slow: 1.5}, want: []string{"slower db.query", "slower POST /bookings"}},
		"sampled, equal": {before: service{rate: 0.3}, after: service{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := compareServices(tt.before, tt.after, 400, nil)
			if diff := cmp.Diff(tt.want, changesOf(r)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if r.Mixed != (name == "another mix") {
				t.Errorf("mixed is %v", r.Mixed)
			}
			if len(r.Trends) > 0 {
				t.Errorf("trends %v", r.Trends)
			}
		})
	}
}

// The same traces give the same report in any order, and on any number of cores.
func TestDeterminism(t *testing.T) {
	before, after := service{}.traces(300, 1), service{slow: 1.1, with: "new.op"}.traces(300, 2)
	reportOf := func() *Report {
		d := new(Data)
		for _, t := range before {
			d.Add(Before, t)
		}
		for _, t := range after {
			d.Add(After, t)
		}
		return compared(d, nil)
	}
	want := reportOf()
	r := rand.New(rand.NewPCG(1, 1))
	for cores := 1; cores <= 4; cores++ {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		for _, traces := range [][]*tracelog.Trace{before, after} {
			r.Shuffle(len(traces), func(i, j int) { traces[i], traces[j] = traces[j], traces[i] })
		}
		if diff := cmp.Diff(want, reportOf(), cmpopts.IgnoreUnexported(Row{}), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("shuffled, %d cores (-want +got):\n%s", cores, diff)
		}
	}
	if other := (&Data{}); other.Traces(Before) != 0 || len(compared(other, nil).Rows) != 0 {
		t.Error("an empty comparison has rows")
	}
}

// Quantiles are those of [tracelog.Stat], to seven digits.
func TestQuantiles(t *testing.T) {
	for _, rate := range []float64{0, 0.5} {
		s := service{rate: rate, queries: 3}
		var stat tracelog.Stat
		d := new(Data)
		for _, trace := range s.traces(400, 1) {
			d.Add(Before, trace)
			for _, span := range trace.All() {
				if span.Op == "db.query" {
					stat.Add(span.Duration, span.Failed, span.Weight)
				}
			}
		}
		for _, trace := range s.traces(400, 2) {
			d.Add(After, trace)
		}
		for _, row := range compared(d, nil).Rows {
			if row.Op != "db.query" {
				continue
			}
			for q, got := range map[float64]time.Duration{0.5: row.P50.Before, 0.95: row.P95.Before, 0.99: row.P99.Before} {
				if want := stat.Quantile(q); math.Abs(float64(got-want)) > 1e-6*float64(want) {
					t.Errorf("rate %v: quantile %v is %v, want %v", rate, q, got, want)
				}
			}
		}
	}
}

// What is too little is said: how many traces there must be.
func TestNeed(t *testing.T) {
	r := compareServices(service{}, service{slow: 3}, 3, nil)
	for _, row := range r.Rows {
		if row.Change != Same || row.Need < 4 || row.P50.Need != 6 || row.P95.Need != 72 || row.P99.Need != 368 {
			t.Errorf("%s %s: need %d, %d, %d, %d", row.Change, row.Op, row.Need, row.P50.Need, row.P95.Need, row.P99.Need)
		}
	}
	for _, row := range compareServices(service{}, service{slow: 3}, 12, nil).Rows {
		if want := row.Op == "db.query"; (row.Change == Slower) != want && row.Op != "POST /bookings" || row.Need != 0 || row.P50.Need != 0 || row.P95.Need != 72 {
			t.Errorf("%s %s: need %d, %d, %d", row.Change, row.Op, row.Need, row.P50.Need, row.P95.Need)
		}
	}
}

// MinChange is the least change that is reported, however certain it is.
func TestMinChange(t *testing.T) {
	if got := changesOf(compareServices(service{}, service{slow: 1.5}, 400, &Options{MinChange: 0.7})); got != nil {
		t.Errorf("%v", got)
	}
	if got := changesOf(compareServices(service{}, service{queries: 2}, 400, &Options{MinChange: 1.5})); got != nil {
		t.Errorf("%v", got)
	}
}

// A trend within a side is reported, with the side.
func TestTrends(t *testing.T) {
	for side, pair := range [][2]service{{{drift: 2}, {}}, {{}, {drift: 2}}} {
		r := compareServices(pair[0], pair[1], 400, nil)
		if len(r.Trends) != 1 || r.Trends[0].Side != Side(side) || r.Trends[0].Root != "POST /bookings" || r.Trends[0].First >= r.Trends[0].Second {
			t.Errorf("%v", r.Trends)
		}
	}
}

// A trend is found among those of any number of roots: there are more permutations than these, divided by Alpha.
func TestTrendAmongMany(t *testing.T) {
	var d Data
	r := rand.New(rand.NewPCG(5, 1))
	for side := range d.sets {
		for i := range 600 {
			root := d.paths.number(noPath, fmt.Sprintf("GET /%03d", i))
			for n := range 70 {
				took := float32(1e6 * math.Exp(0.3*r.NormFloat64()))
				if side == int(After) && i == 300 && n >= 35 {
					took *= 1.5
				}
				trace := d.sets[side].begin(traceRow{start: int64(n), id: r.Uint64(), root: root, weight: 1, duration: took})
				d.sets[side].add(trace, root, visit{duration: took, own: took})
			}
		}
	}
	if r := compared(&d, nil); len(r.Trends) != 1 || r.Trends[0].Side != After || r.Trends[0].Root != "GET /300" {
		t.Errorf("%+v", r.Trends)
	}
}

// The weights of a sampled log make up for what is missing, and tell less if they differ.
func TestEffective(t *testing.T) {
	d := new(Data)
	for i, s := range []service{{rate: 0.1}, {rate: 1}} {
		for _, trace := range s.traces(1000, uint64(i)) {
			d.Add(Before, trace)
		}
	}
	for _, trace := range (service{rate: 0.5}).traces(1000, 3) {
		d.Add(After, trace)
	}
	r := compared(d, nil)
	// About 100 of weight 10, and 1000 of weight 1: (2000)² / (100·100 + 1000).
	if n := r.Effective[Before]; n < 300 || n > 420 {
		t.Errorf("%d traces before tell as much as %.0f", r.Traces[Before], n)
	}
	if n := r.Effective[After]; n != float64(r.Traces[After]) {
		t.Errorf("%d traces after, all of one weight, tell as much as %.0f", r.Traces[After], n)
	}
}

// The parts of a root's quantile add up to it, and the operation that changed has the change.
func TestSources(t *testing.T) {
	r := compareServices(service{}, service{slow: 1.5, wait: 3}, 2000, nil)
	for _, src := range r.Roots[0].Sources {
		if src.Need != 0 {
			t.Fatalf("need %d", src.Need)
		}
		var before, after time.Duration
		for _, p := range src.Parts {
			if p.Kind != AfterRoot {
				before, after = before+p.Before, after+p.After
			}
		}
		if (before-src.Before).Abs() > time.Microsecond || (after-src.After).Abs() > time.Microsecond {
			t.Errorf("%v: parts add up to %v and %v, want %v and %v", src.Q, before, after, src.Before, src.After)
		}
		first := src.Parts[0]
		share := float64(first.After-first.Before) / float64(src.After-src.Before)
		if first.Path[len(first.Path)-1] != "db.query" || share < 0.7 || share > 1.3 || first.Low <= 0 || first.High <= first.Low {
			t.Errorf("%v: %.2f of the change is %v", src.Q, share, first)
		}
		last := src.Parts[len(src.Parts)-1]
		if last.Kind != AfterRoot || last.After < 2*last.Before {
			t.Errorf("after the root: %v", last)
		}
	}
	// The root's quantiles are the same as in its row.
	for _, row := range r.Rows {
		if row.Op != "POST /bookings" {
			continue
		}
		for i, q := range []Quantile{row.P50, row.P95} {
			if src := r.Roots[0].Sources[i]; src.Before != q.Before || src.After != q.After {
				t.Errorf("%v: %v and %v, but %v and %v in the row", src.Q, src.Before, src.After, q.Before, q.After)
			}
		}
	}
	row := r.Rows[0]
	if row.Op != "db.query" || row.Share < 0.9 || row.Share > 1.1 {
		t.Errorf("%s has the share %v", row.Op, row.Share)
	}
	for _, src := range compareServices(service{}, service{}, 300, nil).Roots[0].Sources {
		if want := map[float64]int{0.5: 500, 0.95: 1000}[src.Q]; src.Need != want || src.Parts != nil {
			t.Errorf("%v: need %d, want %d", src.Q, src.Need, want)
		}
	}
}

// Of traces with unequal weights, as many count as tell the same with equal ones: a window must not be of a few.
func TestSourcesWeighted(t *testing.T) {
	weight := func(r *rand.Rand) float64 {
		if r.IntN(2) == 0 {
			return 9
		}
		return 1
	}
	for _, traces := range []int{600, 1200} { // which tell as much as about 366 and 732
		r := compared(plan{traces: traces, ops: 2, sd: 0.53, weight: weight}.data(1), nil)
		if src := r.Roots[0].Sources[0]; (src.Need == 500) != (traces == 600) {
			t.Errorf("%d traces: need %d", traces, src.Need)
		}
		for _, row := range r.Rows {
			if src := r.Roots[0].Sources[0]; row.Op == "GET /" && src.Need == 0 && (src.Before-row.P50.Before).Abs() > 2 {
				t.Errorf("the median is %v, but %v in the row", src.Before, row.P50.Before)
			}
		}
	}
}

// Two single traces are compared without tests.
func TestSingle(t *testing.T) {
	r := compareServices(service{}, service{slow: 4, queries: 2, failures: 1, with: "fraud.check", without: "auth.check"}, 1, &Options{Single: true})
	got := changesOf(r)
	slices.Sort(got)
	var rest []string
	for _, s := range got {
		if !strings.HasSuffix(s, "job.run") { // chance
			rest = append(rest, s)
		}
	}
	want := []string{"failing mail.send", "gone auth.check", "more db.query", "new fraud.check", "slower POST /bookings", "slower db.query"}
	if diff := cmp.Diff(want, rest, cmpopts.IgnoreSliceElements(func(s string) bool { return strings.HasSuffix(s, " mail.send") && s != "failing mail.send" })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Tests != 0 {
		t.Errorf("%d tests", r.Tests)
	}
}

// Data takes at most 20 bytes for each span and 150 for each trace, also while it is compared: with waits in queues, failures
// and weights.
func TestMemory(t *testing.T) {
	everything := func(v *visit, op int) {
		if v.failed = op%4 == 0; v.failed {
			v.queued = v.duration / 2
		}
	}
	for _, p := range []plan{
		{traces: 20_000, ops: 8}, {traces: 3_000, ops: 30, calls: 3}, {traces: 40_000, ops: 1},
		{traces: 20_000, ops: 8, planted: everything, weight: someWeights},
	} {
		p.sd = 0.53
		start := heap()
		d := p.data(1)
		used := heap() - start
		traces := float64(2 * p.traces)
		spans := traces * float64(1+p.ops*max(1, p.calls))
		limit := 20*spans + 150*traces
		if used > limit {
			t.Errorf("%+v: %.0f bytes, want at most %.0f", p, used, limit)
		}
		cores := runtime.GOMAXPROCS(1)
		w := &weighing{Context: context.Background()}
		if _, err := d.Compare(w, nil); err != nil {
			t.Fatal(err)
		}
		runtime.GOMAXPROCS(cores)
		if w.most == 0 || w.most-start > limit {
			t.Errorf("%+v: %.0f bytes while it is compared, want at most %.0f", p, w.most-start, limit)
		}
		t.Logf("%d traces, %d operations: %.2f of the limit held, %.2f while it is compared", p.traces, p.ops, used/limit, (w.most-start)/limit)
		runtime.KeepAlive(d)
	}
}

// heap returns how much memory is in use.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// A weighing is a context that looks at the memory in use when it is asked.
type weighing struct {
	context.Context
	asked int
	most  float64
}

func (w *weighing) Err() error {
	if w.asked++; w.asked%3 == 0 {
		w.most = max(w.most, heap())
	}
	return nil
}

// A level that is no probability is the default one.
func TestAlpha(t *testing.T) {
	d := plan{traces: 10, ops: 1}.data(1)
	want := compared(d, nil)
	for _, alpha := range []float64{1, 2, -1, math.NaN(), math.Inf(1)} {
		if got := compared(d, &Options{Alpha: alpha}); got.Alpha != 0.05 || got.Rows[0].P != want.Rows[0].P {
			t.Errorf("%v: %+v", alpha, got)
		}
	}
}

// If an operation is called more often, so are those that it calls: only the first one is more.
func TestMoreBelow(t *testing.T) {
	d := new(Data)
	root := d.paths.number(noPath, "GET /")
	query := d.paths.number(root, "db.query")
	connect := d.paths.number(query, "db.connect")
	for side, calls := range []int{1, 3} {
		s := &d.sets[side]
		r := rand.New(rand.NewPCG(uint64(side), 1))
		for i := range 200 {
			trace := s.begin(traceRow{start: int64(i), id: r.Uint64(), root: root, weight: 1, duration: 100})
			s.add(trace, root, visit{duration: 100})
			for range calls + r.IntN(3) {
				s.add(trace, query, visit{duration: 10, own: 5})
				s.add(trace, connect, visit{duration: 5, own: 5})
			}
		}
	}
	if diff := cmp.Diff([]string{"more db.query"}, changesOf(compared(d, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

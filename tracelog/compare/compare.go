package compare

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"time"
)

// Options are the options of [Data.Compare].
type Options struct {
	// Alpha is the share of reported changes that may be wrong. It must be above 0 and below 1; any other value means 0.05.
	Alpha float64
	// MinChange is the least change that is reported, relative to before. Of durations and waits it counts if the
	// median, the 95th percentile or the mean changes as much. 0 means 0.05; a negative number means none.
	MinChange float64
	// Seed is the seed of all random numbers.
	Seed uint64
	// Single compares two single traces, without tests: every difference of at least MinChange is reported.
	Single bool

	changesOnly bool // without intervals and sources, on which no change depends: for tests that make thousands of comparisons
}

const (
	minPermutations = 10_000 // random ones
	maxRows         = 2000   // operation paths that are compared: the cost of each grows with the number of traces
	maxSources      = 20     // roots for which is computed where their change comes from: likewise
)

// Compare compares the two sides, on all cores. A nil o means defaults. Traces can be added afterwards, and compared again.
// If ctx is done first, Compare soon returns the context's error and no report.
func (d *Data) Compare(ctx context.Context, o *Options) (*Report, error) {
	c := &comparison{ctx: ctx, data: d}
	if o != nil {
		c.Options = *o
	}
	if !(c.Alpha > 0 && c.Alpha < 1) { // or NaN
		c.Alpha = 0.05
	}
	c.MinChange = max(0, cmp.Or(c.MinChange, 0.05))
	d.sort()
	for side := range d.sets {
		c.weights[side] = d.sets[side].weights()
	}
	c.compareRows()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.decide()
	r := &Report{Alpha: c.Alpha, MinChange: c.MinChange, Seed: c.Seed, Single: c.Single, Permutations: c.permutations}
	for side := range d.sets {
		s := &d.sets[side]
		r.Traces[side] = len(s.traces)
		r.Left[side] = LeftOut{s.unsampled, s.unfinished, s.dropped + c.rare[side], s.untimed}
		r.Effective[side] = effectiveNumber(c.weights[side])
		for i := range s.columns {
			r.Spans[side] += len(s.columns[i].durations)
		}
	}
	for i := range c.rows {
		for _, h := range c.rows[i].tests {
			r.Tests++
			if h.test.exact {
				r.Exact++
			}
		}
	}
	c.share(r)
	slices.SortFunc(c.rows, func(a, b *comparedRow) int {
		same := func(r *comparedRow) int {
			if r.Change == Same {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(same(a), same(b)), cmp.Compare(math.Abs(b.moved), math.Abs(a.moved)), slices.Compare(a.Path, b.Path))
	})
	for _, row := range c.rows {
		r.Rows = append(r.Rows, row.Row)
	}
	if !c.Single {
		r.Trends = c.trends()
		r.Mixed = mixed(r.Roots, r.Effective, c.Alpha)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// A comparison is the state of Compare.
type comparison struct {
	Options
	ctx          context.Context // once it is done, all that takes long ends, with any result
	data         *Data
	weights      [2][]float64 // of the traces of each side
	rows         []*comparedRow
	rare         [2]int // spans of paths that have no row
	permutations int
}

// A comparedRow is a row before the tests of all rows have been corrected.
type comparedRow struct {
	Row
	path  int32
	seed  uint64 // of the path: paths are numbered in the order in which traces were added
	tests []hypothesis
}

// A hypothesis is one test of a row.
type hypothesis struct {
	change Change // if it is found
	large  bool   // the change is at least MinChange
	test   *permutation
}

// compareRows compares the spans of each path, on all cores.
func (c *comparison) compareRows() {
	for path := range c.data.paths.nodes {
		if len(c.cells(Before, int32(path)))+len(c.cells(After, int32(path))) > 0 {
			c.rows = append(c.rows, c.newRow(int32(path)))
		}
	}
	c.leaveOutRare()
	slices.SortFunc(c.rows, func(a, b *comparedRow) int { return slices.Compare(a.Path, b.Path) })
	c.each(len(c.rows), func(i int) {
		r := c.rows[i]
		c.compareDurations(r)
		c.compareWaits(r)
		c.compareFailures(r)
		c.compareCalls(r)
	})
	var tests []hypothesis
	for _, r := range c.rows {
		tests = append(tests, r.tests...)
	}
	if !c.Single {
		c.permutations = c.sample(tests)
	}
}

// sample finds p of tests that are corrected together. It returns how many permutations each has at most: so many that
// the correction can find a single one of them.
func (c *comparison) sample(tests []hypothesis) (permutations int) {
	permutations = max(minPermutations, int(10*float64(len(tests))/c.Alpha)+1)
	c.each(len(tests), func(i int) {
		if tests[i].large {
			tests[i].test.sample(c.ctx, permutations, enoughHits)
		} else {
			tests[i].test.sample(c.ctx, fewPermutations, fewHits)
		}
	})
	return permutations
}

// leaveOutRare keeps the rows of the paths that most traces have. There are that many paths if operations have ids in their names.
func (c *comparison) leaveOutRare() {
	if len(c.rows) <= maxRows {
		return
	}
	traces := func(r *comparedRow) int { return len(c.cells(Before, r.path)) + len(c.cells(After, r.path)) }
	slices.SortFunc(c.rows, func(a, b *comparedRow) int {
		return cmp.Or(cmp.Compare(traces(b), traces(a)), slices.Compare(a.Path, b.Path))
	})
	for _, r := range c.rows[maxRows:] {
		for side := range c.rare {
			c.rare[side] += len(c.column(Side(side), r.path).durations)
		}
	}
	c.rows = c.rows[:maxRows]
}

func (c *comparison) newRow(path int32) *comparedRow {
	ops := c.data.paths.path(path)
	seed := fnv.New64a()
	binary.Write(seed, binary.LittleEndian, c.Seed)
	for _, op := range ops {
		io.WriteString(seed, op)
		seed.Write([]byte{0})
	}
	row := Row{Path: ops, Op: ops[len(ops)-1], Change: Same, P: 1, Q: 1, Share: math.NaN()}
	return &comparedRow{Row: row, path: path, seed: seed.Sum64()}
}

// each calls fn with each number below n, on all cores, until the comparison's context is done.
func (c *comparison) each(n int, fn func(int)) { each(c.ctx, n, fn) }

// column returns the spans of a path; an empty one if there are none.
func (c *comparison) column(side Side, path int32) *column {
	if s := &c.data.sets[side]; int(path) < len(s.columns) {
		return &s.columns[path]
	}
	return new(column)
}

func (c *comparison) cells(side Side, path int32) []cell { return c.column(side, path).cells }

// test adds a test of a value of each trace, those of before first. Rise is the change if the mean is greater after, and
// fall if it is less; "" if that is no change.
func (c *comparison) test(r *comparedRow, values []float64, before int, rise, fall Change, large func(Change) bool) {
	if c.Single || before == 0 || before == len(values) {
		return
	}
	share := float64(evenly)
	switch {
	case fall == "":
		share = 1
	case fall == Faster:
		share = slowerShare
	}
	p := newPermutation(values, before, share, c.Alpha, r.seed^hashID(string(rise)))
	if p == nil {
		return
	}
	change := rise
	if p.fell {
		change = fall
	}
	r.tests = append(r.tests, hypothesis{change, change != "" && large(change), p})
}

// compareDurations compares how long the spans take.
func (c *comparison) compareDurations(r *comparedRow) {
	s := newSample(&c.data.sets, r.path, func(c *column) []float32 { return c.durations })
	for side := range s.sides {
		r.Traces[side], r.Spans[side] = s.cells[side], len(s.sides[side])
	}
	r.P50 = c.quantile(s, 0.5, r.seed)
	r.P95 = c.quantile(s, 0.95, r.seed)
	r.P99 = c.quantile(s, 0.99, r.seed)
	c.testDurations(r, s, Slower, Faster, r.P50, r.P95)
}

// compareWaits compares how long the spans waited in a queue, if any did.
func (c *comparison) compareWaits(r *comparedRow) {
	if c.column(Before, r.path).queued == nil && c.column(After, r.path).queued == nil {
		return
	}
	s := newSample(&c.data.sets, r.path, func(c *column) []float32 { return c.queued })
	r.Queues, r.Wait = true, c.quantile(s, 0.95, r.seed)
	c.testDurations(r, s, Queued, "", c.quantile(s, 0.5, r.seed), r.Wait)
}

func (c *comparison) testDurations(r *comparedRow, s *sample, rise, fall Change, p50, p95 Quantile) {
	changes := []float64{p50.Change(), p95.Change(), relative(s.mean(Before), s.mean(After))}
	if c.Single {
		switch change := changes[2]; {
		case min(s.cells[0], s.cells[1]) == 0:
		case change > 0 && change >= c.MinChange:
			r.Changes = append(r.Changes, rise)
		case change < 0 && -change >= c.MinChange && fall != "":
			r.Changes = append(r.Changes, fall)
		}
		return
	}
	if min(s.cells[0], s.cells[1]) == 0 {
		return
	}
	c.test(r, influence(s.scores(), s.weight), s.cells[0], rise, fall, func(change Change) bool {
		sign := 1.0
		if change == fall {
			sign = -1
		}
		return slices.ContainsFunc(changes, func(x float64) bool { return sign*x > 0 && sign*x >= c.MinChange })
	})
}

// relative returns after divided by before, less 1.
func relative(before, after float64) float64 {
	switch {
	case before > 0:
		return after/before - 1
	case after > 0:
		return math.Inf(1)
	}
	return 0
}

// quantile compares a quantile of both sides. An interval needs so many traces that the longest span is beyond the quantile with
// a probability of 97.5 %.
func (c *comparison) quantile(s *sample, q float64, seed uint64) Quantile {
	out := Quantile{Before: time.Duration(s.quantile(Before, q)), After: time.Duration(s.quantile(After, q))}
	need := int(math.Ceil(math.Log((1-confidence)/2) / math.Log(q)))
	if c.changesOnly || min(s.effective(Before), s.effective(After)) < float64(need) {
		out.Need = need
		return out
	}
	low, high := s.interval(q, seed)
	out.Low, out.High = time.Duration(low), time.Duration(high)
	return out
}

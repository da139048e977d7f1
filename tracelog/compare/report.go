package compare

import "time"

// A Change is how an operation differs between the sides.
type Change string

// The changes. An operation with several has the first of them in this order, except Same.
const (
	New     Change = "new"     // it is only in the traces after
	Gone    Change = "gone"    // it is only in the traces before
	Failing Change = "failing" // a greater share of its spans fails
	Slower  Change = "slower"  // its spans take longer
	Queued  Change = "queued"  // its spans wait longer in a queue before they begin
	More    Change = "more"    // there are more of its spans for each span above them
	Fewer   Change = "fewer"   // there are fewer
	Faster  Change = "faster"  // its spans take less time
	Same    Change = "~"       // no difference that is more than noise
)

// A Report is the result of a comparison.
type Report struct {
	Traces    [2]int     // of each side
	Spans     [2]int     // that have ended
	Effective [2]float64 // how many traces of equal weights would give the same precision
	Left      [2]LeftOut

	// Rows has a row for each operation path, at most 2000: first those with a change, then the others. Within both, the one with the
	// greatest share of the change of the roots comes first, whatever its sign.
	Rows []Row

	Whole  Whole   // the change of the roots
	Roots  []Root  // by how often they occur
	Trends []Trend // within one side
	Mixed  bool    // the roots' shares of the traffic differ more than by chance

	Tests        int // how many were made
	Permutations int // the limit for each test that is not exact
	Exact        int // how many of the tests are exact
	Alpha        float64
	MinChange    float64
	Seed         uint64
	Single       bool // two single traces were compared, without tests
}

// LeftOut counts what a comparison leaves out of one side.
type LeftOut struct {
	Unsampled  int // traces that are not sampled, written only because of a failure
	Unfinished int // spans
	Dropped    int // spans of too many different paths: the 2000 that most traces have are compared

	// Untimed counts traces whose root has ended, but has no known start, or one outside the years 1678 to 2261. They are
	// compared. But their critical path is not known: all of their time counts as the root's own.
	Untimed int
}

// A Row compares the spans of one operation path. In arrays, before comes first.
type Row struct {
	Path    []string // the operations from the root down
	Op      string   // the last of Path
	Change  Change
	Changes []Change // all of them
	P       float64  // of the test that found Change; without a change, the least of all tests, which is rough; 1 without a test
	Q       float64  // the least false discovery rate at which the change would be reported

	Traces [2]int     // in which the operation is
	Spans  [2]int     // as they are in the log
	Calls  [2]float64 // the spans for each span above; for a root, for each trace
	Failed [2]int     // as they are in the log
	Errors [2]float64 // the share of spans that failed

	P50, P95, P99 Quantile
	Wait          Quantile // the 95th percentile of the wait in a queue
	Queues        bool     // Wait has values

	// Own is the mean time that a trace with the same root spends in the operation itself, on the critical path.
	// Share is the change of Own divided by that of the roots' durations; NaN if these have the same mean.
	Own   [2]time.Duration
	Share float64

	// Need is how many traces on each side must have the operation for any test of it to find something; 0 if there are enough.
	Need int

	moved float64 // the change of Own, weighted by how often the root occurs
}

// A Quantile is a quantile of durations on both sides, and an interval of its change with a confidence of 95 %.
type Quantile struct {
	Before, After time.Duration
	Low, High     time.Duration // of After − Before; only if Need is 0
	Need          int           // how many traces of equal weights a side must have for an interval; 0 if there are enough
}

// Change is After divided by Before, less 1; 0 if Before is 0.
func (q Quantile) Change() float64 {
	if q.Before <= 0 {
		return 0
	}
	return float64(q.After)/float64(q.Before) - 1
}

// A Whole is the mean duration of the roots. Each root's operation has the same weight on both sides, so that a change of the
// traffic alone does not change the mean.
type Whole struct{ Before, After time.Duration }

// A Root compares the traces of one root's operation.
type Root struct {
	Op      string
	Traces  [2]int
	Share   [2]float64       // of the traffic of each side
	Mean    [2]time.Duration // the mean duration; 0 if the operation is on one side only
	Sources []Sources        // of the median and the 95th percentile; only of the 20 roots with most traces, if both sides have them
}

// Sources tells where the change of one quantile of a root's duration comes from.
type Sources struct {
	Q             float64
	Before, After time.Duration
	Low, High     time.Duration // of After − Before
	Need          int           // how many traces of equal weights each side must have; unless it is 0, no field but Q is set
	Parts         []Part
}

// A Part is what an operation adds to a quantile of the root's duration: the mean of its own time on the critical path,
// in the traces whose root has a duration near the quantile.
type Part struct {
	Kind          PartKind
	Path          []string // of OwnTime
	Before, After time.Duration
	Low, High     time.Duration // of After − Before
}

// A PartKind is what a part consists of.
type PartKind uint8

const (
	// OwnTime is an operation's own time. The parts of this kind add up to the mean duration of the traces near the quantile.
	OwnTime PartKind = iota
	// Rest is the quantile less that mean.
	Rest
	// AfterRoot is the time from the root's end to the last span's end, as of work from a queue. It is no part of the
	// root's duration.
	AfterRoot
)

// A Trend is a difference between the two halves of one side, by time: what differs between the sides may be a part of it.
type Trend struct {
	Side          Side
	Root          string        // the operation of the roots
	First, Second time.Duration // the median duration of each half
	P             float64
}

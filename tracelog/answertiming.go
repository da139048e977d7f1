package tracelog

import (
	"iter"
	"time"
)

// A Timing is a trace reduced to its spans' times and names. It is what statistics of whole traces need, in a fraction of
// the memory and the time of a [Trace]: durations, self times and parents. [TraceSizes.Timings] makes them from the records of
// gigabytes of logs.
//
// It has the spans that have a start or an end record. Log lines are not part of it, so a span known only from log lines
// is missing, and the spans below it are roots.
//
// A Timing and its Spans are valid only until the function that receives it returns.
type Timing struct {
	// Spans are in the order of [Trace.All]: parents before their children.
	Spans []TimedSpan

	id   [16]byte
	long string // the id, if it is not 32 hexadecimal digits

	names *sharedNames
}

// A TimedSpan is a span of a Timing.
type TimedSpan struct {
	Parent int // the index of its parent; -1 for a root

	// Op is the number of its operation, and Key the number of the name that [TimingOptions.By] returned for it; see
	// [Timing.Name]. Key is -1 if By returned false. Either is -1 if there are too many names.
	Op, Key int

	// Start and End are [Span.Interval] in nanoseconds since 1970. Both are 0 if Timed is false: its records do not contain
	// its start, or one outside the years 1678 to 2261.
	Start, End int64
	Timed      bool

	Duration time.Duration // 0 if it has not ended
	Self     time.Duration // [SelfTime]
	Queued   time.Duration // how long its job waited before it began; 0 if it has not ended
	Weight   float64       // see [Span.Weight]
	Ended    bool
	Failed   bool

	hasParent bool // its record names a parent, which may be missing
}

// ID is the id of the trace.
func (t *Timing) ID() string {
	if t.long != "" {
		return t.long
	}
	return unpackID(t.id)
}

// Name returns the name with a number: [TimedSpan.Op] or [TimedSpan.Key]. It is "" for -1. The numbers are those of all
// Timings of one call.
func (t *Timing) Name(number int) string { return t.names.text(int32(number)) }

// Root returns the index of the span that names the trace: [Trace.Root]. It is -1 if there are no spans.
func (t *Timing) Root() int {
	best := -1
	for i := range t.Spans {
		if s := &t.Spans[i]; s.Parent < 0 {
			if !s.hasParent {
				return i
			}
			if best < 0 {
				best = i
			}
		}
	}
	return best
}

// Duration is the time from the start of the Root to the last end of any span. It is false if the Root has no start or
// has not ended.
func (t *Timing) Duration() (time.Duration, bool) {
	root := t.Root()
	if root < 0 || !t.Spans[root].Timed || !t.Spans[root].Ended {
		return 0, false
	}
	last := t.Spans[root].End
	for i := range t.Spans {
		if s := &t.Spans[i]; s.Timed {
			last = max(last, s.End)
		}
	}
	return time.Unix(0, last).Sub(time.Unix(0, t.Spans[root].Start)), true // Sub does not overflow
}

// Path yields the indexes of a span's ancestors, beginning with its parent.
func (t *Timing) Path(span int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for p := t.Spans[span].Parent; p >= 0; p = t.Spans[p].Parent {
			if !yield(p) {
				return
			}
		}
	}
}

package tracelog

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// GroupOptions are the options of [ScanGroups].
type GroupOptions struct {
	ScanOptions

	// By returns the group of a span, and false if the span is in no group. It is called for the starts of spans too.
	// It is called by several goroutines at once, and its result is copied. Nil is [Record.Op].
	By func(*Record) ([]byte, bool)

	// Every, if it is more than 0, makes a group of its own for each key and each interval of this length in which spans
	// began. [IntervalStart] returns when intervals begin.
	Every time.Duration

	// KeepDuplicates counts each span end as often as it is in the inputs.
	KeepDuplicates bool

	// Copies returns how many span ends a record stands for. It is called by several goroutines at once, and only with
	// KeepDuplicates. Nil is one.
	Copies func(*Record) int
}

// A Grouping is the result of ScanGroups.
type Grouping struct {
	Groups []*StatGroup // ordered by Key, then by Start; those without a Start are last

	// Duplicates is how many span ends were left out because the same span end had been counted.
	Duplicates int

	// Open is how many spans of a group began and did not end. It is 0 if Deduped is false, since it is not known
	// then.
	Open int

	// Deduped is set if each span end counts once. It is false with GroupOptions.KeepDuplicates, and if there are
	// more than six million span ends. In that case none is left out, since not all of them can be remembered.
	Deduped bool

	// Dropped is how many span ends are in no group because there are too many groups: a worker has 2^18 at most.
	Dropped int

	Sources []Source // of the inputs
}

// maxGroups is the maximum number of groups of each worker of ScanGroups.
const maxGroups = 1 << 18

// IntervalStart returns the start, in UTC, of the interval that contains a moment: the last multiple of every since the zero
// time. So days begin at midnight UTC, and weeks on Monday. The zero time has the zero time as its start.
func IntervalStart(at time.Time, every time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.UTC().Truncate(every)
}

// ScanGroups makes statistics of the ends of spans. It holds a [Stat] for each group and worker. If duplicates are
// left out, it also holds 8 to 16 bytes for each span end, up to 64 MB. Errors are those of [ScanRecords]; what was
// found before the error is returned too.
//
// If duplicates are left out, and two ends of one span are written in different ways, inputs that can be read in parts are
// read twice; see [Input.Reader]. By and Filter are then called twice, too, for some records.
func ScanGroups(ctx context.Context, inputs []Input, o *GroupOptions) (*Grouping, error) {
	if o == nil {
		o = new(GroupOptions)
	}
	if o.KeepDuplicates {
		return scanGroups(ctx, inputs, o, nil)
	}
	return verbatimFirst(ctx, inputs, o.seed, func(ctx context.Context, set *recordSet) (*Grouping, error) {
		set.expect(expectedEnds(inputs))
		return scanGroups(ctx, inputs, o, set)
	})
}

// scanGroups leaves duplicates out if there is a set.
func scanGroups(ctx context.Context, inputs []Input, o *GroupOptions, set *recordSet) (*Grouping, error) {
	var workers []*grouper
	sources, err := ScanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) {
		g := &grouper{by: o.By, copies: o.Copies, every: max(o.Every, 0), set: set, maxStarts: 1 << 16, groups: make(map[string]*twofold)}
		if set != nil {
			g.ends = newSetWriter(set, o.workers(), g.count)
		}
		workers = append(workers, g)
		return g.add
	})
	r := &Grouping{Sources: sources}
	if set != nil {
		var open []uint64
		for _, w := range workers {
			w.ends.flush()
			open = append(open, w.starts...)
		}
		if r.Deduped = !set.full(); r.Deduped {
			slices.Sort(open)
			r.Open = len(slices.DeleteFunc(slices.Compact(open), set.has))
		}
	}
	groups := make(map[string]*StatGroup)
	for _, w := range workers {
		r.Dropped += w.dropped
		if r.Deduped {
			r.Duplicates += w.duplicates
		}
		for key, t := range w.groups {
			g := groups[key]
			if g == nil {
				g = newStatGroup(key, o.Every)
				groups[key] = g
				r.Groups = append(r.Groups, g)
			}
			g.Stat.Merge(&t.once)
			if !r.Deduped {
				g.Stat.Merge(t.again)
			}
		}
	}
	slices.SortFunc(r.Groups, func(a, b *StatGroup) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), compareTimes(a.Start, b.Start))
	})
	return r, err
}

// expectedEnds estimates how many span ends there are in the inputs that have a size.
func expectedEnds(inputs []Input) int64 {
	total := int64(0)
	for i := range inputs {
		_, size := parts(inputs[i].Reader)
		total += size
	}
	return total / 700
}

// A grouper is a worker's share of ScanGroups.
type grouper struct {
	by         func(*Record) ([]byte, bool)
	copies     func(*Record) int
	every      time.Duration // if not 0, a group's key is followed by when its interval starts
	key        []byte        // scratch
	set        *recordSet
	ends       *setWriter[groupEnd]
	starts     []uint64 // of spans, as returned by recordSet.span
	maxStarts  int
	groups     map[string]*twofold
	duplicates int
	dropped    int
}

// A twofold holds the statistics of a group. Duplicates are kept apart, since only at the end is it known whether
// they count.
type twofold struct {
	once  Stat
	again *Stat
	name  uint64 // the hash of its key
}

// A groupEnd is a span end that may be a duplicate.
type groupEnd struct {
	group    *twofold      // nil if it has none and must only be remembered
	duration time.Duration // inverted (^) if it failed
	weight   float64
}

func (g *grouper) add(r *Record) {
	if r.Event == EventLog {
		return
	}
	key, ok := r.Op(), true
	if g.by != nil {
		key, ok = g.by(r)
	}
	if r.Event == EventStart {
		if ok && g.set != nil {
			g.start(r)
		}
		return
	}
	var t *twofold
	group := uint64(0)
	if ok {
		if g.every > 0 {
			key = g.withInterval(key, r)
		}
		if t = g.groups[string(key)]; t == nil {
			t = g.group(string(key))
		}
		if t != nil {
			group = t.name
		}
	}
	d, weight := r.Duration, r.Weight()
	switch {
	case g.set != nil:
		if r.Failed {
			d = ^d
		}
		g.ends.add(g.set.key(r, group), groupEnd{t, d, weight})
	case t != nil:
		n := 1
		if g.copies != nil {
			n = g.copies(r)
		}
		for range n {
			t.once.Add(d, r.Failed, weight)
		}
	}
}

// group returns a new group, or nil if there are too many.
func (g *grouper) group(key string) *twofold {
	if len(g.groups) == maxGroups {
		g.dropped++
		return nil
	}
	t := &twofold{name: hashName([]byte(key))}
	g.groups[key] = t
	return t
}

// withInterval returns a group's key: the key of By, then the start of the interval in which the span began.
func (g *grouper) withInterval(key []byte, r *Record) []byte {
	at := int64(noTime)
	if ns, ok := r.nanos(fieldStart); ok {
		if ns, ok = limits.Nanos(IntervalStart(time.Unix(0, ns), g.every)); ok {
			at = ns
		}
	}
	g.key = binary.LittleEndian.AppendUint64(append(g.key[:0], key...), uint64(at))
	return g.key
}

// newStatGroup returns the group of a grouper's key.
func newStatGroup(key string, every time.Duration) *StatGroup {
	g := &StatGroup{Key: key}
	if every > 0 {
		n := len(key) - 8
		g.Key = key[:n]
		if at := int64(binary.LittleEndian.Uint64([]byte(key[n:]))); at != noTime {
			g.Start = time.Unix(0, at).UTC()
		}
	}
	return g
}

// start remembers that a span has begun.
func (g *grouper) start(r *Record) {
	if len(g.starts) == g.maxStarts {
		g.ends.flush()
		g.starts = slices.DeleteFunc(g.starts, g.set.has)
		g.maxStarts = max(g.maxStarts, 2*len(g.starts))
	}
	g.starts = append(g.starts, g.set.span(r))
}

func (g *grouper) count(e *groupEnd, isNew bool) {
	if e.group == nil {
		return
	}
	to := &e.group.once
	if !isNew {
		g.duplicates++
		if e.group.again == nil {
			e.group.again = new(Stat)
		}
		to = e.group.again
	}
	d, failed := e.duration, e.duration < 0
	if failed {
		d = ^d
	}
	to.Add(d, failed, e.weight)
}

package tracelog

import (
	"cmp"
	"context"
	"slices"
)

// GroupOptions are the options of [ScanGroups].
type GroupOptions struct {
	ScanOptions

	// By returns what a span is grouped by, and false if it belongs to no group. It is called by several goroutines
	// at once, and its result is copied. Nil is [Record.Op].
	By func(*Record) ([]byte, bool)

	// KeepDuplicates counts each span end as often as it stands in the inputs.
	KeepDuplicates bool
}

// A Grouping is what ScanGroups found.
type Grouping struct {
	Groups []*StatGroup // ordered by Key

	// Duplicates is how many span ends were left out, because the same one had been counted.
	Duplicates int

	// Deduped says that each span end counts once. It is false with GroupOptions.KeepDuplicates, and if there are more
	// than six million span ends: then none is left out, since nobody remembers that many.
	Deduped bool

	// Dropped is how many span ends are in no group because there are too many of those: MaxGroups.
	Dropped int

	Sources []Source // of the inputs
}

// MaxGroups is how many groups each worker of [ScanGroups] makes.
const MaxGroups = 1 << 18

// ScanGroups makes statistics of the ends of spans. It holds a [Stat] for each group and worker, and with
// duplicates left out 8 to 16 bytes for each span end, up to 64 MB.
// Errors are those of [ScanRecords], and what was found until then is returned.
func ScanGroups(ctx context.Context, inputs []Input, o *GroupOptions) (*Grouping, error) {
	if o == nil {
		o = new(GroupOptions)
	}
	var set *recordSet
	if !o.KeepDuplicates {
		set = newRecordSet()
	}
	var workers []*grouper
	sources, err := ScanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) {
		g := &grouper{by: o.By, set: set, groups: make(map[string]*twofold)}
		workers = append(workers, g)
		return g.add
	})
	r := &Grouping{Sources: sources, Deduped: set != nil && !set.full()}
	groups := make(map[string]*StatGroup)
	for _, w := range workers {
		r.Dropped += w.dropped
		if r.Deduped {
			r.Duplicates += w.duplicates
		}
		for key, t := range w.groups {
			g := groups[key]
			if g == nil {
				g = &StatGroup{Key: key}
				groups[key] = g
				r.Groups = append(r.Groups, g)
			}
			g.Stat.Merge(&t.once)
			if !r.Deduped {
				g.Stat.Merge(t.again)
			}
		}
	}
	slices.SortFunc(r.Groups, func(a, b *StatGroup) int { return cmp.Compare(a.Key, b.Key) })
	return r, err
}

// A grouper is a worker's share of ScanGroups.
type grouper struct {
	by         func(*Record) ([]byte, bool)
	set        *recordSet
	groups     map[string]*twofold
	duplicates int
	dropped    int
}

// A twofold is the statistics of a group. Duplicates are kept apart, since whether they count is known at the end only.
type twofold struct {
	once  Stat
	again *Stat
}

func (g *grouper) add(r *Record) {
	if r.Event != EventEnd {
		return
	}
	key, ok := r.Op(), true
	if g.by != nil {
		if key, ok = g.by(r); !ok {
			return
		}
	}
	t := g.groups[string(key)]
	if t == nil {
		if len(g.groups) == MaxGroups {
			g.dropped++
			return
		}
		t = new(twofold)
		g.groups[string(key)] = t
	}
	if g.set != nil && !g.set.add(g.set.hash(r)) {
		if t.again == nil {
			t.again = new(Stat)
		}
		t.again.Add(r.Duration, r.Failed, r.Weight())
		g.duplicates++
		return
	}
	t.once.Add(r.Duration, r.Failed, r.Weight())
}

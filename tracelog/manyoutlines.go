package tracelog

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Outline is a summary of a trace, made without keeping its lines.
type Outline struct {
	ID string

	// Start and End are the first and the last moment of any span or line, in UTC. They are zero if no line has a
	// time between the years 1678 and 2261.
	Start, End time.Time

	Spans   int // how many spans have ended
	Errors  int // how many of those failed
	Matched int // how many records OutlineOptions.Match returned true for

	// Op and Service are those of the root: the first span to begin among those that have ended and have no
	// parent. Without such a span they are those of the span that began first, or without any span those of the first
	// line. At most 256 bytes of each are kept.
	Op, Service string
	Failed      bool // the root has ended, and failed
	External    bool // the root's parent is a span of another tracing system; see [Span.ParentKind]

	// Starts is how many records are starts of spans. If it is greater than Spans, some spans have not ended.
	Starts int

	Logs     int      // how many records are neither a span's start nor its end
	Services []string // of all records, sorted, without ""; it is shared and must not be changed

	// Error and ErrorOp are those of the failed span that ended first. At most 256 bytes of each are kept. Both are ""
	// if the inputs have too many different errors to keep them all.
	Error, ErrorOp string
}

// OutlineOptions are the options of [ScanOutlines].
type OutlineOptions struct {
	ScanOptions

	// Match, if not nil, selects the records that [Outline.Matched] counts. It is called by several goroutines at
	// once.
	Match func(*Record) bool
}

// Outlines is the result of ScanOutlines.
type Outlines struct {
	Sources []Source // of the inputs

	last    time.Time // the latest time of any record, whether or not it is in a trace
	deduped bool      // false if there were too many span ends to detect duplicates

	seed   maphash.Seed
	shards []outlineShard
}

// An outlineShard holds the traces whose ids' hashes have some bits in common, so that workers seldom wait for each
// other.
type outlineShard struct {
	mu sync.Mutex
	outlineTable
}

const (
	outlineShardBits = 6
	outlineShards    = 1 << outlineShardBits
)

// shardOf returns the number of a trace's shard. It is given the hash of the trace's id.
func shardOf(h uint64) uint64 { return h >> (64 - outlineShardBits) }

// ScanOutlines makes an outline of each trace. Of duplicate span ends one counts, unless there are more than six
// million span ends: then each counts. The ends of two spans of a trace are taken for the same with a probability of 2⁻⁵⁰,
// and two different ends of one span with 2⁻¹⁸.
//
// If two ends of one span are written in different ways, inputs that can be read in parts are read twice; see
// [Input.Reader]. Match and Filter are then called twice, too, for some records.
//
// It holds about 170 bytes for each trace, 32 more if a span of it failed, and 8 to 16 bytes for each span end of a
// trace after its eighth, up to 64 MB. Errors are those of [ScanRecords]; what was found before the error is returned
// too.
func ScanOutlines(ctx context.Context, inputs []Input, o *OutlineOptions) (*Outlines, error) {
	if o == nil {
		o = new(OutlineOptions)
	}
	return verbatimFirst(ctx, inputs, o.seed, func(ctx context.Context, set *recordSet) (*Outlines, error) {
		return scanOutlines(ctx, inputs, o, set)
	})
}

func scanOutlines(ctx context.Context, inputs []Input, o *OutlineOptions, set *recordSet) (*Outlines, error) {
	s := &Outlines{shards: make([]outlineShard, outlineShards), seed: set.seed}
	for i := range s.shards {
		s.shards[i].maxErrors = maxShardErrors
	}
	var workers []*outliner
	var err error
	s.Sources, err = ScanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) {
		w := &outliner{all: s, match: o.Match, set: set, last: math.MinInt64}
		w.mine.maxErrors = math.MaxInt
		workers = append(workers, w)
		return w.add
	})
	last := int64(math.MinInt64)
	for _, w := range workers {
		w.flush()
		last = max(last, w.last)
	}
	if last != math.MinInt64 {
		s.last = time.Unix(0, last).UTC()
	}
	s.deduped = !set.full()
	return s, err
}

// An outliner is a worker's share of ScanOutlines. It has its own table for the traces that it has seen recently. If
// each record went to a table that all workers share, they would spend most of the time waiting for locks.
type outliner struct {
	_     [cacheLine]byte // what other workers write is on other cache lines
	all   *Outlines
	match func(*Record) bool
	set   *recordSet
	mine  outlineTable
	next  [maxMine]uint16         // for flush: lists of mine's rows
	sets  [outlineShards][]uint32 // of mine, as the shards number them; 0 if not known
	row   *outlineRow             // of the previous record, or nil: usually also that of the next one
	id    []byte                  // its trace
	last  int64                   // the latest time
	_     [cacheLine]byte
}

const cacheLine = 64

// maxMine is how many traces an outliner holds at once.
const maxMine = 1024

func (w *outliner) add(r *Record) {
	at, timed := r.nanos(fieldTime)
	if timed {
		w.last = max(w.last, at)
	}
	id := r.Trace()
	if len(id) == 0 {
		return
	}
	row := w.row
	if row == nil || !bytes.Equal(id, w.id) {
		row = w.mine.rowOf(id, maphash.Bytes(w.all.seed, id))
		w.row, w.id = row, append(w.id[:0], id...)
	}
	w.mine.add(row, r, w.match != nil && w.match(r), at, timed)
	if r.Event == EventEnd {
		if tag := w.set.endTag(row.hash, r); !w.mine.note(row, tag, w.set) {
			w.share(row)
			w.mine.note(row, tag, w.set)
		}
	}
	if w.mine.n == maxMine {
		w.flush()
	}
}

// share adds the worker's data on a trace to the shared table.
func (w *outliner) share(row *outlineRow) {
	n := shardOf(row.hash)
	shard := &w.all.shards[n]
	shard.mu.Lock()
	shard.merge(&w.mine, row, w.set, &w.sets[n])
	shard.mu.Unlock()
	w.mine.forget(row)
}

// flush shares all of the worker's data. It locks each shard once.
func (w *outliner) flush() {
	var heads [outlineShards]uint16 // of lists of rows: one more than the number of the first, 0 if there is none
	for n := range w.mine.n {
		head := &heads[shardOf(w.mine.row(uint32(n)).hash)]
		w.next[n], *head = *head, uint16(n+1)
	}
	for i, n := range heads {
		if n == 0 {
			continue
		}
		shard := &w.all.shards[i]
		shard.mu.Lock()
		for ; n != 0; n = w.next[n-1] {
			shard.merge(&w.mine, w.mine.row(uint32(n-1)), w.set, &w.sets[i])
		}
		shard.mu.Unlock()
	}
	if w.mine.clear() {
		w.sets = [outlineShards][]uint32{}
	}
	w.row = nil
}

// Len is how many traces there are.
func (s *Outlines) Len() int {
	n := 0
	for i := range s.shards {
		n += s.shards[i].n
	}
	return n
}

// All yields the outlines for which keep returns true, or all if keep is nil. They are ordered by Start, then by ID.
// Those without a Start are last.
func (s *Outlines) All(keep func(*Outline) bool) iter.Seq[Outline] { return s.ordered(0, keep) }

// Matched is All without the traces of which no record matched. It does not make their outlines, so it is faster if there are many.
func (s *Outlines) Matched(keep func(*Outline) bool) iter.Seq[Outline] { return s.ordered(1, keep) }

// ordered yields the outlines of traces of which enough records matched.
func (s *Outlines) ordered(matched uint32, keep func(*Outline) bool) iter.Seq[Outline] {
	type ref struct {
		shard *outlineShard
		row   *outlineRow
	}
	var refs []ref
	var out Outline
	for i := range s.shards {
		shard := &s.shards[i]
		for row := range shard.all() {
			if row.matched < matched {
				continue
			}
			if keep != nil {
				if out = shard.outline(row, s.deduped); !keep(&out) {
					continue
				}
			}
			refs = append(refs, ref{shard, row})
		}
	}
	slices.SortFunc(refs, func(a, b ref) int {
		if c := cmp.Compare(a.row.first, b.row.first); c != 0 { // without a time it is the greatest
			return c
		}
		return strings.Compare(a.shard.id(a.row), b.shard.id(b.row))
	})
	return func(yield func(Outline) bool) {
		for _, r := range refs {
			if !yield(r.shard.outline(r.row, s.deduped)) {
				return
			}
		}
	}
}

// IDs yields the ids of all traces, in no particular order. Millions of ids need not be held at once.
func (s *Outlines) IDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range s.shards {
			for row := range s.shards[i].all() {
				if !yield(s.shards[i].id(row)) {
					return
				}
			}
		}
	}
}

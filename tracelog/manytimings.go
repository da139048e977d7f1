package tracelog

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// TimingOptions are the options of [TraceSizes.Timings].
type TimingOptions struct {
	ScanOptions // with the Filter that was used for the sizes

	// By returns the name of a span that [TimedSpan.Key] numbers, and false if it has none. It is called for the starts
	// of spans too. It is called by several goroutines at once, and its result is copied. Nil is [Record.Op].
	By func(*Record) ([]byte, bool)
}

// Timings is what [TraceSizes.Timings] returns besides the Timing of each trace.
type Timings struct {
	// Dropped counts the operations, services and keys of records that have no number, because there are more than 2^18
	// different names.
	Dropped int

	Sources []Source // of the inputs

	names sharedNames
}

// Name returns the name with a number: [TimedSpan.Op] or [TimedSpan.Key]. It is "" for -1.
func (t *Timings) Name(number int) string { return t.names.text(int32(number)) }

// Timings reads the inputs of the sizes again, from their beginning. It calls fn with the Timing of each trace soon after
// the last of its span records has been read. So it holds only traces of which some records have been read and others
// have not, with about 140 bytes for each record. The order of the traces is not specified. Fn is called by several
// goroutines, but never by two at the same time.
//
// It is several times as fast as [Outlines.Traces], because it makes no [Entry]. A Timing has the values that [Assemble] and
// [SelfTime] find for the span records, with two exceptions. A start outside the years 1678 to 2261 counts as not
// known. Two different records of one span are taken for copies of one with a probability of 2⁻⁶⁴.
//
// If the inputs have changed since the sizes were made, records may be missing from traces, and a trace may be reported twice.
// Errors are those of [ScanRecords]. Before an error is returned, fn is called with what was read.
func (s *TraceSizes) Timings(ctx context.Context, inputs []Input, o *TimingOptions, fn func(*Timing)) (*Timings, error) {
	if o == nil {
		o = new(TimingOptions)
	}
	t := &Timings{}
	t.names.init()
	g := &timingGatherer{sizes: s, timings: t, by: o.By, fn: fn}
	for i := range g.shards {
		g.shards[i].traces = make(map[uint64]*timingRows)
	}
	var workers []*timingWorker
	worker := func() *timingWorker {
		w := &timingWorker{gatherer: g, names: namesCache{of: &t.names}, timer: timer{names: &t.names}}
		workers = append(workers, w)
		return w
	}
	var err error
	t.Sources, err = ScanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) { return worker().add })
	last := worker()
	for i := range g.shards {
		for _, rows := range g.shards[i].traces {
			last.report(rows)
		}
	}
	for _, w := range workers {
		w.deliver(true)
		t.Dropped += w.names.dropped
	}
	return t, err
}

// A timingGatherer is the state that the workers of Timings share.
type timingGatherer struct {
	sizes   *TraceSizes
	timings *Timings
	by      func(*Record) ([]byte, bool)
	shards  [sizeShards]timingShard

	mu sync.Mutex
	fn func(*Timing)
}

type timingShard struct {
	mu     sync.Mutex
	traces map[uint64]*timingRows // those that have begun and not ended, by the hash of the id
	free   []*timingRows
}

// timingRows are the span records of a trace that have been read so far.
type timingRows struct {
	id   [16]byte
	long string
	rows []timingRow
	of   int // how many there will be
}

// maxFreeRows limits the traces of a shard whose memory is kept for others.
const maxFreeRows = 64

// A timingWorker is a worker's share of Timings.
type timingWorker struct {
	gatherer *timingGatherer
	names    namesCache
	timer    timer

	// Timings that fn has not been called with, because another worker was calling it.
	ready [16]Timing
	n     int
	spans int // of them
}

// maxReady is how many spans the Timings of a worker may have before it waits until it can call fn.
const maxReady = 1 << 12

func (w *timingWorker) add(r *Record) {
	if !hasTiming(r) {
		return
	}
	g := w.gatherer
	row := w.row(r)
	id := r.Trace()
	h := maphash.Bytes(g.sizes.seed, id)
	shard := &g.shards[h>>(64-sizeShardBits)]
	shard.mu.Lock()
	t := shard.traces[h]
	if t == nil {
		t = shard.begin(id, int(g.sizes.shards[h>>(64-sizeShardBits)].sizes[h]))
		shard.traces[h] = t
	}
	t.rows = append(t.rows, row)
	complete := len(t.rows) == t.of
	if complete {
		delete(shard.traces, h)
	}
	shard.mu.Unlock()
	if complete {
		w.report(t)
		shard.mu.Lock()
		if len(shard.free) < maxFreeRows && cap(t.rows) <= 1<<10 {
			shard.free = append(shard.free, t)
		}
		shard.mu.Unlock()
	}
}

// begin returns the rows of a trace that has begun.
func (s *timingShard) begin(id []byte, of int) *timingRows {
	var t *timingRows
	if n := len(s.free); n > 0 {
		t, s.free = s.free[n-1], s.free[:n-1]
		t.rows = t.rows[:0]
	} else {
		t = &timingRows{rows: make([]timingRow, 0, min(of, 1<<20))}
	}
	t.of, t.long = of, ""
	var short bool
	if t.id, short = packID(id); !short {
		t.long = string(id)
	}
	return t
}

// row makes the row of a record.
func (w *timingWorker) row(r *Record) timingRow {
	seed := w.gatherer.sizes.seed
	row := timingRow{
		id: spanNumber(seed, r.Span()), start: noTime, at: noTime, duration: int64(r.Duration), weight: r.Weight(),
		key: -1, op: w.names.number(r.Op()), service: w.names.number(r.Service()),
		ended: r.Event == EventEnd, failed: r.Failed, from: lineAt{r.input, r.seq, r.number},
	}
	if parent := r.Parent(); len(parent) > 0 {
		row.parent = spanNumber(seed, parent)
	}
	if ns, ok := r.nanos(fieldStart); ok {
		row.start = ns
	}
	if ns, ok := r.nanos(fieldTime); ok {
		row.at = ns
	}
	switch string(r.Kind()) {
	case "consumer":
		row.kind = kindConsumer
	case "producer":
		row.kind = kindProducer
	}
	if row.ended {
		row.content = r.content() ^ uint64(r.Duration)
		row.queued = int64(r.queued())
	}
	by := w.gatherer.by
	if by == nil {
		row.key = row.op
	} else if key, ok := by(r); ok {
		row.key = w.names.number(key)
	}
	return row
}

// spanNumber returns a number for a span's id, never 0. The numbers of usual ids have their order.
func spanNumber(seed maphash.Seed, id []byte) uint64 {
	if len(id) == 16 {
		n, bad := uint64(0), byte(0)
		for _, c := range id {
			n, bad = n<<4|uint64(digits[c]), bad|digits[c]
		}
		if bad <= 15 && n != 0 {
			return n
		}
	}
	return maphash.Bytes(seed, id) | 1
}

// queued returns how long the span's job waited in a queue.
func (r *Record) queued() time.Duration {
	if r.entry != nil {
		return r.entry.Queued
	}
	slot := r.fast.find(r.layout, fieldQueued)
	if slot == 0 {
		return 0
	}
	if m := &r.fast.members[slot]; m.kind != '"' {
		if d, ok := fastMillis(r.buf[m.from:m.to]); ok {
			return d
		}
	}
	return r.slow().Queued
}

// report calls fn with the Timing of a trace, now or later.
func (w *timingWorker) report(t *timingRows) {
	timing := w.timer.make(t.rows)
	timing.id, timing.long, timing.names = t.id, t.long, &w.gatherer.timings.names
	w.ready[w.n], *timing = *timing, w.ready[w.n] // whose memory the timer will use
	w.spans += len(w.ready[w.n].Spans)
	w.n++
	w.deliver(w.n == len(w.ready) || w.spans > maxReady)
}

// deliver calls fn with what is ready. If it need not, it does not wait for another worker that is calling fn.
func (w *timingWorker) deliver(must bool) {
	mu := &w.gatherer.mu
	if must {
		mu.Lock()
	} else if !mu.TryLock() {
		return
	}
	defer mu.Unlock()
	for i := range w.ready[:w.n] {
		w.gatherer.fn(&w.ready[i])
	}
	w.n, w.spans = 0, 0
}

package tracelog

import (
	"context"
	"hash/maphash"
	"sync"
)

// TraceSizes is how many span records each trace has. [ScanTraceSizes] makes it. From these numbers [TraceSizes.Timings] knows
// when it has read the last record of a trace. It may be used by several goroutines.
type TraceSizes struct {
	Sources []Source // of the inputs
	Spans   int      // how many span records there are: starts and ends, of all traces

	seed   maphash.Seed
	shards [sizeShards]sizeShard
}

const (
	sizeShardBits = 6
	sizeShards    = 1 << sizeShardBits
)

type sizeShard struct {
	mu    sync.Mutex
	sizes map[uint64]uint32 // by the hash of the trace's id
}

// ScanTraceSizes counts the span records of each trace. It holds 16 to 36 bytes for each trace. Traces are told apart by a hash:
// among n traces, any two are taken for one with a probability of n²/2⁶⁵. Errors are those of [ScanRecords]; what was found
// before the error is returned too.
func ScanTraceSizes(ctx context.Context, inputs []Input, o *ScanOptions) (*TraceSizes, error) {
	s := &TraceSizes{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].sizes = make(map[uint64]uint32)
	}
	var workers []*sizer
	var err error
	s.Sources, err = ScanRecords(ctx, inputs, o, func() func(*Record) {
		w := &sizer{all: s}
		workers = append(workers, w)
		return w.add
	})
	for _, w := range workers {
		for i := range w.pending {
			w.flush(i)
		}
		s.Spans += w.spans
	}
	return s, err
}

// Len returns how many traces have a span record.
func (s *TraceSizes) Len() int {
	n := 0
	for i := range s.shards {
		n += len(s.shards[i].sizes)
	}
	return n
}

// A sizer is a worker's share of ScanTraceSizes. It counts many records of a shard at once, so that workers seldom wait
// for each other.
type sizer struct {
	all     *TraceSizes
	spans   int
	pending [sizeShards]struct {
		n      int
		hashes [32]uint64
	}
}

func (w *sizer) add(r *Record) {
	if !hasTiming(r) {
		return
	}
	w.spans++
	h := maphash.Bytes(w.all.seed, r.Trace())
	i := h >> (64 - sizeShardBits)
	p := &w.pending[i]
	p.hashes[p.n] = h
	if p.n++; p.n == len(p.hashes) {
		w.flush(int(i))
	}
}

func (w *sizer) flush(i int) {
	p, shard := &w.pending[i], &w.all.shards[i]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	for _, h := range p.hashes[:p.n] {
		shard.sizes[h]++
	}
	p.n = 0
}

// hasTiming reports whether a record is part of a [Timing].
func hasTiming(r *Record) bool {
	return r.Event != EventLog && len(r.Trace()) > 0 && len(r.Span()) > 0
}

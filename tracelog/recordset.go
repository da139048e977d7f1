package tracelog

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

// A recordSet remembers span ends, so that one that was shipped twice counts once. It keeps 64 bits of keyed hashes
// of each: 20 of its trace, 28 of its span, 16 of what else it says. The ends of two spans are taken for the same with a
// probability of 2⁻⁴⁴ if they are of one trace, else of 2⁻⁶⁴: in a log of a million traces of ten spans, once in 400,000.
// It holds at most about six million and then gives up: see full.
//
// Records of a trace stand next to each other in the table as they do, more or less, in the log: else nearly
// each would be out of the processor's caches.
//
// It is safe for concurrent use.
type recordSet struct {
	seed   maphash.Seed
	room   atomic.Int64 // how many places the tables may still grow by
	shards [setShards]setShard
}

const (
	shardBits = 6
	setShards = 1 << shardBits

	// maxPlaces is how many places the tables of a recordSet have, 64 MB; three of four may be taken,
	// and so about six million, which are the span ends of some 4 GB.
	maxPlaces = 8 << 20
)

type setShard struct {
	mu    sync.Mutex
	n     int
	full  bool
	table []uint64 // 0 is empty
	_     [64]byte // the next shard's lock is in another cache line
}

func newRecordSet() *recordSet {
	s := &recordSet{seed: maphash.MakeSeed()}
	s.room.Store(maxPlaces)
	return s
}

// hash is of all that makes a record count: two records of a span that say something different are two.
func (s *recordSet) hash(r *Record) uint64 {
	x := uint64(r.Duration) << 1
	if r.Failed {
		x |= 1
	}
	trace, span := s.ids(r)
	return max(trace>>44<<44|span>>36<<restBits|mix(span, x^0x9e3779b97f4a7c15)>>48, 1)
}

// span is the part of hash that is of the trace and the span; the rest of it is 0.
func (s *recordSet) span(r *Record) uint64 {
	trace, span := s.ids(r)
	return trace>>44<<44 | span>>36<<restBits
}

func (s *recordSet) ids(r *Record) (trace, span uint64) {
	trace = maphash.Bytes(s.seed, r.Trace())
	return trace, mix(trace, maphash.Bytes(s.seed, r.Span()))
}

const restBits = 16

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}

// add reports whether the hash is new.
func (s *recordSet) add(h uint64) bool {
	shard := &s.shards[h>>(64-shardBits)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return shard.add(h, &s.room)
}

// add reports whether the hash is new. Of a full set everything is.
func (s *setShard) add(h uint64, room *atomic.Int64) bool {
	if s.n >= len(s.table)/4*3 && !s.grow(2*len(s.table), room) {
		return true
	}
	if s.n == 0 {
		s.touch()
	}
	i, found := s.find(h)
	if found {
		return false
	}
	s.table[i] = h
	s.n++
	return true
}

// find returns where in the table the hash is, or should be.
func (s *setShard) find(h uint64) (i uint64, found bool) {
	size := uint64(len(s.table))
	i = s.home(h)
	for try := 0; ; try++ {
		switch s.table[i] {
		case 0:
			return i, false
		case h:
			return i, true
		}
		i++
		if try == maxNear {
			i = h >> restBits // a trace of many spans: from here on its spans are all over the table
		}
		i &= size - 1
	}
}

// has reports whether there is a record of the span; see recordSet.span.
func (s *recordSet) has(span uint64) bool {
	t := &s.shards[span>>(64-shardBits)]
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return false
	}
	size := uint64(len(t.table))
	i := t.home(span)
	for try := 0; t.table[i] != 0; try++ {
		if t.table[i]>>restBits == span>>restBits {
			return true
		}
		i++
		if try == maxNear {
			i = span >> restBits
		}
		i &= size - 1
	}
	return false
}

// home returns where the spans of the trace begin.
func (s *setShard) home(h uint64) uint64 {
	const homeBits = 20 - shardBits // of the trace
	return (h >> 44 & (1<<homeBits - 1)) * uint64(len(s.table)) >> homeBits
}

// maxNear is how many places next to each other are tried. It makes traces of any size cost the same.
const maxNear = 48

// touch writes to each page of the table. Read first, as find would, a page is brought in twice by the system.
func (s *setShard) touch() {
	const page = 4 << 10 / 8
	for i := 0; i < len(s.table); i += page {
		s.table[i] = 0
	}
}

func (s *setShard) grow(size int, room *atomic.Int64) bool {
	old := s.table
	size = max(256, size)
	if room.Add(-int64(size-len(old))) < 0 {
		room.Add(int64(size - len(old)))
		s.full = true
		return false
	}
	s.table = make([]uint64, size)
	if s.n > 0 {
		s.touch()
	}
	for _, h := range old {
		if h != 0 {
			i, _ := s.find(h)
			s.table[i] = h
		}
	}
	return true
}

// expect makes room for so many records, so that less is moved later.
func (s *recordSet) expect(records int64) {
	size := 256
	for int64(size/4*3*setShards) < records && size*setShards < maxPlaces {
		size *= 2
	}
	for i := range s.shards {
		s.shards[i].grow(size, &s.room)
	}
}

// full reports whether there were more records than the set can hold, so that it did not find all duplicates.
func (s *recordSet) full() bool {
	for i := range s.shards {
		if s.shards[i].full {
			return true
		}
	}
	return false
}

// A setWriter adds to a recordSet, many records of a shard at once: else most of the time would go by
// waiting for memory and for other workers' locks. What is to be known of a record is handed to done as soon as it is
// known whether the record is new. A setWriter is not safe for concurrent use.
type setWriter[T any] struct {
	set     *recordSet
	done    func(value *T, isNew bool)
	pending [setShards][]pendingRecord[T]
}

type pendingRecord[T any] struct {
	hash  uint64
	value T
}

// newSetWriter returns one of so many writers.
func newSetWriter[T any](set *recordSet, writers int, done func(value *T, isNew bool)) *setWriter[T] {
	w := &setWriter[T]{set: set, done: done}
	n := max(128/writers, 16)
	all := make([]pendingRecord[T], setShards*n)
	for i := range w.pending {
		w.pending[i], all = all[:0:n], all[n:]
	}
	return w
}

// add adds a record.
func (w *setWriter[T]) add(h uint64, value T) {
	i := h >> (64 - shardBits)
	p := append(w.pending[i], pendingRecord[T]{h, value})
	w.pending[i] = p
	if len(p) == cap(p) {
		w.flushShard(int(i))
	}
}

func (w *setWriter[T]) flushShard(i int) {
	shard := &w.set.shards[i]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	for j := range w.pending[i] {
		p := &w.pending[i][j]
		w.done(&p.value, shard.add(p.hash, &w.set.room))
	}
	w.pending[i] = w.pending[i][:0]
}

// flush settles all records that were added.
func (w *setWriter[T]) flush() {
	for i := range w.pending {
		w.flushShard(i)
	}
}

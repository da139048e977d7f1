package tracelog

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

// A recordSet remembers span records, so that one that was shipped twice counts once. It keeps 64 bits of keyed hashes
// of each: 20 of its trace, 44 of all of it. Of two different records, both are the same with a probability of 2⁻⁴⁴
// if they are of one trace, else of 2⁻⁶⁴: over a million traces of ten spans that is once in 400,000 files.
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
	shardBits = 7
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
	trace := maphash.Bytes(s.seed, r.Trace())
	x := uint64(r.Duration)<<3 | uint64(r.Event)<<1
	if r.Failed {
		x |= 1
	}
	all := mix(mix(trace, maphash.Bytes(s.seed, r.Span())), x^0x9e3779b97f4a7c15)
	return max(trace>>44<<44|all>>20, 1)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}

// add reports whether the hash is new. Of a full set everything is.
func (s *recordSet) add(h uint64) bool {
	shard := &s.shards[h>>(64-shardBits)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.n >= len(shard.table)/4*3 && !shard.grow(&s.room) {
		return true
	}
	i, found := shard.find(h)
	if found {
		return false
	}
	shard.table[i] = h
	shard.n++
	return true
}

// find returns where in the table the hash is, or should be.
func (s *setShard) find(h uint64) (i uint64, found bool) {
	const homeBits = 20 - shardBits // of the trace
	size := uint64(len(s.table))
	i = (h >> 44 & (1<<homeBits - 1)) * size >> homeBits
	for try := 0; ; try++ {
		switch s.table[i] {
		case 0:
			return i, false
		case h:
			return i, true
		}
		i++
		if try == maxNear {
			i = h // a trace of many spans: from here on its spans are all over the table
		}
		i &= size - 1
	}
}

// maxNear is how many places next to each other are tried. It makes traces of any size cost the same.
const maxNear = 48

func (s *setShard) grow(room *atomic.Int64) bool {
	old := s.table
	size := max(256, 2*len(old))
	if room.Add(-int64(size-len(old))) < 0 {
		room.Add(int64(size - len(old)))
		s.full = true
		return false
	}
	s.table = make([]uint64, size)
	for _, h := range old {
		if h != 0 {
			i, _ := s.find(h)
			s.table[i] = h
		}
	}
	return true
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

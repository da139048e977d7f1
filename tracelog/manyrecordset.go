package tracelog

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A recordSet remembers span ends, so that one that was shipped twice counts once. It keeps 64 bits of keyed hashes
// of each. Another six bits choose its shard. The 64 bits are 14 more of its trace's hash, 24 of its span's, and 26
// of its content's. The ends of two spans are taken for the same with a probability of 2⁻⁵⁰ if they are of one
// trace, else of 2⁻⁷⁰. Two different ends of one span are taken for the same with a probability of 2⁻²⁶.
// It holds at most about six million records and then gives up: see full.
//
// Records of a trace are near each other in the table, roughly as in the log. Otherwise nearly every access would
// miss the processor's caches.
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

	// maxPlaces is how many places the tables of a recordSet have, 64 MB. Three of four may be taken, so about six
	// million, which are the span ends of some 4 GB of logs.
	maxPlaces = 8 << 20
)

type setShard struct {
	mu    sync.Mutex
	n     int
	full  bool
	table []uint64 // 0 is empty
	_     [64]byte // so that the next shard's lock is in another cache line
}

// newRecordSet returns an empty set. Nil means a seed of its own.
func newRecordSet(seed *maphash.Seed) *recordSet {
	if seed == nil {
		made := maphash.MakeSeed()
		seed = &made
	}
	s := &recordSet{seed: *seed}
	s.room.Store(maxPlaces)
	return s
}

// A recordKey identifies a span end in a recordSet.
type recordKey struct {
	shard uint32
	word  uint64 // never 0
}

const (
	spanBits    = 24
	contentBits = 26
	homeBits    = 64 - spanBits - contentBits // of the trace
)

// key is made of all that makes a record count: its content, and the group that it counts in. Group is a hash of the
// group's name. The group may depend on a transport's data about a record, such as its service.
func (s *recordSet) key(r *Record, group uint64) recordKey {
	span := s.span(r)
	says := mix(r.content()^uint64(r.Duration), group)
	if r.Failed {
		says = ^says
	}
	return recordKey{uint32(span % setShards), max(span>>contentBits<<contentBits|mix(span, says)>>(64-contentBits), 1)}
}

// span is the part that the keys of a span's records share: the trace and the span, and in the lowest bits the shard.
func (s *recordSet) span(r *Record) uint64 {
	trace := maphash.Bytes(s.seed, r.Trace())
	span := mix(trace, maphash.Bytes(s.seed, r.Span()))
	return trace>>(64-homeBits)<<(64-homeBits) | span>>(64-spanBits)<<contentBits | trace%setShards
}

// add reports whether the key is new.
func (s *recordSet) add(k recordKey) bool {
	shard := &s.shards[k.shard]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return shard.add(k.word, &s.room)
}

// add reports whether the word of a key is new. In a full set every word is.
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

// find returns the index in the table where the hash is, or should be.
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
			i = h >> contentBits // a trace of many spans: its further spans are anywhere in the table
		}
		i &= size - 1
	}
}

// has reports whether there is a record of the span; see recordSet.span.
func (s *recordSet) has(span uint64) bool {
	t := &s.shards[span%setShards]
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return false
	}
	size := uint64(len(t.table))
	i := t.home(span)
	for try := 0; t.table[i] != 0; try++ {
		if t.table[i]>>contentBits == span>>contentBits {
			return true
		}
		i++
		if try == maxNear {
			i = span >> contentBits
		}
		i &= size - 1
	}
	return false
}

// home returns the index where the spans of the trace begin.
func (s *setShard) home(h uint64) uint64 {
	return h >> (64 - homeBits) * uint64(len(s.table)) >> homeBits
}

// maxNear is how many adjacent places are tried. It makes the cost the same for traces of any size.
const maxNear = 48

// touch writes to each page of the table. If a page were read first, as find does, the system would fault it in
// twice.
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

// expect makes room for that many records, so that less is moved later.
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

// A setWriter adds to a recordSet, many records of a shard at once. Otherwise most of the time would be spent waiting
// for memory and for other workers' locks. The value of a record is passed to done as soon as it is known whether the
// record is new. A setWriter is not safe for concurrent use.
type setWriter[T any] struct {
	set     *recordSet
	done    func(value *T, isNew bool)
	pending [setShards][]pendingRecord[T]
}

type pendingRecord[T any] struct {
	word  uint64
	value T
}

// newSetWriter returns one of that many writers.
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
func (w *setWriter[T]) add(k recordKey, value T) {
	p := append(w.pending[k.shard], pendingRecord[T]{k.word, value})
	w.pending[k.shard] = p
	if len(p) == cap(p) {
		w.flushShard(int(k.shard))
	}
}

func (w *setWriter[T]) flushShard(i int) {
	shard := &w.set.shards[i]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	for j := range w.pending[i] {
		p := &w.pending[i][j]
		w.done(&p.value, shard.add(p.word, &w.set.room))
	}
	w.pending[i] = w.pending[i][:0]
}

// flush settles all records that were added.
func (w *setWriter[T]) flush() {
	for i := range w.pending {
		w.flushShard(i)
	}
}

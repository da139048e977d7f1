package tracelog

import (
	"context"
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
// A verbatim set has the text of records instead of their contents, see [verbatimFirst]: 32 bits of the span's hash, and 18 of
// the text's. So a log in which one span has two different ends is not noticed with a probability of 2⁻¹⁸, one with two
// such spans with 2⁻³⁶.
//
// Records of a trace are near each other in the table, roughly as in the log. Otherwise nearly every access would
// miss the processor's caches.
//
// It is safe for concurrent use.
type recordSet struct {
	seed   maphash.Seed
	room   atomic.Int64 // how many places the tables may still grow by
	shards [setShards]setShard

	contentBits int                // in the words of keys; constant
	stop        context.CancelFunc // ends the scan; nil if the set is not verbatim
	unlike      atomic.Bool        // two ends of one span are not the same text
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
	s := &recordSet{seed: *seed, contentBits: contentBits}
	s.room.Store(maxPlaces)
	return s
}

// newVerbatimSet returns an empty set that calls stop when its text has turned out not to be enough.
func newVerbatimSet(seed *maphash.Seed, stop context.CancelFunc) *recordSet {
	s := newRecordSet(seed)
	s.contentBits, s.stop = textBits, stop
	return s
}

// verbatimFirst calls scan, which reads the inputs, with a set of span ends. If the inputs can be read again, the set compares
// ends by their text, which takes less time than what they say. That is enough unless two ends of one span are
// written in different ways. Then scan's context ends, and it is called again, with a set that compares contents.
func verbatimFirst[T any](ctx context.Context, inputs []Input, seed *maphash.Seed, scan func(context.Context, *recordSet) (T, error)) (T, error) {
	if canReadAgain(inputs) {
		first, stop := context.WithCancel(ctx)
		set := newVerbatimSet(seed, stop)
		result, err := scan(first, set)
		stop()
		if !set.unlike.Load() {
			return result, err
		}
	}
	return scan(ctx, newRecordSet(seed))
}

// content is what the set compares of a record.
func (s *recordSet) content(r *Record) uint64 {
	if s.stop != nil {
		return r.textHash()
	}
	return r.content()
}

// differ is called when two ends of one span are different.
func (s *recordSet) differ() {
	if s.stop != nil && !s.unlike.Swap(true) {
		s.stop()
	}
}

// A recordKey identifies a span end in a recordSet.
type recordKey struct {
	shard uint32
	word  uint64 // never 0
}

const (
	homeBits    = 14 // of the trace
	contentBits = 26 // the others are the span's

	// textBits are the contentBits of a verbatim set. There, two spans of a trace must not have the same bits: it would look
	// like two ends of one span.
	textBits = 18
)

// key is made of all that makes a record count: its content, and the group that it counts in. Group is a hash of the
// group's name. The group may depend on a transport's data about a record, such as its service.
func (s *recordSet) key(r *Record, group uint64) recordKey {
	span := s.span(r)
	says := mix(s.content(r)^uint64(r.Duration), group)
	if r.Failed {
		says = ^says
	}
	return s.keyOf(span, says)
}

// keyOf is the key of a span's end that says something. Span is as returned by span.
func (s *recordSet) keyOf(span, says uint64) recordKey {
	mask := uint64(1)<<s.contentBits - 1
	return recordKey{uint32(span % setShards), max(span&^mask|mix(span, says)&mask, 1)}
}

// span is the part that the keys of a span's records share: the trace and the span, and in the lowest bits the shard.
func (s *recordSet) span(r *Record) uint64 {
	trace := maphash.Bytes(s.seed, r.Trace())
	span := mix(trace, maphash.Bytes(s.seed, r.Span()))
	return spanOf(trace, span)
}

// spanOf is span for the hashes of the trace and of the span.
func spanOf(trace, span uint64) uint64 {
	return trace>>(64-homeBits)<<(64-homeBits) | span>>(homeBits+shardBits)<<shardBits | trace%setShards
}

// add reports whether the key is new.
func (s *recordSet) add(k recordKey) bool {
	shard := &s.shards[k.shard]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return s.addTo(shard, k.word)
}

// addTo reports whether the word of a key is new. In a full set every word is.
func (s *recordSet) addTo(t *setShard, h uint64) bool {
	if t.n >= len(t.table)/4*3 && !t.grow(2*len(t.table), s) {
		return true
	}
	if t.n == 0 {
		t.touch()
	}
	i, found, differs := t.find(h, s.contentBits)
	if found {
		return false
	}
	if differs {
		s.differ()
	}
	t.table[i] = h
	t.n++
	return true
}

// find returns the index in the table where the word is, or should be. If it is not there, differs tells whether another end of
// its span is.
func (s *setShard) find(h uint64, contentBits int) (i uint64, found, differs bool) {
	size := uint64(len(s.table))
	i = s.home(h)
	for try := 0; ; try++ {
		switch x := s.table[i]; {
		case x == 0:
			return i, false, differs
		case x == h:
			return i, true, false
		case (x^h)>>contentBits == 0:
			differs = true
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
		if (t.table[i]^span)>>s.contentBits == 0 {
			return true
		}
		i++
		if try == maxNear {
			i = span >> s.contentBits
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

func (s *setShard) grow(size int, set *recordSet) bool {
	old := s.table
	size = max(256, size)
	if set.room.Add(-int64(size-len(old))) < 0 {
		set.room.Add(int64(size - len(old)))
		s.full = true
		return false
	}
	s.table = make([]uint64, size)
	if s.n > 0 {
		s.touch()
	}
	for _, h := range old {
		if h != 0 {
			i, _, _ := s.find(h, set.contentBits)
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
		s.shards[i].grow(size, s)
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
		w.done(&p.value, w.set.addTo(shard, p.word))
	}
	w.pending[i] = w.pending[i][:0]
}

// flush settles all records that were added.
func (w *setWriter[T]) flush() {
	for i := range w.pending {
		w.flushShard(i)
	}
}

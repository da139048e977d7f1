package tracelog

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A Outline is what can be said of a trace without keeping its lines.
type Outline struct {
	ID string

	// Start and End are the first and the last moment of any span or line, in UTC; zero if no line has a time,
	// or none between the years 1678 and 2261.
	Start, End time.Time

	Lines   int // how many records the trace has, whatever they say
	Spans   int // how many spans have ended
	Errors  int // how many of those failed
	Matched int // for how many records OutlineOptions.Match was true

	// Op, Service and Duration are those of the root: of the spans that have ended and no parent the one that
	// began first. Without such a span Rootless is set, and they are those of the span that began first,
	// or without any span of the first line. At most 256 bytes of Op and Service are kept.
	Op, Service string
	Duration    time.Duration
	Failed      bool // it has ended, and failed
	Rootless    bool

	Logs     int      // how many of Lines are of no span's start or end
	Services []string // of all records, sorted, without ""; it is shared and must not be changed

	// Error and ErrorOp are those of the failed span that ended first. At most 256 bytes of each are kept.
	// There may be too many different errors to keep them all: then Error is "" and Unkept is set.
	Error, ErrorOp string
	Unkept         bool
}

// OutlineOptions are the options of [ScanOutlines].
type OutlineOptions struct {
	ScanOptions

	// Match, if not nil, says which records [Outline.Matched] counts. It is called by several goroutines at once.
	Match func(*Record) bool

	// KeepDuplicates counts each span end as often as it stands in the inputs.
	KeepDuplicates bool
}

// Outlines are what ScanOutlines found.
type Outlines struct {
	// Duplicates and Deduped are as in a [Grouping].
	Duplicates int
	Deduped    bool

	Sources []Source // of the inputs

	// Last is the latest time of any record, be it in a trace or not.
	Last time.Time

	seed   maphash.Seed
	shards []outlineShard
}

// ScanOutlines makes an outline of each trace. It holds about 130 bytes for each, and with duplicates left out 8 to 16
// for each span end, up to 64 MB. Errors are those of [ScanRecords], and what was found until then is returned.
func ScanOutlines(ctx context.Context, inputs []Input, o *OutlineOptions) (*Outlines, error) {
	if o == nil {
		o = new(OutlineOptions)
	}
	s := &Outlines{shards: make([]outlineShard, outlineShards), seed: maphash.MakeSeed()}
	var set *recordSet
	if !o.KeepDuplicates {
		set = newRecordSet()
	}
	var lasts []*int64
	var mu sync.Mutex
	var err error
	s.Sources, err = ScanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) {
		last := new(int64)
		*last = math.MinInt64
		mu.Lock()
		lasts = append(lasts, last)
		mu.Unlock()
		return func(r *Record) {
			at, timed := r.nanos(fieldTime)
			if timed {
				*last = max(*last, at)
			}
			id := r.Trace()
			if len(id) == 0 {
				return
			}
			again := r.Event == EventEnd && set != nil && !set.add(set.hash(r))
			matched := o.Match != nil && o.Match(r)
			h := maphash.Bytes(s.seed, id)
			shard := &s.shards[h%outlineShards]
			shard.mu.Lock()
			shard.add(r, id, h/outlineShards, again, matched, at, timed)
			shard.mu.Unlock()
		}
	})
	last := int64(math.MinInt64)
	for _, l := range lasts {
		last = max(last, *l)
	}
	if last != math.MinInt64 {
		s.Last = time.Unix(0, last).UTC()
	}
	s.Deduped = set != nil && !set.full()
	if s.Deduped {
		for i := range s.shards {
			for row := range s.shards[i].all() {
				s.Duplicates += int(row.again)
			}
		}
	}
	return s, err
}

// Len is how many traces there are.
func (s *Outlines) Len() int {
	n := 0
	for i := range s.shards {
		n += s.shards[i].n
	}
	return n
}

// All yields the outlines of which keep is true, or all if it is nil, ordered by Start, those without one last,
// then by ID.
func (s *Outlines) All(keep func(*Outline) bool) iter.Seq[Outline] {
	type ref struct {
		shard *outlineShard
		row   *outlineRow
	}
	var refs []ref
	for i := range s.shards {
		shard := &s.shards[i]
		for row := range shard.all() {
			if keep != nil {
				if out := shard.outline(row, s.Deduped); !keep(&out) {
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
			if !yield(r.shard.outline(r.row, s.Deduped)) {
				return
			}
		}
	}
}

const (
	outlineShards = 64
	slabRows      = 128
	maxName256    = 256
	noTime        = math.MaxInt64
)

// A outlineShard has the traces whose ids have hashes in common, so that workers seldom meet.
type outlineShard struct {
	mu    sync.Mutex
	n     int
	index []uint32 // by hash: one more than the number of a row
	slabs [][]outlineRow
	long  []byte // ids that are not 32 hexadecimal digits
	names names
	// errors are apart, because there may be many: most of a log's errors are few texts, but nothing makes them so.
	errors names
	sets   serviceSets
	_      [64]byte
}

// A outlineRow is a Outline without pointers.
type outlineRow struct {
	id          [16]byte // if short; else where in long it is, and its length
	first, last int64    // first is noTime if there is none
	hash        uint64
	rootStart   int64
	rootLasted  int64
	lines       uint32
	spans       uint32
	errors      uint32
	again       uint32 // spans that are duplicates
	againErrors uint32
	matched     uint32
	starts      uint32
	op, service uint32
	services    uint32 // the number of the set
	lastService uint32 // of the record before: mostly that of the next one, too
	err, errOp  uint32
	errAt       int64
	root        rootRank
	short       bool
	failed      bool // the root
	unkept      bool
	wanted      bool // by Outlines.Traces
}

// A rootRank says how much speaks for the root that a row has.
type rootRank uint8

const (
	rootNone rootRank = iota
	rootLine
	rootSpan // with a parent
	rootRoot
)

func (s *outlineShard) row(n uint32) *outlineRow { return &s.slabs[n/slabRows][n%slabRows] }

func (s *outlineShard) all() iter.Seq[*outlineRow] {
	return func(yield func(*outlineRow) bool) {
		for n := range uint32(s.n) {
			if !yield(s.row(n)) {
				return
			}
		}
	}
}

func (s *outlineShard) id(row *outlineRow) string {
	if row.short {
		return unpackID(row.id)
	}
	from, size := row.longID()
	return string(s.long[from : from+size])
}

func (s *outlineShard) outline(row *outlineRow, deduped bool) Outline {
	out := Outline{
		ID: s.id(row), Lines: int(row.lines), Spans: int(row.spans), Errors: int(row.errors), Matched: int(row.matched),
		Op: s.names.text(row.op), Service: s.names.text(row.service),
		Duration: time.Duration(row.rootLasted), Rootless: row.root != rootRoot, Failed: row.failed,
		Logs:     int(row.lines - row.starts - row.spans - row.again),
		Services: s.sets.texts(row.services),
	}
	if row.errors+row.againErrors > 0 {
		out.Error, out.ErrorOp, out.Unkept = s.errors.text(row.err), s.names.text(row.errOp), row.unkept
	}
	if row.first != noTime {
		out.Start, out.End = time.Unix(0, row.first).UTC(), time.Unix(0, row.last).UTC()
	}
	if !deduped {
		out.Spans += int(row.again)
		out.Errors += int(row.againErrors)
	}
	return out
}

// lookup returns the row of an id, or nil.
func (s *outlineShard) lookup(id []byte, h uint64) *outlineRow {
	if s.n == 0 {
		return nil
	}
	key, short := packID(id)
	row, _ := s.search(id, key, short, h)
	return row
}

// search returns the row of an id, or where in the index it should be.
func (s *outlineShard) search(id []byte, key [16]byte, short bool, h uint64) (*outlineRow, uint64) {
	mask := uint64(len(s.index) - 1)
	i := h & mask
	for ; s.index[i] != 0; i = (i + 1) & mask {
		row := s.row(s.index[i] - 1)
		if row.hash != h || row.short != short {
			continue
		}
		if short && row.id == key || !short && s.id(row) == string(id) {
			return row, i
		}
	}
	return nil, i
}

// find returns the row of an id, new if need be.
func (s *outlineShard) find(id []byte, h uint64) *outlineRow {
	if s.n >= len(s.index)/4*3 {
		s.grow()
	}
	key, short := packID(id)
	row, i := s.search(id, key, short, h)
	if row != nil {
		return row
	}
	if s.n%slabRows == 0 {
		s.slabs = append(s.slabs, make([]outlineRow, slabRows))
	}
	s.n++
	s.index[i] = uint32(s.n)
	row = s.row(uint32(s.n - 1))
	*row = outlineRow{id: key, short: short, hash: h, first: noTime, last: math.MinInt64}
	if !short {
		row.setLongID(len(s.long), len(id))
		s.long = append(s.long, id...)
	}
	return row
}

func (s *outlineShard) grow() {
	s.index = make([]uint32, max(64, 2*len(s.index)))
	mask := uint64(len(s.index) - 1)
	for n := range uint32(s.n) {
		row := s.row(n)
		i := row.hash & mask
		for s.index[i] != 0 {
			i = (i + 1) & mask
		}
		s.index[i] = n + 1
	}
}

func (s *outlineShard) add(r *Record, id []byte, h uint64, again, matched bool, at int64, timed bool) {
	row := s.find(id, h)
	row.lines++
	if matched {
		row.matched++
	}
	if name := r.Service(); len(name) > 0 && (row.services == 0 || s.names.text(row.lastService) != string(name)) {
		row.lastService = s.names.number(shorten(name))
		row.services = s.sets.with(row.services, row.lastService, &s.names)
	}
	if timed && r.Event != EventEnd {
		row.first, row.last = min(row.first, at), max(row.last, at)
	}
	if r.Event == EventStart {
		row.starts++
	}
	if r.Event != EventEnd {
		if row.root <= rootLine {
			if !timed {
				at = noTime
			}
			s.offer(row, rootLine, at, 0, r)
		}
		return
	}
	start, ok := r.nanos(fieldStart)
	if ok {
		row.first = min(row.first, start)
		row.last = max(row.last, start)
		if end := start + int64(r.Duration); end > start {
			row.last = max(row.last, end)
		}
	} else {
		start = noTime
		if timed {
			row.first, row.last = min(row.first, at), max(row.last, at)
		}
	}
	if r.Failed {
		s.fail(row, r, start, at)
	}
	switch {
	case again:
		row.again++
		if r.Failed {
			row.againErrors++
		}
	default:
		row.spans++
		if r.Failed {
			row.errors++
		}
	}
	rank := rootSpan
	if len(r.Parent()) == 0 {
		rank = rootRoot
	}
	if rank >= row.root {
		s.offer(row, rank, start, int64(r.Duration), r)
	}
}

// offer makes the record the trace's root if more speaks for it: then the order of records does not matter.
func (s *outlineShard) offer(row *outlineRow, rank rootRank, start, lasted int64, r *Record) {
	if row.root == rank {
		c := cmp.Or(cmp.Compare(start, row.rootStart), -cmp.Compare(lasted, row.rootLasted))
		if c == 0 {
			c = cmp.Or(strings.Compare(s.names.text(row.op), string(shorten(r.Op()))),
				strings.Compare(s.names.text(row.service), string(shorten(r.Service()))))
			c = -c
		}
		if c >= 0 {
			return
		}
	}
	row.root, row.rootStart, row.rootLasted = rank, start, lasted
	row.op, row.service = s.names.number(shorten(r.Op())), s.names.number(shorten(r.Service()))
	row.failed = r.Failed
}

// fail takes the error of a span, if it ended first. The order of records does not matter.
func (s *outlineShard) fail(row *outlineRow, r *Record, start, at int64) {
	end := int64(noTime)
	if start != noTime {
		end = start + int64(r.Duration)
	}
	if row.errors+row.againErrors > 0 {
		c := cmp.Compare(end, row.errAt)
		if c == 0 {
			c = cmp.Or(strings.Compare(string(shorten(r.Error())), s.errors.text(row.err)), strings.Compare(string(shorten(r.Op())), s.names.text(row.errOp)))
		}
		if c >= 0 {
			return
		}
	}
	text := shorten(r.Error())
	row.errAt, row.errOp = end, s.names.number(shorten(r.Op()))
	_, known := s.errors.numbers[string(text)]
	row.unkept = !known && len(s.errors.texts) >= maxShardErrors
	if row.unkept {
		text = nil
	}
	row.err = s.errors.number(text)
}

// maxShardErrors limits the errors that are kept to 16 MB.
const maxShardErrors = 1000

// serviceSets numbers sets of services. The set 0 is empty.
type serviceSets struct {
	sets    [][]string
	numbers map[string]uint32
	next    map[[2]uint32]uint32 // by set and service: the set with both
}

// maxSets is how many sets of services are kept; beyond, services are missing in some.
const maxSets = 10_000

func (s *serviceSets) texts(set uint32) []string {
	if int(set) < len(s.sets) {
		return s.sets[set]
	}
	return nil
}

// with returns the number of the set that also has the service.
func (s *serviceSets) with(set, service uint32, n *names) uint32 {
	if to, ok := s.next[[2]uint32{set, service}]; ok {
		return to
	}
	if s.next == nil {
		s.next, s.numbers, s.sets = make(map[[2]uint32]uint32), make(map[string]uint32), [][]string{nil}
	}
	old, name := s.sets[set], n.text(service)
	i, ok := slices.BinarySearch(old, name)
	if ok {
		return set
	}
	sum := slices.Insert(slices.Clone(old), i, name)
	key := strings.Join(sum, "\x00")
	to, ok := s.numbers[key]
	if !ok {
		if len(s.sets) >= maxSets {
			return set
		}
		to = uint32(len(s.sets))
		s.sets, s.numbers[key] = append(s.sets, sum), to
	}
	s.next[[2]uint32{set, service}] = to
	return to
}

// shorten cuts a name between characters.
func shorten(b []byte) []byte {
	if len(b) <= maxName256 {
		return b
	}
	n := maxName256
	for n > 0 && n > maxName256-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// Names numbers strings.
type names struct {
	numbers map[string]uint32
	texts   []string
}

func (n *names) number(b []byte) uint32 {
	if i, ok := n.numbers[string(b)]; ok {
		return i
	}
	if n.numbers == nil {
		n.numbers = make(map[string]uint32)
	}
	s := string(b)
	i := uint32(len(n.texts))
	n.numbers[s] = i
	n.texts = append(n.texts, s)
	return i
}

func (n *names) text(i uint32) string {
	if int(i) < len(n.texts) {
		return n.texts[i]
	}
	return ""
}

func (r *outlineRow) longID() (from, size int) {
	return int(binary.LittleEndian.Uint64(r.id[:])), int(binary.LittleEndian.Uint64(r.id[8:]))
}

func (r *outlineRow) setLongID(from, size int) {
	binary.LittleEndian.PutUint64(r.id[:], uint64(from))
	binary.LittleEndian.PutUint64(r.id[8:], uint64(size))
}

// packID returns what 32 lower-case hexadecimal digits stand for.
func packID(b []byte) (id [16]byte, ok bool) {
	if len(b) != 32 {
		return id, false
	}
	for i := range id {
		hi, lo := digits[b[2*i]], digits[b[2*i+1]]
		if hi|lo > 15 {
			return [16]byte{}, false
		}
		id[i] = hi<<4 | lo
	}
	return id, true
}

func unpackID(id [16]byte) string {
	var b [32]byte
	const lower = "0123456789abcdef"
	for i, c := range id {
		b[2*i], b[2*i+1] = lower[c>>4], lower[c&15]
	}
	return string(b[:])
}

// digits are the values of lower-case hexadecimal digits, and 255 for all else.
var digits = func() (d [256]uint8) {
	for i := range d {
		d[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = uint8(i)
	}
	return d
}()

// IDs returns the ids of all traces, in order.
func (s *Outlines) IDs() []string {
	ids := make([]string, 0, s.Len())
	for i := range s.shards {
		for row := range s.shards[i].all() {
			ids = append(ids, s.shards[i].id(row))
		}
	}
	slices.Sort(ids)
	return ids
}

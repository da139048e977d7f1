package tracelog

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"
	"strings"
	"time"
)

// slabRows is how many rows are allocated at once.
const slabRows = 128

// An outlineTable holds outlines of traces, by a keyed 64-bit hash of their ids. Two traces are taken for one with a
// probability of n²/2⁶⁵ for n traces: with a million traces, in one of 30 million files.
type outlineTable struct {
	n     int
	index []uint32 // by hash: eight bits of it, so that other rows need not be looked at, and the number of a row plus one
	slabs [][]outlineRow
	long  []byte // ids that are not 32 hexadecimal digits
	names names

	failures []failure
	// errors are separate because there may be many. Most of a log's errors have few different texts, but nothing
	// guarantees it.
	errors    names
	maxErrors int

	sets serviceSets
}

// note takes the tag of a span end, see endTag, and counts it if it is a duplicate. It returns false if there is no
// room. The set is told of different ends of one span.
func (t *outlineTable) note(r *outlineRow, tag uint64, set *recordSet) bool {
	for _, known := range r.tags[:r.tagged] {
		if known == tag {
			t.countAgain(r, tag)
			return true
		}
		if (known^tag)>>32 == 0 {
			set.differ()
		}
	}
	if int(r.tagged) == len(r.tags) {
		return false
	}
	r.tags[r.tagged] = tag
	r.tagged++
	return true
}

func (t *outlineTable) countAgain(r *outlineRow, tag uint64) {
	r.again++
	if tag&1 != 0 {
		t.failures[r.failure-1].again++
	}
}

// endTag returns 64 bits that distinguish a span end from others of its trace. It is given the trace's hash. The upper
// half is the span's, and the lowest bit is set if the span failed.
func (s *recordSet) endTag(trace uint64, r *Record) uint64 {
	span := mix(trace, maphash.Bytes(s.seed, r.Span()))
	tag := span>>32<<32 | mix(span, s.content(r)^uint64(r.Duration))>>32&^1
	if r.Failed {
		tag |= 1
	}
	return tag
}

// keyOfTag is the key of a span end of a trace, whose hash is given.
func (s *recordSet) keyOfTag(trace, tag uint64) recordKey {
	return s.keyOf(spanOf(trace, mix(trace, tag>>32)), tag)
}

func (t *outlineTable) row(n uint32) *outlineRow { return &t.slabs[n/slabRows][n%slabRows] }

func (t *outlineTable) all() iter.Seq[*outlineRow] {
	return func(yield func(*outlineRow) bool) {
		for n := range uint32(t.n) {
			if !yield(t.row(n)) {
				return
			}
		}
	}
}

func (t *outlineTable) id(row *outlineRow) string {
	if row.is(rowShort) {
		return unpackID(row.id)
	}
	return string(t.longID(row))
}

func (t *outlineTable) longID(row *outlineRow) []byte {
	from, size := binary.LittleEndian.Uint64(row.id[:]), binary.LittleEndian.Uint64(row.id[8:])
	return t.long[from : from+size]
}

func (t *outlineTable) outline(row *outlineRow, deduped bool) Outline {
	out := Outline{
		ID: t.id(row), Spans: int(row.spans), Matched: int(row.matched),
		Op: t.names.text(row.op), Service: t.names.text(row.service),
		Failed:   row.is(rowFailed),
		External: row.is(rowExternal),
		Starts:   int(row.starts),
		Logs:     int(row.lines - row.starts - row.spans),
		Services: t.sets.texts(row.services),
	}
	if deduped {
		out.Spans -= int(row.again)
	}
	if row.failure != 0 {
		f := &t.failures[row.failure-1]
		out.Errors = int(f.errors)
		if !f.unkept {
			out.Error, out.ErrorOp = t.errors.text(f.text), t.names.text(f.op)
		}
		if deduped {
			out.Errors -= int(f.again)
		}
	}
	if row.first != noTime {
		out.Start, out.End = time.Unix(0, row.first).UTC(), time.Unix(0, row.last).UTC()
	}
	return out
}

// lookup returns the row of a hash, or nil.
func (t *outlineTable) lookup(h uint64) *outlineRow {
	if t.n == 0 {
		return nil
	}
	row, _ := t.search(h)
	return row
}

// search returns the row of a hash, or the index where it should be.
func (t *outlineTable) search(h uint64) (*outlineRow, uint64) {
	mask := uint64(len(t.index) - 1)
	i := h & mask
	for want := indexTag(h); t.index[i] != 0; i = (i + 1) & mask {
		if e := t.index[i]; e&^maxRows == want {
			if row := t.row(e&maxRows - 1); row.hash == h {
				return row, i
			}
		}
	}
	return nil, i
}

// maxRows is the maximum number of rows of an index: 2 GB, in each of 64 shards.
const maxRows = 1<<24 - 1

// indexTag returns bits of the hash that determine neither the shard nor the place in the index.
func indexTag(h uint64) uint32 { return uint32(h>>24) &^ maxRows }

// find returns the row of a hash. If there is none, it makes a new one, which has no id.
func (t *outlineTable) find(h uint64) (row *outlineRow, isNew bool) {
	if t.n >= len(t.index)/4*3 {
		if t.n == maxRows {
			panic("tracelog: more than a billion traces")
		}
		t.grow()
	}
	row, i := t.search(h)
	if row != nil {
		return row, false
	}
	if t.n == slabRows*len(t.slabs) {
		t.slabs = append(t.slabs, make([]outlineRow, slabRows))
	}
	t.n++
	t.index[i] = indexTag(h) | uint32(t.n)
	row = t.row(uint32(t.n - 1))
	*row = outlineRow{hash: h, first: noTime, last: math.MinInt64}
	return row, true
}

func (t *outlineTable) grow() {
	t.index = make([]uint32, max(64, 2*len(t.index)))
	mask := uint64(len(t.index) - 1)
	for n := range uint32(t.n) {
		h := t.row(n).hash
		i := h & mask
		for t.index[i] != 0 {
			i = (i + 1) & mask
		}
		t.index[i] = indexTag(h) | (n + 1)
	}
}

// forget removes what has been added to another table, except what can be added twice.
func (t *outlineTable) forget(row *outlineRow) {
	row.lines, row.starts, row.spans, row.again, row.matched, row.tagged = 0, 0, 0, 0, 0, 0
	if row.failure != 0 {
		f := &t.failures[row.failure-1]
		f.errors, f.again = 0, 0
	}
}

// clear forgets the rows. It reports whether it also forgot names and sets, which then get other numbers.
func (t *outlineTable) clear() bool {
	clear(t.index)
	t.n, t.long, t.failures = 0, t.long[:0], t.failures[:0]
	if max(len(t.names.texts), len(t.errors.texts), len(t.sets.sets)) > 1<<12 {
		t.names, t.errors, t.sets = names{}, names{}, serviceSets{}
		return true
	}
	return false
}

func (t *outlineTable) setID(row *outlineRow, id []byte) {
	key, short := packID(id)
	row.id = key
	if row.set(rowShort, short); short {
		return
	}
	binary.LittleEndian.PutUint64(row.id[:], uint64(len(t.long)))
	binary.LittleEndian.PutUint64(row.id[8:], uint64(len(id)))
	t.long = append(t.long, id...)
}

// rowOf returns the row of the trace with that id and the hash h.
func (t *outlineTable) rowOf(id []byte, h uint64) *outlineRow {
	row, isNew := t.find(h)
	if isNew {
		t.setID(row, id)
	}
	return row
}

// add adds a record of the row's trace.
func (t *outlineTable) add(row *outlineRow, r *Record, matched bool, at int64, timed bool) {
	row.lines++
	if matched {
		row.matched++
	}
	service := shorten(r.Service())
	if len(service) > 0 {
		row.services = t.sets.with(row.services, t.names.number(service), &t.names)
	}
	if r.Event != EventEnd {
		if r.Event == EventStart {
			row.starts++
		}
		if timed {
			row.first, row.last = min(row.first, at), max(row.last, at)
		}
		if row.root <= rootLine {
			if !timed {
				at = noTime
			}
			t.offer(row, rootLine, at, 0, shorten(r.Op()), service, flagIf(rowFailed, r.Failed))
		}
		return
	}
	row.spans++
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
		end := int64(noTime)
		if start != noTime {
			end = start + int64(r.Duration)
		}
		t.fail(row, end, shorten(r.Error()), shorten(r.Op()), false).errors++
	}
	rank := rootSpan
	if len(r.Parent()) == 0 {
		rank = rootRoot
	}
	if rank >= row.root {
		flags := flagIf(rowFailed, r.Failed)
		if rank == rootSpan {
			flags |= flagIf(rowExternal, string(r.text(fieldParentKind)) == externalParent)
		}
		t.offer(row, rank, start, int64(r.Duration), shorten(r.Op()), service, flags)
	}
}

// merge adds a row of another table. The set has the span ends for which a row has no room. Known has the numbers
// found so far for the other table's sets of services.
func (t *outlineTable) merge(from *outlineTable, other *outlineRow, set *recordSet, known *[]uint32) {
	row, isNew := t.find(other.hash)
	if isNew {
		if other.is(rowShort) {
			row.id, row.flags = other.id, rowShort
		} else {
			t.setID(row, from.longID(other))
		}
	}
	row.first, row.last = min(row.first, other.first), max(row.last, other.last)
	row.lines += other.lines
	row.starts += other.starts
	row.spans += other.spans
	row.again += other.again
	row.matched += other.matched
	if to := t.setOf(from, other.services, known); row.services == 0 {
		row.services = to
	} else if row.services != to {
		for _, service := range t.sets.sets[to].members {
			row.services = t.sets.with(row.services, service, &t.names)
		}
	}
	if other.failure != 0 {
		of := &from.failures[other.failure-1]
		f := t.fail(row, of.at, []byte(from.errors.text(of.text)), []byte(from.names.text(of.op)), of.unkept)
		f.errors += of.errors
		f.again += of.again
	}
	for _, tag := range other.tags[:other.tagged] {
		if !t.note(row, tag, set) && !set.add(set.keyOfTag(row.hash, tag)) {
			t.countAgain(row, tag)
		}
	}
	if other.root >= row.root {
		op, service := from.names.text(other.op), from.names.text(other.service)
		t.offer(row, other.root, other.rootStart, other.rootLasted, []byte(op), []byte(service), other.flags&(rowFailed|rowExternal))
	}
}

// setOf returns this table's number for another table's set.
func (t *outlineTable) setOf(from *outlineTable, set uint32, known *[]uint32) uint32 {
	if set == 0 {
		return 0
	}
	if int(set) < len(*known) && (*known)[set] != 0 {
		return (*known)[set]
	}
	to := uint32(0)
	for _, name := range from.sets.texts(set) {
		to = t.sets.with(to, t.names.number([]byte(name)), &t.names)
	}
	*known = append(*known, make([]uint32, max(0, int(set)+1-len(*known)))...)
	(*known)[set] = to
	return to
}

// offer makes a span or line the trace's root if it is the better candidate, so that the order of records does not
// matter. It must not be of a lower rank. flags are rowFailed and rowExternal, if they are true of it.
func (t *outlineTable) offer(row *outlineRow, rank rootRank, start, lasted int64, op, service []byte, flags rowFlags) {
	if row.root == rank {
		c := cmp.Or(cmp.Compare(row.rootStart, start), cmp.Compare(lasted, row.rootLasted))
		if c == 0 {
			c = cmp.Or(strings.Compare(t.names.text(row.op), string(op)), strings.Compare(t.names.text(row.service), string(service)))
		}
		if c <= 0 {
			return
		}
	}
	row.root, row.rootStart, row.rootLasted = rank, start, lasted
	row.op, row.service = t.names.number(op), t.names.number(service)
	row.flags = row.flags&^(rowFailed|rowExternal) | flags
}

// fail takes the error of a span if the span ended first. The order of records does not matter.
func (t *outlineTable) fail(row *outlineRow, at int64, text, op []byte, unkept bool) *failure {
	isNew := row.failure == 0
	if isNew {
		t.failures = append(t.failures, failure{})
		row.failure = uint32(len(t.failures))
	}
	f := &t.failures[row.failure-1]
	if !isNew {
		c := cmp.Compare(at, f.at)
		if c == 0 {
			c = cmp.Or(strings.Compare(string(text), t.errors.text(f.text)), strings.Compare(string(op), t.names.text(f.op)))
		}
		if c >= 0 {
			return f
		}
	}
	f.at, f.op = at, t.names.number(op)
	_, known := t.errors.numbers[string(text)]
	f.unkept = unkept || !known && len(t.errors.texts) >= t.maxErrors
	if f.unkept {
		text = nil
	}
	f.text = t.errors.number(text)
	return f
}

// maxShardErrors limits the errors that are kept to 16 MB.
const maxShardErrors = 1000

package tracelog

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// A timingRow is a span's start or end record without its texts.
type timingRow struct {
	id, parent uint64 // hashes; parent is 0 if there is none
	start      int64  // noTime if it is not known
	duration   int64
	queued     int64
	weight     float64
	key        int32
	op         int32
	service    int32 // 0 or less if it is not known
	kind       timingKind
	ended      bool
	failed     bool

	// To distinguish the records of one span, and to order them as Assemble does.
	content uint64 // of an end
	at      int64  // the record's time; noTime if there is none
	from    lineAt
	twin    bool // it is not the first end of its id
}

// A timingKind is a kind of span, as far as it matters for the alignment of clocks.
type timingKind uint8

const (
	kindOther timingKind = iota
	kindConsumer
	kindProducer
)

// A timer makes Timings from rows. Its slices are reused, so that a Timing needs no new memory.
type timer struct {
	names *sharedNames

	rows  []timingRow // of one trace: in the end one for each span, in the order of compareSpans
	byID  []int32     // the rows that children are below, by id
	up    []int32     // the parent of each row; -1 if there is none
	first []int32     // the first child of each row; -1 if there is none
	next  []int32     // the next sibling, likewise
	shift []int64
	order []int32 // the spans by start
	until []int64 // for each span: in findUntil the last sign of it, in findSelf up to when children cover it

	timing Timing
}

// make returns the Timing of a trace's rows, as Assemble and SelfTime would make it from the records. It keeps no row.
func (m *timer) make(rows []timingRow) *Timing {
	m.settle(rows)
	m.connect()
	m.place()
	m.findUntil()
	m.findSelf()
	return &m.timing
}

// settle merges the rows of each span into one, as Span.record and Span.settle do, and sorts them.
func (m *timer) settle(rows []timingRow) {
	slices.SortFunc(rows, func(a, b timingRow) int {
		if c := cmp.Compare(a.id, b.id); c != 0 {
			return c
		}
		return a.compareRecords(&b)
	})
	m.rows = m.rows[:0]
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].id == rows[0].id {
			n++
		}
		m.settleSpan(rows[:n])
		rows = rows[n:]
	}
	slices.SortFunc(m.rows, func(a, b timingRow) int {
		if c := cmp.Compare(a.start, b.start); c != 0 {
			return c
		}
		if a.op != b.op {
			return strings.Compare(m.names.text(a.op), m.names.text(b.op))
		}
		if c := cmp.Compare(a.id, b.id); c != 0 {
			return c
		}
		return a.compareRecords(&b) // two ends of one id
	})
}

// compareRecords is compareEntries.
func (r *timingRow) compareRecords(other *timingRow) int {
	return cmp.Or(cmp.Compare(r.at, other.at), strings.Compare(r.from.input.Name, other.from.input.Name),
		cmp.Compare(r.from.seq, other.from.seq), cmp.Compare(r.from.number, other.from.number))
}

// settleSpan adds the rows of a span's records, which are in order of time.
func (m *timer) settleSpan(rows []timingRow) {
	if len(rows) == 1 {
		m.rows = append(m.rows, rows[0])
		return
	}
	begun, main := -1, len(m.rows) // the first start; where the first end will be
	for i := range rows {
		r := &rows[i]
		if !r.ended {
			if begun < 0 {
				begun = i
			}
			continue
		}
		if slices.ContainsFunc(m.rows[main:], func(other timingRow) bool { return other.content == r.content }) {
			continue
		}
		r.twin = len(m.rows) > main
		m.rows = append(m.rows, *r)
	}
	if begun < 0 {
		return
	}
	if len(m.rows) == main {
		m.rows = append(m.rows, rows[begun])
	} else if m.rows[main].start == noTime {
		m.rows[main].start = rows[begun].start
	}
}

// connect finds the parent of each row and breaks cycles, as the function connect does.
func (m *timer) connect() {
	n := len(m.rows)
	m.byID = m.byID[:0]
	for i := range m.rows {
		if !m.rows[i].twin {
			m.byID = append(m.byID, int32(i))
		}
	}
	slices.SortFunc(m.byID, func(a, b int32) int { return cmp.Compare(m.rows[a].id, m.rows[b].id) })
	m.up = resize(m.up, n)
	for i := range m.rows {
		m.up[i] = -1
		if id := m.rows[i].parent; id != 0 {
			at, found := slices.BinarySearchFunc(m.byID, id, func(i int32, id uint64) int { return cmp.Compare(m.rows[i].id, id) })
			if found {
				m.up[i] = m.byID[at]
			}
		}
	}
	visited := resize(m.next, n) // which is not needed yet
	clear(visited)
	for i := range int32(n) {
		up := i
		for up >= 0 && visited[up] == 0 {
			visited[up] = i + 1
			up = m.up[up]
		}
		if up < 0 || visited[up] != i+1 {
			continue
		}
		first := up
		for in := m.up[up]; in != up; in = m.up[in] {
			first = min(first, in)
		}
		m.up[first] = -1
	}
	m.next = visited
}

// place makes the spans, in the order of Trace.All, and moves each by its shift.
func (m *timer) place() {
	n := len(m.rows)
	m.first, m.next, m.shift = resize(m.first, n), resize(m.next, n), resize(m.shift, n)
	for i := range m.first {
		m.first[i] = -1
	}
	root := int32(-1)
	for i := int32(n) - 1; i >= 0; i-- {
		before := &root
		if p := m.up[i]; p >= 0 {
			before = &m.first[p]
		}
		m.next[i], *before = *before, i
	}
	m.timing.Spans = m.timing.Spans[:0]
	index := resize(m.order, n) // of the span that a row has become; order is not needed yet
	for i := root; i >= 0; {
		r, parent := &m.rows[i], -1
		m.shift[i] = 0
		if p := m.up[i]; p >= 0 {
			parent = int(index[p])
			m.shift[i] = r.shift(&m.rows[p], m.shift[p])
		}
		index[i] = int32(len(m.timing.Spans))
		s := TimedSpan{
			Parent: parent, Op: int(r.op), Key: int(r.key), Weight: r.weight, Ended: r.ended, Failed: r.failed, Timed: r.start != noTime,
			Duration: time.Duration(r.duration), Queued: time.Duration(r.queued), hasParent: r.parent != 0,
		}
		if s.Timed {
			s.Start = addNanos(r.start, m.shift[i])
			s.End = s.Start
			if r.ended {
				s.End = addNanos(addNanos(r.start, r.duration), m.shift[i])
			}
		}
		m.timing.Spans = append(m.timing.Spans, s)
		down := m.first[i]
		for ; down < 0 && i >= 0; i = m.up[i] {
			down = m.next[i]
		}
		i = down
	}
	m.order = index
}

// shift is Span.align.
func (r *timingRow) shift(p *timingRow, above int64) int64 {
	if r.start == noTime || p.start == noTime {
		return 0
	}
	if r.service <= 0 || p.service <= 0 || r.service == p.service {
		return above
	}
	from := addNanos(p.start, above)
	if r.start < from {
		return int64(within(time.Duration(from - r.start)))
	}
	if !r.ended || !p.ended || r.kind == kindConsumer || p.kind == kindProducer || r.queued > 0 {
		return 0
	}
	end, to := addNanos(r.start, r.duration), addNanos(addNanos(p.start, p.duration), above)
	if end > to && r.duration <= p.duration {
		return int64(within(time.Duration(to - end)))
	}
	return 0
}

// findUntil sets the ends of spans without an end record: the last sign of the spans below them.
func (m *timer) findUntil() {
	spans := m.timing.Spans
	m.until = resize(m.until, len(spans))
	for i := range spans {
		if m.until[i] = math.MinInt64; spans[i].Timed {
			m.until[i] = spans[i].End
		}
	}
	for i := len(spans) - 1; i >= 0; i-- { // children first
		s := &spans[i]
		if s.Timed {
			s.End = m.until[i]
		}
		if s.Parent >= 0 && !spans[s.Parent].Ended {
			m.until[s.Parent] = max(m.until[s.Parent], m.until[i])
		}
	}
}

// findSelf is SelfTime for all spans at once. In order of their starts, each is subtracted from its parent's self time, except
// what earlier children have covered.
func (m *timer) findSelf() {
	spans := m.timing.Spans
	m.order = m.order[:0]
	sorted := true
	for i := range spans {
		s := &spans[i]
		m.until[i] = s.Start
		if !s.Timed {
			continue
		}
		if s.Ended {
			s.Self = s.Duration
		}
		if n := len(m.order); n > 0 && s.Start < spans[m.order[n-1]].Start {
			sorted = false
		}
		m.order = append(m.order, int32(i))
	}
	if !sorted {
		slices.SortFunc(m.order, func(a, b int32) int { return cmp.Compare(spans[a].Start, spans[b].Start) })
	}
	for _, i := range m.order {
		s := &spans[i]
		if s.Parent < 0 {
			continue
		}
		p := &spans[s.Parent]
		if !p.Ended || !p.Timed {
			continue
		}
		covered := max(m.until[s.Parent], s.Start)
		if end := min(s.End, p.End); end > covered {
			p.Self -= time.Duration(end - covered)
			m.until[s.Parent] = end
		}
	}
}

// addNanos adds a duration to a moment. A sum that an int64 cannot hold becomes the nearest value that it can.
func addNanos(at, d int64) int64 {
	sum := at + d
	switch {
	case d > 0 && sum < at:
		return math.MaxInt64
	case d < 0 && sum > at:
		return math.MinInt64
	}
	return sum
}

// resize returns a slice of length n, if possible with the memory of s. Its elements have any values.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, 2*cap(s)))
	}
	return s[:n]
}

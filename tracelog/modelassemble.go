package tracelog

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Assemble makes traces of entries. They are ordered by Start, then by ID. Traces without a Start are last.
//
// The result does not depend on the order of the entries, except among entries with the same time, file and line.
// Every entry with a trace id is in exactly one place:
//
//   - it is the record that a span is made from: its StartRecord or its EndRecord,
//   - or it is in the Logs of its span, or of the trace if it names no span,
//   - or it is one of the Copies of such a log line,
//   - or it is counted in Duplicates: a further start or end record of its span with the same content.
//
// Two records have the same content if their parsed members are equal. The order of the members and whatever a
// transport put around them do not matter. End records of one id with different content belong to several spans: each
// gets its own. The first of these by time gets the start record, the lines and the children.
//
// Entries without a trace id are in no trace.
//
// Whatever the entries contain, the spans of a trace form trees. A span whose parent is missing is a root, and so is
// one span of each cycle of parents. Assemble does not clip a child that outlives its parent. If the clocks of a
// child's and its parent's services disagree, [Span.Shift] is how far the child must be moved.
//
// The traces refer to entries, which must not change afterwards.
func Assemble(entries []Entry) []*Trace {
	// Group the entries by trace: number the traces, then cut one slice into a part for each.
	number := make(map[string]int)
	var sizes []int
	of := make([]int, len(entries))
	for i := range entries {
		id := entries[i].Trace
		if id == "" {
			of[i] = -1
			continue
		}
		n, ok := number[id]
		if !ok {
			n = len(sizes)
			number[id] = n
			sizes = append(sizes, 0)
		}
		of[i] = n
		sizes[n]++
	}
	all := make([]*Entry, len(entries))
	parts := make([][]*Entry, len(sizes))
	for n, size := range sizes {
		parts[n], all = all[:0:size], all[size:]
	}
	for i, n := range of {
		if n >= 0 {
			parts[n] = append(parts[n], &entries[i])
		}
	}

	var last time.Time
	for i := range entries {
		if entries[i].Time.After(last) {
			last = entries[i].Time
		}
	}
	traces := make([]*Trace, len(parts))
	for i, part := range parts {
		traces[i] = assemble(part)
		traces[i].AsOf(last)
	}
	slices.SortFunc(traces, func(a, b *Trace) int {
		return cmp.Or(compareTimes(a.Start, b.Start), strings.Compare(a.ID, b.ID))
	})
	return traces
}

// compareTimes compares two times. The zero time is last.
func compareTimes(a, b time.Time) int {
	if az, bz := a.IsZero(), b.IsZero(); az || bz {
		switch {
		case az && bz:
			return 0
		case az:
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

func compareEntries(a, b *Entry) int {
	if c := compareTimes(a.Time, b.Time); c != 0 {
		return c
	}
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	return cmp.Compare(a.Line, b.Line)
}

func compareSpans(a, b *Span) int {
	if c := compareTimes(a.Start, b.Start); c != 0 {
		return c
	}
	if c := cmp.Or(strings.Compare(a.Op, b.Op), strings.Compare(a.ID, b.ID)); c != 0 || a.EndRecord == nil || b.EndRecord == nil {
		return c
	}
	return compareEntries(a.EndRecord, b.EndRecord) // two ends of one id
}

// assemble makes the trace of entries, which all have the same trace id.
func assemble(entries []*Entry) *Trace {
	slices.SortStableFunc(entries, compareEntries)
	t := &Trace{ID: entries[0].Trace, entries: len(entries)}
	byID, all := spansOf(entries)
	spans := make([]*Span, 0, len(all)) // sorted below
	for i := range all {
		spans = append(spans, &all[i])
	}
	services := make(map[string]bool)
	copies := copyFinder{}
	for _, e := range entries {
		if e.Service != "" && !services[e.Service] {
			services[e.Service] = true
			t.Services = append(t.Services, e.Service)
		}
		logs := &t.Logs
		if e.Span != "" {
			s := byID[e.Span]
			if e.Event != EventLog {
				if twin := s.record(e); twin != nil {
					spans = append(spans, twin)
				}
				continue
			}
			logs = &s.Logs
		}
		if first := copies.find(e, logs); first != nil {
			first.Copies++
			continue
		}
		*logs = append(*logs, *e)
		(*logs)[len(*logs)-1].Copies = 0
	}
	slices.Sort(t.Services)
	ended := false
	for _, s := range spans {
		if s.rare != nil {
			s.rare.twins = nil
		}
		s.settle()
		ended = ended || s.EndRecord != nil
	}
	if !ended { // from loggers that have no end records
		for _, s := range spans {
			s.failByLine()
		}
	}
	slices.SortFunc(spans, compareSpans)
	connect(spans, byID)
	t.place(spans)
	t.align(len(spans))
	t.summarize(len(spans))
	return t
}

// spansOf makes a span for each id that entries have, all in one slice.
func spansOf(entries []*Entry) (map[string]*Span, []Span) {
	ends := 0 // nearly as many as spans
	for _, e := range entries {
		if e.Event == EventEnd {
			ends++
		}
	}
	byID := make(map[string]*Span, ends)
	for _, e := range entries {
		if e.Span != "" {
			byID[e.Span] = nil
		}
	}
	spans := make([]Span, 0, len(byID))
	for _, e := range entries {
		if e.Span != "" && byID[e.Span] == nil {
			spans = append(spans, Span{ID: e.Span})
			byID[e.Span] = &spans[len(spans)-1]
		}
	}
	return byID, spans
}

// place makes each span a root or a child. Spans are in order, so that children are in order too.
func (t *Trace) place(spans []*Span) {
	roots := 0
	for _, s := range spans {
		s.mark = 0
	}
	for _, s := range spans {
		if s.Parent == nil {
			roots++
		} else {
			s.Parent.mark++ // how many children it has
		}
	}
	all := make([]*Span, len(spans))
	if roots > 0 {
		t.Roots, all = all[:0:roots], all[roots:]
	}
	for _, s := range spans {
		p := s.Parent
		if p == nil {
			t.Roots = append(t.Roots, s)
			continue
		}
		if p.Children == nil {
			p.Children, all = all[:0:p.mark], all[p.mark:]
		}
		p.Children = append(p.Children, s)
	}
}

// record takes a start or end record. If it is the end of another span of the same id, it returns that span. Records
// come in order of time: the first of each kind counts.
func (s *Span) record(e *Entry) (twin *Span) {
	switch {
	case e.Event == EventStart && s.StartRecord == nil:
		s.StartRecord = e
	case e.Event == EventStart:
		s.duplicates++
		s.conflicting = s.conflicting || !sameRecord(e, s.StartRecord)
	case s.EndRecord == nil:
		s.EndRecord = e
	case len(e.Raw) > 0 && bytes.Equal(e.Raw, s.EndRecord.Raw): // nearly always
		s.duplicates++
	default:
		r := s.rarely()
		if r.twins == nil {
			r.twins = map[uint64]*Span{contentOfEntry(s.EndRecord): s}
		}
		says := contentOfEntry(e)
		if same := r.twins[says]; same != nil {
			same.duplicates++
			return nil
		}
		twin = &Span{ID: s.ID, EndRecord: e, conflicting: true}
		s.conflicting = true
		r.twins[says] = twin
	}
	return twin
}

// sameRecord reports whether two records have the same content.
func sameRecord(a, b *Entry) bool {
	return len(a.Raw) > 0 && bytes.Equal(a.Raw, b.Raw) || contentOfEntry(a) == contentOfEntry(b)
}

// contentOfEntry is the content of an entry's record. For an entry that was made without a line it is the content of
// its fields.
func contentOfEntry(e *Entry) uint64 {
	var p lineParser
	var same Entry
	if p.parse(e.Raw, &same) == isRecord {
		return p.hashMembers()
	}
	fields := *e
	fields.File, fields.Line, fields.Raw, fields.Copies = "", 0, nil, 0
	return hashName(fmt.Appendf(nil, "%+v", fields))
}

// settle sets the fields that come from the span's records and lines. The end record takes precedence, even where a
// value is missing in it, since SetAttrs and SetOp change a span after its start. A start record is used only if
// there is no end record, or for the start's time.
func (s *Span) settle() {
	s.State, s.Weight = Unfinished, 1
	from := s.StartRecord
	if s.EndRecord != nil {
		s.State, from = Ended, s.EndRecord
	}
	if from != nil {
		s.ParentID, s.ParentKind, s.Op, s.Kind, s.Service = from.Parent, from.ParentKind, from.Op, from.Kind, from.Service
		s.Start, s.Duration = from.Start, from.Duration
		s.Failed, s.Error, s.Stack = from.Failed || from.Error != "", from.Error, from.Stack
		s.Links, s.Queued = from.Links, from.Queued
		s.Weight = from.Weight()
		s.Attrs = from.Attrs()
	}
	if s.Start.IsZero() && s.StartRecord != nil {
		s.Start = s.StartRecord.Start
	}
	for i := range s.Logs {
		e := &s.Logs[i]
		if from == nil || from.Op == "" {
			s.Op = cmp.Or(e.Op, s.Op)
		}
		s.Service = cmp.Or(s.Service, e.Service)
		if s.Start.IsZero() {
			s.Start = e.Time
		}
	}
	if s.State == Ended {
		if !s.Start.IsZero() {
			s.End = s.Start.Add(s.Duration)
		}
	} else {
		s.Duration = 0
	}
}

// failByLine marks a span without records as failed if one of its lines reports a failure.
func (s *Span) failByLine() {
	if s.StartRecord != nil {
		return
	}
	if e := s.errorLine(); e != nil {
		s.Failed, s.Error = true, e.Message
		for _, key := range [...]string{"error", "err"} {
			if v, ok := e.Attr(key); ok && s.Error == "" {
				s.Error = Attr{Value: v}.Text()
			}
		}
	}
}

// errorLine returns the span's first line at level Error or above, or nil if there is none.
func (s *Span) errorLine() *Entry {
	for i := range s.Logs {
		if level, ok := ParseLevel(s.Logs[i].Level); ok && level >= slog.LevelError {
			return &s.Logs[i]
		}
	}
	return nil
}

// externalParent is the ParentKind of a span whose parent is in another tracing system.
const externalParent = "external"

// connect sets the parents. Each span has at most one, so a component that is not a tree has exactly one cycle. The
// cycle goes through whichever of its spans comes first in order.
func connect(spans []*Span, byID map[string]*Span) {
	for _, s := range spans {
		if s.ParentID != "" {
			s.Parent = byID[s.ParentID]
			if external := s.ParentKind == externalParent; s.Parent == nil {
				s.missingParent = !external
			} else if s.Parent.State == Unfinished {
				s.Parent.External = s.Parent.External || external
			}
		}
	}
	// From each span, walk up until a root or a span that an earlier walk visited. A span that this walk visited
	// closes a cycle.
	for _, s := range spans {
		s.mark = 0
	}
	for i, s := range spans {
		walk, up := int32(i+1), s
		for up != nil && up.mark == 0 {
			up.mark = walk
			up = up.Parent
		}
		if up == nil || up.mark != walk {
			continue
		}
		first := up
		for in := up.Parent; in != up; in = in.Parent {
			if compareSpans(in, first) < 0 {
				first = in
			}
		}
		first.Parent, first.cycleBroken = nil, true
	}
}

// summarize counts the spans of the trace's trees.
func (t *Trace) summarize(spans int) {
	t.Spans = spans
	for i := range t.Logs {
		t.cover(t.Logs[i].Time)
	}
	for _, s := range t.All() {
		t.cover(s.Start)
		t.cover(s.End)
		if s.EndRecord != nil && s.End.IsZero() {
			t.cover(s.EndRecord.Time)
		}
		if n := len(s.Logs); n > 0 {
			t.cover(s.Logs[0].Time)
			for n--; n > 0 && s.Logs[n].Time.IsZero(); n-- {
			}
			t.cover(s.Logs[n].Time)
		}
		t.Duplicates += int(s.duplicates)
		if s.Failed {
			t.Errors++
		}
		if s.missingParent {
			t.Problems = append(t.Problems, Problem{MissingParent, s})
		}
		if s.cycleBroken {
			t.Problems = append(t.Problems, Problem{CycleBroken, s})
		}
		if s.conflicting {
			t.Problems = append(t.Problems, Problem{ConflictingRecords, s})
		} else if s.duplicates > 0 {
			t.Problems = append(t.Problems, Problem{DuplicateRecords, s})
		}
	}
}

// cover extends the trace's interval to include a moment.
func (t *Trace) cover(at time.Time) {
	if at.IsZero() {
		return
	}
	if t.Start.IsZero() || at.Before(t.Start) {
		t.Start = at
	}
	if t.End.IsZero() || at.After(t.End) {
		t.End = at
	}
}

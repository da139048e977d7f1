package tracelog

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// A Record is a cheap view of one line, for programs that read millions. [ScanRecords] does not make an [Entry] of a
// line unless it is needed. The methods return what the Entry would contain.
//
// The Record, and the bytes that its methods return, are valid until the function that it was given to returns. They
// must not be changed.
type Record struct {
	// Event is what the line reports about its span.
	Event Event

	// Duration and Failed are as in an Entry, so they are set for span records only.
	Duration time.Duration
	Failed   bool

	unsampled  bool
	sampleRate float64

	input *Input
	line  []byte // without its newline

	// For a line that was read fast: where its members are.
	fast   *fastLine
	layout *layout
	buf    []byte
	trace  []byte
	span   []byte
	around []byte // the service that is named around a record without one
	start  int64  // for a span's end: when the span began, in nanoseconds since 1970
	late   *Entry // made when something was requested that only lineParser can read

	// For any other line.
	entry   *Entry
	parsed  bool            // parser still has its members
	spots   [numFields]spot // of the entry's texts in scratch
	scratch []byte

	parser *lineParser
	clock  *clock

	// Where the line is: the number of its block, its number in the block, from 0, and its start in buf.
	seq, number, from int
}

func (r *Record) text(f field) []byte {
	if r.entry != nil {
		s := &r.spots[f]
		return r.scratch[s.from:s.to]
	}
	return r.spotText(r.fast.text(r.layout, f))
}

// spotText returns the text of a string, or nil if there is none.
func (r *Record) spotText(s *spot) []byte {
	switch {
	case s == nil:
		return nil
	case s.plain:
		return r.buf[s.from:s.to]
	}
	return r.plain(s)
}

// plain returns what the function plain does, in scratch.
func (r *Record) plain(s *spot) []byte {
	n := len(r.scratch)
	r.scratch = appendWords(r.scratch, r.buf, int(s.from), int(s.to))
	return r.scratch[n:len(r.scratch):len(r.scratch)]
}

// slow returns the line's entry. Its Raw may be missing.
func (r *Record) slow() *Entry {
	if r.entry != nil {
		return r.entry
	}
	if r.late == nil {
		r.late = new(Entry)
		r.parser.parse(r.line, r.late)
	}
	return r.late
}

// File is the Name of the line's [Input].
func (r *Record) File() string { return r.input.Name }

// Raw is the line without its newline.
func (r *Record) Raw() []byte { return r.line }

// Trace is the trace's id. It is empty if the line is in no trace.
func (r *Record) Trace() []byte {
	if r.entry != nil {
		return r.text(fieldTrace)
	}
	return r.trace
}

// Span is the span's id.
func (r *Record) Span() []byte {
	if r.entry != nil {
		return r.text(fieldSpan)
	}
	return r.span
}

// Op is the name of the line's span.
func (r *Record) Op() []byte { return r.text(fieldOp) }

// Service is the program's name.
func (r *Record) Service() []byte {
	if r.around != nil && r.entry == nil {
		return r.around
	}
	if r.entry == nil && (r.fast.isText || r.fast.mask&otherServices != 0) {
		return r.spotText(r.fast.firstService(r.layout))
	}
	return r.text(fieldService)
}

// Level is the level as found.
func (r *Record) Level() []byte {
	level := r.text(fieldLevel)
	if level == nil && r.entry == nil && r.fast.find(r.layout, fieldLevel) != 0 {
		return []byte(r.slow().Level) // a number
	}
	return level
}

// Message is the message.
func (r *Record) Message() []byte { return r.text(fieldMessage) }

// Parent is the id of the parent, for span records that have one.
func (r *Record) Parent() []byte { return r.ofSpan(fieldParent) }

// Kind is the kind of a span record.
func (r *Record) Kind() []byte { return r.ofSpan(fieldKind) }

// Error is the error of a span record that has Failed set.
func (r *Record) Error() []byte { return r.ofSpan(fieldError) }

// ofSpan is text for fields that only span records have.
func (r *Record) ofSpan(f field) []byte {
	if r.Event == EventLog {
		return nil
	}
	return r.text(f)
}

// Time is the time of the line, in UTC. It is zero if the line has none.
func (r *Record) Time() time.Time { return r.time(fieldTime) }

// Start is when the span of a span record began, in UTC. It is zero if the record does not contain it.
func (r *Record) Start() time.Time { return r.time(fieldStart) }

// Weight is how many spans the record represents; see [Entry.Weight].
func (r *Record) Weight() float64 { return weight(r.sampleRate, r.unsampled) }

// Entry makes an Entry of the line. The caller may keep it. Its Line is 0: while a file is read in parts, the line's
// number is not known.
func (r *Record) Entry() Entry {
	e := Entry{File: r.input.Name, Raw: bytes.Clone(r.line)}
	if r.entry != nil {
		file, raw := e.File, e.Raw
		e = *r.entry
		e.File, e.Raw = file, raw
		return e
	}
	r.parser.parse(e.Raw, &e)
	return e
}

// Attr is [Entry.Attr] for the line.
func (r *Record) Attr(key string) (json.RawMessage, bool) {
	var e Entry
	if r.parser.parse(r.line, &e) != isRecord {
		return nil, false
	}
	return lookupEither(r.parser.members, key)
}

func (r *Record) time(f field) time.Time {
	if ns, ok := r.quick(f); ok {
		return time.Unix(0, ns).UTC()
	}
	switch {
	case f == fieldTime:
		if r.entry == nil && r.fast.find(r.layout, f) == 0 {
			return time.Time{}
		}
		return r.slow().Time
	case r.Event == EventLog:
		return time.Time{}
	}
	return r.slow().Start
}

// quick returns the time if it has the usual form.
func (r *Record) quick(f field) (int64, bool) {
	switch {
	case r.entry != nil:
		return 0, false
	case f == fieldTime || r.Event == EventStart:
		return r.member(r.fast.find(r.layout, fieldTime))
	case r.Event == EventEnd:
		return r.start, true
	}
	return 0, false
}

// member returns the time in a member, if it has the usual form.
func (r *Record) member(s slot) (int64, bool) {
	m := &r.fast.members[s]
	if m.kind != '"' || m.line != r.fast.line {
		return 0, false
	}
	b := r.buf[m.from:m.to]
	if !m.plain {
		b = r.plain(m)
	}
	return r.clock.nanos(b)
}

// nanos returns the time in nanoseconds since 1970. It returns false if there is none, or one that does not fit.
func (r *Record) nanos(f field) (int64, bool) {
	if ns, ok := r.quick(f); ok {
		return ns, true
	}
	return limits.Nanos(r.time(f))
}

// fill makes the record of a line that a fastLine has accepted. It returns false if only lineParser can read the
// line.
func (r *Record) fill(f *fastLine, b []byte) bool {
	r.fast, r.buf, r.entry, r.late, r.scratch, r.parsed, r.around = f, b, nil, nil, r.scratch[:0], false, nil
	r.Event, r.Duration, r.Failed, r.sampleRate, r.unsampled = EventLog, 0, false, 0, false
	if f.mask&wrappers != 0 && !f.isText {
		return false
	}
	l := f.layout()
	trace, span := f.text(l, fieldTrace), f.text(l, fieldSpan)
	for trace.mayBeNone(b) || span.mayBeNone(b) {
		if !f.dropNoID(l, fieldTrace, b) && !f.dropNoID(l, fieldSpan, b) {
			break
		}
		l = f.layout()
		trace, span = f.text(l, fieldTrace), f.text(l, fieldSpan)
	}
	if l.ids != idPlain || l.spanStore || l.startTime || l.strings {
		return false
	}
	r.layout = l
	id := r.spotText(trace)
	r.trace, r.span = id, r.spotText(span)
	if len(id) != 32 && hasOtherForm(id) || isHexPrefixed(r.span) {
		return false
	}
	if f.isText && len(id) == 0 {
		return false // it may not be a record
	}
	if f.head[fieldTime] == 0 && f.find(l, fieldTime) == 0 && !f.isText && f.hasLateTime(b) {
		return false
	}
	message := f.text(l, fieldMessage)
	if len(id) == 0 && (f.mayHaveContext(b) || f.opensBracket(b, message) || f.opensBracket(b, f.stringAt(slotPrefix)) || !f.isText && !f.isOwn(b, message)) {
		return false
	}
	if message == nil {
		return f.isText || len(id) == 0 || f.members[slotTrace].line == f.line && !f.mayWrap(b) && id[0] != 'p'
	}
	if n := message.to - message.from; message.plain && n != int32(len(messageEnd)) && n != int32(len(messageStart)) {
		return true
	}
	event := EventLog
	switch string(r.spotText(message)) {
	case messageEnd:
		event = EventEnd
	case messageStart:
		event = EventStart
	default:
		return true
	}
	if len(id) == 0 || len(r.span) == 0 {
		return true
	}
	for f.text(l, fieldParent).mayBeNone(b) && f.dropNoID(l, fieldParent, b) {
	}
	if isHexPrefixed(r.spotText(f.text(l, fieldParent))) {
		return false
	}
	start, lasted := f.find(l, fieldStart), f.find(l, fieldDuration)
	switch event {
	case EventEnd:
		if start == 0 || lasted == 0 || lasted == slotNanoseconds || lasted == slotGoDuration {
			return false
		}
		m := &f.members[lasted]
		if m.kind == '"' && !f.isText {
			return false
		}
		var ok bool
		if r.Duration, ok = fastMillis(b[m.from:m.to]); !ok {
			if r.Duration, ok = parseDuration(b[m.from:m.to], time.Millisecond); !ok {
				return false
			}
		}
		if r.start, ok = r.member(start); !ok {
			return false
		}
	case EventStart:
		if start != 0 || lasted != 0 {
			return false
		}
	}
	r.Event = event
	r.Failed = f.text(l, fieldError) != nil
	if s := f.find(l, fieldSampleRate); s != 0 {
		m := &f.members[s]
		if m.kind == '"' && !f.isText && m.from < m.to {
			return false
		}
		if x, ok := parseRate(b[m.from:m.to]); ok {
			r.sampleRate = x
		}
	}
	if s := f.find(l, fieldSampled); s != 0 {
		m := &f.members[s]
		if m.kind == '"' && !f.isText {
			return false
		}
		r.unsampled = string(b[m.from:m.to]) == "false"
	}
	return true
}

// find returns the slot of a field's first member, as lineParser does, or 0 if there is none.
func (f *fastLine) find(l *layout, field field) slot {
	for _, s := range f.head.narrow(l, field) {
		if f.members[s].line == f.line {
			return s
		}
	}
	return 0
}

// text returns a field's first string, or nil if there is none.
func (f *fastLine) text(l *layout, field field) *spot {
	for _, s := range f.head.narrow(l, field) {
		if m := &f.members[s]; m.line == f.line && m.kind == '"' {
			return m
		}
	}
	return nil
}

// stringAt returns the string under a key, or nil if there is none.
func (f *fastLine) stringAt(s slot) *spot {
	if m := &f.members[s]; m.line == f.line && m.kind == '"' {
		return m
	}
	return nil
}

// opensBracket reports whether a string may begin with a bracket, which may be escaped. The string may be nil.
func (f *fastLine) opensBracket(b []byte, m *spot) bool {
	return m != nil && m.from < m.to && (b[m.from] == '[' || b[m.from] == '\\')
}

// mayBeNone reports whether dropNoID must look at an id. The spot may be nil.
func (s *spot) mayBeNone(b []byte) bool { return s != nil && (b[s.from] == '0' || b[s.from] == '\\') }

// dropNoID forgets a field's first string if it means that there is no id, and reports whether it did.
func (f *fastLine) dropNoID(l *layout, field field, b []byte) bool {
	for _, s := range l.slots[field] {
		m := &f.members[s]
		if m.line != f.line || m.kind != '"' {
			continue
		}
		if c := b[m.from]; c != '0' && c != '\\' || m.from == m.to || !isZeroID(f.decoded(b, m)) {
			return false
		}
		m.line = 0
		f.mask &^= s.bit()
		return true
	}
	return false
}

// decoded returns the text of a string.
func (f *fastLine) decoded(b []byte, m *spot) []byte {
	if m.plain {
		return b[m.from:m.to]
	}
	return plain(b[m.from:m.to])
}

// firstService returns the first string that names the program, as lineParser does, or nil if there is none.
func (f *fastLine) firstService(l *layout) (first *spot) {
	for _, s := range l.slots[fieldService] {
		if m := &f.members[s]; m.line == f.line && m.kind == '"' && (first == nil || m.from < first.from) {
			first = m
		}
	}
	return first
}

// take makes the record of an entry. It does not use the entry's Raw.
func (r *Record) take(e *Entry) {
	r.Event, r.Duration, r.Failed, r.sampleRate, r.unsampled = e.Event, e.Duration, e.Failed, e.SampleRate, e.Unsampled
	r.entry, r.late, r.parsed = e, nil, false
	b := r.scratch[:0]
	r.spots = [numFields]spot{}
	put := func(f field, s string) {
		from := int32(len(b))
		b = append(b, s...)
		r.spots[f] = spot{from: from, to: int32(len(b))}
	}
	put(fieldLevel, e.Level)
	put(fieldMessage, e.Message)
	put(fieldTrace, e.Trace)
	put(fieldSpan, e.Span)
	put(fieldOp, e.Op)
	put(fieldService, e.Service)
	put(fieldParent, e.Parent)
	put(fieldKind, e.Kind)
	put(fieldError, e.Error)
	r.scratch = b
}

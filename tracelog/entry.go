package tracelog

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// An Entry is one log line read as a record.
//
// Each member of the line is either in a field or among [Entry.Attrs], never in both. A key counts the first time
// it stands on a line; again, it is an attribute. A schema key whose value has the wrong type or cannot be read
// ("trace": 5, "duration_ms": "x", a time that is not RFC 3339) leaves its field zero and is an attribute too,
// so the line is kept and nothing of it is hidden.
//
// An Entry holds no reference to the reader's buffers and is the caller's to keep.
type Entry struct {
	File string // as given to Scan
	Line int    // 1-based

	Time    time.Time // in UTC
	Level   string    // as found: "INFO", "WARN+1"
	Message string

	// Trace, Span and Op are on every record in a span. The ids are strings as found, of any form.
	Trace, Span, Op string

	// Service is the user's attribute of that name at the root of the line.
	Service string

	Event Event

	// What follows is on span records only: Event is not EventLog. On log lines
	// the keys of these fields are the user's own and are among Attrs.

	Parent     string        // "" on a root
	Kind       string        // "server", "client", "producer", "consumer"; "" is internal
	Start      time.Time     // in UTC; of EventStart: Time
	Duration   time.Duration // of EventEnd
	Failed     bool          // the line has an error, be its text empty
	Error      string
	Stack      string
	Links      []Link
	Queued     time.Duration // how long the job waited before the span
	SampleRate float64       // in (0, 1]; 0 when absent
	Unsampled  bool          // the line said "sampled": false

	// Copies is set by Assemble: how many further lines were the same byte for byte.
	Copies int

	// Raw is the line without its newline.
	Raw []byte
}

// A Link names a span, mostly of another trace.
type Link struct{ Trace, Span string }

// An Attr is a member of a line. Value is valid JSON as it stands on the line.
type Attr struct {
	Key   string
	Value json.RawMessage
}

// An Event is what a line reports about its span.
type Event uint8

const (
	// EventLog is a line logged within a span, or outside of any.
	EventLog Event = iota
	// EventStart is a line "span start".
	EventStart
	// EventEnd is a line "span end".
	EventEnd
)

func (e Event) String() string {
	switch e {
	case EventLog:
		return "log"
	case EventStart:
		return messageStart
	case EventEnd:
		return messageEnd
	}
	return "Event(" + strconv.Itoa(int(e)) + ")"
}

// Attrs returns the members of the line that are in no field, in order: what the user wrote.
// Two members of the same key are two attributes. Absent are, beside the fields, "source" if it is an object
// and "trace_flags" if it is a string on a line with OpenTelemetry's ids.
//
// Attrs reads Raw each time. The values share its memory.
func (e *Entry) Attrs() []Attr {
	p := lineParser{members: make([]member, 0, 16)}
	var same Entry
	if p.parse(e.Raw, &same) != isRecord {
		return nil
	}
	var attrs []Attr
	for _, m := range p.members {
		if !m.taken {
			attrs = append(attrs, Attr{Key: string(m.key), Value: m.value})
		}
	}
	return attrs
}

// A row is the known members of one line.
type row struct {
	members []member
	first   [maxSlots]int32 // by slot: one more than the index of the first such member
	slots   *[numFields]slot
	in      interner
}

func (r *row) find(f field) *member {
	if i := r.first[r.slots[f]]; r.slots[f] != 0 && i != 0 {
		return &r.members[i-1]
	}
	return nil
}

// fill sets the fields that members speak of, and marks those members as taken.
func (e *Entry) fill(members []member, in interner) {
	r := row{members: members, in: in}
	for i := range members {
		if s := members[i].slot; s != 0 && r.first[s] == 0 {
			r.first[s] = int32(i + 1)
		}
	}
	most := -1
	for p := range presetSlots {
		s := &presetSlots[p]
		n := 0
		for _, f := range [...]field{fieldTrace, fieldSpan} {
			if i := r.first[s[f]]; i != 0 && members[i-1].value[0] == '"' {
				n++
			}
		}
		if n > most {
			most, r.slots = n, s
		}
	}

	r.time(fieldTime, &e.Time)
	r.text(fieldLevel, &e.Level, true)
	r.text(fieldMessage, &e.Message, true)
	r.text(fieldTrace, &e.Trace, false)
	r.text(fieldSpan, &e.Span, false)
	r.text(fieldOp, &e.Op, true)
	r.text(fieldService, &e.Service, true)
	if m := r.find(fieldSource); m != nil && m.value[0] == '{' {
		m.taken = true
	}
	if m := r.find(fieldFlags); m != nil && m.value[0] == '"' {
		m.taken = true
	}
	if e.Event = r.event(e); e.Event != EventLog {
		r.span(e)
	}
}

// event tells span records from lines whose message merely says so: those have both ids,
// and an end says when it began or how long it took.
func (r *row) event(e *Entry) Event {
	if e.Trace == "" || e.Span == "" {
		return EventLog
	}
	switch e.Message {
	case messageStart:
		return EventStart
	case messageEnd:
		if _, ok := parseTime(r.find(fieldStart)); ok {
			return EventEnd
		}
		if _, ok := parseMillis(r.find(fieldDuration)); ok {
			return EventEnd
		}
	}
	return EventLog
}

// span reads the fields that only span records have.
func (r *row) span(e *Entry) {
	r.text(fieldParent, &e.Parent, false)
	r.text(fieldKind, &e.Kind, true)
	e.Failed = r.text(fieldError, &e.Error, false)
	r.text(fieldStack, &e.Stack, false)
	r.millis(fieldQueued, &e.Queued)
	started := r.time(fieldStart, &e.Start)
	lasted := r.millis(fieldDuration, &e.Duration)
	switch {
	case e.Event == EventStart:
		if !started {
			e.Start = e.Time
		}
	case !e.Time.IsZero() && !started:
		e.Start = e.Time.Add(-e.Duration)
	case !e.Time.IsZero() && !lasted:
		e.Duration = max(0, e.Time.Sub(e.Start))
	}
	if m := r.find(fieldLinks); m != nil {
		if links, ok := parseLinks(m.value); ok {
			e.Links, m.taken = links, true
		}
	}
	if m := r.find(fieldSampleRate); m != nil {
		if x, ok := parseNumber(m.value); ok && x > 0 && x <= 1 {
			e.SampleRate, m.taken = x, true
		}
	}
	if m := r.find(fieldSampled); m != nil && (m.value[0] == 't' || m.value[0] == 'f') {
		e.Unsampled, m.taken = m.value[0] == 'f', true
	}
}

// text reads a string. Those that are often the same are shared.
func (r *row) text(f field, to *string, often bool) bool {
	m := r.find(f)
	if m == nil || m.value[0] != '"' {
		return false
	}
	m.taken = true
	s := plain(m.value[1 : len(m.value)-1])
	if often {
		*to = r.in.string(s)
	} else {
		*to = string(s)
	}
	return true
}

func (r *row) time(f field, to *time.Time) bool {
	m := r.find(f)
	t, ok := parseTime(m)
	if ok {
		*to, m.taken = t, true
	}
	return ok
}

func (r *row) millis(f field, to *time.Duration) bool {
	m := r.find(f)
	d, ok := parseMillis(m)
	if ok {
		*to, m.taken = d, true
	}
	return ok
}

func parseTime(m *member) (time.Time, bool) {
	var t time.Time
	if m == nil || m.value[0] != '"' {
		return t, false
	}
	// UnmarshalText, unlike time.Parse, takes nothing but RFC 3339.
	if err := t.UnmarshalText(plain(m.value[1 : len(m.value)-1])); err != nil {
		return t, false
	}
	return t.UTC(), true
}

// parseMillis refuses what no duration can be: negative, or over 292 years.
func parseMillis(m *member) (time.Duration, bool) {
	if m == nil {
		return 0, false
	}
	x, ok := parseNumber(m.value)
	if ns := math.Round(x * 1e6); ok && ns >= 0 && ns < math.MaxInt64 {
		return time.Duration(ns), true
	}
	return 0, false
}

func parseNumber(v []byte) (float64, bool) {
	if v[0] != '-' && !isDigit(v[0]) {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

// parseLinks reads an array of objects that each name a trace and a span as some preset does.
// What else stands in the objects is left out.
func parseLinks(v []byte) ([]Link, bool) {
	if v[0] != '[' {
		return nil, false
	}
	var links []Link
	var members []member
	l := lexer{b: v, i: 1} // v is valid
	for l.space(); !l.peek(']'); l.space() {
		start := l.i
		l.value()
		var err *syntaxError
		if members, err = appendMembers(members[:0], l.b[start:l.i]); err != nil {
			return nil, false
		}
		var e Entry
		if e.fill(members, nil); e.Trace == "" || e.Span == "" {
			return nil, false
		}
		links = append(links, Link{e.Trace, e.Span})
		if l.space(); l.peek(',') {
			l.i++
		}
	}
	return links, true
}

// An interner keeps one copy of strings that come again and again. A nil one keeps none.
type interner map[string]string

func (in interner) string(b []byte) string {
	if s, ok := in[string(b)]; ok {
		return s
	}
	s := string(b)
	if in != nil && len(s) <= 64 && len(in) < 4096 {
		in[s] = s
	}
	return s
}

// blank reports whether a line holds nothing but space.
func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\r\n")) == 0 }

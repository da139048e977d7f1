package tracelog

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// An Entry is one log line read as a record.
//
// Each member of the line is either in a field or among [Entry.Attrs], never in both. A key counts the first time
// it stands on a line; again, it is an attribute. A schema key whose value has the wrong type or cannot be read
// ("trace": 5, "duration_ms": "x", a time that is none) leaves its field zero and is an attribute too,
// so the line is kept and nothing of it is hidden.
//
// An Entry holds no reference to the reader's buffers and is the caller's to keep.
type Entry struct {
	File string // as given to Scan
	Line int    // 1-based

	Time    time.Time // in UTC
	Level   string    // as found: "INFO", "WARN+1", "warning"; a number's name: "INFO" for pino's 30
	Message string

	// Trace, Span and Op are on every record in a span. The ids are strings of any form, as found,
	// except where a backend has a form of its own; see [TraceIDs].
	Trace, Span, Op string

	// Schema tells whose names the ids have: "slogtrace", "otel", "datadog", "gcp", "newrelic", "ecs", "honeycomb",
	// "victorialogs", "axiom", "xray", or "text" for ids in brackets. It is "" on a line without ids.
	Schema string

	// Service is what the line says under "service", or under that name's form in its schema, at the root of the line.
	// On a line that does not say it, it is the name of the container or unit that stands around the line, if any:
	// docker compose's service (web of "web-1  | "), kubectl's container, journald's unit or identifier.
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

	// Raw is the line without its newline, whatever stands around the record included.
	// Lines that a container runtime cut are joined, in the form of CRI.
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
// Two members of the same key are two attributes. Absent are, beside the fields, "source" if it is an object,
// and what a backend wants beside the ids (trace_flags, ecs.version) on a line with its ids.
//
// Where a field comes out of an object, as from {"service":{"name":"api","version":"2"}}, the object's other members
// are attributes of their own, named with a dot: "service.version".
//
// The attributes of a text line are JSON all the same: numbers and booleans as they stand, other values as strings.
// Of a line within another one (container logs, the journal) they are those of the inner line.
//
// Attrs reads Raw each time. The values may share its memory.
func (e *Entry) Attrs() []Attr {
	p := lineParser{members: make([]member, 0, 16)}
	var same Entry
	if p.parse(e.Raw, &same) != isRecord {
		return nil
	}
	var attrs []Attr
	for i := range p.members {
		m := &p.members[i]
		switch {
		case m.taken || m.outer != 0:
		case m.opened:
			attrs = p.appendRest(attrs, i)
		default:
			attrs = append(attrs, Attr{Key: string(m.key), Value: m.value})
		}
	}
	return attrs
}

// Attr returns the first member of the line that has the key, whether or not it is in a field:
// its value is what stands on the line. If there is none, the key is a path: "req.user.id" is
// the member "id" of the object "req.user", else of the object "user" of "req".
//
// A key that OpenTelemetry has renamed, as http.method to http.request.method, is found under its other name if the line has
// none of its own.
//
// It reads Raw each time. The value may share its memory.
func (e *Entry) Attr(key string) (json.RawMessage, bool) {
	p := lineParser{members: make([]member, 0, 16)}
	var same Entry
	if p.parse(e.Raw, &same) != isRecord {
		return nil, false
	}
	return lookupEither(p.members, key)
}

// lookup looks for the longest key that path begins with, then for the rest of the path in its value.
func lookup(members []member, path string) (json.RawMessage, bool) {
	for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '.') {
		for i := range members {
			m := &members[i]
			switch {
			case m.outer != 0 || string(m.key) != path[:end]:
			case end == len(path):
				return m.value, true
			case m.value[0] == '{':
				inner, _ := appendMembers(nil, m.value)
				if v, ok := lookup(inner, path[end+1:]); ok {
					return v, true
				}
			}
		}
	}
	return nil, false
}

package tracelog

import (
	"bytes"
	"encoding/json"
	"strconv"
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

// Text returns an attribute's value for people: a string without its quotes and escapes, all else as it stands.
// It is untrusted text.
func (a Attr) Text() string {
	if len(a.Value) > 1 && a.Value[0] == '"' {
		return string(plain(a.Value[1 : len(a.Value)-1]))
	}
	return string(bytes.TrimSpace(a.Value))
}

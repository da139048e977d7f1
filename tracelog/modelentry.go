package tracelog

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// An Entry is one log line read as a record.
//
// Each member of the line is either in a field or among [Entry.Attrs], never in both. The first occurrence of a key
// on a line sets the field. Later ones are attributes. A schema key whose value has the wrong type or cannot be read
// ("trace": 5, "duration_ms": "x", an invalid time) leaves its field zero and is an attribute too, so the line is
// kept and nothing of it is hidden.
//
// An Entry holds no reference to the reader's buffers. The caller may keep it.
type Entry struct {
	File string // as given to Scan
	Line int    // 1-based

	Time    time.Time // in UTC
	Level   string    // as found: "INFO", "WARN+1", "warning"; for a number its name: "INFO" for pino's 30
	Message string

	// Trace, Span and Op are on every record in a span. The ids are strings of any form, as found. Ids of a backend
	// with a form of its own are the exception; see [TraceIDs].
	Trace, Span, Op string

	// Schema is the schema that the names of the ids belong to: "slogtrace", "otel", "datadog", "gcp", "newrelic",
	// "ecs", "honeycomb", "victorialogs", "axiom", "xray", or "text" for ids in brackets. It is "" on a line without
	// ids.
	Schema string

	// Service is the line's value under "service", or under that name's form in its schema, at the root of the line.
	// If the line has none, it is the name of the container or unit in the text around the line, if any: docker
	// compose's service (web of "web-1 | "), kubectl's container, journald's unit or identifier.
	Service string

	Event Event

	// The following fields are on span records only: Event is not EventLog. On log lines the keys of these fields are
	// the user's own and are among Attrs.

	Failed     bool          // the line has an error, even if its text is empty
	Unsampled  bool          // the line said "sampled": false
	Parent     string        // "" on a root
	ParentKind string        // "external": the parent is another tracing system's span, which need not be in the logs
	Kind       string        // "server", "client", "producer", "consumer"; "" is internal
	Start      time.Time     // in UTC; for EventStart: Time
	Duration   time.Duration // for EventEnd
	Error      string
	Stack      string
	Links      []Link
	Queued     time.Duration // how long the job waited before the span
	SampleRate float64       // in (0, 1]; 0 when absent

	// Copies is set by Assemble: the number of further lines that were the same byte for byte.
	Copies int

	// Raw is the line without its newline. It includes any text around the record. Lines that a container runtime cut
	// are joined, in the form of CRI.
	Raw []byte
}

// A Link names a span, usually of another trace.
type Link struct{ Trace, Span string }

// An Attr is a member of a line. Value is valid JSON, as it is on the line.
type Attr struct {
	Key   string
	Value json.RawMessage
}

// An Event is what a line reports about its span.
type Event uint8

const (
	// EventLog is a line logged within a span, or outside any span.
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

// Text returns an attribute's value for people: a string without its quotes and escapes, any other value as it is. It
// is untrusted text.
func (a Attr) Text() string {
	if len(a.Value) > 1 && a.Value[0] == '"' {
		return string(plain(a.Value[1 : len(a.Value)-1]))
	}
	return string(bytes.TrimSpace(a.Value))
}

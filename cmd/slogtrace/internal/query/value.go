package query

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A value is what a span or a line has under a key.
type value struct {
	text   string
	kind   valueKind
	absent bool
}

// A valueKind says how a value compares.
type valueKind uint8

const (
	bareValue   valueKind = iota // a number, a duration, a time, or text: whatever it and the wanted value are
	quotedValue                  // a JSON string: for = and != it is text, unless it is a time
	levelValue                   // a level, as tracelog.ParseLevel reads it
	nullValue                    // JSON's null, which is empty
)

// some is a value that is absent if ok is false.
func some(text string, ok bool) value { return value{text: text, absent: !ok} }

// quoted is the same of text.
func quoted(text string, ok bool) value { return value{text, quotedValue, !ok} }

// group is what a value is called as a group.
func (v value) group() string {
	if v.absent {
		return "-"
	}
	return v.text
}

// SpanGroup returns the name of the group that a span is in by a key.
func SpanGroup(s *tracelog.Span, key string) string { return spanValue(s, key).group() }

// RecordGroup is the same for the record of a span.
func RecordGroup(r *tracelog.Record, key string) string { return recordValue(r, key).group() }

// spanValue is what a span says under a key: one of the record schema's, whatever the line's own names are,
// or one of the line's, whose path may be dotted.
func spanValue(s *tracelog.Span, key string) value {
	switch key {
	case "op":
		return quoted(s.Op, true)
	case "service":
		return quoted(s.Service, s.Service != "")
	case "span":
		return quoted(s.ID, true)
	case "parent":
		return quoted(s.ParentID, s.ParentID != "")
	case "kind":
		return quoted(s.Kind, s.Kind != "")
	case "error":
		return quoted(s.Error, s.Failed)
	case "duration_ms":
		return some(formatFloat(Millis(s.Duration)), s.State == tracelog.Ended)
	case "queued_ms":
		return some(formatFloat(Millis(s.Queued)), s.Queued > 0)
	case "start":
		return some(s.Start.Format(time.RFC3339Nano), !s.Start.IsZero())
	}
	if e := EntryOf(s); e != nil {
		return entryValue(e, key)
	}
	return some("", false)
}

// EntryOf is the entry that a span is made from, or nil.
func EntryOf(s *tracelog.Span) *tracelog.Entry {
	if s.EndRecord != nil {
		return s.EndRecord
	}
	return s.StartRecord
}

// entryValue is the same for a line.
func entryValue(e *tracelog.Entry, key string) value {
	switch key {
	case "time":
		return some(e.Time.Format(time.RFC3339Nano), !e.Time.IsZero())
	case "level":
		return value{e.Level, levelValue, e.Level == ""}
	case "msg":
		return quoted(e.Message, e.Message != "")
	case "trace":
		return quoted(e.Trace, e.Trace != "")
	case "span":
		return quoted(e.Span, e.Span != "")
	case "op":
		return quoted(e.Op, e.Op != "")
	case "service":
		return quoted(e.Service, e.Service != "")
	}
	if e.Event != tracelog.EventLog {
		switch key {
		case "parent":
			return quoted(e.Parent, e.Parent != "")
		case "kind":
			return quoted(e.Kind, e.Kind != "")
		case "error":
			return quoted(e.Error, e.Failed)
		case "duration_ms":
			return some(formatFloat(Millis(e.Duration)), e.Event == tracelog.EventEnd)
		case "queued_ms":
			return some(formatFloat(Millis(e.Queued)), e.Queued > 0)
		case "start":
			return some(e.Start.Format(time.RFC3339Nano), !e.Start.IsZero())
		}
	}
	v, ok := e.Attr(key)
	return attrValue(key, v, ok)
}

// attrValue is the value of a member of a line.
func attrValue(key string, v json.RawMessage, ok bool) value {
	if !ok {
		return value{absent: true}
	}
	text := tracelog.Attr{Value: v}.Text()
	switch {
	case slices.Contains(levelKeys, key):
		return value{text: text, kind: levelValue}
	case v[0] == '"':
		return value{text: text, kind: quotedValue}
	case v[0] == 'n':
		return value{text: text, kind: nullValue}
	}
	return value{text: text}
}

// levelKeys are what lines call their level, beside "level".
var levelKeys = []string{"severity", "log.level", "lvl", "Level", "LogLevel"}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// Millis is d as the record schema has durations: in milliseconds, with no more than three decimals.
func Millis(d time.Duration) float64 { return round3(float64(d) / 1e6) }

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

// spanAttr is an attribute of the span's record.
func spanAttr(s *tracelog.Span, key string) value {
	if e := EntryOf(s); e != nil {
		v, ok := e.Attr(key)
		return attrValue(key, v, ok)
	}
	return value{absent: true}
}

// recordValue is [entryValue], without an Entry where that is possible. Of a span record it is [spanValue].
func recordValue(r *tracelog.Record, key string) value {
	text := func(b []byte) value { return quoted(string(b), len(b) > 0) }
	switch key {
	case "op":
		return quoted(string(r.Op()), r.Event != tracelog.EventLog || len(r.Op()) > 0)
	case "service":
		return text(r.Service())
	case "span":
		return text(r.Span())
	}
	if r.Event != tracelog.EventLog {
		switch key {
		case "parent":
			return text(r.Parent())
		case "kind":
			return text(r.Kind())
		case "error":
			return quoted(string(r.Error()), r.Failed)
		case "duration_ms":
			return some(formatFloat(Millis(r.Duration)), r.Event == tracelog.EventEnd)
		case "start":
			return some(r.Start().Format(time.RFC3339Nano), !r.Start().IsZero())
		}
	}
	switch key {
	case "time", "level", "msg", "trace", "queued_ms":
		e := r.Entry()
		return entryValue(&e, key)
	}
	v, ok := r.Attr(key)
	return attrValue(key, v, ok)
}

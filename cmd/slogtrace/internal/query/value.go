package query

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A value is the value of a key in a span or a line.
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

// some returns a bare value, which is absent if ok is false.
func some(text string, ok bool) value { return value{text: text, absent: !ok} }

// quoted is some for text.
func quoted(text string, ok bool) value { return value{text, quotedValue, !ok} }

// group returns the name of the value's group.
func (v value) group() string {
	if v.absent {
		return "-"
	}
	return v.text
}

// SpanGroup returns the value of a span's key, as the name of a group.
func SpanGroup(s *tracelog.Span, key string) string { return spanValue(s, key).group() }

// RecordGroup is the same for the record of a span.
func RecordGroup(r *tracelog.Record, key string) string { return recordValue(r, key).group() }

// spanValue returns the value of a span's key. The keys of the record schema work with any names in the line. Any other
// key is a member of the line, which can have a dotted path.
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
	case "parent_kind":
		return quoted(s.ParentKind, s.ParentKind != "")
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

// EntryOf returns the entry from which a span was made, or nil.
func EntryOf(s *tracelog.Span) *tracelog.Entry {
	if s.EndRecord != nil {
		return s.EndRecord
	}
	return s.StartRecord
}

// entryValue is spanValue for a line.
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
		case "parent_kind":
			return quoted(e.ParentKind, e.ParentKind != "")
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

// attrValue returns the value of a member of a line.
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

// levelKeys are the keys of levels besides "level".
var levelKeys = []string{"severity", "log.level", "lvl", "Level", "LogLevel"}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// Millis returns a duration as in the record schema: in milliseconds, with at most three decimals.
func Millis(d time.Duration) float64 { return round3(float64(d) / 1e6) }

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

// spanAttr returns an attribute of the span's record.
func spanAttr(s *tracelog.Span, key string) value {
	if e := EntryOf(s); e != nil {
		v, ok := e.Attr(key)
		return attrValue(key, v, ok)
	}
	return value{absent: true}
}

// recordValue is [entryValue] for a Record, for which it seldom needs an Entry. For a span record it equals [spanValue].
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
	case "time", "level", "msg", "trace", "queued_ms", "parent_kind":
		e := r.Entry()
		return entryValue(&e, key)
	}
	v, ok := r.Attr(key)
	return attrValue(key, v, ok)
}

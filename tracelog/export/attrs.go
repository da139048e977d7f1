package export

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// deepest is how many levels of nested objects become attributes with dots in their names. Deeper objects are values.
const deepest = 8

// flatten replaces each attribute that is an object by its members. Their keys are the object's key, a dot and the member's
// name, as traceotlp writes groups. If a key occurs more than once, the last one counts, as there.
func flatten(attrs []tracelog.Attr) []tracelog.Attr {
	list := make([]tracelog.Attr, 0, len(attrs))
	for _, a := range attrs {
		list = appendFlat(list, a, deepest)
	}
	return lastOfKeys(list)
}

// lastOfKeys returns the last attribute of each key, in order. It reuses list.
func lastOfKeys(list []tracelog.Attr) []tracelog.Attr {
	last := make(map[string]int, len(list))
	for i, a := range list {
		last[a.Key] = i
	}
	kept := list[:0]
	for i, a := range list {
		if last[a.Key] == i {
			kept = append(kept, a)
		}
	}
	return kept
}

func appendFlat(list []tracelog.Attr, a tracelog.Attr, levels int) []tracelog.Attr {
	if levels == 0 || len(a.Value) < 3 || a.Value[0] != '{' {
		return append(list, a)
	}
	dec := json.NewDecoder(bytes.NewReader(a.Value))
	before := len(list)
	if _, err := dec.Token(); err != nil {
		return append(list, a)
	}
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		name, ok := key.(string)
		if err != nil || !ok { // the value of an attribute is valid JSON
			return append(list[:before], a)
		}
		list = appendFlat(list, tracelog.Attr{Key: a.Key + "." + name, Value: value}, levels-1)
	}
	if len(list) == before {
		return append(list, a)
	}
	return list
}

// textAttr returns an attribute whose value is a string.
func textAttr(key, text string) tracelog.Attr {
	value, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always can be marshalled
	}
	return tracelog.Attr{Key: key, Value: value}
}

// numberAttr returns an attribute whose value is a number.
func numberAttr(key string, x float64) tracelog.Attr {
	return tracelog.Attr{Key: key, Value: strconv.AppendFloat(nil, x, 'f', -1, 64)}
}

// extra returns attributes for what a format has no field for: other members of the record, and what export has changed.
func extra(t *tracelog.Trace, s *tracelog.Span) []tracelog.Attr {
	var list []tracelog.Attr
	if s.Queued > 0 {
		list = append(list, numberAttr("queued_ms", millis(s.Queued)))
	}
	if rate := sampleRate(s); rate > 0 {
		list = append(list, numberAttr("sample_rate", rate))
	}
	if s.Weight == 0 {
		list = append(list, tracelog.Attr{Key: "sampled", Value: json.RawMessage("false")})
	}
	if s.State != tracelog.Ended {
		list = append(list, textAttr("slogtrace.state", s.State.String()))
	}
	if _, ok := traceID(t.ID); !ok {
		list = append(list, textAttr("slogtrace.trace", t.ID))
	}
	if _, ok := spanID(s.ID); !ok {
		list = append(list, textAttr("slogtrace.span", s.ID))
	}
	return list
}

// sampleRate returns the sample rate in the span's record, or 0 if it has none.
func sampleRate(s *tracelog.Span) float64 {
	switch {
	case s.EndRecord != nil:
		return s.EndRecord.SampleRate
	case s.StartRecord != nil:
		return s.StartRecord.SampleRate
	}
	return 0
}

// millis returns milliseconds with at most three decimals, as the record schema has durations.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// ends returns when a span ended, by its own clock. If it has not ended, that is the last sign of it.
func ends(s *tracelog.Span) time.Time {
	if s.State == tracelog.Ended {
		return s.Start.Add(s.Duration)
	}
	if _, end := s.Interval(); !end.IsZero() {
		return end.Add(-s.Shift)
	}
	return s.Start
}

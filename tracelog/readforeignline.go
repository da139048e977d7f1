package tracelog

import (
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// A foreignLine is the line of a foreign span or log line.
type foreignLine struct {
	b    []byte
	from int // of the level's text
	to   int
	seen map[string]bool // the keys so far
}

func newForeignLine(at time.Time, level string) *foreignLine {
	w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	if t := timeText(at); t != nil {
		w.raw("time", appendQuoted(nil, t))
	}
	if level != "" {
		w.raw("level", appendQuoted(nil, []byte(level)))
	}
	w.to = len(w.b)
	w.from = w.to - len(level) - len(`""`)
	return w
}

// level replaces the level, if nothing has been written after it.
func (w *foreignLine) level(level string) { w.b = appendQuoted(w.b[:w.from], []byte(level)) }

// text writes a string, unless it is empty.
func (w *foreignLine) text(key, value string) {
	if value != "" {
		w.raw(key, appendQuoted(nil, []byte(value)))
	}
}

// raw writes a member, unless the value is empty.
func (w *foreignLine) raw(key string, value []byte) {
	if len(value) == 0 || w.seen[key] {
		return
	}
	w.seen[key] = true
	if len(w.b) > 1 {
		w.b = append(w.b, ',')
	}
	w.b = append(append(appendQuoted(w.b, []byte(key)), ':'), value...)
}

func (w *foreignLine) ids(trace, span, op string) {
	w.text("trace_id", trace)
	w.text("span_id", span)
	w.text("op", op)
}

// attr writes an attribute. One whose name has a meaning in the record schema gets another.
func (w *foreignLine) attr(key string, value []byte) {
	if reservedKeys()[key] {
		key = "attr." + key
	}
	w.raw(key, value)
}

// reservedKeys are the keys that are more than attributes on a line of a span.
var reservedKeys = sync.OnceValue(func() map[string]bool {
	reserved := make(map[string]bool)
	for f := range schema.NumFields {
		names := schema.Presets[0].Keys[f] + " " + schema.Presets[1].Keys[f]
		if own, _, _ := strings.Cut(schema.Common[f], " "); f != schema.Service {
			names += " " + own
		}
		for key := range strings.FieldsSeq(names) {
			reserved[key] = true
		}
	}
	return reserved
})

// attrs writes attributes: an object, or an array of keys and values.
func (w *foreignLine) attrs(v []byte) {
	for _, m := range foreignMembers(v) {
		w.attr(string(m.key), m.value)
	}
}

// spanAttrs writes the attributes of a span. The numbers queued_ms and sample_rate, and sampled if it is false, become fields of
// the record schema, because traceotlp and package export write these fields as attributes.
func (w *foreignLine) spanAttrs(v []byte) {
	for _, m := range foreignMembers(v) {
		switch key := string(m.key); {
		case (key == "queued_ms" || key == "sample_rate") && (m.value[0] == '-' || m.value[0] >= '0' && m.value[0] <= '9'):
			w.raw(key, m.value)
		case key == "sampled" && string(m.value) == "false":
			w.raw(key, m.value)
		default:
			w.attr(key, m.value)
		}
	}
}

// others writes the members that have no meaning.
func (w *foreignLine) others(ms []member) {
	for i := range ms {
		if m := &ms[i]; m.outer == 0 && !foreignKnown()[string(m.key)] {
			w.attr(string(m.key), m.value)
		}
	}
}

// around writes what the resource, the scope and what is around them say.
func (w *foreignLine) around(c *foreignContext, ms []member) {
	if v := pick(ms, foreignResource); v != nil {
		w.members(foreignMembers(v))
	}
	w.members(c.resource)
	scope := pickText(ms, []string{"Scope.Name", "InstrumentationScope.Name", "InstrumentationLibrary.Name", "ScopeName", "scope.name"})
	w.text("otel.scope.name", scope)
	w.members(c.scope)
	w.b = append(w.b, c.beside...)
}

func (w *foreignLine) members(ms []member) {
	for i := range ms {
		if m := &ms[i]; string(m.key) != "service.name" {
			w.attr(string(m.key), m.value)
		}
	}
}

// links writes the links of a span.
func (w *foreignLine) links(ms []member) {
	var b []byte
	add := func(trace, span string) {
		if trace, span = foreignID(trace), foreignID(span); trace == "" || span == "" {
			return
		}
		sep := byte(',')
		if b == nil {
			sep = '['
		}
		b = append(appendQuoted(append(append(b, sep), `{"trace_id":`...), []byte(trace)), `,"span_id":`...)
		b = append(appendQuoted(b, []byte(span)), '}')
	}
	if spans := elementsOf(pick(ms, []string{"Links.SpanId"})); spans != nil { // columns of a table
		for i, trace := range elementsOf(pick(ms, []string{"Links.TraceId"})) {
			add(jsonText(trace), jsonText(at(spans, i)))
		}
	}
	for _, link := range elementsOf(pick(ms, foreignLinks)) {
		if link[0] == '{' {
			in, _ := appendMembers(nil, link)
			add(pickText(in, foreignTrace), pickText(in, foreignSpanID))
		}
	}
	if b != nil {
		w.raw("links", append(b, ']'))
	}
}

func (w *foreignLine) done() []byte { return append(w.b, '}') }

// foreignMembers returns the attributes in an object, or in an array of keys and values as OTLP and OpenTelemetry's
// exporters for Go write it. An object with a member "attributes" contains them there.
func foreignMembers(v []byte) []member {
	if len(v) == 0 {
		return nil
	}
	switch v[0] {
	case '{':
		ms, _ := appendMembers(nil, v)
		if in := pick(ms, []string{"attributes", "Attributes", "tags"}); in != nil && (in[0] == '{' || in[0] == '[') {
			service := pick(ms, []string{"serviceName"})
			ms = foreignMembers(in)
			if service != nil {
				ms = append(ms, member{key: []byte("service.name"), value: service})
			}
		}
		return ms
	case '[':
		var ms []member
		eachElement(v, func(element []byte) bool {
			if element[0] != '{' {
				return true
			}
			in, _ := appendMembers(nil, element)
			key, value := pick(in, []string{"key", "Key"}), foreignValue(pick(in, []string{"value", "Value"}))
			if key != nil && key[0] == '"' && value != nil {
				ms = append(ms, member{key: plain(key[1 : len(key)-1]), value: value})
			}
			return true
		})
		return ms
	}
	return nil
}

// foreignValue returns a value as JSON that OTLP, or an exporter for Go, has in an object with its type.
func foreignValue(v []byte) []byte {
	if len(v) == 0 || v[0] != '{' {
		return v
	}
	ms, _ := appendMembers(nil, v)
	for i := range ms {
		in := ms[i].value
		switch string(ms[i].key) {
		case "stringValue", "boolValue", "doubleValue", "bytesValue", "string_value", "bool_value", "double_value":
			return in
		case "intValue", "int_value":
			if text := jsonText(in); isNumber([]byte(text)) {
				return []byte(text)
			}
			return in
		case "arrayValue", "array_value":
			return foreignArray(pick(foreignFields(in), []string{"values"}))
		case "kvlistValue", "kvlist_value":
			return foreignObject(pick(foreignFields(in), []string{"values"}))
		case "Value":
			if pick(ms, []string{"Type"}) == nil {
				continue
			}
			switch pickText(ms, []string{"Type"}) {
			case "Map":
				return foreignObject(in)
			case "Slice":
				return foreignArray(in)
			}
			return in
		}
	}
	return v
}

func foreignFields(v []byte) []member {
	if v[0] != '{' {
		return nil
	}
	ms, _ := appendMembers(nil, v)
	return ms
}

func foreignArray(v []byte) []byte {
	out := []byte{'['}
	for i, element := range elementsOf(v) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, foreignValue(element)...)
	}
	return append(out, ']')
}

func foreignObject(v []byte) []byte {
	w := foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	for _, m := range foreignMembers(v) {
		w.raw(string(m.key), m.value)
	}
	return w.done()
}

// Package schema holds the keys under which log lines have their trace data: the project's own names,
// those of backends, and those of other loggers.
//
// Package tracelog reads lines by these names. Package slogtrace keeps data from outside the process away from them.
package schema

import (
	"slices"
	"strings"
)

// A Field is a piece of data that a line can have under a key of the record schema.
type Field uint8

const (
	// The built-ins of log/slog, on every line.
	Time Field = iota
	Level
	Message
	Source
	// On every line.
	Trace
	Span
	Other // repeats another field, or is not an attribute of a user
	Op
	Service
	// On span records only; on log lines these keys are the user's.
	Parent
	Kind
	Start
	Duration
	Error
	Stack
	Links
	Queued
	SampleRate
	Sampled
	ParentKind
	NumFields
)

// A Preset is one set of names for the fields: the keys of the lines that a slogtrace.Format writes for a backend,
// and those that the backend's own libraries write or that it returns.
//
// A field may have several keys, separated by spaces: the first one on the line with a value
// of the right type counts. The keys in [Common] follow those of the preset. A key with a dot is found
// in both forms, as {"trace.id":"x"} and as {"trace":{"id":"x"}}.
type Preset struct {
	Name string // tracelog's Entry.Schema
	Keys [NumFields]string

	// Tells are keys that together distinguish lines of this preset from those of another one with the same names for the ids.
	// A line that has neither all of them nor the key TellsToo does not have this preset.
	Tells, TellsToo string
}

// Presets is the only place where keys are named. Readers choose the preset for each line:
// the one that finds most of the two ids; of those one whose Tells are found; of those the first.
// So a user's attribute with the name of another preset's id stays an attribute.
//
// slogtrace's Format must write the first key of each field here, or the first in Common.
var Presets = [...]Preset{
	{
		Name: "slogtrace",
		Keys: [NumFields]string{Trace: "trace", Span: "span"},
	},
	{
		// OpenTelemetry's names for the ids in logs that are not OTLP, then those of loggers in other languages.
		Name: "otel",
		Keys: [NumFields]string{
			Trace: "trace_id traceId TraceId traceID traceparent", Span: "span_id spanId SpanId spanID", Other: "trace_flags",
			Parent: "parent parent_span_id parentSpanId",
		},
	},
	{
		// dd.trace_id is 32 hex digits, or decimal if it has 64 bits; dd.span_id is decimal. So are the parent's and a link's.
		Name: "datadog",
		Keys: [NumFields]string{
			Trace: "dd.trace_id", Span: "dd.span_id", Service: "dd.service",
			Parent: "parent dd.parent_id", Error: "error.message error", Stack: "error.stack stack",
		},
	},
	{
		Name: "gcp",
		Keys: [NumFields]string{
			Time: "time timestamp", Level: "severity", Message: "message",
			Trace: "logging.googleapis.com/trace", Span: "logging.googleapis.com/spanId",
			Other:  "logging.googleapis.com/trace_sampled",
			Source: "logging.googleapis.com/sourceLocation", Service: "service serviceContext.service",
		},
	},
	{
		// Lines with trace.id and span.id but without ECS's own keys.
		Name: "newrelic",
		Keys: [NumFields]string{
			Time: "time timestamp", Trace: "trace.id", Span: "span.id",
			Op: "name op", Parent: "parent.id parent", Duration: "duration.ms duration_ms",
			Error: "error.message error", Stack: "error.stack stack",
			Service: "service.name service entity.name",
		},
	},
	{
		// transaction.id replaces span.id on lines of Elastic's agents outside of spans. If a line has both
		// and they differ, it is an attribute.
		Name: "ecs",
		Keys: [NumFields]string{
			Time: "@timestamp", Level: "log.level", Message: "message",
			Trace: "trace.id", Span: "span.id transaction.id", Other: "ecs.version",
			Op: "span.name op transaction.name", Service: "service.name",
			Parent: "parent.id parent", Kind: "span.kind kind", Start: "event.start start",
			Duration: "event.duration duration_ms", // event.duration is in nanoseconds
			Error:    "error.message error", Stack: "error.stack_trace stack",
			Source: "log.origin",
		},
		Tells: "@timestamp", TellsToo: "ecs.version", // ecs.version is for lines below another handler, which names the time
	},
	{
		Name: "honeycomb",
		Keys: [NumFields]string{
			Time: "time timestamp", Trace: "trace.trace_id", Span: "trace.span_id",
			Op: "name op", Service: "service.name", Parent: "trace.parent_id parent",
			Kind: "kind span.kind", Error: "error status_message exception.message",
		},
	},
	{
		// Names are free: these are slogtrace's and OpenTelemetry's. A query returns all values as strings.
		Name: "victorialogs",
		Keys: [NumFields]string{
			Time: "_time", Message: "_msg", Trace: "trace trace_id", Span: "span span_id",
			Other: "trace_flags",
		},
		Tells: "_msg _time",
	},
	{
		Name: "axiom",
		Keys: [NumFields]string{
			Time: "_time", Message: "msg message", Trace: "trace_id", Span: "span_id",
			Other: "trace_flags", Op: "name op", Service: "service.name", Parent: "parent_span_id parent",
			// A number of nanoseconds, or a text in the form of time.Duration.
			Duration: "duration duration_ms",
			Error:    "status.message error error.message",
		},
		Tells: "_time",
	},
	{
		// An id of the form 1-<8 hex>-<24 hex> is X-Ray's under any other preset's key too.
		Name: "xray",
		Keys: [NumFields]string{
			Trace: "xray_trace_id xrayTraceId AWS-XRAY-TRACE-ID", Span: "span xray_segment_id",
			Time: "time timestamp",
		},
	},
}

// Common are the keys that count on a line of any preset, and on one without ids: slogtrace's own,
// and other loggers' names of the built-ins: zap, zerolog, logrus, pino, log15 and Grafana (t), Python (asctime, levelname),
// .NET and Serilog (in Pascal case).
var Common = [NumFields]string{
	Time:    "time @timestamp timestamp ts _time t Timestamp asctime",
	Level:   "level severity log.level lvl Level LogLevel levelname",
	Message: "msg message _msg Message RenderedMessage",
	Source:  "source", Op: "op", Service: "service service.name service_name dd.service serviceContext.service entity.name",
	Parent: "parent", Kind: "kind", Start: "start", Duration: "duration_ms",
	Error: "error", Stack: "stack", Links: "links", Queued: "queued_ms",
	SampleRate: "sample_rate", Sampled: "sampled", ParentKind: "parent_kind",
}

// Journal is the key by which readers recognise an entry of systemd's journal, which holds another line.
const Journal = "__REALTIME_TIMESTAMP"

// Keys returns every key that some reader takes for more than an attribute, with the first of its fields.
// Fields from Parent on are read in span records only. outer has the keys of objects in which readers look for
// such keys, as for the service in {"service":{"name":…}}.
func Keys() (keys, outer map[string]Field) {
	keys, outer = make(map[string]Field), make(map[string]Field)
	put := func(m map[string]Field, key string, f Field) {
		if old, ok := m[key]; !ok || f < old {
			m[key] = f
		}
	}
	add := func(f Field, names string) {
		for key := range strings.FieldsSeq(names) {
			put(keys, key, f)
			if o, ok := Outer(key); ok {
				put(outer, o, f)
			}
		}
	}
	add(Other, Journal)
	for i := range Presets {
		for f, names := range Presets[i].Keys {
			add(Field(f), names)
		}
		add(Other, Presets[i].Tells)
		add(Other, Presets[i].TellsToo)
	}
	for f, names := range Common {
		add(Field(f), names)
	}
	return keys, outer
}

// Of returns the preset that a reader chooses for a line with its ids under these keys, or nil.
// has reports which other keys every such line has.
func Of(trace, span string, has func(key string) bool) *Preset {
	var best *Preset
	for i := range Presets {
		p := &Presets[i]
		if !contains(p.Keys[Trace], trace) || !contains(p.Keys[Span], span) {
			continue
		}
		switch told := p.Tells != "" && (all(p.Tells, has) || p.TellsToo != "" && has(p.TellsToo)); {
		case told:
			return p
		case p.Tells == "" && best == nil:
			best = p
		}
	}
	return best
}

func contains(keys, key string) bool { return slices.Contains(strings.Fields(keys), key) }

func all(keys string, has func(key string) bool) bool {
	for key := range strings.FieldsSeq(keys) {
		if !has(key) {
			return false
		}
	}
	return true
}

// Outer returns the part of a dotted key that names an object.
func Outer(key string) (string, bool) {
	outer, _, ok := strings.Cut(key, ".")
	return outer, ok && !strings.Contains(key, "/")
}

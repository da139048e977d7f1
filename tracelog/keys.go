package tracelog

import (
	"maps"
	"slices"
	"strings"
)

// A field is something that a line can say under a key of the record schema.
type field uint8

const (
	// The built-ins of log/slog, on every line.
	fieldTime field = iota
	fieldLevel
	fieldMessage
	fieldSource
	// On every line.
	fieldTrace
	fieldSpan
	fieldOther // says nothing that is not in another field, or is no attribute of anybody
	fieldOp
	fieldService
	// On span records only; on log lines these keys are the user's.
	fieldParent
	fieldKind
	fieldStart
	fieldDuration
	fieldError
	fieldStack
	fieldLinks
	fieldQueued
	fieldSampleRate
	fieldSampled
	numFields
)

// A preset is one way of naming the fields: the keys of the lines that a slogtrace.Format writes for a backend,
// and those that the backend's own libraries write or that it gives back.
//
// A field may have several keys, separated by spaces: the first that stands on the line with a value
// of the right type counts. After those of the preset come those of [common]. A key with a dot is found
// in both forms, as {"trace.id":"x"} and as {"trace":{"id":"x"}}.
type preset struct {
	name string // Entry.Schema
	keys [numFields]string

	// tells are keys that, all together, tell lines of this preset from those of another with the same names for the ids.
	// Without them, or else the key tellsToo, no line has this preset.
	tells, tellsToo string
	// ids is how this preset writes them.
	ids idForm
	// spanStore: of a backend that keeps spans as they are. A line without a message, but with both ids, a name and
	// a duration is a span's end, and "error" may be a boolean.
	spanStore bool
	// startTime: the time of an end record is the span's start.
	startTime bool
	// strings: numbers and booleans may stand in quotes, and links too.
	strings bool
}

// presets is the one place where keys are named. Which preset a line has is decided line by line:
// the one that finds most of its two ids, of those one that finds the keys that tell it, of those the first.
// So an attribute of the user's that is named like an id of another preset stays an attribute.
//
// What slogtrace's Format writes is assumed to be the first key of each field here, else the first in common.
var presets = [...]preset{
	{
		name: "slogtrace",
		keys: [numFields]string{fieldTrace: "trace", fieldSpan: "span"},
	},
	{
		// OpenTelemetry's names for the ids in logs that are not OTLP, then those of other languages' loggers.
		name: "otel",
		keys: [numFields]string{
			fieldTrace: "trace_id traceId TraceId traceID traceparent", fieldSpan: "span_id spanId SpanId spanID", fieldOther: "trace_flags",
			fieldParent: "parent parent_span_id parentSpanId",
		},
	},
	{
		// dd.trace_id is 32 hex digits or, of 64 bits, decimal; dd.span_id is decimal. So are the parent's and a link's.
		name: "datadog",
		keys: [numFields]string{
			fieldTrace: "dd.trace_id", fieldSpan: "dd.span_id", fieldService: "dd.service",
			fieldParent: "parent dd.parent_id",
		},
		ids: idDatadog,
	},
	{
		name: "gcp",
		keys: [numFields]string{
			fieldTime: "time timestamp", fieldLevel: "severity", fieldMessage: "message",
			fieldTrace: "logging.googleapis.com/trace", fieldSpan: "logging.googleapis.com/spanId",
			fieldOther:  "logging.googleapis.com/trace_sampled",
			fieldSource: "logging.googleapis.com/sourceLocation", fieldService: "service serviceContext.service",
		},
		ids: idGoogle,
	},
	{
		// Of trace.id and span.id without ECS's own keys.
		name: "newrelic",
		keys: [numFields]string{
			fieldTime: "time timestamp", fieldTrace: "trace.id", fieldSpan: "span.id",
			fieldOp: "op name", fieldParent: "parent parent.id", fieldDuration: "duration_ms duration.ms",
			fieldError: "error error.message", fieldStack: "stack error.stack",
			fieldService: "service service.name entity.name",
		},
	},
	{
		// transaction.id stands in for span.id on lines of Elastic's agents outside of spans; where there are both
		// and they differ, it is an attribute.
		name: "ecs",
		keys: [numFields]string{
			fieldTime: "@timestamp", fieldLevel: "log.level", fieldMessage: "message",
			fieldTrace: "trace.id", fieldSpan: "span.id transaction.id", fieldOther: "ecs.version",
			fieldOp: "op span.name transaction.name", fieldService: "service.name",
			fieldParent: "parent parent.id", fieldKind: "kind span.kind", fieldStart: "start event.start",
			fieldDuration: "duration_ms event.duration", // the latter in nanoseconds
			fieldError:    "error error.message", fieldStack: "stack error.stack_trace",
			fieldSource: "log.origin",
		},
		tells: "@timestamp", tellsToo: "ecs.version", // the one below another handler, which names the time
	},
	{
		name: "honeycomb",
		keys: [numFields]string{
			fieldTime: "time timestamp", fieldTrace: "trace.trace_id", fieldSpan: "trace.span_id",
			fieldOp: "name op", fieldService: "service.name", fieldParent: "trace.parent_id parent",
			fieldKind: "kind span.kind", fieldError: "error status_message exception.message",
		},
		spanStore: true, startTime: true,
	},
	{
		// Names are free: these are slogtrace's and OpenTelemetry's. A query gives all values back as strings.
		name: "victorialogs",
		keys: [numFields]string{
			fieldTime: "_time", fieldMessage: "_msg", fieldTrace: "trace trace_id", fieldSpan: "span span_id",
			fieldOther: "trace_flags",
		},
		tells: "_msg _time", strings: true,
	},
	{
		name: "axiom",
		keys: [numFields]string{
			fieldTime: "_time", fieldMessage: "msg message", fieldTrace: "trace_id", fieldSpan: "span_id",
			fieldOther: "trace_flags", fieldOp: "name op", fieldService: "service.name", fieldParent: "parent_span_id parent",
			// A number of nanoseconds, or text as Go writes a duration.
			fieldDuration: "duration duration_ms",
			fieldError:    "status.message error error.message",
		},
		tells: "_time", spanStore: true,
	},
	{
		// An id of the form 1-<8 hex>-<24 hex> is also X-Ray's under any other preset's key.
		name: "xray",
		keys: [numFields]string{
			fieldTrace: "xray_trace_id xrayTraceId AWS-XRAY-TRACE-ID", fieldSpan: "span xray_segment_id",
			fieldTime: "time timestamp",
		},
	},
}

// common are the keys that count on a line of whatever preset, and where no ids are: slogtrace's own,
// and what other loggers call the built-ins (zap, zerolog, logrus, pino).
var common = [numFields]string{
	fieldTime: "time @timestamp timestamp ts _time", fieldLevel: "level severity log.level lvl", fieldMessage: "msg message _msg",
	fieldSource: "source", fieldOp: "op", fieldService: "service service.name service_name dd.service serviceContext.service entity.name",
	fieldParent: "parent", fieldKind: "kind", fieldStart: "start", fieldDuration: "duration_ms",
	fieldError: "error", fieldStack: "stack", fieldLinks: "links", fieldQueued: "queued_ms",
	fieldSampleRate: "sample_rate", fieldSampled: "sampled",
}

// The messages of span records.
const (
	messageStart = "span start"
	messageEnd   = "span end"
)

// A slot numbers the distinct keys of all presets; 0 is every other key.
// Those that decide about the preset, and about wrapped lines, come first: each has a bit in a uint64.
type slot uint8

const maxSlots = 128

func (s slot) bit() uint64 { return 1 << s } // 0 for those from 64 on

var (
	slots = make(map[string]slot)
	// nests are the keys before the first dot of those with one: their objects are looked into.
	nests [maxSlots]bool
	// numberIDs are the keys whose ids may be JSON numbers.
	numberIDs [maxSlots]bool
	// slotBits are what slot.bit returns, but 0 for slot 0.
	slotBits [maxSlots]uint64

	layouts [len(presets)]layout
	// decisive are the bits of the keys on whose account a line may have another preset than the first,
	// wrappers of those on whose account it may hold another line.
	// decides are the bits of all keys that presetOf looks at.
	// idSlots are those of the traces' and spans' ids.
	decisive, wrappers, decides, idSlots uint64

	// Keys that mean something of their own to the parser.
	slotTime, slotLevel, slotMessage, slotJournal    slot
	slotTrace, slotSpan, slotOp                      slot
	slotNanoseconds, slotGoDuration, slotTransaction slot
	slotError, slotPrefix                            slot
	slotDatadogTrace, slotDatadogSpan                slot
)

// slotTable is the map slots, quicker: most keys of a line are the user's, and differ from all of these
// in the length or in one of two bytes.
var slotTable [512]struct {
	key  string
	slot slot
}

func hashKey(key []byte) uint {
	n := uint(len(key))
	return (n*37 + uint(key[0])*5 + uint(key[n-1])*67 + uint(key[n/2])*11) % uint(len(slotTable))
}

// keySlot returns the slot of a key, 0 if nothing is known of it.
func keySlot(key []byte) slot {
	if len(key) == 0 {
		return 0
	}
	for i := hashKey(key); slotTable[i].slot != 0; i = (i + 1) % uint(len(slotTable)) {
		if slotTable[i].key == string(key) {
			return slotTable[i].slot
		}
	}
	return 0
}

// A layout is a preset made ready for use.
type layout struct {
	*preset
	slots           [numFields][]slot
	trace, span     uint64 // bits of the slots
	tells, tellsToo uint64
}

func slotOf(key string) slot {
	s := slots[key]
	if s == 0 {
		s = slot(len(slots) + 1)
		if s >= maxSlots {
			panic("tracelog: maxSlots is too small")
		}
		slots[key] = s
	}
	return s
}

func slotsOf(keys string) []slot {
	var all []slot
	for key := range strings.FieldsSeq(keys) {
		if s := slotOf(key); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func bitsOf(keys string) (all uint64) {
	for _, s := range slotsOf(keys) {
		if s.bit() == 0 {
			panic("tracelog: more than 63 keys that decide")
		}
		all |= s.bit()
	}
	return all
}

func init() {
	for i := range presets {
		l := &layouts[i]
		l.preset = &presets[i]
		l.trace, l.span = bitsOf(l.keys[fieldTrace]), bitsOf(l.keys[fieldSpan])
		l.tells, l.tellsToo = bitsOf(l.preset.tells), bitsOf(l.preset.tellsToo)
		decisive |= l.trace | l.span | l.tells | l.tellsToo
		idSlots |= l.trace | l.span
	}
	decides = decisive
	decisive &^= layouts[0].trace | layouts[0].span
	wrappers = bitsOf("stream __REALTIME_TIMESTAMP")
	for i := range layouts {
		l := &layouts[i]
		for f := range numFields {
			l.slots[f] = slotsOf(l.keys[f] + " " + common[f])
		}
	}
	for _, key := range [...]string{"dd.trace_id", "dd.span_id", "dd.parent_id"} {
		numberIDs[slotOf(key)] = true
	}
	slotTime, slotLevel, slotMessage = slotOf("time"), slotOf("level"), slotOf("msg")
	slotTrace, slotSpan, slotOp = slotOf("trace"), slotOf("span"), slotOf("op")
	slotJournal = slotOf("__REALTIME_TIMESTAMP")
	slotNanoseconds, slotGoDuration = slotOf("event.duration"), slotOf("duration")
	slotTransaction, slotError = slotOf("transaction.id"), slotOf("error")
	slotPrefix = slotOf("prefix")
	slotDatadogTrace, slotDatadogSpan = slotOf("dd.trace_id"), slotOf("dd.span_id")
	for key := range maps.Clone(slots) {
		if outer, _, ok := strings.Cut(key, "."); ok && !strings.Contains(key, "/") {
			nests[slotOf(outer)] = true
		}
	}
	for s := range slotBits {
		slotBits[s] = slot(s).bit() &^ 1
	}
	for key, s := range slots {
		i := hashKey([]byte(key))
		for slotTable[i].slot != 0 {
			i = (i + 1) % uint(len(slotTable))
		}
		slotTable[i].key, slotTable[i].slot = key, s
	}
}

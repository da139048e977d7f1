package tracelog

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
	fieldFlags
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

// A preset is one way of naming the fields: the keys of the lines of one slogtrace.Format.
type preset [numFields]string

// presets is the one place where keys are named. Which preset a line has is decided line by line:
// the one that finds most of its two ids as strings, the first of equals. So an attribute of the user's
// that is named like an id of another preset stays an attribute.
var presets = [...]preset{
	{ // slogtrace's own
		fieldTime: "time", fieldLevel: "level", fieldMessage: "msg", fieldSource: "source",
		fieldTrace: "trace", fieldSpan: "span", fieldOp: "op", fieldService: "service",
		fieldParent: "parent", fieldKind: "kind", fieldStart: "start", fieldDuration: "duration_ms",
		fieldError: "error", fieldStack: "stack", fieldLinks: "links", fieldQueued: "queued_ms",
		fieldSampleRate: "sample_rate", fieldSampled: "sampled",
	},
	{ // OpenTelemetry's names for the ids in logs that are not OTLP
		fieldTime: "time", fieldLevel: "level", fieldMessage: "msg", fieldSource: "source",
		fieldTrace: "trace_id", fieldSpan: "span_id", fieldFlags: "trace_flags", fieldOp: "op", fieldService: "service",
		fieldParent: "parent", fieldKind: "kind", fieldStart: "start", fieldDuration: "duration_ms",
		fieldError: "error", fieldStack: "stack", fieldLinks: "links", fieldQueued: "queued_ms",
		fieldSampleRate: "sample_rate", fieldSampled: "sampled",
	},
}

// The messages of span records.
const (
	messageStart = "span start"
	messageEnd   = "span end"
)

// A slot numbers the distinct keys of all presets; 0 is every other key.
type slot uint8

const maxSlots = 64

var (
	slots       = make(map[string]slot)
	presetSlots [len(presets)][numFields]slot
)

func init() {
	for p, keys := range presets {
		for f, key := range keys {
			if key == "" {
				continue
			}
			if slots[key] == 0 {
				slots[key] = slot(len(slots) + 1)
			}
			presetSlots[p][f] = slots[key]
		}
	}
	if len(slots) >= maxSlots {
		panic("tracelog: maxSlots is too small")
	}
}

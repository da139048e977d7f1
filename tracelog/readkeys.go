package tracelog

import (
	"maps"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// A field is something that a line can contain under a key of the record schema.
type field = schema.Field

const (
	fieldTime       = schema.Time
	fieldLevel      = schema.Level
	fieldMessage    = schema.Message
	fieldSource     = schema.Source
	fieldTrace      = schema.Trace
	fieldSpan       = schema.Span
	fieldOther      = schema.Other
	fieldOp         = schema.Op
	fieldService    = schema.Service
	fieldParent     = schema.Parent
	fieldKind       = schema.Kind
	fieldStart      = schema.Start
	fieldDuration   = schema.Duration
	fieldError      = schema.Error
	fieldStack      = schema.Stack
	fieldLinks      = schema.Links
	fieldQueued     = schema.Queued
	fieldSampleRate = schema.SampleRate
	fieldSampled    = schema.Sampled
	fieldParentKind = schema.ParentKind
	numFields       = schema.NumFields
)

// A preset is one way of naming the fields and of writing their values.
type preset struct {
	name            string // Entry.Schema
	keys            [numFields]string
	tells, tellsToo string
	// ids is the form in which this preset writes them.
	ids idForm
	// spanStore is set for a backend that keeps spans as they are. A line without a message is a span's end if it has
	// both ids, a name and a duration, and "error" may be a boolean.
	spanStore bool
	// startTime is set if the time of an end record is the span's start.
	startTime bool
	// strings is set if numbers, booleans and links may be in quotes.
	strings bool
}

// presets are those of package schema. The preset of a line is decided line by line. It is the one that finds most of
// its two ids; of those, the one that finds its identifying keys; of those, the first. See choice for lines with
// several. So a user's attribute that is named like an id of another preset stays an attribute.
var presets = func() (all [len(schema.Presets)]preset) {
	for i, s := range schema.Presets {
		p := preset{name: s.Name, keys: s.Keys, tells: s.Tells, tellsToo: s.TellsToo}
		switch s.Name {
		case "datadog":
			p.ids = idDatadog
		case "gcp":
			p.ids = idGoogle
		case "honeycomb":
			p.spanStore, p.startTime = true, true
		case "victorialogs":
			p.strings = true
		case "axiom":
			p.spanStore = true
		}
		all[i] = p
	}
	return all
}()

// common are the keys that count on a line of any preset.
var common = schema.Common

// The messages of span records.
const (
	messageStart = "span start"
	messageEnd   = "span end"
)

var (
	// nests are the parts before the first dot of keys with a dot: their objects are opened.
	nests [maxSlots]bool
	// numberIDs are the keys whose ids may be JSON numbers.
	numberIDs [maxSlots]bool
	// slotBits are the results of slot.bit, but 0 for slot 0.
	slotBits [maxSlots]uint64

	layouts [len(presets)]layout
	// decisive are the bits of the keys because of which a line may have a preset other than the first; wrappers
	// those of the keys because of which it may contain another line. decides are the bits of all keys that presetOf
	// looks at. idSlots are those of the trace and span ids.
	decisive, wrappers, decides, idSlots uint64

	// tellers are the bits of the keys that identify presets; builtinTells those among them that are names of the
	// time or the message.
	tellers, builtinTells uint64
	// builtins are the fields of the names that log/slog's members may have, plus one; 0 for other keys.
	builtins     [maxSlots]field
	builtinSlots []slot // except the time's
	// unwritten are the bits of keys that have a meaning in span records of other writers, but not of a Format.
	unwritten uint64
	// otherServices are the bits of the service's names, except slogtrace's own.
	otherServices uint64

	// traceSlots and spanSlots are the bits of the ids' names. anySlots are all names of the built-ins.
	traceSlots, spanSlots uint64
	anySlots              [fieldSource + 1][]slot

	// Keys that have a meaning of their own to the parser.
	slotTime, slotLevel, slotMessage, slotJournal    slot
	slotTrace, slotSpan, slotOp                      slot
	slotNanoseconds, slotGoDuration, slotTransaction slot
	slotError, slotSpanName, slotPrefix, slotStream  slot
	slotFlags, slotECSVersion, slotSeverity          slot
	slotDatadogTrace, slotDatadogSpan                slot
)

// A layout is a preset prepared for use.
type layout struct {
	*preset
	slots           [numFields][]slot
	trace, span     uint64 // bits of the slots
	tells, tellsToo uint64
	spanIDs         idForm
}

// opOf returns the key of the op in lines that a Format writes.
func opOf(l *layout) string {
	key, _, _ := strings.Cut(strings.TrimSpace(l.keys[fieldOp]+" "+common[fieldOp]), " ")
	return key
}

func init() {
	for i := range presets {
		l := &layouts[i]
		l.preset = &presets[i]
		l.spanIDs = l.ids
		l.trace, l.span = bitsOf(l.keys[fieldTrace]), bitsOf(l.keys[fieldSpan])
		l.tells, l.tellsToo = bitsOf(l.preset.tells), bitsOf(l.preset.tellsToo)
		decisive |= l.trace | l.span | l.tells | l.tellsToo
		tellers |= l.tells | l.tellsToo
		idSlots |= l.trace | l.span
		traceSlots |= l.trace
		spanSlots |= l.span
	}
	for i := range layouts {
		decides |= bitsOf(opOf(&layouts[i]))
	}
	decides |= decisive
	for i := range presets {
		for f := fieldParent; f < numFields; f++ {
			if _, others, ok := strings.Cut(presets[i].keys[f], " "); ok {
				unwritten |= bitsOf(others)
			}
		}
	}
	for _, own := range common[fieldParent:] {
		unwritten &^= bitsOf(own)
	}
	decides |= unwritten
	decisive &^= layouts[0].trace | layouts[0].span
	wrappers = bitsOf("stream " + schema.Journal)
	otherServices = bitsOf(common[fieldService]) &^ bitsOf("service")
	for f := range fieldSource + 1 {
		names := common[f]
		for i := range presets {
			names += " " + presets[i].keys[f]
		}
		for _, s := range slotsOf(names) {
			builtins[s] = f + 1
			anySlots[f] = append(anySlots[f], s)
			if f != fieldTime {
				builtinSlots = append(builtinSlots, s)
			}
			if f == fieldTime || f == fieldMessage {
				builtinTells |= s.bit() & tellers
			}
		}
	}
	var shared [numFields][]slot
	for i := range layouts {
		l := &layouts[i]
		for f := range numFields {
			own := slotsOf(l.keys[f])
			if i == 0 {
				shared[f] = slotsOf(common[f])
			}
			l.slots[f] = own
			for _, s := range shared[f] {
				if !slices.Contains(own, s) {
					l.slots[f] = append(l.slots[f], s)
				}
			}
		}
	}
	initPairs()
	for _, key := range [...]string{"dd.trace_id", "dd.span_id", "dd.parent_id"} {
		numberIDs[slotOf(key)] = true
	}
	slotTime, slotLevel, slotMessage = slotOf("time"), slotOf("level"), slotOf("msg")
	slotTrace, slotSpan, slotOp = slotOf("trace"), slotOf("span"), slotOf("op")
	slotJournal = slotOf(schema.Journal)
	slotNanoseconds, slotGoDuration = slotOf("event.duration"), slotOf("duration")
	slotTransaction, slotError = slotOf("transaction.id"), slotOf("error")
	slotPrefix, slotStream = slotOf("prefix"), slotOf("stream")
	slotDatadogTrace, slotDatadogSpan = slotOf("dd.trace_id"), slotOf("dd.span_id")
	slotFlags, slotECSVersion, slotSeverity = slotOf("trace_flags"), slotOf("ecs.version"), slotOf("severity")
	slotSpanName = slotOf("span.name")
	initCrossed()
	for key := range maps.Clone(slots) {
		if outer, ok := schema.Outer(key); ok {
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

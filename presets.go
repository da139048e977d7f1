package slogtrace

import (
	"encoding/binary"
	"log/slog"
	"math/bits"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// The presets. Where each name comes from is in docs/backends.md.
var (
	// OTel names the ids as OpenTelemetry's
	// "Trace Context in non-OTLP Log Formats" does: trace_id, span_id, trace_flags.
	OTel = Format{Trace: "trace_id", Span: "span_id", Flags: "trace_flags"}

	// Datadog has the trace id of 128 bits in hex and span ids in decimal, all of them strings.
	Datadog = Format{
		form:  datadogForm,
		Trace: "dd.trace_id", Span: "dd.span_id", Service: "dd.service",
		Time: "timestamp", Message: "message",
	}

	// ECS is the Elastic Common Schema, its dotted keys as they are and in the order of ECS logging.
	// Every line has ecs.version. A span that a trace enters this process with, and the records in it, have
	// its id as transaction.id too. event.duration is a whole number of nanoseconds.
	ECS = Format{
		form:  ecsForm,
		Trace: "trace.id", Span: "span.id", Op: "span.name",
		Parent: "parent.id", Kind: "span.kind", Start: "event.start", Duration: "event.duration",
		Error: "error.message", Stack: "error.stack_trace",
		Time: "@timestamp", Level: "log.level", Message: "message", Source: "log.origin",
		Service: "service.name",
	}

	// Honeycomb has the start of a span as the time of the record of its end, and no start besides.
	// Below somebody else's handler too the record has that time.
	Honeycomb = Format{
		form:  honeycombForm,
		Trace: "trace.trace_id", Span: "trace.span_id", Op: "name", Parent: "trace.parent_id",
		Service: "service.name",
	}

	// NewRelic is for its logs in context.
	NewRelic = Format{
		Trace: "trace.id", Span: "span.id", Op: "name",
		Parent: "parent.id", Duration: "duration.ms", Error: "error.message", Stack: "error.stack",
		Time: "timestamp", Message: "message",
		Service: "service.name",
	}

	// Axiom has durations as whole numbers of nanoseconds, and on a failed span a boolean error
	// beside the text in status.message.
	Axiom = Format{
		form:  axiomForm,
		Trace: "trace_id", Span: "span_id", Op: "name",
		Parent: "parent_span_id", Duration: "duration", Error: "status.message",
		Time: "_time", Service: "service.name",
	}

	// VictoriaLogs leaves all names free but those of the time and the message.
	VictoriaLogs = Format{Time: "_time", Message: "_msg"}

	// AWSXRay writes the trace id as X-Ray does, 1-<8 hex>-<24 hex>, under the project's own names.
	AWSXRay = Format{form: xrayForm}
)

// GoogleCloud returns the preset for the structured logs of the given Google Cloud project.
// The trace is the resource projects/<project>/traces/<id>, or the id alone if project is "";
// logging.googleapis.com/trace_sampled is a boolean. Levels are the severities of Cloud Logging:
// slog's Warn is WARNING, Info+2 is NOTICE, Error+4 is CRITICAL, Error+8 ALERT, Error+12 EMERGENCY;
// those between go with the one below, and those below Debug with DEBUG.
func GoogleCloud(project string) Format {
	return Format{
		form:    googleForm,
		project: project,
		Trace:   "logging.googleapis.com/trace", Span: "logging.googleapis.com/spanId", Flags: "logging.googleapis.com/trace_sampled",
		Level: "severity", Message: "message", Source: "logging.googleapis.com/sourceLocation",
	}
}

// A form is what a preset does to values. A Format of one's own has none, or that of the preset it is a copy of.
type form uint8

const (
	plainForm form = iota
	datadogForm
	googleForm
	ecsForm
	honeycombForm
	axiomForm
	xrayForm
	prefixForm // the ids are in the message: see NewPrefixHandler
)

// Names that are a backend's alone.
const (
	ecsVersionKey  = "ecs.version"
	ecsVersion     = "8.11.0" // has all fields that we write
	transactionKey = "transaction.id"
	failedKey      = "error" // the schema's own name of another thing, so it is reserved
)

// appendTrace appends a trace id, given in hex. Google's prefix is in traceJSON.
func (f *format) appendTrace(b, hex []byte) []byte {
	if f.form == xrayForm {
		b = append(append(b, '1', '-'), hex[:8]...)
		return append(append(b, '-'), hex[8:]...)
	}
	return append(b, hex...)
}

// traceText returns the trace id that hex begins with.
func (f *format) traceText(hex string) string {
	switch f.form {
	case xrayForm:
		return "1-" + hex[:8] + "-" + hex[8:32]
	case googleForm:
		if f.project != "" {
			return f.tracePrefix() + hex[:32]
		}
	}
	return hex[:32]
}

func (f *format) tracePrefix() string { return "projects/" + f.project + "/traces/" }

// decimalIDs are span ids that were written lately, in decimal: lines of one span mostly follow upon each other,
// and so do those of a span and its parent. Each has the place that its last digits say; there are places enough for those
// of a request not to take each other's.
type decimalIDs [1 << decimalBits]decimalID

const decimalBits = 6

type decimalID struct {
	first, last uint64 // its hex digits, eight each
	text        [24]byte
	n           int // how long text is; the array is copied whole, in two moves
}

// append appends a span id, given in hex.
func (d *decimalIDs) append(b []byte, hex *[16]byte) []byte {
	first, last := binary.LittleEndian.Uint64(hex[:8]), binary.LittleEndian.Uint64(hex[8:])
	id := &d[last*0x9e3779b97f4a7c15>>(64-decimalBits)]
	if id.first != first || id.last != last {
		id.set(first, last)
	}
	n := len(b)
	if cap(b)-n < len(id.text) {
		return append(b, id.text[:id.n]...)
	}
	*(*[24]byte)(b[n : n+24]) = id.text
	return b[:n+id.n]
}

func (id *decimalID) set(first, last uint64) {
	id.first, id.last = first, last
	id.n = putUint(&id.text, uint64(bits.ReverseBytes32(w3c.DecodeHex8(first)))<<32|uint64(bits.ReverseBytes32(w3c.DecodeHex8(last))))
}

// spanText returns the span id that hex begins with.
func (f *format) spanText(hex string) string {
	if f.form == datadogForm {
		var id decimalID
		id.set(load8(hex), load8(hex[8:]))
		return string(id.text[:id.n])
	}
	return hex[:16]
}

func (f *format) flagsValue(flags Flags) slog.Value {
	if f.form == googleForm {
		return slog.BoolValue(flags&FlagSampled != 0)
	}
	return slog.StringValue(string([]byte{'0', w3c.LowerHex[flags&15]}))
}

// isTraceText reports whether s is the trace id hex in some preset's form.
func isTraceText(s, hex string) bool {
	x := format{Format: AWSXRay}
	return s == hex || s == x.traceText(hex) || strings.HasPrefix(s, "projects/") && strings.HasSuffix(s, "/traces/"+hex)
}

// isSpanText reports whether s is the span id hex in some preset's form.
func isSpanText(s, hex string) bool {
	x := format{Format: Datadog}
	return s == hex || s == x.spanText(hex)
}

// spanTime returns the time of a record, made at the given one, of a span with that start.
func (f *format) spanTime(e event, start, at time.Time) time.Time {
	if f.form == honeycombForm && e == eventEnd {
		return start
	}
	return at
}

// nanoseconds reports whether a duration is a whole number of these.
func (f *format) nanoseconds() bool { return f.form == ecsForm || f.form == axiomForm }

// severities are Google's, from Debug on, for every two levels.
// See google.logging.type.LogSeverity.
var severities = [...]string{
	"DEBUG", "DEBUG", "INFO", "NOTICE", "WARNING", "WARNING", "ERROR", "ERROR",
	"CRITICAL", "CRITICAL", "ALERT", "ALERT", "EMERGENCY",
}

func (f *Format) levelName(level slog.Level) string {
	if f.form != googleForm {
		return level.String()
	}
	if level < slog.LevelDebug {
		return severities[0]
	}
	if i := uint(level-slog.LevelDebug) / 2; i < uint(len(severities)) {
		return severities[i]
	}
	return severities[len(severities)-1]
}

// ecsOrigin is the value of log.origin. There file is an object, so the names are written with dots.
func ecsOrigin(src *slog.Source) slog.Value {
	var attrs []slog.Attr
	for _, a := range sourceAttrs(src) {
		switch a.Key {
		case "file":
			a.Key = "file.name"
		case "line":
			a.Key = "file.line"
		}
		attrs = append(attrs, a)
	}
	return slog.GroupValue(attrs...)
}

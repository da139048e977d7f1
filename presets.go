package slogtrace

import (
	"encoding/binary"
	"log/slog"
	"math/bits"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// The presets. Where each name comes from is in docs/backends.md.
var (
	// OTel has the names of the ids in OpenTelemetry's
	// "Trace Context in non-OTLP Log Formats": trace_id, span_id, trace_flags.
	OTel = Format{Trace: "trace_id", Span: "span_id", Flags: "trace_flags"}

	// Datadog has the trace id, 128 bits, in hex and span ids in decimal. All are strings.
	// On span records the attribute error.type is error.kind. Its EnvAttrs read DD_SERVICE, DD_ENV and DD_VERSION.
	Datadog = Format{
		form:  datadogForm,
		Trace: "dd.trace_id", Span: "dd.span_id", Service: "dd.service",
		Error: "error.message", Stack: "error.stack",
		Time: "timestamp", Message: "message",
	}

	// ECS is the Elastic Common Schema. Dotted keys are not nested, and the order is that of ECS logging.
	// Every line has ecs.version. A span through which a trace enters this process, and the records in it,
	// also have the span's id as transaction.id. event.duration is a whole number of nanoseconds.
	ECS = Format{
		form:  ecsForm,
		Trace: "trace.id", Span: "span.id", Op: "span.name",
		Parent: "parent.id", Kind: "span.kind", Start: "event.start", Duration: "event.duration",
		Error: "error.message", Stack: "error.stack_trace",
		Time: "@timestamp", Level: "log.level", Message: "message", Source: "log.origin",
		Service: "service.name",
	}

	// Honeycomb gives the record of a span's end the span's start as its time, and has no key for the start.
	// A [Handler] gives the record that time too.
	Honeycomb = Format{
		form:  honeycombForm,
		Trace: "trace.trace_id", Span: "trace.span_id", Op: "name", Parent: "trace.parent_id",
		Service: "service.name",
	}

	// NewRelic is for New Relic's logs in context.
	NewRelic = Format{
		Trace: "trace.id", Span: "span.id", Op: "name",
		Parent: "parent.id", Duration: "duration.ms", Error: "error.message", Stack: "error.stack",
		Time: "timestamp", Message: "message",
		Service: "service.name",
	}

	// Axiom has durations as whole numbers of nanoseconds. A failed span has a boolean error
	// and the error's text in status.message.
	Axiom = Format{
		form:  axiomForm,
		Trace: "trace_id", Span: "span_id", Op: "name",
		Parent: "parent_span_id", Duration: "duration", Error: "status.message",
		Time: "_time", Service: "service.name",
	}

	// VictoriaLogs requires only the names of the time and the message.
	VictoriaLogs = Format{Time: "_time", Message: "_msg"}

	// AWSXRay writes the trace id as X-Ray does, 1-<8 hex>-<24 hex>, under the project's own names.
	AWSXRay = Format{form: xrayForm}
)

// GoogleCloud returns the preset for the structured logs of the given Google Cloud project.
// The trace is the resource projects/<project>/traces/<id>, or only the id if project is "".
// logging.googleapis.com/trace_sampled is a boolean. Levels are the severities of Cloud Logging:
// slog's Warn is WARNING, Info+2 is NOTICE, Error+4 is CRITICAL, Error+8 ALERT, Error+12 EMERGENCY.
// A level between two of these has the severity of the lower one. Levels below Debug are DEBUG.
func GoogleCloud(project string) Format {
	return Format{
		form:    googleForm,
		project: project,
		Trace:   "logging.googleapis.com/trace", Span: "logging.googleapis.com/spanId", Flags: "logging.googleapis.com/trace_sampled",
		Level: "severity", Message: "message", Source: "logging.googleapis.com/sourceLocation",
	}
}

// A form is how a preset writes values. A user's Format has none, or that of the preset it was copied from.
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

// Names that only one backend has.
const (
	ecsVersionKey  = "ecs.version"
	ecsVersion     = "8.11.0" // has all fields that we write
	transactionKey = "transaction.id"
	failedKey      = "error" // in the schema this is the name of something else, so it is reserved
	datadogKindKey = "error.kind"
)

// appendTrace appends a trace id, given in hex. Google's prefix is in traceJSON.
func (f *format) appendTrace(b, hex []byte) []byte {
	if f.form == xrayForm {
		b = append(append(b, '1', '-'), hex[:8]...)
		return append(append(b, '-'), hex[8:]...)
	}
	return append(b, hex...)
}

// traceText returns the trace id at the beginning of hex, in f's form.
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

// decimalIDs caches the decimal form of recently written span ids: mostly one span's lines follow each other,
// or those of a span and its parent. The slot is a hash of the id's last digits. There are enough slots
// for the spans of one request to rarely share one.
type decimalIDs [1 << decimalBits]decimalID

const decimalBits = 6

type decimalID struct {
	first, last uint64 // the hex digits, eight in each
	digits      [24]byte
	n           int // length of digits; the array is copied whole, in two moves
}

// append appends a span id, given in hex, in decimal.
func (d *decimalIDs) append(b []byte, hex *[16]byte) []byte {
	first, last := binary.LittleEndian.Uint64(hex[:8]), binary.LittleEndian.Uint64(hex[8:])
	id := &d[last*0x9e3779b97f4a7c15>>(64-decimalBits)]
	if id.first != first || id.last != last {
		id.set(first, last)
	}
	n := len(b)
	if cap(b)-n < len(id.digits) {
		return append(b, id.digits[:id.n]...)
	}
	*(*[24]byte)(b[n : n+24]) = id.digits
	return b[:n+id.n]
}

func (id *decimalID) set(first, last uint64) {
	id.first, id.last = first, last
	id.n = jsontext.PutUint(&id.digits, uint64(bits.ReverseBytes32(w3c.DecodeHex8(first)))<<32|uint64(bits.ReverseBytes32(w3c.DecodeHex8(last))))
}

// spanText returns the span id at the beginning of hex, in f's form.
func (f *format) spanText(hex string) string {
	if f.form == datadogForm {
		var id decimalID
		id.set(jsontext.Load8(hex), jsontext.Load8(hex[8:]))
		return string(id.digits[:id.n])
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

// spanTime returns the time of the record that a span makes at the time at. start is the span's start.
func (f *format) spanTime(e event, start, at time.Time) time.Time {
	if f.form == honeycombForm && e == eventEnd {
		return start
	}
	return at
}

// nanoseconds reports whether durations are whole numbers of nanoseconds.
func (f *format) nanoseconds() bool { return f.form == ecsForm || f.form == axiomForm }

// severities are Google's severities from Debug on, one for every two levels.
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

// ecsOrigin returns the value of log.origin. In ECS, file is an object there, so the names have dots.
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

package slogtrace

import (
	"io"
	"log/slog"
	"slices"
)

// A Format says under which names a backend expects the ids.
// Its zero value is the project's own schema; a field left empty means that schema's name.
// A Format can be compared and copied; its methods make handlers that write it.
// Its names must differ from each other, from the other keys of the schema, and from slog's own.
//
// Readers (package tracelog) know the presets. Other names are for backends only.
type Format struct {
	Trace string // key of the trace id, 32 hex digits; "trace"
	Span  string // key of the span id, 16 hex digits; "span"
	Op    string // key of the span's name; "op"
	Flags string // key of the W3C trace flags, two hex digits; not written if empty
}

// OTel names the ids as OpenTelemetry's
// "Trace Context in non-OTLP Log Formats" does: trace_id, span_id, trace_flags.
var OTel = Format{Trace: "trace_id", Span: "span_id", Flags: "trace_flags"}

// NewHandler is the function [NewHandler] with f's names.
func (f Format) NewHandler(inner slog.Handler) *Handler { return newHandler(inner, f.compile()) }

// NewJSONHandler is the function [NewJSONHandler] with f's names.
func (f Format) NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	return newJSONHandler(w, opts, f.compile())
}

// Keys of span records. A Format does not rename them so far.
const (
	parentKey     = "parent"
	kindKey       = "kind"
	startKey      = "start"
	durationKey   = "duration_ms"
	errorKey      = "error"
	stackKey      = "stack"
	linksKey      = "links"
	queuedKey     = "queued_ms"
	sampleRateKey = "sample_rate"
	sampledKey    = "sampled"
)

const (
	spanStartMessage = "span start"
	spanEndMessage   = "span end"
)

// recordKind says which keys of a line are taken.
type recordKind uint8

const (
	plainRecord recordKind = iota // nothing of ours in the context: none, and the bytes are slog's
	freeRecord                    // no ids to write here: none
	logRecord                     // in a trace: the ids'
	spanRecord                    // the schema's, and slog's own, because nobody but us wrote the message
	recordKinds = iota
)

// A format is a Format made ready for use.
type format struct {
	Format
	idKeys   keySet
	spanKeys keySet
	builtins keySet

	// The ids' keys with what stands around them in JSON, in this order.
	traceJSON, spanJSON, opJSON, flagsJSON string
}

var defaultFormat = Format{}.compile()

func (f Format) compile() *format {
	def := func(s *string, name string) {
		if *s == "" {
			*s = name
		}
	}
	def(&f.Trace, "trace")
	def(&f.Span, "span")
	def(&f.Op, "op")
	ids := []string{f.Trace, f.Span, f.Op}
	if f.Flags != "" {
		ids = append(ids, f.Flags)
	}
	builtins := []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey}
	schema := []string{parentKey, kindKey, startKey, durationKey, errorKey, stackKey, linksKey, queuedKey, sampleRateKey, sampledKey}
	member := func(before, key, after string) string { return before + string(appendString(nil, key)) + after }
	c := &format{
		Format:    f,
		idKeys:    newKeySet(ids),
		spanKeys:  newKeySet(ids, schema, builtins),
		builtins:  newKeySet(builtins),
		traceJSON: member(`,`, f.Trace, `:"`),
		spanJSON:  member(`",`, f.Span, `:"`),
		opJSON:    member(`,`, f.Op, `:"`),
	}
	if f.Flags != "" {
		c.flagsJSON = member(`,`, f.Flags, `:"`)
	}
	return c
}

// reserved returns the keys that a user's root attribute may not have in a line of the given kind.
func (f *format) reserved(k recordKind) *keySet {
	switch k {
	case logRecord:
		return &f.idKeys
	case spanRecord:
		return &f.spanKeys
	}
	return &noKeys
}

// A keySet is a small set of strings that is quick to say no: most keys differ already in length and last byte.
type keySet struct {
	sums uint64 // a bit for each sum of those
	keys []string
}

var noKeys keySet

func newKeySet(lists ...[]string) keySet {
	var s keySet
	for _, keys := range lists {
		for _, k := range keys {
			s.sums |= keyBit(k)
			s.keys = append(s.keys, k)
		}
	}
	return s
}

func keyBit(key string) uint64 {
	n := len(key)
	if n == 0 {
		return 0
	}
	return 1 << ((uint(n)*8 + uint(key[n-1])) & 63)
}

func (s *keySet) has(key string) bool {
	return s.sums&keyBit(key) != 0 && slices.Contains(s.keys, key)
}

package tracelog

import (
	"slices"
	"strings"
	"sync"
)

// Spans and log lines of other systems are objects whose values have other forms than those of log lines: a name, a
// start and an end for a span, attributes in objects of their own. Each is written as a line of the record schema,
// with OpenTelemetry's names for the ids. That line is the Raw of its Entry.

type foreignKind uint8

const (
	notForeign  foreignKind = iota
	foreignOTLP             // a request of OTLP: spans and log lines below their resource and scope
	foreignSpan
	foreignLog
	foreignCLEF   // Serilog's compact form
	foreignShown  // a trace, as slogtrace show --json writes it
	foreignArrays // a record whose values are in arrays
	foreignJaeger // a trace of Jaeger: spans, and their processes beside them
	foreignGELF   // a message in Graylog's format
)

// The names of what a span of another system has, in the order in which they are tried: those of OTLP, of
// OpenTelemetry's exporters to standard output for Go and Python, of its schema for ClickHouse, of Zipkin, of Jaeger,
// and of tracers that a team has written itself. A dot is a step into an object.
var (
	foreignTrace    = strings.Fields("traceId TraceId SpanContext.TraceID context.trace_id traceID trace_id TraceID trace")
	foreignSpanID   = strings.Fields("spanId SpanId SpanContext.SpanID context.span_id spanID span_id SpanID id span")
	foreignParent   = strings.Fields("parentSpanId ParentSpanId Parent.SpanID parent_id parentSpanID parent_span_id parentId parentID parent")
	foreignName     = strings.Fields("name Name SpanName operationName spanName op operation")
	foreignStart    = strings.Fields("startTimeUnixNano start_time_unix_nano StartTime startTime start_time startTimeMillis start_time_ms")
	foreignEnd      = strings.Fields("endTimeUnixNano end_time_unix_nano EndTime endTime end_time endTimeMillis end_time_ms")
	foreignDuration = strings.Fields("duration Duration durationMs duration_ms durationNano duration_ns durationMillis elapsed")
	foreignSpanKind = strings.Fields("kind SpanKind spanKind span_kind")
	foreignAttrs    = strings.Fields("attributes Attributes SpanAttributes LogAttributes tags attrs")
	foreignResource = strings.Fields("resource Resource ResourceAttributes process")
	foreignService  = strings.Fields("ServiceName serviceName localEndpoint.serviceName service_name service")
	foreignEvents   = strings.Fields("events Events logs annotations")
	foreignLinks    = strings.Fields("links Links")
)

// foreignKnown are the keys that are not attributes of a foreign span or log line.
var foreignKnown = sync.OnceValue(func() map[string]bool {
	known := make(map[string]bool)
	for _, names := range [...][]string{
		foreignTrace, foreignSpanID, foreignParent, foreignName, foreignStart, foreignEnd, foreignDuration, foreignSpanKind,
		foreignAttrs, foreignResource, foreignService, foreignEvents, foreignLinks,
		strings.Fields("status Status StatusCode StatusMessage error children Body body Severity SeverityText SeverityNumber severityText severityNumber" +
			" Timestamp ObservedTimestamp timeUnixNano observedTimeUnixNano timestamp TimestampTime TimestampDate TraceFlags flags Flags traceState TraceState EventName" +
			" scope Scope InstrumentationScope InstrumentationLibrary ScopeName ScopeVersion ScopeAttributes ScopeSchemaUrl ResourceSchemaUrl" +
			" DroppedAttributes DroppedAttributeCount DroppedEvents DroppedLinks DroppedEventCount DroppedLinkCount DroppedAttributesCount ChildSpanCount" +
			" droppedAttributesCount droppedEventsCount droppedLinksCount AttributeValueLengthLimit AttributeCountLimit" +
			" references processID warnings Events.Timestamp Events.Name Events.Attributes Links.TraceId Links.SpanId Links.TraceState Links.Attributes context"),
	} {
		for _, name := range names {
			outer, _, _ := strings.Cut(name, ".")
			known[name], known[outer] = true, true
		}
	}
	return known
})

// foreignOf tells which kind of foreign object has these members.
func foreignOf(ms []member) foreignKind {
	if len(ms) > 0 && ms[0].value[0] == '[' && isArrays(ms) {
		return foreignArrays
	}
	var span, name, start, ended, trace, severity, body, stamp, clef, clefText, tree, zipkin, moment, message, shown, spans, processes, short bool
	var version []byte
	for i := range ms {
		m := &ms[i]
		if m.outer != 0 {
			break
		}
		c := m.value[0]
		message = message || builtins[m.slot] == fieldMessage+1
		switch string(m.key) {
		case "resourceSpans", "resourceLogs", "resource_spans", "resource_logs", "scopeSpans", "scopeLogs":
			if c == '[' {
				return foreignOTLP
			}
		case "SpanContext", "context":
			span = span || c == '{'
		case "spanId", "SpanId", "spanID", "span_id":
			span = span || c == '"'
		case "traceId", "TraceId", "traceID", "TraceID", "trace_id":
			trace = trace || c == '"'
		case "name", "Name", "operationName", "spanName":
			name = name || c == '"'
		case "SpanName": // its start is the row's time
			name, start = c == '"', true
		case "startTimeUnixNano", "start_time_unix_nano", "StartTime", "startTime", "start_time", "startTimeMillis", "start_time_ms":
			start = start || c == '"' || isDigit(c)
		case "endTimeUnixNano", "end_time_unix_nano", "EndTime", "endTime", "end_time", "endTimeMillis", "end_time_ms",
			"duration", "Duration", "durationMs", "duration_ms", "durationNano", "duration_ns", "durationMillis":
			ended = ended || c == '"' || isDigit(c)
		case "SeverityText", "SeverityNumber", "severityText", "severityNumber", "Severity":
			severity = true
		case "Body", "body":
			body = body || c == '"' || c == '{'
		case "timeUnixNano", "Timestamp", "observedTimeUnixNano":
			stamp = true
		case "@t":
			clef = c == '"'
		case "@m", "@mt", "@i", "@x":
			clefText = clefText || c == '"'
		case "tree":
			tree = c == '['
		case shortMessage:
			short = c == '"'
		case "version":
			version = m.value
		case "spans":
			spans = c == '['
		case "processes":
			processes = c == '{'
		case "trace":
			shown = c == '"'
		case "id":
			zipkin = c == '"'
		case "timestamp":
			moment = isDigit(c)
		}
	}
	switch {
	case clef && clefText:
		return foreignCLEF
	case tree && (trace || shown):
		return foreignShown
	case name && span && start && ended, name && trace && zipkin && moment && ended && !message:
		return foreignSpan
	case body && severity && stamp:
		return foreignLog
	case short && !message && isGELF(version):
		return foreignGELF
	case spans && processes && isJaeger(ms):
		return foreignJaeger
	}
	return notForeign
}

// foreignLine puts the lines of the foreign object whose members are p.members into p.many.
func (p *lineParser) foreignLine(kind foreignKind) {
	p.many = p.many[:0]
	var b beside
	for i := range p.around.members {
		b.add(&p.around.members[i])
	}
	b.addText("service", []byte(p.service))
	p.foreign(kind, slices.Clone(p.members), b.appendTo(nil, signs{time: true, level: true}))
}

// foreign appends the lines of a foreign object to p.many. Beside is what is around it.
func (p *lineParser) foreign(kind foreignKind, ms []member, beside []byte) {
	switch kind {
	case foreignOTLP:
		p.otlp(ms, foreignContext{beside: beside})
	case foreignSpan:
		p.foreignSpan(ms, spanNodes(pick(ms, []string{"children"})), foreignContext{beside: beside})
	case foreignLog:
		p.foreignLog(ms, foreignContext{beside: beside})
	case foreignCLEF:
		p.clef(ms, beside)
	case foreignShown:
		p.shown(ms, beside)
	case foreignArrays:
		p.arrays(ms, beside)
	case foreignJaeger:
		p.jaeger(ms, foreignContext{beside: beside})
	case foreignGELF:
		p.gelf(ms, beside)
	}
}

// A foreignContext is what a foreign span or log line has from the objects around it.
type foreignContext struct {
	beside          []byte   // members of objects, each with a comma before it
	resource, scope []member // attributes
	trace, parent   string
	service         []byte // JSON
}

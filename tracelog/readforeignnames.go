package tracelog

import (
	"strings"
	"sync"
)

// The names of what a span of another system has, in the order in which they are tried: those of OTLP, of
// OpenTelemetry's exporters to standard output for Go and Python, of its schema for ClickHouse, of Zipkin, of Jaeger,
// and of tracers that a team has written itself. A dot is a step into an object.
var (
	foreignTrace    = strings.Fields("traceId TraceId SpanContext.TraceID context.trace_id traceID trace_id TraceID trace")
	foreignSpanID   = strings.Fields("spanId SpanId SpanContext.SpanID context.span_id spanID span_id SpanID id span")
	foreignParent   = strings.Fields("parentSpanId ParentSpanId Parent.SpanID parent_id parentSpanID parent_span_id parentId parentID parent")
	foreignName     = strings.Fields("name Name SpanName operationName spanName op operation operation_name span_name")
	foreignStart    = strings.Fields("startTimeUnixNano start_time_unix_nano StartTime startTime start_time startTimeMillis start_time_ms")
	foreignEnd      = strings.Fields("endTimeUnixNano end_time_unix_nano EndTime endTime end_time endTimeMillis end_time_ms " + otherEnds)
	foreignDuration = strings.Fields("duration Duration durationMs duration_ms durationNano duration_ns durationMillis elapsed " + otherDurations)
	foreignSpanKind = strings.Fields("kind SpanKind spanKind span_kind")
	foreignAttrs    = strings.Fields("attributes Attributes SpanAttributes LogAttributes tags attrs")
	foreignResource = strings.Fields("resource Resource ResourceAttributes process")
	foreignService  = strings.Fields("ServiceName serviceName localEndpoint.serviceName service_name service")
	foreignEvents   = strings.Fields("events Events logs annotations")
	foreignLinks    = strings.Fields("links Links")
	foreignChildren = strings.Fields("children subsegments")

	// Under these names, a start is one only of a span without a message: lines of the record schema have some of them, too.
	foreignOtherStart = strings.Fields("start started_at startedAt start_timestamp startTimestamp begin")
)

const (
	otherEnds      = "end ended_at endedAt end_timestamp endTimestamp finish"
	otherDurations = "duration_us durationUs duration_s durationSeconds elapsed_ms elapsedMs latency_ms latencyMs took_ms latency"
)

// foreignKnown are the keys that are not attributes of a foreign span or log line.
var foreignKnown = sync.OnceValue(func() map[string]bool {
	known := make(map[string]bool)
	for _, names := range [...][]string{
		foreignTrace, foreignSpanID, foreignParent, foreignName, foreignStart, foreignOtherStart, foreignEnd, foreignDuration, foreignSpanKind,
		foreignAttrs, foreignResource, foreignService, foreignEvents, foreignLinks,
		strings.Fields("status Status StatusCode StatusMessage error children subsegments Body body Severity SeverityText SeverityNumber severityText severityNumber" +
			" severity_text severity_number observed_timestamp trace_flags trace_state dropped_attributes Timestamp ObservedTimestamp timeUnixNano observedTimeUnixNano timestamp TimestampTime TimestampDate TraceFlags flags Flags traceState TraceState EventName" +
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

// A foreignContext is what a foreign span or log line has from the objects around it.
type foreignContext struct {
	beside          []byte   // members of objects, each with a comma before it
	resource, scope []member // attributes
	trace, parent   string
	service         []byte // JSON
}

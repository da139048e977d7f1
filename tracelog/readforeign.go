package tracelog

import "slices"

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
	foreignLoguru // a record of Python's loguru
)

// foreignOf tells which kind of foreign object has these members.
func foreignOf(ms []member) foreignKind {
	if len(ms) > 0 && ms[0].value[0] == '[' && isArrays(ms) {
		return foreignArrays
	}
	var span, name, start, ended, trace, severity, body, stamp, clef, clefText, tree, zipkin, moment, message, shown, spans, processes, short, text, other bool
	var version, record []byte
	for i := range ms {
		m := &ms[i]
		if m.outer != 0 {
			break
		}
		c := m.value[0]
		message = message || builtins[m.slot] == fieldMessage+1
		switch string(m.key) {
		case "resourceSpans", "resourceLogs", "resource_spans", "resource_logs", "scopeSpans", "scopeLogs", "instrumentationLibrarySpans":
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
		case "SeverityText", "SeverityNumber", "severityText", "severityNumber", "Severity", "severity_text", "severity_number":
			severity = true
		case "start", "started_at", "startedAt", "start_timestamp", "startTimestamp", "begin": // foreignOtherStart
			other = other || c == '"' || isDigit(c)
		case "Body", "body":
			body = body || c == '"' || c == '{'
		case "timeUnixNano", "Timestamp", "observedTimeUnixNano", "observed_timestamp":
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
		case "text":
			text = c == '"'
		case "record":
			record = m.value
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
	case name && span && start && ended, (other || start) && span && trace && !message && isOtherSpan(ms), name && trace && zipkin && (moment || start) && ended && !message:
		return foreignSpan
	case body && severity && stamp && !message:
		return foreignLog
	case short && !message && isGELF(version):
		return foreignGELF
	case text && record != nil && record[0] == '{' && isLoguru(record):
		return foreignLoguru
	case spans && processes && isJaeger(ms):
		return foreignJaeger
	}
	return notForeign
}

// isOtherSpan reports whether an object with both ids and a start under one of the other names is a span: it has a name,
// and an end or a duration.
func isOtherSpan(ms []member) bool {
	name, ended := pick(ms, foreignName), pick(ms, foreignEnd)
	if ended == nil {
		ended = pick(ms, foreignDuration)
	}
	return name != nil && name[0] == '"' && ended != nil && (ended[0] == '"' || isDigit(ended[0]))
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
		p.foreignSpan(ms, spanNodes(pick(ms, foreignChildren)), foreignContext{beside: beside})
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
	case foreignLoguru:
		p.loguru(ms, beside)
	}
}

package tracelog

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxChildren is how deep spans may be below the one that has them as its children.
const maxChildren = 1000

// foreignSpan appends the lines of a span, its events and its children.
func (p *lineParser) foreignSpan(ms []member, children []*spanNode, c foreignContext) {
	start, unit, ok := foreignMoment(pick(ms, foreignStart))
	if !ok {
		start, unit, ok = foreignMoment(pick(ms, foreignOtherStart))
	}
	if !ok {
		start, unit, ok = foreignMoment(pick(ms, []string{"Timestamp", "timestamp"}))
	}
	id := pickText(ms, foreignTrace)
	trace := cmp.Or(foreignID(id), c.trace)
	kind := cmp.Or(foreignKindOf(pick(ms, foreignSpanKind)), foreignKindOf(tagOf(ms, "span.kind")))
	if hex, _, ok := xrayID(id); ok { // a segment is a service's part of the trace
		trace, kind, c.service = hex, cmp.Or(kind, "server"), pick(ms, []string{"name"})
	}
	span := foreignID(pickText(ms, foreignSpanID))
	op := pickText(ms, foreignName)
	lasted, timed := foreignLasted(ms, unit)
	end, _, ended := foreignMoment(pick(ms, foreignEnd))
	switch {
	case !timed && ended:
		lasted = max(0, end.Sub(start))
	case !ended:
		end = start.Add(lasted)
	}
	failed, failure, stack := foreignFailure(ms)
	c.service = p.foreignService(ms, c)
	w := newForeignLine(end, "INFO")
	if failed {
		w.level("ERROR")
	}
	ended = ended || timed
	if ended {
		w.text("msg", messageEnd)
	} else {
		w.text("msg", messageStart)
	}
	w.ids(trace, span, op)
	w.text("parent", cmp.Or(foreignID(pickText(ms, foreignParent)), referredParent(ms), c.parent))
	w.text("kind", kind)
	if ok && ended {
		w.raw("start", appendQuoted(nil, timeText(start)))
		w.raw("duration_ms", formatMillis(lasted))
	}
	if failed {
		w.raw("error", appendQuoted(nil, []byte(failure)))
	}
	w.text("stack", stack)
	w.links(ms)
	w.raw("service", c.service)
	w.text("trace_state", pickText(ms, []string{"traceState", "TraceState", "SpanContext.TraceState"}))
	w.spanAttrs(pick(ms, foreignAttrs))
	w.others(ms)
	w.around(&c, ms)
	p.many = append(p.many, w.done())

	below := c
	below.trace, below.parent = trace, ""
	p.foreignEvents(ms, below, span, op)
	below.parent = span
	for _, child := range children {
		p.foreignSpan(child.members, child.children, below)
	}
}

// tagOf returns an attribute of a span.
func tagOf(ms []member, key string) []byte {
	for _, m := range foreignMembers(pick(ms, foreignAttrs)) {
		if string(m.key) == key {
			return m.value
		}
	}
	return nil
}

// referredParent returns the parent in the references of a span of Jaeger.
func referredParent(ms []member) string {
	for _, v := range elementsOf(pick(ms, []string{"references"})) {
		if in := foreignFields(v); pickText(in, []string{"refType"}) == "CHILD_OF" {
			return foreignID(pickText(in, []string{"spanID"}))
		}
	}
	return ""
}

// foreignFailure reads whether a span failed, and why.
func foreignFailure(ms []member) (failed bool, text, stack string) {
	code := strings.ToLower(cmp.Or(pickText(ms, []string{"status.code", "Status.Code", "StatusCode", "status.status_code"}), pickText(ms, []string{"status"})))
	code = code[strings.LastIndexAny(code, "._")+1:]
	failed = code == "2" || code == "error" || code == "failed" || code == "failure"
	text = pickText(ms, []string{"status.message", "Status.Description", "StatusMessage", "status.description"})
	v := pick(ms, []string{"error"})
	if v == nil && code == "" {
		v = tagOf(ms, "error") // as Zipkin and Jaeger have it
	}
	for _, name := range [...]string{"fault", "throttle"} { // as X-Ray has it, which also has the cause
		failed = failed || string(pick(ms, []string{name})) == "true"
	}
	for _, exception := range elementsOf(pick(ms, []string{"cause.exceptions"})) {
		text = cmp.Or(text, pickText(foreignFields(exception), []string{"message"}))
	}
	switch {
	case v == nil:
	case v[0] == '"' && len(v) > 2 && string(v) != `"false"`:
		failed = true
		text = cmp.Or(text, jsonText(v))
	case v[0] == '{':
		failed = true
		in, _ := appendMembers(nil, v)
		text = cmp.Or(text, pickText(in, []string{"message", "msg"}))
		stack = pickText(in, []string{"stack", "stackTrace"})
	case v[0] == 't':
		failed = true
	}
	return failed, text, stack
}

// foreignService returns the service of a span or a log line, as JSON, or nil.
func (p *lineParser) foreignService(ms []member, c foreignContext) []byte {
	if v := pick(ms, foreignService); v != nil && v[0] == '"' && len(v) > 2 {
		return v
	}
	if resource := pick(ms, foreignResource); resource != nil {
		for _, m := range foreignMembers(resource) {
			if string(m.key) == "service.name" || string(m.key) == "serviceName" {
				return m.value
			}
		}
	}
	for _, m := range foreignMembers(pick(ms, foreignAttrs)) {
		if string(m.key) == "service.name" && m.value[0] == '"' {
			return m.value
		}
	}
	return c.service
}

// foreignEvents appends the events of a span as log lines.
func (p *lineParser) foreignEvents(ms []member, c foreignContext, span, op string) {
	event := func(at []byte, name string, attrs []byte) {
		when, _, _ := foreignMoment(at)
		for _, m := range foreignMembers(attrs) {
			if name == "" && string(m.key) == "event" { // as Jaeger has it
				name = jsonText(m.value)
			}
		}
		w := newForeignLine(when, "INFO")
		if name == "exception" {
			w.level("ERROR")
		}
		w.text("msg", cmp.Or(name, "event"))
		w.ids(c.trace, span, op)
		w.raw("service", c.service)
		w.attrs(attrs)
		p.many = append(p.many, w.done())
	}
	if names := pick(ms, []string{"Events.Name"}); names != nil && names[0] == '[' { // columns of a table
		times, attrs := elementsOf(pick(ms, []string{"Events.Timestamp"})), elementsOf(pick(ms, []string{"Events.Attributes"}))
		for i, name := range elementsOf(names) {
			event(at(times, i), jsonText(name), at(attrs, i))
		}
		return
	}
	events := pick(ms, foreignEvents)
	if events == nil || events[0] != '[' {
		return
	}
	eachElement(events, func(v []byte) bool {
		if v[0] == '{' {
			in, _ := appendMembers(nil, v)
			event(pick(in, strings.Fields("timeUnixNano Time timestamp time ts")), pickText(in, strings.Fields("name Name message msg event value")),
				pick(in, strings.Fields("attributes Attributes fields attrs")))
		}
		return true
	})
}

// foreignLog appends the line of a log line.
func (p *lineParser) foreignLog(ms []member, c foreignContext) {
	when, _, _ := foreignMoment(pick(ms, strings.Fields("timeUnixNano Timestamp timestamp time")))
	if when.IsZero() || when.Unix() == 0 {
		when, _, _ = foreignMoment(pick(ms, strings.Fields("observedTimeUnixNano ObservedTimestamp observed_timestamp")))
	}
	level := pickText(ms, strings.Fields("severityText SeverityText severity_text"))
	if level == "" {
		level = severityName(pickText(ms, strings.Fields("severityNumber SeverityNumber Severity severity_number")))
	}
	w := newForeignLine(when, level)
	body := foreignValue(pick(ms, strings.Fields("body Body")))
	// A program's own level makes it a program's own message, which may be any text.
	if text := bytes.TrimSpace([]byte(jsonText(body))); (level == "" || isReadFromFile(ms)) && len(text) > 0 && text[0] == '{' {
		if in, err := appendMembers(nil, text); err == nil {
			if s := signsOf(in); s.isRecord(true) { // a record of ours, which a collector read from a file
				c.service = p.foreignService(ms, c)
				p.emitLogged(text, newForeignLine(when, ""), ms, &c)
				return
			}
		}
	}
	if len(body) > 0 && body[0] != '"' {
		w.raw("msg", appendQuoted(nil, body))
	} else {
		w.raw("msg", body)
	}
	w.ids(foreignID(pickText(ms, foreignTrace)), foreignID(pickText(ms, foreignSpanID)), "")
	w.raw("service", p.foreignService(ms, c))
	w.attrs(pick(ms, foreignAttrs))
	w.others(ms)
	w.around(&c, ms)
	p.many = append(p.many, w.done())
}

// isReadFromFile reports whether a log line has the attributes of one that a collector read from a file, whose level it may have
// found in the text.
func isReadFromFile(ms []member) bool {
	attrs := foreignMembers(pick(ms, foreignAttrs))
	return slices.ContainsFunc(attrs, func(m member) bool {
		switch string(m.key) {
		case "log.file.name", "log.file.path", "log.iostream":
			return true
		}
		return false
	})
}

// emitLogged appends the line of a record that is the text of a log line.
func (p *lineParser) emitLogged(record []byte, w *foreignLine, ms []member, c *foreignContext) {
	head := w.b[1:] // the time
	w.b = appendQuoted([]byte(`{"body":`), record)
	if len(head) > 0 {
		w.b = append(append(w.b, ','), head...)
	}
	w.raw("service", c.service)
	w.attrs(pick(ms, foreignAttrs))
	w.around(c, ms)
	p.many = append(p.many, w.done())
}

// severityName returns the level of one of OpenTelemetry's severity numbers.
func severityName(number string) string {
	if name, ok := strings.CutPrefix(number, "SEVERITY_NUMBER_"); ok && isLevel(strings.TrimRight(name, "234")) {
		return strings.TrimRight(name, "234")
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 24 {
		return ""
	}
	return [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}[(n-1)/4]
}

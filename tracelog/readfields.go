package tracelog

import (
	"bytes"
	"time"
)

// fields sets the fields that are in p.members, which must be indexed, and marks those members as taken.
func (p *lineParser) fields(e *Entry, preset *layout) {
	p.layout = preset
	p.ids(e)
	if !p.time(fieldTime, &e.Time) {
		e.Time = p.at
		p.around.used[fieldTime] = true
	}
	p.level(e)
	if e.Time.IsZero() && !p.isText {
		p.lateTime(e)
	}
	p.text(fieldMessage, &e.Message, true)
	if !p.text(fieldOp, &e.Op, true) && p.around.op != "" {
		e.Op = p.around.op
	}
	if e.Trace == "" {
		p.prefixed(e)
	}
	if m := p.firstService(); m != nil {
		e.Service = p.in.string(p.textOf(m))
		p.take(m)
	} else {
		e.Service = p.service
		p.around.used[fieldService] = true
	}
	if e.Message == "" && !p.isText {
		p.plainMessage(e)
	}
	if m := p.find(fieldSource); m != nil && m.value[0] == '{' {
		p.take(m)
	}
	if m := p.find(fieldOther); m != nil && p.isOther(m) {
		p.take(m)
	}
	if e.Event = p.event(e); e.Event != EventLog {
		p.span(e)
	}
	p.reset()
}

// templateName is the name of the message in Serilog's lines if they do not have it with its values.
const templateName = "MessageTemplate"

// eventName is the name of the message in lines of Python's structlog, which have a level.
const eventName = "event"

// plainMessage takes the text of a line that a store or a shipper has put into an object, if that has no message, or
// structlog's name of the message.
func (p *lineParser) plainMessage(e *Entry) {
	if p.messageMember() != nil {
		return
	}
	for i := range p.members {
		m := &p.members[i]
		if m.value[0] != '"' || m.outer != 0 || m.around {
			continue
		}
		switch string(m.key) {
		case eventName:
			if e.Level != "" {
				e.Message = string(plain(m.value[1 : len(m.value)-1]))
				m.taken = true
				return
			}
		case "textPayload", "@message", "_raw", "line", templateName:
			if text := plain(m.value[1 : len(m.value)-1]); bytes.IndexByte(text, ' ') > 0 {
				e.Message = string(bytes.TrimRight(text, "\r\n"))
				m.taken = true
				return
			}
		}
	}
}

// firstService returns the first member that names the program, under any of its names. Loggers get the name before
// records can use one of the other names for something else.
func (p *lineParser) firstService() *member {
	var first *member
	at := noPosition
	for _, s := range p.layout.slots[fieldService] {
		if i := p.first[s]; i != 0 && p.isTextual(&p.members[i-1]) {
			if to := p.position(s); first == nil || to < at {
				first, at = &p.members[i-1], to
			}
		}
	}
	return first
}

// isOther reports whether a member of fieldOther has the value that the preset expects. A store of lines may have
// OpenTelemetry's flags, two hex digits, or an attribute of that name.
func (p *lineParser) isOther(m *member) bool {
	switch {
	case m.slot == slotFlags && p.layout.tells != 0:
		return p.isTextual(m) && len(p.textOf(m)) == 2 && isHex(string(p.textOf(m)))
	case p.layout.ids == idGoogle && (m.value[0] == 't' || m.value[0] == 'f'):
		return true
	}
	return p.isTextual(m)
}

// event distinguishes span records from lines that only have such a message. Span records have both ids, and an end
// has its start or its duration.
func (p *lineParser) event(e *Entry) Event {
	if e.Trace == "" || e.Span == "" {
		return EventLog
	}
	switch e.Message {
	case messageStart:
		return EventStart
	case messageEnd:
		var t time.Time
		if m := p.timeMember(fieldStart, &t); m != nil {
			return EventEnd
		}
	case "":
		if !p.layout.spanStore || e.Op == "" || p.find(fieldMessage) != nil {
			return EventLog
		}
	default:
		return EventLog
	}
	var d time.Duration
	if m := p.durationMember(fieldDuration, &d); m != nil {
		return EventEnd
	}
	return EventLog
}

// span reads the fields that only span records have.
func (p *lineParser) span(e *Entry) {
	p.text(fieldParent, &e.Parent, false)
	e.Parent = spanID(p.layout.ids, e.Parent)
	p.text(fieldParentKind, &e.ParentKind, false)
	p.text(fieldKind, &e.Kind, true)
	p.failure(e)
	p.text(fieldStack, &e.Stack, false)
	p.duration(fieldQueued, &e.Queued)
	started := p.time(fieldStart, &e.Start)
	lasted := p.duration(fieldDuration, &e.Duration)
	if p.layout.startTime && e.Event == EventEnd && (!started || e.Start.Equal(e.Time)) && !e.Time.IsZero() {
		e.Start = e.Time
		e.Time = e.Start.Add(e.Duration)
		started = true
	}
	switch {
	case e.Event == EventStart:
		if !started {
			e.Start = e.Time
		}
	case !e.Time.IsZero() && !started:
		e.Start = e.Time.Add(-e.Duration)
	case !e.Time.IsZero() && !lasted:
		e.Duration = max(0, e.Time.Sub(e.Start))
	}
	if m := p.find(fieldLinks); m != nil {
		if links, ok := p.links(m.value); ok {
			e.Links = links
			p.take(m)
		}
	}
	if m := p.find(fieldSampleRate); m != nil {
		if x, ok := parseRate(p.bare(m.value)); ok {
			e.SampleRate = x
			p.take(m)
		}
	}
	if m := p.find(fieldSampled); m != nil {
		if v := string(p.bare(m.value)); v == "true" || v == "false" {
			e.Unsampled = v == "false"
			p.take(m)
		}
	}
}

func (p *lineParser) failure(e *Entry) {
	e.Failed = p.text(fieldError, &e.Error, false)
	if !p.layout.spanStore {
		return
	}
	// The text, if any, is under another key.
	if i := p.first[slotError]; i != 0 {
		m := &p.members[i-1]
		switch string(p.bare(m.value)) {
		case "true":
			e.Failed = true
			p.take(m)
		case "false":
			e.Failed = e.Error != ""
			p.take(m)
		}
	}
}

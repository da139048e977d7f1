package tracelog

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// fields sets the fields that p.members, which are indexed, speak of, and marks those members as taken.
func (p *lineParser) fields(e *Entry, preset *layout) {
	p.layout = preset
	p.ids(e)
	if !p.time(fieldTime, &e.Time) {
		e.Time = p.at
	}
	p.level(e)
	p.text(fieldMessage, &e.Message, true)
	p.text(fieldOp, &e.Op, true)
	if e.Trace == "" {
		p.prefixed(e)
	}
	if m := p.firstService(); m != nil {
		e.Service = p.in.string(p.textOf(m))
		p.take(m)
	} else {
		e.Service = p.service
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

func (p *lineParser) reset() {
	for i := range p.members {
		p.first[p.members[i].slot] = 0
	}
}

// index notes the first member of each known key, and looks into the objects that may hold others.
func (p *lineParser) index() {
	p.mask = 0
	nested := false
	for i := range p.members {
		m := &p.members[i]
		if m.slot == 0 {
			continue
		}
		if p.first[m.slot] == 0 {
			p.note(i, m)
		}
		nested = nested || nests[m.slot] && m.value[0] == '{'
	}
	if p.nested = nested; nested {
		for i := range p.members {
			if m := &p.members[i]; nests[m.slot] && m.value[0] == '{' {
				p.open(i)
			}
		}
	}
}

func (p *lineParser) note(i int, m *member) {
	p.first[m.slot] = int32(i + 1)
	c := m.value[0]
	if c == '"' || isDigit(c) && (p.isText || numberIDs[m.slot]) {
		if bit := m.slot.bit(); bit&idSlots == 0 || !isNoID(m.value) {
			p.mask |= bit
		} else {
			p.take(&p.members[i]) // it says nothing
		}
	}
}

// isNoID reports whether a value, of any key of an id, means that there is no id.
func isNoID(value []byte) bool {
	if value[0] == '"' {
		value = value[1 : len(value)-1]
		if bytes.IndexByte(value, '\\') >= 0 {
			value = plain(value)
		}
	}
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '0':
		if isTraceparent(value) {
			return isZeroID(value[3:35])
		}
		return isZeroID(value)
	case '1', 'R', 'S', 'p':
		trace, _ := traceID(idGoogle, string(value))
		return isZeroID(trace)
	}
	return false
}

// open adds the known members of the object that the i-th member is.
func (p *lineParser) open(i int) {
	outer := p.members[i]
	n := len(p.members)
	p.members, _ = appendMembers(p.members, outer.value)
	var buf [64]byte
	kept := n
	for j := n; j < len(p.members); j++ {
		m := p.members[j]
		s := keySlot(append(append(append(buf[:0], outer.key...), '.'), m.key...))
		if s == 0 || p.first[s] != 0 {
			continue
		}
		m.slot, m.outer, m.nth = s, int32(i+1), int32(j-n)
		p.members[kept] = m
		p.note(kept, &m)
		kept++
	}
	p.members = p.members[:kept]
}

// appendRest appends, as attributes, the members of the i-th member's object that are in no field.
func (p *lineParser) appendRest(attrs []Attr, i int) []Attr {
	inner, _ := appendMembers(nil, p.members[i].value)
	for j := range p.members {
		if m := &p.members[j]; m.taken && m.outer == int32(i+1) {
			inner[m.nth].taken = true
		}
	}
	for j := range inner {
		if m := &inner[j]; !m.taken {
			attrs = append(attrs, Attr{Key: string(p.members[i].key) + "." + string(m.key), Value: m.value})
		}
	}
	return attrs
}

// preset decides whose names the line has, and which of its first members are log/slog's.
func (p *lineParser) preset() *layout {
	p.head = headOf(p.firstSlots(), p.hasTime())
	mask := p.head.forget(p.mask)
	if mask&decisive == 0 {
		return &layouts[0]
	}
	if p.nested {
		// Of lines of a Format only the root counts.
		all := fullChoice(mask & decides)
		if l := all.written(p); l != nil {
			p.close()
			return l
		}
	}
	c := choiceOf(mask & decides)
	return c.resolve(p)
}

// close forgets the members of objects, but for those that name the program.
func (p *lineParser) close() {
	for i := range p.members {
		if m := &p.members[i]; m.outer != 0 && !slices.Contains(layouts[0].slots[fieldService], m.slot) {
			p.first[m.slot] = 0
		}
	}
}

// hasHead reports whether the line begins as log/slog's do, so that it holds no other line, whatever attributes it has.
func (p *lineParser) hasHead() bool {
	h := headOf(p.firstSlots(), p.hasTime())
	return h.found()
}

// firstSlots returns the slots of the first members, as headOf wants them.
func (p *lineParser) firstSlots() (first [headSize]slot) {
	for i := range min(headSize, len(p.members)) {
		m := &p.members[i]
		if m.outer != 0 {
			break
		}
		switch c := m.value[0]; builtins[m.slot] {
		case fieldTime + 1:
			if c == '"' || isDigit(c) {
				first[i] = m.slot
			}
		case fieldLevel + 1, fieldMessage + 1:
			if c == '"' || p.isText {
				first[i] = m.slot
			}
		case fieldSource + 1:
			first[i] = m.slot
		}
	}
	return first
}

// hasTime reports whether the line has a key of a time.
func (p *lineParser) hasTime() bool {
	return slices.ContainsFunc(layouts[0].slots[fieldTime], func(s slot) bool { return p.first[s] != 0 })
}

// position is that of a placer.
func (p *lineParser) position(s slot) position {
	i := p.first[s]
	if i == 0 {
		return noPosition
	}
	m := &p.members[i-1]
	switch {
	case m.value[0] != '"' && !(p.isText && m.value[0] != '{' && m.value[0] != '[') && !numberIDs[s]:
		return noPosition
	case m.outer != 0:
		return rootPosition*position(m.outer-1) + position(m.nth) + 1
	}
	return rootPosition * position(i-1)
}

// presetOf decides it by which of the keys that may be ids the line has.
func presetOf(mask uint64) *layout {
	best := &layouts[0]
	if mask&decisive == 0 {
		return best
	}
	most := 0
	for i := range layouts {
		l := &layouts[i]
		n := 0
		if mask&l.trace != 0 {
			n += 2
		}
		if mask&l.span != 0 {
			n += 2
		}
		if n == 0 {
			continue
		}
		if l.tells != 0 {
			if mask&l.tells != l.tells && mask&l.tellsToo == 0 {
				continue
			}
			n++
		}
		if n > most {
			most, best = n, l
		}
	}
	return best
}

// take marks a member that is in a field.
func (p *lineParser) take(m *member) {
	m.taken = true
	if m.outer != 0 {
		p.members[m.outer-1].opened = true
	}
}

// find returns the first member of a field.
func (p *lineParser) find(f field) *member {
	for _, s := range p.head.narrow(p.layout, f) {
		if i := p.first[s]; i != 0 {
			return &p.members[i-1]
		}
	}
	return nil
}

// firstService returns the first member that names the program, under whatever name: loggers are told it before
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

// isOther reports whether a member of fieldOther is what that preset has there.
// A store of lines may have OpenTelemetry's flags, two hex digits, or an attribute of that name.
func (p *lineParser) isOther(m *member) bool {
	switch {
	case m.slot == slotFlags && p.layout.tells != 0:
		return p.isTextual(m) && len(p.textOf(m)) == 2 && isHex(string(p.textOf(m)))
	case p.layout.ids == idGoogle && (m.value[0] == 't' || m.value[0] == 'f'):
		return true
	}
	return p.isTextual(m)
}

// isTextual reports whether a member is a string. A text line does not tell numbers and booleans from strings.
func (p *lineParser) isTextual(m *member) bool {
	c := m.value[0]
	return c == '"' || p.isText && c != '{' && c != '['
}

// textOf returns the text of a textual member.
func (p *lineParser) textOf(m *member) []byte {
	if m.value[0] == '"' {
		return plain(m.value[1 : len(m.value)-1])
	}
	return m.value
}

func (p *lineParser) ids(e *Entry) {
	var segment string
	if p.text(fieldTrace, &e.Trace, false) {
		found := e.Trace
		e.Schema = p.layout.name
		if e.Trace, segment = traceID(p.layout.ids, found); p.layout.ids == idPlain && e.Trace != found && !isTraceparent(found) {
			e.Schema = "xray"
		}
		segment = idOrNone(segment)
	}
	if p.text(fieldSpan, &e.Span, false) {
		e.Schema = cmp.Or(e.Schema, p.layout.name)
		e.Span = spanID(p.layout.ids, e.Span)
		if i := p.first[slotTransaction]; i != 0 && p.layout.name == "ecs" {
			// On a service's root it repeats the span's id.
			if m := &p.members[i-1]; m.value[0] == '"' && string(plain(m.value[1:len(m.value)-1])) == e.Span {
				p.take(m)
			}
		}
	} else {
		e.Span = segment
	}
}

func (p *lineParser) level(e *Entry) {
	if p.text(fieldLevel, &e.Level, true) {
		return
	}
	// pino and bunyan write numbers.
	if m := p.find(fieldLevel); m != nil && len(m.value) == 2 && m.value[1] == '0' && m.value[0] >= '1' && m.value[0] <= '6' {
		e.Level = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}[m.value[0]-'1']
		p.take(m)
	}
}

// event tells span records from lines whose message merely says so: those have both ids,
// and an end says when it began or how long it took.
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

// hasNoID reports whether one of the ids that the members have says that there is none.
func (p *lineParser) hasNoID() bool {
	for i := range p.members {
		if m := &p.members[i]; m.slot.bit()&idSlots != 0 && isNoID(m.value) {
			return true
		}
	}
	return false
}

package tracelog

import "bytes"

// journal reads an entry of the journal (journalctl -o json) from p.members: the content of MESSAGE is the line. If
// that is not a record, the entry itself is one.
func (p *lineParser) journal(entry []byte, e *Entry) verdict {
	var message, micros, priority, unit, name, container []byte
	for i := range p.members {
		m := &p.members[i]
		switch string(m.key) {
		case "MESSAGE":
			message = p.journalText(m.value)
		case "__REALTIME_TIMESTAMP":
			micros = p.journalText(m.value)
		case "PRIORITY":
			priority = p.journalText(m.value)
		case "_SYSTEMD_UNIT":
			unit = bytes.TrimSuffix(p.journalText(m.value), []byte(".service"))
		case "CONTAINER_NAME": // of docker and podman, whose unit is their own
			container = p.journalText(m.value)
		case "SYSLOG_IDENTIFIER":
			name = p.journalText(m.value)
		}
	}
	p.at, _ = parseEpoch(micros)
	at := p.at
	if len(container) > 0 {
		unit = composeService(container)
	} else if len(unit) == 0 {
		unit = name
	}
	p.service = p.in.string(unit)
	service := p.service
	p.reset()
	if line := bytes.TrimRight(message, "\r\n"); !bytes.Contains(line, []byte("\n")) && p.line(line, e) == isRecord {
		return isRecord
	}
	*e = Entry{File: e.File, Line: e.Line, Raw: e.Raw}
	p.at, p.service, p.isText = at, service, false
	p.members, _ = appendMembers(p.members[:0], entry)
	p.index()
	p.fields(e, p.preset())
	for i := range p.members {
		m := &p.members[i]
		switch string(m.key) {
		case "MESSAGE":
			if e.Message == "" {
				e.Message = string(message)
				m.taken = true
			}
		case "PRIORITY":
			if len(priority) == 1 && '0' <= priority[0] && priority[0] <= '7' && e.Level == "" {
				e.Level = [...]string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}[priority[0]-'0']
				m.taken = true
			}
		case "__REALTIME_TIMESTAMP":
			m.taken = !at.IsZero() && e.Time.Equal(at)
		}
	}
	return isRecord
}

// journalText returns the text of a value of the journal: a string, or an array of its bytes if it is not UTF-8 or
// has control characters. If there are several values, in an array, it is the first.
func (p *lineParser) journalText(v []byte) []byte {
	switch v[0] {
	case '"':
		return plain(v[1 : len(v)-1])
	case '[':
		var text []byte
		l := lexer{b: v, i: 1} // v is valid
		for l.space(); !l.peek(']'); l.space() {
			start := l.i
			l.value()
			item := l.b[start:l.i]
			if item[0] == '"' || item[0] == '[' {
				if len(text) == 0 && item[0] == '"' {
					return plain(item[1 : len(item)-1])
				}
				return text
			}
			n := 0
			for _, c := range item {
				if n = n*10 + int(c-'0'); !isDigit(c) || n > 255 {
					return nil
				}
			}
			text = append(text, byte(n))
			if l.space(); l.peek(',') {
				l.i++
			}
		}
		return text
	}
	return nil
}

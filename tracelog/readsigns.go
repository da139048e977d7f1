package tracelog

import "bytes"

// A site is where in a value the outermost record is. The zero value means that there is none.
type site struct {
	depth int
	many  bool // it is in an array
	text  bool // it is an object in a string whose name says that it is a line
}

// before reports whether there are fewer objects and arrays around a than around b. Of as many, a line is before an
// object, which may be its copy in another form. A site without a record is behind all others.
func (a site) before(b site) bool {
	return a.depth > 0 && (b.depth == 0 || a.depth < b.depth || a.depth == b.depth && a.text && !b.text)
}

// isAt reports whether the record is the value itself that has been entered at this depth. If all members of an object
// are records, they are a list with names.
func (a site) isAt(depth int) bool { return a.depth == depth && !a.many }

// signs are what tells whether an object is a record.
type signs struct {
	message, carries, trace, span, level, time bool
}

func signsOf(ms []member) (s signs) {
	empty := false
	for i := range ms {
		m := &ms[i]
		if m.slot == 0 {
			continue
		}
		c := m.value[0]
		switch builtins[m.slot] {
		case fieldTime + 1:
			s.time = s.time || c == '"' || isDigit(c)
		case fieldLevel + 1:
			s.level = s.level || c == '"' || isDigit(c)
		case fieldMessage + 1:
			if c == '"' && !s.message {
				s.message, s.carries = len(m.value) > len(`""`), mayCarry(m.value)
				empty = !s.message
			}
		}
		isID := c == '"' && len(m.value) > 2 && !isNoID(m.value) || isDigit(c) && numberIDs[m.slot]
		switch bit := m.slot.bit(); {
		case isID && bit&traceSlots != 0:
			s.trace = true
		case isID && bit&spanSlots != 0:
			s.span = true
		case c == '{' && nests[m.slot] && !s.trace:
			s.trace = hasNestedTrace(m)
		}
	}
	s.message = s.message || empty && (s.trace || s.level) // stores have an empty message beside the object with the record
	return s
}

// isRecord reports whether the object is a record. Timed means that its time may be outside.
func (s *signs) isRecord(timed bool) bool {
	switch {
	case s.message && (s.trace || s.level):
		return true
	case s.message:
		return (s.time || timed) && !s.carries
	}
	return s.trace && s.time
}

// hasNestedTrace reports whether an object has a trace id whose key has a dot, as in {"trace":{"id":…}}.
func hasNestedTrace(m *member) bool {
	inner, _ := appendMembers(nil, m.value)
	for i := range inner {
		key := append(append(append(make([]byte, 0, 64), m.key...), '.'), inner[i].key...)
		if s := keySlot(key); s.bit()&traceSlots != 0 && (inner[i].value[0] == '"' || isDigit(inner[i].value[0])) {
			return true
		}
	}
	return false
}

// isLogger reports whether an object without a message is the line of a logger, which may have left it out: it has a
// level and a time. Only objects and strings that loggers and shippers use for the record itself are looked at then,
// see loggerCarriers, because a response body may be beside them. Stores call the level severity or status.
func isLogger(ms []member, s signs) bool {
	if s.message || !s.level || !s.time {
		return false
	}
	for i := range ms {
		if m := &ms[i]; builtins[m.slot] == fieldLevel+1 && m.outer == 0 && m.slot != slotSeverity {
			return true
		}
	}
	return false
}

// isEvent reports whether the object is the line of a logger that has another name for the message, as structlog has.
// These names are not those of messages on other lines.
func (p *lineParser) isEvent() bool {
	if !p.hasField(fieldLevel) || !p.hasField(fieldTime) {
		return false
	}
	for i := range p.members {
		switch m := &p.members[i]; string(m.key) {
		case "event", "text", "short_message", "title", "description", "error", "err":
			if m.value[0] == '"' && m.outer == 0 && !mayCarry(m.value) {
				return true
			}
		}
	}
	return false
}

// isLeveled reports whether an object has a time and a level, under a logger's names or a store's, and so those of the
// record. An object in it with a message, and neither, is then that record, although the message may look like one. With a
// time of its own it may be a shipper's line. Timed means that the time may be outside. The default severity of Google's
// store is no level.
func isLeveled(ms []member, timed bool) bool {
	leveled := statusIn(ms) != ""
	for i := range ms {
		m := &ms[i]
		if m.outer != 0 {
			continue
		}
		c := m.value[0]
		switch builtins[m.slot] {
		case fieldLevel + 1:
			leveled = leveled || isDigit(c) || isLevel(jsonText(m.value))
		case fieldTime + 1:
			timed = timed || c == '"' || isDigit(c)
		}
	}
	return leveled && (timed || !timeIn(ms).IsZero())
}

var loggerCarriers = map[string]bool{
	"fields": true, "attributes": true, "properties": true, "jsonPayload": true, "textPayload": true, "_source": true,
	"log": true, "line": true, "MESSAGE": true, "@message": true,
}

// carriers are the names of strings that contain a line of any form. Strings of other names are looked at only if
// they are objects.
var carriers = map[string]bool{
	"log": true, "message": true, "msg": true, "line": true, "body": true, "MESSAGE": true, "@message": true,
	"Body": true, "textPayload": true, "_raw": true, "raw": true, "text": true, "content": true, "_msg": true,
	"data": true, "payload": true, "event": true, "record": true,
}

// mayHoldLine reports whether a string may be a line of any form: by its name, or because an object is at its end.
func mayHoldLine(key, v []byte) bool {
	return isLine(key) || endsInObject(v)
}

// isLine reports whether a string of this name is a line.
func isLine(key []byte) bool { return carriers[string(key)] || isLineName(key) }

// isLineName reports whether the last word of a name of several words says that it is a line: LogMessage, log_entry,
// rawLog. The capitals of one word do not matter: Log.
func isLineName(key []byte) bool {
	if len(key) < len("Log") || len(key) > 64 {
		return false
	}
	start := len(key) - 1
	for start > 0 && isLetter(key[start]) && (key[start] >= 'a' || key[start-1] < 'a') {
		start--
	}
	if !isLetter(key[start]) {
		start++
	}
	switch string(bytes.ToLower(key[start:])) {
	case "log", "message", "msg", "line", "entry", "raw", "payload", "record":
		return true
	}
	return false
}

// endsInObject reports whether a JSON string is longer than an object and has the end of one at its end.
func endsInObject(v []byte) bool {
	n := len(v) - 1
	for n > 2 && v[n-2] == '\\' && (v[n-1] == 'n' || v[n-1] == 'r') {
		n -= 2
	}
	return n > len(`"x {"msg":"m"}`) && v[n-1] == '}'
}

// mayCarry reports whether a JSON string may be an object.
func mayCarry(v []byte) bool {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case ' ', '\t':
		case '{':
			return true
		case '\\':
			switch i++; v[i] {
			case 'n', 'r', 't':
			case 'u':
				c := hex4(v[i+1:])
				return c == '{' || c == '\x1b' // a colour
			default:
				return false
			}
		default:
			return false
		}
	}
	return false
}

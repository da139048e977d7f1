package tracelog

import (
	"bytes"
	"strings"
)

// shortMessage is the name of a message in GELF.
const shortMessage = "short_message"

// gelfLevels are the names of syslog's severities, which are GELF's levels.
var gelfLevels = [...]string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG"}

// gelf appends the line of a message in Graylog's format:
//
//	{"version":"1.1","host":"h","short_message":"seat held","timestamp":1772356500.5,"level":6,"_trace":"4bf9…","_span":"00f0…"}
//
// The names of the program's own members begin with an underscore.
func (p *lineParser) gelf(ms []member, beside []byte) {
	at, _, _ := foreignMoment(pick(ms, []string{"timestamp"}))
	level := pickText(ms, []string{"level"})
	if len(level) == 1 && level[0] >= '0' && level[0] <= '7' {
		level = gelfLevels[level[0]-'0']
	}
	w := newForeignLine(at, level)
	w.raw("msg", pick(ms, []string{shortMessage}))
	for i := range ms {
		key, isOwn := strings.CutPrefix(string(ms[i].key), "_")
		if f := builtins[keySlot([]byte(key))]; f > 0 && f <= fieldMessage+1 {
			key = "attr." + key
		}
		if isOwn {
			w.raw(key, ms[i].value)
		}
	}
	for i := range ms {
		switch m, key := &ms[i], string(ms[i].key); {
		case strings.HasPrefix(key, "_"), key == shortMessage, key == "timestamp" && !at.IsZero(), key == "level" && level != "":
		case w.seen[key]:
			w.raw("gelf."+key, m.value)
		default:
			w.attr(key, m.value)
		}
	}
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}

// isGELF reports whether the version of an object with a short message is one of GELF's.
func isGELF(version []byte) bool { return bytes.HasPrefix(version, []byte(`"1.`)) }

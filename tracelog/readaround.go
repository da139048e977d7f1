package tracelog

import (
	"bytes"
	"strings"
	"time"
)

// maxServiceDepth is how deep the name of the service is searched for in what is around a record.
const maxServiceDepth = 4

// serviceNames are the ends of the paths under which what is around a record names its program, the best first. They
// are compared without capitals, underscores and dashes. "service.name" is the member "name" of an object "service", too.
var serviceNames = [...]string{
	"service.name", "servicename", "service", "entity.name", "app.kubernetes.io/name", "k8sapp", "app", "application", "appname",
	"container.name", "containername", "container", "podname", "unit", "syslogidentifier", "job", "function", "functionname", "program", "stream.name",
}

// serviceIn returns the program that the objects around a record name, or "".
func serviceIn(ms []member) string {
	name, _ := serviceOf(ms)
	return name
}

// serviceOf returns the program, and the rank of its name.
func serviceOf(ms []member) (best string, at int) {
	at = len(serviceNames)
	var search func(ms []member, outer string, depth int)
	search = func(ms []member, outer string, depth int) {
		for i := range ms {
			m := &ms[i]
			if m.outer != 0 {
				continue
			}
			switch {
			case m.value[0] == '{' && depth < maxServiceDepth && len(m.value) < maxBeside*4:
				in, _ := appendMembers(nil, m.value)
				search(in, serviceKey(m.key), depth+1)
			case m.value[0] == '"' && len(m.value) > len(`""`) && len(m.value) < 256:
				if n := serviceRank(outer, serviceKey(m.key)); n < at {
					best, at = string(programName(plain(m.value[1:len(m.value)-1]))), n
				}
			}
		}
	}
	search(ms, "", 0)
	return best, at
}

// programName returns a name without the slash that docker writes before that of a container.
func programName(name []byte) []byte { return bytes.TrimPrefix(name, []byte("/")) }

// serviceRank returns the index of a key in serviceNames, or their number. Outer is the key of its object.
func serviceRank(outer, key string) int {
	for n, name := range serviceNames {
		if key == name || strings.HasSuffix(key, "."+name) || outer != "" && outer+"."+key == name {
			return n
		}
	}
	return len(serviceNames)
}

func serviceKey(key []byte) string {
	if len(key) > 64 {
		return ""
	}
	b := make([]byte, 0, len(key))
	for _, c := range key {
		if c != '_' && c != '-' {
			b = append(b, c)
		}
	}
	return string(bytes.ToLower(b))
}

// statusIn returns the level that an object around a record has under a name that is not a level's in records, or "".
func statusIn(ms []member) string {
	for i := range ms {
		switch m := &ms[i]; string(m.key) {
		case "status", "severityText", "SeverityText", "loglevel", "log_level":
			if text := jsonText(m.value); m.outer == 0 && isLevel(text) {
				return text
			}
		}
	}
	return ""
}

// timeIn returns the time that an object around a record has under a name that is not a time's in records: the first
// member whose name says so and whose value is a time. It is zero if there is none.
func timeIn(ms []member) time.Time {
	for i := range ms {
		m := &ms[i]
		if m.outer != 0 || m.value[0] != '"' && !isDigit(m.value[0]) || !isTimeName(serviceKey(m.key)) {
			continue
		}
		if at, _, ok := foreignMoment(m.value); ok {
			return at
		}
	}
	return time.Time{}
}

// isTimeName reports whether a key without capitals is a name of a line's time: date, dt, TimeGenerated, eventTime.
func isTimeName(key string) bool {
	return key == "date" || key == "dt" || strings.HasPrefix(key, "time") || strings.HasSuffix(key, "time") || strings.HasSuffix(key, "timestamp")
}

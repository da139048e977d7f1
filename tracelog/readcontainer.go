package tracelog

import "bytes"

// appendTo appends the chunk as an entry in the form of CRI that is not partial.
func (c *chunk) appendTo(b []byte) []byte {
	b = append(append(b, c.at...), ' ')
	b = append(append(b, c.stream...), " F "...)
	return append(b, c.content...)
}

// cutCRI reads "2026-03-01T09:15:00.123456789Z stdout F line". The tags are separated by colons. The first is P for a
// part, or F for a line or its end.
func cutCRI(line []byte) (c chunk, ok bool) {
	var tags []byte
	rest := line
	if c.at, rest, ok = bytes.Cut(rest[:min(len(rest), 64)], []byte(" ")); !ok {
		return c, false
	}
	switch {
	case bytes.HasPrefix(rest, []byte("stdout ")):
		c.stream = "stdout"
	case bytes.HasPrefix(rest, []byte("stderr ")):
		c.stream = "stderr"
	default:
		return c, false
	}
	rest = line[len(c.at)+1+len("stdout "):]
	if tags, c.content, ok = bytes.Cut(rest, []byte(" ")); !ok {
		tags = rest // shells and editors cut the space of an empty line
	}
	if c.partial = len(tags) > 0 && tags[0] == 'P'; !c.partial && (len(tags) == 0 || tags[0] != 'F') {
		return c, false
	}
	if len(tags) > 1 && tags[1] != ':' {
		return c, false
	}
	_, ok = parseTime(c.at)
	return c, ok
}

// docker reads {"log":"line\n","stream":"stdout","time":"…"} from p.members, as docker's json-file writes it, with
// or without "attrs".
func (p *lineParser) docker() (c chunk, ok bool) {
	var log *member
	for i := range p.members {
		m := &p.members[i]
		isString := m.value[0] == '"'
		switch string(m.key) {
		case "log":
			if log != nil || !isString {
				return c, false
			}
			log = m
		case "stream":
			switch string(m.value) {
			case `"stdout"`:
				c.stream = "stdout"
			case `"stderr"`:
				c.stream = "stderr"
			}
		case "time":
			if isString {
				c.at = plain(m.value[1 : len(m.value)-1])
			}
		case "attrs":
		default:
			return c, false
		}
	}
	if _, ok := parseTime(c.at); !ok || log == nil || c.stream == "" {
		return c, false
	}
	c.content, ok = bytes.CutSuffix(plain(log.value[1:len(log.value)-1]), []byte("\n"))
	c.content = bytes.TrimSuffix(c.content, []byte("\r"))
	c.partial = !ok
	return c, true
}

// container reads a line that is an entry of a container's log.
func (p *lineParser) container(line []byte) (c chunk, ok bool) {
	if len(line) == 0 {
		return c, false
	}
	if line[0] != '{' {
		return cutCRI(line)
	}
	var err *syntaxError
	if p.members, err = appendMembers(p.members[:0], line); err != nil {
		return c, false
	}
	return p.docker()
}

// mayBeEntry reports whether a line may be an entry of a container's log. Most lines are none, and it need not look at all of them.
func mayBeEntry(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		line = line[:min(len(line), 64+len(" stdout "))]
	} else if !beginsEntry(line) {
		return false
	}
	return bytes.Contains(line, streamNames[0]) || bytes.Contains(line, streamNames[1])
}

// beginsEntry reports whether the first key of an object may be one of docker's json-file.
func beginsEntry(object []byte) bool {
	rest := bytes.TrimLeft(object[1:], " \t\r")
	for _, key := range [...]string{`"log"`, `"stream"`, `"time"`, `"attrs"`} {
		if bytes.HasPrefix(rest, []byte(key)) {
			return true
		}
	}
	i := endOfPlain(rest, min(1, len(rest)))
	return i < len(rest) && rest[i] == '\\'
}

// streamNames are the names of a container's streams.
var streamNames = [2][]byte{[]byte("stdout"), []byte("stderr")}

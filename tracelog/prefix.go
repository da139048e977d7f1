package tracelog

import (
	"bytes"
	"strings"
)

// maxPrefixes is how many prefixes a line may have one after another: "docker compose logs -t" puts two.
const maxPrefixes = 6

// cutPrefix cuts what somebody has put before the line that a program wrote:
//
//	web-1  | {…}                                docker compose logs; the service is web
//	[pod/api-7d9f-x2/api] {…}                   kubectl logs --prefix; the service is the container
//	2026-03-01T09:15:00.123456789Z {…}          -t or --timestamps of either
//	2026-03-01T09:15:00.123456789Z stdout F {…} a container's file in the form of CRI
//	api-7d9f-x2 api {…}                         stern; the service is the container: see cutStern
//	2026-03-01T09:15:00.5+00:00 web1 api[47]: {…} syslog and journalctl; the service is the tag: see cutSyslog
//	MESSAGE={…}                                 journalctl -o verbose and export
//	data: {…}                                   server-sent events, as journalctl -o json-sse writes them
//
// and marks of a byte order and of a record. It notes the time and the service.
func (p *lineParser) cutPrefix(line []byte) (rest []byte, ok bool) {
	switch c := line[0]; {
	case c == '[':
		if rest, ok := p.cutPod(line); ok {
			return rest, true
		}
		return p.cutMonotonic(line)
	case isDigit(c):
		if c, ok := cutCRI(line); ok {
			p.at, _ = parseTime(c.at)
			return c.content, true
		}
		if word, rest, ok := bytes.Cut(line[:min(len(line), 64)], []byte(" ")); ok && len(rest) > 0 {
			rest = line[len(word)+1:]
			if t, ok := parseTime(word); ok && len(word) >= len("2006-01-02T15:04:05Z") {
				p.at = t
				return rest, true
			}
			if t, ok := parseEpoch(word); ok {
				if rest, ok := p.cutTag(rest, true); ok {
					p.at = t
					return rest, true
				}
			}
		}
	case c == '\xef':
		return bytes.CutPrefix(line, []byte("\xef\xbb\xbf"))
	case c == '\x1e': // of JSON text sequences (RFC 7464)
		return line[1:], true
	case c == '<':
		return p.cutSyslog(line)
	}
	for _, name := range [...]string{"MESSAGE=", "data: "} {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok && len(rest) > 0 && rest[0] == '{' {
			return rest, true
		}
	}
	if rest, ok := p.cutCompose(line); ok {
		return rest, true
	}
	if rest, ok := p.cutSyslog(line); ok {
		return rest, true
	}
	if rest, ok := p.cutFull(line); ok {
		return rest, true
	}
	if !p.at.IsZero() { // in front of it
		if rest, ok := p.cutTag(line, true); ok {
			return rest, true
		}
	}
	return p.cutStern(line)
}

// cutCompose cuts "web-1  | ".
func (p *lineParser) cutCompose(line []byte) (rest []byte, ok bool) {
	n := 0
	for n < len(line) && n < 128 && (isDigit(line[n]) || 'a' <= line[n] && line[n] <= 'z' || 'A' <= line[n] && line[n] <= 'Z' ||
		n > 0 && (line[n] == '-' || line[n] == '_' || line[n] == '.' || line[n] == '@')) {
		n++
	}
	if n == 0 {
		return line, false
	}
	rest = bytes.TrimLeft(line[n:], " ")
	if len(rest) == 0 || rest[0] != '|' {
		return line, false
	}
	rest = rest[1:]
	if len(rest) > 0 && rest[0] != ' ' {
		return line, false
	}
	p.service = p.in.string(composeService(line[:n]))
	return bytes.TrimPrefix(rest, []byte(" ")), true
}

// composeService returns the name without the number of the container: web of web-1, and of web.1.x7q3@node,
// as docker service logs writes it.
func composeService(name []byte) []byte {
	if bytes.IndexByte(name, '@') > 0 {
		name, _, _ = bytes.Cut(name, []byte("."))
		return name
	}
	end := len(name)
	for end > 0 && isDigit(name[end-1]) {
		end--
	}
	if end > 1 && end < len(name) && (name[end-1] == '-' || name[end-1] == '_') {
		return name[:end-1]
	}
	return name
}

// cutPod cuts "[pod/name/container] ".
func (p *lineParser) cutPod(line []byte) (rest []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("[pod/")) {
		return line, false
	}
	end := bytes.IndexByte(line[:min(len(line), 600)], ']') // names have up to 253 bytes each
	if end < 0 || end+1 < len(line) && line[end+1] != ' ' {
		return line, false
	}
	name := line[len("[pod/"):end]
	p.service = p.in.string(name[bytes.LastIndexByte(name, '/')+1:])
	return bytes.TrimPrefix(line[end+1:], []byte(" ")), true
}

// A chunk is what one entry of a container's log holds: a line, or a part of it.
type chunk struct {
	at      []byte // a time
	stream  string // "stdout", "stderr"
	partial bool   // the line goes on in the stream's next entry
	content []byte // without a newline
}

// appendTo appends the chunk as an entry in the form of CRI that is not partial.
func (c *chunk) appendTo(b []byte) []byte {
	b = append(append(b, c.at...), ' ')
	b = append(append(b, c.stream...), " F "...)
	return append(b, c.content...)
}

// cutCRI reads "2026-03-01T09:15:00.123456789Z stdout F line". Of the tags, separated by colons,
// the first says P for a part or F for a line or the end of one.
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
		tags = rest // of an empty line, shells and editors cut the space
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

// docker reads {"log":"line\n","stream":"stdout","time":"…"} out of p.members, as docker's json-file writes it,
// with "attrs" or without.
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

// journal reads an entry of the journal (journalctl -o json) out of p.members: what MESSAGE holds is the line.
// Where that is no record, the entry itself is one.
func (p *lineParser) journal(entry []byte, e *Entry) verdict {
	var message, micros, priority, unit, name []byte
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
		case "SYSLOG_IDENTIFIER":
			name = p.journalText(m.value)
		}
	}
	p.at, _ = parseEpoch(micros)
	at := p.at
	if len(unit) == 0 {
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

// journalText returns the text of a value of the journal: a string, or an array of its bytes if it is not UTF-8
// or has control characters. Of several values, an array of them, it is the first.
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

// notText says what a line that is no record is, if it is not even text.
func notText(line []byte) string {
	switch s := string(line[:min(len(line), 4)]); {
	case strings.HasPrefix(s, "\x1f\x8b"):
		return "binary data: gzip"
	case s == "\x28\xb5\x2f\xfd":
		return "binary data: zstd"
	case strings.HasPrefix(s, "\xff\xfe"), strings.HasPrefix(s, "\xfe\xff"):
		return "binary data: UTF-16"
	}
	// Of text in any encoding that is in use for logs, no byte is 0, and control characters are few.
	head := line[:min(len(line), 1024)]
	odd := 0
	for _, c := range head {
		if c == 0 {
			return "binary data"
		}
		if c < ' ' && c != '\t' && c != '\x1b' && c != '\r' && c != '\n' || c == 0x7f {
			odd++
		}
	}
	if odd*10 > len(head) {
		return "binary data"
	}
	return ""
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

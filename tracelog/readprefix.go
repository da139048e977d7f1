package tracelog

import (
	"bytes"
	"strings"
)

// maxPrefixes is how many prefixes a line may have one after another: "docker compose logs -t" writes two.
const maxPrefixes = 6

// cutPrefix cuts a prefix that was put before the line that a program wrote:
//
//	web-1  | {…}                                docker compose logs; the service is web
//	[pod/api-7d9f-x2/api] {…}                   kubectl logs --prefix; the service is the container
//	2026-03-01T09:15:00.123456789Z {…}          -t or --timestamps of either
//	2026-03-01T09:15:00.123456789Z stdout F {…} a container's file in the form of CRI
//	api-7d9f-x2 api {…}                         stern; the service is the container: see cutStern
//	team/api-7d9f-x2[api]: {…}                  kail, likewise
//	2026-03-01T09:15:00.5+00:00 web1 api[47]: {…} syslog and journalctl; the service is the tag: see cutSyslog
//	MESSAGE={…}                                 journalctl -o verbose and export
//	data: {…}                                   server-sent events, as journalctl -o json-sse writes them
//
// It also cuts byte order marks and record separators. It records the time and the service.
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
	if rest, ok := p.cutKail(line); ok {
		return rest, true
	}
	if !p.at.IsZero() { // a prefix before this one had a time
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

// composeService returns the name without the number of the container: web for web-1, and for web.1.x7q3@node, as
// docker service logs writes it.
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

// notText returns what a line that is not a record is, if it is not even text.
func notText(line []byte) string {
	switch s := string(line[:min(len(line), 4)]); {
	case strings.HasPrefix(s, "\x1f\x8b"):
		return "binary data: gzip"
	case s == "\x28\xb5\x2f\xfd":
		return "binary data: zstd"
	case strings.HasPrefix(s, "\xff\xfe"), strings.HasPrefix(s, "\xfe\xff"):
		return "binary data: UTF-16"
	}
	// In text of any encoding that is used for logs, no byte is 0, and control characters are few.
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

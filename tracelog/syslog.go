package tracelog

import "bytes"

// cutSyslog cuts what a syslog daemon puts before a line, or journalctl when it writes text:
//
//	Mar  1 09:15:00 web1 api[4711]: {…}                        RFC 3164, as it stands in files
//	<134>Mar  1 09:15:00 web1 api[4711]: {…}                   as it is sent
//	<134>1 2026-03-01T09:15:00.5Z web1 api 4711 - - {…}        RFC 5424
//
// The service is the tag. A time without a year and a zone is no time.
func (p *lineParser) cutSyslog(line []byte) (rest []byte, ok bool) {
	rest = line
	if rest[0] == '<' {
		end := bytes.IndexByte(rest[:min(len(rest), 5)], '>')
		if end < 2 || len(bytes.Trim(rest[1:end], "0123456789")) > 0 {
			return line, false
		}
		if rest = rest[end+1:]; bytes.HasPrefix(rest, []byte("1 ")) {
			if rest, ok = p.cutSyslog5424(rest[2:]); ok {
				return rest, true
			}
			return line, false
		}
	}
	const stamp = "Mar  1 09:15:00 "
	if len(rest) < len(stamp) || rest[3] != ' ' || rest[6] != ' ' || rest[9] != ':' || rest[12] != ':' || rest[15] != ' ' ||
		!isMonth(rest[:3]) || rest[4] != ' ' && !isDigit(rest[4]) || !isDigit(rest[5]) || !isDigit(rest[7]) || !isDigit(rest[14]) {
		return line, false
	}
	if rest, ok = p.cutTag(rest[len(stamp):], false); !ok {
		return line, false
	}
	return rest, true
}

func isMonth(b []byte) bool {
	const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
	return bytes.IndexByte(b, ' ') < 0 && bytes.Contains([]byte(months), b)
}

// cutTag cuts the host and the tag: "web1 api[4711]: ". The number may be missing, unless it must be there.
func (p *lineParser) cutTag(line []byte, numbered bool) (rest []byte, ok bool) {
	host, rest, ok := bytes.Cut(line[:min(len(line), 400)], []byte(" "))
	if !ok || !isName(host) {
		return line, false
	}
	tag, _, ok := bytes.Cut(rest, []byte(": "))
	if !ok {
		return line, false
	}
	rest = line[len(host)+1+len(tag)+2:]
	if name, pid, ok := bytes.Cut(tag, []byte("[")); ok {
		if n := len(pid) - 1; n < 1 || pid[n] != ']' || len(bytes.Trim(pid[:n], "0123456789")) > 0 {
			return line, false
		}
		tag = name
	} else if numbered {
		return line, false
	}
	if !isName(tag) {
		return line, false
	}
	p.service = p.in.string(tag[bytes.LastIndexByte(tag, '/')+1:]) // some give the program's path
	return rest, true
}

// cutSyslog5424 cuts "2026-03-01T09:15:00.5Z web1 api 4711 ID47 - ", with structured data or without.
func (p *lineParser) cutSyslog5424(line []byte) (rest []byte, ok bool) {
	var words [5][]byte // time, host, program, process, message's id
	rest = line
	for i := range words {
		n := bytes.IndexByte(rest[:min(len(rest), 300)], ' ')
		if n <= 0 {
			return line, false
		}
		words[i], rest = rest[:n], rest[n+1:]
	}
	at, ok := parseTime(words[0])
	if !ok && string(words[0]) != "-" {
		return line, false
	}
	switch {
	case bytes.HasPrefix(rest, []byte("- ")):
		rest = rest[2:]
	case bytes.HasPrefix(rest, []byte("[")):
		end := bytes.Index(rest, []byte("] ")) // in a value ] stands behind a \
		for end > 0 && rest[end-1] == '\\' {
			next := bytes.Index(rest[end+1:], []byte("] "))
			if next < 0 {
				return line, false
			}
			end += 1 + next
		}
		if end < 0 {
			return line, false
		}
		rest = rest[end+2:]
	default:
		return line, false
	}
	if p.at = at; string(words[2]) != "-" {
		p.service = p.in.string(words[2])
	}
	return bytes.TrimPrefix(rest, []byte("\xef\xbb\xbf")), true
}

// isName reports whether b can be the name of a host, a program or a pod.
func isName(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '.' && c != '_' && c != '/' {
			return false
		}
	}
	return len(b) > 0
}

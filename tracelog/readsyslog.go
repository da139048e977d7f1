package tracelog

import (
	"bytes"
	"strconv"
)

// cutSyslog cuts the prefix that a syslog daemon puts before a line, or journalctl when it writes text:
//
//	Mar  1 09:15:00 web1 api[4711]: {…}                        RFC 3164, as it is in files; journalctl -o short
//	Mar 01 09:15:00.500123 web1 api[4711]: {…}                 journalctl -o short-precise
//	<134>Mar  1 09:15:00 web1 api[4711]: {…}                   as it is sent
//	<134>1 2026-03-01T09:15:00.5Z web1 api 4711 - - {…}        RFC 5424
//
// The service is the tag. A time without a year and a zone is not used. Other forms of journalctl are in cutPrefix,
// cutFull and cutMonotonic.
func (p *lineParser) cutSyslog(line []byte) (rest []byte, ok bool) {
	rest = line
	if rest[0] == '<' {
		end := bytes.IndexByte(rest[:min(len(rest), 5)], '>')
		if end < 2 || len(bytes.Trim(rest[1:end], "0123456789")) > 0 {
			return line, false
		}
		priority := rest[1:end]
		if rest = rest[end+1:]; bytes.HasPrefix(rest, []byte("1 ")) {
			if rest, ok = p.cutSyslog5424(rest[2:]); ok {
				if n, err := strconv.Atoi(string(priority)); err == nil {
					p.around.severity = severities[n%len(severities)]
				}
				return rest, true
			}
			return line, false
		}
	}
	const stamp = "Mar  1 09:15:00"
	if len(rest) <= len(stamp) || rest[3] != ' ' || rest[6] != ' ' || rest[9] != ':' || rest[12] != ':' ||
		!isMonth(rest[:3]) || rest[4] != ' ' && !isDigit(rest[4]) || !isDigit(rest[5]) || !isDigit(rest[7]) || !isDigit(rest[14]) {
		return line, false
	}
	rest = rest[len(stamp):]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
		rest = rest[n:]
	}
	if len(rest) == 0 || rest[0] != ' ' {
		return line, false
	}
	if rest, ok = p.cutTag(rest[1:], false); !ok {
		return line, false
	}
	return rest, true
}

// cutFull cuts the prefix of journalctl with -o short-full and with-unit:
//
//	Sun 2026-03-01 09:15:00 UTC web1 api[4711]: {…}
//	Sun 2026-03-01 09:15:00 CET web1 user@1000.service/api.service[4711]: {…}
//
// The zone is that of the machine. In a zone other than UTC the time is not used.
func (p *lineParser) cutFull(line []byte) (rest []byte, ok bool) {
	const stamp = "Sun 2026-03-01 09:15:00"
	if len(line) < len(stamp)+len(" Z h t: ") || line[3] != ' ' || !isDay(line[:3]) {
		return line, false
	}
	when := line[4:]
	end := len(stamp) - 4
	for end < len(when) && end < 40 && when[end] != ' ' {
		end++ // a fraction
	}
	at, ok := parseTime(when[:end])
	if !ok || end == len(when) {
		return line, false
	}
	zone, _, ok := bytes.Cut(when[end+1:min(len(when), end+12)], []byte(" "))
	if !ok || len(bytes.Trim(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-0123456789:")) > 0 {
		return line, false
	}
	if rest, ok = p.cutTag(when[end+1+len(zone)+1:], false); !ok {
		return line, false
	}
	if string(zone) == "UTC" || string(zone) == "GMT" {
		p.at = at
	} else if at, ok := parseTime(append(bytes.Clone(when[:end+1]), zone...)); ok {
		p.at = at
	}
	return rest, true
}

// cutMonotonic cuts the prefix of journalctl with -o short-monotonic and short-delta. The time is that since the
// start:
//
//	[  123.456789] web1 api[4711]: {…}
//	[  123.456789 <    0.000012 >] web1 api[4711]: {…}
func (p *lineParser) cutMonotonic(line []byte) (rest []byte, ok bool) {
	end := bytes.IndexByte(line[:min(len(line), 64)], ']')
	if end < 0 || end+2 > len(line) || line[end+1] != ' ' || len(bytes.Trim(line[1:end], " 0123456789.<>")) > 0 || bytes.IndexByte(line[:end], '.') < 0 {
		return line, false
	}
	if rest, ok = p.cutTag(line[end+2:], false); !ok {
		return line, false
	}
	return rest, true
}

func isDay(b []byte) bool {
	const days = "Sun Mon Tue Wed Thu Fri Sat"
	return bytes.IndexByte(b, ' ') < 0 && bytes.Contains([]byte(days), b)
}

func isMonth(b []byte) bool {
	const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
	return bytes.IndexByte(b, ' ') < 0 && bytes.Contains([]byte(months), b)
}

// cutTag cuts the host and the tag: "web1 api[4711]: ". The host may be missing, as with journalctl --no-hostname,
// and so may the number. If strict is set, there must be a number, or a record must follow.
func (p *lineParser) cutTag(line []byte, strict bool) (rest []byte, ok bool) {
	tag, rest, ok := cutWord(line)
	if !ok {
		return line, false
	}
	if tag[len(tag)-1] != ':' {
		if !isName(tag) {
			return line, false
		}
		if tag, rest, ok = cutWord(rest); !ok || tag[len(tag)-1] != ':' {
			return line, false
		}
	}
	tag = tag[:len(tag)-1]
	if name, pid, ok := bytes.Cut(tag, []byte("[")); ok {
		if n := len(pid) - 1; n < 1 || pid[n] != ']' || len(bytes.Trim(pid[:n], "0123456789")) > 0 {
			return line, false
		}
		tag = name
	} else if strict && !looksLikeRecord(rest) {
		return line, false
	}
	if !isTag(tag) {
		return line, false
	}
	tag = tag[bytes.LastIndexByte(tag, '/')+1:] // some programs give their path
	p.service = p.in.string(bytes.TrimSuffix(tag, []byte(".service")))
	return rest, true
}

// cutWord cuts a word, whose length is limited, and the space after it.
func cutWord(line []byte) (word, rest []byte, ok bool) {
	n := bytes.IndexByte(line[:min(len(line), 300)], ' ')
	if n <= 0 {
		return nil, line, false
	}
	return line[:n], line[n+1:], true
}

// looksLikeRecord reports whether a program's output begins as records do: with an object, brackets or a pair.
func looksLikeRecord(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	if line[0] == '{' || line[0] == '[' {
		return true
	}
	word, _, _ := bytes.Cut(line[:min(len(line), 100)], []byte(" "))
	key, _, ok := bytes.Cut(word, []byte("="))
	return ok && isName(key)
}

// isTag reports whether b can be the name of a program or of a systemd unit.
func isTag(b []byte) bool {
	for _, c := range b {
		if c == '@' || c == '\\' || c == '(' || c == ')' || c == ':' {
			continue
		}
		if !isName([]byte{c}) {
			return false
		}
	}
	return len(b) > 0
}

// cutSyslog5424 cuts "2026-03-01T09:15:00.5Z web1 api 4711 ID47 - ", with or without structured data.
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
		if behind, ok := p.cutStructured(rest); ok {
			rest = behind
			break
		}
		end := bytes.Index(rest, []byte("] ")) // in a value, ] is escaped with a \
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

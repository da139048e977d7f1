package tracelog

import (
	"bytes"
	"time"
)

// A textHead is what a line of text has before its message.
type textHead struct {
	at            time.Time
	timed         bool // at is known
	stamped       bool // it is in the text
	level, prefix []byte
}

// cutHead cuts the time and the level off a line of text, as loggers write them for people:
//
//	2026-03-01T09:15:00Z WRN cart.go:12 > seat held      zerolog
//	9:15AM INF seat held                                 zerolog
//	Mar  1 09:15:00.000 INF seat held                    tint
//	2026-03-01 09:15:00 [info     ] seat held            structlog
//	2026-03-01T09:15:00.500Z [INFO]  shop: seat held     hclog
//	INFO[0012] seat held                                 logrus
//	I0301 09:15:00.500000    4711 cart.go:12] seat held  klog
//	[09:15:00 WRN] seat held                             Serilog
//	[2026-03-01 09:15:00] app.WARNING: seat held         Monolog
//	2026-03-01 09:15:00.500 | WARNING  | seat held       loguru
//
// Times without a date are cut, and not used. At is the time of what was before the line.
func cutHead(line []byte, at time.Time) (h textHead, rest []byte) {
	stamp := func(at time.Time, ok bool) {
		if ok {
			h.at, h.timed, h.stamped = at, true, true
		}
	}
	h.at, h.timed = at, !at.IsZero()
	if rest = bytes.TrimLeft(line, " \t"); bytes.IndexByte(rest[:min(len(rest), 64)], '\t') >= 0 {
		rest = bytes.ReplaceAll(rest, []byte("\t"), []byte(" "))
	}
	if at, behind, ok := cutTime(rest); ok {
		stamp(at, true)
		rest = bytes.TrimPrefix(behind, []byte("| "))
	} else if n := max(timeLength(rest), kitchenLength(rest)); n > 0 {
		rest = bytes.TrimLeft(rest[n:], " ")
	} else if in, behind, ok := cutBracket(rest); ok {
		if time, last, ok := cutLast(in); ok && isLevel(string(last)) {
			in, h.level = time, last
		}
		if at, ok := parseTime(in); ok || timeLength(in) == len(in) {
			stamp(at, ok)
			rest = behind
		} else {
			h.level = nil
		}
	}
	if h.level != nil {
	} else if level, behind, ok := cutLevelWord(rest); ok {
		h.level, rest = level, bytes.TrimPrefix(behind, []byte("| "))
	} else if level, in, behind, ok := cutLogrus(rest); ok {
		h.level, rest = level, behind
		stamp(parseTime(in))
	} else if level, caller, behind, ok := cutKlog(rest); ok {
		h.level, h.prefix, rest = level, caller, behind
	} else if word, _, ok := bytes.Cut(rest[:min(len(rest), 64)], []byte(": ")); ok {
		if channel, level, ok := bytes.Cut(word, []byte(".")); ok && isLevel(string(level)) {
			h.level, h.prefix, rest = level, channel, rest[len(word)+len(": "):]
		}
	}
	if word, behind, ok := bytes.Cut(rest[:min(len(rest), 200)], []byte(" > ")); ok && len(behind) > 0 && len(word) > 0 && kindOfWord(word) == wordLogger {
		h.prefix, rest = word, rest[len(word)+len(" > "):]
	}
	return h, bytes.TrimLeft(rest, " \t")
}

// cutBracket cuts a short text in brackets.
func cutBracket(b []byte) (in, rest []byte, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), 48)], ']')
	if end < 2 || b[0] != '[' {
		return nil, b, false
	}
	return b[1:end], bytes.TrimLeft(b[end+1:], " "), true
}

// cutLast cuts the last word.
func cutLast(b []byte) (before, word []byte, ok bool) {
	n := bytes.LastIndexByte(b, ' ')
	if n < 1 {
		return b, nil, false
	}
	return b[:n], b[n+1:], true
}

// kitchenLength returns the length of a time as zerolog writes it: 9:15AM.
func kitchenLength(b []byte) int {
	colon := bytes.IndexByte(b[:min(len(b), 3)], ':')
	if n := colon + len(":15AM"); colon > 0 && n <= len(b) && digitsLength(b) == colon && digitsLength(b[colon+1:]) == 2 && (b[n-2] == 'A' || b[n-2] == 'P') && b[n-1] == 'M' {
		return n
	}
	return 0
}

// cutLogrus cuts INFO[0012], with the seconds since the start or a time.
func cutLogrus(b []byte) (level, in, rest []byte, ok bool) {
	n := bytes.IndexByte(b[:min(len(b), 8)], '[')
	if n < 1 || !isLevel(string(b[:n])) {
		return nil, nil, b, false
	}
	end := bytes.IndexByte(b[:min(len(b), 48)], ']')
	if end < n+2 || !isDigit(b[n+1]) {
		return nil, nil, b, false
	}
	return b[:n], b[n+1 : end], b[end+1:], true
}

// cutKlog cuts I0301 09:15:00.500000    4711 cart.go:12].
func cutKlog(b []byte) (level, caller, rest []byte, ok bool) {
	const date = "I0301 "
	if len(b) < len(date) || digitsLength(b[1:]) != 4 || b[5] != ' ' || clockLength(b[len(date):]) == 0 {
		return nil, nil, b, false
	}
	switch b[0] {
	case 'I':
		level = []byte("INFO")
	case 'W':
		level = []byte("WARNING")
	case 'E':
		level = []byte("ERROR")
	case 'F':
		level = []byte("FATAL")
	default:
		return nil, nil, b, false
	}
	end := bytes.Index(b[:min(len(b), 200)], []byte("] "))
	if end < 0 {
		return nil, nil, b, false
	}
	return level, b[bytes.LastIndexByte(b[:end], ' ')+1 : end], b[end+len("] "):], true
}

// firstColumns returns text with spaces for tabs, as far as a time may reach.
func firstColumns(text []byte) []byte {
	return bytes.ReplaceAll(text[:min(len(text), 64)], []byte("\t"), []byte(" "))
}

// cutLevelWord cuts the level that text begins with, with or without brackets: INFO, [info    ].
func cutLevelWord(text []byte) (level, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	if len(text) > 0 && text[0] == '[' {
		if end := bytes.IndexByte(text[:min(len(text), 24)], ']'); end > 0 {
			if word := bytes.TrimSpace(text[1:end]); isLevel(string(word)) {
				return word, bytes.TrimLeft(text[end+1:], " "), true
			}
		}
		return nil, text, false
	}
	n := bytes.IndexAny(text[:min(len(text), 17)], " \t")
	if n < 0 {
		n = min(len(text), 17)
	}
	if word := bytes.TrimRight(text[:n], ":"); isLevel(string(word)) {
		return word, bytes.TrimLeft(text[n:], " \t"), true
	}
	return nil, text, false
}

package tracelog

import "bytes"

// maxStarts is how many words of a line are tried as the first pair, so that a hostile line costs no more than
// others.
const maxStarts = 16

// plainLog reads a line as slog's default logger writes it through package log:
//
//	2026/03/01 09:15:00 INFO seat held trace=4bf9 span=00f0 seat=12A
//
// There must be a time and a level. The message ends where the rest of the line is only key=value pairs. Package log
// writes no zone, so the time is taken as UTC.
func (p *lineParser) plainLog(line []byte, e *Entry) bool {
	at, rest, ok := cutTime(line)
	if !ok {
		return false
	}
	level, rest, _ := bytes.Cut(rest, []byte(" "))
	if len(level) > 16 || !isLevel(string(level)) {
		return false
	}
	message, pairs := p.cutPairs(rest)
	p.members = p.members[:0]
	p.add("level", level)
	p.add("msg", message)
	if len(pairs) > 0 {
		p.pairs(pairs)
	}
	p.at, p.isText, p.stamped = at, true, true
	p.index()
	p.fields(e, p.preset())
	return true
}

// cutPairs splits text before the first word from which on all words are key=value pairs.
func (p *lineParser) cutPairs(text []byte) (before, pairs []byte) {
	from := 0
	for range maxStarts {
		i := bytes.IndexByte(text[from:], '=')
		if i < 0 {
			break
		}
		start := from + bytes.LastIndexAny(text[from:from+i], " \t") + 1
		p.members = p.members[:0]
		if p.pairs(text[start:]) {
			return bytes.TrimRight(text[:start], " \t"), text[start:]
		}
		from += i + 1
	}
	return text, nil
}

package tracelog

import "bytes"

// maxPairs is the length in bytes of the longest text in which key=value pairs are searched for.
const maxPairs = 1 << 20

// logfmt reads a line of key=value pairs, as slog.TextHandler, logrus and many others write them. Every word of the
// line must be such a pair, and the line must have a message, a level or a trace id. So "listening on port=80" is not
// such a line, and neither is "GOMAXPROCS=2".
func (p *lineParser) logfmt(line []byte, e *Entry) bool {
	p.members = p.members[:0]
	if !p.pairs(line) {
		return false
	}
	p.isText = true
	p.index()
	p.fields(e, p.preset())
	return e.Trace != "" || e.Message != "" || isLevel(e.Level) || p.hasMessage()
}

// pairsBehind reads a line of pairs behind a prefix of any text, as in "2026-03-01T09:15:00Z api/1 level=info msg=…".
// With a message, and a level or a trace id, the pairs are a record. A line that is text for people has no msg=.
func (p *lineParser) pairsBehind(line []byte, e *Entry) bool {
	if !bytes.Contains(line, []byte("msg=")) && !bytes.Contains(line, []byte("message=")) {
		return false
	}
	_, pairs := p.cutPairs(line)
	if len(pairs) == 0 {
		return false
	}
	at := p.at
	if when, _, ok := cutTime(firstColumns(line)); ok {
		at = when
	}
	p.members = p.members[:0]
	if !p.pairs(pairs) {
		return false
	}
	if s := signsOf(p.members); !s.message || !s.level && !s.trace {
		return false
	}
	p.isText, p.at = true, at
	p.index()
	p.fields(e, p.preset())
	return true
}

// textAndPairs reads a line of text and key=value pairs behind it. The pairs have a trace id. There is a level, or a time
// and a span id, too: a text that only mentions a trace stays text. The end of a span has a level.
func (p *lineParser) textAndPairs(line []byte, e *Entry) bool {
	if bytes.IndexByte(line, '=') < 0 {
		return false
	}
	h, rest := cutHead(line, p.at)
	message, pairs := p.cutPairs(rest)
	if len(pairs) == 0 || len(message) == 0 {
		return false
	}
	p.members = p.members[:0]
	p.messageAfter(h, message)
	before := len(p.members)
	if !p.pairs(pairs) {
		return false
	}
	s := signsOf(p.members[before:])
	if isSpan := string(message) == messageEnd || string(message) == messageStart; !s.trace || h.level == nil && (!s.span || !h.timed || isSpan) {
		return false
	}
	p.textRecord(h, e)
	return true
}

// messageAfter adds the level, the message and the prefix of a line of text.
func (p *lineParser) messageAfter(h textHead, message []byte) {
	if h.level != nil {
		p.add("level", h.level)
	}
	if n := len(message); n > 1 && message[0] == '"' && message[n-1] == '"' { // klog quotes a message before pairs
		q := quotedText(message)
		message = plain(q[1 : len(q)-1])
	}
	p.add("msg", message)
	if len(h.prefix) > 0 {
		p.add("prefix", h.prefix)
	}
}

// textRecord reads the fields of a line of text.
func (p *lineParser) textRecord(h textHead, e *Entry) {
	p.at, p.isText, p.stamped = h.at, true, h.timed
	p.index()
	p.fields(e, p.preset())
}

// hasMessage distinguishes an empty message from a missing one.
func (p *lineParser) hasMessage() bool {
	for i := range p.members {
		if m := &p.members[i]; m.taken && m.slot == slotMessage {
			return true
		}
	}
	return false
}

// pairs appends the key=value pairs that line consists of.
func (p *lineParser) pairs(line []byte) bool {
	if len(line) > maxPairs {
		return false
	}
	n := 0
	for i := 0; ; n++ {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return n > 0
		}
		key, j, ok := p.word(line, i, true)
		if !ok || j >= len(line) || line[j] != '=' {
			return false
		}
		value, k, ok := p.word(line, j+1, false)
		if !ok || k < len(line) && !isSpace(line[k]) {
			return false
		}
		if key[0] == '"' {
			key = plain(key[1 : len(key)-1])
		}
		p.members = append(p.members, member{key: key, value: value, slot: keySlot(key)})
		i = k
	}
}

// word reads the quoted or bare word at i, and returns where it ends. A value is JSON. A key is JSON if it was
// quoted, otherwise it is as on the line.
func (p *lineParser) word(line []byte, i int, isKey bool) (w []byte, end int, ok bool) {
	start := i
	if i < len(line) && line[i] == '"' {
		for i++; i < len(line) && line[i] != '"'; i++ {
			if line[i] == '\\' {
				i++
			}
		}
		if i >= len(line) {
			return nil, i, false
		}
		i++
		return quotedText(line[start:i]), i, true
	}
	for i < len(line) && !isSpace(line[i]) && (!isKey || line[i] != '=' && line[i] != '"') {
		if line[i] < ' ' {
			return nil, i, false
		}
		i++
	}
	w = line[start:i]
	if isKey {
		return w, i, len(w) > 0
	}
	return bareText(w), i, true
}

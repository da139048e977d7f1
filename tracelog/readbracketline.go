package tracelog

import (
	"bytes"
	"slices"
)

// bracketed reads a text line with its ids in brackets:
//
//	2026-03-01 09:15:00.123 INFO api [trace:4bf9 span:00f0 op:POST /bookings] seat held
//
// Within the brackets each key is one of the names of the ids in a preset, or a foreign one. See bracket. Spring Boot
// writes [trace-span] and Sleuth [app,trace,span].
//
// The brackets count only before the message; see isHead. In the text before them, a time and a level are recognized
// anywhere. The rest of it is the attribute "prefix". The message is the text after the brackets, to the end of the
// line. Key=value pairs may follow only "span end" and "span start", so that text lines can contain whole spans.
func (p *lineParser) bracketed(line []byte, e *Entry) bool {
	from := 0
	for range maxBrackets {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return false
		}
		open := from + i
		from = open + 1
		end := closing(line, open)
		if end < 0 {
			continue
		}
		p.members = p.members[:0]
		foreign, keyed := p.bracket(line[open+1 : end])
		if !keyed && !p.correlation(line[open+1:end]) {
			continue
		}
		if !isHead(line[:open], !p.at.IsZero()) {
			return false
		}
		before, message := line[:open], bytes.TrimLeft(line[end+1:], " \t:")
		if !keyed { // Spring's logger follows
			if logger, rest, ok := bytes.Cut(message, []byte(" : ")); ok && isHead(logger, true) {
				before, message = slices.Concat(before, []byte(" "), logger), rest
			}
		}
		p.message(before, cutDashes(message), foreign)
		p.textFields(e)
		if e.Schema != "" {
			e.Schema = "text"
		}
		return true
	}
	return false
}

// maxBrackets is how many brackets of a line are tried, so that a hostile line costs no more than others.
const maxBrackets = 16

// message adds the text before and after the brackets, and then what the brackets contain besides the ids.
func (p *lineParser) message(before, message []byte, foreign []member) {
	p.before(before)
	for _, m := range [...]string{messageStart, messageEnd} {
		rest, ok := bytes.CutPrefix(message, []byte(m+" "))
		if !ok {
			continue
		}
		n := len(p.members)
		if p.pairs(rest) {
			message = message[:len(m)]
		} else {
			p.members = p.members[:n]
		}
	}
	p.add("msg", message)
	p.members = append(p.members, foreign...)
}

// pairsInside reads a line of text that has its ids as key=value pairs between what is before the message and the
// message, as patterns for Java's loggers have them:
//
//	2026-03-01 09:15:00 [main] INFO  c.e.Shop - dd.trace_id=5963550561812073440 dd.span_id=2232727802607726424 - seat held
//	09:15:00.500 trace_id=4bf9… span_id=00f0… trace_flags=01 INFO c.e.Shop - seat held
func (p *lineParser) pairsInside(line []byte, e *Entry) bool {
	at := bytes.Index(line[:min(len(line), 512)], []byte("trace"))
	if at < 0 {
		return false
	}
	// The pairs are the words with an equals sign around this one.
	isPair := func(word []byte) bool { n := keyLength(word); return n > 0 && n+1 < len(word) && word[n] == '=' }
	start := bytes.LastIndexByte(line[:at], ' ') + 1
	for start > 0 {
		before := bytes.LastIndexByte(line[:start-1], ' ') + 1
		if !isPair(line[before : start-1]) {
			break
		}
		start = before
	}
	end := start
	for end < len(line) {
		n := bytes.IndexByte(line[end:], ' ')
		if n < 0 {
			n = len(line) - end
		}
		if !isPair(line[end : end+n]) {
			break
		}
		end = min(end+n+1, len(line))
	}
	if end == start || end == len(line) || !isHead(line[:start], !p.at.IsZero()) {
		return false
	}
	p.members = p.members[:0]
	foreign, ok := p.bracket(bytes.TrimRight(line[start:end], " "))
	if !ok {
		return false
	}
	p.before(line[:start])
	message := bytes.TrimLeft(line[end:], " ")
	if _, _, hasLevel := cutLevelWord(message); hasLevel {
		h, rest := cutHead(message, p.at)
		p.add("level", h.level)
		message = rest
	}
	p.add("msg", cutDashes(message))
	p.members = append(p.members, foreign...)
	p.textFields(e)
	e.Schema = "text"
	return e.Trace != "" && e.Event == EventLog
}

// textFields fills the entry from the members of a line of text.
func (p *lineParser) textFields(e *Entry) {
	p.isText, p.stamped = true, true
	p.index()
	l := &layouts[0]
	if p.first[slotDatadogTrace] != 0 {
		l = p.preset()
	}
	p.head = head{}
	p.fields(e, l)
}

// cutDashes cuts the dashes that some loggers write between the brackets and the message: "] - seat held".
func cutDashes(message []byte) []byte {
	for _, dashes := range [...]string{"- ", "-- ", "--- ", "| "} {
		if rest, ok := bytes.CutPrefix(message, []byte(dashes)); ok {
			return bytes.TrimLeft(rest, " \t")
		}
	}
	return message
}

// isHead reports whether text can be everything that a line has before its message: a time, a level, a thread, a
// logger, numbers and other groups in brackets, with spaces and dashes between. Any other word belongs to the
// message, which has then begun. Timed means that a time before the text was cut off.
//
// The name of a logger may look like any word. One word of letters only is a name if there is a time or a level too.
// Several words, or a word beside other names, must have the form of a thread or a logger: com.example.Shop,
// main.go:12.
func isHead(b []byte, timed bool) bool {
	b = bytes.TrimSpace(b)
	if _, rest, ok := cutTime(b); ok {
		b, timed = rest, true
	}
	level := false
	words, names, more := 0, 0, 0 // after the level: of letters only, of a logger's form, and others
	for len(b) > 0 {
		if b[0] == '[' || b[0] == '(' {
			end := bytes.IndexByte(b, ')')
			if b[0] == '[' {
				end = closing(b, 0)
			}
			if end < 0 {
				return false
			}
			group := string(bytes.TrimSpace(b[1:min(end, 17)]))
			level = level || isLevel(group)
			_, ok := parseTime(b[1:end])
			timed = timed || ok
			b = bytes.TrimLeft(b[end+1:], " \t:")
			continue
		}
		n := bytes.IndexAny(b, " \t[(")
		if n < 0 {
			n = len(b)
		}
		word := bytes.Trim(b[:n], ":|-")
		b = bytes.TrimLeft(b[n:], " \t")
		switch {
		case len(bytes.Trim(word, "0123456789.,:")) == 0: // a separator, a number, a time without a date
		case len(word) <= 16 && isLevel(string(word)):
			if level {
				return false
			}
			level = true
			if words > 1 || words+names+more > 3 {
				return false
			}
			words, names, more = 0, 0, 0
		default:
			switch kindOfWord(word) {
			case wordPlain:
				words++
			case wordLogger:
				names++
			case wordName:
				more++
			default:
				return false
			}
		}
	}
	switch {
	case words > 1 || words+names+more > 3:
		return false
	case words == 1:
		return (timed || level) && more == 0
	}
	return true
}

type wordKind uint8

const (
	wordOther  wordKind = iota // not a name
	wordPlain                  // of letters only
	wordName                   // as http-nio-8080-exec-1
	wordLogger                 // as com.example.Shop, OrderService, main.go:12
)

func kindOfWord(w []byte) wordKind {
	if !isLetter(w[0]) && w[0] != '_' && w[0] != '@' {
		return wordOther
	}
	kind := wordPlain
	for i, c := range w {
		switch {
		case isLetter(c):
			if i > 0 && c < 'a' && w[i-1] >= 'a' {
				kind = wordLogger
			}
		case c == '.' || c == '/' || c == '$' || c == ':' || c == '@':
			if i+1 == len(w) {
				return wordOther
			}
			kind = wordLogger
		case isDigit(c) || c == '-' || c == '_' || c == '#':
			kind = max(kind, wordName)
		default:
			return wordOther
		}
	}
	return kind
}

// before reads the text before the brackets.
func (p *lineParser) before(b []byte) {
	b = bytes.TrimSpace(b)
	if t, rest, ok := cutTime(b); ok {
		p.at, b = t, rest
	} else if end := closing(b, 0); end > 0 && b[0] == '[' {
		if t, ok := parseTime(b[1:end]); ok {
			p.at, b = t, b[end+1:]
		}
	}
	b = bytes.ReplaceAll(b, []byte("]["), []byte("] ["))
	rest := make([]byte, 0, len(b))
	level := false
	for word := range bytes.FieldsSeq(b) {
		if name := bytes.Trim(word, "[]():|"); !level && isLevel(string(name[:min(len(name), 16)])) {
			level = true
			p.add("level", name)
			continue
		}
		if len(rest) > 0 {
			rest = append(rest, ' ')
		}
		rest = append(rest, word...)
	}
	if len(rest) > 0 {
		p.add("prefix", rest)
	}
}

// correlation appends the ids of brackets without keys: [trace-span] as Spring Boot 3 writes it, or Sleuth's
// [app,trace,span] and [app,trace,span,exported].
func (p *lineParser) correlation(b []byte) bool {
	if len(b) == 32+1+16 && b[32] == '-' && isHex(string(b[:32])) && isHex(string(b[33:])) {
		p.add("trace", b[:32])
		p.add("span", b[33:])
		return true
	}
	if len(b) > 200 {
		return false
	}
	parts := bytes.Split(b, []byte(","))
	if len(parts) != 3 && (len(parts) != 4 || string(parts[3]) != "true" && string(parts[3]) != "false") {
		return false
	}
	app, trace, span := parts[0], parts[1], parts[2]
	if len(trace) != 32 && len(trace) != 16 || len(span) != 16 || !isHex(string(trace)) || !isHex(string(span)) || len(app) > 0 && !isName(app) {
		return false
	}
	p.add("trace", trace)
	p.add("span", span)
	if len(app) > 0 {
		p.add("service", app)
	}
	return true
}

package tracelog

import "bytes"

// A linePrefix is what is before each line that a program writes: a text, with times that change from line to line.
type linePrefix struct {
	text  []byte
	times [][2]int // where the times are in text
}

func newLinePrefix(text []byte) (p linePrefix) {
	p.text = bytes.Clone(text)
	for i := 0; i < len(text); {
		if i > 0 && (isDigit(text[i-1]) || isLetter(text[i-1])) {
			i++ // inside a word
			continue
		}
		n := timeLength(text[i:])
		if n > 0 {
			p.times = append(p.times, [2]int{i, i + n})
		}
		i += max(n, 1)
	}
	return p
}

// cut cuts the prefix from a line. At the end of a line, the spaces at the prefix's end may be missing.
func (p *linePrefix) cut(line []byte) (rest []byte, ok bool) {
	from := 0
	for _, t := range p.times {
		if rest, ok = bytes.CutPrefix(line, p.text[from:t[0]]); !ok {
			return line, false
		}
		n := timeLength(rest)
		if n == 0 {
			return line, false
		}
		line, from = rest[n:], t[1]
	}
	end := p.text[from:]
	if rest, ok = bytes.CutPrefix(line, end); !ok && bytes.Equal(line, bytes.TrimRight(end, " \t")) {
		return nil, true
	}
	return rest, ok
}

// timeLength returns the length of the time at the start of b, or 0 if there is none. It is of a form that prefixes have:
//
//	2026-03-01T09:15:00.5Z  2026/03/01 09:15:00  03-01 09:15:00  09:15:00.123  Mar  1 09:15:00  1772356500.5  [  123.456789]
func timeLength(b []byte) int {
	switch {
	case len(b) < len("09:15:00"):
		return 0
	case b[0] == '[':
		end := bytes.IndexByte(b[:min(len(b), 64)], ']')
		if end < 0 || len(bytes.Trim(b[1:end], " 0123456789.<>")) > 0 || bytes.IndexByte(b[:end], '.') < 0 {
			return 0
		}
		return end + 1
	case isLetter(b[0]):
		const date = "Mar  1 "
		if len(b) > len(date) && isMonth(b[:3]) && b[3] == ' ' && (b[4] == ' ' || isDigit(b[4])) && isDigit(b[5]) && b[6] == ' ' {
			if n := clockLength(b[len(date):]); n > 0 {
				return len(date) + n
			}
		}
		return 0
	case !isDigit(b[0]):
		return 0
	}
	if n := clockLength(b); n > 0 {
		return n
	}
	n := digitsLength(b)
	if n >= len("1772356500") {
		if n < len(b) && b[n] == '.' {
			n += 1 + digitsLength(b[n+1:])
		}
		return n
	}
	for n < len(b) && (b[n] == '-' || b[n] == '/') {
		n += 1 + digitsLength(b[n+1:])
	}
	if n < len("03-01") || n >= len(b) || b[n] != ' ' && b[n] != 'T' && b[n] != 't' {
		return 0
	}
	if clock := clockLength(b[n+1:]); clock > 0 {
		return n + 1 + clock
	}
	return 0
}

// clockLength returns the length of a time of day: 09:15:00, with a fraction and a zone or without.
func clockLength(b []byte) int {
	const clock = "09:15:00"
	if len(b) < len(clock) {
		return 0
	}
	for i := range clock {
		if colon := clock[i] == ':'; colon && b[i] != ':' || !colon && !isDigit(b[i]) {
			return 0
		}
	}
	n := len(clock)
	if n < len(b) && (b[n] == '.' || b[n] == ',') {
		n += 1 + digitsLength(b[n+1:])
	}
	switch {
	case n == len(b):
	case b[n] == 'Z', b[n] == 'z':
		n++
	case b[n] == '+', b[n] == '-':
		n += 1 + digitsLength(b[n+1:])
		if n < len(b) && b[n] == ':' {
			n += 1 + digitsLength(b[n+1:])
		}
	}
	return n
}

func digitsLength(b []byte) (n int) {
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

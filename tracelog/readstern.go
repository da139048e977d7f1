package tracelog

import (
	"bytes"
	"slices"
	"time"
)

// cutStern cuts the prefix that stern writes before a line, if the line is an object:
//
//	api-7d9f-x2 api {…}
//	shop api-7d9f-x2 api {…}                              with --all-namespaces
//	api-7d9f-x2 api 2026-03-01T09:15:00.123456789Z {…}    with --timestamps
//	api-7d9f-x2 api 03-01 09:15:00 {…}                    with --timestamps=short
//
// The service is the container. Nothing marks these words, so they must look like such names: "config loaded {…}"
// is a line of text.
func (p *lineParser) cutStern(line []byte) (rest []byte, ok bool) {
	end := bytes.IndexByte(line[:min(len(line), 600)], '{')
	if end < 1 || line[end-1] != ' ' {
		return line, false
	}
	words := bytes.Fields(line[:end])
	words, at, timed := cutSternTime(words)
	if len(words) < 2 || len(words) > 3 || slices.ContainsFunc(words, func(w []byte) bool { return !isPodName(w) }) {
		return line, false
	}
	pod, container := words[len(words)-2], words[len(words)-1]
	if !timed && bytes.IndexByte(pod, '-') < 0 && !bytes.HasPrefix(pod, container) {
		return line, false
	}
	p.stern(container, at)
	return line[end:], true
}

// cutKail cuts the prefix that kail writes before a line: team/api-7d9f-x2[api]: {…}. The service is the container.
func (p *lineParser) cutKail(line []byte) (rest []byte, ok bool) {
	end := bytes.Index(line[:min(len(line), 600)], []byte("]: "))
	open := bytes.IndexByte(line[:max(end, 0)], '[')
	if open < 1 {
		return line, false
	}
	namespace, pod, ok := bytes.Cut(line[:open], []byte("/"))
	if container := line[open+1 : end]; ok && isPodName(namespace) && isPodName(pod) && isPodName(container) {
		p.stern(container, time.Time{})
		return line[end+len("]: "):], true
	}
	return line, false
}

// cutSternText does the same for a line of text. There, the pod's name must be that of one of several pods.
func (p *lineParser) cutSternText(line []byte) (rest []byte, ok bool) {
	rest = bytes.TrimLeft(line, " \t")
	var words [][]byte
	for len(words) < 3 {
		n := bytes.IndexByte(rest[:min(len(rest), 300)], ' ')
		if n <= 0 || !isPodName(rest[:n]) {
			return line, false
		}
		words = append(words, rest[:n])
		rest = rest[n+1:]
		if n := len(words); n < 2 || bytes.IndexByte(words[n-2], '-') < 0 || !bytes.ContainsAny(words[n-2], "0123456789") {
			continue
		}
		var at time.Time
		if t, behind, ok := cutTime(rest); ok {
			at, rest = t, behind
		}
		p.stern(words[len(words)-1], at)
		return rest, true
	}
	return line, false
}

// cutSternTime cuts a time off the end of words.
func cutSternTime(words [][]byte) (rest [][]byte, at time.Time, ok bool) {
	n := len(words)
	if n == 0 {
		return words, at, false
	}
	if at, ok = parseTime(words[n-1]); ok {
		return words[:n-1], at, true
	}
	if n < 2 {
		return words, at, false
	}
	// Without a year it is not used as a time.
	if _, err := time.Parse("01-02 15:04:05", string(words[n-2])+" "+string(words[n-1])); err == nil {
		return words[:n-2], at, true
	}
	return words, at, false
}

func (p *lineParser) stern(container []byte, at time.Time) {
	p.service = p.in.string(container)
	if !at.IsZero() {
		p.at = at
	}
}

// isPodName reports whether b can be the name of a namespace, a pod or a container (RFC 1123), or a similar name
// elsewhere, with an underscore.
func isPodName(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c < 'a' || c > 'z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 253
}

package tracelog

import (
	"bytes"
	"strings"
)

// A shipper may put each line that a program writes into an object, also those of an object that is printed on many lines:
//
//	{"log":"{\n","stream":"stdout","kubernetes":{"pod_name":"shop-1","container_name":"shop"}}
//	{"log":"  \"msg\": \"seat held\"\n","stream":"stdout","kubernetes":{"pod_name":"shop-1","container_name":"shop"}}
//
// Each such line is then taken for one with a prefix in the form of Loki's labels, which tell the program and its stream. The object of a
// logger is none of these: it has a level or ids, and its messages are not put together.
//
//	{service="shop",pod="shop-1",stream="stdout"}   "msg": "seat held"

// entryCarriers are the names under which shippers have lines.
var entryCarriers = [...]string{"log", "message", "line", "MESSAGE"}

// opensEntry reports whether a line may be an object with the first line of a printed object in it. Most lines are none.
func opensEntry(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	for {
		i := bytes.Index(line, []byte(`"{`))
		if i < 0 {
			return false // nearly always
		}
		line = bytes.TrimPrefix(bytes.TrimPrefix(line[i+2:], []byte(`\r`)), []byte(`\n`))
		if len(line) > 0 && line[0] == '"' {
			return true
		}
	}
}

// maxEntryLabels is how long the labels may be, so that they fit into maxLinePrefix with a time.
const maxEntryLabels = 400

// printedEntry returns the text of a line in an object, behind a time and labels, or nil if there is none.
func printedEntry(line []byte) []byte {
	ms, err := appendMembers(nil, line)
	if err != nil {
		return nil
	}
	text := pick(ms, entryCarriers[:])
	if signs := signsOf(ms); signs.level || signs.trace || signs.span || statusIn(ms) != "" {
		return nil
	}
	if text == nil || text[0] != '"' {
		return nil
	}
	content := bytes.TrimRight(plain(text[1:len(text)-1]), "\r\n")
	if bytes.IndexByte(content, '\n') >= 0 {
		return nil
	}
	var out []byte
	if at := timeText(timeIn(ms)); at != nil {
		out = append(append(out, at...), ' ')
	}
	labels := len(out)
	out = append(out, '{')
	add := func(key string, value []byte) {
		if len(out)-labels+len(key)+len(value) > maxEntryLabels || len(value) == 0 {
			return
		}
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), '='), appendQuoted(nil, value)...)
	}
	add("service", []byte(serviceIn(ms)))
	add("pod", []byte(pickText(ms, []string{"kubernetes.pod_name", "kubernetes.pod", "podName", "pod"})))
	for i := range ms {
		m := &ms[i]
		if key := string(m.key); m.value[0] == '"' && !bytes.Equal(m.value, text) && isLabel(key) && key != "service" && key != "pod" {
			add(key, plain(m.value[1:len(m.value)-1]))
		}
	}
	return append(append(out, "} "...), content...)
}

// isLabel reports whether a member may be a label that is the same on all lines: it is not a time, nor what the journal counts.
func isLabel(key string) bool {
	if key == "" || isDigit(key[0]) || strings.HasPrefix(key, "__") || isTimeName(serviceKey([]byte(key))) {
		return false
	}
	for i := range len(key) {
		if c := key[i]; c != '_' && !isLetter(c) && !isDigit(c) {
			return false
		}
	}
	return true
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A looker gathers what the records of a file look like that have no ids, to find out which members have what.
type looker struct {
	seen    int
	listed  int                       // records as slogtrace ls --json writes them
	roles   map[string]map[string]int // by the name of the record schema: how many records have it at a path
	records map[string]int            // how many records have a record with ids at a path
}

const (
	// mostLooked is how many records of a file are looked at.
	mostLooked = 200
	// deepestLooked is how deep members are looked at.
	deepestLooked = 6
	// mostUnread is how many bytes of a file are looked at whose lines are not records.
	mostUnread = 1 << 20
)

// add looks at a record.
func (l *looker) add(e *tracelog.Entry) {
	if isListed(e) {
		l.listed++
	}
	if e.Trace != "" || l.seen == mostLooked {
		return
	}
	if l.roles == nil {
		l.roles, l.records = make(map[string]map[string]int), make(map[string]int)
	}
	l.seen++
	for _, a := range e.Attrs() {
		l.member(e, place{a.Key, a.Key}, a.Value, 0)
	}
	if text := strings.TrimSpace(e.Message); strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		path := pathOf(e.Raw, e.Message, 0)
		l.object(e, place{path, path}, []byte(text), 0)
	}
}

// addUnread looks at the JSON at the beginning of a file whose lines are not records, such as a printed document whose
// records have other names.
func (l *looker) addUnread(text []byte) {
	if start := bytes.IndexAny(text, "{["); start > 0 {
		text = text[start:]
	}
	d := json.NewDecoder(bytes.NewReader(text))
	for l.seen < mostLooked {
		if c := bytes.TrimLeft(text[min(int(d.InputOffset()), len(text)):], " \t\r\n,"); len(c) > 0 && c[0] == '[' {
			if _, err := d.Token(); err != nil { // the array may be cut off
				return
			}
			for d.More() && l.seen < mostLooked {
				if !l.decoded(d) {
					return
				}
			}
			if _, err := d.Token(); err != nil {
				return
			}
			continue
		}
		if !l.decoded(d) {
			return
		}
	}
}

// decoded looks at the next value.
func (l *looker) decoded(d *json.Decoder) bool {
	var value json.RawMessage
	if d.Decode(&value) != nil {
		return false
	}
	if value[0] == '{' {
		if e := recordIn(value); e != nil {
			l.add(e)
		}
	}
	return true
}

// A place is where a member is in a record.
type place struct {
	path string // from the line's object on, also through arrays, for --record
	name string // from the innermost array's element on, for --map
}

func (p place) at(key string) place {
	if p.name != "" {
		p.name += "."
	}
	return place{p.path + "." + key, p.name + key}
}

// pathOf returns the path of a string in a record, or in an object inside of it; "" if there is none.
func pathOf(record []byte, text string, depth int) string {
	var members map[string]json.RawMessage
	if start := bytes.IndexByte(record, '{'); start < 0 || depth == deepestLooked || json.Unmarshal(record[start:], &members) != nil {
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		switch value := members[key]; value[0] {
		case '"':
			inner := (tracelog.Attr{Value: value}).Text()
			if inner == text {
				return key
			}
			if strings.HasPrefix(inner, "{") { // a line in a string
				if path := pathOf([]byte(inner), text, depth+1); path != "" {
					return path
				}
			}
		case '{':
			if path := pathOf(value, text, depth+1); path != "" {
				return key + "." + path
			}
		}
	}
	return ""
}

// isListed reports whether a record is an element of what slogtrace ls --json writes.
func isListed(e *tracelog.Entry) bool {
	if e.Trace == "" || e.Span != "" || e.Message != "" {
		return false
	}
	for _, key := range [...]string{"spans", "lines", "errors", "failed", "duration_ms"} {
		if _, ok := e.Attr(key); !ok {
			return false
		}
	}
	return true
}

// member looks at a member of a record, and at those inside of it.
func (l *looker) member(e *tracelog.Entry, at place, value []byte, depth int) {
	switch value[0] {
	case '{':
		l.object(e, at, value, depth)
	case '[':
		var elements []json.RawMessage
		if depth == deepestLooked || json.Unmarshal(value, &elements) != nil {
			return
		}
		for _, element := range elements[:min(len(elements), mostExamples)] {
			if text := strings.TrimSpace(tracelog.Attr{Value: element}.Text()); strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
				l.object(e, place{at.path, ""}, []byte(text), depth+1)
			}
		}
	case '"':
		text := tracelog.Attr{Value: value}.Text()
		if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) {
			l.object(e, at, []byte(trimmed), depth)
			return
		}
		l.note(at.name, roleOfText(e, lastKey(at.name), text))
	default:
		l.note(at.name, roleOfNumber(e, lastKey(at.name), string(value)))
	}
}

func (l *looker) object(e *tracelog.Entry, at place, object []byte, depth int) {
	inner := recordIn(object)
	if inner == nil || at.path == "" {
		return
	}
	if inner.Trace != "" && (inner.Message != "" || inner.Level != "" || !inner.Time.IsZero()) {
		l.records[at.path]++
		return
	}
	if depth == deepestLooked {
		return
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return
	}
	if l.table(e, at, members, depth) {
		return
	}
	for key, value := range members {
		if value = bytes.TrimSpace(value); len(value) > 0 {
			l.member(e, at.at(key), value, depth+1)
		}
	}
}

// table looks at the first rows of a table, whose columns are members of a record. It returns false if the object is none.
func (l *looker) table(e *tracelog.Entry, at place, members map[string]json.RawMessage, depth int) bool {
	var columns, rows []json.RawMessage
	if json.Unmarshal(members["columns"], &columns) != nil || json.Unmarshal(members["rows"], &rows) != nil {
		return false
	}
	for _, row := range rows[:min(len(rows), mostExamples)] {
		var cells []json.RawMessage
		if json.Unmarshal(row, &cells) != nil {
			return false
		}
		for i, cell := range cells[:min(len(cells), len(columns))] {
			var name string
			if json.Unmarshal(columns[i], &name) != nil {
				var column struct{ Name string }
				json.Unmarshal(columns[i], &column)
				name = column.Name
			}
			if name != "" {
				l.member(e, place{at.path, ""}.at(name), cell, depth+1)
			}
		}
	}
	return true
}

func (l *looker) note(path, role string) {
	if role == "" {
		return
	}
	if l.roles[role] == nil {
		l.roles[role] = make(map[string]int)
	}
	if len(l.roles[role]) < 100 {
		l.roles[role][path]++
	}
}

// best returns the path that most records have a role at.
func (l *looker) best(role string) string {
	best, most := "", 0
	for path, n := range l.roles[role] {
		if n > most || n == most && (len(path) < len(best) || len(path) == len(best) && path < best) {
			best, most = path, n
		}
	}
	return best
}

// lookRoles are the roles in the order in which they are written, with what the values look like.
var lookRoles = []struct{ role, like string }{
	{"trace", "a trace id"}, {"span", "a span id"}, {"parent", "the id of a parent"}, {"op", "the name of an operation"}, {"service", "a service"},
	{"time", "a time"}, {"level", "a level"}, {"msg", "a message"}, {"start", "a start"},
	{"duration_ms", "milliseconds"}, {"duration_us", "microseconds"}, {"duration_ns", "nanoseconds"}, {"duration_s", "seconds"}, {"error", "an error"},
}

// words say what the file looks like and which option reads it. They are empty if that is not known.
func (l *looker) words(file string) (looks, advice string) {
	name := draw.Text(file, 100)
	if l.listed > 0 {
		return "the output of slogtrace ls --json: a list of traces, without their spans",
			fmt.Sprintf("%s is the output of slogtrace ls --json, which lists traces without their spans: slogtrace show --json writes whole traces, which slogtrace reads", name)
	}
	trace := l.best("trace")
	if strings.ContainsAny(trace, ",=") { // which --map cannot name
		trace = ""
	}
	if path := mostOf(l.records); path != "" && l.records[path] > l.roles["trace"][trace] {
		return fmt.Sprintf("records that have another record, with ids, in their member %s", draw.Text(path, 80)),
			fmt.Sprintf("%s another record, with ids, in the member %s: it is not read, because a logged text may look like a record. If it is the program's own record, read it with slogtrace ls --record %s %s",
				hasOrHave(l.records[path], "record"), draw.Text(path, 80), shellWord(path), shellWord(file))
	}
	if trace == "" {
		return "", ""
	}
	var parts, pairs []string
	for _, r := range lookRoles {
		path := l.best(r.role)
		if path == "" || strings.ContainsAny(path, ",=") {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", draw.Text(path, 80), r.like))
		pairs = append(pairs, r.role+"="+path)
	}
	return "records with " + strings.Join(parts, ", "),
		fmt.Sprintf("no record of %s has a trace id under a name that slogtrace knows; what looks like one is %s: read it with slogtrace ls --map %s %s",
			name, draw.Text(trace, 80), shellWord(strings.Join(pairs, ",")), shellWord(file))
}

func mostOf(counts map[string]int) string {
	best, most := "", 0
	for path, n := range counts {
		if n > most || n == most && path < best {
			best, most = path, n
		}
	}
	return best
}

// shellWord quotes a text for a shell, if it must be, without control characters.
func shellWord(text string) string {
	text = draw.Text(text, 300)
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-,=@/:") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// lastKey returns the last key of a path, without capitals and without the underscores that some stores put before it.
func lastKey(path string) string {
	return strings.TrimLeft(strings.ToLower(path[strings.LastIndexByte(path, '.')+1:]), "_")
}

// roleOfText returns what a text may be, or "". It is nothing that the record has under another name.
func roleOfText(e *tracelog.Entry, key, text string) string {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(key, part) })
	}
	_, isLevel := tracelog.ParseLevel(strings.ToUpper(text))
	_, timeErr := time.Parse(time.RFC3339, text)
	_, durationErr := time.ParseDuration(text)
	hex := isHexID(text)
	switch {
	case hex == 32 || hex == 16 && has("trace", "tid") && !has("span", "parent"), isUUID(text) && has("trace", "correlation", "request", "tid"), isOtherID(text, has("trace") && !has("span", "parent")):
		return "trace"
	case hex == 16 && has("parent"):
		return "parent"
	case hex == 16:
		return "span"
	case timeErr == nil && has("start", "begin"):
		return "start"
	case timeErr == nil && e.Time.IsZero():
		return "time"
	case durationErr == nil && has("dur", "elapsed", "took", "latency"):
		return "duration_ms"
	case isLevel && e.Level == "":
		return "level"
	case has("err", "exception") && text != "":
		return "error"
	case key == "name" && e.Service == "" && hasAttr(e, "hostname"): // as bunyan and pino write it
		return "service"
	case slices.Contains([]string{"name", "operation", "op", "action", "handler", "method_name", "route"}, key) && e.Op == "":
		return "op"
	case slices.Contains([]string{"app", "application", "service", "svc", "component", "program"}, key) && e.Service == "":
		return "service"
	case e.Message == "" && (has("msg", "message", "text", "event", "desc") || strings.Contains(text, " ")):
		return "msg"
	}
	return ""
}

func hasAttr(e *tracelog.Entry, key string) bool {
	_, ok := e.Attr(key)
	return ok
}

// roleOfNumber is roleOfText for a number.
func roleOfNumber(e *tracelog.Entry, key, text string) string {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	switch {
	case x > 1e9 && strings.Contains(key, "start"):
		return "start"
	case x > 1e9 && e.Time.IsZero() && (strings.Contains(key, "time") || strings.Contains(key, "ts") || strings.Contains(key, "date")):
		return "time"
	case strings.Contains(key, "dur"), strings.Contains(key, "elapsed"), strings.Contains(key, "took"), strings.Contains(key, "latency"):
		switch {
		case strings.HasSuffix(key, "ns"), strings.HasSuffix(key, "nanos"):
			return "duration_ns"
		case strings.HasSuffix(key, "us"), strings.HasSuffix(key, "micros"):
			return "duration_us"
		case strings.HasSuffix(key, "_s"), strings.HasSuffix(key, "sec"), strings.HasSuffix(key, "seconds"):
			return "duration_s"
		}
		return "duration_ms"
	}
	return ""
}

// isHexID returns the number of hex digits of an id, or 0.
func isHexID(text string) int {
	if n := len(text); n != 16 && n != 32 || strings.Trim(text, "0123456789abcdefABCDEF") != "" || strings.Trim(text, "0") == "" {
		return 0
	}
	return len(text)
}

// isOtherID reports whether a text is a trace id in another form: a traceparent, X-Ray's or Google's, or a number of
// Datadog's if its name says so.
func isOtherID(text string, named bool) bool {
	forms := tracelog.TraceIDs(text)
	if len(forms) < 2 || isHexID(forms[1]) != 32 {
		return false
	}
	return named || strings.Trim(text, "0123456789") != ""
}

func isUUID(text string) bool {
	return len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' && isHexID(strings.ReplaceAll(text, "-", "")) == 32
}

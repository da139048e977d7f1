package tracelog

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shaped parses a line as the parser's shape says.
func (p *lineParser) shaped(line []byte, e *Entry) verdict {
	p.shaping, p.reshaped = p.shape != nil, false
	v := p.parse(line, e)
	p.shaping = false
	return v
}

// reshape puts the records of an object, or of an array, into p.many. It returns false if the value has nothing of the
// shape; objects inside of it may have.
func (p *lineParser) reshape(value []byte) bool {
	p.many = p.many[:0]
	var root []member
	if value[0] == '{' {
		root, _ = appendMembers(nil, value)
	}
	if p.shape.Record == "" {
		p.reshapeNamed(value, root, 0)
	} else {
		p.reshapeAt(value, root, strings.Split(p.shape.Record, "."))
	}
	p.reshaped = len(p.many) > 0
	p.shaping = !p.reshaped
	return p.reshaped
}

// reshapeAt follows the path to the record.
func (p *lineParser) reshapeAt(v []byte, root []member, path []string) {
	switch {
	case v[0] == '[':
		eachElement(v, func(element []byte) bool {
			p.reshapeAt(element, root, path)
			return true
		})
	case v[0] == '"':
		if text := bytes.TrimSpace(plain(v[1 : len(v)-1])); len(text) > 0 && text[0] == '{' {
			if _, err := appendMembers(nil, text); err == nil {
				p.reshapeAt(text, root, path)
			}
		} else if len(path) == 0 && len(text) > 0 {
			p.many = append(p.many, text)
		}
	case v[0] != '{':
	case len(path) == 0:
		p.emitShaped(v, root, true)
	default:
		ms, _ := appendMembers(nil, v)
		if t, ok := tableOf(ms, func(row []byte) bool { in, _ := appendMembers(nil, row); return pick(in, path[:1]) != nil }); ok {
			t.each(func(row []byte) bool {
				p.reshapeAt(row, root, path)
				return true
			})
			return
		}
		for n := len(path); n > 0; n-- { // the longest key that is a beginning of the path
			if in := pick(ms, []string{strings.Join(path[:n], ".")}); in != nil {
				p.reshapeAt(in, root, path[n:])
				return
			}
		}
	}
}

// reshapeNamed searches for the outermost objects with one of the names.
func (p *lineParser) reshapeNamed(v []byte, root []member, depth int) {
	if depth > maxWrap {
		return
	}
	switch v[0] {
	case '[':
		eachElement(v, func(element []byte) bool {
			p.reshapeNamed(element, root, depth+1)
			return true
		})
	case '"':
		if mayCarry(v) {
			if text := bytes.TrimSpace(plain(v[1 : len(v)-1])); len(text) > 0 && text[0] == '{' {
				if _, err := appendMembers(nil, text); err == nil {
					p.reshapeNamed(text, root, depth+1)
				}
			}
		}
	case '{':
		if p.isNamed(v) {
			p.emitShaped(v, root, depth > 0)
			return
		}
		ms, _ := appendMembers(nil, v)
		if t, ok := tableOf(ms, p.isNamed); ok {
			t.each(func(row []byte) bool {
				p.reshapeNamed(row, root, depth+1)
				return true
			})
			return
		}
		for i := range ms {
			n := len(p.many)
			if p.reshapeNamed(ms[i].value, root, depth+1); len(p.many) > n && ms[i].value[0] != '[' {
				return
			}
		}
	}
}

// isNamed reports whether an object has one of the names.
func (p *lineParser) isNamed(object []byte) bool {
	ms, _ := appendMembers(nil, object)
	for _, path := range p.shape.Names {
		if _, ok := lookup(ms, path); ok {
			return true
		}
	}
	return false
}

// emitShaped adds the line of a record. Root are the members of the line, which has the record inside of it if within
// is set.
func (p *lineParser) emitShaped(record []byte, root []member, within bool) {
	ms, _ := appendMembers(nil, record)
	w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	found := make(map[string][]byte)
	for name, path := range p.shape.Names {
		v, ok := lookup(ms, path)
		if !ok && within {
			v, ok = lookup(root, path)
		}
		if ok && v[0] != 'n' {
			found[name] = v
		}
	}
	lasted := false
	for _, name := range shapeNames {
		if v := found[name]; v != nil {
			_, is := strings.CutPrefix(name, "duration_")
			lasted = lasted || is
		}
	}
	for _, name := range shapeNames {
		v := found[name]
		if name == "msg" && lasted && (found["trace"] != nil && found["span"] != nil || isTraceparent(jsonText(found["trace"]))) {
			v = []byte(`"` + messageEnd + `"`)
		}
		if len(v) > 0 {
			w.shaped(name, v)
		}
	}
	for i := range ms {
		w.raw(string(ms[i].key), ms[i].value)
	}
	if within {
		size := 0
		for i := range root {
			m := &root[i]
			if size += len(m.key) + len(m.value); size > maxBeside || bytes.Contains(m.value, record[:min(len(record), 64)]) {
				continue
			}
			if mayCarry(m.value) || m.slot != 0 && !lacks(ms, found, builtins[m.slot]) {
				continue
			}
			w.raw(string(m.key), m.value)
		}
	}
	p.many = append(p.many, w.done())
}

// lacks reports whether a record has nothing in a field, given plus one, that the line around it may have for it: the time,
// the level and the message.
func lacks(ms []member, found map[string][]byte, f field) bool {
	if f == 0 || f > fieldMessage+1 || found[[...]string{"time", "level", "msg"}[f-1]] != nil {
		return false
	}
	return !slices.ContainsFunc(ms, func(m member) bool { return builtins[m.slot] == f })
}

// shaped writes the value of a name of the record schema in the form that the schema wants.
func (w *foreignLine) shaped(name string, v []byte) {
	text := jsonText(v)
	switch name {
	case "trace", "span", "parent", "op", "service", "level", "msg":
		w.text(name, text)
	case "kind":
		w.text(name, foreignKindOf(v))
	case "error":
		switch {
		case v[0] == '{':
			w.text(name, pickText(foreignFields(v), []string{"message", "msg", "error"}))
		case v[0] == 't':
			w.raw(name, []byte(`""`))
		case v[0] == '"' && len(v) > 2:
			w.raw(name, v)
		}
	case "duration_ms", "duration_s", "duration_us", "duration_ns":
		unit := map[string]time.Duration{"duration_ms": time.Millisecond, "duration_s": time.Second, "duration_us": time.Microsecond, "duration_ns": time.Nanosecond}[name]
		if d, ok := parseDuration([]byte(text), unit); ok {
			w.raw("duration_ms", formatMillis(d))
		} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			w.raw("duration_ms", formatMillis(d))
		}
	case "time", "start":
		if at, _, ok := foreignMoment(v); ok {
			w.raw(name, strconv.AppendQuote(nil, string(timeText(at))))
		} else {
			w.raw(name, v)
		}
	}
}

// untimed reports whether a document is one record, without a time, or a level and a message. Then it is something else
// that has a trace id, such as a job with its carrier: loggers write times, and files of jobs may be beside logs. Nothing
// inside of it is a document: a job may contain what looks like a record.
func (p *lineParser) untimed(line []byte) bool {
	var e Entry
	return p.shaped(line, &e) == isRecord && e.Time.IsZero() && (e.Level == "" || e.Message == "")
}

// isPartOfLine reports whether a document is an entry of a container's log that continues in a later one. It is then the parser's chunk.
func (p *lineParser) isPartOfLine(line []byte) bool {
	var e Entry
	return mayBeEntry(line) && p.shaped(line, &e) == isPart
}

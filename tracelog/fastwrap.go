package tracelog

import (
	"bytes"
	"slices"
)

// A fastWrap reads the usual record inside of a line fast: behind a prefix, in an object of the line's object, or in a
// string of it. It leaves all other lines to lineParser. For a line that it accepts, its results are those of
// lineParser.
type fastWrap struct {
	inner  fastLine
	text   []byte // of a string
	own    marks  // of text
	values map[uint64]besides
	keys   map[string]wrapKey
	parser lineParser

	carrier []byte // the key of the object in which the last record was
	entered int    // where the object of that key begins that inner has read; -1 if it has not

	lister []byte // the key of an object or array that is not the record, but has records; not since a line with the record as usual

	textCarrier []byte // the key of the string in which the last record was
	unescaped   int    // where the string begins whose text is in text; -1 if there is none

	joining [2]bool // whether lines of a container's stdout and stderr may be parts of lines before them
}

// besides is what is known of an object beside the record, whose hash is the key: there is no record in it.
type besides struct {
	rank    int // of the service that it names, in serviceNames
	service []byte
}

// A wrapKey is what a key of an object around the record means.
type wrapKey struct {
	rank   int  // in serviceNames, if it names the service
	stops  bool // only lineParser reads such a line
	docker bool // it is a key of docker's json-file
	line   bool // a string of this name is a line; see isLine
	status bool // it may name the level; see statusIn

	foreign bool // a span or a log line in another form may have it; see foreignOf
	columns bool // a table may have it; see tableOf
}

// maxTried is how long an object may be to be read as the record although the last one of its key was none.
const maxTried = 4 << 10

// maxKnown is how many objects, and how many keys, are remembered.
const maxKnown = 4096

func (w *fastWrap) init(keys *wordKeys, c *clock) {
	w.inner.keys, w.inner.clock = keys, c
	w.inner.noGuesses()
	w.values, w.keys = make(map[uint64]besides), make(map[string]wrapKey)
	w.parser.in = make(interner)
	w.joining = [2]bool{true, true}
}

// behind reads the record behind a prefix. The line is b[start:end], and a newline follows.
func (w *fastWrap) behind(m marks, b []byte, start, end int) bool {
	i := bytes.IndexByte(b[start:min(end, start+300)], '{')
	if i < 2 || b[end-1] != '}' || b[start+i-1] != ' ' && b[start+i-1] != '\t' {
		return false
	}
	prefix := b[start : start+i]
	if prefix[0] == '[' {
		if !bytes.HasPrefix(prefix, []byte("[pod/")) {
			return false
		}
		prefix = prefix[1:]
	}
	// The time of a line of package log, brackets that may have ids, a part of a line, a colour.
	if len(prefix) > 4 && prefix[4] == '/' || bytes.IndexByte(prefix, '[') >= 0 || bytes.IndexByte(prefix, '\x1b') >= 0 {
		return false
	}
	if at := bytes.Index(prefix, []byte(" std")); at >= 0 {
		stream := 0
		if bytes.HasPrefix(prefix[at:], []byte(" stderr")) {
			stream = 1
		}
		if w.joining[stream] || !bytes.HasSuffix(prefix, []byte(" F ")) {
			return false
		}
	}
	w.inner.marks = m
	return w.inner.parse(b, start+i) == end
}

// inside reads the record inside of the line that outer has read, which has no trace id and is no record.
func (w *fastWrap) inside(r *Record, outer *fastLine, b []byte) bool {
	if outer.noted < 0 || outer.escaped || outer.isText || outer.mask&(traceSlots|slotJournal.bit()) != 0 {
		return false
	}
	notes := outer.notes[:outer.noted]
	var message *spot
	for _, s := range anySlots[fieldMessage] {
		if m := outer.stringAt(s); m != nil {
			message = m
			break
		}
	}
	for _, s := range anySlots[fieldLevel] {
		if s != slotSeverity && outer.members[s].line == outer.line {
			return false // it may be a logger's line
		}
	}
	if outer.nested && isList(notes) {
		return false
	}
	docker := outer.mask&wrappers != 0
	for i := range notes {
		k := w.key(b, &notes[i])
		if k.stops || k.status && message != nil {
			return false
		}
		docker = docker && k.docker
	}
	for i := range notes {
		n := &notes[i]
		if message != nil && n.from != message.from {
			continue
		}
		ok, known := w.value(r, outer, b, n)
		switch {
		case ok && docker && (w.joins(outer, b) || !bytes.HasSuffix(b[n.from:n.to], []byte(`\n`))):
			return false // it may be a part of a line
		case ok && n.kind == '{' && w.hasLine(b, notes):
			return false
		case ok:
			w.lister = w.lister[:0]
			if w.inner.firstService(r.layout) == nil {
				if docker {
					return false
				}
				if r.around, ok = w.service(b, notes, i); !ok {
					return false
				}
			}
			return true
		case !known:
			return false
		}
	}
	return false
}

// hasLine reports whether a string of the line may be a record. A record in a string takes precedence over one in an object.
func (w *fastWrap) hasLine(b []byte, notes []note) bool {
	for i := range notes {
		n := &notes[i]
		if n.kind == '"' && n.to-n.from > int32(len(`{}`)) && mayCarry(b[n.from-1:n.to+1]) && w.key(b, n).line {
			return true
		}
	}
	return false
}

// mayHoldLine is the function mayHoldLine for a string of the line.
func (w *fastWrap) mayHoldLine(b []byte, n *note) bool {
	return w.key(b, n).line || endsInObject(b[n.from-1:n.to+1])
}

// isList reports whether a line may be a list of records with names.
func isList(notes []note) bool {
	for i := range notes {
		if notes[i].kind != '{' {
			return false // nearly always
		}
	}
	return len(notes) > 1
}

// enter reads an object of the line, and returns where it ends, or -1 if it is not valid. An object that is likely to be
// the record is read as one at once.
func (w *fastWrap) enter(outer *fastLine, b, key []byte, i int) int {
	if len(w.carrier) > 0 && bytes.Equal(key, w.carrier) {
		if end := w.readInner(outer.marks, b, i); end >= 0 {
			w.entered = i
			return end
		}
	}
	return outer.marks.scanValue(b, i)
}

// readInner reads the object that begins at i, and returns where it ends, or -1 if it is not valid.
func (w *fastWrap) readInner(m marks, b []byte, i int) (end int) {
	w.inner.marks, w.inner.inside = m, true
	end = w.inner.parse(b, i)
	w.inner.inside = false
	return end
}

// joins reports whether a line of docker's json-file may be a part of one before it.
func (w *fastWrap) joins(outer *fastLine, b []byte) bool {
	m := outer.stringAt(slotStream)
	if m == nil {
		return true
	}
	switch string(b[m.from:m.to]) {
	case "stdout":
		return w.joining[0]
	case "stderr":
		return w.joining[1]
	}
	return true
}

// value reads a value of the line as the record. If it is none, known tells whether there is no record in it.
func (w *fastWrap) value(r *Record, outer *fastLine, b []byte, n *note) (ok, known bool) {
	switch n.kind {
	case '{', '[':
		if w.entered == int(n.from) {
			if w.fill(r, b) {
				return true, true
			}
			w.entered = -1
		}
		if n.to-n.from > maxTried && bytes.Equal(w.lister, b[n.key:n.keyEnd]) {
			return false, false
		}
		if w.isKnown(b, n) {
			return false, true
		}
		if n.kind == '{' {
			w.entered = -1 // inner reads another object
			if end := w.readInner(outer.marks, b, int(n.from)); end == int(n.to) && w.fill(r, b) {
				w.carrier = append(w.carrier[:0], b[n.key:n.keyEnd]...)
				w.entered = int(n.from)
				return true, true
			}
		}
		return false, w.learn(b, n)
	case '"':
		if mayCarry(b[n.from-1 : n.to+1]) {
			ok = w.parseText(outer.marks, b, int(n.from)) && w.fill(r, w.text)
			if ok {
				w.textCarrier = append(w.textCarrier[:0], b[n.key:n.keyEnd]...)
			}
			return ok, false
		}
		return false, !w.mayHoldLine(b, n)
	}
	return false, true
}

// key returns what a key means.
func (w *fastWrap) key(b []byte, n *note) wrapKey {
	key := b[n.key:n.keyEnd]
	if k, ok := w.keys[string(key)]; ok {
		return k
	}
	k := wrapKey{rank: serviceRank("", serviceKey(key)), line: isLine(key), stops: bytes.IndexByte(key, '\\') >= 0}
	switch string(key) {
	case "event", "text", "short_message", "title", "description", "error", "err", // see isEvent
		"@t", "tree", "body", "Body", "context", "SpanContext", "spanId", "SpanId", "spanID", "span_id", "SpanName", "name": // see foreignOf
		k.stops = true
	case "log", "stream", "time", "attrs":
		k.docker = true
	case "columns", "fields", "schema", "meta":
		k.columns = true
	case "status", "severityText", "SeverityText", "loglevel", "log_level":
		k.status = true
	}
	switch string(key) {
	case "@t", "tree", "body", "Body", "SpanName", "resourceSpans", "resourceLogs", "resource_spans", "resource_logs", "scopeSpans", "scopeLogs",
		"instrumentationLibrarySpans":
		k.foreign = true
	default:
		k.foreign = slices.Contains(foreignStart, string(key)) || bytes.IndexByte(key, '\\') >= 0
	}
	if len(w.keys) < maxKnown {
		w.keys[string(key)] = k
	}
	return k
}

func (w *fastWrap) isKnown(b []byte, n *note) bool {
	_, ok := w.values[w.hash(b, n)]
	return ok
}

func (w *fastWrap) hash(b []byte, n *note) uint64 {
	return hashPadded(b, int(n.from), int(n.to-n.from), hashPadded(b, int(n.key), int(n.keyEnd-n.key), contentKeys[0]))
}

// learn remembers an object or an array if there is no record in it.
func (w *fastWrap) learn(b []byte, n *note) bool {
	m := member{key: b[n.key:n.keyEnd], value: b[n.from:n.to]}
	found := w.parser.look(m.value, m.key, 1, 0, true)
	if w.parser.deep = w.parser.deep[:0]; found.depth > 0 {
		w.lister = append(w.lister[:0], m.key...)
		return false
	}
	name, rank := serviceOf([]member{m})
	if len(w.values) >= maxKnown {
		clear(w.values)
	}
	w.values[w.hash(b, n)] = besides{rank, []byte(name)}
	return true
}

// service returns the service that the line names beside the record, which is member i. Only lineParser finds it if there
// is another record beside it.
func (w *fastWrap) service(b []byte, notes []note, i int) (service []byte, ok bool) {
	best, at := []byte(nil), len(serviceNames)
	for j := range notes {
		n := &notes[j]
		switch {
		case j == i:
		case n.kind == '{':
			if !w.isKnown(b, n) && !w.learn(b, n) {
				return nil, false
			}
			if v := w.values[w.hash(b, n)]; v.rank < at {
				best, at = v.service, v.rank
			}
		case n.kind == '"' && n.to > n.from && n.to-n.from < 254:
			if k := w.key(b, n); k.rank < at {
				best, at = programName(plain(b[n.from:n.to])), k.rank
			}
		}
	}
	return best, true
}

// enterText reads a string of the line that is not plain, and returns where it ends, or -1 if it is not valid. A string
// that is likely to have the record is unescaped at once.
func (w *fastWrap) enterText(outer *fastLine, b, key []byte, from, to int) int {
	if b[from] == '{' && len(w.textCarrier) > 0 && bytes.Equal(key, w.textCarrier) {
		return w.unescape(outer.marks, b, from)
	}
	end, _ := outer.marks.scanRest(b, to)
	return end
}

// parseText reads the string that begins at from as a line.
func (w *fastWrap) parseText(m marks, b []byte, from int) bool {
	if w.unescaped != from && w.unescape(m, b, from) < 0 {
		return false
	}
	text := w.text
	for n := len(text); n > 0 && (text[n-1] == '\n' || text[n-1] == '\r'); n-- {
		text = text[:n-1]
	}
	if len(text) == 0 || text[0] != '{' || bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\x1b') >= 0 {
		return false
	}
	n := len(text)
	w.text = append(slices.Grow(text, 2*padding), '\n') // what is behind it, in the padding, has no meaning
	w.entered, w.unescaped = -1, -1
	w.own.mark(w.text[:cap(w.text)], 0, n+1)
	w.inner.marks = w.own
	return w.inner.parse(w.text, 0) == n
}

// unescape puts the text of the string that begins at from into text, and returns where it ends, or -1 if it is not valid.
func (w *fastWrap) unescape(m marks, b []byte, from int) (end int) {
	if w.text, end = m.appendText(w.text[:0], b, from); end < 0 {
		w.unescaped = -1
		return -1
	}
	w.unescaped = from
	return end
}

// fill makes the record of the inner line, whose buffer is b. It must be a record with ids, and have all fields that
// could come from outside, except the service.
func (w *fastWrap) fill(r *Record, b []byte) bool {
	f := &w.inner
	if !r.fill(f, b) || len(r.trace) == 0 {
		return false
	}
	if f.head.found() {
		return f.head[fieldTime] != 0
	}
	if f.noted < 0 || f.escaped || f.text(r.layout, fieldMessage) == nil || f.text(r.layout, fieldLevel) == nil || f.find(r.layout, fieldTime) == 0 {
		return false
	}
	for i := range f.notes[:f.noted] {
		if w.key(b, &f.notes[i]).foreign {
			return false
		}
	}
	return true
}

// isOwn reports whether a line without a trace id is a record of its own, as lineParser.isOwn does. It returns false if
// only lineParser can tell.
func (f *fastLine) isOwn(b []byte, message *spot) bool {
	if f.head.found() {
		return true
	}
	if message == nil {
		return !f.mayWrap(b)
	}
	for _, s := range layouts[0].slots[fieldLevel] {
		if m := &f.members[s]; m.line == f.line && m.kind != '{' {
			return true
		}
	}
	text := b[message.from-1 : message.to+1]
	return len(text) > len(`""`) && !mayCarry(text) && !mentionsTrace(text) && !f.nested
}

// mayWrap reports whether a value of the line may have a record in it.
func (f *fastLine) mayWrap(b []byte) bool {
	if f.into == nil || f.noted < 0 || f.escaped || f.noted == 1 && f.nested { // or a line before one of Elasticsearch's bulk API
		return true
	}
	for i := range f.notes[:f.noted] {
		n := &f.notes[i]
		switch n.keyEnd - n.key {
		case int32(len("@t")):
			if b[n.key] == '@' { // of Serilog's compact form
				return true
			}
		case int32(len(eventName)):
			if string(b[n.key:n.keyEnd]) == eventName {
				return true
			}
		case int32(len(shortMessage)):
			if string(b[n.key:n.keyEnd]) == shortMessage {
				return true
			}
		case int32(len(templateName)):
			if string(b[n.key:n.keyEnd]) == templateName {
				return true
			}
		}
		switch n.kind {
		case '{', '[':
			if n.to-n.from >= int32(len(`{"msg":"m","ts":1}`)) {
				return true
			}
		case '"':
			if mayCarry(b[n.from-1:n.to+1]) || f.into.mayHoldLine(b, n) {
				return true
			}
		}
	}
	return false
}

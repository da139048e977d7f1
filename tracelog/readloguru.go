package tracelog

// isLoguru reports whether an object with a text beside it is the record of Python's loguru.
func isLoguru(record []byte) bool {
	ms, _ := appendMembers(nil, record)
	return pickText(ms, []string{"level.name"}) != "" && pick(ms, []string{"message"}) != nil && pickText(ms, []string{"time.timestamp"}) != ""
}

// loguru appends the line of a record that Python's loguru has serialized:
//
//	{"text":"…","record":{"level":{"name":"INFO","no":20},"message":"seat held","time":{"timestamp":1772356500.5},"extra":{"trace_id":"4bf9…"}}}
//
// The members of extra are the program's own. The text says what the record does.
func (p *lineParser) loguru(ms []member, beside []byte) {
	record, _ := appendMembers(nil, pick(ms, []string{"record"}))
	at, _, _ := foreignMoment(pick(record, []string{"time.timestamp"}))
	w := newForeignLine(at, pickText(record, []string{"level.name"}))
	w.raw("msg", pick(record, []string{"message"}))
	extra, _ := appendMembers(nil, pick(record, []string{"extra"}))
	for i := range extra {
		m, key := &extra[i], string(extra[i].key)
		if f := builtins[m.slot]; f > 0 && f <= fieldMessage+1 {
			key = "attr." + key
		}
		w.raw(key, m.value)
	}
	for i := range record {
		switch m := &record[i]; string(m.key) {
		case "time", "level", "message", "extra":
		case "exception":
			if m.value[0] == '{' {
				w.attr("exception", m.value)
			}
		default:
			w.attr(string(m.key), m.value)
		}
	}
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}

package tracelog

import "cmp"

// shown appends the lines of a trace as slogtrace show --json writes it: its spans as a tree, each with its log lines.
// So a trace that somebody sends can be shown like the log that it came from.
func (p *lineParser) shown(ms []member, beside []byte) {
	trace := pickText(ms, []string{"trace"})
	for _, n := range spanNodes(pick(ms, []string{"tree"})) {
		p.shownSpan(n, trace, beside)
	}
	p.shownLines(pick(ms, []string{"logs"}), beside)
}

func (p *lineParser) shownSpan(n *spanNode, trace string, beside []byte) {
	ms := n.members
	get := func(name string) []byte { return pick(ms, []string{name}) }
	state := jsonText(get("state"))
	start := get("start")
	if at := cmp.Or(jsonText(get("time")), jsonText(start)); state == Ended.String() || state == Open.String() || state == Abandoned.String() {
		w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
		if state != Ended.String() {
			at = jsonText(start)
		}
		w.text("time", at)
		level := jsonText(get("level"))
		if failed := get("failed"); level == "" && failed != nil && failed[0] == 't' {
			level = "ERROR"
		}
		w.text("level", cmp.Or(level, "INFO"))
		if state == Ended.String() {
			w.text("msg", messageEnd)
		} else {
			w.text("msg", messageStart)
		}
		w.text("trace", trace)
		for _, key := range [...]string{"span", "op", "parent", "parent_kind", "kind", "service"} {
			w.raw(key, get(key))
		}
		if state == Ended.String() {
			w.raw("start", start)
			w.raw("duration_ms", get("duration_ms"))
			if failed := get("failed"); failed != nil && failed[0] == 't' {
				w.raw("error", appendQuoted(nil, []byte(jsonText(get("error")))))
			}
		}
		for _, key := range [...]string{"stack", "links", "queued_ms", "sample_rate", "sampled"} {
			w.raw(key, get(key))
		}
		p.shownAttrs(w, get("attrs"))
		w.b = append(w.b, beside...)
		p.many = append(p.many, w.done())
	}
	p.shownLines(get("logs"), beside)
	for _, child := range n.children {
		p.shownSpan(child, trace, beside)
	}
}

// shownLines appends log lines, as slogtrace tail --json writes each of them, too.
func (p *lineParser) shownLines(v []byte, beside []byte) {
	for _, line := range elementsOf(v) {
		if line[0] == '{' {
			p.shownLine(foreignFields(line), beside)
		}
	}
}

func (p *lineParser) shownLine(ms []member, beside []byte) {
	w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	for _, key := range [...]string{"time", "level", "msg", "trace", "span", "op", "service"} {
		w.raw(key, pick(ms, []string{key}))
	}
	p.shownAttrs(w, pick(ms, []string{"attrs"}))
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}

// shownAttrs writes attributes. Of several members of a name the first has its meaning, so one that is named like a field of
// the line stays an attribute.
func (p *lineParser) shownAttrs(w *foreignLine, v []byte) {
	if len(v) > 0 && v[0] == '{' {
		for _, m := range foreignFields(v) {
			clear(w.seen)
			w.raw(string(m.key), m.value)
		}
	}
}

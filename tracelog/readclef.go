package tracelog

import (
	"cmp"
	"strings"
)

// clef appends the line of a record in Serilog's compact form, which Seq reads. With @tr and @sp it is in a span. With
// @st, the start, it is the end of one.
func (p *lineParser) clef(ms []member, beside []byte) {
	get := func(names ...string) string { return pickText(ms, names) }
	at, _, _ := foreignMoment(pick(ms, []string{"@t"}))
	level := cmp.Or(get("@l"), "Information")
	w := newForeignLine(at, level)
	start, _, isSpan := foreignMoment(pick(ms, []string{"@st"}))
	if isSpan = isSpan && get("@tr") != "" && get("@sp") != ""; isSpan {
		w.text("msg", messageEnd)
		w.ids(foreignID(get("@tr")), foreignID(get("@sp")), get("@mt", "@m"))
		w.text("parent", foreignID(get("@ps")))
		w.text("kind", foreignKindOf(pick(ms, []string{"@sk"})))
		w.raw("start", appendQuoted(nil, timeText(start)))
		w.raw("duration_ms", formatMillis(max(0, at.Sub(start))))
		if text := get("@x"); text != "" || strings.EqualFold(level, "error") || strings.EqualFold(level, "fatal") {
			first, _, _ := strings.Cut(text, "\n")
			w.raw("error", appendQuoted(nil, []byte(strings.TrimSuffix(first, "\r"))))
			w.text("stack", text)
		}
	} else {
		w.text("msg", get("@m", "@mt"))
		w.ids(foreignID(get("@tr")), foreignID(get("@sp")), "")
	}
	resource := foreignMembers(pick(ms, []string{"@ra"}))
	service := pick(ms, []string{"service", "service.name", "Application"})
	if service == nil || service[0] != '"' {
		service = appendText(nil, serviceIn(resource))
	}
	w.raw("service", service)
	for i := range ms {
		switch m := &ms[i]; string(m.key) {
		case "@t", "@m", "@l", "@tr", "@sp", "@st", "@ps", "@sk", "@ra", "@i":
		case "@mt":
			if get("@m") != "" {
				w.raw("@mt", m.value)
			}
		case "@x":
			if !isSpan {
				w.raw("@x", m.value)
			}
		default:
			w.attr(strings.TrimPrefix(string(m.key), "@@"), m.value)
		}
	}
	w.members(resource)
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}

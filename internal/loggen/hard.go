package loggen

import (
	"fmt"
	"strconv"
	"strings"
)

// difficult appends the record in one of the forms that readers must know.
func (g *generator) difficult(b []byte, r *record) []byte {
	ms := r.members()
	switch x := g.rand.IntN(100); {
	case x < 12:
		rename(ms, map[string]string{"trace": "trace_id", "span": "span_id"})
		ms = append(ms, text("trace_flags", "01"))
	case x < 20:
		rename(ms, map[string]string{
			"trace": "trace.id", "span": "span.id", "time": "@timestamp", "level": "log.level", "msg": "message",
		})
		ms = append(ms, text("ecs.version", "8.11"))
	case x < 24 && r.msg != "span end" && r.msg != "span start":
		return fmt.Appendf(b, "%s %s [trace:%s span:%s op:%s] %s", stamp(r.at), r.level, r.trace, r.span, r.op, r.msg)
	case x < 28:
		return g.logfmt(b, ms)
	}
	return g.json(b, ms)
}

func rename(ms []attr, names map[string]string) {
	for i := range ms {
		if n, ok := names[ms[i].key]; ok {
			ms[i].key = n
		}
	}
}

func (g *generator) logfmt(b []byte, ms []attr) []byte {
	for i, m := range ms {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(append(b, m.key...), '=')
		if m.text == "" || strings.ContainsAny(m.text, " \"=") {
			b = strconv.AppendQuote(b, m.text)
		} else {
			b = append(b, m.text...)
		}
	}
	return b
}

// json appends the members as an object, in another order, with confusing but valid additions.
func (g *generator) json(b []byte, ms []attr) []byte {
	g.rand.Shuffle(len(ms), func(i, j int) { ms[i], ms[j] = ms[j], ms[i] })
	spaces := g.chance(0.2)
	space := func() {
		if spaces {
			b = append(b, " \t "[:g.rand.IntN(3)]...)
		}
	}
	comma := func() {
		space()
		b = append(b, ',')
		space()
	}
	decoys := g.rand.IntN(3)
	b = append(b, '{')
	space()
	for i, m := range ms {
		if i > 0 {
			comma()
		}
		if decoys > 0 && g.chance(0.1) {
			decoys--
			b = append(b, g.decoy()...)
			comma()
		}
		escape := 0.0
		if g.chance(0.03) {
			escape = 0.2
		}
		b = g.quote(b, m.key, escape)
		space()
		b = append(b, ':')
		space()
		switch {
		case m.bare && strings.HasSuffix(m.key, "_ms") && g.chance(0.05):
			b = append(b, m.text...)
			b = append(b, "e+0"...)
		case m.bare:
			b = append(b, m.text...)
		default:
			escape = 0
			if g.chance(0.03) {
				escape = 0.1
			}
			b = g.quote(b, m.text, escape)
		}
	}
	if g.chance(0.1) {
		// Later members with the same names: the first ones count.
		comma()
		b = append(b, `"trace":"ffffffffffffffffffffffffffffffff"`...)
		comma()
		b = append(b, `"op":"decoy","msg":"span end"`...)
	}
	space()
	b = append(b, '}')
	if g.chance(0.02) {
		b = append(b, '\r')
	}
	return b
}

// decoy returns a member whose value contains keys and values that look like ours.
func (g *generator) decoy() string {
	switch g.rand.IntN(5) {
	case 0:
		return `"request":{"trace":"` + g.hex(16) + `","span":"` + g.hex(8) + `","op":"decoy","duration_ms":99999}`
	case 1:
		return `"jobs":[{"msg":"span end","trace":"` + g.hex(16) + `"},[],{},[[1,-2.5e3,true,null]]]`
	case 2:
		return `"note":"\"trace\":\"` + g.hex(16) + `\",\"op\":\"decoy\""`
	case 3:
		return `"città":"Zürich – \"span end\" \\ \t"`
	}
	return `"headers":{"error":"decoy","a":{"b":{"trace":"x"}}}`
}

// quote appends a JSON string with a share of its letters escaped.
func (g *generator) quote(b []byte, s string, share float64) []byte {
	if share == 0 {
		return quote(b, s)
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case g.chance(share):
			b = fmt.Appendf(b, "\\u%04x", c)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// junk returns a line that is not a record.
func (g *generator) junk() []byte {
	switch g.rand.IntN(6) {
	case 0:
		return []byte("panic: runtime error: index out of range [5] with length 3\n")
	case 1:
		return []byte("goroutine 34 [running]:\n")
	case 2:
		return []byte("\x00\x01\xfe\xff{\"trace\"\x1b[31m\n")
	case 3:
		return []byte(`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"span end","trace":"` + g.hex(16) + "\n")
	case 4:
		return []byte(`{"msg":"span end","trace":"` + g.hex(16) + `","span":"1","op":"decoy","duration_ms":01,"start":"2026-03-01T09:15:00Z"}` + "\n")
	}
	return []byte(" ____  booking service  ____\n")
}

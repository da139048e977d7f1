package loggen

import (
	"strconv"
	"time"
)

// write writes the line of a record, and what a hard log has around it.
func (g *generator) write(r *record) {
	if !g.hard {
		g.buf = append(r.plain(g.buf[:0]), '\n')
		g.put(g.buf)
		return
	}
	g.flushDue()
	if g.chance(0.01) {
		g.truth.Junk++
		g.put(g.junk())
	}
	g.buf = append(g.difficult(g.buf[:0], r), '\n')
	g.put(g.buf)
	if g.chance(0.01) {
		g.copies = append(g.copies, copied{g.truth.Lines + g.rand.IntN(2000), append([]byte(nil), g.buf...)})
		g.truth.Duplicates++
		if r.msg == "span end" {
			g.truth.DuplicateEnds++
		}
	}
}

func (g *generator) put(line []byte) {
	g.truth.Lines++
	g.truth.Bytes += int64(len(line))
	g.out.Write(line) // the error stays until Flush
}

type copied struct {
	due  int
	line []byte
}

func (g *generator) flushDue() {
	kept := g.copies[:0]
	for _, c := range g.copies {
		if c.due <= g.truth.Lines {
			g.put(c.line)
		} else {
			kept = append(kept, c)
		}
	}
	g.copies = kept
}

func (g *generator) flushCopies() {
	for _, c := range g.copies {
		g.put(c.line)
	}
}

// members are those of the record, in the order of the JSON sink.
func (r *record) members() []attr {
	ms := make([]attr, 0, 32)
	ms = append(ms, text("time", stamp(r.at)), text("level", r.level), text("msg", r.msg),
		text("trace", r.trace), text("span", r.span), text("op", r.op))
	if r.parent != "" {
		ms = append(ms, text("parent", r.parent))
	}
	if r.kind != "" {
		ms = append(ms, text("kind", r.kind))
	}
	if r.msg == "span end" {
		ms = append(ms, text("start", stamp(r.start)), attr{"duration_ms", millis(r.micros), true})
	}
	if r.failed != "" {
		ms = append(ms, text("error", r.failed))
	}
	if r.queued > 0 && (r.msg == "span end" || r.msg == "span start") {
		ms = append(ms, attr{"queued_ms", millis(r.queued), true})
	}
	if r.booking != "" {
		ms = append(ms, text("booking", r.booking))
	}
	ms = append(ms, text("service", r.service))
	return append(ms, r.attrs...)
}

func (r *record) plain(b []byte) []byte {
	b = append(b, '{')
	for i, m := range r.members() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, m.key...)
		b = append(b, '"', ':')
		if m.bare {
			b = append(b, m.text...)
		} else {
			b = quote(b, m.text)
		}
	}
	return append(b, '}')
}

// quote appends a JSON string. The texts here hold nothing else to be escaped.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// stamp adds nanoseconds that no two lines share, mostly.
func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Add(time.Duration(micros * 7919 % 1000)).Format(time.RFC3339Nano)
}

func millis(micros int64) string {
	return strconv.FormatFloat(float64(micros)/1000, 'f', -1, 64)
}

package loggen

import (
	"strconv"
	"time"
)

// A record is the content of a line, whatever its form.
type record struct {
	at           int64 // microseconds since 1970
	seq          int
	last         bool // the last of its trace
	level, msg   string
	trace, span  string
	parent, kind string
	op, service  string
	start        int64
	micros       int64 // duration, for a span end
	failed       string
	queued       int64
	booking      string
	attrs        []attr
}

type attr struct {
	key  string
	text string // without quotes if bare
	bare bool
}

func text(k, v string) attr { return attr{k, v, false} }

func number(k string, n int) attr { return attr{k, strconv.Itoa(n), true} }

// members returns the members of r, in the order of the JSON sink.
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

// quote appends a JSON string. The texts here need no other escapes.
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

// stamp returns a time with nanoseconds that differ between most lines.
func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Add(time.Duration(micros * 7919 % 1000)).Format(time.RFC3339Nano)
}

func millis(micros int64) string {
	return strconv.FormatFloat(float64(micros)/1000, 'f', -1, 64)
}

package victorialogs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// filter returns a query in LogsQL without pipes.
func (n *names) filter(q *backend.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "_time:[%s, %s)", instant(q.From), instant(q.To))
	if n.query != "" {
		b.WriteString(" (" + n.query + ")")
	}
	if q.Cond != nil {
		b.WriteByte(' ')
		n.write(&b, q.Cond)
	}
	return b.String()
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// write writes a condition. Each is one operand of a conjunction.
func (n *names) write(b *strings.Builder, c backend.Cond) {
	switch c := c.(type) {
	case backend.All:
		if slices.ContainsFunc(c, n.isTraced) && slices.Equal(n.traceIDs, []string{"trace"}) {
			inner := *n
			inner.own = true
			n = &inner
		}
		n.join(b, c, " ")
	case backend.Any:
		c = slices.DeleteFunc(slices.Clone(c), n.never)
		if len(c) == 0 {
			b.WriteString("!*")
			return
		}
		n.join(b, c, " or ")
	case backend.Not:
		b.WriteByte('!')
		if t, ok := c.Cond.(backend.Test); ok && t.Op == backend.In {
			n.surelyIn(b, t)
		} else {
			n.write(b, c.Cond)
		}
	case backend.Trace:
		n.trace(b, c)
	case backend.TracesOf: // there are no lines that are text: see Subqueries
		inner := *n
		inner.own = false
		b.WriteByte('(')
		for i, name := range n.traceIDs {
			if i > 0 {
				b.WriteString(" or ")
			}
			fmt.Fprintf(b, "%[1]s:in(%[2]s | fields %[1]s)", quote(name), inner.filter(c.Query))
		}
		b.WriteByte(')')
	case backend.Unread:
		// A line of JSON in _msg, without members beside it. Few messages begin so: the members of the others are not read. Nor
		// are most messages, if none of the words is in a block of them.
		b.WriteString("(_msg:contains_any(" + list(builtins) + `) _msg:="{"*`)
		n.untraced(b)
		b.WriteByte(')')
	case backend.Test:
		n.test(b, c)
	case backend.Grep:
		b.WriteString("(*:~" + quote(c.Regexp))
		re := regexp.MustCompile(c.Regexp)
		for _, name := range slices.Sorted(maps.Keys(n.there)) {
			if re.MatchString(name) {
				b.WriteString(" or " + quote(name) + ":*")
			}
		}
		b.WriteByte(')')
	}
}

// isTraced reports whether a condition holds only for lines with a member that is the trace id.
func (n *names) isTraced(c backend.Cond) bool {
	switch c := c.(type) {
	case backend.Test:
		return c.Key == backend.Traced && c.Op == backend.Present
	case backend.Trace:
		return !n.text
	case backend.TracesOf:
		return true
	}
	return false
}

// never reports whether a condition holds for no line that is wanted. To find that out, VictoriaLogs would read the ids or the
// messages of all lines.
func (n *names) never(c backend.Cond) bool {
	switch c := c.(type) {
	case backend.Unread:
		return !n.text
	case backend.Not:
		t, ok := c.Cond.(backend.Test)
		return ok && n.own && t.Key == "trace" && t.Op == backend.Present
	}
	return false
}

func (n *names) join(b *strings.Builder, list []backend.Cond, between string) {
	b.WriteByte('(')
	for i, c := range list {
		if i > 0 {
			b.WriteString(between)
		}
		n.write(b, c)
	}
	b.WriteByte(')')
}

// test writes a comparison of one member, under each name that it may have.
func (n *names) test(b *strings.Builder, c backend.Test) {
	b.WriteByte('(')
	for i, name := range n.of(c.Key) {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString(quote(name) + ":")
		switch c.Op {
		case backend.Present:
			b.WriteByte('*')
		case backend.In:
			b.WriteString("in(" + list(c.Values) + ")")
		case backend.Matches:
			b.WriteString("~" + quote(c.Value))
		case backend.AtLeast:
			b.WriteString(">=" + c.Value)
		case backend.AtMost:
			b.WriteString("<=" + c.Value)
		}
	}
	b.WriteByte(')')
}

// surelyIn writes a condition that holds only if a member is one of the values, whichever of its names counts.
func (n *names) surelyIn(b *strings.Builder, c backend.Test) {
	names := n.of(c.Key)
	if len(names) == 1 {
		n.test(b, c)
		return
	}
	b.WriteByte('(')
	n.test(b, c)
	for _, name := range names {
		b.WriteString(" " + quote(name) + `:in("",` + list(c.Values) + ")")
	}
	b.WriteByte(')')
}

// trace writes a condition on the id of a trace.
func (n *names) trace(b *strings.Builder, c backend.Trace) {
	b.WriteByte('(')
	for i, name := range n.traceIDs {
		if i > 0 {
			b.WriteString(" or ")
		}
		if !c.Prefix && !c.Suffix {
			b.WriteString(quote(name) + ":in(" + list(c.IDs) + ")")
			continue
		}
		for j, id := range c.IDs {
			if j > 0 {
				b.WriteString(" or ")
			}
			if c.Suffix {
				b.WriteString(quote(name) + ":~" + quote(id+"$"))
			} else {
				b.WriteString(quote(name) + ":=" + quote(id) + "*")
			}
		}
	}
	if n.text { // of lines without an id as a member: these are other traces' or ours already
		b.WriteString(" or (")
		switch {
		case c.Suffix:
			b.WriteString("_msg:~" + quote("("+strings.Join(c.IDs, "|")+`)"`))
		case c.Prefix:
			b.WriteByte('(')
			for j, id := range c.IDs {
				if j > 0 {
					b.WriteString(" or ")
				}
				b.WriteString("_msg:" + quote(id) + "*")
			}
			b.WriteByte(')')
		default:
			b.WriteString("_msg:contains_any(" + list(c.IDs) + ")")
		}
		n.untraced(b)
		b.WriteByte(')')
	}
	b.WriteByte(')')
}

// untraced writes that no member is the id of a trace.
func (n *names) untraced(b *strings.Builder) {
	for _, name := range n.traceIDs {
		b.WriteString(" " + quote(name) + `:""`)
	}
}

func list(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return strings.Join(quoted, ",")
}

func quote(s string) string { return strconv.Quote(s) }

package clickhouse

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// A line that is kept as text may have other names than the record schema's, be escaped or be inside another line. So
// conditions search its text for what must be there. Only of a line that is certainly a record of the schema they also
// compare members: where functions for JSON exist, they do not say whether a line is inside another one.

// testLine returns a condition that holds at least, or at most, for the lines for which a test does.
func (t *table) testLine(c backend.Test, least bool) string {
	if !least {
		return t.surely(c)
	}
	parts := []string{t.hasName(backend.Names(c.Key, t.mapped))}
	if c.Op == backend.In {
		parts = append(parts, t.hasAny(c.Values))
	}
	if t.own(c.Key) {
		parts = append(parts, t.compared(c))
	}
	return allOf(parts)
}

// own reports whether records of the schema have a member under its own name, which conditions can search for.
func (t *table) own(key string) bool {
	return t.record && t.mapped[key] == "" && t.mapped["trace"] == "" && plain(key)
}

// memberStart begins regular expressions for a member of the outermost object, before any inner object and any escape.
// Such text has a quote only where a string begins or ends.
const memberStart = `^\s*\{[^{\\]*?`

// value is the text of a member that is a plain string, the first if there are more; ” if there is none.
func (t *table) value(key string) string {
	return t.extract(memberStart + `"` + regexp.QuoteMeta(key) + `"\s*:\s*"([^"{\\]*)"`)
}

// number is a member that is a number, or null.
func (t *table) number(key string) string {
	return "toFloat64OrNull(" + t.extract(memberStart+`"`+regexp.QuoteMeta(key)+`"\s*:\s*([-+.0-9eE]+)\s*[,}]`) + ")"
}

func (t *table) extract(pattern string) string {
	return "extract(" + ident(t.line.name) + ", " + quote(pattern) + ")"
}

// itself holds only for lines that are records of the schema, and so are not inside another line.
func (t *table) itself() string {
	return "match(" + ident(t.line.name) + ", " + quote(memberStart+`"trace"\s*:\s*"[0-9a-fA-F]`) + ")"
}

// surely returns a condition that holds only for lines for which a test does.
func (t *table) surely(c backend.Test) string {
	switch {
	case !t.own(c.Key) || c.Key == backend.Traced:
	case c.Op == backend.Present && c.Key == "trace":
		return t.itself()
	case c.Op == backend.Present:
		return "(" + t.itself() + " and " + t.value(c.Key) + " != '')"
	case c.Op == backend.In:
		return "(" + t.itself() + " and " + t.value(c.Key) + " in (" + list(c.Values) + "))"
	}
	return no
}

// compared holds unless the line is a record of the schema that has another value for the member.
func (t *table) compared(c backend.Test) string {
	switch c.Op {
	case backend.In:
		other := "ifNull(not " + equals(t.number(c.Key), c.Values) + ", 0)"
		if !slices.ContainsFunc(c.Values, plainNumber().MatchString) {
			other = "isNotNull(" + t.number(c.Key) + ")"
		}
		value := t.value(c.Key)
		return "not (" + t.itself() + " and (" + other + " or " + value + " not in (" + list(append([]string{""}, c.Values...)) + ")))"
	case backend.Matches:
		value := t.value(c.Key)
		if m := matches(value, c.Value); m != yes {
			return "not (" + t.itself() + " and " + value + " != '' and not " + m + ")"
		}
	case backend.AtLeast:
		return "not (" + t.itself() + " and ifNull(" + t.number(c.Key) + " < " + c.Value + ", 0))"
	case backend.AtMost:
		return "not (" + t.itself() + " and ifNull(" + t.number(c.Key) + " > " + c.Value + ", 0))"
	}
	return yes
}

// hasName holds at least if a line has a member of one of the names. A name with dots may be in inner objects.
func (t *table) hasName(names []string) string {
	var parts []string
	for i, name := range names {
		shorter := func(n string) bool { return n != name && !strings.Contains(n, ".") && strings.Contains(name, n) }
		if slices.ContainsFunc(names, shorter) || slices.Contains(names[:i], name) {
			continue // the text of the other one is in this one
		}
		var all []string
		for segment := range strings.SplitSeq(name, ".") {
			all = append(all, t.hasAny([]string{segment}))
		}
		parts = append(parts, allOf(all))
	}
	if slices.Contains(parts, yes) {
		return yes
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// allOf joins conditions without those that always hold.
func allOf(parts []string) string {
	parts = slices.DeleteFunc(parts, func(sql string) bool { return sql == yes })
	switch len(parts) {
	case 0:
		return yes
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, " and ") + ")"
}

// hasAny holds at least if the text of a line has one of the values.
func (t *table) hasAny(values []string) string {
	escaped := make([]string, len(values))
	for i, v := range values {
		if !plain(v) {
			return yes
		}
		escaped[i] = regexp.QuoteMeta(v)
	}
	switch len(values) {
	case 0:
		return no
	case 1:
		return "position(" + ident(t.line.name) + ", " + quote(values[0]) + ") > 0"
	}
	return "match(" + ident(t.line.name) + ", " + quote(strings.Join(escaped, "|")) + ")"
}

// plain reports whether text is the same in JSON, unless letters are escaped without need.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte("\"\\<>&'=+`", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// inLine holds if the text has one of the ids, and the columns beside it have none.
func (t *table) inLine(columns []expr, ids []string) string {
	parts := []string{t.hasAny(ids)}
	for _, e := range columns {
		value := e.sql
		if e.nullable {
			value = "ifNull(" + value + ", '')"
		}
		parts = append(parts, value+" = ''")
	}
	return allOf(parts)
}

// escapedLetter finds a character for which plain returns true in another form: \/ or \u and four digits.
const escapedLetter = `\\(/|u00(2[013-589ac-fAC-F]|3[0-9abfABF]|4[0-9a-fA-F]|5[0-9abd-fABD-F]|6[1-9a-fA-F]|7[0-9a-eA-E]))`

// escapedLetters holds for lines in which plain characters are written otherwise: text is not found in them.
func (t *table) escapedLetters() string {
	return "match(" + ident(t.line.name) + ", " + quote(escapedLetter) + ")"
}

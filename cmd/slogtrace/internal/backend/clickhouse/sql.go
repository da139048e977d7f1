package clickhouse

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// where returns the condition of a query in SQL.
func (t *table) where(q *backend.Query) string {
	var b strings.Builder
	b.WriteString(t.time.between(q.From, q.To))
	if t.query != "" {
		b.WriteString(" and (" + t.query + "\n)") // a comment ends with the line
	}
	if q.Cond == nil {
		return b.String()
	}
	cond := t.atLeast(q.Cond)
	switch {
	case cond == yes:
	case t.line != nil:
		b.WriteString(" and (" + cond + " or " + t.escapedLetters() + ")")
	default:
		b.WriteString(" and " + cond)
	}
	return b.String()
}

// between is a condition on a time. The end is exclusive.
func (c column) between(from, to time.Time) string {
	name := ident(c.name)
	return name + " >= " + c.instant(from) + " and " + name + " < " + c.instant(to)
}

// instant is a value of the column: the first that is not before a time.
func (c column) instant(at time.Time) string {
	n := max(at.UnixNano(), 0)
	switch c.kind {
	case seconds:
		return fmt.Sprintf("toDateTime(%d)", min((n+999_999_999)/1_000_000_000, math.MaxUint32))
	case fraction:
		return fmt.Sprintf("fromUnixTimestamp64Nano(toInt64(%d))", n)
	}
	return fmt.Sprint(n)
}

// Conditions that always or never hold.
const (
	yes = "1"
	no  = "0"
)

// atLeast returns a condition in SQL that holds for all lines for which c does, and perhaps for more.
func (t *table) atLeast(c backend.Cond) string { return t.bound(c, true) }

// bound returns a condition in SQL: one that holds at least where c does, or one that holds at most there.
func (t *table) bound(c backend.Cond, least bool) string {
	switch c := c.(type) {
	case backend.All:
		return t.join(c, least, " and ", no, yes)
	case backend.Any:
		return t.join(c, least, " or ", yes, no)
	case backend.Not:
		switch inner := t.bound(c.Cond, !least); inner {
		case yes:
			return no
		case no:
			return yes
		default:
			return "not (" + inner + ")"
		}
	case backend.Unread: // Test is at least true for these lines
		return no
	}
	var sql string
	var exact bool
	switch c := c.(type) {
	case backend.Trace:
		sql = t.trace(c)
	case backend.Test:
		if t.line != nil {
			return t.testLine(c, least)
		}
		if !least && c.Op == backend.In {
			return t.surelyIn(c)
		}
		sql, exact = t.test(c)
	case backend.TracesOf:
		sql = t.tracesOf(c)
	case backend.Grep:
		sql = t.grep(c.Regexp)
	default:
		sql = yes
	}
	if !least && !exact {
		return no
	}
	return sql
}

// join joins conditions. One that equals dominant decides; those that equal neutral are left out.
func (t *table) join(list []backend.Cond, least bool, between, dominant, neutral string) string {
	var parts []string
	for _, c := range list {
		switch sql := t.bound(c, least); sql {
		case dominant:
			return dominant
		case neutral:
		default:
			parts = append(parts, sql)
		}
	}
	switch len(parts) {
	case 0:
		return neutral
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, between) + ")"
}

// test returns a comparison of the columns that may have a member. Exact reports that it holds for no other lines.
func (t *table) test(c backend.Test) (sql string, exact bool) {
	columns, exact := t.named(c.Key)
	if !exact {
		return yes, false
	}
	var parts []string
	for _, e := range columns {
		part, same := e.test(c)
		exact = exact && same
		switch {
		case part == yes:
			return yes, false
		case part == no:
			continue
		case e.nullable:
			part = "ifNull(" + part + ", 0)"
		}
		parts = append(parts, part)
	}
	switch len(parts) {
	case 0:
		return no, exact
	case 1:
		return parts[0], exact
	}
	return "(" + strings.Join(parts, " or ") + ")", exact
}

// surelyIn holds only if a member is one of the values, whichever of its names counts.
func (t *table) surelyIn(c backend.Test) string {
	columns, exact := t.named(c.Key)
	var there, same []string
	for _, e := range columns {
		exact = exact && e.kind == text
		value := e.sql
		if e.nullable {
			value = "ifNull(" + value + ", '')"
		}
		there = append(there, value+" != ''")
		same = append(same, value+" in ("+list(append([]string{""}, c.Values...))+")")
	}
	if len(columns) == 0 || !exact {
		return no
	}
	return "((" + strings.Join(there, " or ") + ") and " + strings.Join(same, " and ") + ")"
}

// test compares the value of one column.
func (e expr) test(c backend.Test) (sql string, exact bool) {
	isText := e.kind == text
	isNumber := e.kind == whole || e.kind == number
	switch {
	case c.Op == backend.Present && isText:
		return e.sql + " != ''", true
	case c.Op == backend.Present && e.nullable:
		return "isNotNull(" + e.sql + ")", true
	case c.Op == backend.In && isText:
		return e.sql + " in (" + list(c.Values) + ")", true
	case c.Op == backend.In && e.kind == whole:
		return equals(e.sql, c.Values), false
	case c.Op == backend.Matches && isText:
		return matches(e.sql, c.Value), false
	case c.Op == backend.AtLeast && isNumber:
		return e.sql + " >= " + c.Value, false
	case c.Op == backend.AtMost && isNumber:
		return e.sql + " <= " + c.Value, false
	case c.Op == backend.AtLeast && isText:
		return "(" + e.sql + " != '' and ifNull(toFloat64OrNull(" + e.sql + ") >= " + c.Value + ", 1))", false
	case c.Op == backend.AtMost && isText:
		return "(" + e.sql + " != '' and ifNull(toFloat64OrNull(" + e.sql + ") <= " + c.Value + ", 1))", false
	case e.nullable:
		return "isNotNull(" + e.sql + ")", false
	}
	return yes, false
}

// plainNumber matches numbers that mean the same in SQL.
var plainNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?$`) })

// equals holds if a number is one of the values.
func equals(sql string, values []string) string {
	var parts []string
	for _, v := range values {
		if plainNumber().MatchString(v) {
			parts = append(parts, sql+" = "+v)
		}
	}
	if len(parts) == 0 {
		return no
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// matches holds at least if a regular expression of Go matches: always if it may mean something else in ClickHouse.
func matches(sql, re string) string {
	pattern, ok := portable(re)
	if !ok {
		return yes
	}
	// Text that is not valid UTF-8 is compared elsewhere: "." of ClickHouse does not match such bytes.
	return "(match(" + sql + ", " + quote(pattern) + ") or not match(" + sql + ", '^(?s:.*)$'))"
}

// maxPattern is how long a regular expression may be.
const maxPattern = 1000

// portable writes a regular expression so that Go and all versions of ClickHouse, which have RE2, agree. In ClickHouse "."
// matches a newline unless told otherwise; inside a group, it does not search for literal text by itself.
func portable(re string) (string, bool) {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return "", false
	}
	text := "(?-s:" + tree.Simplify().String() + ")"
	return text, len(text) <= maxPattern && !strings.Contains(text, "\x00")
}

// trace returns a condition on the id of a trace.
func (t *table) trace(c backend.Trace) string {
	columns, exact := t.named(backend.Traced)
	if !exact {
		return yes
	}
	var parts []string
	for _, e := range columns {
		if e.kind != text {
			return yes
		}
		parts = append(parts, e.ids(c))
	}
	if t.line != nil {
		parts = append(parts, t.inLine(columns, c.IDs))
	}
	if len(parts) == 0 {
		return no
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// tracesOf is a condition on the only column with ids: see Subqueries. The shards of a Distributed table get the ids of all.
func (t *table) tracesOf(c backend.TracesOf) string {
	columns, _ := t.named(backend.Traced)
	id := columns[0].sql
	if columns[0].nullable {
		id = "ifNull(" + id + ", '')"
	}
	return id + " global in (select distinct " + id + " from " + t.from + " where " + id + " != '' and " + t.where(c.Query) + ")"
}

// ids compares a column with ids.
func (e expr) ids(c backend.Trace) string {
	if !c.Prefix && !c.Suffix {
		return e.sql + " in (" + list(c.IDs) + ")"
	}
	function := "startsWith"
	if c.Suffix {
		function = "endsWith"
	}
	parts := make([]string, len(c.IDs))
	for i, id := range c.IDs {
		parts[i] = function + "(" + e.sql + ", " + quote(id) + ")"
	}
	text := strings.Join(parts, " or ")
	if e.nullable { // the functions of old versions want no Nullable
		text = strings.ReplaceAll(text, function+"("+e.sql, function+"(ifNull("+e.sql+", '')")
	}
	return "(" + text + ")"
}

func list(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return strings.Join(quoted, ", ")
}

var (
	inQuotes     = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)
	inBackquotes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "\x00", `\0`)
)

// quote returns a literal. All bytes but those that it escapes are themselves in it.
func quote(s string) string { return "'" + inQuotes.Replace(s) + "'" }

// ident returns an identifier.
func ident(s string) string { return "`" + inBackquotes.Replace(s) + "`" }

package clickhouse

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// grep returns a condition that holds at least if a member's name or value matches a regular expression.
func (t *table) grep(re string) string {
	if t.line != nil {
		if text, ok := literal(re); ok {
			return t.hasAny([]string{text})
		}
		return yes // what matches a value need not match it in JSON
	}
	names, err := regexp.Compile(re)
	if err != nil {
		return yes
	}
	var parts []string
	for _, c := range t.columns {
		part := c.grep(re, names.MatchString(c.key))
		switch {
		case part == yes:
			return yes
		case part != no:
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return no
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// grep does so for one column. Named reports that its name matches.
func (c column) grep(re string, named bool) string {
	e := c.expr()
	switch _, ofSpan := spanFields[c.key]; {
	case c.isTime() && (ofSpan || isTimeName(c.key)):
		return no // no attribute
	case c.kind == texts:
		pattern, ok := portable(re)
		if !ok {
			return yes
		}
		return "arrayExists((k, v) -> match(k, " + quote(pattern) + ") or " + matches("v", re) + ", mapKeys(" + e.sql + "), mapValues(" + e.sql + "))"
	case named && c.nullable:
		return "isNotNull(" + e.sql + ")"
	case named && c.kind == text:
		return e.sql + " != ''"
	case named:
		return yes
	case c.kind == whole, c.kind == number:
		e.sql = "toString(" + e.sql + ")"
	case c.kind != text:
		return yes
	}
	if part := matches(e.sql, re); part == yes || !c.nullable {
		return part
	}
	return "ifNull(" + matches(e.sql, re) + ", 0)"
}

// isTimeName reports whether a member has the time of a line.
func isTimeName(key string) bool {
	keys, _ := schema.Keys()
	f, ok := keys[key]
	return ok && f == schema.Time
}

// literal returns the text that alone a regular expression matches.
func literal(re string) (string, bool) {
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return "", false
	}
	if tree = tree.Simplify(); tree.Op != syntax.OpLiteral || tree.Flags&syntax.FoldCase != 0 {
		return "", false
	}
	return string(tree.Rune), true
}

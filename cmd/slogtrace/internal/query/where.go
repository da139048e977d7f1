package query

import (
	"cmp"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A condition is one --where: key, operator, value.
type condition struct {
	key, op, want string
	scope         scope          // key is without it: "op" of parent.op
	re            *regexp.Regexp // of ~
}

// operators are tried in this order at each place of the text.
var operators = []string{"!=", ">=", "<=", "=", ">", "<", "~"}

func parseCondition(s string) (condition, error) {
	for i := range s {
		for _, op := range operators {
			if !strings.HasPrefix(s[i:], op) {
				continue
			}
			c := condition{key: strings.TrimSpace(s[:i]), op: op, want: strings.TrimSpace(s[i+len(op):])}
			if c.key == "" {
				return c, errors.New("want a key before " + op)
			}
			if op == "~" {
				var err error
				if c.re, err = regexp.Compile(c.want); err != nil {
					return c, err
				}
			}
			c.scope, c.key = scopeOf(c.key)
			return c, c.checkTrace()
		}
	}
	return condition{}, errors.New("want key=value, or another of != > >= < <= ~ between them")
}

// holds reports whether the condition is true for a value. An absent value differs from every value.
// KEY= is true if the value is absent or empty, and KEY!= if it is not.
func (c *condition) holds(v value) bool {
	if c.want == "" && (c.op == "=" || c.op == "!=") {
		return (v.absent || v.text == "" || v.kind == nullValue) == (c.op == "=")
	}
	if v.absent {
		return c.op == "!="
	}
	switch c.op {
	case "=":
		return c.same(v)
	case "!=":
		return !c.same(v)
	case "~":
		return c.re.MatchString(v.text)
	}
	order, ok := c.compare(v)
	switch {
	case !ok:
		return false
	case order > 0:
		return c.op == ">" || c.op == ">="
	case order < 0:
		return c.op == "<" || c.op == "<="
	}
	return c.op == ">=" || c.op == "<="
}

// holdsOfState reports whether a condition with the key "state" is true for a span. An abandoned span is also open.
// An attribute with that name counts as well.
func (c *condition) holdsOfState(s *tracelog.Span) bool {
	states := []tracelog.State{s.State}
	if s.State == tracelog.Abandoned {
		states = append(states, tracelog.Open)
	}
	is := func(state tracelog.State) bool { return c.holds(quoted(state.String(), true)) }
	if c.op == "!=" {
		return !slices.ContainsFunc(states, func(state tracelog.State) bool { return !is(state) }) && c.holds(spanAttr(s, c.key))
	}
	return slices.ContainsFunc(states, is) || c.holds(spanAttr(s, c.key))
}

// same reports whether a value is the wanted one. In the wanted one * stands for any text.
func (c *condition) same(v value) bool {
	if v.text == c.want || strings.Contains(c.want, "*") && wild(c.want, v.text) {
		return true
	}
	if v.kind == quotedValue {
		order, ok := compareMoments(v.text, c.want)
		return ok && order == 0
	}
	order, ok := c.compare(v)
	return ok && order == 0
}

// compare orders a value and the wanted one, if both are levels, numbers, durations or times. Other text has no order.
func (c *condition) compare(v value) (int, bool) {
	if v.kind == levelValue {
		if want, ok := tracelog.ParseLevel(c.want); ok {
			got, ok := tracelog.ParseLevel(v.text)
			return cmp.Compare(got, want), ok
		}
	}
	if order, ok := compareNumbers(v.text, c.want); ok {
		return order, true
	}
	if x, err := time.ParseDuration(v.text); err == nil {
		y, err := time.ParseDuration(c.want)
		return cmp.Compare(x, y), err == nil
	}
	return compareMoments(v.text, c.want)
}

// compareMoments orders two times. A date without a time is its beginning, in UTC.
func compareMoments(a, b string) (int, bool) {
	x, ok := parseMoment(a)
	y, ok2 := parseMoment(b)
	return x.Compare(y), ok && ok2
}

// compareNumbers orders two decimal numbers, of any length and without rounding.
func compareNumbers(a, b string) (int, bool) {
	x, ok := parseDecimal(a)
	y, ok2 := parseDecimal(b)
	if !ok || !ok2 {
		return 0, false
	}
	if x.negative != y.negative {
		if x.negative {
			return -1, true
		}
		return 1, true
	}
	order := cmp.Compare(x.magnitude, y.magnitude)
	if order == 0 {
		order = strings.Compare(x.digits, y.digits) // as fractions
	}
	if x.negative {
		order = -order
	}
	return order, true
}

// A decimal is the number 0.digits × 10^magnitude. Digits neither begin nor end with 0. The number 0 has no digits and the
// least magnitude.
type decimal struct {
	negative  bool
	digits    string
	magnitude int
}

// parseDecimal reads a number with or without a sign, a fraction and an exponent.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent > 1<<30 || exponent < -1<<30 {
			return d, false
		}
		mantissa = s[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.digits = whole + fraction
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return d, false
	}
	d.magnitude = exponent + len(whole)
	short := strings.TrimLeft(d.digits, "0")
	d.magnitude -= len(d.digits) - len(short)
	if d.digits = strings.TrimRight(short, "0"); d.digits == "" {
		return decimal{magnitude: math.MinInt}, true
	}
	return d, true
}

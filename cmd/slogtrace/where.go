package main

import (
	"cmp"
	"encoding/json"
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
	re            *regexp.Regexp // of ~
}

// A value is what a span or a line has under a key.
type value struct {
	text   string
	kind   valueKind
	absent bool
}

// A valueKind says how a value compares.
type valueKind uint8

const (
	bareValue   valueKind = iota // a number, a duration, a time, or text: whatever it and the wanted value are
	quotedValue                  // a JSON string: for = and != it is text, unless it is a time
	levelValue                   // a level, as tracelog.ParseLevel reads it
	nullValue                    // JSON's null, which is empty
)

// some is a value that is absent if ok is false.
func some(text string, ok bool) value { return value{text: text, absent: !ok} }

// quoted is the same of text.
func quoted(text string, ok bool) value { return value{text, quotedValue, !ok} }

// group is what a value is called as a group.
func (v value) group() string {
	if v.absent {
		return "-"
	}
	return v.text
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
			return c, nil
		}
	}
	return condition{}, errors.New("want key=value, or another of != > >= < <= ~ between them")
}

// holds says whether the condition is true of a value. One that is absent differs from all values.
// KEY= is true of what is absent or empty, and KEY!= of all else.
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

// holdsOfState says whether the condition, on the key state, is true of whether the span has ended. One that is abandoned is
// open, too. An attribute of that name counts as well.
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

// spanAttr is an attribute of the span's record.
func spanAttr(s *tracelog.Span, key string) value {
	if e := record(s); e != nil {
		v, ok := e.Attr(key)
		return attrValue(key, v, ok)
	}
	return value{absent: true}
}

func (c *condition) same(v value) bool {
	if v.text == c.want {
		return true
	}
	if v.kind == quotedValue {
		order, ok := compareMoments(v.text, c.want)
		return ok && order == 0
	}
	order, ok := c.compare(v)
	return ok && order == 0
}

// compare orders a value and the wanted one: two levels, two numbers, two durations or two times. Other text has no order.
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

// A decimal is the number 0.digits × 10^magnitude. Digits neither begin nor end with 0; those of 0 are none,
// and its magnitude is the least there is.
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

// spanValue is what a span says under a key: one of the record schema's, whatever the line's own names are,
// or one of the line's, whose path may be dotted.
func spanValue(s *tracelog.Span, key string) value {
	switch key {
	case "op":
		return quoted(s.Op, true)
	case "service":
		return quoted(s.Service, s.Service != "")
	case "span":
		return quoted(s.ID, true)
	case "parent":
		return quoted(s.ParentID, s.ParentID != "")
	case "kind":
		return quoted(s.Kind, s.Kind != "")
	case "error":
		return quoted(s.Error, s.Failed)
	case "duration_ms":
		return some(formatFloat(millis(s.Duration)), s.State == tracelog.Ended)
	case "queued_ms":
		return some(formatFloat(millis(s.Queued)), s.Queued > 0)
	case "start":
		return some(s.Start.Format(time.RFC3339Nano), !s.Start.IsZero())
	}
	if e := record(s); e != nil {
		return entryValue(e, key)
	}
	return some("", false)
}

// record is the entry that a span is made from, or nil.
func record(s *tracelog.Span) *tracelog.Entry {
	if s.EndRecord != nil {
		return s.EndRecord
	}
	return s.StartRecord
}

// entryValue is the same for a line.
func entryValue(e *tracelog.Entry, key string) value {
	switch key {
	case "time":
		return some(e.Time.Format(time.RFC3339Nano), !e.Time.IsZero())
	case "level":
		return value{e.Level, levelValue, e.Level == ""}
	case "msg":
		return quoted(e.Message, e.Message != "")
	case "trace":
		return quoted(e.Trace, e.Trace != "")
	case "span":
		return quoted(e.Span, e.Span != "")
	case "op":
		return quoted(e.Op, e.Op != "")
	case "service":
		return quoted(e.Service, e.Service != "")
	}
	if e.Event != tracelog.EventLog {
		switch key {
		case "parent":
			return quoted(e.Parent, e.Parent != "")
		case "kind":
			return quoted(e.Kind, e.Kind != "")
		case "error":
			return quoted(e.Error, e.Failed)
		case "duration_ms":
			return some(formatFloat(millis(e.Duration)), e.Event == tracelog.EventEnd)
		case "queued_ms":
			return some(formatFloat(millis(e.Queued)), e.Queued > 0)
		case "start":
			return some(e.Start.Format(time.RFC3339Nano), !e.Start.IsZero())
		}
	}
	v, ok := e.Attr(key)
	return attrValue(key, v, ok)
}

// attrValue is the value of a member of a line.
func attrValue(key string, v json.RawMessage, ok bool) value {
	if !ok {
		return value{absent: true}
	}
	text := tracelog.Attr{Value: v}.Text()
	switch {
	case slices.Contains(levelKeys, key):
		return value{text: text, kind: levelValue}
	case v[0] == '"':
		return value{text: text, kind: quotedValue}
	case v[0] == 'n':
		return value{text: text, kind: nullValue}
	}
	return value{text: text}
}

// levelKeys are what lines call their level, beside "level".
var levelKeys = []string{"severity", "log.level", "lvl", "Level", "LogLevel"}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// millis is d as the record schema has durations: in milliseconds, with no more than three decimals.
func millis(d time.Duration) float64 { return round3(float64(d) / 1e6) }

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

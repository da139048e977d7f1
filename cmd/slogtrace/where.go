package main

import (
	"errors"
	"regexp"
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
func (c *condition) holds(got string, ok bool) bool {
	if !ok {
		return c.op == "!="
	}
	switch c.op {
	case "=":
		return same(got, c.want)
	case "!=":
		return !same(got, c.want)
	case "~":
		return c.re.MatchString(got)
	}
	order, ok := compare(got, c.want)
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

func same(a, b string) bool {
	if a == b {
		return true
	}
	order, ok := compare(a, b)
	return ok && order == 0
}

// compare orders two numbers, two durations or two times. Other text has no order.
func compare(a, b string) (int, bool) {
	sign := func(less, more bool) int {
		switch {
		case less:
			return -1
		case more:
			return 1
		}
		return 0
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		y, err := strconv.ParseFloat(b, 64)
		return sign(x < y, x > y), err == nil
	}
	if x, err := time.ParseDuration(a); err == nil {
		y, err := time.ParseDuration(b)
		return sign(x < y, x > y), err == nil
	}
	x, err := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	return x.Compare(y), err == nil && err2 == nil
}

// spanValue is what a span says under a key: one of the record schema's, whatever the line's own names are,
// or one of the line's, whose path may be dotted.
func spanValue(s *tracelog.Span, key string) (string, bool) {
	switch key {
	case "op":
		return s.Op, true
	case "service":
		return s.Service, s.Service != ""
	case "span":
		return s.ID, true
	case "parent":
		return s.ParentID, s.ParentID != ""
	case "kind":
		return s.Kind, s.Kind != ""
	case "error":
		return s.Error, s.Failed
	case "duration_ms":
		return formatFloat(millis(s.Duration)), s.State == tracelog.Ended
	case "queued_ms":
		return formatFloat(millis(s.Queued)), s.Queued > 0
	case "start":
		return s.Start.Format(time.RFC3339Nano), !s.Start.IsZero()
	}
	if e := record(s); e != nil {
		return entryValue(e, key)
	}
	return "", false
}

// record is the entry that a span is made from, or nil.
func record(s *tracelog.Span) *tracelog.Entry {
	if s.EndRecord != nil {
		return s.EndRecord
	}
	return s.StartRecord
}

// entryValue is the same for a line.
func entryValue(e *tracelog.Entry, key string) (string, bool) {
	switch key {
	case "time":
		return e.Time.Format(time.RFC3339Nano), !e.Time.IsZero()
	case "level":
		return e.Level, e.Level != ""
	case "msg":
		return e.Message, e.Message != ""
	case "trace":
		return e.Trace, e.Trace != ""
	case "span":
		return e.Span, e.Span != ""
	case "op":
		return e.Op, e.Op != ""
	case "service":
		return e.Service, e.Service != ""
	}
	if e.Event != tracelog.EventLog {
		switch key {
		case "parent":
			return e.Parent, e.Parent != ""
		case "kind":
			return e.Kind, e.Kind != ""
		case "error":
			return e.Error, e.Failed
		case "duration_ms":
			return formatFloat(millis(e.Duration)), e.Event == tracelog.EventEnd
		case "queued_ms":
			return formatFloat(millis(e.Queued)), e.Queued > 0
		case "start":
			return e.Start.Format(time.RFC3339Nano), !e.Start.IsZero()
		}
	}
	v, ok := e.Attr(key)
	return tracelog.Attr{Value: v}.Text(), ok
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

package query

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A scope is whose key a condition has.
type scope uint8

const (
	ofSpan     scope = iota // the span or line that is chosen
	ofParent                // the span above it
	ofAncestor              // any span above it
	ofTrace                 // the trace as a whole
)

// aboveKeys are the keys that follow "parent." and "ancestor.". Other keys that begin so are attributes, such as parent.id.
var aboveKeys = []string{"op", "service", "kind", "error", "duration_ms"}

// scopeOf returns the scope of a key and the key without it.
func scopeOf(key string) (scope, string) {
	for prefix, sc := range map[string]scope{"parent.": ofParent, "ancestor.": ofAncestor} {
		if rest, ok := strings.CutPrefix(key, prefix); ok && slices.Contains(aboveKeys, rest) {
			return sc, rest
		}
	}
	switch key {
	case "trace.duration", "trace.spans", "root.op", "root.service":
		return ofTrace, key
	}
	return ofSpan, key
}

// traceIDs are the keys of ids in lines that begin as a key of the trace does.
var traceIDs = []string{"trace.id", "trace.trace_id", "trace.span_id", "trace.parent_id"}

// checkTrace reports a key that a trace does not have, and a value that none can have. Both would choose nothing.
func (c *condition) checkTrace() error {
	if strings.HasPrefix(c.key, "trace.") && c.scope == ofSpan && !slices.Contains(traceIDs, c.key) {
		return fmt.Errorf("unknown key %s: want trace.duration, trace.spans, root.op or root.service", c.key)
	}
	switch c.key {
	case "trace.duration":
		if _, err := time.ParseDuration(c.want); err != nil {
			return errors.New("want a duration like 250ms, 1.5s, 2m after " + c.op)
		}
	case "trace.spans":
		if _, ok := parseDecimal(c.want); !ok {
			return errors.New("want a number after " + c.op)
		}
	}
	return nil
}

// traceValue returns the value of a key of scope ofTrace. A trace lasts as long as the DURATION of ls says.
func traceValue(t *tracelog.Trace, key string) value {
	switch key {
	case "trace.duration":
		start, end := Interval(t)
		return some(max(end.Sub(start), t.OpenFor()).String(), !start.IsZero())
	case "trace.spans":
		return some(strconv.Itoa(t.Spans), true)
	}
	root := t.Root()
	if root == nil {
		return value{absent: true}
	}
	return spanValue(root, strings.TrimPrefix(key, "root."))
}

// Interval returns the first and the last moment of a trace, as lists show them. Where clocks disagree, they are those of the
// drawing: else every list would have an hour where a clock is wrong by one.
func Interval(t *tracelog.Trace) (start, end time.Time) {
	for _, s := range t.All() {
		if s.Shift != 0 {
			return t.Interval()
		}
	}
	return t.Start, t.End
}

// holdsAbove reports whether a condition of scope ofParent or ofAncestor is true for a span. One with != is true if the same
// one with = is not.
func (c *condition) holdsAbove(s *tracelog.Span) bool {
	if c.op == "!=" {
		opposite := *c
		opposite.op = "="
		return !opposite.holdsAbove(s)
	}
	if s.Parent == nil || c.scope == ofParent {
		v := value{absent: true}
		if s.Parent != nil {
			v = spanValue(s.Parent, c.key)
		}
		return c.holds(v)
	}
	empty := c.op == "=" && c.want == ""
	for above := s.Parent; above != nil; above = above.Parent {
		if c.holds(spanValue(above, c.key)) != empty {
			return !empty
		}
	}
	return empty
}

// Whole reports whether the conditions about the trace as a whole are true, such as trace.duration>1s. Trace includes them.
// Span and Line do not know the trace.
func (f *Filter) Whole(t *tracelog.Trace) bool {
	for i := range f.where.ofTrace {
		c := &f.where.ofTrace[i]
		if !c.holds(traceValue(t, c.key)) {
			return false
		}
	}
	return true
}

// AsksForTree reports whether the filter has conditions that only a whole trace can decide: about the spans above one, or
// about the trace itself.
func (f *Filter) AsksForTree() bool { return len(f.where.above)+len(f.where.ofTrace) > 0 }

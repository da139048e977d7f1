package backend

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/internal/schema"
	"github.com/slogtrace/slogtrace/tracelog"
)

// The messages of span records.
var spanMessages = []string{"span end", "span start"}

// spanRecord holds for the records of spans, and for lines with other names than the record schema's. It is nil if lines have
// a shape: then a span's record may have any message.
func spanRecord(shape *tracelog.Shape) Cond {
	if shape != nil {
		return nil
	}
	return Any{Test{Key: "msg", Op: In, Values: spanMessages}, Not{Test{Key: "trace", Op: Present}}}
}

// usualLevels are those of lines that are no errors.
var usualLevels = []string{"INFO", "DEBUG", "WARN", "info", "debug", "warn"}

// failure holds for records that can be the reason why a span failed.
var failure = Any{Test{Key: "error", Op: Present}, Not{Test{Key: "level", Op: In, Values: usualLevels}}}

// inTrace restricts c to the lines of traces. It also lets lines pass that the store keeps as text.
func inTrace(c Cond) Cond {
	traced := Test{Key: Traced, Op: Present}
	if c == nil {
		return Any{Unread{}, traced}
	}
	return Any{Unread{}, All{c, traced}} // of most lines, c is decided sooner
}

// Traced is the Key of a Test for a trace's id under any of its names.
const Traced = "\x00trace"

// candidates holds for each record because of which a filter can choose a trace, as query.Filter.May does, or returns nil
// if that cannot be said. Members of lines with a shape have other names, and perhaps other units and words.
func candidates(p *query.Parts, shape *tracelog.Shape) Cond {
	var all All
	if len(p.Ops) > 0 {
		all = append(all, Any{patterns("op", p.Ops), Not{Test{Key: "op", Op: Present}}})
	}
	if len(p.Services) > 0 {
		c := Any{patterns("service", p.Services), Not{Test{Key: "service", Op: Present}}}
		if len(p.Ops) > 0 { // a line need not have both
			c = append(c, Not{Test{Key: "msg", Op: In, Values: spanMessages}})
		}
		all = append(all, c)
	}
	if p.Failed {
		all = append(all, failure)
	}
	if p.Min > 0 && shape == nil {
		all = append(all, duration(AtLeast, p.Min))
	}
	if p.MaxSet && shape == nil {
		all = append(all, duration(AtMost, p.Max))
	}
	for _, c := range p.Where {
		if shape != nil && slices.Contains(tracelog.ShapeNames(), c.Key) {
			continue
		}
		if cond := where(c); cond != nil {
			all = append(all, cond)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// patterns holds if a member matches one of the patterns, in which * is any text.
func patterns(key string, list []string) Cond {
	var c Any
	var exact []string
	for _, p := range list {
		parts := strings.Split(p, "*")
		if len(parts) == 1 {
			exact = append(exact, p)
			continue
		}
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		c = append(c, Test{Key: key, Op: Matches, Value: "(?s)^" + strings.Join(parts, ".*") + "$"})
	}
	if len(exact) > 0 {
		c = append(c, Test{Key: key, Op: In, Values: exact})
	}
	return c
}

// duration holds for spans that may have taken so long. Other names than the record schema's may have other units.
func duration(op Op, d time.Duration) Cond {
	return Any{Test{Key: "duration_ms", Op: op, Value: nudged(op, float64(d)/1e6)}, Not{Test{Key: "trace", Op: Present}}}
}

// nudged is a number, a little beyond x: numbers are compared again, without rounding.
func nudged(op Op, x float64) string {
	margin := max(math.Abs(x)*1e-9, 0.002)
	if op == AtLeast {
		margin = -margin
	}
	return strconv.FormatFloat(x+margin, 'f', -1, 64)
}

// derived are keys whose values are not a member of one line, or have another form there.
var derived = append([]string{"op", "service", "start", "state", "time", "trace", "span", "parent", "parent_kind"},
	strings.Fields(schema.Common[schema.Level])...)

var plainNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?$`) })

// where translates a condition of --where, or returns nil.
func where(c query.Condition) Cond {
	if slices.Contains(derived, c.Key) || c.Op == "!=" || c.Value == "" {
		return nil
	}
	number := plainNumber().MatchString(c.Value)
	x, _ := strconv.ParseFloat(c.Value, 64)
	atLeast := Test{Key: c.Key, Op: AtLeast, Value: nudged(AtLeast, x)}
	atMost := Test{Key: c.Key, Op: AtMost, Value: nudged(AtMost, x)}
	present := Test{Key: c.Key, Op: Present}
	switch {
	case c.Op == "~":
		if re := regexp.MustCompile(c.Value); re.MatchString("") {
			return nil
		}
		return Test{Key: c.Key, Op: Matches, Value: c.Value}
	case c.Op == "=" && strings.Contains(c.Value, "*"):
		return wildcard(c)
	case c.Op == "=" && number:
		return Any{Test{Key: c.Key, Op: In, Values: []string{c.Value}}, All{atLeast, atMost}}
	case c.Op == "=" && text(c.Value):
		return Test{Key: c.Key, Op: In, Values: []string{c.Value}}
	case c.Op == ">" && number, c.Op == ">=" && number:
		return atLeast
	case c.Op == "<" && number, c.Op == "<=" && number:
		return atMost
	}
	return present
}

// wildcard translates a condition whose value has a *, which is any text.
func wildcard(c query.Condition) Cond {
	begin, _, _ := strings.Cut(c.Value, "*")
	switch {
	case begin == "" || begin[0] == '{' || begin[0] == '[': // it may match "" and objects, which stores have no member for
		return nil
	case !text(begin) || strings.HasPrefix("null", begin): // numbers may have another form
		return nil
	}
	return patterns(c.Key, []string{c.Value})
}

// text reports whether only the same text equals a value: it is no time, no duration, no number and no list.
func text(s string) bool {
	if _, err := time.ParseDuration(s); err == nil {
		return false
	}
	if _, ok := tracelog.ParseLevel(s); ok {
		return false
	}
	return s[0] != '[' && s[0] != '{' && (s[0] < '0' || s[0] > '9') && !strings.ContainsAny(s[:1], "+-.")
}

// simple reports whether no match of a regular expression contains "=". Then what it matches in "key=value" is in the key or
// in the value.
func simple(re *regexp.Regexp) bool {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return false
	}
	var plain func(*syntax.Regexp) bool
	plain = func(re *syntax.Regexp) bool {
		switch re.Op {
		case syntax.OpLiteral:
			return !slices.Contains(re.Rune, '=')
		case syntax.OpCharClass:
			for i := 0; i < len(re.Rune); i += 2 {
				if re.Rune[i] <= '=' && '=' <= re.Rune[i+1] {
					return false
				}
			}
			return true
		case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
			return false
		}
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !plain(sub) })
	}
	return plain(tree) && !re.MatchString("")
}

// Package query evaluates the flags that choose traces, spans and lines, such as --where and --since. It also
// recognizes an id, or the beginning of one, in any of its forms.
package query

import (
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A Filter chooses traces, spans or lines. All of its conditions must hold for the same one.
// The zero filter chooses everything.
type Filter struct {
	since, until  moment
	ops, services patterns
	failed        bool
	min, max      time.Duration
	maxSet        bool
	grep          pattern
	where         conditions
}

// Register adds the filter's flags.
func (f *Filter) Register(flags *pflag.FlagSet, now func() time.Time) {
	f.RegisterTime(flags, now)
	flags.Var(&f.ops, "op", "of this `operation`; * stands for any text; may be repeated")
	flags.Var(&f.services, "service", "of this `service`; likewise")
	flags.BoolVar(&f.failed, "error", false, "failed")
	flags.Var(duration{&f.min, nil}, "min", "that took this `duration` (250ms, 1.5s) or longer")
	flags.Var(duration{&f.max, &f.maxSet}, "max", "that took this `duration` or shorter")
	flags.Var(&f.grep, "grep", "whose text matches this `regexp`; (?i) before it ignores case")
	flags.Var(&f.where, "where", "`key=value`: an attribute; also != > >= < <= and ~ for a regexp; * in a value stands for any text; KEY!= if it has a value; also parent.op, ancestor.op, root.op, trace.duration, trace.spans; may be repeated")
}

// RegisterTime adds only the flags for a time.
func (f *Filter) RegisterTime(flags *pflag.FlagSet, now func() time.Time) {
	f.since.now, f.until.now = now, now
	f.since.filter = f
	flags.Var(&f.since, "since", "from this `time` on: 15m, 2h, 3d ago, or 2026-03-01T09:15:00Z")
	flags.Var(&f.until, "until", "before this `time`")
}

// Empty reports whether the filter chooses everything.
func (f *Filter) Empty() bool {
	return f.since.IsZero() && f.until.IsZero() && len(f.ops) == 0 && len(f.services) == 0 && !f.failed &&
		f.min == 0 && !f.maxSet && f.grep.re == nil && len(f.where.text) == 0
}

// AsksForErrors reports whether the filter chooses only what failed.
func (f *Filter) AsksForErrors() bool { return f.failed }

// AsksForText reports whether the filter searches text. Then it also needs the lines of a span.
func (f *Filter) AsksForText() bool { return f.grep.re != nil }

// SpanRecords returns a function that selects the records that Span and Whole need. It returns nil, for all of them, if the
// filter searches text, because the lines of a span are part of its text, or if lines alone can tell of a span above.
func (f *Filter) SpanRecords() func(*tracelog.Record) bool {
	if f.grep.re != nil || f.AsksForTree() {
		return nil
	}
	return func(r *tracelog.Record) bool { return r.Event != tracelog.EventLog || isErrorLine(r) }
}

// SaysFailure reports whether a record can be the reason why a span failed.
func SaysFailure(r *tracelog.Record) bool { return r.Failed || isErrorLine(r) }

// MayFail reports whether a span of a trace can have failed. SaysFailure must have chosen the records that the outline
// counts as matched. Lines count only if no span of the trace has an end.
func MayFail(sum *tracelog.Outline) bool {
	return sum.Matched > 0 && (sum.Errors > 0 || sum.Spans == 0)
}

// isErrorLine reports whether a record is a line at level Error or above.
func isErrorLine(r *tracelog.Record) bool {
	if r.Event != tracelog.EventLog {
		return false
	}
	level := r.Level()
	switch string(level) {
	case "", "INFO", "DEBUG", "WARN", "info", "debug", "warn": // most
		return false
	}
	return IsError(string(level))
}

// Trace reports whether the filter chooses a span or a line of the trace.
func (f *Filter) Trace(t *tracelog.Trace) bool {
	if f.Empty() {
		return true
	}
	if !f.Whole(t) {
		return false
	}
	// Lines cannot take long, and it is spans that fail and that are below others.
	lines := !f.failed && f.min == 0 && !f.maxSet && len(f.where.above) == 0
	match := func(logs []tracelog.Entry) bool {
		for i := range logs {
			if f.Line(&logs[i]) {
				return true
			}
		}
		return false
	}
	if lines && match(t.Logs) {
		return true
	}
	for _, s := range t.All() {
		if f.Span(s) || lines && match(s.Logs) {
			return true
		}
	}
	return false
}

// Span reports whether the filter chooses the span. The lines of a span are part of its text. See also Whole.
func (f *Filter) Span(s *tracelog.Span) bool {
	end := s.End
	if end.IsZero() {
		end = s.Start
	}
	switch {
	case !f.since.IsZero() && (end.IsZero() || end.Before(f.since.Time)):
		return false
	case !f.until.IsZero() && (s.Start.IsZero() || !s.Start.Before(f.until.Time)):
		return false
	case !f.ops.match(s.Op), !f.services.match(s.Service), f.failed && !s.Failed:
		return false
	case f.min > 0 && (s.State != tracelog.Ended || s.Duration < f.min):
		return false
	case f.maxSet && (s.State != tracelog.Ended || s.Duration > f.max):
		return false
	}
	for i := range f.where.all {
		c := &f.where.all[i]
		if c.key == "state" {
			if !c.holdsOfState(s) {
				return false
			}
			continue
		}
		if !c.holds(spanValue(s, c.key)) {
			return false
		}
	}
	for i := range f.where.above {
		if !f.where.above[i].holdsAbove(s) {
			return false
		}
	}
	if f.grep.re == nil {
		return true
	}
	if matchText(f.grep.re, s.Op, s.Service, s.Error, s.Stack) || matchAttrs(f.grep.re, s.Attrs) {
		return true
	}
	return slices.ContainsFunc(s.Logs, func(e tracelog.Entry) bool { return grepLine(f.grep.re, &e) })
}

// Line reports whether the filter chooses the line. It does not know the line's trace: see AsksForTree.
func (f *Filter) Line(e *tracelog.Entry) bool {
	switch {
	case !f.since.IsZero() && e.Time.Before(f.since.Time):
		return false
	case !f.until.IsZero() && (e.Time.IsZero() || !e.Time.Before(f.until.Time)):
		return false
	case !f.ops.match(e.Op), !f.services.match(e.Service), f.failed && !e.Failed && !IsError(e.Level):
		return false
	case f.min > 0 && (e.Event != tracelog.EventEnd || e.Duration < f.min):
		return false
	case f.maxSet && (e.Event != tracelog.EventEnd || e.Duration > f.max):
		return false
	}
	for i := range f.where.all {
		c := &f.where.all[i]
		if !c.holds(entryValue(e, c.key)) {
			return false
		}
	}
	return f.grep.re == nil || grepLine(f.grep.re, e)
}

// Text reports whether the filter chooses a line that is not a record. Such a line has no fields, so only --grep can choose it.
func (f *Filter) Text(line []byte) bool {
	rest := *f
	rest.grep.re = nil
	return rest.Empty() && (f.grep.re == nil || f.grep.re.Match(line))
}

// IsError reports whether a level of slog, or of another logger, is Error or above.
func IsError(level string) bool {
	l, ok := tracelog.ParseLevel(level)
	return ok && l >= slog.LevelError
}

func grepLine(re *regexp.Regexp, e *tracelog.Entry) bool {
	return matchText(re, e.Message, e.Op, e.Service, e.Error, e.Stack) || matchAttrs(re, e.Attrs())
}

func matchText(re *regexp.Regexp, texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return s != "" && re.MatchString(s) })
}

// matchAttrs looks at attributes as "key=value".
func matchAttrs(re *regexp.Regexp, attrs []tracelog.Attr) bool {
	return slices.ContainsFunc(attrs, func(a tracelog.Attr) bool { return re.MatchString(a.Key + "=" + a.Text()) })
}

// A duration is a flag that must not be negative.
type duration struct {
	d   *time.Duration
	set *bool
}

func (d duration) String() string {
	if d.d == nil || *d.d == 0 {
		return ""
	}
	return d.d.String()
}

func (d duration) Type() string { return "duration" }

func (d duration) Set(s string) (err error) {
	if *d.d, err = time.ParseDuration(s); err != nil || *d.d < 0 {
		return errors.New("want a duration like 250ms, 1.5s, 2m")
	}
	if d.set != nil {
		*d.set = true
	}
	return nil
}

// patterns are texts in which * matches any text. No pattern at all matches everything.
type patterns []string

func (p *patterns) String() string { return strings.Join(*p, ",") }
func (p *patterns) Type() string   { return "pattern" }

func (p *patterns) Set(s string) error {
	*p = append(*p, s)
	return nil
}

func (p patterns) match(s string) bool {
	return len(p) == 0 || slices.ContainsFunc(p, func(pattern string) bool { return wild(pattern, s) })
}

// wild reports whether s matches the pattern, in which each * matches any text.
func wild(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return s == pattern
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok || !strings.HasSuffix(s, parts[last]) {
		return false
	}
	s = strings.TrimSuffix(s, parts[last])
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// A pattern is a regular expression as a flag.
type pattern struct{ re *regexp.Regexp }

func (p *pattern) Type() string { return "regexp" }

func (p *pattern) String() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

func (p *pattern) Set(s string) (err error) {
	p.re, err = regexp.Compile(s)
	return err
}

// conditions are the values of several --where flags. All of them must hold.
type conditions struct {
	text    []string
	all     []condition // of the span or line itself
	above   []condition // of the spans above it
	ofTrace []condition
}

func (c *conditions) String() string { return strings.Join(c.text, " ") }
func (c *conditions) Type() string   { return "condition" }

func (c *conditions) Set(s string) error {
	parsed, err := parseCondition(s)
	if err != nil {
		return err
	}
	c.text = append(c.text, s)
	switch parsed.scope {
	case ofTrace:
		c.ofTrace = append(c.ofTrace, parsed)
	case ofParent, ofAncestor:
		c.above = append(c.above, parsed)
	default:
		c.all = append(c.all, parsed)
	}
	return nil
}

package query

import (
	"regexp"
	"time"

	"github.com/spf13/pflag"
)

// Parts are the conditions of a Filter, for code that translates them into the language of a store.
type Parts struct {
	Since, Until  time.Time // zero if not given
	Ops, Services []string  // patterns, in which * matches any text; one of them must match
	Failed        bool
	Min           time.Duration
	Max           time.Duration // if MaxSet
	MaxSet        bool
	Grep          *regexp.Regexp // nil if not given
	Where         []Condition    // of a span or line itself

	// Tree reports whether there are conditions about the spans above one, or about the trace. They are not in Where. To decide
	// them, log lines can be needed.
	Tree bool
}

// A Condition is one --where.
type Condition struct{ Key, Op, Value string }

// Parts returns the conditions of the filter.
func (f *Filter) Parts() Parts {
	p := Parts{
		Since: f.since.Time, Until: f.until.Time, Ops: f.ops, Services: f.services,
		Failed: f.failed, Min: f.min, Max: f.max, MaxSet: f.maxSet, Grep: f.grep.re, Tree: f.AsksForTree(),
	}
	for _, c := range f.where.all {
		p.Where = append(p.Where, Condition{c.key, c.op, c.want})
	}
	return p
}

// Registered returns the filter that has registered its flags, or nil if none has.
func Registered(flags *pflag.FlagSet) *Filter {
	if f := flags.Lookup("since"); f != nil {
		if m, ok := f.Value.(*moment); ok {
			return m.filter
		}
	}
	return nil
}

// SetSince makes the filter choose from a time on, as --since does.
func (f *Filter) SetSince(t time.Time) { f.since.Time = t }

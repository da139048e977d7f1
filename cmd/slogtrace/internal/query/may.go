package query

import (
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Outlines reports whether an outline's Matched is enough to know what Trace returns, for a trace that is Within.
func (f *Filter) Outlines() bool {
	rest := *f
	rest.since, rest.until, rest.failed = moment{}, moment{}, false
	return rest.Empty()
}

// Within reports whether all of a trace is in the time between --since and --until.
func (f *Filter) Within(sum *tracelog.Outline) bool {
	return f.since.IsZero() && f.until.IsZero() || !sum.Start.IsZero() && !sum.Start.Before(f.since.Time) && (f.until.IsZero() || sum.End.Before(f.until.Time))
}

// May reports whether the filter can choose a trace because of a record. Each trace that it chooses has at least one such
// record. The operation, service and start of a span can come from different lines, so one line need not have all of them.
// What only a whole trace can decide, May leaves open.
func (f *Filter) May(r *tracelog.Record) bool {
	if f.Empty() {
		return true
	}
	if f.grep.re != nil {
		e := r.Entry()
		return grepLine(f.grep.re, &e)
	}
	if r.Event != tracelog.EventLog {
		return f.Record(r, true)
	}
	if f.failed && !isErrorLine(r) || f.min > 0 || f.maxSet {
		return false
	}
	for i := range f.where.all {
		c := &f.where.all[i]
		switch c.key {
		case "op", "service", "start", "state":
			continue
		}
		if c.op != "!=" && !(c.op == "=" && c.want == "") && !c.holds(recordValue(r, c.key)) {
			return false
		}
	}
	switch {
	case len(f.ops) > 0:
		return f.ops.match(string(r.Op()))
	case len(f.services) > 0:
		return f.services.match(string(r.Service()))
	case !f.since.IsZero(), !f.until.IsZero():
		return f.during(r.Time(), r.Time())
	}
	return true
}

// during reports whether the time from start to end overlaps the time between --since and --until.
func (f *Filter) during(start, end time.Time) bool {
	return !(!f.since.IsZero() && end.Before(f.since.Time) ||
		!f.until.IsZero() && (start.IsZero() || !start.Before(f.until.Time)))
}

// Record reports whether the filter chooses the span of a span record. It looks neither at text nor at other spans.
// If open is set, what the record does not contain can have any value.
func (f *Filter) Record(r *tracelog.Record, open bool) bool {
	ended := r.Event == tracelog.EventEnd
	if f.failed && !r.Failed || f.min > 0 && (!ended || r.Duration < f.min) || f.maxSet && (!ended || r.Duration > f.max) {
		return false
	}
	if len(f.ops) > 0 && !(open && len(r.Op()) == 0) && !f.ops.match(string(r.Op())) {
		return false
	}
	if len(f.services) > 0 && !(open && len(r.Service()) == 0) && !f.services.match(string(r.Service())) {
		return false
	}
	if !f.since.IsZero() || !f.until.IsZero() {
		start := r.Start()
		end := start
		if ended {
			end = start.Add(r.Duration)
		}
		if !(open && start.IsZero()) && !f.during(start, end) {
			return false
		}
	}
	for i := range f.where.all {
		c := &f.where.all[i]
		if open && slices.Contains([]string{"op", "service", "start", "state"}, c.key) {
			continue
		}
		if c.key == "state" && c.op != "!=" && c.holds(quoted(tracelog.Ended.String(), ended)) {
			continue
		}
		if c.key == "state" && c.op == "!=" && c.want == tracelog.Ended.String() && ended {
			return false
		}
		if !c.holds(recordValue(r, c.key)) {
			return false
		}
	}
	return true
}

// LineRecord is Line for the record of a log line.
func (f *Filter) LineRecord(r *tracelog.Record) bool {
	if f.Empty() {
		return true
	}
	if !f.May(r) {
		return false
	}
	e := r.Entry()
	return f.Line(&e)
}

package query

import (
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Outlines reports whether an outline's Matched tells what Trace would.
func (f *Filter) Outlines() bool {
	return f.Empty() || f.failed && f.since.IsZero() && f.until.IsZero() && len(f.ops) == 0 && len(f.services) == 0 &&
		f.min == 0 && !f.maxSet && f.grep.re == nil && len(f.where.all) == 0
}

// May reports whether a trace may be chosen because of a record: in each trace that is chosen there is one of which it
// is true. A span's operation, service and start may come from several of its lines, so that none of these says it all.
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

// during reports whether a part of what lasted from start to end is in the time that is asked for.
func (f *Filter) during(start, end time.Time) bool {
	return !(!f.since.IsZero() && end.Before(f.since.Time) ||
		!f.until.IsZero() && (start.IsZero() || !start.Before(f.until.Time)))
}

// Record reports whether the span is chosen of which the record is, whatever its text is.
// If it is open, what the record does not say may be what is wanted.
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

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/internal/limits"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A tally collects the statistics of groups whose keys are numbers.
type tally struct {
	every   time.Duration
	stats   map[tallyKey]*tracelog.Stat
	dropped int // how many durations are in no group because there are too many groups

	unfinished, untimed, unsampled int
}

type tallyKey struct {
	key   int
	start time.Time // of the interval
}

// maxTally limits the groups of a tally.
const maxTally = 1 << 18

// add adds a duration to the group with a key. at is when it began; the zero time if that is not known.
func (t *tally) add(key int, at time.Time, d time.Duration, failed bool, weight float64) {
	k := tallyKey{key: key}
	if t.every > 0 {
		k.start = tracelog.IntervalStart(at, t.every)
	}
	stat := t.stats[k]
	if stat == nil {
		if len(t.stats) == maxTally {
			t.dropped++
			return
		}
		if t.stats == nil {
			t.stats = make(map[tallyKey]*tracelog.Stat)
		}
		stat = new(tracelog.Stat)
		t.stats[k] = stat
	}
	if weight == 0 {
		t.unsampled++
	}
	stat.Add(d, failed, weight)
}

// noStart is why a trace has no duration from end to end.
var noStart = fmt.Sprintf("the start of the root is not known, or not in the years %d to %d", limits.FirstYear, limits.LastYear)

// groups returns the groups. Values returns those of a key.
func (t *tally) groups(values func(key int) []string) []*group {
	var list []*group
	for key, stat := range t.stats {
		if stat.N() > 0 {
			list = append(list, &group{values: values(key.key), start: key.start, stat: *stat})
		}
	}
	return list
}

// tellTally reports what a tally has left out.
func (s *session) tellTally(t *tally, q *question) {
	if q.traces && t.unfinished > 0 {
		s.Talk("%s left out: the root has not ended", tell.Plural(t.unfinished, "trace"))
		t.unfinished = 0
	}
	if t.untimed > 0 {
		s.Talk("%s left out: %s", tell.Plural(t.untimed, "trace"), noStart)
	}
	s.leftOut(t.unfinished, t.unsampled)
	if t.dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(t.dropped, "duration"))
	}
}

// timingGroups makes groups of self times, or of whole traces. It holds the span records of the traces that are under way.
func (s *session) timingGroups(r *input.Reading, q *question) ([]*group, error) {
	t := tally{every: q.every}
	names := keyNames{by: q.by}
	timings, err := r.Timings(q.key(&names), func(m *tracelog.Timing) {
		if q.traces {
			t.addTrace(m)
			return
		}
		for i := range m.Spans {
			switch span := &m.Spans[i]; {
			case span.Key < 0:
			case !span.Ended:
				t.unfinished++
			default:
				t.add(span.Key, startOf(span), span.Self, span.Failed, span.Weight)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	t.dropped += timings.Dropped
	s.tellTally(&t, q)
	list := t.groups(func(key int) []string { return valuesOf(timings.Name(key), len(q.by)) })
	if len(list) > 0 {
		s.tellMissing(list, &names, "span")
	}
	return list, nil
}

// addTrace adds a whole trace. It counts with its root.
func (t *tally) addTrace(m *tracelog.Timing) {
	root := m.Root()
	if root < 0 || m.Spans[root].Key < 0 {
		return
	}
	span := &m.Spans[root]
	switch d, ok := m.Duration(); {
	case ok:
		t.add(span.Key, startOf(span), d, span.Failed, span.Weight)
	case span.Ended:
		t.untimed++
	default:
		t.unfinished++
	}
}

// startOf returns when a span began; the zero time if that is not known.
func startOf(s *tracelog.TimedSpan) time.Time {
	if !s.Timed {
		return time.Time{}
	}
	return time.Unix(0, s.Start).UTC()
}

// wholeGroups makes groups of the spans of whole traces, for a filter that searches text or asks for other spans. It holds
// the traces that are under way, with the lines that the filter needs.
func (s *session) wholeGroups(r *input.Reading, q *question) ([]*group, error) {
	records := q.filter.SpanRecords()
	o, err := r.Outlines(q.filter.May, records)
	if err != nil {
		return nil, err
	}
	t := tally{every: q.every}
	names := keyNames{by: q.by}
	numbers := make(map[string]int)
	var all [][]string // the values of each key, by its number
	add := func(span *tracelog.Span, d time.Duration) {
		if names.seen.Add(1) <= maxNamed {
			names.add(query.EntryOf(span))
		}
		values := make([]string, len(q.by))
		for i, key := range q.by {
			values[i] = query.SpanGroup(span, key)
		}
		joined := strings.Join(values, "\x00")
		n, ok := numbers[joined]
		if !ok {
			n = len(all)
			all, numbers[joined] = append(all, values), n
		}
		start, _ := span.Interval()
		t.add(n, start, d, span.Failed, span.Weight)
	}
	opts := tracelog.TracesOptions{ScanOptions: tracelog.ScanOptions{Filter: records}}
	err = r.Traces(o, opts, func(sum *tracelog.Outline) bool { return sum.Matched > 0 }, func(trace *tracelog.Trace) {
		if !q.filter.Whole(trace) {
			return
		}
		root := recordedRoot(trace)
		for _, span := range trace.All() {
			if q.traces && span != root || query.EntryOf(span) == nil || !q.filter.Span(span) {
				continue
			}
			_, timed := limits.Nanos(span.Start)
			switch {
			case span.State != tracelog.Ended:
				t.unfinished++
			case q.traces && !timed: // as for addTrace
				t.untimed++
			case q.traces:
				add(span, lasted(trace, span))
			case q.self:
				add(span, tracelog.SelfTime(span))
			default:
				add(span, span.Duration)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	s.tellTally(&t, q)
	list := t.groups(func(key int) []string { return all[key] })
	if len(list) > 0 {
		s.tellMissing(list, &names, "span")
	}
	return list, nil
}

// recordedRoot is what Timing.Root would be: of the spans with a record and without one of a parent, the first that names
// no parent, else the first.
func recordedRoot(t *tracelog.Trace) (root *tracelog.Span) {
	for _, s := range t.All() {
		if query.EntryOf(s) == nil || s.Parent != nil && query.EntryOf(s.Parent) != nil {
			continue
		}
		if s.ParentID == "" {
			return s
		}
		if root == nil {
			root = s
		}
	}
	return root
}

// lasted is the time from the start of a trace's root to the last end of any span with a record.
func lasted(t *tracelog.Trace, root *tracelog.Span) time.Duration {
	start, last := root.Interval()
	for _, s := range t.All() {
		if _, end := s.Interval(); query.EntryOf(s) != nil && end.After(last) {
			last = end
		}
	}
	return last.Sub(start)
}

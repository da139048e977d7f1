package tracelog

import "time"

// Interval is where drawings, [SelfTime] and [CriticalPath] place a span: from Start to End, both moved by Shift. A
// span without an end ends with the last sign of it: its last line, or the last line or end of the spans below it.
// Both are zero if the span has no Start.
func (s *Span) Interval() (start, end time.Time) {
	if s.Start.IsZero() {
		return time.Time{}, time.Time{}
	}
	return s.Start.Add(s.Shift), s.until()
}

// until returns the end of Interval. Of a span with neither an end nor a start it is the last sign of the spans below it.
func (s *Span) until() time.Time {
	switch {
	case s.State != Ended && s.rare != nil:
		return s.rare.until
	case s.State == Ended && !s.Start.IsZero():
		return s.End.Add(s.Shift)
	}
	return time.Time{}
}

// align sets the Shift of each of the n spans, parents first, and then the end of its interval.
func (t *Trace) align(n int) {
	spans := make([]*Span, 0, n)
	for _, s := range t.All() {
		spans = append(spans, s)
		s.align()
	}
	for i := len(spans) - 1; i >= 0; i-- { // children first
		s := spans[i]
		if s.State != Ended {
			start, _ := s.Interval()
			s.sign(start)
			for i := len(s.Logs) - 1; i >= 0; i-- {
				if at := s.Logs[i].Time; !at.IsZero() {
					s.sign(at.Add(s.Shift))
					break
				}
			}
		}
		if p := s.Parent; p != nil && p.State != Ended {
			p.sign(s.until())
		}
	}
}

// sign moves the end of a span without an end record to a moment.
func (s *Span) sign(at time.Time) {
	if r := s.rarely(); at.After(r.until) {
		r.until = at
	}
}

// align sets the span's Shift; see there. The parent's Shift must be set.
func (s *Span) align() {
	p := s.Parent
	if p == nil || s.Start.IsZero() || p.Start.IsZero() {
		return
	}
	if s.Service == "" || p.Service == "" || s.Service == p.Service {
		s.Shift = p.Shift
		return
	}
	if p.StartRecord == nil && p.EndRecord == nil {
		return // It began before its first line.
	}
	from := p.Start.Add(p.Shift)
	if s.Start.Before(from) {
		s.Shift = within(from.Sub(s.Start))
		return
	}
	if s.State != Ended || p.State != Ended || s.Kind == "consumer" || p.Kind == "producer" || s.Queued > 0 {
		return // It may run after its parent.
	}
	if to := p.End.Add(p.Shift); s.End.After(to) && s.Duration <= p.Duration {
		s.Shift = within(to.Sub(s.End))
	}
}

// maxShift is how far apart clocks may be. A larger difference has another cause.
const maxShift = 24 * time.Hour

func within(d time.Duration) time.Duration {
	if d > maxShift || d < -maxShift {
		return 0
	}
	return d
}

// Interval returns the first and the last moment of any span or line, each moved by its [Span.Shift]. Both are zero
// if no line has a time.
func (t *Trace) Interval() (start, end time.Time) {
	cover := func(at time.Time) {
		if at.IsZero() {
			return
		}
		if start.IsZero() || at.Before(start) {
			start = at
		}
		if at.After(end) {
			end = at
		}
	}
	logs := func(logs []Entry, shift time.Duration) {
		for i := range logs {
			if at := logs[i].Time; !at.IsZero() {
				cover(at.Add(shift))
			}
		}
	}
	logs(t.Logs, 0)
	for _, s := range t.All() {
		from, to := s.Interval()
		cover(from)
		cover(to)
		logs(s.Logs, s.Shift)
	}
	return start, end
}

const patience = 5 * time.Minute

// AsOf decides which spans are Open and which Abandoned at a moment. A span that has a start record and no end is
// open until its Interval's end, the last sign of it and of all spans below it, is more than five minutes before now.
//
// Assemble uses the latest time of all its entries as now, so the result depends on the entries only. Call AsOf if
// you know better: with the present time if the logs are still being written, or with the last time in the file if
// the trace is a part of it.
func (t *Trace) AsOf(now time.Time) {
	t.asOf = now
	for _, s := range t.All() {
		if s.State == Ended || s.StartRecord == nil {
			continue
		}
		if now.Sub(s.until()) > patience {
			s.State = Abandoned
		} else {
			s.State = Open
		}
	}
}

// OpenFor returns how long the trace's longest open span has been open at the moment of [Trace.AsOf]. It considers
// spans that are Open or Abandoned. It is 0 if there are none, or if their starts are not known.
func (t *Trace) OpenFor() time.Duration {
	longest := time.Duration(0)
	for _, s := range t.All() {
		if start, _ := s.Interval(); (s.State == Open || s.State == Abandoned) && !start.IsZero() {
			longest = max(longest, t.asOf.Sub(start))
		}
	}
	return longest
}

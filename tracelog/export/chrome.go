package export

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"io"
	"slices"
	"strconv"

	"github.com/slogtrace/slogtrace/tracelog"
)

// NewChrome returns a Writer of Chrome's trace events as JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open. A trace
// is a process there, and a service is a thread. A service whose spans overlap has several threads, because the complete events of
// one thread must not overlap: either one contains the other, as a span its child, or they have no moment in common. Starts
// and ends are truncated to microseconds.
func NewChrome(w io.Writer, opts *Options) *Writer {
	return newWriter(&chromeEvents{list: newList(w, `{"displayTimeUnit":"ms","traceEvents":[`, "]}")}, opts)
}

type chromeEvents struct {
	*list
	processes int
}

type chromeEvent struct {
	Name     string          `json:"name"`
	Category string          `json:"cat,omitempty"`
	Phase    string          `json:"ph"`
	TS       int64           `json:"ts"` // microseconds
	Duration *int64          `json:"dur,omitempty"`
	PID      int             `json:"pid"`
	TID      int             `json:"tid"`
	Scope    string          `json:"s,omitempty"`
	Args     json.RawMessage `json:"args,omitempty"`
}

func (f *chromeEvents) trace(w *Writer, t *tracelog.Trace) error {
	f.processes++
	pid := f.processes
	name := t.ID
	if root := t.Root(); root != nil && root.Op != "" {
		name = root.Op + " " + t.ID
	}
	if err := f.event(chromeEvent{Name: "process_name", Phase: "M", PID: pid, Args: object(textAttr("name", name))}); err != nil {
		return err
	}
	placed := placeSpans(slices.Collect(w.spans(t)))
	for i, thread := range placed.threads {
		err := f.event(chromeEvent{Name: "thread_name", Phase: "M", PID: pid, TID: i + 1, Args: object(textAttr("name", thread))})
		if err != nil {
			return err
		}
	}
	for _, p := range placed.spans {
		s := p.span
		lasted := p.end - p.start
		args := slices.Concat([]tracelog.Attr{textAttr("span", s.ID)}, flatten(s.Attrs), extra(t, s))
		if s.Failed {
			args = append(args, textAttr("error", s.Error))
		}
		if s.Stack != "" {
			args = append(args, textAttr("stack", s.Stack))
		}
		err := f.event(chromeEvent{
			Name: cmp.Or(s.Op, "(no op)"), Category: cmp.Or(s.Kind, "internal"), Phase: "X", TS: p.start, Duration: &lasted, PID: pid, TID: p.thread + 1,
			Args: object(args...),
		})
		if err != nil {
			return err
		}
		logs := w.logs(s)
		for i := range logs {
			e := &logs[i]
			at := timeOr(e.Time, s.Start).Add(s.Shift)
			err := f.event(chromeEvent{
				Name: cmp.Or(e.Message, "(no message)"), Category: "log", Phase: "i", TS: at.UnixMicro(), PID: pid, TID: p.thread + 1, Scope: "t",
				Args: object(append([]tracelog.Attr{textAttr("level", e.Level)}, flatten(e.Attrs())...)...),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *chromeEvents) event(e chromeEvent) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return f.add(b)
}

// object returns attributes as a JSON object. If a key occurs more than once, the last one counts.
func object(attrs ...tracelog.Attr) json.RawMessage {
	b := []byte{'{'}
	for _, a := range lastOfKeys(attrs) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		key := textAttr("", a.Key).Value
		b = append(append(append(b, key...), ':'), a.Value...)
	}
	return append(b, '}')
}

// A placedSpan is a complete event.
type placedSpan struct {
	span       *tracelog.Span
	start, end int64 // microseconds
	thread     int
}

// A placement is the spans of a trace on threads, in order of their start.
type placement struct {
	spans   []placedSpan
	threads []string // their names
}

// A lane is a thread while spans are placed: those that have not ended at a moment, each within the one before.
type lane struct {
	open  []placedSpan
	until int64 // when the first of open ends
}

// placeSpans decides on which thread each span is: the one of the nearest span above of its service if nothing else is there at
// the time, else one of its service that is free, else a new one.
func placeSpans(spans []*tracelog.Span) placement {
	var p placement
	for _, s := range spans {
		start, end := s.Interval()
		from, to := start.UnixMicro(), end.UnixMicro()
		p.spans = append(p.spans, placedSpan{span: s, start: from, end: max(from, to)})
	}
	// Stable: parents come before children that begin and end with them.
	slices.SortStableFunc(p.spans, func(a, b placedSpan) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	var lanes []*lane
	laneOf := make(map[*tracelog.Span]int, len(spans))
	idle := map[string]*laneQueue{} // by service
	for i := range p.spans {
		it := &p.spans[i]
		it.thread = -1
		if host := sameService(it.span); host != nil {
			if n, ok := laneOf[host]; ok && lanes[n].takes(it, host) {
				it.thread = n
			}
		}
		service := it.span.Service
		q := idle[service]
		if q == nil {
			q = new(laneQueue)
			idle[service] = q
		}
		if it.thread < 0 {
			it.thread = q.free(lanes, it.start)
		}
		if it.thread < 0 {
			it.thread = len(lanes)
			lanes = append(lanes, new(lane))
			name := cmp.Or(service, "(no service)")
			if q.lanes++; q.lanes > 1 {
				name += " " + strconv.Itoa(q.lanes)
			}
			p.threads = append(p.threads, name)
		}
		l := lanes[it.thread]
		l.close(it.start)
		if len(l.open) == 0 {
			l.until = it.end
			heap.Push(q, laneEnd{it.end, it.thread})
		}
		l.open = append(l.open, *it)
		laneOf[it.span] = it.thread
	}
	return p
}

// sameService returns the nearest span above s in the same service.
func sameService(s *tracelog.Span) *tracelog.Span {
	for above := s.Parent; above != nil; above = above.Parent {
		if above.Service == s.Service {
			return above
		}
	}
	return nil
}

// close removes the spans that have ended.
func (l *lane) close(now int64) {
	for n := len(l.open); n > 0 && l.open[n-1].end <= now; n-- {
		l.open = l.open[:n-1]
	}
}

// takes reports whether the next span has room in the lane: within host, or because nothing is there.
func (l *lane) takes(it *placedSpan, host *tracelog.Span) bool {
	l.close(it.start)
	if len(l.open) == 0 {
		return true
	}
	top := &l.open[len(l.open)-1]
	return top.span == host && it.end <= top.end
}

// A laneQueue is the lanes of a service by when they end, the first one first. It is a heap, see [heap.Interface].
type laneQueue struct {
	ends  []laneEnd
	lanes int // how many there are
}

type laneEnd struct {
	until int64
	lane  int
}

// free returns a lane in which nothing is at a moment, or -1.
func (q *laneQueue) free(lanes []*lane, now int64) int {
	for len(q.ends) > 0 && q.ends[0].until <= now {
		first := heap.Pop(q).(laneEnd)
		if lanes[first.lane].until == first.until {
			return first.lane
		}
		// Another span has been placed there since, with an entry of its own.
	}
	return -1
}

func (q *laneQueue) Len() int           { return len(q.ends) }
func (q *laneQueue) Less(i, j int) bool { return q.ends[i].until < q.ends[j].until }
func (q *laneQueue) Swap(i, j int)      { q.ends[i], q.ends[j] = q.ends[j], q.ends[i] }
func (q *laneQueue) Push(e any)         { q.ends = append(q.ends, e.(laneEnd)) }

func (q *laneQueue) Pop() any {
	last := q.ends[len(q.ends)-1]
	q.ends = q.ends[:len(q.ends)-1]
	return last
}

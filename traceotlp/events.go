package traceotlp

import (
	"sync"
)

// Limits of the events that wait for the end of their span. A span that does not end keeps its events only
// until others need their room.
const (
	maxEvents     = 128 // of a span: OpenTelemetry's default (OTEL_SPAN_EVENT_COUNT_LIMIT)
	maxEventBytes = 8 << 20
)

// An eventStore keeps the events of spans that have not ended.
type eventStore struct {
	mu    sync.Mutex
	spans map[spanKey]*spanEvents
	first *spanEvents // the one that began to have events first: it goes first
	last  *spanEvents
	bytes int
	lost  uint64
}

type spanKey struct {
	trace [16]byte
	span  [8]byte
}

type spanEvents struct {
	key         spanKey
	text        []byte // events, with commas between them
	n, dropped  int
	prev, after *spanEvents
}

// overhead is about what an entry holds besides its text.
const overhead = 200

func newEventStore() *eventStore { return &eventStore{spans: map[spanKey]*spanEvents{}} }

// add keeps an event until take.
func (s *eventStore) add(trace [16]byte, span [8]byte, event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spanKey{trace, span}
	e := s.spans[key]
	if e == nil {
		e = &spanEvents{key: key, prev: s.last}
		if s.last != nil {
			s.last.after = e
		} else {
			s.first = e
		}
		s.last = e
		s.spans[key] = e
		s.bytes += overhead
	}
	if e.n >= maxEvents || len(event) > maxEventBytes/4 {
		e.dropped++
		s.lost++
	} else {
		before := cap(e.text)
		if e.n > 0 {
			e.text = append(e.text, ',')
		}
		e.text = append(e.text, event...)
		e.n++
		s.bytes += cap(e.text) - before
	}
	for s.bytes > maxEventBytes {
		s.lost += uint64(s.first.n)
		s.remove(s.first)
	}
}

func (s *eventStore) remove(e *spanEvents) {
	if e.prev != nil {
		e.prev.after = e.after
	} else {
		s.first = e.after
	}
	if e.after != nil {
		e.after.prev = e.prev
	} else {
		s.last = e.prev
	}
	delete(s.spans, e.key)
	s.bytes -= overhead + cap(e.text)
}

// take appends the events of a span to b and forgets them. dropped is how many more there were.
func (s *eventStore) take(b []byte, trace [16]byte, span [8]byte) (_ []byte, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.spans[spanKey{trace, span}]
	if e == nil {
		return b, 0
	}
	s.remove(e)
	return append(b, e.text...), e.dropped
}

func (s *eventStore) dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

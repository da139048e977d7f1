package traceotlp

import (
	"container/list"
	"sync"
)

// Limits of the events that wait for the end of their span. A span that does not end keeps its events only
// until others need their room.
const (
	maxEvents     = 128 // of a span: OpenTelemetry's default (OTEL_SPAN_EVENT_COUNT_LIMIT)
	maxEventBytes = 8 << 20
)

// An eventStore keeps the events of spans that have not ended. It is safe for concurrent use.
type eventStore struct {
	mu    sync.Mutex
	spans map[spanKey]*list.Element // of order
	order list.List                 // of *spanEvents, by the first event: the front one goes first
	bytes int
	lost  uint64
}

type spanKey struct {
	trace [16]byte
	span  [8]byte
}

type spanEvents struct {
	key        spanKey
	text       []byte // events, with commas between them
	n, dropped int
}

// overhead is about what an entry holds besides its text, in bytes.
const overhead = 250

func newEventStore() *eventStore { return &eventStore{spans: map[spanKey]*list.Element{}} }

// add keeps an event until take.
func (s *eventStore) add(trace [16]byte, span [8]byte, event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := spanKey{trace, span}
	at := s.spans[key]
	if at == nil {
		at = s.order.PushBack(&spanEvents{key: key})
		s.spans[key] = at
		s.bytes += overhead
	}
	e := at.Value.(*spanEvents)
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
		s.lost += uint64(s.remove(s.order.Front()).n)
	}
}

func (s *eventStore) remove(at *list.Element) *spanEvents {
	e := s.order.Remove(at).(*spanEvents)
	delete(s.spans, e.key)
	s.bytes -= overhead + cap(e.text)
	return e
}

// take appends the events of a span to b and forgets them. dropped is how many more there were.
func (s *eventStore) take(b []byte, trace [16]byte, span [8]byte) (_ []byte, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.spans[spanKey{trace, span}]
	if at == nil {
		return b, 0
	}
	e := s.remove(at)
	return append(b, e.text...), e.dropped
}

// clear drops what waits: its spans will not be sent.
func (s *eventStore) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := s.order.Front(); at != nil; at = s.order.Front() {
		s.lost += uint64(s.remove(at).n)
	}
}

func (s *eventStore) dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

package main

import (
	"encoding/binary"
	"log/slog"
	"sync/atomic"

	"github.com/slogtrace/slogtrace"
)

// A bitmap has a bit for each record of a lap. It is safe for concurrent use.
type bitmap []atomic.Uint64

func newBitmap(bits int) bitmap { return make(bitmap, (bits+63)/64) }

// set sets a bit and returns what it was.
func (b bitmap) set(i int) (was bool) {
	bit := uint64(1) << (i % 64)
	return b[i/64].Or(bit)&bit != 0
}

func (b bitmap) has(i int) bool { return b[i/64].Load()&(1<<(i%64)) != 0 }

func (b bitmap) reset() {
	for i := range b {
		b[i].Store(0)
	}
}

// A series numbers the records of one service, and knows what must become of each. A lap has a part of the numbers:
// when everything of a lap is accounted for, its bits are used again. So memory does not grow with the number of records.
type series struct {
	name     string
	last     atomic.Uint64 // number
	base     uint64        // numbers of this lap are larger
	room     int           // of a lap
	written  bitmap        // must be in every sink
	dropped  bitmap        // must be dropped by the tail handler, and be in the sinks that are not behind it
	withheld bitmap        // the span of a trace that is not sampled: must be nowhere

	sampled atomic.Uint64 // spans of traces that are
	saved   atomic.Uint64 // spans of traces that are not, written all the same
}

func newSeries(name string, room int) *series {
	return &series{name: name, room: room, written: newBitmap(room), dropped: newBitmap(room), withheld: newBitmap(room)}
}

// made returns how many numbers of this lap are in use.
func (s *series) made() int { return int(s.last.Load() - s.base) }

// nextLap forgets the numbers so far.
func (s *series) nextLap() {
	s.base = s.last.Load()
	s.written.reset()
	s.dropped.reset()
	s.withheld.reset()
}

// numberKey is the attribute that each record has.
const numberKey = "seq"

// A unit is the records of one local root: one request of a service, or one trip of a client. It is used by one goroutine.
// It foretells what becomes of them, by what the documentation says of Sampler and TailHandler.
type unit struct {
	*series
	sampled, shared bool       // the trace's
	spanLevel       slog.Level // of spans that do not fail
	fails, keeps    bool       // a span failed; a record reached KeepLevel
	records         []numbered
}

type numbered struct {
	number uint64
	level  slog.Level
	span   bool
	saved  bool // the span failed, or one below it while it was open: it is written even if the trace is not sampled
}

const (
	passLevel = slog.LevelInfo // of the tail handlers
	keepLevel = slog.LevelWarn
	share     = 0.125
	ratio     = 0.75 // of the traces are sampled
)

// of sets what the unit needs to know of its trace.
func (u *unit) of(sc slogtrace.SpanContext) {
	// OpenTelemetry's specification, "TraceState: Probability Sampling": the last 56 bits of the trace id decide.
	random := binary.BigEndian.Uint64(sc.TraceID[8:]) & (1<<56 - 1)
	u.sampled, u.shared = sc.IsSampled(), random >= (1-share)*(1<<56)
}

// number returns the attribute of the next record.
func (u *unit) number(level slog.Level, span bool) slog.Attr {
	n := u.last.Add(1)
	if n-u.base >= uint64(u.room) {
		panic("soak: a lap has more records than room")
	}
	u.records = append(u.records, numbered{number: n, level: level, span: span})
	return slog.Uint64(numberKey, n)
}

// log returns the attribute of a log record.
func (u *unit) log(level slog.Level) slog.Attr {
	u.keeps = u.keeps || level >= keepLevel
	return u.number(level, false)
}

// span returns the attribute of a span that does not fail, and its index for fail.
func (u *unit) span() (slog.Attr, int) {
	a := u.number(u.spanLevel, true)
	return a, len(u.records) - 1
}

// fail notes that a span fails while those above it are open.
func (u *unit) fail(span int, above ...int) {
	u.fails = true
	u.records[span].level = slog.LevelError
	for _, i := range append(above, span) {
		u.records[i].saved = true
	}
}

// close notes what must become of the records.
func (u *unit) close() {
	keeps := u.fails || u.keeps || u.shared
	for _, r := range u.records {
		i := int(r.number - u.base - 1)
		if r.span && !u.sampled && !r.saved {
			u.withheld.set(i)
			continue
		}
		switch {
		case r.span && u.sampled:
			u.series.sampled.Add(1)
		case r.span:
			u.saved.Add(1)
		}
		if keeps || r.level >= passLevel {
			u.written.set(i)
		} else {
			u.dropped.set(i)
		}
	}
	u.records = u.records[:0]
}

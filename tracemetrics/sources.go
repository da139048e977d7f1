package tracemetrics

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
	"github.com/slogtrace/slogtrace/traceship"
)

// sources are the functions that return counts of others, by name.
type sources struct {
	mu      sync.Mutex
	tracers map[string]func() slogtrace.TracerStats
	tails   map[string]func() slogtrace.TailStats
	otlp    map[string]func() traceotlp.Stats
	ship    map[string]func() traceship.Stats
}

// ExportTracer also exports what a Tracer counts: pass its Stats method. name becomes the label tracer; "": there is no such label.
// stats is called for each answer. A second call with the same name replaces the first one.
func (h *Handler) ExportTracer(name string, stats func() slogtrace.TracerStats) {
	export(&h.sources, &h.sources.tracers, name, stats)
}

// ExportTail also exports what a TailHandler counts: pass its Stats method. name becomes the label tail; see [Handler.ExportTracer].
func (h *Handler) ExportTail(name string, stats func() slogtrace.TailStats) {
	export(&h.sources, &h.sources.tails, name, stats)
}

// ExportOTLP also exports what a traceotlp.Handler counts: pass its Stats method. name becomes the label sink; see [Handler.ExportTracer].
// The label signal is spans or logs.
func (h *Handler) ExportOTLP(name string, stats func() traceotlp.Stats) {
	export(&h.sources, &h.sources.otlp, name, stats)
}

// ExportShip also exports what a traceship.Writer counts: pass its Stats method. name becomes the label sink; see [Handler.ExportTracer].
// The label signal is lines.
func (h *Handler) ExportShip(name string, stats func() traceship.Stats) {
	export(&h.sources, &h.sources.ship, name, stats)
}

func export[F any](s *sources, to *map[string]F, name string, stats F) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *to == nil {
		*to = make(map[string]F)
	}
	(*to)[cut(strings.ToValidUTF8(name, "\ufffd"))] = stats
}

// A delivery is one signal of a sink.
type delivery struct {
	sink, signal string
	traceotlp.Delivery
}

// A sourceStats is the counts of all sources at one time. Names are in order.
type sourceStats struct {
	tracers    []named[slogtrace.TracerStats]
	tails      []named[slogtrace.TailStats]
	deliveries []delivery
	events     []named[uint64] // dropped events of OTLP sinks
}

type named[T any] struct {
	name  string
	stats T
}

// snapshot calls all functions. None is called with the lock held.
func (s *sources) snapshot() (out sourceStats) {
	s.mu.Lock()
	tracers, tails, otlp, ship := maps.Clone(s.tracers), maps.Clone(s.tails), maps.Clone(s.otlp), maps.Clone(s.ship)
	s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(tracers)) {
		out.tracers = append(out.tracers, named[slogtrace.TracerStats]{name, tracers[name]()})
	}
	for _, name := range slices.Sorted(maps.Keys(tails)) {
		out.tails = append(out.tails, named[slogtrace.TailStats]{name, tails[name]()})
	}
	for _, name := range slices.Sorted(maps.Keys(otlp)) {
		st := otlp[name]()
		out.deliveries = append(out.deliveries, delivery{name, "spans", st.Spans}, delivery{name, "logs", st.Logs})
		out.events = append(out.events, named[uint64]{name, st.DroppedEvents})
	}
	for _, name := range slices.Sorted(maps.Keys(ship)) {
		st := ship[name]()
		out.deliveries = append(out.deliveries, delivery{name, "lines", traceotlp.Delivery{
			Records: st.Lines, Delivered: st.Delivered, Dropped: st.Dropped, Batches: st.Batches, Retries: st.Retries,
			LastError: st.LastError, Waiting: st.Waiting, HeldBytes: st.HeldBytes,
		}})
	}
	return out
}

const maxReasons = 50

// reasons returns the counts of why records were dropped. Beyond maxReasons they are summed up.
func reasons(dropped map[string]uint64) []named[uint64] {
	var out []named[uint64]
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		text := cut(strings.ToValidUTF8(reason, "\ufffd"))
		i := slices.IndexFunc(out, func(n named[uint64]) bool { return n.name == text })
		if i < 0 && len(out) >= maxReasons {
			text = overflow
			i = slices.IndexFunc(out, func(n named[uint64]) bool { return n.name == text })
		}
		if i < 0 {
			i = len(out)
			out = append(out, named[uint64]{name: text})
		}
		out[i].stats += dropped[reason]
	}
	return out
}

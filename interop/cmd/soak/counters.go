package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// A delivery is the counters of a queue.
type delivery struct {
	records, delivered uint64
	dropped            map[string]uint64
	batches, retries   uint64
	waiting            int
}

func (s *soak) deliveries() []delivery {
	async, ship, otlp := s.async.Stats(), s.ship.Stats(), s.otlp.Stats()
	both := func(d traceotlp.Delivery) delivery {
		return delivery{d.Records, d.Delivered, d.Dropped, d.Batches, d.Retries, d.Waiting}
	}
	spans, logs := both(otlp.Spans), both(otlp.Logs)
	return []delivery{
		{},
		{async.Lines, async.Delivered, async.Dropped, async.Batches, async.Retries, async.Waiting},
		spans.plus(logs),
		{ship.Lines, ship.Delivered, ship.Dropped, ship.Batches, ship.Retries, ship.Waiting},
	}
}

func (d delivery) plus(e delivery) delivery {
	dropped := maps.Clone(d.dropped)
	for reason, n := range e.dropped {
		dropped[reason] += n
	}
	return delivery{d.records + e.records, d.delivered + e.delivered, dropped, d.batches + e.batches, d.retries + e.retries, d.waiting + e.waiting}
}

// checkCounters compares the library's counters with the account.
func (s *soak) checkCounters() {
	equal := func(sink *sink, what string, got, want uint64) {
		if got != want {
			s.problems = append(s.problems, fmt.Sprintf("%s: %s: the library counts %d, the account has %d", sink.name, what, got, want))
		}
	}
	for i, d := range s.deliveries() {
		k, a := s.sinks[i], s.accounts[i]
		equal(k, "arrivals and repetitions", k.arrived-k.repeated, a.arrived)
		if k == s.apiFile {
			equal(k, "lost lines", 0, a.missing)
			continue
		}
		equal(k, "records", d.records, a.in-a.withheld-a.dropped)
		equal(k, "delivered", d.delivered, a.arrived)
		equal(k, "queue full", d.dropped["queue full"], a.missing)
		equal(k, "waiting", uint64(d.waiting), 0)
		refused := uint64(0)
		for _, reason := range slices.Sorted(maps.Keys(k.refusals)) {
			equal(k, reason, d.dropped[reason], k.refusals[reason])
			refused += k.refusals[reason]
		}
		equal(k, "all refusals", refused, a.refused)
		for _, reason := range slices.Sorted(maps.Keys(d.dropped)) {
			if _, ok := k.refusals[reason]; !ok && reason != "queue full" {
				equal(k, reason, d.dropped[reason], 0)
			}
		}
	}
	equal(s.spans, "spans", s.otlp.Stats().Spans.Records, s.roomsSeries.sampled.Load()+s.roomsSeries.saved.Load())
	for _, one := range []struct {
		sink    *sink
		tail    slogtrace.TailStats
		tracer  slogtrace.TracerStats
		account account
	}{
		{s.apiFile, s.apiTail.Stats(), s.api.tracer.Stats(), s.accounts[0]},
		{s.roomsFile, s.roomsTail.Stats(), s.rooms.tracer.Stats(), s.accounts[1]},
	} {
		a, t := one.account, one.tail
		equal(one.sink, "TracerStats.Withheld", uint64(one.tracer.Withheld), a.withheld)
		equal(one.sink, "TracerStats.Refused and Lost", uint64(one.tracer.Refused+one.tracer.Lost), 0)
		equal(one.sink, "TailStats.Dropped", uint64(t.Dropped), a.dropped)
		equal(one.sink, "TailStats.Kept and Passed", uint64(t.Kept+t.Passed), a.in-a.withheld-a.dropped)
		equal(one.sink, "TailStats.Held, Late and Lost", uint64(t.Held+t.Late+t.Lost), 0)
		equal(one.sink, "roots without a verdict", uint64(t.OverRootBytes+t.OverBytes+t.OverAge+t.Flushed), 0)
	}
}

// What may be left more at the end than after the second lap.
const (
	heapBound      = 8 << 20
	goroutineBound = 12 // connections to the receivers, which may be open or not
)

// checkFlat compares memory and goroutines after the last lap with those after the second one: by then all that is kept is there.
func (s *soak) checkFlat() {
	if len(s.laps) < 3 {
		return
	}
	first, last := s.laps[1], s.laps[len(s.laps)-1]
	if last.heap > first.heap+heapBound {
		s.problems = append(s.problems, fmt.Sprintf("memory grows: %d bytes after lap 2, %d after lap %d", first.heap, last.heap, len(s.laps)))
	}
	if last.goroutines > first.goroutines+goroutineBound {
		s.problems = append(s.problems, fmt.Sprintf("goroutines grow: %d after lap 2, %d after lap %d", first.goroutines, last.goroutines, len(s.laps)))
	}
}

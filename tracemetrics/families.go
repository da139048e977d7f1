package tracemetrics

import (
	"bufio"
	"io"
	"maps"
	"slices"

	"github.com/slogtrace/slogtrace"
)

// prefix begins the names of all families.
const prefix = "slogtrace_"

// write writes all metrics.
func (x *registry) write(out io.Writer, open bool) error {
	w := &textWriter{Writer: bufio.NewWriterSize(out, 32<<10), open: open}
	x.writeSpans(w)
	x.writeOwn(w)
	writeSources(w, x.sources.snapshot())
	if open {
		w.line("# EOF\n")
	}
	return w.Flush()
}

// labelsOf returns the labels of a series, rendered.
func (x *registry) labelsOf(s *series) string {
	pairs := []string{opLabel, s.op, kindLabel, s.kind}
	for i := range x.labels {
		pairs = append(pairs, x.labels[i].Name, s.values[i])
	}
	return string(appendLabels(nil, pairs...))
}

func (x *registry) writeSpans(w *textWriter) {
	all := x.read()
	labels := make([]string, len(all))
	for i := range all {
		labels[i] = x.labelsOf(all[i].series)
	}
	w.family(prefix+"spans", counter, "", "Spans that have ended, by outcome.")
	for i, r := range all {
		for o := range outcomes {
			w.sample("", labels[i], outcomeLabel, outcomeTexts[o], r.outcomes[o], r.outcomeExemplar(o))
		}
	}
	w.family(prefix+"traces", counter, "", "Of those, the spans without a parent: one for each trace.")
	for i, r := range all {
		if r.totalRoots > 0 {
			for o := range outcomes {
				w.sample("", labels[i], outcomeLabel, outcomeTexts[o], r.roots[o], nil)
			}
		}
	}
	w.family(prefix+"span_duration_seconds", histogram, "seconds", "How long spans lasted.")
	for i, r := range all {
		w.histogram(labels[i], &x.durations, r.buckets, r.seconds, r.bucketExemplar)
	}
	w.family(prefix+"span_errors", counter, "", "Failed spans, by error.type.")
	for i, r := range all {
		for j := range r.errors {
			e := &r.errors[j]
			var ex *exemplar
			if e.exemplar.end != 0 {
				ex = &e.exemplar
			}
			w.sample("", labels[i], errorTypeLabel, e.errorType, e.n, ex)
		}
	}
	w.family(prefix+"span_queued_seconds", histogram, "seconds", "How long work waited in a queue before its first span.")
	for i, r := range all {
		if r.queued != nil {
			w.histogram(labels[i], &x.queues, r.queued, r.waited, func(int) *exemplar { return nil })
		}
	}
}

// writeOwn writes the states of circuit breakers, and what this package counts about itself.
func (x *registry) writeOwn(w *textWriter) {
	w.family(prefix+"circuit_breaker_open", gauge, "", "1 if the circuit breaker's last known state is not closed.")
	open := x.breakers.snapshot()
	for _, name := range slices.Sorted(maps.Keys(open)) {
		value := 0.0
		if open[name] {
			value = 1
		}
		w.sample("", "", breakerLabel, name, value, nil)
	}
	x.mu.Lock()
	n := x.n
	x.mu.Unlock()
	w.family(prefix+"metrics_series", gauge, "", "Combinations of label values that are counted.")
	w.sample("", "", "", "", float64(n), nil)
	w.family(prefix+"metrics_overflow_spans", counter, "", "Spans that are counted under _OTHER, by the label that had too many values. limit=\"series\": there were too many combinations.")
	for _, l := range x.overflows() {
		w.sample("", "", "limit", l.name, float64(l.stats), nil)
	}
	w.family(prefix+"metrics_unsampled_spans", counter, "", "Failed spans that are not counted, since their trace is not sampled.")
	w.sample("", "", "", "", float64(x.unsampled.Load()), nil)
}

// overflows returns the number of spans that each limit kept from having a series of their own.
func (x *registry) overflows() (list []named[uint64]) {
	for _, l := range append(slices.Clip(x.limits), x.errorTypes) {
		list = append(list, named[uint64]{l.name, l.spans.Load()})
	}
	return append(list, named[uint64]{seriesLimit, x.full.Load()}, named[uint64]{breakerLabel, x.breakers.lost.Load()})
}

// writeSources writes what others count. A family without samples is left out.
func writeSources(w *textWriter, s sourceStats) {
	if len(s.tracers) > 0 {
		w.family(prefix+"tracer_unwritten_spans", counter, "", "Span records of a Tracer that were not written: withheld by sampling, refused by the handler's level, lost by an error of the handler.")
		for _, t := range s.tracers {
			labels := string(appendLabels(nil, "tracer", t.name))
			w.sample("", labels, "reason", "withheld", float64(t.stats.Withheld), nil)
			w.sample("", labels, "reason", "refused", float64(t.stats.Refused), nil)
			w.sample("", labels, "reason", "lost", float64(t.stats.Lost), nil)
		}
	}
	if len(s.tails) > 0 {
		writeTails(w, s.tails)
	}
	if len(s.deliveries) > 0 {
		writeDeliveries(w, s.deliveries)
	}
	if len(s.events) > 0 {
		w.family(prefix+"delivery_dropped_events", counter, "", "Log records that were to be events of their span and were dropped.")
		for _, e := range s.events {
			w.sample("", string(appendLabels(nil, "sink", e.name)), "", "", float64(e.stats), nil)
		}
	}
}

// queueFull is the usual reason for which a sink drops a record.
const queueFull = "queue full"

// A column is a family with a sample for each of several sources.
type column[T any] struct {
	name, kind, unit, help string
	label                  string // of its samples, or ""
	samples                func(T) []named[int64]
}

func one(n int64) []named[int64] { return []named[int64]{{"", n}} }

func writeTails(w *textWriter, tails []named[slogtrace.TailStats]) {
	type stats = slogtrace.TailStats
	for _, c := range []column[stats]{
		{"tail_held_records", gauge, "", "Records that a TailHandler holds.", "", func(s stats) []named[int64] { return one(s.Held) }},
		{"tail_held_bytes", gauge, "bytes", "The memory that they need.", "", func(s stats) []named[int64] { return one(s.HeldBytes) }},
		{"tail_records", counter, "", "Records, by what the verdict made of them.", "verdict", func(s stats) []named[int64] {
			return []named[int64]{{"kept", s.Kept}, {"passed", s.Passed}, {"dropped", s.Dropped}}
		}},
		{"tail_dropped_bytes", counter, "bytes", "Bytes of dropped records that were held.", "", func(s stats) []named[int64] { return one(s.DroppedBytes) }},
		{"tail_late_records", counter, "", "Records that were dropped before something failed in their root.", "", func(s stats) []named[int64] { return one(s.Late) }},
		{"tail_lost_records", counter, "", "Records that the next handler did not take.", "", func(s stats) []named[int64] { return one(s.Lost) }},
		{"tail_roots", counter, "", "Roots, by verdict, or by why there was none.", "verdict", func(s stats) []named[int64] {
			return []named[int64]{
				{"kept", s.KeptRoots}, {"dropped", s.DroppedRoots}, {"over_root_bytes", s.OverRootBytes},
				{"over_bytes", s.OverBytes}, {"over_age", s.OverAge}, {"flushed", s.Flushed},
			}
		}},
	} {
		w.family(prefix+c.name, c.kind, c.unit, c.help)
		for _, t := range tails {
			for _, s := range c.samples(t.stats) {
				w.sample("", string(appendLabels(nil, "tail", t.name)), c.label, s.name, float64(s.stats), nil)
			}
		}
	}
}

func writeDeliveries(w *textWriter, all []delivery) {
	for _, c := range []column[delivery]{
		{"delivery_records", counter, "", "Records that were to be sent.", "", func(d delivery) []named[int64] { return one(int64(d.Records)) }},
		{"delivery_delivered_records", counter, "", "Records that the receiver has.", "", func(d delivery) []named[int64] { return one(int64(d.Delivered)) }},
		{"delivery_dropped_records", counter, "", "Records that were lost, by reason.", "reason", func(d delivery) []named[int64] {
			var out []named[int64]
			if d.Dropped[queueFull] == 0 {
				out = one(0) // so that the first lost record is an increase
				out[0].name = queueFull
			}
			for _, r := range reasons(d.Dropped) {
				out = append(out, named[int64]{r.name, int64(r.stats)})
			}
			return out
		}},
		{"delivery_batches", counter, "", "Requests that were successful.", "", func(d delivery) []named[int64] { return one(int64(d.Batches)) }},
		{"delivery_retries", counter, "", "Requests that were sent again.", "", func(d delivery) []named[int64] { return one(int64(d.Retries)) }},
		{"delivery_waiting_records", gauge, "", "Records in the queue or under way.", "", func(d delivery) []named[int64] { return one(int64(d.Waiting)) }},
		{"delivery_held_bytes", gauge, "bytes", "The memory that the queue holds.", "", func(d delivery) []named[int64] { return one(int64(d.HeldBytes)) }},
	} {
		w.family(prefix+c.name, c.kind, c.unit, c.help)
		for _, d := range all {
			labels := string(appendLabels(nil, "sink", d.sink, "signal", d.signal))
			for _, s := range c.samples(d) {
				w.sample("", labels, c.label, s.name, float64(s.stats), nil)
			}
		}
	}
}

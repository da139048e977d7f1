package tracemetrics

import (
	"encoding/json"
	"fmt"

	"github.com/slogtrace/slogtrace"
)

// A seriesVar is a series in the result of String.
type seriesVar struct {
	Op       string             `json:"op"`
	Kind     string             `json:"kind"`
	Labels   map[string]string  `json:"labels,omitempty"`
	Count    float64            `json:"count"`
	Failed   float64            `json:"failed"`   // all failures
	Timeout  float64            `json:"timeout"`  // of those
	Canceled float64            `json:"canceled"` // of those
	Errors   map[string]float64 `json:"errors,omitempty"`
	Seconds  float64            `json:"seconds"` // the sum of durations
	P50      float64            `json:"p50"`
	P95      float64            `json:"p95"`
	P99      float64            `json:"p99"`
}

type allVars struct {
	Series     []seriesVar                       `json:"series"`
	Breakers   map[string]bool                   `json:"circuit_breakers_open,omitempty"`
	Overflow   map[string]uint64                 `json:"overflow_spans"`
	Unsampled  uint64                            `json:"unsampled_spans"`
	Tracers    map[string]slogtrace.TracerStats  `json:"tracers,omitempty"`
	Tails      map[string]slogtrace.TailStats    `json:"tails,omitempty"`
	Deliveries map[string]map[string]deliveryVar `json:"deliveries,omitempty"` // by sink and signal
}

type deliveryVar struct {
	Records, Delivered uint64
	Dropped            map[string]uint64
	Batches, Retries   uint64
	Waiting, HeldBytes int
}

// String returns the counts as one JSON object. It makes a Handler an expvar.Var:
//
//	expvar.Publish("spans", h)
//
// Durations are in seconds. The quantiles are estimated from the buckets.
func (h *Handler) String() string {
	all := allVars{
		Series: []seriesVar{}, Breakers: h.breakers.snapshot(), Overflow: map[string]uint64{}, Unsampled: h.unsampled.Load(),
		Tracers: map[string]slogtrace.TracerStats{}, Tails: map[string]slogtrace.TailStats{}, Deliveries: map[string]map[string]deliveryVar{},
	}
	for _, r := range h.read() {
		v := seriesVar{
			Op: r.op, Kind: r.kind, Labels: map[string]string{}, Count: r.total, Failed: r.total - r.outcomes[succeeded],
			Timeout: r.outcomes[timedOut], Canceled: r.outcomes[canceled], Errors: map[string]float64{}, Seconds: r.seconds,
			P50: h.durations.quantile(0.5, r.buckets), P95: h.durations.quantile(0.95, r.buckets), P99: h.durations.quantile(0.99, r.buckets),
		}
		for i, value := range r.values {
			if value != "" {
				v.Labels[h.labels[i].Name] = value
			}
		}
		for _, e := range r.errors {
			v.Errors[e.errorType] = e.n
		}
		all.Series = append(all.Series, v)
	}
	for _, l := range h.overflows() {
		all.Overflow[l.name] = l.stats
	}
	s := h.sources.snapshot()
	for _, t := range s.tracers {
		all.Tracers[t.name] = t.stats
	}
	for _, t := range s.tails {
		all.Tails[t.name] = t.stats
	}
	for _, d := range s.deliveries {
		if all.Deliveries[d.sink] == nil {
			all.Deliveries[d.sink] = map[string]deliveryVar{}
		}
		all.Deliveries[d.sink][d.signal] = deliveryVar{d.Records, d.Delivered, d.Dropped, d.Batches, d.Retries, d.Waiting, d.HeldBytes}
	}
	b, err := json.Marshal(all)
	if err != nil { // there is nothing in it that could not be written
		return fmt.Sprintf(`{"error":%q}`, err.Error())
	}
	return string(b)
}

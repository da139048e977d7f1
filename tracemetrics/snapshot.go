package tracemetrics

import (
	"cmp"
	"slices"
)

// A reading is the counts of one series at one time.
type reading struct {
	*series
	counts     // the sums of all cells
	exemplars  []exemplar
	errors     []errorCount // by type
	total      float64
	totalRoots float64
}

// read returns the counts of all series, ordered by their labels.
func (x *registry) read() []reading {
	var out []reading
	for i := range x.table {
		for s := x.table[i].Load(); s != nil; s = s.next {
			out = append(out, s.read())
		}
	}
	slices.SortFunc(out, func(a, b reading) int {
		return cmp.Or(cmp.Compare(a.op, b.op), cmp.Compare(a.kind, b.kind), slices.Compare(a.values, b.values))
	})
	return out
}

func (s *series) read() reading {
	r := reading{series: s}
	r.buckets = make([]float64, len(s.cells[0].buckets))
	for i := range s.cells {
		c := &s.cells[i]
		c.mu.Lock()
		addTo(r.outcomes[:], c.outcomes[:])
		addTo(r.roots[:], c.roots[:])
		addTo(r.buckets, c.buckets)
		r.seconds += c.seconds
		if c.queued != nil && r.queued == nil {
			r.queued = make([]float64, len(c.queued))
		}
		addTo(r.queued, c.queued)
		r.waited += c.waited
		c.mu.Unlock()
	}
	for i := range outcomes {
		r.total += r.outcomes[i]
		r.totalRoots += r.roots[i]
	}
	s.exemplarMu.Lock()
	r.exemplars = slices.Clone(s.exemplars)
	s.exemplarMu.Unlock()
	s.errorMu.Lock()
	for _, e := range s.errors {
		r.errors = append(r.errors, *e)
	}
	s.errorMu.Unlock()
	slices.SortFunc(r.errors, func(a, b errorCount) int { return cmp.Compare(a.errorType, b.errorType) })
	return r
}

func addTo(sum, n []float64) {
	for i, v := range n {
		sum[i] += v
	}
}

// bucketExemplar returns the exemplar of a bucket, or nil.
func (r *reading) bucketExemplar(i int) *exemplar { return r.exemplar(i) }

// outcomeExemplar returns that of an outcome, or nil.
func (r *reading) outcomeExemplar(o outcome) *exemplar { return r.exemplar(len(r.buckets) + int(o)) }

func (r *reading) exemplar(i int) *exemplar {
	if i >= len(r.exemplars) || r.exemplars[i].end == 0 {
		return nil
	}
	return &r.exemplars[i]
}

// quantile estimates a quantile from buckets, as Prometheus's histogram_quantile does: it takes the values in a bucket to be
// evenly spread. If the quantile is above all bounds, it is the last bound.
func (b *bounds) quantile(q float64, buckets []float64) float64 {
	total := 0.0
	for _, n := range buckets {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := q * total
	below, lower := 0.0, 0.0
	for i, upper := range b.seconds {
		if n := buckets[i]; n > 0 && below+n >= rank {
			return lower + (upper-lower)*(rank-below)/n
		}
		below += buckets[i]
		lower = upper
	}
	return b.seconds[len(b.seconds)-1]
}

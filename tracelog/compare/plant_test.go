package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// A plan describes traces whose truth is known: a root with a number of operations below it, one after the other.
type plan struct {
	traces, ops int
	calls       int     // of each operation in a trace; 0 means 1
	sd          float64 // of the logarithms of durations
	icc         float64 // the share of their variance that is common to a trace
	presence    float64 // the probability of an operation to be in a trace; 0 means 1
	planted     func(v *visit, op int)
	weight      func(r *rand.Rand) float64
}

// side adds traces to a side.
func (p plan) side(d *Data, side Side, seed uint64) {
	r := rand.New(rand.NewPCG(seed, uint64(side)+1))
	root := d.paths.number(noPath, "GET /")
	s := &d.sets[side]
	for i := range p.traces {
		weight := 1.0
		if p.weight != nil {
			weight = p.weight(r)
		}
		trace := s.begin(traceRow{start: int64(i), id: r.Uint64(), root: root, weight: float32(weight)})
		common := r.NormFloat64() * math.Sqrt(p.icc)
		total := float32(0)
		for op := range p.ops {
			if p.presence > 0 && r.Float64() >= p.presence {
				continue
			}
			path := d.paths.number(root, fmt.Sprintf("op%03d", op))
			for range max(1, p.calls) {
				x := common + r.NormFloat64()*math.Sqrt(1-p.icc)
				v := visit{duration: float32(1e6 * math.Exp(p.sd*x))}
				v.own = v.duration
				if p.planted != nil && side == After {
					p.planted(&v, op)
				}
				total += v.own
				s.add(trace, path, v)
			}
		}
		s.traces[trace].duration = total
		s.add(trace, root, visit{duration: total})
	}
}

// data makes both sides.
func (p plan) data(seed uint64) *Data {
	d := new(Data)
	p.side(d, Before, seed)
	p.side(d, After, seed)
	return d
}

// slower returns a plan's change: one operation takes longer by a factor.
func slowerBy(op int, factor float64) func(*visit, int) {
	return func(v *visit, n int) {
		if n == op {
			v.duration = v.duration * float32(factor)
			v.own = v.duration
		}
	}
}

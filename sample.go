package slogtrace

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A Sampler decides whether a new trace is written.
// It must be safe for concurrent use.
//
// What it decides holds for all spans of the trace in this process, and travels as [FlagSampled] with the trace.
// It changes what is written and nothing else: log records are written as ever, with the ids. Of a trace that is not sampled
// the failed spans are written all the same, marked with sampled=false, and so are those of their ancestors
// in this process that have not ended. The rest is counted: see [TracerStats.Withheld].
type Sampler interface {
	// Sample is called at the start of a span that begins a trace.
	// rate is the share, above 0 and at most 1, in which traces like this one are sampled;
	// readers weight a sampled trace by 1/rate. Anything else counts as 1.
	Sample(SampleInput) (sampled bool, rate float64)
}

// SampleInput is what a [Sampler] may base its decision on.
type SampleInput struct {
	Context context.Context
	TraceID TraceID
	Op      string      // as Start was told: a later SetOp, or a route found later, comes too late
	Attrs   []slog.Attr // of Start; not to be kept or changed
	Parent  SpanContext // the remote parent; zero where the trace begins here
}

// A decision is what a Sampler said, and how: only where the trace id alone decided,
// others can make the same decision again.
type decision struct {
	sampled   bool
	rate      float64
	threshold string // OpenTelemetry's th; "" where the trace id did not decide, or everything is sampled
}

// A decider is a Sampler of our own that can say more than Sample does.
type decider interface{ decide(SampleInput) decision }

func decide(s Sampler, in SampleInput) decision {
	switch s := s.(type) {
	case nil:
		return decision{sampled: true, rate: 1}
	case decider:
		return s.decide(in)
	}
	sampled, rate := s.Sample(in)
	return decision{sampled: sampled, rate: rate}
}

// Ratio returns a Sampler of the share p of all traces: Ratio(0.1) samples one in ten.
// A p of 1 and more samples all; below 2^-56, where zero and NaN belong too, none.
//
// It decides by the trace id alone: by the 56 bits of it that are random (W3C Trace Context Level 2, "Randomness of
// trace-id"), which it compares with a threshold, as OpenTelemetry specifies ("TraceState: Probability Sampling"):
// a trace is sampled if they are (1-p)·2^56 or more. So everybody who follows that, in any language,
// decides alike for the same p, and samples with a larger p whatever a smaller one samples.
// The threshold is not rounded, as in OpenTelemetry's samplers for Java, JavaScript and Python. Where it is, to four digits
// for one, decisions differ for at most one in 8,000 of those that are sampled.
// OpenTelemetry's older TraceIDRatioBased follows no specification and is something else in each language.
//
// The rate travels with a sampled trace, as th in the member "ot" of its tracestate, so that the spans of other services,
// and of jobs that a [Carrier] brings, carry the sample_rate too. A tracestate that comes in with th is read the same way.
func Ratio(p float64) Sampler { return newRatio(p) }

func newRatio(p float64) *ratio {
	r := &ratio{threshold: w3c.NoRandomness}
	if p >= 1.0/w3c.NoRandomness {
		p = min(p, 1)
		r.rate, r.threshold = p, w3c.NoRandomness-uint64(math.Round(p*w3c.NoRandomness))
	}
	r.text = w3c.ThresholdText(r.threshold)
	return r
}

type ratio struct {
	rate      float64
	threshold uint64
	text      string
}

// has reports whether a trace is in the share.
func (r *ratio) has(id TraceID, state string) bool { return w3c.Randomness(id, state) >= r.threshold }

func (r *ratio) Sample(in SampleInput) (bool, float64) {
	d := r.decide(in)
	return d.sampled, d.rate
}

func (r *ratio) decide(in SampleInput) decision {
	d := decision{sampled: r.has(in.TraceID, in.Parent.State), rate: r.rate}
	if d.sampled {
		d.threshold = r.text
	}
	return d
}

// PerOp returns a Sampler that asks the one that ops has for the op of the trace's first span, and others for all other ops.
// A nil Sampler samples all. The map is copied.
//
//	mux.HandleFunc("GET /health", health)
//	mux.HandleFunc("POST /bookings", book)
//	tracer := slogtrace.NewTracer(nil, &slogtrace.TracerOptions{
//		Sampler: slogtrace.PerOp(map[string]slogtrace.Sampler{
//			"GET /health":    slogtrace.Ratio(0),
//			"POST /bookings": nil,
//		}, slogtrace.Ratio(0.1)),
//	})
//	http.ListenAndServe(addr, tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer}))
//
// The op is the one that Start is told. That of a request has the route only where tracehttp.NewHandler
// is directly around the [http.ServeMux], as here. With middleware between, or another router, the route is found later:
// the op is "GET" or "POST" here, and others decides. Either put the middleware around NewHandler,
// or write a Sampler that looks at url.path in [SampleInput.Attrs].
//
// Each trace is weighted by the rate of the Sampler that decided.
func PerOp(ops map[string]Sampler, others Sampler) Sampler {
	return &perOp{maps.Clone(ops), others}
}

type perOp struct {
	ops    map[string]Sampler
	others Sampler
}

func (p *perOp) Sample(in SampleInput) (bool, float64) {
	d := p.decide(in)
	return d.sampled, d.rate
}

func (p *perOp) decide(in SampleInput) decision {
	s, ok := p.ops[in.Op]
	if !ok {
		s = p.others
	}
	return decide(s, in)
}

// RateLimited returns a Sampler of at most n traces a second, which need not be a whole number:
// 0.1 is one in ten seconds. What is not above 0, and NaN, samples none.
// After a quiet second it takes n traces at once, or one if n is less (a token bucket).
// It goes by the monotonic clock and has no lock.
//
// Nobody can know the share in which it will sample, so the rate it gives looks back: a sampled trace stands for itself
// and for those that were refused since the one before, so that its rate is 1/(1+refused). Weighted by that, the traces
// add up to all there were, except for those refused since the last sampled one. Shares of errors and quantiles are right
// as far as traces are like those just before them: in a burst, or where one is the cause of the next, they need not be.
// Where the limit is not reached every rate is 1.
//
// Time decides, not the trace id: the rate does not travel, and services that limit for themselves sample different traces.
// Use one for each op with [PerOp] where the ops are not alike; one that is used in two places limits their sum.
func RateLimited(n float64) Sampler {
	if !(n > 0) {
		return Ratio(0)
	}
	const longest = 1 << 61 // 73 years; twice that is still an int64
	n = min(n, float64(time.Second))
	every := int64(min(math.Ceil(float64(time.Second)/n), longest))
	return &rateLimited{every: every, depth: every * max(int64(n), 1), epoch: time.Now()}
}

// A rateLimited is a token bucket as one number: the time at which it will be full again.
type rateLimited struct {
	every int64 // nanoseconds for a token
	depth int64 // nanoseconds to fill the bucket
	epoch time.Time

	full    atomic.Int64 // nanoseconds since epoch
	refused atomic.Int64 // since the last sampled one
}

func (r *rateLimited) Sample(SampleInput) (bool, float64) {
	now := int64(time.Since(r.epoch))
	for {
		full := r.full.Load()
		next := max(full, now) + r.every
		if next-now > r.depth {
			r.refused.Add(1)
			return false, 0
		}
		if r.full.CompareAndSwap(full, next) {
			return true, 1 / float64(1+r.refused.Swap(0))
		}
	}
}

// IgnoreParent returns a Sampler that is asked also where a remote parent has decided, and whose answer counts.
// Without it a remote parent's decision is kept, so that a trace is written everywhere or nowhere: use it where callers
// are not to decide what this process writes. nil samples all.
//
// It is asked about each span that stands directly below a remote parent, which is in [SampleInput.Parent].
// IgnoreParent has to be the outermost, the [TracerOptions.Sampler] itself: inside another one it changes nothing.
func IgnoreParent(s Sampler) Sampler { return ignoreParent{s} }

type ignoreParent struct{ of Sampler }

func (i ignoreParent) Sample(in SampleInput) (bool, float64) {
	d := i.decide(in)
	return d.sampled, d.rate
}

func (i ignoreParent) decide(in SampleInput) decision { return decide(i.of, in) }

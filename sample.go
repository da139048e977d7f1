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
// The decision holds for all spans of the trace in this process, and travels with the trace as [FlagSampled].
// It affects span records only: log records are always written, with the ids. If a trace is not sampled,
// its failed spans are written all the same, with sampled=false, and so are their ancestors in this process
// that have not ended. All other span records are counted: see [TracerStats.Withheld].
type Sampler interface {
	// Sample is called at the start of a span that begins a trace.
	// rate is the share of traces like this one that are sampled, above 0 and at most 1.
	// Readers weight a sampled trace by 1/rate. Any other rate counts as 1.
	Sample(SampleInput) (sampled bool, rate float64)
}

// SampleInput is the input of a [Sampler]'s decision.
type SampleInput struct {
	Context context.Context
	TraceID TraceID
	Op      string      // as given to Start; a later SetOp or a route found later comes too late
	Attrs   []slog.Attr // as given to Start; do not keep or change them
	Parent  SpanContext // the remote parent; zero if the trace begins here
}

// A decision is a Sampler's decision and how it was made. Others can make the same decision again
// only if the trace id alone decided.
type decision struct {
	sampled   bool
	rate      float64
	threshold string // OpenTelemetry's th; "" if the trace id did not decide, or if everything is sampled
}

// A decider is a Sampler of this package that returns more than Sample does.
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

// Ratio returns a Sampler that samples the share p of all traces: Ratio(0.1) samples one in ten.
// If p is 1 or more, it samples all. If p is below 2^-56 (zero and NaN too), it samples none.
//
// The trace id alone decides. Ratio compares the 56 random bits of the id (W3C Trace Context Level 2, "Randomness of
// trace-id") with a threshold, as OpenTelemetry specifies ("TraceState: Probability Sampling"):
// a trace is sampled if they are (1-p)·2^56 or more. So all samplers that follow the specification, in any language,
// make the same decision for the same p, and a larger p samples everything that a smaller p samples.
// The threshold is not rounded, as in OpenTelemetry's samplers for Java, JavaScript and Python. Compared with a sampler
// that rounds it, to four digits for example, decisions differ for at most one in 8,000 of the sampled traces.
// OpenTelemetry's older TraceIDRatioBased follows no specification and differs between languages.
//
// The rate travels with a sampled trace, as th in the member "ot" of its tracestate. So the spans of other services,
// and of jobs that come with a [Carrier], carry the sample_rate too. An incoming tracestate with th is read the same way.
func Ratio(p float64) Sampler { return newRatio(p) }

func newRatio(p float64) *ratio {
	r := &ratio{threshold: w3c.NoRandomness}
	if p >= 1.0/w3c.NoRandomness {
		p = min(p, 1)
		r.rate, r.threshold = p, w3c.NoRandomness-uint64(math.Round(p*w3c.NoRandomness))
	}
	r.th = w3c.ThresholdText(r.threshold)
	return r
}

type ratio struct {
	rate      float64
	threshold uint64
	th        string // threshold as in a tracestate
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
		d.threshold = r.th
	}
	return d
}

// PerOp returns a Sampler that asks ops[op], op being that of the trace's first span. For an op that is not in ops
// it asks others. A nil Sampler samples all. The map is copied.
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
// The op is the one given to Start. For a request it includes the route only if tracehttp.NewHandler
// is directly around the [http.ServeMux], as here. With middleware between them, or another router, the route is found later:
// the op is then "GET" or "POST", and others decides. Put the middleware around NewHandler instead,
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

// RateLimited returns a Sampler of at most n traces per second. n may be a fraction:
// 0.1 means one in ten seconds. If n is not above 0, or is NaN, it samples none.
// After a quiet second it samples up to n traces at once, or one if n is below 1 (a token bucket).
// It uses the monotonic clock and has no lock.
//
// The share that it will sample cannot be known, so its rate looks back. A sampled trace counts for itself
// and for the traces refused since the previous sampled one: its rate is 1/(1+refused). Weighted by that, the traces
// add up to all there were, except those refused since the last sampled one. Shares of errors and quantiles are right
// as far as traces are like those just before them. In a burst, or if one trace causes the next, they may not be.
// While the limit is not reached, every rate is 1.
//
// Time decides, not the trace id. So the rate does not travel, and services that each limit sample different traces.
// Use one for each op, with [PerOp], if the ops differ. A RateLimited that is used in two places limits their sum.
func RateLimited(n float64) Sampler {
	if !(n > 0) {
		return Ratio(0)
	}
	const longest = 1 << 61 // 73 years; twice that is still an int64
	n = min(n, float64(time.Second))
	every := int64(min(math.Ceil(float64(time.Second)/n), longest))
	return &rateLimited{every: every, depth: every * max(int64(n), 1), epoch: time.Now()}
}

// A rateLimited is a token bucket as one number: the time when it will be full again.
type rateLimited struct {
	every int64 // nanoseconds per token
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

// IgnoreParent returns a Sampler that is asked even if a remote parent has decided, and whose answer counts.
// Without it a remote parent's decision is kept, so that a trace is written everywhere or nowhere. Use it if callers
// must not decide what this process writes. A nil s samples all.
//
// It is asked about each span directly below a remote parent; [SampleInput.Parent] is that parent.
// IgnoreParent must be the outermost Sampler, [TracerOptions.Sampler] itself: inside another one it changes nothing.
func IgnoreParent(s Sampler) Sampler { return ignoreParent{s} }

type ignoreParent struct{ of Sampler }

func (i ignoreParent) Sample(in SampleInput) (bool, float64) {
	d := i.decide(in)
	return d.sampled, d.rate
}

func (i ignoreParent) decide(in SampleInput) decision { return decide(i.of, in) }

// Disabled returns a Sampler with which a Tracer writes no span record at all, not even of failed spans, which all other
// Samplers let through. The records are counted: see [TracerStats.Withheld]. Disabled must be [TracerOptions.Sampler] itself:
// inside another Sampler it samples nothing, like [Ratio](0).
//
// Ids still appear on log records and still travel. A remote parent's decision travels unchanged.
// Traces that begin here travel as not sampled, so services that follow that decision write none of them.
func Disabled() Sampler { return disabled{} }

type disabled struct{}

func (disabled) Sample(SampleInput) (bool, float64) { return false, 0 }

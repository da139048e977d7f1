package interop

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// OpenTelemetry's own implementation, for Go, of "TraceState: Probability Sampling" is package sampling, with which
// its Collector decides. The SDK's TraceIDRatioBased is older than the specification and decides by other bits, the other
// way round; there is a test below that says so.

func sampleTraceID(rng *rand.Rand) (id slogtrace.TraceID) {
	binary.BigEndian.PutUint64(id[:8], 1+rng.Uint64()>>1)
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	return id
}

func mustThreshold(t *testing.T, p float64, digits int) sampling.Threshold {
	t.Helper()
	th, err := sampling.ProbabilityToThresholdWithPrecision(p, digits)
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// We sample exactly what OTel samples. Where OTel rounds the threshold to four digits, as its specification
// recommends where it is written, only ids between the two thresholds make a difference.
func TestRatioDecidesAsOTel(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	traces := make([]slogtrace.TraceID, 100_000)
	for i := range traces {
		traces[i] = sampleTraceID(rng)
	}
	for _, p := range []float64{1, 0.999, 0.9, 0.75, 2.0 / 3, 0.5, 1.0 / 3, 0.25, 0.2, 0.1, 0.05, 0.01, 0.001, 1e-4, 1e-6, 0x1p-56} {
		s := slogtrace.Ratio(p)
		th, th4 := mustThreshold(t, p, 0), mustThreshold(t, p, 4)
		n := 0
		for _, id := range traces {
			random := sampling.TraceIDToRandomness(pcommon.TraceID(id))
			got, rate := s.Sample(slogtrace.SampleInput{TraceID: id})
			if want := th.ShouldSample(random); got != want || rate != p {
				t.Fatalf("%s at %v: sampled %t with rate %v, OTel %t", id, p, got, rate, want)
			}
			if got {
				n++
			}
			if between := min(th.Unsigned(), th4.Unsigned()) <= random.Unsigned() && random.Unsigned() < max(th.Unsigned(), th4.Unsigned()); th4.ShouldSample(random) != got && !between {
				t.Fatalf("%s at %v: sampled %t, OTel with four digits does not", id, p, got)
			}
		}
		// The difference that rounding makes, as the doc of Ratio has it.
		if off := math.Abs(th4.Probability()-th.Probability()) / p; off > 1.0/8000 {
			t.Errorf("at %v rounding makes a difference of %v", p, off)
		}
		if sd := math.Sqrt(float64(len(traces)) * p * (1 - p)); math.Abs(float64(n)-p*float64(len(traces))) > 1+4*sd {
			t.Errorf("at %v %d of %d are sampled", p, n, len(traces))
		}
	}
}

// The threshold that we decide by, to the last bit, and the th that we write are OTel's.
func TestRatioThresholdIsOTels(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 10_000 {
		p := math.Ldexp(0.5+rng.Float64()/2, -rng.IntN(56)) // of all sizes
		if i%2 == 0 {
			p = float64(1+rng.IntN(999)) / 1000 // as people write them
		}
		th := mustThreshold(t, p, 0)
		s := slogtrace.Ratio(p)
		sampled := func(n uint64) bool {
			var id slogtrace.TraceID
			binary.BigEndian.PutUint64(id[8:], n)
			got, _ := s.Sample(slogtrace.SampleInput{TraceID: id})
			return got
		}
		if n := th.Unsigned(); !sampled(n) || n > 0 && sampled(n-1) {
			t.Fatalf("Ratio(%v) has another threshold than OTel, which has %x", p, n)
		}
		// Asked under a parent, so that we choose the id.
		parent := slogtrace.SpanContext{TraceID: slogtrace.TraceID{8: 1}, SpanID: slogtrace.SpanID{1}}
		for i := 9; i < len(parent.TraceID); i++ {
			parent.TraceID[i] = 0xff
		}
		tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(io.Discard, nil), &slogtrace.TracerOptions{Sampler: slogtrace.IgnoreParent(s)})
		_, span := tracer.Start(slogtrace.ContextWithRemoteSpanContext(t.Context(), parent), "op")
		state, err := sampling.NewW3CTraceState(span.SpanContext().State)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := state.OTelValue().TValueThreshold(); th.Unsigned() != 0 && (!ok || got != th || state.OTelValue().TValue() != th.TValue()) {
			t.Fatalf("Ratio(%v) writes %q, OTel th:%s", p, span.SpanContext().State, th.TValue())
		}
	}
}

// A span under a remote parent that OTel sampled is weighted by the count that OTel has for it,
// and a Sampler that decides anew goes by the same random number and leaves OTel's other values alone.
func TestWeReadOTelsRate(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	rec := new(lastRate)
	tracer := slogtrace.NewTracer(rec, nil)
	half := slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: slogtrace.IgnoreParent(slogtrace.Ratio(0.5))})
	for range 10_000 {
		p := math.Ldexp(0.5+rng.Float64()/2, -rng.IntN(20))
		th := mustThreshold(t, p, 1+rng.IntN(14))
		id := sampleTraceID(rng)
		random := sampling.TraceIDToRandomness(pcommon.TraceID(id))
		var w3c sampling.W3CTraceState
		if rng.IntN(2) == 0 {
			var err error
			if random, err = sampling.UnsignedToRandomness(rng.Uint64() >> 8); err != nil {
				t.Fatal(err)
			}
			w3c.OTelValue().SetRValue(random)
		}
		consistent := th.ShouldSample(random)
		if err := w3c.OTelValue().UpdateTValueWithSampling(th); err != nil {
			t.Fatal(err)
		}
		state := serialize(t, &w3c)
		ctx := slogtrace.ContextWithRemoteSpanContext(t.Context(),
			slogtrace.SpanContext{TraceID: id, SpanID: slogtrace.SpanID{1}, Flags: slogtrace.FlagSampled, State: state})

		want := 1.0 // an OTel sampler would erase a threshold that the trace should not have passed
		if consistent {
			want = 1 / w3c.OTelValue().AdjustedCount()
		}
		_, span := tracer.Start(ctx, "op")
		span.End()
		if rec.rate < want*(1-1e-11) || rec.rate > want*(1+1e-11) {
			t.Fatalf("%s with %q: rate %v, OTel %v", id, state, rec.rate, want)
		}

		_, span = half.Start(ctx, "op")
		if got, want := span.SpanContext().IsSampled(), mustThreshold(t, 0.5, 0).ShouldSample(random); got != want {
			t.Fatalf("%s with %q: sampled %t, OTel %t", id, state, got, want)
		}
		anew, err := sampling.NewW3CTraceState(span.SpanContext().State)
		if err != nil {
			t.Fatal(err)
		}
		wantTh := ""
		if span.SpanContext().IsSampled() {
			wantTh = "8"
		}
		if ot := anew.OTelValue(); ot.RValue() != w3c.OTelValue().RValue() || ot.TValue() != wantTh {
			t.Fatalf("%q became %q", state, span.SpanContext().State)
		}
	}
}

func serialize(t *testing.T, w3c *sampling.W3CTraceState) string {
	t.Helper()
	var b writerString
	if err := w3c.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A writerString is an io.StringWriter.
type writerString string

func (w *writerString) WriteString(s string) (int, error) {
	*w += writerString(s)
	return len(s), nil
}

// lastRate is a handler that keeps the rate of the last span.
type lastRate struct{ rate float64 }

func (h *lastRate) Enabled(context.Context, slog.Level) bool { return true }
func (h *lastRate) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *lastRate) WithGroup(string) slog.Handler            { return h }

func (h *lastRate) Handle(_ context.Context, r slog.Record) error {
	info, _ := slogtrace.SpanOf(r)
	h.rate = info.SampleRate
	return nil
}

// An OTel service behind ours goes by our decision, and ours by its, in both directions and through headers.
func TestOTelKeepsOurDecision(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	theirs := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.5))),
		sdktrace.WithIDGenerator(randomIDs{rng}),
	).Tracer("test")
	ours := slogtrace.NewTracer(slogtrace.NewJSONHandler(io.Discard, nil), &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0.5)})
	sampled := 0
	for range 1000 {
		ctx, span := ours.Start(t.Context(), "ours")
		c := slogtrace.NewCarrier(ctx)
		header := propagation.MapCarrier{"traceparent": c.Traceparent, "tracestate": c.Tracestate}
		_, child := theirs.Start(propagation.TraceContext{}.Extract(t.Context(), header), "theirs")
		if got, want := child.SpanContext(), span.SpanContext(); got.IsSampled() != want.IsSampled() || got.TraceState().String() != want.State {
			t.Fatalf("OTel has %+v under our %+v", got, want)
		}
		if span.SpanContext().IsSampled() {
			sampled++
		}

		otelCtx, root := theirs.Start(t.Context(), "theirs")
		header = propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(otelCtx, header)
		back, err := slogtrace.Carrier{Traceparent: header["traceparent"], Tracestate: header["tracestate"]}.Context(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, child := ours.Start(back, "ours"); child.SpanContext().IsSampled() != root.SpanContext().IsSampled() {
			t.Fatalf("we have %+v under OTel's %+v", child.SpanContext(), root.SpanContext())
		}
	}
	if sampled < 400 || sampled > 600 {
		t.Errorf("%d of 1000 are sampled", sampled)
	}
}

// randomIDs is an IDGenerator with a source of its own.
type randomIDs struct{ rng *rand.Rand }

func (r randomIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id := trace.TraceID(sampleTraceID(r.rng))
	return id, r.NewSpanID(ctx, id)
}

func (r randomIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], 1+r.rng.Uint64()>>1)
	return id
}

// The SDK's TraceIDRatioBased takes what is small in other bits, where the specification takes what is large in its 56:
// the two agree no more than chance has it. When this fails, the SDK follows the specification, and can be compared above.
func TestTraceIDRatioBasedIsAnother(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	const n, p = 100_000, 0.1
	theirs, ours := sdktrace.TraceIDRatioBased(p), slogtrace.Ratio(p)
	both := 0
	for range n {
		id := sampleTraceID(rng)
		sampled, _ := ours.Sample(slogtrace.SampleInput{TraceID: id})
		result := theirs.ShouldSample(sdktrace.SamplingParameters{ParentContext: t.Context(), TraceID: trace.TraceID(id)})
		if sampled && result.Decision == sdktrace.RecordAndSample {
			both++
		}
	}
	if want := n * p * p; math.Abs(float64(both)-want) > 5*math.Sqrt(want) {
		t.Errorf("both sample %d of %d, want about %v", both, n, want)
	}
}

// The environment variables mean to us what they mean to OTel's SDK, and are found wrong where it finds them wrong.
func TestSamplerFromEnvAsOTelSDK(t *testing.T) {
	var errs atomic.Int64
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { errs.Add(1) }))
	rng := rand.New(rand.NewPCG(15, 16))
	for _, sampler := range []string{
		"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
		" Always_OFF ", "PARENTBASED_TRACEIDRATIO", "jaeger_remote", "junk", "parentbased_", "0.1",
	} {
		for _, arg := range []string{"", "0", "1", "0.0", " 1 ", "1.5", "-1", "10%", "junk"} {
			t.Setenv("OTEL_TRACES_SAMPLER", sampler)
			t.Setenv("OTEL_TRACES_SAMPLER_ARG", arg)
			errs.Store(0)
			theirs := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(randomIDs{rng})).Tracer("test")
			s, err := slogtrace.SamplerFromEnv()
			if wrong := errs.Load() > 0; wrong != (err != nil) {
				t.Errorf("%q, %q: our error is %v, OTel reports %d", sampler, arg, err, errs.Load())
			}
			ours := slogtrace.NewTracer(slogtrace.NewJSONHandler(io.Discard, nil), &slogtrace.TracerOptions{Sampler: s})
			for _, parent := range []string{"", "00", "01", "02", "03"} {
				header := propagation.MapCarrier{}
				if parent != "" {
					id := sampleTraceID(rng)
					header["traceparent"] = fmt.Sprintf("00-%s-00f067aa0ba902b7-%s", id, parent)
				}
				otelCtx, theirSpan := theirs.Start(propagation.TraceContext{}.Extract(t.Context(), header), "op")
				_, theirChild := theirs.Start(otelCtx, "child")
				ctx, err := slogtrace.Carrier{Traceparent: header["traceparent"]}.Context(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ctx, span := ours.Start(ctx, "op")
				_, child := ours.Start(ctx, "child")
				want := [2]bool{theirSpan.SpanContext().IsSampled(), theirChild.SpanContext().IsSampled()}
				if got := [2]bool{span.SpanContext().IsSampled(), child.SpanContext().IsSampled()}; got != want {
					t.Errorf("%q, %q under a parent with flags %q: sampled %t, OTel %t", sampler, arg, parent, got, want)
				}
			}
		}
	}
}

package slogtrace

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// randomTraceID returns a trace id whose random 56 bits are n; all its other bits are set.
func randomTraceID(n uint64) TraceID {
	id := TraceID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint64(id[8:], 0xff<<56|n)
	return id
}

// A trace is sampled if its random number is at least (1-p)·2^56. The rest of the id does not matter.
func TestRatioThreshold(t *testing.T) {
	const all, none = 0, 1 << 56
	for _, tt := range []struct {
		p, rate   float64
		threshold uint64
	}{
		{1, 1, all}, {1.5, 1, all}, {math.Inf(1), 1, all},
		{0, 0, none}, {-1, 0, none}, {math.NaN(), 0, none}, {math.Inf(-1), 0, none}, {0x1p-57, 0, none},
		{0x1p-56, 0x1p-56, none - 1},
		{0.5, 0.5, 0x80000000000000},
		{0.25, 0.25, 0xc0000000000000},
		{0.1, 0.1, 0xe6666666666666},
		{0.01, 0.01, 0xfd70a3d70a3d71},
		{1.0 / 3, 1.0 / 3, 0xaaaaaaaaaaaaac},
		{1 - 0x1p-53, 1 - 0x1p-53, 8},
	} {
		s := Ratio(tt.p)
		for _, n := range []uint64{0, tt.threshold - 1, tt.threshold, tt.threshold + 1, none - 1} {
			if n >= none {
				continue
			}
			id := randomTraceID(n)
			for _, id := range []TraceID{id, {15: id[15], 14: id[14], 13: id[13], 12: id[12], 11: id[11], 10: id[10], 9: id[9]}} {
				sampled, rate := s.Sample(SampleInput{TraceID: id})
				if sampled != (n >= tt.threshold) || rate != tt.rate {
					t.Errorf("Ratio(%v), %s: %t, %v; want %t, %v", tt.p, id, sampled, rate, n >= tt.threshold, tt.rate)
				}
			}
		}
	}
}

// The share is right, and a larger one contains a smaller one.
func TestRatioShare(t *testing.T) {
	const n = 100_000
	rng := rand.New(rand.NewPCG(1, 2))
	shares := []float64{0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.999}
	counts := make([]int, len(shares))
	for range n {
		var in SampleInput
		binary.BigEndian.PutUint64(in.TraceID[8:], rng.Uint64())
		smaller := false
		for i, p := range shares {
			sampled, _ := Ratio(p).Sample(in)
			if smaller && !sampled {
				t.Fatalf("%s: Ratio(%v) refuses what a smaller one samples", in.TraceID, p)
			}
			if sampled {
				counts[i]++
			}
			smaller = sampled
		}
	}
	for i, p := range shares {
		if sd := math.Sqrt(n * p * (1 - p)); math.Abs(float64(counts[i])-n*p) > 4*sd {
			t.Errorf("Ratio(%v) samples %d of %d", p, counts[i], n)
		}
	}
}

// sampleIDs makes trace ids whose random number is n until the test ends; span ids are the same number.
func sampleIDs(tb testing.TB, n uint64) {
	tb.Cleanup(ids.SetSource(func() uint64 { return n }))
}

const (
	highTrace = 0xe6666666666666 // Ratio(0.1) just samples it
	lowTrace  = highTrace - 1
)

// Ratio's decision holds for the whole trace, here and in other processes. All records have ids.
func TestRatioTravels(t *testing.T) {
	for _, sampled := range []bool{true, false} {
		n, state := uint64(lowTrace), ""
		if sampled {
			n, state = highTrace, "ot=th:e6666666666666"
		}
		sampleIDs(t, n)
		var b bytes.Buffer
		h := NewJSONHandler(&b, nil)
		here := NewTracer(h, &TracerOptions{Sampler: Ratio(0.1)})
		there := NewTracer(h, nil)
		logger := slog.New(h)
		ctx, root := here.Start(With(t.Context(), slog.Int("n", 1)), "root")
		if sc := root.SpanContext(); sc.IsSampled() != sampled || sc.State != state {
			t.Errorf("sampled %t: %+v", sampled, sc)
		}
		carried, err := NewCarrier(ctx).Context(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		remote, job := there.Start(carried, "job")
		if sc := job.SpanContext(); sc.IsSampled() != sampled || sc.State != state {
			t.Errorf("sampled %t, carried: %+v", sampled, sc)
		}
		logger.InfoContext(ctx, "here")
		logger.InfoContext(remote, "there")
		_, below := Start(remote, "below")
		below.End()
		job.Fail(errSpanCard)
		job.End()
		_, afresh := there.Start(Detach(ctx), "afresh")
		if sc := afresh.SpanContext(); !sc.IsSampled() || sc.State != "" {
			t.Errorf("sampled %t, detached: %+v", sampled, sc)
		}
		root.End()

		var got []string
		for _, line := range spanLines(&b) {
			m := recordDecode(t, []byte(line))
			if len(m["trace"].(string)) != 32 || len(m["span"].(string)) != 16 {
				t.Errorf("no ids: %s", line)
			}
			got = append(got, fmt.Sprint(m["msg"], m["op"], m["sample_rate"], m["sampled"]))
		}
		want := []string{"hereroot<nil> <nil>", "therejob<nil> <nil>", "span endbelow0.1 <nil>", "span endjob0.1 <nil>", "span endroot0.1 <nil>"}
		stats := []TracerStats{{}, {}}
		if !sampled {
			// The rate is nobody's business but ours then; the failed job says that it is not to be counted.
			want = []string{"hereroot<nil> <nil>", "therejob<nil> <nil>", "span endjob<nil> false"}
			stats = []TracerStats{{Withheld: 1}, {Withheld: 1}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sampled %t (-want +got):\n%s", sampled, diff)
		}
		if diff := cmp.Diff(stats, []TracerStats{here.Stats(), there.Stats()}); diff != "" {
			t.Errorf("sampled %t (-want +got):\n%s", sampled, diff)
		}
	}
}

// Users' Samplers decide in any way, so their rate is not a threshold for others.
func TestOtherSamplersDoNotTravel(t *testing.T) {
	sampleIDs(t, highTrace)
	for name, s := range map[string]Sampler{
		"stranger": spanSampler(func(SampleInput) (bool, float64) { return true, 0.1 }),
		"wrapped":  spanSampler(Ratio(0.1).Sample),
		"limited":  RateLimited(1),
		"all":      Ratio(1),
	} {
		_, span := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: s}).Start(t.Context(), "op")
		if sc := span.SpanContext(); !sc.IsSampled() || sc.State != "" {
			t.Errorf("%s: %+v", name, sc)
		}
	}
}

// An op whose Sampler is nil is sampled; others' is not asked. The map is copied.
func TestPerOp(t *testing.T) {
	sampleIDs(t, highTrace)
	asked := 0
	ops := map[string]Sampler{
		"never":  Ratio(0),
		"always": nil,
		"rare":   Ratio(0.01),
		"nested": PerOp(nil, Ratio(0.25)),
		"own":    spanSampler(func(SampleInput) (bool, float64) { asked++; return true, 0.5 }),
	}
	rec := new(spanRecorder)
	tr := NewTracer(rec, &TracerOptions{Sampler: PerOp(ops, Ratio(0.1))})
	ops["always"] = Ratio(0) // the map is copied
	for _, tt := range []struct {
		op    string
		rate  float64 // 0: not sampled
		state string
	}{
		{"never", 0, ""}, {"always", 1, ""}, {"rare", 0, ""}, {"nested", 0.25, "ot=th:c"}, {"own", 0.5, ""},
		{"another", 0.1, "ot=th:e6666666666666"}, {"", 0.1, "ot=th:e6666666666666"},
	} {
		ctx, span := tr.Start(t.Context(), tt.op)
		_, child := Start(ctx, "always")
		span.SetOp("always")
		if got := span.SpanContext().State; got != tt.state {
			t.Errorf("%s: state %q, want %q", tt.op, got, tt.state)
		}
		child.End()
		span.End()
		var got []float64
		for _, info := range rec.spans(t) {
			got = append(got, info.SampleRate)
		}
		var want []float64
		if tt.rate != 0 {
			want = []float64{tt.rate, tt.rate}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.op, diff)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if sampled, rate := PerOp(nil, nil).Sample(SampleInput{}); !sampled || rate != 1 {
		t.Errorf("nil: %t, %v", sampled, rate)
	}
}

// n at once after a quiet second, then one for each new token. The weights add up.
func TestRateLimited(t *testing.T) {
	for _, tt := range []struct {
		n     float64
		burst int
		every time.Duration
	}{
		{1, 1, time.Second}, {2, 2, time.Second / 2}, {4, 4, time.Second / 4}, {3, 3, 333333334}, {1000, 1000, time.Millisecond},
		{2.5, 2, 400 * time.Millisecond}, {0.1, 1, 10 * time.Second}, {1e-300, 1, 1 << 61},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := RateLimited(tt.n)
			seen, sampled, weights := 0, 0, 0.0
			ask := func(times int) (n int) {
				for range times {
					seen++
					if ok, rate := s.Sample(SampleInput{}); ok {
						n++
						weights += 1 / rate
					} else if rate != 0 {
						t.Errorf("%v a second: refused with a rate of %v", tt.n, rate)
					}
				}
				sampled += n
				return n
			}
			if got := ask(2 * tt.burst); got != tt.burst {
				t.Errorf("%v a second: %d at once, want %d", tt.n, got, tt.burst)
			}
			time.Sleep(tt.every - time.Nanosecond)
			if got := ask(9); got != 0 {
				t.Errorf("%v a second: %d before there was a token", tt.n, got)
			}
			time.Sleep(time.Nanosecond)
			if got := ask(1); got != 1 {
				t.Errorf("%v a second: %d when there was a token, want 1", tt.n, got)
			}
			if math.Abs(weights-float64(seen)) > 1e-6 {
				t.Errorf("%v a second: weights add up to %v, want %d", tt.n, weights, seen)
			}
			if tt.every > time.Hour {
				return
			}
			time.Sleep(100 * tt.every * time.Duration(tt.burst))
			if got := ask(2 * tt.burst); got != tt.burst {
				t.Errorf("%v a second: %d at once after a long time, want %d", tt.n, got, tt.burst)
			}
			if _, rate := s.Sample(SampleInput{}); rate != 0 {
				t.Errorf("%v a second: rate %v", tt.n, rate)
			}
		})
	}
	for _, n := range []float64{0, -1, math.NaN(), math.Inf(-1)} {
		if sampled, _ := RateLimited(n).Sample(SampleInput{}); sampled {
			t.Errorf("RateLimited(%v) samples", n)
		}
	}
	s := RateLimited(math.Inf(1))
	for range 1000 {
		if sampled, rate := s.Sample(SampleInput{}); !sampled || rate != 1 {
			t.Fatalf("RateLimited(+Inf): %t, %v", sampled, rate)
		}
	}
}

// Below the limit each trace counts for itself only.
func TestRateLimitedNotReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := RateLimited(10)
		for range 100 {
			if sampled, rate := s.Sample(SampleInput{}); !sampled || rate != 1 {
				t.Fatalf("%t, %v", sampled, rate)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// However many ask at once, no more than the limit are sampled, and each refused one is counted.
func TestRateLimitedConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 10_000 // many, so that they meet
		s := RateLimited(perSecond)
		var sampled, weights atomic.Int64
		ask := func() {
			if ok, rate := s.Sample(SampleInput{}); ok {
				sampled.Add(1)
				weights.Add(int64(math.Round(1 / rate)))
			}
		}
		const goroutines, each, seconds = 8, 4000, 20
		for range seconds {
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					for range each {
						ask()
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Second)
		}
		ask()
		if got, want := sampled.Load(), int64(perSecond*seconds+1); got != want {
			t.Errorf("%d sampled, want %d", got, want)
		}
		if got, want := weights.Load(), int64(goroutines*each*seconds+1); got != want {
			t.Errorf("weights add up to %d, want %d", got, want)
		}
	})
}

// A remote parent's decision is kept, unless there is IgnoreParent. A local one's is always kept.
func TestIgnoreParent(t *testing.T) {
	var asked []SampleInput
	says := func(sampled bool) Sampler {
		return spanSampler(func(in SampleInput) (bool, float64) { asked = append(asked, in); return sampled, 0.5 })
	}
	for _, tt := range []struct {
		name    string
		sampler Sampler
		want    func(parent bool) bool
		asked   bool
	}{
		{"kept, yes", says(true), func(parent bool) bool { return parent }, false},
		{"kept, no", says(false), func(parent bool) bool { return parent }, false},
		{"ignored, yes", IgnoreParent(says(true)), func(bool) bool { return true }, true},
		{"ignored, no", IgnoreParent(says(false)), func(bool) bool { return false }, true},
		{"ignored, nil", IgnoreParent(nil), func(bool) bool { return true }, false},
		{"ignored twice", IgnoreParent(IgnoreParent(says(true))), func(bool) bool { return true }, true},
		{"not outermost", PerOp(nil, IgnoreParent(says(true))), func(parent bool) bool { return parent }, false},
	} {
		tr := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: tt.sampler})
		for _, parent := range []bool{true, false} {
			sc := testSpanContext
			sc.Flags, sc.State = FlagRandom, "vendor=a"
			decided := hook.Deny
			if parent {
				sc.Flags |= FlagSampled
				decided = hook.Accept
			}
			asked = nil
			ctx, span := tr.Start(ContextWithRemoteSpanContext(t.Context(), sc), "op", slog.Int("n", 1))
			_, child := Start(ctx, "child")
			got := span.SpanContext()
			if got.IsSampled() != tt.want(parent) || child.SpanContext().IsSampled() != tt.want(parent) {
				t.Errorf("%s: parent sampled %t, span %t, child %t", tt.name, parent, got.IsSampled(), child.SpanContext().IsSampled())
			}
			if got.Flags&FlagRandom == 0 || got.TraceID != sc.TraceID || got.State != sc.State {
				t.Errorf("%s: %+v", tt.name, got)
			}
			if len(asked) != 0 != tt.asked || len(asked) > 1 {
				t.Errorf("%s: asked %d times", tt.name, len(asked))
			}
			for _, in := range asked {
				if in.Parent != sc || in.TraceID != sc.TraceID || in.Op != "op" || fmt.Sprint(in.Attrs) != "[n=1]" || in.Context == nil {
					t.Errorf("%s: asked about %+v", tt.name, in)
				}
			}
			// B3 can decide without a trace.
			_, span = tr.Start(hook.Continue(t.Context(), [16]byte{}, [8]byte{}, decided), "op")
			if got := span.SpanContext().IsSampled(); got != tt.want(parent) {
				t.Errorf("%s: decided %t without a trace, sampled %t", tt.name, parent, got)
			}
		}
	}
}

// A new decision sets the rate and keeps the rest of the tracestate.
func TestIgnoreParentRate(t *testing.T) {
	for _, tt := range []struct {
		name, state, want string
		trace             uint64
		sampler           Sampler
		rate              float64 // 0: not sampled
	}{
		{"first", "", "ot=th:c", highTrace, Ratio(0.25), 0.25},
		{"another", "a=1,ot=th:8;rv:ffffffffffffff,b=2", "ot=th:c;rv:ffffffffffffff,a=1,b=2", lowTrace, Ratio(0.25), 0.25},
		{"by rv", "ot=rv:00000000000001", "ot=rv:00000000000001", highTrace, Ratio(0.25), 0},
		{"all", "ot=th:8,b=2", "b=2", highTrace, Ratio(1), 1},
		{"none", "ot=th:8", "", highTrace, Ratio(0), 0},
		{"unknown", "ot=th:8", "", highTrace, spanSampler(func(SampleInput) (bool, float64) { return true, 0.125 }), 0.125},
		{"the same", "b=2,ot=th:8", "b=2,ot=th:8", highTrace, Ratio(0.5), 0.5},
	} {
		rec := new(spanRecorder)
		tr := NewTracer(rec, &TracerOptions{Sampler: IgnoreParent(tt.sampler)})
		sc := SpanContext{TraceID: randomTraceID(tt.trace), SpanID: SpanID{1}, Flags: FlagSampled, State: tt.state}
		_, span := tr.Start(ContextWithRemoteSpanContext(t.Context(), sc), "op")
		span.End()
		if got := span.SpanContext().State; got != tt.want {
			t.Errorf("%s: state %q, want %q", tt.name, got, tt.want)
		}
		var rate float64
		for _, info := range rec.spans(t) {
			rate = info.SampleRate
		}
		if rate != tt.rate {
			t.Errorf("%s: rate %v, want %v", tt.name, rate, tt.rate)
		}
	}
}

// Spans of a trace sampled elsewhere have its rate, also with With and baggage. An impossible rate is ignored.
func TestRemoteRate(t *testing.T) {
	for _, tt := range []struct {
		name, state string
		trace       uint64
		flags       Flags
		want        float64
	}{
		{"none", "", highTrace, FlagSampled, 1},
		{"others", "a=1,b=ot", highTrace, FlagSampled, 1},
		{"half", "a=1,ot=th:8,b=2", highTrace, FlagSampled, 0.5},
		{"a tenth, 4 digits", "ot=th:e666", highTrace, FlagSampled, 0.100006103516},
		{"a tenth", "ot=rv:ffffffffffffff;th:e6666666666666", lowTrace, FlagSampled | FlagRandom, 0.1},
		{"a hundredth", "ot=th:fd70a3d70a3d71", 1<<56 - 1, FlagSampled, 0.01},
		{"all", "ot=th:0", highTrace, FlagSampled, 1},
		{"not sampled", "ot=th:8", highTrace, FlagRandom, 1},
		{"cannot be", "ot=th:e7", highTrace, FlagSampled, 1},
		{"cannot be, by rv", "ot=th:8;rv:7fffffffffffff", highTrace, FlagSampled, 1},
		{"rv is no number", "ot=th:8;rv:7", highTrace, FlagSampled, 0.5},
		{"upper case", "ot=th:E", highTrace, FlagSampled, 1},
		{"too long", "ot=th:800000000000000", highTrace, FlagSampled, 1},
		{"empty", "ot=th:", highTrace, FlagSampled, 1},
		{"of a tenant", "a@ot=th:8", highTrace, FlagSampled, 1},
	} {
		rec := new(spanRecorder)
		ctx := With(t.Context(), slog.Int("n", 1))
		ctx = ContextWithRemoteSpanContext(ctx, SpanContext{TraceID: randomTraceID(tt.trace), SpanID: SpanID{1}, Flags: tt.flags, State: tt.state})
		if got := SpanContextFromContext(ctx).State; got != tt.state {
			t.Errorf("%s: state %q", tt.name, got)
		}
		ctx, err := WithBaggage(ctx, "a", "1")
		if err != nil {
			t.Fatal(err)
		}
		ctx, span := NewTracer(rec, nil).Start(With(ctx, slog.Int("m", 1)), "op")
		_, child := Start(ctx, "child")
		for _, s := range []*Span{child, span} {
			s.Fail(errSpanCard) // so that unsampled ones are written too
			s.End()
		}
		for _, info := range rec.spans(t) {
			if info.SampleRate != tt.want {
				t.Errorf("%s: rate %v, want %v", tt.name, info.SampleRate, tt.want)
			}
		}
	}
}

// With OTEL_SDK_DISABLED a Tracer writes nothing at all. Ids travel as usual.
func TestSamplerDisabled(t *testing.T) {
	rec := new(spanRecorder)
	tr := NewTracer(rec, &TracerOptions{Sampler: Disabled(), LogStart: true})
	for _, flags := range []Flags{FlagSampled, 0} {
		sc := testSpanContext
		sc.Flags = flags
		_, span := tr.Start(ContextWithRemoteSpanContext(t.Context(), sc), "op")
		if got := span.SpanContext().Flags; got != flags {
			t.Errorf("flags %v, want %v", got, flags)
		}
		span.Fail(errSpanCard)
		span.End()
	}
	ctx, root := tr.Start(t.Context(), "root")
	if root.SpanContext().IsSampled() || !SpanContextFromContext(ctx).IsValid() {
		t.Errorf("root: %+v", root.SpanContext())
	}
	root.Fail(errSpanCard)
	root.End()
	if got := rec.spans(t); got != nil || tr.Stats() != (TracerStats{Withheld: 6}) {
		t.Errorf("wrote %+v, Stats = %+v", got, tr.Stats())
	}
}

// A Sampler is called concurrently.
func TestSamplersConcurrent(t *testing.T) {
	sampler := IgnoreParent(PerOp(map[string]Sampler{"limited": RateLimited(5)}, Ratio(0.5)))
	rec := new(spanRecorder)
	tr := NewTracer(rec, &TracerOptions{Sampler: sampler})
	var written, limited atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				ctx := context.Background()
				if i%2 == 0 {
					ctx = ContextWithRemoteSpanContext(ctx, testSpanContext)
				}
				_, span := tr.Start(ctx, []string{"limited", "op"}[i/2%2])
				if span.SpanContext().IsSampled() {
					written.Add(1)
					if span.Op() == "limited" {
						limited.Add(1)
					}
				}
				span.End()
			}
		})
	}
	wg.Wait()
	if n := int64(len(rec.spans(t))); n != written.Load() || tr.Stats().Withheld != 4*200-n {
		t.Errorf("%d records of %d sampled spans, Stats %+v", n, written.Load(), tr.Stats())
	}
	// The trace of the remote parent falls on one side of a half; of 200 new ones, not all do.
	if n := limited.Load(); n < 5 || n >= 400 {
		t.Errorf("%d of 400 spans are sampled at 5 a second", n)
	}
	if n := written.Load() - limited.Load(); n == 0 || n == 400 {
		t.Errorf("%d of 400 spans are sampled at a half", n)
	}
}

func BenchmarkRatio(b *testing.B) {
	s := Ratio(0.1)
	in := SampleInput{Context: b.Context(), TraceID: randomTraceID(highTrace), Op: "op"}
	for b.Loop() {
		s.Sample(in)
	}
}

func BenchmarkRateLimited(b *testing.B) {
	s := RateLimited(100)
	b.RunParallel(func(pb *testing.PB) {
		in := SampleInput{Context: b.Context(), Op: "op"}
		for pb.Next() {
			s.Sample(in)
		}
	})
}

// Neither Ratio nor RateLimited allocates.
func TestSamplerAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	in := SampleInput{Context: t.Context(), TraceID: randomTraceID(highTrace), Op: "op", Parent: SpanContext{State: strings.Repeat("a", 9) + "=1,ot=rv:ffffffffffffff"}}
	for name, s := range map[string]Sampler{
		"Ratio": Ratio(0.1), "RateLimited": RateLimited(10), "PerOp": IgnoreParent(PerOp(nil, Ratio(0.1))),
	} {
		if got := testing.AllocsPerRun(100, func() { s.Sample(in) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

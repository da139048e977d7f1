package slogtrace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/slogtrace/slogtrace"
)

// steady removes from an example's lines what differs in each run.
func steady(groups []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey, "start", "duration_ms", "queued_ms":
		return slog.Attr{}
	case "trace", "span", "parent":
		return slog.String(a.Key, strings.Repeat("x", len(a.Value.String())))
	}
	return a
}

// setUp does what a main does: records go to slog's default logger, whose handler writes the ids.
func setUp() (restore func()) {
	old := slog.Default()
	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady})))
	return func() { slog.SetDefault(old) }
}

func charge(ctx context.Context, booking string) (err error) {
	ctx, span := slogtrace.Start(ctx, "charge", slog.String("booking", booking))
	defer span.End(&err)

	slog.InfoContext(ctx, "asking the bank")
	span.SetAttrs(slog.Int("amount", 12))
	return errors.New("card declined")
}

func ExampleStart() {
	defer setUp()()
	_ = charge(context.Background(), "b1")
	// Output:
	// {"level":"INFO","msg":"asking the bank","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","error":"card declined","booking":"b1","amount":12}
}

func ExampleSetDefault() {
	h := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady})
	logger := slog.New(h) // passed to the code that logs; it is not slog's default logger
	slogtrace.SetDefault(slogtrace.NewTracer(h, nil))
	defer slogtrace.SetDefault(nil)

	ctx, span := slogtrace.Start(context.Background(), "charge")
	logger.InfoContext(ctx, "asking the bank")
	span.End()
	// Output:
	// {"level":"INFO","msg":"asking the bank","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
}

func ExampleSpan_End() {
	defer setUp()()
	book := func(ctx context.Context) (err error) {
		_, span := slogtrace.Start(ctx, "book")
		defer span.End(&err) // the address, so that the returned error is recorded
		return errors.New("sold out")
	}
	fmt.Println(book(context.Background()))
	// Output:
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"book","error":"sold out"}
	// sold out
}

func ExampleDo() {
	defer setUp()()
	err := slogtrace.Do(context.Background(), "import", func(ctx context.Context) error {
		return slogtrace.Do(ctx, "parse", func(context.Context) error {
			return errors.New("line 3: no date")
		})
	}, slog.String("file", "bookings.csv"))
	fmt.Println(err)
	// Output:
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"parse","parent":"xxxxxxxxxxxxxxxx","error":"line 3: no date"}
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"import","error":"line 3: no date","file":"bookings.csv"}
	// line 3: no date
}

func ExampleWith() {
	defer setUp()()
	ctx := slogtrace.With(context.Background(), slog.String("tenant", "t1"))
	ctx, span := slogtrace.Start(ctx, "charge")
	slog.InfoContext(ctx, "paid", "amount", 12)
	span.End()
	// Output:
	// {"level":"INFO","msg":"paid","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","tenant":"t1","amount":12}
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","tenant":"t1"}
}

func ExampleLogger() {
	defer setUp()()
	ctx, span := slogtrace.Start(context.Background(), "charge")
	defer span.End()
	log := slogtrace.Logger(ctx).With("library", "bank")
	log.Warn("slow answer") // no context, but the line has the ids
	// Output:
	// {"level":"WARN","msg":"slow answer","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","library":"bank"}
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
}

func ExampleWithBaggage() {
	defer setUp()()
	ctx, err := slogtrace.WithBaggage(context.Background(), "tenant", "Café 7")
	if err != nil {
		fmt.Println(err) // and ctx is unchanged
	}
	ctx, span := slogtrace.Start(ctx, "POST /bookings")
	payload := slogtrace.NewCarrier(ctx)
	span.End()

	// In another process, where the payload arrives:
	ctx, err = payload.Context(context.Background())
	if err != nil {
		fmt.Println(err)
	}
	slog.InfoContext(ctx, "got a job")
	fmt.Println(payload.Baggage)
	// Output:
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"POST /bookings","tenant":"Café 7"}
	// {"level":"INFO","msg":"got a job","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"POST /bookings","tenant":"Café 7"}
	// tenant=Caf%C3%A9%207
}

func ExampleBaggage() {
	ctx, _ := slogtrace.Carrier{
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Baggage:     "tenant=Caf%C3%A9%207;ttl=60, run=nightly",
	}.Context(context.Background())
	for key, value := range slogtrace.Baggage(ctx) {
		fmt.Println(key, "=", value)
	}
	// Output:
	// tenant = Café 7
	// run = nightly
}

func ExampleCarrier() {
	defer setUp()()
	type Job struct {
		slogtrace.Carrier
		Booking string `json:"booking"`
	}

	// Where the work is ordered:
	ctx, span := slogtrace.Start(context.Background(), "POST /bookings")
	payload, _ := json.Marshal(Job{Carrier: slogtrace.NewCarrier(ctx), Booking: "b1"})
	span.End()

	// Where it is done:
	var job Job
	if err := json.Unmarshal(payload, &job); err != nil {
		fmt.Println(err)
	}
	ctx, err := job.Carrier.Context(context.Background())
	if err != nil {
		slog.Warn("trace not continued", "error", err) // do the job all the same
	}
	slog.InfoContext(ctx, "got a job")
	_, deliver := slogtrace.Start(ctx, "deliver webhook", slog.String("booking", job.Booking))
	deliver.End()
	fmt.Println("one trace:", deliver.SpanContext().TraceID == span.SpanContext().TraceID)
	// Output:
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"POST /bookings"}
	// {"level":"INFO","msg":"got a job","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"POST /bookings"}
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"deliver webhook","parent":"xxxxxxxxxxxxxxxx","booking":"b1"}
	// one trace: true
}

func ExampleWithTrace() {
	// The lines do not matter here.
	var lines bytes.Buffer
	tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(&lines, nil), nil)

	failed := func(ctx context.Context) error {
		ctx, span := tracer.Start(ctx, "charge")
		defer span.End()
		return slogtrace.WithTrace(ctx, errors.New("card declined"))
	}
	// Further up the span's context is gone, but the error has the trace.
	err := failed(context.Background())
	sc, ok := slogtrace.TraceOf(fmt.Errorf("booking: %w", err))
	var line struct{ Trace, Span string }
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		fmt.Println(err)
	}
	fmt.Println(err, ok, sc.TraceID.String() == line.Trace, sc.SpanID.String() == line.Span)
	// Output: card declined true true true
}

func ExampleDetach() {
	var lines bytes.Buffer
	tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(&lines, nil), nil)

	ctx, span := tracer.Start(context.Background(), "first try")
	cause := slogtrace.SpanContextFromContext(ctx)
	_, retry := slogtrace.Start(slogtrace.Detach(ctx), "retry", slogtrace.Link(cause))
	retry.End()
	span.End()

	for line := range strings.Lines(lines.String()) {
		var r struct {
			Op, Trace, Parent string
			Links             []struct{ Trace, Span string }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%s: same trace %v, root %v", r.Op, r.Trace == cause.TraceID.String(), r.Parent == "")
		for _, l := range r.Links {
			fmt.Printf(", links to the first %v", l.Span == cause.SpanID.String())
		}
		fmt.Println()
	}
	// Output:
	// retry: same trace false, root true, links to the first true
	// first try: same trace true, root true
}

// sampledOf returns which of four traces, with evenly spaced random bits, a Sampler samples.
func sampledOf(s slogtrace.Sampler, op string) (taken []string) {
	for _, id := range []string{"00", "40", "80", "c0"} {
		trace, err := slogtrace.ParseTraceID("4bf92f3577b34da6a3" + id + "9d0e0e4736cd")
		if err != nil {
			return []string{err.Error()}
		}
		if sampled, _ := s.Sample(slogtrace.SampleInput{Context: context.Background(), TraceID: trace, Op: op}); sampled {
			taken = append(taken, id)
		}
	}
	return taken
}

func ExampleRatio() {
	// The trace id alone decides. So every service that samples half, or OpenTelemetry's Collector, samples the same traces.
	// A service that samples a quarter samples some of these.
	fmt.Println(sampledOf(slogtrace.Ratio(0.5), "op"))
	fmt.Println(sampledOf(slogtrace.Ratio(0.25), "op"))
	// Output:
	// [80 c0]
	// [c0]
}

func ExamplePerOp() {
	sampler := slogtrace.PerOp(map[string]slogtrace.Sampler{
		"GET /health":    slogtrace.Ratio(0),
		"POST /bookings": slogtrace.Ratio(1),
	}, slogtrace.Ratio(0.5))

	for _, op := range []string{"GET /health", "POST /bookings", "GET /flights"} {
		fmt.Println(op, sampledOf(sampler, op))
	}
	// Output:
	// GET /health []
	// POST /bookings [00 40 80 c0]
	// GET /flights [80 c0]
}

func ExampleSamplerFromEnv() {
	// As a deployment may set them, with a mistake in one.
	for name, value := range map[string]string{
		"OTEL_TRACES_SAMPLER":     "parentbased_traceidratio",
		"OTEL_TRACES_SAMPLER_ARG": "0.5",
		"OTEL_SDK_DISABLED":       "no",
	} {
		if err := os.Setenv(name, value); err != nil {
			fmt.Println(err)
		}
		defer os.Unsetenv(name)
	}

	sampler, err := slogtrace.SamplerFromEnv()
	if err != nil {
		fmt.Println(err) // the sampler can be used nevertheless
	}
	slogtrace.SetDefault(slogtrace.NewTracer(nil, &slogtrace.TracerOptions{Sampler: sampler}))
	defer slogtrace.SetDefault(nil)
	fmt.Println(sampledOf(sampler, "op"))
	// Output:
	// slogtrace: OTEL_SDK_DISABLED: want true or false, got "no"
	// [80 c0]
}

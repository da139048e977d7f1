package slogtrace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/slogtrace/slogtrace"
)

func ExampleNewJSONHandler() {
	// In main, instead of slog.NewJSONHandler: log lines and spans have the ids.
	logger := slog.New(slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(logger)

	ctx, span := slogtrace.Start(context.Background(), "charge")
	logger.InfoContext(ctx, "asking the bank", "booking", "b1")
	span.End()
	// Output:
	// {"level":"INFO","msg":"asking the bank","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","booking":"b1"}
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
}

func ExampleNewHandler() {
	// Around a handler that the program already has.
	text := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady})
	logger := slog.New(slogtrace.NewHandler(text))

	ctx, span := slogtrace.NewTracer(logger.Handler(), nil).Start(context.Background(), "charge")
	logger.InfoContext(ctx, "asking the bank")
	span.End()
	// Output:
	// level=INFO msg="asking the bank" trace=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx span=xxxxxxxxxxxxxxxx op=charge
	// level=INFO msg="span end" trace=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx span=xxxxxxxxxxxxxxxx op=charge
}

func ExampleNewTracer() {
	// For a logger that is passed to the code and is not slog's default.
	logger := slog.New(slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	tracer := slogtrace.NewTracer(logger.Handler(), &slogtrace.TracerOptions{
		IsFailure: func(err error) bool { return !errors.Is(err, context.Canceled) },
		ErrorAttrs: func(err error) []slog.Attr {
			return []slog.Attr{slogtrace.ErrorType(err), slog.String("error.category", "card")}
		},
	})

	err := errors.New("card declined")
	_, span := tracer.Start(context.Background(), "charge")
	span.End(&err)
	// Output:
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","error":"card declined","error.category":"card"}
}

func ExampleSpanFromContext() {
	// In code that does not start the span itself, such as a permission check.
	authorize := func(ctx context.Context, user string) {
		slogtrace.SpanFromContext(ctx).SetAttrs(slog.String("user", user))
	}
	tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}), nil)
	ctx, span := tracer.Start(context.Background(), "charge")
	authorize(ctx, "u7")
	authorize(context.Background(), "u8") // no span: nothing happens
	span.End()
	// Output:
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","user":"u7"}
}

func ExampleNewTailHandler() {
	// Only failed roots keep their debug lines.
	lines := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: steady})
	tail := slogtrace.NewTailHandler(lines, nil)
	defer tail.Close()
	logger, tracer := slog.New(tail), slogtrace.NewTracer(tail, nil)

	for _, err := range []error{nil, errors.New("card declined")} {
		ctx, span := tracer.Start(context.Background(), "charge")
		logger.DebugContext(ctx, "asking the bank")
		span.End(&err)
	}
	fmt.Println("debug lines dropped:", tail.Stats().Dropped)
	// Output:
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
	// {"level":"DEBUG","msg":"asking the bank","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge"}
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"charge","error":"card declined"}
	// debug lines dropped: 1
}

// A failures handler prints the failed spans, and passes all records on.
type failures struct{ slog.Handler }

func (h failures) Enabled(context.Context, slog.Level) bool { return true }

func (h failures) Handle(ctx context.Context, r slog.Record) error {
	if span, ok := slogtrace.SpanOf(r); ok && span.Ended && span.Err != nil {
		fmt.Println("failed:", span.Op, span.Err)
	}
	return h.Handler.Handle(ctx, r)
}

func ExampleSpanOf() {
	tracer := slogtrace.NewTracer(failures{slog.DiscardHandler}, nil)
	for _, err := range []error{nil, errors.New("card declined")} {
		_, span := tracer.Start(context.Background(), "charge")
		span.End(&err)
	}
	// Output: failed: charge card declined
}

func ExampleInjectJSON() {
	tracer := slogtrace.NewTracer(slog.DiscardHandler, nil)
	ctx, span := tracer.Start(context.Background(), "POST /bookings")
	defer span.End()

	job, err := slogtrace.InjectJSON(ctx, []byte(`{"booking":"b1"}`))
	if err != nil {
		fmt.Println(err) // the job matters more than its trace
	}
	carrier, err := slogtrace.ExtractJSON(job)
	fmt.Println(carrier.Op, carrier.Traceparent == span.SpanContext().Traceparent(), err)
	// Output: POST /bookings true <nil>
}

func ExampleEnvAttrs() {
	// As a deployment sets them.
	os.Setenv("OTEL_SERVICE_NAME", "booking")
	os.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2.0,deployment.environment.name=staging")
	defer os.Unsetenv("OTEL_SERVICE_NAME")
	defer os.Unsetenv("OTEL_RESOURCE_ATTRIBUTES")

	h := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}).WithAttrs(slogtrace.EnvAttrs())
	slog.New(h).Info("started")
	// Output:
	// {"level":"INFO","msg":"started","service":"booking","service.version":"1.2.0","deployment.environment.name":"staging"}
}

func ExampleErrorTrace() {
	tracer := slogtrace.NewTracer(slog.DiscardHandler, nil)
	charge := func() error {
		ctx, span := tracer.Start(context.Background(), "charge")
		defer span.End()
		return slogtrace.WithTrace(ctx, errors.New("card declined"))
	}
	// Further up there is no context.
	logger := slog.New(slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	err := charge()
	logger.Error("job failed", "err", err, slogtrace.ErrorTrace(err))
	// Output:
	// {"level":"ERROR","msg":"job failed","err":"card declined","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx"}
}

func ExampleDisabled() {
	sampler := slogtrace.Sampler(nil) // all
	if os.Getenv("TRACING") == "off" {
		sampler = slogtrace.Disabled()
	}
	tracer := slogtrace.NewTracer(slog.DiscardHandler, &slogtrace.TracerOptions{Sampler: sampler})
	_, span := tracer.Start(context.Background(), "charge")
	span.End()
	fmt.Println(tracer.Stats().Withheld)
	// Output: 0
}

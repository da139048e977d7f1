package slogtrace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/slogtrace/slogtrace"
)

// These examples are also in docs/guide/spans.md: see guide_test.go.

func ExampleTracerOptions() {
	errSoldOut := errors.New("sold out")
	h := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady})
	slogtrace.SetDefault(slogtrace.NewTracer(h, &slogtrace.TracerOptions{
		IsFailure: func(err error) bool { return !errors.Is(err, errSoldOut) },
	}))
	defer slogtrace.SetDefault(nil)

	for _, result := range []error{errSoldOut, errors.New("connection refused")} {
		_ = slogtrace.Do(context.Background(), "ticket.buy", func(context.Context) error {
			return fmt.Errorf("buy: %w", result)
		})
	}
	// Output:
	// {"level":"INFO","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"ticket.buy"}
	// {"level":"ERROR","msg":"span end","trace":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","span":"xxxxxxxxxxxxxxxx","op":"ticket.buy","error":"buy: connection refused"}
}

func ExampleLink() {
	var lines bytes.Buffer
	slogtrace.SetDefault(slogtrace.NewTracer(slogtrace.NewJSONHandler(&lines, nil), nil))
	defer slogtrace.SetDefault(nil)

	type Job struct{ slogtrace.Carrier }
	var jobs []Job // each ordered in the trace of a booking
	for range 3 {
		ctx, span := slogtrace.Start(context.Background(), "digest.enqueue", slogtrace.KindProducer)
		jobs = append(jobs, Job{slogtrace.NewCarrier(ctx)})
		span.End()
	}
	lines.Reset()

	sendDigest := func(ctx context.Context) (err error) {
		attrs := []slog.Attr{slogtrace.KindConsumer, slog.Int("digest.jobs", len(jobs))}
		for _, job := range jobs {
			if sc, err := job.Carrier.SpanContext(); err == nil {
				attrs = append(attrs, slogtrace.Link(sc))
			}
		}
		ctx, span := slogtrace.Start(slogtrace.Detach(ctx), "digest.send", attrs...)
		defer span.End(&err)
		return ctx.Err() // in place of the work
	}
	fmt.Println(sendDigest(context.Background()))

	var line struct {
		Op, Parent string
		Links      []struct{ Trace string }
	}
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s, parent %q, %d links, the first to its booking's trace: %v\n", line.Op, line.Parent, len(line.Links),
		"00-"+line.Links[0].Trace == jobs[0].Traceparent[:35])
	// Output:
	// <nil>
	// digest.send, parent "", 3 links, the first to its booking's trace: true
}

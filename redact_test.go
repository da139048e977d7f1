package slogtrace

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"
)

func BenchmarkRedactHandler(b *testing.B) {
	json := NewJSONHandler(io.Discard, nil)
	for _, h := range []struct {
		name string
		h    slog.Handler
	}{
		{"sink=json", json},
		{"sink=redact", NewRedactHandler(json, nil)},
	} {
		tracer := NewTracer(h.h, nil)
		l := slog.New(h.h)
		remote := ContextWithRemoteSpanContext(context.Background(), SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
		ctx, _ := tracer.Start(context.Background(), "charge")
		info := func(ctx context.Context) {
			l.InfoContext(ctx, "payment authorised", "booking", "b-4711", "amount", 1299, "provider", "stripe")
		}
		attrs := func(ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, "payment authorised", slog.String("booking", "b-4711"), slog.Int("amount", 1299), slog.String("provider", "stripe"))
		}
		request := func(log func(context.Context)) func() {
			return func() {
				ctx, span := tracer.Start(remote, "POST /bookings", KindServer)
				log(ctx)
				log(ctx)
				for range 4 {
					ctx, span := Start(ctx, "step", slog.String("booking", "b-4711"), slog.Int("amount", 1299))
					log(ctx)
					log(ctx)
					span.End()
				}
				span.End()
			}
		}
		for _, job := range []struct {
			name string
			f    func()
		}{
			{"job=J1/call=InfoContext/", func() { info(ctx) }},
			{"job=J1/call=LogAttrs/", func() { attrs(ctx) }},
			{"job=J4/call=InfoContext/", request(info)},
			{"job=J4/call=LogAttrs/", request(attrs)},
		} {
			b.Run(job.name+h.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					job.f()
				}
			})
		}
	}
}

var _ = time.Now

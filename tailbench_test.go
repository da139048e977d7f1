package slogtrace

import (
	"context"
	"io"
	"log/slog"
	"testing"
)

// BenchmarkTailHandler measures a request of five spans and ten records that is held and then dropped or kept.
func BenchmarkTailHandler(b *testing.B) {
	drop, keep := TailOptions{PassLevel: slog.LevelWarn}, TailOptions{PassLevel: slog.LevelWarn, Share: 1}
	lines, records := NewJSONHandler(io.Discard, debugLevel), NewHandler(slog.NewJSONHandler(io.Discard, debugLevel))
	for _, bench := range []struct {
		name string
		h    slog.Handler
	}{
		{"lines/written at once", lines},
		{"lines/dropped", NewTailHandler(lines, &drop)},
		{"lines/kept", NewTailHandler(lines, &keep)},
		{"records/dropped", NewTailHandler(records, &drop)},
		{"records/kept", NewTailHandler(records, &keep)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tr, log := NewTracer(bench.h, nil), slog.New(bench.h)
			b.ReportAllocs()
			for b.Loop() {
				benchmarkRequest(tr, log)
			}
		})
	}
}

func benchmarkRequest(tr *Tracer, log *slog.Logger) {
	ctx, root := tr.Start(context.Background(), "request")
	for range 4 {
		ctx, child := Start(ctx, "step", slog.String("table", "bookings"), slog.Int("rows", 3))
		for range 2 {
			log.LogAttrs(ctx, slog.LevelInfo, "looked up", slog.String("id", "B-4711"), slog.Int("n", 7), slog.Bool("cached", true))
		}
		child.End()
	}
	for range 2 {
		log.LogAttrs(ctx, slog.LevelInfo, "answered", slog.String("id", "B-4711"), slog.Int("n", 7), slog.Bool("cached", true))
	}
	root.End()
}

package tracemetrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// kept is a handler that keeps the last record.
type kept struct {
	slog.Handler
	ctx context.Context
	r   slog.Record
}

func (k *kept) Handle(ctx context.Context, r slog.Record) error {
	k.ctx, k.r = ctx, r
	return nil
}

// spanRecord returns the record of a span, as a Tracer passes it to another package's handler.
func spanRecord(t testing.TB, ctx context.Context, op string, err error, attrs ...slog.Attr) (context.Context, slog.Record) {
	t.Helper()
	k := &kept{Handler: slog.NewTextHandler(io.Discard, nil)}
	_, span := slogtrace.NewTracer(k, nil).Start(ctx, op, attrs...)
	span.End(&err)
	if k.ctx == nil {
		t.Fatal("no record")
	}
	return k.ctx, k.r
}

var requestAttrs = []slog.Attr{
	slogtrace.KindServer, slog.String("http.request.method", "GET"), slog.String("http.route", "/bookings/{id}"),
	slog.Int("http.response.status_code", 200), slog.String("url.path", "/bookings/4711"), slog.String("server.address", "api.example"),
	slog.Int("server.port", 443), slog.String("network.protocol.version", "2"),
}

// Spans of a known series cost no allocation, failed or not.
func TestAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	h := NewHandler(nil).WithAttrs([]slog.Attr{slog.String("service", "api")})
	base := slogtrace.With(t.Context(), slog.String("task", "sync"))
	for _, test := range []struct {
		name  string
		err   error
		attrs []slog.Attr
	}{
		{"ok", nil, requestAttrs},
		{"failed", errors.New("no"), requestAttrs},
		{"timeout", context.DeadlineExceeded, requestAttrs},
		{"number as label", nil, []slog.Attr{slog.Int("webhook", 12345)}},
		{"breaker", nil, []slog.Attr{slog.String("circuit_breaker.name", "pay"), slog.String("circuit_breaker.state", "open")}},
	} {
		ctx, r := spanRecord(t, base, "GET /bookings/{id}", test.err, test.attrs...)
		if got := testing.AllocsPerRun(100, func() { _ = h.Handle(ctx, r) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", test.name, got)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, bench := range []struct {
		name string
		opts *Options
		err  error
	}{
		{"known", nil, nil},
		{"no exemplars", &Options{NoExemplars: true}, nil},
		{"failed", nil, errors.New("no")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h := NewHandler(bench.opts)
			ctx, r := spanRecord(b, b.Context(), "GET /bookings/{id}", bench.err, requestAttrs...)
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Handle(ctx, r)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		h := NewHandler(nil)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			ctx, r := spanRecord(b, b.Context(), "GET /bookings/{id}", nil, requestAttrs...)
			for pb.Next() {
				_ = h.Handle(ctx, r)
			}
		})
	})
	b.Run("overflow", func(b *testing.B) {
		h := NewHandler(&Options{MaxOps: 10})
		for i := range 10 {
			ctx, r := spanRecord(b, b.Context(), strconv.Itoa(i), nil)
			_ = h.Handle(ctx, r)
		}
		ctx, r := spanRecord(b, b.Context(), "GET /bookings/{id}", nil, requestAttrs...)
		b.ReportAllocs()
		for b.Loop() {
			_ = h.Handle(ctx, r)
		}
	})
}

// BenchmarkSpan has a whole span, from Start to its sinks.
func BenchmarkSpan(b *testing.B) {
	lines := slogtrace.NewJSONHandler(io.Discard, nil)
	for _, bench := range []struct {
		name string
		h    slog.Handler
	}{
		{"lines", lines},
		{"lines in a MultiHandler", slog.NewMultiHandler(lines)},
		{"lines and metrics", slog.NewMultiHandler(lines, NewHandler(nil))},
		{"metrics", NewHandler(nil)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tracer := tracerOf(bench.h)
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracer.Start(b.Context(), "charge", slog.String("seat", "12A"), slog.Int("euros", 129))
				span.End()
			}
		})
	}
}

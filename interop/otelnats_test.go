package interop

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// openNATS returns a client of a server in this process.
func openNATS(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS is not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// The headers of a message carry a trace in either form. nats.go has no tracing: the spans are the program's,
// here by OpenTelemetry's API.
func TestOTelNATS(t *testing.T) {
	for name, form := range map[string]struct {
		inject  func(t *testing.T, u *otelUser, ctx context.Context, h nats.Header)
		extract func(t *testing.T, u *otelUser, h nats.Header) context.Context
		queued  bool
	}{
		"traceparent": {
			func(_ *testing.T, u *otelUser, ctx context.Context, h nats.Header) {
				u.propagator.Inject(ctx, propagation.HeaderCarrier(h))
			},
			func(t *testing.T, u *otelUser, h nats.Header) context.Context {
				return u.propagator.Extract(t.Context(), propagation.HeaderCarrier(h))
			},
			false,
		},
		"Carrier": {
			func(t *testing.T, _ *otelUser, ctx context.Context, h nats.Header) {
				carrier, err := json.Marshal(slogtrace.NewCarrier(ctx))
				if err != nil {
					t.Error(err)
				}
				h.Set("Trace-Carrier", string(carrier))
			},
			func(t *testing.T, _ *otelUser, h nats.Header) context.Context {
				var carrier slogtrace.Carrier
				if err := json.Unmarshal([]byte(h.Get("Trace-Carrier")), &carrier); err != nil {
					t.Error(err)
				}
				ctx, err := carrier.Context(t.Context())
				if err != nil {
					t.Error(err)
				}
				return ctx
			},
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn := openNATS(t)
			u := newOTelUser(nil)
			tracer := u.provider.Tracer("bookings")
			// Each message is answered inside the consumer's span.
			_, err := conn.Subscribe("bookings", func(m *nats.Msg) {
				ctx, span := tracer.Start(form.extract(t, u, m.Header), "process bookings", trace.WithSpanKind(trace.SpanKindConsumer))
				u.in(ctx, "deliver", func(context.Context) {})
				span.End()
				if err := m.Respond(nil); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, err := slogtrace.WithBaggage(t.Context(), "tenant", "acme")
			if err != nil {
				t.Fatal(err)
			}
			u.in(ctx, "book", func(ctx context.Context) {
				ctx, span := tracer.Start(ctx, "send bookings", trace.WithSpanKind(trace.SpanKindProducer))
				defer span.End()
				m := nats.NewMsg("bookings")
				form.inject(t, u, ctx, m.Header)
				if _, err := conn.RequestMsgWithContext(ctx, m); err != nil {
					t.Error(err)
				}
			})
			u.check(t, `book tenant="acme"
  send bookings [producer] tenant="acme"
    process bookings [consumer] tenant="acme"
      deliver tenant="acme"
`, "tenant")
			for _, trace := range u.rec.Traces() {
				for _, s := range trace.All() {
					if got := s.Queued > 0; got != (form.queued && s.Kind == "consumer") {
						t.Errorf("%s: queued %v", s.Op, s.Queued)
					}
				}
			}
		})
	}
}

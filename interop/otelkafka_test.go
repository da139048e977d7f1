package interop

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/codes"
)

// openKafka returns a client of a fake cluster. Its messages are u's spans.
func openKafka(t *testing.T, u *otelUser, cluster *kfake.Cluster, tracerOpts ...kotel.TracerOpt) (*kgo.Client, *kotel.Tracer) {
	t.Helper()
	tracer := kotel.NewTracer(append(tracerOpts, kotel.TracerProvider(u.provider), kotel.TracerPropagator(u.propagator))...)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...),
		kgo.WithHooks(kotel.NewKotel(kotel.WithTracer(tracer)).Hooks()...),
		kgo.DefaultProduceTopic("bookings"),
		kgo.ConsumeTopics("bookings"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MaxBufferedBytes(1<<10),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, tracer
}

// receive returns the next message.
func receive(t *testing.T, client *kgo.Client) *kgo.Record {
	t.Helper()
	fetches := client.PollRecords(t.Context(), 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	return fetches.Records()[0]
}

// Publishing, receiving and processing are one trace, through the headers of the message. Baggage comes along.
func TestOTelKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "bookings"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	u := newOTelUser(nil)
	client, tracer := openKafka(t, u, cluster)
	ctx, err := slogtrace.WithBaggage(t.Context(), "tenant", "acme")
	if err != nil {
		t.Fatal(err)
	}
	u.in(ctx, "book", func(ctx context.Context) {
		if err := client.ProduceSync(ctx, kgo.StringRecord("b-1")).FirstErr(); err != nil {
			t.Error(err)
		}
		large := kgo.SliceRecord(bytes.Repeat([]byte("x"), 1<<10))
		if err = client.ProduceSync(ctx, large).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
			t.Fatalf("error %v", err)
		}
	})
	tooLargeText := err.Error()
	work, span := tracer.WithProcessSpan(receive(t, client))
	u.in(work, "deliver", func(ctx context.Context) { slogtrace.Logger(ctx).InfoContext(ctx, "delivered") })
	err = errors.New("no printer")
	span.RecordError(err)
	span.SetStatus(codes.Error, err.Error())
	span.End()
	u.check(t, `book tenant="acme"
  bookings publish [producer] tenant="acme" messaging.kafka.message.offset=0
    bookings receive [consumer] tenant="acme" messaging.kafka.message.offset=0
      bookings process [consumer] tenant="acme" messaging.kafka.message.offset=0 ✗ no printer
        · exception "acme" "no printer"
        deliver tenant="acme"
          · delivered "acme"
  bookings publish [producer] tenant="acme" messaging.kafka.message.offset=-1 ✗ `+tooLargeText+`
    · exception "acme" "`+tooLargeText+`"
`, "tenant", "messaging.kafka.message.offset")
}

// With LinkSpans, the consumer's traces begin there.
func TestOTelKafkaLinks(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "bookings"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	u := newOTelUser(nil)
	client, tracer := openKafka(t, u, cluster, kotel.LinkSpans())
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("b-1")).FirstErr(); err != nil {
		t.Error(err)
	}
	_, span := tracer.WithProcessSpan(receive(t, client))
	span.End()
	u.check(t, `bookings publish [producer]
bookings receive [consumer] link to another trace
bookings process [consumer] link to another trace
`)
}

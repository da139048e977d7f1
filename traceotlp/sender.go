package traceotlp

import (
	"context"
	"encoding/binary"
	"iter"
	"log/slog"
	"os"
	"slices"

	"github.com/slogtrace/slogtrace/internal/deliver"
	"github.com/slogtrace/slogtrace/internal/otlp"
)

// A Sender sends spans that are OTLP already, such as those that package tracelog/export makes of logs. It delivers as a Handler
// does, but makes the caller wait while its queue is full. Make one with [NewSender]. It is safe for concurrent use.
type Sender struct {
	queue  *deliver.Queue
	client *deliver.Client
}

// NewSender returns a Sender. Nil options mean the environment's values and the defaults. The resource of the spans is
// [Options.Resource], and nothing else: the spans come from other programs. Logs, Level, AddSource, Immediate and
// OTEL_SDK_DISABLED have no effect. An error means that an option or a variable of the environment is not valid.
func NewSender(opts *Options) (*Sender, error) {
	if opts == nil {
		opts = new(Options)
	}
	env := &environment{lookup: os.Getenv}
	client, _, err := env.client(opts, traces)
	if err != nil {
		return nil, err
	}
	var resource []otlp.Attr
	for _, a := range opts.Resource {
		resource = otlp.Flatten(resource, "", a)
	}
	q := env.queue(opts, traces)
	envelopes := map[string]otlp.Envelope{}
	var body []byte
	q.Send = func(ctx context.Context, b deliver.Batch) error {
		services, spans, size := sentSpans(b)
		if len(envelopes)+len(services) > maxEnvelopes {
			clear(envelopes)
		}
		for _, service := range services {
			if _, ok := envelopes[service]; !ok {
				envelopes[service] = otlp.Traces(withService(resource, service), otlp.Scope{})
			}
			size += envelopes[service].Len()
		}
		if size > maxRequest {
			return tooLarge(size)
		}
		body = otlp.AppendAll(body[:0], func(yield func(otlp.Envelope, iter.Seq[[]byte]) bool) {
			for i, service := range services {
				if !yield(envelopes[service], slices.Values(spans[i])) {
					return
				}
			}
		})
		answer, err := client.Post(ctx, body)
		if err != nil {
			return err
		}
		return partialSuccess(answer)
	}
	return &Sender{deliver.New(q), client}, nil
}

// maxEnvelopes is for how many services a Sender keeps the envelope, besides those of one batch.
const maxEnvelopes = 1000

// withService adds service.name, unless the resource has one or the service is not known.
func withService(resource []otlp.Attr, service string) []otlp.Attr {
	if service == "" || hasKey(resource, "service.name") {
		return resource
	}
	return append(resource[:len(resource):len(resource)], otlp.Attr{Key: "service.name", Value: slog.StringValue(service)})
}

// Send queues a copy of span, the JSON of an opentelemetry.proto.trace.v1.Span. Service is the name of its service, or "".
// Send waits while the queue is full. It returns an error only if ctx ends first. Stats counts what became of the span.
// After Shutdown, spans are dropped.
func (s *Sender) Send(ctx context.Context, service string, span []byte) error {
	record := binary.AppendUvarint(make([]byte, 0, len(service)+len(span)+4), uint64(len(service)))
	return s.queue.Put(ctx, append(append(record, service...), span...))
}

// sentSpans returns the services of a batch, the spans of each, and about how many bytes these are.
func sentSpans(b deliver.Batch) (services []string, spans [][][]byte, size int) {
	index := map[string]int{}
	for record := range b.All() {
		length, n := binary.Uvarint(record)
		service, span := string(record[n:n+int(length)]), record[n+int(length):]
		i, ok := index[service]
		if !ok {
			i = len(services)
			index[service] = i
			services, spans = append(services, service), append(spans, nil)
		}
		spans[i] = append(spans[i], span)
		size += len(span) + 1
	}
	return services, spans, size
}

// Shutdown sends what waits and ends the Sender's goroutine. If ctx ends first, the rest is dropped. The error names what was lost.
func (s *Sender) Shutdown(ctx context.Context) error {
	err := s.queue.Shutdown(ctx)
	s.client.CloseIdle()
	return err
}

// Stats returns how many spans were queued, delivered and dropped so far.
func (s *Sender) Stats() Delivery { return Delivery(s.queue.Stats()) }

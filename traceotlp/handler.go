// Package traceotlp sends spans and log records to OpenTelemetry's receivers, such as Jaeger or a Collector, by OTLP over HTTP.
// It needs no SDK.
//
//	h, err := traceotlp.NewHandler(nil) // http://localhost:4318, or what OTEL_EXPORTER_OTLP_ENDPOINT says
//	if err != nil {
//		return err
//	}
//	defer h.Shutdown(context.Background())
//	slog.SetDefault(slog.New(slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), h)))
//
// Every span record becomes an OTLP span, and every other record an OTLP log record: see [Options.Logs].
//
// # Delivery
//
// A Handler never makes the caller wait. Records wait in a bounded queue, one for spans and one for logs, until a
// goroutine sends them. When a queue is full, new records are dropped and counted: see [Handler.Stats].
//
// A batch is sent until it is taken: again after statuses 429, 502, 503 and 504 and after failed connections, with growing pauses, or after
// what Retry-After asks for. It is split if it is too large for the receiver (413). After any other status it is dropped and
// counted under that status. Delivery is at least once: what a receiver took before the connection broke may be there twice.
//
// [Handler.Shutdown] sends what waits. What is in the queue is lost if the program ends without it: by os.Exit, log.Fatal or a panic
// that nobody recovers. [Options.Immediate] sends each record at once.
//
// # Environment
//
// These variables have the meaning and defaults of OpenTelemetry's specification ("OTLP Exporter Configuration",
// "Environment Variable Specification"). Fields of [Options] take precedence.
//
//   - OTEL_EXPORTER_OTLP_ENDPOINT, and _TRACES_ENDPOINT and _LOGS_ENDPOINT, which are used as they are
//   - OTEL_EXPORTER_OTLP_HEADERS, _COMPRESSION, _TIMEOUT, _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY and _PROTOCOL,
//     each also for one signal, as in OTEL_EXPORTER_OTLP_TRACES_HEADERS
//   - OTEL_BSP_MAX_QUEUE_SIZE, _MAX_EXPORT_BATCH_SIZE, _SCHEDULE_DELAY and _EXPORT_TIMEOUT for spans,
//     OTEL_BLRP_… for logs. Times are in milliseconds, although the names do not say so.
//   - OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
//   - OTEL_SDK_DISABLED: with "true" a Handler drops all records
//
// Two differ. This package writes JSON: http/protobuf, the default of OTEL_EXPORTER_OTLP_PROTOCOL, is accepted, since receivers take both
// at the same port, and grpc is an error. An export timeout limits one attempt, not all attempts for a batch.
package traceotlp

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/internal/deliver"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/otlp"
)

// Options are options for [NewHandler]. The zero value means the environment's values, or the defaults.
type Options struct {
	// Endpoint is the base URL of the receiver, such as "https://collector.example:4318".
	// Spans go to v1/traces below it, logs to v1/logs.
	Endpoint string

	Headers map[string]string // of each request, such as Authorization; they are in no error text
	Gzip    bool
	Timeout time.Duration // of one request
	TLS     *tls.Config

	// Resource describes this program: service.name and whatever else is true of all its records. Groups are flattened.
	// Its attributes take precedence over those of the environment. service.version, if it is nowhere else,
	// is the version that the program was built as.
	Resource []slog.Attr

	// Logs is what becomes of records that are not spans.
	Logs Logs

	// Level is the lowest level that is sent. Nil: Info.
	Level slog.Leveler

	AddSource bool // adds code.function.name, code.file.path and code.line.number to logs

	MaxQueue      int           // records of a signal that wait, at most
	MaxQueueBytes int           // and their bytes, as JSON; default 8 MiB
	MaxBatch      int           // records in a request, at most
	Delay         time.Duration // of a batch that is not full

	// Immediate sends each record in a request of its own, without delay. It is for debugging.
	Immediate bool

	// Transport sends the requests. Nil: one of the Handler's own, with the proxy that the environment names.
	// It must not be one that makes spans.
	Transport http.RoundTripper
}

// Logs is what becomes of records that are not spans.
type Logs int

const (
	LogRecords Logs = iota // OTLP log records
	LogEvents              // events of their span, sent with it; those outside of a span are not sent
	LogNothing             // not sent
)

// maxRequest is what receivers take before decompression, by default (OTLP Specification, "OTLP/HTTP Request").
const maxRequest = 20 << 20

// A Handler is a [slog.Handler] that sends records to a receiver. Make one with [NewHandler]. It is safe for concurrent use.
type Handler struct {
	*exporter
	prefix string      // of the open groups, each with a dot
	bound  []otlp.Attr // by WithAttrs
}

// An exporter is what all handlers derived from one share.
type exporter struct {
	level     slog.Leveler
	addSource bool
	resource  []otlp.Attr
	spans     *deliver.Queue // nil if all is disabled
	logs      *deliver.Queue // nil without logs
	events    *eventStore    // nil without events
	protocol  string
	ignored   []string
	clients   []*deliver.Client
	scratch   sync.Pool // of *buffers
}

// NewHandler returns a Handler. Nil options mean the defaults. It connects to nobody yet.
// The error says which option or variable is not valid, and what to set.
func NewHandler(opts *Options) (*Handler, error) {
	if opts == nil {
		opts = new(Options)
	}
	env := &environment{lookup: os.Getenv}
	x := &exporter{level: opts.Level, addSource: opts.AddSource}
	if x.level == nil {
		x.level = slog.LevelInfo
	}
	if strings.EqualFold(strings.TrimSpace(env.lookup("OTEL_SDK_DISABLED")), "true") {
		return &Handler{exporter: x}, nil
	}
	if opts.Logs < LogRecords || opts.Logs > LogNothing {
		return nil, fmt.Errorf("traceotlp: Options.Logs: want LogRecords, LogEvents or LogNothing, got %d", opts.Logs)
	}
	x.resource = env.resource(opts)
	scope := otlp.Scope{Name: modulePath, Version: version()}
	var err error
	if x.spans, err = x.start(env, opts, traces, otlp.Traces(x.resource, scope)); err != nil {
		return nil, err
	}
	switch opts.Logs {
	case LogRecords:
		if x.logs, err = x.start(env, opts, logs, otlp.Logs(x.resource, scope)); err != nil {
			_ = x.spans.Shutdown(context.Background()) // it is empty
			return nil, err
		}
	case LogEvents:
		x.events = newEventStore()
	}
	x.ignored = env.ignored
	return &Handler{exporter: x}, nil
}

// start starts the queue of a signal.
func (x *exporter) start(env *environment, opts *Options, s signal, envelope otlp.Envelope) (*deliver.Queue, error) {
	client, protocol, err := env.client(opts, s)
	if err != nil {
		return nil, err
	}
	if x.protocol == "" || protocol != "http/json" {
		x.protocol = protocol
	}
	x.clients = append(x.clients, client)
	q := env.queue(opts, s)
	var body []byte
	q.Send = func(ctx context.Context, b deliver.Batch) error {
		if size := envelope.Len() + b.Bytes() + b.Len(); size > maxRequest {
			return tooLarge(size)
		}
		if cap(body) > 4<<20 {
			body = nil
		}
		body = envelope.Append(body[:0], b.All())
		answer, err := client.Post(ctx, body)
		if err != nil {
			return err
		}
		return partialSuccess(answer)
	}
	return deliver.New(q), nil
}

func tooLarge(size int) error {
	return fmt.Errorf("%w: %d bytes, a receiver takes 20 MiB", deliver.ErrTooLarge, size)
}

// partialSuccess returns an error if the answer says that records were rejected, or warns (OTLP Specification, "Partial Success").
func partialSuccess(answer []byte) error {
	var a struct {
		PartialSuccess struct {
			RejectedSpans      json.Number `json:"rejectedSpans"` // a string, by the specification
			RejectedLogRecords json.Number `json:"rejectedLogRecords"`
			ErrorMessage       string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return nil // 200 means that the receiver has the batch, whatever it says besides
	}
	p := a.PartialSuccess
	spans, _ := p.RejectedSpans.Int64()
	logs, _ := p.RejectedLogRecords.Int64()
	if spans <= 0 && logs <= 0 && p.ErrorMessage == "" {
		return nil
	}
	n := max(spans, logs, 0)
	text := p.ErrorMessage
	if text == "" {
		text = fmt.Sprintf("the receiver rejected %d", n)
	}
	return &deliver.RejectedError{Records: int(min(n, 1<<30)), Err: errors.New(text)}
}

// Enabled reports whether records of the level are sent.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.spans != nil && level >= h.level.Level()
}

// WithAttrs returns a handler that adds attrs to every record. Those that the resource has, with the same value, are left out:
// [slogtrace.EnvAttrs] on a logger is not repeated on each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h2 := *h
	h2.bound = slices.Clip(h.bound)
	for _, a := range attrs {
		if a.Key == "" && hook.IsMark(a) {
			continue // the ids: they are taken from the context
		}
		h2.bound = otlp.Flatten(h2.bound, h.prefix, a)
	}
	h2.bound = slices.DeleteFunc(h2.bound, h.inResource)
	return &h2
}

func (h *Handler) inResource(a otlp.Attr) bool {
	key := a.Key
	if key == "service" {
		key = "service.name"
	}
	for _, r := range h.resource {
		if r.Key == key {
			return a.Value.Kind() == slog.KindString && r.Value.Kind() == slog.KindString && a.Value.String() == r.Value.String()
		}
	}
	return false
}

// WithGroup returns a handler that puts the name and a dot before the keys of later attributes.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.prefix += name + "."
	return &h2
}

// Flush sends what waits, until it is delivered or dropped, or ctx ends. The error names what was lost since the last Flush.
func (h *Handler) Flush(ctx context.Context) error {
	return h.each(func(q *deliver.Queue) error { return q.Flush(ctx) })
}

// Shutdown sends what waits and ends the Handler's goroutines. If ctx ends first, the rest is dropped.
// The error names what was lost since the last Flush. Later records are dropped.
func (h *Handler) Shutdown(ctx context.Context) error {
	err := h.each(func(q *deliver.Queue) error { return q.Shutdown(ctx) })
	for _, c := range h.clients {
		c.CloseIdle()
	}
	if h.events != nil {
		h.events.clear()
	}
	return err
}

// each calls f with both queues at the same time.
func (h *Handler) each(f func(*deliver.Queue) error) error {
	var errs [2]error
	var group sync.WaitGroup
	for i, q := range []*deliver.Queue{h.spans, h.logs} {
		if q != nil {
			group.Go(func() { errs[i] = f(q) })
		}
	}
	group.Wait()
	return errors.Join(errs[:]...)
}

// Stats are what became of the records of a Handler, and of all handlers derived from the same one.
type Stats struct {
	Spans, Logs Delivery

	DroppedEvents uint64   // log records that were to be events of a span that had too many, or did not end in time; Shutdown adds those that wait
	Protocol      string   // "http/json", and which variable asked for something else
	Ignored       []string // variables of the environment that are not valid and so have no effect
}

// Delivery counts the records of one signal. Records is the sum of Delivered, Waiting and all of Dropped.
type Delivery struct {
	Records   uint64            // that were to be sent
	Delivered uint64            // that the receiver has
	Dropped   map[string]uint64 // by reason: "queue full", "too large", "rejected", "shut down", "status 400", …
	Batches   uint64            // requests that were successful
	Retries   uint64            // requests that were sent again
	LastError string            // "" if there was none
	Waiting   int               // in the queue or under way
	HeldBytes int               // the memory that the queue holds
}

// Stats returns what became of all records so far.
func (h *Handler) Stats() Stats {
	s := Stats{Protocol: h.protocol, Ignored: slices.Clone(h.ignored)}
	if h.spans != nil {
		s.Spans = Delivery(h.spans.Stats())
	}
	if h.logs != nil {
		s.Logs = Delivery(h.logs.Stats())
	}
	if h.events != nil {
		s.DroppedEvents = h.events.dropped()
	}
	return s
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// otlpJobs are those of spans on their way to an OTLP receiver.
func otlpJobs() []job {
	const (
		transport = "One op is 2,048 spans, as many as the queues take: four batches. The transport answers 200 and does nothing else. Nothing is compressed. " +
			"slogtrace's queue is flushed after each op, so it is never full, or the row would have lost spans. The SDK's waits when it is full."
		json = "OpenTelemetry's SDK has no exporter of JSON. This one gives the SDK's spans to the Collector's pdata, whose MarshalJSON writes them: that is what the Collector's own exporters do."
	)
	subjects := func(op func(*session) work) func(tool) []subject {
		return func(t tool) []subject {
			if t.name != oursOTLP.name {
				return []subject{{t.name, t.name, op}}
			}
			return []subject{{t.name, otelProto.name, op}, {t.name + besideJSON, otelJSON.name, op}}
		}
	}
	children := func(s *session) work {
		return each(func() {
			for range otlpQueue {
				s.child(2)
			}
		})
	}
	wire := []tool{otelProto, otelJSON, oursOTLP}
	floor := otelBatch
	floor.approximate, floor.unsteady = "the processor's timer counts by its share", true
	left := want{ends: otlpQueue, end: endAttrs}
	return []job{
		{
			name: "otlp", title: "start and end of 2,048 children with 2 attrs, until their batches are encoded and handed to a transport",
			notes: []string{transport, "The floor's exporter encodes nothing: it counts the spans."},
			tools: []tool{floor, oursOTLP},
			subjects: func(t tool) []subject {
				return []subject{{t.name, otelBatch.name, children}}
			},
			want: left,
		},
		{
			name: "otlpwire", title: "the same, with exporters that encode",
			notes: []string{transport, json, "The ratio of spans per CPU second is the inverse of a ratio here."},
			tools: wire, subjects: subjects(children),
			want: left,
		},
		{
			name: "otlpencode", title: "2,048 ended children with 2 attrs, until their batches are encoded and handed to a transport",
			notes: []string{
				transport, json,
				"The exporters of the SDK are called with 512 spans at a time, without the SDK's queue. slogtrace's handler is called with a record at a time, and its queue is part of the figure.",
			},
			tools: wire, subjects: subjects(func(s *session) work { return each(s.export) }),
			want: left,
		},
	}
}

var otlpGates = []gate{
	{"otlp", oursOTLP.name, 0.60, -1, &known{0.70, 0, flushed}},
	{"otlpwire", oursOTLP.name, 1.00, -1, nil},
	{"otlpwire", oursOTLP.name + besideJSON, 0.50, -1, nil},
	{"otlpencode", oursOTLP.name, 1.00, -1, nil},
}

const (
	besideJSON = ", beside JSON"
	otlpBatch  = 512  // both have it by default
	otlpQueue  = 2048 // likewise
)

// An idleReceiver is a transport that has an OTLP receiver behind it, which keeps what it gets only to be looked at.
type idleReceiver struct {
	seen *seen
	json bool
}

func (r idleReceiver) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.seen != nil {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = r.take(body)
		}
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

// take notes the spans of a request. The Collector's decoder reads it.
func (r idleReceiver) take(body []byte) error {
	decoded, decode := ptraceotlp.NewExportRequest(), ptraceotlp.ExportRequest.UnmarshalProto
	if r.json {
		decode = ptraceotlp.ExportRequest.UnmarshalJSON
	}
	if err := decode(decoded, body); err != nil {
		return err
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	for _, resource := range decoded.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, s := range scope.Spans().All() {
				attrs := map[string]string{}
				for key, v := range s.Attributes().All() {
					attrs[key] = v.AsString()
				}
				r.seen.exported = append(r.seen.exported, span{ids{s.TraceID().String(), s.SpanID().String()}, s.ParentSpanID().String(), attrs})
			}
		}
	}
	return nil
}

// otelProto and otelJSON are the SDK with exporters of OTLP.
var (
	otelProto = otelOTLP("OpenTelemetry SDK, otlptracehttp", func(s *seen) (sdktrace.SpanExporter, error) {
		return otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL("http://receiver.invalid"),
			otlptracehttp.WithHTTPClient(&http.Client{Transport: idleReceiver{seen: s}}))
	})
	otelJSON = otelOTLP("OpenTelemetry SDK, pdata's JSON", func(s *seen) (sdktrace.SpanExporter, error) {
		return &jsonExporter{http.Client{Transport: idleReceiver{seen: s, json: true}}}, nil
	})
)

func otelOTLP(name string, exporter func(*seen) (sdktrace.SpanExporter, error)) tool {
	return tool{
		name: name, peer: "OTLP", ends: endsExported, ids: keys{trace: "trace_id", span: "span_id"},
		open: func(sk *sink) (*session, error) {
			e, err := exporter(sk.seen)
			if err != nil {
				return nil, err
			}
			o := newOtel(&countingExporter{next: e}, &sink{})
			s := o.session(slog.New(slog.DiscardHandler))
			ended := keptSpans{}
			// Spans of the same trace, from a provider whose exporter keeps them.
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&ended)).Tracer("gates")
			for range verified * otlpQueue {
				(&otelTracer{tracer: tracer}).child2(s.ctx)
			}
			s.pace = 1
			s.export = eachBatch(ended, func(batch []sdktrace.ReadOnlySpan) {
				if err := o.exporter.ExportSpans(context.Background(), batch); err != nil {
					panic(err)
				}
			})
			return s, nil
		},
	}
}

// eachBatch returns a function that calls f with the batches of one op, each time with other elements of list.
func eachBatch[E any](list []E, f func(batch []E)) func() {
	ops := slices.Collect(slices.Chunk(list, otlpQueue))
	next := 0
	return func() {
		for batch := range slices.Chunk(ops[next%len(ops)], otlpBatch) {
			f(batch)
		}
		next++
	}
}

// keptSpans is an exporter that keeps spans.
type keptSpans []sdktrace.ReadOnlySpan

func (k *keptSpans) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	*k = append(*k, spans...)
	return nil
}

func (k *keptSpans) Shutdown(context.Context) error { return nil }

// A jsonExporter sends spans as OTLP JSON, by way of the Collector's pdata.
type jsonExporter struct{ client http.Client }

func (e *jsonExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	for _, a := range spans[0].Resource().Attributes() {
		resource.Resource().Attributes().PutStr(string(a.Key), a.Value.String())
	}
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName(spans[0].InstrumentationScope().Name)
	scope.Spans().EnsureCapacity(len(spans))
	for _, s := range spans {
		to := scope.Spans().AppendEmpty()
		to.SetTraceID(pcommon.TraceID(s.SpanContext().TraceID()))
		to.SetSpanID(pcommon.SpanID(s.SpanContext().SpanID()))
		to.SetParentSpanID(pcommon.SpanID(s.Parent().SpanID()))
		to.SetFlags(uint32(s.SpanContext().TraceFlags()))
		to.SetName(s.Name())
		to.SetKind(ptrace.SpanKind(s.SpanKind()))
		to.SetStartTimestamp(pcommon.NewTimestampFromTime(s.StartTime()))
		to.SetEndTimestamp(pcommon.NewTimestampFromTime(s.EndTime()))
		to.Attributes().EnsureCapacity(len(s.Attributes()))
		for _, a := range s.Attributes() {
			switch v := a.Value.AsInterface().(type) {
			case string:
				to.Attributes().PutStr(string(a.Key), v)
			case int64:
				to.Attributes().PutInt(string(a.Key), v)
			default:
				return errors.New("gates: an attribute that no job has")
			}
		}
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalJSON()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://receiver.invalid/v1/traces", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (e *jsonExporter) Shutdown(context.Context) error { return nil }

// oursOTLP has the defaults, without the environment's.
var oursOTLP = tool{
	name: "traceotlp", ends: endsExported, ids: oursKeys,
	open: func(sk *sink) (*session, error) {
		h, err := traceotlp.NewHandler(&traceotlp.Options{
			Endpoint: "http://receiver.invalid", Transport: idleReceiver{seen: sk.seen, json: true}, Logs: traceotlp.LogNothing,
			MaxQueue: otlpQueue, MaxBatch: otlpBatch,
		})
		if err != nil {
			return nil, err
		}
		s := openOurs(h)
		var ended keptRecords
		ctx := slogtrace.ContextWithRemoteSpanContext(context.Background(), slogtrace.SpanContextFromContext(s.ctx))
		tracer := slogtrace.NewTracer(&ended, nil)
		for range verified * otlpQueue {
			_, span := tracer.Start(ctx, op, slog.String("booking", booking), slog.Int("amount", amount))
			span.End()
		}
		s.export = eachBatch(ended, func(batch []keptRecord) {
			for i := range batch {
				_ = h.Handle(batch[i].ctx, batch[i].record) // it returns no error
			}
		})
		s.pace = 1
		s.flush = func() {
			if err := h.Flush(context.Background()); err != nil {
				panic(err) // it lost some
			}
		}
		s.exported = func() int64 { return int64(h.Stats().Spans.Delivered) }
		s.close = func() { _ = h.Shutdown(context.Background()) }
		return s, nil
	},
}

// keptRecords is a handler that keeps records.
type keptRecords []keptRecord

type keptRecord struct {
	ctx    context.Context
	record slog.Record
}

func (k *keptRecords) Enabled(context.Context, slog.Level) bool { return true }
func (k *keptRecords) WithAttrs([]slog.Attr) slog.Handler       { return k }
func (k *keptRecords) WithGroup(string) slog.Handler            { return k }

func (k *keptRecords) Handle(ctx context.Context, r slog.Record) error {
	*k = append(*k, keptRecord{ctx, r.Clone()})
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutlog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// otelslog turns slog's records into those of OpenTelemetry's SDK, which exports them: there are no lines of slog's.
// The spans go the SDK's way, to an exporter that does nothing.
var (
	otelslogBatch = tool{
		name: "otelslog, no-op exporter", peer: "otelslog", slog: true, judged: judgedOtelslog, ids: keys{trace: "trace"}, ends: endsExported, exportsLines: true,
		note: otelslogNote,
		open: func(sk *sink) (*session, error) { return openOtelslog(new(countingLogs), sk), nil },
	}

	otelslogStdout = tool{
		name: "otelslog, stdoutlog", peer: "otelslog", slog: true, judged: judgedOtelslog, ids: keys{trace: "trace", decode: decodeStdoutLog}, ends: endsExported, exportsLines: true,
		note: otelslogNote,
		open: func(sk *sink) (*session, error) {
			e, err := stdoutlog.New(stdoutlog.WithWriter(sk.lines))
			if err != nil {
				return nil, err
			}
			return openOtelslog(&countingLogs{next: e}, sk), nil
		},
	}
)

const otelslogNote = "otelslog: the batch processor drops records when 2,048 wait, so it is flushed after every 1,000."

func openOtelslog(e *countingLogs, sk *sink) *session {
	e.seen = sk.seen
	logs := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(e)))
	l := slog.New(otelslog.NewHandler("gates", otelslog.WithLoggerProvider(logs)))
	spans := newOtel(new(countingExporter), sk)
	s := spans.session(l)
	flush, end, exported := s.flush, s.close, s.exported
	s.pace = 1000
	s.flush = func() {
		flush()
		_ = logs.ForceFlush(context.Background())
	}
	s.exported = func() int64 { return exported() + e.count.Load() }
	s.close = func() {
		end()
		_ = logs.Shutdown(context.Background())
	}
	return s
}

// countingLogs counts records and passes them on, if there is somebody to pass them to.
type countingLogs struct {
	next  sdklog.Exporter
	count atomic.Int64
	seen  *seen
}

func (e *countingLogs) Export(ctx context.Context, records []sdklog.Record) error {
	e.count.Add(int64(len(records)))
	if e.next != nil {
		return e.next.Export(ctx, records)
	}
	if e.seen == nil {
		return nil
	}
	e.seen.mu.Lock()
	defer e.seen.mu.Unlock()
	for _, r := range records {
		l := line{ids{r.TraceID().String(), r.SpanID().String()}, r.Body().String(), map[string]string{}}
		r.WalkAttributes(func(a attribute.KeyValue) bool {
			flattenOtel(l.attrs, a)
			return true
		})
		e.seen.records = append(e.seen.records, l)
	}
	return nil
}

// flattenOtel adds a to attrs. A group has become a map, whose text is JSON.
func flattenOtel(to map[string]string, a attribute.KeyValue) {
	text := a.Value.String()
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) == nil {
		flatten(to, string(a.Key)+".", object)
	} else {
		to[string(a.Key)] = text
	}
}

func (e *countingLogs) ForceFlush(ctx context.Context) error {
	if e.next != nil {
		return e.next.ForceFlush(ctx)
	}
	return nil
}

func (e *countingLogs) Shutdown(ctx context.Context) error {
	if e.next != nil {
		return e.next.Shutdown(ctx)
	}
	return nil
}

func decodeStdoutLog(b []byte) (line, error) {
	var r struct {
		Body            struct{ Value string }
		TraceID, SpanID string
		Attributes      []otelAttr
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return line{}, err
	}
	return line{ids{r.TraceID, r.SpanID}, r.Body.Value, otelAttrs(r.Attributes)}, nil
}

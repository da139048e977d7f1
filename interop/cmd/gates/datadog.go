//go:build !(386 || arm || mips || mipsle)

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	ddslog "github.com/DataDog/dd-trace-go/contrib/log/slog/v2"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/ext"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
	"github.com/slogtrace/slogtrace"
	"github.com/tinylib/msgp/msgp"
)

// datadog is its tracer without an agent: the transport answers in the process. It is global, so one session at a time.
var datadog = tool{
	name: "Datadog", peer: "Datadog", slog: true, judged: judgedDatadog,
	ids:  keys{trace: ext.LogKeyTraceID, span: ext.LogKeySpanID, spanID: hexOfDecimal},
	ends: endsExported, open: openDatadog,
	approximate: "Datadog's payloads grow, and are sent, in the background",
	note: "Datadog: there is no agent, its transport answers in the process. Telemetry, metrics and client-side statistics are off. " +
		"It drops traces when 1,000 wait, so it is flushed after every 500 ops. In J2 a parent ends after every 100 children.",
}

var judgedDatadog = &judged{
	name: "Datadog", module: "github.com/DataDog/dd-trace-go/contrib/log/slog/v2",
	open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		return ddslog.WrapHandler(slog.NewJSONHandler(w, o))
	},
	enter: enterDatadog,
	start: func() (stop func(), err error) { return tracer.Stop, startDatadog(new(stubAgent)) },
	findings: []finding{
		{
			rules: []string{"siblings"},
			shows: []string{"two loggers derived from one are mixed up"},
			text:  "if two loggers are derived with WithGroup from one that has 3 groups open, the first one's attributes are written into the second one's group",
		},
		collision(ext.LogKeyTraceID),
	},
	notPromised: []omission{{"op", noNames}},
}

// enterDatadog starts a span for each record, which never ends: its ids are all that is asked of it.
func enterDatadog(ctx context.Context, sc slogtrace.SpanContext) context.Context {
	remote, err := tracer.Extract(tracer.HTTPHeadersCarrier{"Traceparent": {sc.Traceparent()}})
	if err != nil {
		return ctx
	}
	//lint:ignore SA1019 a remote parent has no StartChild
	parent := tracer.ChildOf(remote)
	return tracer.ContextWithSpan(ctx, tracer.StartSpan(op, parent, tracer.WithSpanID(binary.BigEndian.Uint64(sc.SpanID[:]))))
}

// startDatadog starts the global tracer.
func startDatadog(agent *stubAgent) error {
	for k, v := range map[string]string{
		"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
		"DD_REMOTE_CONFIGURATION_ENABLED":      "false",
		"DD_TRACE_INTERNAL_METRICS_ENABLED":    "false",
		"DD_TRACE_PROPAGATION_STYLE":           "tracecontext", // the headers that the others write
	} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	return tracer.Start(
		tracer.WithHTTPClient(&http.Client{Transport: agent}),
		tracer.WithLogger(noLog{}), tracer.WithLogStartup(false), tracer.WithService("gates"),
	)
}

func openDatadog(sk *sink) (*session, error) {
	d := &datadogSession{agent: &stubAgent{seen: sk.seen}, remote: http.Header{"Traceparent": {remoteText}}}
	if err := startDatadog(d.agent); err != nil {
		return nil, err
	}
	l := slog.New(judgedDatadog.open(sk.lines, &sk.opts))
	d.begin()
	c := d.parent.Context()
	return &session{
		logger: l, ctx: d.ctx, at: ids{c.TraceID(), hexOf(c.SpanID())},
		fresh: func() context.Context {
			_, ctx := tracer.StartSpanFromContext(d.ctx, op)
			return ctx
		},
		debug:    debugs(l, d.ctx),
		child:    d.child,
		request:  func(log logFunc) { d.request(l, log) },
		pace:     500,
		flush:    d.flush,
		exported: d.exported,
		close:    tracer.Stop,
	}, nil
}

type datadogSession struct {
	agent  *stubAgent
	remote http.Header

	parent   *tracer.Span // of J2's children; a trace is exported when all its spans have ended
	ctx      context.Context
	children int

	traces int64 // that have ended
	spans  int64 // in them, without J2's parents
}

const parentOp = "parent"

func (d *datadogSession) begin() {
	d.children = 0
	d.parent, d.ctx = tracer.StartSpanFromContext(context.Background(), parentOp)
}

func (d *datadogSession) end() {
	d.parent.Finish()
	d.traces++
	d.begin()
}

func (d *datadogSession) child(attrs int) {
	switch attrs {
	case 0:
		datadogChild(d.ctx)
	case 2:
		datadogChild2(d.ctx)
	case 10:
		datadogChild10(d.ctx)
	}
	d.spans++
	if d.children++; d.children == 100 {
		d.end()
	}
}

func datadogChild(ctx context.Context) {
	span, _ := tracer.StartSpanFromContext(ctx, op)
	defer span.Finish()
}

func datadogChild2(ctx context.Context) {
	span, _ := tracer.StartSpanFromContext(ctx, op, tracer.Tag("booking", booking), tracer.Tag("amount", amount))
	defer span.Finish()
}

func datadogChild10(ctx context.Context) {
	span, _ := tracer.StartSpanFromContext(ctx, op,
		tracer.Tag("booking", booking), tracer.Tag("amount", amount), tracer.Tag("ok", true), tracer.Tag("currency", "EUR"),
		tracer.Tag("provider", provider), tracer.Tag("attempt", attempt), tracer.Tag("fee", 1.25), tracer.Tag("wait", 3),
		tracer.Tag("seats", 3), tracer.Tag("channel", "web"))
	defer span.Finish()
}

func (d *datadogSession) request(l *slog.Logger, log logFunc) {
	remote, err := tracer.Extract(tracer.HTTPHeadersCarrier(d.remote))
	if err != nil {
		return
	}
	//lint:ignore SA1019 a remote parent has no StartChild
	parent := tracer.ChildOf(remote)
	span, ctx := tracer.StartSpanFromContext(context.Background(), root, parent, tracer.Tag(ext.SpanKind, ext.SpanKindServer))
	defer func() {
		span.Finish()
		d.traces++
		d.spans += 1 + int64(len(steps))
	}()
	log(l, ctx)
	log(l, ctx)
	for _, op := range &steps {
		datadogStep(ctx, op, l, log)
	}
}

func datadogStep(ctx context.Context, op string, l *slog.Logger, log logFunc) {
	span, ctx := tracer.StartSpanFromContext(ctx, op, tracer.Tag("booking", booking), tracer.Tag("amount", amount))
	defer span.Finish()
	log(l, ctx)
	log(l, ctx)
}

// flush returns when all traces have been sent, or after a second: then some were dropped.
func (d *datadogSession) flush() {
	if d.children > 0 {
		d.end()
	}
	// A flush does not wait for what is on its way to the writer, nor for what the writer sends.
	for end := time.Now().Add(time.Second); d.agent.traces.Load() < d.traces && time.Now().Before(end); {
		tracer.Flush()
		time.Sleep(20 * time.Microsecond)
	}
}

func (d *datadogSession) exported() int64 {
	if sent := d.agent.traces.Load(); sent < d.traces {
		return d.spans * sent / d.traces
	}
	return d.spans
}

// stubAgent is an agent as an old one would be: it takes traces, and computes the statistics itself.
type stubAgent struct {
	traces atomic.Int64
	seen   *seen
}

func (a *stubAgent) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		}, nil
	}
	if !strings.HasSuffix(r.URL.Path, "/traces") {
		return answer(http.StatusNotFound, "")
	}
	defer r.Body.Close()
	if a.seen == nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	} else if err := a.look(r.Body); err != nil {
		return nil, err
	}
	n, _ := strconv.ParseInt(r.Header.Get("X-Datadog-Trace-Count"), 10, 64)
	a.traces.Add(n)
	return answer(http.StatusOK, "{}")
}

// look keeps the spans of a payload of version 0.4: arrays of spans, in MessagePack.
func (a *stubAgent) look(body io.Reader) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(body); err != nil {
		return err
	}
	payload, _, err := msgp.ReadIntfBytes(b.Bytes())
	if err != nil {
		return err
	}
	traces, ok := payload.([]any)
	if !ok {
		return errors.New("gates: a payload that is not an array")
	}
	a.seen.mu.Lock()
	defer a.seen.mu.Unlock()
	for _, t := range traces {
		spans, _ := t.([]any)
		high := "" // the upper half of the trace's id, which stands on one span
		var found []span
		for _, s := range spans {
			m, _ := s.(map[string]any)
			attrs := map[string]string{}
			for _, kind := range []string{"meta", "metrics"} {
				values, _ := m[kind].(map[string]any)
				for k, v := range values {
					attrs[k] = fmt.Sprint(v)
				}
			}
			if v := attrs["_dd.p.tid"]; v != "" {
				high = v
			}
			if m["name"] != parentOp {
				found = append(found, span{
					ids{hexOf(number(m["trace_id"])), hexOf(number(m["span_id"]))}, hexOf(number(m["parent_id"])), attrs,
				})
			}
		}
		for _, s := range found {
			s.trace = high + s.trace
			a.seen.exported = append(a.seen.exported, s)
		}
	}
	return nil
}

func number(v any) uint64 {
	switch v := v.(type) {
	case uint64:
		return v
	case int64:
		return uint64(v)
	}
	return 0
}

func hexOf(id uint64) string { return fmt.Sprintf("%016x", id) }

func hexOfDecimal(s string) string {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return ""
	}
	return hexOf(n)
}

type noLog struct{}

func (noLog) Log(string) {}

// datadogHeader does J3.
func datadogHeader(*session) work {
	span, _ := tracer.StartSpanFromContext(context.Background(), op)
	sc := span.Context()
	h := http.Header{}
	var got *tracer.SpanContext
	w := each(func() {
		_ = tracer.Inject(sc, tracer.HTTPHeadersCarrier(h))
		got, _ = tracer.Extract(tracer.HTTPHeadersCarrier(h))
	})
	w.check = func() error {
		if got == nil || got.TraceID() != sc.TraceID() || got.SpanID() != sc.SpanID() || h.Get("traceparent") == "" || h.Get("x-datadog-trace-id") != "" {
			return fmt.Errorf("the header did not go out and in: %v", h)
		}
		return nil
	}
	return w
}

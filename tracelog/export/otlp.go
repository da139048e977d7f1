package export

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strconv"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/internal/otlp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// NewOTLP returns a Writer of OTLP as JSON lines: each line is an ExportTraceServiceRequest, as OpenTelemetry's file exporter
// writes it and the Collector's otlpjsonfile receiver reads it. A line has spans of one trace, at most 512 of them or about 1 MiB.
// A span has at most 128 log lines as events.
func NewOTLP(w io.Writer, opts *Options) *Writer { return newWriter(&otlpLines{w: w}, opts) }

// NewOTLPSender returns a Writer that sends the same spans through s. Trace waits while the queue of s is full. If ctx ends first, it
// returns the error of ctx. Close does not shut s down.
func NewOTLPSender(ctx context.Context, s *traceotlp.Sender, opts *Options) *Writer {
	return newWriter(&otlpSender{ctx, s}, opts)
}

type otlpSender struct {
	ctx  context.Context
	send *traceotlp.Sender
}

func (f *otlpSender) trace(w *Writer, t *tracelog.Trace) error {
	var b []byte
	for s := range w.spans(t) {
		b = w.appendSpan(b[:0], t, s)
		if err := f.send.Send(f.ctx, s.Service, b); err != nil {
			return err
		}
	}
	return nil
}

func (f *otlpSender) close() error { return nil }

// Bounds of a line of OTLP.
const (
	lineSpans = 512
	lineBytes = 1 << 20
)

type otlpLines struct {
	w             io.Writer
	request, line []byte
}

func (f *otlpLines) trace(w *Writer, t *tracelog.Trace) error {
	var groups otlpGroups
	for s := range w.spans(t) {
		groups.add(s.Service, w.appendSpan(nil, t, s))
		if groups.spans >= lineSpans || groups.bytes >= lineBytes {
			if err := f.write(&groups); err != nil {
				return err
			}
		}
	}
	return f.write(&groups)
}

// write writes a line with the groups, if there are any, and empties them.
func (f *otlpLines) write(groups *otlpGroups) error {
	if groups.spans == 0 {
		return nil
	}
	f.request = otlp.AppendAll(f.request[:0], groups.all())
	f.line = append(graphic.AppendJSON(f.line[:0], f.request), '\n')
	*groups = otlpGroups{}
	_, err := f.w.Write(f.line)
	return err
}

func (f *otlpLines) close() error { return nil }

// otlpGroups are spans, as JSON, by their service.
type otlpGroups struct {
	services     []string
	records      [][][]byte
	spans, bytes int
}

func (g *otlpGroups) add(service string, span []byte) {
	i := slices.Index(g.services, service)
	if i < 0 {
		i = len(g.services)
		g.services, g.records = append(g.services, service), append(g.records, nil)
	}
	g.records[i] = append(g.records[i], span)
	g.spans++
	g.bytes += len(span)
}

func (g *otlpGroups) all() iter.Seq2[otlp.Envelope, iter.Seq[[]byte]] {
	return func(yield func(otlp.Envelope, iter.Seq[[]byte]) bool) {
		for i, service := range g.services {
			var resource []otlp.Attr
			if service != "" {
				resource = []otlp.Attr{{Key: "service.name", Value: slog.StringValue(service)}}
			}
			if !yield(otlp.Traces(resource, otlp.Scope{}), slices.Values(g.records[i])) {
				return
			}
		}
	}
}

// maxEvents is how many log lines of a span become events: OpenTelemetry's default (OTEL_SPAN_EVENT_COUNT_LIMIT).
const maxEvents = 128

// appendSpan appends a span as traceotlp would have sent it.
func (w *Writer) appendSpan(b []byte, t *tracelog.Trace, s *tracelog.Span) []byte {
	o := otlp.Span{Name: s.Op, Kind: otlp.Kind(s.Kind), Start: s.Start, End: ends(s), Failed: s.Failed, Message: s.Error}
	o.Trace, _ = traceID(t.ID)
	o.ID, _ = spanID(s.ID)
	o.Parent, _ = spanID(s.ParentID)
	if s.Weight > 0 {
		o.Flags = 1 // sampled
	}
	errorType := ""
	for _, a := range flatten(slices.Concat(s.Attrs, extra(t, s))) {
		o.Attrs = otlp.AppendAttr(o.Attrs, otlp.Attr{Key: a.Key, Value: otlpValue(a)})
		if a.Key == "error.type" {
			errorType = a.Text()
		}
	}
	logs := w.logs(s)
	for i := range logs[:min(len(logs), maxEvents)] {
		o.Events = otlp.AppendEvent(o.Events, logs[i].Time, logs[i].Message, eventAttrs(&logs[i]))
	}
	o.DroppedEvents = max(0, len(logs)-maxEvents)
	w.counts.Lines -= o.DroppedEvents
	w.counts.LinesLeftOut += o.DroppedEvents
	if s.Failed {
		o.Events = otlp.AppendException(o.Events, o.End, s.Error, errorType, s.Stack)
	}
	for _, l := range s.Links {
		var link otlp.Link
		link.Trace, _ = traceID(l.Trace)
		link.Span, _ = spanID(l.Span)
		o.Links = append(o.Links, link)
	}
	return otlp.AppendSpan(b, &o)
}

// eventAttrs returns the attributes of the event of a log line.
func eventAttrs(e *tracelog.Entry) (b []byte) {
	var list []tracelog.Attr
	if e.Level != "" {
		list = append(list, textAttr("level", e.Level))
	}
	for _, a := range flatten(append(list, e.Attrs()...)) {
		b = otlp.AppendAttr(b, otlp.Attr{Key: a.Key, Value: otlpValue(a)})
	}
	return b
}

// otlpValue returns the value of an attribute, which is JSON.
func otlpValue(a tracelog.Attr) slog.Value {
	switch c := a.Value[0]; {
	case c == '"':
		return slog.StringValue(a.Text())
	case c == 't', c == 'f':
		return slog.BoolValue(c == 't')
	case c == '-' || c >= '0' && c <= '9':
		if i, err := strconv.ParseInt(string(a.Value), 10, 64); err == nil {
			return slog.Int64Value(i)
		}
	}
	return slog.AnyValue(a.Value)
}

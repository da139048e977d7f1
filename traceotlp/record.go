package traceotlp

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/otlp"
)

// Handle queues r. It never waits, and it never returns an error: what is lost is counted.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if h.spans == nil {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	info, isSpan := slogtrace.SpanOf(r)
	switch {
	case isSpan && info.Ended:
		b := h.buffers()
		defer h.release(b)
		h.collect(b, &r)
		h.span(ctx, b, &info, r.PC)
	case isSpan: // its end has all that its start has
	case h.logs != nil:
		h.log(ctx, &r)
	case h.events != nil:
		h.event(ctx, &r)
	}
	return nil
}

// Self returns h. A type that embeds a Handler has its methods too, and is told from it so.
func (h *Handler) Self(hook.Ours) slog.Handler { return h }

// HandleSpan is Handle for the end of a span, without a record. Package slogtrace calls it; nobody else can.
func (h *Handler) HandleSpan(_ hook.Ours, ctx context.Context, info slogtrace.SpanInfo, attrs []slog.Attr, pc uintptr) {
	if h.spans == nil {
		return
	}
	b := h.buffers()
	defer h.release(b)
	b.list = append(b.list, h.bound...)
	for _, a := range attrs {
		b.list = otlp.Flatten(b.list, h.prefix, a)
	}
	h.span(ctx, b, &info, pc)
}

// buffers are reused by records. What they hold is copied into the queue.
type buffers struct {
	attrs, events, record []byte
	list                  []otlp.Attr // of the handler and the record
}

const maxPooled = 64 << 10

func (x *exporter) buffers() *buffers {
	if b, ok := x.scratch.Get().(*buffers); ok {
		return b
	}
	return new(buffers)
}

func (x *exporter) release(b *buffers) {
	if cap(b.attrs)+cap(b.events)+cap(b.record)+40*cap(b.list) > maxPooled {
		return
	}
	b.attrs, b.events, b.record = b.attrs[:0], b.events[:0], b.record[:0]
	clear(b.list) // or it would keep what the values point to
	b.list = b.list[:0]
	x.scratch.Put(b)
}

// span queues a span, whose attributes are in b.list.
func (h *Handler) span(ctx context.Context, b *buffers, info *slogtrace.SpanInfo, pc uintptr) {
	h.appendAttrs(b, ctx, pc)
	if info.HasQueued {
		b.attrs = otlp.AppendAttr(b.attrs, otlp.Attr{Key: "queued_ms", Value: slog.Float64Value(millis(info.Queued))})
	}
	if info.SampleRate != 1 {
		b.attrs = otlp.AppendAttr(b.attrs, otlp.Attr{Key: "sample_rate", Value: slog.Float64Value(info.SampleRate)})
	}
	end := info.Start.Add(info.Duration)
	s := otlp.Span{
		Trace: info.TraceID, ID: info.SpanID, Parent: info.Parent, State: info.State, Flags: uint32(info.Flags),
		Name: info.Op, Kind: otlp.Kind(info.Kind), Start: info.Start, End: end,
	}
	if h.events != nil {
		b.events, s.DroppedEvents = h.events.take(b.events, info.TraceID, info.SpanID)
	}
	if info.Err != nil {
		s.Failed, s.Message = true, errtype.Text(info.Err)
		errorType := ""
		if a := slogtrace.ErrorType(info.Err); a.Key != "" {
			errorType = a.Value.String()
		}
		b.events = otlp.AppendException(b.events, end, s.Message, errorType, info.Stack)
	}
	s.Attrs, s.Events = b.attrs, b.events
	if len(info.Links) > 0 {
		s.Links = make([]otlp.Link, len(info.Links))
		for i, l := range info.Links {
			s.Links[i] = otlp.Link{Trace: l.TraceID, Span: l.SpanID, State: l.State, Flags: uint32(l.Flags)}
		}
	}
	b.record = otlp.AppendSpan(b.record, &s)
	h.spans.Add(b.record)
}

func millis(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }

// severity returns OTLP's number of a level: slog's levels are made so that 9 more is it.
func severity(level slog.Level) int { return min(max(int(level)+9, 1), 24) }

func (h *Handler) log(ctx context.Context, r *slog.Record) {
	b := h.buffers()
	defer h.release(b)
	h.collect(b, r)
	h.appendAttrs(b, ctx, r.PC)
	sc := slogtrace.SpanContextFromContext(ctx)
	b.record = otlp.AppendLog(b.record, &otlp.Log{
		Time: r.Time, Observed: time.Now(), Severity: severity(r.Level), Level: r.Level.String(), Body: r.Message, Attrs: b.attrs,
		Trace: sc.TraceID, Span: sc.SpanID, Flags: uint32(sc.Flags),
	})
	h.logs.Add(b.record)
}

func (h *Handler) event(ctx context.Context, r *slog.Record) {
	sc := slogtrace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	b := h.buffers()
	defer h.release(b)
	b.attrs = otlp.AppendAttr(b.attrs, otlp.Attr{Key: "level", Value: slog.StringValue(r.Level.String())})
	h.collect(b, r)
	h.appendAttrs(b, ctx, r.PC)
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	b.record = otlp.AppendEvent(b.record, at, r.Message, b.attrs)
	h.events.add(sc.TraceID, sc.SpanID, b.record)
}

// collect appends to b.list the attributes of the handler and those of r.
func (h *Handler) collect(b *buffers, r *slog.Record) {
	list := append(b.list, h.bound...)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "" || !hook.IsMark(a) {
			list = otlp.Flatten(list, h.prefix, a)
		}
		return true
	})
	b.list = list
}

// appendAttrs appends to b.attrs those of b.list, then those of the context, which give way.
// Each key is there once, as OTLP wants it: the last one counts.
func (h *Handler) appendAttrs(b *buffers, ctx context.Context, pc uintptr) {
	list := b.list
	own := len(list)
	for _, a := range hook.ContextAttrs(ctx) {
		list = otlp.Flatten(list, "", a)
	}
	if h.addSource && pc != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		list = append(list,
			otlp.Attr{Key: "code.function.name", Value: slog.StringValue(frame.Function)},
			otlp.Attr{Key: "code.file.path", Value: slog.StringValue(frame.File)},
			otlp.Attr{Key: "code.line.number", Value: slog.IntValue(frame.Line)})
	}
	b.list = list
	last := lastOf(list, own)
	for i := range list {
		if last(i) {
			b.attrs = otlp.AppendAttr(b.attrs, list[i])
		}
	}
}

// lastOf returns a function that reports whether the attribute at an index of list is written. Of those with one key it is
// the last of the first n, if there is one among them, else the first of the others.
func lastOf(list []otlp.Attr, n int) func(i int) bool {
	if len(list) <= 32 {
		return func(i int) bool {
			if i < n {
				return !hasKey(list[i+1:n], list[i].Key)
			}
			return !hasKey(list[:i], list[i].Key)
		}
	}
	at := make(map[string]int, len(list))
	for i, a := range list {
		if _, ok := at[a.Key]; !ok || i < n {
			at[a.Key] = i
		}
	}
	return func(i int) bool { return at[list[i].Key] == i }
}

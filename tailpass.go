package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A heldRecord is a record with its context and its handler.
type heldRecord struct {
	h   *TailHandler
	ctx context.Context
	r   slog.Record
	op  *string // the current span's new name at that time, or nil
}

// A heldSpan is the report of a span that will not change any more.
type heldSpan struct {
	h *TailHandler
	spanReport
}

const maxWrite = 32 << 10

// outs are buffers for lines on their way to a Write.
var outs = sync.Pool{New: func() any { return new([]byte) }}

// letThrough passes on or drops the records of b, as the verdict decides, and counts them.
// It returns the number of dropped records and the next handler's first error.
func (t *tail) letThrough(b *heldBuffer, verdict phase) (dropped int64, err error) {
	mem := outs.Get().(*[]byte)
	p := passage{tail: t, verdict: verdict, level: t.passLevel(), out: (*mem)[:0]}
	defer func() {
		p.count(b)
		if cap(p.out) <= maxWrite+jsontext.MaxPooled {
			*mem = p.out
			outs.Put(mem)
		}
	}()
	rest := *b // its contents are taken out item by item
	for _, item := range b.items {
		p.pass(item, &rest)
	}
	p.write()
	return p.dropped, p.err
}

// A passage lets through the records of one heldBuffer. It writes lines together.
type passage struct {
	tail    *tail
	verdict phase
	level   slog.Level // PassLevel
	out     []byte     // lines to write
	waiting int64      // number of records in out
	err     error      // the next handler's first error

	passed, lost, dropped, droppedBytes int64
}

// pass passes item on, or drops it. b begins with the contents of item. pass takes them out.
func (p *passage) pass(item heldItem, b *heldBuffer) {
	var line []byte
	var record *heldRecord
	var span *heldSpan
	switch item.kind {
	case aRecord:
		record, b.records = &b.records[0], b.records[1:]
	case aSpan:
		span, b.spans = &b.spans[0], b.spans[1:]
	default:
		line = b.cutLine(item.size)
	}
	if item.kind == plainLine && p.verdict == sharing || item.kind == weighedLine && p.verdict != sharing {
		return // the other form of the line is used
	}
	below := item.level < p.level
	if p.verdict == dropping && below {
		p.dropped++
		p.droppedBytes += int64(item.size)
		return
	}
	p.passed++
	weigh := p.verdict == sharing && below
	switch {
	case record != nil:
		p.note(1, guard(func() error { return record.pass(weigh) }))
		return
	case span != nil && p.tail.out == nil:
		p.note(1, guard(func() error { return span.passOn(weigh) }))
		return
	case span != nil:
		p.out = span.appendLine(p.out, weigh)
	default:
		p.out = append(p.out, line...)
	}
	if p.waiting++; len(p.out) >= maxWrite {
		p.write()
	}
}

// write writes the lines in out.
func (p *passage) write() {
	if p.waiting > 0 {
		p.note(p.waiting, guard(func() error { return p.tail.out.write(p.out) }))
		p.out, p.waiting = p.out[:0], 0
	}
}

// note counts n records as lost if err, from the next handler, is not nil.
func (p *passage) note(n int64, err error) {
	if err != nil {
		p.lost += n
		if p.err == nil {
			p.err = err
		}
	}
}

// count adds the outcome of b's records to the tail's counts.
func (p *passage) count(b *heldBuffer) {
	if rest := int64(b.n) - p.passed - p.dropped; rest > 0 || p.waiting > 0 { // a handler ended the goroutine
		p.passed += rest
		p.lost += rest + p.waiting
	}
	stats := &p.tail.stats
	if p.verdict == dropping {
		stats.passed.Add(p.passed)
	} else {
		stats.kept.Add(p.passed)
	}
	stats.lost.Add(p.lost)
	stats.dropped.Add(p.dropped)
	stats.droppedBytes.Add(p.droppedBytes)
	p.tail.bytes.Add(-int64(b.bytes))
}

// lose counts the records of b, which will reach no handler, as lost.
func (t *tail) lose(b *heldBuffer) {
	t.stats.kept.Add(int64(b.n))
	t.stats.lost.Add(int64(b.n))
	t.bytes.Add(-int64(b.bytes))
}

// guard calls f and turns a panic into an error: it is the handler's, about a record that is not our caller's.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("slogtrace: tail: the next handler panicked: %v", p)
		}
	}()
	return f()
}

// pass passes r on.
func (r *heldRecord) pass(weigh bool) error {
	ctx, rec := r.ctx, r.r
	if c := currentOf(ctx); c.span != nil && c.span.renamed() != r.op {
		s := c.span.snapshot()
		s.extra().op.Store(r.op)
		ctx = &scopeContext{Context: ctx, env: c.env, span: s}
	}
	if weigh && isSpanMessage(rec.Message) {
		if s, _ := spanOf(&rec); s != nil {
			rec = r.h.weigh(s, rec)
		}
	}
	return r.h.next.Handle(ctx, rec)
}

// passOn passes s on.
func (s *heldSpan) passOn(weigh bool) error {
	return s.h.tail.weighedReport(s.spanReport, weigh).pass(s.h.next)
}

// appendLine appends the line of s.
func (s *heldSpan) appendLine(b []byte, weigh bool) []byte {
	mem := scratches.Get().(*scratch)
	r := s.h.tail.weighedReport(s.spanReport, weigh)
	line := s.h.lines.spanLineOf(mem, r)
	b = append(b, line...)
	mem.free(line)
	return b
}

// shares reports whether the trace of s is in the kept share.
func (t *tail) shares(s *Span) bool { return t.share.has(s.ids.Trace(), s.env.state) }

// weighed returns a copy of s with the sample rate of a trace that was kept only for its share.
func (t *tail) weighed(s *Span) *Span {
	rate := t.opts.Share
	if rate >= 1 {
		return s
	}
	if head := s.env.rate; head != 0 {
		if w3c.Threshold(s.env.state) != "" {
			rate = min(rate, head) // the same random number decided both times
		} else {
			rate *= head
		}
	}
	s = s.snapshot()
	e := *s.env
	e.rate = rate
	s.env = &e
	return s
}

// weighedReport returns r. If weigh, its span is the weighed one.
func (t *tail) weighedReport(r spanReport, weigh bool) spanReport {
	if weigh {
		r.span = t.weighed(r.span)
	}
	return r
}

// weigh returns r, the record of s, with the sample_rate of a trace kept for its share.
// If another handler has bound the schema's attributes, because of a group, the record stays unchanged.
func (h *TailHandler) weigh(s *Span, r slog.Record) slog.Record {
	w := h.tail.weighed(s)
	if w == s {
		return r
	}
	attrs := appendRecord(nil, &r)
	for i, a := range attrs {
		if isMark(a) {
			attrs[i].Value = remarked(a.Value, w)
			break
		}
	}
	setRecordAttrs(&r, attrs)
	return r
}

// remarked returns v, the value of a span's mark, for s, a copy of the span with another sample_rate.
func remarked(v slog.Value, s *Span) slog.Value {
	if v.Kind() == slog.KindLogValuer {
		switch m := v.Any().(type) {
		case *startMark:
			return slog.AnyValue((*startMark)(s))
		case *endMark:
			return slog.AnyValue((*endMark)(s))
		case *mark:
			return slog.AnyValue(&mark{value: m.value, format: m.format, span: s, event: m.event})
		}
		return v
	}
	attrs := slices.Clone(v.Group())
	m := *attrs[0].Value.Any().(*mark)
	attrs[0].Value = m.value
	f := m.format
	if f == nil {
		f = defaultFormat
	}
	rate := slog.Float64(f.SampleRate, s.env.rate)
	if i := slices.IndexFunc(attrs, func(a slog.Attr) bool { return a.Key == rate.Key }); i >= 0 {
		attrs[i] = rate
	} else {
		attrs = append(attrs, rate)
	}
	m.span = s
	return markedGroup(attrs, &m)
}

package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// A heldRecord is a record with the context and the handler that it came with.
type heldRecord struct {
	h   *TailHandler
	ctx context.Context
	r   slog.Record
	op  *string // what the current span had been renamed to
}

// A heldSpan is the record of a span that will say the same later.
type heldSpan struct {
	h *TailHandler
	spanReport
}

const maxWrite = 32 << 10

// outs are buffers for lines on their way to a Write.
var outs = sync.Pool{New: func() any { return new([]byte) }}

// letThrough passes on what b holds as the verdict says, counts it, and returns how many records it dropped
// and the first error of the next handler.
func (t *tail) letThrough(b *heldBuffer, verdict phase) (dropped int64, err error) {
	var (
		pass                  = t.passLevel()
		records, spans        = b.records, b.spans
		passed, waiting, lost int64 // waiting: those of the lines in out
		bytes                 int64
		mem                   = outs.Get().(*[]byte)
		out                   = (*mem)[:0]
	)
	defer func() {
		if rest := int64(b.n) - passed - dropped; rest > 0 || waiting > 0 { // a handler ended the goroutine
			passed += rest
			lost += rest + waiting
		}
		let := &t.stats.kept
		if verdict == dropping {
			let = &t.stats.passed
		}
		let.Add(passed)
		t.stats.lost.Add(lost)
		t.stats.dropped.Add(dropped)
		t.stats.droppedBytes.Add(bytes)
		t.bytes.Add(-int64(b.bytes))
		if cap(out) <= maxWrite+maxPooled {
			*mem = out
			outs.Put(mem)
		}
	}()
	note := func(n int64, e error) {
		if e != nil {
			lost += n
			if err == nil {
				err = e
			}
		}
	}
	write := func() {
		if waiting > 0 {
			note(waiting, guard(func() error { return t.lines.write(out) }))
			out, waiting = out[:0], 0
		}
	}
	for i := range len(b.full) + 1 {
		text := b.text
		if i < len(b.full) {
			text = b.full[i]
		}
		for len(text) > 0 {
			var e entryHead
			var line []byte
			var record *heldRecord
			var span *heldSpan
			e, text = cutEntryHead(text)
			switch e.kind {
			case aRecord:
				record, records = &records[0], records[1:]
			case aSpan:
				span, spans = &spans[0], spans[1:]
			default:
				line, text = text[:e.size], text[e.size:]
				if e.kind != aLine && (e.kind == weighedLine) != (verdict == sharing) {
					continue
				}
			}
			if verdict == dropping && e.level < pass {
				dropped++
				bytes += int64(e.size)
				continue
			}
			passed++
			weigh := verdict == sharing && e.level < pass
			switch {
			case record != nil:
				note(1, guard(func() error { return record.pass(weigh) }))
				continue
			case span != nil && t.lines == nil:
				note(1, guard(func() error { return span.passOn(weigh) }))
				continue
			case span != nil:
				out = span.appendLine(out, weigh)
			default:
				out = append(out, line...)
			}
			if waiting++; len(out) >= maxWrite {
				write()
			}
		}
	}
	write()
	return dropped, err
}

// lose counts the records of b, which no handler will be given any more.
func (t *tail) lose(b *heldBuffer) {
	t.stats.kept.Add(int64(b.n))
	t.stats.lost.Add(int64(b.n))
	t.bytes.Add(-int64(b.bytes))
}

// guard calls f, and makes an error of a panic: it is a handler's, about a record that whoever called us now has nothing to do with.
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
	line := s.h.json.anySpanLine(mem, &r)
	b = append(b, line...)
	mem.free(line)
	return b
}

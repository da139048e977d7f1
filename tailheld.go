package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// held is what is held of one root. The items say in which order it came; each is the next of text, records or spans.
type held struct {
	items   []heldItem
	text    []byte // lines
	records []heldRecord
	spans   []heldSpan
	out     []byte // memory for letThrough
	size    int    // bytes, by the measure of TailOptions.MaxRootBytes
}

type heldItem struct {
	level slog.Level
	size  int // of a line, its length
	kind  heldKind
}

type heldKind uint8

const (
	aLine       heldKind = iota
	plainLine            // a line that counts unless the trace is kept for its share
	weighedLine          // and the one that counts then: it is before it
	aRecord
	aSpan
)

// A heldRecord is a record with the context and the handler that it came with.
type heldRecord struct {
	h   *TailHandler
	ctx context.Context
	r   slog.Record
	op  *string // what the current span had been renamed to
}

// A heldSpan is a record of which the span says all.
type heldSpan struct {
	h     *TailHandler
	span  *Span
	at    time.Time
	pc    uintptr
	event event
}

var heldPool = sync.Pool{New: func() any { return new(held) }}

const (
	heldText = 4 << 10 // room at first
	maxWrite = 32 << 10

	// What is used again has room for no more than that.
	maxHeldText  = 32 << 10
	maxHeldItems = 256
)

// free gives b back.
func (b *held) free() {
	if cap(b.text) > maxHeldText || cap(b.out) > maxWrite+maxPooled || cap(b.items) > maxHeldItems {
		return
	}
	clear(b.records)
	clear(b.spans)
	*b = held{items: b.items[:0], text: b.text[:0], records: b.records[:0], spans: b.spans[:0], out: b.out[:0]}
	heldPool.Put(b)
}

func (b *held) addLine(line []byte, level slog.Level, k heldKind) {
	if b.text == nil {
		b.text = make([]byte, 0, heldText)
	}
	b.text = append(b.text, line...)
	b.items = append(b.items, heldItem{level, len(line), k})
}

func (b *held) count() (n int64) {
	for _, it := range b.items {
		if it.kind != weighedLine {
			n++
		}
	}
	return n
}

// letThrough passes on what b holds as the verdict says, counts it, and returns how many records it dropped
// and the first error of the next handler.
func (b *held) letThrough(t *tail, verdict phase) (dropped int64, err error) {
	defer func() {
		t.bytes.Add(-int64(b.size))
		b.free()
	}()
	var (
		pass                  = t.passLevel()
		text, records, spans  = b.text, b.records, b.spans
		passed, waiting, lost int64 // waiting: those of the lines in b.out
		bytes                 int64
	)
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
			note(waiting, guard(func() error { return t.lines.write(b.out) }))
			b.out, waiting = b.out[:0], 0
		}
	}
	for _, it := range b.items {
		var line []byte
		var record *heldRecord
		var span *heldSpan
		switch it.kind {
		case aRecord:
			record, records = &records[0], records[1:]
		case aSpan:
			span, spans = &spans[0], spans[1:]
		default:
			line, text = text[:it.size], text[it.size:]
			if it.kind != aLine && (it.kind == weighedLine) != (verdict == sharing) {
				continue
			}
		}
		if verdict == dropping && it.level < pass {
			dropped++
			bytes += int64(it.size)
			continue
		}
		passed++
		weigh := verdict == sharing && it.level < pass
		switch {
		case record != nil:
			note(1, guard(func() error { return record.pass(weigh) }))
			continue
		case span != nil && t.lines == nil:
			note(1, guard(func() error { return span.pass(it.level, weigh) }))
			continue
		case span != nil:
			b.out = span.appendLine(b.out, it.level, weigh)
		default:
			b.out = append(b.out, line...)
		}
		if waiting++; len(b.out) >= maxWrite {
			write()
		}
	}
	write()
	let := &t.stats.kept
	if verdict == dropping {
		let = &t.stats.passed
	}
	let.Add(passed)
	t.stats.lost.Add(lost)
	t.stats.dropped.Add(dropped)
	t.stats.droppedBytes.Add(bytes)
	return dropped, err
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

func (s *heldSpan) weighed(weigh bool) *Span {
	if weigh {
		return s.h.tail.weighed(s.span)
	}
	return s.span
}

// pass passes the record of s on.
func (s *heldSpan) pass(level slog.Level, weigh bool) error {
	return handleSpan(s.h.next, s.weighed(weigh), s.event, level, s.at, s.pc)
}

// appendLine appends the line of s.
func (s *heldSpan) appendLine(b []byte, level slog.Level, weigh bool) []byte {
	mem := scratches.Get().(*scratch)
	line := s.h.json.anySpanLine(mem, s.weighed(weigh), s.event, level, s.at, s.pc)
	b = append(b, line...)
	mem.free(line)
	return b
}

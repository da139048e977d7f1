package slogtrace

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
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

var (
	heldRecordSize = int(reflect.TypeFor[heldItem]().Size() + reflect.TypeFor[heldRecord]().Size())
	heldSpanSize   = int(reflect.TypeFor[heldItem]().Size() + reflect.TypeFor[heldSpan]().Size() + reflect.TypeFor[Span]().Size())
)

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

// holdLine holds the line of r, which is the record of s if there is an e. It reports false where t holds nothing any more.
func (h *TailHandler) holdLine(t *tailRoot, c *current, s *Span, e event, r *slog.Record) bool {
	mem, its := scratches.Get().(*scratch), *c
	line := h.json.recordLine(mem, &its, r)
	ok := false
	if t.mayWeigh(s, e, r.Level) {
		other, its, w := scratches.Get().(*scratch), *c, h.weigh(s, *r)
		weighed := h.json.recordLine(other, &its, &w)
		ok = t.addLines(r.Level, line, weighed)
		other.free(weighed)
	} else {
		ok = t.addLines(r.Level, line, nil)
	}
	mem.free(line)
	return ok
}

// holdSpanLine is holdLine for what a Tracer reports of s. The line is made at once only if it could be another one later.
func (h *TailHandler) holdSpanLine(t *tailRoot, s *Span, e event, level slog.Level, at time.Time, pc uintptr) bool {
	if e == eventEnd && !s.is(failed) && h.json.hasSpanLine(s, nil) && areValues(s.attrs) {
		return t.addSpan(level, sizeOf(s), heldSpan{h, s, at, pc, e})
	}
	mem := scratches.Get().(*scratch)
	line := h.json.anySpanLine(mem, s, e, level, at, pc)
	ok := false
	if t.mayWeigh(s, e, level) {
		other := scratches.Get().(*scratch)
		weighed := h.json.anySpanLine(other, h.tail.weighed(s), e, level, at, pc)
		ok = t.addLines(level, line, weighed)
		other.free(weighed)
	} else {
		ok = t.addLines(level, line, nil)
	}
	mem.free(line)
	return ok
}

// areValues reports whether attrs say the same for ever.
func areValues(attrs []slog.Attr) bool {
	for i := range attrs {
		switch attrs[i].Value.Kind() {
		case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
			return false
		}
	}
	return true
}

// mayWeigh reports whether a record of s, if there is an e, says something else where its trace is kept for its share.
func (t *tailRoot) mayWeigh(s *Span, e event, level slog.Level) bool {
	return t.shared && e != eventNone && level < t.tail.passLevel() && (t.tail.opts.Share < 1 || s.env.rate != 0)
}

// anySpanLine is spanLine for any span.
func (h *JSONHandler) anySpanLine(mem *scratch, s *Span, e event, level slog.Level, at time.Time, pc uintptr) []byte {
	if h.hasSpanLine(s, nil) {
		return h.spanLine(mem, s, e, level, at)
	}
	r := newSpanRecord(h, s, e, level, at, pc)
	c := current{span: s, env: s.env}
	return h.recordLine(mem, &c, &r)
}

// addLines holds a line, and if weighed is not nil, the form of it for a trace that is kept for its share.
func (t *tailRoot) addLines(level slog.Level, line, weighed []byte) bool {
	b := t.begin(level, len(line)+len(weighed))
	if b == nil {
		return false
	}
	if weighed == nil {
		b.addLine(line, level, aLine)
	} else {
		b.addLine(weighed, level, weighedLine)
		b.addLine(line, level, plainLine)
	}
	t.end()
	return true
}

// addSpan holds the record that a span says all of.
func (t *tailRoot) addSpan(level slog.Level, size int, s heldSpan) bool {
	b := t.begin(level, size)
	if b == nil {
		return false
	}
	b.spans = append(b.spans, s)
	b.items = append(b.items, heldItem{level, size, aSpan})
	t.end()
	return true
}

// holdRecord is holdLine where records are held.
func (h *TailHandler) holdRecord(t *tailRoot, ctx context.Context, c *current, r *slog.Record) bool {
	size, valuers := heldRecordSize+len(r.Message), false
	r.Attrs(func(a slog.Attr) bool {
		n, v := measure(a)
		size, valuers = size+n, valuers || v
		return true
	})
	still := r
	if valuers {
		copied := *r
		setAttrs(&copied, resolved(appendRecord(nil, r)))
		still = &copied
	}
	var op *string
	if c.span != nil {
		op = c.span.renamed()
		if e := c.env.still(); e != c.env {
			ctx = &scopeContext{Context: ctx, env: e, span: c.span}
		}
	}
	b := t.begin(r.Level, size)
	if b == nil {
		return false
	}
	b.items = append(b.items, heldItem{r.Level, size, aRecord})
	b.records = append(b.records, heldRecord{})
	to := &b.records[len(b.records)-1]
	to.h, to.ctx, to.op = h, ctx, op
	to.r = still.Clone()
	t.end()
	return true
}

// holdSpan is holdRecord for what a Tracer reports of s.
func (h *TailHandler) holdSpan(t *tailRoot, s *Span, e event, level slog.Level, at time.Time, pc uintptr) bool {
	s = s.still(e)
	return t.addSpan(level, sizeOf(s), heldSpan{h, s, at, pc, e})
}

// still returns s, or a copy of it, that says the same for ever about its beginning or its end.
func (s *Span) still(e event) *Span {
	if s.isStill(e) && !slices.ContainsFunc(s.attrs, hasValuer) {
		return s
	}
	c := s.snapshot()
	c.env, c.attrs = s.env.still(), resolved(c.attrs)
	return c
}

// isStill reports whether s, apart from its own attributes, will say the same for ever: not if it has just begun.
func (s *Span) isStill(e event) bool {
	return e == eventEnd && !slices.ContainsFunc(s.env.attrs, hasValuer)
}

// sizeOf returns about how much memory the record of s holds on to. If s is running, nobody may change its attributes.
func sizeOf(s *Span) int {
	size := heldSpanSize
	for _, a := range s.attrs {
		n, _ := measure(a)
		size += n + attrSize
	}
	return size
}

// weigh returns r, the record of s, with the sample_rate that it has where the trace is kept for its share.
// If another handler has bound what the schema says, because of a group, that cannot be changed any more.
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
	setAttrs(&r, attrs)
	return r
}

// remarked returns v, the value of a mark of a span, as that of s, which has another sample_rate.
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

var attrSize = int(reflect.TypeFor[slog.Attr]().Size())

func hasValuer(a slog.Attr) bool { _, valuers := measure(a); return valuers }

// measure returns about how much memory a holds on to, and whether there is a LogValuer of the user's in it.
func measure(a slog.Attr) (size int, valuers bool) {
	switch a.Value.Kind() {
	case slog.KindString:
		size = len(a.Value.String())
	case slog.KindGroup:
		for _, a := range a.Value.Group() {
			n, v := measure(a)
			size, valuers = size+n+attrSize, valuers || v
		}
	case slog.KindLogValuer:
		switch m := a.Value.Any().(type) {
		case *endMark:
		case *mark:
			size, valuers = measure(slog.Attr{Value: m.value})
			valuers = valuers || m.isMoving()
		default:
			valuers = true
		}
	}
	return size, valuers
}

// isMoving reports whether a handler of ours would be told by m of a span that may say something else later.
func (m *mark) isMoving() bool { return m.span != nil && m.format == nil && !m.span.isStill(m.event) }

// resolved returns a copy of attrs in which each LogValuer is resolved, and our marks are still ours.
func resolved(attrs []slog.Attr) []slog.Attr {
	out := slices.Clone(attrs)
	for i := range out {
		out[i].Value = resolvedValue(out[i].Value)
	}
	return out
}

func resolvedValue(v slog.Value) slog.Value {
	if v.Kind() == slog.KindLogValuer {
		switch m := v.Any().(type) {
		case *endMark:
			return v
		case *startMark:
			return slog.AnyValue((*startMark)((*Span)(m).snapshot()))
		case *mark:
			still := *m
			still.value = resolvedValue(m.value)
			if m.isMoving() {
				still.span = m.span.still(m.event)
			}
			return slog.AnyValue(&still)
		case *userAttr:
			return slog.AnyValue(&userAttr{m.Key, resolvedValue(m.Value)})
		}
		v = v.Resolve()
	}
	if v.Kind() == slog.KindGroup {
		return slog.GroupValue(resolved(v.Group())...)
	}
	return v
}

// still returns e, or a copy of it in which each LogValuer is resolved.
func (e *env) still() *env {
	if !slices.ContainsFunc(e.attrs, hasValuer) {
		return e
	}
	own := *e
	own.attrs = resolved(e.attrs)
	return &own
}

package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/ids"
)

// A tailArrangement is a way in which records come to a TailHandler and are held by it.
type tailArrangement struct {
	name string
	open func(io.Writer, *TailOptions) (slog.Handler, *TailHandler)
}

var tailArrangements = []tailArrangement{
	{"lines", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(NewJSONHandler(w, debugLevel), o)
		return h, h
	}},
	{"lines of records", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(NewJSONHandler(w, debugLevel), o)
		return slog.NewMultiHandler(h), h
	}},
	{"records", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(NewHandler(slog.NewJSONHandler(w, debugLevel)), o)
		return h, h
	}},
	{"records with ids", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(slog.NewJSONHandler(w, debugLevel), o)
		return NewHandler(h), h
	}},
}

var debugLevel = &slog.HandlerOptions{Level: slog.LevelDebug}

// A tailModel is the doc of TailHandler as code: the records that must be let through, in order.
type tailModel struct {
	opts  TailOptions
	out   []string
	stats TailStats
	roots []*tailModelRoot // for which something was held
}

type tailModelRoot struct {
	held            []tailModelRecord
	shared          bool
	failed, reached bool
	state           string // "" while held; then kept, shared, dropped
	dropped         int64
}

type tailModelRecord struct {
	text  string
	level slog.Level
	span  bool
}

func (m *tailModel) record(r *tailModelRoot, rec tailModelRecord) {
	if r == nil {
		m.out = append(m.out, rec.text)
		return
	}
	r.reached = r.reached || rec.level >= m.opts.KeepLevel.Level()
	if r.state != "" {
		if r.state != "kept" && (r.failed || r.reached) {
			r.state = "kept"
			m.stats.Late += r.dropped
		}
		m.emit(r, rec)
		return
	}
	if len(r.held) == 0 {
		m.roots = append(m.roots, r) // in the order of their first records
	}
	r.held = append(r.held, rec)
	if m.opts.MaxRootBytes == 1 {
		m.stats.OverRootBytes++
		m.release(r, "kept")
	}
}

func (m *tailModel) emit(r *tailModelRoot, rec tailModelRecord) {
	passes := rec.level >= m.opts.PassLevel.Level()
	switch {
	case r.state == "dropped" && !passes:
		m.stats.Dropped++
		r.dropped++
		return
	case r.state == "dropped":
		m.stats.Passed++
	default:
		m.stats.Kept++
	}
	if r.state == "shared" && rec.span && !passes && m.opts.Share < 1 {
		rec.text += fmt.Sprint(" 1 in ", 1/m.opts.Share)
	}
	m.out = append(m.out, rec.text)
}

func (m *tailModel) release(r *tailModelRoot, state string) {
	r.state = state
	for _, rec := range r.held {
		m.emit(r, rec)
	}
	r.held = nil
}

func (m *tailModel) end(r *tailModelRoot) {
	if r.state != "" {
		return
	}
	state := "dropped"
	if r.failed || r.reached {
		state = "kept"
	} else if r.shared {
		state = "shared"
	}
	if state == "dropped" {
		m.stats.DroppedRoots++
	} else {
		m.stats.KeptRoots++
	}
	m.release(r, state)
}

func (m *tailModel) flush() {
	for _, r := range m.roots {
		if r.state == "" && len(r.held) > 0 {
			m.stats.Flushed++
			m.release(r, "kept")
		}
	}
}

// tailSpan is a span of a program and the model's root that it belongs to.
type tailSpan struct {
	ctx  context.Context
	span *Span
	op   string
	root *tailModelRoot
	top  bool
	end  bool
}

// runTailProgram runs program with a handler and with the model, and returns both results.
func runTailProgram(program []byte, open func(io.Writer, *TailOptions) (slog.Handler, *TailHandler)) (got, want []string, gotStats, wantStats TailStats) {
	r := rand.New(rand.NewPCG(1, 2))
	defer ids.SetSource(r.Uint64)()
	next := func() int {
		if len(program) == 0 {
			return 0
		}
		b := program[0]
		program = program[1:]
		return int(b)
	}
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	shares := []float64{0, 0.5, 1, 0.25}
	o := TailOptions{PassLevel: levels[next()%4], KeepLevel: levels[1+next()%3], Share: shares[next()%4], MaxAge: time.Hour}
	if next()%8 == 0 {
		o.MaxRootBytes = 1
	}
	var buf bytes.Buffer
	h, tail := open(&buf, &o)
	m := &tailModel{opts: o}
	tracer := NewTracer(h, &TracerOptions{LogStart: next()%2 == 0})
	logStart := tracer.opts.LogStart
	log := slog.New(h)
	loggers := []*slog.Logger{log, log.With("a", 1), log.WithGroup("g").With("a", 1)}
	spans := []*tailSpan{{ctx: context.Background()}}
	start := func(parent *tailSpan, ctx context.Context, top bool) {
		s := &tailSpan{op: fmt.Sprint("op", len(spans)), root: parent.root, top: top}
		s.ctx, s.span = tracer.Start(ctx, s.op)
		if top {
			id := s.span.SpanContext().TraceID
			n := 0.0 // the last 56 bits as a number below 1
			for i := 15; i > 8; i-- {
				n = (n + float64(id[i])) / 256
			}
			s.root = &tailModelRoot{shared: n >= 1-o.Share}
		}
		if logStart {
			m.record(s.root, tailModelRecord{"start " + s.op, slog.LevelInfo, true})
		}
		spans = append(spans, s)
	}
	for n := 0; len(program) > 0; n++ {
		s := spans[next()%len(spans)]
		switch next() % 12 {
		case 0: // a root
			start(spans[0], context.Background(), true)
		case 1, 2: // a child, or a root where there is no span
			start(s, s.ctx, s.span == nil)
		case 3: // a root below a remote parent on top of a span
			ctx := ContextWithRemoteSpanContext(s.ctx, SpanContext{TraceID: TraceID{1, 15: byte(n)}, SpanID: SpanID{1}, Flags: FlagSampled})
			log.DebugContext(ctx, fmt.Sprint("remote", n))
			m.record(nil, tailModelRecord{text: fmt.Sprint("remote", n)})
			start(s, ctx, true)
		case 4:
			if s.span != nil && !s.end {
				s.span.Fail(errors.New("failed"))
				s.root.failed = true
			}
		case 5, 6:
			if s.span != nil && !s.end {
				level := slog.LevelInfo
				if s.span.is(failed) {
					level = slog.LevelError
				}
				s.end = true
				s.span.End()
				if s.top && len(s.root.held) == 0 {
					m.end(s.root) // nothing was there to wait for
				}
				m.record(s.root, tailModelRecord{"end " + s.op, level, true})
				if s.top {
					m.end(s.root)
				}
			}
		case 7:
			if next()%4 == 0 {
				_ = tail.Flush(context.Background())
				m.flush()
			}
		default:
			level, text := levels[next()%4], fmt.Sprint("m", n)
			loggers[n%len(loggers)].Log(s.ctx, level, text)
			m.record(s.root, tailModelRecord{text, level, false})
		}
	}
	stats := tail.Stats()
	if n := heldBytes(tail.tail); n != stats.HeldBytes {
		m.out = append(m.out, fmt.Sprintf("HeldBytes %d, not %d", n, stats.HeldBytes))
	}
	for _, r := range m.roots {
		m.stats.Held += int64(len(r.held))
	}
	stats.DroppedBytes, stats.HeldBytes = 0, 0 // not in the model
	_ = tail.Close()
	m.flush()
	m.stats.Flushed, m.stats.Kept = stats.Flushed, stats.Kept // as they were before Close
	if after := tail.Stats(); after.Held != 0 || after.HeldBytes != 0 {
		m.out = append(m.out, fmt.Sprintf("nothing held after Close, not %d records of %d bytes", after.Held, after.HeldBytes))
	}
	return tailTexts(buf.Bytes()), m.out, stats, m.stats
}

// tailTexts returns lines of JSON as the model has them.
func tailTexts(lines []byte) (texts []string) {
	for line := range bytes.Lines(lines) {
		var l struct {
			Msg, Op string
			Rate    float64 `json:"sample_rate"`
		}
		if err := json.Unmarshal(line, &l); err != nil || bytes.Count(line, []byte(`"sample_rate"`)) > 1 {
			texts = append(texts, fmt.Sprintf("%v: %s", err, line))
			continue
		}
		text := l.Msg
		if what, ok := strings.CutPrefix(l.Msg, "span "); ok {
			text = what + " " + l.Op
		}
		if l.Rate != 0 {
			text += fmt.Sprint(" 1 in ", 1/l.Rate)
		}
		texts = append(texts, text)
	}
	return texts
}

func checkTailProgram(t *testing.T, program []byte) {
	t.Helper()
	for _, a := range tailArrangements {
		got, want, gotStats, wantStats := runTailProgram(program, a.open)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %v: -want +got:\n%s", a.name, program, diff)
		}
		if diff := cmp.Diff(wantStats, gotStats); diff != "" {
			t.Fatalf("%s: %v: stats: -want +got:\n%s", a.name, program, diff)
		}
	}
}

// For any program, the records let through, their order and weight, and the counts are as in the doc.
func TestTailHandlerRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		program := make([]byte, 5+r.IntN(120))
		for i := range program {
			program[i] = byte(r.Uint32())
		}
		checkTailProgram(t, program)
	}
}

func FuzzTailHandler(f *testing.F) {
	f.Add([]byte{1, 2, 1, 1, 0, 0, 0, 1, 8, 0, 1, 5})
	f.Add([]byte{2, 2, 3, 1, 1, 0, 0, 1, 1, 2, 4, 1, 5, 2, 8, 1, 2, 5})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) < 400 {
			checkTailProgram(t, program)
		}
	})
}

// heldBytes is the doc of TailStats.HeldBytes as code: for each open root its structures, the room for text, records and spans,
// and what those refer to.
func heldBytes(t *tail) (n int64) {
	for h := t.first; h != nil; h = h.newer {
		n += int64(reflect.TypeFor[held]().Size() + reflect.TypeFor[tailState]().Size())
		n += int64(cap(h.full)) * int64(reflect.TypeFor[[]byte]().Size())
		n += int64(cap(h.records)) * int64(reflect.TypeFor[heldRecord]().Size())
		n += int64(cap(h.spans)) * int64(reflect.TypeFor[heldSpan]().Size())
		n += int64(cap(h.items)) * int64(reflect.TypeFor[heldItem]().Size())
		for _, text := range append(slices.Clip(h.full), h.text) {
			n += int64(cap(text))
		}
		for _, item := range h.items {
			switch item.kind {
			case aRecord:
				n += int64(item.size) - int64(reflect.TypeFor[heldRecord]().Size())
			case aSpan:
				n += int64(item.size) - int64(reflect.TypeFor[heldSpan]().Size())
			}
		}
	}
	return n
}

// checkTailMemory checks the memory that t keeps for reuse.
func checkTailMemory(t *testing.T, name string, tail *tail) {
	t.Helper()
	n := 0
	for h := tail.free; h != nil; h = h.newer {
		if n += h.size; h.size != heldSize+h.capacity() || h.n > 0 || h.counted > 0 || h.root.tailState != nil || len(h.items)+len(h.text)+len(h.records)+len(h.spans)+len(h.full) > 0 {
			t.Errorf("%s: not as new: %+v", name, h)
		}
		for _, r := range h.records[:cap(h.records)] {
			if r.h != nil || r.ctx != nil || r.r.Message != "" {
				t.Errorf("%s: a record is kept: %v", name, r)
			}
		}
		for _, s := range h.spans[:cap(h.spans)] {
			if s.span != nil {
				t.Errorf("%s: a span is kept: %v", name, s)
			}
		}
	}
	if n != tail.freeBytes || n > tail.opts.MaxBytes/freeShare {
		t.Errorf("%s: %d bytes are kept, freeBytes is %d, MaxBytes %d", name, n, tail.freeBytes, tail.opts.MaxBytes)
	}
}

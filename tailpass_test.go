package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// A failing takes a number of records, or of calls of Write, and then fails.
type failing struct{ ok int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.ok--; f.ok < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (f *failing) Enabled(context.Context, slog.Level) bool { return true }
func (f *failing) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f *failing) WithGroup(string) slog.Handler            { return f }
func (f *failing) Handle(context.Context, slog.Record) error {
	switch f.ok--; {
	case f.ok == -2:
		panic("out of order")
	case f.ok == -3:
		runtime.Goexit()
	case f.ok < 0:
		return errFull
	}
	return nil
}

// The next handler's errors are returned, or counted if no call can return them.
func TestTailHandlerErrors(t *testing.T) {
	lines := NewTailHandler(NewJSONHandler(&failing{1}, debugLevel), nil)
	ctx, _ := NewTracer(lines, nil).Start(background, "root")
	for range 3 {
		slog.New(lines).DebugContext(ctx, "d")
	}
	if err := lines.Flush(background); err != nil {
		t.Error(err)
	}
	if err := lines.Handle(ctx, slog.NewRecord(time.Now(), 0, "m", 0)); err != errFull {
		t.Errorf("passed on: %v", err)
	}
	ctx, root := NewTracer(lines, nil).Start(background, "root")
	slog.New(lines).DebugContext(ctx, "d")
	root.Fail(errSpanCard)
	root.End()
	if s := lines.Stats(); s.Lost != 2 {
		t.Errorf("lines: %+v", s)
	}

	records := NewTailHandler(&failing{2}, nil)
	ctx, _ = NewTracer(records, nil).Start(background, "root")
	for range 4 {
		slog.New(records).DebugContext(ctx, "d")
	}
	if err := records.Flush(background); !errors.Is(err, errFull) {
		t.Errorf("Flush: %v", err)
	}
	if s := records.Stats(); s.Lost != 2 || s.Kept != 4 || s.Held != 0 || s.HeldBytes != 0 {
		t.Errorf("records: %+v", s)
	}

	// If a handler ends the goroutine, as t.FailNow does, nothing stays locked, and later records are passed on.
	ending := NewTailHandler(&failing{-2}, nil)
	ctx, root = NewTracer(ending, nil).Start(background, "root")
	slog.New(ending).DebugContext(ctx, "d")
	root.Fail(errSpanCard)
	done := make(chan bool)
	go func() {
		defer close(done)
		root.End()
	}()
	<-done
	if err := ending.Handle(ctx, slog.NewRecord(time.Now(), 0, "m", 0)); err != errFull {
		t.Errorf("after the end of a goroutine: %v", err)
	}
	dropping := NewTailHandler(&failing{-2}, nil)
	dropped, root := NewTracer(noHandler, nil).Start(background, "root")
	slog.New(dropping).InfoContext(dropped, "i")
	var wg sync.WaitGroup
	wg.Go(func() { root.End() })
	wg.Wait()
	if err := dropping.Handle(dropped, slog.NewRecord(time.Now(), slog.LevelDebug, "m", 0)); err != errFull {
		t.Errorf("after the end of a goroutine that drops: %v", err)
	}
	// The end of the root was not passed on.
	if s := ending.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.Kept != 3 || s.Lost != 1 {
		t.Errorf("after the end of a goroutine: %+v", s)
	}
}

// Lines are written whole, and many at a time.
func TestTailHandlerWrites(t *testing.T) {
	var writes []string
	w := writerFunc(func(p []byte) (int, error) { writes = append(writes, string(p)); return len(p), nil })
	h := NewTailHandler(NewJSONHandler(w, debugLevel), nil)
	ctx, root := NewTracer(h, nil).Start(background, "root")
	for i := range 1000 {
		slog.New(h).DebugContext(ctx, fmt.Sprint("d", i))
	}
	root.Fail(errSpanCard)
	if len(writes) > 0 {
		t.Errorf("%d writes before the end", len(writes))
	}
	root.End()
	lines := 0
	for i, w := range writes {
		if n := len(w); n >= maxWrite+300 || n < maxWrite && i < len(writes)-1 {
			t.Errorf("write %d of %d has %d bytes", i, len(writes), n)
		}
		if !strings.HasPrefix(w, "{") || !strings.HasSuffix(w, "}\n") {
			t.Errorf("a write of %q … %q", w[:20], w[len(w)-20:])
		}
		lines += strings.Count(w, "\n")
	}
	if lines != 1001 || len(writes) > 10 {
		t.Errorf("%d writes of %d lines", len(writes), lines)
	}
	// The memory of a large line is not kept.
	ctx, root = NewTracer(h, nil).Start(background, "root")
	slog.New(h).ErrorContext(ctx, strings.Repeat("x", 1<<20))
	root.End()
	for {
		switch n := cap(*outs.Get().(*[]byte)); {
		case n == 0:
			return
		case n > maxWrite+jsontext.MaxPooled:
			t.Fatalf("%d bytes are kept for use again", n)
		}
	}
}

// If the writer ends the goroutine, as t.FailNow does, the lines in that Write are lost.
func TestTailHandlerWriterEndsGoroutine(t *testing.T) {
	h := NewTailHandler(NewJSONHandler(writerFunc(func([]byte) (int, error) { runtime.Goexit(); return 0, nil }), debugLevel), nil)
	ctx, root := NewTracer(h, nil).Start(background, "root")
	for range 3 {
		slog.New(h).ErrorContext(ctx, "e")
	}
	var wg sync.WaitGroup
	wg.Go(func() { root.End() })
	wg.Wait()
	if s := h.Stats(); s.Kept != 4 || s.Lost != 4 || s.Held != 0 || s.HeldBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// A babbler logs while it handles a record.
type babbler struct {
	slog.Handler
	again func(context.Context, string)
}

func (b babbler) Handle(ctx context.Context, r slog.Record) error {
	if !strings.HasPrefix(r.Message, "again") {
		b.again(ctx, "again "+r.Message)
	}
	return b.Handler.Handle(ctx, r)
}

// A handler may log under the context that it gets.
func TestTailHandlerReentrant(t *testing.T) {
	var buf bytes.Buffer
	var log *slog.Logger
	h := NewTailHandler(babbler{NewJSONHandler(&buf, debugLevel), func(ctx context.Context, msg string) { log.DebugContext(ctx, msg) }}, nil)
	log = slog.New(h)
	ctx, root := NewTracer(h, nil).Start(background, "root")
	log.DebugContext(ctx, "d1")
	log.DebugContext(ctx, "d2")
	root.Fail(errSpanCard)
	root.End()
	log.DebugContext(ctx, "d3")
	want := []string{"d1", "d2", "end root", "again d1", "again d2", "again span end", "again d3", "d3"}
	if diff := cmp.Diff(want, tailTexts(buf.Bytes())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Flush returns when another goroutine has let its records through.
func TestTailHandlerFlushWaits(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	done := false
	h := NewTailHandler(NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		entered <- true
		<-leave
		done = true
		return len(p), nil
	}), debugLevel), nil)
	ctx, root := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
	slog.New(h).InfoContext(ctx, "m")
	go root.End()
	<-entered
	flushed := make(chan bool)
	go func() {
		_ = h.Flush(background)
		flushed <- done
	}()
	for range 1000 {
		runtime.Gosched() // so that a Flush that does not wait has returned
	}
	close(leave)
	if !<-flushed {
		t.Error("Flush did not wait")
	}
}

// If a failure or KeepLevel comes while records are let through, later records are kept.
func TestTailHandlerFailsWhileReleasing(t *testing.T) {
	for _, fails := range []bool{true, false} {
		var buf bytes.Buffer
		var child *Span
		var log *slog.Logger
		again := func(ctx context.Context, msg string) {
			log.DebugContext(ctx, "again")
			if fails {
				child.Fail(errSpanCard)
			} else {
				log.ErrorContext(ctx, "again, an error")
			}
		}
		h := NewTailHandler(babbler{NewJSONHandler(&buf, debugLevel), again}, nil)
		log = slog.New(h)
		ctx, root := NewTracer(slog.DiscardHandler, nil).Start(background, "root")
		_, child = Start(ctx, "child")
		log.DebugContext(ctx, "dropped")
		log.InfoContext(ctx, "m")
		root.End()
		want := []string{"m", "again"}
		if !fails {
			want = append(want, "again, an error")
		}
		if diff := cmp.Diff(want, tailTexts(buf.Bytes())); diff != "" {
			t.Errorf("fails %t: -want +got:\n%s", fails, diff)
		}
		if s := h.Stats(); s.Dropped != 1 || s.Late != 1 {
			t.Errorf("fails %t: %+v", fails, s)
		}
	}
}

// Only span records that were kept for the share alone have a sample_rate.
func TestTailHandlerSampleRate(t *testing.T) {
	type options = TailOptions
	always, never := slog.LevelDebug-4, slog.LevelError
	for _, test := range []struct {
		name string
		opts options
		head Sampler
		work func(*Span)
		want float64 // 0: none
	}{
		{"share", options{Share: 0.9999, PassLevel: never}, nil, nil, 0.9999},
		{"would have passed", options{Share: 0.9999, PassLevel: always}, nil, nil, 0},
		{"passes at its level", options{Share: 0.9999, PassLevel: slog.LevelInfo}, nil, nil, 0},
		{"failed too", options{Share: 0.9999, PassLevel: never}, nil, func(s *Span) { s.Fail(errSpanCard) }, 0},
		{"slow too", options{Share: 0.9999, PassLevel: never, Slow: 1}, nil, nil, 0},
		{"sampled before, by other numbers", options{Share: 0.9999, PassLevel: never}, rate{true, 0.5}, nil, 0.49995},
		{"sampled before, failed", options{Share: 0.9999, PassLevel: never}, rate{true, 0.5}, func(s *Span) { s.Fail(errSpanCard) }, 0.5},
		{"all, sampled before", options{Share: 1, PassLevel: never}, rate{true, 0.5}, nil, 0.5},
	} {
		for _, a := range tailArrangements {
			for _, simple := range []bool{true, false} {
				name := fmt.Sprintf("%s, %s, %t", test.name, a.name, simple)
				var buf bytes.Buffer
				h, _ := a.open(&buf, &test.opts)
				ctx, root := NewTracer(h, &TracerOptions{Sampler: test.head}).Start(background, "root")
				if root.SpanContext().TraceID[9] == 0 {
					continue // one in 256 is not in the share
				}
				ctx, child := Start(ctx, "child")
				if !simple {
					child.SetAttrs(slog.Any("m", map[string]int{}), slog.Group("g", "sample_rate", 7))
				}
				if test.work != nil {
					test.work(child)
				}
				slog.New(h).InfoContext(ctx, "m")
				_, late := Start(ctx, "late")
				child.End()
				root.End()
				late.End()
				if n := strings.Count(buf.String(), "\n"); n != 4 {
					t.Errorf("%s: %d lines", name, n)
				}
				for b := range bytes.Lines(buf.Bytes()) {
					var l struct {
						Msg  string
						Rate *float64 `json:"sample_rate"`
					}
					if err := json.Unmarshal(b, &l); err != nil {
						t.Error(err)
					}
					want := test.want
					if l.Msg != "span end" {
						want = 0
					}
					got := 0.0
					if l.Rate != nil {
						got = *l.Rate
					}
					if bytes.Count(b, []byte(`"sample_rate":0`)) > 1 || got < want-1e-9 || got > want+1e-9 {
						t.Errorf("%s: want the rate %v: %s", name, want, b)
					}
				}
			}
		}
	}
}

// If the trace's random number decided before, the same number decides here: the smaller share counts.
func TestTailHandlerShareIsConsistent(t *testing.T) {
	h := NewTailHandler(slog.DiscardHandler, &TailOptions{Share: 0.25})
	for _, test := range []struct {
		state string
		head  float64
		want  float64
	}{
		{"", 0, 0.25}, {"", 0.5, 0.125}, {"ot=th:8", 0.5, 0.25}, {"x=1,ot=rv:1;th:e", 0.125, 0.125}, {"xot=th:8", 0.5, 0.125},
	} {
		s := &Span{env: &env{state: test.state, rate: test.head}}
		if got := h.tail.weighed(s).env.rate; got != test.want {
			t.Errorf("%q, %v: %v, want %v", test.state, test.head, got, test.want)
		}
	}
	// Thresholds and random numbers of OpenTelemetry's specification: a trace is in the share if R >= T.
	for _, test := range []struct {
		share float64
		id    TraceID
		want  bool
	}{
		{0.25, TraceID{9: 0xc0}, true}, {0.25, TraceID{9: 0xbf, 10: 0xff}, false}, {0.25, TraceID{0: 0xff, 8: 0xff}, false},
		{0.5, TraceID{9: 0x80}, true}, {0.5, TraceID{9: 0x7f}, false}, {1, TraceID{}, true}, {0, TraceID{9: 0xff}, false},
		{1e-17, TraceID{9: 0xff, 10: 0xff, 11: 0xff, 12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff}, false},
	} {
		s := &Span{env: &noEnv}
		s.ids.Set(test.id, SpanID{})
		if got := newTail(&TailOptions{Share: test.share}).shares(s); got != test.want {
			t.Errorf("%v of %x: %v", test.share, test.id, got)
		}
	}
	if newTail(nil).shares(&Span{env: &noEnv}) {
		t.Error("no share, but it has a trace")
	}
}

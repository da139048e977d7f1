package slogtrace

// Records and spans are written in a short way where they are ordinary: JSONHandler.appendOrdinary and handleSpan,
// Handler.Handle and handleSpan. Bugs that were planted there in a copy of the package, one at a time, and the tests that
// found each, of this package and of tracetest. (1) is FuzzJSONHandler, (2) FuzzJSONHandlerInTrace, both with their seeds
// alone, (3) TestHandlerRandom, (4) TestCheckHandlerOurs or TestCheckHandlerBroken.
//
//	comma after a chain that ends in '{'            TestJSONHandlerEmptyGroups
//	sep not carried out of anyAttr                  TestJSONHandlerEmptiedGroup, TestHandlersAgree, (1), (2), (3), (4)
//	reserved check skipped                          TestHandlerNames, TestFormatNames, TestHandlersAgree, (3), (4)
//	known from the start                            (2), (4)
//	user's code before ordinary is known            TestJSONHandlerAsksOnce
//	some: of the last only; always                  (2), (3), FuzzHandler; TestJSONHandlerEmptyGroups, (3)
//	groups closed that were cut; never opened       TestJSONHandlerEmptyGroups, (3); (1), (2), (4)
//	valid false; true; for the time alone           TestJSONHandlerEmptiedGroup, TestYearsInSpan; the former, (1); (1)
//	isSpanMessage not asked                         TestJSONHandlerSpanWithoutContext
//	AddSource not asked; in handleSpan              TestJSONHandlerSource, (1), (2), (3); TestTracerAddSource
//	ReplaceAttr not asked in handleSpan             Examples, (3)
//	handleSpan opens no groups; does not cut them   (2), (3), (4); (4), TestSpanWithEmptyGroupInGroup
//	handleSpan loses the writer's error             TestStatsLost
//	memory freed before the write                   (4)
//	jsontext.AppendInt: 1e4, 1e8; appendTo9999: 100          TestAppendInt
//	fraction's 7th digit                            TestAppendNow, TestSpanLines, (1), (2), (3)
//	sieve: a bit missing; a length forgotten        TestKeySet, TestFormatNames, (2), (3), (4)
//	escape tail skipped; second half of 4 to 7      TestAppendInside, TestAppendString, (1), (2)
//	ordinarySpan: reserved not asked                TestSpanReservedKeys, TestSpanLogValuer, (2), (3), (4)
//	plainNames without moved; with; bound           TestSpanAttrAgainstLogger; TestHandlerNames, (2); TestHandlerIDs, (4)
//	ordinary ignores groups                         TestHandlerOverInitial, TestHandlerDefaultLoggerWithGroup, (2), (3)
//	Handler.handleSpan despite groups               TestHandlerDefaultLoggerWithGroup, (3), (4)
//	… without pc; parent's context; no event        TestTracerAddSource; TestCheckHandlerOurs alone; TestSpanLines, (4)
//	cache ignores op; handler; has no bound         TestHandlerSetOp; TestHandlerManyLoggers; TestBoundCacheIsBounded
//	every child takes the remote parent's env       TestRemoteSiblingsKeepTheirOwn
//	start as a time                                 TestStartIsText
//	empty groups bound; kind off by one             TestHandlerAfterEmptyWith; TestSpanLines, TestDo, (4)

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked counts the calls of its methods.
type asked struct{ value, json, err int }

type (
	askedValue struct{ n *asked }
	askedJSON  struct{ n *asked }
	askedError struct{ n *asked }
)

func (a askedValue) LogValue() slog.Value        { a.n.value++; return slog.IntValue(a.n.value) }
func (a askedJSON) MarshalJSON() ([]byte, error) { a.n.json++; return []byte("1"), nil }
func (a askedError) Error() string               { a.n.err++; return "e" }

// A record that turns out late not to be ordinary is written a second time, but its values are asked once.
func TestJSONHandlerAsksOnce(t *testing.T) {
	for _, last := range []slog.Attr{slog.Int("n", 1), slog.String("trace", "mine"), slog.Group("", slog.Int("op", 1)), {Value: slog.AnyValue(valuer{slog.GroupValue(slog.Int("x", 1))})}} {
		for _, group := range []string{"", "g"} {
			var n asked
			var buf bytes.Buffer
			h := NewJSONHandler(&buf, nil)
			ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op")
			values := []slog.Attr{slog.String("s", "x"), slog.Any("v", askedValue{&n}), slog.Any("j", askedJSON{&n}),
				slog.Any("e", askedError{&n}), slog.Group("in", slog.Any("v", askedValue{&n}))}
			for range values { // each of them is once the first that is asked
				n = asked{}
				values = append(values[1:], values[0])
				slog.New(h).WithGroup(group).LogAttrs(ctx, slog.LevelInfo, "m", append(slices.Clip(values), last)...)
				if want := (asked{value: 2, json: 1, err: 1}); n != want {
					t.Errorf("last %v in group %q: asked %+v times, want %+v: %s", last, group, n, want, &buf)
				}
			}
		}
	}
}

// dropsContext is somebody else's handler that hands records on under a context of its own.
type dropsContext struct{ slog.Handler }

func (d dropsContext) Handle(_ context.Context, r slog.Record) error {
	return d.Handler.Handle(context.Background(), r)
}

func TestJSONHandlerSpanWithoutContext(t *testing.T) {
	var buf bytes.Buffer
	for _, logStart := range []bool{false, true} {
		_, s := NewTracer(dropsContext{OTel.NewJSONHandler(&buf, nil)}, &TracerOptions{LogStart: logStart}).Start(context.Background(), "op", slog.String("error", "mine"))
		s.End()
	}
	for line := range strings.Lines(buf.String()) {
		if !strings.Contains(line, `"trace_id":"`) || !strings.Contains(line, `"attr.error":"mine"`) || strings.Contains(line, `"trace":`) {
			t.Errorf("a span record under a foreign context is not written by the handler's Format: %s", line)
		}
	}
}

// An empty group is no attribute: slog.Record leaves it out, and the group that the logger opened is not written for it.
func TestSpanWithEmptyGroupInGroup(t *testing.T) {
	for _, attrs := range [][]slog.Attr{{slog.Group("x")}, {slog.Group("x"), slog.Any("y", []slog.Attr{})}} {
		var buf bytes.Buffer
		h := NewJSONHandler(&buf, nil).WithGroup("g").WithGroup("h")
		_, s := NewTracer(h, &TracerOptions{LogStart: true}).Start(context.Background(), "op", attrs...)
		s.SetAttrs(attrs...)
		s.End()
		if strings.Contains(buf.String(), `"g"`) {
			t.Errorf("got a group of which nothing is left:\n%s", &buf)
		}
	}
}

// Each of several first spans below one remote parent has an environment of its own.
func TestRemoteSiblingsKeepTheirOwn(t *testing.T) {
	var one, two bytes.Buffer
	t1, t2 := NewTracer(NewJSONHandler(&one, nil), nil), NewTracer(NewJSONHandler(&two, nil), nil)
	remote := ContextWithRemoteSpanContext(context.Background(), SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
	_, s1 := t1.Start(With(remote, slog.String("user", "first")), "op")
	_, s2 := t2.Start(With(remote, slog.String("user", "second")), "op")
	s1.End()
	s2.End()
	if !strings.Contains(one.String(), `"user":"first"`) || !strings.Contains(two.String(), `"user":"second"`) {
		t.Errorf("got:\n%s%s", &one, &two)
	}
}

// Handlers write times each in their own way, slog.TextHandler without micro- and nanoseconds.
func TestStartIsText(t *testing.T) {
	var buf bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), NewHandler(slog.NewTextHandler(&buf, nil))} {
		_, s := NewTracer(h, nil).Start(context.Background(), "op")
		s.start = time.Date(2026, 3, 1, 9, 15, 0, 123456789, time.UTC)
		s.End()
	}
	if n := strings.Count(buf.String(), "start=2026-03-01T09:15:00.123456789Z"); n != 2 {
		t.Errorf("%d of 2 with the whole start:\n%s", n, &buf)
	}
}

type keepsLast struct {
	slog.Handler
	last *slog.Record
}

func (k keepsLast) Handle(_ context.Context, r slog.Record) error { *k.last = r; return nil }
func (k keepsLast) WithGroup(string) slog.Handler                 { return k }
func (k keepsLast) WithAttrs([]slog.Attr) slog.Handler            { return k }

// A record that a handler keeps does not keep what was derived for other loggers of the same span.
func TestKeptRecordKeepsNoLogger(t *testing.T) {
	var last slog.Record
	freed := make(chan bool, 1)
	func() {
		h := NewHandler(keepsLast{slog.DiscardHandler, &last})
		ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "op")
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(int) { freed <- true }, 0)
		slog.New(onlyEnabled{h}).WithGroup("g").With("big", big).InfoContext(ctx, "gone")
		slog.New(onlyEnabled{h}).InfoContext(ctx, "kept")
	}()
	for range 50 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(&last)
			return
		case <-time.After(time.Millisecond):
		}
	}
	t.Errorf("record %q keeps another logger's attributes", last.Message)
}

// onlyEnabled makes the discarding handler take records.
type onlyEnabled struct{ slog.Handler }

func (onlyEnabled) Enabled(context.Context, slog.Level) bool { return true }
func (o onlyEnabled) WithGroup(n string) slog.Handler        { return onlyEnabled{o.Handler.WithGroup(n)} }
func (o onlyEnabled) WithAttrs(a []slog.Attr) slog.Handler {
	return onlyEnabled{o.Handler.WithAttrs(a)}
}

// Groups that nothing is left of are no reason to ask a logger's values more often.
func TestWithAsksOnce(t *testing.T) {
	var n asked
	slog.New(NewHandler(slog.NewJSONHandler(new(bytes.Buffer), nil))).With(slog.Group("e"), "v", askedValue{&n})
	if n.value != 1 {
		t.Errorf("asked %d times, want once", n.value)
	}
}

// The op of what is remembered for a span is read once. Had it been renamed between two readings,
// later records would have carried the wrong one.
func TestHandlerSetOpConcurrent(t *testing.T) {
	n := 3000
	if raceEnabled || testing.Short() {
		n = 300
	}
	for range n {
		var buf lockedBuffer
		l := slog.New(NewHandler(slog.NewJSONHandler(&buf, nil)))
		ctx, s := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "A")
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 30 {
				s.SetOp("B")
				s.SetOp("A")
			}
		})
		for range 2 {
			wg.Go(func() { l.InfoContext(ctx, "x") })
		}
		wg.Wait()
		buf.Reset()
		l.InfoContext(ctx, "y")
		if want := fmt.Sprintf(`"op":%q`, s.Op()); !strings.Contains(buf.String(), want) {
			t.Fatalf("want %s in %s", want, buf.String())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

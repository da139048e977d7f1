package slogtrace

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Where lines are held, a value that is changed after the call is neither a race nor a lie.
func TestTailHandlerChangedValues(t *testing.T) {
	var buf bytes.Buffer
	h := NewTailHandler(NewJSONHandler(&buf, debugLevel), &TailOptions{Share: 0.999999, PassLevel: slog.LevelError})
	ctx, root := NewTracer(h, nil).Start(background, "root")
	m, inSpan := map[string]int{"a": 1}, map[string]int{"b": 1}
	_, child := Start(With(ctx, slog.Any("with", m)), "child", slog.Any("m", inSpan))
	slog.New(h).InfoContext(ctx, "m", "m", m)
	child.End()
	_, child = Start(ctx, "child without With", slog.Any("m", inSpan))
	child.End()
	_, child = Start(ctx, "child that failed")
	text := changingError("one")
	child.Fail(&text)
	child.End()
	m["a"], inSpan["b"], text = 2, 2, "two"
	root.Fail(errSpanCard)
	root.End()
	if got := buf.String(); !strings.Contains(got, `"m":{"a":1}`) || strings.Count(got, `"m":{"b":1}`) != 2 || !strings.Contains(got, `"with":{"a":1}`) || !strings.Contains(got, `"error":"one"`) {
		t.Errorf("wrote\n%s", got)
	}
}

type changingError string

func (e *changingError) Error() string { return string(*e) }

// An adder adds to records as it should: they are its own.
type adder struct{ slog.Handler }

func (h adder) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.Int("adder's", 1))
	return h.Handler.Handle(ctx, r)
}

// The memory of a record may be its maker's again after the call.
func TestTailHandlerRecordIsCopied(t *testing.T) {
	var buf bytes.Buffer
	h := NewTailHandler(adder{slog.NewJSONHandler(&buf, nil)}, &TailOptions{Share: 1})
	ctx, root := NewTracer(h, nil).Start(background, "root")
	r := slog.NewRecord(time.Now(), 0, "m", 0)
	for i := range 8 { // so many that there is room behind the last one
		r.AddAttrs(slog.Int(fmt.Sprint("a", i), i))
	}
	_ = h.Handle(ctx, r)
	r.AddAttrs(slog.Int("added", 1))
	root.End()
	if got := buf.String(); strings.Contains(got, "BUG") || strings.Contains(got, "added") || !strings.Contains(got, "adder's") || !strings.Contains(got, `"a7":7`) {
		t.Errorf("wrote %s", got)
	}
}

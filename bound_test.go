package slogtrace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A new op counts from the next record on, also for chains that were bound under the old one.
func TestHandlerSetOp(t *testing.T) {
	for _, rig := range rigs() {
		bufs, ws := outputs(len(rig.formats))
		base := rig.ours(ws, nil)
		for _, h := range []slog.Handler{base, base.WithGroup("g")} {
			ctx, span := testSpan(t.Context(), "op0")
			for i := range 15 {
				op := fmt.Sprintf("op%d", i/5%2) // and back again
				span.SetOp(op)
				if err := h.Handle(ctx, testRecord(slog.Int("x", i))); err != nil {
					t.Fatal(err)
				}
				for o, b := range bufs {
					line := take(b)
					got := parseMembers(t, line, rig.text)
					for key, val := range idsUnder(rig.formats[o], span.SpanContext(), op) {
						if diff := cmp.Diff([]string{val}, valuesOf(got, key)); diff != "" {
							t.Errorf("%s: record %d: %s (-want +got):\n%s", rig.name, i, key, diff)
						}
					}
				}
			}
		}
	}
}

// The handlers of two contexts at once, and of more loggers than are remembered for a context.
func TestHandlerManyLoggers(t *testing.T) {
	var b bytes.Buffer
	base := NewHandler(slog.NewJSONHandler(&b, nil))
	var hs []slog.Handler
	for i := range 3 * maxBoundHandlers {
		h := base.WithAttrs([]slog.Attr{slog.Int("logger", i)})
		if i%2 == 1 {
			h = h.WithGroup("g")
		}
		hs = append(hs, h)
	}
	ctx1, s1 := testSpan(t.Context(), "one")
	ctx2, s2 := testSpan(t.Context(), "two")
	for range 4 {
		for i, h := range hs {
			for n, ctx := range []context.Context{ctx1, ctx2, With(ctx1, slog.Int("w", 1)), With(ctx2, slog.Int("w", 2))} {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				s := []*Span{s1, s2}[n%2]
				want := idsUnder(Format{}, s.SpanContext(), s.Op())
				want["logger"] = fmt.Sprint(i)
				want["w"] = []string{"", "", "1", "2"}[n]
				checkRootKeys(t, take(&b), want)
			}
		}
	}
	if n := s1.bound.latest.Load().count; n != maxBoundHandlers {
		t.Errorf("%d chains are remembered for one span, want %d", n, maxBoundHandlers)
	}
}

// From the third record of a span on the inner handler has the ids bound, and from the first where groups are open.
func TestHandlerBinds(t *testing.T) {
	ctx, span := testSpan(t.Context(), "op")
	root := NewHandler(slog.DiscardHandler)
	for _, c := range []struct {
		h  *Handler
		at int
	}{{root, 3}, {root.WithGroup("g").(*Handler), 1}} {
		for n := 1; n <= 5; n++ {
			if err := c.h.Handle(ctx, testRecord()); err != nil {
				t.Fatal(err)
			}
			if got := span.bound.of(&c.h.id, "op").chain.Load() != nil; got != (n >= c.at) {
				t.Errorf("after record %d: that a chain is bound is %v, want it from record %d on", n, got, c.at)
			}
		}
	}
}

// Records handed to several of ours at once, as MultiHandler does without a copy of what With was given.
func TestHandlerSharesWithAttrs(t *testing.T) {
	var b1, b2 bytes.Buffer
	h := slog.NewMultiHandler(NewHandler(&treeHandler{out: &b1}), OTel.NewHandler(&treeHandler{out: &b2}), NewHandler(&treeHandler{out: io.Discard}))
	ctx, _ := testSpan(t.Context(), "op")
	for _, d := range []slog.Handler{
		h.WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
		h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("trace", 1), slog.Int("a", 2)}),
	} {
		for range 4 {
			if err := d.Handle(ctx, testRecord(slog.Int("x", 3))); err != nil {
				t.Fatal(err)
			}
			for _, line := range [][]byte{take(&b1), take(&b2)} {
				for _, want := range []string{`trace":1`, `"a":2`, `"x":3`} {
					if n := bytes.Count(line, []byte(want)); n != 1 {
						t.Errorf("%s stands %d times, want once:\n%s", want, n, line)
					}
				}
			}
		}
	}
}

// A handler does not follow what becomes of the slice that WithAttrs was given.
func TestHandlerKeepsItsOwnAttrs(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(t.Context(), "op")
	attrs := []slog.Attr{slog.Int("a", 1)}
	h := NewHandler(slog.NewJSONHandler(&b, nil)).WithGroup("g").WithAttrs(attrs)
	attrs[0] = slog.Int("a", 2)
	for range 4 {
		if err := h.Handle(ctx, testRecord()); err != nil {
			t.Fatal(err)
		}
		if line := string(take(&b)); !strings.Contains(line, `"g":{"a":1}`) {
			t.Errorf("the attribute changed: %s", line)
		}
	}
}

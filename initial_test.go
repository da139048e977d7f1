package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// The text that takes the place of slog's first handler has all that was bound, and the first handler's level.
func TestFirstHandlerBinds(t *testing.T) {
	var text bytes.Buffer
	warn := &slog.HandlerOptions{Level: slog.LevelWarn}
	h := slog.Handler(&firstHandler{slog.NewTextHandler(io.Discard, warn), slog.NewTextHandler(&text, nil)})
	h = h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)})
	if h.Enabled(context.Background(), slog.LevelInfo) || !h.Enabled(context.Background(), slog.LevelWarn) {
		t.Error("the level is not the first handler's")
	}
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	if err := h.(*firstHandler).text.Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if got, want := text.String(), "level=INFO msg=m a=1 g.b=2\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A suffixWriter says of each Write what io.Writer asks for.
func TestSuffixWriter(t *testing.T) {
	var out bytes.Buffer
	w := &suffixWriter{w: &out, suffix: " end\n"}
	if n, err := w.Write([]byte("line\n")); n != 5 || err != nil || out.String() != "line end\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
	failed := errors.New("disk full")
	w.w = writerFunc(func([]byte) (int, error) { return 0, failed })
	if n, err := w.Write([]byte("line\n")); n != 0 || err != failed {
		t.Errorf("%d, %v", n, err)
	}
}

// What was bound to slog's first handler, and the groups that are open on it, are in the lines of a handler around it.
func TestInitialHandlerBinds(t *testing.T) {
	first := slog.Default().Handler()
	if !isInitialHandler(first) || isInitialHandler(nil) || isInitialHandler(slog.DiscardHandler) {
		t.Fatalf("is %T the first handler?", first)
	}
	defer log.SetOutput(log.Writer())
	attrs := []slog.Attr{slog.Int("k", 1)}
	for _, test := range []struct {
		h    slog.Handler
		want string
	}{
		{first, "level=INFO msg=m a=2\n"},
		{first.WithAttrs(attrs), "level=INFO msg=m a=2 k=1\n"},
		{first.WithGroup("g"), "level=INFO msg=m g.a=2\n"},
		{first.WithGroup("g").WithGroup("h"), "level=INFO msg=m g.h.a=2\n"},
		{first.WithAttrs(attrs).WithGroup("g"), "level=INFO msg=m g.a=2 k=1\n"},
		{first.WithGroup("g").WithAttrs(attrs), "level=INFO msg=m g.a=2 g.k=1\n"},
	} {
		var b bytes.Buffer
		log.SetOutput(&b)
		h := NewHandler(test.h)
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Int("a", 2))
		if err := h.Handle(t.Context(), r); err != nil || b.String() != test.want {
			t.Errorf("got %q, %v, want %q", b.String(), err, test.want)
		}
	}
}

// A firstHandler is slog's first handler for as long as that is slog's default.
func TestFirstHandlerCurrent(t *testing.T) {
	var first, text bytes.Buffer
	h := &firstHandler{slog.NewTextHandler(&first, nil), slog.NewTextHandler(&text, nil)}
	defer log.SetFlags(log.Flags())
	defer log.SetOutput(log.Writer())
	defer slog.SetDefault(slog.Default())
	slog.New(h).Info("one")
	slog.SetDefault(slog.New(slog.DiscardHandler))
	slog.New(h).Info("two")
	if !strings.Contains(first.String(), "one") || strings.Contains(first.String(), "two") ||
		strings.Contains(text.String(), "one") || !strings.Contains(text.String(), "two") {
		t.Errorf("first:\n%stext:\n%s", first.String(), text.String())
	}
}

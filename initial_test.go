package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
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

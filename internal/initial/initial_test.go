package initial

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

// The textHandler in place of slog's initial handler has everything that was bound, and the initial handler's level.
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

// Each Write of a suffixWriter returns what io.Writer requires.
func TestSuffixWriter(t *testing.T) {
	var out bytes.Buffer
	w := &suffixWriter{w: &out, suffix: " end\n"}
	if n, err := w.Write([]byte("line\n")); n != 5 || err != nil || out.String() != "line end\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
	failed := errors.New("disk full")
	w.w = failing{failed}
	if n, err := w.Write([]byte("line\n")); n != 0 || err != failed {
		t.Errorf("%d, %v", n, err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// The lines of a handler in place of slog's initial handler have the attributes bound to it and its open groups.
func TestInitialHandlerBinds(t *testing.T) {
	first := slog.Default().Handler()
	if !isInitial(first) || isInitial(nil) || isInitial(slog.DiscardHandler) {
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
		h := Replace(test.h)
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Int("a", 2))
		if err := h.Handle(t.Context(), r); err != nil || b.String() != test.want {
			t.Errorf("got %q, %v, want %q", b.String(), err, test.want)
		}
	}
}

// A firstHandler is slog's initial handler as long as that is slog's default.
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

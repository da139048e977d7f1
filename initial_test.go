package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
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
	w.w = writerFunc(func([]byte) (int, error) { return 0, failed })
	if n, err := w.Write([]byte("line\n")); n != 0 || err != failed {
		t.Errorf("%d, %v", n, err)
	}
}

// The lines of a handler around slog's initial handler have the attributes bound to it and its open groups.
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

// slog's initial handler can be wrapped and made the default: text, no deadlock.
func TestHandlerOverInitial(t *testing.T) {
	if mode := os.Getenv("SLOGTRACE_TEST_INITIAL"); mode != "" {
		initialMain(mode)
		os.Exit(0)
	}
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode      string
		want      []string
		informed  []string // in the line of that message
		forbidden []string
	}{
		{"plain", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace=", " op=work", " x=1"}, []string{"hidden"}},
		{"otel", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace_id=", " trace_flags=03"}, []string{"hidden"}},
		{"group", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace=", " op=work", " g.x=1"}, []string{"hidden", "g.trace"}},
		{"nested", []string{"level=INFO msg=printed"}, []string{"level=INFO", " trace="}, []string{"hidden", "attr."}},
		{"debug", []string{"level=DEBUG msg=printed", "level=DEBUG msg=hidden"}, []string{"level=INFO"}, nil},
		{"warn", []string{"level=WARN msg=printed", "level=WARN msg=warned"}, nil, []string{"informed", "hidden"}},
		{"with", nil, []string{" service=shop"}, nil},
		{"chains", nil, nil, []string{"lost"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, exe, "-test.run=^TestHandlerOverInitial$")
			cmd.Env = append(os.Environ(), "SLOGTRACE_TEST_INITIAL="+c.mode)
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if ctx.Err() != nil {
				t.Fatalf("deadlock; output so far:\n%s", out)
			}
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			for _, w := range c.want {
				if n := strings.Count(string(out), w); n < 1 {
					t.Errorf("output lacks %q:\n%s", w, out)
				}
			}
			var informed string
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "msg=informed") {
					informed += line
				}
			}
			for _, w := range c.informed {
				if strings.Count(informed, w) != 1 {
					t.Errorf("line lacks %q, or has it twice: %s", w, informed)
				}
			}
			for _, f := range c.forbidden {
				if strings.Contains(string(out), f) {
					t.Errorf("output has %q:\n%s", f, out)
				}
			}
		})
	}
}

func initialMain(mode string) {
	if mode == "chains" {
		initialChains()
		return
	}
	var h slog.Handler = NewHandler(slog.Default().Handler())
	switch mode {
	case "otel":
		h = OTel.NewHandler(slog.Default().Handler())
	case "nested":
		h = NewHandler(NewHandler(slog.Default().Handler()))
	case "debug":
		slog.SetLogLoggerLevel(slog.LevelDebug)
	case "warn":
		slog.SetLogLoggerLevel(slog.LevelWarn)
	case "with":
		h = NewHandler(slog.With("service", "shop").Handler())
	}
	l := slog.New(h)
	if mode == "group" {
		l = l.WithGroup("g")
	}
	slog.SetDefault(l)
	log.Print("printed")
	ctx, span := Start(context.Background(), "work")
	slog.InfoContext(ctx, "informed", "x", 1)
	slog.WarnContext(ctx, "warned")
	slog.DebugContext(ctx, "hidden")
	span.End()
}

// initialChains makes each chain of up to three of our handlers around slog's initial handler the default, one after the other,
// and reports which of them lost a record.
func initialChains() {
	var b bytes.Buffer
	first := slog.Default()
	links := map[string]func(slog.Handler) slog.Handler{
		"Handler": func(h slog.Handler) slog.Handler { return NewHandler(h) },
		"OTel":    func(h slog.Handler) slog.Handler { return OTel.NewHandler(h) },
		"Tail":    func(h slog.Handler) slog.Handler { return NewTailHandler(h, nil) },
		"Redact":  func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
	}
	try := func(names string, h slog.Handler) {
		fmt.Println(names)
		b.Reset()
		slog.SetDefault(slog.New(h))
		log.Print("printed")
		ctx, span := Start(context.Background(), "work")
		slog.InfoContext(ctx, "informed")
		slog.With("a", 1).WithGroup("g").WarnContext(ctx, "warned", "x", 1)
		span.End()
		for _, text := range []string{"printed", "informed", "warned", "span end"} {
			if n := strings.Count(b.String(), text); n != 1 {
				fmt.Printf("lost: %s: %q is there %d times: %s", names, text, n, b.String())
			}
		}
	}
	var chains func(names string, h slog.Handler, n int)
	chains = func(names string, h slog.Handler, n int) {
		for name, link := range links {
			log.SetOutput(&b) // where the text goes
			chain := link(h)
			try(name+" "+names, chain)
			if n > 1 {
				chains(name+" "+names, chain, n-1)
			}
		}
	}
	chains("first", first.Handler(), 3)
	chains("With", first.With("b", 1).Handler(), 3)
	chains("WithGroup", first.WithGroup("h").Handler(), 3)
	log.SetOutput(&b)
	slog.SetDefault(first)
	ctx, span := Start(context.Background(), "above")
	defer span.End()
	logger := Logger(ctx).Handler()
	try("Logger", logger)
	chains("Logger", logger, 3)
	try("Logger With", logger.WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h"))
}

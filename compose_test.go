package slogtrace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A composition puts policies around a handler. None of them changes the lines of testdata/presets.
// Some have other handlers between ours.
type composition struct {
	name   string
	cards  bool // looks for card numbers: see TestRedactHandlerKit
	around func(slog.Handler) slog.Handler
}

var compositions = func() []composition {
	type handler = slog.Handler
	all := &slogtrace.RedactOptions{Cards: true, Errors: true, Keys: []string{"customer email"}}
	redact := func(h handler) handler { return slogtrace.NewRedactHandler(h, nil) }
	reads := func(h handler) handler { return slogtrace.NewRedactHandler(h, all) }
	tail := func(h handler) handler { return slogtrace.NewTailHandler(h, &slogtrace.TailOptions{Share: 1}) }
	pass := func(h handler) handler { return passHandler{h} }
	return []composition{
		{"redact", false, redact},
		{"redact, all of it", true, reads},
		{"tail", false, tail},
		{"redact over tail", false, func(h handler) handler { return redact(tail(h)) }},
		{"tail over redact", false, func(h handler) handler { return tail(redact(h)) }},
		{"redact, all of it, over tail", true, func(h handler) handler { return reads(tail(h)) }},
		{"tail over redact, all of it", true, func(h handler) handler { return tail(reads(h)) }},
		{"redact over tail over redact", true, func(h handler) handler { return redact(tail(reads(h))) }},
		{"tail over tail over redact", false, func(h handler) handler { return tail(tail(redact(h))) }},
		{"multi over redact over tail", false, func(h handler) handler { return slog.NewMultiHandler(redact(tail(h))) }},
		{"pass over redact over pass over tail over pass", false, func(h handler) handler { return pass(redact(pass(tail(pass(h))))) }},
	}
}()

// Whatever the policies, the lines are those of the preset.
func TestPresetLinesComposed(t *testing.T) {
	for _, p := range presets {
		for _, h := range presetHandlers(p.Format) {
			want := section(t, p.name, h.title)
			for _, c := range compositions {
				t.Run(p.name+"/"+h.title+"/"+c.name, func(t *testing.T) {
					t.Setenv("OTEL_SERVICE_NAME", "api")
					t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
					synctest.Test(t, func(t *testing.T) {
						n := uint64(0)
						defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
						time.Sleep(123 * time.Millisecond)
						var b bytes.Buffer
						writePreset(p.Format, c.around(h.open(&b)))
						if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(b.String(), "\n")); diff != "" {
							t.Errorf("-alone +composed:\n%s", diff)
						}
					})
				})
			}
		}
	}
}

// The kit's rules hold for presets under policies: for one of them under all policies, for all under two.
func TestComposedKit(t *testing.T) {
	for _, p := range presets {
		for _, c := range compositions {
			if p.name != "ECS" && c.name != "redact over tail" && c.name != "tail over redact" || c.cards {
				continue
			}
			t.Run(p.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				tracetest.TestHandler(t, func(w io.Writer) slog.Handler { return c.around(p.NewJSONHandler(w, nil)) })
			})
		}
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
	var h slog.Handler = slogtrace.NewHandler(slog.Default().Handler())
	switch mode {
	case "otel":
		h = slogtrace.OTel.NewHandler(slog.Default().Handler())
	case "nested":
		h = slogtrace.NewHandler(slogtrace.NewHandler(slog.Default().Handler()))
	case "debug":
		slog.SetLogLoggerLevel(slog.LevelDebug)
	case "warn":
		slog.SetLogLoggerLevel(slog.LevelWarn)
	case "with":
		h = slogtrace.NewHandler(slog.With("service", "shop").Handler())
	}
	l := slog.New(h)
	if mode == "group" {
		l = l.WithGroup("g")
	}
	slog.SetDefault(l)
	log.Print("printed")
	ctx, span := slogtrace.Start(context.Background(), "work")
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
		"Handler": func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) },
		"OTel":    func(h slog.Handler) slog.Handler { return slogtrace.OTel.NewHandler(h) },
		"Tail":    func(h slog.Handler) slog.Handler { return slogtrace.NewTailHandler(h, nil) },
		"Redact":  func(h slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(h, nil) },
	}
	try := func(names string, h slog.Handler) {
		fmt.Println(names)
		b.Reset()
		slog.SetDefault(slog.New(h))
		log.Print("printed")
		ctx, span := slogtrace.Start(context.Background(), "work")
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
	ctx, span := slogtrace.Start(context.Background(), "above")
	defer span.End()
	logger := slogtrace.Logger(ctx).Handler()
	try("Logger", logger)
	chains("Logger", logger, 3)
	try("Logger With", logger.WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h"))
}

// Types of users that embed one of our handlers and have a Handle of their own.
type (
	overJSON struct {
		*slogtrace.JSONHandler
		calls *int
	}
	overHandler struct {
		*slogtrace.Handler
		calls *int
	}
	overTail struct {
		*slogtrace.TailHandler
		calls *int
	}
	overRedact struct {
		*slogtrace.RedactHandler
		calls *int
	}
)

func (h overJSON) Handle(ctx context.Context, r slog.Record) error {
	*h.calls++
	return h.JSONHandler.Handle(ctx, r)
}

func (h overHandler) Handle(ctx context.Context, r slog.Record) error {
	*h.calls++
	return h.Handler.Handle(ctx, r)
}

func (h overTail) Handle(ctx context.Context, r slog.Record) error {
	*h.calls++
	return h.TailHandler.Handle(ctx, r)
}

func (h overRedact) Handle(ctx context.Context, r slog.Record) error {
	*h.calls++
	return h.RedactHandler.Handle(ctx, r)
}

// A type that embeds one of our handlers is a handler of its own: its Handle gets every record, whoever passes it on.
func TestEmbedded(t *testing.T) {
	var calls int
	var out bytes.Buffer
	sink := slogtrace.NewJSONHandler(&out, nil)
	outer := map[string]func(slog.Handler) slog.Handler{
		"nothing": func(h slog.Handler) slog.Handler { return h },
		"Tail":    func(h slog.Handler) slog.Handler { return slogtrace.NewTailHandler(h, nil) },
		"Redact":  func(h slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(h, nil) },
		"Handler": func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) },
	}
	for name, h := range map[string]slog.Handler{
		"JSONHandler":   overJSON{sink, &calls},
		"Handler":       overHandler{slogtrace.NewHandler(slog.NewJSONHandler(&out, nil)), &calls},
		"TailHandler":   overTail{slogtrace.NewTailHandler(sink, nil), &calls},
		"RedactHandler": overRedact{slogtrace.NewRedactHandler(sink, nil), &calls},
	} {
		for around, wrap := range outer {
			calls = 0
			out.Reset()
			handler := wrap(h)
			ctx, span := slogtrace.NewTracer(handler, nil).Start(context.Background(), "op")
			slog.New(handler).InfoContext(ctx, "line")
			span.End()
			if calls != 2 || strings.Count(out.String(), span.SpanContext().SpanID.String()) != 2 {
				t.Errorf("%s embedded, inside %s: Handle was called %d times, want 2:\n%s", name, around, calls, &out)
			}
		}
	}
}

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

func zapslogAlone(core zapcore.Core) {
	slog.SetDefault(slog.New(slogtrace.NewHandler(zapslog.NewHandler(core))))
}

// The two setups of docs/backends.md, whose code TestZapslogDoc compares.

func zapslogStacksAboveError(core zapcore.Core) {
	h := zapslog.NewHandler(core, zapslog.AddStacktraceAt(slog.LevelError+1))
	slog.SetDefault(slog.New(slogtrace.NewHandler(h)))
}

func zapslogSpansApart(core zapcore.Core) {
	slog.SetDefault(slog.New(slogtrace.NewHandler(zapslog.NewHandler(core))))
	spans := zapslog.NewHandler(core, zapslog.AddStacktraceAt(math.MaxInt))
	slogtrace.SetDefault(slogtrace.NewTracer(slogtrace.NewHandler(spans), nil))
}

// zapslog takes a stack in its own Handle. On a failed span that is one of slogtrace's frames, unless an option says otherwise.
// The user's own lines have theirs at the level that the user asked for.
func TestZapslogStacks(t *testing.T) {
	const above = slog.LevelError + 1
	for _, setup := range []struct {
		name   string
		set    func(zapcore.Core)
		stacks string // the messages of the lines that have one
	}{
		{"without the option", zapslogAlone, "error above nothing failed panicked"},
		{"stacks above error", zapslogStacksAboveError, "above"},
		{"spans apart", zapslogSpansApart, "error above nothing"},
	} {
		t.Run(setup.name, func(t *testing.T) {
			logger, w, flags := slog.Default(), log.Writer(), log.Flags()
			t.Cleanup(func() {
				slog.SetDefault(logger)
				log.SetOutput(w)
				log.SetFlags(flags)
				slogtrace.SetDefault(nil)
			})
			var out bytes.Buffer
			setup.set(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.InfoLevel))

			ctx, root := slogtrace.Start(t.Context(), "root")
			slog.InfoContext(ctx, "info")
			slog.ErrorContext(ctx, "error")
			slog.Log(ctx, above, "above")
			slog.Error("nothing") // outside a trace
			_, span := slogtrace.Start(ctx, "failed")
			span.Fail(errors.New("card declined"))
			span.End()
			endPanicked(ctx)
			root.End()

			var stacks []string
			spans := 0
			for line := range bytes.Lines(out.Bytes()) {
				var l struct{ Msg, Op, Trace, Stack, Stacktrace string }
				if err := json.Unmarshal(line, &l); err != nil {
					t.Fatal(err)
				}
				name := l.Msg
				if name == "span end" {
					name = l.Op
					spans++
				}
				if name != "nothing" && l.Trace != root.SpanContext().TraceID.String() {
					t.Errorf("%s: the trace is %q", name, l.Trace)
				}
				if name == "panicked" && !strings.Contains(l.Stack, "interop.endPanicked") {
					t.Errorf("the span that panicked has lost the stack of the panic: %s", line)
				}
				if l.Stacktrace == "" {
					continue
				}
				stacks = append(stacks, name)
				if isSpan := l.Msg == "span end"; isSpan != strings.Contains(l.Stacktrace, "slogtrace.(*Span).End") {
					t.Errorf("%s: the stack is not the one expected:\n%s", name, l.Stacktrace)
				}
			}
			if got := strings.Join(stacks, " "); got != setup.stacks {
				t.Errorf("lines with a stack: %s\nwant: %s", got, setup.stacks)
			}
			if spans != 3 {
				t.Errorf("there are %d ends of spans, want 3:\n%s", spans, out.Bytes())
			}
		})
	}
}

func endPanicked(ctx context.Context) {
	defer func() { recover() }()
	_, span := slogtrace.Start(ctx, "panicked")
	defer span.End()
	panic("no seat")
}

// The code in docs/backends.md is that of the functions above.
func TestZapslogDoc(t *testing.T) {
	doc, err := os.ReadFile("../docs/backends.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("zapslog_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for i, text := range strings.Split(string(doc), "```") {
		code, isGo := strings.CutPrefix(text, "go\n")
		if i%2 == 0 || !isGo || !strings.Contains(code, "zapslog.") {
			continue
		}
		blocks++
		if body := "{\n\t" + strings.ReplaceAll(strings.TrimSpace(code), "\n", "\n\t") + "\n}\n"; !strings.Contains(string(source), body) {
			t.Errorf("docs/backends.md has code that is not tested here:\n%s", code)
		}
	}
	if blocks != 2 {
		t.Errorf("docs/backends.md has %d blocks about zapslog, want 2", blocks)
	}
}

package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/rs/zerolog"
)

// zerolog makes no spans. In the jobs that end some it writes lines like theirs.
var (
	zerologBound = tool{
		name: "zerolog, ids bound", peer: "zerolog", ids: oursKeys, open: openZerologBound,
	}

	zerologHook = tool{
		name: "zerolog, hook on the context", peer: "zerolog", ids: keys{trace: "trace", span: "span", inGroup: true}, open: openZerologHook,
	}
)

func openZerolog(sk *sink) zerolog.Logger {
	zerolog.TimeFieldFormat = time.RFC3339Nano // as slog has it; the default has no fractions
	return zerolog.New(sk.lines).Level(zerolog.InfoLevel).With().Timestamp().Logger()
}

func openZerologBound(sk *sink) (*session, error) {
	base := openZerolog(sk)
	bind := func(span, op string) *zerolog.Logger {
		l := base.With().Str("trace", traceText).Str("span", span).Str("op", op).Logger()
		return &l
	}
	l, at := bind(spanText, op), bind(parentText, root)
	var below [len(steps)]*zerolog.Logger
	for i, s := range steps {
		below[i] = bind(stepSpans[i], s)
	}
	line := func(l *zerolog.Logger) {
		l.Info().Str("booking", booking).Int("amount", amount).Bool("ok", true).Msg(message)
	}
	end := func(l *zerolog.Logger) {
		l.Info().Str("parent", parentText).Time("start", started).Float64("duration_ms", duration).
			Str("booking", booking).Int("amount", amount).Msg(endText)
	}
	return &session{
		ctx: context.Background(), at: ids{traceText, spanText},
		line: func() { line(l) },
		debug: func(n int) {
			for range n {
				l.Debug().Str("booking", booking).Int("amount", amount).Bool("ok", true).Msg(message)
			}
		},
		end: func(call) { end(l) },
		request: func(logFunc) {
			line(at)
			line(at)
			for _, l := range &below {
				line(l)
				line(l)
				end(l)
			}
			at.Info().Str("parent", spanText).Str("kind", "server").Time("start", started).Float64("duration_ms", duration).Msg(endText)
		},
	}, nil
}

// zerologIDs is the hook that its users write.
type zerologIDs struct{}

func (zerologIDs) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	if at, ok := e.GetCtx().Value(naiveKey{}).(*naiveIDs); ok {
		e.Str("trace", at.trace).Str("span", at.span).Str("op", at.op)
	}
}

// newZerologSlog returns zerolog's slog handler, which hands the context to hooks. It is not measured.
func newZerologSlog(w io.Writer, _ *slog.HandlerOptions) slog.Handler {
	return zerolog.NewSlogHandler(zerolog.New(w).Level(zerolog.InfoLevel).Hook(zerologIDs{}))
}

func openZerologHook(sk *sink) (*session, error) {
	l := openZerolog(sk).Hook(zerologIDs{})
	ctx := context.WithValue(context.Background(), naiveKey{}, &naiveIDs{traceText, spanText, op})
	return &session{
		ctx: ctx, at: ids{traceText, spanText},
		line: func() {
			l.Info().Ctx(ctx).Str("booking", booking).Int("amount", amount).Bool("ok", true).Msg(message)
		},
		debug: func(n int) {
			for range n {
				l.Debug().Ctx(ctx).Str("booking", booking).Int("amount", amount).Bool("ok", true).Msg(message)
			}
		},
	}, nil
}

package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/phuslu/log"
)

// phuslu/log makes no spans. In the jobs that end some it writes lines like theirs.
var (
	phusluBound = tool{name: "phuslu/log, ids bound", peer: "phuslu/log", ids: oursKeys, open: openPhuslu}

	phusluSlog = tool{
		name: "phuslu/log's slog handler, ids bound", peer: "phuslu/log", slog: true, judged: judgedPhuslu, ids: oursKeys,
		open: func(sk *sink) (*session, error) {
			l := slog.New(newPhusluSlog(sk.lines, &sk.opts)).With("trace", traceText, "span", spanText, "op", op)
			return &session{
				logger: l, ctx: context.Background(), at: ids{traceText, spanText}, debug: debugs(l, context.Background()),
			}, nil
		},
	}
)

func newPhusluSlog(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	return log.SlogNewJSONHandler(w, o)
}

func openPhuslu(sk *sink) (*session, error) {
	bind := func(span, op string) *log.Logger {
		return &log.Logger{
			Level: log.InfoLevel, TimeField: "time", TimeFormat: time.RFC3339Nano, Writer: &log.IOWriter{Writer: sk.lines},
			Context: log.NewContext(nil).Str("trace", traceText).Str("span", span).Str("op", op).Value(),
		}
	}
	l, at := bind(spanText, op), bind(parentText, root)
	var below [len(steps)]*log.Logger
	for i, s := range steps {
		below[i] = bind(stepSpans[i], s)
	}
	line := func(l *log.Logger) {
		l.Info().Str("booking", booking).Int("amount", amount).Bool("ok", true).Msg(message)
	}
	end := func(l *log.Logger) {
		l.Info().Str("parent", parentText).TimeFormat("start", time.RFC3339Nano, started).Float64("duration_ms", duration).
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
			at.Info().Str("parent", spanText).Str("kind", "server").TimeFormat("start", time.RFC3339Nano, started).
				Float64("duration_ms", duration).Msg(endText)
		},
	}, nil
}

package main

import (
	"context"
	"io"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// zapBound makes no spans. In the jobs that end some it writes lines like theirs.
var zapBound = tool{name: "zap, ids bound", peer: "zap", ids: oursKeys, open: openZap}

func newZapCore(w io.Writer) zapcore.Core {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey = "time"
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	return zapcore.NewCore(zapcore.NewJSONEncoder(c), zapcore.Lock(zapcore.AddSync(w)), zapcore.InfoLevel)
}

// newZapSlog returns zap's slog handler, which is in a module of experiments. It is not measured.
func newZapSlog(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	return zapslog.NewHandler(newZapCore(w), zapslog.WithCaller(o.AddSource))
}

func openZap(sk *sink) (*session, error) {
	base := zap.New(newZapCore(sk.lines))
	bind := func(span, op string) *zap.Logger {
		return base.With(zap.String("trace", traceText), zap.String("span", span), zap.String("op", op))
	}
	l, at := bind(spanText, op), bind(parentText, root)
	grouped := l.With(zap.Namespace(group), zap.String("provider", provider), zap.Int("attempt", attempt))
	var below [len(steps)]*zap.Logger
	for i, s := range steps {
		below[i] = bind(stepSpans[i], s)
	}
	line := func(l *zap.Logger) {
		l.Info(message, zap.String("booking", booking), zap.Int("amount", amount), zap.Bool("ok", true))
	}
	end := func(l *zap.Logger) {
		l.Info(endText, zap.String("parent", parentText), zap.Time("start", started), zap.Float64("duration_ms", duration),
			zap.String("booking", booking), zap.Int("amount", amount))
	}
	return &session{
		ctx: context.Background(), at: ids{traceText, spanText},
		line:    func() { line(l) },
		grouped: func() { line(grouped) },
		debug: func(n int) {
			for range n {
				l.Debug(message, zap.String("booking", booking), zap.Int("amount", amount), zap.Bool("ok", true))
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
			at.Info(endText, zap.String("parent", spanText), zap.String("kind", "server"), zap.Time("start", started),
				zap.Float64("duration_ms", duration))
		},
	}, nil
}

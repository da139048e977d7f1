package main

import (
	"context"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

// What a service has with log/slog alone.
var (
	// plain says nothing about traces: what a handler costs that does less.
	plain = tool{name: "slog.JSONHandler, no ids", slog: true, judged: judgedPlain, open: openPlain}

	// prebound is the floor: somebody has bound the ids with With, outside of what is measured.
	prebound = tool{name: "slog.JSONHandler, ids bound", slog: true, judged: judgedPlain, ids: keys{trace: "trace", span: "span"}, open: openPrebound}

	// naive is the wrapper that everybody writes first.
	naive = tool{
		name: "AddAttrs wrapper", slog: true, judged: judgedNaive, ids: keys{trace: "trace", span: "span", inGroup: true}, open: openNaive,
	}
)

func openPlain(sk *sink) (*session, error) {
	l := slog.New(judgedPlain.open(sk.lines, &sk.opts))
	return &session{logger: l, ctx: context.Background(), debug: debugs(l, context.Background())}, nil
}

func openPrebound(sk *sink) (*session, error) {
	base := slog.New(judgedPlain.open(sk.lines, &sk.opts))
	ctx := context.Background()
	bind := func(span, op string) *slog.Logger { return base.With("trace", traceText, "span", span, "op", op) }
	l := bind(spanText, op)
	at := bind(parentText, root)
	var below [len(steps)]*slog.Logger
	for i, s := range steps {
		below[i] = bind(stepSpans[i], s)
	}
	return &session{
		logger: l, ctx: ctx, at: ids{traceText, spanText},
		fresh: func() context.Context { return ctx },
		debug: debugs(l, ctx),
		end: func(c call) {
			if c == info {
				l.InfoContext(ctx, endText, "parent", parentText, "start", started, "duration_ms", duration, "booking", booking, "amount", amount)
				return
			}
			logEnd(l, ctx)
		},
		child: func(attrs int) {
			line := endLine0
			switch attrs {
			case 2:
				line = endLine2
			case 10:
				line = endLine10
			}
			l.LogAttrs(ctx, slog.LevelInfo, endText, line...)
		},
		request: func(log logFunc) {
			log(at, ctx)
			log(at, ctx)
			for _, l := range &below {
				log(l, ctx)
				log(l, ctx)
				logEnd(l, ctx)
			}
			at.LogAttrs(ctx, slog.LevelInfo, endText, slog.String("parent", spanText), slog.String("kind", "server"),
				slog.Time("start", started), slog.Float64("duration_ms", duration))
		},
	}, nil
}

// stepSpans are the span ids of J4's children, where nobody makes any.
var stepSpans = [len(steps)]string{"1000000000000001", "1000000000000002", "1000000000000003", "1000000000000004"}

// logEnd makes the line that a span ends with.
func logEnd(l *slog.Logger, ctx context.Context) {
	l.LogAttrs(ctx, slog.LevelInfo, endText, slog.String("parent", parentText), slog.Time("start", started),
		slog.Float64("duration_ms", duration), slog.String("booking", booking), slog.Int("amount", amount))
}

var (
	endLine0  = endLine()
	endLine2  = endLine(attrs2...)
	endLine10 = endLine(attrs10...)
)

func endLine(attrs ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.String("parent", parentText), slog.Time("start", started), slog.Float64("duration_ms", duration)}, attrs...)
}

func debugs(l *slog.Logger, ctx context.Context) func(int) {
	return func(n int) {
		for range n {
			l.DebugContext(ctx, message, "booking", booking, "amount", amount, "ok", true)
		}
	}
}

// naiveHandler adds the ids of the context to the record, and so to the group that is open.
type naiveHandler struct{ slog.Handler }

type naiveKey struct{}

type naiveIDs struct{ trace, span, op string }

func (h naiveHandler) Handle(ctx context.Context, r slog.Record) error {
	if at, ok := ctx.Value(naiveKey{}).(*naiveIDs); ok {
		r.AddAttrs(slog.String("trace", at.trace), slog.String("span", at.span), slog.String("op", at.op))
	}
	return h.Handler.Handle(ctx, r)
}

func (h naiveHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return naiveHandler{h.Handler.WithAttrs(attrs)}
}

func (h naiveHandler) WithGroup(name string) slog.Handler {
	return naiveHandler{h.Handler.WithGroup(name)}
}

func enterNaive(ctx context.Context, sc slogtrace.SpanContext) context.Context {
	at := &naiveIDs{sc.TraceID.String(), sc.SpanID.String(), slogtrace.SpanFromContext(ctx).Op()}
	return context.WithValue(ctx, naiveKey{}, at)
}

func openNaive(sk *sink) (*session, error) {
	l := slog.New(judgedNaive.open(sk.lines, &sk.opts))
	ctx := context.WithValue(context.Background(), naiveKey{}, &naiveIDs{traceText, spanText, op})
	return &session{logger: l, ctx: ctx, at: ids{traceText, spanText}, debug: debugs(l, ctx)}, nil
}

// Attributes of spans that have 2 or 10.
var (
	attrs2  = []slog.Attr{slog.String("booking", booking), slog.Int("amount", amount)}
	attrs10 = []slog.Attr{
		slog.String("booking", booking), slog.Int("amount", amount), slog.Bool("ok", true), slog.String("currency", "EUR"),
		slog.String("provider", provider), slog.Int("attempt", attempt), slog.Float64("fee", 1.25), slog.Int("wait", 3),
		slog.Int("seats", 3), slog.String("channel", "web"),
	}
)

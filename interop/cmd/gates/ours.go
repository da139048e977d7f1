package main

import (
	"context"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

// What this project measures itself by.
var (
	oursKeys = keys{trace: "trace", span: "span"}

	oursJSON = tool{
		name: "slogtrace.JSONHandler", slog: true, judged: judgedJSON, ids: oursKeys, ends: endsAreSpans,
		open: func(sk *sink) (*session, error) {
			return openOurs(judgedJSON.open(sk.lines, &sk.opts)), nil
		},
	}

	oursHandler = tool{
		name: "slogtrace.Handler over slog.JSONHandler", slog: true, judged: judgedHandler, ids: oursKeys, ends: endsAreSpans,
		open: func(sk *sink) (*session, error) {
			return openOurs(judgedHandler.open(sk.lines, &sk.opts)), nil
		},
		approximate: "slog allocates for the duration of a span, except for 0, which one below a microsecond is", unsteady: true,
	}
)

func openOurs(h slog.Handler) *session {
	tracer := slogtrace.NewTracer(h, nil)
	l := slog.New(h)
	remote, _ := slogtrace.ParseTraceparent(remoteText)
	outer := slogtrace.ContextWithRemoteSpanContext(context.Background(), remote)
	ctx, span := tracer.Start(outer, op)
	sc := span.SpanContext()
	return &session{
		logger: l, ctx: ctx, at: ids{sc.TraceID.String(), sc.SpanID.String()},
		fresh: func() context.Context {
			ctx, _ := tracer.Start(outer, op)
			return ctx
		},
		debug: debugs(l, ctx),
		child: func(attrs int) {
			switch attrs {
			case 0:
				oursChild(ctx)
			case 2:
				oursChild2(ctx)
			case 10:
				oursChild10(ctx)
			}
		},
		request: func(log logFunc) { oursRequest(tracer, l, log) },
	}
}

func oursChild(ctx context.Context) (err error) {
	_, span := slogtrace.Start(ctx, op)
	defer span.End(&err)
	return nil
}

func oursChild2(ctx context.Context) (err error) {
	_, span := slogtrace.Start(ctx, op, slog.String("booking", booking), slog.Int("amount", amount))
	defer span.End(&err)
	return nil
}

func oursChild10(ctx context.Context) (err error) {
	_, span := slogtrace.Start(ctx, op, attrs10...)
	defer span.End(&err)
	return nil
}

func oursRequest(tracer *slogtrace.Tracer, l *slog.Logger, log logFunc) (err error) {
	remote, err := slogtrace.ParseTraceparent(remoteText)
	if err != nil {
		return err
	}
	ctx := slogtrace.ContextWithRemoteSpanContext(context.Background(), remote)
	ctx, span := tracer.Start(ctx, root, slogtrace.KindServer)
	defer span.End(&err)
	log(l, ctx)
	log(l, ctx)
	for _, op := range &steps {
		if err := oursStep(ctx, op, l, log); err != nil {
			return err
		}
	}
	return nil
}

func oursStep(ctx context.Context, op string, l *slog.Logger, log logFunc) (err error) {
	ctx, span := slogtrace.Start(ctx, op, slog.String("booking", booking), slog.Int("amount", amount))
	defer span.End(&err)
	log(l, ctx)
	log(l, ctx)
	return nil
}

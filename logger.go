package slogtrace

import (
	"context"
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/initial"
)

// Logger returns a logger for code that passes no context to its log calls. Such calls count as made under ctx.
// A call whose own context is in a trace counts as made there.
//
// The logger writes to the handler of the span's Tracer, or else to the handler that [slog.Default] has
// when Logger is called. If ctx has nothing of this package, it is slog's default logger itself.
// If that handler is slog's initial one and another becomes the default later, text goes to the [log.Writer]
// of the time when Logger was called.
//
//	log := slogtrace.Logger(ctx)
//	log.Info("charged") // carries the ids of ctx
func Logger(ctx context.Context) *slog.Logger {
	c := currentOf(ctx)
	if c.env == nil {
		return slog.Default()
	}
	h := initial.UntilReplaced(c.env.tracerOrDefault().currentHandler())
	return slog.New(&contextHandler{h, ctx})
}

// A contextHandler passes its own context on if the call's context has no trace.
type contextHandler struct {
	slog.Handler
	ctx context.Context
}

func (h *contextHandler) choose(ctx context.Context) context.Context {
	if c := currentOf(ctx); c.inTrace() {
		return ctx
	}
	return h.ctx
}

func (h *contextHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(h.choose(ctx), level)
}

func (h *contextHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(h.choose(ctx), r)
}

func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &contextHandler{h.Handler.WithAttrs(attrs), h.ctx}
}

func (h *contextHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &contextHandler{h.Handler.WithGroup(name), h.ctx}
}

package slogtrace_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A flusher flushes after each record, so that the kit can check order and content without a verdict.
type flusher struct{ *slogtrace.TailHandler }

func (h flusher) Handle(ctx context.Context, r slog.Record) error {
	if err := h.TailHandler.Handle(ctx, r); err != nil {
		return err
	}
	return h.Flush(ctx)
}

func (h flusher) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flusher{h.TailHandler.WithAttrs(attrs).(*slogtrace.TailHandler)}
}

func (h flusher) WithGroup(name string) slog.Handler {
	return flusher{h.TailHandler.WithGroup(name).(*slogtrace.TailHandler)}
}

// between is another handler between two of ours.
type between struct{ slog.Handler }

func (h between) WithAttrs(attrs []slog.Attr) slog.Handler {
	return between{h.Handler.WithAttrs(attrs)}
}
func (h between) WithGroup(name string) slog.Handler { return between{h.Handler.WithGroup(name)} }

// roomForOne returns options by which one record of a root is held, and the second is too much.
func roomForOne(t *testing.T, next slog.Handler) *slogtrace.TailOptions {
	t.Helper()
	hold := func(n int, opts *slogtrace.TailOptions) slogtrace.TailStats {
		h := slogtrace.NewTailHandler(next, opts)
		ctx, _ := slogtrace.NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "root")
		for range n {
			slog.New(h).InfoContext(ctx, "m")
		}
		return h.Stats()
	}
	opts := &slogtrace.TailOptions{MaxRootBytes: int(hold(1, nil).HeldBytes) + 150} // for attributes
	if one, two := hold(1, opts), hold(2, opts); one.Held != 1 || two.Held != 0 || two.OverRootBytes != 1 {
		t.Errorf("with room for %d bytes: one record: %+v; two: %+v", opts.MaxRootBytes, one, two)
	}
	return opts
}

// The handler keeps the rules of the kit: around ours, around and inside other handlers, holding lines or records.
func TestTailHandlerKit(t *testing.T) {
	all := &slogtrace.TailOptions{Share: 1}
	tail := slogtrace.NewTailHandler
	json := func(w io.Writer) slog.Handler {
		return slogtrace.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true})
	}
	plain := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true}) }
	oneLine, oneRecord := roomForOne(t, json(io.Discard)), roomForOne(t, slogtrace.NewHandler(plain(io.Discard)))
	for _, test := range []struct {
		name string
		open func(io.Writer) slog.Handler
	}{
		{"over JSONHandler", func(w io.Writer) slog.Handler { return tail(json(w), all) }},
		{"over JSONHandler, flushed", func(w io.Writer) slog.Handler { return flusher{tail(json(w), nil)} }},
		{"over JSONHandler, with room for one record", func(w io.Writer) slog.Handler {
			return tail(json(w), oneLine)
		}},
		{"over Handler", func(w io.Writer) slog.Handler { return tail(slogtrace.NewHandler(plain(w)), all) }},
		{"over Handler, flushed", func(w io.Writer) slog.Handler { return flusher{tail(slogtrace.NewHandler(plain(w)), nil)} }},
		{"over Handler, with room for one record", func(w io.Writer) slog.Handler {
			return tail(slogtrace.NewHandler(plain(w)), oneRecord)
		}},
		{"inside Handler", func(w io.Writer) slog.Handler { return slogtrace.NewHandler(tail(plain(w), all)) }},
		{"inside Handler, over Handler, somebody between", func(w io.Writer) slog.Handler {
			return slogtrace.NewHandler(between{tail(between{slogtrace.NewHandler(plain(w))}, all)})
		}},
		{"around itself", func(w io.Writer) slog.Handler { return tail(tail(json(w), all), all) }},
		{"in a MultiHandler", func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(tail(json(io.Discard), all), tail(json(w), all))
		}},
		{"over a MultiHandler", func(w io.Writer) slog.Handler {
			return tail(slog.NewMultiHandler(json(io.Discard), json(w)), all)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tracetest.TestHandler(t, test.open)
		})
	}
}

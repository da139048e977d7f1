package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
)

// disabledJobs are those of records that nobody wants.
func disabledJobs() []job {
	return []job{{
		name: "disabled", title: "DebugContext in a span, with a handler of level Info",
		tools: []tool{plain, naive, oursJSON, oursHandler, otelBatch, datadog, zerologBound, zerologHook, zapBound, phusluBound, phusluSlog},
		subjects: func(t tool) []subject {
			return []subject{{t.name, plain.name, func(s *session) work { return work{run: s.debug} }}}
		},
	}}
}

// extraJobs have no gates. They show where the gain shrinks, and where it does not.
func extraJobs() []job {
	few := []tool{prebound, oursJSON, oursHandler, otelBatch, zerologBound, zapBound, phusluBound, phusluSlog}
	own := []tool{prebound, oursJSON, oursHandler}
	one := want{lines: 1, attrs: lineAttrs}
	return slices.Concat([]job{
		{
			name: "file", title: "J1 to a file, each line written as it comes",
			tools: few, subjects: records, sink: tempFile, want: one,
		},
		{
			name: "devnull", title: "J1 to " + os.DevNull,
			tools: few, subjects: records, sink: devNull, want: one,
		},
		{
			name: "parallel", title: "J1 on two cores: two goroutines share the logger",
			notes: []string{"If the wall time is about half of the CPU time, both cores were free for the job."},
			tools: few, subjects: records, workers: 2, want: one,
		},
		{
			name: "source", title: "J1 with AddSource",
			tools: own, subjects: records, opts: slog.HandlerOptions{AddSource: true}, want: one,
		},
		{
			name: "replace", title: "J1 with a ReplaceAttr that renames time",
			tools: own, subjects: records, opts: slog.HandlerOptions{ReplaceAttr: renameTime}, want: one,
		},
		{
			name: "with", title: "a request's logger: With of 2 attrs, then 3 records, in a span of its own",
			notes: []string{freshNote, "The floor's ids are bound permanently. The row after it binds them in the same With, as a program does that has no handler for them."},
			tools: []tool{prebound, requestBound, oursJSON, oursHandler, otelBatch, datadog}, subjects: requestLoggers,
			want: want{lines: 3, perSpan: 3, attrs: map[string]string{"booking": booking, "amount": "12900", "ok": "true", "tenant": "acme", "user": "17"}},
		},
	}, attrJobs())
}

func renameTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Key = "ts"
	}
	return a
}

// tempFile returns a file that is emptied after each batch.
func tempFile() (io.Writer, func(), func(), error) {
	f, err := os.CreateTemp("", "gates-*.log")
	if err != nil {
		return nil, nil, nil, err
	}
	return f, func() {
			_ = f.Truncate(0)
			_, _ = f.Seek(0, io.SeekStart)
		}, func() {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}, nil
}

func devNull() (io.Writer, func(), func(), error) {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	return f, func() {}, func() { _ = f.Close() }, nil
}

// requestBound has a logger without ids; requestLoggers binds them.
var requestBound = tool{
	name: "slog.JSONHandler, ids bound by the request", slog: true, judged: judgedPlain, ids: oursKeys,
	open: func(sk *sink) (*session, error) {
		s, err := openPlain(sk)
		s.at = ids{traceText, spanText}
		s.fresh = func() context.Context { return s.ctx }
		return s, err
	},
}

// requestLoggers derives a logger for each op.
func requestLoggers(t tool) []subject {
	return slogSubjects(t, func(s *session, log logFunc) work {
		var ctxs []context.Context
		bind := func() *slog.Logger { return s.logger.With("tenant", "acme", "user", 17) }
		if t.name == requestBound.name {
			bind = func() *slog.Logger {
				return s.logger.With("trace", traceText, "span", spanText, "op", op, "tenant", "acme", "user", 17)
			}
		}
		return work{
			prepare: func(n int) {
				ctxs = ctxs[:0]
				for range n {
					ctxs = append(ctxs, s.fresh())
				}
			},
			run: func(n int) {
				for i, ctx := range ctxs[:n] {
					l := bind()
					log(l, ctx)
					log(l, ctx)
					log(l, ctx)
					ctxs[i] = nil
				}
			},
		}
	})
}

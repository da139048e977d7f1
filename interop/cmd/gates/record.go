package main

import (
	"context"
	"log/slog"
	"time"
)

// What is logged. The values are constants, so that no call has to box one: that would cost all subjects the same.
const (
	message  = "payment confirmed"
	booking  = "b-4711"
	amount   = 12900
	op       = "charge"
	endText  = "span end"
	root     = "POST /bookings"
	group    = "payment"
	provider = "acme"
	attempt  = 2
	duration = 0.184 // milliseconds

	traceText  = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanText   = "00f067aa0ba902b7"
	parentText = "b7ad6b7169203331"
	remoteText = "00-" + traceText + "-" + parentText + "-01"
)

var (
	started = time.Date(2026, time.November, 21, 10, 19, 52, 896835892, time.UTC)
	steps   = [4]string{"reserve", "charge", "mail", "webhook"} // the ops of J4's children
)

// logFunc makes one record with 3 attrs.
type logFunc func(l *slog.Logger, ctx context.Context)

func logInfo(l *slog.Logger, ctx context.Context) {
	l.InfoContext(ctx, message, "booking", booking, "amount", amount, "ok", true)
}

func logAttrs(l *slog.Logger, ctx context.Context) {
	l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Bool("ok", true))
}

// logWith returns the function that makes c.
func logWith(c call) logFunc {
	if c == info {
		return logInfo
	}
	return logAttrs
}

var (
	lineAttrs = map[string]string{"booking": booking, "amount": "12900", "ok": "true"}
	endAttrs  = map[string]string{"booking": booking, "amount": "12900"}
	inGroup   = map[string]string{
		"payment.booking": booking, "payment.amount": "12900", "payment.ok": "true",
		"payment.provider": provider, "payment.attempt": "2",
	}
)

// recordTools are those that make log lines.
func recordTools() []tool {
	return []tool{
		prebound, plain, naive, oursJSON, oursHandler,
		otelBatch, otelStdout, otelslogBatch, otelslogStdout, datadog,
		zerologBound, zerologHook, zapBound, phusluBound, phusluSlog,
	}
}

// groupTools are those whose loggers can have a group open.
func groupTools() []tool {
	return []tool{
		prebound, plain, naive, oursJSON, oursHandler, otelBatch, otelStdout, otelslogBatch, otelslogStdout, datadog, zapBound, phusluSlog,
	}
}

// recordJobs are those of one record.
func recordJobs() []job {
	return []job{
		{
			name: "J1", title: "one record, 3 attrs, in a span",
			tools: recordTools(), subjects: records,
			want: want{lines: 1, attrs: lineAttrs},
		},
		{
			name: "J1f", title: "the first 2 records of a span, each as in J1",
			notes: []string{freshNote},
			tools: []tool{prebound, oursJSON, oursHandler, otelBatch, datadog}, subjects: firstRecords(false),
			want: want{lines: 2, perSpan: 2, attrs: lineAttrs},
		},
		{
			name: "J1g", often: 8, title: "J1 under WithGroup and 2 With attrs, many records of one span",
			notes: []string{"The ids of the AddAttrs wrapper, and of the handler that OpenTelemetry's users write, are in the group, where no reader looks for them."},
			tools: groupTools(), subjects: groupedRecords,
			want: want{lines: 1, group: group, attrs: inGroup},
		},
		{
			name: "J1gf", title: "the first 2 records of a span, each as in J1g",
			notes: []string{freshNote},
			tools: []tool{prebound, oursJSON, oursHandler, otelBatch, datadog}, subjects: firstRecords(true),
			want: want{lines: 2, perSpan: 2, group: group, attrs: inGroup},
		},
	}
}

const freshNote = "Each op has a span of its own. The spans of a batch are made, and garbage is collected, before its clock starts."

func inGroupOf(l *slog.Logger) *slog.Logger {
	return l.WithGroup(group).With(slog.String("provider", provider), slog.Int("attempt", attempt))
}

// slogSubjects returns a row for each call of t, floored by the same call.
func slogSubjects(t tool, open func(s *session, log logFunc) work) []subject {
	var list []subject
	for _, c := range t.calls() {
		list = append(list, subject{row(t, c), floorOf(c), func(s *session) work { return open(s, logWith(c)) }})
	}
	return list
}

func records(t tool) []subject {
	return slogSubjects(t, func(s *session, log logFunc) work {
		if s.logger == nil {
			return each(s.line)
		}
		return logMany(s.logger, s.ctx, log)
	})
}

func groupedRecords(t tool) []subject {
	return slogSubjects(t, func(s *session, log logFunc) work {
		if s.logger == nil {
			return each(s.grouped)
		}
		return logMany(inGroupOf(s.logger), s.ctx, log)
	})
}

func logMany(l *slog.Logger, ctx context.Context, log logFunc) work {
	return work{run: func(n int) {
		for range n {
			log(l, ctx)
		}
	}}
}

// firstRecords makes the two first records of a new span.
func firstRecords(grouped bool) func(tool) []subject {
	return func(t tool) []subject {
		return slogSubjects(t, func(s *session, log logFunc) work {
			l := s.logger
			if grouped {
				l = inGroupOf(l)
			}
			var ctxs []context.Context
			return work{
				prepare: func(n int) {
					ctxs = ctxs[:0]
					for range n {
						ctxs = append(ctxs, s.fresh())
					}
				},
				run: func(n int) {
					for i, ctx := range ctxs[:n] {
						log(l, ctx)
						log(l, ctx)
						ctxs[i] = nil // as a request's is gone when it has been served
					}
				},
			}
		})
	}
}

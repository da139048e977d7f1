package main

import (
	"io"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

var (
	redactLines = &judged{
		name: "slogtrace.NewRedactHandler over slogtrace.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return slogtrace.NewRedactHandler(slogtrace.NewJSONHandler(w, o), nil)
		},
	}

	redactRecords = &judged{
		name: "slogtrace.NewRedactHandler over slogtrace.Handler over slog.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return slogtrace.NewRedactHandler(slogtrace.NewHandler(slog.NewJSONHandler(w, o)), nil)
		},
	}
)

// redacting returns a tool with such a handler.
func redacting(j *judged) tool {
	return tool{
		name: j.name, slog: true, judged: j, ids: oursKeys, ends: endsAreSpans,
		open: func(sk *sink) (*session, error) { return openOurs(j.open(sk.lines, &sk.opts)), nil },
	}
}

// redactJobs are J1 and J4 with a redacting handler that finds nothing to replace.
func redactJobs() []job {
	note := "The floors are the same handlers without the one that redacts."
	tools := []tool{oursJSON, redacting(redactLines), oursHandler, redacting(redactRecords)}
	subjects := func(open func(*session, logFunc) work) func(tool) []subject {
		return func(t tool) []subject {
			list := slogSubjects(t, open)
			floor := oursJSON
			if t.judged == redactRecords || t.judged == judgedHandler {
				floor = oursHandler
			}
			for i, c := range t.calls() {
				list[i].floor = row(floor, c)
			}
			return list
		}
	}
	return []job{
		{
			name: "J1r", often: 8, title: "J1 with a handler that redacts, and nothing to replace", notes: []string{note}, tools: tools,
			subjects: subjects(func(s *session, log logFunc) work { return logMany(s.logger, s.ctx, log) }),
			want:     want{lines: 1, attrs: lineAttrs},
		},
		{
			name: "J4r", often: 8, title: "J4 with a handler that redacts, and nothing to replace", notes: []string{note}, tools: tools,
			subjects: subjects(func(s *session, log logFunc) work { return each(func() { s.request(log) }) }),
			want:     want{lines: 10, attrs: lineAttrs, ends: 5, roots: 1},
		},
	}
}

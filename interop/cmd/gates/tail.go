package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

// tailJobs are J4 with a TailHandler, which holds the 15 records of each request until its root has ended.
func tailJobs() []job {
	request := want{lines: 10, attrs: lineAttrs, ends: 5, roots: 1}
	over := func(floor tool) func(tool) []subject {
		return func(t tool) []subject {
			list := slogSubjects(t, func(s *session, log logFunc) work {
				w := each(func() { s.request(log) })
				w.check = s.exchanged
				return w
			})
			for i, c := range t.calls() {
				list[i].floor = row(floor, c)
			}
			return list
		}
	}
	return []job{
		{
			name: "J4t", title: "J4 with the records of each request held, and dropped when it has ended",
			notes: []string{"The floor and slogtrace.Handler write their lines, as in J4. " + droppedNote},
			tools: []tool{prebound, oursHandler, tailed(tailRecords, droppedRoots), tailed(tailRecords, keptRoots)}, subjects: over(prebound),
			want: request,
		},
		{
			name: "J4tj", title: "J4 with the lines of each request held, and dropped when it has ended",
			notes: []string{"The floor is our own JSON sink, which writes its lines, as in J4. " + droppedNote},
			tools: []tool{oursJSON, tailed(tailLines, droppedRoots), tailed(tailLines, keptRoots)}, subjects: over(oursJSON),
			want: request,
		},
		{
			name: "J4tf", title: "J4t and J4tj to a file",
			notes: []string{"The floor is our own JSON sink, which writes each line at once. " + droppedNote},
			tools: []tool{
				oursJSON, tailed(tailLines, droppedRoots), tailed(tailLines, keptRoots), tailed(tailRecords, droppedRoots), tailed(tailRecords, keptRoots),
			},
			subjects: over(oursJSON), sink: tempFile,
			want: request,
		},
	}
}

const droppedNote = "Dropped: nothing is written. Kept: everything is written when the request has ended."

var (
	tailLines = &judged{
		name: "slogtrace.TailHandler over slogtrace.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return slogtrace.NewTailHandler(slogtrace.NewJSONHandler(w, o), &slogtrace.TailOptions{Share: 1})
		},
	}

	tailRecords = &judged{
		name: "slogtrace.TailHandler over slogtrace.Handler over slog.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return slogtrace.NewTailHandler(slogtrace.NewHandler(slog.NewJSONHandler(w, o)), &slogtrace.TailOptions{Share: 1})
		},
	}
)

const (
	droppedRoots = "dropped"
	keptRoots    = "kept"
)

// tailed returns a tool with such a handler, which keeps or drops what it holds.
func tailed(j *judged, outcome string) tool {
	return tool{
		name: j.name + ", " + outcome, slog: true, judged: j, ids: oursKeys, ends: endsAreSpans,
		open: func(sk *sink) (*session, error) {
			var written counter
			opts := slogtrace.TailOptions{PassLevel: slog.LevelWarn, Share: 1}
			lines := sk.lines
			if outcome == droppedRoots {
				opts.Share = 0
				lines = io.MultiWriter(&written, lines)
			}
			var next slog.Handler = slogtrace.NewJSONHandler(lines, &sk.opts)
			if j == tailRecords {
				next = slogtrace.NewHandler(slog.NewJSONHandler(lines, &sk.opts))
			}
			tail := slogtrace.NewTailHandler(next, &opts)
			tracer := slogtrace.NewTracer(tail, nil)
			l := slog.New(tail)
			s := &session{
				logger: l, ctx: context.Background(),
				request: func(log logFunc) { oursRequest(tracer, l, log) },
			}
			if outcome == droppedRoots {
				// It leaves nothing behind.
				s.exchanged = func() error {
					stats := tail.Stats()
					if n := stats.DroppedRoots; n == 0 || stats.Dropped != 15*n || stats.Held+stats.Kept+stats.Passed > 0 || written > 0 {
						return fmt.Errorf("want 15 records of each request dropped and nothing written, got %+v and %d bytes", stats, written)
					}
					return nil
				}
			}
			return s, nil
		},
	}
}

// A counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

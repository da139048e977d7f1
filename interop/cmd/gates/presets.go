package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A preset is a Format whose lines cost what those of the default one do, or should.
type preset struct {
	name   string
	format slogtrace.Format
}

var presets = []preset{
	{"OTel", slogtrace.OTel},
	{"Datadog", slogtrace.Datadog},
	{"GoogleCloud", slogtrace.GoogleCloud("my-project")},
	{"ECS", slogtrace.ECS},
	{"Honeycomb", slogtrace.Honeycomb},
	{"NewRelic", slogtrace.NewRelic},
	{"Axiom", slogtrace.Axiom},
	{"VictoriaLogs", slogtrace.VictoriaLogs},
	{"AWSXRay", slogtrace.AWSXRay},
}

// presetTools are one for each preset. Each reads its lines as tracelog does, so that one is measured whose lines are read.
var presetTools = func() []tool {
	var list []tool
	for _, p := range presets {
		j := &judged{
			name: "slogtrace." + p.name + ".NewJSONHandler",
			open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return p.format.NewJSONHandler(w, o) },
		}
		list = append(list, tool{
			name: j.name, slog: true, judged: j, ids: keys{trace: "trace", span: "span", decode: decodePreset}, ends: endsAreSpans,
			open: func(sk *sink) (*session, error) { return openOurs(j.open(sk.lines, &sk.opts)), nil },
		})
	}
	return list
}()

// presetJobs are J1 and J4 in the names and forms of backends.
func presetJobs() []job {
	const note = "The floor is the default format. The rows are of LogAttrs, where the handler's share is greatest."
	tools := slices.Concat([]tool{oursJSON}, presetTools)
	subjects := func(open func(*session, logFunc) work) func(tool) []subject {
		return func(t tool) []subject {
			return []subject{{row(t, attrs), ownAttrs, func(s *session) work { return open(s, logAttrs) }}}
		}
	}
	return []job{
		{
			name: "J1p", title: "J1 with presets", notes: []string{note}, tools: tools,
			subjects: subjects(func(s *session, log logFunc) work { return logMany(s.logger, s.ctx, log) }),
			want:     want{lines: 1, attrs: lineAttrs},
		},
		{
			name: "J4p", often: 24, title: "J4 with presets", notes: []string{note}, tools: tools,
			subjects: subjects(func(s *session, log logFunc) work { return each(func() { s.request(log) }) }),
			want:     want{lines: 10, attrs: lineAttrs, ends: 5, roots: 1},
		},
	}
}

// presetGates are those of all presets.
func presetGates() []gate {
	var list []gate
	for _, t := range presetTools {
		list = append(list, gate{"J1p", row(t, attrs), 1.03, 0, nil}, gate{"J4p", row(t, attrs), 1.03, 10, nil})
	}
	return list
}

// decodePreset reads a line of any preset.
func decodePreset(b []byte) (line, error) {
	var l line
	read := false
	_, err := tracelog.Scan(bytes.NewReader(b), "", func(e tracelog.Entry) {
		read = true
		l = line{ids: ids{e.Trace, e.Span}, message: e.Message, attrs: map[string]string{"parent": e.Parent}}
		if e.Event == tracelog.EventEnd {
			l.message = endText
		}
		for _, a := range e.Attrs() {
			l.attrs[a.Key] = a.Text()
		}
	})
	if err == nil && !read {
		err = errors.New("want a record")
	}
	return l, err
}

package main

import "fmt"

// spanTools are those that report the end of a span, and the floor, which writes a line like one.
func spanTools() []tool {
	return []tool{prebound, oursJSON, oursHandler, otelBatch, otelStdout, datadog, zerologBound, zapBound, phusluBound}
}

func spanJobs() []job {
	return []job{{
		name: "J2", title: "start and end of a child with 2 attrs, reported",
		notes: []string{
			"The floor is one line like a span's end record: parent, start, duration, 2 attrs. It makes no span.",
			"slogtrace writes such a line. OpenTelemetry and Datadog export the span and write no line.",
		},
		tools: spanTools(), subjects: children,
		want: want{ends: 1, end: endAttrs},
	}}
}

func children(t tool) []subject {
	switch {
	case t.ends == endsAsLines && t.slog:
		return []subject{
			{row(t, attrs), row(prebound, attrs), func(s *session) work { return each(func() { s.end(attrs) }) }},
			{row(t, info), row(prebound, attrs), func(s *session) work { return each(func() { s.end(info) }) }},
		}
	case t.ends == endsAsLines:
		return []subject{{row(t, typed), row(prebound, attrs), func(s *session) work { return each(func() { s.end(typed) }) }}}
	}
	return []subject{{t.name, row(prebound, attrs), func(s *session) work { return each(func() { s.child(2) }) }}}
}

func requestJobs() []job {
	return []job{{
		name: "J4", title: "a request: remote root, 4 children with 2 attrs, 10 records with 3 attrs, 5 ends",
		notes: []string{
			"The floor is 10 such lines, and 5 like spans' end records, by loggers with the ids bound. It makes no spans and reads no header.",
			"In both rows of the floor, LogAttrs makes the 5 lines like end records, because nothing boxes the attrs of a span.",
		},
		tools: []tool{
			prebound, oursJSON, oursHandler, otelBatch, otelStdout, otelslogBatch, datadog, zerologBound, zapBound, phusluBound,
		},
		subjects: func(t tool) []subject {
			return slogSubjects(t, func(s *session, log logFunc) work { return each(func() { s.request(log) }) })
		},
		want: want{lines: 10, attrs: lineAttrs, ends: 5, roots: 1},
	}}
}

// attrJobs are J2 with other numbers of attributes.
func attrJobs() []job {
	var list []job
	for _, n := range []int{0, 2, 10} {
		list = append(list, job{
			name: fmt.Sprintf("attrs%d", n), title: fmt.Sprintf("start and end of a child with %d attrs, reported", n),
			tools: []tool{prebound, oursJSON, oursHandler, otelBatch, datadog},
			subjects: func(t tool) []subject {
				return []subject{{t.name, prebound.name, func(s *session) work { return each(func() { s.child(n) }) }}}
			},
			want: want{ends: 1},
		})
	}
	return list
}

package tracetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// probe finds the names: it compares lines of records that differ in one thing.
func (k *checker) probe() {
	bare := slog.NewRecord(recordTime, slog.LevelInfo, recordMessage, 0)
	line := func(change func(*slog.Record)) object {
		r := bare
		change(&r)
		code := "slog.New(h).Info(" + fmt.Sprintf("%q", r.Message) + ")"
		lines := k.session(code, func(h slog.Handler) { handle(context.Background(), h, r) })
		if len(lines) != 1 && !k.broke(ruleReturns, ruleLines) {
			k.report(problem{rule: ruleLines, what: fmt.Sprintf("got %d lines for a record of level Info, want 1", len(lines))}, code)
		}
		if len(lines) != 1 {
			k.stopped = true
			return nil
		}
		return lines[0]
	}
	first := line(func(*slog.Record) {})
	again := line(func(*slog.Record) {})
	warn := line(func(r *slog.Record) { r.Level = slog.LevelWarn })
	other := line(func(r *slog.Record) { r.Message = "another" })
	untimed := line(func(r *slog.Record) { r.Time = time.Time{} })
	sourced := line(func(r *slog.Record) { r.PC = recordPC })
	if k.stopped {
		return
	}
	differ := func(o object) (keys []string) {
		for _, m := range first {
			same := func(o object) bool { return slices.Equal(texts(o, m.key), texts(first, m.key)) }
			if same(again) && !same(o) && !slices.Contains(keys, m.key) {
				keys = append(keys, m.key)
			}
		}
		return keys
	}
	n := &k.names
	n.level, n.message, n.time = differ(warn), differ(other), differ(untimed)
	n.source = sourced.rootKeys(func(any) bool { return true })
	n.source = slices.DeleteFunc(n.source, first.has)
	n.plain = sourced

	lines, at, ok := k.play(inSpan, program{})
	if !ok {
		k.stopped = true
		return
	}
	l := lines[0]
	n.trace = l.rootKeys(func(v any) bool { return carriesTrace(v, at.TraceID) })
	n.span = l.rootKeys(func(v any) bool { return carriesSpan(v, at.SpanID) })
	n.op = l.rootKeys(func(v any) bool { return v == any(at.op) })
	k.vocabulary = newVocabulary(func(key string) bool { return l.has(key) || n.plain.has(key) })
	code := program{}.String()
	missing := ""
	switch {
	case len(n.trace) == 0 && len(n.span) == 0:
		missing = "neither the trace id of the context nor the span id"
	case len(n.trace) == 0:
		missing = "not the trace id of the context"
	case len(n.span) == 0:
		missing = "not the span id of the context"
	}
	if missing != "" {
		k.report(problem{ruleIDs, "the members at the root have " + missing, "both", l}, code)
	}
	if len(n.op) == 0 {
		k.report(problem{ruleOp, "no member at the root has the name of the span", fmt.Sprintf("a member with the value %q", at.op), l}, code)
	}
}

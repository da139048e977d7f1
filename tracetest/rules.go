package tracetest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing/slogtest"

	"github.com/slogtrace/slogtrace"
)

// A ctxHandler handles records under a context of its own.
type ctxHandler struct {
	slog.Handler
	ctx context.Context
}

func (h ctxHandler) Handle(_ context.Context, r slog.Record) error { return h.Handler.Handle(h.ctx, r) }
func (h ctxHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return ctxHandler{h.Handler.WithAttrs(attrs), h.ctx}
}
func (h ctxHandler) WithGroup(name string) slog.Handler {
	return ctxHandler{h.Handler.WithGroup(name), h.ctx}
}

// slogtest runs package slogtest's test in a trace and outside.
func (k *checker) slogtest() {
	for _, about := range []string{"outside any trace", "in a trace"} {
		code := "slogtest.TestHandler(h, …) " + about
		// The lines are complete only when all spans have ended, and slogtest asks for the results before.
		// So the test runs twice, the second time with the results of the first.
		run := func(h slog.Handler, results func() []map[string]any) error {
			ctx := context.Background()
			if about == "in a trace" {
				var span *slogtrace.Span
				ctx, span = slogtrace.NewTracer(h, nil).Start(ctx, opName, slog.String("marker", spanMarker))
				defer span.End()
			}
			return slogtest.TestHandler(ctxHandler{h, ctx}, results)
		}
		lines := k.session(code, func(h slog.Handler) { _ = run(h, func() []map[string]any { return nil }) })
		if lines == nil {
			return
		}
		lines = slices.DeleteFunc(lines, func(o object) bool { return o.anywhere(spanMarker) })
		var results []map[string]any
		for _, o := range lines {
			results = append(results, k.slogMap(o))
		}
		err := run(slog.DiscardHandler, func() []map[string]any { return results })
		if err == nil {
			continue
		}
		// slogtest's text ends with a position in its source.
		first, rest, _ := strings.Cut(err.Error(), "\n")
		if i := strings.LastIndex(first, " ("); i > 0 {
			first = first[:i]
		}
		if n := len(strings.Split(rest, "\n")); rest != "" {
			first += fmt.Sprintf(", and %d more", n)
		}
		k.report(problem{rule: ruleSlogtest, what: first}, code)
	}
}

// slogMap returns o as slogtest wants it, with slog's own names for slog's members.
func (k *checker) slogMap(o object) map[string]any {
	m := make(map[string]any)
	if err := json.Unmarshal([]byte(text(o)), &m); err != nil {
		return nil
	}
	for name, keys := range map[string][]string{
		slog.TimeKey: k.names.time, slog.LevelKey: k.names.level, slog.MessageKey: k.names.message, slog.SourceKey: k.names.source,
	} {
		for _, key := range keys {
			if v, ok := m[key]; ok && key != name && !slices.Contains(keys, name) {
				m[name] = v
			}
		}
	}
	return m
}

// currentSpan checks that a logger writes, at each call, the span in which the call is made.
func (k *checker) currentSpan() {
	for _, p := range k.sound {
		if k.broke(ruleCurrentSpan) {
			return
		}
		type call struct {
			message, code string
			at            place
		}
		var calls []call
		code := "l := " + strings.Split(p.String(), ".InfoContext")[0]
		lines := k.session(code+"; l.InfoContext(…) in one span after another", func(h slog.Handler) {
			tracer := slogtrace.NewTracer(h, nil)
			l := p.derive(slog.New(h))
			log := func(ctx context.Context, about string) {
				c := call{fmt.Sprintf("m%d", len(calls)+1), "", k.placeOf(ctx)}
				c.code = fmt.Sprintf("%s; l.InfoContext(ctx, %q) // ctx is %s", code, c.message, about)
				calls = append(calls, c)
				r := p.record()
				r.Message = c.message
				handle(ctx, l.Handler(), r)
			}
			ctx, span := tracer.Start(context.Background(), "work")
			other, otherSpan := tracer.Start(context.Background(), `"other"`) // must be escaped
			for range 4 {
				log(ctx, "in a span")
			}
			child, childSpan := slogtrace.Start(ctx, "child")
			for range 4 {
				log(child, "in its child")
				log(ctx, "in the parent again")
				log(other, "in another trace")
				log(context.Background(), "outside any trace, after calls in one")
			}
			renamed, renamedSpan := tracer.Start(context.Background(), "renamed")
			for range 4 {
				handle(renamed, l.Handler(), p.record()) // not judged: a handler that holds it back may write the later name
			}
			renamedSpan.SetOp("new name")
			log(renamed, "in a span after SetOp")

			// A logger bound to the parent's context.
			bound := p.derive(slogtrace.Logger(ctx))
			message := fmt.Sprintf("m%d", len(calls)+1)
			calls = append(calls, call{message, fmt.Sprintf("slogtrace.Logger(ctx)%s.Info(%q)", strings.TrimPrefix(code, "l := slog.New(h)"), message), k.placeOf(ctx)})
			bound.LogAttrs(context.Background(), slog.LevelInfo, message, p.attrs...)
			message = fmt.Sprintf("m%d", len(calls)+1)
			calls = append(calls, call{message, fmt.Sprintf("slogtrace.Logger(ctx)%s.InfoContext(child, %q)", strings.TrimPrefix(code, "l := slog.New(h)"), message), k.placeOf(child)})
			bound.LogAttrs(child, slog.LevelInfo, message, p.attrs...)

			childSpan.End()
			otherSpan.End()
			renamedSpan.End()
			span.End()
		})
		if lines == nil {
			return
		}
		for _, c := range calls {
			found := k.withMessage(lines, c.message)
			if len(found) != 1 || !c.at.IsValid() && k.broke(ruleOutside) {
				continue
			}
			k.judgeIDs(found[0], p, c.at, func(_, what, want string) {
				k.report(problem{ruleCurrentSpan, what, want, found[0]}, c.code)
			})
		}
	}
}

type neverSampler struct{}

func (neverSampler) Sample(slogtrace.SampleInput) (bool, float64) { return false, 1 }

func (k *checker) unsampled() {
	k.ids(ruleUnsampled, scene{"ctx is in a span of a trace that is not sampled", func(h slog.Handler) (context.Context, func()) {
		t := slogtrace.NewTracer(h, &slogtrace.TracerOptions{Sampler: neverSampler{}})
		ctx, span := t.Start(context.Background(), opName)
		return ctx, func() { span.End() }
	}})
}

var remoteSpan = slogtrace.SpanContext{
	TraceID: slogtrace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36},
	SpanID:  slogtrace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
	Flags:   slogtrace.FlagSampled,
}

func (k *checker) remoteParent() {
	under := func(ctx context.Context, h slog.Handler) (context.Context, func()) {
		ctx = slogtrace.ContextWithRemoteSpanContext(ctx, remoteSpan)
		return ctx, func() {
			_, span := slogtrace.NewTracer(h, nil).Start(ctx, "last") // for handlers that hold records back until a span ends
			span.End()
		}
	}
	k.ids(ruleRemoteParent, scene{"ctx is under a remote parent", func(h slog.Handler) (context.Context, func()) {
		return under(context.Background(), h)
	}})
	k.ids(ruleRemoteParent, scene{"ctx is under a remote parent, put on top of a local span", func(h slog.Handler) (context.Context, func()) {
		ctx, span := slogtrace.NewTracer(h, nil).Start(context.Background(), "local")
		ctx, leave := under(ctx, h)
		return ctx, func() { leave(); span.End() }
	}})
}

// ids checks the ids in a scene, for the loggers that write them correctly in a span.
func (k *checker) ids(rule string, s scene) {
	for _, p := range k.sound {
		if k.broke(rule) {
			return
		}
		p.times = 4
		lines, at, ok := k.play(s, p)
		if !ok {
			continue
		}
		for _, l := range lines {
			report := func(_, what, want string) {
				p.times = 1
				k.report(problem{rule, what, want, l}, s.comment(p.String()))
			}
			k.judgeIDs(l, p, at, report)
			for _, key := range k.names.op {
				if at.op == "" && slices.Contains(l.values(key), any("local")) {
					report("", "the name of the span is that of a local one, which is not current", "it absent")
				}
			}
		}
	}
}

// collidingKeys checks what happens to a user's root attribute that has the key of an id.
func (k *checker) collidingKeys() {
	const mine = "the user's"
	b := slog.Int(k.vocabulary[1], 2)
	g, neutral := k.vocabulary[3], k.vocabulary[4]
	programs := func(key string) []program {
		a := slog.String(key, mine)
		return []program{
			{attrs: []slog.Attr{a}},
			{attrs: []slog.Attr{b, a}},
			{attrs: []slog.Attr{{Value: slog.GroupValue(a, b)}}},
			{attrs: []slog.Attr{slog.Any("", valuer{slog.GroupValue(a)})}},
			{attrs: []slog.Attr{slog.Group(key, slog.String(b.Key, mine))}},
			{steps: []step{{attrs: []slog.Attr{a}}}},
			{steps: []step{{attrs: []slog.Attr{b, a}}, {group: g}}, attrs: []slog.Attr{b}},
			{steps: []step{{group: key}}, attrs: []slog.Attr{slog.String(b.Key, mine)}},
			{steps: []step{{group: key}, {attrs: []slog.Attr{slog.String(b.Key, mine)}}}},
		}
	}
	for i, simple := range programs(neutral) {
		if len(k.try(inSpan, simple)) > 0 {
			continue // wrong without a collision too
		}
		for _, key := range slices.Concat(k.names.ids(), k.names.op) {
			p := programs(key)[i]
			p.times = 4
			lines, at, _ := k.play(inSpan, p)
			p.times = 1
			for _, l := range lines {
				report := func(what, want string) { k.report(problem{ruleColliding, what, want, l}, p.String()) }
				k.judgeIDs(l, p, at, func(_, what, want string) { report(what+": the user's attribute is there", want) })
				if len(l.values(key)) > 1 {
					report(fmt.Sprintf("the key %q appears twice", key), "the user's attribute under another key")
				}
				if !l.anywhere(mine) {
					report(fmt.Sprintf("the user's attribute %q is lost", key), fmt.Sprintf("the value %q somewhere", mine))
				}
			}
		}
	}
}

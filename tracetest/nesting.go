package tracetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace"
)

// spanRecords checks the lines of spans.
func (k *checker) spanRecords() {
	if k.broke(ruleInlineGroups) {
		return // other handlers than ours get the schema's attributes as such a group
	}
	marker := slog.String(k.vocabulary[20], spanMarker)
	lists := [][]slog.Attr{{marker}}
	taken := []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey, "parent", "kind", "start", "duration_ms", "error"}
	if !k.broke(ruleColliding) {
		taken = slices.Concat(k.names.ids(), k.names.op, taken)
	}
	for _, key := range taken {
		lists = append(lists, []slog.Attr{marker, slog.String(key, "the user's")})
	}
	a, g := step{attrs: []slog.Attr{slog.Int(k.vocabulary[0], 1)}}, step{group: k.vocabulary[3]}
	for _, steps := range [][]step{nil, {a}, {g}, {a, g}} {
		if len(k.try(inSpan, program{steps: steps})) > 0 {
			continue
		}
		for _, attrs := range lists {
			k.spanRecord(steps, attrs, false)
			k.spanRecord(steps, attrs, true)
		}
	}
}

var errSpan = errors.New("card declined")

// spanRecord checks the lines of a span that reports to a derived handler.
func (k *checker) spanRecord(steps []step, attrs []slog.Attr, logStart bool) {
	const parentOp, childOp = "parent", "child"
	inGroup := slices.ContainsFunc(steps, func(s step) bool { return s.group != "" })
	derive := strings.TrimSuffix(program{steps: steps}.String(), fmt.Sprintf(".InfoContext(ctx, %q)", recordMessage))
	if len(steps) > 0 {
		derive += ".Handler()"
	} else {
		derive = "h"
	}
	code := fmt.Sprintf("ctx, span := slogtrace.Start(ctx, %q, %s); span.Fail(err); span.End() // ctx is in a span of slogtrace.NewTracer(%s, nil)",
		childOp, attrsText(attrs), derive)
	var at place
	var parent slogtrace.SpanID
	lines := k.session(code, func(h slog.Handler) {
		h = program{steps: steps}.derive(slog.New(h)).Handler()
		tracer := slogtrace.NewTracer(h, &slogtrace.TracerOptions{LogStart: logStart})
		ctx, root := tracer.Start(context.Background(), parentOp)
		parent = k.placeOf(ctx).SpanID
		ctx, span := slogtrace.Start(ctx, childOp, attrs...)
		at = k.placeOf(ctx)
		span.Fail(errSpan)
		span.End()
		root.End()
	})
	if lines == nil || k.broke(ruleSpanRecords) {
		return
	}
	lines = slices.DeleteFunc(lines, func(o object) bool { return !o.anywhere(spanMarker) })
	want := 1
	if logStart {
		want = 2
	}
	if len(lines) != want {
		k.report(problem{rule: ruleSpanRecords, what: fmt.Sprintf("got %d lines with the attributes of a span, want %d", len(lines), want)}, code)
		return
	}
	for i, l := range lines {
		report := func(what, want string) { k.report(problem{ruleSpanRecords, what, want, l}, code) }
		if key, twice := l.duplicate(); twice {
			report(fmt.Sprintf("the key %q appears twice", key), "it once")
		}
		k.judgeIDs(l, program{steps: steps}, at, func(rule, what, want string) {
			if rule == ruleRoot && inGroup || k.broke(rule) {
				return // the schema's group may be inside it
			}
			report(what, want)
		})
		for _, a := range attrs {
			if !l.anywhere(a.Value.String()) {
				report(fmt.Sprintf("the attribute %q is lost", a.Key), fmt.Sprintf("%q somewhere", a.Value.String()))
			}
		}
		if inGroup {
			continue
		}
		if len(l.rootKeys(func(v any) bool { return carriesSpan(v, parent) })) == 0 {
			report("the parent's id is missing", "it at the root")
		}
		if i < len(lines)-1 {
			continue // the start record
		}
		if len(l.rootKeys(func(v any) bool { s, _ := v.(string); return strings.Contains(s, errSpan.Error()) })) == 0 {
			report("the error is missing", fmt.Sprintf("%q at the root", errSpan))
		}
		took := l.rootKeys(func(v any) bool {
			s, isNumber := v.(json.Number)
			return isNumber && !carriesSpan(s, at.SpanID) && !carriesSpan(s, parent) && !carriesTrace(s, at.TraceID)
		})
		if took = slices.DeleteFunc(took, k.names.plain.has); len(took) == 0 {
			report("nothing says how long the span took", "a number at the root")
		}
	}
}

// A wrapper is a handler that passes everything on, like another author's handler between two of ours.
type wrapper struct{ slog.Handler }

func (h wrapper) WithAttrs(attrs []slog.Attr) slog.Handler {
	return wrapper{h.Handler.WithAttrs(attrs)}
}
func (h wrapper) WithGroup(name string) slog.Handler { return wrapper{h.Handler.WithGroup(name)} }

// A copier is a handler that passes on copies of log records, with each value resolved. If it is thorough, values in groups
// are resolved too, and so the mark that our handlers put there is lost.
type copier struct {
	slog.Handler
	thorough bool
}

func (h copier) Handle(ctx context.Context, r slog.Record) error {
	if _, ok := slogtrace.SpanOf(r); ok {
		return h.Handler.Handle(ctx, r)
	}
	r2 := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r2.AddAttrs(h.resolved(recordAttrs(r))...)
	return h.Handler.Handle(ctx, r2)
}

func (h copier) WithAttrs(attrs []slog.Attr) slog.Handler {
	return copier{h.Handler.WithAttrs(h.resolved(attrs)), h.thorough}
}

func (h copier) WithGroup(name string) slog.Handler {
	return copier{h.Handler.WithGroup(name), h.thorough}
}

func (h copier) resolved(attrs []slog.Attr) []slog.Attr {
	out := slices.Clone(attrs)
	for i := range out {
		v := out[i].Value.Resolve()
		if h.thorough && v.Kind() == slog.KindGroup {
			v = slog.GroupValue(h.resolved(v.Group())...)
		}
		out[i].Value = v
	}
	return out
}

// An arrangement puts handlers around the handler under test.
type arrangement struct {
	code string
	wrap func(slog.Handler) slog.Handler
}

// thoroughCode is the arrangement in which our handler recognises the ids only by their values,
// and so only under its own names.
const thoroughCode = "slogtrace.NewHandler(thoroughCopier{h})"

var arrangements = []arrangement{
	{"slogtrace.NewHandler(h)", func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) }},
	{"slogtrace.OTel.NewHandler(h)", func(h slog.Handler) slog.Handler { return slogtrace.OTel.NewHandler(h) }},
	{"slogtrace.NewHandler(slogtrace.NewHandler(h))", func(h slog.Handler) slog.Handler {
		return slogtrace.NewHandler(slogtrace.NewHandler(h))
	}},
	{"slogtrace.NewHandler(wrapper{h})", func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(wrapper{h}) }},
	{"slogtrace.NewHandler(copier{h})", func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(copier{h, false}) }},
	{thoroughCode, func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(copier{h, true}) }},
	{"wrapper{slogtrace.NewHandler(wrapper{slogtrace.OTel.NewHandler(h)})}", func(h slog.Handler) slog.Handler {
		return wrapper{slogtrace.NewHandler(wrapper{slogtrace.OTel.NewHandler(h)})}
	}},
	{"slogtrace.NewHandler(slog.NewMultiHandler(slog.DiscardHandler, h))", func(h slog.Handler) slog.Handler {
		return slogtrace.NewHandler(slog.NewMultiHandler(slog.DiscardHandler, h))
	}},
}

// ours reports whether h is a handler of package slogtrace.
func ours(h slog.Handler) bool {
	switch h.(type) {
	case *slogtrace.JSONHandler, *slogtrace.Handler:
		return true
	}
	return false
}

// nested checks the handler inside package slogtrace's handlers.
func (k *checker) nested() {
	if len(k.names.trace) == 0 || len(k.names.span) == 0 || k.broke(ruleDuplicates) {
		return
	}
	for i, a := range arrangements {
		if a.code == thoroughCode && !slices.Equal(slices.Concat(k.names.ids(), k.names.op), []string{"trace", "span", "op"}) {
			continue
		}
		mustKnow := i > 0
		n, l := k.namesOn(a, &mustKnow)
		if l == nil {
			return
		}
		if len(n.trace) != 1 || len(n.span) != 1 {
			if !mustKnow {
				return // not one of ours
			}
			k.report(problem{ruleNested, "the ids appear under two names", "them once", l}, strings.Replace(program{}.String(), "h", a.code, 1))
			return
		}
		for _, p := range k.sound {
			if k.broke(ruleNested) {
				return
			}
			p.times = 4
			code := strings.Replace(p.String(), "h", a.code, 1)
			lines, at, ok := k.playOn(inSpan, p, code, a.wrap)
			if !ok {
				continue
			}
			at.names = n
			for _, l := range lines {
				found := k.judge(l, p, at)
				for _, f := range found {
					f.rule = ruleNested
					k.report(f, code)
				}
				keys := l.rootKeys(func(v any) bool { return carriesTrace(v, at.TraceID) || carriesSpan(v, at.SpanID) })
				if len(keys) != 2 && !slices.Equal(n.trace, n.span) {
					k.report(problem{ruleNested, "the ids appear under two names", quoted(n.ids()) + " only", l}, code)
				}
			}
		}
	}
}

// namesOn returns the names of the ids in an arrangement, and the line in which they were found.
// It sets isOurs if the handler under test is of package slogtrace.
func (k *checker) namesOn(a arrangement, isOurs *bool) (*names, object) {
	code := strings.Replace(program{}.String(), "h", a.code, 1)
	found := false
	lines, at, ok := k.playOn(inSpan, program{}, code, func(h slog.Handler) slog.Handler {
		found = ours(h)
		return a.wrap(h)
	})
	if !ok {
		return nil, nil
	}
	*isOurs = *isOurs || found
	n, l := k.names, lines[0]
	n.trace = l.rootKeys(func(v any) bool { return carriesTrace(v, at.TraceID) })
	n.span = l.rootKeys(func(v any) bool { return carriesSpan(v, at.SpanID) })
	n.op = l.rootKeys(func(v any) bool { return v == any(at.op) })
	return &n, l
}

// with checks the attributes of a context.
func (k *checker) with() {
	a := slog.String(k.vocabulary[30], "of the context")
	isOurs := false
	withAttr := func(base scene) scene {
		return scene{fmt.Sprintf("ctx has slogtrace.With(ctx, %s)", attrsText([]slog.Attr{a})), func(h slog.Handler) (context.Context, func()) {
			ctx, leave := base.enter(h)
			return slogtrace.With(ctx, a), leave
		}}
	}
	lines, _, ok := k.playOn(withAttr(inSpan), program{}, program{}.String(), func(h slog.Handler) slog.Handler {
		isOurs = ours(h)
		return h
	})
	if !ok || !isOurs && !lines[0].has(a.Key) {
		return // not one of ours
	}
	for _, base := range []scene{inSpan, outside} {
		for _, p := range k.chains() {
			for _, own := range []bool{false, true} {
				if own { // the record has the key too
					p.attrs = append(slices.Clip(p.attrs), slog.Int(a.Key, 7))
				}
				if len(k.try(base, p)) > 0 {
					continue
				}
				s := withAttr(base)
				p.times = 4
				lines, _, _ := k.play(s, p)
				p.times = 1
				want := text(a.Value.String())
				if own && !slices.ContainsFunc(p.steps, func(s step) bool { return s.group != "" }) {
					want = "7"
				}
				for _, l := range lines {
					if vs := texts(l, a.Key); len(vs) != 1 || vs[0] != want {
						k.report(problem{ruleWith, "the attribute of the context is not at the root as it should be", fmt.Sprintf("%q:%s once, at the root", a.Key, want), l}, s.comment(p.String()))
					}
				}
			}
		}
	}
}

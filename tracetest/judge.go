package tracetest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
)

// judge compares a line of p with what it should be, and returns one problem for each broken rule.
func (k *checker) judge(l object, p program, at place) []problem {
	return k.judgeAll([]object{l}, p, at)
}

// judgeAll is judge for several lines of one program. It returns the first problem of each rule.
func (k *checker) judgeAll(lines []object, p program, at place) (found []problem) {
	wanted, ok := p.wanted()
	for _, l := range lines {
		for _, f := range k.judgeLine(l, p, at, wanted, ok) {
			if !slices.ContainsFunc(found, func(g problem) bool { return g.rule == f.rule }) {
				found = append(found, f)
			}
		}
	}
	return found
}

func (k *checker) judgeLine(l object, p program, at place, wanted object, ok bool) (found []problem) {
	add := func(rule, what, want string) {
		if !slices.ContainsFunc(found, func(f problem) bool { return f.rule == rule }) {
			found = append(found, problem{rule, what, want, l})
		}
	}
	if key, twice := l.duplicate(); twice {
		add(ruleDuplicates, fmt.Sprintf("the key %q appears twice", key), "it once")
	}
	k.judgeIDs(l, p, at, add)
	if ok {
		k.judgeAttrs(l, p, wanted, add)
	}
	for _, key := range k.names.builtins() {
		want, got := texts(k.names.plain, key), texts(l, key)
		if len(got) == 0 {
			add(ruleBuiltins, fmt.Sprintf("%q is missing", key), fmt.Sprintf("%q:%s", key, want[0]))
		} else if got[0] != want[0] {
			add(ruleBuiltins, fmt.Sprintf("%q is not the record's", key), fmt.Sprintf("%q:%s", key, want[0]))
		}
	}
	return found
}

// judgeIDs checks the ids of a line.
func (k *checker) judgeIDs(l object, p program, at place, add func(rule, what, want string)) {
	n := at.names
	if !at.IsValid() {
		for _, key := range slices.Concat(n.ids(), n.op) {
			is := func(m member) bool { return m.key == key }
			if slices.ContainsFunc(l, is) || l.nested(is) {
				add(ruleOutside, fmt.Sprintf("a record outside any trace has %q", key), "none of "+quoted(slices.Concat(n.ids(), n.op)))
			}
		}
		return
	}
	missing := ruleIDs
	if len(p.steps) > 0 {
		missing = ruleDerived
	}
	for _, id := range []struct {
		what  string
		keys  []string
		value func(any) bool
	}{
		{"the trace id", n.trace, func(v any) bool { return carriesTrace(v, at.TraceID) }},
		{"the span id", n.span, func(v any) bool { return carriesSpan(v, at.SpanID) }},
		{"the name of the span", n.op, func(v any) bool { return v == any(at.op) }},
	} {
		if len(id.keys) == 0 || id.what == "the name of the span" && at.op == "" {
			continue
		}
		inside := l.nested(func(m member) bool { return slices.Contains(id.keys, m.key) && id.value(m.value) })
		if inside {
			add(ruleRoot, id.what+" is in a group", n.inTrace())
		}
		for _, key := range id.keys {
			vs := l.values(key)
			switch {
			case len(vs) == 0 && !inside:
				add(missing, id.what+" is missing", n.inTrace())
			case len(vs) > 0 && !slices.ContainsFunc(vs, id.value):
				add(ruleCurrentSpan, id.what+" is not that of the context", n.inTrace())
			}
		}
	}
}

// judgeAttrs checks the user's attributes. A handler may write more of its own.
func (k *checker) judgeAttrs(l object, p program, wanted object, add func(rule, what, want string)) {
	rule := ruleAttributes
	if p.hasOddGroup() {
		rule = ruleInlineGroups
	}
	want := "the members " + text(wanted)
	if len(wanted) == 0 {
		want = "no member for it"
	}
	keys := p.keys()
	rest := l.leaves("")
	for _, w := range wanted.leaves("") {
		i := slices.Index(rest, w)
		if i < 0 {
			add(rule, fmt.Sprintf("the attribute %q is lost, or is elsewhere or has another value", strings.ReplaceAll(w.path, "/", ".")), want)
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
	for _, r := range rest {
		if r.key() == "" || slices.Contains(keys, r.key()) {
			if r.value == "{}" {
				rule = ruleInlineGroups
			}
			add(rule, fmt.Sprintf("there is a member %q too many", strings.ReplaceAll(r.path, "/", ".")), want)
			return
		}
	}
}

// try plays p in a scene and returns the problems of its lines.
func (k *checker) try(s scene, p program) (found []problem) {
	lines, at, ok := k.play(s, p)
	if !ok {
		return nil
	}
	return k.judgeAll(lines, p, at)
}

// check reports the problems of p's lines, each for the smallest program that shows it.
func (k *checker) check(s scene, p program) {
	for _, f := range k.try(s, p) {
		if k.broke(f.rule) || k.shrunk >= maxShrunk {
			continue
		}
		k.shrunk++
		small := p.shrink(func(q program) bool {
			return slices.ContainsFunc(k.try(s, q), func(g problem) bool { return g.rule == f.rule || attributes(g.rule) && attributes(f.rule) })
		})
		// In the smaller program the problem may turn out to be another rule's.
		for _, g := range k.try(s, small) {
			k.report(g, s.comment(small.String()))
		}
	}
}

// maxShrunk limits the number of programs that are shrunk and then show a rule that was already reported.
const maxShrunk = 50

func attributes(rule string) bool { return rule == ruleAttributes || rule == ruleInlineGroups }

// Random programs find what nobody thought of. Most run in a span: outside, most handlers pass everything on.
const (
	randomPrograms        = 100
	randomProgramsOutside = 30
)

// derived checks single loggers, in a span and outside, with simple programs written for it and with random ones.
func (k *checker) derived() {
	for _, s := range []scene{inSpan, outside} {
		for _, p := range k.examples() {
			k.check(s, p)
		}
	}
	g := generator{rand: rand.New(rand.NewPCG(1, 2)), vocabulary: k.vocabulary}
	for range randomPrograms {
		k.check(inSpan, g.program())
	}
	for range randomProgramsOutside {
		k.check(outside, g.program())
	}
	for _, p := range k.chains() {
		q := p
		q.times = 4
		if len(k.try(inSpan, q)) == 0 {
			k.sound = append(k.sound, p)
		}
	}
}

// chains returns programs that derive a logger in each of the simple ways.
func (k *checker) chains() []program {
	a, b, c := slog.Int(k.vocabulary[0], 1), slog.Int(k.vocabulary[1], 2), slog.Int(k.vocabulary[2], 3)
	g, h := k.vocabulary[3], k.vocabulary[4]
	with := func(attrs ...slog.Attr) step { return step{attrs: attrs} }
	group := func(name string) step { return step{group: name} }
	return []program{
		{},
		{attrs: []slog.Attr{a}},
		{steps: []step{with(a)}},
		{steps: []step{group(g)}},
		{steps: []step{group(g)}, attrs: []slog.Attr{a}},
		{steps: []step{with(a), group(g)}, attrs: []slog.Attr{b}},
		{steps: []step{group(g), with(a)}, attrs: []slog.Attr{b}},
		{steps: []step{with(a), group(g), with(b), group(h)}, attrs: []slog.Attr{c}},
	}
}

// examples returns the programs of chains, also run several times, and programs with all sorts of groups without a key.
func (k *checker) examples() (ps []program) {
	for _, p := range k.chains() {
		ps = append(ps, p)
		p.times = 4
		ps = append(ps, p)
	}
	a, b := slog.Int(k.vocabulary[0], 1), slog.Int(k.vocabulary[1], 2)
	g := k.vocabulary[3]
	inline := slog.Attr{Value: slog.GroupValue(a)}
	for _, attrs := range [][]slog.Attr{
		{inline},
		{slog.Attr{Value: slog.GroupValue(inline, b)}},
		{slog.Attr{Key: g, Value: slog.GroupValue(inline, b)}},
		{slog.Any("", valuer{slog.GroupValue(a)})},
		{slog.Attr{Key: g, Value: slog.GroupValue()}, b},
		{slog.Any(g, valuer{slog.GroupValue()}), b},
	} {
		h := k.vocabulary[4]
		ps = append(ps,
			program{attrs: attrs},
			program{steps: []step{{attrs: attrs}}},
			program{steps: []step{{group: h}}, attrs: attrs},
			program{steps: []step{{group: h}, {attrs: attrs}}})
	}
	return ps
}

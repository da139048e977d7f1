package tracetest

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace"
)

// siblings checks loggers that are derived from one.
func (k *checker) siblings() {
	a, b := slog.Int(k.vocabulary[0], 1), slog.Int(k.vocabulary[1], 2)
	with := func(attrs ...slog.Attr) step { return step{attrs: attrs} }
	g, h := step{group: k.vocabulary[2]}, step{group: k.vocabulary[3]}
	pairs := [][2]step{{with(a), with(b)}, {with(a), g}, {g, with(a)}, {g, h}, {with(a, b), with(b)}}
	// What a slice has room for depends on its length.
	for n := range 8 {
		var attrs, groups []step
		for i := range n {
			attrs = append(attrs, with(slog.Int(k.vocabulary[10+i], i)))
			groups = append(groups, step{group: k.vocabulary[10+i]})
		}
		for _, base := range [][]step{attrs, groups, append([]step{{group: k.vocabulary[4]}}, attrs...)} {
			for _, pair := range pairs {
				k.siblingPair(base, pair[0], pair[1])
			}
		}
	}
}

// siblingPair derives two loggers from one and uses the first, then their parent.
func (k *checker) siblingPair(base []step, first, second step) {
	p := program{steps: append(slices.Clip(base), first), attrs: []slog.Attr{slog.Int(k.vocabulary[5], 3)}}
	parent := program{steps: base, attrs: p.attrs}
	if k.broke(ruleSiblings) {
		return
	}
	var at place
	parentCode := "parent := " + strings.Split(parent.String(), ".InfoContext")[0]
	code := fmt.Sprintf("%s; l := parent%s; parent%s; l.InfoContext(ctx, %q, %s)", parentCode, first, second, recordMessage, attrsText(p.attrs))
	lines := k.session(code, func(h slog.Handler) {
		ctx, leave := inSpan.enter(h)
		at = k.placeOf(ctx)
		from := parent.derive(slog.New(h))
		l := first.derive(from)
		second.derive(from)
		handle(ctx, l.Handler(), p.record())
		r := parent.record()
		r.Message = "parent"
		handle(ctx, from.Handler(), r)
		leave()
	})
	for _, l := range []struct {
		program
		lines []object
		code  string
	}{
		{p, k.withMessage(lines, recordMessage), code},
		{parent, k.withMessage(lines, "parent"), parentCode + fmt.Sprintf("; parent%s; parent.InfoContext(ctx, \"parent\", %s)", first, attrsText(p.attrs))},
	} {
		if len(l.lines) != 1 {
			continue
		}
		found := k.judge(l.lines[0], l.program, at)
		found = slices.DeleteFunc(found, func(f problem) bool { return f.rule == ruleBuiltins })
		if len(found) == 0 || len(k.try(inSpan, l.program)) > 0 {
			continue // right, or wrong without a sibling too
		}
		f := found[0]
		f.rule, f.what = ruleSiblings, "two loggers derived from one are mixed up: "+f.what
		k.report(f, l.code)
	}
}

// recordLeftAlone checks what a handler does to a record.
func (k *checker) recordLeftAlone() {
	p := program{}
	for i := range 7 { // more than a record holds without a slice
		p.attrs = append(p.attrs, slog.Int(k.vocabulary[i], i))
	}
	p.attrs = append(p.attrs, slog.Group(k.vocabulary[8], k.vocabulary[9], 1, k.vocabulary[10], "x"))
	for _, s := range []scene{inSpan, outside} {
		for _, steps := range [][]step{nil, {{group: k.vocabulary[11]}}, {{attrs: []slog.Attr{slog.Int(k.vocabulary[11], 1)}}}} {
			p.steps = steps
			before, after := fmt.Sprint(recordAttrs(p.record())), ""
			code := s.comment(p.String())
			lines := k.session(code, func(h slog.Handler) {
				ctx, leave := s.enter(h)
				k.placeOf(ctx)
				l := p.derive(slog.New(h)).Handler()
				r := p.record()
				handle(ctx, l, r)
				// Where the handler wrote behind the record's last attribute, AddAttrs finds it.
				own := r
				own.AddAttrs(slog.Int("added", 1))
				attrs := recordAttrs(own)
				after = fmt.Sprint(attrs[:len(attrs)-1])
				handle(ctx, l, r)
				handle(ctx, l, r.Clone())
				leave()
			})
			if lines == nil || k.broke(ruleRecord) {
				continue
			}
			if after != before {
				what := "Handle changes the record's attributes, which others share"
				if strings.Contains(after, "!BUG") {
					what = "Handle adds attributes to the record in memory that its copies share: use Clone first"
				}
				k.report(problem{rule: ruleRecord, what: fmt.Sprintf("%s\n\tbefore %s\n\tafter  %s", what, before, after)}, code)
				continue
			}
			same := k.withMessage(lines, recordMessage)
			for _, l := range same[:max(len(same)-1, 0)] {
				if last := same[len(same)-1]; !sameMembers(l, last) {
					k.report(problem{ruleRecord, "a record that is handled twice makes two different lines", k.show(l, false), last}, code)
				}
			}
		}
	}
}

func sameMembers(a, b object) bool {
	la, lb := a.leaves(""), b.leaves("")
	keys := func(ls []leaf) (paths []string) {
		for _, l := range ls {
			paths = append(paths, l.path)
		}
		slices.Sort(paths)
		return paths
	}
	return slices.Equal(keys(la), keys(lb))
}

// concurrentUse checks loggers that are derived from one and used at once.
func (k *checker) concurrentUse() {
	if k.broke(ruleLines) {
		return
	}
	const workers, records = 8, 10
	shared := program{steps: []step{{attrs: []slog.Attr{slog.Int(k.vocabulary[0], 1)}}, {group: k.vocabulary[1]}}}
	own := func(worker, record int) program {
		return program{
			steps: append(slices.Clip(shared.steps), step{attrs: []slog.Attr{slog.Int(k.vocabulary[2], worker)}}, step{group: k.vocabulary[3]}),
			attrs: []slog.Attr{slog.Int(k.vocabulary[4], record)},
		}
	}
	code := fmt.Sprintf("%d goroutines, each in a span of its own, call %s.With(…).WithGroup(…).InfoContext(ctx, …) of one shared logger",
		workers, strings.Split(shared.String(), ".InfoContext")[0])
	message := func(worker, record int) string { return fmt.Sprintf("m%d.%d", worker, record) }
	run := func(out *output, parallel bool) (lines []object, places [workers]place) {
		var found [workers]place
		lines = k.sessionTo(out, ruleConcurrent, code, func(h slog.Handler) {
			ctx, leave := inSpan.enter(h)
			from := shared.derive(slog.New(h))
			work := func(worker int) {
				ctx, span := slogtrace.Start(ctx, fmt.Sprintf("worker %d", worker))
				found[worker] = k.placeOf(ctx)
				for record := range records {
					p := own(worker, record)
					l := from
					for _, s := range p.steps[len(shared.steps):] {
						l = s.derive(l)
					}
					r := p.record()
					r.Message = message(worker, record)
					handle(ctx, l.Handler(), r)
				}
				span.End()
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			var failure any
			for worker := range workers {
				if !parallel {
					work(worker)
					continue
				}
				wg.Go(func() {
					defer func() {
						if p := recover(); p != nil {
							mu.Lock()
							defer mu.Unlock()
							failure = p
						}
					}()
					work(worker)
				})
			}
			wg.Wait()
			if failure != nil {
				panic(failure)
			}
			leave()
		})
		if lines != nil {
			places = found
		}
		return lines, places
	}
	check := func(lines []object, places [workers]place) (found []problem) {
		byMessage := make(map[string][]object)
		for _, l := range lines {
			for _, m := range l {
				if s, ok := m.value.(string); ok && slices.Contains(k.names.message, m.key) {
					byMessage[s] = append(byMessage[s], l)
				}
			}
		}
		for worker := range workers {
			for record := range records {
				ls := byMessage[message(worker, record)]
				if len(ls) != 1 {
					return []problem{{rule: ruleConcurrent, what: fmt.Sprintf("got %d lines for a record", len(ls)), want: "1"}}
				}
				for _, f := range k.judge(ls[0], own(worker, record), places[worker]) {
					if f.rule != ruleBuiltins {
						f.rule = ruleConcurrent
						found = append(found, f)
					}
				}
			}
		}
		return found
	}
	if lines, places := run(new(output), false); lines == nil || len(check(lines, places)) > 0 {
		return // wrong one after the other, too
	}
	out := &output{slow: 50}
	lines, places := run(out, true)
	if lines == nil {
		return
	}
	if out.overlap {
		k.report(problem{rule: ruleConcurrent, what: "Write is called by two goroutines at once", want: "the handler to let in one at a time"}, code)
	}
	for _, f := range check(lines, places) {
		f.what = "used by several goroutines at once: " + f.what
		k.report(f, code)
	}
}

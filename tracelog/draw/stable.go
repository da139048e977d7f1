package draw

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// stableOrder returns the children of each span, and the roots under nil, in the order of Options.Stable.
func stableOrder(t *tracelog.Trace, problems map[*tracelog.Span][]tracelog.ProblemKind) map[*tracelog.Span][]*tracelog.Span {
	var all []*tracelog.Span
	for _, s := range t.All() {
		all = append(all, s)
	}
	o := stableOrderer{printer: printer{Options: Options{Stable: true}, problems: problems}, kids: make(map[*tracelog.Span][]*tracelog.Span), text: make(map[*tracelog.Span]string)}
	// Backwards, children come before their parents, so whole subtrees can be compared.
	for _, s := range slices.Backward(all) {
		o.order(s, s.Children)
	}
	o.order(nil, t.Roots)
	return o.kids
}

type stableOrderer struct {
	printer printer
	kids    map[*tracelog.Span][]*tracelog.Span
	text    map[*tracelog.Span]string // of spans that had to be compared
}

func (o *stableOrderer) order(parent *tracelog.Span, kids []*tracelog.Span) {
	if len(kids) == 0 {
		return
	}
	kids = slices.Clone(kids)
	slices.SortStableFunc(kids, func(a, b *tracelog.Span) int { return compareTimes(a.Start, b.Start) })
	for i := 0; i < len(kids); {
		// The run of those that overlap.
		last := kids[i]
		end, open := last.End, last.State != tracelog.Ended
		j := i + 1
		for ; j < len(kids); j++ {
			k := kids[j]
			if !open && !k.Start.Equal(last.Start) && !k.Start.Before(end) {
				break
			}
			last = k
			open = open || k.State != tracelog.Ended
			end = latest(end, k.End)
		}
		slices.SortStableFunc(kids[i:j], o.compare)
		i = j
	}
	o.kids[parent] = kids
}

// compareTimes compares two times. The zero time is last.
func compareTimes(a, b time.Time) int {
	switch {
	case a.IsZero() && !b.IsZero():
		return 1
	case b.IsZero() && !a.IsZero():
		return -1
	}
	return a.Compare(b)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// compare compares two subtrees by everything that the stable form shows of them.
func (o *stableOrderer) compare(a, b *tracelog.Span) int {
	type pair struct{ a, b *tracelog.Span }
	stack := []pair{{a, b}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c := strings.Compare(p.a.Op, p.b.Op); c != 0 {
			return c
		}
		if c := strings.Compare(o.describe(p.a), o.describe(p.b)); c != 0 {
			return c
		}
		x, y := o.kids[p.a], o.kids[p.b]
		if c := cmp.Compare(len(x), len(y)); c != 0 {
			return c
		}
		for i := len(x) - 1; i >= 0; i-- {
			stack = append(stack, pair{x[i], y[i]})
		}
	}
	return 0
}

func (o *stableOrderer) describe(s *tracelog.Span) string {
	if text, ok := o.text[s]; ok {
		return text
	}
	p := &o.printer
	var b []byte
	add := func(t text) { b = append(t.appendTo(b, false), 0) }
	add(p.attrs(nil, s.Attrs, nil))
	add(p.label(s, unbounded))
	add(p.spanAttrs(s))
	add(p.note(s))
	for i := range s.Logs {
		e := &s.Logs[i]
		b = append(b, e.Level...)
		b = append(b, 0)
		b = append(b, e.Message...)
		b = append(b, 0)
		b = strconv.AppendInt(b, int64(e.Copies), 10)
		add(p.attrs(nil, e.Attrs(), nil))
	}
	text := string(b)
	o.text[s] = text
	return text
}

package tracetest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A program derives a logger and logs one record with it, once or several times.
type program struct {
	steps []step
	attrs []slog.Attr // of the record
	times int         // 0 means 1; from the second time on a handler may take another path
}

// A step is a call of With, or of WithGroup if group is set.
type step struct {
	group string
	attrs []slog.Attr
}

// valuer is a LogValuer. Violations show its name.
type valuer struct{ value slog.Value }

func (v valuer) LogValue() slog.Value { return v.value }

// Every record of a program has these. The source position is that of the line that defines it.
var (
	recordTime = time.Date(2026, 3, 1, 9, 15, 0, 1200000, time.UTC)
	recordPC   = func() uintptr {
		var pc [1]uintptr
		runtime.Callers(1, pc[:])
		return pc[0]
	}()
)

const recordMessage = "m"

// derive returns the logger of p.
func (p program) derive(l *slog.Logger) *slog.Logger {
	for _, s := range p.steps {
		l = s.derive(l)
	}
	return l
}

func (s step) derive(l *slog.Logger) *slog.Logger {
	if s.group != "" {
		return l.WithGroup(s.group)
	}
	var args []any
	for _, a := range fresh(s.attrs) {
		args = append(args, a)
	}
	return l.With(args...)
}

// record returns the record of p. The slice with the attributes beyond the fifth has spare capacity, as in a
// record to which another handler has added attributes.
func (p program) record() slog.Record {
	r := slog.NewRecord(recordTime, slog.LevelInfo, recordMessage, recordPC)
	for _, a := range fresh(p.attrs) {
		r.AddAttrs(a)
	}
	return r
}

// run derives the logger and logs.
func (p program) run(ctx context.Context, h slog.Handler) {
	l := p.derive(slog.New(h))
	for range max(p.times, 1) {
		handle(ctx, l.Handler(), p.record())
	}
}

// handle passes a record to a handler as a logger does.
func handle(ctx context.Context, h slog.Handler, r slog.Record) {
	if h.Enabled(ctx, r.Level) {
		_ = h.Handle(ctx, r) // as in a logger, nobody takes the error
	}
}

// fresh returns a copy of attrs that shares no slice with it.
func fresh(attrs []slog.Attr) []slog.Attr {
	out := slices.Clone(attrs)
	for i, a := range out {
		if a.Value.Kind() == slog.KindGroup {
			out[i].Value = slog.GroupValue(fresh(a.Value.Group())...)
		}
	}
	return out
}

// wanted returns the members that slog.JSONHandler writes for p, without the built-in ones.
// ok is false if it does not write JSON: it cannot write some groups that turn out empty.
func (p program) wanted() (_ object, ok bool) {
	var b bytes.Buffer
	p.times = 1
	p.run(context.Background(), slog.NewJSONHandler(&b, nil))
	o, err := parseLine(b.Bytes())
	if err != nil || len(o) < 3 {
		return nil, false
	}
	return o[3:], true
}

// keys returns all keys in p, including those in groups.
func (p program) keys() (keys []string) {
	for _, s := range p.steps {
		if s.group != "" {
			keys = append(keys, s.group)
		}
		keys = appendKeys(keys, s.attrs)
	}
	return appendKeys(keys, p.attrs)
}

func appendKeys(keys []string, attrs []slog.Attr) []string {
	for _, a := range attrs {
		if a.Key != "" {
			keys = append(keys, a.Key)
		}
		if v := a.Value.Resolve(); v.Kind() == slog.KindGroup {
			keys = appendKeys(keys, v.Group())
		}
	}
	return keys
}

// hasOddGroup reports whether p has a group without a key or without members.
func (p program) hasOddGroup() bool {
	odd := hasOddGroup(p.attrs)
	for _, s := range p.steps {
		odd = odd || hasOddGroup(s.attrs)
	}
	return odd
}

func hasOddGroup(attrs []slog.Attr) bool {
	return slices.ContainsFunc(attrs, func(a slog.Attr) bool {
		v := a.Value.Resolve()
		return v.Kind() == slog.KindGroup && (a.Key == "" || len(v.Group()) == 0 || hasOddGroup(v.Group()))
	})
}

// String returns p as code that looks like Go.
func (p program) String() string {
	var b strings.Builder
	b.WriteString("slog.New(h)")
	for _, s := range p.steps {
		b.WriteString(s.String())
	}
	fmt.Fprintf(&b, ".InfoContext(ctx, %q", recordMessage)
	if len(p.attrs) > 0 {
		b.WriteString(", " + attrsText(p.attrs))
	}
	b.WriteByte(')')
	if p.times > 1 {
		fmt.Fprintf(&b, ", %d times", p.times)
	}
	return b.String()
}

func (s step) String() string {
	if s.group != "" {
		return fmt.Sprintf(".WithGroup(%q)", s.group)
	}
	return ".With(" + attrsText(s.attrs) + ")"
}

func attrsText(attrs []slog.Attr) string {
	texts := make([]string, len(attrs))
	for i, a := range attrs {
		if a.Value.Kind() == slog.KindGroup {
			texts[i] = "slog.Group(" + strings.TrimSuffix(fmt.Sprintf("%q, %s", a.Key, attrsText(a.Value.Group())), ", ") + ")"
		} else {
			texts[i] = fmt.Sprintf("%q, %s", a.Key, valueText(a.Value))
		}
	}
	return strings.Join(texts, ", ")
}

func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return strconv.Quote(v.String())
	case slog.KindGroup:
		return "slog.GroupValue(" + attrsText(v.Group()) + ")"
	case slog.KindLogValuer:
		if v, ok := v.Any().(valuer); ok {
			return "valuer{" + valueText(v.value) + "}"
		}
	}
	return v.String()
}

// smaller returns programs that are p with a part left out or simplified.
func (p program) smaller() (ps []program) {
	if p.times > 1 {
		q := p
		q.times = 1
		ps = append(ps, q)
	}
	for i, s := range p.steps {
		q := p
		q.steps = slices.Delete(slices.Clone(p.steps), i, i+1)
		ps = append(ps, q)
		for _, attrs := range smallerAttrs(s.attrs) {
			q := p
			q.steps = slices.Clone(p.steps)
			q.steps[i].attrs = attrs
			if len(attrs) > 0 {
				ps = append(ps, q)
			}
		}
	}
	for _, attrs := range smallerAttrs(p.attrs) {
		q := p
		q.attrs = attrs
		ps = append(ps, q)
	}
	return ps
}

func smallerAttrs(attrs []slog.Attr) (lists [][]slog.Attr) {
	with := func(i int, v slog.Value) {
		list := slices.Clone(attrs)
		list[i].Value = v
		lists = append(lists, list)
	}
	for i, a := range attrs {
		lists = append(lists, slices.Delete(slices.Clone(attrs), i, i+1))
		if v := a.Value.Resolve(); a.Value.Kind() == slog.KindLogValuer {
			with(i, v)
		} else if v.Kind() == slog.KindGroup {
			lists = append(lists, slices.Replace(slices.Clone(attrs), i, i+1, v.Group()...))
			for _, group := range smallerAttrs(v.Group()) {
				if len(group) > 0 {
					with(i, slog.GroupValue(group...))
				}
			}
		}
	}
	return lists
}

// shrink returns the smallest program between p and nothing for which fails holds, as far as it finds one.
func (p program) shrink(fails func(program) bool) program {
	for tries := 0; tries < 500; {
		i := slices.IndexFunc(p.smaller(), func(q program) bool { tries++; return fails(q) })
		if i < 0 {
			break
		}
		p = p.smaller()[i]
	}
	return p
}

// A generator makes random programs: each key once, and values that all JSON encoders write alike.
type generator struct {
	rand *rand.Rand
	vocabulary
	used int
}

// A vocabulary is a list of keys that a handler does not write by itself.
type vocabulary []string

func newVocabulary(taken func(key string) bool) (v vocabulary) {
	for i := 0; len(v) < 200; i++ {
		key := string(rune('a' + i%26))
		if i >= 26 {
			key += strconv.Itoa(i / 26)
		}
		if !taken(key) {
			v = append(v, key)
		}
	}
	return v
}

func (g *generator) key() string {
	g.used++
	return g.vocabulary[(g.used-1)%len(g.vocabulary)]
}

func (g *generator) program() program {
	g.used = 0
	p := program{times: 1 + 3*g.rand.IntN(2)}
	for range g.rand.IntN(5) {
		if g.rand.IntN(5) < 2 {
			p.steps = append(p.steps, step{group: g.key()})
		} else if attrs := g.attrs(1+g.rand.IntN(3), 0); len(attrs) > 0 {
			p.steps = append(p.steps, step{attrs: attrs})
		}
	}
	p.attrs = g.attrs(g.rand.IntN(8), 0)
	return p
}

func (g *generator) attrs(n, depth int) (attrs []slog.Attr) {
	for range n {
		a := slog.Attr{Key: g.key(), Value: g.value(depth)}
		if r := a.Value.Resolve(); r.Kind() == slog.KindGroup && len(r.Group()) > 0 && g.rand.IntN(2) == 0 {
			a.Key = ""
		}
		attrs = append(attrs, a)
	}
	return attrs
}

func (g *generator) value(depth int) slog.Value {
	switch n := g.rand.IntN(12); {
	case n == 0 && depth < 2:
		return slog.AnyValue(valuer{g.value(depth + 1)})
	case n == 1 && depth == 0:
		return slog.GroupValue()
	case n < 4 && depth < 2:
		// At least one ordinary member keeps it from turning out empty.
		ordinary := slog.Int(g.key(), g.rand.IntN(100))
		attrs := append(g.attrs(g.rand.IntN(2), depth+1), ordinary)
		return slog.GroupValue(append(attrs, g.attrs(g.rand.IntN(2), depth+1)...)...)
	case n < 6:
		return slog.BoolValue(n == 4)
	case n < 9:
		return slog.StringValue([]string{"", "x", "it said \"no\"", "line\nbreak\ttab", "é <&> 漢", "a=b c"}[g.rand.IntN(6)])
	}
	return slog.IntValue(g.rand.IntN(2000) - 1000)
}

func recordAttrs(r slog.Record) (attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

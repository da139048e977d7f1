package tracetest

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// A checker is one call of CheckHandler.
type checker struct {
	newHandler func(io.Writer) slog.Handler
	found      map[string]string // by rule: the first violation's detail
	stopped    bool              // further checks would find nothing
	names      names
	vocabulary vocabulary
	shrunk     int       // number of programs that were shrunk
	sound      []program // the simple programs that break no rule in a span

	mu     sync.Mutex
	labels map[string]string // by id, in each form: its description, to make violations readable
}

// A problem is a fault of one line.
type problem struct {
	rule string
	what string // in plain words
	want string
	got  object // nil if there is no line
}

// report stores a problem with the line of code, unless its rule already has one.
func (k *checker) report(p problem, code string) {
	if _, ok := k.found[p.rule]; ok {
		return
	}
	var b strings.Builder
	b.WriteString(p.what)
	if code != "" {
		fmt.Fprintf(&b, "\n\t%s", code)
	}
	if p.got != nil {
		fmt.Fprintf(&b, "\n\tgot  %s", k.show(p.got, p.rule == ruleBuiltins))
	}
	if p.want != "" {
		fmt.Fprintf(&b, "\n\twant %s", p.want)
	}
	k.found[p.rule] = b.String()
}

func (k *checker) broke(rules ...string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool { _, ok := k.found[rule]; return ok })
}

const maxShown = 500

// show returns o as text, with descriptions for ids, and without the built-in members unless builtins.
func (k *checker) show(o object, builtins bool) string {
	rest := o
	if !builtins {
		rest = slices.DeleteFunc(slices.Clone(o), func(m member) bool { return slices.Contains(k.names.builtins(), m.key) })
	}
	s := text(k.label(rest))
	if len(rest) < len(o) {
		s = strings.Replace("{…,"+s[1:], ",}", "}", 1)
	}
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}

// label returns v with descriptions for ids, so that violations are readable, and the same each time.
func (k *checker) label(v any) any {
	switch v := v.(type) {
	case object:
		o := slices.Clone(v)
		for i := range o {
			o[i].value = k.label(o[i].value)
		}
		return o
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = k.label(list[i])
		}
		return list
	}
	s, ok := scalar(v)
	if !ok {
		return v
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if label, ok := k.labels[s]; ok {
		return label
	}
	for run := range hexRuns(s) {
		if label, ok := k.labels[strings.ToLower(run)]; ok {
			return strings.ReplaceAll(s, run, label)
		}
	}
	return v
}

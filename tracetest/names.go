package tracetest

import (
	"fmt"
	"slices"
	"strings"
)

// names are the keys under which a handler writes the members that all handlers have.
// Each may have several keys, or none.
type names struct {
	time, level, message, source []string
	trace, span, op              []string
	plain                        object // a line outside any trace, with all built-in members
}

func (n *names) builtins() []string { return slices.Concat(n.time, n.level, n.message, n.source) }

func (n *names) ids() []string { return slices.Concat(n.trace, n.span) }

// inTrace returns what is wanted in a trace, as text for a violation.
func (n *names) inTrace() string {
	return quoted(slices.Concat(n.ids(), n.op)) + " once, at the root"
}

func quoted(keys []string) string {
	texts := make([]string, 0, len(keys))
	for _, key := range keys {
		if text := fmt.Sprintf("%q", key); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

func texts(o object, key string) (ts []string) {
	for _, v := range o.values(key) {
		ts = append(ts, text(v))
	}
	return ts
}

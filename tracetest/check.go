package tracetest

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Violation is one rule of [CheckHandler] that a handler does not keep.
type Violation struct {
	Rule   string // its name in the doc of CheckHandler
	Detail string // what is wrong, and on further lines the smallest example found: what was logged, got, and wanted
}

func (v *Violation) Error() string { return v.Rule + ": " + v.Detail }

// TestHandler is [CheckHandler] for a test: it reports the rules that the handler does not keep as one error of t.
func TestHandler(t testing.TB, newHandler func(io.Writer) slog.Handler) {
	t.Helper()
	if err := CheckHandler(newHandler); err != nil {
		t.Errorf("the handler does not keep the rules of tracetest.CheckHandler:\n%v", err)
	}
}

// CheckHandler checks that a handler, of whatever make, writes the ids of a record's context as this package's do.
//
// newHandler returns a new handler that writes JSON lines to the given writer. It is called many times.
// Each record is one line, written before Handle returns or the last span of its trace ends.
// The names of the ids and of slog's own members are free, CheckHandler finds them by trying, and so is the order of members.
// An id may stand in a longer text, in hexadecimal; a trace id also as X-Ray writes it, a span id also in decimal.
// A handler may write members of its own.
//
// The result is nil, or has an Unwrap method that returns a [Violation] for each rule that is not kept, in this order:
//
//   - returns: Enabled, Handle, WithAttrs and WithGroup return, and do not panic.
//   - lines: a record of level Info is one line, which is a JSON object and has the message at its root.
//   - slogtest: what package testing/slogtest asks holds, in a trace and outside.
//   - ids: a record in a span has the ids of the trace and of the span at its root.
//   - op: it has the name of the span there too.
//   - outside a trace: a record outside any trace has none of the three.
//   - derived loggers: they stand there after any calls of With and WithGroup too.
//   - ids at the root: they do not stand in a group.
//   - duplicate keys: no key stands twice in an object.
//   - attributes: those of With, WithGroup and the record stand where slog.JSONHandler has them.
//   - inline groups: a group without a key becomes members of what it stands in, and an empty one nothing, also with With,
//     in groups, in each other, and from a LogValuer.
//   - built-ins: time, level, message and source are the record's, and the same as outside a trace.
//   - current span: the ids and the name are those of the span that the call is made in, whatever spans the logger was
//     used in before, and after SetOp the name is the new one; so also through [slogtrace.Logger].
//   - unsampled: ids stand on the records of a trace that is not sampled too.
//   - remote parent: under [slogtrace.ContextWithRemoteSpanContext] they are the remote ones, and no local span is named.
//   - colliding keys: where the user has a root attribute or a group under the key of an id, that key stands once and is
//     the id's, and the user's value is somewhere in the line. A key that only the user writes twice is nobody's fault.
//   - siblings: two loggers derived from one do not get each other's attributes, nor does their parent.
//   - record left alone: Handle changes neither the record's attributes nor the memory that its copies share;
//     a record that is handled twice, or cloned, is the same line twice.
//   - concurrent use: loggers derived from one handler can be derived and used at once, and Write is called by one of them
//     at a time. What is not seen there, a test under the race detector will see.
//   - span records: the end of a span is a line with the ids once, the parent, how long it took, the error and the
//     attributes, whatever keys these have.
//   - nested: inside [slogtrace.NewHandler], also twice, and with other handlers and a [slog.MultiHandler] between,
//     the ids still stand once.
//   - With: attributes of [slogtrace.With] stand at the root, once, and give way to the record's own.
//
// The last two are for handlers that know of this package's marks: for a [slogtrace.JSONHandler], a [slogtrace.Handler],
// and any that keeps the rule in the simplest case, as do those with one of these two inside. Somebody else's handler that
// writes ids itself cannot know that they are there already, and is not blamed. Where the ids are not found at all, the rules
// about them are not judged, except for ids and op; in general a rule is not judged where an earlier one fails on the same program.
//
// Where a handler has ReplaceAttr and AddSource, let newHandler set them, to see them undisturbed. A ReplaceAttr may rename
// slog's own members; if it renames an id, colliding keys fails, since nothing keeps the user from the new name.
// Handlers around slog's initial one, which writes text, cannot be checked here. What makes Go itself end the program,
// such as a map that is written by two goroutines at once, ends the test.
func CheckHandler(newHandler func(io.Writer) slog.Handler) error {
	k := &checker{newHandler: newHandler, found: make(map[string]string), labels: make(map[string]string)}
	for _, check := range []func(){
		k.probe, k.derived, k.slogtest, k.currentSpan, k.unsampled, k.remoteParent, k.collidingKeys,
		k.siblings, k.recordLeftAlone, k.concurrentUse, k.spanRecords, k.nested, k.with,
	} {
		if !k.stopped {
			check()
		}
	}
	var errs []error
	for _, rule := range rules {
		if detail, ok := k.found[rule]; ok {
			errs = append(errs, &Violation{rule, detail})
		}
	}
	return errors.Join(errs...)
}

// The names of the rules, in the order of CheckHandler's doc.
const (
	ruleReturns      = "returns"
	ruleLines        = "lines"
	ruleSlogtest     = "slogtest"
	ruleIDs          = "ids"
	ruleOp           = "op"
	ruleOutside      = "outside a trace"
	ruleDerived      = "derived loggers"
	ruleRoot         = "ids at the root"
	ruleDuplicates   = "duplicate keys"
	ruleAttributes   = "attributes"
	ruleInlineGroups = "inline groups"
	ruleBuiltins     = "built-ins"
	ruleCurrentSpan  = "current span"
	ruleUnsampled    = "unsampled"
	ruleRemoteParent = "remote parent"
	ruleColliding    = "colliding keys"
	ruleSiblings     = "siblings"
	ruleRecord       = "record left alone"
	ruleConcurrent   = "concurrent use"
	ruleSpanRecords  = "span records"
	ruleNested       = "nested"
	ruleWith         = "With"
)

var rules = []string{
	ruleReturns, ruleLines, ruleSlogtest, ruleIDs, ruleOp, ruleOutside, ruleDerived, ruleRoot, ruleDuplicates,
	ruleAttributes, ruleInlineGroups, ruleBuiltins, ruleCurrentSpan, ruleUnsampled, ruleRemoteParent, ruleColliding,
	ruleSiblings, ruleRecord, ruleConcurrent, ruleSpanRecords, ruleNested, ruleWith,
}

// A checker is one call of CheckHandler.
type checker struct {
	newHandler func(io.Writer) slog.Handler
	found      map[string]string // by rule: the detail of what was found first
	stopped    bool              // there is nothing more to be learned
	names      names
	vocabulary vocabulary
	shrunk     int       // programs made small
	sound      []program // of the simple ones, those with which nothing is wrong in a span

	mu     sync.Mutex
	labels map[string]string // of ids, in each form: what they are, for violations to be read
}

// A problem is what is wrong with one line.
type problem struct {
	rule string
	what string // in plain words
	want string
	got  object // nil where there is no line
}

// report notes a problem with what code wrote, unless its rule has one already.
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

// show returns o as text, without the built-in members, with the ids by what they are.
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

// label returns v with ids by what they are, so that violations can be read, and are the same each time.
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

package tracetest

import (
	"errors"
	"io"
	"log/slog"
	"testing"
)

// A Violation is a rule of [CheckHandler] that a handler breaks.
type Violation struct {
	Rule   string // its name in the doc of CheckHandler
	Detail string // what is wrong; on further lines the smallest example found: the code, the line it gave, and what was wanted
}

func (v *Violation) Error() string { return v.Rule + ": " + v.Detail }

// TestHandler runs [CheckHandler] in a test. It reports the rules that the handler breaks as one error of t.
func TestHandler(t testing.TB, newHandler func(io.Writer) slog.Handler) {
	t.Helper()
	if err := CheckHandler(newHandler); err != nil {
		t.Errorf("the handler does not keep the rules of tracetest.CheckHandler:\n%v", err)
	}
}

// CheckHandler checks that a handler, whoever wrote it, writes the ids of a record's context as this package's handlers do.
//
// newHandler returns a new handler that writes JSON lines to the given writer. It is called many times.
// Each record must be one line, written before Handle returns or before the last span of its trace ends.
// The handler may choose the order of members and the names of the ids and of slog's own members:
// CheckHandler finds them by trying. An id may be part of a longer text, in hexadecimal. A trace id may also have
// X-Ray's form, and a span id may be decimal. A handler may write members of its own.
//
// The result is nil, or has an Unwrap method that returns a [Violation] for each broken rule, in this order:
//
//   - returns: Enabled, Handle, WithAttrs and WithGroup return, and do not panic.
//   - lines: a record of level Info is one line, which is a JSON object with the message at its root.
//   - slogtest: the handler passes package testing/slogtest, in a trace and outside.
//   - ids: a record in a span has the ids of the trace and of the span at its root.
//   - op: it also has the name of the span there.
//   - outside a trace: a record outside any trace has none of the three.
//   - derived loggers: they are also there after any calls of With and WithGroup.
//   - ids at the root: they are not in a group.
//   - duplicate keys: no key appears twice in an object.
//   - attributes: those of With, WithGroup and the record are where slog.JSONHandler puts them.
//   - inline groups: the members of a group without a key become members of the object around it, and an empty group adds
//     nothing. This also holds with With, in groups, in each other, and from a LogValuer.
//   - built-ins: time, level, message and source are the record's, and the same as outside a trace.
//   - current span: the ids and the name are those of the span in which the call is made, whatever spans the logger was
//     used in before. After SetOp the name is the new one. The same holds through [slogtrace.Logger].
//   - unsampled: the ids are also on the records of a trace that is not sampled.
//   - remote parent: under [slogtrace.ContextWithRemoteSpanContext] they are the remote ones, and no local span is named.
//   - colliding keys: if the user has a root attribute or a group under the key of an id, that key appears once and has
//     the id, and the user's value is somewhere in the line. A key that only the user writes twice does not count.
//   - siblings: two loggers derived from one do not get each other's attributes, and their parent gets neither's.
//   - record left alone: Handle changes neither the record's attributes nor the memory that its copies share.
//     A record that is handled twice, or cloned, gives the same line twice.
//   - concurrent use: loggers derived from one handler can be derived and used at once, and they never call Write
//     concurrently. Run the test under the race detector to find more.
//   - span records: the end of a span is a line with the ids once, the parent, the duration, the error and the
//     attributes, whatever their keys.
//   - nested: inside [slogtrace.NewHandler], also twice, and with other handlers and a [slog.MultiHandler] between them,
//     the ids still appear once.
//   - With: attributes of [slogtrace.With] are at the root, once, and give way to the record's own.
//
// The last two are for handlers that know this package's marks: [slogtrace.JSONHandler], [slogtrace.Handler],
// and any handler that keeps the rule in the simplest case, as those around one of these two do. Another handler that
// writes ids itself cannot know that they are already there, so it is not checked. If the ids are not found at all,
// the rules about them are not checked, except ids and op. In general a rule is not checked on a program
// that breaks an earlier rule.
//
// If a handler has ReplaceAttr and AddSource, let newHandler set them, to check that they work undisturbed. A ReplaceAttr
// may rename slog's own members. If it renames an id, colliding keys fails, since nothing keeps the user from the new name.
// Handlers around slog's initial one, which writes text, cannot be checked here. A fault that makes Go end the program,
// such as two goroutines writing to one map, ends the test.
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

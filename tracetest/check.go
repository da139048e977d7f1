package tracetest

import (
	"errors"
	"io"
	"log/slog"
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

// Package tracetest records what a program logs and traces, for its tests.
//
//	func TestBook(t *testing.T) {
//		tracetest.SequentialIDs(t)
//		rec := tracetest.Record(t)
//
//		book(t.Context(), "b-1")
//
//		want := "book\n├─ calendar.reserve\n└─ pay\n"
//		if diff := cmp.Diff(want, rec.Tree()); diff != "" {
//			t.Errorf("traces (-want +got):\n%s", diff)
//		}
//	}
//
// The traces are read back from the lines themselves, by package tracelog,
// so a test sees what a reader of the log will see.
//
// If you write a handler, or combine some, [CheckHandler] and [TestHandler] check it
// against the rules that this package's own handlers keep, and report in plain words which it breaks.
package tracetest

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A Recorder is a [slog.Handler] that keeps all records, of any level, in memory.
// It is safe for concurrent use, and so are the handlers and loggers derived from it, which keep their records in it too.
type Recorder struct {
	slog.Handler
	lines *lines
}

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

const anyLevel = slog.Level(-1 << 31)

// NewRecorder returns an empty Recorder. To use it without changing slog's default logger,
// pass it to [slogtrace.NewTracer], and to [slog.New] for the log lines.
func NewRecorder() *Recorder {
	l := new(lines)
	return &Recorder{slogtrace.NewJSONHandler(l, &slog.HandlerOptions{Level: anyLevel}), l}
}

// Record makes a new Recorder the handler of slog's default logger until the test ends, and so of all spans
// whose Tracer has no handler of its own. Tests that use it must not run in parallel.
//
// A span that was not ended has no record. Without a line or a child in it, it does not appear in a tree. To see such spans,
// set a default Tracer with LogStart ([slogtrace.SetDefault]).
func Record(t testing.TB) *Recorder {
	t.Helper()
	r := NewRecorder()
	// slog.SetDefault also redirects package log, and does not undo that.
	logger, w, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(r))
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(w)
		log.SetFlags(flags)
	})
	return r
}

// WithAttrs returns a handler that keeps its records here too.
func (r *Recorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return r
	}
	return &Recorder{r.Handler.WithAttrs(attrs), r.lines}
}

// WithGroup returns a handler that keeps its records here too.
func (r *Recorder) WithGroup(name string) slog.Handler {
	if name == "" {
		return r
	}
	return &Recorder{r.Handler.WithGroup(name), r.lines}
}

// Reset removes all records.
func (r *Recorder) Reset() {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	r.lines.buf.Reset()
}

// Lines returns the records so far, as JSON lines.
func (r *Recorder) Lines() []byte {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	return bytes.Clone(r.lines.buf.Bytes())
}

// Entries returns the records so far, including those outside any trace, in the order in which they came.
// It leaves out lines that are not valid JSON. Outside a trace the Recorder writes such lines where slog.JSONHandler does:
// for a group whose members all turn out empty, or for a year above 9999. [Recorder.Lines] has them.
func (r *Recorder) Entries() []tracelog.Entry {
	var entries []tracelog.Entry
	_, err := tracelog.Scan(bytes.NewReader(r.Lines()), "recorder", func(e tracelog.Entry) { entries = append(entries, e) })
	if err != nil {
		panic(err) // a bytes.Reader returns no error
	}
	return entries
}

// Traces returns the traces so far, in the order in which they began.
func (r *Recorder) Traces() []*tracelog.Trace {
	return tracelog.Assemble(r.Entries())
}

// Tree returns the traces so far as a text that is the same for every run in which the same things happened:
// without ids, times and durations. See [Tree].
func (r *Recorder) Tree() string { return Tree(r.Traces()...) }

// Tree returns traces as a text to compare with the one that a test wants: a line for each span, below its parent's,
// with its attributes and its error. It has no ids, times or durations. Spans are in the order in which they began.
// Those that overlap in time, whose order is chance, are sorted by op and then by attributes.
// Traces are separated by empty lines.
func Tree(traces ...*tracelog.Trace) string {
	texts := make([]string, len(traces))
	for i, t := range traces {
		var b strings.Builder
		if err := draw.Tree(&b, t, &draw.Options{Stable: true, Attrs: true}); err != nil {
			panic(err) // a strings.Builder returns no error
		}
		texts[i] = b.String()
	}
	return strings.Join(texts, "\n")
}

// Package tracetest records what a program logs and traces, for its tests to look at.
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
// so what a test sees is what a reader of the log will see.
//
// [CheckHandler] and [TestHandler] are for those who write a handler, or put some together: they check it
// against all that this package's own handlers keep, and say in plain words what it does not.
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

// A Recorder is a [slog.Handler] that keeps every record, of any level, in memory.
// It is safe for concurrent use, and so are the handlers and loggers derived from it, which keep theirs in the same place.
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

// NewRecorder returns an empty Recorder. To use it without touching slog's default logger,
// pass it to [slogtrace.NewTracer], and to [slog.New] for the log lines.
func NewRecorder() *Recorder {
	l := new(lines)
	return &Recorder{slogtrace.NewJSONHandler(l, &slog.HandlerOptions{Level: anyLevel}), l}
}

// Record makes a new Recorder the handler of slog's default logger, and so of all spans whose Tracer has none of its own,
// until the test ends. Tests that do so cannot run in parallel.
//
// A span that was not ended has no record, and without a line or a child in it no place in a tree. To see those too,
// make the default Tracer one with LogStart ([slogtrace.SetDefault]).
func Record(t testing.TB) *Recorder {
	t.Helper()
	r := NewRecorder()
	// slog.SetDefault redirects package log too, and does not undo it.
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

// Reset forgets what was recorded so far.
func (r *Recorder) Reset() {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	r.lines.buf.Reset()
}

// Lines returns what was recorded so far, as JSON lines.
func (r *Recorder) Lines() []byte {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	return bytes.Clone(r.lines.buf.Bytes())
}

// Entries returns what was recorded so far, those outside any trace among it, in the order in which it came.
// Left out is a line that is no valid JSON. Outside a trace the sink is true to slog.JSONHandler even there:
// a group whose members all turn out empty, or a year above 9999, spoils its line. [Recorder.Lines] has it.
func (r *Recorder) Entries() []tracelog.Entry {
	var entries []tracelog.Entry
	_, err := tracelog.Scan(bytes.NewReader(r.Lines()), "recorder", func(e tracelog.Entry) { entries = append(entries, e) })
	if err != nil {
		panic(err) // a bytes.Reader returns none
	}
	return entries
}

// Traces returns the traces recorded so far, in the order in which they began.
func (r *Recorder) Traces() []*tracelog.Trace {
	return tracelog.Assemble(r.Entries())
}

// Tree returns the traces recorded so far as a text that is the same for every run in which the same things happened:
// without ids, times and durations. See [Tree].
func (r *Recorder) Tree() string { return Tree(r.Traces()...) }

// Tree returns traces as a text to be compared with the one that a test wants: a line for each span, its parent's above it,
// with its attributes and its error. It has no ids, times or durations. Spans stand in the order in which they began;
// those that overlap in time, whose order is chance, by op and then by attributes. Traces are separated by empty lines.
func Tree(traces ...*tracelog.Trace) string {
	texts := make([]string, len(traces))
	for i, t := range traces {
		var b strings.Builder
		if err := draw.Tree(&b, t, &draw.Options{Stable: true, Attrs: true}); err != nil {
			panic(err) // a strings.Builder returns none
		}
		texts[i] = b.String()
	}
	return strings.Join(texts, "\n")
}

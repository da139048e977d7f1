package export

import (
	"bufio"
	"io"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/tracelog"
)

// Options are the options of all formats. Nil means the defaults.
type Options struct {
	// Logs also writes the log lines of spans: as events in OTLP and for Chrome, as annotations for Zipkin. CSV has no place
	// for them. Lines that name no span are not written.
	Logs bool

	// Columns are the keys of attributes that get columns of their own in CSV.
	Columns []string
}

// Counts are numbers of what a Writer has written and left out.
type Counts struct {
	Traces, Spans, Lines int

	Unfinished   int // how many of Spans have not ended
	LeftOut      int // spans without a start
	LinesLeftOut int // log lines of spans that have more than OTLP's limit of events, 128
}

// A Writer writes traces in one format. It is not safe for concurrent use.
type Writer struct {
	format format
	opts   Options
	counts Counts
}

// A format writes traces. The spans of a trace are those of Writer.spans.
type format interface {
	trace(w *Writer, t *tracelog.Trace) error
	close() error
}

func newWriter(f format, opts *Options) *Writer {
	w := &Writer{format: f}
	if opts != nil {
		w.opts = *opts
	}
	return w
}

// Trace writes a trace. Its error is the one of the underlying writer.
func (w *Writer) Trace(t *tracelog.Trace) error {
	w.counts.Traces++
	return w.format.trace(w, t)
}

// Close writes the end of the document, and what is still buffered. It does not close the underlying writer.
func (w *Writer) Close() error { return w.format.close() }

// Counts returns the numbers so far.
func (w *Writer) Counts() Counts { return w.counts }

// spans yields the spans of a trace that can be written, parents first, and counts them.
func (w *Writer) spans(t *tracelog.Trace) func(yield func(*tracelog.Span) bool) {
	return func(yield func(*tracelog.Span) bool) {
		for _, s := range t.All() {
			switch {
			case s.External:
				continue
			case s.Start.IsZero():
				w.counts.LeftOut++
				continue
			case s.State != tracelog.Ended:
				w.counts.Unfinished++
			}
			w.counts.Spans++
			if !yield(s) {
				return
			}
		}
	}
}

// logs returns the log lines of a span that Options ask for, and counts them as written.
func (w *Writer) logs(s *tracelog.Span) []tracelog.Entry {
	if !w.opts.Logs {
		return nil
	}
	w.counts.Lines += len(s.Logs)
	return s.Logs
}

// A list writes a JSON array, or an object that ends with one, element by element, each on a line.
type list struct {
	w           *bufio.Writer
	begin, end  string
	begun, some bool
	b           []byte
}

func newList(w io.Writer, begin, end string) *list {
	return &list{w: bufio.NewWriterSize(w, 64<<10), begin: begin, end: end}
}

// add writes an element, which is JSON.
func (l *list) add(element []byte) error {
	sep := ",\n"
	if !l.some {
		sep = l.head() + "\n"
	}
	l.some = true
	l.w.WriteString(sep)
	l.b = graphic.AppendJSON(l.b[:0], element)
	_, err := l.w.Write(l.b)
	return err
}

// head returns begin at the first call, then "".
func (l *list) head() string {
	if l.begun {
		return ""
	}
	l.begun = true
	return l.begin
}

func (l *list) close() error {
	l.w.WriteString(l.head() + "\n" + l.end + "\n")
	return l.w.Flush()
}

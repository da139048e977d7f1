package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// A job is a piece of work that subjects do, each in its own way.
// To add one, write a function that returns it in a file of its own, and list it in jobs.
type job struct {
	name     string
	title    string   // what one op is
	notes    []string // said below its table
	tools    []tool   // in the order of its rows
	subjects func(tool) []subject
	bare     string                                             // the name of the subject that is taken off each of the others, if any
	opts     slog.HandlerOptions                                // of the handlers that have such options
	sink     func() (w io.Writer, after, end func(), err error) // nil: io.Discard; after a batch, and at the end
	want     want
	changes  bool // once it is open, the rest of the process is not as it was: it must be the last job
	workers  int  // goroutines that share the ops; 0 is one, the measuring one

	// often is how many times the job is opened, where a gate is as near as the noise: each time anew, and with as many
	// short turns as other jobs have in all; 0 is one. For as long as a subject is open, it is faster or slower
	// for what came to lie where in memory. A copy of the floor was up to 2 % off.
	often int
}

// jobs returns all jobs, those with gates first.
func jobs() []job {
	list := slices.Concat(recordJobs(), valueJobs(), spanJobs(), headerJobs(), payloadJobs(), requestJobs(), presetJobs(), redactJobs(), tailJobs(), httpJobs(), sqlJobs(), otlpJobs(), disabledJobs(), extraJobs(), apiJobs())
	for i := range list {
		// Not each tool exists on each system.
		list[i].tools = slices.DeleteFunc(list[i].tools, func(t tool) bool { return t.open == nil })
	}
	return list
}

// jobNames returns the names of all jobs, in their order.
func jobNames() (names []string) {
	for _, j := range jobs() {
		names = append(names, j.name)
	}
	return names
}

// want is what one op leaves behind, for the check that a subject does its job before it is measured.
type want struct {
	lines   int // log lines, without those that end a span
	perSpan int // where each op has a new span: its lines
	ends    int // ended spans: a line each, or an exported span
	roots   int // of the ends, those whose parent is the remote one; the others are its children

	group string            // that is open on the logger
	attrs map[string]string // of every log line, with the group's name in front
	end   map[string]string // of every end
}

// handlerOf returns the slog handler that writes the lines of t in j, if there are any.
func (j job) handlerOf(t tool) *judged {
	if j.want.lines == 0 {
		return nil
	}
	return t.judged
}

// A subject is one way to do a job: a row of its table.
type subject struct {
	name  string // unique in its job
	floor string // the name of the subject of the job that its ratio is over
	open  func(*session) work
}

// work does a job many times.
type work struct {
	run     func(n int)
	prepare func(n int)  // before run, not measured
	check   func() error // for jobs that write nothing: whether run does its job
}

// each makes work of one op. The call of a closure costs about a nanosecond.
func each(op func()) work {
	return work{run: func(n int) {
		for range n {
			op()
		}
	}}
}

// A tool is what a service would log and trace with.
type tool struct {
	name string
	peer string // a key of peers; "" is the standard library
	ids  keys
	ends ends
	// spansPerEnd is how many spans it reports where the job wants one end; 0 is one.
	spansPerEnd int
	// exportsLines says that records go to the session's exporter, and count there.
	exportsLines bool
	decodeSpans  func([]byte) ([]span, error) // of what was written to sink.spans
	slog         bool                         // its lines are made with a *slog.Logger, so there are two calls
	judged       *judged                      // the slog.Handler of these lines, and what the kit says of it
	note         string
	// approximate says why the number of allocations may differ between runs, where its mean is near to a half.
	approximate string
	unsteady    bool // the mean itself differs between runs, of ops that end spans
	open        func(*sink) (*session, error)
}

// endsOf returns how many spans t reports in an op of j.
func (j job) endsOf(t tool) int { return j.want.ends * max(t.spansPerEnd, 1) }

// keys are the names of the ids on a tool's lines. With an empty trace it has none.
type keys struct {
	trace, span string
	inGroup     bool                       // known to stand in an open group, not at the root
	spanID      func(string) string        // turns the span's into hex, if it is another form
	decode      func([]byte) (line, error) // nil: lines as slog writes them
}

// ends says how a tool reports that a span has ended.
type ends int

const (
	endsAsLines  ends = iota // without being a span: the tool makes none
	endsAreSpans             // lines again, which say so
	endsExported             // to an exporter
)

// A sink is where the output of a tool goes.
type sink struct {
	lines io.Writer
	spans io.Writer // of exporters that write
	opts  slog.HandlerOptions
	seen  *seen // nil while measured
}

// A session is an open tool. What it cannot do is nil.
type session struct {
	logger *slog.Logger
	ctx    context.Context        // in a span
	at     ids                    // that span's, as far as the lines say them
	fresh  func() context.Context // in a new span

	line    func()            // a record with 3 attrs, where there is no slog.Logger
	grouped func()            // the same in a group, with 2 attrs bound
	debug   func(n int)       // n records of a disabled level
	end     func(c call)      // a line as at the end of a span, without one
	child   func(attrs int)   // start and end of a child of the span in ctx
	request func(log logFunc) // J4

	database  *database    // in ctx's span
	exchange  func()       // a request, out and in
	exchanged func() error // whether it was, where nothing is reported
	export    func()       // a batch of spans that have ended, children of the span in ctx, to the exporter

	flush    func()       // whatever waits is done
	pace     int          // ops, or lines that are exported, after which it has to flush, or it would lose some; 0: none
	exported func() int64 // spans, or records, that the exporter was given
	close    func()
}

// ids are those of a span, in lower-case hex.
type ids struct{ trace, span string }

// call is the method of slog.Logger that makes a line.
type call string

const (
	info  call = "InfoContext"
	attrs call = "LogAttrs"
	typed call = "typed" // the methods of a logger that is not slog's
)

// calls returns the calls of a tool.
func (t tool) calls() []call {
	if t.slog {
		return []call{info, attrs}
	}
	return []call{typed}
}

// row names the subject of a tool and a call.
func row(t tool, c call) string {
	if c == typed {
		return t.name
	}
	return fmt.Sprintf("%s, %s", t.name, c)
}

// floorOf names the floor of a call: with the same call, and the cheaper one for loggers that are not slog's.
func floorOf(c call) string {
	if c == typed {
		c = attrs
	}
	return row(prebound, c)
}

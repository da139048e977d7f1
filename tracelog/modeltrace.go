package tracelog

import (
	"fmt"
	"iter"
	"strconv"
	"time"
)

// A Trace holds the spans and lines of one trace id.
type Trace struct {
	ID string

	// Roots are the spans without a parent here, in the order of [Span.Children]. There may be several, if parts of
	// the trace come from different logs or parents were lost.
	Roots []*Span

	// Logs are the lines with the trace's id and no span id, ordered as [Span.Logs].
	Logs []Entry

	// Start and End are the first and the last moment of any span or line; zero if no line has a time.
	Start, End time.Time

	Spans    int      // how many spans
	Errors   int      // how many of them failed
	Services []string // of all spans and lines, sorted, without ""

	// Problems lists what is wrong with the trace's spans, in the order of All.
	Problems []Problem

	// Duplicates is how many start and end records were left out: those with the same content as another record of
	// their span, and start records of a span whose content differs from its first.
	Duplicates int

	asOf    time.Time // the moment given to AsOf
	entries int       // how many entries the trace was assembled from: all with its id
}

// Duration is the time from Start to End.
func (t *Trace) Duration() time.Duration { return t.End.Sub(t.Start) }

// All yields every span of the trace with its depth, which is 0 for a root. Parents come before their children, and
// children in order. It does not recurse.
func (t *Trace) All() iter.Seq2[int, *Span] {
	return func(yield func(int, *Span) bool) {
		stack := [][]*Span{t.Roots}
		for len(stack) > 0 {
			top := len(stack) - 1
			if len(stack[top]) == 0 {
				stack = stack[:top]
				continue
			}
			s := stack[top][0]
			stack[top] = stack[top][1:]
			if !yield(top, s) {
				return
			}
			stack = append(stack, s.Children)
		}
	}
}

// A Span is one operation.
type Span struct {
	ID       string
	ParentID string // as in the records, whether or not Parent is that span
	// ParentKind is "external" if the parent is a span of another tracing system. Its record need not be in the logs:
	// that is not a Problem.
	ParentKind string
	Op         string // of its record, else of the last of its lines that has one
	Kind       string
	Service    string // of its record, else of the first of its lines that has one

	State State

	// Failed is what the span's record reports. In a trace without any end record, from loggers that have none, a
	// span without a start record has failed if one of its lines is at level Error or above. Error is then the first
	// such line's message.
	Failed bool
	mark   int32 // of a step of Assemble
	Error  string
	Stack  string

	// Start is zero if nothing has a time. If the span is known only from log lines, Start is the first line's time:
	// the span began then or earlier.
	Start time.Time
	// End is Start plus Duration, which comes from a monotonic clock. Both are zero for an unfinished span.
	End      time.Time
	Duration time.Duration
	Queued   time.Duration

	// Weight is how many spans this one represents: 1 divided by its sample rate if it has one, else 1; at most 1e9. It
	// is 0 for a span that was written although its trace is not sampled. That span was written only because something
	// failed, so counting it would make failures look more frequent than they are. The sampled spans represent it.
	Weight float64

	// Attrs are those of the end record, else of the start record. A span known only from log lines has none.
	Attrs []Attr
	Links []Link

	// Logs are the span's log lines by time, then by file and line. Lines without a time are last. Lines that have a
	// time and are the same byte for byte appear once; see [Entry.Copies].
	Logs []Entry

	// StartRecord and EndRecord are the records that the span was made from. Either may be nil. They point into the
	// entries given to Assemble.
	StartRecord, EndRecord *Entry

	// Shift is what must be added to Start and End, and to the times of Logs, to make the span fit its parent where
	// the clocks of two services disagree. It is decided from the roots down:
	//
	//   - A root has no shift.
	//   - A span of the same service as its parent has its parent's shift. So has a span if either service is not known.
	//   - A span of another service that starts before its parent is moved to start with it, since correct clocks
	//     cannot show that.
	//   - A span of another service that ends after its parent, although it lasted no longer, is moved to end with it.
	//     It is not moved if it may well run later: its kind is consumer, it waited in a queue, or its parent's kind
	//     is producer.
	//   - All others have no shift.
	//
	// "Starts" and "ends" of a parent include the parent's own Shift. A parent known only from log lines may have
	// begun before them, so it moves nothing. A difference of more than a day is not attributed to clocks. Start, End
	// and the trace's Start and End stay as recorded. [Span.Interval] includes the shift.
	Shift time.Duration

	// Parent is nil for a root. Otherwise the span is among its Parent's Children.
	Parent *Span
	// Children are ordered by Start, then by Op and by ID. Those without a Start are last.
	Children []*Span

	// External reports that the span is another tracing system's: it has no record, and a child's ParentKind is "external".
	// It does not count as unfinished.
	External bool

	missingParent bool
	cycleBroken   bool
	conflicting   bool
	duplicates    int32 // how many further start and end records have the content of the first by time, or are further start records

	rare *rareSpan // nil for most
}

// rareSpan is what few spans need. There may be a million spans, and each has room for whatever is in Span.
type rareSpan struct {
	until time.Time        // without an end record: the end of Interval
	twins map[uint64]*Span // the spans of the same ID, by the content of their end records, while a trace is assembled
}

// rarely returns the fields that few spans have.
func (s *Span) rarely() *rareSpan {
	if s.rare == nil {
		s.rare = new(rareSpan)
	}
	return s.rare
}

// A State tells what is known of a span's end.
type State uint8

const (
	// Ended: there is an end record.
	Ended State = iota
	// Unfinished: there is neither a start nor an end record, only log lines. The span may still be running, or its
	// end is in another log. The latter is usual for the span at the other end of a queue or a request, whose id is
	// on lines before the first span here.
	Unfinished
	// Open: there is a start record and no end, and there was a recent sign of the span: see [Trace.AsOf].
	Open
	// Abandoned: there is a start record and no end, and the logs continued for more than five minutes without a sign
	// of the span, as when its process is gone.
	Abandoned
)

func (s State) String() string {
	switch s {
	case Ended:
		return "ended"
	case Unfinished:
		return "unfinished"
	case Open:
		return "open"
	case Abandoned:
		return "abandoned"
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// A Problem is something wrong in a trace that Assemble worked around.
type Problem struct {
	Kind ProblemKind
	Span *Span
}

// A ProblemKind is what is wrong with a span.
type ProblemKind uint8

const (
	// MissingParent: no line in the trace belongs to the span ParentID, so the span is a root.
	MissingParent ProblemKind = iota
	// CycleBroken: the span would be its own ancestor, so it was made a root. It is the first span of the cycle in
	// order.
	CycleBroken
	// DuplicateRecords: the span has further start or end records, all with the same content, as from a shipper that
	// resends what may have been lost.
	DuplicateRecords
	// ConflictingRecords: there are end records of the span's ID with different content, and so several spans of that
	// ID, or start records with different content.
	ConflictingRecords
)

func (k ProblemKind) String() string {
	switch k {
	case MissingParent:
		return "missing parent"
	case CycleBroken:
		return "parent cycle"
	case DuplicateRecords:
		return "duplicate records"
	case ConflictingRecords:
		return "conflicting records"
	}
	return "ProblemKind(" + strconv.Itoa(int(k)) + ")"
}

func (p Problem) String() string {
	return fmt.Sprintf("span %q: %s", p.Span.ID, p.Kind)
}

package draw

import "time"

// Options control how [Tree] and [Waterfall] show a trace. The zero value is the default.
type Options struct {
	// Width is how many columns a line has. It is 100 if it is less than 1, and never less than 40. A tree that is
	// very deep or has very long names may be wider. A waterfall has 1000 columns at most.
	Width int
	// Color adds ANSI colours to failures, warnings and services, and to the critical path.
	Color bool
	// ASCII draws with ASCII only. Other characters in names and messages become question marks.
	ASCII bool
	// Logs also shows log lines, each at its time among the children of its span.
	Logs bool
	// Attrs shows the attributes, kind and links of spans, and the attributes of log lines. A span's attribute is
	// left out if the parent span has it with the same value. A line's attribute is left out if its span has it with
	// the same value.
	Attrs bool
	// Stacks shows the stack of a span that panicked.
	Stacks bool
	// Fold draws five or more siblings that look alike as one row, with their number, the sum of their durations and
	// percentiles. Siblings look alike if they have the same operation apart from numbers and ids in it, service, kind,
	// state and error, and children that look alike, however many. So a span that failed, or that has a failure below it,
	// is not in one row with those that have none. The log lines of folded spans are counted, not shown. In a waterfall,
	// Fold also shortens the times in which no span runs, if they are more than ten times as long as those in which one
	// does: the axis has a mark there.
	Fold bool
	// Depth, if it is 1 or more, is how many levels of spans are drawn. The last one tells how many spans are below.
	Depth int
	// Failed draws only the spans that failed, and those above them.
	Failed bool
	// Location is the time zone of the first line; nil is UTC.
	Location *time.Location
	// Stable leaves out everything that differs from run to run: ids, times, durations, stacks and the first line.
	// Nothing is wrapped or shortened. Siblings are ordered by their start. Those that overlap in time (or overlap
	// with one that overlaps, and so on) or start at the same time are ordered by op, then by attributes, then by all
	// other differences. An unfinished span overlaps with all that start after it. Log lines are before the children,
	// in order of time. Waterfall ignores it.
	Stable bool
}

const (
	defaultWidth = 100
	minWidth     = 40
	maxWidth     = 1000 // of a waterfall
	notesWidth   = 36   // how much the tree reserves for notes, if there are any

	maxText  = 1000 // runes of a message or an error
	maxName  = 80   // of an operation, a service, an id, a key
	maxValue = 200  // of an attribute's value
	maxAttrs = 60   // attributes of one span or line
	maxStack = 60   // lines of a stack
)

// orDefault returns the options with a width within bounds. o may be nil.
func (o *Options) orDefault() Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Width < 1 {
		opts.Width = defaultWidth
	}
	opts.Width = max(opts.Width, minWidth)
	return opts
}

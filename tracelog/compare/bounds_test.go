package compare

import (
	"fmt"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// finished returns the record of a span of 1 ms.
func finished(trace, span, parent, op string) tracelog.Entry {
	return tracelog.Entry{
		Trace: trace, Span: span, Parent: parent, Op: op, Event: tracelog.EventEnd, Start: epoch, Duration: time.Millisecond,
	}
}

// A deep trace has short paths: they would take memory with the square of the depth.
func TestDeepTrace(t *testing.T) {
	const depth = 5000
	var entries []tracelog.Entry
	for i := range depth {
		parent := ""
		if i > 0 {
			parent = fmt.Sprint(i)
		}
		entries = append(entries, finished("t", fmt.Sprint(i+1), parent, fmt.Sprintf("op%02d", i%7)))
	}
	trace := tracelog.Assemble(entries)[0]
	var d Data
	d.Add(Before, trace)
	d.Add(After, trace)
	r := d.Compare(&Options{Single: true})
	deepest := 0
	for _, row := range r.Rows {
		deepest = max(deepest, len(row.Path))
	}
	if deepest != maxDepth || r.Spans != [2]int{depth, depth} || len(r.Rows) > maxDepth+7 {
		t.Errorf("%d spans of %d paths, the deepest with %d operations", r.Spans, len(r.Rows), deepest)
	}
}

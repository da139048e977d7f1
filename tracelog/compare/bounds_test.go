package compare

import (
	"fmt"
	"slices"
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
	r := compared(&d, &Options{Single: true})
	deepest := 0
	for _, row := range r.Rows {
		deepest = max(deepest, len(row.Path))
	}
	if deepest != maxDepth || r.Spans != [2]int{depth, depth} || len(r.Rows) > maxDepth+7 {
		t.Errorf("%d spans of %d paths, the deepest with %d operations", r.Spans, len(r.Rows), deepest)
	}
}

// Operations with ids in their names are as many as traces. Those that most traces have are compared, the others are counted.
func TestManyOperations(t *testing.T) {
	const traces = 2500
	var d Data
	for side := range 2 {
		for i := range traces {
			id := fmt.Sprintf("%d-%d", side, i)
			d.Add(Side(side), tracelog.Assemble([]tracelog.Entry{
				finished(id, "1", "", "GET /"), finished(id, "2", "1", "query "+id), finished(id, "3", "1", "commit"),
			})[0])
		}
	}
	r := compared(&d, nil)
	if len(r.Rows) != maxRows {
		t.Errorf("%d rows", len(r.Rows))
	}
	if dropped := r.Left[0].Dropped + r.Left[1].Dropped; dropped != 2*traces-(maxRows-2) {
		t.Errorf("%d spans left out", dropped)
	}
	for _, op := range []string{"GET /", "commit"} {
		if i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Op == op }); i < 0 || r.Rows[i].Spans != [2]int{traces, traces} {
			t.Errorf("%s is in row %d", op, i)
		}
	}
}

package clickhouse

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A batch holds lines that are text until it is known to which traces they belong. Their text may have the ids of other
// traces too, for which another query is sent: without this, such a line would be returned by both.
type batch struct {
	traces backend.Trace
	shape  *tracelog.Shape
	lines  []byte
	times  []time.Time
}

// maxBatch is about how many bytes are examined at once.
const maxBatch = 1 << 20

// tracesOf returns the traces whose lines a condition wants, and reports whether it wants those of certain traces.
func tracesOf(c backend.Cond) (backend.Trace, bool) {
	switch c := c.(type) {
	case backend.Trace:
		return c, true
	case backend.All:
		for _, inner := range c {
			if t, ok := tracesOf(inner); ok {
				return t, true
			}
		}
	}
	return backend.Trace{}, false
}

func (b *batch) add(line []byte, at time.Time) {
	b.lines = append(append(b.lines, line...), '\n')
	b.times = append(b.times, at)
}

// flush calls fn with the lines of the traces, and empties the batch.
func (b *batch) flush(fn func(line []byte, at time.Time) error) error {
	ours := make([]bool, len(b.times)+1) // by the number of the line
	_, err := tracelog.ScanLines(bytes.NewReader(b.lines), "", &tracelog.LineOptions{Shape: b.shape}, func(e tracelog.Entry) {
		if e.Line < len(ours) && b.wants(e.Trace) {
			ours[e.Line] = true
		}
	})
	if err != nil {
		return err
	}
	number := 0
	for line := range bytes.Lines(b.lines) {
		if number++; ours[number] {
			if err := fn(bytes.TrimSuffix(line, []byte{'\n'}), b.times[number-1]); err != nil {
				return err
			}
		}
	}
	b.lines, b.times = b.lines[:0], b.times[:0]
	return nil
}

func (b *batch) wants(id string) bool {
	switch {
	case id == "":
		return false
	case b.traces.Prefix:
		return slices.ContainsFunc(b.traces.IDs, func(prefix string) bool { return strings.HasPrefix(id, prefix) })
	case b.traces.Suffix:
		return slices.ContainsFunc(b.traces.IDs, func(suffix string) bool { return strings.HasSuffix(id, suffix) })
	}
	return slices.Contains(b.traces.IDs, id)
}

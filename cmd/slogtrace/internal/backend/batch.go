package backend

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A Batch holds lines that a store keeps as text until it is known to which traces they belong. Their text may have the ids of
// other traces too, for which another query is sent: without this, such a line would be returned by both.
type Batch struct {
	traces Trace
	shape  *tracelog.Shape
	write  func(line []byte, at time.Time) error
	lines  []byte
	times  []time.Time
}

// maxBatch is about how many bytes are examined at once.
const maxBatch = 1 << 20

// NewBatch returns a Batch that calls write with the lines of the traces that a condition wants. It returns nil if the
// condition does not want those of certain traces. Shape may be nil.
func NewBatch(c Cond, shape *tracelog.Shape, write func(line []byte, at time.Time) error) *Batch {
	traces, ok := tracesOf(c)
	if !ok {
		return nil
	}
	return &Batch{traces: traces, shape: shape, write: write}
}

// tracesOf returns the traces whose lines a condition wants, and reports whether it wants those of certain traces.
func tracesOf(c Cond) (Trace, bool) {
	switch c := c.(type) {
	case Trace:
		return c, true
	case All:
		for _, inner := range c {
			if t, ok := tracesOf(inner); ok {
				return t, true
			}
		}
	}
	return Trace{}, false
}

// Add adds a line of a time. It has no newline.
func (b *Batch) Add(line []byte, at time.Time) error {
	b.lines = append(append(b.lines, line...), '\n')
	b.times = append(b.times, at)
	if len(b.lines) < maxBatch {
		return nil
	}
	return b.Flush()
}

// Flush writes the lines that have been added. It must be called after the last one.
func (b *Batch) Flush() error {
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
			if err := b.write(bytes.TrimSuffix(line, []byte{'\n'}), b.times[number-1]); err != nil {
				return err
			}
		}
	}
	b.lines, b.times = b.lines[:0], b.times[:0]
	return nil
}

func (b *Batch) wants(id string) bool {
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

package draw

import (
	"math"
	"math/bits"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A chart is where the bars of a waterfall are drawn.
type chart struct {
	start  time.Time // of the axis; zero if nothing has a time
	length time.Duration
	drawn  time.Duration // the length of the axis as drawn: without what gaps are shortened by
	gaps   []idleTime    // the shortened ones, in order
	gap    time.Duration // the length of each of them as drawn

	column, width int // of a line

	// The critical path: the segments of each span are next to each other.
	segments []tracelog.Segment
	path     map[*tracelog.Span]segmentRange
}

// A segmentRange is the segments of a span: those from one index to another.
// Both are one more than in the slice, so that the zero value is none.
type segmentRange struct{ from, to int32 }

// newChart measures a trace as it will be drawn.
func newChart(t *tracelog.Trace) *chart {
	c := &chart{path: make(map[*tracelog.Span]segmentRange)}
	start, end := t.Interval()
	c.start, c.length, c.drawn = start, end.Sub(start), end.Sub(start)
	path := tracelog.CriticalPath(t)
	for _, seg := range path {
		r := c.path[seg.Span]
		r.to++
		c.path[seg.Span] = r
	}
	c.segments = make([]tracelog.Segment, len(path))
	next := int32(0)
	for _, seg := range path {
		r := c.path[seg.Span]
		if r.from == 0 { // the first of the span: so far, to is how many there are
			n := r.to
			r = segmentRange{next + 1, next + 1}
			next += n
		}
		c.segments[r.to-1] = seg
		r.to++
		c.path[seg.Span] = r
	}
	return c
}

// onPath returns the segments of a span, in order.
func (c *chart) onPath(s *tracelog.Span) []tracelog.Segment {
	r, ok := c.path[s]
	if !ok {
		return nil
	}
	return c.segments[r.from-1 : r.to-1]
}

// share is the position of a moment on the axis, from 0 to 1.
func (c *chart) share(at time.Time) float64 {
	if c.drawn <= 0 {
		return 0
	}
	return min(max(float64(c.place(at))/float64(c.drawn), 0), 1)
}

// A cell is one column of a bar: what is in each of its eighths. The leftmost is the lowest bit.
type cell struct{ path, bar, queued, tail uint8 }

// eighth is the index of the eighth of a column that a moment falls into, counted over the whole chart.
func (c *chart) eighth(at time.Time) int { return int(math.Round(c.share(at) * float64(8*c.width))) }

// fill calls set for each cell from one eighth to another. It fills at least one eighth.
func fill(cells []cell, from, to int, set func(c *cell, eighths uint8)) {
	from = min(from, 8*len(cells)-1)
	to = max(to, from+1)
	for i := from / 8; i <= (to-1)/8; i++ {
		low, high := max(from-8*i, 0), min(to-8*i, 8)
		set(&cells[i], uint8(1<<high-1<<low))
	}
}

// bar draws spans in one line: one, or those of a fold, of which all have failed or none has.
func (c *chart) bar(spans []*tracelog.Span) text {
	if c.start.IsZero() {
		return nil
	}
	cells := make([]cell, c.width)
	tail := ' '
	for _, s := range spans {
		if t := c.add(cells, s); t != ' ' {
			tail = t
		}
	}
	return c.draw(cells, tail, spans[0].Failed)
}

// add adds a span to the cells of a line. It returns what is drawn after its end.
func (c *chart) add(cells []cell, s *tracelog.Span) (tail rune) {
	tail = ' '
	if s.Start.IsZero() {
		return tail
	}
	start, end := s.Interval()
	from, to := c.eighth(start), c.eighth(end)
	if s.Queued > 0 {
		if sent := c.eighth(start.Add(-s.Queued)); sent < from {
			fill(cells, sent, from, func(c *cell, e uint8) { c.queued |= e })
		}
	}
	fill(cells, from, to, func(c *cell, e uint8) { c.bar |= e })
	onPath, segments := false, c.onPath(s)
	for i, seg := range segments {
		from, to := c.eighth(seg.Start), c.eighth(seg.End)
		// A part that is too short to be seen is shown if nothing else of the span can be seen.
		if from < to || i == len(segments)-1 && !onPath {
			fill(cells, from, to, func(c *cell, e uint8) { c.path |= e })
			onPath = true
		}
	}
	if last := (max(to, from+1) + 7) / 8; s.State != tracelog.Ended && last < len(cells) {
		until := last + 1
		switch s.State {
		case tracelog.Open:
			tail, until = '┄', len(cells)
		case tracelog.Abandoned:
			tail = '×'
		default:
			tail = '┄'
		}
		fill(cells, 8*last, 8*until, func(c *cell, e uint8) { c.tail |= e })
	}
	return tail
}

// draw draws the cells of a line.
func (c *chart) draw(cells []cell, tail rune, failed bool) text {
	thick, thin := styleCyan, styleDim
	if failed {
		thick, thin = styleRed, styleRed
	}
	var t text
	for _, cell := range cells {
		switch {
		case cell.path != 0:
			t = append(t, column{blocks(cell.path), thick})
		case cell.bar&0x0f != 0 && cell.bar&0xf0 != 0:
			t = append(t, column{'━', thin})
		case cell.bar&0x0f != 0:
			t = append(t, column{'╸', thin})
		case cell.bar != 0:
			t = append(t, column{'╺', thin})
		case cell.tail != 0:
			t = append(t, column{tail, styleYellow})
		case cell.queued != 0:
			t = append(t, column{'░', styleYellow})
		default:
			t = append(t, column{' ', styleNone})
		}
	}
	return t
}

// blocks returns the block character that is closest to some eighths of a column. Many characters begin on the left,
// but only two end on the right.
func blocks(eighths uint8) rune {
	n := bits.OnesCount8(eighths)
	switch {
	case eighths&1 != 0 || eighths&0x80 == 0 || n >= 7:
		return []rune("▏▎▍▌▋▊▉█")[n-1]
	case n >= 3:
		return '▐'
	}
	return '▕'
}

package draw

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// An idleTime is a time on the axis in which no span runs, and which is drawn shorter than it is.
type idleTime struct {
	from, to time.Time
	before   time.Duration // how much of the axis is before it, as drawn
}

const (
	longGap    = 10 // how many times as long as the time in which a span runs a gap is
	gapColumns = 3  // of a gap, as drawn
)

// foldGaps shortens the long gaps of the axis. The chart's width must be known.
func (c *chart) foldGaps(t *tracelog.Trace) {
	if c.start.IsZero() || c.length <= 0 {
		return
	}
	type interval struct{ start, end time.Time }
	runs := make([]interval, 0, t.Spans)
	for _, s := range t.All() {
		if start, end := s.Interval(); !start.IsZero() {
			runs = append(runs, interval{start, end})
		}
	}
	slices.SortFunc(runs, func(a, b interval) int { return a.start.Compare(b.start) })
	busy := time.Duration(0)
	var idle []idleTime
	end := c.start
	for _, r := range runs {
		if r.start.After(end) {
			idle = append(idle, idleTime{from: end, to: r.start})
			end = r.start
		}
		if r.end.After(end) {
			busy += r.end.Sub(end)
			end = r.end
		}
	}
	if last := c.start.Add(c.length); last.After(end) {
		idle = append(idle, idleTime{from: end, to: last})
	}
	kept := c.length
	for _, g := range idle {
		if length := g.to.Sub(g.from); busy > 0 && length/longGap > busy {
			c.gaps = append(c.gaps, g)
			kept -= length
		}
	}
	// If there are many they share half of the axis.
	columns := min(float64(gapColumns), float64(c.width)/2/float64(max(len(c.gaps), 1)))
	c.gap = max(1, time.Duration(float64(kept)*columns/(float64(c.width)-columns*float64(len(c.gaps)))))
	c.drawn = kept + c.gap*time.Duration(len(c.gaps))
	at, end := time.Duration(0), c.start
	for i := range c.gaps {
		g := &c.gaps[i]
		at += g.from.Sub(end)
		g.before, end = at, g.to
		at += c.gap
	}
}

// place is where a moment is on the axis, as drawn.
func (c *chart) place(at time.Time) time.Duration {
	n, _ := slices.BinarySearchFunc(c.gaps, at, func(g idleTime, at time.Time) int { return g.from.Compare(at) })
	if n == 0 {
		return at.Sub(c.start)
	}
	g := &c.gaps[n-1] // which began before at
	if at.After(g.to) {
		return g.before + c.gap + at.Sub(g.to)
	}
	return g.before + time.Duration(float64(at.Sub(g.from))/float64(g.to.Sub(g.from))*float64(c.gap))
}

// ticks writes the axis: after the legend, a tick at round times since the trace began, and after a gap since the end of
// the gap, which has a mark.
func (p *printer) ticks() {
	c := p.chart
	if c.start.IsZero() {
		return
	}
	legend := p.legend()
	if len(legend) > c.column-2 {
		p.paragraph(nil, nil, legend, 2)
		legend = nil
	}
	t := legend.pad(c.column)
	step := tickStep(time.Duration(float64(c.drawn) / float64(c.width) * tickColumns))
	from := c.start
	for i := 0; i <= len(c.gaps); i++ {
		to := c.start.Add(c.length)
		if i < len(c.gaps) {
			to = c.gaps[i].from
		}
		room := p.Width
		if i < len(c.gaps) {
			room = c.columnOf(to)
		}
		for at := time.Duration(0); at <= to.Sub(from); at += step {
			column, label := c.columnOf(from.Add(at)), "╷"+formatDuration(from.Add(at).Sub(c.start))
			if column+utf8.RuneCountInString(label) > room {
				break
			}
			t = t.pad(column).add(styleDim, label)
			if at > to.Sub(from)-step {
				break // before at overflows
			}
		}
		if i < len(c.gaps) {
			from = c.gaps[i].to
			if n := c.columnOf(from) - room; n > 0 {
				t = t.pad(room).add(styleDim, strings.Repeat("╱", n))
			}
		}
	}
	p.line(t)
}

// columnOf is the column of a line in which a moment is.
func (c *chart) columnOf(at time.Time) int { return c.column + int(float64(c.width)*c.share(at)) }

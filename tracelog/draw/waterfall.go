package draw

import (
	"bufio"
	"io"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Waterfall writes a trace as Tree does, with a bar for each span on a common time axis:
//
//	trace 4bf92f3577b34da6 · 2026-03-01 09:15:00.000Z · 318.4ms · 3 spans
//	  2 errors · api
//	█ critical path  ━ beside it   ╷0s            ╷100ms         ╷200ms
//	POST /bookings [api]  318.4ms  ▏━▏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▐
//	│  ✗ charge: card declined
//	├─ db.insert           12.1ms  ▉█
//	└─ payment.charge       301ms    ▉█████████████████████████████████████████████▌
//	      ✗ card declined
//
// A bar is thick where the span is on the trace's [tracelog.CriticalPath]. It is thin where the span waited for
// others or ran beside them. So the thick parts together show where the time of the trace's root went. The time that
// work waited in a queue, before its span began, is shaded. A legend explains the marks that are used.
//
// Notes are after the bar, or below it if they do not fit. A span without an end is drawn to the last sign of it, and
// its duration has a > before it. The bar of an open span continues with dots. That of an abandoned span ends with
// ×. A span whose [tracelog.Span.Shift] is not 0 is drawn at its shifted time, with a » before its duration. The
// first such span has a note of how far it was moved. The duration in the first line is that of the drawing too.
//
// Width, depth and untrusted text are treated as in [Tree], but no line with a bar is wider than Width. Nil opts are
// the defaults. The error is w's.
func Waterfall(w io.Writer, t *tracelog.Trace, opts *Options) error {
	p := printer{w: bufio.NewWriter(w), t: t, problems: problemsOf(t), Options: opts.orDefault(), chart: newChart(t)}
	p.waterfall()
	return p.w.Flush()
}

func (p *printer) waterfall() {
	p.Width = min(p.Width, maxWidth)
	p.Stable = false
	p.levels = p.Width / 12
	p.plan = newPlan(p.t, &p.Options, p.problems)
	p.measure()
	// Bars have the width that names and durations leave, and at least two fifths.
	p.name = min(p.name, p.Width-p.duration-4-p.Width*2/5)
	p.chart.column = p.name + p.duration + 4
	p.chart.width = p.Width - p.chart.column
	if p.Fold {
		p.chart.foldGaps(p.t)
	}
	p.header(p.chart.start, p.chart.length)
	p.ticks()
	p.tree()
}

// bar writes the lines of a span: its name, which t already contains, its duration and bar, and below them the notes.
func (p *printer) bar(path []branch, s *tracelog.Span, t, note text) {
	t = t.cut(p.name)
	lasted := p.lasted(s)
	st := styleNone
	if s.State != tracelog.Ended {
		st = styleYellow
	}
	t = t.pad(p.name + 1)
	if s.Shift != 0 {
		t = t.add(styleYellow, "»")
	}
	t = t.pad(p.chart.column-2-utf8.RuneCountInString(lasted)).add(st, lasted).pad(p.chart.column)
	spans := []*tracelog.Span{s}
	if f := p.foldOf(s); f != nil {
		spans = f.spans
	}
	if p.svg != nil {
		t = t.pad(p.svg.bar(p.chart, spans))
	} else {
		t = append(t, p.chart.bar(spans)...).trim()
	}
	below := p.bars(path, false)
	if n := max(len(t), p.chart.column-2) + 2; len(note) > 0 && n+len(note) <= p.Width {
		t = append(t.pad(n), note...)
		note = nil
	}
	p.line(t)
	if len(note) > 0 {
		p.paragraph(below, below, note, 2)
	}
	p.details(below, s)
}

// cut shortens t to a width, with an ellipsis.
func (t text) cut(width int) text {
	if len(t) <= width {
		return t
	}
	st := t[width-1].style
	t = t[:width-1]
	if n := len(t) - 1; n >= 0 && isWide(t[n].r) {
		t = t[:n].add(styleNone, " ") // half of it is gone
	}
	return t.add(st, "…")
}

// legend explains the marks that are used.
func (p *printer) legend() text {
	var thin, queued, open, abandoned, shifted bool
	for _, s := range p.t.All() {
		start, end := s.Interval()
		if start.IsZero() {
			continue
		}
		onPath := time.Duration(0)
		for _, seg := range p.chart.onPath(s) {
			onPath += seg.End.Sub(seg.Start)
		}
		thin = thin || onPath < end.Sub(start) || len(p.chart.onPath(s)) == 0
		queued = queued || s.Queued > 0
		abandoned = abandoned || s.State == tracelog.Abandoned
		open = open || s.State == tracelog.Open || s.State == tracelog.Unfinished && !s.External
		shifted = shifted || s.Shift != 0
	}
	t := text(nil).add(styleDim, "█ critical path")
	folded := time.Duration(0)
	for _, g := range p.chart.gaps {
		folded += g.to.Sub(g.from)
	}
	for _, mark := range [...]struct {
		there bool
		text  string
	}{
		{thin, "━ beside it"}, {queued, "░ in a queue"}, {open, "┄ not ended"}, {abandoned, "× abandoned"}, {shifted, "» moved by its clock"},
		{folded > 0, "╱ " + formatDuration(folded) + " without a span"},
	} {
		if mark.there {
			t = t.add(styleDim, "  "+mark.text)
		}
	}
	return t
}

// tickColumns is how many columns a tick needs at least: its label and a gap.
const tickColumns = 12

// tickStep returns the smallest round duration that is not less than d.
func tickStep(d time.Duration) time.Duration {
	for _, round := range [...]time.Duration{10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		if d > 5*time.Second && d <= round {
			return round
		}
	}
	unit := time.Duration(1)
	if d > 24*time.Hour {
		unit = 24 * time.Hour
	}
	for ; ; unit *= 10 {
		for _, n := range [...]time.Duration{1, 2, 5} {
			if d <= n*unit {
				return n * unit
			}
		}
	}
}

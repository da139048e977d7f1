package draw

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Tree writes a trace as a tree of its spans for people to read:
//
//	trace 4bf92f3577b34da6 · 2026-03-01 09:15:00.000Z · 1.604s · 4 spans · 2 errors · api, mailer
//	POST /bookings [api]     318.4ms  ✗ charge: card declined
//	├─ payment.charge          301ms  ✗ card declined
//	└─ mail.enqueue            812µs
//	   └─ mail.send [mailer]  86.25ms  queued 1.2s
//
// A line has the name of the span, its duration in a column of its own, and notes. The notes report a failure and its
// error, a missing end, a wait in a queue, and what is wrong with the span's records. With Options.Logs, the lines
// that were logged in a span are at dots on the bar from which its children branch off, with the time since the trace
// began.
//
// The service is shown if it differs from the parent's. A trace may have any depth. If it is too deep for the width,
// ⋯16 is the number of levels that are left out before the first one of the line.
//
// Tree writes no text of a log unescaped, see [Text], and shortens long text with an ellipsis. East Asian characters
// and pictures count as two columns, all other runes as one. That is too many for accents that are runes of their
// own.
//
// Nil opts are the defaults. The error is w's.
func Tree(w io.Writer, t *tracelog.Trace, opts *Options) error {
	p := printer{w: bufio.NewWriter(w), t: t, problems: problemsOf(t), Options: opts.orDefault()}
	if p.Stable {
		p.Width = defaultWidth
	}
	p.levels = p.Width / 6
	if p.Stable {
		p.kids = stableOrder(t, p.problems)
	} else {
		p.plan = newPlan(t, &p.Options, p.problems)
		p.measure()
		p.header(t.Start, t.Duration())
	}
	p.tree()
	return p.w.Flush()
}

type printer struct {
	Options
	w      *bufio.Writer
	t      *tracelog.Trace
	levels int // how many levels of the tree are drawn side by side
	buf    []byte
	kids   map[*tracelog.Span][]*tracelog.Span // in stable form; those of nil are the roots
	plan   *plan                               // nil: all spans are drawn

	problems map[*tracelog.Span][]tracelog.ProblemKind

	chart *chart // of a waterfall
	svg   *page  // of SVG; nil if lines go to w

	// Columns: the names are name wide, the durations the next duration. The notes begin at notes.
	name, duration, notes int
}

// problemsOf returns what is wrong with each span.
func problemsOf(t *tracelog.Trace) map[*tracelog.Span][]tracelog.ProblemKind {
	problems := make(map[*tracelog.Span][]tracelog.ProblemKind)
	for _, p := range t.Problems {
		problems[p.Span] = append(problems[p.Span], p.Kind)
	}
	return problems
}

// A branch is a span whose children are being written, with those that remain to be written. The first one has no
// span: its children are the roots.
type branch struct {
	span *tracelog.Span
	kids []*tracelog.Span
	logs []tracelog.Entry
}

func (b branch) more() bool { return len(b.kids) > 0 || len(b.logs) > 0 }

func (p *printer) branch(s *tracelog.Span) branch {
	b := branch{span: s}
	switch {
	case p.kids != nil:
		b.kids = p.kids[s]
	case s == nil:
		b.kids = p.t.Roots
	default:
		b.kids = s.Children
	}
	if p.plan != nil {
		if kids, ok := p.plan.kids[s]; ok {
			b.kids = kids
		}
	}
	switch {
	case !p.Logs:
	case s == nil:
		b.logs = p.t.Logs
	default:
		b.logs = s.Logs
	}
	return b
}

// tree writes everything below the header. It keeps its own stack, since traces may be a million levels deep.
func (p *printer) tree() {
	path := []branch{p.branch(nil)}
	for len(path) > 0 {
		b := &path[len(path)-1]
		switch {
		case len(b.logs) > 0 && (p.Stable || len(b.kids) == 0 || compareTimes(b.logs[0].Time, b.kids[0].Start) <= 0):
			e := &b.logs[0]
			b.logs = b.logs[1:]
			p.log(path, e)
		case len(b.kids) > 0:
			s := b.kids[0]
			b.kids = b.kids[1:]
			path = append(path, p.branch(s))
			p.span(path, s)
		default:
			path = path[:len(path)-1]
		}
	}
}

// bars is the part of the tree to the left of a line of the last span in path. If head is set, it is the span's own
// line. Otherwise it is a line below it, in the column of its children.
func (p *printer) bars(path []branch, head bool) text {
	depth := len(path) - 2 // of the span; -1 above the roots
	var t text
	from := 1
	if depth > p.levels {
		skipped := (depth - 1) / p.levels * p.levels
		from += skipped
		t = t.add(styleDim, "⋯"+strconv.Itoa(skipped)+" ")
	}
	for i := from; i <= depth; i++ {
		more := path[i].more()
		switch {
		case i == depth && head && more:
			t = t.add(styleDim, "├─ ")
		case i == depth && head:
			t = t.add(styleDim, "└─ ")
		case more:
			t = t.add(styleDim, "│  ")
		default:
			t = t.add(styleDim, "   ")
		}
	}
	if !head && depth >= 0 && path[depth+1].more() {
		t = t.add(styleDim, "│  ")
	} else if !head {
		t = t.add(styleNone, "   ")
	}
	return t
}

func (p *printer) barsWidth(depth int) int {
	if depth <= p.levels {
		return 3 * depth
	}
	skipped := (depth - 1) / p.levels * p.levels
	return 2 + len(strconv.Itoa(skipped)) + 3*(depth-skipped)
}

func (p *printer) line(t text) {
	if p.svg != nil {
		p.svg.line(t)
		return
	}
	if p.ASCII {
		t = slices.Clone(t).ascii()
	}
	p.buf = append(t.appendTo(p.buf[:0], p.Color), '\n')
	p.w.Write(p.buf)
}

// measure determines how wide the columns must be.
func (p *printer) measure() {
	notes := false
	for depth, s := range p.drawn() {
		p.name = max(p.name, p.barsWidth(depth)+len(p.label(s, unbounded)))
		p.duration = max(p.duration, utf8.RuneCountInString(p.lasted(s)))
		notes = notes || len(p.note(s)) > 0
	}
	room := p.Width - 2 - p.duration
	if notes {
		room -= notesWidth
	}
	p.name = min(p.name, max(room, minWidth/2))
	p.notes = p.name + 2 + p.duration + 2
}

func (p *printer) header(start time.Time, lasted time.Duration) {
	var parts []text
	add := func(st style, s string) { parts = append(parts, text(nil).add(st, s)) }
	parts = append(parts, text(nil).add(styleNone, "trace ").add(styleBold, visible(p.t.ID, maxName)))
	if !start.IsZero() {
		if p.Location == nil {
			p.Location = time.UTC
		}
		add(styleNone, start.In(p.Location).Format("2006-01-02 15:04:05.000Z07:00"))
		add(styleNone, formatDuration(lasted))
	}
	add(styleNone, count(p.t.Spans, "span"))
	if n := p.t.Errors; n > 0 {
		add(styleRed, count(n, "error"))
	}
	unfinished, shifted := 0, 0
	for _, s := range p.t.All() {
		if s.State != tracelog.Ended && !s.External {
			unfinished++
		}
		if s.Shift != 0 {
			shifted++
		}
	}
	if unfinished > 0 {
		add(styleYellow, strconv.Itoa(unfinished)+" unfinished")
	}
	if shifted > 0 && p.chart != nil {
		add(styleYellow, strconv.Itoa(shifted)+" shifted")
	}
	if p.plan != nil && p.plan.notFailed > 0 {
		add(styleDim, count(p.plan.notFailed, "span")+" without a failure left out")
	}
	if n := p.t.Duplicates; n > 0 {
		add(styleYellow, count(n, "duplicate"))
	}
	if n := len(p.t.Logs); n > 0 && !p.Logs {
		add(styleNone, count(n, "line")+" outside spans")
	}
	if len(p.t.Services) > 0 {
		var t text
		for i, s := range p.t.Services {
			if i > 0 {
				t = t.add(styleNone, ", ")
			}
			if i == maxAttrs {
				t = t.add(styleNone, "…")
				break
			}
			t = t.add(styleCyan, visible(s, maxName/2))
		}
		parts = append(parts, t)
	}
	var t text
	for i, part := range parts {
		switch {
		case i == 0:
		case len(t)+3+len(part) > p.Width-2: // paragraph's width
			p.line(t)
			t = text(nil).pad(2)
		default:
			t = t.add(styleDim, " · ")
		}
		t = append(t, part...)
	}
	p.paragraph(nil, nil, t, 2)
}

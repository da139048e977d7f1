package draw

import (
	"bytes"
	"cmp"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// limit is a bound for text. The stable form has none.
func (p *printer) limit(n int) int {
	if p.Stable {
		return unbounded
	}
	return n
}

// label is a span's name, in at most width runes where possible.
func (p *printer) label(s *tracelog.Span, width int) text {
	op := cmp.Or(s.Op, "(no op)")
	if f := p.foldOf(s); f != nil {
		times := " ×" + strconv.Itoa(len(f.spans))
		return append(p.plain(s, op, width-columns(times)), text(nil).add(styleNone, times)...)
	}
	return p.plain(s, op, width)
}

// plain is the label of a span with an operation.
func (p *printer) plain(s *tracelog.Span, op string, width int) text {
	var service string
	if s.Service != "" && (s.Parent == nil || s.Parent.Service != s.Service) {
		service = " [" + visible(s.Service, p.limit(maxName/2)) + "]"
	}
	st := styleBold
	if s.Failed {
		st = styleRed
	}
	room := max(16, width-columns(service))
	t := text(nil).add(st, visible(op, p.limit(min(maxName, room))))
	return t.add(styleCyan, service)
}

// note is the text about a span besides its name and duration.
func (p *printer) note(s *tracelog.Span) text {
	var t text
	add := func(st style, s string) {
		if t != nil {
			t = t.add(styleNone, "  ")
		}
		t = t.add(st, s)
	}
	if f := p.foldOf(s); f != nil {
		f.note(add)
		return t
	}
	if s.Failed {
		add(styleRed, strings.TrimRight("✗ "+visible(cmp.Or(s.Error, "failed"), p.limit(maxText)), " "))
	}
	switch {
	case s.State == tracelog.Ended:
	case s.External:
		add(styleDim, "in another system")
	case p.Stable: // The output must not depend on the current time.
		add(styleYellow, "… "+tracelog.Unfinished.String())
	default:
		add(styleYellow, "… "+s.State.String())
	}
	if s.Queued > 0 && !p.Stable {
		add(styleYellow, "queued "+formatDuration(s.Queued))
	}
	if s.Shift != 0 && p.chart != nil && (s.Parent == nil || s.Parent.Shift != s.Shift) {
		add(styleYellow, "shifted "+signed(s.Shift))
	}
	if s.ParentElsewhere() {
		add(styleDim, "parent in another system")
	}
	for _, kind := range p.problems[s] {
		switch kind {
		case tracelog.MissingParent:
			if p.Stable {
				add(styleYellow, "! parent missing")
			} else {
				add(styleYellow, "! parent "+visible(s.ParentID, 32)+" missing")
			}
		case tracelog.CycleBroken:
			add(styleYellow, "! parent cycle")
		case tracelog.ConflictingRecords:
			add(styleYellow, "! conflicting records")
		}
	}
	if p.plan != nil && p.plan.hidden[s] > 0 {
		add(styleDim, "… "+count(p.plan.hidden[s], "span")+" below")
	}
	return t
}

// span writes the lines of the last span of path, without its children's.
func (p *printer) span(path []branch, s *tracelog.Span) {
	t := p.bars(path, true)
	t = append(t, p.label(s, p.name-len(t))...)
	note := p.note(s)
	if p.Stable {
		if p.Attrs {
			if attrs := p.spanAttrs(s); len(attrs) > 0 {
				t = append(t.add(styleNone, "  "), attrs...)
			}
		}
		if len(note) > 0 {
			t = append(t.add(styleNone, "  "), note...)
		}
		p.line(t)
		return
	}

	if p.chart != nil {
		p.bar(path, s, t, note)
		return
	}
	lasted := p.lasted(s)
	t = t.pad(max(len(t)+2, p.name+2+p.duration-utf8.RuneCountInString(lasted)))
	t = t.add(styleNone, lasted)
	below := p.bars(path, false)
	if len(note) > 0 {
		if column := max(p.notes, len(t)+2); p.Width-column >= notesWidth/2 {
			lines := note.wrap(p.Width - column)
			p.line(append(t.pad(column), lines[0]...))
			for _, l := range lines[1:] {
				p.line(append(below[:len(below):len(below)].pad(column), l...))
			}
		} else {
			p.line(t)
			p.paragraph(below, below, note, 2)
		}
	} else {
		p.line(t)
	}
	p.details(below, s)
}

// lasted is the text in the column of durations.
func (p *printer) lasted(s *tracelog.Span) string {
	if f := p.foldOf(s); f != nil {
		if s.State != tracelog.Ended {
			return ""
		}
		return formatDuration(f.stat.Sum())
	}
	if s.State == tracelog.Ended {
		return formatDuration(s.Duration)
	}
	if p.chart != nil {
		if start, end := s.Interval(); end.After(start) {
			return ">" + formatDuration(end.Sub(start))
		}
	}
	return ""
}

// details writes the requested details below a span's own line.
func (p *printer) details(below text, s *tracelog.Span) {
	if p.Attrs {
		if attrs := p.spanAttrs(s); len(attrs) > 0 {
			p.paragraph(below, below, attrs, 0)
		}
	}
	if p.Stacks && s.Stack != "" {
		p.stack(below, s.Stack)
	}
}

// paragraph writes wrapped text to the right of the bars. Its further lines are indented by hang. The first line has
// bars of its own.
func (p *printer) paragraph(first, rest text, t text, hang int) {
	rest = rest[:len(rest):len(rest)]
	// The width of the indent is reserved on the first line too.
	for i, l := range t.wrap(max(minWidth/2, p.Width-len(rest)-hang)) {
		if i == 0 {
			p.line(append(first[:len(first):len(first)], l...))
		} else {
			p.line(append(rest.pad(len(rest)+hang), l...))
		}
	}
}

func (p *printer) stack(bars text, stack string) {
	bars = bars[:len(bars):len(bars)]
	n := 0
	for l := range strings.SplitSeq(strings.TrimRight(stack, "\n"), "\n") {
		if n++; n > maxStack {
			continue
		}
		l = visible(strings.ReplaceAll(l, "\t", "    "), max(minWidth/2, p.Width-len(bars)))
		p.line(append(bars, text(nil).add(styleDim, l)...))
	}
	if n > maxStack {
		p.line(append(bars, text(nil).add(styleDim, "… "+count(n-maxStack, "more line"))...))
	}
}

func (p *printer) spanAttrs(s *tracelog.Span) text {
	var t text
	if s.Kind != "" {
		t = t.add(styleDim, "kind="+quoted(s.Kind, p.limit(maxName)))
	}
	var known []tracelog.Attr
	if s.Parent != nil {
		known = s.Parent.Attrs
	}
	t = p.attrs(t, s.Attrs, known)
	if p.Stable {
		if n := len(s.Links); n > 0 {
			t = gap(t).add(styleDim, count(n, "link"))
		}
		return t
	}
	for i, l := range s.Links {
		if i == maxAttrs {
			t = gap(t).add(styleDim, "… "+count(len(s.Links)-i, "more link"))
			break
		}
		t = gap(t).add(styleDim, "link="+visible(l.Trace, maxName)+"/"+visible(l.Span, maxName))
	}
	return t
}

// gap adds a separator between t and what follows.
func gap(t text) text {
	if len(t) > 0 {
		t = t.add(styleNone, " ")
	}
	return t
}

// attrs adds attributes. It leaves out those known from the span above, unless all are shown.
func (p *printer) attrs(t text, attrs, known []tracelog.Attr) text {
	if !p.Stable && len(known) > 0 {
		attrs = slices.DeleteFunc(slices.Clone(attrs), func(a tracelog.Attr) bool {
			return slices.ContainsFunc(known, func(k tracelog.Attr) bool { return k.Key == a.Key && bytes.Equal(k.Value, a.Value) })
		})
	}
	for i, a := range attrs {
		if i == p.limit(maxAttrs) {
			return gap(t).add(styleDim, "… "+strconv.Itoa(len(attrs)-i)+" more")
		}
		t = gap(t).add(styleDim, quoted(a.Key, p.limit(maxName))+"="+value(a, p.limit(maxValue)))
	}
	return t
}

// offset writes the time since the trace began, by its records or by its drawing.
func (p *printer) offset(s *tracelog.Span, at time.Time) string {
	if p.chart == nil {
		return "+" + formatDuration(at.Sub(p.t.Start))
	}
	if s != nil {
		at = at.Add(s.Shift)
	}
	return "+" + formatDuration(at.Sub(p.chart.start))
}

// signed is formatDuration that always writes the sign.
func signed(d time.Duration) string {
	if d > 0 {
		return "+" + formatDuration(d)
	}
	return formatDuration(d)
}

// log writes a log line of the last span of path: a dot on the bar that the span's children branch off from.
func (p *printer) log(path []branch, e *tracelog.Entry) {
	var t text
	if !p.Stable {
		var offset string
		if !e.Time.IsZero() {
			offset = p.offset(path[len(path)-1].span, e.Time)
		}
		t = t.pad(8-utf8.RuneCountInString(offset)).add(styleDim, offset).add(styleNone, "  ")
	}
	hang := len(t)
	st := styleNone
	switch level, _ := tracelog.ParseLevel(e.Level); {
	case level >= slog.LevelError:
		st = styleRed
	case level >= slog.LevelWarn:
		st = styleYellow
	}
	if e.Level != "" {
		t = t.add(st, visible(e.Level, p.limit(maxName/4))).pad(hang+5).add(styleNone, "  ")
	}
	t = t.add(st, visible(e.Message, p.limit(maxText)))
	lines := 1
	if p.Stable {
		lines += e.Copies
	} else if e.Copies > 0 {
		t = t.add(styleYellow, " ×"+strconv.Itoa(e.Copies+1))
	}
	var known []tracelog.Attr
	if s := path[len(path)-1].span; s != nil && p.Attrs {
		known = s.Attrs
	}
	if attrs := p.attrs(nil, e.Attrs(), known); len(attrs) > 0 {
		t = append(t.add(styleNone, "  "), attrs...)
	}
	if len(path) == 1 {
		// Nothing else distinguishes them from the lines of the root above.
		t = t.add(styleDim, "  (outside spans)")
	}
	below := p.bars(path, false)
	dot := append(below[:len(below)-3:len(below)-3], text(nil).add(styleDim, "·  ")...)
	if p.Stable {
		for range lines {
			p.line(append(dot[:len(dot):len(dot)], t...))
		}
		return
	}
	p.paragraph(dot, below, t, hang)
}

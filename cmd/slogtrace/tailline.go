package main

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A lineJSON is a line of a log. tail --json writes one on each line.
type lineJSON struct {
	Time       timeJSON  `json:"time"`
	Level      string    `json:"level,omitempty"`
	Msg        string    `json:"msg"`
	Event      string    `json:"event"` // of tracelog.Event; "unreadable" if it is no record, with msg its text
	Trace      string    `json:"trace,omitempty"`
	Span       string    `json:"span,omitempty"`
	Op         string    `json:"op,omitempty"`
	Service    string    `json:"service,omitempty"`
	Parent     string    `json:"parent,omitempty"`
	DurationMS *float64  `json:"duration_ms,omitempty"` // of an end
	Error      *string   `json:"error,omitempty"`       // of a span that failed
	Copies     int       `json:"copies,omitempty"`
	File       string    `json:"file"`
	Line       int       `json:"line,omitempty"` // tail does not know it
	Attrs      attrsJSON `json:"attrs,omitempty"`
}

func newLineJSON(e *tracelog.Entry) lineJSON {
	j := lineJSON{
		Time: timeJSON(e.Time), Level: e.Level, Msg: e.Message, Event: e.Event.String(),
		Trace: e.Trace, Span: e.Span, Op: e.Op, Service: e.Service, Parent: e.Parent,
		Copies: e.Copies, File: e.File, Line: e.Line, Attrs: e.Attrs(),
	}
	if e.Event == tracelog.EventEnd {
		ms := millis(e.Duration)
		j.DurationMS = &ms
	}
	if e.Failed {
		j.Error = &e.Error
	}
	return j
}

func (t *tailer) line(l *line) error {
	if l.unreadable {
		return t.unreadable(l)
	}
	e := &l.Entry
	if !t.filter.line(e) {
		return nil
	}
	t.written++
	if t.json {
		j := newLineJSON(e)
		j.Line = 0
		return t.writeJSON(j)
	}
	p := painter(t.colored())
	var b strings.Builder
	t.date(e.Time, p, &b)
	clock := strings.Repeat(" ", 12)
	if !e.Time.IsZero() {
		clock = e.Time.In(t.zone()).Format("15:04:05.000")
	}
	b.WriteString(p.paint(dim, clock))
	b.WriteByte(' ')
	level := draw.Text(cmp.Or(e.Level, "-"), 10)
	t.level = max(t.level, len("ERROR"), len([]rune(level)))
	b.WriteString(p.paint(levelStyle(e.Level), pad(level, t.level)))
	b.WriteByte(' ')
	short := cmp.Or(cut(e.Trace, shortest), "-")
	b.WriteString(p.paint(traceStyle(e.Trace), pad(draw.Text(short, shortest+4), shortest)))
	if e.Service != "" || t.service > 0 {
		name := draw.Text(e.Service, 20)
		t.service = max(t.service, len([]rune(name)))
		b.WriteByte(' ')
		b.WriteString(p.paint(cyan, pad(name, t.service)))
	}
	b.WriteByte(' ')
	op := draw.Text(e.Op, 60)
	attrs := e.Attrs()
	switch e.Event {
	case tracelog.EventEnd:
		mark, st := "■ ", bold
		if e.Failed {
			mark, st = "✗ ", red
		}
		b.WriteString(p.paint(st, mark+op) + " " + draw.Duration(e.Duration))
		if e.Failed {
			b.WriteString("  " + p.paint(red, draw.Text(cmp.Or(e.Error, "failed"), 300)))
		}
		if !t.attrs {
			attrs = nil
		}
	case tracelog.EventStart:
		b.WriteString(p.paint(dim, "▸ ") + p.paint(bold, op))
		if !t.attrs {
			attrs = nil
		}
	default:
		if op != "" {
			b.WriteString(p.paint(dim, op+":") + " ")
		}
		b.WriteString(draw.Text(e.Message, 1000))
	}
	for i, a := range attrs {
		if b.WriteString("  "); i == 30 {
			b.WriteString(p.paint(dim, "…"))
			break
		}
		b.WriteString(p.paint(dim, draw.Text(a.Key, 60)+"=") + draw.Value(a, 200))
	}
	_, err := t.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// unreadable writes a line that is no record, for it may be a panic. What such a line says nobody knows,
// so of the filters only --grep can choose it.
func (t *tailer) unreadable(l *line) error {
	f := *t.filter
	grep := f.grep.re
	if f.grep.re = nil; !f.empty() || grep != nil && !grep.Match(l.text) {
		return nil
	}
	t.written++
	text := string(l.text)
	if t.json {
		return t.writeJSON(lineJSON{Msg: text, Event: "unreadable", File: l.File})
	}
	text = strings.ReplaceAll(text, "\t", "    ")
	_, err := t.out.WriteString(painter(t.colored()).paint(dim, draw.Text(text, 1000)) + "\n")
	return err
}

// date writes a line where another day begins.
func (t *tailer) date(at time.Time, p painter, b *strings.Builder) {
	if at.IsZero() {
		return
	}
	if day := at.In(t.zone()).Format(time.DateOnly); day != t.day {
		t.day = day
		b.WriteString(p.paint(dim, "── "+day+" "+t.zoneName()+" ──") + "\n")
	}
}

func levelStyle(level string) style {
	switch l, _ := tracelog.ParseLevel(level); {
	case l >= slog.LevelError:
		return red
	case l >= slog.LevelWarn:
		return yellow
	case l < slog.LevelInfo:
		return dim
	}
	return ""
}

// pad fills text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}

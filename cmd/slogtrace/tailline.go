package main

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A lineJSON is a line of a log. tail --json writes one on each line.
type lineJSON struct {
	Time       term.TimeJSON  `json:"time"`
	Level      string         `json:"level,omitempty"`
	Msg        string         `json:"msg"`
	Event      string         `json:"event"` // of tracelog.Event; "unreadable" if it is no record, with msg its text
	Trace      string         `json:"trace,omitempty"`
	Span       string         `json:"span,omitempty"`
	Op         string         `json:"op,omitempty"`
	Service    string         `json:"service,omitempty"`
	Parent     string         `json:"parent,omitempty"`
	DurationMS *float64       `json:"duration_ms,omitempty"` // of an end
	Error      *string        `json:"error,omitempty"`       // of a span that failed
	Copies     int            `json:"copies,omitempty"`
	File       string         `json:"file"`
	Line       int            `json:"line,omitempty"` // tail does not know it
	Attrs      term.AttrsJSON `json:"attrs,omitempty"`
}

func newLineJSON(e *tracelog.Entry) lineJSON {
	j := lineJSON{
		Time: term.TimeJSON(e.Time), Level: e.Level, Msg: e.Message, Event: e.Event.String(),
		Trace: e.Trace, Span: e.Span, Op: e.Op, Service: e.Service, Parent: e.Parent,
		Copies: e.Copies, File: e.File, Line: e.Line, Attrs: e.Attrs(),
	}
	if e.Event == tracelog.EventEnd {
		ms := query.Millis(e.Duration)
		j.DurationMS = &ms
	}
	if e.Failed {
		j.Error = &e.Error
	}
	return j
}

func (t *tailer) line(l *input.Line) error {
	if l.Unreadable {
		return t.unreadable(l)
	}
	e := &l.Entry
	if !t.filter.Line(e) {
		return nil
	}
	t.written++
	if t.json {
		j := newLineJSON(e)
		j.Line = 0
		return term.WriteJSON(t.out, j)
	}
	p := t.painter()
	var b strings.Builder
	t.date(e.Time, p, &b)
	clock := strings.Repeat(" ", 12)
	if !e.Time.IsZero() {
		clock = e.Time.In(t.zone()).Format("15:04:05.000")
	}
	b.WriteString(p.Paint(term.Dim, clock))
	b.WriteByte(' ')
	level := draw.Text(cmp.Or(e.Level, "-"), 10)
	t.level = max(t.level, len("ERROR"), len([]rune(level)))
	b.WriteString(p.Paint(levelStyle(e.Level), pad(level, t.level)))
	b.WriteByte(' ')
	short := cmp.Or(term.CutID(e.Trace, term.ShortestID), "-")
	b.WriteString(p.Paint(term.TraceStyle(e.Trace), pad(draw.Text(short, term.ShortestID+4), term.ShortestID)))
	if e.Service != "" || t.service > 0 {
		name := draw.Text(e.Service, 20)
		t.service = max(t.service, len([]rune(name)))
		b.WriteByte(' ')
		b.WriteString(p.Paint(term.Cyan, pad(name, t.service)))
	}
	b.WriteByte(' ')
	op := draw.Text(e.Op, 60)
	attrs := e.Attrs()
	switch e.Event {
	case tracelog.EventEnd:
		mark, st := "■ ", term.Bold
		if e.Failed {
			mark, st = "✗ ", term.Red
		}
		b.WriteString(p.Paint(st, mark+op) + " " + draw.Duration(e.Duration))
		if e.Failed {
			b.WriteString("  " + p.Paint(term.Red, draw.Text(cmp.Or(e.Error, "failed"), 300)))
		}
		if !t.attrs {
			attrs = nil
		}
	case tracelog.EventStart:
		b.WriteString(p.Paint(term.Dim, "▸ ") + p.Paint(term.Bold, op))
		if !t.attrs {
			attrs = nil
		}
	default:
		if op != "" {
			b.WriteString(p.Paint(term.Dim, op+":") + " ")
		}
		b.WriteString(draw.Text(e.Message, 1000))
	}
	for i, a := range attrs {
		if b.WriteString("  "); i == 30 {
			b.WriteString(p.Paint(term.Dim, "…"))
			break
		}
		b.WriteString(p.Paint(term.Dim, draw.Text(a.Key, 60)+"=") + draw.Value(a, 200))
	}
	_, err := t.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// unreadable writes a line that is no record, for it may be a panic.
func (t *tailer) unreadable(l *input.Line) error {
	if !t.filter.Text(l.Text) {
		return nil
	}
	t.written++
	text := string(l.Text)
	if t.json {
		return term.WriteJSON(t.out, lineJSON{Msg: text, Event: "unreadable", File: l.File})
	}
	text = strings.ReplaceAll(text, "\t", "    ")
	_, err := t.out.WriteString(t.painter().Paint(term.Dim, draw.Text(text, 1000)) + "\n")
	return err
}

// date writes a line where another day begins.
func (t *tailer) date(at time.Time, p term.Painter, b *strings.Builder) {
	if at.IsZero() {
		return
	}
	if day := at.In(t.zone()).Format(time.DateOnly); day != t.day {
		t.day = day
		b.WriteString(p.Paint(term.Dim, "── "+day+" "+t.zoneName()+" ──") + "\n")
	}
}

func levelStyle(level string) term.Style {
	switch l, _ := tracelog.ParseLevel(level); {
	case l >= slog.LevelError:
		return term.Red
	case l >= slog.LevelWarn:
		return term.Yellow
	case l < slog.LevelInfo:
		return term.Dim
	}
	return ""
}

// pad fills text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len([]rune(text))))
}

package main

import (
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
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
	if e.File == "" { // of a store
		j.Line = 0
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
